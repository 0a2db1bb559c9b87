#!/usr/bin/env bash
# camera.sh: the daemon on a whole emulated board whose virtual camera (vivid) is the only V4L2 camera that a machine without one can have. The
# camera falls silent, fails, hangs, gives what is no frame and is unplugged; statuses and telemetry go to a real broker.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/board/board.sh
. tests/board/board.sh

root=$work/root
board_root "$root" tests/board/camera-init.sh virtio_pci virtio_net vivid
# The virtual camera is plugged in later.
sed -i '/^vivid.ko$/d' "$root/modules/order"
board_module "$root" spoil
sed -n 's/^RestartSec=//p' systemd/bearwatch.service >"$root/restart_s"

start_broker
cat >"$root/bearwatch.toml" <<TOML
[site]
name = "board"
camera = "vivid"
[capture]
source = "camera"
device = "/dev/video0"
width = 640
height = 360
fps = 15
gain = 77
[publish]
broker = "mqtt://10.0.2.2:$broker_port"
telemetry_s = 2.0
[store]
path = "/tmp/store"
TOML
mosquitto_sub -p "$broker_port" -t 'bearwatch/v1/board/vivid/#' -F '%t %p' >"$work/heard" &
listener=$!

board_boot "$root" "$work/console"
board_said "$work/console"

# What the rangers heard meanwhile.
for words in '"state":"online"' '"state":"degraded".*gave no frame' '"state":"degraded".*unplugged' '"state":"degraded".*in use by another program' '"state":"degraded".*that can be used' '"state":"degraded".*has not returned'; do
    grep -q "/status .*$words" "$work/heard" || { echo "no status said $words:" >&2; grep '/status ' "$work/heard" >&2; exit 1; }
done
grep '/telemetry ' "$work/heard" | head -n 3 | cut -c 1-300
python3 - "$work/heard" <<'PY'
import json, sys
frames = [json.loads(line.split(" ", 1)[1])["frames"] for line in open(sys.argv[1], encoding="utf-8") if "/telemetry " in line]
print("frames seen by telemetry:", [f["seen"] for f in frames])
if not any(f["seen"] > 20 for f in frames):
    sys.exit("telemetry never saw frames at the camera's rate")
PY
