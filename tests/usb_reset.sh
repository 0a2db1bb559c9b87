#!/usr/bin/env bash
# usb_reset.sh: systemd/usb-reset on a drawn sysfs: which port it switches, how often, and that it leaves everything else alone.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
devices=$work/sys/bus/usb/devices
memory=$work/run/bearwatch-usb-reset
lost=$work/run/bearwatch/camera-lost
mkdir -p "$work/run/bearwatch" "$memory"

fail() { printf 'usb_reset: %s\n' "$*" >&2; exit 1; }
# A camera in port 4 of the hub in port 1, whose power can be switched; a keyboard; a camera at the root hub, which cannot be.
for interface in 1-1.4:1.0=0e 1-1.3:1.0=03 2-1:1.0=0e 1-1:1.0=09; do
    mkdir -p "$devices/${interface%=*}" "$devices/${interface%%:*}"
    echo "${interface#*=}" >"$devices/${interface%=*}/bInterfaceClass"
    echo 1 >"$devices/${interface%%:*}/authorized"
done
switch=$devices/1-1:1.0/1-1-port4/disable
mkdir -p "$(dirname "$switch")"
echo 0 >"$switch"

at() { SYSFS=$work/sys RUN=$work/run OFF_S=0 UPTIME=$1 systemd/usb-reset; }
lost_for() { echo "camera /dev/video0: was unplugged" >"$lost"; touch -d "$1 ago" "$lost"; }

[ -z "$(at 100)" ] || fail "it does something while all is well"
lost_for "20 seconds"
[ -z "$(at 160)" ] || fail "it does not wait for the daemon to open the camera again"

# The camera is gone from the bus by now; its port is remembered.
rm -r "$devices/1-1.4:1.0" "$devices/1-1.4"
lost_for "2 minutes"
said=$(at 220)
case $said in *"was unplugged"*"port 1-1.4: switched off and on"*) ;; *) fail "the port of a vanished camera is not switched: $said" ;; esac
case $said in *"port 2-1: its device is started anew"*) ;; *) fail "a port without switch is passed over: $said" ;; esac
case $said in *1-1.3*) fail "the keyboard was reset: $said" ;; esac
[ "$(cat "$switch")" = 0 ] || fail "the port was left switched off"
[ "$(cat "$devices/2-1/authorized")" = 1 ] || fail "the device was left switched off"

# 5 minutes, then 10, in the end 6 hours.
[ -z "$(at 519)" ] || fail "the second reset came too soon"
case $(at 520) in *"reset 2, the next in 10 minutes"*) ;; *) fail "the second reset did not come" ;; esac
[ -z "$(at 1119)" ] || fail "the third reset came too soon"
now=1120
for _ in $(seq 10); do
    [ -n "$(at "$now")" ] || fail "no reset at $now s"
    now=$(cat "$memory/not-before")
done
case $(at "$now") in *"the next in 360 minutes"*) ;; *) fail "pauses have no limit" ;; esac

rm "$lost"
[ -z "$(at $((now + 60)))" ] || fail "it goes on although the camera is back"
lost_for "2 minutes"
case $(at $((now + 120))) in *"reset 1, the next in 5 minutes"*) ;; *) fail "it does not begin anew" ;; esac
echo "systemd/usb-reset: the right ports, rarely, and back on"
