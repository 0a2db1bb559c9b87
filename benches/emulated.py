"""64-bit ARM processors under emulation: instructions counted by a plugin of qemu (benches/instructions/prepare.sh), and what they may mean on boards."""

import os
import re
import subprocess
import sys

#: What qemu plays, with what its /proc/cpuinfo would say: libraries choose their kernels by it. (qemu's name, implementer, part, features;
#: "max" with the vectors of 128 bits that small cores have.)
PROCESSORS = {
    "cortex-a72": ("cortex-a72", "0x41", "0xd08", "fp asimd evtstrm crc32 cpuid"),
    "neoverse-n1": ("neoverse-n1", "0x41", "0xd0c", "fp asimd evtstrm crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"),
    "max": ("max,sve-default-vector-length=16", "0x00", "0x051", "fp asimd evtstrm crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp i8mm bf16"),
}
#: Boards: the processor whose count stands for theirs (the A76 is the N1's sister, the A53 has the A72's instruction set), its clock,
#: and instructions per cycle: an ASSUMPTION. Nothing here was measured on a board; half or twice as much would not be a surprise.
BOARDS = [
    {
        "board": "Raspberry Pi 4",
        "core": "Cortex-A72",
        "counted_on": "cortex-a72",
        "ghz": 1.5,
        "per_cycle": 1.3,
        "why": "three instructions wide, but only one of its two vector pipes multiplies integers",
    },
    {
        "board": "Raspberry Pi 5",
        "core": "Cortex-A76",
        "counted_on": "neoverse-n1",
        "ghz": 2.4,
        "per_cycle": 2.2,
        "why": "four wide with two full vector pipes, less what waits for memory",
    },
    {
        "board": "Raspberry Pi Zero 2 W",
        "core": "Cortex-A53",
        "counted_on": "cortex-a72",
        "ghz": 1.0,
        "per_cycle": 0.8,
        "why": "two wide, in order: it waits for each load, and a 128-bit vector instruction takes its only full-width slot",
    },
]


def count(command, processor, place, threads=1):
    """Instructions of a command from start to end. `place`: the folder that benches/instructions/prepare.sh has made. One counter for all is quick, and loses
    some where several threads count; with `threads` above one each has its own."""
    pretend(processor, place / "root")
    emulated = [place / "qemu-aarch64", "-cpu", PROCESSORS[processor][0], "-L", place / "root", "-d", "plugin", "-D", place / "count"]
    emulated += ["-plugin", f"{place / 'libinsn.so'},inline={'on' if threads == 1 else 'off'}"]
    # Without its seed Python's dictionaries, and so the count, differ from start to start.
    python = {"PYTHONHASHSEED": "0", "PYTHONHOME": "/usr", "PYTHONPATH": str(place / "root" / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    said([*emulated, *command], {"PATH": os.environ["PATH"], **python})
    found = re.findall(r"^(?:total )?insns: (\d+)$", (place / "count").read_text(), re.MULTILINE)
    return int(found[-1])


def pretend(processor, root):
    """Files in place of the host's, which describe another processor: qemu looks below -L first."""
    _, implementer, part, features = PROCESSORS[processor]
    files = {
        "proc/cpuinfo": f"processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: {features}\nCPU implementer\t: {implementer}\n"
        f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 3\n\n",
        **{f"sys/devices/system/cpu/{name}": "0\n" for name in ("possible", "present", "online")},
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def said(command, env=None):
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout
