#!/usr/bin/env python3
"""Cameras to phones by ntfy: bears with their picture, cameras in trouble, cameras that have fallen silent.

    ntfy.py --server https://ntfy.sh --topic a-name-nobody-guesses [--token-file FILE] [-- options of mosquitto_sub]

A topic of a public server is open to everybody who knows its name, and tells where bears are: run a server of your own, or use a
reserved topic with a token."""

import argparse
import json
import time
import urllib.parse

from heard import body, listen, say, secret, send

RANK = {"low": 1, "normal": 2, "high": 3}
# Of ntfy: 1 is silent, 3 ordinary, 5 goes on until somebody looks.
PRIORITY = {"low": 2, "normal": 4, "high": 5}


class Phones:
    """What was told already, and how it is told."""

    def __init__(self, options):
        self.server = options.server.rstrip("/")
        self.topic = options.topic
        self.silence_s = options.silence_s
        token = secret(options.token_file)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.alerts = {}
        self.pictured = set()
        self.states = {}
        self.heard_at = {}

    def tell(self, title, message, priority, tags):
        """A text on every phone."""
        said = {"topic": self.topic, "title": title, "message": message, "priority": priority, "tags": tags}
        send("POST", self.server, json.dumps(said).encode(), {**self.headers, "Content-Type": "application/json"})

    def show(self, title, jpeg, priority):
        """A picture on every phone."""
        headers = {"X-Title": title, "X-Filename": "snapshot.jpg", "X-Priority": str(priority), **self.headers}
        send("PUT", f"{self.server}/{urllib.parse.quote(self.topic)}", jpeg, headers)

    def take(self, post):
        place = f"{post.site}/{post.camera}"
        if post.kind == "snapshot":
            return self.snapshot(place, post)
        message = body(post)
        if message is None:
            return say(f"{place}: {post.kind} is no JSON")
        if post.kind == "alert":
            return self.alert(place, message)
        if post.kind == "status":
            return self.status(place, message)
        if self.heard_at.pop(place, None) == 0:
            self.tell(f"{place} is heard again", "Its telemetry has come back.", 3, ["white_check_mark"])
        self.heard_at[place] = time.monotonic()

    def alert(self, place, alert):
        """Told when it is opened, when it becomes worse, and when nobody has acknowledged it."""
        if alert.get("audience"):  # For reviewers: nobody is to be woken.
            return
        severity, escalation = alert.get("severity") or "normal", alert.get("escalation")
        rank = RANK.get(severity, 2)
        if alert["state"] == "closed" and not escalation:
            self.alerts.pop(alert["id"], None)
            return
        if not escalation and self.alerts.get(alert["id"], 0) >= rank:
            return
        worse = alert["id"] in self.alerts
        self.alerts[alert["id"]] = rank
        words = [f"score {alert['score']:.2f}", alert["regime"], f"taken {alert['captured']}"]
        marks = [("drill", "DRILL: an exercise"), ("simulated", "SIMULATION"), ("late", "LATE: history, not the present")]
        words += [text for mark, text in marks if alert.get(mark)]
        title = f"{'DRILL: ' if alert.get('drill') else ''}Bear at {place}"
        if escalation:
            title += f": nobody has acknowledged it, {escalation['level']} is called"
        elif worse:
            title += f": now {severity}"
        priority = 5 if escalation else PRIORITY.get(severity, 4)
        quiet = alert.get("late") or alert.get("drill")
        self.tell(title, " · ".join(words), 3 if quiet else priority, ["bear"])

    def snapshot(self, place, post):
        """The first picture of an alert: that of the moment."""
        alert = post.properties.get("alert", "")
        if alert and not post.properties.get("audience") and alert not in self.pictured:
            self.pictured.add(alert)
            self.show(f"Bear at {place}", post.payload, 3)

    def status(self, place, status):
        """Told when it changes for worse, and when all is well again."""
        before, now = self.states.get(place, "online"), status["state"]
        self.states[place] = now
        if now != "online" and now != before:
            self.tell(f"Camera {place} is {now}", status["reason"] or now, 4, ["warning"])
        elif now == "online" and before != "online":
            self.tell(f"Camera {place} is online again", status["reason"] or now, 2, ["white_check_mark"])
        if now == "offline":
            # Its silence is told already.
            self.heard_at.pop(place, None)

    def look_around(self):
        """A camera whose status is online and whose telemetry has stopped is not all right."""
        for place, at in self.heard_at.items():
            if at and time.monotonic() - at > self.silence_s:
                self.heard_at[place] = 0
                text = f"No telemetry for {self.silence_s:.0f} s although its status is {self.states.get(place, 'unknown')}."
                self.tell(f"Camera {place} has fallen silent", text, 4, ["mute"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="https://ntfy.sh")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--token-file")
    parser.add_argument("--silence-s", type=float, default=120.0, help="telemetry that has stopped for so long is told")
    parser.add_argument("--client", default="bearwatch-ntfy", help="client id at the broker; no two bridges may have the same")
    parser.add_argument("mosquitto", nargs="*", help="after --: options of mosquitto_sub")
    options = parser.parse_args()
    phones = Phones(options)
    for post in listen(options.client, ["alert", "snapshot", "status", "telemetry"], options.mosquitto):
        if post is not None:
            phones.take(post)
        phones.look_around()


if __name__ == "__main__":
    main()
