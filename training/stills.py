"""Fits what the scores on which several looks at a still agree count as, and writes it into the model's card: so that its operating point and calibration hold for them.

    python -m training.stills --program target/dist/bearwatch --suites training/work/suites --card models/bearwatch-nano.json

bearwatch looks at the calibration split, never trained on, with a card that says nothing of it yet. Bears that a first look shows well are those of the split as it is and
under each condition of `card.py`; those of the far sets are all too small and known by close looks alone. Both kinds are calibrated (Platt 1999), and a line over
the log-odds makes of each the score that is as sure by the card's own calibration.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from training import accuracy, card, evaluate, faults

#: Sets of the calibration split whose bears are seen well, and too small to be.
WELL_SEEN, CLOSE = ("clean", *card.CONDITIONS), ("far-640", "far-2048")
KINDS = {"well_seen": WELL_SEEN, "close": CLOSE}


def fit(calibration, judged):
    """Slope and intercept that make of a score the one that is as sure by `calibration`."""
    slope, intercept = card.platt(judged)
    return {"slope": round(slope / calibration["slope"], 4), "intercept": round((intercept - calibration["intercept"]) / calibration["slope"], 4)}


def look(program, model, folder, work):
    """What bearwatch says of the bears of a set, one `evaluate.Judged` a picture."""
    predictions = work / "predictions.json"
    accuracy.run([program, "eval", folder, "--json", work / "report.json", "--save-predictions", predictions, "--model", model])
    return accuracy.judged(folder, json.loads(predictions.read_text()))[0]


def seen(program, told, onnx, suites, work):
    """By kind and set, what bearwatch says of them with a card that says nothing of stills."""
    bear(told).pop("stills", None)
    (work / onnx.name).with_suffix(".json").write_text(json.dumps(told))
    shutil.copyfile(onnx, work / onnx.name)
    return {kind: {name: look(program, work / onnx.name, suites / f"calibration-{name}", work) for name in sets} for kind, sets in KINDS.items()}


def bear(told):
    return next(c for c in told["classes"] if c["name"] == "bear")


def report(kind, sets, calibration, counts):
    """What the line does to the calibration error, and what is raised at the operating point."""
    for name, judged in sets.items():
        after = card.by_day(judged, **counts)
        errors = [accuracy.calibration_error(of, calibration) for of in (judged, after)]
        print(f"{kind:9} {name:14} calibration error {errors[0]['error']:.3f}, then {errors[1]['error']:.3f} (by chance {errors[1]['by_chance']['mean']:.3f})", flush=True)


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="bearwatch, best built with --profile dist")
    parser.add_argument("--suites", type=Path, required=True, help="folder made by training.suites")
    parser.add_argument("--card", type=Path, required=True, help="card of the model, NAME.onnx beside it; its bear gets what was fitted")
    arguments = parser.parse_args()
    told = json.loads(arguments.card.read_text())
    calibration = bear(told)["calibration"]
    with tempfile.TemporaryDirectory() as work:
        by_kind = seen(arguments.program, told, arguments.card.with_suffix(".onnx"), arguments.suites, Path(work))
    counts = {kind: fit(calibration, [one for judged in sets.values() for one in judged]) for kind, sets in by_kind.items()}
    for kind, sets in by_kind.items():
        report(kind, sets, calibration, counts[kind])
        every = [one for judged in sets.values() for one in card.by_day(judged, **counts[kind])]
        found, truths, false, without = evaluate.at(every, bear(told)["threshold"])
        print(f"{kind:9} {counts[kind]}: at the operating point {found} of {truths} bears, false {false} of {without} pictures")
    bear(told)["stills"] = counts
    arguments.card.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
