"""The way of a frame from camera bytes to the network's input, beside ffmpeg and Motion.

    target/peers/venv/bin/python benches/frames.py --program BENCH --out FILE.json

Frames are real pictures of BEARWATCH_DATA as cameras give them: MJPEG (4:2:2), YUYV, NV12 and grey. `make performance` calls it.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageOps

SIZE = (1280, 720)
FRAMES, FEW = 300, 10
#: A camera's frames resemble each other: so many of each picture.
OF_EACH = 10
REPEATS = 9
#: What cameras give raw, by ffmpeg's names.
LAYOUTS = ["yuyv422", "nv12", "gray"]
#: Motion is given frames at the rate of a camera.
FPS = 15
#: Motion is looked at from then on, for so long, seconds.
MOTION_BEGINS, MOTION_LASTS = 4, 30


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True, help="the benchmark `frames`, built with --profile dist")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        drawn = draw(args, folder / "frames")
        pipe(["ffmpeg", "-framerate", FPS, "-i", folder / "frames/%03d.jpg", "-c", "copy", folder / "camera.mjpeg"])
        for layout in LAYOUTS:
            pipe(["ffmpeg", "-i", folder / "camera.mjpeg", "-pix_fmt", layout, "-f", "rawvideo", folder / f"camera.{layout}"])
        report = {
            "size": "×".join(map(str, SIZE)),
            "pictures": drawn,
            "frames": FRAMES,
            "few": FEW,
            "repeats": REPEATS,
            "paths": [*ffmpeg(folder), motion(folder), *bearwatch(args.program, folder)],
        }
    for one in report["paths"]:
        print(f"{one.get('us', one.get('not_measured'))}  {one['what']}")
    args.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def draw(args, folder):
    folder.mkdir()
    count = FRAMES // OF_EACH
    data = os.environ.get("BEARWATCH_DATA") or sys.exit("BEARWATCH_DATA is not set: the folder of training/README.md")
    names = sorted(Path(data, "bears", "val", "images").glob("*.jpg"))
    random.Random(args.seed).shuffle(names)
    for at, name in enumerate(names[:count]):
        picture = ImageOps.fit(Image.open(name).convert("RGB"), SIZE)
        for frame in range(at * OF_EACH, (at + 1) * OF_EACH):
            picture.save(folder / f"{frame:03}.jpg", quality=85, subsampling="4:2:2")
    return f"{count} pictures of `bears/val`, {OF_EACH} frames of each"


def ffmpeg(folder):
    """Decoded, scaled to the network's input (bilinear) and converted to blue, green, red. At half its size a JPEG is decoded by half as many
    frequencies a side: what that saves is what it would save bearwatch where the whole frame is all that is looked at."""
    size = "x".join(map(str, SIZE))
    raw = lambda layout: ["-f", "rawvideo", "-pix_fmt", layout, "-video_size", size, "-i", folder / f"camera.{layout}"]
    jpeg = ["-f", "mjpeg", "-i", folder / "camera.mjpeg"]
    inputs = {"MJPEG decoded": jpeg, "MJPEG decoded at half its size": ["-lowres", 1, *jpeg]} | {f"{layout} taken": raw(layout) for layout in LAYOUTS}
    found = []
    for name, told in inputs.items():
        command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", 1, "-filter_threads", 1, *told]
        command += ["-vf", "scale=416:416:flags=bilinear,format=bgr24", "-f", "null"]
        differences = [spent([*command, "-frames:v", FRAMES, "-"]) - spent([*command, "-frames:v", FEW, "-"]) for _ in range(REPEATS)]
        us = statistics.median(differences) / (FRAMES - FEW) * 1e6
        found.append({"what": f"ffmpeg: {name}, scaled to 416×416, converted", "us": us})
    return found


def motion(folder):
    what = f"Motion: MJPEG decoded and looked at for motion, at full size and {FPS} frames a second"
    if not shutil.which("motion"):
        return {"what": what, "not_measured": "it is not installed"}
    # A container keeps the rate, which a stream of pictures alone does not.
    pipe(["ffmpeg", "-framerate", FPS, "-i", folder / "frames/%03d.jpg", "-c", "copy", folder / "camera.mkv"])
    lines = {
        "daemon": "off",
        "log_file": folder / "motion.log",
        "netcam_url": f"file://{folder / 'camera.mkv'}",
        "width": SIZE[0],
        "height": SIZE[1],
        "framerate": FPS,
        "target_dir": folder,
        "picture_output": "off",
        "movie_output": "off",
        "webcontrol_port": 0,
        "stream_port": 0,
    }
    settings = folder / "motion.conf"
    settings.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    process = subprocess.Popen(["motion", "-n", "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(MOTION_BEGINS)
    before = of_process(process)
    time.sleep(MOTION_LASTS)
    after = of_process(process)
    process.terminate()
    process.wait()
    if before is None or after is None:
        return {"what": what, "not_measured": "it ended by itself"}
    return {"what": what, "us": (after - before) / (MOTION_LASTS * FPS) * 1e6}


def of_process(process):
    """Processor time of a running process, seconds."""
    if process.poll() is not None:
        return None
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bearwatch(program, folder):
    """Its steps by themselves, in one process."""
    report = json.loads(run([program, "--bench", "--frames", folder]))
    return [{"what": f"bearwatch: {step['what']}", "us": step["us"]} for step in report["steps"]]


def spent(command):
    """Processor time of a command, seconds: what others do on the machine hardly counts."""
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime


def pipe(command):
    run([command[0], "-v", "error", "-y", *command[1:]])


def run(command):
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
