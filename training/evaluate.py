"""Measures an ONNX file as it is, with onnxruntime, by the same definitions as `bearwatch eval`.

    python -m training.evaluate models/bearwatch-nano.onnx
    python -m training.evaluate "$BEARWATCH_WEIGHTS/yolox_nano.onnx" --base

AP50: average precision at IoU 0.5, 101 recall points, at most 100 boxes a picture (the COCO tools' convention).
Recall at 1 %: bears found (IoU ≥ 0.5) at the lowest threshold at which at most ⌊0.01·N⌋ of the N pictures without a bear hold a bear box.
Each picture is looked at whole, without brightening. Intervals: 95 % percentile bootstrap over pictures.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from training import data, faults, fixes, network
from training.network import BOX_COLUMNS, CLASSES
from training.samples import letterboxed

SIDE = 416
LEAST_SCORE = 0.001
FOUND_IOU = 0.5
#: As in src/perceive/decode.rs: a double overlaps a better box of its class by this IoU, or lies within it by this share.
SAME_IOU, INSIDE_SHARE = 0.5, 0.8
MOST_PREDICTIONS = 100
RESAMPLES = 1000


class Detector:
    """An ONNX file of the YOLOX form. `channels`: class channels of each of our classes, the highest counts."""

    def __init__(self, path, channels=None, threads=1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise faults.Fault(f"{path} cannot be loaded as an ONNX model ({error}); check the path") from error
        self.channels = channels or [[i] for i in range(len(CLASSES))]
        self.cells, self.strides = network.grid(SIDE, SIDE)

    def __call__(self, pixels):
        """H×W×3 uint8 RGB → scores n, labels n, boxes n×4 (left, top, right, bottom in pixels), best first."""
        height, width = pixels.shape[:2]
        images, size = letterboxed(pixels, SIDE)
        output = torch.from_numpy(self.session.run(None, {self.session.get_inputs()[0].name: images[None].numpy()})[0][0])
        scores = torch.stack([output[:, [BOX_COLUMNS + c for c in of]].amax(1) for of in self.channels], 1) * output[:, 4:5]
        return decode(scores, network.boxes(output, self.cells, self.strides), (width, height), size)


def decode(scores, boxes, picture, size):
    """Scores N×classes and boxes N×4 (centre form, input pixels) → what a detector answers. `picture`: its width and height; `size`: those in the input."""
    best, labels = scores.max(1)
    kept = best >= LEAST_SCORE
    found = boxes[kept].double().numpy()
    corners = np.concatenate([found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2], 1)
    corners *= np.array([picture[0] / size[0], picture[1] / size[1]] * 2)
    return suppress(best[kept].numpy(), labels[kept].numpy(), np.clip(corners, 0, [*picture] * 2))


def suppress(scores, labels, boxes):
    """Greedy non-maximum suppression within each class."""
    order = np.argsort(-scores, kind="stable")
    scores, labels, boxes = scores[order], labels[order], boxes[order]
    shared, areas = intersections(boxes, boxes), area(boxes)
    double = shared > SAME_IOU * (areas[:, None] + areas[None] - shared)
    inside = shared > INSIDE_SHARE * areas[None]
    hides = (double | inside) & (labels[:, None] == labels[None])
    alive = areas > 0
    for i in range(len(scores)):
        if alive[i]:
            alive[i + 1 :] &= ~hides[i, i + 1 :]
    return scores[alive], labels[alive], boxes[alive]


def area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def intersections(a, b):
    """Shared area of each pair, len(a)×len(b)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.clip(high - low, 0, None).prod(-1)


@dataclass
class Judged:
    """One class on one picture: scores, best first; which of them found a truth; how many truths there are; and which truth each found (-1: none)."""

    scores: np.ndarray
    right: np.ndarray
    truths: int
    took: np.ndarray | None = None

    def best(self):
        return self.scores[0] if len(self.scores) else -np.inf


def judge(found, boxes, labels, label):
    """Matches greedily, best score first: each box takes the free truth that it overlaps most."""
    scores, said, where = found
    scores, where = scores[said == label][:MOST_PREDICTIONS], where[said == label][:MOST_PREDICTIONS]
    truths = boxes[labels == label].astype(np.float64)
    shared = intersections(where, truths)
    overlap = shared / (area(where)[:, None] + area(truths)[None] - shared)
    took = np.full(len(scores), -1)
    for i in range(len(scores) if len(truths) else 0):
        best = overlap[i].argmax()
        if overlap[i, best] >= FOUND_IOU:
            took[i] = best
            overlap[:, best] = -1
    return Judged(scores, took >= 0, len(truths), took)


def see(detector, pictures, mirrored=False):
    """Per class name a list of Judged, one a picture (with `mirrored`, one more for its mirror image)."""
    judged = {name: [] for name in CLASSES}
    for picture in pictures:
        pixels = picture.pixels()
        views = [(pixels, picture.boxes)]
        if mirrored:
            flipped = picture.boxes.copy()
            flipped[:, [0, 2]] = pixels.shape[1] - picture.boxes[:, [2, 0]]
            views.append((np.ascontiguousarray(pixels[:, ::-1]), flipped))
        for view, boxes in views:
            found = detector(view)
            for label, name in enumerate(CLASSES):
                judged[name].append(judge(found, boxes, picture.labels, label))
    return judged


