#!/usr/bin/env bash
# short.sh: the program for 64-bit boards on a whole emulated one with Debian's kernel, whose camera shows drawn and real pictures: alerts of bears
# arrive, and none of what is no bear. The package, systemd and faults are tried by the
# scripts beside this.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/board/board.sh
. tests/board/board.sh

root=$work/root
board_root "$root" tests/board/short-init.sh virtio_pci virtio_net videodev
board_scenes "$root"
start_broker
cat >"$root/bearwatch.toml" <<TOML
[site]
name = "board"
camera = "short"
[capture]
source = "camera"
device = "/dev/video0"
width = 640
height = 360
fps = 5
$board_sure
[acknowledge]
ladder = ["86400 duty"]
[publish]
broker = "mqtt://10.0.2.2:$broker_port"
telemetry_s = 2.0
[store]
path = "/tmp/store"
TOML
mosquitto_sub -p "$broker_port" -q 1 -t 'bearwatch/v1/board/short/#' -F '%t %p' >"$work/heard" &
listener=$!

board_boot "$root" "$work/console"
board_said "$work/console"
grep -q '/status .*"state":"online"' "$work/heard" || { echo "it never said that it is online" >&2; exit 1; }
python3 - "$work/heard" "$root/scenes" <<'PY'
import json, pathlib, sys
alerts = [json.loads(line.split(" ", 1)[1]) for line in open(sys.argv[1], encoding="utf-8", errors="replace") if line.startswith("bearwatch/v1/board/short/alert ")]
opened = [alert["class"] for alert in alerts if alert["state"] == "opened"]
shown = [scene for scene in ("drawn", "real") if pathlib.Path(sys.argv[2], f"{scene}.yuyv").exists()]
print(f"bears shown: {shown}; alerts that were opened: {opened}")
if opened != ["bear"] * len(shown):
    sys.exit("these are not the alerts of what was shown")
PY
