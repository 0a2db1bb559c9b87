# shellcheck shell=bash
# board.sh: a whole emulated ARM board with Debian's kernel, for the scripts beside it, which source this from the root of the project. It has 64 bits, and 32
# where board_architecture=armhf was said before.
#   board_root FOLDER INIT MODULE…   the root of a board with that /init: program, tools, libraries, and these kernel modules with theirs
#   board_boot ROOT CONSOLE [OPTION OF QEMU…]   boots it, until it powers itself off; what it prints goes to CONSOLE too
#   board_module FOLDER NAME [SOURCES]   one of this folder, or of SOURCES, compiled for that kernel, in FOLDER/modules
#   board_scenes FOLDER           what the loopback camera (camera-feed.sh) is to show, and the module for it: drawn pictures, and real ones where BEARWATCH_DATA is set
#   board_said CONSOLE            what it printed, and whether it came to its end; the table of what was done there
# Sets work (a folder that is gone afterwards), arm (the program for the board) and broker_port: a Mosquitto here is 10.0.2.2 there. BOARD_ARM64 and
# BOARD_ARMHF name programs that are built already; else they are built, in the development profile.
set -euo pipefail
board_architecture=${board_architecture:-arm64}
cache=${CARGO_TARGET_DIR:-target}/board/$board_architecture
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

case $board_architecture in
arm64)
    arm=${BOARD_ARM64:-$(deploy/build-arm.sh)}
    qemu=(qemu-system-aarch64 -cpu cortex-a72 -m 1024)
    network=virtio-net-pci,netdev=net,romfile=
    ;;
armhf)
    arm=${BOARD_ARMHF:-$(TARGET=armv7-unknown-linux-gnueabihf deploy/build-arm.sh)}
    qemu=(qemu-system-arm -cpu cortex-a7 -m 512)
    network=virtio-net-device,netdev=net
    ;;
esac

