#!/usr/bin/env bash
# home_assistant.sh PROGRAM: a simulated camera announces itself to Home Assistant over a real Mosquitto, and Home Assistant's own code, out
# of its package, takes the device in: abbreviations, schemas of each platform, templates over the messages that were heard. It runs in
# WebAssembly, for it wants a newer Python than most systems have. Downloads 85 MB, once.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
packages=${CARGO_TARGET_DIR:-target}/home-assistant

if [ ! -e "$packages/ready" ]; then
    command -v npm >/dev/null || { echo "npm is not here: install Node.js" >&2; exit 69; }
    mkdir -p "$packages/wheels"
    npm install --silent --no-audit --no-fund --prefix "$packages" pyodide@314.0.7
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --ignore-requires-python -d "$packages/wheels" \
        homeassistant==2026.11.0 probatio==0.13.0 jinja2==3.1.6 python-slugify==9.1.3 text-unidecode==1.3 awesomeversion==25.8.0 \
        attrs==26.1.0 typing-extensions==4.16.0 packaging==26.4
    # Its wheels are for processors; the source works without.
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: -d "$packages/wheels" markupsafe==3.0.4
    touch "$packages/ready"
fi

# shellcheck source=deploy/broker.sh
. deploy/broker.sh
folder=$(mktemp -d)
trap 'stop_broker; kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
start_broker
mosquitto_sub -V 5 -p "$broker_port" -t 'bearwatch/#' -t 'homeassistant/#' -F '%t	%x' >"$folder/heard" &
cat >"$folder/bearwatch.toml" <<END
[site]
name = "yellow-creek"
camera = "north"
[capture]
source = "simulated"
[capture.scene]
darkness_end = 0.0
duration_s = 30.0
[alert]
update_s = 1.0
[publish]
broker = "$broker_url"
telemetry_s = 1.0
[command]
accept = true
[home_assistant]
discovery = true
[store]
path = "$folder/store"
END
"$program" run --config "$folder/bearwatch.toml" 2>"$folder/log" &
daemon=$!
for _ in $(seq 600); do
    kill -0 "$daemon" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    grep -q '/alert	' "$folder/heard" && grep -q '/telemetry	' "$folder/heard" && break
    sleep 0.1
done
kill "$daemon"
wait "$daemon"
grep -v '/snapshot	' "$folder/heard" >"$folder/json"
node tests/home_assistant/check.mjs "$packages" "$folder/json"
