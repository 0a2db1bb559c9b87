"""The networks, each as float and as int8 in the forms that runtimes like. All of it is made anew in a folder of work files."""

import json
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from .dense import densified
from .graphs import gmac, replace, resized, save

ROOT = Path(__file__).resolve().parent.parent.parent
CALIBRATION_PICTURES = 32
#: The second size of the model and of its dense counterpart.
SMALL = 320
#: The first opset with a scale for each channel of a weight.
OPSET = 13


@dataclass
class Network:
    name: str
    title: str
    note: str
    side: int
    #: Pixels become (pixel - mean) / std.
    mean: float = 0.0
    std: float = 1.0
    #: Name of a form -> ONNX file. "float" is always there; of the int8 forms the first is the one that bearwatch and tract run.
    forms: dict = field(default_factory=dict)
    calibration: np.ndarray = None
    #: Only bearwatch and onnxruntime are asked.
    brief: bool = False
    gmac: float = 0.0

    def int8_forms(self):
        return {form: file for form, file in self.forms.items() if form != "float"}


def networks(work, data, weights, seed, only=None):
    """Those that can be made, of the names in `only` if given: the base and its calibration need files that are not part of the project."""
    work.mkdir(parents=True, exist_ok=True)
    names = pictures(data / "bears" / "train", CALIBRATION_PICTURES, seed)
    makers = {
        "bearwatch-nano": lambda: committed(work),
        "nano-dense": lambda: dense(work),
        "bearwatch-nano-320": lambda: small(work),
        "nano-dense-320": lambda: dense(work, SMALL),
        "yolox-nano": lambda: base(work, weights),
        "squeezenet-1.1": lambda: squeezenet(work, seed),
    }
    if not weights:
        del makers["yolox-nano"]
    if strangers := set(only or []) - set(makers):
        sys.exit(f"no such network: {', '.join(sorted(strangers))}; there are {', '.join(makers)}")
    made = [make() for name, make in makers.items() if not only or name in only]
    for network in made:
        network.calibration = np.stack([letterbox(name, network) for name in names])
        network.gmac = gmac(network.forms["float"])
        quantise(network, work)
    return made


def committed(work):
    source = ROOT / "models" / "bearwatch-nano.onnx"
    card = json.loads(source.with_suffix(".json").read_text())
    network = Network("bearwatch-nano", f"bearwatch-nano, version {card['version']}", "the model of this project, int8 as committed", card["input"]["width"])
    model = onnx.load(source)
    network.forms["float"] = save(without_quantisation(model), work / "bearwatch-nano.float.onnx")
    network.forms["the file itself"] = source
    bytes_in = without_input_quantisation(onnx.load(source))
    if bytes_in:
        network.forms["the file, bytes in"] = save(bytes_in, work / "bearwatch-nano.bytes.onnx")
    return network


def small(work):
    """The committed file at another size: it was trained and calibrated at its own, so only its cost says something."""
    source = ROOT / "models" / "bearwatch-nano.onnx"
    note = f"the committed weights at {SMALL}×{SMALL}, for their cost: the model is neither trained nor calibrated for that size"
    network = Network("bearwatch-nano-320", "bearwatch-nano, smaller", note, SMALL, brief=True)
    network.forms["float"] = save(resized(without_quantisation(onnx.load(source)), SMALL), work / "bearwatch-nano-320.float.onnx")
    network.forms["the file itself"] = save(resized(onnx.load(source), SMALL), work / "bearwatch-nano-320.onnx")
    return network


def dense(work, side=None):
    """What the committed model's layers would cost as dense convolutions."""
    source = ROOT / "models" / "bearwatch-nano.onnx"
    note = (
        "each depthwise convolution of bearwatch-nano with the 1×1 behind it as one dense 3×3, each SiLU as ReLU; not trained, so of its "
        "outputs nothing is claimed, it is there for its cost; quantised by onnxruntime's tools"
    )
    full = json.loads(source.with_suffix(".json").read_text())["input"]["width"]
    name = f"nano-dense-{side}" if side else "nano-dense"
    network = Network(name, "bearwatch-nano made dense" + (", smaller" if side else ""), note, side or full, brief=bool(side))
    model = densified(without_quantisation(onnx.load(source)))
    network.forms["float"] = save(resized(model, network.side), work / f"{name}.float.onnx")
    return network


def base(work, weights):
    network = Network("yolox-nano", "YOLOX-Nano, COCO-80", "depthwise, SiLU; quantised by onnxruntime's tools", 416)
    network.forms["float"] = save(version_converter.convert_version(onnx.load(weights / "yolox_nano.onnx"), OPSET), work / "yolox-nano.float.onnx")
    return network


