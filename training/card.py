"""Chooses operating points on the calibration split and puts the model and its card for the program into a folder.

    python -m training.card --model training/work/bearwatch-nano.onnx --runs training/work/first … --suites training/work/suites --out models

Writes NAME.onnx, NAME.json (read by the program), and the float weights to go on from: NAME.pt and, where they were trained through the rounding,
NAME.levels.json. `card_figures.py` then measures, and `report.py` writes the card for people.
"""

import argparse
import hashlib
import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from training import data, evaluate, faults, fixes
from training.finetune import scales_of
from training.network import BEAR, CLASSES, STRIDES

NAME = "bearwatch-nano"
FALSE_ALARMS = 0.01
#: What the calibration split is also seen under (`suites.py`): a threshold and a probability must hold by night, too.
CONDITIONS = ("dusk", "infrared", "low-resolution", "motion-blur", "occluded")
#: Of these, the lights in which the same score is more or less sure than by day; the program tells them apart by the picture (src/perceive/condition.rs).
LIGHTS = ("dusk", "infrared")
#: As in src/perceive/plan.rs: how large a close look shows what is small, pixels of the input, how far it enlarges, and what it takes in around.
SHOWN_PX, MOST_ENLARGED, SURROUNDINGS = 80.0, 3.0, 2.5
#: Scores below this tell nothing about how sure a score is.
LEAST_CALIBRATED = 0.02


def best_f1(judged):
    """The threshold with the best F1 of boxes."""
    scores, right = (np.concatenate([getattr(j, part) for j in judged]) for part in ("scores", "right"))
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + sum(j.truths for j in judged))
    return float(scores[order][f1.argmax()])


def platt(judged):
    """Slope and intercept of P(right | score) = sigmoid(slope · logit(score) + intercept), by Newton steps on the likelihood with
    Platt's targets (Platt 1999, "Probabilistic outputs for support vector machines")."""
    scores, right = (np.concatenate([getattr(j, part) for j in judged]).astype(np.float64) for part in ("scores", "right"))
    used = scores >= LEAST_CALIBRATED
    scores, right = np.clip(scores[used], 1e-6, 1 - 1e-6), right[used] > 0
    hits, misses = right.sum(), (~right).sum()
    if min(hits, misses) < 5:
        return 1.0, 0.0
    targets = np.where(right, (hits + 1) / (hits + 2), 1 / (misses + 2))
    x = np.stack([np.log(scores / (1 - scores)), np.ones_like(scores)], 1)
    answer = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ answer))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        answer -= np.clip(np.linalg.solve(hessian, x.T @ (p - targets)), -1, 1)
    return max(float(answer[0]), 0.05), float(answer[1])


def by_day(judged, slope, intercept):
    """The same judgements with their scores' log-odds times `slope` plus `intercept`."""
    def one(of):
        odds = np.log(np.clip(of.scores, 1e-6, 1 - 1e-6)) - np.log1p(-np.clip(of.scores, 1e-6, 1 - 1e-6))
        return replace(of, scores=1 / (1 + np.exp(-(slope * odds + intercept))))
    return [one(of) for of in judged]


def lights(day, seen):
    """By light: slope and intercept that make a bear's score there as sure as the same score by day: both lights' calibrations tell the same probability.
    `day` and each of `seen`: Judged of bears."""
    slope, intercept = platt(day)
    fitted = {light: platt(judged) for light, judged in seen.items()}
    return {light: (s / slope, (i - intercept) / slope) for light, (s, i) in fitted.items()}


def acuity(seen, threshold):
    """Pixels of the model's input that a bear's longer side must have for every second one to be found: where a logistic curve over the log of the size
    crosses one half. `seen`: pairs of Judged and the sizes of its truths. None where the data show no such size."""
    sizes = np.concatenate([size for _, size in seen])
    found = np.concatenate([np.isin(np.arange(len(size)), one.took[one.right & (one.scores >= threshold)]) for one, size in seen])
    if min(found.sum(), (~found).sum()) < 5:
        return None
    middle = np.log2(sizes).mean()
    x = np.stack([np.log2(sizes) - middle, np.ones(len(sizes))], 1)
    answer = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ answer))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        answer -= np.clip(np.linalg.solve(hessian, x.T @ (p - found)), -1, 1)
    return round(float(2 ** (middle - answer[1] / answer[0])), 1) if answer[0] > 0 else None


