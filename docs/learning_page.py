"""Renders docs/learning.md from the measurement. What was not trained has no column."""

from accuracy_page import SUITES
from figures_page import interval, missing, table

HEAD = """# What more pictures would bring

This page is written by `make train-curve` from the measurement in `docs/learning/`, which holds commit, command, seed and count; do not edit it.

The training pictures of `bears/train` (the calibration split is set aside) are cut down to a quarter and to a half by the hash of their names, each share within the
next. Every run starts from the base, sees the same number of samples and the same simulated frames, and ends in float weights; it is a small part of what the
committed model was trained for. They are measured on the suites of `bears/val`, pictures looked at whole, without the program's regions: compare the columns with each
other, not with [accuracy.md](accuracy.md). Brackets hold 95 % bootstrap intervals over the pictures of `bears/val`. What chance in training does beside that is seen where the same
share was trained with another seed.
"""

WHO = {
    "quarter": "25 %",
    "half": "50 %",
    "all": "100 %",
    "unfixed": "100 %, labels not fixed",
    "again": "100 %, another seed",
    "quarter-again": "25 %, another seed",
}


def page(stored):
    if "curve" not in stored:
        return HEAD + "\n" + missing("`make train-curve`")
    one = stored["curve"]
    return HEAD + "".join("\n" + section(one) for section in (precision, recall, doubling, wanted, labels, origins))


def known(one):
    return [name for name in WHO if name in one["runs"]]


def columns(one):
    return [f"{WHO[name]} ({one['runs'][name]['pictures']})" for name in known(one)]


def suites(one):
    return [name for name in SUITES if name in one["result"]["figures"]["all"]]


def precision(one):
    summary = one["result"]["summary"]
    words = {name: SUITES[name] for name in suites(one)} | {"mean": "mean of these"}
    rows = [[text, *(spread(summary[name]["ap50"][run], 3) for run in known(one))] for name, text in words.items()]
    return "## AP50 of bears\n\nIn the head of a column: pictures trained on.\n\n" + table(["suite", *columns(one)], rows)


def recall(one):
    text = "## Recall of bears where 1 % of the suite's own pictures without a bear may raise one\n\nTwo pictures of some two hundred set the threshold, so this jumps.\n\n"

    def cell(of):
        return f"{of['recall_at_1%']:.3f} {interval(of['recall_at_1%_ci95'])}"

    rows = [[SUITES[name], *(cell(one["result"]["figures"][run][name]) for run in known(one))] for name in suites(one)]
    return text + table(["suite", *columns(one)], rows)


def spread(of, digits, sign=""):
    low, high = of["ci95"]
    return f"{of['value']:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def doubling(one):
    text = (
        "## The curve\n\nGain: what a doubling of the pictures brings in AP50, by a line through the three shares over the logarithm of their number. Exponent: b of the power law "
        "1 − AP50 = a · pictures^−b (Hestness et al. 2017), by least squares on logarithms; 0 is no gain. All shares see the same draw of pictures, so what "
        "is hard for each of them cancels out; where a share was trained with two seeds, each draw takes one of them.\n\n"
    )
    words = {name: SUITES[name] for name in suites(one)} | {"mean": "mean of these"}
    of = lambda name: one["result"]["summary"][name]["curve"]
    rows = [[text, spread(of(name)["gain"], 3, "+"), spread(of(name)["exponent"], 2)] for name, text in words.items()]
    return text + table(["suite", "gain a doubling", "exponent"], rows)


def wanted(one):
    of, now = one["result"]["summary"]["clean"]["curve"]["wanted"], one["runs"]["all"]["pictures"]
    farthest = f"more than {one['farthest'] * now}"
    low, high = (farthest if count is None else str(count) for count in of["ci95"])
    between = f"95 % of the draws lie between {low} and {high if of['ci95'][1] else 'no end'}" if of["ci95"][0] else "nearly every draw says so"
    return (
        f"## How many more\n\nWith as many steps as here, and pictures like these, an AP50 of {one['wanted_ap50']} on pictures as they are would take, by the power law, "
        f"**{of['value'] or farthest} pictures** where there are {now}; {between}. Nothing is read off beyond {one['farthest']} times what there is; "
        f"{of['within_reach']:.0%} of the draws reach it before. Three shares bear no more than this, and it is the shape of a short training: a longer one on the same pictures "
        "moves the whole curve. Where a suite's line is flat, either other pictures are lacking than those that the set has more of, or the steps were too few to use them; this "
        "measurement cannot tell which.\n"
    )


def labels(one):
    if "unfixed" not in one["runs"]:
        return "## The label fixes\n\n" + missing("`make train-curve`")
    count = one["label_fixes"]["pictures"]
    rows = []
    for name, words in ({name: SUITES[name] for name in suites(one)} | {"mean": "mean of these"}).items():
        against = one["result"]["summary"][name]["against_all"]
        rows.append([words, *(spread(against[run], 3, "+") if run in against else "–" for run in ("unfixed", "again"))])
    text = (
        f"## The label fixes\n\nAP50 with the labels of {count} pictures corrected (`training/label_fixes.json`), less that of the other run: of the same training on the labels as they "
        "came, and, for what chance alone does, of the same training with another seed. A gain that is not larger than that is not told from chance.\n\n"
    )
    mean = {run: of["value"] for run, of in one["result"]["summary"]["mean"]["against_all"].items()}
    if "again" in mean:
        told = "is larger than" if mean["unfixed"] > abs(mean["again"]) else "is not told from"
        text += f"**Over all suites what the fixes bring, {mean['unfixed']:+.3f}, {told} what another seed does, {abs(mean['again']):.3f}.**\n\n"
    return text + table(["suite", "less labels as they came", "less another seed"], rows)


def origins(one):
    rows = []
    for name in known(one):
        run = one["runs"][name]
        rows.append([WHO[name], (run["commit"] or "–")[:12], run["seed"], run["steps"], run["pictures_seen"], run["minutes"]])
    commit = one["commit"][:12] + (" and changes" if one["uncommitted_changes"] else "")
    data = ", ".join(f"{part} `{sha[:12]}`" for part, sha in one["data_sha256"].items())
    text = f"## Where each figure comes from\n\n`{one['command']}`, measured at commit {commit}; {one['resamples']} draws; SHA-256 of the data: {data}.\n\n"
    return text + table(["run", "commit", "seed", "steps", "samples seen", "minutes"], rows)
