"""How far the outputs of two runtimes on one int8 file are apart, as boxes and scores on real pictures."""

import json

import numpy as np

from .contenders import session
from .networks import ROOT, Network, letterbox, pictures
from .served import Served

PICTURES = 200
#: Rows below it say nothing to anybody.
LEAST_SCORE = 0.05


def numerics(program, work, data, seed):
    """bearwatch's operators against onnxruntime on the committed file."""
    model = ROOT / "models" / "bearwatch-nano.onnx"
    card = json.loads(model.with_suffix(".json").read_text())
    network = Network(card["name"], "", "", card["input"]["width"])
    names = pictures(data / "bears" / "val", PICTURES, seed)
    names += [name for name in pictures(data / "bears" / "train", None, seed) if name.name.startswith("n")][: PICTURES - len(names)]
    theirs = session(model)
    asked = theirs.get_inputs()[0].name
    ours = Served(program, model, "ours", network, None, work)
    boxes, scores = [], []
    for name in names:
        picture = letterbox(name, network)[None]
        expected = theirs.run(None, {asked: picture})[0][0]
        found = ours.infer(picture).reshape(expected.shape)
        one, other = decoded(expected, card), decoded(found, card)
        shown = np.maximum(one[1], other[1]) > LEAST_SCORE
        boxes.append(np.abs(one[0] - other[0])[shown].max(axis=1))
        scores.append(np.abs(one[1] - other[1])[shown])
    ours.close()
    return {
        "file": card["file"],
        "pictures": len(names),
        "rows": sum(map(len, scores)),
        "least_score": LEAST_SCORE,
        "box_px": spread(np.concatenate(boxes)),
        "score": spread(np.concatenate(scores)),
        "isa": ours.about["isa"],
    }


def decoded(rows, card):
    """Corners in pixels of the input, and the best class's score, of each row of YOLOX's heads."""
    side = card["input"]["width"]
    grids = []
    for stride in card["output"]["strides"]:
        y, x = np.mgrid[: side // stride, : side // stride]
        grids.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1))
    grid = np.concatenate(grids)
    stride = grid[:, 2:]
    centre, size = (rows[:, :2] + grid[:, :2]) * stride, np.exp(rows[:, 2:4]) * stride
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1), rows[:, 4] * rows[:, 5:].max(axis=1)


def spread(values):
    if not len(values):
        return None
    return {"p50": float(np.quantile(values, 0.5)), "p99": float(np.quantile(values, 0.99)), "most": float(values.max())}
