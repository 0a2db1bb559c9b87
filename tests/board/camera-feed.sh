# shellcheck shell=sh
# camera-feed.sh: a camera that shows what it is given (v4l2loopback), 640×360 at 5 frames a second. Sourced on the emulated board, where /scenes holds what
# board_scenes made: NAME.yuyv, some raw frames of one scene each, which differ by the noise of a sensor.
scene_bytes=$((640 * 360 * 2))

# Once, where v4l2-ctl is. The format is kept when nobody has the device open, which must be said first.
loopback() {
    insmod /modules/v4l2loopback.ko exclusive_caps=1 card_label=board || return 1
    v4l2-ctl -d /dev/video0 --set-ctrl=keep_format=1 || return 1
    v4l2-ctl -d /dev/video0 --set-fmt-video-out=width=640,height=360,pixelformat=YUYV
}

# shows NAME: from now on that scene, for ever.
shows() {
    [ -z "${feeding:-}" ] || kill "$feeding"
    while :; do
        frame=0
        while [ $((frame * scene_bytes)) -lt "$(wc -c <"/scenes/$1.yuyv")" ]; do
            dd "if=/scenes/$1.yuyv" bs=$scene_bytes skip=$frame count=1 2>/dev/null
            sleep 0.2
            frame=$((frame + 1))
        done
    done >/dev/video0 &
    feeding=$!
}
