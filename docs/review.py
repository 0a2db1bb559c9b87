"""Simulates what estimates from the random sample are worth, and writes docs/review.md wholly from that.

    python3 docs/review.py              simulates and renders: `make review` (some minutes)
    python3 docs/review.py --render     renders docs/review/*.json alone
    python3 docs/review.py --check      fails where the page is not what the JSON renders to
"""

import json
import shlex

import measured
from measured import around, run
from review_page import page

COMMAND = ["cargo", "bench", "--locked", "--quiet", "--profile", "dev", "--bench", "coverage"]


def measure(args, store):
    about = around()
    result = json.loads(run(COMMAND))
    count = sum(scenario["estimated"] for scenario in result["scenarios"])
    entry = about | {"command": shlex.join(COMMAND), "seed": "0 to 63", "count": count, "result": result}
    (store / "coverage.json").write_text(json.dumps(entry, indent=1) + "\n")


if __name__ == "__main__":
    measured.main("review", __doc__, ["coverage"], page, measure, {})
