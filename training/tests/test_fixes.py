"""Label fixes, and the doubts that lead to them."""

import json

import numpy as np
import pytest
from PIL import Image

from training import data, doubts, faults, fixes
from training.network import CLASSES


@pytest.fixture
def pictures(tmp_path):
    """A picture with a bear and a person, and one with nothing."""
    (tmp_path / "images").mkdir()
    for i, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.full((100, 200, 3), i * 90, np.uint8)).save(tmp_path / "images" / name)
    images = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}]
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 80, 80]}, {"image_id": 1, "category_id": 2, "bbox": [100.3, 0, 40.2, 90]}]
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    (tmp_path / "annotations.json").write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return data.read_set(tmp_path)


def fix(picture, do, **more):
    return {"image": picture.sha256(), "name": picture.path.name, "do": do, "reason": "seen by eye", **more}


def mended(tmp_path, pictures, *done, strict=False):
    (tmp_path / "fixes.json").write_text(json.dumps(done))
    return fixes.applied(pictures, fixes.read(tmp_path / "fixes.json"), strict)


def test_every_kind_of_fix_is_done(tmp_path, pictures):
    first, second = pictures
    answer = mended(
        tmp_path, pictures,
        fix(first, "relabel", box=[10, 10, 80, 80], label="animal"),
        fix(first, "move", box=[100, 0, 40, 90], to=[110, 0, 20, 50]),
        fix(second, "add", box=[1, 2, 3, 4], label="person"),
    )
    assert answer[0].boxes.tolist() == [[10, 10, 90, 90], [110, 0, 130, 50]] and answer[0].labels.tolist() == [2, 1]
    assert answer[1].boxes.tolist() == [[1, 2, 4, 6]] and answer[1].labels.tolist() == [1] and answer[1].boxes.dtype == np.float32
    answer = mended(tmp_path, pictures, fix(first, "drop", box=[10, 10, 80, 80]), fix(second, "drop picture"))
    assert [p.path.name for p in answer] == ["a.png"] and answer[0].labels.tolist() == [1]
    # The set that was handed in is as it was.
    assert first.labels.tolist() == [0, 1] and first.boxes[1, 2] == pytest.approx(140.5)


def test_a_fix_of_a_picture_that_is_not_there_is_a_fault_only_where_the_set_must_be_whole(tmp_path, pictures):
    gone = fix(pictures[1], "drop picture")
    assert len(mended(tmp_path, pictures[:1], gone)) == 1
    with pytest.raises(faults.Fault, match="1 pictures that are not in the set, the first is b.png"):
        mended(tmp_path, pictures[:1], gone, strict=True)


def test_a_fix_of_a_box_that_is_not_there_is_a_fault(tmp_path, pictures):
    for picture in pictures:
        with pytest.raises(faults.Fault, match="there is no box"):
            mended(tmp_path, pictures, fix(picture, "drop", box=[60, 60, 30, 30]))


@pytest.mark.parametrize(
    "change, wrong",
    [
        ({"do": "remove"}, "`do` must be"),
        ({"reason": " "}, "`reason` is empty"),
        ({"label": "cat"}, "`label` must be"),
        ({"box": [1, 2, 0, 4]}, "`box` must be"),
        ({"image": "b00001.jpg"}, "SHA-256"),
        ({"to": [1, 2, 3, 4]}, "takes exactly"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, pictures, change, wrong):
    with pytest.raises(faults.Fault, match=f"fix 2: .*{wrong}"):
        mended(tmp_path, pictures, fix(pictures[0], "drop picture"), fix(pictures[0], "add", label="bear", box=[1, 2, 3, 4]) | change)


def test_the_fixes_of_the_project_can_be_read():
    assert fixes.counts(fixes.read(fixes.TRAIN))["pictures"] >= 0


def opinions(*rows):
    """As from `fusion.agreed`: (opinion of each of three teachers, label, box)."""
    return np.array([r[0] for r in rows], float).reshape(-1, 3), np.array([r[1] for r in rows], int), np.array([r[2] for r in rows], float).reshape(-1, 4)


NOBODY = np.zeros(0), np.zeros(0, int), np.zeros((0, 4))
BEAR, PERSON = ((0.9, 0.8, 0.7), 0, (10, 10, 90, 90)), ((0.6, 0.6, 0.6), 1, (100, 0, 140, 90))


def test_what_all_agree_on_is_not_doubted_and_each_contradiction_is_named(pictures):
    told = lambda *rows, found=NOBODY: [(d.kind, d.fix.get("label"), d.fix["box"]) for d in doubts.doubts(pictures[0], opinions(*rows), found)]
    assert told(BEAR, PERSON) == []
    assert told(BEAR) == [("nobody sees it", None, [100.3, 0, 40.2, 90])]
    assert told(BEAR, PERSON, ((0.5, 0.5, 0.0), 2, (160, 10, 190, 40))) == [("unboxed", "animal", [160, 10, 30, 30])]
    assert told(BEAR, PERSON, ((0.9, 0.0, 0.0), 2, (160, 10, 190, 40))) == []
    assert told(PERSON, ((0.9, 0.9, 0.0), 2, (10, 10, 90, 90))) == [("other class", "animal", [10, 10, 80, 80])]
    assert told(PERSON, (*BEAR[:2], (10, 10, 90, 55))) == [("drawn otherwise", None, [10, 10, 80, 80])]


def test_the_highest_losses_come_before_other_pictures_without_a_doubt():
    assert doubts.suspicion([], 0.999) > doubts.suspicion([], 0.92) > doubts.suspicion([], 0.5) == 0
