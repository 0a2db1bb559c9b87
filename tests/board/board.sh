# shellcheck shell=bash
# board.sh: a whole emulated 64-bit ARM board with Debian's kernel, for the scripts beside it, which source this from the root of the project.
#   board_root FOLDER INIT MODULE…   the root of a board with that /init: program, tools, libraries, and these kernel modules with theirs
#   board_boot ROOT CONSOLE [OPTION OF QEMU…]   boots it, until it powers itself off; what it prints goes to CONSOLE too
# Sets work (a folder that is gone afterwards), arm (the program for the board) and broker_port: a Mosquitto here is 10.0.2.2 there.
set -euo pipefail
cache=${CARGO_TARGET_DIR:-target}/board
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# shellcheck source=deploy/broker.sh
. deploy/broker.sh
work=$(mktemp -d)
listener=""
board=""
# Further words on the kernel's command line.
board_words=""
cleanup() {
    for process in $listener $board; do kill "$process" 2>/dev/null || true; done
    stop_broker
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

arm=$(deploy/build-arm.sh)

# What boards are made of, unpacked here and never installed: Debian's kernel, busybox, v4l2-ctl, dmsetup, tc, and the libraries of all.
kernel=$(apt-cache depends linux-image-arm64:arm64 | sed -n 's/.*Depends: \(linux-image-[^:]*\).*/\1/p' | head -n 1)
[ -n "$kernel" ] || { echo "apt knows no kernel for arm64: run deploy/prepare.sh board" >&2; exit 69; }
packages=("$kernel" busybox-static v4l-utils libv4l-0 libv4l2rds0 libv4lconvert0 libjpeg62-turbo libudev1 libstdc++6 libgcc-s1 libc6)
packages+=(dmsetup libdevmapper1.02.1 libselinux1 libpcre2-8-0 iproute2 libbpf1 libelf1 libmnl0 libbsd0 libmd0 libcap2 libxtables12 zlib1g)
made_of=$cache/$(printf '%s\n' "${packages[@]}" | sha256sum | cut -c 1-16)
if [ ! -e "$made_of" ]; then
    rm -rf "${cache:?}"/*
    mkdir "$cache/debs" "$cache/unpacked"
    (cd "$cache/debs" && apt-get download -q "${packages[@]/%/:arm64}")
    for deb in "$cache"/debs/*.deb; do dpkg-deb -x "$deb" "$cache/unpacked"; done
    touch "$made_of"
fi
unpacked=$cache/unpacked
version=${kernel#linux-image-}

board_root() {
    local root=$1 init=$2 path
    shift 2
    mkdir -p "$root"/{bin,lib,modules,proc,sys,dev,tmp}
    cp "$unpacked/bin/busybox" "$unpacked/usr/bin/v4l2-ctl" "$unpacked/sbin/dmsetup" "$unpacked/sbin/tc" "$arm" "$root/bin/"
    install -m 755 "$init" "$root/init"
    cp tests/board/init.sh "$root/board.sh"
    ln -s lib "$root/lib64"
    # Both places at once: /lib/aarch64-linux-gnu and its like below /usr.
    cp -a "$unpacked"/{,usr/}lib/aarch64-linux-gnu/*.so* "$root/lib/"
    ln -s . "$root/lib/aarch64-linux-gnu"
    /sbin/depmod -b "$unpacked" "$version"
    for module in "$@"; do
        /sbin/modprobe -d "$unpacked" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | while read -r path; do
        [ -e "$root/modules/${path##*/}" ] || echo "${path##*/}" >>"$root/modules/order"
        cp "$path" "$root/modules/"
    done
}

board_boot() {
    local root=$1 console=$2
    shift 2
    (cd "$root" && find . | cpio --quiet -o -H newc | gzip -1 >"$work/initramfs.gz")
    echo "booting $version with $(du -h "$work/initramfs.gz" | cut -f 1) of initramfs"
    timeout 900 qemu-system-aarch64 -M virt -cpu cortex-a72 -smp 2 -m 1024 -nographic -no-reboot \
        -kernel "$unpacked/boot/vmlinuz-$version" -initrd "$work/initramfs.gz" -append "console=ttyAMA0 panic=-1 quiet $board_words" \
        -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= "$@" </dev/null >"$console" 2>&1 &
    board=$!
    tail --pid="$board" -n +1 -F "$console" 2>/dev/null &
    wait "$board" || true
    board=""
}

# Of a configuration: sure of itself. What is tried is not the sight, which emulation makes slow.
# shellcheck disable=SC2034 # for the scripts that source this
board_sure='[perceive]
regions = "whole"
budget_ms = 10000
bear_threshold = 0.2
[alert]
false_alarms_per_day = 1000.0
cooldown_s = 0
close_after_s = 2'
