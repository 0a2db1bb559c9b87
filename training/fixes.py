"""Reviewed corrections of labels: one JSON object a fix, by the SHA-256 of the picture, each with its reason.

    {"image": "ab12…", "name": "b00001.jpg", "do": "add", "label": "person", "box": [x, y, width, height], "reason": "hiker at the left edge"}

`do` is `add`, `drop`, `relabel` (with the new `label`), `move` (with the new box in `to`) or `drop picture`; `box` is in pixels and names a box of the
annotations for all but `add`. The set itself stays as it was handed over. `name` is for people; a picture is known by its hash alone.
"""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np

from training.faults import Fault
from training.network import CLASSES

#: The project's own, of bears/train.
TRAIN = Path(__file__).with_name("label_fixes.json")

#: What each kind of fix must say beside image, name, do and reason.
KINDS = {"add": {"label", "box"}, "drop": {"box"}, "relabel": {"label", "box"}, "move": {"box", "to"}, "drop picture": set()}

#: A box of the annotations is the one that is meant from this overlap on; fixes hold rounded pixels.
SAME_IOU = 0.85


def read(path):
    """{SHA-256: [fix]} of a file of fixes."""
    try:
        fixes = json.loads(path.read_text())
        assert isinstance(fixes, list), "not a list"
    except (OSError, ValueError, AssertionError) as error:
        raise Fault(f"{path} is not a list of label fixes ({error}); see training/fixes.py") from error
    of_image = {}
    for number, fix in enumerate(fixes, 1):
        if wrong := _fault(fix):
            raise Fault(f"{path}: fix {number}: {wrong}")
        of_image.setdefault(fix["image"], []).append(fix)
    return of_image


def _fault(fix):
    """What is wrong with one fix, or None."""
    if not isinstance(fix, dict) or fix.get("do") not in KINDS:
        return f"`do` must be one of {', '.join(KINDS)}"
    wanted = KINDS[fix["do"]] | {"image", "name", "do", "reason"}
    if set(fix) != wanted:
        return f"`{fix['do']}` takes exactly {', '.join(sorted(wanted))}"
    if not (isinstance(fix["image"], str) and len(fix["image"]) == 64 and set(fix["image"]) <= set("0123456789abcdef")):
        return "`image` must be a SHA-256, 64 hexadecimal digits"
    if not isinstance(fix["reason"], str) or not fix["reason"].strip():
        return "`reason` is empty"
    if fix.get("label", "bear") not in CLASSES:
        return f"`label` must be one of {', '.join(CLASSES)}"
    for key in ("box", "to"):
        box = fix.get(key, [0, 0, 1, 1])
        if not (isinstance(box, list) and len(box) == 4 and all(isinstance(v, (int, float)) for v in box) and min(box[2:]) > 0):
            return f"`{key}` must be [x, y, width, height] in pixels"
    return None


def applied(pictures, fixes, strict=False):
    """The pictures with their labels corrected. With `strict`, a fix of a picture that is not among them is a fault; a set may be a part of it."""
    if not fixes:
        return pictures
    answer, used = [], set()
    for picture in pictures:
        key = picture.sha256()
        used.add(key)
        of = fixes.get(key, [])
        if not any(fix["do"] == "drop picture" for fix in of):
            answer.append(corrected(picture, of))
    if strict and (missing := [of[0]["name"] for key, of in fixes.items() if key not in used]):
        raise Fault(f"label fixes name {len(missing)} pictures that are not in the set, the first is {missing[0]}; mend the file or copy the data again")
    return answer


def corrected(picture, fixes):
    """One picture with its fixes done, in their order."""
    if not fixes:
        return picture
    boxes, labels = picture.boxes.copy(), picture.labels.copy()
    for fix in fixes:
        if fix["do"] == "add":
            boxes = np.concatenate([boxes, [_corners(fix["box"])]])
            labels = np.append(labels, list(CLASSES).index(fix["label"]))
            continue
        at = _meant(boxes, fix)
        if fix["do"] == "drop":
            boxes, labels = np.delete(boxes, at, 0), np.delete(labels, at)
        elif fix["do"] == "relabel":
            labels[at] = list(CLASSES).index(fix["label"])
        else:
            boxes[at] = _corners(fix["to"])
    return dataclasses.replace(picture, boxes=boxes.astype(np.float32), labels=labels)


def _meant(boxes, fix):
    """Which of the boxes a fix is about."""
    wanted = _corners(fix["box"])
    sides = np.clip(np.minimum(boxes[:, 2:], wanted[2:]) - np.maximum(boxes[:, :2], wanted[:2]), 0, None)
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    overlap = sides.prod(1) / (area(boxes) + area(wanted) - sides.prod(1))
    if len(boxes) == 0 or overlap.max() < SAME_IOU:
        raise Fault(f"label fix of {fix['name']}: there is no box {fix['box']} to {fix['do']}; mend the fix")
    return int(overlap.argmax())


def _corners(box):
    x, y, width, height = box
    return np.float32([x, y, x + width, y + height])


def counts(fixes):
    """How many fixes of which kind, and on how many pictures: for cards and reports."""
    kinds = Counter(fix["do"] for of in fixes.values() for fix in of)
    return {"pictures": len(fixes), **{kind: kinds[kind] for kind in KINDS}}
