#!/usr/bin/env bash
# faults.sh: the program for boards on a whole emulated one, whose kernel spoils network (netem) and disk (dm-flakey) for real, and whose power is cut
# while alerts wait. What it decided to tell must be what the rangers heard.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/board/board.sh
. tests/board/board.sh

root=$work/root
board_root "$root" tests/board/faults-init.sh virtio_pci virtio_net virtio_blk ext4 dm_flakey sch_netem
# Without a journal: one that meets an error gives up the file system until it is mounted anew, and nobody does that on a mast.
for disk in card flaky; do
    truncate -s 64M "$work/$disk"
    /sbin/mke2fs -q -t ext4 "$([ "$disk" = card ] && echo -Ohas_journal || echo -O^has_journal)" "$work/$disk"
done
start_broker
cat >"$root/bearwatch.toml" <<TOML
[site]
name = "board"
camera = "faults"
[capture]
source = "simulated"
fps = 2.0
[capture.scene]
bears = 12
duration_s = 600.0
$board_sure
[acknowledge]
ladder = ["86400 duty"]
[publish]
broker = "mqtt://10.0.2.2:$broker_port"
keep_alive_s = 5
telemetry_s = 10.0
snapshot_px = 160
[store]
path = "/card/store"
TOML
mosquitto_sub -V 5 -q 1 -p "$broker_port" -t 'bearwatch/v1/board/faults/alert' -F '%p' >"$work/heard" &
listener=$!
drives=()
for disk in card flaky; do
    drives+=(-drive "if=none,id=$disk,format=raw,file=$work/$disk" -device "virtio-blk-pci,drive=$disk")
done

# The power goes as soon as the board is ready for it.
(
    until grep -q '^BOARD: power' "$work/first" 2>/dev/null; do sleep 0.2; done
    pkill -9 -f "file=$work/card"
) &
board_boot "$root" "$work/first" "${drives[@]}"
grep -q '^BOARD: power' "$work/first" || { echo "the board did not come to the power cut: see above" >&2; exit 1; }
board_words=after
board_boot "$root" "$work/second" "${drives[@]}"
cat "$work/first" "$work/second" >"$work/console"
board_said "$work/console"

python3 - "$work" <<'PY'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
heard = [json.loads(line) for line in (work / "heard").read_text().splitlines()]
names = {(alert["boot"], alert["seq"]) for alert in heard}
told = set()
for console in ("first", "second"):
    text = (work / console).read_text(errors="replace").split("BOARD: power")[0]
    told |= {(line.split()[1], int(line.split()[2])) for line in text.splitlines() if line.startswith("TOLD ")}
boots = {boot for boot, _ in names}
gaps = sorted((boot, seq) for boot in boots for seq in range(max(s for b, s in names if b == boot)) if (boot, seq) not in names)
late = sum(alert["late"] for alert in heard)
print(f"{len(told)} steps of alerts decided on in {len(boots)} lives of the daemon, {len(names)} heard, {late} of them marked late, {len(heard) - len(names)} twice")
if missing := sorted(told - names) + gaps:
    sys.exit(f"never heard: {missing}")
if len(boots) < 4 or not late:
    sys.exit("the faults did nothing")
PY
