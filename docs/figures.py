"""Measures what docs/figures.md states, and writes that page wholly from the measurements.

    python3 docs/figures.py --program target/debug/bearwatch     measures everything (about a quarter of an hour) and renders
    python3 docs/figures.py --program … --only bench,code        measures some
    python3 docs/figures.py --render                             renders docs/figures/*.json alone
    python3 docs/figures.py --check                              fails where the page is not what the JSON renders to

BEARWATCH_DATA and BEARWATCH_WEIGHTS name the pictures and the base (see training/README.md); without them the figures on pictures
are left as they are. --dist is a
binary built with `cargo build --profile dist`: speed and size are then those of what is installed on boards.
"""

import hashlib
import json
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

import measured
from figures_code import code
from figures_page import page
from measured import ROOT, Failed, around, run

STORE = ROOT / "docs" / "figures"
SEED = 1


def measure(args, store):
    failed = []
    for name in args.only.split(","):
        print(f"== {name} ==", flush=True)
        try:
            outcome = MEASUREMENTS[name](args)
        except Failed as failure:
            failed.append(name)
            print(f"failed: {failure}", file=sys.stderr)
            continue
        if outcome is None:
            continue
        (store / f"{name}.json").write_text(tidy(json.dumps({**around(), **outcome}, indent=1), args) + "\n")
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}; docs/figures.md was left as it is")


def tidy(text, args):
    """Paths of this machine are nobody's business."""
    named = {os.environ.get("BEARWATCH_DATA"): "$BEARWATCH_DATA", str(args.program): "bearwatch", str(args.dist): "bearwatch"}
    for path, name in named.items():
        if path and path != "None":
            text = text.replace(json.dumps(path)[1:-1], name)
    return text.replace(str(ROOT) + "/", "")


def pictures(args, folder, *more):
    """`eval` on a folder of BEARWATCH_DATA."""
    data = os.environ.get("BEARWATCH_DATA")
    if not data:
        print("not measured: BEARWATCH_DATA not set")
        return None
    command = [args.program, "eval", f"{data}/{folder}", "--json", "-", "--seed", SEED, *more]
    command = [str(word) for word in command]
    report = json.loads(run(command))
    kept = {key: report[key] for key in ("model", "data", "classes", "confusion", "regions")}
    return {"command": shlex.join(command), "seed": SEED, "count": report["data"]["images"], "result": kept}


#: COCO's numbers of our classes: those of the base, before training (see training/network.py).
BASE_CHANNELS = {"bear": [21], "person": [0], "animal": [14, 15, 16, 17, 18, 19, 20, 22, 23]}


def base(folder):
    """The float base, run by the same program: the card says which of COCO's classes are ours. It never had an operating point, so it
    gets the threshold at which 1 % of the pictures without a bear in bears/val raise a false alarm."""

    def measured(args):
        weights = os.environ.get("BEARWATCH_WEIGHTS")
        if not weights:
            print("not measured: BEARWATCH_WEIGHTS not set")
            return None
        onnx = Path(weights, "yolox_nano.onnx")
        card = json.loads((ROOT / "models" / "bearwatch-nano.json").read_text())
        card |= {"name": "yolox-nano", "format": "float", "sha256": hashlib.sha256(onnx.read_bytes()).hexdigest()}
        known = STORE / "base_val.json"
        at_1 = bear_of(json.loads(known.read_text()))["recall_at"]["0.01"]["threshold"] if known.exists() else 0.5
        with tempfile.TemporaryDirectory() as place:
            model = Path(place, "yolox-nano.onnx")
            model.symlink_to(onnx.resolve())
            classes = {name: {"name": name, "channels": of, "threshold": 0.5} for name, of in BASE_CHANNELS.items()}
            classes["bear"]["threshold"] = at_1
            card["classes"] = [{**one, "calibration": {"slope": 1.0, "intercept": 0.0}} for one in classes.values()]
            model.with_suffix(".json").write_text(json.dumps(card))
            outcome = pictures(args, folder, "--model", model)
        return {**outcome, "command": outcome["command"].replace(str(model), "$BEARWATCH_WEIGHTS/yolox_nano.onnx")}

    return measured


def bear_of(entry):
    return entry["result"]["classes"]["bear"]


def draw(_):
    command = ["cargo", "bench", "--locked", "--quiet", "--profile", "dev", "--bench", "draw"]
    report = json.loads(run(command).splitlines()[-1])
    return {"command": shlex.join(command), "profile": "dev", "seed": "7, 8, 9", "count": report["frames"], "result": report}


def bench(args):
    program = args.dist or args.program
    command = [str(program), "bench", "--json", "--seconds", "60"]
    report = json.loads(run(command))
    count = report["frames"]["inferred"]
    return {"command": shlex.join(command), "profile": profile(args), "seed": 7, "count": count, "result": report}


def start(args):
    """From the start of the process to the first frame, several times over, since disks and caches differ."""
    command = [str(args.dist or args.program), "bench", "--json", "--seconds", "1"]
    times = sorted(json.loads(run(command))["start_ms"] for _ in range(9))
    result = {"median_ms": times[len(times) // 2], "least_ms": times[0], "most_ms": times[-1]}
    return {"command": shlex.join(command), "profile": profile(args), "seed": 7, "count": len(times), "result": result}


def size(args):
    program = args.dist or args.program
    result = {"bytes": program.stat().st_size}
    return {"command": shlex.join(["stat", "-c", "%s", str(program)]), "profile": profile(args), "count": 1, "result": result}


def profile(args):
    return "dist" if args.dist else "dev"


def soak(args):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "soak.json"
        # Its own exit code says whether there are faults; they stand in the JSON and so on the page.
        run([ROOT / "benches" / "endurance.sh", args.program, out], codes=(0, 1))
        if not out.exists():
            raise Failed("benches/endurance.sh gave no figures; run it by hand")
        result = json.loads(out.read_text())
    return {"command": "make endurance", "profile": "dev", "seed": 7, "count": result["frames"]["seen"], "result": result}


def ci(_):
    """The minutes that the last `.ci/run` wrote down."""
    file = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "ci-minutes.txt"
    if not file.exists():
        print(f"not measured: there is no {file.name} in the target folder; .ci/run writes it")
        return None
    commit, *lines = file.read_text().splitlines()
    lines = [re.fullmatch(r"\s*([\d.]+) min\s+(.*)", line) for line in lines]
    steps = [{"step": found[2], "minutes": float(found[1])} for found in lines if found]
    return {"commit": commit, "command": ".ci/run", "count": len(steps), "result": {"steps": steps}}


def lines(_):
    result = code(ROOT)
    return {"command": "docs/figures.py --only code", "count": result["files"], "result": result}


MEASUREMENTS = {
    "val": lambda args: pictures(args, "bears/val"),
    "base_val": base("bears/val"),
    "trailcam": lambda args: pictures(args, "trailcam"),
    "base_trailcam": base("trailcam"),
    "bench": bench,
    "start": start,
    "size": size,
    "draw": draw,
    "soak": soak,
    "ci": ci,
    "code": lines,
}


if __name__ == "__main__":
    needs = {"program": "the program that is measured"}
    options = [("dist", None, "as it is built for boards: for speed and size")]
    measured.main("figures", __doc__, MEASUREMENTS, page, measure, needs, options)
