# shellcheck shell=dash
# init.sh: how a board comes up and goes down. Sourced, as the first thing, by what is the only program of an emulated board; its steps say
# "BOARD: …", which the scripts on this side read.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp

say() { echo "BOARD: $*"; }
finish() {
    say "$*"
    sync
    sleep 1
    poweroff -f
}
# failed WHAT [PROGRAM…]: what the kernel says beside it.
failed() {
    dmesg | tail -n 20
    finish "failed: $*"
}

# begin: from now on took counts, seconds.
begin() { begun=$(cut -d ' ' -f 1 /proc/uptime); }
took() { awk -v from="$begun" '{ printf "%.1f", $1 - from }' /proc/uptime; }
# row WHAT NOTICED WELL: a line of the table of faults.
row() { echo "ROW: $1 | ${2:--} | ${3:--}"; }

# logged COUNT PATTERN SECONDS: until so many lines of the daemon's log match.
logged() {
    for _ in $(seq $(($3 * 5))); do
        [ "$(grep -c "$2" /tmp/log)" -ge "$1" ] && { say "ok: $2 ($1)"; return; }
        sleep 0.2
    done
    fail "the log does not say '$2' $1 times within $3 s"
}
daemon() {
    : >/tmp/log
    bearwatch run --config /bearwatch.toml "$@" >>/tmp/log 2>&1 &
    daemon=$!
}
# The daemon ends in order, whatever is wrong with its camera, network or disk.
stopped() {
    kill -TERM "$daemon"
    wait "$daemon" || fail "it ended with code $?"
    say "ok: ended in order"
}

while read -r module; do insmod "/modules/$module" || failed "$module"; done </modules/order
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0 || failed "no network"
ip link set eth0 up
