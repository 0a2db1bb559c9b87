#!/usr/bin/env python3
"""same_detections.py ONE.jsonl OTHER.jsonl: two machines saw the same in the same pictures, within a stated tolerance.

From the picture to the heads there are whole numbers only, the same everywhere; the sigmoids behind them are approximated otherwise on
another processor, in the last digits of a float. Every detection of at least LEAST on one side must have one on the other, of the same
class, that covers it to OVERLAP (intersection over union) and differs by at most MOST in score; and all scores together by at most MEAN.

Measured on 8 drawn pictures, x86-64 against emulated aarch64, with dot product and without: no difference in the digits that are printed.
"""

import json
import sys

LEAST = 0.3
OVERLAP = 0.99
MOST = 0.002
MEAN = 0.0005


def read(path):
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    failed = [line for line in lines if "error" in line]
    if failed:
        sys.exit(f"{path}: {failed}")
    return {line["file"]: line["detections"] for line in lines}


def overlap(one, other):
    (x, y, w, h), (X, Y, W, H) = one, other
    wide = max(0.0, min(x + w, X + W) - max(x, X))
    high = max(0.0, min(y + h, Y + H) - max(y, Y))
    shared = wide * high
    return shared / (w * h + W * H - shared)


def partner(one, others):
    """The most like it of the same class, with its overlap."""
    same = [(overlap(one["bbox"], other["bbox"]), other) for other in others if other["class"] == one["class"]]
    return max(same, key=lambda pair: pair[0], default=(0.0, None))


def main(paths):
    these, those = map(read, paths)
    if not these or these.keys() != those.keys():
        sys.exit(f"not the same pictures: {sorted(these)} and {sorted(those)}")
    faults, differences, least_overlap = [], [], 1.0
    for left, right in ((these, those), (those, these)):
        for name, detections in left.items():
            for one in (d for d in detections if d["score"] >= LEAST):
                covered, other = partner(one, right[name])
                difference = abs(one["score"] - other["score"]) if other else 1.0
                if covered < OVERLAP or difference > MOST:
                    faults.append(f"{name}: {one} on one side, {other} on the other")
                differences.append(difference)
                least_overlap = min(least_overlap, covered)
    if faults:
        sys.exit("\n".join(faults))
    if not differences:
        sys.exit("nothing was found on either side: this compares nothing")
    mean = sum(differences) / len(differences)
    if mean > MEAN:
        sys.exit(f"scores differ by {mean:.4f} on the average, at most {MEAN} is borne")
    print(
        f"{len(differences)} detections in {len(these)} pictures, both ways: scores differ by {mean:.4f} on the average (at most "
        f"{MEAN}), {max(differences):.3f} at most ({MOST}); boxes overlap by {least_overlap:.2f} at least ({OVERLAP})"
    )


if __name__ == "__main__":
    main(sys.argv[1:3])
