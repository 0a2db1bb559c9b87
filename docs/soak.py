"""Plays camera-days without bears and writes docs/soak.md, what they raised for nothing, wholly from the measurements.

    python3 docs/soak.py --program target/dist/bearwatch     plays and renders: `make soak` (SOAK_DAYS=10, half an hour of a core each)
    python3 docs/soak.py --render                            renders docs/soak/*.json alone
    python3 docs/soak.py --check                             fails where the page is not what the JSON renders to

A day is a seed. Days stay as long as what raises alerts (`DECIDES`) is as committed then, so that a run which was cut short goes on where it stopped, even after
commits that touch other things. Uncommitted changes of it are refused: nobody could play the day again.
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
#: What a day's alerts depend on: the scene, what looks at it and what decides.
DECIDES = ["src/perceive", "src/infer/engine.rs", "src/infer/graph", "src/infer/int8", "src/infer/lanes.rs", "src/capture/simulated", "src/cli/soak", "src/cli/soak.rs"]
DECIDES += ["src/cli/eval/play.rs", "src/cli/eval/decide.rs", "models/bearwatch-nano.onnx", "models/bearwatch-nano.json"]


def measure(args, store):
    days, file = int(os.environ.get("SOAK_DAYS", "10")), store / "days.json"
    about, trees = around(), decides()
    known = json.loads(file.read_text()) if file.exists() else {}
    done = known["result"]["days"] if known.get("decides") == trees else []
    left = [seed for seed in range(FIRST_SEED, FIRST_SEED + days) if seed not in {day["seed"] for day in done}]
    options = ["--hours", str(HOURS), "--board-ms", str(region_ms(BOARDS[0]))]

    def play(seed):
        report = json.loads(run([args.program, "soak", *options, "--seed", str(seed), "--json", "-"]))
        done.append({key: report[key] for key in ("seed", "hours", "frames", "regions", "deadline_misses", "alarms", "ghosts", "each")})
        result = {"model": report["model"], "size": report["size"], "days": sorted(done, key=lambda day: day["seed"])}
        command = " ".join(["bearwatch soak", *options, "--seed", "N"])
        count = sum(day["frames"] for day in done)
        entry = about | {"decides": trees, "command": command, "profile": "dist", "seed": FIRST_SEED, "count": count, "result": result}
        file.write_text(json.dumps(entry, indent=1) + "\n")
        print(f"day {seed}: {report['alarms']}", flush=True)

    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(play, left))
    except Failed as failure:
        sys.exit(f"not all days were played: {failure}")


def decides():
    """Hashes of what raises alerts, as committed."""
    if changed := run(["git", "status", "--porcelain", *DECIDES]).strip():
        sys.exit(f"commit this before days are played, or take it back:\n{changed}")
    return dict(zip(DECIDES, run(["git", "rev-parse", *(f"HEAD:{path}" for path in DECIDES)]).split()))


if __name__ == "__main__":
    measured.main("soak", __doc__, ["days"], page, measure, {"program": "bearwatch, built with --profile dist"})
