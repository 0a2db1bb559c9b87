#!/usr/bin/env bash
# endurance.sh PROGRAM [OUT.json]: the daemon on the simulated camera at 15 frames a second, for ENDURANCE_MINUTES (default 10), against a
# Mosquitto of its own that a subscriber listens to. Fails where memory has grown by more than ENDURANCE_GROWTH_MB (default 8) since
# the first minute, or where an alert did not arrive. OUT.json (default: target/endurance.json) takes the figures.
set -euo pipefail
program=$1
out=${2:-${CARGO_TARGET_DIR:-target}/endurance.json}
minutes=${ENDURANCE_MINUTES:-10}
here=$(dirname "$0")
# shellcheck source=deploy/broker.sh
. "$here/../deploy/broker.sh"

folder=$(mktemp -d)
listener=""
daemon=""
cleanup() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$listener" ] || kill "$listener" 2>/dev/null || true
    stop_broker
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_broker
# A threshold below the model's own and frequent updates: it is the way of alerts that is held here, not whether they are right.
cat >"$folder/bearwatch.toml" <<TOML
[site]
name = "soak"
camera = "meadow"
[capture]
source = "simulated"
fps = 15
[capture.scene]
seed = 7
duration_s = 60.0
bears = 4
[perceive]
bear_threshold = 0.05
[alert]
update_s = 1.0
[publish]
broker = "$broker_url"
[store]
path = "$folder/store"
TOML

mosquitto_sub -p "$broker_port" -q 1 -F '%t %p' -t 'bearwatch/v1/soak/meadow/alert' -t 'bearwatch/v1/soak/meadow/telemetry' \
    >"$folder/heard" &
listener=$!
sleep 1 # it has subscribed before the daemon speaks

echo "endurance: $minutes minutes, then the figures" >&2
# As systemd/bearwatch.service runs it.
MALLOC_ARENA_MAX=1 "$program" run --config "$folder/bearwatch.toml" 2>"$folder/log" &
daemon=$!
for ((second = 0; second < minutes * 60; second++)); do
    sleep 1
    kill -0 "$daemon" 2>/dev/null || {
        echo "endurance: the daemon has ended by itself after $second s:" >&2
        tail -n 20 "$folder/log" >&2
        exit 1
    }
done
kill "$daemon"
code=0
wait "$daemon" || code=$?
daemon=""
sleep 1 # the last messages arrive
[ "$code" = 0 ] || {
    echo "endurance: the daemon ended with exit code $code:" >&2
    tail -n 20 "$folder/log" >&2
    exit 1
}
python3 "$here/endurance.py" --heard "$folder/heard" --minutes "$minutes" --growth-mb "${ENDURANCE_GROWTH_MB:-8}" --out "$out"
