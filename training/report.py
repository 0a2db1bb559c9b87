"""The card for people: what the model is, what it was made from, how good it is and where it is not."""

from training.samples import SIMULATED_SHARE

WORDS = """\
# {name}, version {version}

Finds bears, persons and other animals in pictures from a camera outdoors. int8 ONNX, {width}×{height} pixels, SHA-256 `{sha256}`.
The program carries it; its numbers for the program are in `{name}.json`.

## For what, and for what not

For telling people at a campsite, a farm or a hut that a bear is near, as one more pair of eyes. Not for anything where a missed bear or
a false alarm hurts somebody who trusted it alone; not for counting animals; not for telling persons apart or rating how well persons are found
(the data cannot show that). It knows no species of bear, and a giant panda is an "animal" to it.

## Made from

- **Base:** YOLOX-Nano, trained on COCO by Megvii (<https://github.com/Megvii-BaseDetection/YOLOX>), Apache License 2.0,
  SHA-256 `{base_sha256}`. This model is a derived work: the heads for 80 classes were cut down to three (bear from COCO's bear, person
  from person, animal from the mean of nine animals), and the weights were trained further and rounded to int8.
- **Pictures:** the `bears/train` set, {pictures} of its pictures for training and {held} set aside. They are mostly web pictures of bears, close and
  in daylight, pets, toys, raccoons, objects and a few camera-trap frames, **mostly without a stated licence**. They were used for training only; none is in this
  project, and none may be redistributed from it. SHA-256 over the set: `{data_sha256}`. {fixes}
- **SIMULATION:** {simulated} frames drawn by `bearwatch simulate` (seeds from 1000000 on): {simulated_share:.0%} of what a run saw,
  {simulated_share_hard:.0%} of one on what was wrong. No figure below comes from them.
- **Made worse on purpose** (`training/camera/`; the first two runs knew less of it): framing and distance (a bear of 12 pixels and more in a wide scene), cut by the edge
  of the frame, hidden by plants, rain, fog, dusk, infrared night with its lamp and shining eyes, webs and insects at the lens, motion, focus, photon and read noise,
  few pixels, Motion JPEG and H.264.

## How it was made

| step | command | commit | steps | pictures seen | minutes |
|---|---|---|---|---|---|
{runs}

Seeds {seeds}. `make train` runs it all. The length of a run is set in minutes, so a faster machine sees more pictures and the same weights do not come out to the last bit.

## Operating points

Chosen on {held} pictures ({held_without} without a bear) that were set aside from `bears/train` and never trained on, each also mirrored; never on `val`.

| class | threshold | chosen as | probability from score s |
|---|---|---|---|
{points}

## Figures

Measured with `python -m training.evaluate` on the files themselves (onnxruntime), pictures looked at whole. `bears/val` and `trailcam` took no part in training
or in the choice of thresholds. AP50: average precision at IoU 0.5. Recall at 1 %: share of bears found when at most 1 % of the pictures without
a bear may raise one (the threshold for this column is set on the set itself, to compare models). In brackets: 95 % bootstrap intervals.

| set | model | bear AP50 | bear recall at 1 % | at 5 % | person AP50 | animal AP50 |
|---|---|---|---|---|---|---|
{figures}

At the operating points (int8):

| set | class | found | pictures without one that raise one |
|---|---|---|---|
{found}

## Where it falls short

- Almost no real picture of a bear at night was there to learn from or to measure on: night is simulated, and no figure here speaks for it; `docs/accuracy.md` has figures under simulated conditions.
- {on_trailcam}`trailcam` is 31 pictures with 9 bears: a sanity check, not a benchmark. Pictures of one source stand in `train` and `val`; a new site will be worse.
- Bears in the data are large and centred. Far ones (under some 20 pixels in the {width}-pixel input) are mostly missed in the whole frame; tiles help.
- Bears half hidden, families with cubs, rain, fog and motion blur are rare in the data.
- Teddy bears, giant pandas, large dark dogs and brown cattle are what it takes for bears most easily. Cattle, deer and boar hardly occur in the data.
- Persons were boxed by detectors and few; a person may go unnamed, above all in the dark.
"""


