"""Weights side by side on the calibration split: what is chosen between models is chosen here, never on `bears/val`.

    python -m training.compare models/bearwatch-nano.onnx training/work/bearwatch-nano.onnx --suites training/work/suites

One threshold for a model, at which 1 % (`--rate`) of the pictures without a bear raise one, over the split as it is and under each condition of
`card.py` together: two pictures more or less then decide nothing. Whole pictures, without the program's regions.
"""

import argparse
from pathlib import Path

from training import card, data, evaluate, faults


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+", help="ONNX files of our form")
    parser.add_argument("--suites", type=Path, required=True, help="folder made by training.suites")
    parser.add_argument("--rate", type=float, default=0.01, help="share of the pictures without a bear that may raise one (default: %(default)s)")
    parser.add_argument("--most-pictures", type=int, help="so many pictures of each set only, to try the chain out")
    arguments = parser.parse_args()
    held = data.split(data.read_train())[1]
    views = {"clean": held} | {name: data.read_set(arguments.suites / f"calibration-{name}") for name in card.CONDITIONS}
    for model in arguments.models:
        detector = evaluate.Detector(model)
        seen = {name: evaluate.see(detector, data.some(some, arguments.most_pictures))["bear"] for name, some in views.items()}
        everything = [one for of in seen.values() for one in of]
        threshold = evaluate.lowest_threshold(everything, arguments.rate)
        if threshold is None:
            raise faults.Fault(f"{len(everything)} pictures are too few to show a rate of {arguments.rate}")
        recall = lambda of: (lambda found, truths, *_: found / truths)(*evaluate.at(of, threshold))
        parts = "  ".join(f"{name} {recall(of):.3f}" for name, of in seen.items())
        print(f"{model}: recall {recall(everything):.3f} at {threshold:.3f}; {parts}", flush=True)


if __name__ == "__main__":
    main()
