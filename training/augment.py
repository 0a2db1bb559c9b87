"""What a picture may look like to a camera outdoors: another framing, distance, light, lens and compression.

Everything is drawn from the generator that is handed in, so that the same seed makes the same picture.
"""

import io
import math

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

#: Grey level of what no picture covers, as in the daemon's letterbox.
FILL = 114

#: A box that keeps less than this share of its area within the frame is dropped: nobody could name the animal.
LEAST_VISIBLE = 0.25

#: Pixels: smaller boxes hold nothing to learn from.
LEAST_SIDE = 4

#: Mean level below which a picture is not darkened any more.
DARK = 64

NOTHING = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))


def view(rng, picture, draw_background, size):
    """One training picture of size×size. `picture`: (pixels, boxes, labels). Returns the like."""
    kind = rng.random()
    if kind < 0.5:
        canvas, covered, boxes, labels = letterbox(rng, picture, size)
    else:
        canvas, covered, boxes, labels = rescaled(rng, picture, draw_background, size)
    return *finish(rng, canvas, covered, boxes), labels


def mosaic(rng, pictures, size):
    """Four pictures around a random centre (Bochkovskiy et al. 2020): small animals among other things."""
    canvas = np.full((size, size, 3), FILL, np.uint8)
    cx, cy = (int(size * rng.uniform(0.35, 0.65)) for _ in range(2))
    corners = [(0, 0, cx, cy), (cx, 0, size, cy), (0, cy, cx, size), (cx, cy, size, size)]
    found = [NOTHING]
    for picture, (left, top, right, bottom) in zip(pictures, corners):
        height, width = picture[0].shape[:2]
        fit = min((right - left) / width, (bottom - top) / height)
        scale = fit * math.exp(rng.uniform(math.log(0.6), math.log(1.6)))
        at = [left + (right - left - width * scale) * rng.random(), top + (bottom - top - height * scale) * rng.random()]
        found.append(paste(canvas, picture, scale, scale, at, (left, top, right, bottom)))
    boxes, labels = (np.concatenate(parts) for parts in zip(*found))
    return *finish(rng, canvas, (0, 0, size, size), boxes), labels


def letterbox(rng, picture, size):
    """The framing of the daemon: aspect ratio kept (nearly: ±10 %), top left, the rest filled."""
    height, width = picture[0].shape[:2]
    scale = size / max(width, height) * rng.uniform(0.9, 1.0)
    sx, sy = scale * rng.uniform(0.9, 1.0), scale * rng.uniform(0.9, 1.0)
    covered = (0, 0, max(1, round(width * sx)), max(1, round(height * sy)))
    canvas = np.full((size, size, 3), FILL, np.uint8)
    boxes, labels = paste(canvas, picture, sx, sy, (0, 0), covered)
    return canvas, covered, boxes, labels


def rescaled(rng, picture, draw_background, size):
    """Nearer (a crop) or farther (shrunk into a wider scene): between 0.2 and 2.2 times the letterbox's scale."""
    height, width = picture[0].shape[:2]
    zoom = math.exp(rng.uniform(math.log(0.2), math.log(2.2)))
    scale = size / max(width, height) * zoom
    sx, sy = scale * rng.uniform(0.85, 1.0), scale * rng.uniform(0.85, 1.0)
    canvas = np.full((size, size, 3), FILL, np.uint8)
    covered = (0, 0, size, size)
    if zoom < 1 and rng.random() < 0.7:
        background = draw_background()
        bh, bw = background.shape[:2]
        fill = max(size / bw, size / bh)
        at = [(size - bw * fill) * rng.random(), (size - bh * fill) * rng.random()]
        paste(canvas, (background, *NOTHING), fill, fill, at, covered)
    # A crop is placed so that an animal's centre stays in view, if there is one; otherwise anywhere within the picture.
    at = [free * rng.random() for free in (size - width * sx, size - height * sy)]
    if zoom > 1 and len(picture[1]):
        left, top, right, bottom = picture[1][rng.integers(len(picture[1]))]
        aim = rng.uniform(0.15, 0.85, 2) * size
        wanted = (aim[0] - (left + right) / 2 * sx, aim[1] - (top + bottom) / 2 * sy)
        spans = [sorted((0.0, size - side)) for side in (width * sx, height * sy)]
        at = [float(np.clip(w, *span)) for w, span in zip(wanted, spans)]
    boxes, labels = paste(canvas, picture, sx, sy, at, covered)
    return canvas, covered, boxes, labels


