/* SPDX-License-Identifier: MIT
 * The last 8 KiB of segment F000: the entry points and tables that programs expect where the
 * IBM PC/AT had them. The section starts at offset E000. */
#include "firmware/lib/types.h"

.macro AT offset
    .org \offset - 0xe000
.endm
.macro JUMP offset, target
    AT \offset
    jmp \target
.endm

.code16
.section .fixed, "ax"
    JUMP 0xe05b, reset16
    JUMP 0xe2c3, door_iret /* NMI */
    JUMP 0xe3fe, door_13
    AT 0xe401
    .fill 16, 1, 0 /* no fixed disk types: the drives describe themselves */
    JUMP 0xe6f2, door_19
    AT 0xe6f5
.global config_table
config_table:
    .word 8
    .byte 0xfc, 0, 0 /* AT, submodel, revision */
    /* second PIC, RTC, keyboard intercept; EBDA; INT 16h AH=09h */
    .byte 0x74, 0x40, 0, 0, 0
    AT 0xe729
.global baud_divisors
baud_divisors:
    .word 1047, 768, 384, 192, 96, 48, 24, 12
    JUMP 0xe739, door_14
    JUMP 0xe82e, door_16
    JUMP 0xe987, door_09
    JUMP 0xec59, door_13
    JUMP 0xef57, door_0e
    AT 0xefc7
.global diskette_params
diskette_params:
    .byte 0xaf, 0x02, 0x25, 2, 18, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08
    JUMP 0xefd2, door_17
    JUMP 0xf065, door_10
    JUMP 0xf841, door_12
    JUMP 0xf84d, door_11
    JUMP 0xf859, door_15
    AT 0xfa6e
.global font_low
font_low:
    .incbin FONT8X8, 0, 1024
    JUMP 0xfe6e, door_1a
    JUMP 0xfea5, door_08
    AT 0xff53
.global door_iret
door_iret:
    iretw
    JUMP 0xff54, door_05
    AT 0xfff0
    ljmpw $SEG_BIOS, $0xe05b
    AT 0xfff5
    .ascii "11/21/26"
    AT 0xfffe
    .byte 0xfc, 0
