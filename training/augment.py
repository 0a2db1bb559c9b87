"""What a sample of the training may look like: another framing, another distance, and what `camera` makes of it, as often as a camera outdoors does.

Everything is drawn from the generator that is handed in, so that the same seed makes the same picture.
"""

import math

import numpy as np
from PIL import Image, ImageEnhance

from training import camera
from training.camera.light import to_bytes
from training.camera.scenes import covering
from training.network import CLASSES

#: Grey level of what no picture covers, as in the daemon's letterbox.
FILL = 114

#: A box that keeps less than this share of its area within the frame is dropped: nobody could name the animal.
LEAST_VISIBLE = 0.25

#: Pixels: smaller boxes hold nothing to learn from.
LEAST_SIDE = 4

#: Input pixels per pixel of the frame, at most, as in src/perceive/plan.rs.
CLOSEST = 3.5

#: Pixels that the longer side of someone takes then.
CLOSE_SIDES = (48, 144)

PERSON = list(CLASSES).index("person")

NOTHING = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))


def view(rng, picture, draw_background, size):
    """One training picture of size×size. `picture`: (pixels, boxes, labels). Returns the like."""
    kind = rng.random()
    if len(picture[1]) and rng.random() < 0.08:
        picture = camera.cut_by_edge(rng, picture)
    if kind < 0.15:
        return close(rng, picture, draw_background, size)
    if kind < 0.5:
        canvas, covered, boxes, labels = letterbox(rng, picture, size)
    elif kind < 0.6:
        canvas, covered, boxes, labels = afar(rng, picture, draw_background, size)
    else:
        canvas, covered, boxes, labels = rescaled(rng, picture, draw_background, size)
    return *finish(rng, canvas, covered, boxes, labels), labels


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
    return *finish(rng, canvas, (0, 0, size, size), boxes, labels), labels


def letterbox(rng, picture, size):
    """The framing of the daemon: aspect ratio kept (nearly: ±10 %), top left, the rest filled."""
    height, width = picture[0].shape[:2]
    scale = size / max(width, height) * rng.uniform(0.9, 1.0)
    sx, sy = scale * rng.uniform(0.9, 1.0), scale * rng.uniform(0.9, 1.0)
    covered = (0, 0, max(1, round(width * sx)), max(1, round(height * sy)))
    canvas = np.full((size, size, 3), FILL, np.uint8)
    boxes, labels = paste(canvas, picture, sx, sy, (0, 0), covered)
    return canvas, covered, boxes, labels


def afar(rng, picture, draw_background, size):
    """A subject of 12 to 64 pixels somewhere in a scene that fills the frame."""
    canvas, boxes, labels = camera.distant(rng, picture, covering(rng, draw_background(), size, size))
    seen = (boxes[:, 2:] - boxes[:, :2]).min(1) >= LEAST_SIDE
    return canvas, (0, 0, size, size), boxes[seen], labels[seen]


def close(rng, picture, draw_background, size):
    """What the daemon makes of someone far whom it looks at closely: the part of the frame around, enlarged beyond the camera's own pixels. Returns what `view` does."""
    length = math.exp(rng.uniform(math.log(12), math.log(64)))
    side = round(size / np.clip(rng.uniform(*CLOSE_SIDES) / length, 1.3, CLOSEST))
    part, boxes, labels = camera.distant(rng, picture, covering(rng, draw_background(), side, side), length)
    seen = (boxes[:, 2:] - boxes[:, :2]).min(1) >= LEAST_SIDE
    boxes, labels = boxes[seen], labels[seen]
    part, boxes = finish(rng, part, (0, 0, side, side), boxes, labels)
    return np.asarray(Image.fromarray(part).resize((size, size), Image.Resampling.BILINEAR)), boxes * np.float32(size / side), labels


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


def finish(rng, canvas, covered, boxes, labels):
    """Mirror, then light, lens and compression on what is covered; the fill stays what the daemon makes it."""
    left, top, right, bottom = covered
    part = np.ascontiguousarray(canvas[top:bottom, left:right])
    canvas[top:bottom, left:right] = seen_by_camera(rng, part, boxes - np.float32([left, top] * 2), labels)
    # Only the covered part is mirrored, so that a letterbox stays top left.
    if rng.random() < 0.5:
        canvas[top:bottom, left:right] = canvas[top:bottom, left:right][:, ::-1].copy()
        boxes = boxes.copy()
        boxes[:, [0, 2]] = left + right - boxes[:, [2, 0]]
    return canvas, boxes


def seen_by_camera(rng, pixels, boxes, labels):
    """Weather, light, lens, sensor and compression, in the order in which light meets them. `pixels` H×W×3 uint8, RGB; `boxes` k×4 in its pixels, `labels` k."""
    if rng.random() < 0.10:
        pixels = camera.occluded(rng, pixels, boxes if len(boxes) else camera.somewhere(rng, pixels))
    if rng.random() < 0.07:
        pixels = (camera.fog if rng.random() < 0.5 else camera.rain)(rng, pixels)
    pixels, dark = lit(rng, pixels, boxes[labels != PERSON])
    pixels = through_lens(rng, pixels, boxes, dark)
    height, width = pixels.shape[:2]
    if rng.random() < 0.10:
        pixels = camera.enlarged(camera.cheap(rng, pixels), width, height)
    if rng.random() < 0.30:
        pixels = (camera.mjpeg if rng.random() < 0.7 else camera.h264)(rng, pixels)
    # The daemon brightens what is dark before the model sees it; by noise it may decide not to.
    return camera.brightened(pixels) if dark and rng.random() < 0.5 else pixels


def lit(rng, pixels, animals):
    """Night (`animals`: boxes of those whose eyes shine, so not of people), dusk, or day of some colour; and whether it is dark."""
    light = rng.random()
    if light < 0.20:
        return camera.infrared(rng, pixels, animals), True
    if light < 0.33:
        return camera.dusk(rng, pixels), True
    if light < 0.38:
        grey = Image.fromarray(pixels).convert("L", (*rng.dirichlet([3.0, 2.0, 1.0]).tolist(), 0))
        return np.asarray(grey.convert("RGB")), False
    return np.asarray(daylight(rng, Image.fromarray(pixels))) if light < 0.75 else pixels, False


def through_lens(rng, pixels, boxes, dark):
    """Webs, insects, motion while the shutter is open (longer in the dark), and a focus that is off."""
    if rng.random() < 0.03:
        pixels = camera.web(rng, pixels, rng.uniform(0.2, 1.0) if dark else None)
    if rng.random() < 0.03:
        pixels = camera.insect(rng, pixels, dark)
    if rng.random() < (0.14 if dark else 0.06):
        pixels = camera.moved(rng, pixels, box=boxes[rng.integers(len(boxes))] if len(boxes) and rng.random() < 0.6 else None)
    return camera.unfocused(rng, pixels) if rng.random() < 0.08 else pixels


def daylight(rng, image):
    """Colour, then contrast, exposure and white balance in one table a channel."""
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.4, 1.4))
    contrast, exposure = rng.uniform(0.7, 1.25), rng.uniform(0.65, 1.3)
    levels = (np.arange(256) - 110) * contrast + 110 * exposure
    return image.point([v for gain in rng.uniform(0.92, 1.08, 3) for v in to_bytes(levels * gain).tolist()])
