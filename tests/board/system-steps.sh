#!/bin/bash
# What is tried on the board of system.sh: a Debian with systemd as PID 1. The package is installed as a technician does it; its camera shows bears, drawn
# and real, and their alerts arrive; the daemon then dies, hangs, gets too little memory, too little voltage, a wrong configuration, a wrong model, a full
# disk, a root that nobody can write to, another version. Each line of the table: what was done, after how many seconds it was noticed, and after how many
# everything was well again.
set -u
say() { echo "BOARD: $*"; }
fail() {
    trap - EXIT
    say "failed: $*"
    systemctl --no-pager status bearwatch
    journalctl --no-pager -n 30
    systemctl poweroff --force
    exit 1
}
trap 'say "ended early"; systemctl poweroff --force' EXIT

broker=$(cat /broker)
now() { date +%s%N; }
# until_true SECONDS COMMAND…: how many seconds it took, in $took.
until_true() {
    local limit=$1 begun
    shift
    begun=$(now)
    until "$@" >/dev/null 2>&1; do
        [ $(($(now) - begun)) -lt "${limit}000000000" ] || return 1
        sleep 0.2
    done
    took=$((($(now) - begun) / 100000000))
    took=${took%?}.${took: -1}
    took=${took/#./0.}
}
property() { systemctl show -P "$1" bearwatch; }
is() { [ "$(property "$1")" = "$2" ]; }
is_online() { property StatusText | grep -q '^online'; }
another_process() { is ActiveState active && [ "$(property MainPID)" != "$pid" ]; }
gone() { ! kill -0 "$pid" || [ "$(property MainPID)" != "$pid" ]; }
row() { echo "ROW: $1 | ${2:--} | ${3:--}"; }
alert() { mosquitto_sub -V 5 -h 10.0.2.2 -p "$broker" -t 'bearwatch/v1/board/mast/alert' -C 1 -W "$1" >/run/alert; }
alerts() { alert 600 || fail "no alert after: $1"; }
# A full disk has room for little things now and then: that it was told as well again proves nothing.
trouble_is_over() { property StatusText | grep -qv 'cannot use\|is full'; }
logged() { journalctl -u bearwatch --since "@$since" | grep -q "$1"; }
config() {
    cp /bearwatch.toml /etc/bearwatch.toml
    [ $# = 0 ] || sed -i "$@" /etc/bearwatch.toml
}

mkdir -p /var/lib/bearwatch
mount /dev/vdb /var/lib/bearwatch || fail "no second disk"
say "up: $(systemctl is-system-running --wait), systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')"
dpkg -i /bearwatch.deb >/run/dpkg 2>&1 || { cat /run/dpkg; fail "dpkg"; }
is ActiveState inactive || fail "it starts before anybody said which camera this is"
is UnitFileState enabled || fail "it is not enabled"
# The camera belongs to whom udev would give it.
chgrp video /dev/video0 || fail "no camera"
chmod 660 /dev/video0
# shellcheck source=tests/board/camera-feed.sh
. /camera-feed.sh
shows empty
cp /camera.toml /etc/bearwatch.toml
systemctl start bearwatch || fail "it does not start"
until_true 120 is_online || fail "it does not see the camera: $(property StatusText)"
say "ok: started by notification; status: $(property StatusText)"
for scene in drawn real; do
    [ -e /scenes/$scene.yuyv ] || continue
    shows $scene
    alerts "the camera shows the scene $scene"
    grep -q '"class":"bear"' /run/alert || fail "an alert of another class: $(cat /run/alert)"
    say "ok: the alert of a bear arrives from the camera's scene '$scene'"
    shows empty
    until grep -q '"state":"closed"' /run/alert; do alerts "nothing to be seen any more"; done
done
kill "$feeding"
config
systemctl restart bearwatch || fail "it does not start with the drawn campsite"
alerts "the drawn campsite"
say "memory: $(($(property MemoryCurrent) / 1000000)) MB of the service"

pid=$(property MainPID)
kill -9 "$pid"
until_true 60 another_process || fail "it is not started again"
row "the daemon is killed" 0 "$took"
alerts "a kill"

pid=$(property MainPID)
kill -STOP "$pid"
until_true 150 gone || fail "the watchdog does not see that it hangs"
noticed=$took
until_true 60 another_process || fail "it is not started after the watchdog"
row "the daemon hangs (SIGSTOP)" "$noticed" "$took"
alerts "a hang"

pid=$(property MainPID)
systemctl set-property --runtime bearwatch MemoryMax=8M
until_true 60 gone || fail "it goes on in less memory than it needs: $(property MemoryCurrent)"
noticed=$took
systemctl set-property --runtime bearwatch MemoryMax=512M
until_true 60 another_process || fail "it is not started when there is memory again"
row "the service has no memory (MemoryMax): the kernel kills it and nobody else" "$noticed" "$took"
alerts "too little memory"

# As a Raspberry Pi's firmware tells it, and as the rangers hear of it.
firmware=/run/board/devices/platform/soc/soc:firmware
mkdir -p "$firmware"
echo 0 >"$firmware/get_throttled"
# shellcheck disable=SC2016 # sed's last line, no variable
config -e '/^\[publish\]/a telemetry_s = 2.0' -e '$a [board]\nsysfs = "/run/board"'
systemctl restart bearwatch || fail "it does not start on a board that tells of its voltage"
alerts "a board that tells of its voltage"
told() { tail -n 1 /run/telemetry | grep -q "$1"; }
mosquitto_sub -V 5 -h 10.0.2.2 -p "$broker" -t 'bearwatch/v1/board/mast/telemetry' >/run/telemetry &
listener=$!
until_true 120 told '"effort":"full"' || fail "nothing is wrong, and it says: $(tail -n 1 /run/telemetry)"
echo 50005 >"$firmware/get_throttled"
until_true 120 told '"strain":"undervolted"' || fail "too little voltage is not told: $(tail -n 1 /run/telemetry)"
noticed=$took
echo 0 >"$firmware/get_throttled"
until_true 180 told '"effort":"full"' || fail "it does not work as before: $(tail -n 1 /run/telemetry)"
kill "$listener"
row "too little voltage, as the firmware tells it; all is done again after 20 s that were well, on purpose" "$noticed" "$took"
alerts "too little voltage"

config 's#^broker = .*#broker = "nonsense"#'
restarts=$(property NRestarts)
systemctl restart bearwatch 2>/dev/null
sleep 12
{ is ActiveState failed && is ExecMainStatus 78; } || fail "a wrong configuration: $(property ActiveState), code $(property ExecMainStatus)"
[ "$(property NRestarts)" -le "$restarts" ] || fail "a wrong configuration is started again and again"
config
systemctl reset-failed bearwatch
systemctl start bearwatch || fail "it does not start with the right configuration"
row "a wrong configuration: exit 78, no restart" 0 "when corrected"

mkdir -p /models
cp /model/* /models/
head -c 500000 /model/bearwatch-nano.onnx >/models/bearwatch-nano.onnx
printf '[model]\npath = "/models/bearwatch-nano.onnx"\n' >>/etc/bearwatch.toml
systemctl restart bearwatch 2>/dev/null
until_true 30 is ActiveState failed || fail "a truncated model is taken"
is ExecMainStatus 78 || fail "a truncated model: code $(property ExecMainStatus)"
noticed=$took
cp /model/bearwatch-nano.onnx /models/
printf '\001' | dd of=/models/bearwatch-nano.onnx bs=1 seek=600000 conv=notrunc 2>/dev/null
systemctl reset-failed bearwatch
systemctl start bearwatch 2>/dev/null
until_true 30 is ActiveState failed || fail "an altered model is taken"
cp /model/bearwatch-nano.onnx /models/
systemctl reset-failed bearwatch
systemctl start bearwatch || fail "a good model on disk is not taken"
row "a model on disk, truncated and altered: exit 78" "$noticed" "when replaced"
config
systemctl restart bearwatch || fail "it does not start"

since=$(date +%s)
dd if=/dev/zero of=/var/lib/bearwatch/filler bs=1M 2>/dev/null
until_true 240 logged 'cannot use\|wait in memory\|is full' || fail "a full disk is not told"
noticed=$took
alerts "a full disk"
rm /var/lib/bearwatch/filler
until_true 60 trouble_is_over || fail "the outbox does not come back: $(property StatusText)"
row "the disk is full; alerts go on from memory" "$noticed" "$took"

# As the kernel does when the card fails: whoever has files open is not asked.
echo u >/proc/sysrq-trigger
until_true 30 grep -q '^/dev/vda / ext4 ro' /proc/mounts || fail "the root stays writable: $(grep ' / ' /proc/mounts)"
mount -o remount,rw /var/lib/bearwatch || fail "no small partition"
systemctl restart bearwatch || fail "it does not start on a read-only root"
alerts "a read-only root"
mount -o remount,rw /
row "a root that nobody can write to, a small partition for the state" - 0

# A password as docs/boards.md has it, and an upgrade with it.
mkdir -p /etc/bearwatch /etc/systemd/system/bearwatch.service.d
(umask 077 && echo secret >/etc/bearwatch/mqtt-password)
credential=LoadCredential=mqtt-password:/etc/bearwatch/mqtt-password
printf '[Service]\n%s\n' "$credential" >/etc/systemd/system/bearwatch.service.d/override.conf
systemctl daemon-reload
config '/^\[publish\]/a user = "mast"\npassword_file = "mqtt-password"'
cp /etc/bearwatch.toml /run/configured.toml
systemctl restart bearwatch || fail "it does not start with a password"
alerts "a password"
# A unit's way, for this Debian has no message bus by which one could see what it says.
systemd-run --quiet --service-type=oneshot --uid=bearwatch --property="$credential" bearwatch check --config-only || fail "check does not get the password"

pid=$(property MainPID)
dpkg -i /next.deb >/run/dpkg 2>&1 || { cat /run/dpkg; fail "upgrade"; }
another_process || fail "an upgrade does not start it anew"
cmp -s /run/configured.toml /etc/bearwatch.toml || fail "an upgrade touches the configuration"
pid=$(property MainPID)
dpkg -i --force-downgrade /bearwatch.deb >/run/dpkg 2>&1 || { cat /run/dpkg; fail "downgrade"; }
another_process || fail "a downgrade does not start it anew"
alerts "up and down"
row "upgraded and downgraded, configuration and password kept" - 0

date -s '1970-01-02 00:00:00' >/dev/null
systemctl restart bearwatch || fail "it does not start in 1970"
alerts "the clock of 1970"
grep -q '"clock_synced":false' /run/alert || fail "the clock of 1970 is trusted: $(cat /run/alert)"
row "the clock says 1970: alerts say that it cannot be trusted" 0 -

trap - EXIT
say "done"
systemctl poweroff
