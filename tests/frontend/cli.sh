#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command as a process: exit statuses, where text goes.   cli.sh MYNAH
m=$1
n=0 bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# expect STATUS STDOUT-PATTERN STDERR-PATTERN ARG...: patterns are grep -E, "" = no text
expect() {
    local status=$1 out=$2 err=$3 got
    shift 3
    timeout 20 "$m" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    n=$((n + 1))
    if [ "$got" = "$status" ] && matches "$tmp/out" "$out" && matches "$tmp/err" "$err"; then
        echo "ok $n - mynah $*"
    else
        echo "not ok $n - mynah $*"
        echo "# status $got, expected $status; stdout and stderr:"
        sed 's/^/# /' "$tmp/out" "$tmp/err"
        bad=1
    fi
}
matches() { if [ -z "$2" ]; then [ ! -s "$1" ]; else grep -qE -e "$2" "$1"; fi; }

echo "TAP version 13"
expect 0 '^QEMU emulator version [0-9]+\.[0-9]+\.[0-9]+ ' '' -version
expect 0 '^QEMU emulator version [0-9]+\.[0-9]+\.[0-9]+ ' '' --help
expect 0 '"isa-debug-exit"' '' -device '?'
expect 0 '"pci-testdev", bus PCI' '' -device help
expect 0 '^pci-testdev options:' '' -device pci-testdev,help
expect 0 '"ide-hd", bus IDE' '' -device help
expect 0 'unit=<uint32>' '' -device ide-cd,help
expect 1 '' "ide-hd: Bus 'ide.2' not found" -device ide-hd,drive=x,bus=ide.2
expect 1 '' 'ide-cd: unit takes a number up to 0x1' -device ide-cd,unit=2
expect 1 '' 'ide-hd: drive property not set' -kernel /dev/null -device ide-hd
expect 1 '' 'IDE unit 1 is in use' -kernel /dev/null -device ide-cd,bus=ide.0,unit=1 -device ide-cd,bus=ide.0,unit=1
expect 0 'chassis_nr=<uint8>' '' -device pci-bridge,help
expect 1 '' "pci-testdev: Bus 'b' not found" -kernel /dev/null -device pci-testdev,bus=b -device pci-bridge,id=b,chassis_nr=1
expect 1 '' "pci-testdev: Bus 'pci.2' not found" -kernel /dev/null -device pci-bridge,chassis_nr=1 -device pci-testdev,bus=pci.1 -device pci-testdev,bus=pci.2
expect 1 '' 'pci-bridge: .*Bridge chassis not specified' -kernel /dev/null -device pci-bridge,id=b
expect 1 '' 'pci-bridge: .*shpc=on is not supported' -kernel /dev/null -device pci-bridge,chassis_nr=1,shpc=on
expect 1 '' "msi takes on, off or auto, not 'x'" -kernel /dev/null -device pci-bridge,chassis_nr=1,msi=x
expect 1 '' 'slot 0 function 0 is in use by c' -kernel /dev/null -device pci-bridge,id=b,chassis_nr=1 -device pci-bridge,id=c,bus=b,chassis_nr=2 -device pci-testdev,bus=b,addr=0
expect 1 '' 'slot 5 function 0 is in use' -kernel /dev/null -device pci-testdev,addr=5 -device pci-testdev,addr=5
# a ROM whose reset vector runs "mov al, 1; out 0xf4, al; hlt", alone and as flash
head -c 65536 /dev/zero >"$tmp/rom"
printf '\xb0\x01\xe6\xf4\xf4' | dd of="$tmp/rom" bs=1 seek=65520 conv=notrunc status=none
head -c 100 "$tmp/rom" >"$tmp/short"
exit_port="-device isa-debug-exit,iobase=0xf4,iosize=4 -display none -serial none"
expect 3 '' '' -bios "$tmp/rom" $exit_port
expect 3 '' '' -L "$tmp" -bios rom $exit_port
expect 3 '' '' -drive "if=pflash,format=raw,file=$tmp/rom" $exit_port
expect 1 '' '-bios: .*nonexistent' -bios /nonexistent
expect 1 '' 'system ROM has 64 KiB to 16 MiB' -bios "$tmp/short"
printf '\177ELF%0100d' 0 >"$tmp/elf"
expect 1 '' "-kernel: firmware cannot start '.*/elf', a multiboot or ELF kernel" -bios "$tmp/rom" -kernel "$tmp/elf"
expect 3 '' '' -bios "$tmp/rom" -kernel /proc/self/cmdline $exit_port
expect 1 '' 'want the same place' -bios "$tmp/rom" -drive "if=pflash,format=raw,file=$tmp/rom"
expect 1 '' 'flash bank 1 needs bank 0' -drive "if=pflash,format=raw,unit=1,file=$tmp/rom"
expect 1 '' 'opt/a. is there already' -bios "$tmp/rom" -fw_cfg opt/a,string=x -fw_cfg opt/a,string=y
expect 1 '' "^mynah: unknown option '-frob'" -frob
expect 1 '' '^mynah: -m 0: ' -m 0
expect 1 '' '^mynah: -D: cannot create' -D /nonexistent/log -d int
expect 1 '' '^mynah: -pidfile: cannot create' -pidfile /nonexistent/pid
echo "1..$n"
exit $bad
