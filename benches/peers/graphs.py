"""What any ONNX graph can be asked or told."""

import numpy as np
import onnx
from onnx import numpy_helper


def replace(field, values):
    """What protobuf's repeated fields have instead of assignment."""
    values = list(values)
    del field[:]
    field.extend(values)


def save(model, file):
    model = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    return file


def resized(model, side):
    """For pictures of another size: of a graph whose other shapes follow from its input's."""
    graph = model.graph
    for at in (2, 3):
        graph.input[0].type.tensor_type.shape.dim[at].dim_value = side
    for out in graph.output:
        out.type.tensor_type.ClearField("shape")
    del graph.value_info[:]
    return model


def gmac(file):
    """Milliards of multiplications with an addition in one inference: those of convolutions and matrices, by their shapes."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(file), strict_mode=True, data_prop=True).graph
    shapes = {one.name: [dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in [*graph.value_info, *graph.output, *graph.input]}
    shapes |= {one.name: list(one.dims) for one in graph.initializer}
    shapes |= {node.output[0]: numpy_helper.to_array(node.attribute[0].t).shape for node in graph.node if node.op_type == "Constant"}
    found = 0
    for node in graph.node:
        if node.op_type == "Conv":
            # Each number of the output takes one window of its group's channels.
            found += int(np.prod(shapes[node.output[0]])) * int(np.prod(shapes[node.input[1]][1:]))
        elif node.op_type in ("MatMul", "Gemm"):
            raise NotImplementedError(f"{file}: {node.op_type} is not counted yet")
    return round(found / 1e9, 4)
