#!/usr/bin/env bash
# dist.sh [amd64|arm64|armhf]: builds the program as it is installed on boards, for this machine where nothing is said, and prints where it is. What
# it needs is installed by deploy/prepare.sh build, and arm or armhf.
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=${1:-$(dpkg --print-architecture)}

# The linkers of Debian 12 pack relocations, a megabyte, for amd64 alone. Needs a C library of 2022 (2.36).
link=()
case $architecture in
amd64)
    target=x86_64-unknown-linux-gnu
    link=("-Clink-arg=-Wl,-z,pack-relative-relocs")
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
