"""Instructions of one inference on 64-bit ARM, counted under emulation, and what that may mean in milliseconds on three boards.

    target/peers/venv/bin/python benches/instructions.py --program NETWORK --out FILE.json

NETWORK is benches/network.rs, built for aarch64-unknown-linux-gnu (deploy/build-arm.sh --profile dist --bench network); without it
onnxruntime is counted alone. benches/instructions/prepare.sh has made target/qemu before. BEARWATCH_DATA as in training/README.md.
A count is repeatable to 0.01 %, whatever else the machine does; milliseconds are an estimate.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from peers.networks import ROOT, networks

#: Runs of our program (its count of one run is the same each time), and of onnxruntime, whose count varies from run to run.
FEW, MANY, MANY_OTHERS = 1, 5, 11
#: Counted in full. Of the others only our program, on the processors that boards have.
WHOLE = "bearwatch-nano"
#: What qemu plays, with what its /proc/cpuinfo would say: libraries choose their kernels by it. (qemu's name, implementer, part, features;
#: "max" with the vectors of 128 bits that small cores have.)
PROCESSORS = {
    "cortex-a72": ("cortex-a72", "0x41", "0xd08", "fp asimd evtstrm crc32 cpuid"),
    "neoverse-n1": ("neoverse-n1", "0x41", "0xd0c", "fp asimd evtstrm crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"),
    "max": ("max,sve-default-vector-length=16", "0x00", "0x051", "fp asimd evtstrm crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp i8mm bf16"),
}
#: Boards: the processor whose count stands for theirs (the A76 is the N1's sister, the A53 has the A72's instruction set), its clock,
#: and instructions per cycle: an ASSUMPTION. Nothing here was measured on a board; half or twice as much would not be a surprise.
BOARDS = [
    {
        "board": "Raspberry Pi 4",
        "core": "Cortex-A72",
        "counted_on": "cortex-a72",
        "ghz": 1.5,
        "per_cycle": 1.3,
        "why": "three instructions wide, but only one of its two vector pipes multiplies integers",
    },
    {
        "board": "Raspberry Pi 5",
        "core": "Cortex-A76",
        "counted_on": "neoverse-n1",
        "ghz": 2.4,
        "per_cycle": 2.2,
        "why": "four wide with two full vector pipes, less what waits for memory",
    },
    {
        "board": "Raspberry Pi Zero 2 W",
        "core": "Cortex-A53",
        "counted_on": "cortex-a72",
        "ghz": 1.0,
        "per_cycle": 0.8,
        "why": "two wide, in order: it waits for each load, and a 128-bit vector instruction takes its only full-width slot",
    },
]


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


def count(command, processor, place):
    """Instructions of a command from start to end."""
    pretend(processor, place / "root")
    emulated = [place / "qemu-aarch64", "-cpu", PROCESSORS[processor][0], "-L", place / "root", "-d", "plugin", "-D", place / "count"]
    emulated += ["-plugin", f"{place / 'libinsn.so'},inline=on"]
    # Without its seed Python's dictionaries, and so the count, differ from start to start.
    python = {"PYTHONHASHSEED": "0", "PYTHONHOME": "/usr", "PYTHONPATH": str(place / "root" / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    said([*emulated, *command], {"PATH": os.environ["PATH"], **python})
    found = re.findall(r"^insns: (\d+)$", (place / "count").read_text(), re.MULTILINE)
    return int(found[-1])


def pretend(processor, root):
    """Files in place of the host's, which describe another processor: qemu looks below -L first."""
    _, implementer, part, features = PROCESSORS[processor]
    files = {
        "proc/cpuinfo": f"processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: {features}\nCPU implementer\t: {implementer}\n"
        f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 3\n\n",
        **{f"sys/devices/system/cpu/{name}": "0\n" for name in ("possible", "present", "online")},
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def said(command, env=None):
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
