"""Measures what a device on a mast must hold to and writes docs/mast.md wholly from the measurements.

    python3 docs/mast.py                     builds, measures and renders: `make mast` (an hour and a half, much of it building)
    python3 docs/mast.py --only idle,day     measures some; --amd64, --arm64, --armhf name what deploy/dist.sh has built before
    python3 docs/mast.py --render            renders docs/mast/*.json alone
    python3 docs/mast.py --check             fails where the page is not what the JSON renders to

Everything is about the program as it is installed on boards (deploy/dist.sh). Root or sudo for the boards (tests/board/).
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measured
from mast_day import day
from mast_idle import idle
from mast_page import page
from measured import ROOT, Failed, around, run

ARCHITECTURES = ["amd64", "arm64", "armhf"]
#: In the order of the table; each prints rows "what | noticed | well again". Whose program runs there.
BOARDS = {"short": "arm64", "camera": "arm64", "faults": "arm64", "system": "arm64", "armhf": "armhf"}


#: What was built before, by architecture.
built = {}


def measure(args, store):
    built.update({name: path.resolve() for name in ARCHITECTURES if (path := getattr(args, name))})
    for name in args.only.split(","):
        print(f"== {name} ==", flush=True)
        before = around()
        try:
            outcome = MEASUREMENTS[name]()
        except Failed as failure:
            sys.exit(f"{name} failed: {failure}; docs/mast.md was left as it is")
        (store / f"{name}.json").write_text(json.dumps({**before, "profile": "dist", **outcome}, indent=1, ensure_ascii=False) + "\n")


def dist(architecture):
    """The program as it is installed on boards."""
    if architecture not in built:
        built[architecture] = Path(shown([ROOT / "deploy" / "dist.sh", architecture]).splitlines()[-1]).resolve()
    return built[architecture]


def here():
    return dist({"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()])


def shown(command, env=None):
    """Runs a command that shows its progress on standard error; what it prints."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def start():
    """Instructions from the start of the program to its first look."""
    run([ROOT / "benches" / "instructions" / "prepare.sh"])
    program, seed = dist("arm64"), 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        run([here(), "simulate", "--out", folder / "drawn", "--count", "2", "--seed", str(seed), "--width", "1280", "--height", "720"])
        shown([sys.executable, ROOT / "benches" / "start.py", "--program", program, "--pictures", folder / "drawn" / "images", "--out", folder / "out.json"])
        result = json.loads((folder / "out.json").read_text())
    return {"command": "benches/start.py", "seed": seed, "count": result["repeats"], "result": result}


def board(name):
    """The rows that an emulated board prints, and how long all of it took."""
    architecture = BOARDS[name]
    program = dist(architecture)
    begun = time.monotonic()
    said = shown([ROOT / "tests" / "board" / f"{name}.sh"], {f"BOARD_{architecture.upper()}": str(program)})
    found = [[cell.strip() for cell in line.split("|")] for line in re.findall(r"^ROW: (.*?)\r?$", said, re.MULTILINE)]
    rows = [{"what": what, "noticed_s": noticed, "well_s": well} for what, noticed, well in found]
    print(json.dumps(rows, indent=1, ensure_ascii=False), flush=True)
    return {"command": f"tests/board/{name}.sh", "count": len(rows), "result": {"rows": rows, "took_s": round(time.monotonic() - begun)}}


def security():
    said = shown([ROOT / "tests" / "unit.sh"])
    found = re.findall(r"^(\S+): verified, exposure ([0-9.]+) of 10$", said, re.MULTILINE)
    version = shown(["systemd-analyze", "--version"]).split()[1]
    return {"command": "tests/unit.sh", "count": len(found), "result": {"systemd": version, "units": [{"unit": unit, "exposure": float(score)} for unit, score in found]}}


def sizes():
    """Of the packages around the programs that are named, beside what was measured of the others before; around all where none is named."""
    packed = lambda name: Path(shown([ROOT / "deploy" / "deb.sh", name], {"PROGRAM": str(dist(name))}).splitlines()[-1])
    commit = run(["git", "rev-parse", "HEAD"]).strip()
    stored = ROOT / "docs" / "mast" / "sizes.json"
    before = json.loads(stored.read_text())["result"] if stored.exists() else {}
    now = {name: {"commit": commit, **size(packed(name))} for name in built or ARCHITECTURES}
    found = {**before, **now}
    return {"command": "deploy/deb.sh ARCH", "count": len(found), "result": {name: found[name] for name in ARCHITECTURES if name in found}}


def size(package):
    """Of a package, what it holds, and what it takes when it is installed, bytes."""
    with tempfile.TemporaryDirectory() as folder:
        run(["dpkg-deb", "-x", package, folder])
        files = [path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink()]
        program = Path(folder, "usr/bin/bearwatch").stat().st_size
        return {"program": program, "installed": sum(path.stat().st_size for path in files), "package": package.stat().st_size}


MEASUREMENTS = {
    "sizes": sizes,
    "idle": lambda: idle(here()),
    "day": lambda: day(here()),
    "start": start,
    **{name: lambda name=name: board(name) for name in BOARDS},
    "security": security,
}


if __name__ == "__main__":
    measured.main("mast", __doc__, MEASUREMENTS, page, measure, {}, [(name, None, "its program, built before") for name in ARCHITECTURES])
