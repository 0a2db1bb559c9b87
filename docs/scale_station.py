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
from processes import cpu_s, ended, free_port, peak_mb, postgres

#: What is not filed so long after the last camera left is a backlog that does not end, seconds.
PATIENCE_S = 60
TOKEN = "correct-horse-battery"
TABLES = {"alert": "step", "snapshot": "picture"}


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


class Station:
    """One that runs, and somebody who looks at it."""

    def __init__(self, program, broker_port, folder, name, database, options=()):
        self.port, self.log = free_port(), folder / f"log{name}"
        token = folder / f"token{name}"
        token.write_text(TOKEN + "\n")
        command = [program, "station", "--broker", f"mqtt://127.0.0.1:{broker_port}", "--database", database, *options]
        command += ["--token-file", token, "--listen", f"127.0.0.1:{self.port}"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log)
        for _ in range(200):
            if "the broker is heard" in self.log.read_text():
                break
            time.sleep(0.1)
        else:
            raise Failed(f"the station did not start: {self.log.read_text()}")
        self.looker = Looker(self.port)

    def resources(self):
        return cpu_s(self.process.pid), peak_mb(self.process.pid)

    def end(self):
        if code := ended(self.process):
            raise Failed(f"the station ended with {code}: {self.log.read_text()}")


def counts(ask):
    """What is filed; `ask` answers a query with one number."""
    return {kind: int(ask(f"SELECT count(*) FROM {table}")) for kind, table in TABLES.items()}


def beside(swarm, program, broker_port):
    """Runs `swarm` (which returns its report) with a station on SQLite beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        station = Station(program, broker_port, folder, "", folder / "station.db")
        database = sqlite3.connect(f"file:{folder / 'station.db'}?mode=ro", uri=True)
        ask = lambda sql: database.execute(sql).fetchone()[0]
        found = watched(swarm, [station], ask)
        size = sum(file.stat().st_size for file in folder.glob("station.db*"))
        return found | {"database_mb": round(size / 1e6, 1)}


def two_beside(swarm, program, broker_port):
    """The same with two stations that share what comes and one PostgreSQL."""
    with tempfile.TemporaryDirectory() as name, postgres() as server:
        two = [Station(program, broker_port, Path(name), one, server.address, ["--instance", one, "--share"]) for one in ("a", "b")]
        before = server.cpu_s()
        found = watched(swarm, two, lambda sql: server.sql("park", sql))
        size = int(server.sql("park", "SELECT pg_database_size('park')"))
        return found | {"database_mb": round(size / 1e6, 1), "database_cpu_s": round(server.cpu_s() - before, 2)}


def watched(swarm, stations, ask):
    try:
        report = swarm()
        last = time.monotonic()
        said = {kind: report["topics"][kind]["said"] for kind in TABLES}
        while counts(ask) != said and time.monotonic() - last < PATIENCE_S:
            time.sleep(0.05)
        behind_s = time.monotonic() - last
        found = counts(ask)
        took = [ms for station in stations for ms in station.looker.taken.values()]
        used = [station.resources() for station in stations]
    finally:
        for station in stations:
            station.end()
    shown = {f"p{round(share * 100)}": round(quantile(took, share), 1) for share in (0.5, 0.95, 0.99)}
    return {
        "cameras": report["cameras"], "connected": report["connected"], "messages_per_s": report["messages_per_s"], "said": said, "filed": found,
        "behind_s": round(behind_s, 2), "alerts_shown": min(len(station.looker.taken) for station in stations), "shown_ms": shown,
        "cpu_s": round(sum(cpu for cpu, _ in used), 2), "memory_mb": round(max(memory for _, memory in used), 1),
    }