def squeezenet(work, seed):
    """The onnx package ships the graphs of published networks with a constant in place of each weight. Random weights of He's variance
    cost a runtime what trained ones do."""
    note = "dense 3×3 and 1×1, ReLU; published graph with random weights, so of its outputs nothing is claimed; quantised by onnxruntime's tools"
    network = Network("squeezenet-1.1", "SqueezeNet 1.1", note, 224, mean=114.0, std=58.0)
    model = onnx.load(Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / "light_squeezenet.onnx")
    graph, generator = model.graph, np.random.default_rng(seed)
    shapes = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    weights = []
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            shape = shapes[node.input[0]]
            spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) == 4 else 0.01
            weights.append(numpy_helper.from_array(generator.normal(0, spread, shape).astype(np.float32), node.output[0]))
    kept = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    picture = [one for one in graph.input if one.name in kept[0].input and one.name not in shapes]
    replace(graph.node, kept)
    small = [one for one in graph.initializer if any(one.name in node.input for node in kept)]
    replace(graph.initializer, [*small, *weights])
    replace(graph.input, picture)
    model.ir_version = 8
    network.forms["float"] = save(version_converter.convert_version(model, OPSET), work / "squeezenet.float.onnx")
    return network


def quantise(network, work):
    """The usual way: onnxruntime's tools, weights per channel, ranges by calibration."""
    prepared = work / f"{network.name}.prepared.onnx"
    quant_pre_process(network.forms["float"], prepared)
    for form, name in ((QuantFormat.QDQ, "QDQ"), (QuantFormat.QOperator, "QOperator")):
        file = work / f"{network.name}.{name.lower()}.onnx"
        quantize_static(
            prepared, file, Pictures(network), quant_format=form, per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8
        )
        network.forms[f"onnxruntime's {name}"] = file


class Pictures(CalibrationDataReader):
    def __init__(self, network):
        name = onnx.load(network.forms["float"]).graph.input[0].name
        self.rest = iter([{name: one[None]} for one in network.calibration])

    def get_next(self):
        return next(self.rest, None)


def pictures(folder, count, seed):
    names = sorted((folder / "images").glob("*.jpg"))
    random.Random(seed).shuffle(names)
    return names[:count]


def letterbox(file, network):
    """3 × side × side: blue, green, red; top left, the rest grey, as the models are trained."""
    image = Image.open(file).convert("RGB")
    ratio = min(network.side / image.width, network.side / image.height)
    width, height = round(image.width * ratio), round(image.height * ratio)
    planes = np.full((3, network.side, network.side), 114, np.float32)
    planes[:, :height, :width] = np.asarray(image.resize((width, height), Image.BILINEAR))[..., ::-1].transpose(2, 0, 1)
    return (planes - np.float32(network.mean)) / np.float32(network.std)


def without_quantisation(model):
    """The float network behind an int8 file of QuantizeLinear and DequantizeLinear: weights dequantised, activations passed on."""
    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    same_as, weights, kept = {}, [], []
    for node in graph.node:
        replace(node.input, [same_as.get(name, name) for name in node.input])
        if node.op_type == "DequantizeLinear" and node.input[0] in constants:
            weights.append(numpy_helper.from_array(dequantised(node, constants), node.output[0]))
        elif node.op_type == "DequantizeLinear":
            same_as[node.output[0]] = node.input[0]
        elif node.op_type == "QuantizeLinear" and clamps_at_zero(node, made_by, constants):
            kept.append(helper.make_node("Relu", [node.input[0]], [node.output[0]], name=node.name + "_relu"))
        elif node.op_type == "QuantizeLinear":
            same_as[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    # An output of the graph keeps its name.
    for out in graph.output:
        if out.name in same_as:
            kept.append(helper.make_node("Identity", [same_as[out.name]], [out.name]))
    used = {name for node in kept for name in node.input}
    replace(graph.node, kept)
    replace(graph.initializer, [one for one in [*graph.initializer, *weights] if one.name in used])
    del graph.value_info[:]
    return model


def clamps_at_zero(node, made_by, constants):
    """A range that begins at zero right behind a convolution or sum is that layer's ReLU."""
    maker = made_by.get(node.input[0])
    if maker is None or maker.op_type not in ("Conv", "Add"):
        return False
    zero = constants[node.input[2]] if len(node.input) > 2 else np.uint8(0)
    return bool(np.all(zero == np.iinfo(zero.dtype).min))


def dequantised(node, constants):
    value, scale = constants[node.input[0]].astype(np.float32), constants[node.input[1]]
    zero = constants[node.input[2]].astype(np.float32) if len(node.input) > 2 else np.float32(0)
    if scale.ndim:
        axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
        shape = [-1 if at == axis else 1 for at in range(value.ndim)]
        scale, zero = scale.reshape(shape), np.broadcast_to(zero, scale.shape).reshape(shape)
    return ((value - zero) * scale).astype(np.float32)


def without_input_quantisation(model):
    """The same file for bytes, as cameras give them; None unless the input meets one QuantizeLinear and that turns pixels into themselves."""
    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    takers = [node for node in graph.node if graph.input[0].name in node.input]
    if [node.op_type for node in takers] != ["QuantizeLinear"]:
        return None
    (first,) = takers
    scale, zero = (constants[name] for name in first.input[1:])
    if scale.ndim or scale != 1 or zero != 0 or zero.dtype != np.uint8:
        return None
    graph.node.remove(first)
    graph.input[0].name = first.output[0]
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    return model
