#!/usr/bin/env bash
# deb.sh PROGRAM: the package, around a program that is built already: the same bytes twice, what it holds, and its life in a Debian root of its
# own: installed, upgraded with a changed configuration, refused with one that the new version does not take, downgraded, removed, purged.
# Root or sudo is needed for that root alone.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${CARGO_TARGET_DIR:-target}
mkdir -p "$build/deb"
build=$(cd "$build" && pwd)
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

work=$(mktemp -d)
trap '"${as_root[@]}" rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
root=$work/root

say() { printf 'deb: %s\n' "$*"; }
fail() { printf 'deb: %s\n' "$*" >&2; exit 1; }

# -- The package --
strip -o "$work/bearwatch" "$1"
pack() { PROGRAM=$work/bearwatch FAST=1 deploy/deb.sh; }
first=$(pack)
cp "$first" "$work/first.deb"
touch -d '2001-02-03' "$work/bearwatch" # a stamp that must not show
first=$(pack)
cmp "$first" "$work/first.deb" || fail "the same sources gave other bytes"
# What an upgrade is to bring: the same with a higher version.
dpkg-deb -R "$first" "$work/next"
sed -i 's/^Version: .*/Version: 99.0-1/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip -z1 -b "$work/next" "$work/next.deb" >/dev/null
say "the same bytes twice"

depends=$(dpkg-deb -f "$first" Depends)
for needed in 'libc6 (>= ' libgcc-s1 systemd; do
    case $depends in *"$needed"*) ;; *) fail "Depends is '$depends', without '$needed'" ;; esac
done
dpkg-deb -c "$first" >"$work/contents"
for path in usr/bin/bearwatch usr/lib/systemd/system/bearwatch{.service,-usb-reset.service,-usb-reset.timer} usr/lib/bearwatch/usb-reset \
    usr/lib/sysusers.d/bearwatch.conf usr/lib/tmpfiles.d/bearwatch.conf usr/share/bearwatch/bearwatch.toml \
    usr/share/doc/bearwatch/copyright usr/share/man/man1/bearwatch{,-run,-check,-command-ack}.1.gz \
    usr/share/bash-completion/completions/bearwatch usr/share/zsh/vendor-completions/_bearwatch; do
    grep -q " \./$path\$" "$work/contents" || fail "the package lacks $path"
done
if grep -Ev ' (root/root|0/0) ' "$work/contents"; then fail "not root's"; fi
if grep ' \./etc/' "$work/contents"; then fail "what lies in /etc is asked about at upgrades"; fi
say "contents and dependencies ($(($(dpkg-deb -f "$first" Installed-Size) / 1024)) MiB installed, the program in the profile of $1)"

# -- Its life --
# The smallest Debian with systemd, fetched once.
base=$build/deb/root.tar
[ -e "$base" ] || {
    say "fetching a Debian root, once"
    "${as_root[@]}" mmdebstrap --quiet --variant=minbase --include=systemd bookworm "$base.new.tar"
    mv "$base.new.tar" "$base"
}
mkdir "$root"
"${as_root[@]}" tar -x -C "$root" -f "$base" --exclude='./dev/*'
"${as_root[@]}" mknod -m 666 "$root/dev/null" c 1 3
"${as_root[@]}" cp "$work/first.deb" "$work/next.deb" "$root/"
inside() { "${as_root[@]}" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C chroot "$root" "$@"; }
dpkg_inside() { inside dpkg "$@" >"$work/log" 2>&1; }
installs() { dpkg_inside "$@" || { cat "$work/log" >&2; fail "dpkg $* failed"; }; }
config=$root/etc/bearwatch.toml
wants=$root/etc/systemd/system/multi-user.target.wants/bearwatch.service

installs -i /first.deb
cmp "$config" deploy/bearwatch.toml || fail "the first installation puts the sample in place"
grep -q 'systemctl start bearwatch' "$work/log" || fail "it does not say what to do next"
[ -L "$wants" ] || fail "the service is not enabled"
[ ! -e "$root/etc/systemd/system/timers.target.wants/bearwatch-usb-reset.timer" ] || fail "resetting ports is on by itself"
inside id bearwatch | grep -q video || fail "no user bearwatch in group video"
inside bearwatch --version | grep -q '^bearwatch ' || fail "the program does not run"
inside bearwatch check --config-only >/dev/null || fail "the sample is not taken"
inside systemd-analyze verify --man=no --recursive-errors=no bearwatch.service bearwatch-usb-reset.service bearwatch-usb-reset.timer \
    >"$work/said" 2>&1 || true
if grep -i bearwatch "$work/said"; then fail "systemd has something to say about the units"; fi
bash -n "$root/usr/share/bash-completion/completions/bearwatch"
inside bearwatch --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' | grep -vx help >"$work/commands"
while read -r command; do
    zcat "$root/usr/share/man/man1/bearwatch-$command.1.gz" | grep -q '^\.SH NAME' || fail "no page for $command"
    grep -q "$command" "$root/usr/share/bash-completion/completions/bearwatch" || fail "no completion for $command"
done <"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 10 ] || fail "the commands are not found in --help"
say "installed: sample, user, service, $(wc -l <"$work/commands") pages"

inside sed -i 's/^name = .*/name = "lone-pine"/' /etc/bearwatch.toml
inside sh -c 'mkdir -p /var/lib/bearwatch && echo undelivered >/var/lib/bearwatch/outbox'
cp "$config" "$work/changed.toml"
installs -i /next.deb
cmp "$config" "$work/changed.toml" || fail "the upgrade touched the configuration"
say "upgraded: the configuration is kept"

inside systemctl disable bearwatch 2>/dev/null
installs -i /first.deb
cmp "$config" "$work/changed.toml" || fail "the downgrade touched the configuration"
[ ! -e "$wants" ] || fail "a service that was disabled is on again"
say "downgraded: what was disabled stays so"

echo 'nonsense = 1' | "${as_root[@]}" tee -a "$config" >/dev/null
if dpkg_inside -i /next.deb; then fail "a configuration that is not taken was passed over"; fi
grep -q nonsense "$work/log" || fail "the mistake is not named"
grep -q "dpkg --configure bearwatch" "$work/log" || fail "the remedy is not named"
code=0
inside bearwatch run >/dev/null 2>&1 || code=$?
[ "$code" = 78 ] || fail "run ended with $code on a wrong configuration, not with 78"
inside cp /etc/bearwatch.toml /etc/bearwatch.wrong
"${as_root[@]}" cp "$work/changed.toml" "$config"
installs --configure bearwatch
say "upgraded with a configuration that is not taken: refused, said why, mended"

installs -r bearwatch
[ ! -e "$root/usr/bin/bearwatch" ] || fail "the program is still there"
cmp "$config" "$work/changed.toml" || fail "removing touched the configuration"
[ -e "$root/var/lib/bearwatch/outbox" ] || fail "removing threw away what waits to be sent"
installs -P bearwatch
for left in "$config" "$root/var/lib/bearwatch"; do [ ! -e "$left" ] || fail "purging left $left"; done
[ ! -L "$wants" ] || fail "purging left the service enabled"
say "removed and purged"
