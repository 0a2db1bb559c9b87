"""Measures what docs/sight.md states, the daemon's alerts on sequences of pictures, and writes that page wholly from the measurements.

    python3 docs/sight.py --program target/dist/bearwatch     measures and renders: `make sight`
    python3 docs/sight.py --program … --only pi4,whole        measures some
    python3 docs/sight.py --render                            renders docs/sight/*.json alone
    python3 docs/sight.py --check                             fails where the page is not what the JSON renders to

Sequences are those of `make train-sequences`. As docs/figures.py does it: nobody types a number.
"""

import json
import shlex
import sys

import measured
from measured import ROOT, Failed, around, run
from performance import STORE as PERFORMANCE
from performance_page import estimated_ms, leanest
from sight_page import SETS, page

BOARDS = ("Raspberry Pi 4", "Raspberry Pi 5")


def region_ms(board):
    """What docs/performance.md estimates for one inference of our network on a board, milliseconds."""
    result = json.loads((PERFORMANCE / "instructions.json").read_text())["result"]
    ours = next(one for one in result["networks"] if one["name"] == "bearwatch-nano")
    of = next(one for one in result["boards"] if one["board"] == board)
    return round(estimated_ms(leanest(ours)["bearwatch int8"], of))


def columns():
    """The options of `bearwatch eval` for each measurement. The whole frame alone takes less than the 200 ms between two pictures on either board, so
    none has to be given up and it needs no board."""
    pi4, pi5 = (["--board-ms", str(region_ms(board))] for board in BOARDS)
    auto = ["--regions", "auto"]
    return {
        "pi4": [*auto, *pi4],
        "pi5": [*auto, *pi5],
        "desk": auto,
        "whole": ["--regions", "whole"],
        "frame": [*auto, *pi4, "--decide", "frame"],
        "median": [*auto, *pi4, "--decide", "median"],
    }


def measure(args, store):
    record = args.sequences / "sequences.json"
    if not record.exists():
        sys.exit(f"{record} is not there: make train-sequences")
    sets = judged(json.loads(record.read_text()))
    for name in args.only.split(","):
        print(f"== {name} ==", flush=True)
        try:
            entry = {**around(), **played(args, sets, columns()[name])}
        except Failed as failure:
            sys.exit(f"{name} was not measured: {failure}; docs/sight.md was left as it is")
        (store / f"{name}.json").write_text(json.dumps(entry, indent=1) + "\n")


def judged(record):
    """The record of the sets of bears/val alone: on those of the calibration split is fitted."""
    sets = {name: record["sets"][name] for name in SETS if name in record["sets"]}
    return record | {"sets": sets, "data_sha256": {"val": record["data_sha256"]["val"]}}


def played(args, sets, options):
    """Every set, by one set of options."""
    result = {"model": None, "sets": {}}
    for name, made in sets["sets"].items():
        report = json.loads(run([args.program, "eval", args.sequences / name, "--events", "--json", "-", *options]))
        kept = ("events", "found", "time_to_alert_s", "hours", "false_alarms", "repeated", "deadline_misses", "pictures")
        result["model"] = report["model"]
        result["sets"][name] = {key: report[key] for key in kept} | {"sequences": made["sequences"], "sha256": made["sha256"]}
        print(f"{name}: {report['found']} of {report['events']}, {report['false_alarms']} false", flush=True)
    command = shlex.join(["bearwatch", "eval", "SET", "--events", *options])
    count = sum(made["pictures"] for made in sets["sets"].values())
    return {"command": command, "profile": "dist", "seed": sets["seed"], "data_sha256": sets["data_sha256"], "count": count, "result": result}


if __name__ == "__main__":
    options = [("sequences", ROOT / "training" / "work" / "sequences", "folder of the sets")]
    measured.main("sight", __doc__, columns(), page, measure, {"program": "bearwatch, built with --profile dist"}, options)
