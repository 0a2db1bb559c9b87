#!/usr/bin/env bash
# build-arm.sh: builds the program for 64-bit ARM on another machine, in the development profile, and prints where it is. What it needs is
# installed by deploy/prepare.sh arm. For what is installed on boards: build-arm.sh --profile dist. BUILD="test --no-run" builds test programs instead.
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu

# rustup's compiler where it has the target; else Debian's, which stands beside it.
knows_target() { [ -d "$("$1" --print sysroot)/lib/rustlib/$target/lib" ]; }
if ! knows_target "${RUSTC:-rustc}"; then
    knows_target /usr/bin/rustc ||
        { echo "no compiler has $target: try 'rustup target add $target', or on Debian deploy/prepare.sh arm" >&2; exit 69; }
    export RUSTC=/usr/bin/rustc
fi
flags=()
[ "${CAMERA:-1}" != 0 ] || flags+=(--no-default-features)
# shellcheck disable=SC2086 # a command with its options
cargo ${BUILD:-build} --locked --target "$target" "${flags[@]}" "$@" >&2

folder=debug
[ "${1:-}" != --profile ] || folder=$2
echo "${CARGO_TARGET_DIR:-target}/$target/$folder/bearwatch"
