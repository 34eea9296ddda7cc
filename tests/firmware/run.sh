#!/bin/bash
# SPDX-License-Identifier: MIT
# One test of the firmware, TAP.   run.sh qemu|mynah CASE
# qemu is the reference machine; the services' answers come from the guest program (main.c),
# the boot order from what the firmware prints on the debug port.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${MYNAH_BUILD:-$root/build}
machine=$1 name=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/mynah-firmware.XXXXXX")
trap 'rm -rf "$work"' EXIT

skip() {
    echo "1..0 # SKIP $1"
    exit 0
}
"$root/tests/firmware/build.sh" "$work" || exit 1

common=(-m 64 -display none -net none -snapshot -serial "file:$work/serial")
if [ "$machine" = qemu ]; then
    command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is not installed"
    vm=(qemu-system-x86_64 -M pc -accel tcg -bios "$build/firmware/bios/bios.bin" -vga none
        -device "VGA,romfile=$build/firmware/vga/vgabios.bin"
        -global isa-debugcon.iobase=0x402)
else
    vm=("$build/frontend/mynah")
fi
vm+=("${common[@]}" -debugcon "file:$work/debug" -device isa-debug-exit,iobase=0x501)
pattern=(-drive "if=none,id=d0,format=raw,file=$work/pattern.img")
ide=(-drive "if=ide,index=0,format=raw,file=$work/pattern.img")
floppy=(-drive "if=floppy,format=raw,file=$work/floppy.img" -boot a)

# The guest program's own lines.
guest() {
    timeout 120 "${vm[@]}" -monitor none "$@" >"$work/log" 2>&1
    status=$?
    if grep -q '^1\.\.' "$work/serial" 2>/dev/null; then
        cat "$work/serial"
        return
    fi
    echo "not ok 1 - the guest program ends (status $status)"
    sed 's/^/# /' "$work/log" "$work/debug" "$work/serial" 2>/dev/null
    echo 1..1
}

# order WANTED ARGS...: what was tried, in which order; the last one is not bootable.
count=0
order() {
    local want=$1 got
    shift
    rm -f "$work/debug"
    (
        for _ in $(seq 100); do
            sleep 0.2
            grep -qz "${WAIT:-No bootable}" "$work/debug" 2>/dev/null && break
        done
        for key in ${KEYS:-}; do
            echo "sendkey $key"
            sleep 0.5
        done
        [ -n "${KEYS:-}" ] && sleep 1
        echo quit
    ) | timeout 60 "${vm[@]}" -monitor stdio "$@" >"$work/log" 2>&1
    got=$(sed -n 's/^Booting from \([a-zA-Z]*\).*/\1/p' "$work/debug" 2>/dev/null | tr '\n' ' ')
    count=$((count + 1))
    if [ "$got" = "$want " ]; then
        echo "ok $count - $want: $*"
    else
        echo "not ok $count - $want: $*"
        echo "# got: $got"
        sed 's/^/# /' "$work/debug" "$work/log" 2>/dev/null
    fi
}

# seen TEXT: waits until it is in $work/out.
seen() {
    for _ in $(seq 150); do
        grep -aq "$1" "$work/out" 2>/dev/null && return
        sleep 0.2
    done
    return 1
}

# console ARGS...: Esc and 3 on the serial line; the texts go to $work/out.
console() {
    local pid
    rm -f "$work/keys" "$work/out"
    mkfifo "$work/keys"
    "${vm[@]/"file:$work/serial"/stdio}" -monitor none -hda "$work/blank" \
        -boot menu=on,splash-time=20000 "$@" <"$work/keys" >"$work/out" 2>&1 &
    pid=$!
    exec 3>"$work/keys"
    seen "Press Esc" && printf '\033' >&3
    seen "Boot from:" && printf 3 >&3
    seen "No bootable"
    kill $pid
    wait $pid
    exec 3>&-
}

# on_console TEXT...
on_console() {
    local want
    for want in "$@"; do
        count=$((count + 1))
        grep -aq "$want" "$work/out" && echo "ok $count - $want" || echo "not ok $count - $want"
    done
    tr -d '\r' <"$work/out" | sed 's/^/# /'
}

