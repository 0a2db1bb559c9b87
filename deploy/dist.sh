#!/usr/bin/env bash
# dist.sh [amd64|arm64|armhf]: builds the program as it is installed on boards, for this machine where nothing is said, and prints where it is. What
# it needs is installed by deploy/prepare.sh build, and amd64, arm or armhf.
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=${1:-$(dpkg --print-architecture)}

# LLVM's linker packs relocations, a megabyte (needs a C library of 2022, 2.36), and keeps one of functions that are the same byte for byte, 0.4 MB.
# rustup's compiler brings it along for amd64 alone; on boards the program is smaller anyway.
link=()
case $architecture in
amd64)
    target=x86_64-unknown-linux-gnu
    link=("-Clink-arg=-fuse-ld=lld" "-Clink-arg=-Wl,-z,pack-relative-relocs,--icf=all")
    ;;
arm64) target=aarch64-unknown-linux-gnu ;;
armhf) target=armv7-unknown-linux-gnueabihf ;;
*) echo "dist.sh: amd64, arm64 or armhf, not '$architecture'" >&2; exit 64 ;;
esac

# Nobody unwinds a program that aborts: no tables for that. By the environment, for cargo knows such flags for no single profile; with --target, so that
# they are not those of macros, which do unwind.
variable=CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)_RUSTFLAGS
export "$variable=-Cforce-unwind-tables=no"
TARGET=$target BUILD=rustc deploy/build-arm.sh --profile dist --bin bearwatch -- "${link[@]}"
