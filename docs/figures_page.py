"""Renders docs/figures.md from the measurements. What was not measured is said to be missing, never left out."""

HEAD = """# Figures

This page is written by `make figures` from the measurements in `docs/figures/`, which hold commit, machine, command, seed and
count of each; do not edit it. AP is that of the COCO tools. "Recall at 1 %" is the share of bears found (IoU ≥ 0.5) when the
threshold lets at most 1 % of the pictures without a bear hold a bear box; brackets hold 95 % bootstrap intervals over pictures.
"""

STAGES = {
    "decode": "decode: camera bytes to pixels",
    "prepare": "prepare: light, regions, resampling",
    "inference": "inference: the model on all regions of a frame",
    "perceive": "perceive: boxes, tracks, evidence",
    "publish": "publish: snapshot, message, commit to disk",
    "capture_to_puback": "capture to acknowledgement of the broker",
}


def page(stored):
    sections = [accuracy, trailcam, speed, soak, ci, code, origins]
    return HEAD + "".join("\n" + section(stored) for section in sections)


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def missing(what):
    return f"Not measured yet: {what}.\n"


def accuracy(stored):
    text = "## Bears on `bears/val`\n\n"
    rows = [row for row in (model_row(stored.get("base_val"), "YOLOX-Nano, float, COCO class bear"), model_row(stored.get("val"), None)) if row]
    if not rows:
        return text + missing("`BEARWATCH_DATA` and `make figures`")
    text += table(["model", "AP", "AP50", "recall at 1 %", "pictures", "without a bear"], rows)
    if "base_val" not in stored:
        text += "\n" + missing("the float base: `BEARWATCH_WEIGHTS` and `make figures`")
    elif "val" in stored:
        text += "\n" + compared(bear(stored["base_val"]), bear(stored["val"]))
    if "val" in stored:
        text += "\n" + as_set(stored["val"])
    return text


def bear(entry):
    return entry["result"]["classes"]["bear"]


def model_row(entry, name):
    if not entry:
        return None
    figures, data = bear(entry), entry["result"]["data"]
    recall = figures["recall_at"]["0.01"]
    model = entry["result"]["model"]
    ap50 = f"{figures['ap50']:.3f} {interval(figures['ap50_ci95'])}"
    found = f"{recall['recall']:.3f} {interval(recall['ci95'])}" if recall else "–"
    return [name or f"{model['name']}, int8, as bearwatch runs it", f"{figures['ap']:.3f}", ap50, found, data["images"], data["negatives"]]


def interval(pair):
    return f"[{pair[0]:.3f}, {pair[1]:.3f}]" if pair else ""


def compared(base, ours):
    def word(ours, base):
        return "at least as good as" if ours >= base else "worse than"

    text = f"In AP50 the int8 model is {word(ours['ap50'], base['ap50'])} the float base"
    recalls = [figures["recall_at"]["0.01"] for figures in (base, ours)]
    if all(recalls):
        text += f", in recall at 1 % it is {word(recalls[1]['recall'], recalls[0]['recall'])} it"
    return text + ".\n"


def as_set(entry):
    point = bear(entry)["operating_point"]
    return (
        f"At the operating point of the card ({point['threshold']:.4f}): recall {point['recall']:.3f} {interval(point['ci95'])}, "
        f"{point['false_alarm_pictures']} of {entry['result']['data']['negatives']} pictures without a bear raise a false alarm.\n"
    )


def trailcam(stored):
    text = (
        "## Camera traps, `trailcam`\n\nA small sample: counts, no shares. Ours at the operating point of its card; the base at the threshold of its "
        "recall at 1 % on `bears/val`, since it has no operating point of its own.\n\n"
    )
    rows = []
    for key, name in (("base_trailcam", "YOLOX-Nano, float, COCO class bear"), ("trailcam", None)):
        if key in stored:
            entry, figures = stored[key], bear(stored[key])
            point = figures["operating_point"]
            hits = round((point["recall"] or 0) * figures["boxes"])
            of = entry["result"]["data"]["negatives"]
            name = name or f"{entry['result']['model']['name']}, int8"
            rows.append([name, f"{point['threshold']:.4f}", f"{hits} of {figures['boxes']}", f"{point['false_alarm_pictures']} of {of}"])
    if "trailcam" not in stored:
        return text + missing("`BEARWATCH_DATA` and `make figures`")
    return text + table(["model", "threshold", "bears found", "false pictures"], rows)


