#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fetches what installed.py needs and runs it on a disk with Debian.
#   installed.sh plain|raw|seabios|ovmf SECONDS [EMULATOR-OPTION...]
# Skipped without root or when packages cannot be fetched; what cannot be made of them is a failure.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
name=$1 seconds=$2
shift 2
raw=$CACHE/installed.raw disk=$CACHE/installed.qcow2 log=$CACHE/boot/installed-$name.log
mkdir -p "$CACHE/boot"

skip() {
    echo "TAP version 13"
    echo "1..0 # SKIP $1"
    exit 0
}

[ -n "${MYNAH_LONG:-}" ] || skip "MYNAH_LONG asks for it"
fail() {
    echo "TAP version 13"
    echo "not ok 1 - $1"
    echo "1..1"
    exit 1
}

maker=$ROOT/tests/boot/installed-image.sh
# its digest, not its date, so that a fresh checkout makes nothing anew
made=$(sha256sum <"$maker")
if [ ! -f "$raw" ] || [ "$(cat "$raw.made" 2>/dev/null)" != "$made" ]; then
    [ "$(id -u)" = 0 ] || skip "the disk is made by root alone"
    (need_packages mmdebstrap grub-common grub-pc-bin grub-efi-amd64-bin mtools dosfstools fdisk \
        e2fsprogs qemu-utils) >"$log.image" 2>&1 || skip "no packages (see $log.image)"
    "$maker" "$raw" >>"$log.image" 2>&1
    case $? in
    0) echo "$made" >"$raw.made" ;;
    77) skip "mmdebstrap could not fetch Debian (see $log.image)" ;;
    *) fail "the disk is made (see $log.image)" ;;
    esac
fi
case $name in
raw) set -- -drive "file=$raw,format=raw" "$@" ;;
seabios)
    (unpack_deb seabios "$CACHE/seabios") >&2 || skip "no seabios"
    set -- -bios "$CACHE/seabios/usr/share/seabios/bios-256k.bin" -hda "$disk" "$@"
    ;;
ovmf)
    (unpack_deb ovmf "$CACHE/ovmf") >&2 || skip "no ovmf"
    cp "$CACHE/ovmf/usr/share/OVMF/OVMF_VARS_4M.fd" "$log.vars"
    set -- -drive "if=pflash,format=raw,unit=0,readonly=on,file=$CACHE/ovmf/usr/share/OVMF/OVMF_CODE_4M.fd" \
        -drive "if=pflash,format=raw,unit=1,file=$log.vars" -hda "$disk" "$@"
    ;;
plain) set -- "$disk" "$@" ;;
*) echo "no variant $name" >&2; exit 2 ;;
esac
# Debian's kernel and initrd do not fit the default RAM
exec python3 "$ROOT/tests/boot/installed.py" "${MYNAH:-$BUILD/frontend/mynah}" \
    "$log" "$seconds" -m 512 "$@"
