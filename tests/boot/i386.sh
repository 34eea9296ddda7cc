#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's 32-bit kernels, without PAE and with it, started directly and from a disk by GRUB; busybox
# works there and reads the disk, the host's busybox gets the same results.
#   i386.sh SECONDS [EMULATOR-OPTION...]
# (no_timer_check: a busy host fails Linux's timer test, which counts ticks in 160 ms)
# Output is TAP; skipped when apt cannot fetch the packages. Logs stay in .cache/boot/.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
seconds=$1
shift
n=0 bad=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); bad=1; echo "not ok $n - $1"; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1 ($2, wanted $3)"; fi; }

MODULES="crc16 crct10dif_common crct10dif_generic crc-t10dif crc64 crc64-rocksoft_generic
    crc64-rocksoft t10-pi scsi_common scsi_mod sd_mod libata ata_piix"

# make_initrd FLAVOUR FILE
make_initrd() {
    local root=$CACHE/boot/i386-root m i=0
    new_root "$root"
    cp "$CACHE/busybox-i386/bin/busybox" "$root/bin/busybox"
    mkdir -p "$root/modules"
    for m in $MODULES; do
        i=$((i + 1))
        find "$CACHE/kernel-$1/lib/modules" -name "$m.ko" \
            -exec cp {} "$root/modules/$(printf %02d $i)-$m.ko" \;
    done
    write_work >"$root/work"
    cat >"$root/init" <<'INIT'
#!/bin/busybox sh
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
dmesg -n 1
for m in /modules/*.ko; do insmod "$m"; done
for i in $(seq 100); do [ -b /dev/sda ] && break; sleep 0.1; done
echo "@@ uname $(uname -rm)"
echo "@@ disk $(dd if=/dev/sda bs=1M count=4 2>/dev/null | sha256sum)"
echo "@@ work begin"
sh /work busybox
echo "@@ work end"
echo "@@ dmesg begin"
dmesg
echo "@@ dmesg end"
poweroff -f
INIT
    chmod 755 "$root/init"
    pack_initramfs "$root" "$2"
}

# Integers of 64 bits, floating point, strings; $1 is the busybox.
write_work() {
    cat <<'WORK'
b=$1
$b seq 1 60000 >/tmp/mynah-i386
for sum in md5sum sha1sum sha256sum sha512sum sha3sum; do $b $sum </tmp/mynah-i386; done
$b gzip </tmp/mynah-i386 | $b gunzip | $b sha1sum
$b sort -r </tmp/mynah-i386 | $b sha1sum
$b awk 'BEGIN { for (i = 1; i < 9000; i++) f += i / 7 - f * 1.0001 + 1 / (i * i)
    printf "%.9g %d\n", f, int(f * 1e6) % 9973 }'
$b awk 'NR < 3000 { s = s substr($1 * 7919, 2, 3) } END { print length(s), gsub(/1[0-4]+2/, "x", s) }' \
    /tmp/mynah-i386
x=1 i=0
while [ $i -lt 3000 ]; do x=$((x * 6364136223846793005 + 1442695040888963407)) i=$((i + 1)); done
echo $x $((x / 10007)) $((x % 10007)) $((x >> 17))
echo "2 200 ^ 3 100 ^ - p" | $b dc
$b rm -f /tmp/mynah-i386
WORK
}

said() { sed -n "s/^@@ $1 //p" "$log"; }
between() { sed -n "/^@@ $1 begin/,/^@@ $1 end/p" "$log" | sed '/^@@ /d'; }

# run NAME FLAVOUR OPTION...: DISK is in the machine
run() {
    local name=$1 flavour=$2
    shift 2
    log=$CACHE/boot/i386-$name.log
    timeout "$seconds" "${MYNAH:-$BUILD/frontend/mynah}" -nographic -no-reboot -m 256 \
        -drive "file=$disk,format=raw,if=ide" "$@" </dev/null 2>&1 | tr -d '\r' >"$log"
    is "$name: powers off" "${PIPESTATUS[0]}" 0
    case $(said uname) in
    *-"$flavour i686") ok "$name: $(said uname)" ;;
    *) not_ok "$name: boots (see $log)" ;;
    esac
    is "$name: the disk" "$(said disk)" "$(head -c 4M "$disk" | sha256sum)"
    if diff <(between work) - <<<"$want" >"$log.diff"; then
        ok "$name: busybox's work"
    else
        not_ok "$name: busybox's work (see $log.diff)"
    fi
    if grep -q '^@@ dmesg end' "$log" &&
        ! between dmesg | grep -nEf "$ROOT/tests/boot/dmesg.deny" >"$log.diff"; then
        ok "$name: no warning in dmesg"
    else
        not_ok "$name: no warning in dmesg (see $log.diff)"
    fi
}

mkdir -p "$CACHE/boot"
echo "TAP version 13"
fetch=$CACHE/boot/i386.fetch
for p in grub-common grub-pc-bin; do
    (unpack_deb $p "$CACHE/$p") >"$fetch" 2>&1 || { echo "1..0 # SKIP cannot fetch $p"; exit 0; }
done
(unpack_deb busybox-static "$CACHE/busybox-i386" i386 && get_kernel 686 && get_kernel 686-pae) \
    >"$fetch" 2>&1 || { echo "1..0 # SKIP cannot fetch i386 packages: $(tail -n 1 "$fetch")"; exit 0; }
get_busybox
want=$(write_work | "$BUSYBOX" sh -s "$BUSYBOX")
for flavour in 686 686-pae; do
    get_kernel $flavour
    initrd=$CACHE/boot/i386-$flavour.cpio.gz disk=$CACHE/boot/i386-$flavour.disk
    make_initrd $flavour "$initrd"
    cp "$initrd" "$CACHE/boot/i386-initrd"
    cp "$KERNEL" "$CACHE/boot/i386-vmlinuz"
    grub_cd "$disk" "$CACHE/boot/i386-vmlinuz" "$CACHE/boot/i386-initrd" <<'CFG' || {
serial --unit=0 --speed=115200
terminal_output serial
linux /i386-vmlinuz console=ttyS0 panic=-1 no_timer_check
initrd /i386-initrd
boot
CFG
        not_ok "GRUB's disk (see $disk.log)"
        continue
    }
    run $flavour $flavour -kernel "$KERNEL" -initrd "$initrd" -append "console=ttyS0 panic=-1 no_timer_check" "$@"
    run $flavour-grub $flavour "$@"
    [ $bad = 0 ] && rm -rf "$disk" "$disk.d"
done
echo "1..$n"
exit $bad
