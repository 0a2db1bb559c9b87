#!/bin/busybox sh
# shellcheck shell=dash
# The first and only program of the emulated board: loads the virtual camera, runs the daemon on it, and breaks the camera in the
# ways in which cameras break in the field. Every step says "BOARD: ok"; tests/board/camera.sh reads that.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp

say() { echo "BOARD: $*"; }
finish() {
    say "$*"
    sleep 1
    poweroff -f
}
# Where every thread of the daemon waits, for whoever looks for the reason.
fail() {
    for task in /proc/"${daemon:-1}"/task/*; do
        echo "$(cat "$task/comm"): $(cat "$task/wchan" 2>/dev/null) $(grep State "$task/status")"
        cat "$task/stack" 2>/dev/null
    done
    dmesg | tail -n 20
    finish "failed: $*"
}

# seen COUNT PATTERN SECONDS: until so many lines of the daemon's log match.
seen() {
    for _ in $(seq "$3"); do
        [ "$(grep -c "$2" /tmp/log)" -ge "$1" ] && { say "ok: $2 ($1)"; return; }
        sleep 1
    done
    fail "the log does not say '$2' $1 times within $3 s"
}
control() { v4l2-ctl -d /dev/video0 --set-ctrl="$1" || fail "v4l2-ctl $1"; }
camera() { insmod /modules/vivid.ko n_devs=1 node_types=0x20001 input_types=0x00 || fail "no virtual camera"; }
daemon() {
    : >/tmp/log
    bearwatch run --config /bearwatch.toml "$@" >>/tmp/log 2>&1 &
    daemon=$!
}
# The daemon ends in order, whatever its camera does.
stopped() {
    kill -TERM "$daemon"
    wait "$daemon" || fail "it ended with code $?"
    say "ok: ended in order"
}

while read -r module; do insmod "/modules/$module" || fail "$module"; done </modules/order
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0 || fail "no network"
ip link set eth0 up
camera
v4l2-ctl -d /dev/video0 --list-ctrls | grep -E 'gain|dropped|disconnect|inject'

tail -n +1 -F /tmp/log &
got='YUYV 640×360 at 15 fps'
# The line of an opened camera; "online" says the same later, when a frame was looked at.
opened="camera /dev/video0: $got"

bearwatch check --config /bearwatch.toml | tee /tmp/check
grep -q "^camera .*ok .*$got; a picture of 640×360" /tmp/check || fail "check does not see the camera"
say "ok: check sees the camera"

daemon
seen 1 "$opened" 120
[ "$(v4l2-ctl -d /dev/video0 --get-ctrl=gain)" = "gain: 77" ] || fail "the gain is not set"
say "ok: gain is set"
sleep 8

control inject_v4l2_buf_flag_error=1
seen 1 'marks the frame as damaged' 30

control percentage_of_dropped_buffers=100
seen 1 'gave no frame for' 30
control percentage_of_dropped_buffers=0
seen 2 "$opened" 60

control inject_vidioc_qbuf_error=1
seen 1 'Invalid argument' 30
seen 3 "$opened" 60

control inject_fatal_streaming_error=1
seen 1 'its driver gave up' 30
seen 4 "$opened" 60

control disconnect=1
seen 1 'was unplugged' 30
rmmod vivid || fail "the daemon holds on to the unplugged camera"
camera
seen 5 "$opened" 60
stopped

v4l2-ctl -d /dev/video0 --stream-mmap --stream-count=100000 >/dev/null 2>&1 &
other=$!
sleep 2
daemon
seen 1 'is in use by another program' 60
kill "$other"
seen 1 "$opened" 60
stopped

daemon --set capture.device=/dev/video1
seen 1 'gives no pictures.*set capture.device to one of: /dev/video0' 60
stopped

finish "done"
