/* SPDX-License-Identifier: MIT
 * Faults that other emulators are known for and Mynah must not have (QEMU 7.2, Bochs 2.7), as far as
 * no other program here names them. */
#include "tests/guest/lib/guest.h"

static u8 mem[64] __attribute__((aligned(64)));

void guest_main(void)
{
    u32 r[4];

    write_cr0((read_cr0() & ~6ul) | CR0_NE);
    /* SDM vol. 2 FPREM: C2 clears after finitely many rounds. 2^16383 mod 3 = 2 */
    LAB("fninit; movl $3, (%rbx); fildl (%rbx); movl $16383, (%rbx); fildl (%rbx); fld1; fscale; fstp %st(1);"
        "mov $1000, %ecx; 1: fprem; fnstsw %ax; test $0x400, %ax; jz 2f; loop 1b; 2: fistpl (%rbx); mov (%rbx), %edx",
        .bx = (ulong)mem);
    ok(trap.vec == DONE && trap.r.cx > 0 && trap.r.dx == 2, "FPREM of 2^16383 by 3 ends: %lx rounds left, %lx",
       trap.r.cx, trap.r.dx);
    LAB("fninit; fld1; fldpi; mov $1000, %ecx; 1: fprem1; fnstsw %ax; test $0x400, %ax; jz 2f; loop 1b; 2:");
    ok(trap.vec == DONE && trap.r.cx > 0, "FPREM1 ends");
    /* vol. 1 8.1.5.2: 64-bit precision. 1/3 = 0.AAAA...AAAB * 2^-1 */
    LAB("fninit; movl $3, (%rbx); fld1; fidivl (%rbx); fstpt (%rbx); mov (%rbx), %rax; movzwl 8(%rbx), %edx",
        .bx = (ulong)mem);
    ok_eq("x87 quotient has 64 bits", trap.r.ax, 0xaaaaaaaaaaaaaaabull);
    ok_eq("and its exponent", trap.r.dx, 0x3ffd);
    LAB("fninit; movw $0x27f, (%rbx); fldcw (%rbx); movl $3, (%rbx); fld1; fidivl (%rbx); "
        "fstpt (%rbx); mov (%rbx), %rax;"
        "fninit", .bx = (ulong)mem);
    ok_eq("53 bits where PC says so", trap.r.ax, 0xaaaaaaaaaaaaa800ull);
    LAB("fninit; fldl2t; fstpt (%rbx); mov (%rbx), %rax", .bx = (ulong)mem);
    ok_eq("FLDL2T, round to nearest", trap.r.ax, 0xd49a784bcd1b8afeull);
    /* vol. 2 ENTER, LEAVE with 16-bit operands in 64-bit mode: a word is pushed, BP alone changes */
    LAB("mov %rsp, %rsi; mov %rsp, %rbp; mov $0x7788, %bp; .byte 0x66; enter $16, $0; mov %rsp, %rdi;"
        "mov %rbp, %rdx; .byte 0x66; leave; mov %rsp, %rcx");
    ok(trap.vec == DONE && trap.r.si - trap.r.di == 18, "ENTER with 16-bit operands moves RSP by 2 and the size");
    ok((trap.r.dx & 0xffff) == ((trap.r.si - 2) & 0xffff) && trap.r.dx >> 16 == trap.r.si >> 16,
       "and writes BP alone");
    ok((trap.r.bp & 0xffff) == 0x7788 && trap.r.cx == trap.r.si, "LEAVE with 16-bit operands pops BP");
    cpuid(1, 0, r);
    ok(r[2] >> 21 & 1, "x2APIC");
    ok(r[2] >> 24 & 1, "TSC deadline");
    cpuid(7, 0, r);
    if (r[1] >> 3 & 1) { /* vol. 2 BLSI: CF = source is not 0; BLSR, BLSMSK: CF = source is 0 */
        LAB("xor %ecx, %ecx; blsi %rbx, %rax; setc %cl; setz %ch", .bx = 0);
        ok(trap.r.cx == 0x100, "BLSI of 0");
        LAB("xor %ecx, %ecx; blsi %rbx, %rax; setc %cl; setz %ch", .bx = 0x50);
        ok(trap.r.cx == 1 && trap.r.ax == 0x10, "BLSI");
        LAB("xor %ecx, %ecx; blsr %rbx, %rax; setc %cl; setz %ch", .bx = 0);
        ok(trap.r.cx == 0x101, "BLSR of 0");
        LAB("xor %ecx, %ecx; blsmsk %rbx, %rax; setc %cl; setz %ch", .bx = 0);
        ok(trap.r.cx == 1 && trap.r.ax == ~0ul, "BLSMSK of 0");
    }
}
