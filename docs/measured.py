"""What the commands behind measured pages share: their arguments, what is stored beside each measurement, and a page that must be what these render to.

docs/NAME.py measures into docs/NAME/*.json and renders docs/NAME.md from them.
"""

import argparse
import difflib
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Failed(Exception):
    """A command that did not do what it should."""


def main(name, doc, names, page, measure, needs, options=()):
    """The command of docs/NAME.py. `names`: what can be measured. `page`: from the stored measurements by name to text. `measure`: writes what --only asks for
    into the folder that it is handed. `needs`: flags with their help without which nothing is measured; `options`: other flags, with default and help."""
    store, file = ROOT / "docs" / name, ROOT / "docs" / f"{name}.md"
    args = arguments(doc, names, needs, options)
    stored = lambda: {one.stem: json.loads(one.read_text()) for one in sorted(store.glob("*.json"))}
    if args.check:
        sys.exit(differs(file, page(stored())))
    if not args.render:
        store.mkdir(exist_ok=True)
        measure(args, store)
    file.write_text(page(stored()))
    print(f"written: {file.relative_to(ROOT)}")


def arguments(doc, names, needs, options):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag, text in needs.items():
        parser.add_argument(f"--{flag}", type=Path, help=text)
    for flag, default, text in options:
        parser.add_argument(f"--{flag}", type=Path, default=default, help=text)
    parser.add_argument("--only", default=",".join(names), help="what to measure: %(default)s")
    parser.add_argument("--render", action="store_true", help="render what was measured before")
    parser.add_argument("--check", action="store_true", help="compare page and measurements")
    args = parser.parse_args()
    missing = [f"--{flag}" for flag in needs if not getattr(args, flag)]
    if missing and not (args.render or args.check):
        parser.error(f"needed to measure: {', '.join(missing)}")
    if strangers := set(args.only.split(",")) - set(names):
        parser.error(f"no such measurement: {', '.join(sorted(strangers))}")
    return args


def differs(file, expected):
    """0 where the page is what the measurements render to; else what differs is shown."""
    name, found = file.relative_to(ROOT), file.read_text() if file.exists() else ""
    lines = difflib.unified_diff(found.splitlines(), expected.splitlines(), str(name), "rendered", lineterm="")
    print("\n".join(lines))
    if expected != found:
        stem = name.with_suffix("")
        print(f"{name} is not what {stem}/*.json renders to: python3 {stem}.py --render", file=sys.stderr)
    return int(expected != found)


def run(command, codes=(0,), env=None):
    """Runs a command that writes JSON."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode not in codes:
        raise Failed(f"{shlex.join(map(str, command))}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def around():
    """What a figure depends on beside its command. Pages and their measurements are no change of what is measured."""
    git = lambda *words: run(["git", *words])
    changed = [line[3:] for line in git("status", "--porcelain").splitlines() if not line[3:].startswith("docs/")]
    return {
        "commit": git("rev-parse", "HEAD").strip(),
        "uncommitted_changes": bool(changed),
        "machine": {
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "load_before": round(os.getloadavg()[0], 1),
        },
    }


def cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
