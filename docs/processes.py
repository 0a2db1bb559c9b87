"""Real programs beside ours: a broker of one's own, and what a process takes of the machine."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from measured import Failed


def mosquitto():
    return shutil.which("mosquitto") or "/usr/sbin/mosquitto"


@contextlib.contextmanager
def broker():
    """A Mosquitto on a free port of loopback: the process and its port."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = Path(folder) / "conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\nmax_queued_messages 0\n")
        process = subprocess.Popen([mosquitto(), "-c", config])
        try:
            until_it_listens(port)
            yield process, port
        finally:
            ended(process)


def ended(process):
    """Asks it to end; its exit code. What does not end within ten seconds is killed."""
    process.terminate()
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until_it_listens(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
    raise Failed("Mosquitto did not start")


def cpu_s(pid):
    """Processor time of a process and all its threads, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    return of_status(pid, "VmRSS")


def peak_mb(pid):
    return of_status(pid, "VmHWM")


def of_status(pid, name):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6
