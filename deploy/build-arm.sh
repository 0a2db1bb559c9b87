#!/usr/bin/env bash
# build-arm.sh: builds the program for 64-bit ARM on another machine, in the development profile, and prints where it is. What it needs is
# installed by deploy/prepare.sh arm. For what is installed on boards: build-arm.sh --profile dist. BUILD="test --no-run" builds test programs instead.
# TARGET=armv7-unknown-linux-gnueabihf builds for 32-bit boards (deploy/prepare.sh armhf).
set -euo pipefail
cd "$(dirname "$0")/.."
target=${TARGET:-aarch64-unknown-linux-gnu}

# rustup's compiler where it has the target; else Debian's, which stands beside it. That has no standard library for 32-bit boards, but its
# sources: it is then built along.
knows_target() { [ -d "$("$1" --print sysroot)/lib/rustlib/$target/lib" ]; }
has_sources() { [ -d "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library" ]; }
flags=()
if ! knows_target "${RUSTC:-rustc}"; then
    if [ -x /usr/bin/rustc ] && knows_target /usr/bin/rustc; then
        export RUSTC=/usr/bin/rustc
    elif [ "$target" = armv7-unknown-linux-gnueabihf ] && has_sources; then
        export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
        flags+=("-Zbuild-std=std,panic_abort")
    else
        echo "no compiler has $target: try 'rustup target add $target', or on Debian deploy/prepare.sh arm or armhf" >&2
        exit 69
    fi
fi
# What boards have: no station.
flags+=(--no-default-features)
[ "${CAMERA:-1}" = 0 ] || flags+=(--features camera)
# In development libraries are built quickly: the time goes into our own kernels, and under emulation a few pictures are enough.
[ "${1:-}" = --profile ] || flags+=(--config 'profile.dev.package."*".opt-level=1')
# shellcheck disable=SC2086 # a command with its options
cargo ${BUILD:-build} --locked --target "$target" "${flags[@]}" "$@" >&2

folder=debug
[ "${1:-}" != --profile ] || folder=$2
echo "${CARGO_TARGET_DIR:-target}/$target/$folder/bearwatch"
