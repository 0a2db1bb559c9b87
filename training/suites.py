"""Makes the evaluation suites: COCO sets of what cameras see on bad days, for `bearwatch eval` and `training.evaluate`. Never trained on.

    python -m training.suites --out training/work/suites

From `bears/val`: clean · dusk · infrared · low-resolution · far-640 · far-2048 · occluded · motion-blur · look-alikes · negatives. From the
calibration split (cut from `bears/train`, never trained on) the same, named calibration-…: thresholds are chosen there. What becomes of a picture
hangs on the seed, the suite's name and the file's name only, and for far ones on the split's scenes, too. `suites.json` names seed, data, counts and a hash of each suite.
"""

import argparse
import hashlib
import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from training import camera, data, faults
from training.camera.light import between, encoded, linear
from training.camera.scenes import free_part
from training.camera.sensor import exposed
from training.network import BEAR, CLASSES

SEED = 20250
QUALITY = 90
PERSON = list(CLASSES).index("person")

#: Pictures of each negative suite at least: one false alarm in a thousand can then be told from two.
LEAST_NEGATIVES = 5000

#: Share of a side: a bear nearer to the picture's border may be cut by it, and half a bear does not stand in a meadow.
WHOLE_MARGIN = 0.015

#: In far suites all bears of a picture are about as large: the smallest by this share of the largest, or the range of sizes would be a lie.
ALIKE = 0.7

#: Each whole bear stands in so many scenes of a far suite.
FAR_COPIES = 2

#: Found by eye: what lies beside the boxes of these still shows a paw, or the bear's mirror image in the water.
NO_PLATES = {"b00308.jpg", "b00736.jpg"}

LOOK_ALIKES = Path(__file__).with_name("look_alikes.json")


def dusk(rng, picture, _plates):
    pixels, boxes, labels = picture
    return camera.dusk(rng, pixels), boxes, labels


def infrared(rng, picture, _plates):
    pixels, boxes, labels = picture
    return camera.infrared(rng, pixels, boxes[labels != PERSON]), boxes, labels


def low_resolution(rng, picture, _plates):
    """160 pixels along the longer side (160×120 for most cameras), not enlarged."""
    pixels, boxes, labels = picture
    small = camera.cheap(rng, pixels, 160)
    return small, boxes * np.float32([small.shape[1] / pixels.shape[1], small.shape[0] / pixels.shape[0]] * 2), labels


def far_640(rng, picture, plates):
    """Longer side of the bear 16..32 pixels, frame 640×480."""
    return measured(rng, *camera.distant(rng, picture, camera.wide_scene(rng, plates, 640, 480), between(rng, 16, 32)))


def far_2048(rng, picture, plates):
    """Longer side of the bear 20..60 pixels, frame 2048×1536."""
    return measured(rng, *camera.distant(rng, picture, camera.wide_scene(rng, plates, 2048, 1536), between(rng, 20, 60)))


def measured(rng, pixels, boxes, labels):
    """One lens and one sensor for animal and scene, so that neither is told by its sharpness or its noise."""
    light = linear(camera.unfocused(rng, pixels, rng.uniform(0.3, 0.7)))
    return encoded(exposed(rng, light, between(rng, 800, 6000))), boxes, labels


def occluded(rng, picture, _plates):
    """Half of each box, at least; plants before nothing where there is no box."""
    pixels, boxes, labels = picture
    return camera.occluded(rng, pixels, boxes if len(boxes) else camera.somewhere(rng, pixels), 0.5), boxes, labels


def motion_blur(rng, picture, _plates):
    """2..5 % of the longer side: half of the time of all that stands in a box, else of the whole frame."""
    pixels, boxes, labels = picture
    length, angle = rng.uniform(0.02, 0.05) * max(pixels.shape), rng.normal(0, 0.4)
    if len(boxes) == 0 or rng.random() < 0.5:
        return camera.moved(rng, pixels, length, angle), boxes, labels
    for box in boxes:
        pixels = camera.moved(rng, pixels, length, angle, box)
    return pixels, boxes, labels


def as_it_is(_rng, picture, _plates):
    return picture


def pixels_only(function):
    return lambda rng, picture, _plates: (function(rng, picture[0]), *picture[1:])


