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
camera() { insmod /modules/vivid.ko n_devs=1 node_types=0x20001 input_types=0x00 "$@" || fail "no virtual camera"; }
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

# breaks PATTERN: what begins now is noticed by a line like that. broken SECONDS: noticed, after how many seconds.
breaks() {
    pattern=$1
    before=$(grep -c "$pattern" /tmp/log)
    begin
}
broken() {
    logged "$((before + 1))" "$pattern" "$1"
    noticed=$(took)
}
# well: opened once more, counted from what was said last to begin.
openings=1
well() {
    openings=$((openings + 1))
    logged "$openings" "$opened" 60
    well=$(took)
}

breaks 'gave no frame for'
control percentage_of_dropped_buffers=100
broken 30
control percentage_of_dropped_buffers=0
begin
well
row "the camera gives no frame" "$noticed" "$well"

breaks 'Invalid argument'
control inject_vidioc_qbuf_error=1
broken 30
well
row "the driver takes no buffer, once" "$noticed" "$well"

breaks 'its driver gave up'
control inject_fatal_streaming_error=1
broken 30
well
row "the driver gives up, once" "$noticed" "$well"

breaks 'was unplugged'
control disconnect=1
broken 30
rmmod vivid || fail "the daemon holds on to the unplugged camera"
camera
begin
well
row "the camera is unplugged, and plugged in as the same device" "$noticed" "$well"
stopped

# As udev does it: a link that stays the same, and leads to another number each time.
plugged() {
    camera "vid_cap_nr=$1"
    mkdir -p /dev/v4l/by-id
    ln -sf "../../video$1" /dev/v4l/by-id/board-camera
}
rmmod vivid || fail "the camera is in use by nobody"
plugged 3
opened="camera /dev/v4l/by-id/board-camera: $got"
openings=0
daemon --set capture.device=/dev/v4l/by-id/board-camera
well
breaks 'was unplugged'
v4l2-ctl -d /dev/video3 --set-ctrl=disconnect=1 || fail "v4l2-ctl"
broken 30
rmmod vivid || fail "the daemon holds on to the unplugged camera"
rm /dev/v4l/by-id/board-camera
sleep 3
plugged 5
begin
well
row "the camera is unplugged, and plugged in under another number" "$noticed" "$well"

# A driver that holds a call for ever: nothing but a new process helps, which systemd starts after the pause of the unit.
insmod /modules/spoil.ko || fail "no module that spoils"
spoil=/sys/module/spoil/parameters
breaks 'a call has not returned for'
echo 1 >$spoil/hang
broken 60
wait "$daemon"
code=$?
[ "$code" = 75 ] || fail "a driver that hangs: it ended with code $code, not 75"
ended=$(took)
echo 0 >$spoil/hang
begin
sleep "$(cat /restart_s)"
openings=0
daemon --set capture.device=/dev/v4l/by-id/board-camera
well
row "a call for a frame does not return: exit 75 after $ended s, started anew" "$noticed" "$well"

breaks 'that can be used'
echo 1 >$spoil/cut
broken 30
echo 0 >$spoil/cut
begin
well
row "the camera gives frames that are cut short" "$noticed" "$well"
stopped
rmmod spoil
rmmod vivid
camera
opened="camera /dev/video0: $got"

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
