"""The card for people: what it says where something is missing, of another model, or better than the model."""

import json

import numpy as np
import pytest

from training import accuracy, evaluate, faults, reliability, report


def test_descriptions_of_another_model_are_said_to_be():
    worst = {"missed": [{"image": "a", "file": "x.jpg", "missed": 1, "imagined": 0, "best_score": 0.2}], "imagined": []}
    described = {"model": "0123456789abcdef", "mistakes": [{"image": "a", "name": "x.jpg", "words": "A bear in fog."}]}
    assert "another model, `0123456789ab" in report._mistakes(worst, described, "other")
    same = report._mistakes(worst, described, "0123456789abcdef")
    assert "another model" not in same and "A bear in fog." in same
    assert "Nobody has described" in report._mistakes(worst, {"model": "b", "mistakes": []}, "b")


def test_figures_of_another_model_are_refused(tmp_path):
    (tmp_path / "bearwatch-nano.json").write_text(json.dumps({"sha256": "a" * 64}))
    with pytest.raises(faults.Fault, match="measure first"):
        report.rendered(tmp_path)
    (tmp_path / "bearwatch-nano.figures.json").write_text(json.dumps({"model": "b" * 64}))
    with pytest.raises(faults.Fault, match="another model"):
        report.rendered(tmp_path)


def test_who_is_better_decides_what_is_said_of_distilling():
    told = lambda ours, theirs: {"bearwatch-nano": {"ap50": ours}, "fused": {"ap50": theirs}}
    assert "weaker" in report._verdict("bears/val", told(0.9, 0.8))
    assert "part of it back" in report._verdict("trailcam", told(0.4, 0.8))


def test_a_perfect_calibration_is_off_by_chance_only_and_a_boastful_one_by_more():
    rng = np.random.default_rng(4)
    scores = rng.uniform(0.05, 0.99, 600)
    honest = [evaluate.Judged(scores, rng.random(600) < scores, 0)]
    boastful = [evaluate.Judged(scores, rng.random(600) < scores**3, 0)]
    identity = {"slope": 1.0, "intercept": 0.0}
    good, bad = (accuracy.calibration_error(of, identity) for of in (honest, boastful))
    assert good["error"] <= good["by_chance"]["most"] < bad["error"]
    assert sum(one["boxes"] for one in good["bins"]) == good["boxes"] == 600


def test_the_diagram_shows_each_bin_that_holds_a_box():
    bins = [{"boxes": 10, "promised": 2.0, "right": 3}, {"boxes": 0, "promised": 0.0, "right": 0}, {"boxes": 4, "promised": 3.6, "right": 4}]
    drawn = reliability.drawing([("day", {"error": 0.1, "boxes": 14, "bins": bins})])
    assert drawn.count("<circle") == 2 and "day: error 0.100 of 14 boxes" in drawn
    low, high = reliability.wilson(3, 10)
    assert (low, high) == (pytest.approx(0.108, abs=0.002), pytest.approx(0.603, abs=0.002))
