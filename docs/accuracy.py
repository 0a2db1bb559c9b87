"""Measures what docs/accuracy.md states, our model beside its base and the teachers on every suite, and writes that page wholly from the measurements.

    python3 docs/accuracy.py --python training/.venv/bin/python --program target/dist/bearwatch     measures and renders: `make accuracy`
    python3 docs/accuracy.py --python … --program … --only int8,float                               measures some
    python3 docs/accuracy.py --render                                                               renders docs/accuracy/*.json alone
    python3 docs/accuracy.py --check                                                                fails where the page is not what the JSON renders to

Suites are those of `make train-suites`; BEARWATCH_DATA and BEARWATCH_WEIGHTS as in training/README.md. As docs/figures.py does it: nobody types a number.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from accuracy_page import page
from figures import ROOT
from performance import differs

STORE = ROOT / "docs" / "accuracy"
PAGE = ROOT / "docs" / "accuracy.md"
#: Who is also run on the negative suite: our own, for it takes the others half an hour.
ON_NEGATIVES = ("int8",)


def main():
    args = arguments()
    stored = lambda: {file.stem: json.loads(file.read_text()) for file in sorted(STORE.glob("*.json"))}
    if args.check:
        sys.exit(differs(PAGE, page(stored()), "docs/accuracy.py"))
    for name in [] if args.render else args.only.split(","):
        print(f"== {name} ==", flush=True)
        command = [args.python, "-m", "training.accuracy", "--contestant", name, "--program", args.program, "--suites", args.suites]
        command += ["--out", STORE / f"{name}.json", *(["--negatives"] if name in ON_NEGATIVES else [])]
        if code := subprocess.run([str(word) for word in command], cwd=ROOT).returncode:
            sys.exit(f"{name} was not measured: exit code {code}; docs/accuracy.md was left as it is")
    PAGE.write_text(page(stored()))
    print(f"written: {PAGE.relative_to(ROOT)}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="the Python of training/requirements.txt")
    parser.add_argument("--program", type=Path, help="bearwatch, built with --profile dist")
    parser.add_argument("--suites", type=Path, default=ROOT / "training" / "work" / "suites", help="folder of the suites")
    parser.add_argument("--only", default="int8,float,base,picodet,nanodet,fused", help="contestants: %(default)s")
    parser.add_argument("--render", action="store_true", help="render what was measured before")
    parser.add_argument("--check", action="store_true", help="compare page and measurements")
    args = parser.parse_args()
    if not (args.render or args.check) and not (args.python and args.program):
        parser.error("--python and --program are needed to measure")
    return args


if __name__ == "__main__":
    main()
