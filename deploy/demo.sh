#!/usr/bin/env bash
# demo.sh PROGRAM OUT: a broker of its own on a free loopback port, the duty desk, and the daemon on the drawn campsite or on
# DEMO_SOURCE. Ends by itself; nothing is left running, and nothing outside OUT is written.
set -euo pipefail
program=$1
out=$2
here=$(dirname "$0")
# shellcheck source=deploy/broker.sh
. "$here/broker.sh"

mkdir -p "$out"
watcher=""
cleanup() {
    # The desk says its last word before its broker goes.
    [ -z "$watcher" ] || { kill "$watcher" && wait "$watcher"; } 2>/dev/null || true
    stop_broker
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_broker
echo "Broker: $broker_url (Mosquitto, for this demo alone)"
echo "Logs, summary and snapshots: $out/"
echo
"$program" watch --broker "$broker_url" --save "$out/snapshots" 2>"$out/watch.log" &
watcher=$!

code=0
"$program" demo --broker "$broker_url" --json "$out/summary.json" --out "$out" ${DEMO_SOURCE:+--source "$DEMO_SOURCE"} \
    2> >(tee "$out/demo.log" >&2) || code=$?
sleep 0.5 # the desk prints the last message
if [ "$code" != 0 ]; then
    echo "The demo ended with exit code $code: see the message above and $out/demo.log." >&2
    exit "$code"
fi
echo
echo "Annotated snapshots of the alerts: $out/snapshots/"
