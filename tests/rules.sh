#!/usr/bin/env bash
# rules.sh: the rules for Prometheus as Prometheus itself reads them, and each of them on series that must and must not raise it.
set -euo pipefail
cd "$(dirname "$0")/../deploy/prometheus"

promtool check config prometheus.yml
promtool test rules alerts_test.yml

# Every rule is put to the test: one that is in no test could never fire and nobody would know.
sed -n 's/^ *- alert: //p' alerts.yml | while read -r alert; do
    grep -q "$alert" alerts_test.yml || { echo "deploy/prometheus/alerts_test.yml does not try $alert" >&2; exit 1; }
done
