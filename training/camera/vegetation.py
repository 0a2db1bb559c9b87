"""What grows between the animal and the camera: grass, bushes, branches, trunks, drawn over a stated share of a box."""

import math
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.camera.light import clouds, luma, oval

#: Side of the patch of the picture whose texture the plants take, in pixels.
PATCH = 48

#: Pixels: side of the carpet of leaves that foliage is cut from, and the length of its leaves.
CARPET, CARPET_LEAF = 512, 18

#: Not drawn plant by plant, but spread.
FOLIAGE = None

#: Plants of a picture that offers no colours: leaves, dry grass, bark.
COLOURS = np.array([[58, 80, 34], [84, 104, 48], [38, 54, 26], [128, 112, 70], [104, 88, 60], [70, 56, 42]])

#: Attempts before a share that cannot be reached is given up.
MOST_PLANTS = 400


def occluded(rng, pixels, boxes, share=None):
    """Covers `share` (0..1, drawn 0.1..0.6) of each box by plants: grass from below, foliage, branches, trunks, in the colours and the texture of
    the picture outside its boxes (cut and paste: Dwibedi et al. 2017; branches that branch: Prusinkiewicz and Lindenmayer 1990; foliage
    grows in clumps as fractal noise has them: Perlin 1985)."""
    return planted(rng, pixels, boxes, share)[0]


def planted(rng, pixels, boxes, share=None):
    """The same, and where the plants are: H×W float32, 1 where they hide what is behind them."""
    growth = Growth(rng, pixels, boxes)
    for box in boxes:
        growth.cover(box, rng.uniform(0.1, 0.6) if share is None else share)
    return growth.over(pixels), np.asarray(growth.edge(), np.float32) / 255


def bush(rng, pixels, box):
    """A round bush of one colour and small leaves that hides a box but for its corners; the like of `planted`."""
    growth = Growth(rng, pixels, [box])
    growth.colours = growth.colours[rng.integers(len(growth.colours))] * np.array([[0.85], [1.0], [1.15]])
    left, top, right, bottom = (int(v) for v in np.clip(box, 0, [*growth.mask.size] * 2))
    if right > left and bottom > top:
        growth.spread((left, top, right, bottom), 0.9, max(3.0, 0.035 * math.sqrt((right - left) * (bottom - top))))
        growth.rounded(box)
    return growth.over(pixels), np.asarray(growth.edge(), np.float32) / 255


def somewhere(rng, pixels):
    """A box that no animal is in, so that plants before nothing are seen, too: 1×4."""
    height, width = pixels.shape[:2]
    w, h = rng.uniform(0.1, 0.6, 2) * (width, height)
    x, y = rng.random(2) * (width - w, height - h)
    return np.float32([[x, y, x + w, y + h]])


