#!/usr/bin/env bash
# system.sh: the package for boards on a whole emulated one with Debian, systemd and a disk: installed, started, shown bears, killed, hung, starved of
# memory and voltage, misconfigured, filled, upgraded. A Mosquitto on this side is the rangers'. Prints the table of faults. Root or sudo: the Debian of another
# processor is unpacked as root.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/board/board.sh
. tests/board/board.sh
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

# The package, around the program in the development profile.
aarch64-linux-gnu-strip -o "$work/bearwatch" "$arm"
package=$(PROGRAM=$work/bearwatch FAST=1 deploy/deb.sh arm64)
dpkg-deb -R "$package" "$work/next"
sed -i 's/^Version: .*/Version: 99.0-1/' "$work/next/DEBIAN/control"

base=$cache/debian.tar
[ -e "$base" ] || {
    echo "fetching a Debian for 64-bit ARM, once (some minutes)"
    "${as_root[@]}" mmdebstrap --quiet --mode=root --architectures=arm64 --variant=minbase \
        --include=systemd,systemd-sysv,libgcc-s1,mosquitto-clients bookworm "$base.new.tar"
    mv "$base.new.tar" "$base"
}
debian=$work/debian
mkdir "$debian"
"${as_root[@]}" tar -x -C "$debian" -f "$base" --exclude='./dev/*'
start_broker
cat >"$work/bearwatch.toml" <<TOML
[site]
name = "board"
camera = "mast"
[capture]
source = "simulated"
fps = 2.0
[capture.scene]
bears = 40
duration_s = 1800.0
$board_sure
[publish]
broker = "mqtt://10.0.2.2:$broker_port"
[store]
path = "/var/lib/bearwatch"
max_mb = 8
TOML
# The same with a camera that shows what it is given.
sed '/^fps = /,/^duration_s/d; s#^source = .*#source = "camera"\ndevice = "/dev/video0"\nwidth = 640\nheight = 360\nfps = 5#' "$work/bearwatch.toml" >"$work/camera.toml"
root=$work/root
board_root "$root" tests/board/system-init.sh virtio_pci virtio_net virtio_blk ext4 videodev
board_scenes "$root"
echo "$broker_port" >"$work/broker"
cat >"$work/board-steps.service" <<'UNIT'
[Unit]
Description=What is tried on this board
After=multi-user.target
[Service]
Type=exec
ExecStart=/bin/bash /steps.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
UNIT
# shellcheck disable=SC2016 # expanded by that shell
"${as_root[@]}" sh -eu -c '
    work=$1 debian=$2 package=$3
    cp -r "$work/bearwatch.toml" "$work/camera.toml" "$work/broker" "$work/root/scenes" tests/board/camera-feed.sh "$debian/"
    rm -r "$work/root/scenes"
    cp tests/board/system-steps.sh "$debian/steps.sh"
    cp "$package" "$debian/bearwatch.deb"
    dpkg-deb --root-owner-group -Zgzip -z1 -b "$work/next" "$debian/next.deb" >/dev/null
    mkdir "$debian/model"
    cp models/bearwatch-nano.onnx models/bearwatch-nano.json "$debian/model/"
    cp "$work/board-steps.service" "$debian/etc/systemd/system/"
    mkdir -p "$debian/etc/systemd/system/default.target.wants"
    ln -s /etc/systemd/system/board-steps.service "$debian/etc/systemd/system/default.target.wants/"
    ln -sf /lib/systemd/system/multi-user.target "$debian/etc/systemd/system/default.target"
    ln -sf /dev/null "$debian/etc/systemd/system/serial-getty@ttyAMA0.service"
    /sbin/mke2fs -q -t ext4 -d "$debian" "$work/disk" 1200M
    rm -rf "$debian"
    chmod 666 "$work/disk"
' sh "$work" "$debian" "$package"
truncate -s 24M "$work/state"
/sbin/mke2fs -q -t ext4 -m 0 "$work/state"

drives=()
for disk in disk state; do
    drives+=(-drive "if=none,id=$disk,format=raw,cache=unsafe,file=$work/$disk" -device "virtio-blk-pci,drive=$disk")
done
# As much memory as the smallest board has, a Raspberry Pi Zero 2 W.
board_boot "$root" "$work/console" -m 512 "${drives[@]}"
board_said "$work/console"
