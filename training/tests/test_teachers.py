"""Decoding, fusion and the cache of the teachers; the real ones only where the folder of weights is named."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from training import data, faults, fusion, teachers
from training.network import CLASSES

needs_weights = pytest.mark.skipif(
    not (os.environ.get("BEARWATCH_WEIGHTS") and os.environ.get("BEARWATCH_DATA")), reason="BEARWATCH_DATA and BEARWATCH_WEIGHTS are not set"
)


def outputs(stride, row, column, scores, bins):
    """What an ncnn model answers if one cell sees one thing. `scores`: {COCO class: score}; `bins`: the bin of each of the four distances."""
    all_scores, all_distances = [], []
    for s in teachers.STRIDES:
        side = -(-teachers.SIDE // s)
        all_scores.append(np.zeros((side * side, 80), np.float32))
        all_distances.append(np.zeros((side * side, 4 * teachers.BINS), np.float32))
        if s == stride:
            for of, score in scores.items():
                all_scores[-1][row * side + column, of] = score
            for i, at in enumerate(bins):
                all_distances[-1][row * side + column, i * teachers.BINS + at] = 50
    return all_scores, all_distances


def test_a_cell_decodes_to_the_box_its_distances_say():
    for centre in (0.0, 0.5):
        scores, labels, boxes = teachers.decode(*outputs(32, 4, 6, {21: 0.9, 0: 0.2}, (1, 2, 3, 4)), centre)
        x, y = (6 + centre) * 32, (4 + centre) * 32
        assert labels.tolist() == [0] and scores == pytest.approx([0.9])
        np.testing.assert_allclose(boxes, [[x - 32, y - 64, x + 96, y + 128]], atol=1e-3)


def test_an_animal_is_the_best_of_its_coco_classes_and_other_things_are_nothing():
    scores, labels, _ = teachers.decode(*outputs(64, 6, 6, {16: 0.3, 19: 0.6}, (1, 1, 1, 1)), 0.5)
    assert labels.tolist() == [list(CLASSES).index("animal")] and scores == pytest.approx([0.6])
    assert len(teachers.decode(*outputs(8, 0, 0, {77: 0.9}, (1, 1, 1, 1)), 0.5)[0]) == 0


def test_tiles_cover_a_large_picture_at_its_own_resolution_and_a_small_one_has_none():
    assert fusion.tiles((416, 480, 3), 416) == []
    for height, width in ((480, 640), (300, 1280), (1536, 2048)):
        covered = np.zeros((height, width), bool)
        for left, top, right, bottom in fusion.tiles((height, width, 3), 416):
            assert right - left == min(416, width) and bottom - top == min(416, height)
            covered[top:bottom, left:right] = True
        assert covered.all()


def test_what_a_tile_cuts_is_left_to_its_neighbour_but_the_border_of_the_picture_cuts_nothing():
    boxes = np.array([[0, 50, 60, 100], [350, 50, 416, 100], [100, 50, 150, 100], [20, 20, 300, 90]], float)
    found = np.ones(4), np.zeros(4, int), boxes
    _, _, kept = fusion.small_and_whole(found, (0, 0, 416, 416), (416, 640, 3))
    assert kept.tolist() == [boxes[0].tolist(), boxes[2].tolist()]
    _, _, kept = fusion.small_and_whole(found, (224, 0, 640, 416), (416, 640, 3))
    assert kept.tolist() == [[574, 50, 640, 100], [324, 50, 374, 100]]


def test_fused_boxes_are_weighed_and_who_sees_nothing_counts():
    see = lambda *rows: {"whole": list(rows), "mirror": list(rows)}
    said = {"a": see([0.9, 0, 0, 0, 100, 100]), "b": see([0.3, 0, 20, 0, 120, 100], [0.6, 1, 200, 0, 240, 80]), "c": see()}
    scores, labels, boxes = fusion.fused(said)
    assert labels.tolist() == [0, 1] and scores == pytest.approx([0.4, 0.2])
    np.testing.assert_allclose(boxes[0], [5, 0, 105, 100])
    said["c"]["tiles"] = [[0.9, 1, 200, 0, 240, 80]]
    assert fusion.fused(said)[0] == pytest.approx([0.5, 0.4])
    assert fusion.fused({"a": see(), "b": see()})[2].shape == (0, 4)


def a_set(folder, count):
    """A COCO set of small pictures of noise."""
    (folder / "images").mkdir(parents=True)
    images = []
    for i in range(count):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(folder / "images" / f"b{i}.jpg")
        images.append({"id": i + 1, "file_name": f"b{i}.jpg", "width": 60, "height": 40})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))
    return data.read_set(folder)


class Seer:
    """Sees one person in every picture and counts them; gives up at one."""

    def __init__(self, fails_at=None):
        self.calls, self.fails_at = 0, fails_at

    def __call__(self, pixels):
        self.calls += 1
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        return np.array([0.8]), np.array([1]), np.array([[10.0, 5.0, 30.0, 35.0]])


def test_an_interrupted_run_keeps_what_it_saw_and_goes_on(tmp_path, monkeypatch):
    weights = tmp_path / "weights"
    weights.mkdir()
    monkeypatch.setenv("BEARWATCH_WEIGHTS", str(weights))
    for paths in teachers.files().values():
        for path in paths:
            path.write_bytes(b"one")
    pictures, file = a_set(tmp_path / "set", 5), tmp_path / "work" / "cache.json"
    # Two looks a picture: the third picture is lost with the fifth call.
    with pytest.raises(KeyboardInterrupt):
        teachers.fill(teachers.Cache(file), pictures, {"yolox": Seer(fails_at=5)})
    assert len(teachers.Cache(file).seen) == 2 and not list(file.parent.glob("*.new"))
    again = Seer()
    teachers.fill(teachers.Cache(file), pictures, {"yolox": again})
    assert again.calls == 6 and len(teachers.Cache(file).seen) == 5
    said = teachers.results(teachers.Cache(file), tmp_path / "set", "yolox")
    assert said[0] == {"image_id": 1, "category_id": 2, "bbox": [10, 5, 20, 30], "score": 0.8} and len(said) == 5
    # The mirror image is turned back.
    assert teachers.Cache(file).said(pictures[0].sha256())["yolox"]["mirror"] == [[0.8, 1, 30, 5, 50, 35]]
    next(iter(teachers.files().values()))[0].write_bytes(b"other")
    assert teachers.Cache(file).seen == {}
    with pytest.raises(faults.Fault, match="does not know a picture"):
        teachers.Cache(file).said(pictures[0].sha256())


def test_a_cache_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(teachers, "files", dict)
    (tmp_path / "cache.json").write_text("[")
    with pytest.raises(faults.Fault, match="is not a cache"):
        teachers.Cache(tmp_path / "cache.json")


@needs_weights
def test_every_teacher_sees_the_bear_of_a_clear_picture():
    large = lambda p: p.labels.tolist() == [0] and (p.boxes[0, 2:] - p.boxes[0, :2]).min() > 200
    picture = next(p for p in data.read_set(data.folder("BEARWATCH_DATA", "bears", "val")) if large(p))
    for name, teacher in teachers.teachers().items():
        scores, labels, boxes = teacher(picture.pixels())
        shared = np.prod(np.minimum(boxes[0, 2:], picture.boxes[0, 2:]) - np.maximum(boxes[0, :2], picture.boxes[0, :2]))
        area = lambda b: np.prod(b[2:] - b[:2])
        assert scores[0] > 0.5 and labels[0] == 0, name
        assert shared / (area(boxes[0]) + area(picture.boxes[0]) - shared) > 0.7, name
