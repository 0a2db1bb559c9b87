"""Measures what docs/performance.md states, the network and the frame path beside others', and writes that page wholly from the measurements.

    python3 docs/performance.py --python target/peers/venv/bin/python     builds, measures and renders: `make performance`
    python3 docs/performance.py --python … --only latency                 measures some
    python3 docs/performance.py --render                                  renders docs/performance/*.json alone
    python3 docs/performance.py --check                                   fails where the page is not what the JSON renders to

BEARWATCH_DATA and BEARWATCH_WEIGHTS as in training/README.md. As docs/figures.py does it: nobody types a number.
"""

import argparse
import difflib
import hashlib
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import figures
from figures import ROOT, Failed, run
from performance_page import page

STORE = ROOT / "docs" / "performance"
PAGE = ROOT / "docs" / "performance.md"
MODEL = ROOT / "models" / "bearwatch-nano.onnx"
SEED = 1
THREADS = (1, 2)


def main():
    args = arguments()
    stored = lambda: {file.stem: json.loads(file.read_text()) for file in sorted(STORE.glob("*.json"))}
    if args.check:
        sys.exit(differs(PAGE, page(stored()), "docs/performance.py"))
    if not args.render:
        STORE.mkdir(exist_ok=True)
        measure(args)
    PAGE.write_text(page(stored()))
    print(f"written: {PAGE.relative_to(ROOT)}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="the Python of benches/peers/requirements.txt")
    parser.add_argument("--only", default=",".join(MEASUREMENTS), help="names of measurements: %(default)s")
    parser.add_argument("--render", action="store_true", help="render what was measured before")
    parser.add_argument("--check", action="store_true", help="compare page and measurements")
    args = parser.parse_args()
    if not (args.render or args.check) and not args.python:
        parser.error("--python is needed to measure")
    strangers = set(args.only.split(",")) - set(MEASUREMENTS)
    if strangers:
        parser.error(f"no such measurement: {', '.join(sorted(strangers))}")
    return args


def differs(path, expected, command):
    """0 where the page is what the measurements render to; else what differs is shown."""
    name, found = path.relative_to(ROOT), path.read_text() if path.exists() else ""
    lines = difflib.unified_diff(found.splitlines(), expected.splitlines(), str(name), "rendered", lineterm="")
    print("\n".join(lines))
    if expected != found:
        print(f"{name} is not what {name.with_suffix('')}/*.json renders to: python3 {command} --render", file=sys.stderr)
    return int(expected != found)


def measure(args):
    for name in args.only.split(","):
        print(f"== {name} ==", flush=True)
        before = around()
        try:
            outcome = MEASUREMENTS[name](args)
        except Failed as failure:
            sys.exit(f"{name} failed: {failure}; docs/performance.md was left as it is")
        text = json.dumps({**before, "seed": SEED, **outcome}, indent=1)
        named = argparse.Namespace(program=args.python, dist=None)
        (STORE / f"{name}.json").write_text(figures.tidy(text, named) + "\n")


def around():
    """As of the figures; these measurements are no change of what is measured either."""
    changed = [line for line in run(["git", "status", "--porcelain"]).splitlines() if "docs/performance" not in line and "docs/figures" not in line]
    return {**figures.around(), "uncommitted_changes": bool(changed)}


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
    main()
