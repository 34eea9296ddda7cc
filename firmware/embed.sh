#!/bin/sh
# SPDX-License-Identifier: MIT
# Assembly source that carries the images.   embed.sh OUT BIOS VGABIOS
set -eu
case $2 in /*) ;; *) set -- "$1" "$PWD/$2" "$PWD/$3" ;; esac
cat >"$1" <<EOF
    .section .rodata
    .balign 16
    .globl firmware_bios
firmware_bios:
    .incbin "$2"
    .globl firmware_bios_end
firmware_bios_end:
    .balign 16
    .globl firmware_vgabios
firmware_vgabios:
    .incbin "$3"
    .globl firmware_vgabios_end
firmware_vgabios_end:
    .section .note.GNU-stack,"",%progbits
EOF
