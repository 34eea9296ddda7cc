#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's kernel makes a filesystem on a disk, fills and checks it; the host finds the same.
#   disk.sh NAME KERNEL-FLAVOUR DISK SECONDS work|fill:FORMAT [EMULATOR-OPTION...]
# DISK is the guest's name of it; %I in an option is the image. Output is TAP. MYNAH=PROGRAM
# stands in for the emulator; fill:raw and fill:qcow2 are kill.py's work on such an image (SEED=N
# repeats one, KILLS=N instead of 2, or with MYNAH_LONG 12); logs stay in .cache/boot/NAME.*
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
here=$ROOT/tests/boot
. "$here/disk-initramfs.sh"
name=$1 flavour=$2 disk=$3 seconds=$4 work=$5
shift 5

n=0 bad=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); bad=1; echo "not ok $n - $1"; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1 ($2, wanted $3)"; fi; }

make_image() {
    local f stale=false
    INITRD=$CACHE/disk-$flavour.cpio.gz
    for f in "$here"/{disk-init,disk-initramfs.sh,disk.sh} "$ROOT/tests/lib.sh"; do
        [ "$INITRD" -nt "$f" ] || stale=true
    done
    ! $stale || make_disk_initramfs "$flavour" "$INITRD"
}

between() { sed -n "/^@@ $2 begin/,/^@@ $2 end/p" "$1" | sed '/^@@ /d'; }
said() { sed -n "s/^@@ $1 //p" "$log"; }

get_kernel "$flavour"
get_busybox
mkdir -p "$CACHE/boot"
make_image
log=$CACHE/boot/$name.log image=$CACHE/boot/$name.img
export PATH=$PATH:/sbin:/usr/sbin
case $work in fill:*)
    exec python3 "$here/kill.py" "$KERNEL" "$INITRD" "$disk" "$image" "${work#fill:}" "$seconds" \
        "${KILLS:-${MYNAH_LONG:+1}2}" "${SEED:-$RANDOM$RANDOM}" "${MYNAH:-$BUILD/frontend/mynah}" \
        -nographic -no-reboot -m 256 "${@//%I/$image}" ;;
esac
rm -f "$image"
truncate -s 96M "$image"
echo "TAP version 13"
timeout "$seconds" "${MYNAH:-$BUILD/frontend/mynah}" -kernel "$KERNEL" -initrd "$INITRD" \
    -append "console=ttyS0 panic=-1 mynah.disk=$disk mynah.work=work" -nographic -no-reboot \
    -m 512 "${@//%I/$image}" </dev/null 2>&1 | tr -d '\r' >"$log"
is "powers off" "${PIPESTATUS[0]}" 0
ok "$(said uname | cut -c1-60), $(said disk)"
is "mkfs" "$(said mkfs)" 0
is "fsck in the guest" "$(said fsck)" 0
between "$log" sums >"$log.sums"
is "files" "$(wc -l <"$log.sums")" 207
is "read again" "$(between "$log" again | sha256sum)" "$(sha256sum <"$log.sums")"
e2fsck -fn "$image" >"$log.fsck" 2>&1
is "fsck on the host" $? 0
rm -rf "$log.files"
mkdir "$log.files"
debugfs -R "rdump / $log.files" "$image" >/dev/null 2>&1
is "the host reads the same" \
    "$(cd "$log.files" && rm -rf lost+found && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum)" \
    "$(sha256sum <"$log.sums")"
between "$log" dmesg >"$log.dmesg"
if grep -nEf "$here/dmesg.deny" "$log.dmesg" >"$log.diff"; then
    not_ok "no warning in dmesg"
    sed 's/^/# /' "$log.diff" >&2
else
    ok "no warning in dmesg"
fi
[ "$bad" = 0 ] && rm -rf "$image" "$log.files"
echo "1..$n"
exit $bad
