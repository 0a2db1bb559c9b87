#!/usr/bin/env python3
"""Cameras to EarthRanger by Gundi (sensors API v2): an event for each bear, with its picture, its end, and the ranger's verdict.

    earthranger.py --places places.json --key-file FILE [-- options of mosquitto_sub]

`places.json` says where the cameras stand, for they do not know it: {"yellow-creek/north": {"lat": 44.6, "lon": -110.5}}. The key is
that of the integration in Gundi. Exercises and simulations make no event."""

import argparse
import json
import sys
import uuid

from heard import body, listen, say, secret, send

GUNDI = "https://sensors.api.gundiservice.org"


class Park:
    """The events that were made, by the id of the alert."""

    def __init__(self, options):
        self.url = f"{options.gundi.rstrip('/')}/v2/events/"
        self.event_type = options.event_type
        self.headers = {"apikey": secret(options.key_file)}
        with open(options.places, encoding="utf-8") as file:
            self.places = json.load(file)
        self.events = {}
        self.details = {}
        self.pictured = set()

    def take(self, post):
        place = f"{post.site}/{post.camera}"
        if post.kind == "snapshot":
            return self.snapshot(post)
        message = body(post)
        if message is None:
            return say(f"{place}: {post.kind} is no JSON")
        if post.kind == "ack":
            told = {"verdict": message["verdict"], "acknowledged_by": message["by"], "note": message["note"]}
            return self.update(message["alert"], told)
        if message["drill"] or message["simulated"] or message.get("audience"):
            return None
        if message["id"] not in self.events and "escalation" not in message:
            return self.open(place, message)
        ended = message["state"] == "closed"
        return self.update(message["id"], {"severity": message["severity"], **({"last_seen": message["captured"]} if ended else {})})

    def open(self, place, alert):
        details = {
            "species": alert["class"],
            "camera": place,
            "score": round(alert["score"], 3),
            "severity": alert["severity"],
            "light": alert["regime"],
            "late": alert["late"],
            "alert_id": alert["id"],
            "model": alert["model"]["name"],
        }
        event = {
            "source": place,
            "title": f"Bear at {place}",
            "event_type": self.event_type,
            "recorded_at": alert["captured"],
            "event_details": details,
        }
        if place in self.places:
            event["location"] = {"lat": self.places[place]["lat"], "lon": self.places[place]["lon"]}
        else:
            say(f"{place} is not in the file of places: its events have no location")
        answer = send("POST", self.url, json.dumps([event]).encode(), self.json())
        if answer is None:
            return
        # Without an id it can be neither changed nor given a picture; it is not made again either.
        self.events[alert["id"]] = json.loads(answer)[0].get("object_id")
        self.details[alert["id"]] = details

    def update(self, alert, told):
        """Where something has changed."""
        event, details = self.events.get(alert), self.details.get(alert)
        if event is None or details.items() >= told.items():
            return
        details.update(told)
        send("PATCH", f"{self.url}{event}/", json.dumps({"event_details": details}).encode(), self.json())

    def snapshot(self, post):
        """The first picture of an alert: that of the moment. It comes after the alert."""
        alert = post.properties.get("alert", "")
        event = self.events.get(alert)
        if event is None or alert in self.pictured:
            return
        self.pictured.add(alert)
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{alert}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        data = head.encode() + post.payload + f"\r\n--{boundary}--\r\n".encode()
        headers = {**self.headers, "Content-Type": f"multipart/form-data; boundary={boundary}"}
        send("POST", f"{self.url}{event}/attachments/", data, headers)

    def json(self):
        return {**self.headers, "Content-Type": "application/json"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", required=True)
    parser.add_argument("--key-file", required=True)
    parser.add_argument("--gundi", default=GUNDI)
    parser.add_argument("--event-type", default="wildlife_sighting_rep", help="as it is called in your EarthRanger")
    parser.add_argument("--client", default="bearwatch-earthranger", help="client id at the broker; no two bridges may have the same")
    parser.add_argument("mosquitto", nargs="*", help="after --: options of mosquitto_sub")
    options = parser.parse_args()
    try:
        park = Park(options)
    except (OSError, ValueError) as error:
        sys.exit(f"{options.places} or {options.key_file}: {error}")
    for post in listen(options.client, ["alert", "snapshot", "ack"], options.mosquitto):
        if post is not None:
            park.take(post)


if __name__ == "__main__":
    main()
