"""Plays faults, measures delivery, and writes docs/delivery.md, wholly from what came of it.

    python3 docs/delivery.py --rounds 1000     plays and renders: `make faults` (an hour; --only faults or --only figures for one of the two)
    python3 docs/delivery.py --render          renders docs/delivery/*.json alone
    python3 docs/delivery.py --check           fails where the page is not what the JSON renders to

What a round is stands in tests/faults and, for power cuts, in src/publish/outbox/faults_tests.rs. A round whose fault did nothing fails, and so does one
that lost an alert or made one up; what was played until then is stored all the same.
"""

import json
import os
import re
import subprocess
import sys

import measured
from delivery_page import page
from measured import ROOT, around

#: Rounds that tests/faults plays at FAULTS_TIMES=1.
USUAL = 59
#: Power cuts and the like are played in memory, thousands in a minute.
IN_MEMORY = 5_000


def test(words, env):
    """Runs tests in the development profile; what they reported, and whether all held."""
    command = ["cargo", "test", "--locked", *words, "--nocapture"]
    print(" ".join([*(f"{name}={value}" for name, value in env.items()), *command]), flush=True)
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})
    found = {"summary": [], "figure": []}
    for line in running.stdout:
        print(line, end="", flush=True)
        if match := re.search(r"(summary|figure): (\{.*\})", line):
            found[match[1]].append(json.loads(match[2]))
    return found, running.wait() == 0


def store_entry(store, name, about, command, count, seed, result, held):
    entry = about | {"command": command, "profile": "dev", "seed": seed, "count": count, "all_held": held, "result": result}
    (store / f"{name}.json").write_text(json.dumps(entry, indent=1) + "\n")


def measure(args, store):
    only, rounds = args.only.split(","), int(str(args.rounds))
    held = True
    # As of the beginning: an hour later there may be another commit.
    about = around()
    if "faults" in only:
        times = max(1, -(-rounds // USUAL))
        in_memory, first = test(["--lib", "faults_tests", "--"], {"FAULTS_ROUNDS": str(max(IN_MEMORY, rounds))})
        played, second = test(["--test", "faults", "--"], {"FAULTS_TIMES": str(times)})
        each = in_memory["summary"] + played["summary"]
        held = first and second
        count = sum(one["rounds"] for one in each)
        seeds = sorted({one["seed"] for one in each})
        store_entry(store, "faults", about, f"make faults ROUNDS={rounds}", count, seeds, {"each": each}, held)
    if "figures" in only:
        found, well = test(["--test", "faults", "--", "--ignored", "--test-threads", "1"], {})
        held = held and well
        result = {one.pop("figure"): one for one in found["figure"]}
        store_entry(store, "figures", about, "make faults", len(result), None, result, well)
    if not held:
        (ROOT / "docs" / "delivery.md").write_text(page({one.stem: json.loads(one.read_text()) for one in sorted(store.glob("*.json"))}))
        sys.exit("not everything held: see above")


if __name__ == "__main__":
    measured.main("delivery", __doc__, ["faults", "figures"], page, measure, {}, [("rounds", "1000", "rounds of the faults that need the program: %(default)s")])
