/* SPDX-License-Identifier: MIT
 * Boot sector of the test program: loads the rest behind itself and calls main(drive) with
 * CS = DS = ES = SS = 0. void intr(u32 vector, struct regs *r) runs INT vector with r. */
#include "firmware/lib/types.h"

.code16
.section .boot, "ax"
.global _start
_start:
    jmp 1f
    .org 3
    .fill 59, 1, 0 /* room for a BIOS parameter block */
1:  ljmpw $0, $2f
2:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x7c00, %esp
    movb %dl, drive
    cmpb $0xe0, %dl
    jae 6f /* El Torito has loaded it all */
    /* sector by sector: the geometry of AH=08h decides */
    movb $8, %ah
    int $0x13
    jc bad
    xorw %ax, %ax
    movw %ax, %es
    andw $0x3f, %cx
    movw %cx, spt
    movw $1, lba
    movw $0x7e00, %bx
3:  movw lba, %ax
    xorw %dx, %dx
    divw spt
    movb %dl, %cl
    incb %cl
    xorw %dx, %dx
    divw heads
    movb %al, %ch
    movb %dl, %dh
    movb drive, %dl
    movw $0x0201, %ax
    int $0x13
    jc bad
    addw $512, %bx
    incw lba
    cmpw $image_sectors, lba
    jb 3b
6:  movzbl drive, %eax
    cld
    calll main
4:  hlt
    jmp 4b
bad:
    movb $'!', %al
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 4b
drive: .byte 0
spt:   .word 0
heads: .word 2
lba:   .word 0
    .org 510
    .word 0xaa55

.text
.global intr
intr:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    pushl %edx
    pushfw
    pushw %cs
    pushw $5f
    pushw 46(%edx)
    xorl %ecx, %ecx
    movw %cx, %es
    shll $2, %eax
    pushl %es:(%eax)
    movl 8(%edx), %edi
    movl 12(%edx), %esi
    movl 16(%edx), %ebp
    movl 24(%edx), %ebx
    movl 32(%edx), %ecx
    movl 36(%edx), %eax
    movw 4(%edx), %es
    movw 6(%edx), %ds
    movl %ss:28(%edx), %edx
    pushw %ax
    pushw %bp
    movw %sp, %bp
    movw 8(%bp), %ax
    andw $~0x200, %ax
    pushw %ax
    popfw
    popw %bp
    popw %ax
    lretw $2
5:  pushfw
    pushw %ds
    pushw %es
    pushl %edx
    xorw %dx, %dx
    movw %dx, %ds
    movl 10(%esp), %edx
    movl %edi, 8(%edx)
    movl %esi, 12(%edx)
    movl %ebp, 16(%edx)
    movl %ebx, 24(%edx)
    popl 28(%edx)
    movl %ecx, 32(%edx)
    movl %eax, 36(%edx)
    popw 4(%edx)
    popw 6(%edx)
    popw 46(%edx)
    cld
    xorw %ax, %ax
    movw %ax, %es
    popl %eax
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    retl
