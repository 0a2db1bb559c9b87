"""Little light: dusk in colour, and night under the camera's own infrared lamp."""

import math

import numpy as np
from PIL import Image, ImageDraw

from training.camera.light import between, encoded, ground_depth, linear, softened
from training.camera.sensor import balanced, demosaicked, even, exposed, mosaicked, smeared
from training.camera.vegetation import stalk

#: Mean level (0..255) below which a picture is taken for one that was made in the dark: it is not darkened further.
DARK = 64


def dusk(rng, pixels, exposure=None, electrons=None):
    """Low light in colour: less light, more gain, white balance off, noise through the Bayer mosaic, and the smear of the noise filter. `exposure`:
    brightness of the result, 0.02..0.3 of the picture's in linear light; `electrons` of a pixel as white as day's white would now be, 15..260:
    the darker, the fewer (noise model: Foi et al. 2008; Wei et al. 2020)."""
    evening = Dusk(rng, float(pixels[::8, ::8].mean()) < DARK, exposure, electrons)
    return evening.seen(rng, evening.lit(linear(pixels)))


class Dusk:
    """What does not change from frame to frame of one evening: exposure, gain, white balance. `dark`: the scene is so already."""

    def __init__(self, rng, dark=False, exposure=None, electrons=None):
        self.dark = dark
        self.exposure = exposure or between(rng, 0.02, 0.3)
        self.electrons = electrons or between(rng, 15, 90) * (self.exposure / 0.02) ** 0.4
        # Shadows fall faster than what the sky still lights.
        self.fall = None if dark else np.float32(rng.uniform(1.0, 1.3))
        self.tint = balanced(rng, np.ones((1, 1, 3), np.float32), 0.12)

    def lit(self, light, _corner=(0, 0)):
        """Linear light H×W×3 of day → of dusk, in place."""
        if not self.dark:
            light **= self.fall
            light *= np.float32(self.exposure)
        light *= self.tint
        return light

    def seen(self, rng, x, smear=None):
        """One frame of it, bytes."""
        height, width = x.shape[:2]
        raw = exposed(rng, mosaicked(even(x)), self.electrons / self.exposure, read=2.0, rows=0.5)
        frame = encoded(demosaicked(raw))[:height, :width]
        return smeared(frame, rng.uniform(0.0, 0.7) if smear is None else smear)


def infrared(rng, pixels, boxes=(), eyes=None, electrons=None, soft=None):
    """Night under an infrared lamp beside the lens. `boxes`: of animals, for eye shine (probability `eyes`, 0.5) and because what set the camera off
    stands where the lamp shines. `electrons` of white, 100..3000; `soft`: blur in pixels, 0.3..1.1, for glass bends infrared less than what
    it was focused by. Light falls with the square of distance (the lamp is a small source), and leaves shine (red edge: Gates et al. 1965)."""
    night = Infrared(rng, linear(pixels), boxes)
    x = night.lit(linear(pixels))
    if rng.random() < 0.3:
        near_stalks(rng, x)
    for box in boxes:
        if rng.random() < (0.5 if eyes is None else eyes):
            eye_shine(rng, x, box)
    if rng.random() < 0.1:
        _false_eyes(rng, x)
    return night.seen(rng, x, electrons, soft)


class Infrared:
    """What does not change from frame to frame of one night: what the sensor sees in infrared, the lamp, the exposure for the scene that is given
    (linear light H×W×3)."""

    def __init__(self, rng, light, boxes=()):
        self.weights = rng.dirichlet([12.0, 4.0, 2.0]).astype(np.float32)
        self.leaves = np.float32(rng.uniform(0.5, 2.5))
        self.lift = np.float32(rng.uniform(0.01, 0.04))
        self.lamp = _lamp(rng, *light.shape[:2], boxes)
        # The camera exposes for the mean: what is near burns out, what is far sinks.
        self.gain = np.float32(between(rng, 0.05, 0.2) / max(1e-4, float((self._reflected(light) * self.lamp)[::4, ::4].mean())))

    def _reflected(self, light):
        """What silicon behind no cut filter sees, H×W linear: mostly red and beyond. Chlorophyll reflects there, so green turns bright (excess green
        finds plants: Woebbecke et al. 1995); melanin absorbs less, so black fur is grey rather than black."""
        x = light @ self.weights
        x += self.leaves * np.maximum(light[:, :, 1] - (light[:, :, 0] + light[:, :, 2]) * np.float32(0.5), 0)
        return np.minimum(x * (1 - self.lift) + self.lift, 1)

    def lit(self, light, corner=(0, 0)):
        """Linear light h×w×3 of day, of the frame's part whose left and top are `corner` → h×w under the lamp."""
        left, top = corner
        x = self._reflected(light)
        x *= self.lamp[top : top + x.shape[0], left : left + x.shape[1]]
        x *= self.gain
        return np.minimum(x, 1.5, out=x)

    def seen(self, rng, x, electrons=None, soft=None, glare=None):
        """One frame of it, bytes; `glare` 0.2..0.8: how much light the lens scatters around what is too bright."""
        soft = soft or rng.uniform(0.3, 1.1)
        halo = softened(np.clip(x - 0.8, 0, 1), 0.015 * max(x.shape)) * np.float32(glare or rng.uniform(0.2, 0.8))
        x = softened(np.minimum(x + halo, 1.0), soft)
        exposed(rng, x, electrons or between(rng, 100, 3000), read=2.5, rows=0.8)
        grey = encoded(x)
        return np.repeat(grey[:, :, None], 3, 2)


