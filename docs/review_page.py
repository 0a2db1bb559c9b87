"""Renders docs/review.md from the measurements."""

from figures_page import missing, origins, table

HEAD = """# What the random sample is worth

This page is written by `make review` from the measurements in `docs/review/`, which hold commit, machine, command, seed and count; do not edit it.

An alert tells what was found. What was missed is known only from pictures that were taken whether or not anything was found: with `[audit] per_day` a camera sends a random
sample of the frames that it looked at, people say on the station's page what is on them (blind), and `bearwatch station report` estimates from that which share of the time with a bear in
sight was told of. [operations.md](operations.md) has how to run it.

* **What is sampled is time.** Each frame stands for the time since the one before it, 10 s at most, and is chosen with the probability 1 − exp(−rate · time): a Poisson process
  over the time that the camera looked, whatever its frame rate. The probability goes with the picture. Frames on which the model suspects a bear may have a higher rate, of four times the
  other at most (`suspected_per_hour`, which the configuration limits): that changes the known probability, never the draw.
* **What is estimated** is a ratio of two Horvitz–Thompson sums (the ratio is Hájek's), time over probability: seconds with a bear in sight in which an alert was open, of all seconds with a bear in
  sight. Pictures that were lost on their way are known by their numbers; what people have not looked at yet is a random part, because they are shown the sample in an order that says nothing.
* **Its interval** is Wilson's, for as many independent visits as the sample is worth: Kish's effective number of visits while there are few, and what the variance between visits comes to the more
  there are of the rarer kind, found or missed. Pictures of one camera less than ten minutes apart are one visit. It speaks for visits like these, not for these alone.
* **Too few**: with fewer than 5 pictures of a bear, or of 3 visits, the report says that it has no estimate.
"""


def page(stored):
    if "coverage" not in stored:
        return HEAD + "\n" + missing("`make review`")
    return HEAD + "\n" + coverage(stored["coverage"]["result"]) + "\n" + origins(stored)


def coverage(result):
    used = [one for one in result["scenarios"] if one["estimated"] >= result["rounds"] / 10]
    text = (
        "## How often the 95 % interval holds the truth\n\n"
        "Bears come by chance (a Poisson number of visits of two minutes in the middle, lognormal), are sampled by the camera's own sampler and weighed by the report's own estimator. "
        "*Visits* are found as a whole or not at all, short ones less often, as alerts find them; *frames* are found one by one, more often in some visits than in others. "
        f"{result['rounds']} rounds each; a coverage of 95 % is met to ±{196 * (0.95 * 0.05 / result['rounds']) ** 0.5:.1f} points by chance alone. Rounds with too few bears give no estimate and do not count; "
        "scenarios in which that is so nine times in ten are left out.\n\n"
    )
    for world, what in (("visits", "what was told of"), ("frames", "what the model saw on single frames")):
        rates = [one["coverage"] for one in used if one["world"] == world]
        inside = sum(0.93 <= rate <= 0.97 for rate in rates)
        text += (
            f"* **{what}** (*{world}*): {100 * sum(rates) / len(rates):.1f} % in the mean over {len(rates)} scenarios, {100 * min(rates):.1f} % at least and {100 * max(rates):.1f} % at most; "
            f"{inside} of {len(rates)} lie between 93 and 97 %.\n"
        )
    if min(one["coverage"] for one in used) >= 0.93:
        text += "\nWhere it is off, it is too wide rather than too narrow: the variance within visits is not known while visits are few.\n"
    text += "\n"
    rows = []
    for one in used:
        design = f"{one['per_day']:g} a day" + (f" + {one['suspected_per_hour']:g} an hour" if one["suspected_per_hour"] else "")
        rows.append([
            f"{one['world']}, {design}", f"{one['visits']:g}", f"{one['bears']:.0f}", f"{100 * one['truth']:.1f}", f"{100 * one['mean']:.1f}",
            f"{100 * one['coverage']:.1f}", f"{100 * one['width']:.0f}", f"{100 * one['estimated'] / result['rounds']:.0f}",
        ])
    head = ["what is found, and the sample", "visits", "pictures of a bear", "truth, %", "mean estimate, %", "coverage, %", "width, points", "with an estimate, % of rounds"]
    return text + table(head, rows)
