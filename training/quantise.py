"""int8: ranges of activations, and the ONNX file with QuantizeLinear/DequantizeLinear pairs.

From the first convolution to the heads everything stays in 8 bits. Weights: signed, symmetric, one scale an output channel. Activations:
unsigned, one scale and zero point a tensor. Biases: 32 bits, in units of input scale · weight scale, as accumulators are. (Jacob et al. 2018,
"Quantization and training of neural networks for efficient integer-arithmetic-only inference".) A convolution's output is rounded before SiLU
and again behind it, so that SiLU is a table of 256 bytes. Whatever meets in Concat, MaxPool or Resize has one scale, so that these move bytes
and nothing else. The last convolutions of the heads give floats, and what follows them stays float.

Where channels have ranges of very different width, as behind the stem, the narrow ones would drown in the step of the widest. There each channel
is brought to about the same width before it is rounded and back behind it, by a power of two of its own (and turned over, where it reaches far
below zero only). Before SiLU the convolution's weights hold the factor; behind it the weights of a depthwise convolution hold the inverse; and the
multiplications around SiLU go into a table of 256 bytes a channel. Every scale stays one a tensor, so that an engine of whole numbers has
nothing to compute in floats.

    python -m training.quantise --start training/work/hard/final.pt --out training/work/bearwatch-nano.onnx
"""

import argparse
import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.utils.data import DataLoader

from training import data, faults
from training.finetune import load_network
from training.network import Network
from training.samples import BATCH, Samples, collate

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


def whole_stem(model):
    """The same model with the stem as one convolution: of the image 6×6, stride 2, instead of 3×3 of its four slices of every other pixel."""
    model = copy.deepcopy(model)
    graph = model.graph
    tensors = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    tensors |= {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    slices = {n.output[0]: n for n in graph.node if n.op_type == "Slice"}
    joint = next(n for n in graph.node if n.op_type == "Concat")
    stem = next(n for n in graph.node if n.op_type == "Conv")
    weight = tensors[stem.input[1]]
    colours = weight.shape[1] // len(joint.input)
    whole = np.zeros((len(weight), colours, 6, 6), np.float32)
    for number, name in enumerate(joint.input):
        begin = {}
        while name in slices:
            _, first, _, axis, _ = slices[name].input
            begin[int(tensors[axis][0])] = int(tensors[first][0])
            name = slices[name].input[0]
        whole[:, :, begin[2] :: 2, begin[3] :: 2] = weight[:, number * colours :][:, :colours]
    next(i for i in graph.initializer if i.name == stem.input[1]).CopyFrom(numpy_helper.from_array(whole, stem.input[1]))
    kept = [n for n in graph.node if n.op_type != "Slice" and n is not joint]
    form = {"dilations": [1, 1], "group": 1, "kernel_shape": [6, 6], "pads": [2] * 4, "strides": [2, 2]}
    kept[kept.index(stem)] = helper.make_node("Conv", [graph.input[0].name, *stem.input[1:]], stem.output, **form)
    del graph.node[:]
    graph.node.extend(kept)
    read = {name for n in kept for name in n.input}
    used = [i for i in graph.initializer if i.name in read]
    del graph.initializer[:]
    graph.initializer.extend(used)
    return model


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


def to_int8(network, ranges):
    """The ONNX model of `network` in int8, from its first convolution to its heads."""
    model = network.to_onnx()
    graph = model.graph
    floats = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    image = graph.input[0].name
    nodes = _activation(graph, image, ranges[image])
    rounded, gone = {image: nodes[-1].output[0]}, set()
    for node in map(copy.deepcopy, graph.node):
        output = node.output[0]
        levels = ranges.get(output)
        factors = None if levels is None else levels.factors
        if node.op_type == "Conv":
            source, *names = node.input
            weight, bias = (floats[name] for name in names)
            if ranges[source].factors is not None:
                weight = weight / ranges[source].factors[:, None, None, None]
            if factors is not None:
                weight, bias = weight * factors[:, None, None, None], bias * factors
            for name, (values, of) in zip(names, _parameters(weight, bias, np.float32(ranges[source].scale))):
                nodes.append(_constant(graph, name, values, of))
                rounded[name] = nodes[-1].output[0]
                gone.add(name)
        node.input[:] = [rounded.get(name, name) for name in node.input]
        nodes.append(node)
        if levels is not None:
            scaled = output
            if factors is not None and node.op_type != "Conv":
                nodes.append(_times(graph, output, "levelled", factors))
                scaled = nodes[-1].output[0]
            nodes += _activation(graph, scaled, levels)
            if factors is not None and node.op_type == "Conv":
                nodes.append(_times(graph, nodes[-1].output[0], "restored", 1 / factors))
            rounded[output] = nodes[-1].output[0]
    del graph.node[:]
    graph.node.extend(nodes)
    kept = [i for i in graph.initializer if i.name not in gone]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    # 13 is the first operator set with one scale a channel.
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", 13))
    model.ir_version = 8
    model.producer_name = "bearwatch training"
    onnx.checker.check_model(model)
    return model


def _activation(graph, name, levels):
    """QuantizeLinear and DequantizeLinear of an activation."""
    stem = _stem(name)
    parameters = [f"{stem}_scale", f"{stem}_zero"]
    graph.initializer.append(helper.make_tensor(parameters[0], TensorProto.FLOAT, [], [levels.scale]))
    graph.initializer.append(helper.make_tensor(parameters[1], TensorProto.UINT8, [], [levels.zero]))
    return [
        helper.make_node("QuantizeLinear", [name, *parameters], [f"{stem}_int8"]),
        helper.make_node("DequantizeLinear", [f"{stem}_int8", *parameters], [f"{stem}_rounded"]),
    ]


def _times(graph, name, word, factors):
    """Multiplication of each channel by its factor."""
    output = f"{_stem(name)}_{word}"
    graph.initializer.append(numpy_helper.from_array(factors.reshape(1, -1, 1, 1), f"{output}_by"))
    return helper.make_node("Mul", [name, f"{output}_by"], [output])


def _constant(graph, name, values, scales):
    """DequantizeLinear of a weight or a bias."""
    stem = _stem(name)
    parameters = {f"{stem}_int": values, f"{stem}_scale": scales, f"{stem}_zero": np.zeros(len(scales), values.dtype)}
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in parameters.items())
    return helper.make_node("DequantizeLinear", list(parameters), [f"{stem}_rounded"], axis=0)


