#!/bin/busybox sh
# shellcheck shell=dash
# The first and only program of the emulated board of short.sh: the daemon watches what a camera shows, scene by scene.
# shellcheck source=tests/board/init.sh
. /board.sh
# shellcheck source=tests/board/camera-feed.sh
. /camera-feed.sh

fail() {
    tail -n 20 /tmp/log
    failed "$*"
}
opened() { cat /tmp/store/review/*.jsonl 2>/dev/null | grep -c '"state":"opened"'; }
closed() { cat /tmp/store/review/*.jsonl 2>/dev/null | grep -c '"state":"closed"'; }
looks() { sed -n 's/^bearwatch_frames_total{outcome="looked_at"} //p' /tmp/metrics; }
# alerted SECONDS: until one more alert is opened.
alerted() {
    for _ in $(seq "$1"); do
        [ "$(opened)" -gt "$alerts" ] && { alerts=$(opened); return; }
        sleep 1
    done
    fail "no alert within $1 s of the scene"
}
calm() {
    for _ in $(seq 300); do
        [ "$(closed)" = "$alerts" ] && return
        sleep 1
    done
    fail "the alert is not closed when nothing is there"
}

say "up: $(uname -m), $(bearwatch --version)"
loopback || fail "no loopback camera"
shows empty
bearwatch check --config /bearwatch.toml | tee /tmp/check
grep -q '^camera .*ok .*YUYV 640×360' /tmp/check || fail "check does not see the camera"
say "ok: check sees the camera"

begin
# shellcheck disable=SC2119 # without words of its own
daemon
logged 1 'connected to broker' 120
row "a 64-bit board: the daemon is started, until the broker knows it" - "$(took)"
logged 1 'online' 120
alerts=0
sleep 20
[ "$(opened)" = 0 ] || fail "an alert where nothing is"
for scene in drawn real; do
    [ -e /scenes/$scene.yuyv ] || continue
    shows $scene
    begin
    alerted 300
    row "no fault: a bear comes before the camera ($scene), until its alert is decided on" "$(took)" -
    shows empty
    calm
done
if [ -e /scenes/person.yuyv ]; then
    shows person
    sleep 20
    [ "$(opened)" = "$alerts" ] || fail "an alert of a person"
    say "ok: no alert of the scene 'person'"
fi
stopped
finish "done"
