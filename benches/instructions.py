"""Instructions of one inference on 64-bit ARM, counted under emulation, and what that may mean in milliseconds on three boards.

    target/peers/venv/bin/python benches/instructions.py --program NETWORK --out FILE.json

NETWORK is benches/network.rs, built for aarch64-unknown-linux-gnu (deploy/build-arm.sh --profile dist --bench network); without it
onnxruntime is counted alone. benches/instructions/prepare.sh has made target/qemu before. BEARWATCH_DATA as in training/README.md.
A count is repeatable to 0.01 %, whatever else the machine does; milliseconds are an estimate.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from emulated import BOARDS, PROCESSORS, count, said
from peers.networks import ROOT, networks

#: Runs of our program (its count of one run is the same each time), and of onnxruntime, whose count varies from run to run.
FEW, MANY, MANY_OTHERS = 1, 5, 11
#: Counted in full. Of the others only our program, on the processors that boards have.
WHOLE = "bearwatch-nano"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="benches/network.rs, built for aarch64")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", type=lambda names: names.split(","), help="names of networks (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    parser.add_argument("--qemu", type=Path, default=target / "qemu", help="folder that benches/instructions/prepare.sh has made")
    parser.add_argument("--work", type=Path, default=target / "peers" / "instructions", help="folder of work files")
    args = parser.parse_args()
    if "BEARWATCH_DATA" not in os.environ:
        sys.exit("BEARWATCH_DATA is not set: see training/README.md")
    # The base is the committed model's kind: it would only cost time.
    made = networks(args.work, Path(os.environ["BEARWATCH_DATA"]), None, args.seed, args.only)
    report = {
        "few": FEW,
        "many": MANY,
        "many_others": MANY_OTHERS,
        "qemu": said([args.qemu / "qemu-aarch64", "--version"]).splitlines()[0],
        "networks": [counted(network, args) for network in made],
        "boards": BOARDS,
    }
    args.out.write_text(json.dumps(report, indent=1) + "\n")


def counted(network, args):
    print(f"== {network.name}, {network.side}x{network.side}: {network.gmac:.3f} GMAC ==", flush=True)
    counts = [one for way in ways(network, args) for one in over(way, args)]
    return {"name": network.name, "title": network.title, "side": network.side, "gmac": network.gmac, "counts": counts}


def ways(network, args):
    """Who runs which file on which processors, how many runs are the many, and the command for a number of runs."""
    quantised = network.int8_forms()
    first = next(iter(quantised))
    whole = network.name == WHOLE
    boards = [name for name in PROCESSORS if any(one["counted_on"] == name for one in BOARDS)]

    def rust(file, operators):
        return lambda runs: [args.program, "--model", file, "--operators", operators, "--side", network.side, "--warm", 0, "--runs", runs]

    def onnxruntime(file):
        script = ROOT / "benches" / "instructions" / "onnxruntime_runs.py"
        return lambda runs: [args.qemu / "root/usr/bin/python3.11", "-S", script, file, runs]

    found = []
    if args.program:
        found.append(("bearwatch int8", first, list(PROCESSORS) if whole else boards, MANY, rust(quantised[first], "ours")))
    if not whole:
        return found
    if args.program:
        found.append(("tract float", "float", boards, MANY, rust(network.forms["float"], "tract")))
    # Its two forms of quantised graphs run the same kernels: their counts are equal.
    others = [("onnxruntime int8", form, file) for form, file in quantised.items() if "QOperator" not in form]
    others.append(("onnxruntime float", "float", network.forms["float"]))
    return [*found, *((name, form, boards, MANY_OTHERS, onnxruntime(file)) for name, form, file in others)]


def over(way, args):
    name, form, processors, most, command = way
    for processor in processors:
        few, many = (count(command(runs), processor, args.qemu) for runs in (FEW, most))
        per_run = (many - few) / (most - FEW)
        print(f"{name:18} {processor:12} {per_run / 1e6:10.1f} million instructions a run  {form}", flush=True)
        yield {"name": name, "form": form, "processor": processor, "runs": [FEW, most], "few": few, "many": many, "per_run": round(per_run)}


if __name__ == "__main__":
    main()
