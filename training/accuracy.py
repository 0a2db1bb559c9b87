"""How good a detector is on the evaluation suites: one contestant, every suite, as JSON for docs/accuracy.md.

    python -m training.accuracy --contestant int8 --program target/dist/bearwatch --suites training/work/suites --out docs/accuracy/int8.json

`int8` is the committed model and `float` the same weights before rounding, both run by bearwatch with its regions; `base` is YOLOX-Nano with COCO's classes,
run so too; `picodet`, `nanodet` and `fused` are the teachers (`teachers.py`). bearwatch judges all of them: AP50 and recall at 1 % false alarms, with bootstrap
intervals. From its predictions come what is found at the operating point (ours: the card's; others: 1 % of the calibration split's pictures without a bear) and
at the threshold that lets 0.1 % of the negative suite raise a false alarm, and the calibration error.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

from training import data, evaluate, faults
from training.finetune import load_network
from training.network import BEAR, CLASSES

SUITES = ["clean", "dusk", "infrared", "low-resolution", "motion-blur", "occluded", "far-640", "far-2048", "look-alikes"]
NEGATIVES = "negatives"
FALSE_ALARMS, FEW_FALSE_ALARMS = 0.01, 0.001

#: What the teachers said of the suites' pictures, computed once for all of them; a run that is cut short goes on from there.
TEACHERS = Path("training/work/teachers-suites.json")

#: Pixels of the longer side: far bears of this and more are counted apart.
NEAR_ENOUGH = 24

#: Of the expected calibration error (Guo et al. 2017, "On calibration of modern neural networks"): bins of the same width, boxes with a probability above
#: the least only, or the mean would be of nothing but certain background.
BINS, LEAST_PROBABILITY = 15, 0.05
#: Draws of what chance makes of a perfect calibration.
CHANCES = 1000

SEED = 1


class Contestant:
    """Somebody whose predictions on a set can be had."""

    def __init__(self, name, program, suites, work):
        self.name, self.program, self.suites, self.work = name, program, suites, work
        self.card = json.loads(Path("models/bearwatch-nano.json").read_text())
        self.model = self.files()

    def files(self):
        """The model for bearwatch, with a card beside it; None for the teachers, who are not run by it."""
        if self.name not in ("int8", "float", "base"):
            return None
        if self.name == "int8":
            return Path("models/bearwatch-nano.onnx")
        path = self.work / f"{self.name}.onnx"
        if self.name == "float":
            onnx.save(load_network(Path("models/bearwatch-nano.pt")).to_onnx(), path)
        else:
            path.write_bytes((data.folder("BEARWATCH_WEIGHTS") / "yolox_nano.onnx").read_bytes())
            for of, channels in zip(self.card["classes"], CLASSES.values()):
                of |= {"channels": channels, "calibration": {"slope": 1.0, "intercept": 0.0}, "regimes": []}
        card = self.card | {"name": self.name, "format": "float", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        path.with_suffix(".json").write_text(json.dumps(card))
        return path

    def look(self, suite):
        """(bearwatch's judgement, predictions as COCO results) on a suite."""
        folder, predictions = self.suites / suite, self.work / f"{suite}.json"
        how = ["--model", self.model, "--save-predictions", predictions]
        if self.model is None:
            teach = ["-m", "training.teachers", "--set", folder, "--out", TEACHERS, "--teacher", self.name, "--predictions", predictions]
            run([sys.executable, *teach])
            how = ["--predictions", predictions]
        report = json.loads(run([self.program, "eval", folder, "--json", "-", "--seed", SEED, *how]))
        return report, json.loads(predictions.read_text())


def run(command):
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise faults.Fault(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def around(suites):
    """What stands beside figures on suites: what was measured, on what, where."""
    git = lambda *words: run(["git", *words]).strip()
    of = json.loads((suites / "suites.json").read_text())
    return {
        "commit": git("rev-parse", "HEAD"), "uncommitted_changes": bool(git("status", "--porcelain", "--", "src", "models", "training")),
        "machine": {"system": " ".join(os.uname()[i] for i in (0, 2, 4)), "cores": os.cpu_count()},
        "seed": SEED, "suites_seed": of["seed"], "data_sha256": of["data_sha256"], "count": sum(s["pictures"] for s in of["suites"].values()),
    }


def judged(folder, predictions):
    """Bears, one `evaluate.Judged` a picture; and the longer sides of the bears of each, pixels."""
    coco = json.loads((folder / "annotations.json").read_text())
    bear = next(c["id"] for c in coco["categories"] if c["name"] == "bear")
    said, truths = ({image["id"]: [] for image in coco["images"]} for _ in range(2))
    for one in predictions:
        if one["category_id"] == bear:
            said[one["image_id"]].append((*one["bbox"], one["score"]))
    for one in coco["annotations"]:
        if one["category_id"] == bear:
            truths[one["image_id"]].append(one["bbox"])
    of = lambda rows, width: np.array(rows, np.float64).reshape(-1, width)
    corners = lambda boxes: np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]], 1)
    pictures, sides = [], []
    for image in said:
        found, boxes = of(sorted(said[image], key=lambda row: -row[4]), 5), of(truths[image], 4)
        labels = np.full(len(found), BEAR)
        pictures.append(evaluate.judge((found[:, 4], labels, corners(found)), corners(boxes), np.full(len(boxes), BEAR), BEAR))
        sides.append(boxes[:, 2:].max(1) if len(boxes) else np.zeros(0))
    return pictures, sides


