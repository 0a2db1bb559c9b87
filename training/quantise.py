"""int8: ranges of activations, and the ONNX file with QuantizeLinear/DequantizeLinear pairs.

Inputs of convolutions are rounded to 8 bits, unsigned, one scale a tensor; their weights to 8 bits, symmetric, one scale an output channel.
Biases and everything between stay float. (Krishnamoorthi 2018, "Quantizing deep convolutional networks for efficient inference".)

Where the channels into a depthwise convolution have ranges of very different width, as behind the stem, each gets a scale of its own: the
narrow ones would drown in the step of the widest. This costs nothing in whole numbers, for such a convolution never adds channels together.
It is what makes training with rounding needless here: without it the bear score of every second bear is lost, with it next to none.

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
from training.samples import BATCH, Samples, collate

WEIGHT_LEVELS = 127
INPUT_LEVELS = 255

#: Places of each tensor and batch whose values are kept to choose its range from.
KEPT = 256

#: Channels get scales of their own when the narrowest would be left with fewer steps than this of the widest one's scale.
LEAST_STEPS = 2


class Observer:
    """As `Network.watch`: remembers what goes into each convolution."""

    def __init__(self):
        self.seen, self.depthwise = {}, {}

    def __call__(self, name, x, weight):
        channels = x.detach().transpose(0, 1).flatten(1)
        some = channels[:, torch.randint(channels.shape[1], (KEPT,))]
        # The extremes always, for they decide whether clipping pays.
        low, high = channels.amin(1, keepdim=True), channels.amax(1, keepdim=True)
        self.seen.setdefault(name, []).append(torch.cat([some, low, high], 1))
        self.depthwise[name] = self.depthwise.get(name, True) and weight.shape[1] == 1

    def ranges(self):
        """name → scales and zero points: lists of one, or of one a channel."""
        return {name: self._range(name, torch.cat(parts, 1).numpy()) for name, parts in self.seen.items()}

    def _range(self, name, channels):
        widths = channels.max(1) - channels.min(1)
        uneven = self.depthwise[name] and LEAST_STEPS * widths.max() > INPUT_LEVELS * widths.min()
        found = [best_range(values) for values in (channels if uneven else [channels.ravel()])]
        return [scale for scale, _ in found], [zero for _, zero in found]


def best_range(values):
    """Scale and zero point with the least squared error among ranges that cut off more or less of both tails."""
    candidates = []
    for cut in (0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3):
        low, high = np.quantile(values, [cut, 1 - cut])
        low, high = min(float(low), 0.0), max(float(high), 1e-3)
        scale = (high - low) / INPUT_LEVELS
        zero = round(-low / scale)
        rounded = (np.clip(np.round(values / scale) + zero, 0, INPUT_LEVELS) - zero) * scale
        candidates.append((float(((rounded - values) ** 2).mean()), scale, zero))
    return min(candidates)[1:]


def channel_scales(weight):
    return weight.abs().amax(dim=(1, 2, 3)).clamp(min=1e-8) / WEIGHT_LEVELS


@torch.no_grad()
def observe(network, batches):
    """Ranges for each convolution's input over batches of images; those of the image itself are its bytes."""
    network.watch = observer = Observer()
    for images in batches:
        network(images)
    network.watch = None
    first = next(n.input[0] for n in network.nodes if n.op_type == "Conv")
    return {**observer.ranges(), first: ([1.0], [0])}


def to_int8(network, ranges):
    """The ONNX model of `network` with its weights, and the inputs of its convolutions, in int8."""
    model = network.to_onnx()
    graph = model.graph
    floats = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    nodes, done, gone = [], {}, set()
    for node in graph.node:
        if node.op_type == "Conv":
            node = copy.deepcopy(node)
            source, weight = node.input[0], node.input[1]
            for name in (source, weight):
                if name not in done:
                    pair = _weight(graph, name, floats[name]) if name == weight else _activation(graph, name, *ranges[name])
                    nodes.extend(pair)
                    done[name] = pair[-1].output[0]
            gone.add(weight)
            node.input[0], node.input[1] = done[source], done[weight]
        nodes.append(node)
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
    stem = name.replace(".", "_").replace("::", "__")
    parameters = [f"{stem}_scale", f"{stem}_zero"]
    shape, axis = ([], {}) if len(scales) == 1 else ([len(scales)], {"axis": 1})
    graph.initializer.append(helper.make_tensor(parameters[0], TensorProto.FLOAT, shape, scales))
    graph.initializer.append(helper.make_tensor(parameters[1], TensorProto.UINT8, shape, zeros))
    return [
        helper.make_node("QuantizeLinear", [name, *parameters], [f"{stem}_int8"], **axis),
        helper.make_node("DequantizeLinear", [f"{stem}_int8", *parameters], [f"{stem}_rounded"], **axis),
    ]


def _weight(graph, name, weight):
    stem = name.replace(".", "_").replace("::", "__")
    scales = channel_scales(torch.from_numpy(weight.copy())).numpy()
    rounded = np.clip(np.round(weight / scales[:, None, None, None]), -WEIGHT_LEVELS, WEIGHT_LEVELS).astype(np.int8)
    parameters = {f"{stem}_int8": rounded, f"{stem}_scale": scales, f"{stem}_zero": np.zeros(len(scales), np.int8)}
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in parameters.items())
    return [helper.make_node("DequantizeLinear", list(parameters), [f"{stem}_rounded"], axis=0)]


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
    network = load_network(arguments.start)
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
