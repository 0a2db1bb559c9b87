"""Real programs beside ours: a broker of one's own, and what a process takes of the machine."""

import contextlib
import os
import shutil
import signal
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


class Postgres:
    """A PostgreSQL on a free port of loopback, in a temporary folder; as Debian's user `postgres` where we are root."""

    USER, PASSWORD = "bears", "honey and salmon"

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.password_file = folder / "password"
        self.password_file.write_text(self.PASSWORD + "\n")
        folder.chmod(0o777)
        self.run("initdb", "-U", self.USER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--pwfile", self.password_file, "-D", folder / "data")
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories="]
        command = self.command("postgres", "-D", folder / "data", "-p", str(self.port), *(word for setting in settings for word in ("-c", setting)))
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        until_it_listens(self.port, "PostgreSQL")
        self.sql("postgres", "CREATE DATABASE park TEMPLATE template0")
        self.address = f"postgres://{self.USER}@127.0.0.1:{self.port}/park?password-file={self.password_file}"

    @staticmethod
    def command(name, *words):
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        if not installed:
            raise Failed(f"{name} is not installed: apt-get install postgresql")
        return [*as_user, installed[-1], *words]

    def run(self, *words):
        done = subprocess.run(self.command(*words), cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{words[0]}: {done.stderr}")

    def sql(self, database, text):
        command = ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", self.USER, "-XAtc", text, database]
        for _ in range(100):
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PGPASSWORD": self.PASSWORD})
            if done.returncode == 0:
                return done.stdout.strip()
            time.sleep(0.1)
        raise Failed(f"psql: {done.stderr}")

    def cpu_s(self):
        """Processor time of all of its processes, also of those that have ended, seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        gone = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return cpu_s(self.process.pid) + gone + sum(cpu_s(child) for child in children)


@contextlib.contextmanager
def postgres():
    with tempfile.TemporaryDirectory() as name:
        server = Postgres(Path(name))
        try:
            yield server
        finally:
            server.process.send_signal(signal.SIGINT)
            server.process.wait(30)


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


def until_it_listens(port, what="Mosquitto"):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
    raise Failed(f"{what} did not start")


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
