"""Renders docs/mast.md from the measurements. What was not measured is said to be missing."""

from figures_page import machine, missing, origins, table

HEAD = """# On the mast

This page is written by `make mast` from the measurements in `docs/mast/`, which hold commit, machine, command, seed and count of each; do not edit it. All of
it is about the program as it is installed on boards (`deploy/dist.sh`). The speed of the model stands in [performance.md](performance.md), what becomes of alerts
in faults in [delivery.md](delivery.md).
"""

#: What an issue of the mast asks for.
MOST_MEMORY_MB, MOST_PROGRAM_MB, MOST_INSTALLED_MB, MOST_EXPOSURE = 120, 20, 25, 1.5
MOST_NOTICED_S, MOST_WELL_S, MOST_BOARDS_MIN = 10, 5, 15
#: What Frigate's documentation gives for its detector on a processor, milliseconds of one detection (docs.frigate.video, "High CPU Usage",
#: "Choosing the Right Detector").
FRIGATE_MS = (50, 300)


def page(stored):
    sections = [idle, memory, day, start, faults, security, sizes, *([origins] if stored else [])]
    return HEAD + "".join("\n" + section(stored) for section in sections)


def against(value, most, unit):
    return f"the aim of at most {most} {unit} is {'met' if value <= most else '**missed**'}"


def idle(stored):
    text = "## An idle camera\n\n"
    if "idle" not in stored:
        return text + missing("`make mast`")
    entry = stored["idle"]
    result = entry["result"]
    size, versions = "×".join(map(str, result["size"])), result["versions"]
    text += (
        f"A drawn campsite where nothing moves, with the noise of a sensor, as an MJPEG stream over HTTP of {size} at {result['fps']} frames a second. {versions['bearwatch']} and "
        f"{versions['motion']} take the very same stream at the same time, for {result['seconds']} s on {machine(entry)}; processor time by the kernel's account. Motion compares pixels, "
        f"and starts an event when enough of them change; bearwatch looks for animals in every frame that it has time for, moving or not.\n\n"
    )
    rows = []
    for one in result["runs"]:
        for name in ("bearwatch", "motion"):
            took = one[name]
            told = f"bearwatch, `perceive.regions = \"{one['regions']}\"`" if name == "bearwatch" else "Motion beside it"
            looked = f"{one['looked_at']} of {one['frames']}" if name == "bearwatch" else "–"
            rows.append([told, f"{took['percent_of_a_core']:.1f} %", f"{took['mb']:.0f}", f"{took['most_mb']:.0f}", took["threads"], looked])
    text += table(["", "of one core", "memory, MB", "most memory, MB", "threads", "frames looked at"], rows)
    low, high = (f"{5 * ms / 10:.0f}" for ms in FRIGATE_MS)
    return text + (
        f"\nFrigate was not run here. Its documentation gives no share for an idle camera; of its detector on a processor it says {FRIGATE_MS[0]} to {FRIGATE_MS[1]} ms a detection, \"testing "
        f"only, not production use\" (docs.frigate.video, \"High CPU Usage\", \"Choosing the Right Detector\"). One detection in each of 5 frames a second would be {low} to {high} % of a "
        f"core, beside decoding and motion; while nothing moves it makes none.\n"
    )


def memory(stored):
    text = "## Resident memory\n\n"
    if "idle" not in stored:
        return text + missing("`make mast`")
    most = max(one["bearwatch"]["most_mb"] for one in stored["idle"]["result"]["runs"])
    return text + f"At most {most:.0f} MB in the runs above, with `MALLOC_ARENA_MAX=1` as the unit has it: {against(most, MOST_MEMORY_MB, 'MB')}.\n"


#: Readings of the day, as they are told.
HELD = {
    "memory_mb": "resident memory, MB",
    "open_files": "open files",
    "threads": "threads",
    "store_files": "files in its folder",
    "store_mb": "size of its folder, MB",
    "log_kb": "log, kB",
}


def day(stored):
    text = "## A day, in a hurry\n\n"
    if "day" not in stored:
        return text + missing("`make mast`")
    result = stored["day"]["result"]
    first, last = result["readings"][0], result["readings"][-1]
    frames, alerts = result["frames"], result["alerts"]
    text += (
        f"The daemon takes as many frames as a camera at {result['fps']} frames a second gives in 24 hours, in {last['at_s'] / 60:.0f} minutes: raw frames of {'×'.join(map(str, result['size']))} from a "
        f"program, through which a drawn bear walks every eight seconds, against a real Mosquitto. **What is hurried** is the frames, the bears (pauses between alerts are off) and the telemetry "
        f"(every half second, the least that is taken). What goes by the clock alone, as the ten minutes after which telemetry of a time without connection is written, is not hurried, and the smaller picture "
        f"makes memory smaller than above: it is growth that is looked for.\n\n"
        f"* Frames: {frames['seen']} seen, {frames['inferred']} looked at, {frames['dropped']} given up for newer ones\n"
        f"* Alerts: {alerts['opened']} opened, {alerts['closed']} closed, {alerts['messages']} messages received, {alerts['missing']} missing\n"
        f"* Telemetry: {result['telemetry']} messages received; a day has {24 * 360}\n\n"
    )
    most = max(result["readings"], key=lambda one: one["memory_mb"])
    rows = [[told, first[key], most[key] if key == "memory_mb" else max(one[key] for one in result["readings"]), last[key]] for key, told in HELD.items()]
    return text + table(["", f"after {first['at_s']} s", "most", f"at the end, after {last['at_s']} s"], rows)


