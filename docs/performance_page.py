"""Renders docs/performance.md from the measurements. What was not measured is said to be missing, with the reason where there is one."""

from figures_page import machine, missing, origins, table

HEAD = """# Beside others

This page is written by `make performance` from the measurements in `docs/performance/`, which hold commit, machine, command, seed and
count of each; do not edit it. Other runtimes are what PyPI and Debian ship, with one thread, asked by their own interfaces.
"""


def page(stored):
    sections = [latency, numerics, instructions, estimates, frames, daemon, *([origins] if stored else [])]
    return HEAD + "".join("\n" + section(stored) for section in sections)


def latency(stored):
    text = "## The network alone, milliseconds\n\n"
    if "latency" not in stored:
        return text + missing("`make performance`")
    entry = stored["latency"]
    versions = ", ".join(f"{name} {version}" for name, version in entry["result"]["versions"].items())
    text += (
        f"One thread on one core of {machine(entry)}, batch 1, {entry['count']} runs of each in turns with all others, each after a run that does not "
        f"count. {versions}. A runtime's fastest form is shown. bearwatch, the forms with bytes in and LiteRT int8 take a picture as bytes, "
        f"the others as float32. Likeness is the cosine of the output to that of onnxruntime in float on the same picture: a low one says that "
        f"quantising, or the runtime, changed what is computed. GMAC are the milliards of multiplications of one inference, counted from "
        f"the shapes of its convolutions.\n"
    )
    return text + "".join(one_network(network) for network in entry["result"]["networks"])


def one_network(network):
    text = f"\n### {titled(network)}\n\n{network['note'][0].upper()}{network['note'][1:]}.\n\n"
    fastest, rows = best(network["contenders"]), []
    for one in sorted(fastest, key=lambda one: one["ms"]["p50"]):
        ms = one["ms"]
        isa = f" ({one['isa']})" if one["name"] == "bearwatch int8" else ""
        form = "" if one["form"] == "float" else one["form"]
        rows.append([one["name"] + isa, *(f"{ms[key]:.2f}" for key in ("p50", "least", "p25", "p75")), f"{one['likeness']:.3f}", form])
    text += table(["runtime", "median", "least", "p25", "p75", "likeness", "form"], rows)
    out = [f"{one['name']} ({one['not_measured']})" for one in network["contenders"] if "not_measured" in one]
    return text + (f"\nNot measured: {'; '.join(out)}.\n" if out else "")


def titled(network):
    return f"{network['title']}, {network['side']}×{network['side']}, {network['gmac']:.2f} GMAC"


def best(contenders):
    """Of each runtime and arithmetic the fastest form."""
    found = {}
    for one in contenders:
        known = found.get(one["name"])
        if "ms" in one and (known is None or one["ms"]["p50"] < known["ms"]["p50"]):
            found[one["name"]] = one
    return list(found.values())


def numerics(stored):
    text = "## Are the int8 outputs the same?\n\n"
    found = stored.get("latency", {}).get("result", {}).get("numerics")
    if not found:
        return text + missing("`make performance`")
    text += (
        f"bearwatch's operators ({found['isa']}) against onnxruntime on `{found['file']}`: {found['pictures']} pictures of `bears/val`, the "
        f"{found['rows']} rows with a score above {found['least_score']} in either. Absolute differences:\n\n"
    )
    rows = [[name, *(f"{found[key][at]:.{digits}f}" for at in ("p50", "p99", "most"))] for name, key, digits in (("box, pixels of the input", "box_px", 3), ("score", "score", 5))]
    return text + table(["", "median", "p99", "most"], rows)


def instructions(stored):
    text = "## Instructions of one inference on 64-bit ARM\n\n"
    if "instructions" not in stored:
        return text + missing("`make performance`")
    result = stored["instructions"]["result"]
    few, many, others = result["few"], result["many"], result["many_others"]
    text += (
        f"Millions, counted under emulation ({result['qemu']}) as ({many} runs − {few} run) / {many - few}, onnxruntime's as ({others} runs − {few} run) / {others - few}: repeatable to 0.01 %, and no "
        f"measure of time: instructions differ in what they cost. The Cortex-A72 has no int8 dot product, the Neoverse N1 has it, `max` is all that "
        f"the emulator knows (vectors of 128 bits). A runtime's leanest form is shown; other runtimes, and `max`, were counted on the committed model alone.\n"
    )
    for network in result["networks"]:
        counts = leanest(network)
        shown = [name for name in PROCESSORS if any(name in one for one in counts.values())]
        millions = lambda one, processor: f"{one[processor]['per_run'] / 1e6:.1f}" if processor in one else "–"
        rows = [[name, *(millions(one, processor) for processor in shown)] for name, one in counts.items()]
        text += f"\n### {titled(network)}\n\n" + table(["runtime", *(f"`{name}`" for name in shown)], rows)
    return text


