#!/usr/bin/env bash
# size.sh [amd64|arm64|armhf|dev] [PROGRAM]: the size of the stripped program as built for boards (built anew unless PROGRAM is given), beside
# what tests/size.txt states. Fails where it differs by more than the tolerance or is beyond the limit; WRITE=1 states it anew. `dev` is the
# development profile on amd64, which is there at each change anyway: it grows for the same reasons.
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=${1:-$(dpkg --print-architecture)}
program=${2:-}
stated=tests/size.txt

# Megabytes (10⁶ bytes) as built for boards: what a card and a slow link are asked for; the aim is 20. Percent: what a change may add without anybody saying so;
# another release of the compiler changes about as much.
MOST_MB=25
TOLERANCE=3

case $architecture in
amd64 | dev) strip='strip' ;;
arm64) strip=aarch64-linux-gnu-strip ;;
armhf) strip=arm-linux-gnueabihf-strip ;;
*) echo "size.sh: amd64, arm64, armhf or dev, not '$architecture'" >&2; exit 64 ;;
esac
if [ -z "$program" ]; then
    case $architecture in
    arm64) program=$(TARGET=aarch64-unknown-linux-gnu deploy/build-arm.sh --profile dist) ;;
    dev) program=${CARGO_TARGET_DIR:-target}/debug/bearwatch ;;
    armhf) program=$(TARGET=armv7-unknown-linux-gnueabihf deploy/build-arm.sh --profile dist) ;;
    *)
        cargo build --locked --profile dist --no-default-features --features camera >&2
        program=${CARGO_TARGET_DIR:-target}/dist/bearwatch
        ;;
    esac
fi

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
"$strip" -o "$stripped" "$program"
bytes=$(stat -c %s "$stripped")

if [ -n "${WRITE:-}" ]; then
    sed -i "/^$architecture /d" "$stated"
    echo "$architecture $bytes" >>"$stated"
fi
before=$(sed -n "s/^$architecture \([0-9]*\)$/\1/p" "$stated")
[ -n "$before" ] || { echo "size: $architecture: $bytes bytes; $stated states none: WRITE=1 make size ARCH=$architecture" >&2; exit 1; }

awk -v b="$bytes" -v was="$before" -v most="$MOST_MB" -v tolerance="$TOLERANCE" -v a="$architecture" 'BEGIN {
    printf "size: %s: %.1f MB, stated are %.1f MB (%+.1f %%)\n", a, b / 1e6, was / 1e6, 100 * (b - was) / was
    if (a != "dev" && b > most * 1e6) { print "size: more than " most " MB, too large for a board: see docs/boards.md, Size"; exit 1 }
    if (b > was * (1 + tolerance / 100)) { print "size: grown: say why in the change, and WRITE=1 make size ARCH=" a; exit 1 }
    if (b < was * (1 - tolerance / 100)) { print "size: smaller: WRITE=1 make size ARCH=" a " keeps it so"; exit 1 }
}'
