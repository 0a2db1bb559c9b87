#!/bin/busybox sh
# shellcheck shell=dash
# The first and only program of the emulated 32-bit board of armhf.sh: the daemon of the package watches drawn bears.
# shellcheck source=tests/board/init.sh
. /board.sh

fail() {
    tail -n 20 /tmp/log
    failed "$*"
}
PATH=$PATH:/usr/bin
say "up: $(uname -m), $(bearwatch --version)"
bearwatch check --config-only --config /usr/share/bearwatch/bearwatch.toml || fail "the sample of the package is refused"
begin
# shellcheck disable=SC2119 # without words of its own
daemon
logged 1 'connected to broker' 120
row "a 32-bit board: the daemon is started, until the broker knows it" - "$(took)"
for _ in $(seq 1500); do
    [ "$(cat /tmp/store/review/*.jsonl 2>/dev/null | wc -l)" = 0 ] || break
    sleep 1
done
[ "$(cat /tmp/store/review/*.jsonl | wc -l)" != 0 ] || fail "no alert"
say "ok: an alert was decided on"
sleep 5
stopped
finish "done"
