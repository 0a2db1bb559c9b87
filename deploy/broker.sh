# shellcheck shell=bash
# Sourced: start_broker runs Mosquitto on a free loopback port with a configuration of its own and sets broker_url and broker_port;
# stop_broker ends it and removes its folder.
broker_pid=""
broker_dir=""
broker_port=""
broker_url=""

start_broker() {
    local mosquitto
    mosquitto=$(command -v mosquitto || echo /usr/sbin/mosquitto)
    broker_dir=$(mktemp -d)
    for _ in 1 2 3 4 5; do
        broker_port=$((20000 + RANDOM % 12000))
        printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence false\n' "$broker_port" >"$broker_dir/conf"
        "$mosquitto" -c "$broker_dir/conf" >"$broker_dir/log" 2>&1 &
        broker_pid=$!
        for _ in $(seq 50); do
            kill -0 "$broker_pid" 2>/dev/null || break # the port was taken: try another
            if grep -q ' running$' "$broker_dir/log"; then
                # shellcheck disable=SC2034 # read by whoever sources this
                broker_url="mqtt://127.0.0.1:$broker_port"
                return
            fi
            sleep 0.1
        done
        kill "$broker_pid" 2>/dev/null || true
    done
    echo "Mosquitto did not start:" >&2
    cat "$broker_dir/log" >&2
    return 69
}

stop_broker() {
    [ -z "$broker_pid" ] || kill "$broker_pid" 2>/dev/null || true
    [ -z "$broker_dir" ] || rm -rf "$broker_dir"
    broker_pid=""
    broker_dir=""
}
