#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots both Debian kernels again and again to a power-off: 2 times each, or N, or with MYNAH_LONG 50.
#   loop.sh [N]
# Output is TAP; the log of a boot that failed stays in .cache/boot/loop.log.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
rounds=${1:-2}
[ -n "${MYNAH_LONG:-}" ] && rounds=50
log=$CACHE/boot/loop.log
image=$CACHE/boot/loop.cpio.gz

get_busybox
mkdir -p "$CACHE/boot"
new_root "$CACHE/boot/loop-root"
cat >"$CACHE/boot/loop-root/init" <<'INIT'
#!/bin/busybox sh
mount -t proc proc /proc
# the timer test counts ticks in 40 ms: a host that sleeps meanwhile fails it, and Linux goes on
dmesg -r | grep '^<[0-3]>' | grep -v 'MMCONFIG\|MP-BIOS bug: 8254'
echo "loop: up $(sha256sum /bin/busybox)"
poweroff -f
INIT
chmod +x "$CACHE/boot/loop-root/init"
pack_initramfs "$CACHE/boot/loop-root" "$image"
want="loop: up $(sha256sum <"$CACHE/boot/loop-root/bin/busybox" | sed 's,-,/bin/busybox,')"

echo "TAP version 13"
bad=0 n=0
for flavour in cloud-amd64 amd64; do
    get_kernel "$flavour"
    failed=0
    for _ in $(seq "$rounds"); do
        status=0
        timeout 120 "${MYNAH:-$BUILD/frontend/mynah}" -kernel "$KERNEL" -initrd "$image" -m 256 \
            -append "console=ttyS0 quiet panic=-1" -nographic -no-reboot </dev/null >"$log.run" 2>&1 || status=$?
        if [ $status != 0 ] || [ "$(tr -d '\r' <"$log.run" | grep '^loop:\|^<')" != "$want" ]; then
            failed=$((failed + 1))
            mv "$log.run" "$log"
            echo "# status $status, see $log"
        fi
    done
    n=$((n + 1))
    [ $failed = 0 ] || { bad=1 && printf 'not '; }
    echo "ok $n - $flavour: $rounds boots, $failed failed"
done
rm -f "$log.run"
echo "1..$n"
exit $bad
