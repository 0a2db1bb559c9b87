"""What the network sees in training: an endless, numbered list of samples, each made from its number and the seed alone."""

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from training import augment
from training.augment import PERSON
from training.camera.scenes import free_part
from training.network import BEAR
from training.recipe import SIMULATED_SHARE

BATCH = 16

#: Pixels; drawn for each batch, so that strides meet animals of other sizes too, and most batches are cheaper. The last one is the model's own.
SIDES = (288, 320, 352, 416)

#: Share of the samples that are four pictures in one.
MOSAIC_SHARE = 0.25

#: In the second run: a picture whose score is all wrong is shown so many times more often than one that is right; the first is 1 + this.
DWELL = 6.0


class Samples(Dataset):
    """Sample i: image 3×S×S uint8 (BGR), boxes k×4 (centre x, y, width, height in pixels), labels k."""

    def __init__(self, pictures, simulated, seed, count):
        self.seed, self.count = seed, count
        self.mosaic_share, self.simulated_share = MOSAIC_SHARE, SIMULATED_SHARE
        self.pictures, self.simulated = pictures, simulated
        # Decoded once: decoding would cost as much as the network. Workers share these pages.
        self.pixels = {p.path: p.pixels() for p in [*pictures, *simulated]}
        self.weights = np.array([weight(p) for p in pictures])
        # Where no animal is: pictures without one, most of which are rooms and toys, and what lies beside those that have one, most of it outdoors.
        empty = [self.pixels[p.path] for p in pictures if len(p.boxes) == 0]
        beside = (free_part(self.pixels[p.path], p.boxes) for p in pictures if p.shows(BEAR))
        self.scenes = [scenes for scenes in (empty, [part for part in beside if part is not None]) if scenes]

    def dwell_on(self, mistakes):
        """Shows pictures more often the more wrong they were (0..1 each), and simulated ones twice as often, for they are the darkest; whole
        pictures, no mosaics: the last minutes see what the daemon sees."""
        self.weights = self.weights * (1 + DWELL * np.array(mistakes))
        self.mosaic_share, self.simulated_share = 0.0, 2 * SIMULATED_SHARE

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        side = SIDES[np.random.default_rng((self.seed, 1, number // BATCH)).integers(len(SIDES))]
        rng = np.random.default_rng((self.seed, 2, number))
        if rng.random() < self.mosaic_share:
            image, boxes, labels = augment.mosaic(rng, [self.draw(rng) for _ in range(4)], side)
        else:
            image, boxes, labels = augment.view(rng, self.draw(rng), lambda: self.scene(rng), side)
        centred = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
        bgr = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))
        return torch.from_numpy(bgr), torch.from_numpy(centred), torch.from_numpy(labels)

    def scene(self, rng):
        """Pixels of a place without an animal."""
        if not self.scenes:
            return np.full((8, 8, 3), augment.FILL, np.uint8)
        scenes = self.scenes[rng.integers(len(self.scenes))]
        return scenes[rng.integers(len(scenes))]

    def draw(self, rng):
        """One picture: (pixels, boxes, labels)."""
        if self.simulated and rng.random() < self.simulated_share:
            picture = self.simulated[rng.integers(len(self.simulated))]
        else:
            picture = self.pictures[rng.choice(len(self.pictures), p=self.weights / self.weights.sum())]
        return self.pixels[picture.path], picture.boxes, picture.labels


def weight(picture):
    """How often a picture is shown, beside others. Few are dark or grey, and most that the daemon sees will be. Bears and other animals teach each other's
    difference. One in fifteen shows a person: without more of them the network forgets what the base knew."""
    return (3.0 if picture.condition != "day" else 1.0) * (1.5 if len(picture.boxes) else 1.0) * (2.0 if picture.shows(PERSON) else 1.0)


def letterboxed(pixels, side):
    """H×W×3 uint8 RGB → 3×side×side float32 BGR, 0..255, as the daemon places a picture; and the width and height that it takes there."""
    height, width = pixels.shape[:2]
    scale = min(side / width, side / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.full((side, side, 3), augment.FILL, np.float32)
    canvas[: size[1], : size[0]] = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    return torch.from_numpy(np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1))), size


def collate(samples):
    """A batch: images B×3×S×S float32, 0..255, channels last in memory (ten times faster here), and a list of (boxes, labels)."""
    images = torch.stack([image for image, _, _ in samples])
    return images.float().contiguous(memory_format=torch.channels_last), [(b, l) for _, b, l in samples]
