#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's firmware from power-on: SeaBIOS through POST, OVMF to its shell and with variables
# that last, U-Boot to its prompt and on.   firmware.sh seabios|ovmf|uboot [EMULATOR-OPTION...]
# Output is TAP. MYNAH=PROGRAM stands in for the emulator; logs stay in .cache/boot/.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
which=$1
shift
mynah=${MYNAH:-$BUILD/frontend/mynah}
n=0 bad=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); bad=1; echo "not ok $n - $1"; }

# wait_for SECONDS FILE TEXT: runs the emulator (rest of the line) until TEXT is in FILE.
wait_for() {
    local seconds=$1 file=$2 text=$3 pid i
    shift 3
    rm -f "$file"
    "$mynah" "$@" </dev/null >"$CACHE/boot/firmware.out" 2>&1 &
    pid=$!
    for ((i = 0; i < seconds * 5; i++)); do
        kill -0 $pid 2>/dev/null || break
        grep -aqF -- "$text" "$file" 2>/dev/null && break
        sleep 0.2
    done
    kill $pid 2>/dev/null
    wait $pid 2>/dev/null
    grep -aqF -- "$text" "$file"
}

# check FILE TEXT...: each is in FILE
check() {
    local file=$1 text
    shift
    for text in "$@"; do
        if grep -aqF -- "$text" "$file"; then ok "$text"; else not_ok "$text"; fi
    done
}

# boot_disk FILE: its boot sector reads two sectors more through INT 13h and prints the text that
# lies across both to port 402h.
boot_disk() {
    local code='\x31\xc0\x8e\xd8\x8e\xc0\xb8\x02\x02\xbb\x00\x80\xb9\x02\x00\xb6\x00\xcd\x13\x72\xfe'
    code+='\xbe\xf0\x81\xba\x02\x04\xac\x84\xc0\x74\xfe\xee\xeb\xf8'
    rm -f "$1"
    truncate -s 1M "$1"
    printf "$code" | dd of="$1" conv=notrunc status=none
    printf '\x55\xaa' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
    printf 'The disk has been booted.' | dd of="$1" bs=1 seek=1008 conv=notrunc status=none
}

# seabios_disk NAME OPTION...: POST, and boot from the disk that the options describe.
seabios_disk() {
    local name=$1 log=$CACHE/boot/seabios-$1.log
    shift
    if wait_for 120 "$log" "The disk has been booted." -m 64 -nographic -monitor none \
        -bios "$CACHE/seabios/usr/share/seabios/bios-256k.bin" -debugcon "file:$log" "$@"; then
        ok "boots from $name"
    else
        not_ok "boots from $name (see $log)"
    fi
}

# Both sizes of the ROM; the items that it reads show in its own log.
seabios() {
    local rom log disk=$CACHE/boot/seabios.disk
    unpack_deb seabios "$CACHE/seabios"
    for rom in bios-256k.bin bios.bin; do
        log=$CACHE/boot/seabios-$rom.log
        if wait_for 120 "$log" "No bootable device." -bios "$CACHE/seabios/usr/share/seabios/$rom" \
            -m 256 -nographic -monitor none -debugcon "file:$log" \
            -smbios type=1,product=Box "$@"; then
            ok "$rom: POST to the end"
        else
            not_ok "$rom: POST to the end (see $log)"
        fi
        check "$log" "Found QEMU fw_cfg" "QEMU fw_cfg DMA interface supported" \
            "qemu/e820: addr 0x0000000000000000 len 0x0000000010000000 [RAM]" \
            "Moving pm_base to 0x600" "Copying SMBIOS"
    done
    boot_disk "$disk"
    seabios_disk virtio-blk -drive "if=virtio,format=raw,file=$disk" "$@"
    truncate -s 1M "$disk.empty"
    seabios_disk ide-hd -drive "if=none,id=e,format=raw,file=$disk.empty" \
        -drive "if=none,id=d,format=raw,file=$disk" -device ide-hd,drive=e,bus=ide.0 \
        -device ide-hd,drive=d,bus=ide.1,bootindex=0 "$@"
    seabios_kernel -drive "format=raw,file=$disk" "$@"
}

# seabios_kernel OPTION...: -kernel is started, before the disk.
seabios_kernel() {
    local log=$CACHE/boot/seabios-kernel.log
    get_kernel cloud-amd64
    echo "an initrd that is not one" >"$CACHE/boot/seabios-kernel.initrd"
    if wait_for 120 "$log" "Unable to mount root" -m 512 -nographic -monitor none -no-reboot \
        -bios "$CACHE/seabios/usr/share/seabios/bios-256k.bin" -serial "file:$log" \
        -kernel "$KERNEL" -initrd "$CACHE/boot/seabios-kernel.initrd" \
        -append "console=ttyS0 panic=-1 name=value" "$@"; then
        ok "starts a kernel"
    else
        not_ok "starts a kernel (see $log)"
    fi
    check "$log" "Command line: console=ttyS0 panic=-1 name=value" "RAMDISK: [mem " "SMBIOS 2.8"
}

