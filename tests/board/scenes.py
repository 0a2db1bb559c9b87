"""What the camera of an emulated board shows: raw frames (YUYV) of a scene without a bear and of scenes with one, drawn and, where BEARWATCH_DATA is set, real.

    python3 tests/board/scenes.py DRAWN OUT     DRAWN: a set of `bearwatch simulate`; OUT: empty.yuyv, drawn.yuyv, and real.yuyv, person.yuyv of photographs
"""

import json
import os
import subprocess
import sys
from pathlib import Path

WIDTH, HEIGHT = 640, 360
#: Frames of each scene: one that never changes is a frozen camera.
FRAMES = 8


def largest(folder, category):
    """The picture whose one thing of this category is the largest that is not cut off, with nothing else in it."""
    known = json.loads((folder / "annotations.json").read_text())
    ids = {one["name"]: one["id"] for one in known["categories"]}
    alone = {}
    for one in known["annotations"]:
        alone.setdefault(one["image_id"], []).append(one)
    pictures = {one["id"]: one for one in known["images"]}

    def share(image):
        picture, (x, y, width, height) = pictures[image], alone[image][0]["bbox"]
        whole = x > 1 and y > 1 and x + width < picture["width"] - 1 and y + height < picture["height"] - 1
        return width * height / (picture["width"] * picture["height"]) if whole and picture["height"] >= HEIGHT else 0

    fitting = [image for image, things in alone.items() if len(things) == 1 and things[0]["category_id"] == ids[category]]
    return folder / "images" / pictures[max(fitting, key=share)]["file_name"]


def empty(folder):
    known = json.loads((folder / "annotations.json").read_text())
    taken = {one["image_id"] for one in known["annotations"]}
    return folder / "images" / next(one["file_name"] for one in known["images"] if one["id"] not in taken)


def raw(picture, out):
    fit = f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=decrease,pad={WIDTH}:{HEIGHT}:-1:-1:gray,loop={FRAMES}:1,noise=alls=8:allf=t,format=yuyv422"
    command = ["ffmpeg", "-v", "error", "-y", "-i", picture, "-vf", fit, "-frames:v", str(FRAMES), "-f", "rawvideo", out]
    subprocess.run(command, check=True)


def main(drawn, out):
    out.mkdir(parents=True, exist_ok=True)
    scenes = {"empty": empty(drawn), "drawn": largest(drawn, "bear")}
    if data := os.environ.get("BEARWATCH_DATA"):
        scenes |= {name: largest(Path(data) / "bears" / "val", category) for name, category in (("real", "bear"), ("person", "person"))}
    else:
        print("real pictures: not run: BEARWATCH_DATA not set")
    for name, picture in scenes.items():
        raw(picture, out / f"{name}.yuyv")
        print(f"the camera's scene {name}: {picture.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
