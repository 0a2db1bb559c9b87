"""Looks for wrong labels in `bears/train`, and for what the set lacks; writes one page for looking.

    python -m training.audit --model-run training/work/hard/final.pt --teachers training/work/teachers.json --out training/work/audit

The page (audit.html) shows the most suspicious pictures with labels, teachers and network drawn, and the line for `training/label_fixes.json` that
would mend each doubt. It holds pictures, so it stays in training/work. audit.json has the same without pictures.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from training import audit_page, data, doubts, evaluate, faults, fixes, fusion, lacks, network, teachers
from training.finetune import load_network
from training.loss import yolox_loss
from training.network import BOX_COLUMNS
from training.samples import BATCH, letterboxed


@torch.no_grad()
def judged(net, pictures):
    """Per picture: YOLOX's loss by its labels, what the network finds (scores, labels, boxes), and the mean grey level of the pixels."""
    cells, strides = network.grid(evaluate.SIDE, evaluate.SIDE)
    for begin in range(0, len(pictures), BATCH):
        some = pictures[begin : begin + BATCH]
        pixels = [p.pixels() for p in some]
        images, sizes = zip(*(letterboxed(p, evaluate.SIDE) for p in pixels))
        output = net(torch.stack(images).contiguous(memory_format=torch.channels_last), logits=True)
        for picture, seen, size, raw in zip(some, pixels, sizes, output):
            scores = raw[:, BOX_COLUMNS:].sigmoid() * raw[:, 4:5].sigmoid()
            wide = seen.shape[1], seen.shape[0]
            found = evaluate.decode(scores, network.boxes(raw, cells, strides), wide, size)
            yield loss_of(raw, picture, size[0] / wide[0], size[1] / wide[1]), found, float(seen.mean())


def loss_of(raw, picture, sx, sy):
    """`raw` N×(5 + classes) of one picture, which was scaled by sx, sy."""
    corners = torch.from_numpy(picture.boxes) * torch.tensor([sx, sy, sx, sy])
    centred = torch.cat([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], 1).float()
    return yolox_loss(raw[None], [(centred, torch.from_numpy(picture.labels))], *network.grid(evaluate.SIDE, evaluate.SIDE)).item()


def looked_at(pictures, seen, cache):
    """One entry a picture for the page, the most suspicious first."""
    losses = np.array([loss for loss, _, _ in seen])
    boxed = np.array([len(p.boxes) > 0 for p in pictures])
    entries = []
    for i, (picture, (loss, found, _)) in enumerate(zip(pictures, seen)):
        key = picture.sha256()
        agreed = fusion.agreed(cache.said(key))
        doubted = doubts.doubts(picture, agreed, found)
        alike = losses[boxed == boxed[i]]
        rank = float((alike < loss).mean())
        entries.append(
            {
                "picture": picture, "image": key, "loss": loss, "rank": rank, "doubts": doubted, "network": found,
                "teachers": fusion.fused(cache.said(key)), "suspicion": doubts.suspicion(doubted, rank),
            }
        )
    return sorted(entries, key=lambda e: -e["suspicion"])


def brief(entry):
    """An entry without pictures, for audit.json."""
    lines = [audit_page.line(entry, d) | {"kind": d.kind, "strength": round(d.strength, 3)} for d in entry["doubts"]]
    told = {"image": entry["image"], "name": entry["picture"].path.name, "suspicion": round(entry["suspicion"], 3)}
    return told | {"loss": round(entry["loss"], 3), "loss_rank": round(entry["rank"], 3), "doubts": lines}


@faults.told
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model-run", type=Path, required=True, help="final.pt of training.finetune")
    said = Path("training/work/teachers.json")
    parser.add_argument("--teachers", type=Path, default=said, help="cache of training.teachers (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder for audit.html and audit.json")
    parser.add_argument("--most", type=int, default=300, help="pictures on the page (default: %(default)s)")
    parser.add_argument("--most-pictures", type=int, help="look at so many pictures only, to try it out")
    parser.add_argument("--as-it-came", action="store_true", help="without the fixes that are already in training/label_fixes.json")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)
    folder = data.folder("BEARWATCH_DATA", "bears", "train")
    mended = {} if arguments.as_it_came else fixes.read(fixes.TRAIN)
    pictures = fixes.applied(data.some(data.read_set(folder), arguments.most_pictures), mended)
    cache = teachers.Cache(arguments.teachers)
    seen = list(judged(load_network(arguments.model_run), pictures))
    entries = looked_at(pictures, seen, cache)
    arguments.out.mkdir(parents=True, exist_ok=True)
    shortage = lacks.report(pictures, [grey for _, _, grey in seen], lacks.sources(folder))
    (arguments.out / "audit.html").write_text(audit_page.page(entries[: arguments.most], len(entries), shortage, fixes.counts(mended)))
    told = [brief(e) for e in entries if e["doubts"] or e["rank"] > 1 - doubts.LOSS_TAIL]
    (arguments.out / "audit.json").write_text(json.dumps(told, indent=1))
    doubted = sum(bool(e["doubts"]) for e in entries)
    print(f"{len(entries)} pictures, {doubted} with a doubt; {arguments.out / 'audit.html'} shows the {min(arguments.most, len(entries))} most suspicious")


if __name__ == "__main__":
    main()
