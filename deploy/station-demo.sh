#!/usr/bin/env bash
# station-demo.sh PROGRAM OUT: a broker, the station, a dozen played cameras and one that really looks at a drawn campsite, until Ctrl-C. Everything on
# loopback, nothing outside OUT is written.
set -euo pipefail
program=$1
out=$2
here=$(dirname "$0")
# shellcheck source=deploy/broker.sh
. "$here/broker.sh"

mkdir -p "$out"
children=()
cleanup() {
    # Cameras say goodbye while the station hears them.
    for ((i = ${#children[@]} - 1; i >= 0; i--)); do
        { kill "${children[i]}" && wait "${children[i]}"; } 2>/dev/null || true
    done
    stop_broker
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_broker
rm -rf "$out"/station.db* "$out/camera"
token=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$token" >"$out/station.token"
chmod 600 "$out/station.token"
port=${STATION_PORT:-8470}
"$program" station --broker "$broker_url" --database "$out/station.db" --token-file "$out/station.token" --listen "127.0.0.1:$port" \
    2>"$out/station.log" &
children+=($!)

cat >"$out/camera.toml" <<TOML
[site]
name = "yellow-creek"
camera = "meadow"
[capture]
source = "simulated"
[capture.scene]
darkness_start = 0.2
darkness_end = 0.9
duration_s = 600
bears = 10
[publish]
broker = "$broker_url"
[acknowledge]
ladder = ["60 headquarters"]
[command]
accept = true
[store]
path = "$out/camera"
TOML
"$program" run --config "$out/camera.toml" 2>"$out/camera.log" &
children+=($!)
# Now and then the connection of one breaks; the infrared lamp of one has failed three days ago.
"$program" swarm --broker "$broker_url" --cameras 12 --seconds 86400 --telemetry-s 5 --bears-per-hour 6 --cuts-per-hour 2 --seed 7 --past-days 50 --lamps-failed 1 \
    >"$out/swarm.log" 2>&1 &
children+=($!)

for _ in $(seq 100); do
    grep -q 'station at http' "$out/station.log" && break
    kill -0 "${children[0]}" 2>/dev/null || break
    sleep 0.1
done
if ! grep -q 'station at http' "$out/station.log"; then
    cat "$out/station.log" >&2
    exit 69
fi

cat <<WORDS
The station:   http://127.0.0.1:$port/
Its token:     $token

Open the address in a browser and enter any name and the token. yellow-creek/meadow is a real camera daemon on a drawn campsite: what you say of its
alerts reaches it, and an alert that nobody acknowledges within a minute goes up the ladder. The others are played, and do not answer.

Things to try: switch the sound on; press b, n or u; look at the fleet; end the broker and see what the page says (kill $broker_pid).
Logs and data: $out/        Ctrl-C ends everything.
WORDS
wait "${children[0]}"
