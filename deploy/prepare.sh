#!/bin/sh
# prepare.sh [build] [broker] [tests] [lint]: looks for the programs that these steps need, says what is missing, and installs that by apt.
# Root or sudo is asked for only when something is missing. CAMERA=0 leaves out what only V4L2 cameras need.
set -eu

OLDEST_RUST=1.90

say() { printf 'bearwatch: %s\n' "$*" >&2; }
fail() { say "$@"; exit 69; }
has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

rust() {
    has cargo || fail "Rust is not here. Install it from https://rustup.rs (or your distribution, $OLDEST_RUST or newer), open a new shell and try again."
    version=$(rustc --version 2>/dev/null | cut -d ' ' -f 2) || version=""
    [ -n "$version" ] || fail "cargo is here but rustc does not run: try 'rustup default stable'."
    [ "$(printf '%s\n%s\n' "$OLDEST_RUST" "$version" | sort -V | head -n 1)" = "$OLDEST_RUST" ] ||
        fail "Rust $version is too old, $OLDEST_RUST or newer is needed: try 'rustup update stable', or install it from https://rustup.rs."
}

# bindgen, which reads the headers of V4L2, loads libclang when the build runs.
libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] || ldconfig -p 2>/dev/null | grep -q 'libclang[-0-9.]*\.so' ||
        find /usr/lib -maxdepth 3 \( -name 'libclang.so*' -o -name 'libclang-[0-9]*.so*' \) 2>/dev/null | grep -q .
}

# The library and its headers alone where Debian names them so, 30 MB; else whatever this release calls its libclang.
libclang_packages() {
    for version in 14 16 17 18 19 20 21; do
        if apt-cache show "libclang1-$version" >/dev/null 2>&1; then
            echo "libclang1-$version libclang-common-$version-dev"
            return
        fi
    done
    echo libclang-dev
}

missing=""
want() { missing="$missing $*"; }
for step in "$@"; do
    case $step in
    build)
        rust
        has cc || want build-essential
        [ "${CAMERA:-1}" = 0 ] || libclang || want LIBCLANG
        ;;
    broker) has mosquitto || want mosquitto ;;
    tests)
        has mosquitto_sub || want mosquitto-clients
        has ffmpeg || want ffmpeg
        has openssl || want openssl
        has mke2fs || want e2fsprogs
        ;;
    lint)
        has shellcheck || want shellcheck
        python3 -c 'import ensurepip' 2>/dev/null || want python3-venv
        ;;
    *) fail "prepare.sh does not know the step '$step'" ;;
    esac
done

if [ -n "$missing" ]; then
    has apt-get || fail "missing:$missing. There is no apt-get here: install them by this system's own means (LIBCLANG is libclang; CAMERA=0 builds without)."
    root=""
    if [ "$(id -u)" != 0 ]; then
        has sudo || fail "missing:$missing. Install them as root (LIBCLANG is libclang; CAMERA=0 builds without it)."
        root=sudo
    fi
    case $missing in
    *LIBCLANG*)
        apt-cache show libclang-dev >/dev/null 2>&1 || $root apt-get update -q
        missing=$(echo "$missing" | sed "s/LIBCLANG/$(libclang_packages)/")
        ;;
    esac
    say "this needs packages that are not installed; ${root:+sudo }apt-get will install:$missing"
    case $missing in *mosquitto*) say "(Debian also starts Mosquitto as a service on 127.0.0.1:1883; the demo and the tests use brokers of their own)" ;; esac
    # shellcheck disable=SC2086 # a list of packages
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing ||
        { $root apt-get update -q && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } ||
        fail "apt-get could not install:$missing"
fi

case " $* " in
*" build "*)
    [ -e "${CARGO_TARGET_DIR:-target}/debug/deps" ] ||
        say "the first build compiles about 200 libraries and takes 6 to 8 minutes on two cores; later builds take seconds."
    ;;
esac
