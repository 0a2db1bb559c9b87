"""Renders docs/delivery.md from what was played and measured."""

from figures_page import missing, origins, table

HEAD = """# Delivery

This page is written by `make faults` from `docs/delivery/`, which holds commit, machine, command, seeds and counts; do not edit it.

The real program watches a drawn bear and tells a real Mosquitto, while something fails: the network between them (a TCP proxy that knows MQTT, nft and tbf between
network namespaces), the broker, the daemon, the clock (libfaketime), the disk (a full ext4), certificates, names. Power cuts, failing and slow disks and damaged files are
played in memory below the outbox, whose code is the daemon's. What the daemon decided is known from what it keeps on the device for review before it commits anything; the
desk (mosquitto_sub) must hear exactly that. In a round something fails while alerts go on; it ends, and all must be there. A round whose fault did nothing has
failed.
"""

#: Frigate at 01056cf, frigate/comms/mqtt.py: publish() returns where `self.connected` is false, and says so at level debug; there is no queue. Its configuration's
#: `qos` is 0 unless it is set.
FRIGATE = """## Beside it

As documented by their sources, not run here:

| | broker or network away | power cut while it is away | late messages | acknowledged by |
| --- | --- | --- | --- | --- |
| Frigate (`frigate/comms/mqtt.py`, commit 01056cf: `publish` returns while not connected; `mqtt.qos` is 0 unless set) | every message is dropped, a line at level debug | dropped | none: dropped | nobody at QoS 0 |
| bearwatch | kept on disk, sent afterwards | kept | marked, with their own time, boot and number | the broker (QoS 1) before it is forgotten; a ranger where `acknowledge.ladder` asks for one |
"""

TARGETS = {
    "drain": ("10,000 waiting alerts are sent", "≥ 500 a second"),
    "memory": ("resident memory with 100,000 waiting alerts, and with none", "the same"),
    "latency": ("capture to acknowledgement beyond the decision, 95th percentile, loopback", "≤ 50 ms"),
    "wear": ("written to a disk with ext4, its own journal among it, in a day at an alert a minute and telemetry every 10 s", "≤ 50 MB"),
    "recovery": ("from the end of a fault until all is there, 95th percentile (and most)", "≤ 5 s"),
}


def page(stored):
    return "\n".join([HEAD, faults(stored), figures(stored), FRIGATE, *([origins(stored)] if stored else [])])


def each(stored):
    return stored["faults"]["result"]["each"] if "faults" in stored else []


def faults(stored):
    text = "## Faults\n\n"
    if not each(stored):
        return text + missing("`make faults`")
    rows, sums = [], [0] * 6
    merged = {}
    for one in each(stored):
        merged.setdefault(one["fault"], []).append(one)
    for fault, parts in merged.items():
        counts = [sum(part.get(key, 0) for part in parts) for key in ("rounds", "messages", "lost", "phantom", "doubled", "disordered")]
        sums = [a + b for a, b in zip(sums, counts)]
        rows.append([fault, *(f"{count:,}" for count in counts), parts[0]["effect"]])
    rows.append(["all", *(f"{count:,}" for count in sums), ""])
    if not stored["faults"]["all_held"]:
        text += "**Not everything held in this run**: a round failed; what it lost or did not do stands in its log.\n\n"
    text += table(["fault", "rounds", "messages", "lost", "made up", "doubled", "overtook", "what the first round did"], rows)
    return text + "\nDoubled messages are allowed at QoS 1 and bear the same `boot` and `seq`. \"Overtook\" counts alerts that came after a newer one of the same life: the newest alert goes before what has waited longer, and what a broker refused is offered again later. Of power cuts, messages are counted that were given to the outbox.\n"


def figures(stored):
    found = dict(stored["figures"]["result"]) if "figures" in stored else {}
    recovery = sorted(seconds for one in each(stored) for seconds in one.get("recovery_s", []))
    if recovery:
        found["recovery"] = recovery
    rows = [[words, value(name, found[name]) if name in found else "not measured yet", target] for name, (words, target) in TARGETS.items()]
    return "## Figures\n\nIn the development profile.\n\n" + table(["what", "measured", "target"], rows)


def value(name, found):
    if name == "drain":
        return f"{found['per_second']:.0f} a second"
    if name == "memory":
        none, many = found["each"]
        return f"{many['resident_mb']:.1f} MB and {none['resident_mb']:.1f} MB (most: {many['most_mb']:.1f} and {none['most_mb']:.1f})"
    if name == "latency":
        whole = found["stages"]["capture_to_puback"]["p95_ms"]
        return f"{whole - found['decided_ms']['p95']:.0f} ms ({whole:.0f} less {found['decided_ms']['p95']:.0f})"
    if name == "wear":
        return f"{found['mb_a_day']:.0f} MB ({found['device_mb']:.2f} MB in {found['minutes']} minutes)"
    return f"{found[int(0.95 * (len(found) - 1))]:.1f} s ({found[-1]:.1f} s, of {len(found)})"
