#!/usr/bin/env python3
"""demo.py SUMMARY: fails where the demo missed more than one of its bears, alarmed for nothing, or showed none."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    summary = json.load(file)

faults = []
if summary["bears_shown"] < 3:
    faults.append(f"only {summary['bears_shown']} bears were shown")
if summary["missed"] > 1:
    faults.append(f"{summary['missed']} of {summary['bears_shown']} bears were missed")
if summary["false_alarms"]:
    faults.append(f"{summary['false_alarms']} false alarms")
if faults:
    sys.exit(f"demo, seed {summary['seed']}: " + "; ".join(faults))
print(f"demo, seed {summary['seed']}: {summary['found']} of {summary['bears_shown']} bears found, no false alarm")
