"""The evaluation suites, from a few drawn pictures: the same bytes each time, boxes on the bears, nothing of one split in the other."""

import json

import numpy as np

from training import data, suites
from training.network import BEAR

KINDS = [k for k in suites.KINDS if k not in ("far-2048", "look-alikes")]


def test_twice_gives_the_same_bytes_and_every_suite_can_be_read(folder):
    first, again = ({k: suites.make(folder / run, k, suites.sources()[""], 20) for k in KINDS} for run in ("a", "b"))
    assert first == again
    assert first["negatives"]["pictures"] == 21 and first["negatives"]["with_bear"] == 0
    for kind in KINDS:
        pictures = data.read_set(folder / "a" / kind)
        assert len(pictures) == first[kind]["pictures"]
        for picture in pictures:
            height, width = picture.pixels().shape[:2]
            assert (picture.boxes >= 0).all() and (picture.boxes[:, [0, 2]] <= width).all() and (picture.boxes[:, [1, 3]] <= height).all()
            # The drawn animal is the darkest thing there is; at night and behind leaves it need not be.
            if len(picture.boxes) and kind in ("clean", "low-resolution", "far-640", "motion-blur"):
                left, top, right, bottom = picture.boxes[0].round().astype(int)
                assert picture.pixels()[top:bottom, left:right].mean() < 0.7 * picture.pixels().mean(), (kind, picture.path.name)


def test_what_a_picture_becomes_does_not_hang_on_the_others(folder):
    source = suites.sources()[""]
    fewer = suites.Source(source.pictures[1:2], {})
    suites.make(folder / "all", "dusk", source)
    suites.make(folder / "one", "dusk", fewer)
    name = source.pictures[1].path.name
    assert (folder / "all/dusk/images" / name).read_bytes() == (folder / "one/dusk/images" / name).read_bytes()


def test_far_bears_have_the_sizes_that_are_said(folder):
    suites.make(folder / "out", "far-640", suites.sources()[""])
    pictures = data.read_set(folder / "out" / "far-640")
    sides = [(p.boxes[0, 2:] - p.boxes[0, :2]).max() for p in pictures if p.shows(BEAR)]
    assert len(sides) == 3 * suites.FAR_COPIES and 15 <= min(sides) and max(sides) <= 33


def test_calibration_suites_hold_pictures_of_the_calibration_split_only(folder):
    suites.make(folder / "out", "calibration-clean", suites.sources()["calibration-"])
    names = [p.path.name for p in data.read_set(folder / "out" / "calibration-clean")]
    assert names and all(data.is_calibration(n) for n in names)


def test_a_bear_at_the_border_or_a_small_cub_keeps_a_picture_out_of_far_suites(folder):
    picture = next(p for p in suites.sources()[""].pictures if len(p.boxes))
    assert suites.whole(picture, 60) and not suites.whole(picture, 200)
    with_cub = data.Picture(picture.path, np.float32([[40, 120, 130, 240], [200, 200, 230, 240]]), np.array([0, 0]), "day")
    cut = data.Picture(picture.path, np.float32([[0, 120, 130, 240]]), np.array([0]), "day")
    assert not suites.whole(with_cub, 60) and not suites.whole(cut, 60)


def test_every_look_alike_has_one_kind():
    kinds = json.loads(suites.LOOK_ALIKES.read_text())
    names = [n for of in kinds.values() for n in of]
    assert set(kinds) == {"dog", "panda", "raccoon", "teddy"} and len(names) == len(set(names))
