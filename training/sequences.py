"""Makes sequences for `bearwatch eval DIR --events`: bears, and what could be taken for them, walk through scenes. Never trained on.

    python -m training.sequences --out training/work/sequences

Sets, of `bears/val` alone: far-2048 · far-1920 · day · dusk · infrared · look-alikes · empty. Of the calibration split (cut from `bears/train`, never
trained on) the same but far-1920, named calibration-…: how evidence is weighed over time is fitted there. **Composed from stills, no recordings**: an
animal is cut out and moved along a way through a scene of other pictures' surroundings; its legs do not move. Who walks, where to, and which places were
told by eye (`cast.json`): whole animals that stand or walk and could be cut out cleanly; among look-alikes of the calibration split such as sit, lie
or climb, too. A frame hangs on the seed, the set, the sequence and its number only. `sequences.json` names seed, data, counts and a hash of each set.
"""

import argparse
import functools
import hashlib
import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from training import camera, data, faults, staging, suites
from training.camera.light import between
from training.camera.night import spot
from training.camera.scenes import free_part
from training.network import BEAR
from training.staging import EMPTY_S, FPS, FRAMES, IN_SIGHT, Eyes, Stage, Walk

CAST = Path(__file__).with_name("cast.json")
HEADINGS = {"left": -1, "right": 1, "front": 0}

FAR, NEAR = (24, 60), (40, 240)
LIGHTS = ["day", "dusk", "infrared"]

#: Of each set: width and height, pixels of the animal's longer side, hours in turn, sequences.
SETS = {
    "far-2048": ((2048, 1536), FAR, ["day"], 24),
    "far-1920": ((1920, 1080), FAR, ["day"], 24),
    "day": ((1280, 720), NEAR, ["day"], 40),
    "dusk": ((1280, 720), NEAR, ["dusk"], 40),
    "infrared": ((1280, 720), NEAR, ["infrared"], 40),
    "look-alikes": ((1280, 720), NEAR, LIGHTS, 42),
    "empty": ((1280, 720), NEAR, LIGHTS, 42),
}

#: Sets of this prefix are of the calibration split: all but their number of sequences is as in the set that is judged on.
CALIBRATION = "calibration-"
SETS |= {
    CALIBRATION + name: (*SETS[name][:3], count)
    for name, count in {"far-2048": 16, "day": 30, "dusk": 30, "infrared": 30, "look-alikes": 60, "empty": 60}.items()
}

#: Share of a picture's height at its upper and lower edge.
WRITING = 0.08

#: Motion JPEG of a camera that is not starved of bandwidth, by the IJG scale.
QUALITY = 85, 90


class Cast:
    """Who walks: cut out of the pictures of one split when first needed. `told`: that split's part of cast.json."""

    def __init__(self, pictures, told):
        self.pictures, self.known = {p.path.name: p for p in pictures}, {}
        self.walkers, self.places = told["walkers"], told["places"]

    def names(self, bears):
        """(kind, heading, file name) of all who are there: bears, or all others."""
        there = lambda kind, name: name in self.pictures and (kind != "bear" or suites.whole(self.pictures[name], NEAR[0]))
        of = [(kind, h, name) for kind, ways in self.walkers.items() if (kind == "bear") == bears for h, names in ways.items() for name in names]
        return [(kind, heading, name) for kind, heading, name in of if there(kind, name)]

    def plates(self):
        """Places without animals. Camera traps write date and time along their pictures' edges."""
        parts = [free_part(self.pictures[name].pixels(), self.pictures[name].boxes) for name in self.places if name in self.pictures]
        trimmed = [part[(cut := round(WRITING * len(part))) : len(part) - cut] for part in parts if part is not None]
        if not trimmed:
            raise faults.Fault(f"none of the places of {CAST} is in the data; copy the data again")
        return trimmed

    def animal(self, name):
        """The largest one of a picture."""
        if name not in self.known:
            picture = self.pictures[name]
            bears = picture.boxes[picture.labels == BEAR] if picture.shows(BEAR) else picture.boxes
            found = camera.cut_out(picture.pixels(), max(bears, key=lambda b: float((b[2:] - b[:2]).max())))
            if found is None:
                raise faults.Fault(f"{picture.path}: the animal could not be cut out; take the picture out of {CAST}")
            self.known[name] = found
        return self.known[name]


