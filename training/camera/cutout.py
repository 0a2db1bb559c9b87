"""An animal without its surroundings, to be set into one scene many times: what fades into the scene around it would walk along with it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from training.camera.light import linear

#: Share of the animal's longer side that is looked at around its box to learn the colours of the place.
AROUND = 0.25

#: Of the ellipse that fills a box: what is within is taken for animal before the colours are learnt.
LIKELY = 0.8

ROUNDS = 6


@dataclass(frozen=True)
class Cutout:
    """`light`: h×w×4 float32, linear red, green, blue times cover, and cover 0..1; the animal fills it. `around`: mean light of the place it comes from."""

    light: np.ndarray
    around: float

    def scaled(self, size):
        """As large as needed, its longer side `size` pixels: light is averaged, as pixels do. Never enlarged."""
        height, width = self.light.shape[:2]
        scale = min(1.0, size / max(height, width))
        wanted = max(2, round(width * scale)), max(2, round(height * scale))
        return Cutout(cv2.resize(self.light, wanted, interpolation=cv2.INTER_AREA), self.around)

    def mirrored(self):
        return Cutout(np.ascontiguousarray(self.light[:, ::-1]), self.around)

    def placed(self, foot, scale=1.0, tilt=0.0):
        """Standing at `foot` (x, y of the middle of its lower edge, fractions of pixels count), turned by `tilt` radians: (left, top), h×w×4."""
        height, width = self.light.shape[:2]
        reach = math.ceil(math.hypot(height, width) * scale / 2) + 2
        middle = foot[0], foot[1] - height * scale / 2
        left, top = math.floor(middle[0]) - reach, math.floor(middle[1]) - reach
        c, s = scale * math.cos(tilt), scale * math.sin(tilt)
        # OpenCV counts from the middle of the first pixel.
        x, y = middle[0] - left - 0.5, middle[1] - top - 0.5
        cx, cy = (width - 1) / 2, (height - 1) / 2
        turn = np.float32([[c, -s, x - c * cx + s * cy], [s, c, y - s * cx - c * cy]])
        return (left, top), cv2.warpAffine(self.light, turn, (2 * reach, 2 * reach), flags=cv2.INTER_LINEAR)


def cut_out(pixels, box):
    """The animal in a box, by its colours (GrabCut: Rother, Kolmogorov and Blake 2004) with an edge as soft as its fur (guided filter: He, Sun and Tang
    2010). Where animal and place are of one colour it fails: look at what comes out. None where nothing comes out."""
    part, box = _surroundings(pixels, box)
    hard = _largest(_grabbed(part, box))
    if not hard.any():
        return None
    cover = _softened_edge(part, hard, max(2, round(0.012 * float((box[2:] - box[:2]).max()))))
    light = linear(part)
    ys, xs = np.nonzero(hard)
    inside = slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1)
    return Cutout(np.dstack([light * cover[:, :, None], cover])[inside].astype(np.float32), float(light[hard == 0].mean()) if (hard == 0).any() else 0.2)


def _surroundings(pixels, box):
    """The picture's part around a box, and the box in it."""
    height, width = pixels.shape[:2]
    margin = AROUND * float((box[2:] - box[:2]).max())
    left, top = (max(0, int(v - margin)) for v in box[:2])
    right, bottom = min(width, math.ceil(box[2] + margin)), min(height, math.ceil(box[3] + margin))
    return np.ascontiguousarray(pixels[top:bottom, left:right]), box - np.float32([left, top] * 2)


def _grabbed(part, box):
    """1 where the colours say animal, h×w uint8."""
    height, width = part.shape[:2]
    left, top, right, bottom = box.round().astype(int)
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    mask[top:bottom, left:right] = cv2.GC_PR_BGD
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    across, down = (2 * x - box[0] - box[2]) / (box[2] - box[0]), (2 * y - box[1] - box[3]) / (box[3] - box[1])
    mask[across[None] ** 2 + down[:, None] ** 2 < LIKELY] = cv2.GC_PR_FGD
    # The mixtures of colours start from random centres, and more threads would add up in another order.
    cv2.setRNGSeed(1)
    cv2.setNumThreads(1)
    cv2.grabCut(part, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    return ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)


def _largest(hard):
    """The largest connected piece, small holes filled."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(hard)
    if count > 1:
        hard = (pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(1 - hard)
    for piece in range(1, count):
        if stats[piece, cv2.CC_STAT_AREA] < 0.02 * hard.sum():
            hard[pieces == piece] = 1
    return hard


def _softened_edge(part, hard, radius):
    """Cover 0..1 that follows the picture's own edges within `radius` pixels of the hard one."""
    mean = lambda plane: cv2.boxFilter(plane, -1, (2 * radius + 1,) * 2)
    guide, wanted = part.astype(np.float32).mean(2) / 255, hard.astype(np.float32)
    grey, share = mean(guide), mean(wanted)
    slope = (mean(guide * wanted) - grey * share) / (mean(guide * guide) - grey * grey + 1e-4)
    soft = np.clip(mean(slope) * guide + mean(share - slope * grey), 0, 1)
    kernel = np.ones((2 * radius + 1,) * 2)
    return np.where(cv2.erode(hard, kernel) == 1, 1, np.where(cv2.dilate(hard, kernel) == 0, 0, soft)).astype(np.float32)
