"""What the card tells of how good the model is: measured on the files of a folder like models/ and kept there, so that the card can be written without measuring.

    python -m training.card_figures --models models --suites training/work/suites --program target/dist/bearwatch --teachers training/work/teachers-val.json

Writes NAME.figures.json; then `python -m training.report` writes the card. Whole pictures are seen with onnxruntime (`evaluate.py`); what is confused, how sure a
score is and what went worst is what the program makes of the suites, with its regions and by the light that it sees in a picture. Without a program, without
suites, or without a cache of the teachers the card says that these were not measured.
"""

import argparse
import json
import tempfile
from pathlib import Path

import onnx

from training import accuracy, data, evaluate, faults, teachers
from training.card import NAME
from training.finetune import load_network
from training.network import BEAR, CLASSES

SETS = ("bears/val", "trailcam")
#: Lights and conditions whose calibration is told; `clean` is bears/val.
CONDITIONS = [name for name in accuracy.SUITES if name != "look-alikes"]
#: So many pictures with missed bears, and so many without a bear, are described.
WORST = 6


def by_onnxruntime(models, most_pictures):
    """Figures of base, float and int8 on whole pictures, a row each."""
    thresholds = evaluate.card_thresholds(models / f"{NAME}.onnx")
    with tempfile.TemporaryDirectory() as work:
        float_file = Path(work) / "float.onnx"
        onnx.save(load_network(models / f"{NAME}.pt").to_onnx(), float_file)
        base = data.folder("BEARWATCH_WEIGHTS") / "yolox_nano.onnx"
        seers = {
            "base, float": (evaluate.Detector(base, list(CLASSES.values())), None),
            "fine-tuned, float": (evaluate.Detector(float_file), None),
            "fine-tuned, int8 (this file)": (evaluate.Detector(models / f"{NAME}.onnx"), thresholds),
        }
        rows = []
        for name in SETS:
            pictures = data.some(data.read_set(data.folder("BEARWATCH_DATA", name)), most_pictures)
            for title, (seer, at) in seers.items():
                rows.append({"set": name, "model": title, "figures": evaluate.figures(evaluate.see(seer, pictures), at)})
                evaluate.print_figures(f"{title}, {name}", rows[-1]["figures"])
    return rows


def judge(program, folder, how, most=0):
    return json.loads(accuracy.run([program, "eval", folder, "--json", "-", "--seed", accuracy.SEED, "--worst", most, *how]))


def by_program(models, program, suites):
    """Confusion, calibration by condition, and the worst pictures, as the program sees them."""
    model = models / f"{NAME}.onnx"
    calibration = next(c for c in json.loads(model.with_suffix(".json").read_text())["classes"] if c["name"] == "bear")["calibration"]
    told = {"calibration": {}}
    with tempfile.TemporaryDirectory() as work:
        for name in CONDITIONS:
            predictions = Path(work) / f"{name}.json"
            report = judge(program, suites / name, ["--model", model, "--save-predictions", predictions], most=10_000)
            pictures, _ = accuracy.judged(suites / name, json.loads(predictions.read_text()))
            told["calibration"][name] = accuracy.calibration_error(pictures, calibration)
            print(f"{name}: calibration error {told['calibration'][name]['error']}", flush=True)
            if name == "clean":
                told |= {"confusion": report["confusion"], "worst": worst(suites / name, report["worst"])}
    return told


def worst(folder, listed):
    """The pictures with the largest loss in which a bear was missed, and those without a bear in which something is most like one."""
    of = {p.path.name: p for p in data.read_set(folder)}
    missed = [one for one in listed if one["missed"]][:WORST]
    imagined = sorted((one for one in listed if not of[one["file"]].shows(BEAR)), key=lambda one: -one["best_score"])[:WORST]
    tell = lambda one: {"image": of[one["file"]].sha256(), **{key: one[key] for key in ("file", "missed", "imagined")}, "best_score": round(one["best_score"], 3)}
    return {"missed": [tell(one) for one in missed], "imagined": [tell(one) for one in imagined]}


def beside_teachers(models, program, path):
    """Bears by the model and by each teacher, on the same pictures, judged by the program."""
    cache, told = teachers.Cache(path), {}
    for name in SETS:
        folder = data.folder("BEARWATCH_DATA", name)
        teachers.fill(cache, data.read_set(folder), teachers.teachers())
        told[name] = {"bearwatch-nano": bears(judge(program, folder, ["--model", models / f"{NAME}.onnx"]))}
        with tempfile.TemporaryDirectory() as work:
            predictions = Path(work) / "predictions.json"
            for teacher in (*teachers.files(), "fused"):
                predictions.write_text(json.dumps(teachers.results(cache, folder, teacher)))
                told[name][teacher] = bears(judge(program, folder, ["--predictions", predictions]))
    return told


def bears(report):
    of = report["classes"]["bear"]
    return {"ap50": of["ap50"], "ap50_ci95": of["ap50_ci95"], "recall_at_1%": of["recall_at"]["0.01"]}


def rounded(value):
    """Figures to four digits: more would be noise."""
    if isinstance(value, dict):
        return {key: rounded(of) for key, of in value.items()}
    if isinstance(value, list):
        return [rounded(of) for of in value]
    return round(value, 4) if isinstance(value, float) else value


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True, help="folder that training.card wrote")
    parser.add_argument("--program", type=Path, help="bearwatch, best built with --profile dist")
    parser.add_argument("--suites", type=Path, help="folder made by training.suites")
    parser.add_argument("--teachers", type=Path, help="cache of training.teachers for bears/val and trailcam; what it lacks is computed")
    parser.add_argument("--most-pictures", type=int, help="so many pictures of each set only, to try the chain out")
    arguments = parser.parse_args()
    models, program = arguments.models, arguments.program
    git = lambda *words: accuracy.run(["git", *words]).strip()
    figures = {
        "model": json.loads((models / f"{NAME}.json").read_text())["sha256"],
        "commit": git("rev-parse", "HEAD"), "uncommitted_changes": bool(git("status", "--porcelain", "--", "src", "models", "training")),
        "sets": by_onnxruntime(models, arguments.most_pictures),
        "program": by_program(models, program, arguments.suites) if program and arguments.suites else None,
        "teachers": beside_teachers(models, program, arguments.teachers) if program and arguments.teachers else None,
    }
    (models / f"{NAME}.figures.json").write_text(json.dumps(rounded(figures), indent=1) + "\n")
    print(f"{models / NAME}.figures.json written; the card: python3 -m training.report --models {models}")


if __name__ == "__main__":
    main()
