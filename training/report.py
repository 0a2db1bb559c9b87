"""The card for people: what the model is, what it was made from, how good it is and where it is not. Needs nothing but Python.

    python3 -m training.report --models models            writes NAME.md and NAME.reliability.svg from NAME.json and NAME.figures.json
    python3 -m training.report --models models --check    fails where they are not what these render to
"""

import argparse
import difflib
import json
import sys
from pathlib import Path

from training import faults, reliability
from training.card_words import WORDS
from training.recipe import SIMULATED_SHARE

NAME = "bearwatch-nano"
#: What the program makes of every suite (docs/accuracy.py): told here, too, where it is of this model.
ACCURACY = Path(__file__).parent.parent / "docs" / "accuracy" / "int8.json"
#: Descriptions of the worst mistakes, by somebody who looked at the pictures.
MISTAKES = Path(__file__).with_name("worst_mistakes.json")

#: Energy is reckoned, not metered: the program that trains keeps both cores of the machine busy, and a core of a server processor draws about this under load,
#: its share of memory, power supply and cooling included (a processor of 200 to 350 W has 28 to 64 cores).
CORES, WATTS_A_CORE = 2, 10

#: The regimes that the program tells apart, as the suites that show them.
REGIMES = {"clean": "day", "dusk": "dusk", "infrared": "infrared night"}
CONDITIONS = REGIMES | {
    "low-resolution": "160×120 camera", "motion-blur": "motion blur", "occluded": "half hidden by plants", "far-640": "bears of 16–32 px in 640 px",
    "far-2048": "bears of 20–60 px in 2048×1536",
}
TEACHERS = {
    "bearwatch-nano": "bearwatch-nano, int8", "yolox": "YOLOX-Nano", "picodet": "PicoDet-S", "nanodet": "NanoDet-Plus-m", "fused": "the three, fused, mirrored, tiled",
}
NOT_MEASURED = "Not measured: `python -m training.card_figures` was given no {}.\n"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def text(card, figures, mistakes):
    """Markdown from the machine-readable card, what `card_figures` measured, and the descriptions of mistakes."""
    training, points = card["training"], card["training"]["operating_points"]
    program = figures["program"]
    return WORDS.format(
        name=card["name"],
        version=card["version"],
        sha256=card["sha256"],
        width=card["input"]["width"],
        height=card["input"]["height"],
        base_sha256=training["base_sha256"],
        data_sha256=training["data_sha256"],
        fixes=_fixes(training["label_fixes"]),
        pictures=training["runs"][0]["pictures"],
        simulated=training["runs"][0]["simulated"],
        simulated_share=SIMULATED_SHARE,
        simulated_share_hard=2 * SIMULATED_SHARE,
        on_trailcam=_on_trailcam(figures["sets"]),
        seeds=" and ".join(str(run["seed"]) for run in training["runs"] if "seed" in run),
        held=points["pictures"],
        held_without=points["without_bear"],
        runs="\n".join(_run(run) for run in training["runs"]),
        energy=_energy(training["runs"]),
        teachers=_teachers(figures["teachers"]),
        points="\n".join(_point(c, points) for c in card["classes"]),
        figures="\n".join(_row(one["set"], one["model"], one["figures"]) for one in figures["sets"]),
        found="\n".join(_found(one["set"], one["figures"]) for one in figures["sets"] if "int8" in one["model"]),
        conditions=_conditions(card["sha256"]),
        confusion=_confusion(program and program["confusion"]),
        calibration=_calibration(program and program["calibration"], card["name"]),
        mistakes=_mistakes(program and program["worst"], mistakes, card["sha256"]),
        commit=figures["commit"][:12] + (" and changes" if figures["uncommitted_changes"] else ""),
    )


def _energy(runs):
    minutes = sum(run.get("minutes", 0) for run in runs)
    hours = minutes * CORES / 60
    return (
        f"The runs above took {minutes:.0f} minutes on {CORES} processor cores, {hours:.1f} core-hours. No meter was at hand: **at an assumed {WATTS_A_CORE} W a core** "
        f"(a server processor of 200 to 350 W has 28 to 64 of them; memory, power supply and cooling add theirs) that is about {hours * WATTS_A_CORE:.0f} Wh. Runs that "
        "were thrown away, audits, suites and measuring are not in it."
    )


