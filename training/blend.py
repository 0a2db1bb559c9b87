"""Weights between those of the base and those of a run: what training on few pictures made worse elsewhere comes back, most of what it brought stays
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").

    python -m training.blend --start training/work/hard/final.pt --share 0.75 --out training/work/blend
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from training import faults
from training.finetune import commit, fresh_network, load_network
from training.network import Network, whole_stem


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", type=Path, required=True, help="final.pt of a run of training.finetune")
    parser.add_argument("--other", type=Path, help="final.pt of another one, instead of the base")
    parser.add_argument("--share", type=float, default=0.75, help="of --start, 0..1 (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder for final.pt and run.json")
    arguments = parser.parse_args()
    if not 0 <= arguments.share <= 1:
        raise faults.Fault(f"--share {arguments.share}: a share lies between 0 and 1")
    whole = lambda network: Network(whole_stem(network.to_onnx()))
    mine, other = whole(load_network(arguments.start)), whole(load_network(arguments.other) if arguments.other else fresh_network())
    others = other.state_dict()
    blended = {name: torch.lerp(others[name], value, arguments.share) for name, value in mine.state_dict().items()}
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.save(blended, arguments.out / "final.pt")
    record = {
        "commit": commit(), "command": "python -m training.blend " + " ".join(sys.argv[1:]),
        "start": str(arguments.start), "other": str(arguments.other or "base"), "share": arguments.share,
    }
    (arguments.out / "run.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
