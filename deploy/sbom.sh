#!/bin/sh
# sbom.sh: what the program is made of, as CycloneDX: target/sbom/bearwatch.cdx.json, one for each of the platforms that are built for.
# Installs cargo-cyclonedx below target/ where it is not there.
set -eu

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
tools=$target/tools
[ -x "$tools/bin/cargo-cyclonedx" ] || cargo install --quiet --locked --root "$tools" cargo-cyclonedx
mkdir -p "$target/sbom"
for platform in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf; do
    "$tools/bin/cargo-cyclonedx" cyclonedx --format json --spec-version 1.5 --target "$platform" --override-filename "bearwatch-$platform.cdx" --quiet
    mv "bearwatch-$platform.cdx.json" "$target/sbom/"
    python3 - "$target/sbom/bearwatch-$platform.cdx.json" <<'END'
import json, sys
parts = json.load(open(sys.argv[1]))
unlicensed = [part["name"] for part in parts["components"] if not part.get("licenses")]
print(f"{sys.argv[1]}: {len(parts['components'])} parts")
if unlicensed or len(parts["components"]) < 50:
    sys.exit(f"parts without a licence: {unlicensed}")
END
done
