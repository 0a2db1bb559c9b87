"""An idle camera: what watching an empty campsite takes of the processor, beside Motion on the very same stream at the same time."""

import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from measured import Failed, run
from processes import broker, cpu_s, ended, peak_mb, resident_mb

WIDTH, HEIGHT, FPS = 1280, 720, 5
#: Frames of the clip, which begins anew when it is over; each has noise of its own, as a sensor's has.
FRAMES = 60
#: Both have found into their stride; then they are looked at, seconds.
SETTLE, SECONDS = 30, 120
#: Parts of the picture that the model looks at (`perceive.regions`): the default, and the least.
REGIONS = ["auto", "whole"]
SEED = 1_000_000


def idle(program):
    if not shutil.which("motion"):
        raise Failed("Motion is not here: deploy/prepare.sh peers")
    with tempfile.TemporaryDirectory() as folder:
        clip = draw(program, Path(folder))
        runs = [beside(program, clip, regions, Path(folder)) for regions in REGIONS]
    versions = {"bearwatch": first_line([program, "--version"]), "motion": first_line(["motion", "-h"]).split(",")[0]}
    result = {"size": [WIDTH, HEIGHT], "fps": FPS, "seconds": SECONDS, "versions": versions, "runs": runs}
    return {"command": "docs/mast.py --only idle", "seed": SEED, "count": len(runs) * SECONDS * FPS, "result": result}


def first_line(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0].strip()


def draw(program, folder):
    """Frames of an empty campsite as a camera gives them: JPEG pictures that differ by the noise of a sensor alone."""
    drawn = folder / "drawn"
    run(words([program, "simulate", "--out", drawn, "--count", 40, "--seed", SEED, "--width", WIDTH, "--height", HEIGHT, "--darkness", 0.1]))
    found = json.loads((drawn / "annotations.json").read_text())
    taken = {box["image_id"] for box in found["annotations"]}
    empty = next(image for image in found["images"] if image["id"] not in taken)
    noise = ["-loop", "1", "-i", drawn / "images" / empty["file_name"], "-vf", "noise=alls=5:allf=t:all_seed=1", "-frames:v", FRAMES]
    run(words(["ffmpeg", "-v", "error", *noise, "-pix_fmt", "yuvj420p", "-q:v", "4", folder / "%03d.jpg"]))
    return [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]


def words(command):
    return [str(word) for word in command]


def beside(program, clip, regions, folder):
    """One run of both on one stream: each one's share of one core, and its memory, megabytes."""
    with broker() as (_, port), stream(clip) as url:
        ours = subprocess.Popen([program, "run", "--config", config(folder, port, url, regions)], env={**os.environ, "MALLOC_ARENA_MAX": "1"}, stderr=(folder / "log").open("w"))
        theirs = subprocess.Popen(["motion", "-n", "-c", motion(folder, url)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        heard = subprocess.Popen(["mosquitto_sub", "-p", str(port), "-t", "bearwatch/v1/idle/+/telemetry"], stdout=(folder / "heard").open("w"))
        time.sleep(SETTLE)
        before, begun = [cpu_s(one.pid) for one in (ours, theirs)], time.monotonic()
        looked = frames(folder)
        time.sleep(SECONDS)
        after, took = [cpu_s(one.pid) for one in (ours, theirs)], time.monotonic() - begun
        shares = [100 * (b - a) / took for a, b in zip(before, after)]
        memory = [{"mb": round(resident_mb(one.pid), 1), "most_mb": round(peak_mb(one.pid), 1), "threads": threads(one.pid)} for one in (ours, theirs)]
        seen = [b - a for a, b in zip(looked, frames(folder))]
        code = ended(ours)
        ended(theirs), ended(heard)
    if code or seen[0] < SECONDS * FPS * 0.9:
        raise Failed(f"{seen[0]} frames seen, exit code {code}: {(folder / 'log').read_text()[-2000:]}")
    if " connected" not in (folder / "motion.log").read_text():
        raise Failed(f"Motion saw nothing: {(folder / 'motion.log').read_text()[-2000:]}")
    ours, theirs = ({"percent_of_a_core": round(share, 1), **one} for share, one in zip(shares, memory))
    report = {"regions": regions, "frames": seen[0], "looked_at": seen[1], "bearwatch": ours, "motion": theirs}
    print(json.dumps(report), flush=True)
    return report


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def frames(folder):
    """Seen and looked at since the start, by the last telemetry."""
    lines = (folder / "heard").read_text().splitlines()
    if not lines:
        raise Failed(f"no telemetry: {(folder / 'log').read_text()[-2000:]}")
    counts = json.loads(lines[-1])["frames"]
    return counts["seen"], counts["inferred"]


def config(folder, port, url, regions):
    """The defaults, but for what this is about."""
    path = folder / "bearwatch.toml"
    path.write_text(
        f'[site]\nname = "idle"\ncamera = "{regions}"\n[capture]\nsource = "mjpeg"\nurl = "{url}"\n[perceive]\nregions = "{regions}"\n'
        f'[publish]\nbroker = "mqtt://127.0.0.1:{port}"\ntelemetry_s = 1.0\n[store]\npath = "{folder / "store"}"\n'
    )
    return path


def motion(folder, url):
    """Its defaults, without writing pictures and films, and without its own servers."""
    lines = {"daemon": "off", "log_file": folder / "motion.log", "log_level": 6, "netcam_url": url, "width": WIDTH, "height": HEIGHT, "framerate": FPS}
    lines |= {"target_dir": folder, "picture_output": "off", "movie_output": "off", "webcontrol_port": 0, "stream_port": 0}
    path = folder / "motion.conf"
    path.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    return path


class stream:
    """An IP camera on loopback: everyone who asks gets the same frame at the same time, as a multipart stream."""

    def __init__(self, clip):
        begun = time.monotonic()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = int((time.monotonic() - begun) * FPS)
                try:
                    while True:
                        number += 1
                        time.sleep(max(0.0, begun + number / FPS - time.monotonic()))
                        picture = clip[number % len(clip)]
                        self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(picture), picture))
                except OSError:
                    pass

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/stream"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
