"""Plays camera-days without bears and writes docs/soak.md, what they raised for nothing, wholly from the measurements.

    python3 docs/soak.py --program target/dist/bearwatch     plays and renders: `make soak` (SOAK_DAYS=10, half an hour of a core each)
    python3 docs/soak.py --render                            renders docs/soak/*.json alone
    python3 docs/soak.py --check                             fails where the page is not what the JSON renders to

A day is a seed. Days that the same model has been through by the same commit stay, so that a run which was cut short goes on where it stopped.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import measured
from measured import Failed, around, run
from sight import BOARDS, region_ms
from soak_page import page

#: Days of all that is remembered, by the seed of the campsite.
HOURS, FIRST_SEED = 24, 1


def measure(args, store):
    days, file = int(os.environ.get("SOAK_DAYS", "10")), store / "days.json"
    about = around()
    known = json.loads(file.read_text()) if file.exists() else {"commit": None}
    done = known["result"]["days"] if known["commit"] == about["commit"] else []
    left = [seed for seed in range(FIRST_SEED, FIRST_SEED + days) if seed not in {day["seed"] for day in done}]
    options = ["--hours", str(HOURS), "--board-ms", str(region_ms(BOARDS[0]))]

    def play(seed):
        report = json.loads(run([args.program, "soak", *options, "--seed", str(seed), "--json", "-"]))
        done.append({key: report[key] for key in ("seed", "hours", "frames", "regions", "deadline_misses", "alarms", "ghosts", "each")})
        result = {"model": report["model"], "size": report["size"], "days": sorted(done, key=lambda day: day["seed"])}
        command = " ".join(["bearwatch soak", *options, "--seed", "N"])
        count = sum(day["frames"] for day in done)
        entry = about | {"command": command, "profile": "dist", "seed": FIRST_SEED, "count": count, "result": result}
        file.write_text(json.dumps(entry, indent=1) + "\n")
        print(f"day {seed}: {report['alarms']}", flush=True)

    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(play, left))
    except Failed as failure:
        sys.exit(f"not all days were played: {failure}")


if __name__ == "__main__":
    measured.main("soak", __doc__, ["days"], page, measure, {"program": "bearwatch, built with --profile dist"})
