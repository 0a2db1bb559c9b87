"""The reliability diagram: how often a bear was there where the card promised it so often, as an SVG of numbers."""

import math

SIDE, GAP, MARGIN = 220, 56, 48


def drawing(panels):
    """`panels`: title and what `accuracy.calibration_error` tells, in their order. An SVG, the same for the same numbers."""
    width, height = len(panels) * (SIDE + GAP) + MARGIN, SIDE + 2 * MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="11">\n'
    return head + f'<rect width="{width}" height="{height}" fill="white"/>\n' + "".join(panel(at, *one) for at, one in enumerate(panels)) + "</svg>\n"


def panel(number, title, told):
    x, y = (lambda p: MARGIN + number * (SIDE + GAP) + p * SIDE), (lambda p: MARGIN + (1 - p) * SIDE)
    lines = [
        f'<rect x="{x(0):.1f}" y="{y(1):.1f}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>',
        f'<line x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(1):.1f}" y2="{y(1):.1f}" stroke="#999" stroke-dasharray="4 3"/>',
        f'<text x="{x(0.5):.1f}" y="{y(1) - 10:.1f}" text-anchor="middle" font-size="13">{title}: error {told["error"]:.3f} of {told["boxes"]} boxes</text>',
        f'<text x="{x(0.5):.1f}" y="{y(0) + 32:.1f}" text-anchor="middle">probability that the card tells</text>',
    ]
    lines += [f'<text x="{x(p):.1f}" y="{y(0) + 15:.1f}" text-anchor="middle">{p:g}</text>' for p in (0, 0.5, 1)]
    lines += [f'<text x="{x(0) - 6:.1f}" y="{y(p) + 4:.1f}" text-anchor="end">{p:g}</text>' for p in (0, 0.5, 1)]
    for one in told["bins"]:
        if one["boxes"]:
            lines += point(x, y, one)
    return "".join(line + "\n" for line in lines)


def point(x, y, one):
    """A bin: where it stands, the 95 % interval of its share, and an area like its boxes."""
    count, share = one["boxes"], one["right"] / one["boxes"]
    low, high = wilson(one["right"], count)
    at = x(one["promised"] / count)
    yield f'<line x1="{at:.1f}" y1="{y(low):.1f}" x2="{at:.1f}" y2="{y(high):.1f}" stroke="#36c"/>'
    yield f'<circle cx="{at:.1f}" cy="{y(share):.1f}" r="{1.5 + math.sqrt(count) / 2:.1f}" fill="#36c" fill-opacity="0.7"/>'


def wilson(hits, count, z=1.96):
    """95 % interval of a share (Wilson 1927, "Probable inference, the law of succession, and statistical inference")."""
    share, spread = hits / count, z * z / count
    middle, half = share + spread / 2, z * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))
