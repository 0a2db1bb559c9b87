"""The learning curve: shares, the power law, and that runs are compared on the same draw."""

import numpy as np
import pytest

from training import augment, curve, data


def test_a_smaller_share_lies_within_each_larger_one():
    pictures = [data.Picture(data.Path(f"b{i:04}.jpg"), *augment.NOTHING, "day") for i in range(4000)]
    fit, held = data.split(pictures)
    shares = [{p.path for p in data.share(fit, percent)} for percent in (25, 50, 100)]
    assert shares[0] < shares[1] < shares[2] == {p.path for p in fit}
    assert len(shares[0]) / len(fit) == pytest.approx(0.25, abs=0.03) and len(shares[1]) / len(fit) == pytest.approx(0.5, abs=0.03)
    # The hash of a share knows nothing of the calibration split's.
    assert len(data.share(held, 25)) / len(held) == pytest.approx(0.25, abs=0.06)


def test_the_power_law_that_made_the_figures_is_found():
    counts = [500, 1000, 2000]
    ap50 = 1 - 2.0 * np.array(counts, float)[:, None] ** -0.4 * np.ones((1, 1 + curve.RESAMPLES))
    found = curve.curve(counts, ap50)
    assert found["exponent"]["value"] == pytest.approx(0.4, abs=1e-4)
    assert found["wanted"]["value"] == pytest.approx((2.0 / (1 - curve.WANTED_AP50)) ** 2.5, abs=10)
    assert found["wanted"]["within_reach"] == 1


@pytest.mark.parametrize("ap50", [[0.8, 0.8, 0.8], [0.82, 0.81, 0.8], [0.80, 0.801, 0.802]])
def test_a_curve_that_does_not_rise_promises_nothing(ap50):
    found = curve.curve([500, 1000, 2000], np.array(ap50)[:, None] * np.ones((1, 1 + curve.RESAMPLES)))
    assert found["wanted"] == {"value": None, "ci95": [None, None], "within_reach": 0}


def test_runs_see_the_same_draw(monkeypatch):
    monkeypatch.setattr(curve, "RESAMPLES", 40)
    rng = np.random.default_rng(5)
    one = lambda i: [f"b{i:03}.jpg", [0.9 - i / 1000], [bool(rng.random() < 0.7)], 1] if i % 2 else [f"n{i:03}.jpg", [rng.random() / 2], [False], 0]
    seen = {suite: [one(i) for i in range(80)] for suite in curve.SUITES}
    runs = {"all": {"pictures": 100}, "unfixed": {"pictures": 100}}
    of = curve.summary(runs, {"all": seen, "unfixed": seen})["mean"]
    assert of["against_all"]["unfixed"] == {"value": 0, "ci95": [0, 0]}
    low, high = of["ap50"]["all"]["ci95"]
    assert low < of["ap50"]["all"]["value"] < high


def test_a_share_with_two_seeds_is_their_mean_and_each_draw_takes_one():
    one = curve.either([np.full(1 + curve.RESAMPLES, 0.7), np.full(1 + curve.RESAMPLES, 0.8)])
    assert one[0] == pytest.approx(0.75) and set(one[1:].round(3)) == {0.7, 0.8}