ovmf() {
    local size code vars log dir=$CACHE/ovmf/usr/share/OVMF
    unpack_deb ovmf "$CACHE/ovmf"
    get_kernel cloud-amd64
    for size in "" _4M; do
        log=$CACHE/boot/ovmf$size.log vars=$CACHE/boot/ovmf$size.vars
        code=$dir/OVMF_CODE$size.fd
        cp "$dir/OVMF_VARS$size.fd" "$vars"
        set -- -drive "if=pflash,format=raw,unit=0,readonly=on,file=$code" \
            -drive "if=pflash,format=raw,unit=1,file=$vars" -m 512 -nographic -monitor none \
            -serial "file:$log" "$@"
        if wait_for 240 "$log" "Shell>" "$@"; then
            ok "OVMF$size: the shell's prompt"
        else
            not_ok "OVMF$size: the shell's prompt (see $log)"
        fi
        if cmp -s "$vars" "$dir/OVMF_VARS$size.fd"; then
            not_ok "OVMF$size: variables are written"
        else
            ok "OVMF$size: variables are written"
        fi
        if wait_for 240 "$log" "Unable to mount root" "$@" -kernel "$KERNEL" \
            -append "console=ttyS0 panic=-1" -no-reboot; then
            ok "OVMF$size: starts a kernel"
        else
            not_ok "OVMF$size: starts a kernel (see $log)"
        fi
        check "$log" "efi: EFI v2" "SMBIOS 2.8 present" "ACPI: HPET"
        set --
    done
}

# uboot_run BITS STEP...: see serial_line.py; a disk with a kernel is in the machine.
uboot_run() {
    local rom=$CACHE/u-boot-qemu/usr/lib/u-boot/$1/u-boot.rom log=$CACHE/boot/uboot-$1-$((n + 1)).log
    local disk=$CACHE/boot/uboot.disk line
    shift
    while read -r line; do
        case $line in
        ok*) ok "${line#ok * - }" ;;
        "not ok"*) not_ok "${line#not ok * - } (see $log)" ;;
        esac
    done < <(python3 "$ROOT/tests/boot/serial_line.py" 120 "$log" "$mynah" -bios "$rom" -m 256 \
        -nographic -monitor none -no-reboot -drive "format=raw,file=$disk" "${options[@]}" -- \
        'autoboot: ' type: '=> ' type:version '=> ' 'type:ide reset' 'Type: Hard Disk' '=> ' \
        'type:ls ide 0 /' '[0-9]+ +vmlinuz' '=> ' "$@")
}

# The 64-bit build cannot start kernels (it resets the machine), so it ends at the prompt.
uboot() {
    local options=("$@")
    (unpack_deb u-boot-qemu "$CACHE/u-boot-qemu") >&2 || { ok "# SKIP no u-boot-qemu"; return; }
    get_kernel cloud-amd64
    rm -rf "$CACHE/boot/uboot" "$CACHE/boot/uboot.disk"
    mkdir "$CACHE/boot/uboot"
    cp "$KERNEL" "$CACHE/boot/uboot/vmlinuz"
    truncate -s 24M "$CACHE/boot/uboot.disk"
    mke2fs -q -F -t ext4 -d "$CACHE/boot/uboot" "$CACHE/boot/uboot.disk"
    uboot_run qemu-x86 'type:load ide 0 1000000 /vmlinuz' '[0-9]+ bytes read' '=> ' \
        'type:setenv bootargs console=ttyS0 panic=-1' '=> ' 'type:zboot 1000000' \
        'Command line: console=ttyS0 panic=-1' 'Unable to mount root'
    echo "an initrd that is not one" >"$CACHE/boot/uboot.initrd"
    options+=(-kernel "$KERNEL" -initrd "$CACHE/boot/uboot.initrd"
        -append "console=ttyS0 panic=-1 name=value")
    uboot_run qemu-x86 'type:qfw load 1000000 4000000' 'initrd 04000000 size 1a' '=> ' \
        'type:zboot 1000000 - 4000000 1a' 'Command line: console=ttyS0 panic=-1 name=value' \
        'RAMDISK: .mem' 'Unable to mount root'
    options=("$@")
    uboot_run qemu-x86_64 type:pci '0x8086 +0x7113' '=> '
    [ $n = 33 ] || not_ok "33 steps, not $n"
}

export PATH=$PATH:/sbin:/usr/sbin
mkdir -p "$CACHE/boot"
echo "TAP version 13"
"$which" "$@"
echo "1..$n"
exit $bad
