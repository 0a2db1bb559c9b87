"""Plays fleets of cameras against a real Mosquitto and writes docs/scale.md, how many of them a broker carries, wholly from the measurements.

    python3 docs/scale.py --program target/debug/bearwatch     plays and renders: `make scale` (some minutes)
    python3 docs/scale.py --render                             renders docs/scale/*.json alone
    python3 docs/scale.py --check                              fails where the page is not what the JSON renders to

Cameras, receiver and broker share one machine here: what is measured is the least that a broker on a machine of its own does.
"""

import json
import subprocess
import sys

import measured
import scale_station
from measured import around, run
from processes import broker, cpu_s, mosquitto, peak_mb
from scale_page import page

#: Cameras of each run.
FLEETS = [100, 1000]
SECONDS, SEED = 60, 7


def measure(args, store):
    for name in args.only.split(","):
        about = around()
        fleets = [fleet(args.program, cameras, name) for cameras in FLEETS]
        beside = {"station": "bearwatch station beside ", "stations": "two of bearwatch station --share on one PostgreSQL beside "}.get(name, "")
        command = f"{beside}bearwatch swarm --cameras N --seconds {SECONDS} --seed {SEED} --json -"
        profile = "dist" if "dist" in args.program.parts else "dev"
        version = subprocess.run([mosquitto(), "-h"], capture_output=True, text=True).stdout.splitlines()[0]
        entry = about | {"command": command, "profile": profile, "seed": SEED, "count": sum(FLEETS), "result": {"broker": version, "fleets": fleets}}
        (store / f"{name}.json").write_text(json.dumps(entry, indent=1) + "\n")


def fleet(program, cameras, kind):
    with broker() as (process, port):
        options = ["--cameras", str(cameras), "--seconds", str(SECONDS), "--seed", str(SEED), "--json", "-"]
        swarm = lambda: json.loads(run([program, "swarm", "--broker", f"mqtt://127.0.0.1:{port}", *options], codes=(0, 65)))
        if kind != "swarm":
            receive = scale_station.beside if kind == "station" else scale_station.two_beside
            report = receive(swarm, program, port)
            print(f"{cameras} cameras, {kind}: {report}", flush=True)
            return report
        report = swarm()
        report["broker"] = {"cpu_s": round(cpu_s(process.pid), 2), "memory_mb": round(peak_mb(process.pid), 1)}
    # Port and folder differ from run to run and say nothing.
    del report["command"], report["version"]
    print(f"{cameras} cameras: {report['missing']} missing, {report['messages_per_s']:.0f} messages a second", flush=True)
    if report["missing"] or report["connected"] < cameras:
        print(json.dumps(report, indent=1), file=sys.stderr)
    return report


if __name__ == "__main__":
    measured.main("scale", __doc__, ["swarm", "station", "stations"], page, measure, {"program": "bearwatch"})
