#!/usr/bin/env bash
# unit.sh: the systemd unit as systemd itself reads it. No mistake is let pass, and it stays as closed as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

# `systemd-analyze security` from 0 (closed) to 10 (open).
MOST_EXPOSURE=1.5

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unit=$folder/bearwatch.service

# The program is not installed where the unit expects it: a stand-in takes its place.
printf '#!/bin/sh\n' >"$folder/bearwatch"
chmod +x "$folder/bearwatch"
stand_in() { sed "s,^ExecStart=[^ ]*,ExecStart=$folder/bearwatch," "$1"; }
stand_in systemd/bearwatch.service >"$unit"

verify() { systemd-analyze verify --man=no --recursive-errors=no "$1" 2>&1; }

# systemd-analyze warns of unknown settings without failing: every word of it counts here.
said=$(verify "$unit") || true
[ -z "$said" ] || { printf 'systemd/bearwatch.service:\n%s\n' "$said" >&2; exit 1; }

# The check sees what it must.
sed 's/^WatchdogSec=.*/WatchDogSeconds=60/' "$unit" >"$folder/wrong.service"
said=$(verify "$folder/wrong.service") || true
[ -n "$said" ] || { echo "systemd-analyze let an unknown setting pass: this check is of no use" >&2; exit 1; }

exposure() {
    systemd-analyze security --offline=true --no-pager "$1" | sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p'
}
hold_closed() {
    local found
    found=$(exposure "$1")
    [ -n "$found" ] || { echo "systemd-analyze security gave no figure" >&2; exit 1; }
    awk "BEGIN { exit !($found <= $MOST_EXPOSURE) }" || {
        systemd-analyze security --offline=true --no-pager "$1" >&2
        echo "$1: exposure $found, at most $MOST_EXPOSURE" >&2
        exit 1
    }
    echo "systemd/$(basename "$1"): verified, exposure $found of 10"
}
hold_closed "$unit"

# What resets USB ports is root's, and as closed as that can be.
stand_in systemd/bearwatch-usb-reset.service >"$folder/bearwatch-usb-reset.service"
cp systemd/bearwatch-usb-reset.timer "$folder"
for other in "$folder"/bearwatch-usb-reset.{service,timer}; do
    said=$(verify "$other") || true
    [ -z "$said" ] || { printf '%s:\n%s\n' "$other" "$said" >&2; exit 1; }
done
hold_closed "$folder/bearwatch-usb-reset.service"

# The station's, which is a server's.
stand_in systemd/bearwatch-station.service >"$folder/bearwatch-station.service"
said=$(verify "$folder/bearwatch-station.service") || true
[ -z "$said" ] || { printf 'systemd/bearwatch-station.service:\n%s\n' "$said" >&2; exit 1; }
hold_closed "$folder/bearwatch-station.service"
grep -q '^RestartPreventExitStatus=64 78$' systemd/bearwatch-station.service

# The drop-in that reboots after many starts, as systemd reads it.
mkdir "$unit.d"
cp systemd/reboot.conf "$unit.d/"
said=$(verify "$unit") || true
[ -z "$said" ] || { printf 'systemd/reboot.conf:\n%s\n' "$said" >&2; exit 1; }

# Exit codes that starting again cannot mend, as the program documents them.
grep -q '^RestartPreventExitStatus=64 78$' systemd/bearwatch.service
# That holds for the main process alone: a check before it that failed would be started again for ever.
if grep -q '^ExecStartPre=' systemd/bearwatch.service; then
    echo "systemd/bearwatch.service: ExecStartPre would be started again for ever where it fails" >&2
    exit 1
fi
