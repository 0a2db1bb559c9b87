"""benches/network.rs as a contender: bearwatch's own operators, or tract without them."""

import json
import subprocess

import numpy as np


class Served:
    """A process that waits for its turn: "run" and "infer IN OUT" are answered by the milliseconds of the run."""

    def __init__(self, program, file, operators, network, picture, work):
        command = [program, "--model", file, "--operators", operators, "--side", network.side]
        command = [str(word) for word in command]
        self.places = [work / f"{network.name}.{operators}.{end}" for end in ("in.f32", "out.f32")]
        report = json.loads(ran([*command, "--runs", "1"]))
        self.about = {key: report[key] for key in ("isa", "operators_in_plan")}
        self.process = subprocess.Popen([*command, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.picture = picture

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        try:
            return float(answer)
        except ValueError:
            raise RuntimeError(f"benches/network.rs answered {answer!r} to {line!r}") from None

    def run_ms(self):
        return self.ask("run")

    def infer(self, picture):
        source, target = self.places
        picture.astype("<f4").tofile(source)
        self.ask(f"infer {source} {target}")
        return np.fromfile(target, "<f4")

    def output(self):
        return self.infer(self.picture)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class NotServed(Exception):
    """What the program said instead."""


def ran(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no word"]
        raise NotServed(next((line for line in lines if "Error" in line or "error" in line), lines[-1])[:200])
    return done.stdout
