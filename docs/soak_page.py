"""Renders docs/soak.md from the measurements."""

from math import exp

from figures_page import missing, origins, table

HEAD = """# Days without bears

This page is written by `make soak` from the measurements in `docs/soak/`, which hold commit, machine, command, seed and count; do not edit it.

`bearwatch soak` plays whole days at a campsite **that is drawn**: persons and dogs walk by, it rains and snows, insects and webs come before the lens, headlights
pass, bushes lean in the wind, and light goes from day over dusk to infrared night and back. One frame of 1280×720 a second goes through the core of the daemon, five
while something moves, at the speed of a Raspberry Pi 4. What is drawn looks less like a bear than dogs and stumps do; those are in [sight.md](sight.md).
"""

WHO = {"track": "tracks and evidence (ours)", "median": "median of three frames over the operating point", "frame": "one frame over it"}


def page(stored):
    if "days" not in stored:
        return HEAD + "\n" + missing("`make soak`")
    return HEAD + "\n" + alarms(stored["days"]["result"]["days"]) + "\n" + origins(stored)


def alarms(days):
    hours = sum(day["hours"] for day in days)
    frames, misses = (sum(day[key] for day in days) for key in ("frames", "deadline_misses"))
    text = (
        f"## Alerts for nothing\n\n{len(days)} days of {days[0]['hours']:g} hours. {misses} of {frames} frames took longer than the budget; "
        f"{sum(day['ghosts'] for day in days)} things were learned to stand still and to look like a bear.\n\n"
    )
    rows = []
    for who, words in WHO.items():
        count = sum(day["alarms"][who] for day in days)
        rows.append([words, count, f"{count * 24 / hours:.2f}", f"{poisson_upper95(count) * 24 / hours:.2f}"])
    return text + table(["who decides", "alerts", "a day", "no more than, with 95 % confidence"], rows)


def poisson_upper95(count):
    """Exact one-sided bound on the mean of a Poisson count (Garwood 1936), by halving."""
    def at_most(mean):
        term = total = exp(-mean)
        for k in range(1, count + 1):
            term *= mean / k
            total += term
        return total

    low, high = float(count), count + 10 + 5 * count**0.5
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(middle) > 0.05 else (low, middle)
    return high
