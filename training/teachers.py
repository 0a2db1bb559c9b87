"""What three detectors trained on COCO say of our pictures: computed once, kept, and fused into one opinion.

    python -m training.teachers --out training/work/teachers.json
    python -m training.teachers --set "$BEARWATCH_DATA/bears/val" --out training/work/teachers-val.json --teacher fused --predictions fused.json
    bearwatch eval "$BEARWATCH_DATA/bears/val" --predictions fused.json

Each teacher looks at the whole picture and at its mirror image, and at tiles of the picture's own resolution where it is larger than the input. An
interrupted run goes on where it stopped when called again. Boxes are kept by the SHA-256 of the picture, so a set may be renamed or cut down.
"""

import argparse
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import ncnn
import numpy as np
from PIL import Image

from training import data, evaluate, faults, fusion
from training.evaluate import SIDE
from training.network import CLASSES

#: Scores below this are not kept: they would make the file long, and average precision counts few of them.
LEAST_SCORE = 0.005
MOST_BOXES = 50
#: So many cells, the best, stand for the suppression of doubles, which costs their square.
MOST_CANDIDATES = 300
#: Bins of a distance in the ncnn models, and their strides (Li et al. 2020, "Generalized Focal Loss").
BINS, STRIDES = 8, (8, 16, 32, 64)
#: The cache is written after so many pictures, some seconds of work each way.
WRITTEN_EVERY = 100
#: A change of how pictures are looked at makes older caches worthless.
METHOD = 1


@dataclass(frozen=True)
class Form:
    """How an ncnn model is fed and read. Mean and deviation in the channel order of the model, 0..255."""

    stem: str
    image: str
    bgr: bool
    mean: tuple
    deviation: tuple
    scores: tuple
    distances: tuple
    #: Where the centre of a cell lies, in strides from its corner.
    centre: float


FORMS = {
    "picodet": Form(
        "picodet-s-416", "image", False, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375),
        tuple(f"save_infer_model/scale_{i}.tmp_1" for i in range(4)), tuple(f"save_infer_model/scale_{i}.tmp_1" for i in range(4, 8)), 0.5,
    ),
    "nanodet": Form(
        "nanodet-plus-m_416", "data", True, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395),
        tuple(f"cls{s}" for s in STRIDES), tuple(f"dis{s}" for s in STRIDES), 0.0,
    ),
}


class NcnnDetector:
    """PicoDet-S (PaddleDetection, 2021) or NanoDet-Plus-m (RangiLyu, 2021), called like `evaluate.Detector`."""

    def __init__(self, folder, form, threads=1):
        self.form, self.net = form, ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_vulkan_compute = False
        files = [folder / f"{form.stem}.{end}" for end in ("param", "bin")]
        for file in files:
            if not file.is_file():
                raise faults.Fault(f"BEARWATCH_WEIGHTS: {file} is missing; see training/README.md")
        if self.net.load_param(str(files[0])) or self.net.load_model(str(files[1])):
            raise faults.Fault(f"{files[0]} cannot be loaded as an ncnn model; copy it and its .bin again")

    def __call__(self, pixels):
        """H×W×3 uint8 RGB → scores n, labels n, boxes n×4 (left, top, right, bottom in pixels), best first."""
        height, width = pixels.shape[:2]
        scores, distances = self.outputs(pixels)
        scores, labels, boxes = best(*decode(scores, distances, self.form.centre))
        boxes = np.clip(boxes * np.array([width / SIDE, height / SIDE] * 2), 0, [width, height] * 2)
        return evaluate.suppress(scores, labels, boxes)

    def outputs(self, pixels):
        """Per stride: class scores N×80 and distances N×4·BINS, cells row by row."""
        image = np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
        image = image[:, :, ::-1] if self.form.bgr else image
        image = (image - np.float32(self.form.mean)) / np.float32(self.form.deviation)
        # A Mat borrows the array's memory, so the array must live until the last output is out.
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))
        extractor = self.net.create_extractor()
        extractor.input(self.form.image, ncnn.Mat(planes))
        scores = [np.array(extractor.extract(name)[1]) for name in self.form.scores]
        distances = [np.array(extractor.extract(name)[1]).reshape(-1, 4 * BINS) for name in self.form.distances]
        # NanoDet leaves the class scores as planes, 80×H×W.
        return [s.reshape(len(s), -1).T if s.ndim == 3 else s for s in scores], distances