class Growth:
    """Plants as they are drawn: their colours, and where they cover the picture (0 or 255)."""

    def __init__(self, rng, pixels, boxes):
        height, width = pixels.shape[:2]
        self.rng = rng
        self.colours, self.texture = _colours(rng, pixels, boxes), _texture(rng, pixels, boxes)
        self.paint, self.mask = Image.new("RGB", (width, height)), Image.new("L", (width, height))
        self.draws = ImageDraw.Draw(self.paint), ImageDraw.Draw(self.mask)

    def cover(self, box, share):
        """Draws until at least `share` of the box is covered; a few leaves at a time, so hardly more than that."""
        left, top, right, bottom = (float(v) for v in box)
        low, high = (max(0, int(left)), max(0, int(top))), (min(self.mask.width, math.ceil(right)), min(self.mask.height, math.ceil(bottom)))
        within = *low, *high
        if within[0] >= within[2] or within[1] >= within[3]:
            return
        # One or two kinds of plants before one animal.
        kinds = self.rng.choice([_grass, FOLIAGE, _branch, _trunk], 2, p=[0.3, 0.4, 0.2, 0.1])
        for number in range(MOST_PLANTS):
            before = self.covered(within)
            if before >= share:
                return
            kind = kinds[number % 2]
            if kind is FOLIAGE:
                self.spread(within, share - before if number > 2 else (share - before) * self.rng.uniform(0.3, 1.0))
                continue
            colours = _bark(self.colours) if kind is _trunk else self.colours
            # A plant is of one colour, in light and in shadow.
            colour = colours[self.rng.integers(len(colours))]
            for drawn, (shade, polygon) in enumerate(kind(self.rng, (left, top, right, bottom), share - before)):
                self.draw(polygon, colour * shade)
                if drawn % 4 == 3 and self.covered(within) >= share:
                    return

    def spread(self, within, share, leaf=None):
        """Foliage (leaves of `leaf` pixels) over `share` of a box of whole pixels and over what is around it, denser towards the ground."""
        left, top, right, bottom = within
        x, y = (right - left) // 3 + 4, (bottom - top) // 4 + 4
        left, top, right, bottom = max(0, left - x), max(0, top - y), min(self.mask.width, right + x), min(self.mask.height, bottom + y)
        height, width = bottom - top, right - left
        rng, side = self.rng, math.sqrt(height * width)
        leaf = leaf or min(max(4.0, side * rng.uniform(0.05, 0.14)), max(6.0, 0.06 * max(self.mask.size)))
        heights, shades = _carpet_part(rng, height, width, leaf)
        # Whole leaves are seen or not, in clumps, lower rather than higher.
        field = heights * np.float32(1 / 160) + clouds(rng, height, width, 2, 3)
        field += np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(rng.uniform(0, 1.2))
        field -= 2 * (1 - oval(height, width, (0, 0, width, height), grow=0.95))
        inside = (slice(within[1] - top, within[3] - top), slice(within[0] - left, within[2] - left))
        free = field[inside][np.asarray(self.mask.crop(within)) == 0]
        total = field[inside].size
        level = np.quantile(free, 1 - min(1.0, share * total / max(1, free.size))) if free.size else 0
        over = Image.fromarray(((field >= level) * np.uint8(255)))
        tints = self.colours[rng.integers(len(self.colours), size=3)]
        painted = tints[shades % 3] * (0.5 + shades / 360)[:, :, None]
        self.paint.paste(Image.fromarray(painted.clip(0, 255).astype(np.uint8)), (left, top), over)
        self.mask.paste(255, (left, top), over)

    def rounded(self, box):
        """Only what lies in an uneven ellipse through the corners of a box stays."""
        width, height = self.mask.size
        left, top, right, bottom = (float(v) for v in box)
        x, y = (2 * np.arange(width) + 1 - left - right) / (right - left), (2 * np.arange(height) + 1 - top - bottom) / (bottom - top)
        cells = max(3, round(4 * max(width / (right - left), height / (bottom - top))))
        uneven = np.float32(0.3) * clouds(self.rng, height, width, min(cells, 64), 3)
        inside = x[None] ** 2 + y[:, None] ** 2 + uneven < 1.8
        self.mask = Image.fromarray(np.asarray(self.mask) * inside.astype(np.uint8))

    def draw(self, polygon, colour):
        self.draws[0].polygon(polygon, fill=tuple(int(min(255, c)) for c in colour))
        self.draws[1].polygon(polygon, fill=255)

    def covered(self, within):
        """Share of a box of whole pixels that is covered."""
        part = self.mask.crop(within)
        return part.histogram()[255] / (part.width * part.height)

    def over(self, pixels):
        within = self.mask.getbbox()
        if within is None:
            return pixels
        left, top, right, bottom = within
        textured = np.array(self.paint)
        part = textured[top:bottom, left:right]
        part[:] = np.minimum(part * self.texture[top:bottom, left:right, None], 255)
        return np.asarray(Image.composite(Image.fromarray(textured), Image.fromarray(pixels), self.edge()))

    def edge(self):
        """The mask as a lens draws it."""
        return self.mask.filter(ImageFilter.GaussianBlur(0.5))


def _outside(rng, pixels, boxes, side):
    """Corner (x, y) of a square that lies in the picture and, if one is found, outside of the boxes."""
    height, width = pixels.shape[:2]
    for _ in range(12):
        x, y = int(rng.integers(max(1, width - side))), int(rng.integers(max(1, height - side)))
        if not any(x < b[2] and x + side > b[0] and y < b[3] and y + side > b[1] for b in boxes):
            return x, y
    return None


