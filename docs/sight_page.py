"""Renders docs/sight.md from the measurements. What was not measured has no column; where nothing was, the page says so."""

import math

from figures_page import missing, origins, table

HEAD = """# Bears in sight

This page is written by `make sight` from the measurements in `docs/sight/`, which hold commit, machine, command, seed and count of each; do not edit it.

Accuracy on single pictures says little about alerts: the daemon looks at part of a large frame at a time, follows what it sees, and weighs
evidence over time. Here it is played sequences of five pictures a second and eight seconds, and its alerts are held against when and where a bear
was in sight. **The sequences are composed from stills, they are no recordings**: bears of `bears/val`, which no training saw, cut out and moved
through scenes by `make train-sequences`, with the noise, the light and the compression of a camera; their legs do not move. The bears, whole ones
that could be cut out cleanly, and the scenes were chosen by eye, without a look at what the detector says of them. For two seconds of every
sequence nothing has come yet; a bear is in sight from when half of it is.
"""

WHO = {
    "pi4": "Raspberry Pi 4",
    "pi5": "Raspberry Pi 5",
    "desk": "desk computer",
    "whole": "whole frame only",
}

SETS = {
    "far-2048": "bears of 24–60 px in 2048×1536",
    "far-1920": "bears of 24–60 px in 1920×1080",
    "day": "bears of 40–240 px in 1280×720, day",
    "dusk": "the same, dusk",
    "infrared": "the same, infrared night",
    "look-alikes": "dogs, raccoons, pandas, persons",
    "empty": "wind, rain, insects, webs, headlights, filter",
}

#: Sets that hold no bear.
QUIET = ("look-alikes", "empty")

DECIDE = {"frame": "one frame over the operating point", "median": "median of three frames over it", "pi4": "tracks and evidence (ours)"}


def page(stored):
    sections = [found, soon, false, ablation, origins]
    if not stored:
        return HEAD + "\n" + missing("`make train-sequences` and `make sight`")
    return HEAD + "".join("\n" + section(stored) for section in sections)


def wilson(hits, count, z=1.96):
    """95 % interval of a share (Wilson 1927)."""
    share, spread = hits / count, z * z / count
    middle, half = share + spread / 2, z * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return [max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))]


def counted(one):
    if not one["events"]:
        return "–"
    low, high = wilson(one["found"], one["events"])
    return f"{one['found']} of {one['events']} [{low:.2f}, {high:.2f}]"


def timed(one):
    times = one["time_to_alert_s"]
    return f"{times['p50']:.1f} / {times['p95']:.1f}" if times["p50"] is not None else "–"


def known(stored):
    return [name for name in WHO if name in stored]


def by_set(stored, cell, sets):
    """A row a set, a column a measurement."""
    of = lambda name, one: stored[name]["result"]["sets"].get(one)
    rows = [[SETS[one], *(cell(of(name, one)) if of(name, one) else "–" for name in known(stored))] for one in sets]
    return table(["set", *(WHO[name] for name in known(stored))], rows)


def found(stored):
    text = (
        "## Bears that an alert told of\n\nIn brackets the 95 % Wilson interval. On a board the time that a region takes is computed from its estimate in "
        "[performance.md](performance.md), and pictures that are taken meanwhile are given up; the desk computer looks at every picture, and its measured time chooses how closely. "
        "Whole frame only: no tile is looked at, which either board can afford at every picture.\n\n"
    )
    return text + by_set(stored, counted, [name for name in SETS if name not in QUIET])


def soon(stored):
    text = "## Seconds from the first sight to the alert\n\nMedian and 95th percentile of those found; who finds more may look slower for it.\n\n"
    return text + by_set(stored, timed, [name for name in SETS if name not in QUIET])


def false(stored):
    text = (
        "## False alarms\n\nAlerts that told of no bear, and minutes played. So few minutes bear no rate a day; [accuracy.md](accuracy.md) has thousands "
        "of pictures without a bear.\n\n"
    )
    return text + by_set(stored, lambda one: f"{one['false_alarms']} in {60 * one['hours']:.1f} min", SETS)


def outcome(one):
    told = f"{counted(one)}, {timed(one)} s, " if one["events"] else ""
    return f"{told}{one['false_alarms']} false"


def ablation(stored):
    text = "## What deciding over time brings\n\nRaspberry Pi 4; the same model, regions and threshold.\n\n"
    shown = [name for name in DECIDE if name in stored]
    if len(shown) < 2:
        return text + missing("`make sight` with a program that knows `--board-ms` and `--decide`")
    rows = []
    for one, words in SETS.items():
        of = [stored[name]["result"]["sets"].get(one) for name in shown]
        rows.append([words, *(outcome(entry) if entry else "–" for entry in of)])
    return text + table(["set", *(DECIDE[name] for name in shown)], rows)
