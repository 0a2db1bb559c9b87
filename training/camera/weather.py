"""Rain and fog between the animal and the lens."""

import math

import numpy as np
from PIL import Image, ImageDraw

from training.camera.light import between, clouds, encoded, ground_depth, linear, softened


def fog(rng, pixels, density=None, airlight=None):
    """A veil that grows with distance (Koschmieder 1924; Narasimhan and Nayar 2002): light · t + airlight · (1 - t), t = exp(-density · distance).
    `density` 0.05..0.3 a unit of distance, where the lower edge of the picture is at 1 and the far end at 6 at most; `airlight` 0.25..0.8, linear."""
    height, width = pixels.shape[:2]
    density = density or between(rng, 0.05, 0.3)
    airlight = airlight or rng.uniform(0.25, 0.8)
    banks = np.exp(np.float32(0.12) * clouds(rng, max(1, height // 8), max(1, width // 8)))
    banks = np.asarray(Image.fromarray(banks).resize((width, height), Image.Resampling.BILINEAR))
    share = np.exp(np.float32(-density) * banks * np.minimum(ground_depth(rng, height, width), 6))[:, :, None]
    colour = np.float32(airlight * np.array([1.0, 1.0, 1.0 + rng.uniform(0.0, 0.12)]))
    x = linear(pixels)
    x -= colour
    x *= share
    x += colour
    return encoded(x)


def rain(rng, pixels, drops=None, slant=None, veil=None):
    """Streaks: drops fall while the shutter is open and each lets the sky through (Garg and Nayar 2007), so a streak is brighter than what is
    behind it, and near ones are longer, wider and fainter. `drops` 100..900 for a picture of 416 pixels a side; `slant` in radians; `veil` 0.03..0.15: contrast that
    wet air takes."""
    height, width = pixels.shape[:2]
    drops = int((drops or between(rng, 100, 900)) * height * width / 416**2)
    slant = rng.normal(0, 0.15) if slant is None else slant
    layers = np.zeros((height, width), np.float32)
    unit = max(height, width) / 416
    # Near, middle, far: length in pixels at 416, width, brightness, share of all drops.
    for length, wide, bright, share in ((60, 2.6, 0.25, 0.06), (28, 1.4, 0.45, 0.24), (12, 0.8, 0.40, 0.70)):
        layer = Image.new("L", (width, height))
        draw = ImageDraw.Draw(layer)
        for x, y, scale, level in rng.random((int(drops * share), 4)).tolist():
            reach = length * unit * (0.6 + 0.8 * scale)
            x, y = x * (width + 2 * reach) - reach, y * (height + reach) - reach
            end = x + reach * math.sin(slant), y + reach * math.cos(slant)
            draw.line((x, y, *end), fill=int(255 * bright * (0.4 + 0.6 * level)), width=max(1, round(wide * unit)))
        layers += softened(np.asarray(layer), 0.35 * wide * unit).astype(np.float32)
    return _through_drops(rng, pixels, np.minimum(layers * np.float32(1 / 255), 0.75)[:, :, None], veil)


def _through_drops(rng, pixels, cover, veil):
    """Wet air takes contrast; drops show light from above, a little brighter than the brighter parts of the picture."""
    x = linear(pixels)
    sky = float(np.quantile(x[::8, ::8], 0.85)) * 1.2 + 0.03
    veil = np.float32(veil or rng.uniform(0.03, 0.15))
    x += (np.float32(sky * 0.6) - x) * veil
    x += (np.float32(min(sky, 0.9)) - x) * cover
    return encoded(x)
