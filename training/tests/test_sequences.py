"""Sequences, from a few drawn pictures: the same bytes each time, boxes on the animal, events when it is in sight, nobody who is trained on."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from training import camera, data, faults, sequences, staging, suites

WALKERS = {
    "bear": {"right": ["b00031.jpg", "b00003.jpg"], "left": ["b00032.jpg"], "front": ["b00017.jpg"]},
    "dog": {"right": [], "left": ["n00009.jpg", "n00004.jpg"], "front": ["n00031.jpg"]},
}

#: Both name walkers and places of either split, and of those that are trained on.
CAST = {split: {"places": ["b00031.jpg", "b00032.jpg", "n00032.jpg", "b00017.jpg"], "walkers": WALKERS} for split in ("val", "calibration")}
SIZES = (24, 60)
COMMITTED = sequences.CAST


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """A cast of these walkers, small frames and few sequences."""
    (tmp_path / "cast.json").write_text(json.dumps(CAST))
    monkeypatch.setattr(sequences, "CAST", tmp_path / "cast.json")
    few = {name: ((320, 240), SIZES, hours, 6 if "empty" in name else 2) for name, (_, _, hours, _) in sequences.SETS.items()}
    monkeypatch.setattr(sequences, "SETS", few)


def made(folder, name, most=None):
    counts = sequences.make(folder, name, *sequences.read(sequences.split_of(name)), most)
    return counts, json.loads((folder / name / "events.json").read_text())


def test_twice_gives_the_same_bytes_however_many_are_made(folder):
    for name in ("dusk", "infrared"):
        first, again = made(folder / "a", name)[0], made(folder / "b", name)[0]
        assert first == again and first["sequences"] == 2 and first["pictures"] == 2 * staging.FRAMES
    made(folder / "few", "dusk", most=1)
    for frame in ("000001.jpg", "000040.jpg"):
        assert (folder / "a/dusk/dusk-00" / frame).read_bytes() == (folder / "few/dusk/dusk-00" / frame).read_bytes()


def test_boxes_lie_on_the_bear_within_the_frame_and_have_the_sizes_that_are_said(folder):
    _, told = made(folder / "out", "day")
    whole = 0
    for sequence in told:
        for file, boxes in sequence["boxes"].items():
            for x, y, w, h in boxes:
                assert x >= 0 and y >= 0 and x + w <= 320 and y + h <= 240
                if x > 2 and x + w < 318 and y > 2:
                    whole += 1
                    assert SIZES[0] - 2 <= max(w, h) <= SIZES[1] + 3
                    pixels = np.asarray(Image.open(folder / "out/day" / sequence["sequence"] / file).convert("L"))
                    assert pixels[round(y) : round(y + h), round(x) : round(x + w)].mean() < 0.8 * pixels.mean()
    assert whole > 20


def test_events_begin_and_end_with_the_boxes_and_never_in_the_empty_scene(folder):
    _, told = made(folder / "out", "day")
    for sequence in told:
        seen = [(int(file[:6]) - 1) / sequence["fps"] for file, boxes in sequence["boxes"].items() if boxes]
        (event,) = sequence["events"]
        assert event == {"class": "bear", "start_s": min(seen), "end_s": max(seen)} and min(seen) >= staging.EMPTY_S
        assert all(sequence["boxes"][f"{n:06}.jpg"] == [] for n in range(1, 11))


def test_without_bears_there_are_neither_events_nor_boxes(folder):
    for name in ("look-alikes", "empty"):
        counts, told = made(folder / "out", name)
        assert counts["events"] == 0 and all(s["events"] == [] and s["boxes"] == {} for s in told)
    assert {s["kind"] for s in told} == set(sequences.HAPPENINGS)


def origins(folder, *names):
    return {s["origin"] for name in names for s in made(folder / "out", name)[1]}


def test_only_the_own_split_walks_and_nobody_who_is_trained_on(folder):
    assert origins(folder, "day", "look-alikes") == {"b00031.jpg", "b00032.jpg", "n00031.jpg"}
    assert origins(folder, "calibration-day", "calibration-look-alikes") == {"b00017.jpg", "n00004.jpg"}


def test_sets_of_the_two_splits_are_made_alike_and_recorded_together(folder, monkeypatch):
    for names in (["day", "calibration-empty"], ["calibration-day"]):
        monkeypatch.setattr(sys, "argv", ["sequences", "--out", str(folder / "out"), "--only", *names])
        sequences.main()
    record = json.loads((folder / "out/sequences.json").read_text())
    assert list(record["sets"]) == ["day", "calibration-day", "calibration-empty"]
    assert record["data_sha256"] == {part: data.data_hash(folder / "bears" / part) for part in ("train", "val")}
    assert all(made["sha256"] == sequences.set_hash(folder / "out" / name) for name, made in record["sets"].items())
    day, calibration = (json.loads((folder / "out" / name / "events.json").read_text()) for name in ("day", "calibration-day"))
    assert [s["sequence"] for s in calibration] == ["calibration-" + s["sequence"] for s in day]
    assert {s["light"] for s in calibration} == {"day"} and record["sets"]["calibration-day"]["events"] == 2


def test_a_set_that_does_not_exist_is_a_fault(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sequences", "--out", str(folder / "out"), "--only", "calibration-noon"])
    with pytest.raises(SystemExit):
        sequences.main()
    assert "there is no set calibration-noon; there are far-2048" in capsys.readouterr().err


def test_a_cast_that_is_not_in_the_data_is_a_fault(folder):
    nobody = CAST["val"] | {"walkers": {"bear": {"left": ["b00009.jpg"]}}}
    (folder / "cast.json").write_text(json.dumps({"val": nobody, "calibration": nobody}))
    for name in ("day", "calibration-day"):
        with pytest.raises(faults.Fault, match="copy the data again"):
            made(folder / "out", name)


def test_a_cut_out_animal_stands_where_it_is_set(folder):
    picture = data.read_set(folder / "bears" / "val")[0]
    animal = camera.cut_out(picture.pixels(), picture.boxes[0])
    assert np.abs(np.array(animal.light.shape[:2]) - [60, 90]).max() <= 3
    small = animal.scaled(45)
    (left, top), part = small.placed((100.5, 80.0))
    ys, xs = np.nonzero(part[:, :, 3] > 0.5)
    assert max(small.light.shape[:2]) == 45 and abs(top + ys.max() + 1 - 80) <= 1 and abs(left + (xs.min() + xs.max() + 1) / 2 - 100.5) <= 1


def test_a_narrow_place_becomes_as_wide_as_asked():
    plate = suites.generator("plate").integers(0, 255, (90, 60, 3), np.uint8)
    wide = camera.widened(suites.generator("wide"), plate, 2.0)
    assert wide.shape == (90, 180, 3) and (wide[:, :40] == plate[:, :40]).all()


def test_the_committed_cast_walks_once_each_in_one_split_alone():
    told = json.loads(COMMITTED.read_text())
    ways = [ways for part in told.values() for ways in part["walkers"].values()]
    names = [name for way in ways for of in way.values() for name in of]
    assert set(told) == {"val", "calibration"} and all(set(way) == set(sequences.HEADINGS) for way in ways)
    assert len(names) == len(set(names)) and not set(told["val"]["places"]) & set(told["calibration"]["places"])


def test_who_walks_to_be_fitted_on_is_of_the_calibration_split():
    told = json.loads(COMMITTED.read_text())["calibration"]
    walkers = [name for ways in told["walkers"].values() for of in ways.values() for name in of]
    assert all(data.is_calibration(name) for name in walkers + told["places"])
    kinds = {name: kind for kind, of in json.loads(suites.LOOK_ALIKES.read_text()).items() for name in of}
    for kind in ("dog", "raccoon", "panda"):
        assert all(kinds[name] == kind for of in told["walkers"][kind].values() for name in of)
