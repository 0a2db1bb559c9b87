#!/bin/busybox sh
# shellcheck shell=dash
# The first and only program of the emulated board of faults.sh: the daemon watches drawn bears while the kernel spoils its network (netem) and its
# disk (dm-flakey). Each step of an alert that the daemon has decided on is printed as "TOLD boot seq"; faults.sh holds that against what the
# rangers heard. `after` on the kernel's command line: this is the boot after the power cut.
# shellcheck source=tests/board/init.sh
. /board.sh

fail() {
    tail -n 20 /tmp/log
    failed "$*"
}
steps() { cat /*/store/review/*.jsonl 2>/dev/null | wc -l; }
# told COUNT SECONDS: until so many further steps were decided on.
told() {
    before=$(steps)
    for _ in $(seq "$2"); do
        [ "$(steps)" -ge $((before + $1)) ] && { say "ok: $1 steps of alerts meanwhile"; return; }
        sleep 1
    done
    fail "no $1 steps of alerts within $2 s"
}
# What was there a second ago is committed by now: the review comes before the outbox.
tell() {
    echo nothing >/tmp/printed
    while :; do
        cat /*/store/review/*.jsonl 2>/dev/null | sed -n 's/.*"boot":"\([^"]*\)","seq":\([0-9]*\).*/\1 \2/p' | sort -u >/tmp/now
        sleep 1
        grep -vxFf /tmp/printed /tmp/now | sed 's/^/TOLD /'
        cp /tmp/now /tmp/printed
    done
}
# By its path: busybox has a tc of its own, without netem.
network() {
    /bin/tc qdisc replace dev eth0 root netem "$@" || fail "tc: $*"
}
# The qdisc's own count is the proof that the fault did something.
healed() {
    dropped=$(/bin/tc -s qdisc show dev eth0 | sed -n 's/.*dropped \([0-9]*\).*/\1/p' | head -n 1)
    /bin/tc qdisc del dev eth0 root
    [ "$dropped" -gt 0 ] || fail "the network lost nothing"
    say "ok: the network has lost $dropped packets and is well again"
}
disk() {
    dmsetup suspend --noflush --nolockfs --noudevsync flaky || fail "dmsetup suspend"
    dmsetup load flaky --table "0 $sectors flakey /dev/vdb 0 $*" || fail "dmsetup load: $*"
    dmsetup resume --noudevsync flaky || fail "dmsetup resume"
}

mkdir /card /flaky
mount -t ext4 /dev/vda /card || fail "no card"
tell &

if grep -q after /proc/cmdline; then
    begin
    daemon
    logged 1 'connected to broker' 120
    row "the power is cut while alerts wait: the daemon is started, until it tells them" - "$(took)"
    told 1 240
    sleep 10
    stopped
    sleep 3
    finish "done"
fi

daemon
told 2 300

network delay 300ms 100ms loss 20% duplicate 10% reorder 25% corrupt 1%
told 3 300
healed

begin
network loss 100%
logged 1 'messages wait, trying again' 120
noticed=$(took)
told 2 240
healed
begin
logged 2 'connected to broker' 120
row "no packet passes (netem)" "$noticed" "$(took)"
stopped

sectors=$(blockdev --getsz /dev/vdb)
dmsetup create flaky --noudevsync --table "0 $sectors flakey /dev/vdb 0 3600 0" || fail "no dm-flakey"
mount -t ext4 -o errors=continue /dev/dm-0 /flaky || fail "no flaky disk"
daemon --set store.path=/flaky/store
told 1 240
begin
disk 0 3600 1 error_writes
logged 1 'messages wait in memory' 240
noticed=$(took)
disk 3600 0
begin
logged 1 'works again' 60
row "every write to the disk fails (dm-flakey); noticed by the next" "$noticed" "$(took)"
told 1 240
stopped

daemon
told 1 240
network loss 100%
told 2 240
say "power"
sleep 600
