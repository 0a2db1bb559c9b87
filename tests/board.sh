#!/usr/bin/env bash
# board.sh: the daemon on a whole emulated 64-bit ARM board with Debian's kernel, whose virtual camera (vivid) is the only V4L2 camera
# that a machine without one can have. The camera falls silent, fails and is unplugged; statuses and telemetry go to a real broker.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${CARGO_TARGET_DIR:-target}/board
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# shellcheck source=deploy/broker.sh
. deploy/broker.sh
work=$(mktemp -d)
listener=""
cleanup() {
    [ -z "$listener" ] || kill "$listener" 2>/dev/null || true
    stop_broker
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

arm=$(deploy/build-arm.sh)

# What the board is made of, unpacked here and never installed: Debian's kernel, busybox, v4l2-ctl, and the libraries of both programs.
kernel=$(apt-cache depends linux-image-arm64:arm64 | sed -n 's/.*Depends: \(linux-image-[^:]*\).*/\1/p' | head -n 1)
[ -n "$kernel" ] || { echo "apt knows no kernel for arm64: run deploy/prepare.sh board" >&2; exit 69; }
packages=("$kernel" busybox-static v4l-utils libv4l-0 libv4l2rds0 libv4lconvert0 libjpeg62-turbo libudev1 libstdc++6 libgcc-s1 libc6)
if [ ! -e "$cache/$kernel" ]; then
    rm -rf "${cache:?}"/*
    mkdir "$cache/debs" "$cache/unpacked"
    (cd "$cache/debs" && apt-get download -q "${packages[@]/%/:arm64}")
    for deb in "$cache"/debs/*.deb; do dpkg-deb -x "$deb" "$cache/unpacked"; done
    touch "$cache/$kernel"
fi
unpacked=$cache/unpacked
version=${kernel#linux-image-}

root=$work/root
mkdir -p "$root"/{bin,lib,modules,proc,sys,dev,tmp}
cp "$unpacked/bin/busybox" "$unpacked/usr/bin/v4l2-ctl" "$arm" "$root/bin/"
ln -s lib "$root/lib64"
# Both places at once: /lib/aarch64-linux-gnu and its like below /usr.
cp -a "$unpacked"/{,usr/}lib/aarch64-linux-gnu/*.so* "$root/lib/"
ln -s . "$root/lib/aarch64-linux-gnu"
/sbin/depmod -b "$unpacked" "$version"
for module in virtio_pci virtio_net vivid; do
    /sbin/modprobe -d "$unpacked" -S "$version" --show-depends "$module" | sed 's/^insmod \([^ ]*\).*/\1/'
done | while read -r path; do
    [ -e "$root/modules/${path##*/}" ] || echo "${path##*/}" >>"$root/modules/order"
    cp "$path" "$root/modules/"
done
sed -i '/^vivid.ko$/d' "$root/modules/order"
install -m 755 tests/board-init.sh "$root/init"

start_broker
cat >"$root/bearwatch.toml" <<TOML
[site]
name = "board"
camera = "vivid"
[capture]
source = "camera"
device = "/dev/video0"
width = 640
height = 360
fps = 15
gain = 77
stall_s = 3.0
[publish]
broker = "mqtt://10.0.2.2:$broker_port"
telemetry_s = 2.0
[store]
path = "/tmp/store"
TOML
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1 >"$work/initramfs.gz")
mosquitto_sub -p "$broker_port" -t 'bearwatch/v1/board/vivid/#' -F '%t %p' >"$work/heard" &
listener=$!

echo "booting $version with $(du -h "$work/initramfs.gz" | cut -f 1) of initramfs"
timeout 900 qemu-system-aarch64 -M virt -cpu cortex-a72 -smp 2 -m 1024 -nographic -no-reboot \
    -kernel "$unpacked/boot/vmlinuz-$version" -initrd "$work/initramfs.gz" \
    -append "console=ttyAMA0 panic=-1 quiet" -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= </dev/null | tee "$work/console"
grep -q '^BOARD: done' "$work/console" || { echo "the board did not come to its end: see above" >&2; exit 1; }

# What the rangers heard meanwhile.
for words in '"state":"online"' '"state":"degraded".*gave no frame' '"state":"degraded".*unplugged' '"state":"degraded".*in use by another program'; do
    grep -q "/status .*$words" "$work/heard" || { echo "no status said $words:" >&2; grep '/status ' "$work/heard" >&2; exit 1; }
done
grep '/telemetry ' "$work/heard" | head -n 3 | cut -c 1-300
python3 - "$work/heard" <<'PY'
import json, sys
frames = [json.loads(line.split(" ", 1)[1])["frames"] for line in open(sys.argv[1], encoding="utf-8") if "/telemetry " in line]
print("frames seen by telemetry:", [f["seen"] for f in frames])
if not any(f["seen"] > 20 for f in frames):
    sys.exit("telemetry never saw frames at the camera's rate")
PY
