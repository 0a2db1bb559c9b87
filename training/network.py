"""YOLOX-Nano as a trainable PyTorch module, run straight from its ONNX graph.

The graph needs eleven operators, so it is interpreted here: every initialiser of a convolution is a parameter under its own name, and
a trained network is written back into the very graph that it came from. What PyTorch trains is what the ONNX file computes.
"""

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

from training import faults

#: Our classes, in the order of the model's channels, and the COCO rows (0..79) that each starts from (mean of several).
CLASSES = {
    "bear": [21],
    "person": [0],
    # bird, cat, dog, horse, sheep, cow, elephant, zebra, giraffe
    "animal": [14, 15, 16, 17, 18, 19, 20, 22, 23],
}
BEAR = list(CLASSES).index("bear")
STRIDES = (8, 16, 32)
BOX_COLUMNS = 5  # centre x, y, log width, height, objectness


def read_base(path: Path) -> onnx.ModelProto:
    """The base with its 80 classes; a clear fault if it is not there or not YOLOX-Nano."""
    if not path.is_file():
        raise faults.Fault(f"BEARWATCH_WEIGHTS: {path} is missing; point the variable to the folder with yolox_nano.onnx")
    try:
        model = onnx.load(path)
        has_heads = any(i.name == "head.cls_preds.0.weight" for i in model.graph.initializer)
    except Exception as error:
        raise faults.Fault(f"{path} cannot be read as ONNX ({error}); copy the file again") from error
    if not has_heads:
        raise faults.Fault(f"{path} is not the YOLOX-Nano export with head.cls_preds.*; take the file that README.md names")
    return model


def with_our_classes(base: onnx.ModelProto) -> onnx.ModelProto:
    """Replaces the 80 class rows of each head by ours, so that training starts from what COCO taught."""
    model = copy.deepcopy(base)
    for tensor in model.graph.initializer:
        if tensor.name.startswith("head.cls_preds."):
            rows = numpy_helper.to_array(tensor)
            ours = np.stack([rows[indices].mean(axis=0) for indices in CLASSES.values()])
            tensor.CopyFrom(numpy_helper.from_array(ours.astype(np.float32), tensor.name))
    columns = BOX_COLUMNS + len(CLASSES)
    _set_columns(model, columns)
    return model


def _set_columns(model: onnx.ModelProto, columns: int) -> None:
    """Writes the number of output columns into the shapes that hold it: the reshape targets and the declared output."""
    targets = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for tensor in model.graph.initializer:
        if tensor.name in targets:
            shape = numpy_helper.to_array(tensor).copy()
            shape[1] = columns
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] in targets:
            shape = numpy_helper.to_array(node.attribute[0].t).copy()
            shape[1] = columns
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(shape))
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = columns
    # Shapes of the inner values would contradict the new heads; runtimes infer them anew.
    del model.graph.value_info[:]


