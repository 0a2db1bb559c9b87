"""One opinion out of several: tiles of a picture, and boxes of many teachers and views weighed together."""

import numpy as np

from training import evaluate

#: Neighbouring tiles share this part of their side, so that what is smaller than that is whole in one of them.
OVERLAP = 0.25
#: A picture less than so many times as large as the input shows nothing more in tiles.
WORTH_TILES = 1.2
#: Pixels: what is longer in a tile is seen as well in the whole view, and there not in parts.
LONGEST_IN_TILES = 208
#: Pixels: a box this near to an inner edge of a tile is likely cut by it.
CUT_MARGIN = 4
#: Boxes of one class that overlap so much are of one animal (Solovyev et al. 2021, "Weighted boxes fusion").
SAME_IOU = 0.55
#: An opinion on a box below this is left out of the fused answer.
LEAST_SCORE = 0.01


def tiles(shape, side):
    """(left, top, right, bottom) of tiles of at most side×side pixels that cover an H×W picture; none where it is hardly larger."""
    height, width = shape[:2]
    if max(height, width) < WORTH_TILES * side:
        return []
    starts = []
    for length in (width, height):
        count = 1 if length <= side else -int(-(length - side * OVERLAP) // (side * (1 - OVERLAP)))
        starts.append(np.linspace(0, max(0, length - side), count).round().astype(int).tolist())
    return [(x, y, min(x + side, width), min(y + side, height)) for y in starts[1] for x in starts[0]]


def small_and_whole(found, tile, shape):
    """What was found in a tile, in pixels of the picture of `shape`, without what is large or cut by an inner edge of the tile."""
    scores, labels, boxes = found
    left, top, right, bottom = tile
    boxes = boxes + np.array([left, top, left, top])
    height, width = shape[:2]
    inner = np.array([left > 0, top > 0, right < width, bottom < height])
    gaps = np.stack([boxes[:, 0] - left, boxes[:, 1] - top, right - boxes[:, 2], bottom - boxes[:, 3]], 1)
    kept = ~((gaps < CUT_MARGIN) & inner).any(1) & ((boxes[:, 2:] - boxes[:, :2]).max(1, initial=0) < LONGEST_IN_TILES)
    return scores[kept], labels[kept], boxes[kept]


def columns(rows):
    """Rows of [score, label, left, top, right, bottom] → scores n, labels n, boxes n×4."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return table[:, 0], table[:, 1].astype(np.int64), table[:, 2:]


def fused(said):
    """One opinion of {teacher: {view: rows}}: scores n, labels n, boxes n×4, best first.

    A fused score is the mean over all teachers, and one that saw nothing counts as 0, so that it says how far they agree.
    """
    opinions, labels, boxes = agreed(said)
    scores = opinions.mean(1)
    kept = scores >= LEAST_SCORE
    return evaluate.suppress(scores[kept], labels[kept], boxes[kept])


def agreed(said):
    """Boxes that mean the same animal, put together: opinions n×teachers, labels n, boxes n×4.

    Boxes of one class are gathered around the best (weighted boxes fusion); the box is the mean of its members, weighted by their scores. A teacher's
    opinion is the mean of its score in the whole view and in the mirror image, or its score in the tiles if that is higher: small animals are seen
    there only.
    """
    members = [(*row, t, view) for t, views in enumerate(said.values()) for view, of in views.items() for row in of]
    members.sort(key=lambda m: -m[0])
    groups = []
    for member in members:
        home = _home(member, groups)
        if home is None:
            groups.append([member[1], np.array(member[2:6]), [member]])
        else:
            home[2].append(member)
            weights = np.array([m[0] for m in home[2]])
            home[1] = weights @ np.array([m[2:6] for m in home[2]]) / weights.sum()
    opinions = [_opinions(group, len(said)) for _, _, group in groups]
    labels, boxes = [label for label, _, _ in groups], [box for _, box, _ in groups]
    return np.array(opinions, np.float64).reshape(-1, len(said)), np.array(labels, np.int64), np.array(boxes, np.float64).reshape(-1, 4)


def _home(member, groups):
    """The group of its class that a box overlaps most, if that is enough."""
    of_class = [g for g in groups if g[0] == member[1]]
    if not of_class:
        return None
    box, means = np.array([member[2:6]]), np.array([g[1] for g in of_class])
    shared = evaluate.intersections(box, means)[0]
    overlap = shared / np.maximum(evaluate.area(box) + evaluate.area(means) - shared, 1e-9)
    best = overlap.argmax()
    return of_class[best] if overlap[best] >= SAME_IOU else None


def _opinions(group, teachers):
    """Of each teacher, on one animal."""
    best = {}
    for score, *_, teacher, view in group:
        best[teacher, view] = max(score, best.get((teacher, view), 0))
    get = lambda teacher, view: best.get((teacher, view), 0)
    return [max((get(t, "whole") + get(t, "mirror")) / 2, get(t, "tiles")) for t in range(teachers)]