def _teachers(sets):
    """Bears by the model and by the teachers; who is better decides what is said."""
    if not sets:
        return NOT_MEASURED.format("cache of the teachers (`--teachers`)")
    rows = []
    for who, words in TEACHERS.items():
        told = [of[who] for of in sets.values()]
        recall = lambda one: f"{one['recall_at_1%']['recall']:.3f}" if one["recall_at_1%"] else "–"
        rows.append([words, *(cell for one in told for cell in (_number(one["ap50"], one["ap50_ci95"]), recall(one)))])
    return table(["bears", *(f"{name}, {what}" for name in sets for what in ("AP50", "recall at 1 %"))], rows) + "\n" + " ".join(_verdict(*of) for of in sets.items())


def _verdict(name, told):
    ours = told["bearwatch-nano"]["ap50"]
    best, ap50 = max(((who, of["ap50"]) for who, of in told.items() if who != "bearwatch-nano"), key=lambda pair: pair[1])
    if ours > ap50:
        return (
            f"On `{name}` the best of them ({TEACHERS[best]}, {ap50:.3f}) is weaker than what it would teach ({ours:.3f}): a student that learned to say what they say "
            "would learn their mistakes, too."
        )
    return (
        f"On `{name}` {TEACHERS[best]} is better ({ap50:.3f} beside {ours:.3f}): there fine-tuning lost what the base knew, and holding on to the base's answers "
        "(Li & Hoiem 2016, \"Learning without forgetting\") in the last run brought part of it back."
    )


def _conditions(sha256):
    """A row a suite, as the program sees it."""
    accuracy = json.loads(ACCURACY.read_text()) if ACCURACY.exists() else {"model": {"sha256": ""}}
    if accuracy["model"]["sha256"] != sha256:
        return "Not measured of this model: `make accuracy`.\n"
    rows = []
    for suite, words in CONDITIONS.items():
        one = accuracy["result"]["suites"][suite]
        recall, point = one["recall_at_1%"], one["operating"]
        found, false = f"{point['found']} of {point['bears']}", f"{point['false_pictures']} of {point['without']}"
        rows.append([words, _number(one["ap50"], one["ap50_ci95"]), _number(recall["recall"], recall["ci95"]) if recall else "–", found, false])
    head = ["condition", "AP50", "recall at 1 %", "found at the operating point", "pictures without a bear that raise one"]
    return table(head, rows)


def _confusion(told):
    if not told:
        return NOT_MEASURED.format("program or suites")
    names = told["labels"]
    rows = [[name if name != "background" else "nothing", *counts] for name, counts in zip(names, told["counts"])]
    rows[-1][-1] = "–"
    return table(["is there \\ is said", *(name if name != "background" else "nothing" for name in names)], rows)


def _calibration(told, name):
    if not told:
        return NOT_MEASURED.format("program or suites")
    rows = []
    for condition, words in CONDITIONS.items():
        if one := told.get(condition):
            rows.append([words, f"{one['error']:.3f}", f"{one['by_chance']['mean']:.3f}", f"{one['by_chance']['most']:.3f}", one["boxes"], _lean(one["bins"])])
    head = ["condition", "error", "of a perfect one by chance", "at most, 95 %", "boxes", "came true − promised"]
    return f"![Reliability by regime]({name}.reliability.svg)\n\n" + table(head, rows)


def _lean(bins):
    """What came true less what was promised, mean of all boxes: negative where the card is too sure."""
    count = sum(one["boxes"] for one in bins)
    return f"{sum(one['right'] - one['promised'] for one in bins) / count:+.3f}"


def _mistakes(worst, described, sha256):
    if not worst:
        return NOT_MEASURED.format("program or suites")
    words = {one["image"]: one["words"] for one in described["mistakes"]}
    told = lambda one: words.get(one["image"], "Nobody has described this picture yet.")
    lines = [f"Described for another model, `{described['model'][:12]}…`: scores in the words are that one's.\n"] if described["model"] != sha256 else []
    lines += ["Bears missed, by the loss of the picture:\n"]
    lines += [f"1. `{one['file']}`, {one['missed']} missed: {told(one)}" for one in worst["missed"]]
    lines += ["\nPictures without a bear, by the score of what is most like one:\n"]
    lines += [f"1. `{one['file']}`, {one['best_score']:.2f}{'' if one['imagined'] else ' (below the operating point)'}: {told(one)}" for one in worst["imagined"]]
    return "\n".join(lines)