def paste(canvas, picture, sx, sy, at, window):
    """Scales a picture by sx, sy onto the canvas with its corner at `at`, within `window`. Returns boxes and labels still in sight."""
    pixels, boxes, labels = picture
    height, width = pixels.shape[:2]
    left, top = max(window[0], round(at[0])), max(window[1], round(at[1]))
    right = min(window[2], round(at[0] + width * sx))
    bottom = min(window[3], round(at[1] + height * sy))
    if right - left < 1 or bottom - top < 1:
        return NOTHING
    source = [(left - at[0]) / sx, (top - at[1]) / sy, (right - at[0]) / sx, (bottom - at[1]) / sy]
    source = np.clip(source, 0, [width, height, width, height])
    part = Image.fromarray(pixels).resize((right - left, bottom - top), Image.Resampling.BILINEAR, tuple(source), reducing_gap=2.0)
    canvas[top:bottom, left:right] = part
    placed = boxes * np.float32([sx, sy, sx, sy]) + np.float32([*at, *at])
    clipped = np.clip(placed, [left, top] * 2, [right, bottom] * 2).astype(np.float32)
    area = lambda b: (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    sides = np.minimum(clipped[:, 2] - clipped[:, 0], clipped[:, 3] - clipped[:, 1])
    seen = (area(clipped) >= LEAST_VISIBLE * area(placed)) & (sides >= LEAST_SIDE)
    return clipped[seen], labels[seen]


def finish(rng, canvas, covered, boxes):
    """Mirror, then light, lens and compression on what is covered; the fill stays what the daemon makes it."""
    left, top, right, bottom = covered
    canvas[top:bottom, left:right] = seen_by_camera(rng, canvas[top:bottom, left:right])
    # Only the covered part is mirrored, so that a letterbox stays top left.
    if rng.random() < 0.5:
        canvas[top:bottom, left:right] = canvas[top:bottom, left:right][:, ::-1].copy()
        boxes = boxes.copy()
        boxes[:, [0, 2]] = left + right - boxes[:, [2, 0]]
    return canvas, boxes


def seen_by_camera(rng, pixels):
    """Light and camera. `pixels` H×W×3 uint8, RGB."""
    image = Image.fromarray(pixels)
    light = rng.random()
    if rng.random() < 0.12:
        image = poor_lens(rng, image)
    if light < 0.33:
        image = night(rng, image)
    elif light < 0.43:
        image = grey(rng, image).convert("RGB")
    elif light < 0.72:
        image = daylight(rng, image)
    if rng.random() < 0.25:
        image = compressed(rng, image)
    return np.asarray(image)


def daylight(rng, image):
    """Colour, then contrast, exposure and white balance in one table a channel."""
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.4, 1.4))
    contrast, exposure = rng.uniform(0.7, 1.25), rng.uniform(0.65, 1.3)
    levels = (np.arange(256) - 110) * contrast + 110 * exposure
    return image.point([v for gain in rng.uniform(0.92, 1.08, 3) for v in to_bytes(levels * gain).tolist()])


def grey(rng, image):
    """Infrared-like, one channel: silicon behind no cut filter sees mostly red and beyond, so the weights lean that way."""
    return image.convert("L", (*rng.dirichlet([3.0, 2.0, 1.0]).tolist(), 0))


def night(rng, image):
    """Dusk or infrared: less light, a lamp that falls off, shot and gain noise, and half of the time the daemon's brightening."""
    if rng.random() < 0.65:
        image = grey(rng, image)
    darker = np.linspace(0, 1, 256, dtype=np.float32) ** np.float32(rng.uniform(1.0, 2.0))
    darker *= np.float32(math.exp(rng.uniform(math.log(0.15), math.log(0.9))))
    x = np.asarray(image)
    # What is dark already would vanish.
    x = darker[x] if x[::4, ::4].mean() > DARK else x * np.float32(1 / 255)
    x = x[:, :, None] if x.ndim == 2 else x
    if rng.random() < 0.5:
        x *= lamp(rng, *x.shape[:2])
    # Photons: the variance grows with the signal. Read noise: it does not.
    shot, read = rng.uniform(0, 0.06), rng.uniform(0, 0.02)
    noise = rng.standard_normal(x.shape, np.float32)
    x += noise * np.sqrt(np.float32(shot**2) * x + np.float32(read**2))
    x = to_bytes(x * np.float32(255))
    if rng.random() < 0.5:
        x = brightened(x)
    return Image.fromarray(x[:, :, 0]).convert("RGB") if x.shape[2] == 1 else Image.fromarray(x)


def brightened(x):
    """As src/perceive/tone.rs: towards a mean of 0.40 where it is below 0.25, with no exponent below 0.45."""
    luma = max(0.01, float(x[::4, ::4].mean()) / 255)
    exponent = 1.0 if luma >= 0.25 else min(1.0, max(0.45, math.log(0.40) / math.log(luma)))
    return to_bytes(np.linspace(0, 1, 256) ** exponent * 255)[x]


def lamp(rng, height, width):
    """Fall-off of a lamp at the camera: H×W×1, 1 at its centre."""
    cx, cy = rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height
    reach = rng.uniform(0.4, 1.0) * max(width, height)
    dx, dy = (np.arange(width, dtype=np.float32) - cx) / reach, (np.arange(height, dtype=np.float32) - cy) / reach
    return (1 / (1 + dx[None, :] ** 2 + dy[:, None] ** 2) ** 2).astype(np.float32)[:, :, None]


def poor_lens(rng, image):
    """Out of focus, or fewer pixels than there seem to be."""
    if rng.random() < 0.5:
        return image.filter(ImageFilter.BoxBlur(rng.uniform(0.5, 2.0)))
    share = rng.uniform(0.2, 0.6)
    small = image.resize([max(1, int(side * share)) for side in image.size], Image.Resampling.BILINEAR)
    return small.resize(image.size, Image.Resampling.BILINEAR)


def compressed(rng, image):
    """JPEG as cheap cameras and streams have it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(20, 80)))
    return Image.open(buffer).convert("RGB")


def to_bytes(x):
    return np.clip(x + 0.5, 0, 255).astype(np.uint8)
