"""What endurance.sh heard becomes figures and a verdict. Each line of --heard is a topic and a JSON message."""

import argparse
import json
import sys
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heard", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--growth-mb", type=float, required=True, help="most growth of memory after the first minute")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    alerts, telemetry = read(args.heard)
    report = {
        "minutes": args.minutes,
        "model": alerts[0]["model"] if alerts else {},
        "memory_mb": memory(telemetry, args.growth_mb),
        "frames": telemetry[-1]["frames"] if telemetry else None,
        "alerts": count(alerts, telemetry),
    }
    report["faults"] = faults(report)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n")
    tell(report, args.out)
    sys.exit(1 if report["faults"] else 0)


def read(heard):
    alerts, telemetry = [], []
    for line in heard.read_text().splitlines():
        topic, message = line.split(" ", 1)
        (alerts if topic.endswith("/alert") else telemetry).append(json.loads(message))
    return alerts, telemetry


def memory(telemetry, bound):
    """Resident memory at the first reading after a minute, and at the last; that of the very end, when the model is gone, does not count."""
    readings = [(t["uptime_ms"] / 1000, t["memory_mb"]) for t in telemetry[:-1]]
    settled = [mb for uptime_s, mb in readings if uptime_s >= 60]
    if len(settled) < 2:
        return {"after_first_minute": None, "at_end": None, "most": None, "growth": None, "bound": bound}
    first, last = settled[0], settled[-1]
    minutes = {int(uptime_s // 60): round(mb, 1) for uptime_s, mb in readings}
    return {
        "after_first_minute": round(first, 1),
        "at_end": round(last, 1),
        "at_each_minute": list(minutes.values()),
        "most": round(max(settled), 1),
        "growth": round(last - first, 1),
        "bound": bound,
    }


def count(alerts, telemetry):
    """What arrived; sequence numbers and ids count from 0 and 1 without a gap where nothing is lost."""
    of_state = {state: {a["id"] for a in alerts if a["state"] == state} for state in ("opened", "updated", "closed")}
    numbers = {a["seq"] for a in alerts}
    ids = {int(a["id"].rsplit("-", 1)[-1]) for a in alerts}
    return {
        "messages_sent": max(numbers, default=-1) + 1,
        "messages_received": len(numbers),
        "repeats": len(alerts) - len(numbers),
        "opened": max(ids, default=0),
        "opened_received": len(of_state["opened"]),
        "closed_received": len(of_state["closed"]),
        "counted_lost": telemetry[-1]["messages"]["lost_alerts"] if telemetry else None,
        "waiting_at_last_telemetry": telemetry[-1]["messages"]["waiting"] if telemetry else None,
    }


def faults(report):
    memory, alerts, frames = report["memory_mb"], report["alerts"], report["frames"]
    found = []
    if memory["growth"] is None:
        found.append("there is no telemetry from after the first minute: run it for two minutes at least")
    elif memory["growth"] > memory["bound"]:
        found.append(f"memory has grown by {memory['growth']} MB, more than {memory['bound']:g}")
    if alerts["opened"] == 0:
        found.append("no alert was opened, so nothing was shown of their way")
    if alerts["messages_received"] < alerts["messages_sent"]:
        found.append(f"{alerts['messages_sent'] - alerts['messages_received']} alert messages did not arrive")
    # The daemon closes what is open when it ends, so that a lost end shows.
    for step in ("opened", "closed"):
        if alerts[f"{step}_received"] < alerts["opened"]:
            found.append(f"{alerts['opened'] - alerts[f'{step}_received']} alerts were never heard to be {step}")
    if alerts["counted_lost"]:
        found.append(f"the daemon itself counts {alerts['counted_lost']} lost alerts")
    if frames and frames["seen"] < frames["inferred"] + frames["dropped"] + frames["bad"]:
        found.append("more frames were inferred, dropped or bad than seen")
    return found


def tell(report, out):
    memory, alerts, frames = report["memory_mb"], report["alerts"], report["frames"]
    print(f"memory   {memory['after_first_minute']} MB after the first minute, {memory['at_end']} MB at the end")
    if frames:
        print("frames   {seen} seen, {dropped} given up for newer ones, {inferred} looked at, {bad} bad".format(**frames))
    print("alerts   {opened} opened, {opened_received} received; {messages_received} of {messages_sent} messages".format(**alerts))
    for fault in report["faults"]:
        print(f"FAULT    {fault}")
    print(f"figures  {out}")


if __name__ == "__main__":
    main()
