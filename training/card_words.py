"""The words of the card for people; what stands in braces is filled in by `report.py`."""

WORDS = """\
# {name}, version {version}

Finds bears, persons and other animals in pictures from a camera outdoors. int8 ONNX, {width}×{height} pixels, SHA-256 `{sha256}`.
The program carries it; its numbers for the program are in `{name}.json`.

## For what, and for what not

For telling people at a campsite, a farm or a hut that a bear is near, as one more pair of eyes: with the bearwatch program, which looks at tiles of a large frame,
follows what it sees and weighs evidence over time, on a Raspberry Pi or a larger board, with a fixed camera at the height of a fence or a wall, in daylight, dusk or its
own infrared light.

Not for anything where a missed bear or a false alarm hurts somebody who trusted it alone: it takes the place of no fence, no bear-proof store and no warden. Not for
thermal cameras, drones, fish-eye lenses or cameras that move; none was trained on or measured. Not for counting animals or finding one again, not for hunting, and not
for watching people: it does not tell persons apart, and the data cannot show how well persons are found. It knows no species of bear, and a giant panda is an "animal" to it.

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
  few pixels, Motion JPEG and H.264. The last run also saw what a close look makes of somebody far: enlarged up to 3.5 times.

## How it was made

Between two runs the weights are drawn back towards the base's (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"), and the last run must also give the base's
answers wherever the base sees something (Li & Hoiem 2016, "Learning without forgetting"): both keep what tells animals apart that our three classes throw together.

| step | command | commit | steps | pictures seen | minutes |
|---|---|---|---|---|---|
{runs}

Seeds {seeds}. `make train` runs it all. The length of a run is set in minutes, so a faster machine sees more pictures and the same weights do not come out to the last bit.

**Energy.** {energy}

## Teachers, and why it was distilled from none but the base

Three detectors of COCO's classes, as small as this one, were asked about every training picture (`training.teachers`), and their fused opinion found wrong labels. No
run learned to find bears from their outputs (Hinton et al. 2015, "Distilling the knowledge in a neural network"). As the program judges them, whole pictures for each teacher alone:

{teachers}

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

### By condition

Bears, as the program sees them with its regions, from `docs/accuracy.md`, where suites, command and commit stand. All but the day are simulated on the pictures of `bears/val`.

{conditions}
### What is taken for what

Boxes of `bears/val` at the operating points, as the program sees them with its regions; pairs overlap by half (IoU ≥ 0.5) whatever is said of them.

{confusion}
### How sure a score is

Expected calibration error (Guo et al. 2017) of bears: how far the probability that the card tells of a box is from how often there was a bear, the mean over 15 bins weighted
by their boxes; boxes of a probability of 0.05 and more. Conditions but the day are simulated (`docs/accuracy.md`). A perfect calibration would show an error, too, by chance
(Bröcker & Smith 2007): its mean and what it exceeds in one of twenty draws stand beside it. Bars in the diagram are 95 % intervals.
The last column is negative where the card is too sure of its boxes.

{calibration}
### The twelve worst mistakes

On `bears/val` with the program's regions. Somebody looked at each of these pictures and wrote down what is there (`training/worst_mistakes.json`).

{mistakes}

## Where it falls short

- Almost no real picture of a bear at night was there to learn from or to measure on: night is simulated, and so is every figure of it here.
- {on_trailcam}`trailcam` is 31 pictures with 9 bears: a sanity check, not a benchmark. Pictures of one source stand in `train` and `val`; a new site will be worse.
- Bears in the data are large and centred. Far ones (under some 20 pixels in the {width}-pixel input) are mostly missed in the whole frame; tiles help.
- Bears half hidden, families with cubs, rain, fog and motion blur are rare in the data.
- Teddy bears, giant pandas, large dark dogs and brown cattle are what it takes for bears most easily. Cattle, deer and boar hardly occur in the data.
- Persons were boxed by detectors and few; a person may go unnamed, above all in the dark.
- What more pictures of the same kind would bring stands in `docs/learning.md`; which kinds the set lacks, in `training/README.md`.

## Methods

YOLOX and its loss (Ge et al. 2021) · mosaics (Bochkovskiy et al. 2020) · AdamW (Loshchilov & Hutter 2019) with a cosine (Loshchilov & Hutter 2017) · running mean of the
weights (Polyak & Juditsky 1992) · int8 (Jacob et al. 2018) and training through the rounding (Bengio et al. 2013) · probabilities (Platt 1999) · doubtful labels (Northcutt et al. 2021)
and fused opinions (Solovyev et al. 2021). Each function names the source of its method; those of the camera's model stand in `training/camera/`.

Figures measured at commit {commit}. This card is written by `python3 -m training.report`; do not edit it.
"""
