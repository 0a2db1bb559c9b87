"""YOLOX's first step for runtimes without strided slices (ncnn): slices of every second pixel, side by side, and a 3×3 convolution are
one 6×6 convolution of stride 2, with the same products and sums."""

import numpy as np
from onnx import helper, numpy_helper


def without_slices(model):
    graph = model.graph
    if not any(graph.input[0].name in node.input and node.op_type == "Slice" for node in graph.node):
        return model
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    constants |= {node.output[0]: numpy_helper.to_array(node.attribute[0].t) for node in graph.node if node.op_type == "Constant"}
    made_by = {name: node for node in graph.node for name in node.output}
    beside = next(node for node in graph.node if node.op_type == "Concat")
    convolution = next(node for node in graph.node if beside.output[0] in node.input)
    narrow = constants[convolution.input[1]]
    wide = np.zeros((narrow.shape[0], 3, 6, 6), np.float32)
    for at, name in enumerate(beside.input):
        dy, dx = first_pixel(made_by, constants, name)
        wide[:, :, dy::2, dx::2] = narrow[:, 3 * at : 3 * at + 3]
    weight = numpy_helper.from_array(wide, convolution.input[1] + "_wide")
    made = helper.make_node(
        "Conv",
        [graph.input[0].name, weight.name, *convolution.input[2:]],
        convolution.output,
        kernel_shape=[6, 6],
        strides=[2, 2],
        pads=[2, 2, 2, 2],
    )
    at = list(graph.node).index(convolution)
    graph.node.remove(convolution)
    graph.node.insert(at, made)
    graph.initializer.append(weight)
    for node in [beside, *[node for node in graph.node if node.op_type == "Slice"]]:
        graph.node.remove(node)
    return model


def first_pixel(made_by, constants, name):
    """Row and column at which slices behind each other begin."""
    begins = {2: 0, 3: 0}
    while (node := made_by.get(name)) is not None:
        starts, _, axes = (constants[one] for one in node.input[1:4])
        begins |= dict(zip(axes.tolist(), starts.tolist()))
        name = node.input[0]
    return begins[2], begins[3]