def input_sizes(pictures):
    """Longer sides of the bears of each picture and of its mirror image, pixels of the model's input."""
    sizes = []
    for picture in pictures:
        boxes = picture.boxes[picture.labels == BEAR]
        height, width = picture.pixels().shape[:2]
        sizes += [(boxes[:, 2:] - boxes[:, :2]).max(1, initial=0) * evaluate.SIDE / max(width, height)] * 2
    return sizes


def choose(judged):
    """Per class: threshold, slope, intercept."""
    points = {}
    for name, pictures in judged.items():
        scored = sum(len(j.scores) for j in pictures)
        threshold = evaluate.lowest_threshold(pictures, FALSE_ALARMS) if name == "bear" else best_f1(pictures) if scored else 0.5
        if threshold is None:
            # Too few pictures to show 1 %: no picture may raise one. Only in trials of the chain.
            threshold = max((j.best() for j in pictures if j.truths == 0), default=0.5)
        points[name] = (float(np.clip(threshold, 0.01, 0.99)), *platt(pictures))
    return points


def machine_card(model, points, by_light, sharp, runs, calibration, base, train):
    """The card that the program reads; its form is set by `Card` in src/infer/bundle.rs."""
    return {
        "name": NAME,
        "version": 6,
        "file": f"{NAME}.onnx",
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "format": "int8 QDQ from the first convolution to the heads, weights per channel",
        "licence": "weights: MIT OR Apache-2.0, derived from YOLOX-Nano (Megvii, Apache-2.0); see the card for the training pictures",
        "input": {"width": evaluate.SIDE, "height": evaluate.SIDE, "order": "bgr", "mean": [0, 0, 0], "std": [1, 1, 1], "fill": 114},
        "output": {"layout": "yolox", "strides": list(STRIDES)},
        "classes": [
            {
                "name": name,
                "channels": [channel],
                "threshold": round(threshold, 4),
                "calibration": {"slope": round(slope, 4), "intercept": round(intercept, 4)},
                "regimes": [{"regime": light, "slope": round(s, 4), "intercept": round(i, 4)} for light, (s, i) in by_light.items() if name == "bear"],
            }
            for channel, (name, (threshold, slope, intercept)) in enumerate(points.items())
        ],
        "acuity": sharp,
        "board": "any",
        "training": {
            "base": "YOLOX-Nano, COCO-80 (Megvii YOLOX, Apache-2.0)",
            "base_sha256": hashlib.sha256(base.read_bytes()).hexdigest(),
            "data_sha256": data.data_hash(train),
            "label_fixes": fixes.counts(fixes.read(fixes.TRAIN)),
            "label_fixes_sha256": hashlib.sha256(fixes.TRAIN.read_bytes()).hexdigest(),
            "runs": runs,
            "seed": runs[0]["seed"],
            "operating_points": calibration,
        },
    }


def looked(detector, held, suites):
    """What is seen of the pictures set aside: by view, by class, Judged; scores of dusk and infrared light count as the second answer says, by light."""
    views = {"clean": held} | {name: data.read_set(suites / f"calibration-{name}") for name in CONDITIONS if suites}
    seen = {view: evaluate.see(detector, some, mirrored=True) for view, some in views.items()}
    bears = {view: of["bear"] for view, of in seen.items()}
    day = [one for view, of in bears.items() if view not in LIGHTS for one in of]
    by_light = lights(day, {view: of for view, of in bears.items() if view in LIGHTS})
    for light, line in by_light.items():
        seen[light]["bear"] = by_day(bears[light], *line)
    return views, seen, by_light


