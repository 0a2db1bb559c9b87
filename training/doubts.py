"""Where labels, teachers and the trained network contradict each other. Pure: boxes in, doubts out.

After "confident learning" (Northcutt et al. 2021) in spirit: a label is doubted when several models that were trained apart agree against it.
"""

from dataclasses import dataclass

import numpy as np

from training import evaluate
from training.network import CLASSES

#: A teacher sees an animal from this score on; two of three are believed.
SEEN, ENOUGH = 0.3, 2
#: The network agrees from this score on.
AGREES = 0.3
#: Less overlap with every label than this: nobody has boxed it.
UNBOXED_IOU = 0.4
#: A label that teachers and network would all draw otherwise.
ROUGH_IOU = 0.7
#: Share of the pictures, those with the highest losses, that are worth a look without any other doubt.
LOSS_TAIL = 0.1


@dataclass(frozen=True)
class Doubt:
    """One thing to look at: `kind`, how sure (0..1), and the fix that it suggests, without image and reason."""

    kind: str
    strength: float
    fix: dict


def doubts(picture, agreed, found):
    """Of one picture. `agreed`: as from `fusion.agreed`; `found`: scores, labels, boxes of the trained network."""
    labelled = _labelled(picture, agreed, found)
    return sorted([*_unboxed(picture, agreed, found), *labelled], key=lambda d: -d.strength)


def _unboxed(picture, agreed, found):
    """Animals or persons that teachers see and that no label covers."""
    opinions, labels, boxes = agreed
    answer, told = [], np.zeros((0, 4))
    for i in np.argsort(-opinions.mean(1), kind="stable"):
        if (opinions[i] >= SEEN).sum() < ENOUGH or overlap(boxes[i : i + 1], np.concatenate([picture.boxes, told]))[0].max(initial=0) >= UNBOXED_IOU:
            continue
        told = np.concatenate([told, boxes[i : i + 1]])
        # A head or a paw of what is boxed: seldom an animal of its own.
        inside = (evaluate.intersections(boxes[i : i + 1], picture.boxes)[0] / evaluate.area(boxes[i : i + 1])).max(initial=0) > 0.8
        sure = opinions[i].mean() * (0.6 if inside else 1.0) * (1.0 if _best(found, boxes[i], labels[i]) >= AGREES else 0.75)
        answer.append(Doubt("unboxed", float(sure), {"do": "add", "label": list(CLASSES)[labels[i]], "box": _coco(boxes[i])}))
    return answer


def _labelled(picture, agreed, found):
    """Labels that nobody else sees, names otherwise, or draws otherwise."""
    opinions, labels, boxes = agreed
    scores, names = opinions.mean(1), list(CLASSES)
    for box, label in zip(picture.boxes.astype(np.float64), picture.labels):
        near = overlap(box[None], boxes)[0]
        like = lambda of: max((scores[i] for i in range(len(scores)) if near[i] >= 0.5 and labels[i] == of), default=0.0)
        own, others = like(label), {of: like(of) for of in range(len(names)) if of != label}
        other = max(others, key=others.get)
        support = max(((opinions[i] >= SEEN).sum() for i in range(len(scores)) if near[i] >= 0.5 and labels[i] == other), default=0)
        if others[other] > own and (support >= ENOUGH or _best(found, box, other) > max(0.5, _best(found, box, label))):
            yield Doubt("other class", float(others[other] - own * 0.5), {"do": "relabel", "label": names[other], "box": _coco(box)})
        sees = max(scores[near >= 0.4].max(initial=0), found[0][overlap(box[None], found[2])[0] >= 0.4].max(initial=0))
        if sees < 0.2:
            yield Doubt("nobody sees it", float(1 - sees / 0.2) * 0.5 + 0.1, {"do": "drop", "box": _coco(box)})
        yield from _rough(box, label, agreed, found)


def _rough(box, label, agreed, found):
    opinions, labels, boxes = agreed
    same = (labels == label) & (opinions.mean(1) >= 0.5)
    if not same.any():
        return
    at = np.where(same, overlap(box[None], boxes)[0], -1).argmax()
    near = overlap(box[None], boxes[at : at + 1])[0, 0]
    ours = overlap(boxes[at : at + 1], found[2])[0]
    agree = found[0][(ours >= ROUGH_IOU) & (found[1] == label)].max(initial=0) >= AGREES
    if 0.3 <= near < ROUGH_IOU:
        sure = (ROUGH_IOU - near) * (2.0 if agree else 1.0)
        yield Doubt("drawn otherwise", float(min(1.0, sure)), {"do": "move", "box": _coco(box), "to": _coco(boxes[at])})


def _best(found, box, label):
    """The network's score for a class at a place."""
    scores, labels, boxes = found
    return scores[(overlap(box[None], boxes)[0] >= 0.5) & (labels == label)].max(initial=0)


def suspicion(found, rank):
    """One number to sort by: the strongest doubt, and the place (0..1) of the loss among those of pictures with boxes, or without, if it is high."""
    strongest = max((d.strength for d in found), default=0.0)
    return strongest + 0.3 * max(0.0, (rank - 1 + LOSS_TAIL) / LOSS_TAIL)


def overlap(a, b):
    """Intersection over union of each pair, len(a)×len(b), left, top, right, bottom."""
    shared = evaluate.intersections(a, b)
    return shared / np.maximum(evaluate.area(a)[:, None] + evaluate.area(b)[None] - shared, 1e-9)


def _coco(box):
    return [round(float(v), 1) for v in (box[0], box[1], box[2] - box[0], box[3] - box[1])]
