#!/usr/bin/env bash
# armhf.sh: the package for 32-bit boards, unpacked on a whole emulated one with Debian's 32-bit kernel: the alert of a bear arrives, and it ends in order.
set -euo pipefail
cd "$(dirname "$0")/../.."
board_architecture=armhf
# shellcheck source=tests/board/board.sh
. tests/board/board.sh

root=$work/root
board_root "$root" tests/board/armhf-init.sh virtio_mmio virtio_net
rm "$root/bin/bearwatch"
arm-linux-gnueabihf-strip -o "$work/bearwatch" "$arm"
dpkg-deb -x "$(PROGRAM=$work/bearwatch FAST=1 deploy/deb.sh armhf)" "$root"

start_broker
cat >"$root/bearwatch.toml" <<TOML
[site]
name = "board"
camera = "armhf"
[capture]
source = "simulated"
fps = 2.0
[capture.scene]
bears = 40
duration_s = 1800.0
$board_sure
[acknowledge]
ladder = ["86400 duty"]
[publish]
broker = "mqtt://10.0.2.2:$broker_port"
telemetry_s = 2.0
[store]
path = "/tmp/store"
TOML
mosquitto_sub -p "$broker_port" -q 1 -t 'bearwatch/v1/board/armhf/#' -F '%t %p' >"$work/heard" &
listener=$!

board_boot "$root" "$work/console"
board_said "$work/console"
grep -q '/alert .*"class":"bear"' "$work/heard" || { echo "no alert of a bear arrived" >&2; cut -c 1-200 "$work/heard" >&2; exit 1; }
grep -q '/status .*"state":"online"' "$work/heard" || { echo "it never said that it is online" >&2; exit 1; }
grep -a '/telemetry ' "$work/heard" | tail -n 1 | cut -c 1-300
