"""Renders docs/rollout.md from the measurements."""

from figures_page import missing, origins, table

HEAD = """# New models

This page is written by `make rollout` from the measurements in `docs/rollout/`, which hold commit, machine, command, seed and count; do not edit it.

A new model is better on somebody's pictures. Whether it is better at these cameras shows only there, and a model that has become blind by night says nothing of it. So a new one first looks on beside the
model that runs (in shadow), then decides at a few cameras (canaries), then at more; the station judges what cameras count ([messages.md](messages.md), `models`), and takes it back by itself where a limit is left.
[operations.md](operations.md) says how to do it.

## How it is judged

* **The unit is an hour of a camera in one light.** A bear that stands there for twenty minutes is seen, or missed, a thousand times: that is one observation. Three looks at a bear make one, fewer are a flicker.
* **Four questions.** Of what the model before sees of bears in an hour, which part the new one sees less, on average of such hours; in which share of all watched hours the new one alone sees a bear that nobody confirms;
  where people have judged disagreements in Review, how often the model before was right; in which share of the hours the new one is too slow. What people say counts before what either model says: an hour in which they find
  no bear is none in which one was missed.
* **It may be looked at at any time.** For each question bets are made on every hour, at odds that are fair where the mean is just on the limit: whoever bets against what is true multiplies his stake by a hundred once in a hundred
  times at most, however long he plays and whenever he stops (Ville 1939; betting on bounded means: Waudby-Smith and Ramdas 2024). Nothing is asked of the hours but that each, given those before it, has a mean within the limit.
* **Stopped** is what is surely above a limit that stops. Half of the stake is on all hours together, a quarter on each light, a quarter on each camera, so that a model that is bad at one place or by night alone shows. A
  camera at which it crashes or is rolled back, or a quarter of the cameras that refuse it, stops it at once; so does the end of its time.
* **Passed** is what is surely below every limit, also without the camera that speaks best for it, and in each light with a tenth of the bears not beyond the limit that stops; and what people have judged as often as the
  criteria ask for.

"""

RATES = """## Rates

Stated: a model that is within every limit is stopped in **{stop:g} %** of its rollouts at most, and one that is beyond a limit passes a ring in **{passed:g} %** at most. Both are held where it is hardest: by challengers that lie
just on a limit, with cameras that differ as much as they can. How well simulated cameras resemble real ones is not known; the rates rest on the bets, and only what is found how soon rests on the simulation.

"""

NAMES = {
    "equal": "as good as the model before",
    "better": "sees more of bears, half the ghosts",
    "quieter": "sees the same, a third of the ghosts",
    "night-blind": "blind in infrared light",
    "far-blind": "blind for far bears, two of five",
    "dogs": "takes every third other animal for a bear",
    "rain": "takes rain for a bear, one hour in twelve by night",
    "shifted": "its scores are shifted, it sees half of the looks",
    "lens": "blind at every fourth camera",
    "slow": "too slow",
    "crashes": "crashes where it decides, once in two days",
    "on-missed": "on the limit of what it may miss to pass",
    "on-invented": "on the limit of what it may see alone to pass",
    "on-stop": "on every limit that stops, at every camera",
}
WHY = {"missed": "misses", "invented": "sees alone", "wrong": "people", "slow": "slow", "unwell": "a camera's word", "unshown": "its time"}


def page(stored):
    if "challengers" not in stored:
        return HEAD + "## Figures\n\n" + missing("`make rollout`")
    result = stored["challengers"]["result"]
    all_of = lambda worth: [one for one in result["challengers"] if one["worth"] == worth]
    text = HEAD + RATES.format(stop=100 * result["false_stop"], passed=100 * result["false_pass"]) + edges(all_of("edge"))
    return text + found(result, all_of("bad"), all_of("good")) + LIMITS + origins(stored)


def share(one):
    low, high = one["ci95"]
    return f"**{100 * one['share']:.1f}** ({100 * low:.1f} to {100 * high:.1f})"


def edges(all_edges):
    rows = [[NAMES[one["challenger"]], "stopped by a limit" if one["challenger"] == "on-stop" else "passed a ring", one["runs"], share(one)] for one in all_edges]
    return table(["challenger", "what must be rare", "rollouts", "% of them (exact 95 %)"], rows)


def found(result, bad, good):
    shadow, canaries, further, park = result["rings"]
    text = f"""
## What becomes of good and bad ones

Rings: {shadow} cameras in shadow, {canaries} of them as canaries, {further}, then all {park}; the default criteria, each ring by itself once all is shown; a median camera has a bear in its picture in an hour of every second day, and people
judge seven of ten disagreements by the next morning.

"""
    why = lambda one: ", ".join(f"{WHY[name]} {count}" for name, count in sorted(one["why"].items(), key=lambda item: -item[1])) or "–"
    rows = [[NAMES[one["challenger"]], one["runs"], one["shadow"], one["canary"], one["later"], one["promoted"], share(one), one["days_p50"], one["days_p90"], why(one)] for one in bad]
    text += "Bad ones, which must be stopped in shadow or as canaries:\n\n"
    text += table(["challenger", "rollouts", "stopped in shadow", "as canary", "later", "not", "caught, % (exact 95 %)", "days, median", "nine of ten within", "by"], rows)
    rows = [[NAMES[one["challenger"]], one["runs"], one["promoted"], share(one), one["days_p50"], one["days_p90"], why(one)] for one in good]
    text += "\nGood ones, which must be promoted everywhere:\n\n"
    return text + table(["challenger", "rollouts", "promoted", "% (exact 95 %)", "days, median", "nine of ten within", "stopped by"], rows)


LIMITS = """
A park with fewer bears takes as many times longer: hours with bears are what is counted. What was not shown in time (`most_days`) is taken back, be it good: it can be tried again with criteria that fit the park.
Where nobody reviews, what is seen alone counts as invented, so that a model that finds more bears than the one before does not pass.

"""
