#!/usr/bin/env bash
# kernels.sh: the tests of the int8 kernels where memory errors and other processors show: under AddressSanitizer and valgrind on this
# machine, and for 64-bit ARM under emulation, on a core with dot product and on one without. Builds twice, which takes a quarter of an hour.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}

# The newest test program of a build. The simulator, alerts and sockets are none of the kernels' business: only these are run.
of() { find "$1" -maxdepth 1 -name 'bearwatch-*' -type f -executable -printf '%T@ %p\n' | sort -rn | head -n 1 | cut -d ' ' -f 2; }

echo "== AddressSanitizer =="
host=$(rustc -vV | sed -n 's/^host: //p')
# The sanitizer is not stable yet; the environment variable lets this compiler accept it for once.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=$CARGO_TARGET_DIR/asan \
    cargo test --locked --lib --no-default-features --target "$host" -- infer::int8

echo "== valgrind, which knows no AVX-512: the portable kernels =="
cargo test --locked --lib --no-run
PROPTEST_CASES=8 valgrind --error-exitcode=1 --quiet "$(of "$CARGO_TARGET_DIR/debug/deps")" infer::int8

echo "== 64-bit ARM =="
deploy/build-arm.sh --lib --tests
program=$(of "$CARGO_TARGET_DIR/aarch64-unknown-linux-gnu/debug/deps")
for processor in max cortex-a72; do
    echo "-- $processor --"
    qemu-aarch64-static -cpu "$processor" "$program" infer::int8
done
