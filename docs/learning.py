"""Measures what docs/learning.md states, what more pictures would bring and what the label fixes brought, and writes that page wholly from the measurement.

    python3 docs/learning.py --python training/.venv/bin/python     trains, measures and renders: `make train-curve`
    python3 docs/learning.py --render                               renders docs/learning/*.json alone
    python3 docs/learning.py --check                                fails where the page is not what the JSON renders to

Suites are those of `make train-suites`; BEARWATCH_DATA and BEARWATCH_WEIGHTS as in training/README.md. As docs/figures.py does it: nobody types a number.
"""

import subprocess
import sys

import measured
from learning_page import page
from measured import ROOT

WORK = ROOT / "training" / "work"


def measure(args, store):
    """All runs that are not finished yet; those that are stay."""
    command = [args.python, "-m", "training.curve", "--suites", args.suites, "--simulated", args.simulated, "--out", args.runs, "--json", store / "curve.json"]
    if code := subprocess.run([str(word) for word in command], cwd=ROOT).returncode:
        sys.exit(f"the curve was not measured: exit code {code}; docs/learning.md was left as it is")


if __name__ == "__main__":
    options = [("suites", WORK / "suites", "folder of the suites"), ("simulated", WORK / "simulated", "set drawn by bearwatch simulate")]
    options.append(("runs", WORK / "curve", "folder of the runs, to go on with"))
    measured.main("learning", __doc__, ("curve",), page, measure, {"python": "the Python of training/requirements.txt"}, options)
