"""Keeps what the base knows while it is fine-tuned (Li & Hoiem 2016, "Learning without forgetting").

Our three classes throw together what COCO tells apart: a dog is an animal, a teddy bear is nothing. What no longer needs to be told apart is forgotten, and with
it what tells a dog from a bear at a place that no training picture shows. So wherever the base sees something, the features in front of our class rows must
still give the base's 80 answers by the base's own class rows. These rows stand in training only; the network that is written has ours.
"""

import torch
from torch.nn import functional as F

from training import data
from training.network import BOX_COLUMNS, Network, key_of, read_base

#: Beside the loss of our own classes.
WEIGHT = 0.5

#: Rows in which the base's best score is lower say nothing about what stands there.
LEAST_SCORE = 0.05


class Base:
    """The base, frozen, and what it reads classes from in `network`, whose features are taken note of at each forward."""

    def __init__(self, network):
        self.teacher = Network(read_base(data.folder("BEARWATCH_WEIGHTS") / "yolox_nano.onnx")).requires_grad_(False)
        heads = [n for n in network.nodes if n.op_type == "Conv" and n.input[1].startswith("head.cls_preds.")]
        self.rows = {n.input[0]: tuple(self.teacher.weights[key_of(name)] for name in n.input[1:]) for n in sorted(heads, key=lambda n: n.input[1])}
        self.features = {}
        network.watch = self.note

    def note(self, name, value):
        if name in self.rows:
            self.features[name] = value

    def loss(self, images):
        """How far the 80 answers from the features of the last forward of `images` are from the base's, where it sees something: mean over these rows,
        weighted by their score, of the cross-entropy summed over classes. A number."""
        with torch.no_grad():
            told = self.teacher(images)
            wanted = told[..., BOX_COLUMNS:]
            score = told[..., 4] * wanted.amax(-1)
        seen = score > LEAST_SCORE
        if not seen.any():
            return images.new_zeros(())
        answers = [F.conv2d(self.features[name], weight, bias).flatten(2).transpose(1, 2) for name, (weight, bias) in self.rows.items()]
        apart = F.binary_cross_entropy_with_logits(torch.cat(answers, 1)[seen], wanted[seen], reduction="none").sum(-1)
        return (apart * score[seen]).sum() / score[seen].sum()
