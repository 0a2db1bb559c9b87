#!/bin/sh
# Who may do what at the broker: access.sh PEOPLE >acl makes Mosquitto's access rules. PEOPLE has a line a person: a name and what he or
# she is, each for one site (role@site) or for all. The roles are the files in roles/; cameras have theirs by their name and stand nowhere.
set -eu

[ $# = 1 ] || { sed -n '2,3p' "$0" >&2; exit 64; }
roles=$(dirname "$0")/roles

fail() { echo "access.sh: $*" >&2; exit 78; }
good() { printf '%s' "$1" | grep -Eqx '[a-z0-9-]{1,40}'; }

# Line by line, without the remarks.
rules() { sed -n "/^[^#]/s,SITE,$2,gp" "$roles/$1"; }

[ -f "$1" ] || fail "$1 is no file"
made=$(
    echo "# Made by access.sh of $(basename "$1"): change that file, and make this one anew."
    rules camera %u
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        # shellcheck disable=SC2086 # a line is words
        set -- ${line%%#*}
        [ $# -gt 0 ] || continue
        name=$1
        good "$name" || fail "line $number: \"$name\" is no name: 1 to 40 of a to z, 0 to 9 and -"
        shift
        [ $# -gt 0 ] || fail "line $number: $name has no role"
        printf '\nuser %s\n' "$name"
        for role in "$@"; do
            site=+
            case $role in
            *@*)
                site=${role#*@} role=${role%%@*}
                good "$site" || fail "line $number: \"$site\" is no site"
                ;;
            esac
            if [ "$role" = camera ] || ! good "$role" || [ ! -e "$roles/$role" ]; then
                fail "line $number: \"$role\" is no role; there are $(cd "$roles" && echo * | sed 's/camera //')"
            fi
            rules "$role" "$site"
        done
    done <"$1"
)
printf '%s\n' "$made"