# What boards are made of, unpacked here and never installed: Debian's kernel, its headers, busybox, and for 64 bits v4l2-ctl, dmsetup, tc, and the libraries of all.
unpacked=$cache/unpacked
unpack_arm64() {
    local kernel packages sources made_of headers series
    kernel=$(apt-cache depends linux-image-arm64:arm64 | sed -n 's/.*Depends: \(linux-image-[^:]*\).*/\1/p' | head -n 1)
    [ -n "$kernel" ] || { echo "apt knows no kernel for arm64: run deploy/prepare.sh board" >&2; exit 69; }
    headers=linux-headers-${kernel#linux-image-}
    series=${kernel#linux-image-}
    series=${series%.*}
    packages=("$kernel" busybox-static v4l-utils libv4l-0 libv4l2rds0 libv4lconvert0 libjpeg62-turbo libudev1 libstdc++6 libgcc-s1 libc6)
    packages+=(dmsetup libdevmapper1.02.1 libselinux1 libpcre2-8-0 iproute2 libbpf1 libelf1 libmnl0 libbsd0 libmd0 libcap2 libxtables12 zlib1g "$headers")
    # The camera that shows what it is given: its sources alone.
    sources=(v4l2loopback-dkms)
    made_of=$cache/$(printf '%s\n' "${packages[@]}" "${sources[@]}" | sha256sum | cut -c 1-16)
    [ ! -e "$made_of" ] || return 0
    rm -rf "${cache:?}"/{debs,unpacked}
    mkdir "$cache/debs" "$unpacked"
    # The tools that build modules are this machine's own.
    (cd "$cache/debs" && apt-get download -q "${packages[@]/%/:arm64}" "${sources[@]}" "${headers%-arm64}-common" "linux-kbuild-$series")
    for deb in "$cache"/debs/*.deb; do dpkg-deb -x "$deb" "$unpacked"; done
    sed -i "s,/usr/src,$unpacked/usr/src," "$unpacked/usr/src/$headers/Makefile"
    touch "$made_of"
}
# By an apt of its own, for the machine's does not know this architecture.
unpack_armhf() {
    [ ! -e "$unpacked" ] || return 0
    echo "fetching a kernel for 32-bit ARM, once (a minute or two)"
    rm -rf "$unpacked.new"
    mmdebstrap --quiet --mode="$([ "$(id -u)" = 0 ] && echo root || echo fakeroot)" --architectures=armhf --variant=extract \
        --include=linux-image-armmp,busybox-static,libgcc-s1,libc6 bookworm "$unpacked.new" 'deb http://deb.debian.org/debian bookworm main'
    mv "$unpacked.new" "$unpacked"
}
"unpack_$board_architecture"
version=$(cd "$unpacked/boot" && echo vmlinuz-*)
version=${version#vmlinuz-}

board_root() {
    local root=$1 init=$2 path program
    shift 2
    mkdir -p "$root"/{bin,lib,modules,proc,sys,dev,tmp}
    for program in bin/busybox usr/bin/v4l2-ctl sbin/dmsetup sbin/tc; do
        [ ! -e "$unpacked/$program" ] || cp "$unpacked/$program" "$root/bin/"
    done
    cp "$arm" "$root/bin/bearwatch"
    install -m 755 "$init" "$root/init"
    cp tests/board/init.sh "$root/board.sh"
    ln -s lib "$root/lib64"
    # Both places at once: /lib/aarch64-linux-gnu and its like below /usr.
    cp -a "$unpacked"/{,usr/}lib/*-linux-gnu*/*.so* "$root/lib/"
    ln -s . "$root/lib/aarch64-linux-gnu"
    ln -s . "$root/lib/arm-linux-gnueabihf"
    /sbin/depmod -b "$unpacked" "$version"
    for module in "$@"; do
        /sbin/modprobe -d "$unpacked" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | while read -r path; do
        [ -e "$root/modules/${path##*/}" ] || echo "${path##*/}" >>"$root/modules/order"
        cp "$path" "$root/modules/"
    done
}

board_module() {
    local headers=$unpacked/usr/src/linux-headers-$version
    rm -rf "$work/module"
    cp -r "${3:-tests/board/$2}" "$work/module"
    make -s -C "$headers" M="$work/module" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules >"$work/module.log" 2>&1 || { cat "$work/module.log" >&2; exit 1; }
    cp "$work/module/$2.ko" "$1/modules/"
}

board_scenes() {
    board_module "$1" v4l2loopback "$unpacked"/usr/src/v4l2loopback-*
    cp tests/board/camera-feed.sh "$1/"
    qemu-aarch64-static "$arm" simulate --out "$work/drawn" --count 12 --seed 1000000 --darkness 0 2>/dev/null
    python3 tests/board/scenes.py "$work/drawn" "$1/scenes"
}

board_boot() {
    local root=$1 console=$2
    shift 2
    (cd "$root" && find . | cpio --quiet -o -H newc | gzip -1 >"$work/initramfs.gz")
    echo "booting $version with $(du -h "$work/initramfs.gz" | cut -f 1) of initramfs"
    timeout 3600 "${qemu[@]}" -M virt -smp 2 -nographic -no-reboot \
        -kernel "$unpacked/boot/vmlinuz-$version" -initrd "$work/initramfs.gz" -append "console=ttyAMA0 panic=-1 quiet $board_words" \
        -netdev user,id=net -device "$network" "$@" </dev/null >"$console" 2>&1 &
    board=$!
    tail --pid="$board" -n +1 -F "$console" 2>/dev/null &
    wait "$board" || true
    board=""
}

board_said() {
    tr -d '\r' <"$1" >"$work/said"
    grep -q '^BOARD: done' "$work/said" || { echo "the board did not come to its end: see above" >&2; exit 1; }
    {
        echo "what was done | noticed after, s | well again after, s"
        sed -n 's/^ROW: //p' "$work/said"
    } | column -t -s '|'
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