def at(pictures, sides, threshold):
    """What is found at a threshold, and of that the bears that are large enough to be asked for."""
    found, truths, false, without = evaluate.at(pictures, threshold)
    near = [sum(int((s >= NEAR_ENOUGH).sum()) for s in sides), 0]
    for one, side in zip(pictures, sides):
        near[1] += int((side[one.took[one.right & (one.scores >= threshold)]] >= NEAR_ENOUGH).sum())
    return {
        "threshold": round(float(threshold), 4), "found": found, "bears": truths, "false_pictures": false, "without": without,
        "found_near": near[1], "bears_near": near[0],
    }


def calibration_error(pictures, calibration):
    """Mean distance of what was promised and what came true, over bins of probability weighted by their boxes; the bins; and the error that chance alone makes
    of a perfect calibration, mean and 95 % (Bröcker & Smith 2007, "Increasing the reliability of reliability diagrams")."""
    scores, right = (np.concatenate([getattr(p, part) for p in pictures]) for part in ("scores", "right"))
    scores = np.clip(scores, 1e-6, 1 - 1e-6)
    promised = 1 / (1 + np.exp(-(calibration["slope"] * np.log(scores / (1 - scores)) + calibration["intercept"])))
    kept = promised >= LEAST_PROBABILITY
    promised, right = promised[kept], right[kept]
    if not len(promised):
        return None
    bins = np.minimum((promised * BINS).astype(int), BINS - 1)
    of = [promised[bins == b].sum() for b in range(BINS)]
    off = lambda true: sum(abs(of[b] - true[bins == b].sum()) for b in range(BINS)) / len(promised)
    rng = np.random.default_rng(SEED)
    chance = [off(rng.random(len(promised)) < promised) for _ in range(CHANCES)]
    told = [{"boxes": int((bins == b).sum()), "promised": round(float(of[b]), 3), "right": int(right[bins == b].sum())} for b in range(BINS)]
    by_chance = {"mean": round(float(np.mean(chance)), 4), "most": round(float(np.quantile(chance, 0.95)), 4)}
    return {"error": round(float(off(right)), 4), "boxes": len(promised), "by_chance": by_chance, "bins": told}


def measure(contestant, with_negatives):
    """Everything that is told of a contestant."""
    folder = contestant.suites
    looked = lambda suite: (lambda report, said: (report, *judged(folder / suite, said)))(*contestant.look(suite))
    spec = next(c for c in contestant.card["classes"] if c["name"] == "bear")
    ours = contestant.name in ("int8", "float")
    operating = spec["threshold"] if ours else evaluate.lowest_threshold(looked("calibration-clean")[1], FALSE_ALARMS)
    told = {"operating_threshold": operating, "suites": {}}
    strict = None
    if with_negatives:
        _, pictures, sides = looked(NEGATIVES)
        strict = evaluate.lowest_threshold(pictures, FEW_FALSE_ALARMS)
        told["negatives"] = at(pictures, sides, operating)
    for suite in SUITES:
        report, pictures, sides = looked(suite)
        bear = report["classes"].get("bear", {})
        entry = told["suites"][suite] = {key: bear.get(key) for key in ("ap50", "ap50_ci95", "boxes", "negatives")}
        entry["recall_at_1%"] = (bear.get("recall_at") or {}).get("0.01")
        entry["operating"] = at(pictures, sides, operating)
        entry["strict"] = None if strict is None else at(pictures, sides, strict)
        entry["calibration"] = calibration_error(pictures, spec["calibration"]) if ours else None
        print(f"{contestant.name:8} {suite:15} AP50 {entry['ap50']}  {entry['operating']}", flush=True)
    return told


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contestant", choices=["int8", "float", "base", "picodet", "nanodet", "fused"], required=True)
    parser.add_argument("--program", type=Path, required=True, help="bearwatch, best built with --profile dist")
    parser.add_argument("--suites", type=Path, required=True, help="folder made by training.suites")
    parser.add_argument("--negatives", action="store_true", help="on the negative suite, too: some minutes more")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    # Before anything is measured: what is committed meanwhile did not take part.
    found = around(arguments.suites)
    with tempfile.TemporaryDirectory() as work:
        contestant = Contestant(arguments.contestant, arguments.program, arguments.suites, Path(work))
        told = measure(contestant, arguments.negatives)
    record = found | {
        "command": f"python -m training.accuracy --contestant {arguments.contestant}" + (" --negatives" if arguments.negatives else ""),
        "model": {"name": contestant.card["name"], "sha256": contestant.card["sha256"]} if arguments.contestant == "int8" else None,
        "result": told,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
