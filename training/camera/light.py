"""What the parts of the camera share: linear light, noise, blur, soft shapes, and the daemon's brightening."""

import math

import numpy as np
from PIL import Image, ImageFilter

#: Steps of the table from linear light to bytes: fine enough that black and the first level differ by sixteen.
STEPS = 4096

#: The daemon measures a picture at no more than so many places along width and height.
SITES = 96, 64


def _srgb():
    """IEC 61966-2-1: 256 levels → linear light 0..1, and linear light in STEPS → level."""
    v = np.arange(256) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    x = np.arange(STEPS) / (STEPS - 1)
    levels = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) * 255
    return linear.astype(np.float32), np.round(levels).astype(np.uint8)


_LINEAR, _LEVELS = _srgb()
_POOL = np.random.default_rng(416).standard_normal(1 << 21, np.float32)


def linear(pixels):
    """sRGB bytes → linear light, float32 0..1 (IEC 61966-2-1)."""
    return _LINEAR[pixels]


def encoded(x):
    """Linear light → sRGB bytes; what is brighter than white clips. Overwrites `x`."""
    x *= STEPS - 1
    x += 0.5
    return _LEVELS[np.clip(x, 0, STEPS - 1, out=x).astype(np.uint16)]


def to_bytes(x):
    """Levels 0..255 in floats → bytes."""
    return np.clip(x + 0.5, 0, 255).astype(np.uint8)


def normal(rng, shape):
    """Standard normal noise, float32. Small pictures take theirs from one long roll, at a place and with a sign that are drawn: four times as fast."""
    count = math.prod(shape)
    if count > len(_POOL) // 2:
        return rng.standard_normal(shape, np.float32)
    begin = rng.integers(len(_POOL) - count)
    return _POOL[begin : begin + count].reshape(shape) * np.float32(1 - 2 * rng.integers(2))


def between(rng, low, high):
    """Drawn evenly over the logarithm: as often between 1 and 2 as between 2 and 4."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def softened(plane, radius):
    """Gaussian blur (radius: standard deviation in pixels) of H×W or H×W×3; bytes, or H×W floats."""
    if plane.dtype == np.uint8:
        return np.asarray(Image.fromarray(plane).filter(ImageFilter.GaussianBlur(radius)))
    scale = np.float32(255 / max(float(plane.max()), 1e-6))
    levels = Image.fromarray((plane * scale).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(levels, np.float32) / scale


def clouds(rng, height, width, coarsest=3, octaves=3, rough=0.5):
    """Fractal noise H×W float32 of mean 0 and deviation about 1: octaves of value noise, each half as large as the last and `rough` times as strong
    (Perlin 1985)."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = coarsest << octave
        grid = Image.fromarray(rng.standard_normal((cells + 1, cells + 1), np.float32))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) * np.float32(rough**octave)
    return total * np.float32(1 / math.sqrt(sum(rough ** (2 * o) for o in range(octaves))) / 0.75)


def ground_depth(rng, height, width):
    """Distance of what is seen at each pixel, H×W float32, 1 at the lower edge: flat ground up to a horizon (pinhole camera: distance is one over
    the pixels below the horizon), a wall of trees behind it, uneven as a forest is."""
    horizon = rng.uniform(0.05, 0.45) * height
    farthest = between(rng, 3, 8)
    rows = np.maximum((np.arange(height, dtype=np.float32) - horizon) / (height - horizon), 1 / farthest)
    small = max(1, height // 8), max(1, width // 8)
    uneven = Image.fromarray(np.exp(np.float32(0.15) * clouds(rng, *small))).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(uneven) / rows[:, None]


def oval(height, width, box, grow=1.15):
    """Soft ellipse that fills a box and a little more: H×W float32, 1 well inside, 0 outside."""
    left, top, right, bottom = box
    x = (np.arange(width, dtype=np.float32) + 0.5 - (left + right) / 2) / max(1.0, (right - left) / 2 * grow)
    y = (np.arange(height, dtype=np.float32) + 0.5 - (top + bottom) / 2) / max(1.0, (bottom - top) / 2 * grow)
    return np.clip((1 - (x**4)[None, :] - (y**4)[:, None]) * 3, 0, 1).astype(np.float32)


def luma(pixels):
    """BT.601, int32, as the daemon computes it."""
    x = pixels.astype(np.int32)
    return (77 * x[..., 0] + 150 * x[..., 1] + 29 * x[..., 2]) >> 8


def measured(pixels):
    """Mean luma and noise (deviation) of a picture, 0..1 each: as src/perceive/condition.rs, by the median of Immerkær's kernel (1996)."""
    height, width = pixels.shape[:2]
    rows, columns = (((2 * np.arange(n) + 1) * side) // (2 * n) for side, n in ((height, min(height, SITES[1])), (width, min(width, SITES[0]))))
    mean = max(0.01, float(luma(pixels[rows[:, None], columns[None]]).mean()) / 255)
    if min(height, width) < 3:
        return mean, 0.0
    rows, columns = np.clip(rows, 1, height - 2)[:, None], np.clip(columns, 1, width - 2)[None]
    response = np.zeros((rows.size, columns.size), np.int32)
    for dy, dx in np.ndindex(3, 3):
        response += ((1, -2, 1), (-2, 4, -2), (1, -2, 1))[dy][dx] * luma(pixels[rows + dy - 1, columns + dx - 1])
    return mean, float(np.median(np.abs(response))) / (0.6745 * 6) / 255


def brightened(pixels):
    """What the daemon shows to the model, as src/perceive/tone.rs: towards a mean luma of 0.40 where it is below 0.25, with no exponent below 0.45,
    and only so far that noise stays below 0.08."""
    mean, noise = measured(pixels)
    if mean >= 0.25:
        return pixels
    wanted = min(1.0, max(0.45, math.log(0.40) / math.log(mean)))
    steps = [wanted + (1 - wanted) * i / 10 for i in range(11)]
    exponent = next((g for g in steps if g * mean ** (g - 1) * noise <= 0.08), 1.0)
    return to_bytes(np.linspace(0, 1, 256) ** exponent * 255)[pixels]