def average_precision(judged):
    """AP50 of one class; None without truths."""
    truths = sum(j.truths for j in judged)
    if truths == 0:
        return None
    scores, right = (np.concatenate([getattr(j, part) for j in judged]) for part in ("scores", "right"))
    hits = np.cumsum(right[np.argsort(-scores, kind="mergesort")])
    recall, precision = hits / truths, hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.append(precision, 0.0)[at].mean())


def lowest_threshold(judged, rate):
    """See the head of this file; None where so few pictures cannot show so low a rate."""
    bests = sorted((j.best() for j in judged if j.truths == 0), reverse=True)
    allowed = int(rate * len(bests) + 1e-9)
    return float(np.nextafter(np.float32(max(bests[allowed], 0.0)), np.float32(1))) if allowed else None


def at(judged, threshold):
    """(truths found, truths, pictures without the class that hold a box of it, pictures without the class)."""
    found = sum(int((j.right & (j.scores >= threshold)).sum()) for j in judged)
    empty = [j for j in judged if j.truths == 0]
    return found, sum(j.truths for j in judged), sum(bool(j.best() >= threshold) for j in empty), len(empty)


def recall_at(judged, rate):
    threshold = lowest_threshold(judged, rate)
    if threshold is None:
        return None
    found, truths, _, _ = at(judged, threshold)
    return found / truths if truths else None


def interval(judged, statistic):
    """95 % of a statistic over resampled pictures, those with and without the class drawn apart."""
    rng = np.random.default_rng(1)
    parts = [[j for j in judged if j.truths], [j for j in judged if not j.truths]]
    draw = lambda: [part[i] for part in parts for i in rng.integers(len(part), size=len(part))]
    values = [statistic(draw()) for _ in range(RESAMPLES)]
    return [float(v) for v in np.quantile(values, [0.025, 0.975])]


def figures(judged, thresholds=None, intervals=True):
    """What is told of a set: a dictionary for JSON."""
    told = {}
    for name, pictures in judged.items():
        if not any(j.truths for j in pictures):
            continue
        of = told[name] = {"boxes": sum(j.truths for j in pictures), "ap50": average_precision(pictures)}
        for rate in (0.01, 0.05) if name == "bear" else ():
            of[f"recall_at_{rate:.0%}"] = recall_at(pictures, rate)
            of[f"threshold_at_{rate:.0%}"] = lowest_threshold(pictures, rate)
        if name == "bear" and intervals:
            of["ap50_ci95"] = interval(pictures, average_precision)
            if of["recall_at_1%"] is not None:
                of["recall_at_1%_ci95"] = interval(pictures, lambda p: recall_at(p, 0.01))
        if thresholds:
            keys = ("found", "truths", "false_pictures", "pictures_without")
            of["operating_point"] = {"threshold": thresholds[name], **dict(zip(keys, at(pictures, thresholds[name])))}
    return told


def print_figures(title, told):
    print(title)
    for name, of in told.items():
        line = f"  {name:7} {of['boxes']:4} boxes  AP50 {of['ap50']:.3f}"
        for rate in ("1%", "5%"):
            if of.get(f"recall_at_{rate}") is not None:
                line += f"  recall at {rate} {of[f'recall_at_{rate}']:.3f} (threshold {of[f'threshold_at_{rate}']:.3f})"
        if point := of.get("operating_point"):
            line += (
                f"  at {point['threshold']:.3f}: {point['found']} of {point['truths']} found,"
                f" {point['false_pictures']} of {point['pictures_without']} pictures without one raise one"
            )
        print(line)


def card_thresholds(path):
    """Operating points of the card beside a model; None where there is no card."""
    card = path.with_suffix(".json")
    return {c["name"]: c["threshold"] for c in json.loads(card.read_text())["classes"]} if card.is_file() else None


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="ONNX file; operating points come from the card beside it, if there is one")
    parser.add_argument("--sets", nargs="+", default=["bears/val", "trailcam"], help="folders in BEARWATCH_DATA (default: both)")
    parser.add_argument("--base", action="store_true", help="the file has the 80 COCO classes of the base")
    parser.add_argument("--most-pictures", type=int, help="so many pictures of each set only, to try the chain out")
    parser.add_argument("--label-fixes", type=Path, help="correct the sets' labels by this file first, and say so (default: as they came)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    detector = Detector(arguments.model, list(CLASSES.values()) if arguments.base else None)
    mended = fixes.read(arguments.label_fixes) if arguments.label_fixes else {}
    said = f", labels corrected by {arguments.label_fixes}" if mended else ""
    told = {}
    for name in arguments.sets:
        pictures = fixes.applied(data.read_set(data.folder("BEARWATCH_DATA", name)), mended)
        pictures = data.some(pictures, arguments.most_pictures)
        told[name] = figures(see(detector, pictures), card_thresholds(arguments.model))
        print_figures(f"{name}: {len(pictures)} pictures{said}", told[name])
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
