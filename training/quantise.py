"""int8: ranges of activations, and the ONNX file with QuantizeLinear/DequantizeLinear pairs.

From the first convolution to the heads everything stays in 8 bits. Weights: signed, symmetric, one scale an output channel. Activations:
unsigned, one scale and zero point a tensor. Biases: 32 bits, in units of input scale · weight scale, as accumulators are. (Jacob et al. 2018,
"Quantization and training of neural networks for efficient integer-arithmetic-only inference".) A convolution's output is rounded before SiLU
and again behind it, so that SiLU is a table of 256 bytes. Whatever meets in Concat, MaxPool or Resize has one scale, so that these move bytes
and nothing else. The last convolutions of the heads give floats, and what follows them stays float.

Where the channels into a depthwise convolution have ranges of very different width, as behind the stem, each gets a scale of its own: the
narrow ones would drown in the step of the widest. This costs nothing in whole numbers, for such a convolution never adds channels together.

    python -m training.quantise --start training/work/hard/final.pt --out training/work/bearwatch-nano.onnx
"""

import argparse
import copy
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

#: Channels get scales of their own when the narrowest would be left with fewer steps than this of the widest one's scale.
LEAST_STEPS = 2

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
        #: Outputs of SiLU that only depthwise convolutions read: their channels may have scales of their own.
        self.apart = {name for name in self.silu if self.groups.get(name) == [name] and all(map(depthwise, readers[name]))}

    def root(self, name):
        while self.parents[name] != name:
            name = self.parents[name]
        return name


class Observer:
    """As `Network.watch`: remembers what goes into each SiLU and what comes out of each Add; everything else that is rounded follows from these."""

    def __init__(self, network):
        self.plan, self.seen = Plan(network), {}
        self.names = {*network.silu.values(), *(n.output[0] for n in network.nodes if n.op_type == "Add")}

    def __call__(self, name, x):
        if name in self.names:
            channels = x.detach().transpose(0, 1).flatten(1)
            # Drawn blindly: extremes that were always kept would count many times over, ranges come out too wide and scores 1.4 times as wrong.
            self.seen.setdefault(name, []).append(channels[:, torch.randint(channels.shape[1], (KEPT,))])

    def ranges(self):
        """Rounded tensor → scales and zero points: lists of one, or of one a channel. Those of the image are its bytes."""
        seen = {name: torch.cat(parts, 1).numpy() for name, parts in self.seen.items()}
        seen |= {after: silu(seen[before]) for after, before in self.plan.silu.items()}
        found = {}
        for names in self.plan.groups.values():
            values = [seen[name] for name in names if name in seen]
            apart = names[0] in self.plan.apart and uneven(values[0])
            if not values:
                ranges = [1.0], [0]
            elif apart:
                ranges = chosen(values[0])
            else:
                ranges = chosen([np.concatenate([v.ravel() for v in values])])
            found |= {name: ranges for name in names}
            for before in (self.plan.silu[name] for name in names if name in self.plan.silu):
                found[before] = chosen(seen[before] if apart else [seen[before].ravel()], silu)
        return found


def silu(x):
    return x / (1 + np.exp(-np.maximum(x, -80)))


def uneven(channels):
    widths = channels.max(1) - channels.min(1)
    return LEAST_STEPS * widths.max() > LEVELS * widths.min()


def chosen(channels, after=lambda x: x):
    scales, zeros = zip(*(best_range(values, after) for values in channels))
    return list(scales), list(zeros)


def best_range(values, after):
    """Scale and zero point with the least squared error of after(values), among ranges that cut off more or less of both ends."""
    if len(values) > MOST_VALUES:
        values = np.random.default_rng(1).choice(values, MOST_VALUES, replace=False)
    wanted = after(values)
    least, most = max(float(values.min()), SILU_ENDS), max(float(values.max()), 1e-3)
    candidates = []
    for low in np.unique(np.minimum(least * np.linspace(0.3, 1, 8), 0)):
        for high in most * np.geomspace(0.2, 1, 14):
            scale = float(high - low) / LEVELS
            zero = round(-low / scale)
            rounded = (np.clip(np.round(values / scale) + zero, 0, LEVELS) - zero) * scale
            candidates.append((float(((after(rounded) - wanted) ** 2).mean()), scale, zero))
    return min(candidates)[1:]


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
    nodes = _activation(graph, image, *ranges[image])
    rounded, gone = {image: nodes[-1].output[0]}, set()
    for node in map(copy.deepcopy, graph.node):
        if node.op_type == "Conv":
            source, weight, bias = node.input
            parameters = _parameters(floats[weight], floats[bias], np.float32(ranges[source][0]))
            for name, (values, of) in zip((weight, bias), parameters):
                nodes.append(_constant(graph, name, values, of))
                rounded[name] = nodes[-1].output[0]
                gone.add(name)
        node.input[:] = [rounded.get(name, name) for name in node.input]
        nodes.append(node)
        output = node.output[0]
        if output in ranges:
            nodes += _activation(graph, output, *ranges[output])
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


def _activation(graph, name, scales, zeros):
    """QuantizeLinear and DequantizeLinear of an activation.

    Those with a scale a channel are signed, which is the same but for 128: onnxruntime fails on a convolution whose input or output has such
    scales if it can take it for one in whole numbers, and it does so only if input and output are of one type.
    """
    stem = _stem(name)
    parameters = [f"{stem}_scale", f"{stem}_zero"]
    if len(scales) == 1:
        shape, axis, kind = [], {}, TensorProto.UINT8
    else:
        shape, axis, kind = [len(scales)], {"axis": 1}, TensorProto.INT8
        zeros = [zero - 128 for zero in zeros]
    graph.initializer.append(helper.make_tensor(parameters[0], TensorProto.FLOAT, shape, scales))
    graph.initializer.append(helper.make_tensor(parameters[1], kind, shape, zeros))
    return [
        helper.make_node("QuantizeLinear", [name, *parameters], [f"{stem}_int8"], **axis),
        helper.make_node("DequantizeLinear", [f"{stem}_int8", *parameters], [f"{stem}_rounded"], **axis),
    ]


def _constant(graph, name, values, scales):
    """DequantizeLinear of a weight or a bias."""
    stem = _stem(name)
    parameters = {f"{stem}_int": values, f"{stem}_scale": scales, f"{stem}_zero": np.zeros(len(scales), values.dtype)}
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in parameters.items())
    return helper.make_node("DequantizeLinear", list(parameters), [f"{stem}_rounded"], axis=0)


def _parameters(weight, bias, input_scales):
    """(whole numbers, scales) of a convolution's weight and of its bias."""
    scales = channel_scales(weight, bias, input_scales)
    rounded = np.clip(np.round(weight / scales[:, None, None, None]), -WEIGHT_LEVELS, WEIGHT_LEVELS)
    return (rounded.astype(np.int8), scales), (np.round(bias / (scales * input_scales)).astype(np.int32), scales * input_scales)


def channel_scales(weight, bias, input_scales):
    """Of a weight's output channels: the widest weight takes all levels, unless the bias would not fit."""
    return np.maximum(np.abs(weight).max((1, 2, 3)) / WEIGHT_LEVELS, np.maximum(np.abs(bias), 1e-6) / (input_scales * BIAS_LEVELS))


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
    pictures, _ = data.split(data.read_set(data.folder("BEARWATCH_DATA", "bears", "train")))
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
