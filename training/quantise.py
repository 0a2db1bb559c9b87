"""The int8 file: ONNX with QuantizeLinear/DequantizeLinear pairs.

From the first convolution to the heads everything stays in 8 bits. Weights: signed, symmetric, one scale an output channel. Activations:
unsigned, one scale and zero point a tensor (`levels.py`). Biases: 32 bits, in units of input scale · weight scale, as accumulators are. (Jacob et
al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference".)

A network that was trained through the rounding (`rounded.py`) keeps the scales that it was trained with; for another they are chosen here.

    python -m training.quantise --start training/work/int8/final.pt --out training/work/bearwatch-nano.onnx
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from training import data, faults, levels
from training.finetune import load_network, scales_of
from training.levels import WEIGHT_LEVELS, channel_scales
from training.rounded import rounded


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
        of = ranges.get(output)
        factors = None if of is None else of.factors
        if node.op_type == "Conv":
            source, *names = node.input
            weight, bias = (floats[name] for name in names)
            if ranges[source].factors is not None:
                weight = weight / ranges[source].factors[:, None, None, None]
            if factors is not None:
                weight, bias = weight * factors[:, None, None, None], bias * factors
            for name, (values, scales) in zip(names, _parameters(weight, bias, np.float32(ranges[source].scale))):
                nodes.append(_constant(graph, name, values, scales))
                rounded[name] = nodes[-1].output[0]
                gone.add(name)
        node.input[:] = [rounded.get(name, name) for name in node.input]
        nodes.append(node)
        if of is not None:
            scaled = output
            if factors is not None and node.op_type != "Conv":
                nodes.append(_times(graph, output, "levelled", factors))
                scaled = nodes[-1].output[0]
            nodes += _activation(graph, scaled, of)
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


def _activation(graph, name, of):
    """QuantizeLinear and DequantizeLinear of an activation."""
    stem = _stem(name)
    parameters = [f"{stem}_scale", f"{stem}_zero"]
    graph.initializer.append(helper.make_tensor(parameters[0], TensorProto.FLOAT, [], [of.scale]))
    graph.initializer.append(helper.make_tensor(parameters[1], TensorProto.UINT8, [], [of.zero]))
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


def _stem(name):
    """A name for what is made from a tensor; dots and colons trouble some readers."""
    return name.replace(".", "_").replace("::", "__")


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", type=Path, required=True, help="final.pt of training.finetune")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--most-pictures", type=int, help="choose scales on so many pictures only, to try the chain out")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    network = load_network(arguments.start)
    if scales_of(arguments.start).exists():
        ranges = levels.load(scales_of(arguments.start))
    else:
        pictures, _ = data.split(data.read_train())
        network = rounded(network, data.some(pictures, arguments.most_pictures), 3)
        ranges = network.levels
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(to_int8(network, ranges), arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
