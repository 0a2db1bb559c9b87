#!/usr/bin/env python3
"""bridges.py PROGRAM [NODE_RED]: the bridges of deploy/bridges between a real camera (simulated scene), a real Mosquitto, and a service on the
loopback that keeps what it was sent, and that is out of order at first. NODE_RED is a folder where npm has installed node-red."""

import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOON_S = 60
BOOT = "00000000000000b1"


def wait_for(what, done):
    end = time.monotonic() + SOON_S
    while time.monotonic() < end:
        found = done()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")


class Service:
    """Keeps requests as (method, path, headers, body); answers 503 while it is out of order."""

    def __init__(self):
        self.requests, self.refused, self.broken = [], 0, True
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                content = self.rfile.read(int(self.headers["Content-Length"] or 0))
                if service.broken:
                    service.refused += 1
                    self.send_response(503)
                    self.end_headers()
                    return
                service.requests.append((self.command, self.path, dict(self.headers), content))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'[{"object_id": "event-%d", "created_at": "2026-11-25T02:14:07Z"}]' % len(service.requests))

            do_POST = do_PUT = do_PATCH = answer

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def got(self, wanted):
        return [request for request in list(self.requests) if wanted(*request)]


class Stage:
    """A broker, and what was started for it."""

    def __init__(self, folder, program):
        self.folder, self.program, self.children = pathlib.Path(folder), program, []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.folder / "conf").write_text(f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\nlog_type all\n")
        places = ["/usr/sbin", "/usr/local/sbin"]
        path = os.pathsep.join([os.environ["PATH"], *places])
        self.start(["mosquitto", "-c", str(self.folder / "conf")], "broker", env={**os.environ, "PATH": path})
        wait_for("the broker", lambda: " running" in self.log("broker"))

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start(self, command, name, env=None):
        log = open(self.folder / f"{name}.log", "ab")
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        self.children.append(child)
        return child

    def bridge(self, script, *options):
        name = f"bearwatch-{script.removesuffix('.py')}"
        known = self.log("broker").count(f"Sending SUBACK to {name}")
        command = [sys.executable, str(ROOT / "deploy/bridges" / script), *options, "--", "-h", "127.0.0.1", "-p", str(self.port)]
        child = self.start(command, script)
        wait_for("the bridge's subscription", lambda: self.log("broker").count(f"Sending SUBACK to {name}") > known)
        return child

    def camera(self):
        (self.folder / "bearwatch.toml").write_text(
            f'[site]\nname = "yellow-creek"\ncamera = "north"\n[capture]\nsource = "simulated"\n[capture.scene]\ndarkness_end = 0.0\n'
            f'duration_s = 30.0\n[publish]\nbroker = "mqtt://127.0.0.1:{self.port}"\ntelemetry_s = 1.0\n'
            f'[command]\naccept = true\n[store]\npath = "{self.folder / "store"}"\n'
        )
        return self.start([self.program, "run", "--config", str(self.folder / "bearwatch.toml")], "camera")

    def publish(self, kind, payload, seq, properties=()):
        pairs = [("boot", BOOT), ("seq", str(seq)), ("late", "false"), *properties]
        options = [argument for name, value in pairs for argument in ("-D", "publish", "user-property", name, value)]
        topic = f"bearwatch/v1/creek/east/{kind}"
        command = ["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(self.port), "-q", "1", "-t", topic, "-s", *options]
        subprocess.run(command, input=payload, check=True)

    def alert(self, seq, state, **change):
        message = {
            "v": 1, "boot": BOOT, "seq": seq, "uptime_ms": 1, "time": "2026-11-25T02:14:07.000Z", "clock_synced": True, "late": False,
            "id": f"{BOOT}-1", "state": state, "class": "bear", "severity": "normal", "score": 0.931, "evidence": 7.5,
            "bbox": [1, 2, 3, 4], "frame": {"width": 640, "height": 360}, "regime": "infrared",
            "model": {"name": "m", "sha256": "0" * 64}, "captured": "2026-11-25T02:14:06.500Z", "latency_ms": 412,
            "simulated": False, "drill": False, "open": 1, **change,
        }  # fmt: skip
        self.publish("alert", json.dumps(message).encode(), seq)

    def end(self):
        for child in reversed(self.children):
            child.kill()
            child.wait()


def ntfy(stage):
    service = Service()
    stage.bridge("ntfy.py", "--server", service.url, "--topic", "bears", "--silence-s", "3")
    # What comes while ntfy is out of order is told when it works again, in order, and once.
    stage.alert(0, "opened")
    stage.alert(0, "opened")
    wait_for("an attempt", lambda: service.refused)
    stage.alert(1, "updated")
    stage.alert(2, "updated", severity="high")
    stage.alert(3, "updated", severity="high", escalation={"level": "chief", "step": 1, "of": 1, "after_s": 60})
    stage.alert(4, "opened", id=f"{BOOT}-2", drill=True)
    stage.publish("alert", b"not json", 5)
    service.broken = False

    def texts():
        return [json.loads(content) for method, path, _, content in list(service.requests) if (method, path) == ("POST", "/")]

    wait_for("four texts", lambda: len(texts()) >= 4)
    told = [(text["title"], text["priority"]) for text in texts()]
    assert told == [
        ("Bear at creek/east", 4),
        ("Bear at creek/east: now high", 5),
        ("Bear at creek/east: nobody has acknowledged it, chief is called", 5),
        ("DRILL: Bear at creek/east", 3),
    ], told
    assert all(text["topic"] == "bears" and "score 0.93 · infrared" in text["message"] for text in texts()), texts()
    # A real camera: bear and picture; then it dies, and the last will is told.
    camera = stage.camera()
    wait_for("a picture", lambda: service.got(lambda method, path, _, content: method == "PUT" and content.startswith(b"\xff\xd8")))
    [(_, path, headers, _), *_] = service.got(lambda method, *_: method == "PUT")
    assert path == "/bears" and headers["X-Filename"] == "snapshot.jpg", (path, headers)
    wait_for("its bear", lambda: any("SIMULATION" in text["message"] for text in texts()))
    wait_for("telemetry", lambda: stage.log("broker").count("/telemetry'") > 2)
    camera.send_signal(signal.SIGSTOP)
    wait_for("its silence", lambda: any(text["title"] == "Camera yellow-creek/north has fallen silent" for text in texts()))
    camera.kill()
    wait_for("its end", lambda: any(text["title"] == "Camera yellow-creek/north is offline" for text in texts()))


def earthranger(stage):
    service = Service()
    places, key = stage.folder / "places.json", stage.folder / "key"
    places.write_text('{"creek/east": {"lat": 44.6, "lon": -110.5}}')
    key.write_text("secret\n")
    options = ["--places", str(places), "--key-file", str(key), "--gundi", service.url]
    bridge = stage.bridge("earthranger.py", *options)
    stage.alert(0, "opened")
    wait_for("an attempt", lambda: service.refused)
    service.broken = False
    jpeg = b"\xff\xd8\xff\xe0 a picture"
    stage.publish("snapshot", jpeg, 0, [("alert", f"{BOOT}-1"), ("captured", "2026-11-25T02:14:06.500Z")])
    stage.publish("snapshot", jpeg, 1, [("alert", f"{BOOT}-1"), ("captured", "2026-11-25T02:14:05.500Z")])
    stage.alert(1, "closed", captured="2026-11-25T02:15:00.000Z")
    stage.alert(2, "opened", id=f"{BOOT}-2", drill=True)
    ack = {"alert": f"{BOOT}-1", "verdict": "bear", "by": "anna", "note": None}
    stage.publish("ack", json.dumps(ack).encode(), 0)
    wait_for("all of it", lambda: len(service.requests) >= 4)
    (event, picture, closed, judged) = service.requests
    assert event[:2] == ("POST", "/v2/events/") and event[2]["Apikey"] == "secret", event[:3]
    [sent] = json.loads(event[3])
    assert sent["location"] == {"lat": 44.6, "lon": -110.5} and sent["recorded_at"] == "2026-11-25T02:14:06.500Z", sent
    assert (sent["source"], sent["event_details"]["species"]) == ("creek/east", "bear"), sent
    assert isinstance(sent["title"], str) and sent["event_type"] == "wildlife_sighting_rep", sent
    (stage.folder / "event.json").write_text(json.dumps(sent))
    assert picture[:2] == ("POST", "/v2/events/event-1/attachments/") and jpeg in picture[3], picture
    assert b'name="file"; filename="' in picture[3] and picture[2]["Content-Type"].startswith("multipart/form-data"), picture
    details = json.loads(closed[3])["event_details"]
    assert closed[:2] == ("PATCH", "/v2/events/event-1/") and details["last_seen"] == "2026-11-25T02:15:00.000Z", closed
    assert details["species"] == "bear", "an update keeps the rest"
    assert json.loads(judged[3])["event_details"]["verdict"] == "bear", judged
    # What comes while the bridge is started anew is not missed: the broker keeps its session.
    bridge.terminate()
    bridge.wait()
    stage.alert(3, "opened", id=f"{BOOT}-3")
    stage.bridge("earthranger.py", *options)
    wait_for("what was kept", lambda: len(service.requests) >= 5)
    assert json.loads(service.requests[4][3])[0]["event_details"]["alert_id"] == f"{BOOT}-3"
    assert len(service.requests) == 5, "an exercise made an event"


def node_red(stage):
    """The flow as it is imported; only its patience with silence is shorter here."""
    service = Service()
    service.broken = False
    flow = json.loads((ROOT / "deploy/bridges/node-red/flow.json").read_text())
    [silence] = [node for node in flow if node["type"] == "trigger"]
    silence["duration"] = "3"
    (stage.folder / "flows.json").write_text(json.dumps(flow))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = pathlib.Path(sys.argv[2]) / "node_modules/node-red/red.js"
    env = {**os.environ, "MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(stage.port), "TELL_URL": service.url}
    stage.start(["node", str(program), "-u", str(stage.folder), "-p", str(port), "flows.json"], "node_red.py", env=env)
    wait_for("Node-RED", lambda: stage.log("broker").count("Sending SUBACK to bearwatch-node-red") >= 3)

    def titles():
        return [json.loads(content)["title"] for _, _, _, content in list(service.requests)]

    for step, change in enumerate([{}, {}, {"severity": "high"}, {"severity": "high", "late": True}]):
        stage.alert(step, "updated" if step else "opened", **change)
    stage.alert(4, "closed", severity="high", escalation={"level": "chief", "step": 1, "of": 1, "after_s": 60})
    wait_for("three texts", lambda: len(titles()) >= 3)
    east = "Bear at creek/east"
    assert titles() == [east, f"{east}: now high", f"{east}: nobody has acknowledged it, chief is called"], titles()
    camera = stage.camera()
    wait_for("its bear", lambda: "Bear at yellow-creek/north" in titles())
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/inject/bw-test", method="POST"), timeout=10)
    wait_for("the exercise", lambda: "DRILL: Bear at yellow-creek/north" in titles())
    camera.send_signal(signal.SIGSTOP)
    wait_for("its silence", lambda: "Camera yellow-creek/north has fallen silent" in titles())
    camera.kill()
    wait_for("its end", lambda: "Camera yellow-creek/north is offline" in titles())
    assert "TypeError" not in stage.log("node_red.py") and "[error]" not in stage.log("node_red.py"), stage.log("node_red.py")


def main():
    failed = 0
    tests = [ntfy, earthranger] + [node_red] * (len(sys.argv) > 2)
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage(folder, sys.argv[1])
            try:
                test(stage)
                print(f"test {test.__name__} ... ok")
            except Exception as error:
                failed += 1
                print(f"test {test.__name__} ... FAILED: {error!r}")
                for log in sorted(stage.folder.glob("*.py.log")) + [stage.folder / "camera.log"]:
                    print(f"-- {log.name}\n{log.read_text(errors='replace')[-3000:]}" if log.exists() else "")
            finally:
                stage.end()
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
