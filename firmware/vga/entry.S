/* SPDX-License-Identifier: MIT
 * ROM header, PCI data structure (PCI 2.1, 6.3.1), start-up and the door of INT 10h. The
 * service runs on the caller's stack: DS = ES = SS, FS = 40h, GS = this segment. */
#include "firmware/lib/types.h"

.code16
.section .header, "ax"
    .byte 0x55, 0xaa
    .byte 0 /* size and checksum: romfix.py */
    jmp rom_init
    .org 0x18
    .word pcir
    .org 0x1e
    .ascii "IBM"
    .balign 4
pcir:
    .ascii "PCIR"
    .word 0x1234, 0x1111
    .word 0, 0x18
    .byte 0, 0, 0, 3
    .word 0 /* size: romfix.py */
    .word 1
    .byte 0, 0x80
    .word 0

.text
/* AX: the device's PCI address. The ROM is still writable. */
rom_init:
    movw %ax, %cs:rom_bdf
    pushw %ds
    xorw %ax, %ax
    movw %ax, %ds
    movw $int10_door, 0x10 * 4
    movw %cs, 0x10 * 4 + 2
    popw %ds
    movw $0x00fe, %ax /* no such function: our own start */
    pushfw
    pushw %cs
    pushw $1f
    jmp int10_door
1:  movw $3, %ax
    pushfw
    pushw %cs
    pushw $2f
    jmp int10_door
2:  lretw

.global int10_door
int10_door:
    cld
    pushw $0
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
    movw $0x40, %ax
    movw %ax, %fs
    movzwl %sp, %esp
    movl %esp, %eax
    calll int10
    popw %gs
    popw %fs
    popw %es
    popw %ds
    popal
    addw $2, %sp
    iretw

.balign 2
.global rom_bdf
rom_bdf:
    .word 0xffff

.section .rom.data, "a"
.global font_8x8, font_8x14, font_8x16
font_8x8:
    .incbin FONT8
font_8x14:
    .incbin FONT14
font_8x16:
    .incbin FONT16

/* The window function for far calls: registers as INT 10h AX=4F05h. */
.text
.global vbe_window_far
vbe_window_far:
    movw $0x4f05, %ax
    pushfw
    pushw %cs
    pushw $3f
    jmp int10_door
3:  lretw
