#!/usr/bin/env bash
# arm.sh PROGRAM: builds for 64-bit ARM, runs it under emulation by qemu, and compares what it sees with what PROGRAM, built for this
# machine, sees. Emulated kernels are slow: a few pictures, and nothing is timed.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "$1")

work=$(mktemp -d)
cleanup() {
    stop_broker
    [ -z "${listener:-}" ] || kill "$listener" 2>/dev/null || true
    rm -rf "$work"
}
# shellcheck source=deploy/broker.sh
. deploy/broker.sh
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

arm=$(deploy/build-arm.sh)
# Two processors: one with dot product, one without, for each has kernels of its own.
emulated() { qemu-aarch64-static -cpu "${processor:-max}" "$arm" "$@"; }

[ "$(emulated --version)" = "$("$program" --version)" ]

echo "== detect: the same pictures, the same detections =="
"$program" simulate --out "$work/drawn" --count 8 --seed 2000000 2>/dev/null
see() { "$@" detect --json --regions whole --min-score 0.2 "$work/drawn/images"; }
see "$program" >"$work/native.jsonl"
for processor in max cortex-a72; do
    echo "-- $processor: $(emulated bench --roofline --json | grep -o '"kernels":"[^"]*"')"
    see emulated >"$work/emulated.jsonl"
    tests/same_detections.py "$work/native.jsonl" "$work/emulated.jsonl"
done
unset processor

echo "== run: pictures from disk, a real broker, an end in order =="
start_broker
mosquitto_sub -p "$broker_port" -t 'bearwatch/v1/#' -F '%t %p' >"$work/heard" &
listener=$!
cat >"$work/bearwatch.toml" <<TOML
[site]
name = "arm"
camera = "emulated"
[capture]
source = "files"
path = "$work/drawn/images"
fps = 0.5
[perceive]
regions = "whole"
budget_ms = 60000.0
[publish]
broker = "$broker_url"
telemetry_s = 5.0
[store]
path = "$work/store"
TOML
RUST_LOG=info timeout -k 10 300 qemu-aarch64-static "$arm" run --config "$work/bearwatch.toml"
sleep 0.5
for topic in status telemetry; do
    grep -q "^bearwatch/v1/arm/emulated/$topic {" "$work/heard" ||
        { echo "the broker never heard a $topic:" >&2; cut -c 1-200 "$work/heard" >&2; exit 1; }
done
echo "the broker heard $(grep -c '' "$work/heard") messages: $(cut -d ' ' -f 1 "$work/heard" | sort | uniq -c | tr -s ' \n' ' ')"
