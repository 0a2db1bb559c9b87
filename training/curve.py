"""What more pictures would bring: the learning curve over 25, 50 and 100 % of the training pictures, and what the label fixes brought.

    python -m training.curve --suites training/work/suites --simulated training/work/simulated --out training/work/curve --json docs/learning/curve.json

Every run starts from the base, with the same number of steps; a smaller share lies within each larger one. `again` and `quarter-again` have another seed: what
differs from the same share with the first seed differs by chance alone. Float weights see the suites of bears/val, pictures whole. A run that is finished stays, one
that was cut short goes on.

Differences and curves are of one bootstrap: the pictures of bears/val are drawn anew, those with and without a bear apart, and every run and suite sees the same
draw; of a share with two seeds each draw takes one, so that the interval knows of the chance in training. The curve is the power law error = a · pictures^-b
(Hestness et al. 2017, "Deep learning scaling is predictable, empirically") by least squares on logarithms.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx

from training import accuracy, data, evaluate, faults, fixes
from training.finetune import load_network

#: What is trained, by what it gives to training.finetune.
RUNS = {
    "all": [], "quarter": ["--share", "25"], "half": ["--share", "50"], "unfixed": ["--no-label-fixes"], "again": ["--seed", "2"],
    "quarter-again": ["--share", "25", "--seed", "2"],
}
#: Shares of the curve, smallest first, with the runs of each.
CURVE = (("quarter", "quarter-again"), ("half",), ("all", "again"))
#: Bears of 20 pixels in 2048×1536 are two dots in a whole picture; look-alikes and negatives show no bear.
SUITES = [name for name in accuracy.SUITES if name not in ("far-2048", "look-alikes")]
#: The figure that is wanted of `clean`.
WANTED_AP50 = 0.93
#: Nobody should believe a curve of three points beyond so many times its last.
FARTHEST = 10
RESAMPLES = 1000
#: A rate by minutes would depend on what else the machine does.
ENDLESS_MINUTES = 1_000_000


def trained(name, arguments):
    """Float ONNX file of a run, and its record."""
    out = arguments.out / name
    command = [sys.executable, "-m", "training.finetune", "--out", out, "--simulated", arguments.simulated, "--minutes", ENDLESS_MINUTES]
    command += ["--most-steps", arguments.steps, "--threads", arguments.threads, *RUNS[name]]
    if code := subprocess.run([str(word) for word in command]).returncode:
        raise faults.Fault(f"{name} was not trained: exit code {code}; the same command goes on from the last checkpoint")
    model = out / "float.onnx"
    onnx.save(load_network(out / "final.pt").to_onnx(), model)
    return model, json.loads((out / "run.json").read_text())


def seen(model, suites):
    """By suite what the model finds, a row a picture: its origin, scores of bears, which are right, bears there are. Kept beside the model."""
    kept = model.with_name("seen.json")
    if not kept.exists():
        detector = evaluate.Detector(model)
        kept.write_text(json.dumps({suite: rows(detector, suites / suite) for suite in SUITES}))
    return json.loads(kept.read_text())


def rows(detector, folder):
    origins = {image["file_name"]: image["origin"] for image in json.loads((folder / "annotations.json").read_text())["images"]}
    pictures = data.read_set(folder)
    bears = evaluate.see(detector, pictures)["bear"]
    return [[origins[p.path.name], np.round(j.scores, 5).tolist(), j.right.tolist(), j.truths] for p, j in zip(pictures, bears)]


def judged(of):
    return [evaluate.Judged(np.array(scores, np.float32), np.array(right, bool), truths) for _, scores, right, truths in of]


def draws(by_run):
    """AP50 of every run and suite, runs × suites × (1 + RESAMPLES): first as it is, then over pictures of bears/val drawn anew."""
    rng = np.random.default_rng(accuracy.SEED)
    some = next(iter(by_run.values()))
    bears = {row[0] for of in some.values() for row in of if row[3]}
    parts = [sorted(bears), sorted({row[0] for of in some.values() for row in of} - bears)]
    own = [{suite: by_origin(of[suite]) for suite in SUITES} for of in by_run.values()]
    answer = np.empty((len(own), len(SUITES), 1 + RESAMPLES))
    for number in range(1 + RESAMPLES):
        picked = [origin for part in parts for origin in (rng.choice(part, len(part)) if number else part)]
        for run, of in enumerate(own):
            for at, suite in enumerate(SUITES):
                answer[run, at, number] = evaluate.average_precision([j for origin in picked for j in of[suite].get(origin, [])])
    return answer


def by_origin(of):
    """A far suite has no picture of some origins and two of others."""
    answer = {}
    for row, one in zip(of, judged(of)):
        answer.setdefault(row[0], []).append(one)
    return answer


def told(values):
    """The value as it is and 95 % of what the draws give."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return {"value": round(float(values[0]), 4), "ci95": [round(float(low), 4), round(float(high), 4)]}


