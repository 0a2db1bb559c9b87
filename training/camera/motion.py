"""What moves while the shutter is open."""

import math

import numpy as np

from training.camera.light import encoded, linear, oval

#: Positions that a path of blur is summed from, at most.
MOST_STEPS = 16


def moved(rng, pixels, length=None, angle=None, box=None):
    """Motion blur: the mean light along a straight path (linear light; Potmesil and Chakravarty 1983). `length` in pixels (drawn 1 to 5 % of the
    longer side), `angle` in radians. With `box`, only what is in it moves and the rest is sharp; without, the camera shakes."""
    height, width = pixels.shape[:2]
    length = length if length is not None else rng.uniform(0.01, 0.05) * max(height, width)
    # Animals walk along the ground more than up and down.
    angle = angle if angle is not None else rng.normal(0, 0.35 if box is not None else 1.0)
    if box is None:
        return _along(pixels, length, angle)
    reach = math.ceil(length / 2) + 2
    left, top = (max(0, int(v) - reach) for v in box[:2])
    right, bottom = min(width, math.ceil(box[2]) + reach), min(height, math.ceil(box[3]) + reach)
    part = pixels[top:bottom, left:right]
    if part.size == 0:
        return pixels
    # The path is not seen beyond the box: what is blurred there is the ground.
    share = oval(*part.shape[:2], (box[0] - left, box[1] - top, box[2] - left, box[3] - top), grow=1 + length / max(1.0, box[2] - box[0]))
    blurred = _along(part, length, angle)
    result = pixels.copy()
    result[top:bottom, left:right] = part + (blurred.astype(np.float32) - part) * share[:, :, None] + np.float32(0.5)
    return result


def _along(pixels, length, angle):
    height, width = pixels.shape[:2]
    steps = min(MOST_STEPS, max(2, math.ceil(length) + 1))
    at = np.linspace(-0.5, 0.5, steps) * length
    places = [(round(a * math.sin(angle)), round(a * math.cos(angle))) for a in at]
    margin = max(max(abs(dy), abs(dx)) for dy, dx in places)
    # 16 bits hold the sum of sixteen frames of 12 bits.
    light = (linear(np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), "edge")) * np.float32(4095)).astype(np.uint16)
    total = np.zeros(pixels.shape, np.uint16)
    for dy, dx in places:
        total += light[margin + dy : margin + dy + height, margin + dx : margin + dx + width]
    return encoded(total * np.float32(1 / (4095 * steps)))
