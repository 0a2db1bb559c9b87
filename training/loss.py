"""The loss of YOLOX (Ge et al. 2021, "YOLOX: Exceeding YOLO Series in 2021"): SimOTA picks the rows that answer for a box."""

import torch
from torch.nn import functional as F

from training.network import BOX_COLUMNS, boxes as decoded

#: Rows whose cell lies within so many strides of a box's centre may answer for it.
CENTRE_RADIUS = 1.5

#: A box is answered for by as many rows as the IoUs of its best so many candidates add up to.
CANDIDATES = 10

#: Weight of the box term, as in YOLOX.
BOX_WEIGHT = 5.0

#: Weight of the class term; 1 in YOLOX. The base knows where animals are; what it must learn is which of them are bears.
CLASS_WEIGHT = 3.0


def yolox_loss(output, targets, cells, strides):
    """`output` B×N×(5 + classes) with logits; `targets`: per picture (boxes k×4 centre x, y, width, height; labels k). A number."""
    objectness = torch.zeros(output.shape[:2])
    box_loss = class_loss = output.sum() * 0
    answering = 0
    for b, (boxes, labels) in enumerate(targets):
        if len(boxes) == 0:
            continue
        rows, matched, overlap = assign(output[b].detach(), boxes, labels, cells, strides)
        if len(rows) == 0:
            continue
        answering += len(rows)
        objectness[b, rows] = 1
        found = decoded(output[b, rows], cells[rows], strides[rows])
        box_loss = box_loss + (1 - iou(found, boxes[matched]) ** 2).sum()
        # The class score learns how well the box fits, too.
        wanted = F.one_hot(labels[matched], output.shape[2] - BOX_COLUMNS) * overlap[:, None]
        class_loss = class_loss + F.binary_cross_entropy_with_logits(output[b, rows, BOX_COLUMNS:], wanted, reduction="sum")
    object_loss = F.binary_cross_entropy_with_logits(output[..., 4], objectness, reduction="sum")
    return (BOX_WEIGHT * box_loss + object_loss + CLASS_WEIGHT * class_loss) / max(answering, 1)


@torch.no_grad()
def assign(output, boxes, labels, cells, strides):
    """SimOTA on one picture: rows that answer, the box that each answers for, and their IoU."""
    centres = (cells + 0.5) * strides
    near = ((centres[None] - boxes[:, None, :2]).abs() < CENTRE_RADIUS * strides[None]).all(-1)
    candidates = near.any(0).nonzero()[:, 0]
    near, output = near[:, candidates], output[candidates]
    found = decoded(output, cells[candidates], strides[candidates])
    overlap = iou(boxes[:, None], found[None])
    score = output[:, BOX_COLUMNS:].sigmoid().mul(output[:, 4:5].sigmoid()).sqrt().clamp(1e-6, 1 - 1e-6)
    right = score[:, labels].T.log()
    wrong = torch.log1p(-score)
    class_cost = -(right + wrong.sum(1)[None] - wrong[:, labels].T)
    cost = class_cost - 3 * (overlap + 1e-8).log() + 1e6 * ~near
    takes = torch.zeros_like(overlap, dtype=torch.bool)
    counts = overlap.topk(min(CANDIDATES, overlap.shape[1]), 1).values.sum(1).int().clamp(min=1)
    for box, count in enumerate(counts.tolist()):
        best = cost[box].topk(min(count, cost.shape[1]), largest=False).indices
        takes[box, best] = near[box, best]
    # A row that several boxes want goes to the one that it costs least.
    contested = takes.sum(0) > 1
    winner = cost[:, contested].argmin(0)
    takes[:, contested] = False
    takes[winner, contested.nonzero()[:, 0]] = True
    box, row = takes.nonzero(as_tuple=True)
    return candidates[row], box, overlap[box, row]


def iou(a, b):
    """Intersection over union of boxes …×4 (centre x, y, width, height), broadcast."""
    low = torch.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    high = torch.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    shared = (high - low).clamp(min=0).prod(-1)
    return shared / (a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared + 1e-9)
