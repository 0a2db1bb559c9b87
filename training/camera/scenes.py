"""Where the animal stands: far away in a wide scene, or half outside of the frame."""

import math

import numpy as np
from PIL import Image

from training.camera.light import clouds, encoded, linear, luma, normal, softened, to_bytes

#: Share of the subject's longer side that is kept around it and fades into the scene.
MARGIN = 0.35

#: Pixels: side of the patches whose fine texture wide scenes take, and after how many it repeats.
PATCH, TILE = 192, 768

#: Slabs of a plate that are tried before one is joined.
SLABS = 8

#: A part of a picture is used as a scene from this shorter side on, in pixels.
LEAST_PART = 100


def free_part(pixels, boxes):
    """The largest strip of a picture beside, above or below all of its boxes, which shows the place without the animal; None where it is small,
    flat or white as paper."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = 0, 0, width, height
    strips = [(left, top, right, bottom)]
    if len(boxes):
        space = 0.06 * max(width, height)
        low, high = np.floor(boxes[:, :2].min(0) - space), np.ceil(boxes[:, 2:].max(0) + space)
        strips = [(0, 0, low[0], height), (high[0], 0, width, height), (0, 0, width, low[1]), (0, high[1], width, height)]
    best = max(strips, key=lambda s: max(0, s[2] - s[0]) * max(0, s[3] - s[1]))
    left, top, right, bottom = (max(0, int(v)) for v in best)
    part = pixels[top:bottom, left:right]
    if min(part.shape[:2]) < LEAST_PART:
        return None
    levels = luma(part[::4, ::4])
    return None if levels.std() < 18 or (levels > 235).mean() > 0.25 else part


def covering(rng, plate, width, height):
    """A random part of a plate, as large as its shape allows, scaled to width × height."""
    h, w = plate.shape[:2]
    scale = max(width / w, height / h)
    cw, ch = min(w, width / scale), min(h, height / scale)
    x, y = rng.random() * (w - cw), rng.random() * (h - ch)
    return np.asarray(Image.fromarray(plate).resize((width, height), Image.Resampling.BILINEAR, (x, y, x + cw, y + ch), reducing_gap=2.0))


def widened(rng, plate, ratio):
    """A plate `ratio` times as wide as high, or as it is if it is so wide: slabs of its whole height are set side by side and joined where they differ
    least (image quilting: Efros and Freeman 2001). What is near stays below and what is far above. Mirrored slabs would fit best and look like faces."""
    height, width = plate.shape[:2]
    overlap, wanted = max(8, width // 4), math.ceil(height * ratio)
    result = plate
    while result.shape[1] < wanted:
        slabs = [plate[:, at:] for at in rng.integers(width // 8, width // 2, SLABS)]
        end = result[:, -overlap:].astype(np.float32)
        differs = lambda slab: ((slab[:, :overlap] - end) ** 2).sum(2)
        best = min(slabs, key=lambda slab: float(differs(slab).sum()))
        share = np.clip((np.arange(overlap) - _seam(differs(best))[:, None]) / 3 + 0.5, 0, 1)[:, :, None]
        joined = to_bytes(end + (best[:, :overlap] - end) * share)
        result = np.concatenate([result[:, :-overlap], joined, best[:, overlap:]], 1)
    return result[:, :wanted] if width < wanted else result


def _seam(cost):
    """The cheapest way through h×w costs from top to bottom, a column for each row (Efros and Freeman 2001)."""
    total = cost.copy()
    for row in range(1, len(total)):
        around = np.pad(total[row - 1], 1, "edge")
        total[row] += np.minimum(np.minimum(around[:-2], around[1:-1]), around[2:])
    way = [int(total[-1].argmin())]
    for row in total[-2::-1]:
        low = max(0, way[-1] - 1)
        way.append(low + int(row[low : way[-1] + 2].argmin()))
    return np.array(way[::-1])


def wide_scene(rng, plates, width, height):
    """A scene of many pixels from a picture of few: a plate, enlarged, and over it fine texture of another place at its own size, stronger here and
    weaker there, so that the frame is as sharp as a camera of so many pixels would have it."""
    plate = plates[rng.integers(len(plates))]
    base = covering(rng, plate, width, height)
    texture = _spot_noise(rng, plates[rng.integers(len(plates))])
    # The less a plate is enlarged, the less it lacks.
    texture *= np.float32(np.clip((max(width / plate.shape[1], height / plate.shape[0]) - 1) / 4, 0.1, 1))
    down, right = rng.integers(TILE, size=2)
    rows, columns = (down + np.arange(height)) % TILE, (right + np.arange(width)) % TILE
    uneven = Image.fromarray(np.exp(np.float32(0.5) * clouds(rng, 64, 64, 4, 3))).resize((width, height), Image.Resampling.BILINEAR)
    detail = texture[rows[:, None], columns[None]]
    detail *= np.asarray(uneven)[:, :, None]
    # Shadows hold little texture.
    detail *= np.clip(base * np.float32(1 / 90), 0.2, 1.2)
    detail += base
    return to_bytes(detail)


def _spot_noise(rng, plate):
    """Texture without end that has the spectrum and the contrast of a plate's fine detail: TILE×TILE×3 float32 around 0, periodic (white noise
    convolved with a patch: Galerne, Gousseau and Morel 2011)."""
    side = min(PATCH, *plate.shape[:2])
    x, y = int(rng.integers(plate.shape[1] - side + 1)), int(rng.integers(plate.shape[0] - side + 1))
    part = plate[y : y + side, x : x + side]
    fine = part.astype(np.float32) - softened(part, 4)
    contrast = min(16.0, float(fine.std()))
    spot = fine * (np.hanning(side)[:, None] * np.hanning(side)[None]).astype(np.float32)[:, :, None]
    noise = np.fft.rfft2(normal(rng, (TILE, TILE)))
    made = np.stack([np.fft.irfft2(noise * np.fft.rfft2(spot[:, :, c], (TILE, TILE)), (TILE, TILE)) for c in range(3)], 2)
    # Light and shade more than colour: patches of flowers would turn into confetti.
    made = 0.4 * made + 0.6 * made.mean(2, keepdims=True)
    return (made * (contrast / max(1e-6, float(made.std())))).astype(np.float32)


def distant(rng, picture, scene, size=None):
    """The picture's largest box (of the first label that it has: bears before others), shrunk until its longer side is `size` pixels (drawn 12..64), and all
    other boxes with it, set into a scene of any size; its surroundings fade into the scene's, and its light is drawn to the scene's.
    `picture`: (pixels, boxes, labels); a picture without boxes is set in whole, twice as large. Returns the like (cf. Dwibedi et al. 2017)."""
    pixels, boxes, labels = picture
    size = size or math.exp(rng.uniform(math.log(12), math.log(64)))
    around, scale = _subject(pixels, boxes, labels, size)
    height, width = scene.shape[:2]
    left, top, right, bottom = around
    # A family may be wider than the scene.
    scale = min(scale, 0.9 * width / (right - left), 0.9 * height / (bottom - top))
    w, h = max(3, round((right - left) * scale)), max(3, round((bottom - top) * scale))
    part = np.asarray(Image.fromarray(pixels).resize((w, h), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR, around, reducing_gap=2.0))
    # Animals stand on the ground, seldom in the sky.
    x, y = round(rng.random() * (width - w)), round((0.2 + 0.8 * rng.random()) * (height - h))
    sx, sy = w / (right - left), h / (bottom - top)
    placed = (boxes - np.float32([left, top] * 2)) * np.float32([sx, sy] * 2)
    result = scene.copy()
    result[y : y + h, x : x + w] = _blended(rng, part, scene[y : y + h, x : x + w], placed)
    return result, placed + np.float32([x, y] * 2), labels


def _subject(pixels, boxes, labels, size):
    """What is set in (left, top, right, bottom in the picture), and by what factor it is scaled."""
    height, width = pixels.shape[:2]
    if not len(boxes):
        return (0, 0, width, height), 2 * size / max(width, height)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1)
    largest = float(sides[labels == labels.min()].max())
    low, high = boxes[:, :2].min(0) - MARGIN * largest, boxes[:, 2:].max(0) + MARGIN * largest
    return (max(0.0, float(low[0])), max(0.0, float(low[1])), min(float(width), float(high[0])), min(float(height), float(high[1]))), size / largest


def _blended(rng, part, scene, boxes):
    """`part` over `scene` (both h×w×3): whole within the boxes, fading towards its border along an uneven line."""
    height, width = part.shape[:2]
    x, y = np.arange(width, dtype=np.float32) + 0.5, np.arange(height, dtype=np.float32) + 0.5
    away = np.full((height, width), np.inf, np.float32)
    for left, top, right, bottom in boxes if len(boxes) else [(0.15 * width, 0.15 * height, 0.85 * width, 0.85 * height)]:
        # Rounded: the corners of a box hold no animal but the place that it comes from.
        across, down = np.abs(2 * x - left - right) / max(1.0, right - left), np.abs(2 * y - top - bottom) / max(1.0, bottom - top)
        away = np.minimum(away, np.cbrt(across[None, :] ** 3 + down[:, None] ** 3))
    away += np.float32(0.1) * clouds(rng, height, width, 4, 2)
    share = np.clip((1 + MARGIN - away) / MARGIN, 0, 1)
    # Nothing is left where the picture ends.
    border = lambda at, end: np.clip(np.minimum(at, end - at) / max(2.0, 0.04 * end), 0, 1)
    share = share * share * (3 - 2 * share) * border(x, width)[None, :] * border(y, height)[:, None]
    light, behind = linear(part), linear(scene)
    ring = (share > 0.05) & (share < 0.95)
    if ring.any():
        # The light of the two places is drawn together, not all the way: a black bear in the sun stays black.
        light *= np.float32(np.clip((behind[ring].mean() + 0.01) / (light[ring].mean() + 0.01), 0.25, 4) ** 0.8)
    return encoded(behind + (light - behind) * share[:, :, None])


def cut_by_edge(rng, picture, share=None):
    """The frame's edge takes `share` (0..1, drawn 0.2..0.6) of one box's width or height; the picture is cut there. Other boxes keep what is inside, or
    go where a quarter or less is left. `picture`: (pixels, boxes, labels). Returns the like."""
    pixels, boxes, labels = picture
    if not len(boxes):
        return picture
    height, width = pixels.shape[:2]
    share = rng.uniform(0.2, 0.6) if share is None else share
    left, top, right, bottom = boxes[rng.integers(len(boxes))]
    edges = {
        "left": (left + share * (right - left), 0, width, height), "right": (0, 0, right - share * (right - left), height),
        "top": (0, top + share * (bottom - top), width, height), "bottom": (0, 0, width, bottom - share * (bottom - top)),
    }
    # Animals come in from the sides; feet are cut more often than heads.
    x0, y0, x1, y1 = (round(float(v)) for v in edges[rng.choice([*edges], p=[0.35, 0.35, 0.08, 0.22])])
    if x1 - x0 < 8 or y1 - y0 < 8:
        return picture
    moved = boxes - np.float32([x0, y0] * 2)
    inside = np.clip(moved, 0, [x1 - x0, y1 - y0] * 2).astype(np.float32)
    area = lambda b: (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    seen = area(inside) > 0.25 * area(boxes)
    return np.ascontiguousarray(pixels[y0:y1, x0:x1]), inside[seen], labels[seen]