# The test kernel's report, when firmware starts it before a disk. QEMU's option ROM runs under
# its own BIOS only: it wants a stack in segment 0.
kernel() {
    local bios=(-bios "$build/firmware/bios/bios.bin")
    [ "$machine" = qemu ] &&
        vm=(qemu-system-x86_64 "${common[@]}" -device isa-debug-exit,iobase=0x501) bios=()
    head -c 5000 /dev/zero | tr '\0' '.' >"$work/initrd"
    printf 'of the initrd: 1' >>"$work/initrd"
    truncate -s 1M "$work/blank"
    timeout 60 "${vm[@]}" "${bios[@]}" -monitor none -kernel "$work/kernel" \
        -initrd "$work/initrd" -append "a=1 b=2 " -hda "$work/blank" >"$work/log" 2>&1
    printf "entered well\na=1 b=2 \nthe kernel's own\nof the initrd: 1\n" >"$work/want"
    if cmp -s "$work/want" "$work/serial" && ! grep -qs 'Booting from disk' "$work/debug"; then
        echo "ok 1 - the kernel finds what it was given"
    else
        echo "not ok 1 - the kernel finds what it was given"
        sed 's/^/# /' "$work/serial" "$work/debug" "$work/log" 2>/dev/null
    fi
    echo 1..1
}

case $name in
kernel) kernel ;;
ide) guest "${ide[@]}" "${floppy[@]}" ;;
virtio) guest "${pattern[@]}" "${floppy[@]}" -device virtio-blk-pci,drive=d0 ;;
virtio-modern) guest "${pattern[@]}" "${floppy[@]}" -device virtio-blk-pci,drive=d0,disable-legacy=on ;;
virtio-legacy) guest "${pattern[@]}" "${floppy[@]}" \
    -device virtio-blk-pci,drive=d0,disable-modern=on,disable-legacy=off ;;
bridge) guest "${pattern[@]}" "${floppy[@]}" -device pci-bridge,id=b1,chassis_nr=1 \
    -device pci-bridge,id=b2,chassis_nr=2,bus=b1,addr=3 \
    -device virtio-blk-pci,drive=d0,bus=b2,addr=2 ;;
cd | cdfloppy)
    [ -f "$work/$name.iso" ] || skip "xorriso is not installed"
    guest "${ide[@]}" -drive "if=ide,index=2,media=cdrom,format=raw,file=$work/$name.iso" -boot d
    ;;
order)
    truncate -s 1M "$work/blank"
    drive=(-drive "if=none,id=a,format=raw,file=$work/blank")
    order "disk floppy CD" -hda "$work/blank"
    order "CD disk floppy" -hda "$work/blank" -boot d
    order "floppy disk CD" -hda "$work/blank" -boot order=ac
    order "disk disk floppy CD" "${drive[@]}" -device virtio-blk-pci,drive=a,bootindex=1 \
        -drive "if=ide,index=0,format=raw,file=$work/blank" -cdrom "$work/blank"
    order "disk CD disk floppy" "${drive[@]}" -hda "$work/blank" -boot d \
        -device pci-bridge,id=b1,chassis_nr=1 -device pci-bridge,id=b2,chassis_nr=2,bus=b1,addr=3 \
        -device virtio-blk-pci,drive=a,bus=b2,addr=2,bootindex=1
    order "CD disk floppy" -boot once=d -hda "$work/blank"
    order "CD disk" "${drive[@]}" -nodefaults -boot strict=on \
        -drive "if=none,id=b,format=raw,file=$work/blank" \
        -device ide-cd,drive=a,bootindex=0,bus=ide.1 -device ide-hd,drive=b,bus=ide.0,bootindex=3
    echo "1..$count"
    ;;
menu)
    truncate -s 1M "$work/blank"
    WAIT="Press Esc" KEYS="esc 3" order "CD disk floppy" -hda "$work/blank" -boot menu=on,splash-time=8000
    echo "1..$count"
    ;;
serial) # the console on the serial line: output, the menu by Esc and 3
    truncate -s 1M "$work/blank"
    console -nographic
    on_console "Mynah BIOS" "Boot from:" "Booting from CD" "No bootable device" \
        "Booting from floppy: .*: not bootable"
    printf '\xf8\x03' >"$work/port"
    console -fw_cfg "name=etc/sercon-port,file=$work/port"
    on_console "Booting from CD"
    console -machine graphics=off
    on_console "Booting from CD"
    echo "1..$count"
    ;;
reset) # once, then the order; no end of it
    truncate -s 1M "$work/blank"
    WAIT="from CD.*from CD" order "CD disk floppy disk floppy CD" -hda "$work/blank" \
        -boot once=d,reboot-timeout=3000
    echo "1..$count"
    ;;
*) skip "no such case: $name" ;;
esac
