"""What a set holds and what it lacks: size, place, light, source, as small drawings and tables of HTML."""

import html
import json
from collections import Counter

import numpy as np
from PIL import Image

from training.faults import Fault
from training.network import BEAR, CLASSES

#: Square root of box area over picture area; the last bin is a bear that fills the picture.
SHARES = np.linspace(0, 1, 11)
#: Mean grey level of a picture, 0..255. Below 64 the daemon brightens.
LEVELS = np.array([0, 32, 64, 96, 128, 160, 192, 256])
#: Pixels of the longer side in the input of 416, the picture being looked at whole.
SIDES = np.array([0, 16, 32, 64, 128, 256, 417])
#: The picture is cut into so many by so many fields to show where animals stand.
FIELDS = 6
#: A box this near to the border of its picture, in shares of its sides, is likely cut by it.
AT_BORDER = 0.01
WIDTH, HEIGHT = 320, 130


def sources(folder):
    """{file name: source}, as far as the annotations say."""
    try:
        return {i["file_name"]: i.get("source", "unknown") for i in json.loads((folder / "annotations.json").read_text())["images"]}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Fault(f"{folder / 'annotations.json'} is not a COCO detection file ({error!r})") from error


def report(pictures, greys, source_of):
    """HTML of everything below. `greys`: mean grey level of each picture."""
    shapes = [_shape(p) for p in pictures]
    parts = [counts(pictures), "<div class='plots'>"]
    for label, name in enumerate(CLASSES):
        boxes = np.concatenate([p.boxes[p.labels == label] / ([w, h] * 2) for p, (w, h) in zip(pictures, shapes)])
        inputs = np.concatenate([_longest(p.boxes[p.labels == label]) * 416 / max(shape) for p, shape in zip(pictures, shapes)])
        shares = np.sqrt(np.clip((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 0, 1))
        parts.append(bars(f"{name}: square root of box area over picture area", SHARES, shares))
        parts.append(bars(f"{name}: longer side in the input, pixels", SIDES, inputs))
        parts.append(fields(f"{name}: where the centres stand", (boxes[:, :2] + boxes[:, 2:]) / 2))
    with_bear = np.array([p.shows(BEAR) for p in pictures])
    parts.append(bars("mean grey level, pictures with a bear", LEVELS, np.array(greys)[with_bear]))
    parts.append(bars("mean grey level, pictures without", LEVELS, np.array(greys)[~with_bear]))
    return "\n".join([*parts, "</div>", lines(pictures, greys, shapes), by_source(pictures, source_of)])


def _shape(picture):
    """Width and height from the file's head."""
    with Image.open(picture.path) as image:
        return image.size


def _longest(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0)


def counts(pictures):
    conditions = Counter((p.condition, p.shows(BEAR)) for p in pictures)
    rows = [(c, conditions[c, True], conditions[c, False]) for c in sorted({c for c, _ in conditions})]
    return table(("light", "with a bear", "without"), rows)


def lines(pictures, greys, shapes):
    """The shortage in numbers: bears that the field shows and this set hardly does."""
    bears, small, far, cut, families, dark = 0, 0, 0, 0, 0, 0
    for picture, grey, (width, height) in zip(pictures, greys, shapes):
        boxes = picture.boxes[picture.labels == BEAR]
        bears += len(boxes)
        small += int((_longest(boxes) * 416 / max(width, height) < 32).sum())
        far += int((np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (width * height)) < 0.15).sum())
        edge = np.minimum(boxes[:, :2], [width, height] - boxes[:, 2:]) / [width, height]
        cut += int((edge < AT_BORDER).any(1).sum())
        families += len(boxes) >= 2
        dark += len(boxes) > 0 and grey < 64
    rows = [
        ("bears", bears), ("under 32 pixels in the input", small), ("under 15 % of the picture's side", far), ("at the border of the picture", cut),
        ("pictures with two bears or more", families), ("pictures with a bear and a mean level under 64", dark),
    ]
    return table(("what", "count"), rows)


def by_source(pictures, source_of):
    """Species are not labelled; the source is the nearest that there is."""
    rows = {}
    for picture in pictures:
        row = rows.setdefault(source_of.get(picture.path.name, "unknown"), Counter())
        row["with" if picture.shows(BEAR) else "without"] += 1
        row.update(list(CLASSES)[label] for label in picture.labels)
    cells = ((name, row["with"], row["without"], *(row[c] for c in CLASSES)) for name, row in sorted(rows.items(), key=lambda r: -sum(r[1].values())))
    return table(("source", "pictures with a bear", "without", *(f"{c} boxes" for c in CLASSES)), cells)


def table(head, rows):
    row = lambda tag, cells: "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"
    return "<table>" + row("th", head) + "".join(row("td", r) for r in rows) + "</table>"


def bars(title, edges, values):
    """Histogram as SVG, one bar a bin with its count above."""
    heights, _ = np.histogram(values, edges)
    step, tallest = WIDTH / len(heights), max(1, heights.max())
    drawn = []
    for i, count in enumerate(heights):
        tall = 80 * count / tallest
        drawn.append(f"<rect x='{i * step + 1:.1f}' y='{100 - tall:.1f}' width='{step - 2:.1f}' height='{tall:.1f}'/>")
        drawn.append(f"<text x='{(i + 0.5) * step:.1f}' y='{96 - tall:.1f}'>{count}</text><text x='{(i + 0.5) * step:.1f}' y='112'>≥{edges[i]:g}</text>")
    return _figure(title, drawn)


def fields(title, centres):
    """Where in the picture centres stand (shares of its sides): the darker, the more."""
    table, _, _ = np.histogram2d(centres[:, 1], centres[:, 0], FIELDS, [[0, 1], [0, 1]])
    wide, tall, most = WIDTH / FIELDS, 114 / FIELDS, max(1, table.max())
    drawn = [
        f"<rect x='{c * wide:.1f}' y='{r * tall:.1f}' width='{wide:.1f}' height='{tall:.1f}' fill-opacity='{table[r, c] / most:.2f}'/>"
        f"<text x='{(c + 0.5) * wide:.1f}' y='{(r + 0.7) * tall:.1f}'>{int(table[r, c])}</text>"
        for r in range(FIELDS) for c in range(FIELDS)
    ]
    return _figure(title, drawn)


def _figure(title, drawn):
    return f"<figure><figcaption>{html.escape(title)}</figcaption><svg viewBox='0 0 {WIDTH} {HEIGHT - 14}' width='{WIDTH}'>{''.join(drawn)}</svg></figure>"
