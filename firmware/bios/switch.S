/* SPDX-License-Identifier: MIT
 * Between real mode and flat 32-bit mode. Selectors: 08 flat code, 10 flat data, 18 16-bit
 * code at BIOS_BASE, 20 16-bit data at DATA_BASE, 28 16-bit data at 0. */
#include "firmware/lib/types.h"

.code16
.text
.balign 8
.global gdt_desc
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00009b0f0000ffff
    .quad 0x0000930e0000ffff
    .quad 0x000093000000ffff
gdt_end:
gdt_desc:
    .word gdt_end - gdt - 1
    .long BIOS_BASE + gdt
idt_real:
    .word 0x3ff
    .long 0

/* enter_flat: to EBX (flat address) with SS:ESP = SEG_DATA stack made flat; EAX kept. */
.global enter_flat
enter_flat:
    lgdtl %cs:gdt_desc
    movl %cr0, %edx
    andl $0x1fffffff, %edx
    orb $1, %dl
    movl %edx, %cr0
    ljmpl $8, $(BIOS_BASE + 1f)
.code32
1:  movw $0x10, %dx
    movw %dx, %ds
    movw %dx, %es
    movw %dx, %fs
    movw %dx, %gs
    movw %dx, %ss
    addl $DATA_BASE, %esp
    jmp *%ebx

/* void call16(struct regs *r), flat: runs r->cs:ip in real mode with all registers of r;
 * the code ends by iret or by a far return. r must lie in SEG_DATA (the stack does). */
.global call16
call16:
    pushal
    subl $DATA_BASE, %esp
    subl $DATA_BASE, %eax
    ljmpw $0x18, $2f
.code16
2:  movw $0x20, %dx
    movw %dx, %ds
    movw %dx, %es
    movw %dx, %fs
    movw %dx, %gs
    movw %dx, %ss
    movl %cr0, %ecx
    andb $~1, %cl
    movl %ecx, %cr0
    ljmpw $SEG_BIOS, $3f
3:  movw $SEG_DATA, %dx
    movw %dx, %ss
    movw %dx, %ds
    lidtl %cs:idt_real
    pushl %eax
    pushl stack_top
    movl %esp, call16_sp
    movl %esp, %ecx
    subl $256, %ecx
    movl %ecx, stack_top
    movl %eax, %ebp
    pushw 46(%ebp)
    pushw %cs
    pushw $4f
    pushw 44(%ebp)
    pushw 42(%ebp)
    pushw 16(%ebp)
    movw 46(%ebp), %dx
    pushw %dx
    movw (%ebp), %gs
    movw 2(%ebp), %fs
    movw 4(%ebp), %es
    pushw 6(%ebp)
    movl 8(%ebp), %edi
    movl 12(%ebp), %esi
    movl 24(%ebp), %ebx
    movl 28(%ebp), %edx
    movl 32(%ebp), %ecx
    movl 36(%ebp), %eax
    popw %ds
    andw $~0x300, (%esp)
    popfw
    popw %bp
    lretw
4:  cli
    cld
    pushfw
    pushw %ds
    pushw %es
    pushl %ebp
    pushl %eax
    pushl %edx
    movw $SEG_DATA, %dx
    movw %dx, %ds
    movl call16_sp, %edx
    movl 4(%edx), %ebp
    movl %edi, 8(%ebp)
    movl %esi, 12(%ebp)
    movl %ebx, 24(%ebp)
    movl %ecx, 32(%ebp)
    popl 28(%ebp)
    popl 36(%ebp)
    popl 16(%ebp)
    popw 4(%ebp)
    popw 6(%ebp)
    popw 46(%ebp)
    movl call16_sp, %esp
    popl stack_top
    addl $4, %esp
    movl $(BIOS_BASE + 5f), %ebx
    jmp enter_flat
.code32
5:  popal
    ret

/* void start16_entry(u32 seg_off, u32 edx, u32 es_di), flat, never returns: the end of the boot
 * code. Registers but DX, ES:DI are clear, the stack lies below 7C00. */
.global start16_entry
start16_entry:
    movl %eax, %ebp
    movl %ecx, %edi
    movl $0x7c00 - DATA_BASE, %esp
    ljmpw $0x18, $6f
.code16
6:  movw $0x28, %cx
    movw %cx, %ds
    movw %cx, %es
    movw %cx, %fs
    movw %cx, %gs
    movw %cx, %ss
    movl %cr0, %ecx
    andb $~1, %cl
    movl %ecx, %cr0
    ljmpw $SEG_BIOS, $7f
7:  xorl %eax, %eax
    lidtl %cs:idt_real
    movw %ax, %ss
    movl $0x7c00, %esp
    movw %ax, %ds
    movw %ax, %fs
    movw %ax, %gs
    pushl %edi
    popw %di
    popw %es
    movzwl %di, %edi
    pushw $0x202
    pushl %ebp
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %esi, %esi
    xorl %ebp, %ebp
    movzwl %dx, %edx
    iretw
