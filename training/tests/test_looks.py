"""What looks prove is found again where it was put in."""

import json

import numpy as np
import pytest

from training import faults, looks


def written(path, tracks=400):
    """Looks whose log-odds are normal with a variance of 1, a quarter of it between tracks, about 1 for bears and -1 for others: the ratio is 2 x."""
    rng, lines = np.random.default_rng(3), []
    for track in range(tracks):
        bear = track % 2 == 0
        level = rng.normal(1.0 if bear else -1.0, 0.5)
        for _ in range(20):
            score = 1 / (1 + np.exp(-rng.normal(level, np.sqrt(0.75))))
            lines.append({"sequence": "s", "track": track, "time_s": 0.0, "score": score, "on_bear": bear})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_ratio_and_a_correlation_are_found_again(tmp_path):
    found = looks.tracks([written(tmp_path / "a.looks")])
    slope, intercept = looks.fit(found)
    assert abs(slope - 2.0) < 0.15 and abs(intercept) < 0.15
    # Of a quarter, clipping takes a part.
    assert 0.1 < looks.correlation(found[False], slope, intercept) < 0.3


def test_the_card_gets_it_and_what_is_no_looks_is_told(tmp_path, monkeypatch):
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"classes": [{"name": "bear"}, {"name": "person"}]}))
    monkeypatch.setattr("sys.argv", ["looks", str(written(tmp_path / "a.looks")), "--card", str(card)])
    looks.main()
    bear, person = json.loads(card.read_text())["classes"]
    assert set(bear["look"]) == {"slope", "intercept"} and "look" not in person
    with pytest.raises(faults.Fault, match="card.json does not hold looks"):
        looks.tracks([card])
