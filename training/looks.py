"""Fits what one look at a track proves, and writes it into the model's card: the log-likelihood ratio of the evidence test.

    bearwatch eval SET --events --board-ms 114 --save-looks SET.looks        for each of the calibration- sequences
    python -m training.looks *.looks --card models/bearwatch-nano.json

What is followed is not what single pictures hold: scenes bring hard candidates again and again. So the ratio is fitted on looks at tracks, by logistic
regression with both kinds of look weighed alike (Platt 1999; King and Zeng 2001 for the weighing). The intraclass correlation (one-way analysis of variance,
Donner 1986) says how many looks a track is worth in the end: MEMORY_LOOKS in src/perceive/evidence.rs.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from training import faults

#: A track is a candidate once its best score is above this; what never comes near a bear's score is of no interest.
CANDIDATE = 0.2

#: The line is fitted on looks of this log-odds and more: below, the ratio hardly falls any more, and the evidence test does not let it (MOST_TAKEN).
LEAST_ODDS = -0.5

#: Of the evidence test: most that one look may add and take, and what a look in vain takes, nats.
MOST, MOST_TAKEN, MISS = 3.4, 1.3, 1.75


def tracks(files):
    """Log-odds of each track's looks, not a number for those in vain, by whether the track is a bear: {True: [...], False: [...]}."""
    looks = defaultdict(list)
    for file in files:
        try:
            for line in file.read_text().splitlines():
                look = json.loads(line)
                looks[file, look["sequence"], look["track"]].append((look["score"], look["on_bear"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise faults.Fault(f"{file} does not hold looks ({error!r}); write it anew with bearwatch eval --events --save-looks") from error
    found = {True: [], False: []}
    for of_track in looks.values():
        told = [on for _, on in of_track if on is not None]
        if told and max((score for score, _ in of_track if score is not None), default=0) > CANDIDATE:
            found[2 * sum(told) > len(told)].append(np.array([odds(score) for score, _ in of_track]))
    if not all(found.values()):
        raise faults.Fault("there must be tracks on bears and tracks on other things; give the looks of all calibration sequences")
    return found


def odds(score):
    if score is None:
        return np.nan
    score = min(max(score, 1e-4), 1 - 1e-4)
    return np.log(score / (1 - score))


def fit(found):
    """(slope, intercept) of the log-likelihood ratio over the log-odds of a score; each kind of look counts by its share of all looks of its kind."""
    x, y, w = [], [], []
    for bear, of_tracks in found.items():
        every = np.concatenate(of_tracks)
        high = every[every > LEAST_ODDS]
        x.append(high), y.append(np.full(len(high), float(bear))), w.append(np.full(len(high), 1 / len(every)))
    x, y, w = map(np.concatenate, (x, y, w))
    line, columns = np.array([1.0, 0.0]), np.stack([x, np.ones_like(x)])
    for _ in range(50):
        p = 1 / (1 + np.exp(-line @ columns))
        line = line - np.linalg.solve((columns * w * p * (1 - p)) @ columns.T, columns @ (w * (p - y)))
    return float(line[0]), float(line[1])


def correlation(of_tracks, slope, intercept):
    """Intraclass correlation of what looks at the same track prove."""
    groups = [np.where(np.isnan(x), -MISS, np.clip(slope * x + intercept, -MOST_TAKEN, MOST)) for x in of_tracks if len(x) > 1]
    sizes, mean = np.array([len(g) for g in groups]), np.concatenate(groups).mean()
    between = sum(len(g) * (g.mean() - mean) ** 2 for g in groups) / (len(groups) - 1)
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / (sizes.sum() - len(groups))
    size = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(groups) - 1)
    return (between - within) / (between + (size - 1) * within)


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("looks", type=Path, nargs="+", help="files of bearwatch eval --events --save-looks")
    parser.add_argument("--card", type=Path, help="card of the model that saw them; its bear gets what was fitted")
    arguments = parser.parse_args()
    found = tracks(arguments.looks)
    slope, intercept = fit(found)
    print(f"a look proves {slope:.2f} * log-odds + {intercept:.2f} nats; {len(found[True])} tracks of bears, {len(found[False])} of other things")
    for bear, of_tracks in found.items():
        rho = correlation(of_tracks, slope, intercept)
        print(f"looks at {'bears' if bear else 'other things'}: intraclass correlation {rho:.2f}, a track is worth {1 / rho:.1f} looks")
    if arguments.card:
        card = json.loads(arguments.card.read_text())
        bear = next(c for c in card["classes"] if c["name"] == "bear")
        bear["look"] = {"slope": round(slope, 2), "intercept": round(intercept, 2)}
        arguments.card.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
