"""The network alone, beside other runtimes: latency of one thread on one core, and whether int8 outputs are the same.

    target/peers/venv/bin/python benches/peers.py --program NETWORK --out FILE.json

NETWORK is the program that `cargo build --profile dist --bench network` makes; without it the others are measured alone. BEARWATCH_DATA
and BEARWATCH_WEIGHTS as in training/README.md; ranges of activations are calibrated on pictures of the former. `make performance` calls it.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np

from peers.contenders import REASONS, contenders
from peers.networks import ROOT, letterbox, networks, pictures
from peers.numerics import numerics

#: Before the first that counts.
WARM_TURNS = 3
#: A network of float numbers that is less like onnxruntime's computes something else. (Cosine of the outputs.)
LEAST_LIKENESS = 0.98


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="benches/network.rs, built")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=51, help="measured runs of each contender (default: %(default)s)")
    parser.add_argument("--only", type=lambda names: names.split(","), help="names of networks (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "peers" / "work", help="folder of work files, made anew")
    args = parser.parse_args()
    if "BEARWATCH_DATA" not in os.environ:
        sys.exit("BEARWATCH_DATA is not set: see training/README.md")
    data, weights = Path(os.environ["BEARWATCH_DATA"]), os.environ.get("BEARWATCH_WEIGHTS")
    # One core for this process and those that it starts.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    shutil.rmtree(args.work, ignore_errors=True)
    made = networks(args.work, data, weights and Path(weights), args.seed, args.only)
    (shown,) = pictures(data / "bears" / "val", 1, args.seed)
    report = {
        "turns": args.turns,
        "versions": versions(),
        "networks": [compared(network, shown, args) for network in made],
        "numerics": numerics(args.program, args.work, data, args.seed) if args.program and not args.only else None,
    }
    args.out.write_text(json.dumps(report, indent=1) + "\n")


def versions():
    from importlib.metadata import version

    return {name: version(name) for name in ("onnxruntime", "openvino", "ncnn", "ai-edge-litert")}


def compared(network, shown, args):
    """Every contender takes its turn, then the next round begins: what else the machine does meets them alike."""
    picture = letterbox(shown, network)[None]
    entries, runners = [], []
    for one in contenders(network, args.program, args.work):
        entry = {"name": one.name, "form": one.form}
        entries.append(entry)
        try:
            runner = one.build(picture)
        except REASONS as reason:
            entry["not_measured"] = str(reason)
            continue
        entry |= getattr(runner, "about", {})
        entry["runs_ms"] = []
        runners.append((entry, runner))
    for turn in range(WARM_TURNS + args.turns):
        for entry, runner in runners:
            # The run before it brings back into the caches what the others have driven out.
            runner.run_ms()
            took = runner.run_ms()
            if turn >= WARM_TURNS:
                entry["runs_ms"].append(round(took, 4))
    liken(runners)
    for entry, runner in runners:
        entry["ms"] = spread(entry["runs_ms"])
        runner.close()
        print(f"{network.name:16} {entry['name']:18} {entry['ms']['p50']:8.2f} ms  likeness {entry['likeness']:.4f}  {entry['form']}", flush=True)
    for entry in entries:
        if "not_measured" in entry:
            print(f"{network.name:16} {entry['name']:18} not measured: {entry['not_measured']}", flush=True)
    return {"name": network.name, "title": network.title, "note": network.note, "side": network.side, "gmac": network.gmac, "contenders": entries}


def liken(runners):
    """To onnxruntime's float output; a runtime may turn its output, so that channels come first."""
    (reference,) = [runner.output() for entry, runner in runners if entry["name"] == "onnxruntime float"]
    reference = np.squeeze(reference)
    for entry, runner in runners:
        found = np.squeeze(runner.output())
        if found.size != reference.size:
            sys.exit(f"{entry['name']} has an output of {found.shape}, not {reference.shape}")
        if found.ndim == 2 and found.shape == reference.shape[::-1]:
            found = found.T
        one, other = found.ravel(), reference.ravel()
        entry["likeness"] = round(float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other))), 5)
        if "float" in entry["name"] and entry["likeness"] < LEAST_LIKENESS:
            sys.exit(f"{entry['name']} computes something else than onnxruntime: {entry}")


def spread(runs):
    quantile = lambda share: round(float(np.quantile(runs, share)), 3)
    return {"least": min(runs), "p25": quantile(0.25), "p50": quantile(0.5), "p75": quantile(0.75)}


if __name__ == "__main__":
    main()
