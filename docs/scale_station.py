"""A station beside a fleet of played cameras: does it keep up, how soon does whoever looks see an alert, and what does it take?"""

import json
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from measured import Failed

#: What is not filed so long after the last camera left is a backlog that does not end, seconds.
PATIENCE_S = 60
TOKEN = "correct-horse-battery"


class Looker(threading.Thread):
    """Somebody whose page is open: when each alert was first on the stream of events, beside the time of its frame."""

    def __init__(self, port):
        super().__init__(daemon=True)
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/events", headers={"Authorization": f"Bearer {TOKEN}"})
        self.stream = urllib.request.urlopen(request, timeout=30)
        self.taken, self.pulses = {}, 0
        self.start()

    def run(self):
        name = ""
        for line in self.stream:
            now_ms = time.time() * 1000
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                name = text.removeprefix("event: ")
                self.pulses += name == "pulse"
            elif text.startswith("data: ") and name == "alert":
                alert = json.loads(text.removeprefix("data: "))["alert"]
                self.taken.setdefault(alert["id"], now_ms - alert["captured_ms"])


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def started(program, broker_port, port, folder):
    (folder / "token").write_text(TOKEN + "\n")
    command = [program, "station", "--broker", f"mqtt://127.0.0.1:{broker_port}", "--database", folder / "station.db"]
    command += ["--token-file", folder / "token", "--listen", f"127.0.0.1:{port}"]
    station = subprocess.Popen(command, stderr=(folder / "log").open("w"))
    for _ in range(200):
        if "the broker is heard" in (folder / "log").read_text():
            return station
        time.sleep(0.1)
    raise Failed(f"the station did not start: {(folder / 'log').read_text()}")


def filed(database):
    tables = {"alert": "step", "snapshot": "picture"}
    return {kind: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for kind, table in tables.items()}


def beside(swarm, program, broker_port, port, resources):
    """Runs `swarm` (which returns its report) with a station beside it. `resources`: processor time (s) and peak memory (MB) of a process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        station = started(program, broker_port, port, folder)
        try:
            looker = Looker(port)
            report = swarm()
            ended = time.monotonic()
            said = {kind: report["topics"][kind]["said"] for kind in ["alert", "snapshot"]}
            database = sqlite3.connect(f"file:{folder / 'station.db'}?mode=ro", uri=True)
            while filed(database) != said and time.monotonic() - ended < PATIENCE_S:
                time.sleep(0.05)
            behind_s = time.monotonic() - ended
            found = filed(database)
            took = list(looker.taken.values())
            cpu, memory = resources(station.pid)
            size = sum(file.stat().st_size for file in folder.glob("station.db*"))
        finally:
            station.terminate()
            code = station.wait(30)
    if code:
        raise Failed(f"the station ended with {code}")
    shown = {f"p{round(share * 100)}": round(quantile(took, share), 1) for share in (0.5, 0.95, 0.99)}
    return {
        "cameras": report["cameras"], "connected": report["connected"], "messages_per_s": report["messages_per_s"], "said": said, "filed": found,
        "behind_s": round(behind_s, 2), "alerts_shown": len(took), "shown_ms": shown, "cpu_s": round(cpu, 2), "memory_mb": round(memory, 1),
        "database_mb": round(size / 1e6, 1),
    }