def _colours(rng, pixels, boxes):
    """Colours of plants, n×3: sixteen pixels of the picture outside its boxes where they could be plants, and ours as bright as the picture."""
    bright = float(luma(pixels[::8, ::8]).mean())
    ours = np.clip(COLOURS * np.clip(bright / 90, 0.25, 1.3), 0, 255)
    spread = pixels[::8, ::8].astype(np.int16)
    if np.abs(spread - spread.mean(2, keepdims=True)).mean() < 2:
        ours = np.repeat(ours.mean(1, keepdims=True), 3, 1)
    place = _outside(rng, pixels, boxes, PATCH)
    if place is None:
        return ours
    x, y = place
    found = pixels[y : y + PATCH, x : x + PATCH].reshape(-1, 3)
    found = found[rng.integers(len(found), size=16)]
    # No plant is as white as the paper of a product shot, nor as blue as the sky.
    plant = (luma(found) < 170) & (found[:, 2] <= found[:, :2].max(1) + 8)
    return np.concatenate([found[plant], ours]) if plant.any() else ours


def _texture(rng, pixels, boxes):
    """Light and shadow on the plants, H×W float32 around 1: a patch of the picture, mirrored over and over."""
    height, width = pixels.shape[:2]
    place = _outside(rng, pixels, boxes, PATCH)
    if place is None or min(height, width) < PATCH:
        patch = rng.uniform(60, 190, (PATCH, PATCH)).astype(np.float32)
    else:
        x, y = place
        patch = luma(pixels[y : y + PATCH, x : x + PATCH]).astype(np.float32) + 8
    patch = patch / patch.mean()
    # As strong as light and shadow are on leaves and bark, whatever the patch shows.
    patch = np.clip(1 + (patch - 1) * (0.15 / max(0.05, patch.std())), 0.6, 1.4).astype(np.float32)
    patch = np.block([[patch, patch[:, ::-1]], [patch[::-1], patch[::-1, ::-1]]])
    return np.tile(patch, (height // patch.shape[0] + 1, width // patch.shape[1] + 1))[:height, :width]


def _bark(colours):
    """The less green half of the colours."""
    return colours[np.argsort(colours[:, 1] - colours[:, 0])[: max(1, len(colours) // 2)]]


@cache
def _carpet():
    """Leaves over leaves, CARPET×CARPET: what height each is at, and its shade (both 0..255). Drawn once, the same for all."""
    rng = np.random.default_rng(7)
    height, shade = Image.new("L", (CARPET, CARPET)), Image.new("L", (CARPET, CARPET))
    draws = ImageDraw.Draw(height), ImageDraw.Draw(shade)
    for x, y, size, turn in rng.random((5000, 4)).tolist():
        leaf = _leaf(x * CARPET, y * CARPET, CARPET_LEAF * (0.6 + 0.8 * size), turn * 2 * math.pi, 0.6)
        for draw in draws:
            draw.polygon(leaf, fill=int(rng.integers(256)))
    return np.asarray(height), np.asarray(shade)


def _carpet_part(rng, height, width, leaf):
    """A part of the carpet whose leaves are `leaf` pixels long: two H×W."""
    down, right, step = int(rng.integers(CARPET)), int(rng.integers(CARPET)), CARPET_LEAF / leaf
    rows, columns = ((at + np.arange(n) * step).astype(int) % CARPET for at, n in ((down, height), (right, width)))
    return [layer[rows[:, None], columns[None]] for layer in _carpet()]


def _grass(rng, box, _missing):
    """A tuft of blades: bent, tapering, rooted at or below the animal's feet."""
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    root, spread = rng.uniform(left - 0.1 * wide, right + 0.1 * wide), rng.uniform(0.03, 0.2) * wide
    reach = tall * rng.uniform(0.35, 1.05)
    for x, height, bend, width in rng.random((9, 4)):
        x = root + (x - 0.5) * 2 * spread
        height = reach * (0.6 + 0.5 * height)
        blade = max(1.0, (0.008 + 0.02 * width) * max(wide, tall))
        yield rng.uniform(0.55, 1.2), stalk(x, bottom + 0.08 * tall, x + (bend - 0.5) * 0.9 * height, bottom - height, blade, (bend - 0.5) * 0.3 * height)


def stalk(x0, y0, x1, y1, width, sag, tip=0.0):
    """Polygon of a stalk from a foot to a tip, bent sideways by `sag`, growing thinner towards `tip` times its width."""
    at = np.linspace(0, 1, 6)
    x = x0 + (x1 - x0) * at**1.6 - sag * np.sin(math.pi * at)
    y = y0 + (y1 - y0) * at
    half = width / 2 * (1 + (tip - 1) * at)
    # Across the stalk's main direction.
    long = max(1e-6, math.hypot(x1 - x0, y1 - y0))
    nx, ny = -(y1 - y0) / long, (x1 - x0) / long
    return [*zip(x + nx * half, y + ny * half), *zip(x[::-1] - nx * half[::-1], y[::-1] - ny * half[::-1])]


def _leaf(x, y, length, angle, slim):
    """Polygon of a leaf with its middle at x, y."""
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)]) * slim
    corners = [(-0.5, 0), (-0.2, 0.45), (0.2, 0.4), (0.5, 0), (0.2, -0.4), (-0.2, -0.45)]
    return [(x + length * (a * along[0] + b * across[0]), y + length * (a * along[1] + b * across[1])) for a, b in corners]


def _leaves(rng, x, y, spread, length, count):
    for dx, dy, turn, size in zip(*rng.normal(0, 1, (2, count)), *rng.random((2, count))):
        yield 0.55 + 0.65 * size, _leaf(x + dx * spread, y + dy * spread, max(2.0, length * (0.5 + size)), turn * 2 * math.pi, 0.6)


def _branch(rng, box, _missing):
    """A branch that comes in from the side or from above, with twigs, and leaves on most."""
    left, top, right, bottom = box
    side = math.sqrt((right - left) * (bottom - top))
    reach = rng.uniform(0.3, 1.0) * (right - left)
    x0, x1 = (left - 0.3 * side, left + reach) if rng.random() < 0.5 else (right + 0.3 * side, right - reach)
    y0 = rng.uniform(top - 0.3 * side, bottom)
    y1 = y0 + rng.normal(0, 0.3) * side
    width = max(1.5, side * rng.uniform(0.015, 0.05))
    yield rng.uniform(0.5, 1.0), stalk(x0, y0, x1, y1, width, rng.normal(0, 0.05) * side, 0.3)
    leafy = rng.random() < 0.7
    for at, turn, reach in rng.random((4, 3)):
        x, y = x0 + (x1 - x0) * at, y0 + (y1 - y0) * at
        angle = math.atan2(y1 - y0, x1 - x0) + (turn - 0.5) * 2.4
        end = x + math.cos(angle) * reach * 0.4 * side, y + math.sin(angle) * reach * 0.4 * side
        yield rng.uniform(0.5, 1.0), stalk(x, y, *end, max(1.0, width * 0.5), 0.0, 0.3)
        if leafy:
            yield from _leaves(rng, *end, side * 0.05, side * 0.035, 9)


def _trunk(rng, box, missing):
    """A trunk from top to bottom of the picture, no wider than what is still to be covered."""
    left, top, right, bottom = box
    wide = right - left
    width = max(2.0, min(rng.uniform(0.06, 0.28), missing) * wide)
    x = rng.uniform(left + width / 2, max(left + width / 2, right - width / 2))
    lean = rng.normal(0, 0.06) * (bottom - top)
    # Strips side by side: round, lit from one side, with furrows in the bark.
    strips, light = max(1, round(width / 3)), rng.uniform(-0.6, 0.6)
    for at in (np.arange(strips) + 0.5) / strips - 0.5:
        shade = (0.45 + 0.65 * math.cos(2 * at - light)) * rng.uniform(0.8, 1.1)
        foot, tip = (x + at * width, bottom + 0.25 * (bottom - top)), (x + lean + at * 0.8 * width, min(0.0, top - (bottom - top)))
        yield shade, stalk(*foot, *tip, width / strips + 1, 0.0, 0.8)