def _parameters(weight, bias, input_scale):
    """(whole numbers, scales) of a convolution's weight and of its bias."""
    scales = channel_scales(weight, bias, input_scale)
    rounded = np.clip(np.round(weight / scales[:, None, None, None]), -WEIGHT_LEVELS, WEIGHT_LEVELS)
    return (rounded.astype(np.int8), scales), (np.round(bias / (scales * input_scale)).astype(np.int32), scales * input_scale)


def channel_scales(weight, bias, input_scale):
    """Of a weight's output channels: the widest weight takes all levels, unless the bias would not fit."""
    return np.maximum(np.abs(weight).max((1, 2, 3)) / WEIGHT_LEVELS, np.maximum(np.abs(bias), 1e-6) / (input_scale * BIAS_LEVELS))


def _stem(name):
    """A name for what is made from a tensor; dots and colons trouble some readers."""
    return name.replace(".", "_").replace("::", "__")


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", type=Path, required=True, help="final.pt of training.finetune")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--most-pictures", type=int, default=BATCH * 16, help="pictures of train that ranges are taken from (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    network = Network(whole_stem(load_network(arguments.start).to_onnx()))
    pictures, _ = data.split(data.read_train())
    pictures = data.some(pictures, arguments.most_pictures)
    # As training shows them, darkened and noisy ones too: what the daemon sees at night must not fall outside the ranges.
    samples = Samples(pictures, [], 3, len(pictures))
    batches = DataLoader(samples, BATCH, collate_fn=collate)
    ranges = observe(network, (images for images, _ in batches))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(to_int8(network, ranges), arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
