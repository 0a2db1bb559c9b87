"""From light to bytes: photons, the colour mosaic, few pixels, and what the camera's own processing does to hide them."""

import numpy as np
from PIL import Image, ImageFilter

from training.camera.light import between, encoded, linear, normal, to_bytes

#: Shares of a picture's chroma that a noise filter looks at: a quarter of the pixels along each side.
CHROMA_STEP = 4


def exposed(rng, x, electrons, read=3.0, rows=0.0):
    """Noise on linear light `x` (0..1, any shape H×W or H×W×3), in place: shot noise, whose variance grows with the signal, and read noise, whose
    does not (Foi et al. 2008); rows that differ, as cheap read-out has them (Wei et al. 2020). `electrons`: those of a white pixel before
    the gain; `read` and `rows`: electrons, deviation."""
    variance = np.maximum(x, 0) * np.float32(1 / electrons)
    variance += np.float32((read / electrons) ** 2)
    x += normal(rng, x.shape) * np.sqrt(variance, out=variance)
    if rows:
        x += rng.normal(0, rows / electrons, (x.shape[0],) + (1,) * (x.ndim - 1)).astype(np.float32)
    return x


def mosaicked(x):
    """Linear light H×W×3 (sides even) → what an RGGB sensor measures, H×W (Bayer 1976)."""
    raw = x[:, :, 1].copy()
    raw[::2, ::2], raw[1::2, 1::2] = x[::2, ::2, 0], x[1::2, 1::2, 2]
    return raw


def demosaicked(raw):
    """H×W of an RGGB sensor → linear light H×W×3 by bilinear interpolation: the plain way, with its zip at edges and false colour in fine texture
    (Malvar, He and Cutler 2004 compare)."""
    height, width = raw.shape
    x = np.empty((height, width, 3), np.float32)
    x[:, :, 0], x[:, :, 2] = _doubled(raw[::2, ::2]), _doubled(raw[1::2, 1::2][::-1, ::-1])[::-1, ::-1]
    around = np.pad(raw, 1, "reflect")
    x[:, :, 1] = raw
    for y, x0 in ((0, 0), (1, 1)):
        rows, columns = slice(y + 1, height + 1, 2), slice(x0 + 1, width + 1, 2)
        above, below = around[y:height:2, columns], around[y + 2 : height + 2 : 2, columns]
        before, after = around[rows, x0:width:2], around[rows, x0 + 2 : width + 2 : 2]
        x[y::2, x0::2, 1] = (above + below + before + after) * np.float32(0.25)
    return x


def _doubled(plane):
    """Twice as many pixels a side; every second one is known, the others are means of their neighbours."""
    for axis in (0, 1):
        after = np.concatenate([np.take(plane, range(1, plane.shape[axis]), axis), np.take(plane, [-1], axis)], axis)
        shape = [*plane.shape]
        shape[axis] *= 2
        plane = np.stack([plane, (plane + after) * np.float32(0.5)], axis + 1).reshape(shape)
    return plane


def even(pixels):
    """With sides that are even, by repeating the last row or column."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "edge") if height % 2 or width % 2 else pixels


def smeared(pixels, strength):
    """What noise filters of cameras leave: colour blurred over many pixels, fine detail of luma below a threshold removed (coring: Rossi 1978) and
    large patches flat, as in paint. `strength` 0..1."""
    ycc = Image.fromarray(pixels).convert("YCbCr")
    luma, *chroma = ycc.split()
    small = [max(1, side // CHROMA_STEP) for side in ycc.size]
    chroma = [c.resize(small, Image.Resampling.BOX).resize(ycc.size, Image.Resampling.BILINEAR) for c in chroma]
    coarse = np.asarray(luma.filter(ImageFilter.BoxBlur(0.6 + 1.4 * strength)), np.int16)
    detail = np.arange(-255, 256)
    cored = (np.sign(detail) * np.maximum(np.abs(detail) - 22 * strength, 0)).astype(np.int16)
    kept = np.clip(coarse + cored[np.asarray(luma, np.int16) - coarse + 255], 0, 255).astype(np.uint8)
    return np.asarray(Image.merge("YCbCr", [Image.fromarray(kept), *chroma]).convert("RGB"))


def sharpened(pixels, amount):
    """The halo along edges that cheap cameras add (unsharp masking). `amount` 0..1.5."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.UnsharpMask(1.2, int(100 * amount), 2)))


def cheap(rng, pixels, long_side=None, electrons=None):
    """A sensor of few pixels: light is binned to `long_side` pixels (drawn 160..640; never enlarged), measured through a Bayer mosaic, demosaicked
    plainly, cored and sharpened. `electrons` of white: 150..3000. The picture comes back small: boxes scale with it."""
    height, width = pixels.shape[:2]
    scale = min(1.0, (long_side or between(rng, 160, 640)) / max(height, width))
    size = max(2, round(width * scale)), max(2, round(height * scale))
    # Summing light, not levels, is what binning does; for most scenes the difference is below the noise, for lamps at night it is not.
    x = linear(pixels)
    binned = np.stack([np.asarray(Image.fromarray(np.ascontiguousarray(x[:, :, c])).resize(size, Image.Resampling.BOX)) for c in range(3)], 2)
    light = even(binned)
    raw = exposed(rng, mosaicked(light), electrons or between(rng, 150, 3000), read=4.0, rows=1.0)
    seen = encoded(demosaicked(raw))[: size[1], : size[0]]
    return sharpened(smeared(seen, rng.uniform(0.1, 0.5)), rng.uniform(0.3, 1.2))


def enlarged(pixels, width, height):
    """As firmware fills the pixels that it promised: bilinear."""
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def balanced(rng, x, error):
    """White balance off by `error` (deviation, relative) for red and blue; in place, linear light H×W×3."""
    x[:, :, 0] *= np.float32(np.exp(rng.normal(0, error)))
    x[:, :, 2] *= np.float32(np.exp(rng.normal(0, error)))
    return x


def contrasted(pixels, contrast, exposure):
    """Tone of cheap cameras, around mid grey."""
    return to_bytes((np.arange(256) - 110) * contrast + 110 * exposure)[pixels]
