"""A small copy of the data, drawn: what the tests of suites and sequences are made from."""

import json

import numpy as np
import pytest
from PIL import Image

#: Bears and others of each split. b00017 and, of the others, 0, 2, 4, 11, 15, 17 and 22 fall to the calibration split.
NAMES = {"val": [f"{k}{i:05}.jpg" for k in "bn" for i in range(30, 33)], "train": [f"{k}{i:05}.jpg" for k in "bn" for i in range(30)]}

#: Others than bears whose pictures show an animal.
ANIMALS = {"n00004.jpg", "n00009.jpg", "n00031.jpg"}

BOX = [60, 120, 90, 60]


def draw(path, name, number):
    """Ground of uneven bright colour, on it an oval animal: black for bears, dark brown for ANIMALS. Its box, if any."""
    rng = np.random.default_rng(number)
    pixels = np.clip(np.array([110, 150, 90]) + rng.normal(0, 1, (60, 80, 1)).repeat(5, 0).repeat(5, 1) * 30, 40, 255).astype(np.uint8)
    shows = name[0] == "b" or name in ANIMALS
    if shows:
        x, y, w, h = BOX
        across, down = (2 * np.arange(400) + 1 - 2 * x - w) / w, (2 * np.arange(300) + 1 - 2 * y - h) / h
        pixels[across[None] ** 2 + down[:, None] ** 2 < 1] = 12 if name[0] == "b" else (80, 40, 20)
    Image.fromarray(pixels).save(path / "images" / name, quality=95)
    return BOX if shows else None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that BEARWATCH_DATA names."""
    for split, names in NAMES.items():
        path = tmp_path / "bears" / split
        (path / "images").mkdir(parents=True)
        images, boxes = [], []
        for number, name in enumerate(names):
            images.append({"id": number + 1, "file_name": name, "condition": "day"})
            if box := draw(path, name, number):
                boxes.append({"id": number + 1, "image_id": number + 1, "category_id": 1 if name[0] == "b" else 3, "bbox": box, "iscrowd": 0})
        coco = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "bear"}, {"id": 3, "name": "animal"}]}
        (path / "annotations.json").write_text(json.dumps(coco))
    monkeypatch.setenv("BEARWATCH_DATA", str(tmp_path))
    return tmp_path
