"""Training of bearwatch's model; see README.md."""

import os

# OpenMP threads that spin while they wait make a busy machine ten times slower. Read when PyTorch loads, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
