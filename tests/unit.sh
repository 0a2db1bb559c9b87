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
sed "s,/usr/local/bin/bearwatch,$folder/bearwatch," systemd/bearwatch.service >"$unit"

verify() { systemd-analyze verify --man=no --recursive-errors=no "$1" 2>&1; }

# systemd-analyze warns of unknown settings without failing: every word of it counts here.
said=$(verify "$unit") || true
[ -z "$said" ] || { printf 'systemd/bearwatch.service:\n%s\n' "$said" >&2; exit 1; }

# The check sees what it must.
sed 's/^WatchdogSec=.*/WatchDogSeconds=60/' "$unit" >"$folder/wrong.service"
said=$(verify "$folder/wrong.service") || true
[ -n "$said" ] || { echo "systemd-analyze let an unknown setting pass: this check is of no use" >&2; exit 1; }

exposure=$(systemd-analyze security --offline=true --no-pager "$unit" | sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p')
[ -n "$exposure" ] || { echo "systemd-analyze security gave no figure" >&2; exit 1; }
awk "BEGIN { exit !($exposure <= $MOST_EXPOSURE) }" || {
    systemd-analyze security --offline=true --no-pager "$unit" >&2
    echo "systemd/bearwatch.service: exposure $exposure, at most $MOST_EXPOSURE" >&2
    exit 1
}

# Exit codes that starting again cannot mend, as the program documents them.
grep -q '^RestartPreventExitStatus=64 78$' systemd/bearwatch.service
echo "systemd/bearwatch.service: verified, exposure $exposure of 10"
