"""Measures on simulated cameras how often the station lets a bad model through, and stops a good one, and writes docs/rollout.md wholly from it.

    python3 docs/rollout.py --program target/debug/bearwatch     measures and renders: `make rollout` (a few minutes)
    python3 docs/rollout.py --render                             renders docs/rollout/*.json alone
    python3 docs/rollout.py --check                              fails where the page is not what the JSON renders to
"""

import json

import measured
from measured import around, run
from rollout_page import page

#: Not the seeds with which the default criteria were chosen: these were 1 and 3.
RUNS, EDGES, SEED = 1000, 1000, 4


def measure(args, store):
    words = [str(word) for word in ["--runs", RUNS, "--edges", EDGES, "--seed", SEED]]
    about = around()
    result = json.loads(run([args.program, "rollout", *words, "--json", "-"]))
    del result["command"], result["version"]
    command = " ".join(["bearwatch rollout", *words, "--json -"])
    count = sum(one["runs"] for one in result["challengers"])
    entry = about | {"command": command, "seed": SEED, "count": count, "result": result}
    (store / "challengers.json").write_text(json.dumps(entry, indent=1) + "\n")


if __name__ == "__main__":
    measured.main("rollout", __doc__, ["challengers"], page, measure, {"program": "bearwatch"})