PROCESSORS = ["cortex-a72", "neoverse-n1", "max"]


def leanest(network):
    """Of each runtime and arithmetic the least count, by processor."""
    found = {}
    for one in network["counts"]:
        known = found.setdefault(one["name"], {})
        if one["processor"] not in known or one["per_run"] < known[one["processor"]]["per_run"]:
            known[one["processor"]] = one
    return found


def estimated_ms(counted, board):
    """Of one inference, from the least counts of a runtime by processor."""
    return counted[board["counted_on"]]["per_run"] / (board["ghz"] * 1e6 * board["per_cycle"])


def estimates(stored):
    text = "## An estimate for boards\n\n"
    if "instructions" not in stored:
        return text + missing("`make performance`")
    result = stored["instructions"]["result"]
    text += (
        "**Estimated, not measured**: instructions / (clock × instructions per cycle), milliseconds of one inference on one core. The instructions "
        "per cycle are assumed, the same for every runtime; half or twice as much would be no surprise, and a runtime that "
        "waits for memory is flattered. For orders of magnitude only.\n"
    )
    for network in result["networks"]:
        counts = leanest(network)
        rows = []
        for board in result["boards"]:
            rows.append([board["board"], *(f"{estimated_ms(one, board):.0f}" for one in counts.values())])
        text += f"\n### {titled(network)}\n\n" + table(["board", *counts], rows)
    text += "\n"
    for board in result["boards"]:
        text += (
            f"* {board['board']}: {board['core']} at {board['ghz']} GHz, counted on `{board['counted_on']}`; {board['per_cycle']} instructions per cycle "
            f"assumed: {board['why']}\n"
        )
    return text


def frames(stored):
    text = "## From camera bytes to the network's input\n\n"
    if "frames" not in stored:
        return text + missing("`make performance`")
    entry = stored["frames"]
    result = entry["result"]
    text += (
        f"Microseconds of one frame of {result['size']}, {result['pictures']}, one thread, {machine(entry)}. Of programs that only run as a whole, the "
        f"processor time of {result['frames']} frames less that of {result['few']}, median of {result['repeats']}.\n\n"
    )
    rows = [[one["what"], f"{one['us']:.0f}" if "us" in one else f"not measured: {one['not_measured']}"] for one in result["paths"]]
    return text + table(["path", "µs a frame"], rows)


def daemon(stored):
    text = "## In the daemon\n\n"
    if "daemon" not in stored:
        return text + missing("`make performance`")
    entry = stored["daemon"]
    limit = entry["result"]["roofline"]
    text += (
        f"`bearwatch bench --roofline` on {machine(entry)}: {limit['gmac']:.3f} GMAC of int8 a run at {limit['gmac_per_s']:.0f} GMAC/s; this core's most, from "
        f"registers alone, is {limit['peak_gmac_per_s']:.0f} GMAC/s, of which the model reaches {limit['percent_of_peak']:.0f} %.\n\n"
        "`bearwatch bench --threads N`, a drawn camera of 1280×720 at 15 frames a second; N regions of a frame are looked at side by side. Milliseconds a frame, "
        "median and 95th percentile. Ready: from the start of the process, model loaded and store open, to where the first frame can come.\n\n"
    )
    spread = lambda stage: f"{stage['p50_ms']:.1f} / {stage['p95_ms']:.1f}"
    rows = []
    for one in entry["result"]["threads"]:
        stages, frames = one["stages"], one["frames"]
        rows.append([one["threads"], *(spread(stages[name]) for name in ("inference", "prepare")), f"{frames['inferred']} of {frames['seen']}", one["start_ms"]])
    return text + table(["threads", "inference, all regions", "prepare", "frames looked at", "ready, ms"], rows)
