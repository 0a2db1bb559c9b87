"""What sits on the lens or right before it, out of focus: webs, insects; and a lens that is not in focus itself."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.camera.light import between, encoded, linear, softened


def unfocused(rng, pixels, radius=None):
    """A lens out of focus: its spot as a box of `radius` 0.5..2.5 pixels."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.BoxBlur(radius or rng.uniform(0.5, 2.5))))


def web(rng, pixels, glow=None):
    """Threads of a spider's web close to the lens: spokes from a corner and sagging threads between them, wide and faint for being out of focus. `glow`
    0.05..0.4 by day; up to 1 where the infrared lamp beside the lens lights them (light that is added, linear)."""
    height, width = pixels.shape[:2]
    glow = glow or rng.uniform(0.05, 0.4)
    layer = Image.new("L", (width, height))
    draw = ImageDraw.Draw(layer)
    x, y = (side * (rng.choice([0, 1]) + rng.normal(0, 0.1)) for side in (width, height))
    towards = math.atan2(height / 2 - y, width / 2 - x)
    angles = np.sort(towards + rng.uniform(-0.8, 0.8, rng.integers(3, 8)))
    long = max(width, height) * rng.uniform(0.4, 1.1)
    spokes = [(math.cos(a), math.sin(a)) for a in angles]
    thick = max(1, round(max(width, height) / 400))
    for dx, dy in spokes:
        draw.line((x, y, x + dx * long, y + dy * long), fill=200, width=thick)
    for reach in np.cumsum(rng.uniform(0.03, 0.12, rng.integers(3, 12))) * long:
        for (ax, ay), (bx, by) in zip(spokes, spokes[1:]):
            sag = reach * 0.88
            middle = x + (ax + bx) / 2 * sag, y + (ay + by) / 2 * sag
            draw.line([(x + ax * reach, y + ay * reach), middle, (x + bx * reach, y + by * reach)], fill=int(rng.integers(60, 200)), width=thick)
    return _lit(pixels, softened(np.asarray(layer), rng.uniform(0.8, 2.2) * max(width, height) / 416), glow * rng.uniform(1.0, 2.0))


def insect(rng, pixels, lit=None, size=None):
    """A moth, fly or spider before the lens: a large blurred shape, glaring where the infrared lamp reaches it (`lit`), a shadow by day. `size`:
    length of its body, 0.06..0.3 of the longer side."""
    height, width = pixels.shape[:2]
    lit = rng.random() < 0.5 if lit is None else lit
    body = (size or between(rng, 0.06, 0.3)) * max(width, height)
    layer = Image.new("L", (width, height))
    at = rng.uniform(0, width), rng.uniform(0, height)
    (_spider if rng.random() < 0.4 else _moth)(rng, ImageDraw.Draw(layer), at, body, rng.uniform(0, 2 * math.pi))
    cover = softened(np.asarray(layer), body * rng.uniform(0.04, 0.1))
    if lit:
        return _lit(pixels, cover, rng.uniform(0.6, 2.0))
    x = linear(pixels)
    x *= 1 - cover[:, :, None] * np.float32(rng.uniform(0.6, 0.95) / 255)
    return encoded(x)


def _lit(pixels, cover, glow):
    x = linear(pixels)
    x += cover[:, :, None] * np.float32(glow / 255)
    return encoded(x)


def _turned(at, angle, points):
    c, s = math.cos(angle), math.sin(angle)
    return [(at[0] + c * x - s * y, at[1] + s * x + c * y) for x, y in points]


def _ellipse(a, b, x=0.0, y=0.0):
    return [(x + a * math.cos(t), y + b * math.sin(t)) for t in np.linspace(0, 2 * math.pi, 16)]


def _moth(rng, draw, at, body, angle):
    """A body, and wings in the phase of the beat that the shutter caught."""
    for side in (-1, 1):
        open_ = rng.uniform(0.3, 1.0)
        wing = [(0.2 * body, 0), (0.35 * body, side * open_ * body), (-0.3 * body, side * 0.8 * open_ * body), (-0.3 * body, 0)]
        draw.polygon(_turned(at, angle, wing), fill=int(rng.integers(90, 220)))
    draw.polygon(_turned(at, angle, _ellipse(body / 2, body * 0.16)), fill=255)


def _spider(rng, draw, at, body, angle):
    thick = max(1, round(body * 0.07))
    for side in (-1, 1):
        for root in np.linspace(-0.2, 0.4, 4):
            knee, foot = rng.uniform(0.4, 0.7), rng.uniform(0.7, 1.1)
            leg = [(root * body, 0), ((root * 1.8) * body, side * knee * body), ((root * 2.8) * body, side * foot * body)]
            draw.line(_turned(at, angle, leg), fill=200, width=thick)
    for x, a, b in ((-0.3, 0.35, 0.27), (0.2, 0.2, 0.16)):
        draw.polygon(_turned(at, angle, _ellipse(a * body, b * body, x * body)), fill=255)
