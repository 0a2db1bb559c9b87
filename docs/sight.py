"""Measures what docs/sight.md states, the daemon's alerts on sequences of pictures, and writes that page wholly from the measurements.

    python3 docs/sight.py --program target/dist/bearwatch     measures and renders: `make sight`
    python3 docs/sight.py --program … --only pi4,whole        measures some
    python3 docs/sight.py --render                            renders docs/sight/*.json alone
    python3 docs/sight.py --check                             fails where the page is not what the JSON renders to

Sequences are those of `make train-sequences`. As docs/figures.py does it: nobody types a number.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

import figures
from figures import ROOT, Failed, run
from performance import STORE as PERFORMANCE
from performance import differs
from performance_page import leanest
from sight_page import page

STORE = ROOT / "docs" / "sight"
PAGE = ROOT / "docs" / "sight.md"

#: Milliseconds of one region where docs/performance/instructions.json is not there: what it said when this was written.
BOARDS = {"Raspberry Pi 4": 114, "Raspberry Pi 5": 19}


def region_ms(board):
    """What docs/performance.md estimates for one inference of the committed model on a board, milliseconds."""
    file = PERFORMANCE / "instructions.json"
    if not file.exists():
        return BOARDS[board]
    result = json.loads(file.read_text())["result"]
    ours = next(one for one in result["networks"] if one["name"] == "bearwatch-nano")
    of = next(one for one in result["boards"] if one["board"] == board)
    per_run = leanest(ours)["bearwatch int8"][of["counted_on"]]["per_run"]
    return round(per_run / (of["ghz"] * 1e6 * of["per_cycle"]))


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


def main():
    args = arguments()
    stored = lambda: {file.stem: json.loads(file.read_text()) for file in sorted(STORE.glob("*.json"))}
    if args.check:
        sys.exit(differs(PAGE, page(stored()), "docs/sight.py"))
    if not args.render:
        STORE.mkdir(exist_ok=True)
        measure(args)
    PAGE.write_text(page(stored()))
    print(f"written: {PAGE.relative_to(ROOT)}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="bearwatch, built with --profile dist")
    parser.add_argument("--sequences", type=Path, default=ROOT / "training" / "work" / "sequences", help="folder of the sets")
    parser.add_argument("--only", default=",".join(columns()), help="measurements: %(default)s")
    parser.add_argument("--render", action="store_true", help="render what was measured before")
    parser.add_argument("--check", action="store_true", help="compare page and measurements")
    args = parser.parse_args()
    if not (args.render or args.check) and not args.program:
        parser.error("--program is needed to measure")
    if strangers := set(args.only.split(",")) - set(columns()):
        parser.error(f"no such measurement: {', '.join(sorted(strangers))}")
    return args


def measure(args):
    record = args.sequences / "sequences.json"
    if not record.exists():
        sys.exit(f"{record} is not there: make train-sequences")
    sets, knows = json.loads(record.read_text()), run([args.program, "eval", "--help"])
    for name in args.only.split(","):
        options = columns()[name]
        if unknown := [word for word in options if word.startswith("--") and word not in knows]:
            print(f"{name} is left out: this program does not know {', '.join(unknown)}", file=sys.stderr)
            continue
        print(f"== {name} ==", flush=True)
        try:
            entry = {**around(), **played(args, sets, options)}
        except Failed as failure:
            sys.exit(f"{name} was not measured: {failure}; docs/sight.md was left as it is")
        (STORE / f"{name}.json").write_text(json.dumps(entry, indent=1) + "\n")


def around():
    """As of the figures; these measurements are no change of what is measured."""
    changed = [line for line in run(["git", "status", "--porcelain"]).splitlines() if "docs/sight" not in line]
    return {**figures.around(), "uncommitted_changes": bool(changed)}


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
    main()
