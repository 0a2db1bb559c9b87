"""What the bytes of a network stand for: which tensors are rounded to 8 bits, which of them share a scale, and the scales, chosen on pictures.

A convolution's output is rounded before SiLU and again behind it, so that SiLU is a table of 256 bytes. Whatever meets in Concat, MaxPool or
Resize has one scale, so that these move bytes and nothing else. The last convolutions of the heads give floats, and what follows them stays
float.

Where channels have ranges of very different width, as behind the stem, the narrow ones would drown in the step of the widest. There each channel
is brought to about the same width before it is rounded and back behind it, by a power of two of its own (and turned over, where it reaches far
below zero only). Before SiLU the convolution's weights hold the factor; behind it the weights of a depthwise convolution hold the inverse; and the
multiplications around SiLU go into a table of 256 bytes a channel. Every scale stays one a tensor, so that an engine of whole numbers has
nothing to compute in floats.
"""

import json
import os
from dataclasses import dataclass

import numpy as np
import torch

WEIGHT_LEVELS = 127
LEVELS = 255

#: Steps that the largest bias of a channel may take of its 32 bits; the accumulator needs the rest.
BIAS_LEVELS = 2**30

#: Places of each tensor and batch whose values are kept to choose its range from.
KEPT = 512

#: Values that a range is chosen on, at most.
MOST_VALUES = 60_000

#: SiLU of anything below is zero but for 0.0005.
SILU_ENDS = -10.0

#: Channels are brought to one width when the narrowest would be left with fewer steps than this of the widest one's scale.
LEAST_STEPS = 2

#: Zero points that the channels may then share, and doublings by which a channel's factor may differ from that with the scale that it would have alone.
SHARED_ZEROS = range(0, 136, 8)
STEPS = range(-3, 2)

#: Operators that move values and never change them: what they join has one scale.
MOVES = ("Concat", "MaxPool", "Resize")


class Plan:
    """Which tensors of a network are rounded to 8 bits, and which of them share a scale."""

    def __init__(self, network):
        image = network.model.graph.input[0].name
        #: Rounded tensor → another one with the same scale, or itself (union-find).
        self.parents = {image: image}
        #: Output of SiLU → its input, which is rounded too.
        self.silu = network.silu
        readers = {}
        for node in network.nodes:
            output, inputs = node.output[0], [name for name in node.input if name and name not in network.constants]
            for name in inputs:
                readers.setdefault(name, []).append(node)
            if output in self.silu or node.op_type in ("Add", *MOVES) and all(name in self.parents for name in inputs):
                self.parents[output] = output
                for name in inputs if node.op_type in MOVES else ():
                    self.parents[self.root(name)] = output
        #: Tensors of one scale, by their root.
        self.groups = {}
        for name in self.parents:
            self.groups.setdefault(self.root(name), []).append(name)
        depthwise = lambda node: node.op_type == "Conv" and network.attributes[node.output[0]]["group"] > 1
        #: Outputs of SiLU that only depthwise convolutions read: their channels may be brought to one width.
        self.apart = {name for name in self.silu if self.groups.get(name) == [name] and all(map(depthwise, readers[name]))}

    def root(self, name):
        while self.parents[name] != name:
            name = self.parents[name]
        return name


@dataclass
class Levels:
    """What the bytes of a rounded tensor stand for: (byte - zero) · scale, divided by the channel's factor if there are any."""

    scale: float
    zero: int
    factors: np.ndarray | None = None


class Observer:
    """As `Network.watch`: remembers what goes into each SiLU and what comes out of each Add; everything else that is rounded follows from these."""

    def __init__(self, network):
        self.plan, self.seen = Plan(network), {}
        self.names = {*network.silu.values(), *(n.output[0] for n in network.nodes if n.op_type == "Add")}

    def __call__(self, name, x):
        if name in self.names:
            channels = x.detach().transpose(0, 1).flatten(1)
            # Drawn blindly: extremes that were always kept would count many times over, and ranges come out too wide.
            self.seen.setdefault(name, []).append(channels[:, torch.randint(channels.shape[1], (KEPT,))])

    def ranges(self):
        """Rounded tensor → Levels. Those of the image are its bytes."""
        seen = {name: torch.cat(parts, 1).numpy() for name, parts in self.seen.items()}
        seen |= {after: silu(seen[before]) for after, before in self.plan.silu.items()}
        found = {}
        for names in self.plan.groups.values():
            values = [seen[name] for name in names if name in seen]
            if not values:
                levels = Levels(1.0, 0)
            elif names[0] in self.plan.apart and uneven(values[0]):
                levels = level(values[0])
            else:
                levels = best_range(np.concatenate([v.ravel() for v in values]))
            found |= {name: levels for name in names}
        for before in self.plan.silu.values():
            found[before] = (level if uneven(seen[before]) else best_range)(seen[before], silu)
        return found


