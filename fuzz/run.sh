#!/bin/sh
# run.sh SECONDS [TARGET…]: libFuzzer on each target for so long, or on the ones named. What it finds is in fuzz/artifacts, and fails.
# (`cargo fuzz run TARGET` does the same with AddressSanitizer and every library instrumented, where there is a nightly compiler and time.)
set -eu

cd "$(dirname "$0")/.."
seconds=$1
shift
RUSTC_WRAPPER=$PWD/fuzz/rustc.sh
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
export RUSTC_WRAPPER CARGO_TARGET_DIR
# The very libraries that the program is built of.
cp Cargo.lock fuzz/Cargo.lock
nice cargo build --manifest-path fuzz/Cargo.toml

# Beginnings that are right, so that what is tried is nearly right.
seeds() {
    mkdir -p "fuzz/corpus/$1"
    case $1 in
    config) cp deploy/bearwatch.toml fuzz/corpus/config/sample ;;
    commands)
        printf '\001{"v":1,"id":"a","by":"anna","for_s":60}' >fuzz/corpus/commands/disarm
        printf '\005{"v":1,"bear":0.4}' >fuzz/corpus/commands/threshold
        printf '\006{"v":1,"level":"debug","for_s":60,"expires":"2026-11-30T20:00:00Z","nonce":"n"}' >fuzz/corpus/commands/log
        printf '\007{"v":1,"alert":"b1-1","verdict":"not-bear","by":"anna","note":"a dog"}' >fuzz/corpus/commands/ack
        ;;
    frames)
        printf '\003YUV4MPEG2 W640 H360 F15:1 Ip A1:1 C420jpeg' >fuzz/corpus/frames/y4m
        printf '\001\007--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\n\377\330\377\331\r\n--frame\r\n' >fuzz/corpus/frames/multipart
        printf '\004\003\010\010%0256d' 0 >fuzz/corpus/frames/raw
        # A real JPEG of 16 × 16 pixels, alone and in a stream.
        base64 -d fuzz/small.jpg.base64 >fuzz/corpus/frames/small
        { printf '\000' && cat fuzz/corpus/frames/small; } >fuzz/corpus/frames/jpeg
        { printf '\002\020' && cat fuzz/corpus/frames/small fuzz/corpus/frames/small; } >fuzz/corpus/frames/stream
        rm fuzz/corpus/frames/small
        ;;
    bundle) { cat models/bearwatch-nano.json && printf '\000' && head -c 3000 models/bearwatch-nano.onnx; } >fuzz/corpus/bundle/card ;;
    incoming)
        envelope='"v":1,"boot":"b1","seq":1,"uptime_ms":5,"time":"2026-11-30T20:00:00.000Z","clock_synced":true,"late":false'
        printf '\000{%s,"state":"online","reason":"","version":"0.1.0"}' "$envelope" >fuzz/corpus/incoming/status
        printf '\006{%s,"alert":"b1-1","alert_boot":"b1","verdict":"bear","by":"anna","signed":false,"note":null,"waited_s":3.5}' "$envelope" >fuzz/corpus/incoming/ack
        printf '\002\377\330 b1-1 2026-11-30T20:00:00Z b1 7 true' >fuzz/corpus/incoming/snapshot
        ;;
    esac
}

[ $# -gt 0 ] || set -- commands config frames bundle incoming
for target in "$@"; do
    seeds "$target"
    echo "fuzz: $target for $seconds s"
    mkdir -p "fuzz/artifacts/$target"
    nice "$CARGO_TARGET_DIR/debug/$target" "fuzz/corpus/$target" -artifact_prefix="fuzz/artifacts/$target/" -max_total_time="$seconds" \
        -rss_limit_mb=2048 -timeout=30 -max_len=8192 -print_final_stats=1 >"fuzz/$target.log" 2>&1 || {
        grep -E 'panicked|ERROR|SUMMARY' "fuzz/$target.log" >&2 || tail -n 20 "fuzz/$target.log" >&2
        echo "fuzz: $target found something: fuzz/artifacts/$target, fuzz/$target.log" >&2
        exit 1
    }
    grep -E 'cov:|stat::number_of_executed' "fuzz/$target.log" | tail -n 2
done