class Set:
    """One set as it is written: a folder a sequence, and events.json at the end."""

    def __init__(self, folder, name):
        self.folder, self.name = folder / name, name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.sequences = []

    def add(self, name, frames, told):
        """`frames`: (bytes, box or None, share in sight) each; `told`: what the sequence is, for who looks at it."""
        (self.folder / name).mkdir()
        boxes, in_sight = {}, []
        quality = int(suites.generator("sequences", self.name, name, "quality").integers(QUALITY[0], QUALITY[1] + 1))
        for number, (pixels, box, share) in enumerate(frames):
            file = f"{number + 1:06}.jpg"
            Image.fromarray(pixels).save(self.folder / name / file, "JPEG", quality=quality, subsampling=2)
            if share == 0:
                boxes[file] = []
            elif share >= IN_SIGHT:
                boxes[file] = [within(box, *pixels.shape[1::-1])]
                in_sight.append(number / FPS)
        bear = told["kind"] == "bear"
        events = [{"class": "bear", "start_s": in_sight[0], "end_s": in_sight[-1]}] if bear and in_sight else []
        self.sequences.append({"sequence": name, "fps": FPS, "events": events, "boxes": boxes if bear else {}} | told)

    def finish(self):
        """Writes events.json; the set's counts and hash."""
        (self.folder / "events.json").write_text(json.dumps(self.sequences) + "\n")
        counts = {"sequences": len(self.sequences), "pictures": FRAMES * len(self.sequences), "events": sum(len(s["events"]) for s in self.sequences)}
        return counts | {"sha256": set_hash(self.folder)}


def within(box, width, height):
    """[x, y, width, height] of what is in the frame."""
    left, top, right, bottom = (round(float(v), 1) for v in np.clip(box, 0, [width, height] * 2))
    return [left, top, round(right - left, 1), round(bottom - top, 1)]


def set_hash(folder):
    """SHA-256 over all files of a set, in the order of their paths."""
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def walking(draw, plates, shape, sizes, hour, animal, heading):
    """Frames of an animal's walk. `draw`: part's name → generator."""
    rng, (width, height) = draw("walk"), shape
    size = between(rng, sizes[0], min(sizes[1], max(animal.light.shape[:2])))
    animal = animal.scaled(size)
    if heading == 0 and rng.random() < 0.5:
        animal = animal.mirrored()
    walk = Walk(rng, animal.light.shape[:2], width, height, heading, sizes[1] / size)
    middle = walk.pose((EMPTY_S + FRAMES / FPS) / 2).box(walk.shape)
    stage = Stage(draw("light"), *staging.place(draw("place"), plates, width, height, walk.bush, walk.plant), hour, middle)
    animal = staging.matched(animal, stage.brightness(middle))
    eyes = Eyes(int(rng.integers(2**32)), 0.5 + 0.32 * heading) if rng.random() < 0.5 else None
    for number, pose in enumerate(walk.poses()):
        yield stage.frame(draw(number), animal, pose, eyes)


def wind(draw, stage, size):
    """A dark bush sways."""
    rng = draw("blob")
    height, width = stage.hidden.shape
    dark, foot = staging.blob(rng, round(size)), (width * rng.uniform(0.15, 0.85), height * rng.uniform(0.55, 0.9))
    for number, pose in enumerate(staging.swaying(rng, size, foot)):
        yield stage.frame(draw(number), dark, pose)[0]


def rain(draw, stage, _size):
    rng = draw("rain")
    drops, slant, veil = between(rng, 150, 900), rng.normal(0, 0.15), rng.uniform(0.03, 0.15)
    for number in range(FRAMES):
        noise = draw(number)
        yield camera.rain(noise, stage.frame(noise)[0], drops, slant, veil)


def insects(draw, stage, _size):
    """Something flies before the lens on two frames of five."""
    lit = stage.backdrop.ndim == 2
    for number in range(FRAMES):
        noise = draw(number)
        frame = stage.frame(noise)[0]
        yield camera.insect(noise, frame, lit) if noise.random() < 0.4 else frame


def web(draw, stage, _size):
    """Threads that glint as they sway."""
    glow, pace = draw("glow").uniform(0.1, 0.5), draw("pace").uniform(0.3, 1.0)
    for number in range(FRAMES):
        yield camera.web(draw("web"), stage.frame(draw(number))[0], glow * (1 + 0.4 * math.sin(2 * math.pi * pace * number / FPS)))


def headlights(draw, stage, _size):
    """A car passes: two lamps, and the ground that they light, for two seconds."""
    rng = draw("car")
    height, width = stage.hidden.shape
    begin, way, y = rng.uniform(3.0, 5.0), rng.choice([-1, 1]), height * rng.uniform(0.4, 0.6)
    for number in range(FRAMES):
        at = (number / FPS - begin) / 2.0
        x = width * (at if way > 0 else 1 - at)
        yield stage.frame(draw(number), change=(lambda light: shine(light, x, y)) if 0 <= at <= 1 else None)[0]