def curve(counts, ap50):
    """Gain a doubling, exponent of the power law, and the pictures that it says are wanted. `ap50`: shares × draws."""
    x = np.log(np.array(counts, float))
    errors = np.log(np.clip(1 - ap50, 1e-6, None))
    slope, height = np.polyfit(x, errors, 1)
    gain = np.polyfit(x / np.log(2), ap50, 1)[0]
    with np.errstate(over="ignore", divide="ignore"):
        wanted = np.where(slope < 0, np.exp((np.log(1 - WANTED_AP50) - height) / slope), np.inf)
    wanted = np.where(wanted > FARTHEST * counts[-1], np.inf, wanted)
    finite = lambda value: None if not np.isfinite(value) else int(round(value, -1))
    low, high = np.quantile(wanted[1:], [0.025, 0.975], method="nearest")
    reached = float(np.isfinite(wanted[1:]).mean())
    more = {"value": finite(wanted[0]), "ci95": [finite(low), finite(high)], "within_reach": round(reached, 3)}
    return {"gain": told(gain), "exponent": told(-slope), "wanted": more}


def either(seeds):
    """The mean of runs that differ in their seed, as it is; of each draw one of them, by chance."""
    seeds = np.stack(seeds)
    picked = np.random.default_rng(accuracy.SEED).integers(len(seeds), size=seeds.shape[1])
    answer = seeds[picked, np.arange(seeds.shape[1])]
    answer[0] = seeds[:, 0].mean()
    return answer


def summary(runs, by_run):
    """What follows from all runs together, by suite and of the mean over suites."""
    names = list(by_run)
    ap50 = draws(by_run)
    ap50 = np.concatenate([ap50, ap50.mean(1, keepdims=True)], 1)
    of = lambda name: ap50[names.index(name)]
    answer = {}
    for at, suite in enumerate([*SUITES, "mean"]):
        one = answer[suite] = {"ap50": {name: told(of(name)[at]) for name in names}}
        if all(share[0] in names for share in CURVE):
            shares = [[name for name in share if name in names] for share in CURVE]
            one["curve"] = curve([runs[share[0]]["pictures"] for share in shares], np.stack([either([of(name)[at] for name in share]) for share in shares]))
        if "all" in names:
            one["against_all"] = {name: told(of("all")[at] - of(name)[at]) for name in ("unfixed", "again") if name in names}
    return answer


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suites", type=Path, required=True, help="folder made by training.suites")
    parser.add_argument("--simulated", type=Path, required=True, help="set drawn by `bearwatch simulate`")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--json", type=Path, required=True, help="file for the figures")
    parser.add_argument("--steps", type=int, default=1200, help="of every run (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of the network (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), help="these runs (default: all)")
    arguments = parser.parse_args()
    found, runs, by_run, figures = accuracy.around(arguments.suites), {}, {}, {}
    for name in arguments.only:
        model, of = trained(name, arguments)
        runs[name] = {key: of[key] for key in ("commit", "seed", "steps", "pictures_seen", "minutes", "pictures", "simulated", "rate")}
        by_run[name] = seen(model, arguments.suites)
        figures[name] = {suite: evaluate.figures({"bear": judged(of)})["bear"] for suite, of in by_run[name].items()}
        print(f"{name}: " + "  ".join(f"{suite} {of['ap50']:.3f}" for suite, of in figures[name].items()), flush=True)
    record = found | {
        "command": f"python -m training.curve --steps {arguments.steps}", "resamples": RESAMPLES, "wanted_ap50": WANTED_AP50, "farthest": FARTHEST,
        "label_fixes": fixes.counts(fixes.read(fixes.TRAIN)), "runs": runs, "result": {"figures": figures, "summary": summary(runs, by_run)},
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
