"""Faults of what a person gave: told in one line, without a traceback."""

import sys


class Fault(Exception):
    """Something that the person who called can mend; the message says how."""


def told(main):
    """Decorates a `main` so that a Fault ends the program with exit code 65 and its message."""

    def run():
        try:
            main()
        except Fault as fault:
            print(f"error: {fault}", file=sys.stderr)
            sys.exit(65)

    return run
