"""Runtimes, each with one thread. A contender is built for a network and then gives `run_ms()`, the milliseconds of one run on the
picture it was built with, and `output()`, what came of it."""

import time
from dataclasses import dataclass
from typing import Callable

import numpy as np

from .converted import NotConverted, litert_file, ncnn_files
from .served import NotServed, Served


@dataclass
class Contender:
    #: Runtime and kind of arithmetic; of several forms of one the fastest is shown.
    name: str
    form: str
    build: Callable


class NotMeasured(Exception):
    """Why a contender is not among the measured."""


#: What may keep a contender from being built.
REASONS = (NotMeasured, NotConverted, NotServed)


def contenders(network, program, work):
    quantised = network.int8_forms()
    first = next(iter(quantised))
    bytes_in = [form for form in quantised if form.endswith("bytes in")]
    found = [
        Contender("bearwatch int8", first, lambda x: served(program, quantised[first], "ours", network, x, work)),
        Contender("tract int8", first, lambda x: served(program, quantised[first], "tract", network, x, work)),
        Contender("tract float", "float", lambda x: served(program, network.forms["float"], "tract", network, x, work)),
        *(Contender("onnxruntime int8", form, lambda x, file=file: OnnxRuntime(file, x)) for form, file in quantised.items()),
        Contender("onnxruntime float", "float", lambda x: OnnxRuntime(network.forms["float"], x)),
    ]
    if network.brief:
        return [one for one in found if one.name.startswith(("bearwatch", "onnxruntime"))]
    for form in [first, *bytes_in, "onnxruntime's QDQ"]:
        if form not in [one.form for one in found if one.name == "OpenVINO int8"]:
            found.append(Contender("OpenVINO int8", form, lambda x, form=form: OpenVino(quantised[form], x)))
    return [
        *found,
        Contender("OpenVINO float", "as it likes (bfloat16 where the processor has it)", lambda x: OpenVino(network.forms["float"], x)),
        Contender("OpenVINO float", "float32", lambda x: OpenVino(network.forms["float"], x, "f32")),
        Contender("ncnn float", "converted by pnnx", lambda x: Ncnn(network, x, work)),
        Contender("ncnn int8", "", lambda x: missing("its Python package has no tool that quantises")),
        Contender("LiteRT float", "converted by onnx2tf", lambda x: LiteRt(network, x, work, quantised=False)),
        Contender("LiteRT int8", "converted by onnx2tf, quantised by its own tool", lambda x: LiteRt(network, x, work, quantised=True)),
        Contender("rten", "", lambda x: missing("it has no Python package")),
    ]


def missing(why):
    raise NotMeasured(why)


def served(program, *told):
    return Served(program, *told) if program else missing("benches/network.rs is not built")


class Timed:
    """Times `run`, which answers with an output."""

    last = None

    def run_ms(self):
        begun = time.perf_counter()
        self.last = self.run()
        return (time.perf_counter() - begun) * 1e3

    def output(self):
        return np.asarray(self.last, np.float32)

    def close(self):
        pass


class OnnxRuntime(Timed):
    def __init__(self, file, picture):
        self.session = session(file)
        asked = self.session.get_inputs()[0]
        self.feed = {asked.name: picture.astype(np.uint8 if asked.type == "tensor(uint8)" else np.float32)}

    def run(self):
        return self.session.run(None, self.feed)[0]


def session(file):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


class OpenVino(Timed):
    def __init__(self, file, picture, precision=None):
        import openvino

        told = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        if precision:
            told["INFERENCE_PRECISION_HINT"] = precision
        compiled = openvino.Core().compile_model(str(file), "CPU", told)
        self.request = compiled.create_infer_request()
        self.picture = picture.astype(compiled.input(0).element_type.to_dtype())

    def run(self):
        self.request.infer([self.picture], share_inputs=True)
        return self.request.get_output_tensor(0).data


class Ncnn(Timed):
    def __init__(self, network, picture, work):
        import ncnn

        self.ncnn, self.net = ncnn, ncnn.Net()
        self.net.opt.num_threads = 1
        graph, weights = ncnn_files(network, work)
        if self.net.load_param(str(graph)) or self.net.load_model(str(weights)):
            raise NotMeasured("ncnn does not load what pnnx made of it")
        self.picture = np.ascontiguousarray(picture[0])

    def run(self):
        with self.net.create_extractor() as extractor:
            extractor.input("in0", self.ncnn.Mat(self.picture))
            return np.array(extractor.extract("out0")[1])


class LiteRt(Timed):
    def __init__(self, network, picture, work, quantised):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(str(litert_file(network, work, quantised)), num_threads=1)
        self.interpreter.allocate_tensors()
        asked, given = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]
        self.at, self.out, self.levels = asked["index"], given["index"], given["quantization"]
        # As with bearwatch, rounding the picture to bytes is the camera's side and not timed.
        self.picture = to_levels(np.ascontiguousarray(picture.transpose(0, 2, 3, 1)), asked)

    def run(self):
        self.interpreter.set_tensor(self.at, self.picture)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.out)

    def output(self):
        scale, zero = self.levels
        return (super().output() - zero) * scale if scale else super().output()


def to_levels(values, asked):
    if asked["dtype"] == np.float32:
        return values
    scale, zero = asked["quantization"]
    bounds = np.iinfo(asked["dtype"])
    return np.clip(np.round(values / scale + zero), bounds.min, bounds.max).astype(asked["dtype"])