def _fixes(counts):
    """What was corrected in the set's labels, by looking."""
    done = ", ".join(f"{count} × {kind}" for kind, count in counts.items() if count and kind != "pictures")
    return f"Labels of {counts['pictures']} pictures were corrected by eye before training (`training/label_fixes.json`: {done})." if done else ""


def _on_trailcam(rows):
    """Says so where training made it worse on camera traps than the base."""
    ap50 = lambda word: next(one["figures"].get("bear", {}).get("ap50") or 0 for one in rows if word in one["model"] and one["set"] == "trailcam")
    if ap50("int8") >= ap50("base"):
        return ""
    return "**On camera traps (`trailcam`), looked at whole, it is worse than the base that it was made from:** what it learned from close web pictures it paid for there. "


def _run(run):
    if "share" in run:
        return f"| {run['share']:.0%} of this and the rest of the {run['other']} | `{run['command']}` | {(run.get('commit') or 'not kept')[:12]} | – | – | – |"
    return f"| {_kind(run)} | `{run['command']}` | {(run.get('commit') or 'not kept')[:12]} | {run['steps']} | {run['pictures_seen']} | {run['minutes']} |"


def _kind(run):
    kind = "what was wrong, more often" if run["hard"] else "fine-tuning"
    return f"{kind}, through the rounding" if run.get("int8") else kind


def _point(spec, points):
    how = points["bear"] if spec["name"] == "bear" else points["person, animal"]
    slope, intercept = spec["calibration"]["slope"], spec["calibration"]["intercept"]
    lights = "".join(f"; in {r['regime']} light logit(s) is first taken {r['slope']} times {r['intercept']:+}" for r in spec.get("regimes", []))
    return f"| {spec['name']} | {spec['threshold']} | {how} | sigmoid({slope} · logit(s) {intercept:+}){lights} |"


def _row(name, model, told):
    bear = told.get("bear", {})
    cells = [_number(bear.get("ap50"), bear.get("ap50_ci95")), _number(bear.get("recall_at_1%"), bear.get("recall_at_1%_ci95"))]
    cells += [_number(bear.get("recall_at_5%")), *(_number(told.get(c, {}).get("ap50")) for c in ("person", "animal"))]
    return f"| {name} | {model} | " + " | ".join(cells) + " |"


def _number(value, interval=None):
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def _found(name, told):
    rows = ((c, of["operating_point"]) for c, of in told.items())
    return "\n".join(
        f"| {name} | {c} | {p['found']} of {p['truths']} | {p['false_pictures']} of {p['pictures_without']} |" for c, p in rows
    )


def rendered(models):
    """{file: text} of a folder."""
    read = lambda path: json.loads(path.read_text())
    try:
        card, figures, mistakes = read(models / f"{NAME}.json"), read(models / f"{NAME}.figures.json"), read(MISTAKES)
    except (OSError, ValueError) as error:
        raise faults.Fault(f"the card cannot be written ({error}); measure first: python -m training.card_figures --models {models} …") from error
    if figures["model"] != card["sha256"]:
        raise faults.Fault(f"{models / NAME}.figures.json is of another model, {figures['model'][:12]}…; measure: python -m training.card_figures --models {models} …")
    files = {models / f"{NAME}.md": text(card, figures, mistakes)}
    if figures["program"]:
        panels = [(words, figures["program"]["calibration"][name]) for name, words in REGIMES.items()]
        files[models / f"{NAME}.reliability.svg"] = reliability.drawing(panels)
    return files


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder with the card for the program and the figures (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not what it renders to")
    arguments = parser.parse_args()
    for path, expected in rendered(arguments.models).items():
        if not arguments.check:
            path.write_text(expected)
            print(f"{path} written")
        elif (found := path.read_text() if path.exists() else "") != expected:
            print("\n".join(difflib.unified_diff(found.splitlines(), expected.splitlines(), str(path), "rendered", lineterm="")))
            sys.exit(f"{path} is not what the figures render to: python3 -m training.report --models {arguments.models}")


if __name__ == "__main__":
    main()
