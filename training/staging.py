"""What happens before a fixed camera, frame by frame: a scene that stays, light that stays, an animal that walks through it.

Everything that stays is made once (`Stage`), everything that changes is a `Pose` a frame and new noise: so a frame of three million pixels costs
little more than its noise. Light is composed where it adds, in linear light (Porter and Duff 1984).
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Callable, NamedTuple

import cv2
import numpy as np

from training import camera
from training.camera.cutout import Cutout
from training.camera.light import between, clouds, encoded, linear, softened
from training.camera.night import eye_shine, near_stalks
from training.camera.sensor import exposed

FPS = 5
FRAMES = 40

#: The scene is empty for so long, as motion detection and exposure know it in the field.
EMPTY_S = 2.0

#: An animal is in sight when so much of it is: neither outside of the frame nor behind plants.
IN_SIGHT = 0.5

#: How far light of two places is drawn together, as in camera.scenes: a black bear in the sun stays black.
ALIKE = 0.8

#: Mean light of a frame at dusk, linear: 25 to 56 of 255 levels.
DUSK = 0.01, 0.04

#: Steps a second of a walking bear, and by what share of its height its back rises with each.
STEPS, BOB = 1.6, 0.012


class Pose(NamedTuple):
    """Where the middle of the lower edge is in the frame, how large (1: as cut out), how far turned."""

    foot: tuple[float, float]
    scale: float
    tilt: float

    def box(self, shape):
        """left, top, right, bottom of an animal of h×w."""
        height, width = shape[0] * self.scale, shape[1] * self.scale
        x, y = self.foot
        return np.float32([x - width / 2, y - height, x + width / 2, y])


class Walk:
    """One animal's way. `heading`: -1 to the left, 1 to the right, 0 towards the camera (and a little aside). It comes in at the frame's edge, or from
    behind a plant; in half of all walks it stands still for a while; in some of the others it passes behind a plant."""

    def __init__(self, rng, shape, width, height, heading, most_growth):
        self.shape, long = shape, max(shape)
        aside = heading or int(rng.choice([-1, 1]))
        self.speed = long * rng.uniform(0.45, 0.9)
        self.velocity = aside * (1.0 if heading else 0.6), rng.uniform(-0.08, 0.08) if heading else rng.uniform(0.05, 0.15)
        self.growth = min(most_growth, rng.uniform(0.98, 1.02) if heading else rng.uniform(1.0, 1.2))
        self.stands = (rng.uniform(4.2, 5.2), rng.uniform(1.5, 2.5)) if rng.random() < 0.5 else None
        from_edge = bool(heading) and rng.random() < 0.4
        x = -shape[1] / 2 if from_edge else width * rng.uniform(0.12, 0.6)
        # Animals stand on the ground, seldom in the sky; and whole in the frame, above and below.
        low, high = max(0.55 * height, shape[0] * 1.25 + 4), 0.9 * height - 0.15 * long
        self.start = x if aside > 0 else width - x, rng.uniform(min(low, high), high)
        self.sway = rng.uniform(0, math.pi)
        self.bush = None if from_edge else _grown(self.pose(EMPTY_S).box(shape), 1.25)
        self.plant = self._passed(rng) if heading and not self.stands and rng.random() < 0.6 else None

    def _passed(self, rng):
        """The box of a plant that it passes behind: beyond the bush, and within the way of the slowest."""
        left, top, right, bottom = self.pose(EMPTY_S + max(self.shape) * rng.uniform(1.8, 2.4) / self.speed).box(self.shape)
        return np.float32([left, top + 0.2 * (bottom - top), left + 0.7 * (right - left), bottom])

    def walked(self, t):
        """Pixels by second `t`."""
        walking = max(0.0, t - EMPTY_S)
        if self.stands:
            begin, long = self.stands
            walking -= min(max(0.0, t - begin), long)
        return self.speed * walking

    def pose(self, t):
        way = self.walked(t)
        steps = self.sway + math.pi * STEPS * way / self.speed
        scale = self.growth ** (way / (4 * self.speed))
        x, y = self.start[0] + self.velocity[0] * way, self.start[1] + self.velocity[1] * way
        return Pose((x, y - BOB * self.shape[0] * abs(math.sin(steps))), scale, 0.012 * math.sin(steps))

    def poses(self):
        """One a frame; None before it comes."""
        return [self.pose(n / FPS) if n / FPS >= EMPTY_S else None for n in range(FRAMES)]


def _grown(box, by):
    middle = (box[:2] + box[2:]) / 2
    return np.concatenate([middle + (box[:2] - middle) * by, middle + (box[2:] - middle) * by])


@dataclass(frozen=True)
class Hour:
    """Light of day, dusk or night: `lit` is of a part of the scene (linear light of day, left and top of the part), `seen` makes a frame's bytes."""

    lit: Callable
    seen: Callable
    #: Light of what is so near to the lens that all else is behind it; None for nothing.
    near: np.ndarray | None = None
    shadow: float = 0.4