def _lamp(rng, height, width, boxes):
    """Light of the lamp, H×W: a cone around its axis, over the square of the distance; never quite dark, for there is a moon."""
    cx, cy = rng.uniform(0.3, 0.7) * width, rng.uniform(0.35, 0.75) * height
    if len(boxes) and rng.random() < 0.7:
        left, top, right, bottom = boxes[rng.integers(len(boxes))]
        cx, cy = (cx + (left + right) / 2) / 2, (cy + (top + bottom) / 2) / 2
    reach = rng.uniform(0.4, 0.8) * max(height, width)
    dx, dy = (np.arange(width, dtype=np.float32) - cx) / reach, (np.arange(height, dtype=np.float32) - cy) / reach
    cone = np.exp(np.float32(-0.5) * dx**2)[None, :] * np.exp(np.float32(-0.5) * dy**2)[:, None]
    distance = np.minimum(ground_depth(rng, height, width), 4)
    # Who fills the picture is near and stands upright: what the picture shows is then at one distance rather than along the ground.
    upright = max((min(1.0, float(b[3] - b[1]) / height) for b in boxes), default=0.3)
    distance = 1 + (distance - 1) * np.float32(1 - 0.9 * upright)
    return cone / distance**2 + np.float32(0.01)


def spot(x, cx, cy, radius, level):
    """Adds a round soft light, in place."""
    reach = math.ceil(3 * radius) + 1
    left, top = max(0, int(cx) - reach), max(0, int(cy) - reach)
    part = x[top : int(cy) + reach + 1, left : int(cx) + reach + 1]
    dx, dy = left + np.arange(part.shape[1]) - cx, top + np.arange(part.shape[0]) - cy
    part += np.float32(level) * np.exp(-(dx[None] ** 2 + dy[:, None] ** 2) / (2 * radius**2)).astype(np.float32)


def eye_shine(rng, x, box, across=None):
    """The mirror behind the retina throws the lamp's light back (tapetum lucidum: Ollivier et al. 2004). Where the head is can only be guessed:
    at one end of a body seen from the side, else in the middle, in the upper part of the box; `across`: where, as a share of its width. One eye or two."""
    left, top, right, bottom = (float(v) for v in box)
    wide, tall = right - left, bottom - top
    if across is None:
        across = rng.choice([rng.uniform(0.1, 0.25), rng.uniform(0.75, 0.9)]) if wide > 1.2 * tall else rng.uniform(0.35, 0.65)
    cx, cy = left + across * wide, top + rng.uniform(0.15, 0.38) * tall
    side = min(wide, tall)
    radius, apart = max(0.6, side * rng.uniform(0.008, 0.016)), max(1.5, side * rng.uniform(0.05, 0.1))
    tilt, level = rng.normal(0, 0.2), rng.uniform(1.0, 3.0)
    for sign in (-1, 1) if rng.random() < 0.75 else (1,):
        spot(x, cx + sign * apart * math.cos(tilt), cy + sign * apart * math.sin(tilt), radius, level)


def _false_eyes(rng, x):
    """Dew, reflectors, insects: lights that are nobody's eyes, single or in pairs."""
    height, width = x.shape
    for cx, cy, apart in rng.random((rng.integers(1, 4), 3)).tolist():
        radius = max(height, width) * rng.uniform(0.001, 0.006)
        for sign in (-1, 1) if apart < 0.3 else (0,):
            spot(x, cx * width + sign * 8 * apart * radius, cy * height, max(0.5, radius), rng.uniform(0.5, 2.0))


def near_stalks(rng, x):
    """Grass and twigs within reach of the lens: at the square of so little distance they glare, and they are out of focus."""
    height, width = x.shape
    layer = Image.new("L", (width, height))
    draw = ImageDraw.Draw(layer)
    unit = max(height, width) / 416
    side = rng.choice([-1, 1])
    for at, reach, bend, level, thick in rng.random((rng.integers(1, 8), 5)).tolist():
        foot = width * (0.5 + side * (0.55 - 0.35 * at))
        tip = foot + (bend - 0.5) * 0.6 * height, height * (1 - (0.1 + 0.7 * reach**2))
        blade = stalk(foot, height + 4, *tip, (2 + 9 * thick) * unit, (bend - 0.5) * 0.3 * height)
        draw.polygon(blade, fill=int(60 + 195 * level))
    x += softened(np.asarray(layer), rng.uniform(1.5, 4.0) * unit) * np.float32(rng.uniform(0.4, 1.5) / 255)