def text(card, figures):
    """Markdown from the machine-readable card and `evaluate.figures` by (model, set)."""
    training, points = card["training"], card["training"]["operating_points"]
    return WORDS.format(
        name=card["name"],
        version=card["version"],
        sha256=card["sha256"],
        width=card["input"]["width"],
        height=card["input"]["height"],
        base_sha256=training["base_sha256"],
        data_sha256=training["data_sha256"],
        fixes=_fixes(training["label_fixes"]),
        pictures=training["runs"][0]["pictures"],
        simulated=training["runs"][0]["simulated"],
        simulated_share=SIMULATED_SHARE,
        simulated_share_hard=2 * SIMULATED_SHARE,
        on_trailcam=_on_trailcam(figures),
        seeds=" and ".join(str(run["seed"]) for run in training["runs"]),
        held=points["pictures"],
        held_without=points["without_bear"],
        runs="\n".join(_run(run) for run in training["runs"]),
        points="\n".join(_point(c, points) for c in card["classes"]),
        figures="\n".join(_row(model, name, told) for (model, name), told in sorted(figures.items(), key=lambda f: f[0][1])),
        found="\n".join(_found(name, told) for (model, name), told in figures.items() if "int8" in model),
    )


def _fixes(counts):
    """What was corrected in the set's labels, by looking."""
    done = ", ".join(f"{count} × {kind}" for kind, count in counts.items() if count and kind != "pictures")
    return f"Labels of {counts['pictures']} pictures were corrected by eye before training (`training/label_fixes.json`: {done})." if done else ""


def _on_trailcam(figures):
    """Says so where training made it worse on camera traps than the base."""
    ap50 = lambda word: next(told.get("bear", {}).get("ap50") or 0 for (model, name), told in figures.items() if word in model and name == "trailcam")
    if ap50("int8") >= ap50("base"):
        return ""
    return "**On camera traps (`trailcam`), looked at whole, it is worse than the base that it was made from:** what it learned from close web pictures it paid for there. "


def _run(run):
    return f"| {_kind(run)} | `{run['command']}` | {(run.get('commit') or 'an earlier one')[:12]} | {run['steps']} | {run['pictures_seen']} | {run['minutes']} |"


def _kind(run):
    kind = "what was wrong, more often" if run["hard"] else "fine-tuning"
    return f"{kind}, through the rounding" if run.get("int8") else kind


def _point(spec, points):
    how = points["bear"] if spec["name"] == "bear" else points["person, animal"]
    slope, intercept = spec["calibration"]["slope"], spec["calibration"]["intercept"]
    lights = "".join(f"; in {r['regime']} light logit(s) is first taken {r['slope']} times {r['intercept']:+}" for r in spec.get("regimes", []))
    return f"| {spec['name']} | {spec['threshold']} | {how} | sigmoid({slope} · logit(s) {intercept:+}){lights} |"


def _row(model, name, told):
    bear = told.get("bear", {})
    cells = [_number(bear.get("ap50"), bear.get("ap50_ci95")), _number(bear.get("recall_at_1%"), bear.get("recall_at_1%_ci95"))]
    cells += [_number(bear.get("recall_at_5%")), *(_number(told.get(c, {}).get("ap50")) for c in ("person", "animal"))]
    return f"| {name} | {model} | " + " | ".join(cells) + " |"


def _number(value, interval=None):
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def _found(name, told):
    rows = ((c, of["operating_point"]) for c, of in told.items())
    return "\n".join(
        f"| {name} | {c} | {p['found']} of {p['truths']} | {p['false_pictures']} of {p['pictures_without']} |" for c, p in rows
    )
