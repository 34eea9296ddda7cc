/* SPDX-License-Identifier: MIT
 * Option ROM that boots the kernel of -kernel: PnP expansion header with a bootstrap entry
 * (Plug and Play BIOS 1.0A, 3.1-3.3), and the way into the kernel's real-mode code. */
#include "firmware/linux/linux.h"

.code16
.section .header, "ax"
    .byte 0x55, 0xaa
    .byte 0 /* size and checksum: romfix.py */
    jmp rom_init
    .org 0x1a
    .word pnp
    .balign 16
pnp:
    .ascii "$PnP"
    .byte 1, 2
    .word 0
    .byte 0, 0 /* checksum: romfix.py */
    .long 0
    .word maker, product
    .byte 0, 0, 0
    .byte 0x64 /* boots, may be cached and shadowed */
    .word 0, 0, bootstrap, 0, 0

.text
rom_init:
    movw $0x20, %ax /* there is something to boot */
    lretw

/* Returns to the BIOS when the kernel cannot be started. */
bootstrap:
    cld
    pushal
    pushw %ds
    pushw %es
    pushw %fs
    pushw %gs
    movw %ss, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %cs, %ax
    movw %ax, %gs
    movw $SETUP_SEG, %ax
    movw %ax, %fs
    movzwl %sp, %esp
    calll load_linux
    testb %al, %al
    jz 1f
    cli
    movw $SETUP_SEG, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl $HEAP_END, %esp
    ljmpw $SETUP_SEG + 0x20, $0
1:  popw %gs
    popw %fs
    popw %es
    popw %ds
    popal
    lretw

.section .rom.data, "a"
maker:
    .asciz "Mynah"
product:
    .asciz "Linux kernel"
