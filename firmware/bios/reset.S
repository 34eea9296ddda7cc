/* SPDX-License-Identifier: MIT
 * From the reset vector to the 32-bit code: makes E0000-FFFFF RAM with the image in it (PAM
 * registers, i440FX 3.2.18, Q35 5.1.10). After a reset that programs asked for (CMOS shutdown
 * status 5, 9, 0Ah) the RAM still holds the image and the program is resumed. */
#include "firmware/lib/types.h"

.equ ALIAS, 0xffff0000 - BIOS_BASE /* the ROM's other home */

.code16
.text
.global reset16
reset16:
    cli
    cld
    lgdtl %cs:gdt_desc
    movl %cr0, %eax
    andl $0x1fffffff, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $8, $(ALIAS + BIOS_BASE + reset32)

.code32
reset32:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x80000000, %eax
    movw $0xcf8, %dx
    outl %eax, %dx
    movw $0xcfc, %dx
    inl %dx, %eax
    movl $0x58, %ebx
    cmpl $0x29c08086, %eax
    jne 1f
    movl $0x90 - 1, %ebx
1:  movl $7, %ecx /* registers ebx + 1 .. ebx + 7 */
    movb $0x30, %ah
2:  incl %ebx
    movl %ebx, %esi
    andl $0xfc, %esi
    orl $0x80000000, %esi
    xchgl %eax, %esi
    movw $0xcf8, %dx
    outl %eax, %dx
    xchgl %eax, %esi
    movl %ebx, %edx
    andl $3, %edx
    addl $0xcfc, %edx
    movb %ah, %al
    outb %al, %dx
    movb $0x33, %ah
    loop 2b

    movb $0x0f, %al
    outb %al, $0x70
    inb $0x71, %al
    cmpb $0x05, %al
    je resume
    cmpb $0x09, %al
    je resume
    cmpb $0x0a, %al
    je resume
    movl $0x100000000 - IMAGE_SIZE, %esi
    movl $IMAGE_BASE, %edi
    movl $IMAGE_SIZE / 4, %ecx
    rep movsl
    movl $DATA_BASE + STACK_TOP, %esp
    movl $post_entry, %eax
    jmp *%eax

resume:
    movb %al, %bl
    movb $0x0f, %al
    outb %al, $0x70
    movb $0, %al
    outb %al, $0x71
    ljmpl $0x18, $resume16
.code16
resume16:
    movl %cr0, %eax
    andb $~1, %al
    movl %eax, %cr0
    ljmpw $SEG_BIOS, $3f
3:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    cmpb $0x0a, %bl
    je 5f
    cmpb $0x09, %bl
    je 6f
    movb $0x20, %al /* 5: acknowledge a keyboard interrupt first */
    outb %al, $0x20
    inb $0x60, %al
5:  movw $0x40, %ax
    movw %ax, %ss
    movw %ax, %ds
    ljmpw *0x67
6:  movw $0x40, %ax /* 9: back from an 80286 style block move */
    movw %ax, %ds
    movw 0x69, %ss
    movw 0x67, %sp
    popw %ds
    popw %es
    popaw
    movb $0, %ah
    iretw
