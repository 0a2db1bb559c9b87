"""A network of dense convolutions and ReLU with the layers of a depthwise one: what its topology would cost in the arithmetic that
runtimes are best at. Nobody has trained it."""

import numpy as np
from onnx import helper, numpy_helper

from .graphs import replace


def densified(model):
    """Depthwise, SiLU and 1×1 become one dense convolution of the depthwise's window, stride and padding; each other SiLU a ReLU."""
    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    without_factors(graph, constants)
    takers = {}
    for node in graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    gone, made, folded = set(), {}, []
    for node in graph.node:
        product = silu_of(node.output[0], takers)
        if product is None:
            continue
        behind = takers.get(product.output[0], [])
        if depthwise(node, constants) and len(behind) == 1 and pointwise(behind[0], constants):
            convolution, weights = fold(node, behind[0], constants)
            made[id(behind[0])] = convolution
            folded += weights
            gone |= {id(one) for one in (node, *takers[node.output[0]])}
        else:
            sigmoid = next(one for one in takers[node.output[0]] if one is not product)
            gone.add(id(sigmoid))
            made[id(product)] = helper.make_node("Relu", [node.output[0]], [product.output[0]], name=f"{product.output[0]}_relu")
    kept = [made.get(id(node), node) for node in graph.node if id(node) not in gone]
    used = {name for node in kept for name in node.input}
    replace(graph.node, kept)
    replace(graph.initializer, [one for one in [*graph.initializer, *folded] if one.name in used])
    del graph.value_info[:]
    if left := [node.name for node in kept if depthwise(node, constants | {one.name: numpy_helper.to_array(one) for one in folded})]:
        raise ValueError(f"depthwise convolutions that are not as expected: {', '.join(left)}")
    return model


def without_factors(graph, constants):
    """Multiplications by constants, which equalise channels for quantising, would be part of a dense network's weights."""
    same_as, kept = {}, []
    for node in graph.node:
        replace(node.input, [same_as.get(name, name) for name in node.input])
        plain = [name for name in node.input if name not in constants]
        if node.op_type == "Mul" and len(plain) == 1:
            same_as[node.output[0]] = plain[0]
        else:
            kept.append(node)
    replace(graph.node, kept)


def silu_of(name, takers):
    """The multiplication of x × sigmoid(x), if that is all that is done with x."""
    users = takers.get(name, [])
    if sorted(one.op_type for one in users) != ["Mul", "Sigmoid"]:
        return None
    product, sigmoid = sorted(users, key=lambda one: one.op_type)
    return product if sorted(product.input) == sorted([name, sigmoid.output[0]]) else None


def depthwise(node, constants):
    return node.op_type == "Conv" and constants[node.input[1]].shape[:2] == (attributes(node).get("group", 1), 1)


def pointwise(node, constants):
    return node.op_type == "Conv" and attributes(node).get("group", 1) == 1 and constants[node.input[1]].shape[2:] == (1, 1)


def fold(first, second, constants):
    """The dense convolution, and its weight and bias: products of the two kernels."""
    narrow, wide = constants[first.input[1]], constants[second.input[1]][:, :, 0, 0]
    name = second.output[0]
    values = {
        f"{name}_dense": wide[:, :, None, None] * narrow[None, :, 0],
        f"{name}_bias": constants[second.input[2]] + wide @ constants[first.input[2]],
    }
    weights = [numpy_helper.from_array(value.astype(np.float32), key) for key, value in values.items()]
    asked = {key: value for key, value in attributes(first).items() if key != "group"}
    return helper.make_node("Conv", [first.input[0], *values], [name], name=f"{name}_folded", **asked), weights


def attributes(node):
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}
