"""Plays fleets of cameras against a real Mosquitto and writes docs/scale.md, how many of them a broker carries, wholly from the measurements.

    python3 docs/scale.py --program target/debug/bearwatch     plays and renders: `make scale` (some minutes)
    python3 docs/scale.py --render                             renders docs/scale/*.json alone
    python3 docs/scale.py --check                              fails where the page is not what the JSON renders to

Cameras, receiver and broker share one machine here: what is measured is the least that a broker on a machine of its own does.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measured
import scale_station
from measured import Failed, around, run
from scale_page import page

#: Cameras of each run.
FLEETS = [100, 1000]
SECONDS, SEED = 60, 7


def measure(args, store):
    for name in args.only.split(","):
        about = around()
        fleets = [fleet(args.program, cameras, name == "station") for cameras in FLEETS]
        beside = "bearwatch station beside " if name == "station" else ""
        command = f"{beside}bearwatch swarm --cameras N --seconds {SECONDS} --seed {SEED} --json -"
        profile = "dist" if "dist" in args.program.parts else "dev"
        version = subprocess.run([mosquitto(), "-h"], capture_output=True, text=True).stdout.splitlines()[0]
        entry = about | {"command": command, "profile": profile, "seed": SEED, "count": sum(FLEETS), "result": {"broker": version, "fleets": fleets}}
        (store / f"{name}.json").write_text(json.dumps(entry, indent=1) + "\n")


def mosquitto():
    return shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def fleet(program, cameras, with_station):
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = Path(folder) / "conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\nmax_queued_messages 0\n")
        broker = subprocess.Popen([mosquitto(), "-c", config])
        try:
            until_it_listens(port)
            options = ["--cameras", str(cameras), "--seconds", str(SECONDS), "--seed", str(SEED), "--json", "-"]
            swarm = lambda: json.loads(run([program, "swarm", "--broker", f"mqtt://127.0.0.1:{port}", *options], codes=(0, 65)))
            if with_station:
                resources = lambda pid: (cpu_s(pid), peak_mb(pid))
                report = scale_station.beside(swarm, program, port, free_port(), resources)
                print(f"{cameras} cameras and a station: {report}", flush=True)
                return report
            report = swarm()
            report["broker"] = {"cpu_s": round(cpu_s(broker.pid), 2), "memory_mb": round(peak_mb(broker.pid), 1)}
        finally:
            broker.terminate()
            broker.wait()
    # Port and folder differ from run to run and say nothing.
    del report["command"], report["version"]
    print(f"{cameras} cameras: {report['missing']} missing, {report['messages_per_s']:.0f} messages a second", flush=True)
    if report["missing"] or report["connected"] < cameras:
        print(json.dumps(report, indent=1), file=sys.stderr)
    return report


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until_it_listens(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
    raise Failed("Mosquitto did not start")


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    measured.main("scale", __doc__, ["swarm", "station"], page, measure, {"program": "bearwatch"})
