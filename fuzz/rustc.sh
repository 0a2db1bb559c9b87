#!/bin/sh
# Cargo's RUSTC_WRAPPER: what is ours is compiled so that libFuzzer sees which branches an input takes, and with its checks of overflow and
# assertions. The libraries below are taken as the program's own build has them: minutes instead of a quarter of an hour.
rustc=$1
shift
case " $* " in
*" --crate-name bearwatch "* | *" fuzz_targets/"*)
    exec "$rustc" "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$rustc" "$@"