def shine(light, x, y):
    """Two lamps at x, y, and what they light around them; in place, linear light."""
    height, width = light.shape[:2]
    reach = 0.25 * width
    dx, dy = (np.arange(width, dtype=np.float32) - x) / reach, (np.arange(height, dtype=np.float32) - y) / (0.6 * reach)
    deep = (slice(None), slice(None)) + (None,) * (light.ndim - 2)
    light *= 1 + 6 * (np.exp(-(dx**2))[None] * np.exp(-(dy**2))[:, None])[deep]
    for side in (-0.012, 0.012):
        for plane in [light] if light.ndim == 2 else np.moveaxis(light, 2, 0):
            spot(plane, x + side * width, y, 0.005 * width, 3.0)


def filter_switch(draw, stage, _size):
    """The cut filter leaves the lens at nightfall: a frame or two of wrong exposure, then grey under the lamp."""
    night, turn = Stage(draw("night"), stage.scene, stage.hidden, "infrared"), int(draw("turn").integers(15, 26))
    exposure = {turn: 0.3, turn + 1: 3.0, turn + 2: 1.6}
    for number in range(FRAMES):
        change = lambda light: np.multiply(light, np.float32(exposure.get(number, 1.0)), out=light)
        yield (stage if number <= turn else night).frame(draw(number), change=change)[0]


#: What happens where no animal is, in turn, and at which hours.
HAPPENINGS = {
    "wind": (wind, LIGHTS), "rain": (rain, LIGHTS), "insects": (insects, LIGHTS), "web": (web, LIGHTS), "headlights": (headlights, ["dusk", "infrared"]),
    "filter": (filter_switch, ["day"]),
}


def happening(draw, plates, shape, sizes, hour, kind):
    scene, hidden = staging.place(draw("place"), plates, *shape)
    stage = Stage(draw("light"), scene, hidden, hour)
    for pixels in HAPPENINGS[kind][0](draw, stage, between(draw("size"), *sizes)):
        yield pixels, None, 0.0


def make(folder, name, cast, plates, most=None):
    """One set; its counts and hash."""
    shape, sizes, hours, count = SETS[name]
    made, what = Set(folder, name), name.removeprefix(CALIBRATION)
    order = suites.generator("sequences", name).permutation(names) if (names := cast.names(what != "look-alikes")) else []
    if what != "empty" and not len(order):
        raise faults.Fault(f"none of the animals of {CAST} for {name} is in the data; copy the data again")
    for number in range(min(count, most or count)):
        sequence, hour = f"{name}-{number:02}", hours[number % len(hours)]
        draw = lambda *part, sequence=sequence: suites.generator("sequences", name, sequence, *part)
        if what == "empty":
            kind = [*HAPPENINGS][number % len(HAPPENINGS)]
            hour = HAPPENINGS[kind][1][number // len(HAPPENINGS) % len(HAPPENINGS[kind][1])]
            made.add(sequence, happening(draw, plates, shape, sizes, hour, kind), {"kind": kind, "light": hour})
        else:
            kind, heading, origin = order[number % len(order)]
            frames = walking(draw, plates, shape, sizes, hour, cast.animal(origin), HEADINGS[heading])
            made.add(sequence, frames, {"kind": str(kind), "light": hour, "origin": str(origin)})
    return made.finish()


def read(split):
    """Who walks, and where: of "val" or "calibration"."""
    pictures = data.split(data.read_train())[1] if split == "calibration" else data.read_set(data.folder("BEARWATCH_DATA", "bears", "val"))
    cast = Cast(pictures, json.loads(CAST.read_text())[split])
    return cast, cast.plates()


def split_of(name):
    return "calibration" if name.startswith(CALIBRATION) else "val"


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the sets and sequences.json; a set that is there is made anew")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="make these only, and leave the others as sequences.json has them")
    parser.add_argument("--most", type=int, help="so many sequences of each set only, to try the chain out")
    arguments = parser.parse_args()
    if unknown := set(arguments.only or []) - set(SETS):
        raise faults.Fault(f"there is no set {', '.join(sorted(unknown))}; there are {', '.join(SETS)}")
    record, cast_of = arguments.out / "sequences.json", functools.cache(read)
    hashes = {part: data.data_hash(data.folder("BEARWATCH_DATA", "bears", part)) for part in ("train", "val")}
    made = json.loads(record.read_text())["sets"] if record.is_file() and arguments.only else {}
    for name in arguments.only or SETS:
        made[name] = make(arguments.out, name, *cast_of(split_of(name)), arguments.most)
        print(f"{name}: {made[name]['sequences']} sequences, {made[name]['events']} with a bear", flush=True)
        # After each set, so that a run that is cut short can go on with --only.
        told = {"command": "python -m training.sequences " + " ".join(sys.argv[1:]), "seed": suites.SEED, "data_sha256": hashes}
        record.write_text(json.dumps(told | {"sets": {n: made[n] for n in SETS if n in made}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
