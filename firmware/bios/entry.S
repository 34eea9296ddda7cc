/* SPDX-License-Identifier: MIT
 * Doors of the real-mode services: each pushes its handler and joins entry_common, which
 * saves the registers as a struct regs, moves to the stack in SEG_DATA (unless it is on it
 * already: nested interrupts) and calls handler(struct regs *). */
#include "firmware/lib/types.h"

.code16
.text

/* A 32-bit near call, so that C functions compiled by -m16 return from it. */
.macro DOOR name, handler
.global \name
\name:
    pushw $\handler
    jmp entry_common
.endm

    DOOR door_05, int05
    DOOR door_08, int08
    DOOR door_09, int09
    DOOR door_0e, int0e
    DOOR door_10, int10_none
    DOOR door_mirror, int10_mirror
    DOOR door_11, int11
    DOOR door_12, int12
    DOOR door_13, int13
    DOOR door_14, int14
    DOOR door_15, int15
    DOOR door_16, int16
    DOOR door_17, int17
    DOOR door_1a, int1a
    DOOR door_70, int70
    DOOR door_74, int74
    DOOR door_75, int75
    DOOR door_76, int76
    DOOR door_irq1, irq_spurious1
    DOOR door_irq2, irq_spurious2

/* In front of the video BIOS: the serial console first, with all registers kept. */
.global door_10_mirror, door_10_next
door_10_mirror:
    pushfw
    pushw %cs
    pushw $8f
    jmp door_mirror
8:  ljmpw *%cs:door_10_next
.balign 4
door_10_next:
    .long 0

/* For flat code: a function of the real-mode side by its offset. */
.global door_near
door_near:
    pushw %ss:near_handler
    jmp entry_common

.global door_halt
door_halt:
    sti
    hlt
    iretw

entry_common:
    cld
    pushal
    pushw %ds
    pushw %es
    pushw %fs
    pushw %gs
    movw %ss, %ax
    movw %ax, %ds
    movzwl %sp, %esi
    movw $SEG_DATA, %bx
    movw %bx, %es
    cmpw %bx, %ax
    jne 1f

    movl %esi, %esp
    movw $0x40, %cx
    movw %cx, %fs
    movl %esi, %eax
    movzwl FRAME_HANDLER(%esi), %edx
    calll *%edx
    cli
    jmp 2f

1:  movl %es:stack_top, %edi
    subl $FRAME_SIZE, %edi
    movl %edi, %ebp
    movl %esi, %edx
    movl $FRAME_SIZE / 4, %ecx
    rep movsl %ds:(%esi), %es:(%edi)
    movw %bx, %ss
    movl %ebp, %esp
    movw %bx, %ds
    pushl %eax
    pushl %edx
    movw $0x40, %cx
    movw %cx, %fs
    movl %ebp, %eax
    movzwl FRAME_HANDLER(%ebp), %edx
    calll *%edx
    cli
    cld
    popl %edx
    popl %ebx
    movl %esp, %esi
    movl %edx, %edi
    movw %bx, %es
    movl $FRAME_SIZE / 4, %ecx
    rep movsl %ds:(%esi), %es:(%edi)
    movw %bx, %ss
    movl %edx, %esp

2:  popw %gs
    popw %fs
    popw %es
    popw %ds
    popal
    addw $2, %sp
    iretw

/* void int_call(u32 vector, struct regs *r): INT vector from a service, with the general
 * registers, DS and ES of r in and out, IF as in r->flags. What is called may come back to
 * our doors on another stack, so stack_top moves below this frame meanwhile. */
.global int_call
int_call:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    pushl stack_top
    pushl %edx
    movl %esp, %ecx
    subl $128, %ecx
    movl %ecx, stack_top
    movl $0, %ecx
    movw %cx, %es
    shll $2, %eax
    movw 46(%edx), %bx
    orw $2, %bx
    pushw %bx
    pushw %cs
    pushw $3f
    andw $~0x300, %bx
    pushw %bx
    pushl %es:(%eax)
    movl 8(%edx), %edi
    movl 12(%edx), %esi
    movl 16(%edx), %ebp
    movl 24(%edx), %ebx
    movl 32(%edx), %ecx
    movl 36(%edx), %eax
    movw 4(%edx), %es
    pushw 6(%edx)
    movl 28(%edx), %edx
    popw %ds
    /* far pointer, then flags: as an INT would enter, then iret by the callee */
    pushl %eax
    movw 8(%esp), %ax
    pushw %ax
    popfw
    popl %eax
    lretw $2
3:  cli
    pushfw
    pushw %ds
    pushw %es
    pushl %edx
    movw $SEG_DATA, %dx
    movw %dx, %ds
    movw $0x40, %dx
    movw %dx, %fs
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
    movw %ds, %ax
    movw %ax, %es
    addl $4, %esp
    popl stack_top
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    retl

/* void mouse_call(u32 far_handler, const u16 packet[4]): the pointing device handler is far
 * called with four words on the stack. */
.global mouse_call
mouse_call:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    pushl stack_top
    movl %esp, %ecx
    subl $128, %ecx
    movl %ecx, stack_top
    pushw (%edx)
    pushw 2(%edx)
    pushw 4(%edx)
    pushw 6(%edx)
    pushw %cs
    pushw $4f
    pushl %eax
    lretw
4:  cli
    cld
    movw $SEG_DATA, %dx
    movw %dx, %ds
    movw %dx, %es
    addw $8, %sp
    movzwl %sp, %esp
    movw $0x40, %dx
    movw %dx, %fs
    popl stack_top
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    retl

/* INT 18h and 19h leave real mode for the boot code, for good. */
.global door_18
door_18:
    movl $1, %eax
    jmp to_boot
.global door_19
door_19:
    movl $0, %eax
to_boot:
    cli
    cld
    movw $SEG_DATA, %dx
    movw %dx, %ss
    movl $STACK_TOP, %esp
    movw %dx, %ds
    movl $STACK_TOP, stack_top
    movl $boot_entry, %ebx
    jmp enter_flat

/* INT 15h AH=87h: moves ECX bytes from ESI to EDI (both linear), called with EAX = struct of
 * the three in SEG_DATA. Real mode in, real mode out. */
.global copy_high
copy_high:
    pushl %ebx
    pushl %esi
    pushl %edi
    movl (%eax), %esi
    movl 4(%eax), %edi
    movl 8(%eax), %ecx
    pushfw
    cli
    cld
    lgdtl %cs:gdt_desc
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpw $0x18, $5f
5:  movw $0x10, %dx
    movw %dx, %ds
    movw %dx, %es
    movl %ecx, %edx
    shrl $2, %ecx
    rep movsl %ds:(%esi), %es:(%edi)
    movl %edx, %ecx
    andl $3, %ecx
    rep movsb %ds:(%esi), %es:(%edi)
    movw $0x20, %dx
    movw %dx, %ds
    movw %dx, %es
    andb $~1, %al
    movl %eax, %cr0
    ljmpw $SEG_BIOS, $6f
6:  movw $SEG_DATA, %dx
    movw %dx, %ds
    movw %dx, %es
    popfw
    popl %edi
    popl %esi
    popl %ebx
    retl
