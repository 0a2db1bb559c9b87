"""Pictures with boxes: COCO sets on disk, the calibration split, the hash that names the data."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training import fixes
from training.faults import Fault
from training.network import CLASSES

#: One picture in so many of `bears/train` is set aside to choose operating points; it is never trained on.
CALIBRATION_SHARE = 8


@dataclass(frozen=True)
class Picture:
    """One picture of a set. `boxes` k×4: left, top, right, bottom in pixels; `labels` k: index into CLASSES."""

    path: Path
    boxes: np.ndarray
    labels: np.ndarray
    condition: str

    def shows(self, label: int) -> bool:
        return bool((self.labels == label).any())

    def sha256(self) -> str:
        """Of the file: what a picture is known by, whatever its name."""
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise Fault(f"{self.path} cannot be read ({error.strerror}); copy the data again") from error

    def pixels(self) -> np.ndarray:
        """H×W×3 uint8, RGB."""
        try:
            with Image.open(self.path) as image:
                return np.asarray(image.convert("RGB"))
        except Exception as error:
            raise Fault(f"{self.path} cannot be read as a picture ({error}); copy the data again") from error


def folder(variable: str, *parts: str) -> Path:
    """A folder named by an environment variable."""
    value = os.environ.get(variable)
    if not value:
        raise Fault(f"{variable} is not set; set it to the folder that training/README.md describes")
    path = Path(value, *parts)
    if not path.exists():
        raise Fault(f"{variable}: {path} is missing; see the layout in training/README.md")
    return path


def read_set(path: Path) -> list[Picture]:
    """A COCO detection set: `annotations.json` and `images/` in a folder; categories by our names, others are left out."""
    file = path / "annotations.json"
    try:
        coco = json.loads(file.read_text())
        label_of = {c["id"]: list(CLASSES).index(c["name"]) for c in coco["categories"] if c["name"] in CLASSES}
        of_image = {image["id"]: [] for image in coco["images"]}
        for a in coco["annotations"]:
            if a["category_id"] in label_of and not a.get("iscrowd"):
                x, y, w, h = a["bbox"]
                of_image[a["image_id"]].append((x, y, x + w, y + h, label_of[a["category_id"]]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Fault(f"{file} is not a COCO detection file ({error!r}); see the layout in training/README.md") from error
    pictures = []
    for image in sorted(coco["images"], key=lambda i: i["file_name"]):
        rows = np.array(of_image[image["id"]], np.float32).reshape(-1, 5)
        where = path / "images" / image["file_name"]
        pictures.append(Picture(where, rows[:, :4], rows[:, 4].astype(np.int64), image.get("condition", "day")))
    if not pictures:
        raise Fault(f"{file} lists no pictures; see the layout in training/README.md")
    return pictures


def read_train(strict: bool = False, fixed: bool = True) -> list[Picture]:
    """`bears/train` with the reviewed label fixes. `val` and `trailcam` stay as they came: figures must mean the same to everybody."""
    return fixes.applied(read_set(folder("BEARWATCH_DATA", "bears", "train")), fixes.read(fixes.TRAIN) if fixed else {}, strict)


def is_calibration(name: str) -> bool:
    """By the hash of the file name: the same pictures on every machine, whatever else is in the folder."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % CALIBRATION_SHARE == 0


def split(pictures: list[Picture]) -> tuple[list[Picture], list[Picture]]:
    """To train on, and to choose operating points on."""
    held = [p for p in pictures if is_calibration(p.path.name)]
    return [p for p in pictures if not is_calibration(p.path.name)], held


def share(pictures: list[Picture], percent: int) -> list[Picture]:
    """So many of a hundred, by another part of the same hash: every smaller share lies within each larger one."""
    return [p for p in pictures if int(hashlib.sha256(p.path.name.encode()).hexdigest()[8:16], 16) % 100 < percent]


def some(pictures: list[Picture], count: int | None) -> list[Picture]:
    """About so many of them, spread evenly; all for None. To try things out."""
    return pictures[:: max(1, len(pictures) // count)] if count else pictures


def data_hash(path: Path) -> str:
    """SHA-256 over the annotations and every picture of a set, in the order of their names."""
    digest = hashlib.sha256()
    for file in [path / "annotations.json", *sorted((path / "images").iterdir())]:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
