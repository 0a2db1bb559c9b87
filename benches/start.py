"""From the start of the program to its first look at a picture, on 64-bit ARM: instructions, counted under emulation.

    python3 benches/start.py --program PROGRAM --pictures FOLDER --out FILE.json

PROGRAM is built for aarch64-unknown-linux-gnu (deploy/dist.sh arm64), FOLDER has two pictures. benches/instructions/prepare.sh has made target/qemu
before. Two things are counted: `detect` on the pictures (model, one picture, the next picture), and the whole life of the daemon on one of them, from
the start to the end of the process, with store and broker: more than the way to the first look, by what is told afterwards.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "docs"))

from emulated import BOARDS, count, said  # noqa: E402
from processes import broker  # noqa: E402

PROCESSORS = ["cortex-a72", "neoverse-n1"]
#: Of the daemon, whose threads wait for each other a little longer or shorter: the median counts.
REPEATS = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True, help="bearwatch, built for aarch64")
    parser.add_argument("--pictures", type=Path, required=True, help="a folder with two pictures")
    parser.add_argument("--out", type=Path, required=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    parser.add_argument("--qemu", type=Path, default=target / "qemu", help="folder that benches/instructions/prepare.sh has made")
    args = parser.parse_args()
    pictures = sorted(args.pictures.glob("*.jpg"))[:2]
    counts = [counted(args, pictures, processor) for processor in PROCESSORS]
    version = said([args.qemu / "qemu-aarch64", "--version"]).splitlines()[0]
    args.out.write_text(json.dumps({"qemu": version, "repeats": REPEATS, "counts": counts, "boards": BOARDS}, indent=1) + "\n")


def counted(args, pictures, processor):
    one, two = (count([args.program, "detect", "--regions", "whole", *pictures[:number]], processor, args.qemu) for number in (1, 2))
    lives = sorted(life(args, pictures[0], processor) for _ in range(REPEATS))
    report = {"processor": processor, "first_look": one, "next_look": two - one, "daemon": lives[REPEATS // 2], "daemon_least": lives[0], "daemon_most": lives[-1]}
    print(json.dumps(report), flush=True)
    return report


def life(args, picture, processor):
    with tempfile.TemporaryDirectory() as folder, broker() as (_, port):
        config = Path(folder) / "bearwatch.toml"
        config.write_text(
            f'[site]\nname = "start"\ncamera = "one"\n[capture]\nsource = "files"\npath = "{picture}"\n[perceive]\nregions = "whole"\n'
            f'budget_ms = 10000\n[publish]\nbroker = "mqtt://127.0.0.1:{port}"\n[store]\npath = "{folder}/store"\n'
        )
        return count([args.program, "run", "--config", config], processor, args.qemu, threads=2)


if __name__ == "__main__":
    main()
