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
rm -rf "$out"/station.db* "$out/camera" "$out"/models
# Whoever may read this terminal may sign in; the database is gone with the next demo.
password=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
port=${STATION_PORT:-8470}
printf '%s\n' "$password" | "$program" station account add demo --role administrator --database "$out/station.db" >"$out/account.log" 2>&1 ||
    { cat "$out/account.log" >&2; exit 74; }
# A model that is new by its version alone, signed by a key that is gone with the next demo.
mkdir -p "$out/models"
{
    "$program" models key "$out/models/demo" --no-password &&
        "$program" models pack --secret-key "$out/models/demo.key" --version 1 --out "$out/models/demo-1.bwm" &&
        "$program" station model add "$out/models/demo-1.bwm" --trusted-key "$out/models/demo.pub" --database "$out/station.db"
} >"$out/models.log" 2>&1 || { cat "$out/models.log" >&2; exit 74; }
"$program" station --broker "$broker_url" --database "$out/station.db" --listen "127.0.0.1:$port" --trusted-key "$out/models/demo.pub" \
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
[audit]
per_day = 8000
suspected_per_hour = 900
most_mb_a_day = 1000
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
"$program" swarm --broker "$broker_url" --cameras 12 --seconds 86400 --telemetry-s 5 --bears-per-hour 6 --cuts-per-hour 2 --seed 7 --past-days 50 --lamps-failed 1 --models 12 --going-blind 11 \
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

printf '%s\n' "$password" | "$here/demo_rollout.py" "http://127.0.0.1:$port" demo swarm-7 12 >"$out/rollout.log" 2>&1 &
children+=($!)

cat <<WORDS
The station:   http://127.0.0.1:$port/
Name:          demo
Password:      $password

Open the address in a browser and sign in. yellow-creek/meadow is a real camera daemon on a drawn campsite: what you say of its alerts reaches it, and an
alert that nobody acknowledges within a minute goes up the ladder. The others are played, and do not answer.

Its random sample fills Review, about one picture in ten seconds: say what is there by keyboard (b, p, a, n, arrows, Enter) or finger, then ask for the
Report, with what the simulator drew.

Under Models a new model begins to look on beside the old one at the played cameras. After half a minute it sees no bear any more by night, at eleven of twelve:
within some minutes the station takes it back by itself, and says why; the played cameras forget it.

Things to try: switch the sound on; press b, n or u; in the fleet, tell yellow-creek/meadow to be silent for a time, to give a drill, to send a picture; under
Account, add a ranger and see what was written down; end the broker and see what the page says (kill $broker_pid).
Logs and data: $out/        Ctrl-C ends everything.
WORDS
wait "${children[0]}"
