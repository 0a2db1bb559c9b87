#!/bin/sh
# prepare.sh [build] [broker] [tests] [lint] [arm] [kernels] [peers] [board-short] [board] [node] [browser] [armhf] [deb] [deb-check]: looks for the programs that these steps need, says what is missing, and installs that by apt.
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

# A compiler with the standard library of 64-bit ARM: rustup's own, or Debian's beside it.
arm_target() {
    for compiler in "${RUSTC:-rustc}" /usr/bin/rustc; do
        [ ! -d "$("$compiler" --print sysroot 2>/dev/null)/lib/rustlib/aarch64-unknown-linux-gnu/lib" ] || return 0
    done
    return 1
}

# Packages for 64-bit ARM are named to apt by :arm64. Only that one: Debian's security archive has no index for some others.
arm64_packages() {
    dpkg --print-foreign-architectures | grep -qx arm64 && return
    say "arm64 is added to the architectures of apt"
    $root dpkg --add-architecture arm64
    $root apt-get update -q
}

missing=""
foreign=""
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
        has python3 || want python3
        has mke2fs || want e2fsprogs
        has faketime || want faketime
        has nft || want nftables
        has tc || want iproute2
        # Debian's own Python, for it alone sees Debian's packages.
        /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || want python3-aiosmtpd
        has prometheus || want prometheus
        find /usr/lib/postgresql -name initdb 2>/dev/null | grep -q . || want postgresql
        has psql || want postgresql-client
        has setpriv || want util-linux
        ;;
    lint)
        has shellcheck || want shellcheck
        python3 -c 'import ensurepip' 2>/dev/null || want python3-venv
        has systemd-analyze || want systemd
        has promtool || want prometheus
        ;;
    arm)
        has qemu-aarch64-static || want qemu-user-static
        has aarch64-linux-gnu-gcc || want gcc-aarch64-linux-gnu libc6-dev-arm64-cross
        # Debian's own libc, by which a program starts under its own name; that of the cross compiler hangs in its first thread.
        [ -e /lib/ld-linux-aarch64.so.1 ] || { want libc6:arm64 libgcc-s1:arm64; foreign=yes; }
        # Not from rustup by ourselves: which toolchain a person has is theirs to decide.
        arm_target || { want rustc-web libstd-rust-web-dev:arm64; foreign=yes; }
        ;;
    amd64)
        # That of rustup's compiler, else Debian's.
        [ -e "$(rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld" ] || has ld.lld || want lld
        ;;
    node) has npm || want nodejs npm ;;
    browser)
        has chromium || want chromium
        has chromedriver || want chromium-driver
        # Debian's own Python, for it alone sees Debian's packages.
        /usr/bin/python3 -c 'import selenium' 2>/dev/null || want python3-selenium
        find /usr/share/fonts -name '*.ttf' 2>/dev/null | grep -q . || want fonts-dejavu-core
        ;;
    armhf)
        has arm-linux-gnueabihf-gcc || want gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
        # The sources of the standard library, for Debian's compiler has it for no 32-bit board.
        [ -d "$(rustc --print sysroot)/lib/rustlib/armv7-unknown-linux-gnueabihf/lib" ] ||
            [ -d "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library" ] || want rustc-web rust-web-src
        ;;
    deb)
        has dpkg-deb || fail "packages are built on Debian or what derives from it: dpkg-deb is not here."
        has dpkg-shlibdeps || want dpkg-dev
        has xz || want xz-utils
        ;;
    deb-check) has mmdebstrap || want mmdebstrap ;;
    peers) has motion || want motion ;;
    kernels) has valgrind || want valgrind libc6-dbg ;;
    board-short | board)
        has qemu-system-aarch64 || want qemu-system-arm
        has depmod || [ -x /sbin/depmod ] || want kmod
        has cpio || want cpio
        has make || want make
        # The board's kernel and programs are downloaded by apt, and not installed.
        foreign=yes
        [ "$step" = board ] || continue
        has mmdebstrap || want mmdebstrap
        # mmdebstrap asks it whether it may put another processor's Debian together.
        has arch-test || want arch-test
        # Programs of the Debian that is unpacked for the board run here while it is put together.
        [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || want binfmt-support qemu-user-static
        ;;
    *) fail "prepare.sh does not know the step '$step'" ;;
    esac
done

root=""
if [ "$(id -u)" != 0 ]; then root=sudo; fi

if [ -n "$missing" ]; then
    has apt-get || fail "missing:$missing. There is no apt-get here: install them by this system's own means (LIBCLANG is libclang; CAMERA=0 builds without)."
    if [ -n "$root" ]; then
        has sudo || fail "missing:$missing. Install them as root (LIBCLANG is libclang; CAMERA=0 builds without it)."
    fi
    case $missing in
    *LIBCLANG*)
        apt-cache show libclang-dev >/dev/null 2>&1 || $root apt-get update -q
        missing=$(echo "$missing" | sed "s/LIBCLANG/$(libclang_packages)/")
        ;;
    esac
    case $missing in
    *rustc-web*)
        apt-cache show rustc-web >/dev/null 2>&1 || $root apt-get update -q
        apt-cache show rustc-web >/dev/null 2>&1 ||
            fail "no compiler here has the target aarch64-unknown-linux-gnu: run 'rustup target add aarch64-unknown-linux-gnu' and try again."
        ;;
    esac
    [ -z "$foreign" ] || arm64_packages
    say "this needs packages that are not installed; ${root:+sudo }apt-get will install:$missing"
    case $missing in *mosquitto*) say "(Debian also starts Mosquitto as a service on 127.0.0.1:1883; the demo and the tests use brokers of their own)" ;; esac
    case $missing in *postgresql*) say "(Debian also starts PostgreSQL as a service on port 5432; the tests use servers of their own)" ;; esac
    case $missing in *prometheus*) say "(Debian also starts Prometheus as a service on port 9090: 'systemctl disable --now prometheus' ends that)" ;; esac
    case $missing in *motion*) say "(Debian also starts Motion as a service, which looks for a camera: 'systemctl disable --now motion' ends that)" ;; esac
    # shellcheck disable=SC2086 # a list of packages
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing ||
        { $root apt-get update -q && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } ||
        fail "apt-get could not install:$missing"
fi
[ -z "$foreign" ] || arm64_packages

# Where systemd is not the first process, as in a container, nobody has told the kernel who runs programs of another processor.
case " $* " in
*" board "*)
    programs=/proc/sys/fs/binfmt_misc
    [ -e $programs/register ] || $root mount -t binfmt_misc binfmt_misc $programs
    [ -e $programs/qemu-aarch64 ] || $root update-binfmts --enable qemu-aarch64
    ;;
esac

case " $* " in
*" build "*)
    [ -e "${CARGO_TARGET_DIR:-target}/debug/deps" ] ||
        say "the first build compiles about 200 libraries and takes 6 to 8 minutes on two cores; later builds take seconds."
    ;;
esac