def day(rng, _light, _box):
    electrons = between(rng, 800, 6000)
    return Hour(lambda light, _corner=(0, 0): light, lambda noise, x: encoded(exposed(noise, x, electrons)))


def dusk(rng, light, _box):
    """The camera's gain holds the mean at `level`, as far as it goes."""
    level = between(rng, *DUSK)
    evening = camera.Dusk(rng, exposure=min(0.5, level / float(light[::8, ::8].mean())))
    return Hour(evening.lit, partial(evening.seen, smear=rng.uniform(0.0, 0.7)), shadow=0.2)


def infrared(rng, light, box):
    """The lamp shines about where the animal walks (`box`), for that is what cameras are aimed at: of three lamps the one that reaches it best."""
    nights = [camera.Infrared(rng, light, [] if box is None else [box]) for _ in range(3)]
    night = nights[0] if box is None else max(nights, key=lambda n: _mean_within(n.lamp, box) / float(n.lamp.mean()))
    knobs = {"electrons": between(rng, 300, 3000), "soft": rng.uniform(0.3, 1.1), "glare": rng.uniform(0.2, 0.8)}
    near = np.zeros(light.shape[:2], np.float32)
    if rng.random() < 0.3:
        near_stalks(rng, near)
    return Hour(night.lit, partial(night.seen, **knobs), near, shadow=0.15)


HOURS = {"day": day, "dusk": dusk, "infrared": infrared}


def place(rng, plates, width, height, bush=None, plant=None):
    """A scene without animals, bytes, and where its plants hide what is behind them: a bush and another plant, in a box each or nowhere."""
    plate = camera.widened(rng, plates[rng.integers(len(plates))], width / height)
    scene, hidden = camera.wide_scene(rng, [plate], width, height), np.zeros((height, width), np.float32)
    if bush is not None:
        scene, hidden = camera.bush(rng, scene, bush)
    if plant is not None:
        scene, cover = camera.planted(rng, scene, [plant], rng.uniform(0.5, 0.8))
        hidden = np.maximum(hidden, cover)
    return camera.unfocused(rng, scene, rng.uniform(0.3, 0.7)), hidden


def _mean_within(plane, box):
    """Mean of what of a plane lies in a box, or is nearest to it."""
    height, width = plane.shape[:2]
    left, top = (int(np.clip(v, 0, side - 1)) for v, side in zip(box[:2], (width, height)))
    right, bottom = (int(np.clip(v, low + 1, side)) for v, low, side in zip(box[2:], (left, top), (width, height)))
    return float(plane[top:bottom, left:right].mean())


