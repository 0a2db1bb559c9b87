"""A day of the daemon in a hurry: does anything grow?"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measured import ROOT, Failed, run
from processes import broker, ended, resident_mb

WIDTH, HEIGHT = 320, 180
#: Frames a second of the camera that the day is of, and how many times faster they are offered here; a machine that is busy takes longer.
FPS, FASTER = 5, 100
DAY_S = 86_400
#: Least that the configuration lets telemetry be apart, seconds.
TELEMETRY_S = 0.5
#: A bear walks through the picture, then there is none. (Seconds, by the clock; frames of the clip.)
PASSES_S, EMPTY_S, CLIP = 4, 4, 64
#: Memory and files count from then on, seconds: all is loaded, the first alerts are told.
SETTLE = 60
#: Most that memory may grow from there, megabytes.
GROWTH_MB = 8
SEED = 1_000_000


def day(program):
    with tempfile.TemporaryDirectory() as folder, broker() as (_, port):
        folder = Path(folder)
        configured(folder, port, draw(program, folder))
        heard = subprocess.Popen(
            ["mosquitto_sub", "-q", "1", "-p", str(port), "-F", "%t %p", "-t", "bearwatch/v1/day/mast/alert", "-t", "bearwatch/v1/day/mast/telemetry"],
            stdout=(folder / "heard").open("w"),
        )
        time.sleep(1)  # it has subscribed before the daemon speaks
        with (folder / "log").open("w") as log:
            daemon = subprocess.Popen([program, "run", "--config", folder / "bearwatch.toml"], env={**os.environ, "MALLOC_ARENA_MAX": "1"}, stderr=log)
        try:
            readings = live(daemon, folder)
        finally:
            code = ended(daemon)
        time.sleep(1)  # the last messages arrive
        ended(heard)
        if code:
            raise Failed(f"the daemon ended with {code}: {tail(folder)}")
        result = {"settle_s": SETTLE, "faster": FASTER, "fps": FPS, "size": [WIDTH, HEIGHT], "readings": readings, **told(folder)}
    if grown := faults(result):
        raise Failed("; ".join(grown))
    return {"command": "docs/mast.py --only day", "seed": SEED, "count": result["frames"]["seen"], "result": result}


def draw(program, folder):
    """The clip: raw frames of a drawn campsite through which a drawn bear is pushed."""
    drawn = folder / "drawn"
    run([program, "simulate", "--out", drawn, "--count", "60", "--seed", str(SEED), "--width", str(WIDTH), "--height", str(HEIGHT), "--darkness", "0.1"])
    found = json.loads((drawn / "annotations.json").read_text())
    bear = next(one["id"] for one in found["categories"] if one["name"] == "bear")
    file = {image["id"]: drawn / "images" / image["file_name"] for image in found["images"]}
    crowded = {box["image_id"] for box in found["annotations"]}
    empty = next(path for number, path in file.items() if number not in crowded)
    largest = max((one for one in found["annotations"] if one["category_id"] == bear), key=lambda one: one["bbox"][3] * (one["bbox"][2] < WIDTH / 2))
    x, y, w, h = (round(value) for value in largest["bbox"])
    walk = f"overlay=x='-{w}+n*{(WIDTH + 2 * w) * (PASSES_S + EMPTY_S) // PASSES_S // CLIP}':y={y}"
    looped = lambda path: ["-loop", "1", "-i", path]
    made = folder / "clip"
    command = ["ffmpeg", "-v", "error", *looped(empty), *looped(file[largest["image_id"]])]
    command += ["-filter_complex", f"[1]crop={w}:{h}:{x}:{y}[bear];[0][bear]{walk},noise=alls=4:allf=t:all_seed=1", "-frames:v", CLIP]
    run([str(word) for word in [*command, "-pix_fmt", "yuv420p", "-f", "rawvideo", made]])
    return made


def configured(folder, port, clip):
    """Sure of itself, without pauses, and patient with a machine that is busy: it is growth that is looked for here, not whether an alert is right."""
    feed = [sys.executable, ROOT / "docs" / "mast_feed.py", clip, WIDTH * HEIGHT * 3 // 2, FPS * FASTER, PASSES_S + EMPTY_S]
    command = ", ".join(f'"{word}"' for word in feed)
    (folder / "bearwatch.toml").write_text(
        f'[site]\nname = "day"\ncamera = "mast"\n[capture]\nsource = "command"\ncommand = [{command}]\nformat = "raw"\npixels = "i420"\nwidth = {WIDTH}\n'
        f'height = {HEIGHT}\nstall_s = 60.0\n[perceive]\nregions = "whole"\nbear_threshold = 0.1\n[alert]\nfalse_alarms_per_day = 1000.0\nmin_visible_s = 0.2\n'
        f'close_after_s = 1.5\ncooldown_s = 0\nupdate_s = 1.0\n[publish]\nbroker = "mqtt://127.0.0.1:{port}"\ntelemetry_s = {TELEMETRY_S}\n'
        f'[store]\npath = "{folder / "store"}"\n'
    )


def live(daemon, folder):
    """Until as many frames were seen as in a day: what it holds, every ten seconds."""
    readings, begun = [], time.monotonic()
    while True:
        time.sleep(10)
        if daemon.poll() is not None:
            raise Failed(f"the daemon has ended by itself: {tail(folder)}")
        at, seen = time.monotonic() - begun, frames(folder)["seen"]
        if at >= SETTLE:
            readings.append({"at_s": round(at), "seen": seen, **holds(daemon.pid, folder)})
        if seen >= FPS * DAY_S:
            return readings
        if at > 10 * DAY_S / FASTER:
            raise Failed(f"{seen} frames seen in {at:.0f} s: this machine is too busy")


def holds(pid, folder):
    """Memory, what is open, threads, and what lies in its folder."""
    files = [path for path in (folder / "store").rglob("*") if path.is_file()]
    return {
        "memory_mb": round(resident_mb(pid), 1),
        "open_files": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": len(os.listdir(f"/proc/{pid}/task")),
        "store_files": len(files),
        "store_mb": round(sum(path.stat().st_size for path in files) / 1e6, 2),
        "log_kb": round((folder / "log").stat().st_size / 1e3, 1),
    }


def heard(folder, topic):
    lines = (folder / "heard").read_text().splitlines()
    return [json.loads(line.split(" ", 1)[1]) for line in lines if line.split(" ", 1)[0].endswith(topic)]


def frames(folder):
    known = heard(folder, "/telemetry")
    return known[-1]["frames"] if known else {"seen": 0}


def told(folder):
    """What was decided, and what arrived of it."""
    alerts, telemetry = heard(folder, "/alert"), heard(folder, "/telemetry")
    numbers = {alert["seq"] for alert in alerts}
    of_state = {state: len({alert["id"] for alert in alerts if alert["state"] == state}) for state in ("opened", "closed")}
    missing = max(numbers, default=-1) + 1 - len(numbers)
    return {"frames": telemetry[-1]["frames"], "telemetry": len(telemetry), "alerts": {**of_state, "messages": len(alerts), "missing": missing}}


def faults(result):
    first, last = result["readings"][0], result["readings"][-1]
    found = []
    if last["memory_mb"] > first["memory_mb"] + GROWTH_MB:
        found.append(f"memory grew from {first['memory_mb']} to {last['memory_mb']} MB")
    found += [f"{key}: {first[key]}, then {last[key]}" for key in ("open_files", "threads") if last[key] > first[key] + 1]
    alerts = result["alerts"]
    if not alerts["opened"] or alerts["missing"] or alerts["closed"] < alerts["opened"]:
        found.append(f"alerts: {alerts}")
    return found


def tail(folder):
    return (folder / "log").read_text()[-2000:]
