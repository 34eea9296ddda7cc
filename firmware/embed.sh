#!/bin/sh
# SPDX-License-Identifier: MIT
# Assembly source that carries the images.   embed.sh OUT BIOS VGABIOS LINUXBOOT
set -eu
exec >"$1"
shift
for name in bios vgabios linuxboot; do
    case $1 in /*) file=$1 ;; *) file=$PWD/$1 ;; esac
    shift
    cat <<EOF
    .section .rodata
    .balign 16
    .globl firmware_$name
firmware_$name:
    .incbin "$file"
    .globl firmware_${name}_end
firmware_${name}_end:
EOF
done
echo '    .section .note.GNU-stack,"",%progbits'
