"""Measures on simulated cameras how often the station tells of a shift where there is none, and how soon of one that is, and writes docs/drift.md wholly from it.

    python3 docs/drift.py --program target/debug/bearwatch     measures and renders: `make drift` (a minute or two)
    python3 docs/drift.py --render                             renders docs/drift/*.json alone
    python3 docs/drift.py --check                              fails where the page is not what the JSON renders to
"""

import json

import measured
from drift_page import page
from measured import around, run

#: Not the seeds with which the weights in src/station/drift/null.rs were chosen: those were 1 and 2.
CAMERAS, PLANTED, WEEKS, SEED = 1000, 300, 50, 3


def measure(args, store):
    options = ["--cameras", CAMERAS, "--planted", PLANTED, "--weeks", WEEKS, "--seed", SEED]
    words = [str(option) for option in options]
    about = around()
    result = json.loads(run([args.program, "drift", *words, "--json", "-"]))
    del result["command"], result["version"]
    command = " ".join(["bearwatch drift", *words, "--json -"])
    entry = about | {"command": command, "seed": SEED, "count": result["camera_weeks"], "result": result}
    (store / "shifts.json").write_text(json.dumps(entry, indent=1) + "\n")


if __name__ == "__main__":
    measured.main("drift", __doc__, ["shifts"], page, measure, {"program": "bearwatch"})
