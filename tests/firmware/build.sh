#!/bin/sh
# SPDX-License-Identifier: MIT
# The test kernel; the real-mode test program as a 1.44 MB floppy whose sectors past it hold their number at
# offset 4, and the pattern disk.   build.sh OUTDIR
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
src=$root/tests/firmware
out=$1
cc=${FIRMWARE_CC:-$(command -v x86_64-linux-gnu-gcc || echo gcc)}
flags="-m16 -I$root -std=gnu11 -Os -ffreestanding -fno-pie -fno-pic -fno-stack-protector
    -fcf-protection=none -fno-asynchronous-unwind-tables -fno-strict-aliasing -march=i386
    -mgeneral-regs-only -mregparm=3 -minline-all-stringops -fno-tree-loop-distribute-patterns
    -Wall -Wextra -Wno-main -Wno-unused-parameter -Wno-missing-field-initializers -Wno-array-bounds
    -DFIRMWARE_16BIT"
mkdir -p "$out"
# shellcheck disable=SC2086
$cc $flags -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
    -Wl,--oformat=binary -Wl,-T,"$src/prog.ld" "$src"/start.S "$src"/*.c -o "$out/prog.bin"
# shellcheck disable=SC2086
$cc $flags -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--oformat=binary -Wl,-Ttext=0 \
    -Wl,-e,0 "$src/kernel.S" -o "$out/kernel"
python3 - "$out" <<'EOF'
import struct, sys
out = sys.argv[1]
floppy = bytearray(1474560)
for lba in range(2880):
    struct.pack_into("<I", floppy, lba * 512 + 4, lba)
prog = open(out + "/prog.bin", "rb").read()
assert len(prog) <= 72 * 512, len(prog)
floppy[:len(prog)] = prog
open(out + "/floppy.img", "wb").write(floppy)
with open(out + "/pattern.img", "wb") as f:
    for lba in range(131072):
        f.write(struct.pack("<I", lba) * 128)
EOF

# CDs: the program without emulation, the floppy with it
if command -v xorriso >/dev/null; then
    mkdir -p "$out/cd"
    cp "$out/floppy.img" "$out/prog.bin" "$out/cd/"
    sectors=$(($(stat -c %s "$out/prog.bin") / 512))
    xorriso -as mkisofs -quiet -b prog.bin -no-emul-boot -boot-load-size $sectors -c cat \
        -o "$out/cd.iso" "$out/cd" 2>/dev/null
    xorriso -as mkisofs -quiet -b floppy.img -c cat -o "$out/cdfloppy.iso" "$out/cd" 2>/dev/null
fi
