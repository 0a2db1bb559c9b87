"""Fine-tunes YOLOX-Nano to our classes; then goes on with what it gets wrong.

    python -m training.finetune --out training/work/first --simulated training/work/simulated --minutes 30
    python -m training.finetune --out training/work/hard --start training/work/first/final.pt --hard --seed 2 --minutes 12 --rate 2e-4 …
    python -m training.finetune --out training/work/int8 --start training/work/blend/final.pt --int8 --hard --seed 3 --minutes 20 --rate 1e-4 …

An interrupted run goes on from its last checkpoint when called again in the same way.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Subset

from training import data, faults, levels, remember
from training.loss import yolox_loss
from training.network import BEAR, BOX_COLUMNS, Network, grid, read_base, whole_stem, with_our_classes
from training.remember import Base
from training.rounded import Rounded, rounded
from training.samples import BATCH, Samples, collate, letterboxed

CHECKPOINT_S = 300
WARM_UP_STEPS = 50
#: Share of the rate for the layers before stride 8. COCO's hundred thousand pictures taught them more than a few thousand can, but not darkness and noise.
EARLY_SHARE = 0.25
#: Steps that the running mean of the weights looks back on, at most.
MEAN_STEPS = 1000
#: Share of the rate that is left at the end.
LAST_RATE = 0.02
#: Longer gradients are cut to this length: one odd picture must not undo many good ones.
LONGEST_GRADIENT = 20.0
#: Pixels: pictures are scored for mistakes at this size.
MISTAKE_SIDE = 320


def fresh_network():
    base = read_base(data.folder("BEARWATCH_WEIGHTS") / "yolox_nano.onnx")
    return Network(with_our_classes(base))


def load_network(path):
    """The network of a `final.pt`."""
    if not path.is_file():
        raise faults.Fault(f"{path} is missing; run `python -m training.finetune` first")
    weights, network = torch.load(path, weights_only=True), fresh_network()
    if any(weights[name].shape != weight.shape for name, weight in network.state_dict().items()):
        network = Network(whole_stem(network.to_onnx()))
    network.load_state_dict(weights)
    return network


def scales_of(path):
    """Where the scales stand that a `final.pt` was trained with; nowhere if it was trained in floats."""
    return path.with_suffix(".levels.json")


class Run:
    """One run of training, as far as it has come: AdamW (Loshchilov & Hutter 2019, "Decoupled weight decay regularization"), a cosine (2017, "SGDR"), and a
    running mean of the weights (Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging")."""

    def __init__(self, arguments, network):
        self.arguments, self.network = arguments, network
        self.base = Base(network)
        self.mean = {name: value.clone() for name, value in self.network.state_dict().items()}
        early = {id(w) for w in self.network.early()}
        groups = {}
        for weight in self.network.parameters():
            groups.setdefault((weight.ndim == 4, id(weight) in early), []).append(weight)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": weights, "weight_decay": 0.01 if decayed else 0.0, "share": EARLY_SHARE if first else 1.0}
                for (decayed, first), weights in groups.items()
            ],
            lr=arguments.rate,
        )
        self.step, self.elapsed = 0, 0.0

    def save(self, path):
        state = {
            "network": self.network.state_dict(), "mean": self.mean, "optimiser": self.optimiser.state_dict(),
            "step": self.step, "elapsed": self.elapsed,
        }
        # First beside it, then in its place: a power cut leaves the old one.
        torch.save(state, path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)

    def resume(self, path):
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.mean = state["mean"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed = state["step"], state["elapsed"]

    def rate(self):
        """Warm-up by steps, then a half cosine over the minutes or the steps, whatever ends first."""
        share = min(1.0, max(self.elapsed / (60 * self.arguments.minutes), self.step / self.arguments.most_steps))
        cosine = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * share))
        return self.arguments.rate * cosine * min(1.0, (self.step + 1) / WARM_UP_STEPS)

    def learn(self, images, targets):
        """One step; the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate() * group["share"]
        output = self.network(images, logits=True)
        loss = yolox_loss(output, targets, *grid(*images.shape[2:])) + remember.WEIGHT * self.base.loss(images)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LONGEST_GRADIENT)
        self.optimiser.step()
        self.step += 1
        keep = min(1 - 1 / MEAN_STEPS, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.mean[name].lerp_(value, 1 - keep)
        return loss.item()


def commit():
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip() or None


def begun(arguments, pictures):
    """What the run starts from. With --int8 as its int8 file computes, with scales that are chosen once and stay."""
    network = load_network(arguments.start) if arguments.start else fresh_network()
    if not arguments.int8:
        return network
    scales = scales_of(arguments.out / "final.pt")
    if not scales.exists():
        levels.save(rounded(network, pictures, arguments.seed).levels, scales)
    return Rounded(whole_stem(network.to_onnx()), levels.load(scales))


def train(run, samples, out):
    arguments = run.arguments
    # Samples are numbered, so a resumed run goes on with the very next one.
    rest = Subset(samples, range(run.step * BATCH, len(samples)))
    batches = DataLoader(rest, BATCH, collate_fn=collate, num_workers=arguments.workers, drop_last=True)
    saved = last = time.monotonic()
    losses = []
    for images, targets in batches:
        losses.append(run.learn(images, targets))
        now = time.monotonic()
        run.elapsed, last = run.elapsed + now - last, now
        if run.step % 50 == 0:
            mean = sum(losses) / len(losses)
            print(f"step {run.step}  {run.elapsed / 60:5.1f} min  rate {run.rate():.1e}  loss {mean:.3f}", flush=True)
            losses = []
        if now - saved > CHECKPOINT_S:
            run.save(out / "checkpoint.pt")
            saved = now
        if run.elapsed >= 60 * arguments.minutes or run.step >= arguments.most_steps:
            break


@torch.no_grad()
def mistakes(network, pictures):
    """How wrong the bear score of each picture is, 0..1: too high where there is none, too low where there is one."""
    wrong = []
    for begin in range(0, len(pictures), BATCH):
        some = pictures[begin : begin + BATCH]
        images = torch.stack([letterboxed(p.pixels(), MISTAKE_SIDE)[0] for p in some])
        output = network(images.contiguous(memory_format=torch.channels_last))
        best = (output[:, :, 4] * output[:, :, BOX_COLUMNS + BEAR]).amax(1)
        wrong += [1 - score if p.shows(BEAR) else score for p, score in zip(some, best.tolist())]
    return wrong


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt, final.pt and run.json")
    parser.add_argument("--start", type=Path, help="final.pt of an earlier run (default: the base)")
    parser.add_argument("--simulated", type=Path, help="set drawn by `bearwatch simulate`, seeds from 1000000 on")
    parser.add_argument("--minutes", type=float, default=30, help="time to train (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=4e-4, help="learning rate at its highest (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hard", action="store_true", help="show what the network gets wrong at the start more often; no mosaics")
    parser.add_argument("--int8", action="store_true", help="train through the rounding of the int8 file")
    parser.add_argument("--share", type=int, default=100, metavar="PERCENT", help="train on so much of the pictures, chosen by the hash of their names")
    parser.add_argument("--no-label-fixes", dest="fixed", action="store_false", help="labels as they came, to measure what the fixes bring")
    parser.add_argument("--most-pictures", type=int, help="train on so many pictures only, to try the chain out")
    parser.add_argument("--most-steps", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=1, help="processes that make samples (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of the network (default: %(default)s)")
    return parser.parse_args()


@faults.told
def main():
    arguments = parse()
    final = arguments.out / "final.pt"
    if final.exists():
        print(f"{final} is there already; remove {arguments.out} to train anew")
        return
    torch.set_num_threads(arguments.threads)
    # Values near zero cost a hundred times as much otherwise.
    torch.set_flush_denormal(True)
    torch.manual_seed(arguments.seed)
    pictures, _ = data.split(data.read_train(fixed=arguments.fixed))
    pictures = data.some(data.share(pictures, arguments.share), arguments.most_pictures)
    simulated = data.read_set(arguments.simulated) if arguments.simulated else []
    arguments.out.mkdir(parents=True, exist_ok=True)
    run = Run(arguments, begun(arguments, pictures))
    if (arguments.out / "checkpoint.pt").exists():
        run.resume(arguments.out / "checkpoint.pt")
        print(f"goes on from step {run.step}, {run.elapsed / 60:.1f} minutes", flush=True)
    samples = Samples(pictures, simulated, arguments.seed, BATCH * arguments.most_steps)
    if arguments.hard:
        # Measured on what the run starts from, so a resumed run finds the same.
        start = load_network(arguments.start) if arguments.start else fresh_network()
        samples.dwell_on(mistakes(start, pictures))
    train(run, samples, arguments.out)
    torch.save(run.mean, final)
    record = {
        "commit": commit(), "command": "python -m training.finetune " + " ".join(sys.argv[1:]), "seed": arguments.seed, "steps": run.step,
        "pictures_seen": run.step * BATCH, "minutes": round(run.elapsed / 60, 1), "pictures": len(pictures),
        "simulated": len(simulated), "rate": arguments.rate, "start": str(arguments.start or "base"), "hard": arguments.hard, "int8": arguments.int8,
    }
    (arguments.out / "run.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
