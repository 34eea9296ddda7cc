#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the initramfs of screen.py and runs it.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
get_kernel amd64
get_busybox
root=$CACHE/boot-screen out=$CACHE/boot-screen.cpio.gz
new_root "$root"
cp "$(dirname "$KERNEL")"/../lib/modules/*/kernel/drivers/input/mouse/psmouse.ko "$root/"
cat >"$root/init" <<'END'
#!/bin/busybox sh
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
insmod /psmouse.ko
sleep 1
dmesg -n 1
echo "@@ type:"
read -r line </dev/tty0
echo "@@ got $line"
echo "@@ mouse $(sed -n 's/^N: Name=//p' /proc/bus/input/devices | grep -i mouse)"
sleep 1000
END
chmod 755 "$root/init"
pack_initramfs "$root" "$out"
exec python3 "$ROOT/tests/boot/screen.py" "${MYNAH:-$BUILD/frontend/mynah}" "$KERNEL" "$out" \
    "$BUILD/firmware/vga/font8x16.bin"
