#!/usr/bin/env bash
# deb.sh [amd64|arm64|armhf]: builds the package and prints where it is. PROGRAM=PATH packs a program that is built already; FAST=1 compresses
# it less. The same sources give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=${1:-$(dpkg --print-architecture)}
build=${CARGO_TARGET_DIR:-target}
mkdir -p "$build"
build=$(cd "$build" && pwd)

CARGO_DEB=3.8.0

case $architecture in
amd64) target=x86_64-unknown-linux-gnu ;;
arm64) target=aarch64-unknown-linux-gnu ;;
armhf) target=armv7-unknown-linux-gnueabihf ;;
*) echo "deb.sh: amd64, arm64 or armhf, not '$architecture'" >&2; exit 64 ;;
esac

# The day of the newest change, for every stamp in the package.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
    export SOURCE_DATE_EPOCH
fi

case $("$build/tools/bin/cargo-deb" --version 2>/dev/null) in
*"$CARGO_DEB") ;;
*)
    echo "cargo-deb $CARGO_DEB is not here: building it into $build/tools (some minutes, once)" >&2
    # Without its own xz: the system's is the same for everybody who builds on this release of Debian.
    cargo install cargo-deb --version "$CARGO_DEB" --locked --no-default-features --root "$build/tools" \
        --target-dir "$build/tools/build" >&2
    ;;
esac

# Pages and completions are the same for every processor: a program of this machine writes them.
manual=$build/debug/examples/manual
[ -n "${MANUAL_IS_BUILT:-}" ] || cargo build --locked --quiet --example manual >&2
rm -rf target/manual
"$manual" target/manual

program=${PROGRAM:-}
[ -n "$program" ] || program=$(deploy/dist.sh "$architecture")

# Where cargo-deb looks for a built program; nothing else lies there.
stage=$build/deb/$architecture
rm -rf "$stage"
mkdir -p "$stage/$target/dist"
cp "$program" "$stage/$target/dist/bearwatch"
# The C library of a cross compiler names itself libc6:arm64; on the board it is libc6. And dpkg-shlibdeps does not see that packed relocations need 2.36.
named="s/:$architecture / /g"
if LC_ALL=C readelf -VW "$program" | grep GLIBC_ABI_DT_RELR >/dev/null; then named="$named; s/libc6 (>= 2\.[12][0-9]*)/libc6 (>= 2.36)/; s/libc6 (>= 2\.3[0-5])/libc6 (>= 2.36)/"; fi
mkdir "$stage/bin"
cat >"$stage/bin/dpkg-shlibdeps" <<SH
#!/bin/bash
set -o pipefail
$(command -v dpkg-shlibdeps) "\$@" | sed '$named'
SH
chmod +x "$stage/bin/dpkg-shlibdeps"
PATH=$stage/bin:$PATH CARGO_TARGET_DIR=$stage "$build/tools/bin/cargo-deb" --no-build --no-strip --locked --target "$target" \
    --profile dist ${FAST:+--fast} --output "$build/deb/" --quiet
