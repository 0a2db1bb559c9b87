#!/usr/bin/env bash
# kernels.sh: the tests of the int8 kernels where memory errors and other processors show: under AddressSanitizer and valgrind on this
# machine, and for 64-bit ARM under emulation, on a core with dot product and on one without. Builds twice, which takes a quarter of an hour.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}

# The kernels' tests in a folder of programs, by the newest that holds them, run by the rest of the command; none at all is a failure.
kernels_of() {
    local folder=$1 program
    shift
    for program in $(find "$folder" -maxdepth 1 -name 'bearwatch-*' -type f -executable -printf '%T@ %p\n' | sort -rn | cut -d ' ' -f 2); do
        if [[ $("$@" "$program" --list infer::int8 2>/dev/null) == *": test"* ]]; then
            "$@" "$program" infer::int8
            return
        fi
    done
    echo "no program in $folder holds the tests of the kernels" >&2
    return 1
}

echo "== AddressSanitizer =="
host=$(rustc -vV | sed -n 's/^host: //p')
# The sanitizer is not stable yet; the environment variable lets this compiler accept it for once.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=$CARGO_TARGET_DIR/asan \
    cargo test --locked --lib --no-default-features --target "$host" -- infer::int8

echo "== valgrind, which knows no AVX-512: the portable kernels =="
cargo test --locked --lib --no-run
PROPTEST_CASES=64 kernels_of "$CARGO_TARGET_DIR/debug/deps" valgrind --error-exitcode=1 --quiet

echo "== 64-bit ARM =="
BUILD="test --no-run" deploy/build-arm.sh --lib
for processor in max cortex-a72; do
    echo "-- $processor --"
    kernels_of "$CARGO_TARGET_DIR/aarch64-unknown-linux-gnu/debug/deps" qemu-aarch64-static -cpu "$processor"
done