#: Suites of one condition each.
SUITES = {
    "dusk": dusk, "infrared": infrared, "low-resolution": low_resolution, "far-640": far_640, "far-2048": far_2048, "occluded": occluded,
    "motion-blur": motion_blur,
}

#: What the pictures of the negative suites go through, in turn.
NEGATIVES = {
    "clean": as_it_is, "dusk": dusk, "infrared": infrared, "low-resolution": low_resolution, "far-640": far_640, "occluded": occluded,
    "motion-blur": motion_blur, "fog": pixels_only(camera.fog), "rain": pixels_only(camera.rain), "web": pixels_only(camera.web),
    "insect": pixels_only(camera.insect), "unfocused": pixels_only(camera.unfocused), "mjpeg": pixels_only(camera.mjpeg), "h264": pixels_only(camera.h264),
    "cut": lambda rng, picture, _plates: camera.cut_by_edge(rng, picture),
}

#: Pixels that a bear's longer side must have in the original, to be shrunk into these.
FAR = {"far-640": 32, "far-2048": 60}


class Source:
    """One split: its pictures, and the places without animals that far bears are set into."""

    def __init__(self, pictures, species):
        self.pictures, self.species = pictures, species
        self._plates = None

    def plates(self):
        if self._plates is None:
            bears = [p for p in self.pictures if p.shows(BEAR) and p.path.name not in NO_PLATES]
            parts = [free_part(p.pixels(), p.boxes) for p in bears]
            self._plates = [part for part in parts if part is not None]
            if not self._plates:
                raise faults.Fault("no picture has room beside its bear, so there is no scene to set far bears into; use more pictures")
        return self._plates

    def without_bears(self):
        return [p for p in self.pictures if not p.shows(BEAR)]


class Suite:
    """A COCO set as it is written: `images/`, and `annotations.json` at the end."""

    def __init__(self, folder, name):
        self.folder, self.name = folder / name, name
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "images").mkdir(parents=True)
        self.images, self.annotations = [], []

    def add(self, file_name, picture, origin, seen, source):
        """`picture`: (pixels, boxes, labels), or the path of a JPEG with boxes and labels, which is copied as it is."""
        content, boxes, labels = picture
        where = self.folder / "images" / file_name
        if isinstance(content, Path):
            shutil.copyfile(content, where)
            with Image.open(content) as image:
                width, height = image.size
        else:
            height, width = content.shape[:2]
            Image.fromarray(content).save(where, "JPEG", quality=QUALITY)
        number = len(self.images) + 1
        entry = {"id": number, "file_name": file_name, "width": width, "height": height, "origin": origin.path.name, "seen": seen}
        kind = source.species.get(origin.path.name)
        self.images.append(entry | ({"species": kind} if kind else {}))
        for box, label in zip(np.clip(boxes, 0, [width, height] * 2), labels.tolist()):
            left, top, right, bottom = (round(float(v), 1) for v in box)
            if right > left and bottom > top:
                w, h = round(right - left, 1), round(bottom - top, 1)
                of = {"id": len(self.annotations) + 1, "image_id": number, "category_id": label + 1}
                self.annotations.append(of | {"bbox": [left, top, w, h], "area": round(w * h, 1), "iscrowd": 0})

    def finish(self):
        """Writes the annotations; the suite's counts and hash."""
        categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
        coco = {"info": {"description": self.name, "seed": SEED}, "images": self.images, "annotations": self.annotations, "categories": categories}
        (self.folder / "annotations.json").write_text(json.dumps(coco) + "\n")
        with_bear = len({a["image_id"] for a in self.annotations if a["category_id"] == BEAR + 1})
        boxes = {name: sum(a["category_id"] == i + 1 for a in self.annotations) for i, name in enumerate(CLASSES)}
        counts = {"pictures": len(self.images), "with_bear": with_bear, "without": len(self.images) - with_bear, "boxes": boxes}
        return counts | {"sha256": data.data_hash(self.folder)}


