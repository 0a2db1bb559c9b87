"""Measures what docs/accuracy.md states, our model beside its base and the teachers on every suite, and writes that page wholly from the measurements.

    python3 docs/accuracy.py --python training/.venv/bin/python --program target/dist/bearwatch     measures and renders: `make accuracy`
    python3 docs/accuracy.py --python … --program … --only int8,float                               measures some
    python3 docs/accuracy.py --render                                                               renders docs/accuracy/*.json alone
    python3 docs/accuracy.py --check                                                                fails where the page is not what the JSON renders to

Suites are those of `make train-suites`; BEARWATCH_DATA and BEARWATCH_WEIGHTS as in training/README.md. As docs/figures.py does it: nobody types a number.
"""

import subprocess
import sys

import measured
from accuracy_page import page
from measured import ROOT

CONTESTANTS = ("int8", "float", "base", "picodet", "nanodet", "fused")
#: Who is also run on the negative suite: our own, for it takes the others half an hour.
ON_NEGATIVES = ("int8",)


def measure(args, store):
    for name in args.only.split(","):
        print(f"== {name} ==", flush=True)
        command = [args.python, "-m", "training.accuracy", "--contestant", name, "--program", args.program, "--suites", args.suites]
        command += ["--out", store / f"{name}.json", *(["--negatives"] if name in ON_NEGATIVES else [])]
        if code := subprocess.run([str(word) for word in command], cwd=ROOT).returncode:
            sys.exit(f"{name} was not measured: exit code {code}; docs/accuracy.md was left as it is")


if __name__ == "__main__":
    needs = {"python": "the Python of training/requirements.txt", "program": "bearwatch, built with --profile dist"}
    options = [("suites", ROOT / "training" / "work" / "suites", "folder of the suites")]
    measured.main("accuracy", __doc__, CONTESTANTS, page, measure, needs, options)
