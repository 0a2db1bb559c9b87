"""Measures what docs/performance.md states, the network and the frame path beside others', and writes that page wholly from the measurements.

    python3 docs/performance.py --python target/peers/venv/bin/python     builds, measures and renders: `make performance`
    python3 docs/performance.py --python … --only latency                 measures some
    python3 docs/performance.py --render                                  renders docs/performance/*.json alone
    python3 docs/performance.py --check                                   fails where the page is not what the JSON renders to

BEARWATCH_DATA and BEARWATCH_WEIGHTS as in training/README.md. As docs/figures.py does it: nobody types a number.
"""

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import figures
import measured
from measured import ROOT, Failed, around, run
from performance_page import page

STORE = ROOT / "docs" / "performance"
MODEL = ROOT / "models" / "bearwatch-nano.onnx"
SEED = 1
THREADS = (1, 2)


def measure(args, store):
    for name in args.only.split(","):
        print(f"== {name} ==", flush=True)
        before = around()
        try:
            outcome = MEASUREMENTS[name](args)
        except Failed as failure:
            sys.exit(f"{name} failed: {failure}; docs/performance.md was left as it is")
        text = json.dumps({**before, "seed": SEED, **outcome}, indent=1)
        named = argparse.Namespace(program=args.python, dist=None)
        (store / f"{name}.json").write_text(figures.tidy(text, named) + "\n")


def latency(args):
    program = built(["cargo", "build", "--locked", "--profile", "dist", "--bench", "network"], "network")
    result = written([args.python, ROOT / "benches" / "peers.py", "--program", program, "--seed", SEED])
    return {"command": "benches/peers.py", "profile": "dist", "count": result["turns"], "result": {**result, "model": model()}}


def instructions(args):
    run([ROOT / "benches" / "instructions" / "prepare.sh", args.python])
    program = built([ROOT / "deploy" / "build-arm.sh", "--profile", "dist", "--bench", "network"], "network")
    result = written([args.python, ROOT / "benches" / "instructions.py", "--program", program, "--seed", SEED])
    return {"command": "benches/instructions.py", "profile": "dist", "count": result["many"] - result["few"], "result": {**result, "model": model()}}


def frames(args):
    program = built(["cargo", "build", "--locked", "--profile", "dist", "--bench", "frames"], "frames")
    result = written([args.python, ROOT / "benches" / "frames.py", "--program", program, "--seed", SEED])
    return {"command": "benches/frames.py", "profile": "dist", "count": result["frames"], "result": {**result, "model": model()}}


def daemon(args):
    """How near the processor's limit the model comes, and what a second thread brings."""
    run(["cargo", "build", "--locked", "--profile", "dist"])
    metadata = json.loads(run(["cargo", "metadata", "--no-deps", "--format-version", "1"]))
    program = Path(metadata["target_directory"], "dist", "bearwatch")
    bench = lambda *words: json.loads(run([program, "bench", "--json", *words]))
    result = {"roofline": bench("--roofline"), "threads": [bench("--seconds", "30", "--threads", str(n)) for n in THREADS]}
    count = min(one["frames"]["inferred"] for one in result["threads"])
    return {"command": "bearwatch bench --json [--roofline] [--threads N]", "profile": "dist", "count": count, "result": {**result, "model": model()}}


def model():
    return {"sha256": hashlib.sha256(MODEL.read_bytes()).hexdigest()}


def built(command, bench):
    """What cargo has built; its messages come by stdout, of deploy/build-arm.sh by stderr."""
    command = [*command, "--message-format", "json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = done.stdout.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    made = [one["executable"] for one in messages if one.get("executable") and one["target"]["name"] == bench]
    if done.returncode or not made:
        raise Failed(f"{shlex.join(map(str, command))}: exit code {done.returncode}\n" + "\n".join(line for line in lines if not line.startswith("{")))
    return Path(made[-1])


def written(command):
    """Runs a command that shows its progress and writes JSON where --out says."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.json")
        command = [str(word) for word in [*command, "--out", out]]
        if code := subprocess.run(command, cwd=ROOT).returncode:
            raise Failed(f"{shlex.join(command)}: exit code {code}")
        return json.loads(out.read_text())


MEASUREMENTS = {"latency": latency, "instructions": instructions, "frames": frames, "daemon": daemon}


if __name__ == "__main__":
    measured.main("performance", __doc__, MEASUREMENTS, page, measure, {"python": "the Python of benches/peers/requirements.txt"})
