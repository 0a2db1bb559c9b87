"""Runs a model some times in onnxruntime, with one thread, on a grey picture: onnxruntime_runs.py MODEL RUNS. Called under emulation."""

import sys

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
asked = session.get_inputs()[0]
picture = np.full(asked.shape, 114, np.uint8 if asked.type == "tensor(uint8)" else np.float32)
for _ in range(int(sys.argv[2])):
    session.run(None, {asked.name: picture})
