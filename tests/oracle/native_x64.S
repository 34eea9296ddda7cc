/* SPDX-License-Identifier: MIT
 * Way into and out of a native case. Every guest register is live at both ends, so all
 * state goes through absolute addresses in the scratch page (layout.h). */
#include "tests/oracle/layout.h"

    .text

    .macro UPPER_IN n
    vinsertf128 $1, 512+16*\n(%rdi), %ymm\n, %ymm\n
    .endm
    .macro UPPER_OUT n
    vextractf128 $1, %ymm\n, ORC_S_OUTYMM+16*\n
    .endm

/* void orc_enter(const void *fx): with the upper halves of YMM behind the image; runs the case in the scratch page; comes back through
 * an exit below or through orc_leave. */
    .globl orc_enter
    .type orc_enter, @function
orc_enter:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    stmxcsr ORC_S_MXCSR
    mov %rsp, ORC_S_HOSTSP
    fxrstor64 (%rdi)
    cmpl $0, ORC_S_AVX
    je 1f
    UPPER_IN 0
    UPPER_IN 1
    UPPER_IN 2
    UPPER_IN 3
    UPPER_IN 4
    UPPER_IN 5
    UPPER_IN 6
    UPPER_IN 7
    UPPER_IN 8
    UPPER_IN 9
    UPPER_IN 10
    UPPER_IN 11
    UPPER_IN 12
    UPPER_IN 13
    UPPER_IN 14
    UPPER_IN 15
1:
    pushq ORC_S_FLAGS
    popfq
    mov ORC_S_GPR+0x00, %rax
    mov ORC_S_GPR+0x08, %rcx
    mov ORC_S_GPR+0x10, %rdx
    mov ORC_S_GPR+0x18, %rbx
    mov ORC_S_GPR+0x20, %rsp
    mov ORC_S_GPR+0x28, %rbp
    mov ORC_S_GPR+0x30, %rsi
    mov ORC_S_GPR+0x38, %rdi
    mov ORC_S_GPR+0x40, %r8
    mov ORC_S_GPR+0x48, %r9
    mov ORC_S_GPR+0x50, %r10
    mov ORC_S_GPR+0x58, %r11
    mov ORC_S_GPR+0x60, %r12
    mov ORC_S_GPR+0x68, %r13
    mov ORC_S_GPR+0x70, %r14
    mov ORC_S_GPR+0x78, %r15
    jmp *ORC_S_RIP

    .macro EXIT n
    .globl orc_exit\n
orc_exit\n:
    movl $\n, ORC_S_EXITID
    jmp exit_common
    .endm
    EXIT 0
    EXIT 1
    EXIT 2
    EXIT 3

exit_common:
    mov %rax, ORC_S_OUT+0x00
    mov %rcx, ORC_S_OUT+0x08
    mov %rdx, ORC_S_OUT+0x10
    mov %rbx, ORC_S_OUT+0x18
    mov %rsp, ORC_S_OUT+0x20
    mov %rbp, ORC_S_OUT+0x28
    mov %rsi, ORC_S_OUT+0x30
    mov %rdi, ORC_S_OUT+0x38
    mov %r8, ORC_S_OUT+0x40
    mov %r9, ORC_S_OUT+0x48
    mov %r10, ORC_S_OUT+0x50
    mov %r11, ORC_S_OUT+0x58
    mov %r12, ORC_S_OUT+0x60
    mov %r13, ORC_S_OUT+0x68
    mov %r14, ORC_S_OUT+0x70
    mov %r15, ORC_S_OUT+0x78
    mov ORC_S_HOSTSP, %rsp
    pushfq
    popq ORC_S_OUTFL
    fxsave64 ORC_S_OUTFX
    cmpl $0, ORC_S_AVX
    je orc_leave
    UPPER_OUT 0
    UPPER_OUT 1
    UPPER_OUT 2
    UPPER_OUT 3
    UPPER_OUT 4
    UPPER_OUT 5
    UPPER_OUT 6
    UPPER_OUT 7
    UPPER_OUT 8
    UPPER_OUT 9
    UPPER_OUT 10
    UPPER_OUT 11
    UPPER_OUT 12
    UPPER_OUT 13
    UPPER_OUT 14
    UPPER_OUT 15
/* void orc_leave(void): ends the case from a signal handler; does not return. */
    .globl orc_leave
    .type orc_leave, @function
orc_leave:
    mov ORC_S_HOSTSP, %rsp
    pushq $0x202
    popfq
    ldmxcsr ORC_S_MXCSR
    cmpl $0, ORC_S_AVX
    je 2f
    vzeroupper
2:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

    .section .note.GNU-stack, "", @progbits
