#!/bin/sh
# prepare.sh [PYTHON]: what benches/instructions.py needs, in target/qemu (250 MB, a few minutes on two cores the first time); without PYTHON only
# what counts the instructions of our own program:
#
#   qemu-aarch64, libinsn.so   from Debian's source of qemu, since Debian's own qemu-user is built without plugins, which count instructions
#   root/                      Debian's Python for 64-bit ARM, with the onnxruntime that PYTHON has
#
# What the build needs is installed by apt, as root or by sudo. Written for Debian 12; the release's own source is used.
set -eu
python=${1:-}
cd "$(dirname "$0")/../.."
place=${CARGO_TARGET_DIR:-target}/qemu
mkdir -p "$place"
place=$(cd "$place" && pwd)

say() { printf 'bearwatch: %s\n' "$*" >&2; }
root=""
if [ "$(id -u)" != 0 ]; then root=sudo; fi

packages() {
    missing=""
    for package in build-essential dpkg-dev ninja-build meson pkg-config libglib2.0-dev; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
    done
    dpkg --print-foreign-architectures | grep -qx arm64 || {
        say "arm64 is added to the architectures of apt"
        $root dpkg --add-architecture arm64
        $root apt-get update -q
    }
    [ -n "$missing" ] || return 0
    say "this needs packages that are not installed; ${root:+sudo }apt-get will install:$missing"
    # shellcheck disable=SC2086 # a list of packages
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
}

# apt with a list of sources of its own, so that the machine's stays as it is.
source_apt() {
    apt-get -q -o Dir::Etc::SourceList="$place/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$place/lists" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

qemu() {
    say "qemu with plugins is built from Debian's source"
    mkdir -p "$place/lists/partial" "$place/build"
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' | sort -u >"$place/sources.list"
    source_apt update
    rm -rf "$place"/qemu-*/ "$place/source"
    (cd "$place" && source_apt source qemu >source.log 2>&1 && mv qemu-*/ source)
    cd "$place/build"
    ../source/configure --target-list=aarch64-linux-user --enable-plugins --without-default-features --disable-system --disable-tools \
        --disable-docs --disable-werror >configure.log
    nice -n 5 ninja qemu-aarch64 tests/plugin/libinsn.so >ninja.log
    cp qemu-aarch64 "$place"
    cp tests/plugin/libinsn.so "$place"
    cd - >/dev/null
    rm -rf "$place/source" "$place/build" "$place/lists" "$place"/qemu_*
}

arm_python() {
    say "Python for 64-bit ARM is unpacked"
    rm -rf "$place/root" "$place/packages"
    mkdir -p "$place/root" "$place/packages"
    # Only unpacked: nothing of it is ever installed on this machine.
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        libpython3-stdlib:arm64 python3.11-minimal:arm64 libstdc++6:arm64 | grep -x '[a-z].*:arm64' | sort -u |
        (cd "$place/packages" && xargs apt-get -q -o APT::Sandbox::User="$(id -un)" download >download.log)
    for package in "$place"/packages/*.deb; do dpkg -x "$package" "$place/root"; done
    "$python" -m pip freeze | grep -E '^(onnxruntime|numpy|protobuf|flatbuffers|packaging)==' >"$place/packages/wheels.txt"
    "$python" -m pip install --quiet --no-deps --only-binary=:all: --python-version 3.11 --target "$place/root/site" \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 --platform any \
        -r "$place/packages/wheels.txt"
    rm -rf "$place/packages"
}

packages
[ -e "$place/libinsn.so" ] || qemu
[ -z "$python" ] || [ -d "$place/root/site/onnxruntime" ] || arm_python
