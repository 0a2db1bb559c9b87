"""Sequences, from a few drawn pictures: the same bytes each time, boxes on the animal, events when it is in sight, nobody from the training split."""

import json

import numpy as np
import pytest
from PIL import Image

from training import camera, data, faults, sequences, staging, suites

NAMES = {"val": ["b00001.jpg", "b00002.jpg", "n00001.jpg", "n00002.jpg"], "train": ["b00003.jpg", "n00003.jpg"]}
CAST = {
    "places": ["b00001.jpg", "b00002.jpg", "n00002.jpg"],
    "walkers": {
        "bear": {"right": ["b00001.jpg", "b00003.jpg"], "left": ["b00002.jpg"], "front": []},
        "dog": {"right": [], "left": ["n00003.jpg"], "front": ["n00001.jpg"]},
    },
}
SIZES = (24, 60)
BOX = [60, 120, 90, 60]


def draw(path, name, number):
    """Ground of uneven bright colour, on it an oval animal: black for bears, brown for n00001 and n00003. Its box, if any."""
    rng = np.random.default_rng(number)
    pixels = np.clip(np.array([110, 150, 90]) + rng.normal(0, 1, (60, 80, 1)).repeat(5, 0).repeat(5, 1) * 30, 40, 255).astype(np.uint8)
    if name == "n00002.jpg":
        Image.fromarray(pixels).save(path / "images" / name, quality=95)
        return None
    x, y, w, h = BOX
    across, down = (2 * np.arange(400) + 1 - 2 * x - w) / w, (2 * np.arange(300) + 1 - 2 * y - h) / h
    pixels[across[None] ** 2 + down[:, None] ** 2 < 1] = 12 if name[0] == "b" else (120, 60, 30)
    Image.fromarray(pixels).save(path / "images" / name, quality=95)
    return BOX


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for split, names in NAMES.items():
        path = tmp_path / "bears" / split
        (path / "images").mkdir(parents=True)
        images, boxes = [], []
        for number, name in enumerate(names):
            images.append({"id": number + 1, "file_name": name})
            if box := draw(path, name, number):
                boxes.append({"id": number + 1, "image_id": number + 1, "category_id": 1 if name[0] == "b" else 3, "bbox": box, "iscrowd": 0})
        coco = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "bear"}, {"id": 3, "name": "animal"}]}
        (path / "annotations.json").write_text(json.dumps(coco))
    (tmp_path / "cast.json").write_text(json.dumps(CAST))
    monkeypatch.setattr(sequences, "CAST", tmp_path / "cast.json")
    small = {name: ((320, 240), SIZES, hours, 2 if name != "empty" else 6) for name, (_, _, hours, _) in sequences.SETS.items()}
    monkeypatch.setattr(sequences, "SETS", small)
    monkeypatch.setenv("BEARWATCH_DATA", str(tmp_path))
    return tmp_path


def made(folder, name, most=None):
    counts = sequences.make(folder, name, *sequences.read(), most)
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


def test_who_is_in_the_training_split_does_not_walk(folder):
    origins = {s["origin"] for name in ("day", "look-alikes") for s in made(folder / "out", name)[1]}
    assert origins == {"b00001.jpg", "b00002.jpg", "n00001.jpg"}


def test_a_cast_that_is_not_in_the_data_is_a_fault(folder):
    (folder / "cast.json").write_text(json.dumps(CAST | {"walkers": {"bear": {"left": ["b00009.jpg"]}}}))
    with pytest.raises(faults.Fault, match="copy the data again"):
        made(folder / "out", "day")


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


def test_the_committed_cast_walks_once_each():
    told = json.loads(sequences.CAST.read_text())
    names = [name for ways in told["walkers"].values() for of in ways.values() for name in of]
    assert len(names) == len(set(names)) and all(set(ways) == set(sequences.HEADINGS) for ways in told["walkers"].values())
