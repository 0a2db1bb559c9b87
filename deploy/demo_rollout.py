#!/usr/bin/env python3
"""demo_rollout.py STATION NAME SITES CAMERAS <password: writes a rollout of the newest bundle, and starts it once so many cameras of the sites that begin so have
told of their models; as an administrator's browser would."""

import json
import sys
import time
import urllib.error
import urllib.request

#: Cameras take some seconds to connect.
PATIENCE_S = 120


class Desk:
    def __init__(self, station, name, password):
        self.station, self.headers = station, {"Content-Type": "application/json"}
        answer = self.send("api/login", {"name": name, "password": password})
        self.headers |= {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "Session-Key": json.load(answer)["key"]}

    def send(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(f"{self.station}/{path}", data=data, headers=self.headers), timeout=30)

    def models(self):
        return json.load(self.send("api/models"))


def main(station, name, sites, count):
    desk = Desk(station, name, sys.stdin.readline().strip())
    until = time.monotonic() + PATIENCE_S
    while True:
        told = desk.models()
        cameras = [one["camera"] for one in told["cameras"] if one["camera"].startswith(sites) and one["told"]]
        if len(cameras) >= int(count):
            break
        if time.monotonic() > until:
            sys.exit(f"only {len(cameras)} cameras have told of their models")
        time.sleep(1)
    rings = [{"act": "shadow", "cameras": cameras}, {"act": "decide", "cameras": cameras[-2:]}, {"act": "decide", "cameras": cameras}]
    written = json.load(desk.send("api/rollouts", {"bundle": told["bundles"][0]["sha256"], "rings": rings}))
    desk.send(f"api/rollouts/{written['id']}", {"do": "start"})
    print(f"rollout {written['id']} has begun at {len(cameras)} cameras")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.url}: {error.code} {error.read().decode()}")
