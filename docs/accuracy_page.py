"""Renders docs/accuracy.md from the measurements. What was not measured is said to be missing, never left out."""

from figures_page import interval, missing, table

HEAD = """# Accuracy

This page is written by `make accuracy` from the measurements in `docs/accuracy/`, which hold commit, command, seed and count of each; do not edit it.

Suites are made by `make train-suites` from `bears/val`, which no training saw, by a model of what a camera outdoors makes of a scene
(`training/camera/`): **they are simulations of night, distance and weather on real pictures, no recordings of these.** bearwatch runs int8, float and base itself, with its
regions; teachers are run by their own runtimes, and all are judged by `bearwatch eval`. AP50 is that of the COCO tools; brackets hold 95 % bootstrap intervals over pictures.
"""

WHO = {
    "int8": "bearwatch-nano, int8",
    "float": "the same weights, float",
    "base": "YOLOX-Nano, COCO, float (the base)",
    "picodet": "PicoDet-S, COCO, float",
    "nanodet": "NanoDet-Plus-m, COCO, float",
    "fused": "the three of COCO, fused, mirrored, tiled",
}

SUITES = {
    "clean": "as they are",
    "dusk": "dusk",
    "infrared": "infrared night",
    "low-resolution": "160×120 camera",
    "motion-blur": "motion blur",
    "occluded": "half hidden by plants",
    "far-640": "bears of 16–32 px in 640 px",
    "far-2048": "bears of 20–60 px in 2048×1536",
    "look-alikes": "dogs, raccoons, pandas, teddies",
}


def page(stored):
    sections = [precision, recall, operating, origins]
    return HEAD + "".join("\n" + section(stored) for section in sections)


def of(stored, name, suite):
    return stored[name]["result"]["suites"][suite]


def known(stored):
    return [name for name in WHO if name in stored]


def precision(stored):
    text = "## AP50 of bears\n\n"
    if not stored:
        return text + missing("`make accuracy`")
    cell = lambda one: "–" if one["ap50"] is None else f"{one['ap50']:.3f} {interval(one['ap50_ci95'])}"
    suites = [suite for suite in SUITES if suite != "look-alikes"]
    rows = [[SUITES[suite], *(cell(of(stored, name, suite)) for name in known(stored))] for suite in suites]
    return text + table(["suite", *(WHO[name] for name in known(stored))], rows)


def recall(stored):
    text = "## Recall of bears where 1 % of the suite's own pictures without a bear may raise one\n\n"
    if not stored:
        return text + missing("`make accuracy`")

    def cell(one):
        found = one["recall_at_1%"]
        return f"{found['recall']:.3f} {interval(found['ci95'])}" if found else "–"

    suites = [suite for suite in SUITES if suite != "look-alikes"]
    rows = [[SUITES[suite], *(cell(of(stored, name, suite)) for name in known(stored))] for suite in suites]
    return text + table(["suite", *(WHO[name] for name in known(stored))], rows)


def operating(stored):
    text = "## At the operating point\n\n"
    text += (
        "Thresholds are chosen on a split of `bears/train` that was set aside and never trained on: ours is the card's, others' is where 1 % of its pictures without a "
        "bear raise one. Bears found, and pictures without a bear that raise one.\n\n"
    )
    if not stored:
        return text + missing("`make accuracy`")

    def cell(one):
        point = one["operating"]
        found = f"{point['found']} of {point['bears']}, " if point["bears"] else ""
        return f"{found}false {point['false_pictures']} of {point['without']}"

    rows = [[SUITES[suite], *(cell(of(stored, name, suite)) for name in known(stored))] for suite in SUITES]
    text += table(["suite", *(WHO[name] for name in known(stored))], rows)
    return text + (ours(stored) if "int8" in stored else "")


def ours(stored):
    """What only our own model is asked."""
    result = stored["int8"]["result"]
    negatives = result.get("negatives")
    text = "\n## The committed model, closer\n\n"
    if negatives:
        share = negatives["false_pictures"] / negatives["without"]
        text += (
            f"Of the {negatives['without']} pictures of the negative suite (dogs, raccoons, toys, people, scenes under all conditions) "
            f"{negatives['false_pictures']} raise a bear at the operating point of {negatives['threshold']}, {share:.2%}. Strict is the threshold at which 0.1 % of them do. Near are bears "
            "whose longer side has 24 pixels and more. The calibration error is the expected one over 15 bins of the card's probabilities; with some hundred boxes about 0.05 of it is chance.\n\n"
        )
    rows = []
    for suite, words in SUITES.items():
        one = of(stored, "int8", suite)
        point, strict, error = one["operating"], one["strict"], one["calibration"]
        if not point["bears"]:
            continue
        share = lambda found, bears: f"{found / bears:.3f}" if bears else "–"
        near = share(point["found_near"], point["bears_near"])
        strictly = share(strict["found"], strict["bears"]) if strict else "–"
        rows.append([words, share(point["found"], point["bears"]), near, strictly, f"{error['error']:.3f} of {error['boxes']}" if error else "–"])
    return text + table(["suite", "recall", "recall, near", "recall, strict", "calibration error"], rows)


def origins(stored):
    text = "## Where each figure comes from\n\n"
    if not stored:
        return text + missing("`make accuracy`")
    rows = []
    for name in known(stored):
        one = stored[name]
        model = one["model"]["sha256"][:12] if one["model"] else "–"
        commit = one["commit"][:12] + (" and changes" if one["uncommitted_changes"] else "")
        rows.append([WHO[name], commit, model, one["seed"], one["count"], f"`{one['command']}`"])
    return text + table(["contestant", "commit", "model", "seed", "pictures in all suites", "command"], rows)
