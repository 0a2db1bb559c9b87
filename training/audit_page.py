"""The page for looking: each picture with what was labelled and what was seen, and the lines that would mend it. One file, no network needed."""

import base64
import html
import io
import json

from PIL import Image

from training.network import CLASSES

#: Pixels of the longer side on the page, and the score from which the network's and the teachers' boxes are drawn.
LONGEST, DRAWN = 560, 0.25
COLOURS = {"label": "#00a651", "network": "#0072c6", "teachers": "#e08a00"}

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Audit of bears/train</title><style>
body{{font:15px/1.4 system-ui,sans-serif;margin:1.5em;max-width:1500px}} table{{border-collapse:collapse;margin:1em 0}}
td,th{{border:1px solid #ccc;padding:2px 8px;text-align:right}} td:first-child,th:first-child{{text-align:left}}
.plots{{display:flex;flex-wrap:wrap;gap:1em}} figure{{margin:0}} figcaption{{font-size:13px}} .plots rect{{fill:#0072c6}}
.plots text{{font-size:9px;text-anchor:middle}} .one{{display:flex;gap:1em;border-top:1px solid #ccc;padding:1em 0;align-items:flex-start}}
.one svg{{flex:none}} .one rect{{fill:none;stroke-width:2}}
.one text{{font-size:12px;stroke:#fff;stroke-width:3;paint-order:stroke}} .one code{{display:block;font-size:12px;background:#f3f3f3;padding:4px;margin:2px 0;user-select:all;word-break:break-all}}
</style><h1>Audit of bears/train</h1>
<p>{count} pictures; already mended: {mended}. Boxes: <b style="color:{label}">label</b>, <b style="color:{network}">network</b> (dashed),
<b style="color:{teachers}">teachers, fused</b> (dotted). A click on a line marks it all for copying into <code>training/label_fixes.json</code>; write the reason.
These pictures must not leave this machine.</p>
<h2>What the set holds</h2>{shortage}<h2>The most suspicious pictures</h2>{entries}</html>
"""


def page(entries, count, shortage, mended):
    said = ", ".join(f"{number} {kind}" for kind, number in mended.items())
    return PAGE.format(count=count, mended=said, shortage=shortage, entries="\n".join(map(one, entries)), **COLOURS)


def one(entry):
    """One picture and its doubts."""
    picture = entry["picture"]
    code = lambda fix: f"<code>{html.escape(json.dumps(fix))}</code>"
    doubts = "".join(f"<p>{d.kind} ({d.strength:.2f})</p>{code(line(entry, d))}" for d in entry["doubts"])
    drop = {"image": entry["image"], "name": picture.path.name, "do": "drop picture", "reason": ""}
    head = f"{html.escape(picture.path.name)} · suspicion {entry['suspicion']:.2f} · loss {entry['loss']:.2f} (higher than {entry['rank']:.0%} of its kind)"
    return f"<div class='one'>{drawing(entry)}<div><b>{head}</b>{doubts}<p>take it out</p>{code(drop)}</div></div>"


def line(entry, doubt):
    """The fix that a doubt suggests, as it would stand in label_fixes.json; the reason is the reviewer's."""
    return {"image": entry["image"], "name": entry["picture"].path.name, **doubt.fix, "reason": ""}


def drawing(entry):
    """SVG of the picture with all boxes; small pictures are enlarged."""
    picture = entry["picture"]
    image = Image.fromarray(picture.pixels())
    scale = LONGEST / max(image.size)
    width, height = (round(side * scale) for side in image.size)
    buffer = io.BytesIO()
    image.resize((width, height), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=80)
    kinds = [("label", "", [(1.0, label, box) for label, box in zip(picture.labels, picture.boxes)])]
    kinds += [("network", "7 4", list(zip(*entry["network"]))), ("teachers", "2 3", list(zip(*entry["teachers"])))]
    boxes = "".join(rectangle(kind, dash, *row, scale) for kind, dash, rows in kinds for row in rows if row[0] >= DRAWN)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f"<svg width='{width}' height='{height}'><image href='data:image/jpeg;base64,{data}' width='{width}' height='{height}'/>{boxes}</svg>"


def rectangle(kind, dash, score, label, box, scale):
    left, top, right, bottom = (float(v) * scale for v in box)
    # One line of text for each kind, so that they do not hide each other.
    down = {"label": 12, "network": 24, "teachers": 36}[kind]
    said = list(CLASSES)[int(label)] + ("" if kind == "label" else f" {score:.2f}")
    line = f"<rect x='{left:.1f}' y='{top:.1f}' width='{right - left:.1f}' height='{bottom - top:.1f}' stroke='{COLOURS[kind]}' stroke-dasharray='{dash}'/>"
    return line + f"<text x='{left + 3:.1f}' y='{top + down:.1f}' fill='{COLOURS[kind]}'>{said}</text>"
