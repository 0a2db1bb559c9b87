#!/bin/busybox sh
# shellcheck shell=dash
# The initramfs of the board of system.sh: loads what its disk needs, and hands over to the Debian on it.
# shellcheck source=tests/board/init.sh
. /board.sh

# shellcheck source=tests/board/camera-feed.sh
. /camera-feed.sh
loopback || failed "no loopback camera"
mkdir /root
mount -t ext4 /dev/vda /root || failed "no disk"
for folder in proc sys dev; do mount --move "/$folder" "/root/$folder"; done
umount /tmp
exec switch_root /root /sbin/init