def close_looks(pictures):
    """For each bear the part of its frame that the daemon looks at closely (`View::close_look` in src/perceive/plan.rs), with its box there; and how long its longer
    side is in the frame, pixels."""
    looks, sizes = [], []
    for picture in pictures:
        pixels = picture.pixels()
        height, width = pixels.shape[:2]
        for left, top, right, bottom in picture.boxes[picture.labels == BEAR].tolist():
            longer = max(right - left, bottom - top)
            scale = np.clip(SHOWN_PX / math.sqrt((right - left) * (bottom - top)), 1, MOST_ENLARGED)
            side = round(evaluate.SIDE / min(scale, evaluate.SIDE / (SURROUNDINGS * longer)))
            corner = [int(np.clip((low + high - side) / 2, 0, max(0, whole - side))) for low, high, whole in ((left, right, width), (top, bottom, height))]
            part = np.ascontiguousarray(pixels[corner[1] : corner[1] + side, corner[0] : corner[0] + side])
            looks.append((part, np.float32([[left, top, right, bottom]]) - np.float32([corner * 2])))
            sizes.append(np.float32([longer]))
    return looks, sizes


def sharpness(detector, views, seen, suites, threshold):
    """Acuity: in the input by day and in infrared light, and of the frame in a close look by day; None where one cannot be told."""
    if not suites:
        return None
    far = [p for name in ("far-640", "far-2048") for p in data.read_set(suites / f"calibration-{name}")]
    near = lambda name: [*zip(seen[name]["bear"], input_sizes(views[name]))]
    whole = [p for p in far if p.pixels().shape[1] <= 640]
    pairs = [*zip(evaluate.see(detector, whole, mirrored=True)["bear"], input_sizes(whole))]
    looks, sizes = close_looks(far)
    closely = [evaluate.judge(detector(part), box, np.array([BEAR]), BEAR) for part, box in looks]
    sharp = {
        "day_px": acuity(near("clean") + pairs, threshold), "infrared_px": acuity(near("infrared"), threshold),
        "close_px": acuity([*zip(closely, sizes)], threshold),
    }
    return sharp if all(sharp.values()) else None


def operating_points(held, suites):
    """How the operating points were chosen, in words."""
    return {
        "split": "calibration, cut from bears/train by the hash of the file name, never trained on",
        "pictures": len(held),
        "without_bear": sum(not p.shows(BEAR) for p in held),
        "views": "each picture and its mirror image" + (", also under: " + ", ".join(CONDITIONS) if suites else ""),
        "bear": "at most 1 % of the views without a bear raise one",
        "person, animal": "best F1",
    }


def put(out, model, weights, card):
    """Copies into the folder. The program's card last: it never speaks of a file that is not there."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, out / f"{NAME}.pt")
    if scales_of(weights).exists():
        shutil.copyfile(scales_of(weights), scales_of(out / f"{NAME}.pt"))
    shutil.copyfile(model, out / f"{NAME}.onnx.new")
    os.replace(out / f"{NAME}.onnx.new", out / f"{NAME}.onnx")
    (out / f"{NAME}.json").write_text(json.dumps(card, indent=1) + "\n")
    print(f"{out / NAME}.onnx, .pt and .json written; figures: python -m training.card_figures --models {out} …")


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="int8 ONNX file from training.quantise")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of the runs of training.finetune, in their order")
    parser.add_argument("--suites", type=Path, help="folder made by training.suites: operating points are chosen under its conditions, too")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model and its cards")
    parser.add_argument("--most-pictures", type=int, help="so many pictures of each set only, to try the chain out")
    arguments = parser.parse_args()
    train = data.folder("BEARWATCH_DATA", "bears", "train")
    base = data.folder("BEARWATCH_WEIGHTS") / "yolox_nano.onnx"
    runs = [json.loads((folder / "run.json").read_text()) for folder in arguments.runs]
    held = data.some(data.split(data.read_train())[1], arguments.most_pictures)
    detector = evaluate.Detector(arguments.model)
    views, seen, by_light = looked(detector, held, arguments.suites)
    points = choose({name: [one for of in seen.values() for one in of[name]] for name in CLASSES})
    sharp = sharpness(detector, views, seen, arguments.suites, points["bear"][0])
    card = machine_card(arguments.model, points, by_light, sharp, runs, operating_points(held, arguments.suites), base, train)
    put(arguments.out, arguments.model, arguments.runs[-1] / "final.pt", card)


if __name__ == "__main__":
    main()
