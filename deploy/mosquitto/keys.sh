#!/bin/sh
# Keys and certificates of a park, in the folder KEYS (default: ./keys), which belongs on a machine that is on no network.
#
#   keys.sh broker HOST…          the broker's certificate, for each name or address by which it is called; makes the authorities first
#   keys.sh camera SITE CAMERA    a camera's key: its name is SITE/CAMERA, and the access rules go by that
#   keys.sh person NAME           the key of somebody who reads and acknowledges
#   keys.sh revoke NAME           what is stolen counts no more (SITE/CAMERA or a person): copy revoked-*.pem to the broker, restart it
#   keys.sh expiring [DAYS]       what ends within so many days (30)
#
# Three authorities: one for the broker, which everybody pins; one for cameras and one for people, so that each has an entrance of its
# own and a camera's key opens no other. Certificates last DAYS days (730) or from SINCE to UNTIL (YYMMDDHHMMSSZ); making one anew replaces
# it, key and all.
set -eu

KEYS=${KEYS:-keys}
[ -n "${UNTIL:-}" ] || DAYS=${DAYS:-730}
AUTHORITY_DAYS=3650
umask 077

fail() { echo "keys.sh: $*" >&2; exit 64; }
named() { printf '%s' "$1" | grep -Eqx '[a-z0-9-]{1,40}' || fail "\"$1\" is no name: 1 to 40 of a to z, 0 to 9 and -"; }

# How openssl is told what to make: a certificate says for whom it is and of what use, and nothing of the request is taken over.
configuration() {
    printf '[ca]\ndefault_ca = park\n[park]\ndatabase = %s\nserial = %s\nnew_certs_dir = %s\n' "$KEYS/$1/index" "$KEYS/$1/serial" "$KEYS/$1"
    printf 'default_md = sha256\npolicy = name\nunique_subject = no\n[name]\ncommonName = supplied\n'
    printf '[req]\ndistinguished_name = none\n[none]\n[authority]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\n'
    printf '[leaf]\nbasicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = %s\nsubjectKeyIdentifier = hash\n' "$2"
    [ -z "$3" ] || printf 'subjectAltName = %s\n' "$3"
}

authority() {
    [ ! -e "$KEYS/$1/index" ] || return 0
    mkdir -p "$KEYS/$1"
    configuration "$1" clientAuth "" >"$KEYS/$1/conf"
    openssl req -x509 -config "$KEYS/$1/conf" -extensions authority -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days "$AUTHORITY_DAYS" \
        -subj "/CN=bearwatch $1" -keyout "$KEYS/$1/key.pem" -out "$KEYS/$1-ca.pem" 2>/dev/null
    openssl rand -hex 16 >"$KEYS/$1/serial"
    : >"$KEYS/$1/index"
    revoked "$1"
}

# The list of what counts no more. It lasts as long as its authority: a broker with a list that has run out lets nobody in.
revoked() {
    openssl ca -batch -config "$KEYS/$1/conf" -keyfile "$KEYS/$1/key.pem" -cert "$KEYS/$1-ca.pem" -gencrl -crldays "$AUTHORITY_DAYS" \
        -out "$KEYS/revoked-$1.pem" 2>/dev/null
}

# leaf AUTHORITY FILE NAME USE ADDRESSES
leaf() {
    mkdir -p "$(dirname "$2")"
    configuration "$1" "$4" "$5" >"$KEYS/$1/conf"
    openssl req -config "$KEYS/$1/conf" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$(printf '%s' "$3" | sed 's,/,\\/,g')" \
        -keyout "$2.key" -out "$2.request" 2>/dev/null
    openssl ca -batch -notext -config "$KEYS/$1/conf" -extensions leaf -keyfile "$KEYS/$1/key.pem" -cert "$KEYS/$1-ca.pem" \
        ${SINCE:+-startdate "$SINCE"} ${UNTIL:+-enddate "$UNTIL"} ${DAYS:+-days "$DAYS"} -in "$2.request" -out "$2.pem" 2>/dev/null || fail "openssl could not sign the certificate of $3"
    rm "$2.request"
    echo "$2.pem and $2.key: $3, until $(openssl x509 -noout -enddate -in "$2.pem" | cut -d = -f 2)"
}

addresses() {
    for host in "$@"; do
        case $host in
        *:* | *[0-9].[0-9]*.[0-9]*.[0-9]*) printf 'IP:%s,' "$host" ;;
        *) printf 'DNS:%s,' "$host" ;;
        esac
    done | sed 's/,$//'
}

revoke() {
    case $1 in
    */*) set -- cameras "$1" ;;
    *) set -- people "$1" ;;
    esac
    [ -e "$KEYS/$1/index" ] || fail "no keys are in $KEYS"
    # In the register: state, end, revocation, serial number, file, subject. Every certificate of that name, be it older.
    serials=$(awk -F '\t' -v subject="/CN=$2" '{ name = $6; gsub(/\\/, "", name); if ($1 == "V" && name == subject) print $4 }' "$KEYS/$1/index")
    [ -n "$serials" ] || fail "nothing that still counts was given to \"$2\""
    for serial in $serials; do
        openssl ca -config "$KEYS/$1/conf" -keyfile "$KEYS/$1/key.pem" -cert "$KEYS/$1-ca.pem" -revoke "$KEYS/$1/$serial.pem" 2>/dev/null
    done
    revoked "$1"
    echo "$KEYS/revoked-$1.pem: copy it to the broker and restart Mosquitto; until then \"$2\" is let in"
}

expiring() {
    code=0
    for file in "$KEYS"/*.pem "$KEYS"/cameras/*/*.pem "$KEYS"/people/*/*.pem; do
        grep -qs 'BEGIN CERTIFICATE' "$file" || continue
        openssl x509 -noout -checkend "$(($1 * 86400))" -in "$file" >/dev/null && continue
        echo "$file: $(openssl x509 -noout -enddate -in "$file" | cut -d = -f 2)"
        code=1
    done
    return "$code"
}

command -v openssl >/dev/null || fail "openssl is not here: apt-get install openssl"
case "${1:-} $#" in
"broker 1" | "camera 1" | "camera 2" | "person 1" | "revoke 1") fail "too few words: sed -n 2,10p $0" ;;
broker\ *)
    shift
    mkdir -p "$KEYS"
    for name in broker cameras people; do authority "$name"; done
    leaf broker "$KEYS/broker" "$1" serverAuth "$(addresses "$@")"
    ;;
"camera 3")
    named "$2"
    named "$3"
    authority cameras
    leaf cameras "$KEYS/cameras/$2/$3" "$2/$3" clientAuth ""
    ;;
"person 2")
    named "$2"
    authority people
    leaf people "$KEYS/people/$2/$2" "$2" clientAuth ""
    ;;
"revoke 2") revoke "$2" ;;
"expiring 1") expiring 30 ;;
"expiring 2") expiring "$2" ;;
*) sed -n '2,10p' "$0" >&2; exit 64 ;;
esac