def speed(stored):
    text = "## Speed, memory, size\n\n"
    if "bench" not in stored:
        return text + missing("`make figures`")
    entry = stored["bench"]
    report, frames = entry["result"], entry["result"]["frames"]
    text += (
        f"Simulated camera of 1280×720 at 15 frames a second for {report['seconds']:.0f} s, {report['threads']} thread, {built(entry)}, on "
        f"{machine(entry)}: {frames['seen']} frames seen, {frames['dropped']} given up for newer ones, {frames['inferred']} looked at, "
        f"{frames['deadline_misses']} past the budget of 500 ms. Milliseconds:\n\n"
    )
    rows = []
    for stage, name in STAGES.items():
        q = report["stages"].get(stage)
        rows.append([name, *(f"{q[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")), q["count"]] if q else [name, "–", "–", "–", 0])
    text += table(["stage", "median", "p95", "p99", "measured"], rows)
    text += f"\n* Resident memory: {report['memory_mb']:.0f} MB\n"
    if "start" in stored:
        start = stored["start"]
        s = start["result"]
        text += f"* From the start of the process to ready for the first frame: {s['median_ms']} ms, median of {start['count']} ({s['least_ms']} to {s['most_ms']}), {built(start)}\n"
    if "size" in stored:
        text += f"* Size of the binary, model inside: {stored['size']['result']['bytes'] / 1e6:.1f} MB, {built(stored['size'])}\n"
    if "draw" in stored:
        q = stored["draw"]["result"]
        text += f"* A frame of the simulated camera, {q['size']}: {q['p50_ms']:.1f} ms, p99 {q['p99_ms']:.1f} ms, {built(stored['draw'])}\n"
    return text


def built(entry):
    return {"dist": "built for boards (`--profile dist`)", "dev": "development build, with debug information"}[entry["profile"]]


def machine(entry):
    m = entry["machine"]
    return f"{m['cpu']}, {m['cores']} cores (load before: {m['load_before']})"


def soak(stored):
    text = "## Ten minutes of the daemon\n\n"
    if "soak" not in stored:
        return text + missing("`make endurance`, which `make figures` runs")
    r = stored["soak"]["result"]
    memory, frames, alerts = r["memory_mb"], r["frames"], r["alerts"]
    text += (
        f"`run` on the simulated camera at 15 frames a second for {r['minutes']:g} minutes, against a real Mosquitto:\n\n"
        f"* Memory: {memory['after_first_minute']} MB after the first minute, {memory['at_end']} MB at the end\n"
        f"* Frames: {frames['seen']} seen, {frames['dropped']} given up for newer ones, {frames['inferred']} looked at, {frames['bad']} bad\n"
        f"* Alerts: {alerts['opened']} opened, {alerts['opened_received']} received; {alerts['messages_received']} of "
        f"{alerts['messages_sent']} messages received\n"
    )
    return text + "".join(f"* FAULT: {fault}\n" for fault in r["faults"])


def ci(stored):
    text = "## Minutes of CI\n\n"
    if "ci" not in stored:
        return text + missing("`.ci/run`, then `make figures`")
    entry = stored["ci"]
    steps = entry["result"]["steps"]
    rows = [[f"`{step['step']}`", f"{step['minutes']:.1f}"] for step in steps]
    return text + table(["step", "minutes"], [*rows, ["all", f"{sum(s['minutes'] for s in steps):.1f}"]])


def code(stored):
    text = "## The code\n\n"
    if "code" not in stored:
        return text + missing("`make figures`")
    r = stored["code"]["result"]
    file, function = r["longest_file"], r["longest_function"]
    return text + (
        "Lines without blanks and comments:\n\n"
        f"* Rust: {r['code_lines']} of the program, {r['test_lines']} of tests; Python: {r['python_lines']}; shell: {r['shell_lines']}\n"
        f"* Longest file of `src`: `{file['file']}`, {file['lines']} lines with everything in it\n"
        f"* Longest function: `{function['function']}` in `{function['file']}`, {function['lines']} lines; of {r['functions']} functions "
        f"the median has {r['median_function']}, nine in ten have at most {r['p90_function']}\n"
    )


def origins(stored):
    text = "## Where each figure comes from\n\n"
    if not stored:
        return text + missing("`make figures`")
    rows = []
    for name, entry in stored.items():
        sha256 = entry["result"].get("model", {}).get("sha256", "")
        commit = entry["commit"][:12] + (" and changes" if entry["uncommitted_changes"] else "")
        rows.append([f"`{name}`", commit, sha256[:12] or "–", entry.get("seed", "–"), entry["count"], f"`{entry['command']}`"])
    return text + table(["figure", "commit", "model", "seed", "count", "command"], rows)
