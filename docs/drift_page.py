"""Renders docs/drift.md from the measurements."""

from figures_page import missing, origins, table

HEAD = """# Sudden shifts

This page is written by `make drift` from the measurements in `docs/drift/`, which hold commit, machine, command, seed and count; do not edit it.

A detector that finds nothing may be right, or may look through a spider's web. Cameras therefore count what their pictures and finds are like
([messages.md](messages.md), `drift`), and the station tells when that is not any more what it was.

## How it is judged

* **What.** By light (day, dusk, infrared) and by model: the best score of each visit, the height of its box, brightness, sharpness and motion of frames, and how many visits there are. Scores,
  heights and visits are judged over day and night together as well.
* **The unit is the day** (of UTC). Frames of one day have one sun, one weather and the same animals: ten thousand of them are as good as one observation. Each series has one value a day: the mean of
  its histogram, or the logarithm of the visits. Half an hour of a light makes a day, or two visits, or ten minutes of frames.
* **The reference** is four weeks, of which fourteen days at least must be known, and ends a week before the present one, so that what has just begun is not held against itself. It moves along: seasons are no
  shift. What was taken back, or accepted as it is, is left out of it.
* **The test.** Every day the sums of the deviations of the last one, two … seven days from the reference are divided by what they would spread by, with as much correlation from day to day as the reference shows; the
  largest quotient of a week (from Thursday on) counts, so that a week of looks at shifts of any age is paid for once (a scan statistic: Naus 1965). How large that becomes by chance for so many days is simulated for each persistence and stands in a table (`src/station/drift/null.json`, by `bearwatch drift --calibrate`);
  which persistences are how likely is found from all series of a feature (empirical Bayes: Robbins 1956), each site counting once, for it has one sky.
* **Many cameras, many features**: all series of a station are one family, corrected by Holm (1979).
* **No more a shift** is what was as before for two days, what somebody has accepted on the page, and what has lasted four weeks.

"""

STATED = """## False alarms

Stated: **{stated:g} shifts told falsely by a station in a week**, on average, however many cameras it has: one in {every:.0f} weeks (the per-family error rate; the chance of telling any, the family-wise error rate, is less).
Measured on {camera_weeks} camera-weeks in which nothing shifts, of cameras with sun and season, clouds and wind that last and are shared by ten cameras of a site, animals that come more on some
days than on others, and days without a camera; {series:.0f} series are judged a camera and week.
The test, the weights of the persistences and the very quantity that is stated were chosen while such measurements with seeds 1 and 2 were looked at, by the same simulator; these are of a seed
that was left for the end. How well the simulator resembles real cameras is not known. Ten cameras have one sky: of stations with ten or a hundred there are few that differ, and the intervals are wide.

"""

LASTING = """
Where weather lasts much longer than it is taken for (a correlation of 0.7 to 0.9 from day to day; above: 0.2 to 0.7) there are more; then a week of fog is told as the shift that it is:

"""

PLANTS = {
    "web": "a web grows over the lens in eight days: three octaves less sharp, glare at night",
    "turned": "the camera is turned",
    "lamp": "the infrared lamp fails",
    "scores": "the model's scores fall by a fifth of the scale, a third is not found any more",
    "nobody": "nothing comes by any more (before: nine visits a day at the median camera)",
    "others": "something smaller comes by, three times as often",
}
LIGHTS = {"day": "by day", "dusk": "at dusk", "infrared": "by infrared light", "all": "over day and night"}


def page(stored):
    if "shifts" not in stored:
        return HEAD + "## Figures\n\n" + missing("`make drift`")
    result = stored["shifts"]["result"]
    text = STATED.format(stated=result["stated"], every=1 / result["stated"], camera_weeks=result["camera_weeks"], series=result["series"])
    return HEAD + text + quiet(result["quiet"]) + LASTING + quiet(result["lasting"]) + planted(result["planted"]) + LIMITS + origins(stored)


def quiet(all_fleets):
    rows = []
    for one in all_fleets:
        low, high = one["ci95"]
        rows.append([one["fleet"], one["station_weeks"], f"**{one['rate']:.3f}** ({low:.3f} to {high:.3f})", f"{one['ratio']:.2f}", f"{100 * one['weeks_with_any']:.1f}"])
    return table(["cameras of the station", "weeks", "told falsely in a week (95 %)", "by the stated rate", "weeks with any, %"], rows)


def planted(all_plants):
    text = "\n## What is found\n\nEach shift begins on any day of a week, at one camera among others at which nothing shifts. Days count from its first one.\n\n"
    rows = []
    for one in all_plants:
        first = one["first"]
        days = [one[key] if one[key] is not None else "–" for key in ("days_p50", "days_p90")]
        what = f"{first[1]} {LIGHTS[first[0]]}" if first else "–"
        rows.append([PLANTS[one["plant"]], one["fleet"], f"{100 * one['found_within_7_days']:.0f}", f"{100 * one['found_within_14_days']:.0f}", *days, what])
    return text + table(["shift", "cameras", "found within 7 days, %", "within 14 days, %", "days, median", "90 % of those found", "most often first"], rows)


LIMITS = """
The more cameras, the rarer a week must be to be told: a slow or small shift at one of a hundred is found later, or not. A camera with few visits cannot say that they have stopped: fewer than one a day on average is
not judged. The cameras are simulated; what real ones do in a year is not measured yet.

"""