class Stage:
    """A place at an hour, ready for an animal."""

    def __init__(self, rng, scene, hidden, hour, walk_box=None):
        self.scene, self.light, self.hidden = scene, linear(scene), hidden
        self.hour = HOURS[hour](rng, self.light, walk_box)
        self.backdrop = self.hour.lit(self.light.copy())
        self.shake = rng.uniform(0.3, 1.0) if rng.random() < 0.4 else 0.0

    def brightness(self, box):
        """Mean light of day of what is in a box, 0..1."""
        return _mean_within(self.light, box)

    def frame(self, noise, animal=None, pose=None, eyes=None, change=None):
        """(bytes, box, share of the animal that is in sight) of one frame; no box and 0 without an animal. `change`: what else becomes of the light."""
        x, box, share = self.backdrop.copy(), None, 0.0
        if pose is not None:
            box, share = self._enter(x, animal, pose)
            if eyes is not None and x.ndim == 2 and share > 0.9:
                eye_shine(eyes.generator(), x, box, eyes.across)
        if self.hour.near is not None:
            x += self.hour.near
        if change is not None:
            change(x)
        if self.shake:
            shift = noise.normal(0, self.shake, 2)
            x = _shifted(x, shift)
            box = None if box is None else box + np.float32([*shift] * 2)
        return self.hour.seen(noise, x), box, share

    def _enter(self, x, animal, pose):
        """Sets the animal into light `x`, in place: its box, and what share of it is in sight."""
        height, width = self.hidden.shape
        (left, top), part = animal.placed(*pose)
        ys, xs = np.nonzero(part[:, :, 3] > 0.5)
        box = np.float32([left + xs.min(), top + ys.min(), left + xs.max() + 1, top + ys.max() + 1])
        x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + part.shape[1]), min(height, top + part.shape[0])
        if x0 >= x1 or y0 >= y1:
            return box, 0.0
        whole = float(part[:, :, 3].sum())
        inside = part[y0 - top : y1 - top, x0 - left : x1 - left]
        free = 1 - self.hidden[y0:y1, x0:x1]
        cover = inside[:, :, 3] * free
        lit = self.hour.lit(inside[:, :, :3] / np.maximum(inside[:, :, 3:], 1e-3), (x0, y0))
        shadow = _shadow(box - np.float32([x0, y0] * 2), *free.shape) * free * np.float32(self.hour.shadow)
        deep = (slice(None), slice(None)) + (None,) * (x.ndim - 2)
        ground = x[y0:y1, x0:x1]
        ground *= 1 - shadow[deep]
        ground += (lit - ground) * cover[deep]
        return box, float(cover.sum()) / whole


class Eyes(NamedTuple):
    """Eyes that shine at the same place of the animal on every frame; `across`: share of its width where the head is."""

    seed: int
    across: float

    def generator(self):
        return np.random.default_rng(self.seed)


def _shadow(box, height, width):
    """Where an animal keeps the sky's light from the ground: soft and flat, under its feet, H×W 0..1."""
    left, top, right, bottom = (float(v) for v in box)
    wide, flat = 0.42 * (right - left), 0.06 * (bottom - top) + 0.5
    x, y = (np.arange(width) + 0.5 - (left + right) / 2) / wide, (np.arange(height) + 0.5 - bottom + 0.4 * flat) / flat
    return (np.exp(-(x**4))[None] * np.exp(-(y**2))[:, None]).astype(np.float32)


def _shifted(x, shift):
    height, width = x.shape[:2]
    return cv2.warpAffine(x, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def matched(animal, light):
    """An animal in the light of another place, whose mean is `light`."""
    gain = np.clip((light + 0.01) / (animal.around + 0.01), 0.25, 4) ** ALIKE
    return Cutout(animal.light * np.float32([gain, gain, gain, 1]), animal.around)


def blob(rng, size):
    """A dark bush or stump about as large and as dark as a bear: what moves in the wind and is none."""
    height, width = max(8, round(size * rng.uniform(0.5, 1.0))), size
    x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    field = (0.85 - x**2 - np.where(y < 0, y**2, 0.3 * y**2)).astype(np.float32) + np.float32(0.3) * clouds(rng, height, width, 3, 5, 0.7)
    # Nothing beyond its own border, and a foot that is wider than its top.
    field = np.minimum(field, np.minimum(1 - np.abs(x), 1 - np.abs(y)).astype(np.float32) * 4)
    cover = softened((field > 0.1).astype(np.float32), max(0.6, 0.008 * size))
    colour = np.float32(between(rng, 0.01, 0.06)) * np.float32([1.0, rng.uniform(0.9, 1.5), rng.uniform(0.5, 0.9)])
    light = np.exp(np.float32(0.6) * clouds(rng, height, width, 12, 3))[:, :, None] * colour
    return Cutout(np.dstack([light * cover[:, :, None], cover]).astype(np.float32), 0.2)


def swaying(rng, size, foot):
    """Poses in the wind: gusts of some seconds."""
    reach, pace, phase = size * rng.uniform(0.02, 0.08), rng.uniform(0.25, 0.7), rng.uniform(0, 2 * math.pi)
    swing = [math.sin(2 * math.pi * pace * n / FPS + phase) for n in range(FRAMES)]
    return [Pose((foot[0] + reach * s, foot[1]), 1.0, 0.05 * s) for s in swing]
