"""The float file of a network in the formats of ncnn and LiteRT, made by their own converters."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import onnx

from .stem import without_slices


class NotConverted(Exception):
    """The converter's last words."""


def ncnn_files(network, work):
    folder = work / f"{network.name}.ncnn"
    source = work / f"{network.name}.ncnn.onnx"
    onnx.save(without_slices(onnx.load(network.forms["float"])), source)
    # The program alone: importing the package would ask for PyTorch.
    (package,) = importlib.util.find_spec("pnnx").submodule_search_locations
    convert(source, folder, [Path(package, "pnnx"), "network.onnx", "fp16=0"])
    return folder / "network.ncnn.param", folder / "network.ncnn.bin"


def litert_file(network, work, quantised):
    folder = work / f"{network.name}.litert"
    convert(network.forms["float"], folder, [Path(sys.executable).parent / "onnx2tf", "-i", "network.onnx", "-o", ".", "-tb", "flatbuffer_direct"])
    file = folder / "network_float32.tflite"
    return litert_int8(file, network) if quantised else file


def convert(file, folder, command):
    if folder.exists():
        return
    folder.mkdir()
    (folder / "network.onnx").write_bytes(file.read_bytes())
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    if done.returncode:
        raise NotConverted(f"{Path(command[0]).name} does not convert it: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}")


def litert_int8(float_file, network):
    """8 bits for weights, per channel, and activations: the recipe that LiteRT's own quantiser has for it."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    ((signature, ends),) = Interpreter(str(float_file)).get_signature_list().items()
    given = [{ends["inputs"][0]: one[None].transpose(0, 2, 3, 1)} for one in network.calibration]
    tool = quantizer.Quantizer(str(float_file))
    tool.load_quantization_recipe(recipe.static_wi8_ai8())
    out = float_file.with_name("network_int8.tflite")
    out.unlink(missing_ok=True)
    tool.quantize(tool.calibrate({signature: given})).export_model(str(out))
    return out
