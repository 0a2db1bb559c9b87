#!/bin/busybox sh
# shellcheck shell=dash
# The first and only program of the emulated board: loads the virtual camera, runs the daemon on it, and breaks the camera in the
# ways in which cameras break in the field. Every step says "BOARD: ok"; tests/board/camera.sh reads that.
# shellcheck source=tests/board/init.sh
. /board.sh

# Where every thread of the daemon waits, for whoever looks for the reason.
fail() {
    for task in /proc/"${daemon:-1}"/task/*; do
        echo "$(cat "$task/comm"): $(cat "$task/wchan" 2>/dev/null) $(grep State "$task/status")"
        cat "$task/stack" 2>/dev/null
    done
    failed "$*"
}

control() { v4l2-ctl -d /dev/video0 --set-ctrl="$1" || fail "v4l2-ctl $1"; }
camera() { insmod /modules/vivid.ko n_devs=1 node_types=0x20001 input_types=0x00 || fail "no virtual camera"; }
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
logged 1 "$opened" 120
[ "$(v4l2-ctl -d /dev/video0 --get-ctrl=gain)" = "gain: 77" ] || fail "the gain is not set"
say "ok: gain is set"
sleep 8

control inject_v4l2_buf_flag_error=1
logged 1 'marks the frame as damaged' 30

control percentage_of_dropped_buffers=100
logged 1 'gave no frame for' 30
control percentage_of_dropped_buffers=0
logged 2 "$opened" 60

control inject_vidioc_qbuf_error=1
logged 1 'Invalid argument' 30
logged 3 "$opened" 60

control inject_fatal_streaming_error=1
logged 1 'its driver gave up' 30
logged 4 "$opened" 60

control disconnect=1
logged 1 'was unplugged' 30
rmmod vivid || fail "the daemon holds on to the unplugged camera"
camera
logged 5 "$opened" 60
stopped

v4l2-ctl -d /dev/video0 --stream-mmap --stream-count=100000 >/dev/null 2>&1 &
other=$!
sleep 2
daemon
logged 1 'is in use by another program' 60
kill "$other"
logged 1 "$opened" 60
stopped

daemon --set capture.device=/dev/video1
logged 1 'gives no pictures.*set capture.device to one of: /dev/video0' 60
stopped

finish "done"