def decode(scores, distances, centre):
    """Scores n, labels n and boxes n×4 in input pixels, of one input of SIDE×SIDE. A distance is the mean of its bins, in strides."""
    found = []
    for stride, score, distance in zip(STRIDES, scores, distances):
        side = -(-SIDE // stride)
        rows, columns = np.divmod(np.arange(side * side), side)
        centres = (np.stack([columns, rows], 1) + centre) * stride
        ours = np.stack([score[:, of].max(1) for of in CLASSES.values()], 1)
        kept = ours.max(1) >= LEAST_SCORE
        bins = np.exp(distance[kept].reshape(-1, 4, BINS) - distance[kept].reshape(-1, 4, BINS).max(2, keepdims=True))
        sides = (bins @ np.arange(BINS)) / bins.sum(2) * stride
        boxes = np.concatenate([centres[kept] - sides[:, :2], centres[kept] + sides[:, 2:]], 1)
        found.append((ours[kept].max(1), ours[kept].argmax(1), boxes))
    return tuple(np.concatenate(part) for part in zip(*found))


def best(scores, labels, boxes):
    """The MOST_CANDIDATES with the highest scores."""
    kept = np.argsort(-scores, kind="stable")[:MOST_CANDIDATES]
    return scores[kept], labels[kept], boxes[kept]


def files():
    """Per teacher the files of its weights."""
    folder = data.folder("BEARWATCH_WEIGHTS")
    return {"yolox": [folder / "yolox_nano.onnx"]} | {
        name: [folder / f"{form.stem}.{end}" for end in ("param", "bin")] for name, form in FORMS.items()
    }


def teachers(threads=1):
    """The three, by name."""
    folder = data.folder("BEARWATCH_WEIGHTS")
    yolox = evaluate.Detector(folder / "yolox_nano.onnx", list(CLASSES.values()), threads)
    return {"yolox": yolox} | {name: NcnnDetector(folder, form, threads) for name, form in FORMS.items()}


def look(detector, pixels):
    """All views of one picture: {view: rows}, a row is [score, label, left, top, right, bottom] in pixels of the picture."""
    width = pixels.shape[1]
    scores, labels, boxes = detector(np.ascontiguousarray(pixels[:, ::-1]))
    boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
    views = {"whole": detector(pixels), "mirror": (scores, labels, boxes)}
    tiles = []
    for left, top, right, bottom in fusion.tiles(pixels.shape, SIDE):
        found = detector(np.ascontiguousarray(pixels[top:bottom, left:right]))
        tiles.append(fusion.small_and_whole(found, (left, top, right, bottom), pixels.shape))
    if tiles:
        views["tiles"] = evaluate.suppress(*best(*(np.concatenate(part) for part in zip(*tiles))))
    return {view: rows(*found) for view, found in views.items()}


def rows(scores, labels, boxes):
    kept = (scores >= LEAST_SCORE).nonzero()[0][:MOST_BOXES]
    return [[round(float(scores[i]), 3), int(labels[i]), *(round(float(v), 1) for v in boxes[i])] for i in kept]


class Cache:
    """What the teachers said, by the SHA-256 of the picture, in one JSON file. Of other weights or another method: begun anew."""

    def __init__(self, path):
        self.path, self.unsaved = path, 0
        self.head = {"method": METHOD, "weights": {name: _hash(*of) for name, of in files().items()}}
        self.seen = {}
        if path.is_file():
            try:
                kept = json.loads(path.read_text())
                self.seen = kept["pictures"] if all(kept[key] == value for key, value in self.head.items()) else {}
            except (KeyError, TypeError, ValueError) as error:
                raise faults.Fault(f"{path} is not a cache of training.teachers ({error!r}); remove it to begin anew") from error

    def add(self, key, said):
        """`said`: {teacher: {view: rows}}."""
        self.seen[key] = said
        self.unsaved += 1
        if self.unsaved >= WRITTEN_EVERY:
            self.save()

    def save(self):
        """First beside it, then in its place: a power cut leaves the old one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.head | {"pictures": self.seen}, separators=(",", ":")))
        os.replace(new, self.path)
        self.unsaved = 0

    def said(self, key):
        """{teacher: {view: rows}} of one picture."""
        if key not in self.seen:
            raise faults.Fault(f"{self.path} does not know a picture of the set; run `python -m training.teachers` on it first")
        return self.seen[key]

    def of(self, key, teacher):
        """Scores n, labels n, boxes n×4 of one teacher's whole view, or of all teachers and views for `fused`."""
        said = self.said(key)
        return fusion.fused(said) if teacher == "fused" else fusion.columns(said[teacher]["whole"])


def _hash(*paths):
    """SHA-256 of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise faults.Fault(f"{path} cannot be read ({error.strerror}); see training/README.md") from error
    return digest.hexdigest()


def fill(cache, pictures, seers):
    """Looks at every picture that the cache lacks."""
    missing = [p for p in pictures if p.sha256() not in cache.seen]
    print(f"{len(pictures)} pictures, {len(missing)} of them to look at", flush=True)
    try:
        for number, picture in enumerate(missing, 1):
            pixels = picture.pixels()
            cache.add(picture.sha256(), {name: look(seer, pixels) for name, seer in seers.items()})
            if number % WRITTEN_EVERY == 0:
                print(f"{number} of {len(missing)}", flush=True)
    finally:
        if cache.unsaved:
            cache.save()


def results(cache, folder, teacher):
    """COCO results of a set, for `bearwatch eval --predictions`."""
    coco = json.loads((folder / "annotations.json").read_text())
    image_of = {image["file_name"]: image["id"] for image in coco["images"]}
    category_of = [{c["name"]: c["id"] for c in coco["categories"]}.get(name) for name in CLASSES]
    said = []
    for picture in data.read_set(folder):
        for score, label, box in zip(*cache.of(picture.sha256(), teacher)):
            if category_of[label] is not None:
                bbox = [round(float(v), 2) for v in (*box[:2], *(box[2:] - box[:2]))]
                where = {"image_id": image_of[picture.path.name], "category_id": category_of[label]}
                said.append(where | {"bbox": bbox, "score": round(float(score), 4)})
    return said


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="cache to make or to go on with")
    parser.add_argument("--set", type=Path, help="COCO set to look at (default: bears/train in BEARWATCH_DATA)")
    parser.add_argument("--most-pictures", type=int, help="so many pictures only, to try it out")
    parser.add_argument("--predictions", type=Path, help="write what --teacher said of the set there, as COCO results")
    parser.add_argument("--teacher", choices=[*files(), "fused"], default="fused", help="whose predictions (default: %(default)s)")
    arguments = parser.parse_args()
    folder = arguments.set or data.folder("BEARWATCH_DATA", "bears", "train")
    cache = Cache(arguments.out)
    fill(cache, data.some(data.read_set(folder), arguments.most_pictures), teachers(threads=os.cpu_count() or 1))
    if arguments.predictions:
        arguments.predictions.write_text(json.dumps(results(cache, folder, arguments.teacher)))


if __name__ == "__main__":
    main()