def generator(*names):
    """A generator of its own for each picture of each suite, whatever else is made."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return np.random.default_rng([SEED, *np.frombuffer(digest[:16], "<u4").tolist()])


def degraded(suite, source, picture, condition, copy, plates):
    """(pixels, boxes, labels) of a picture under a condition of SUITES or NEGATIVES."""
    rng = generator(suite, picture.path.name, condition, copy)
    return (SUITES | NEGATIVES)[condition](rng, (picture.pixels(), picture.boxes, picture.labels), plates)


def whole(picture, size):
    """Whether a picture shows bears as whole as a far suite needs them, `size` pixels large at least, and about as large as each other."""
    bears = picture.boxes[picture.labels == BEAR]
    with Image.open(picture.path) as image:
        frame = np.array(image.size)
    sides = (bears[:, 2:] - bears[:, :2]).max(1)
    margin = WHOLE_MARGIN * frame
    inside = (bears[:, :2] > margin).all() and (bears[:, 2:] < frame - margin).all()
    return bool(inside and sides.max() >= size and sides.min() >= ALIKE * sides.max())


def of_condition(suite, source, condition):
    far = FAR.get(condition)
    plates = source.plates() if far else None
    for picture in source.pictures:
        bear = picture.shows(BEAR)
        if far and bear and not whole(picture, far):
            continue
        for copy in range(FAR_COPIES if far and bear else 1):
            name = f"{picture.path.stem}-{copy}.jpg" if far else picture.path.name
            suite.add(name, degraded(suite.name, source, picture, condition, copy, plates), picture, condition, source)


def copied(suite, source, pictures):
    for picture in pictures:
        suite.add(picture.path.name, (picture.path, picture.boxes, picture.labels), picture, "clean", source)


def negatives(suite, source, least):
    pictures, names = source.without_bears(), list(NEGATIVES)
    copies = math.ceil(least / max(1, len(pictures)))
    for number, picture in enumerate(pictures):
        for copy in range(copies):
            condition = names[(number + copy) % len(names)]
            made = degraded(suite.name, source, picture, condition, copy, source.plates())
            suite.add(f"{picture.path.stem}-{copy:02}.jpg", made, picture, condition, source)


def make(folder, name, source, least_negatives=LEAST_NEGATIVES):
    """One suite; `name` may begin with calibration-. Its counts and hash."""
    suite, kind = Suite(folder, name), name.removeprefix("calibration-")
    if kind == "clean":
        copied(suite, source, source.pictures)
    elif kind == "look-alikes":
        copied(suite, source, [p for p in source.pictures if p.path.name in source.species])
    elif kind == "negatives":
        negatives(suite, source, least_negatives)
    else:
        of_condition(suite, source, kind)
    return suite.finish()


KINDS = ["clean", *SUITES, "look-alikes", "negatives"]


def sources(most_pictures=None):
    """The two splits, by the prefix of their suites' names."""
    species = {name: kind for kind, names in json.loads(LOOK_ALIKES.read_text()).items() for name in names}
    held = data.split(data.read_set(data.folder("BEARWATCH_DATA", "bears", "train")))[1]
    val = data.read_set(data.folder("BEARWATCH_DATA", "bears", "val"))
    return {prefix: Source(data.some(pictures, most_pictures), species) for prefix, pictures in (("", val), ("calibration-", held))}


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the suites and suites.json; a suite that is there is made anew")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="make these only, and leave the others as suites.json has them")
    parser.add_argument("--most-pictures", type=int, help="so many pictures of each split only, to try the chain out")
    parser.add_argument("--least-negatives", type=int, default=LEAST_NEGATIVES, help="pictures of each negative suite (default: %(default)s)")
    arguments = parser.parse_args()
    names = [prefix + kind for prefix in ("", "calibration-") for kind in KINDS]
    if unknown := set(arguments.only or []) - set(names):
        raise faults.Fault(f"there is no suite {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    splits, record = sources(arguments.most_pictures), arguments.out / "suites.json"
    hashes = {part: data.data_hash(data.folder("BEARWATCH_DATA", "bears", part)) for part in ("train", "val")}
    made = json.loads(record.read_text())["suites"] if record.is_file() and arguments.only else {}
    for name in arguments.only or names:
        source = splits["calibration-" if name.startswith("calibration-") else ""]
        made[name] = make(arguments.out, name, source, arguments.least_negatives)
        print(f"{name}: {made[name]['pictures']} pictures, {made[name]['with_bear']} with a bear", flush=True)
        # After each suite, so that a run that is cut short can go on with --only.
        told = {"command": "python -m training.suites " + " ".join(sys.argv[1:]), "seed": SEED, "data_sha256": hashes}
        record.write_text(json.dumps(told | {"suites": {n: made[n] for n in names if n in made}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