def silu(x):
    return x / (1 + np.exp(-np.maximum(x, -80)))


def uneven(channels):
    widths = channels.max(1) - channels.min(1)
    return LEAST_STEPS * widths.max() > LEVELS * widths.min()


def error(values, wanted, after, scale, zero):
    """Mean square by which after(values) is off `wanted` when the values are rounded."""
    rounded = (np.clip(np.round(values / scale) + zero, 0, LEVELS) - zero) * scale
    return float(((after(rounded) - wanted) ** 2).mean())


def best_range(values, after=lambda x: x):
    """Levels with the least squared error of after(values), among ranges that cut off more or less of both ends."""
    values = values.ravel()
    if len(values) > MOST_VALUES:
        values = np.random.default_rng(1).choice(values, MOST_VALUES, replace=False)
    wanted = after(values)
    least, most = max(float(values.min()), SILU_ENDS), max(float(values.max()), 1e-3)
    candidates = []
    for low in np.unique(np.minimum(least * np.linspace(0.3, 1, 8), 0)):
        for high in most * np.geomspace(0.2, 1, 14):
            scale = float(high - low) / LEVELS
            zero = round(-low / scale)
            candidates.append((error(values, wanted, after, scale, zero), scale, zero))
    return Levels(*min(candidates)[1:])


def level(channels, after=lambda x: x):
    """Levels whose factors bring the channels to one width: the least sum of squared errors, each in parts of that with levels of its own."""
    places = MOST_VALUES // len(channels)
    if channels.shape[1] > places:
        channels = channels[:, np.random.default_rng(1).choice(channels.shape[1], places, replace=False)]
    wanted, own = after(channels), [best_range(values, after) for values in channels]
    least = [error(*of, after, levels.scale, levels.zero) + 1e-12 for *of, levels in zip(channels, wanted, own)]
    candidates = []
    for scale in max(levels.scale for levels in own) * 2.0 ** -np.arange(0, 1, 0.25):
        for zero in SHARED_ZEROS:
            total, factors = 0, []
            for values, want, levels, unit in zip(channels, wanted, own, least):
                middle = np.round(np.log2(scale / levels.scale))
                tries = [sign * 2.0 ** (middle + step) for step in STEPS for sign in (1, -1)]
                off, factor = min((error(values * f, want, lambda x: after(x / f), scale, zero), f) for f in tries)
                total += off / unit
                factors.append(factor)
            candidates.append((total, float(scale), zero, factors))
    _, scale, zero, factors = min(candidates)
    return Levels(scale, zero, np.float32(factors))


@torch.no_grad()
def observe(network, batches):
    """Ranges of everything that is rounded, over batches of images."""
    network.watch = observer = Observer(network)
    for images in batches:
        network(images)
    network.watch = None
    return observer.ranges()


def channel_scales(weight, bias, input_scale):
    """Of a weight's output channels: the widest weight takes all levels, unless the bias would not fit."""
    return np.maximum(np.abs(weight).max((1, 2, 3)) / WEIGHT_LEVELS, np.maximum(np.abs(bias), 1e-6) / (input_scale * BIAS_LEVELS))


def save(levels, path):
    """By tensor, as JSON."""
    told = {name: [of.scale, of.zero, None if of.factors is None else of.factors.tolist()] for name, of in levels.items()}
    path.with_suffix(".new").write_text(json.dumps(told) + "\n")
    os.replace(path.with_suffix(".new"), path)


def load(path):
    """What `save` wrote."""
    told = json.loads(path.read_text())
    return {name: Levels(scale, zero, None if factors is None else np.float32(factors)) for name, (scale, zero, factors) in told.items()}