def whole_stem(model):
    """The same model with the stem as one convolution: of the image 6×6, stride 2, instead of 3×3 of its four slices of every other pixel."""
    model = copy.deepcopy(model)
    graph = model.graph
    tensors = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    tensors |= {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    slices = {n.output[0]: n for n in graph.node if n.op_type == "Slice"}
    if not slices:
        return model
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
    kept[kept.index(stem)] = onnx.helper.make_node("Conv", [graph.input[0].name, *stem.input[1:]], stem.output, **form)
    del graph.node[:]
    graph.node.extend(kept)
    read = {name for n in kept for name in n.input}
    used = [i for i in graph.initializer if i.name in read]
    del graph.initializer[:]
    graph.initializer.extend(used)
    return model


class Network(nn.Module):
    """Runs the graph. Input B×3×H×W (BGR, 0..255; H and W multiples of 32), output B×N×(5 + classes) for any B, H, W.

    `watch`, when set, is called with the name and the value of everything that is computed; SiLU counts as one step.
    """

    def __init__(self, model: onnx.ModelProto):
        super().__init__()
        self.model = copy.deepcopy(model)
        self.constants = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = torch.from_numpy(numpy_helper.to_array(node.attribute[0].t).copy())
        self.nodes = [n for n in self.model.graph.node if n.op_type != "Constant"]
        self.attributes = {n.output[0]: {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute} for n in self.nodes}
        names = [name for n in self.nodes if n.op_type == "Conv" for name in n.input[1:]]
        self.weights = nn.ParameterDict({key_of(name): nn.Parameter(self.constants.pop(name)) for name in names})
        # Ten times faster than PyTorch's own order on the CPUs that this was measured on.
        for weight in self.parameters():
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        self.watch = None
        # x · sigmoid(x) as one operation: faster and leaner to differentiate.
        gates = {n.output[0]: n.input[0] for n in self.nodes if n.op_type == "Sigmoid"}
        self.silu = {n.output[0]: n.input[0] for n in self.nodes if n.op_type == "Mul" and gates.get(n.input[1]) == n.input[0]}
        fused = {n.input[1] for n in self.nodes if n.output[0] in self.silu}
        self.nodes = [n for n in self.nodes if n.output[0] not in fused]

    def forward(self, images: torch.Tensor, logits: bool = False) -> torch.Tensor:
        """`logits`: leave out the sigmoid of objectness and class scores, for a loss that is stable."""
        values = {self.model.graph.input[0].name: images}
        for node in self.nodes:
            values[node.output[0]] = self._run(node, values, logits)
            if self.watch is not None:
                self.watch(node.output[0], values[node.output[0]])
        return values[self.model.graph.output[0].name]

    def _run(self, node, values, logits):
        get = lambda name: values[name] if name in values else self.constants[name]
        attributes = self.attributes[node.output[0]]
        x = values.get(node.input[0])
        match node.op_type:
            case "Conv":
                weight, bias = self.parameters_of(node)
                pad = attributes["pads"][0]
                return F.conv2d(x, weight, bias, attributes["strides"], pad, attributes["dilations"], attributes["group"])
            case "Mul" if node.output[0] in self.silu:
                return F.silu(x)
            case "Sigmoid":
                return x if logits else torch.sigmoid(x)
            case "Add":
                return x + get(node.input[1])
            case "Concat":
                return torch.cat([values[name] for name in node.input], attributes["axis"])
            case "MaxPool":
                return F.max_pool2d(x, attributes["kernel_shape"], attributes["strides"], attributes["pads"][0])
            case "Resize":
                return F.interpolate(x, scale_factor=2.0, mode="nearest")
            case "Slice":
                begin, end, axis, step = (get(name).item() for name in node.input[1:])
                index = [slice(None)] * x.ndim
                index[axis] = slice(begin, min(end, x.shape[axis]), step)
                return x[tuple(index)]
            case "Reshape":
                return x.flatten(2)
            case "Transpose":
                return x.permute(attributes["perm"])
        raise faults.Fault(f"operator {node.op_type} of the base is not known here; take the file that README.md names")

    def parameters_of(self, node) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias of a convolution."""
        weight, bias = (self.weights[key_of(name)] for name in node.input[1:])
        return weight, bias

    def early(self) -> list[nn.Parameter]:
        """Parameters before the features of stride 8: edges, colours and textures, the same for all animals and half of the cost."""
        # The stem halves by slicing, or by its own stride where it is whole.
        names, halvings = [], int(any(node.op_type == "Slice" for node in self.nodes))
        for node in self.nodes:
            if node.op_type == "Conv":
                halvings += self.attributes[node.output[0]]["strides"][0] == 2
                if halvings == 3:
                    break
                names += node.input[1:]
        return [self.weights[key_of(name)] for name in names]

    def to_onnx(self) -> onnx.ModelProto:
        """The graph with the weights as they are now, float32."""
        model = copy.deepcopy(self.model)
        for tensor in model.graph.initializer:
            if key_of(tensor.name) in self.weights:
                weight = self.weights[key_of(tensor.name)].detach().numpy()
                tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
        return model


def key_of(name: str) -> str:
    """Parameter names must not hold dots."""
    return name.replace(".", "/")


def grid(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cell (column, row) N×2 and stride N×1 of every output row, in the model's order."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        cells.append(torch.stack([columns, rows], -1).reshape(-1, 2))
        strides.append(torch.full((cells[-1].shape[0], 1), stride))
    return torch.cat(cells).float(), torch.cat(strides).float()


def boxes(output: torch.Tensor, cells: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """Centre x, y, width, height in input pixels of raw rows (…×N×≥4)."""
    centre = (output[..., :2] + cells) * strides
    # e^8 cells is far beyond any input; keeps a wild row finite.
    size = output[..., 2:4].clamp(max=8).exp() * strides
    return torch.cat([centre, size], -1)
