"""Which looks at a still, averaged as log-odds, tell bears from the rest best: on the calibration split, as `compare.py`. What src/perceive/plan.rs does was chosen by it.

    python -m training.views models/bearwatch-nano.onnx --suites training/work/suites

Whatever the first look at the whole picture takes for a bear is looked at again: mirrored, and smaller in a wider frame. One threshold for each choice of looks, at
which 1 % and 0.5 % of the pictures without a bear raise one, over all conditions of `card.py` together (averaging over copies of the input: Krizhevsky, Sutskever
and Hinton 2012, "ImageNet classification with deep convolutional neural networks").
"""

import argparse
from pathlib import Path

import numpy as np

from training import card, data, evaluate, faults
from training.network import BEAR

#: Looked at again from this score on, as WORTH_MORE in src/perceive/plan.rs is; and as src/perceive/views.rs reckons with what a look did not find.
WORTH_MORE, LEAST_SCORE, MOST_SCORE = 0.2, 0.3, 0.999
#: Boxes of a picture that are looked at again at most.
MOST = 4
#: How often smaller a look may show everything, and what fills the rest.
SMALLER, FILL = (1.25, 1.5, 1.8), 114
RATES = (0.01, 0.005)

#: Names of looks: how often smaller, mirrored or not.
LOOKS = {f"{times:g}{'m' if mirrored else ''}": (times, mirrored) for times in (1, *SMALLER) for mirrored in (False, True)}
#: What is compared: looks beside the first, "1".
CHOICES = [[], ["1m"], *([["1m", f"{t:g}", f"{t:g}m"] for t in SMALLER]), ["1m", "1.25m", "1.8m"], ["1m", "1.25", "1.25m", "1.8", "1.8m"], [*LOOKS][1:]]


def look(detector, pixels, times, mirrored):
    """What the detector sees of a picture, `times` smaller, top left: boxes in pixels of the picture."""
    height, width = pixels.shape[:2]
    wider = np.full((round(height * times), round(width * times), 3), FILL, np.uint8)
    wider[:height, :width] = pixels[:, ::-1] if mirrored else pixels
    scores, labels, boxes = detector(wider)
    if mirrored:
        boxes = boxes.copy()
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
    return scores, labels, boxes


def best(found, box):
    """The best score of a bear at a box; 0 where there is none."""
    scores, labels, boxes = found
    boxes, scores = boxes[labels == BEAR], scores[labels == BEAR]
    shared = evaluate.intersections(box[None], boxes)[0]
    there = shared > evaluate.SAME_IOU * (evaluate.area(box[None]) + evaluate.area(boxes) - shared)
    return float(scores[there].max(initial=0))


def looked(detector, picture):
    """The first look at a picture, and by its boxes that are worth more: scores by look."""
    pixels = picture.pixels()
    first = scores, labels, boxes = look(detector, pixels, 1, False)
    worth = np.flatnonzero((labels == BEAR) & (scores >= WORTH_MORE))[:MOST]
    if not len(worth):
        return first, {}
    seen = {name: look(detector, pixels, *how) for name, how in LOOKS.items()}
    return first, {i: {name: best(found, boxes[i]) for name, found in seen.items()} for i in worth}


def agreed(first, again, names):
    """The first look's boxes, with scores on which it and the looks of these names agree."""
    scores = first[0].copy()
    for i, by_look in again.items():
        said = np.clip([by_look[name] for name in ("1", *names)], LEAST_SCORE, MOST_SCORE)
        scores[i] = 1 / (1 + np.exp(-np.log(said / (1 - said)).mean()))
    order = np.argsort(-scores, kind="stable")
    return tuple(part[order] for part in (scores, *first[1:]))


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="ONNX file of our form")
    parser.add_argument("--suites", type=Path, required=True, help="folder made by training.suites")
    parser.add_argument("--most-pictures", type=int, help="so many pictures of each set only, to try the chain out")
    arguments = parser.parse_args()
    detector = evaluate.Detector(arguments.model)
    sets = [data.split(data.read_train())[1], *(data.read_set(arguments.suites / f"calibration-{name}") for name in card.CONDITIONS)]
    pictures = [picture for some in sets for picture in data.some(some, arguments.most_pictures)]
    seen = [(picture, *looked(detector, picture)) for picture in pictures]
    for names in CHOICES:
        judged = [evaluate.judge(agreed(first, again, names), picture.boxes, picture.labels, BEAR) for picture, first, again in seen]
        recall = [evaluate.recall_at(judged, rate) for rate in RATES]
        told = "  ".join("–" if of is None else f"{of:.3f} at {rate:.1%}" for of, rate in zip(recall, RATES))
        print(f"AP50 {evaluate.average_precision(judged):.4f}  recall {told}  {' '.join(['1', *names])}", flush=True)


if __name__ == "__main__":
    main()