def start(stored):
    text = "## From the start to the first look\n\n"
    if "start" not in stored:
        return text + missing("`make mast`")
    result = stored["start"]["result"]
    text += (
        f"Instructions of the 64-bit ARM program, in millions, counted under emulation of the program alone ({result['qemu']}): the board's own boot is not in it. One picture of 1280×720, whole frame. "
        f"`detect` is one thread and repeatable; the daemon, with store, broker and all threads, from the start of the process to its end, is the median of {result['repeats']}, and more than the way to the "
        f"first look by what it tells afterwards.\n\n"
    )
    rows = []
    for one in result["counts"]:
        spread = f"{millions(one['daemon'])} ({millions(one['daemon_least'])} to {millions(one['daemon_most'])})"
        rows.append([f"`{one['processor']}`", millions(one["first_look"]), millions(one["next_look"]), spread])
    text += table(["", "`detect`: start to first look", "the next picture", "the daemon's whole life with one picture"], rows)
    text += "\n**Estimated, not measured**, by the rule of [performance.md](performance.md): instructions / (clock × instructions per cycle assumed); half or twice as much would be no surprise.\n\n"
    rows = [[board["board"], *(f"{on_board(result, board, key):.2f}" for key in ("first_look", "daemon"))] for board in result["boards"]]
    return text + table(["board", "start to first look, s", "the daemon's whole life with one picture, s"], rows)


def on_board(result, board, key):
    """Seconds, estimated from what was counted."""
    counts = {one["processor"]: one for one in result["counts"]}[board["counted_on"]]
    return counts[key] / (board["ghz"] * 1e9 * board["per_cycle"])


def millions(count):
    return f"{count / 1e6:.0f}"


#: Each with rows of its own.
BOARDS = ["short", "camera", "faults", "system", "armhf"]


def faults(stored):
    text = "## Faults\n\n"
    rows = [row for name in BOARDS if name in stored for row in stored[name]["result"]["rows"]]
    if not rows:
        return text + missing("`make mast`")
    text += (
        "What `make board` does to whole emulated boards, and after how many seconds it was noticed and well again (from the end of the fault). **Seconds under emulation**, where everything takes ten "
        "times as long as on a board and more: what waits by the clock is true, what computes is not.\n\n"
    )
    text += table(["what was done", "noticed after, s", "well again after, s"], [[row["what"], row["noticed_s"], row["well_s"]] for row in rows])
    if out := [f"`{name}`" for name in BOARDS if name not in stored]:
        text += "\n" + missing(f"the boards {', '.join(out)} (`tests/board/`); `make mast`")
    took = [stored[name]["result"]["took_s"] for name in BOARDS if "took_s" in stored.get(name, {"result": {}})["result"]]
    if len(took) == len(BOARDS):
        text += f"\nAll {len(BOARDS)} boards took {sum(took) / 60:.0f} minutes on {machine(stored['system'])}; the aim is {MOST_BOARDS_MIN}.\n"
    late = [row["what"] for row in rows if over(row["noticed_s"], MOST_NOTICED_S) or over(row["well_s"], MOST_WELL_S)]
    text += f"\nThe aim is {MOST_NOTICED_S} s to notice and {MOST_WELL_S} s to be well again. " + (f"Beyond it: {'; '.join(late)}.\n" if late else "Nothing is beyond it.\n")
    if late and "start" in stored:
        result = stored["start"]["result"]
        seconds = [on_board(result, board, "first_look") for board in result["boards"]]
        text += (
            f"\nWhere the daemon is started anew, the pause of the unit (`RestartSec`) is in it, and a start of the program: most of the seconds here, and {min(seconds):.1f} to "
            f"{max(seconds):.1f} s on boards as estimated [above](#from-the-start-to-the-first-look).\n"
        )
    return text


def over(cell, most):
    try:
        return float(cell) > most
    except ValueError:
        return False


def security(stored):
    text = "## How closed it is\n\n"
    if "security" not in stored:
        return text + missing("`make mast`")
    result = stored["security"]["result"]
    text += f"`systemd-analyze security` (systemd {result['systemd']}), from 0, closed, to 10, open:\n\n"
    text += table(["unit", "exposure"], [[f"`{one['unit']}`", one["exposure"]] for one in result["units"]])
    return text + f"\nFor both, {against(max(one['exposure'] for one in result['units']), MOST_EXPOSURE, 'points')}.\n"


def sizes(stored):
    text = "## Size\n\n"
    if "sizes" not in stored:
        return text + missing("`make mast`")
    result = stored["sizes"]["result"]
    mb = lambda count: f"{count / 1e6:.1f}"
    text += "Stripped, with the model inside, MB:\n\n"
    rows = [[name, *(mb(one[key]) for key in ("program", "installed", "package")), one["commit"][:12]] for name, one in result.items()]
    text += table(["", "program", "installed, all files", "package", "of commit"], rows)
    if out := [name for name in ("amd64", "arm64", "armhf") if name not in result]:
        text += "\n" + missing(f"{', '.join(out)}; `make mast`")
    program, installed = (max(one[key] for one in result.values()) / 1e6 for key in ("program", "installed"))
    return text + f"\nProgram: {against(program, MOST_PROGRAM_MB, 'MB')}. Installed: {against(installed, MOST_INSTALLED_MB, 'MB')}. [boards.md](boards.md#size) has what was done for it.\n"
