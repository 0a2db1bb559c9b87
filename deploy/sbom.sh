#!/bin/sh
# sbom.sh: every library that the program may be made of, with version, licence and origin, for all platforms: target/sbom, as CycloneDX and as
# SPDX. Installs cargo-sbom below target/ where it is not there.
set -eu

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
[ -x "$target/tools/bin/cargo-sbom" ] || cargo install --quiet --locked --root "$target/tools" --target-dir "$target/tools/build" cargo-sbom
mkdir -p "$target/sbom"
"$target/tools/bin/cargo-sbom" --output-format cyclone_dx_json_1_6 >"$target/sbom/bearwatch.cdx.json"
"$target/tools/bin/cargo-sbom" --output-format spdx_json_2_3 >"$target/sbom/bearwatch.spdx.json"
python3 - "$target/sbom/bearwatch.cdx.json" <<'END'
import json, sys

parts = json.load(open(sys.argv[1]))["components"]
listed = {(part["name"], part["version"]) for part in parts}
unlicensed = sorted(part["name"] for part in parts if not part.get("licenses"))
print(f"{sys.argv[1]}: {len(listed)} parts")
if unlicensed or not {"rustls", "tract-onnx", "rumqttc"} <= {name for name, _ in listed}:
    sys.exit(f"not a whole list, or parts without a licence: {unlicensed}")
END
