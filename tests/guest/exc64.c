/* SPDX-License-Identifier: MIT
 * Exceptions and far transfers in long mode (SDM vol. 3 6.14, 5.8.3.1, vol. 2 IRET, RET, CALL). */
#include "tests/guest/lib/guest.h"

enum { GATE = FREE, /* 16 bytes each */ S_LD = FREE + 16, S_ABSENT = FREE + 24, S_CONF = FREE + 32,
       GATE_BAD = FREE + 48, S_LDT = FREE + 64, S_TSS = FREE + 80, S_CS16 = FREE + 96, V_TEST = 0x40 };
static u8 ist_stack[4096] __attribute__((aligned(4096)));
static u8 buf[4096] __attribute__((aligned(4096)));

/* SDM vol. 3 6.14.2, 6.14.5. */
static void frames(void)
{
    struct code c = CODE("mov %rsp, %rsi; pop %rax; pop %rbx; pop %rcx; pop %rdx; pop %rdi; mov %ss, %ebp");

    set_gate(V_TEST, KCS, (ulong)c.start, 14, 3, 0);
    LAB("mov %rsp, %r8; sub $3, %rsp; mov %rsp, %r9; int $0x40");
    ok((trap.r.si & 15) == 8 && trap.r.si + 40 == (trap.r.r9 & ~15ul), "same level: RSP aligned to 16");
    ok(trap.r.dx == trap.r.r9 && (trap.r.di & 0xffff) == KDS && trap.r.bx == KCS, "SS:RSP always pushed");
    ok(trap.r.bp == KDS, "same level keeps SS");
    LAB("int $0x40", USER);
    ok(trap.r.si == (ulong)trap_stack + sizeof(trap_stack) - 40, "from CPL 3: RSP0");
    ok(trap.r.bp == 0 && (trap.r.di & 0xffff) == UDS, "from CPL 3: SS is null with RPL 0");
    tss.ist[2] = (ulong)ist_stack + 4096 - 5;
    set_gate(V_TEST, KCS, (ulong)c.start, 14, 3, 3);
    LAB("int $0x40");
    ok(trap.r.si == (ulong)ist_stack + 4096 - 16 - 40, "IST at the same level, aligned");
    ok(trap.r.bp == KDS, "IST at the same level keeps SS");
    LAB("int $0x40", USER);
    ok(trap.r.si == (ulong)ist_stack + 4096 - 16 - 40 && trap.r.bp == 0, "IST from CPL 3");
    tss.ist[2] = NON_CANON + 0x1000;
    FAULT("non-canonical IST", SS, 0, "int $0x40");
    set_gate(V_TEST, KCS, (ulong)c.start, 15, 3, 0);
    c = CODE("pushf; pop %rax");
    set_gate(V_TEST, KCS, (ulong)c.start, 15, 3, 0);
    LAB("int $0x40", .flags = F_IF | F_AC);
    ok_eq("trap gate keeps IF", trap.r.ax & (F_IF | F_TF | F_NT | F_RF | F_AC), F_IF | F_AC);
    set_gate(V_TEST, KCS, NON_CANON, 14, 3, 0);
    FAULT("non-canonical gate offset", GP, 0, "int $0x40");
    set_gate(V_TEST, KCS32, (ulong)c.start, 14, 3, 0);
    FAULT("gate to compatibility code", GP, KCS32, "int $0x40");
    set_gdt(S_LD, 0, 0xfffff, D_CODE | D_64 | D_32 | D_G);
    set_gate(V_TEST, S_LD, (ulong)c.start, 14, 3, 0);
    FAULT("gate to code with L and D", GP, S_LD, "int $0x40");
    static const u8 bad[] = {4, 5, 6, 7, 12, 2, 9};
    for (unsigned i = 0; i < sizeof(bad); i++) {
        set_gate(V_TEST, KCS, (ulong)c.start, bad[i], 3, 0);
        FAULT("gate types of legacy mode", GP, V_TEST * 8 + 2, "int $0x40");
    }
    restore_gate(V_TEST);
    FAULT("INT n DPL", GP, V_TEST * 8 + 2, "int $0x40", USER);
    idtr.limit = V_TEST * 16 + 14;
    asm volatile("lidt %0" ::"m"(idtr));
    FAULT("INT n beyond the limit", GP, V_TEST * 8 + 2, "int $0x40");
    idtr.limit = 0xfff;
    asm volatile("lidt %0" ::"m"(idtr));
    set_gate(UD, KDS, trap_gate(UD), 14, 0, 0);
    FAULT("exception: EXT", GP, KDS | 1, "ud2");
    restore_gate(UD);
}

/* SDM vol. 2: opcodes invalid in 64-bit mode. */
static void invalid(void)
{
#define INVALID(bytes) FAULT("#UD in 64-bit mode: " bytes, UD, NOERR, ".byte " bytes)
    INVALID("0x06"); INVALID("0x07"); INVALID("0x0e"); INVALID("0x16"); INVALID("0x17");
    INVALID("0x1e"); INVALID("0x1f"); INVALID("0x27"); INVALID("0x2f"); INVALID("0x37");
    INVALID("0x3f"); INVALID("0x60"); INVALID("0x61"); INVALID("0x82, 0xc0, 0");
    INVALID("0x9a"); INVALID("0xea"); INVALID("0xce"); INVALID("0xd4, 0x0a"); INVALID("0xd5, 0x0a");
    INVALID("0xd6");
    PASS("compatibility mode still has them", ".code32; push %ds; pop %es; daa; pusha; popa; aam",
         .cs = KCS32);
    FAULT("SYSCALL needs SCE", UD, NOERR, "syscall");
    FAULT("16 bytes", GP, 0, ".fill 15, 1, 0x66; nop");
}

/* SDM vol. 2 IRET, RET. */
static void returns(void)
{
    FAULT("IRETQ to a null CS", GP, 0, "push $0; push $0; push $2; push $0; push $0; 78: iretq");
    FAULT("IRETQ non-canonical RIP", GP, 0, "mov %rsp, %rax; push $0x10; push %rax; push $2; push $8; push %rbx;"
          "78: iretq", .bx = NON_CANON);
    FAULT("IRETQ with NT", GP, 0, "mov %rsp, %rax; push $0x10; push %rax; push $2; push $8; lea 1f(%rip), %rbx;"
          "push %rbx; push $0x4002; popf; 78: iretq; 1:");
    PASS("IRETQ to 64-bit CPL 0 with null SS", "mov %rsp, %rax; push $0; push %rax; push $2; push $8;"
         "lea 1f(%rip), %rbx; push %rbx; iretq; 1:");
    FAULT("IRETQ to CPL 3 with null SS", GP, 0, "mov %rsp, %rax; push $3; push %rax; push $2; push $0x2b;"
          "lea 1f(%rip), %rbx; push %rbx; 78: iretq; 1:");
    FAULT("IRETQ to compatibility mode with null SS", GP, 0, "mov %rsp, %rax; push $0; push %rax; push $2;"
          "push $0x38; lea 1f(%rip), %rbx; push %rbx; 78: iretq; 1:");
    FAULT("IRETQ to code with L and D", GP, S_LD, "mov %rsp, %rax; push $0x10; push %rax; push $2;"
          "push $0x90; lea 1f(%rip), %rbx; push %rbx; 78: iretq; 1:");
    FAULT("IRETQ inward", GP, KCS, "mov %rsp, %rax; push $0x10; push %rax; push $2; push $8; push %rax;"
          "78: iretq", USER);
    FAULT("IRETQ SS RPL", GP, UDS & ~3, "mov %rsp, %rax; push $0x20; push %rax; push $2; push $0x2b;"
          "lea 1f(%rip), %rbx; push %rbx; 78: iretq; 1:");
    LAB("mov %rsp, %rax; push $0x23; push %rax; push $0x202; push $0x1b; lea 1f(%rip), %rbx; push %rbx;"
        "iretq; 1: .code32; xor %ecx, %ecx; dec %cx; mov %cs, %edx", .cx = 0);
    ok(trap.vec == PF && (trap.err & 4), "IRETQ to CPL 3 compatibility mode (the page is the supervisor's)");
    PASS("IRETQ to compatibility mode, same level", "mov %rsp, %rax; push $0x10; push %rax; push $2; push $0x38;"
         "lea 1f(%rip), %rbx; push %rbx; iretq; 1: .code32; mov $1, %eax");
    LAB("push $0x38; lea 1f(%rip), %rbx; push %rbx; lretq; 1: .code32; mov %cs, %edx; .byte 0x48, 0xb8, 1, 0, 0, 0");
    ok(trap.vec == DONE && trap.r.dx == KCS32 && trap.r.ax == 1, "REX is DEC in compatibility mode");
    FAULT("RETFQ inward", GP, KCS, "push $8; push $0; 78: lretq", USER);
    FAULT("RETFQ non-canonical", GP, 0, "push $8; push %rbx; 78: lretq", .bx = NON_CANON);
    FAULT("RETFQ outer with null SS", GP, 0, "push $3; push %rsp; push $0x2b; lea 1f(%rip), %rbx; push %rbx;"
          "78: lretq; 1:");
    FAULT("32-bit far RET in 64-bit mode", GP, 0, "pushq $0; 78: lretl");
    set_gdt(S_ABSENT, 0, 0xfffff, 0x1b | D_64 | D_G);
    FAULT("RETFQ to absent code", NP, S_ABSENT, "push $0x98; push $0; 78: lretq");
}

/* SDM vol. 3 5.8.3.1: 64-bit call gates. */
static void gate64(unsigned sel, unsigned cs, ulong off, unsigned type, unsigned high)
{
    gdt[sel / 8] = (off & 0xffff) | (u64)cs << 16 | (u64)(0xe0 | type) << 40 | (u64)(off >> 16 & 0xffff) << 48;
    gdt[sel / 8 + 1] = off >> 32 | (u64)high << 40;
}

static void call_gates(void)
{
    struct code c = CODE("mov %rsp, %rsi; mov %ss, %edi; mov %cs, %ebp; mov (%rsp), %rax; mov 8(%rsp), %rbx;"
                         "mov 16(%rsp), %rcx; mov 24(%rsp), %rdx");
    struct { u64 off; u16 sel; } __attribute__((packed)) far = {0, GATE};
    ulong p = (ulong)&far;

    gate64(GATE, KCS, (ulong)c.start, 0xc, 0);
    LAB("mov %rsp, %r8; rex64 lcall *(%rbx)", .bx = p);
    ok(trap.vec == DONE && trap.r.r8 - trap.r.si == 16 && trap.r.bp == KCS && trap.r.bx == KCS,
       "64-bit call gate, same level");
    far.sel = GATE;
    memcpy(user_stack, &far, sizeof(far));
    LAB("mov %rsp, %r8; rex64 lcall *(%rbx)", USER, .bx = (ulong)user_stack + user_base);
    ok(trap.vec == DONE && trap.r.si == (ulong)trap_stack + sizeof(trap_stack) - 32 && trap.r.di == 0,
       "64-bit call gate to CPL 0: RSP0 and null SS");
    ok(trap.r.cx == trap.r.r8 && (trap.r.dx & 0xffff) == UDS && trap.r.bx == UCS, "its frame");
    gate64(GATE, KCS, (ulong)c.start, 0xc, 1);
    FAULT("type bits in the upper half", GP, GATE, "rex64 lcall *(%rbx)", .bx = p);
    gate64(GATE, KCS, NON_CANON, 0xc, 0);
    FAULT("non-canonical offset", GP, 0, "rex64 lcall *(%rbx)", .bx = p);
    gate64(GATE, KCS32, (ulong)c.start, 0xc, 0);
    FAULT("gate to compatibility code", GP, KCS32, "rex64 lcall *(%rbx)", .bx = p);
    gate64(GATE, KCS, (ulong)c.start, 4, 0);
    FAULT("16-bit gate", GP, GATE, "rex64 lcall *(%rbx)", .bx = p);
    gate64(GATE, KCS, (ulong)c.start, 5, 0);
    FAULT("task gate", GP, GATE, "rex64 lcall *(%rbx)", .bx = p);
    far.sel = TSS_SEL;
    FAULT("JMP to a TSS", GP, TSS_SEL, "rex64 ljmp *(%rbx)", .bx = p);
    gate64(GATE, KCS, (ulong)c.start, 0xc, 0);
    far.sel = GATE;
    PASS("JMP through a gate", "rex64 ljmp *(%rbx)", .bx = p);
    far.sel = KDS;
    FAULT("JMP to data", GP, KDS, "rex64 ljmp *(%rbx)", .bx = p);
    far.sel = S_LD;
    FAULT("JMP to code with L and D", GP, S_LD, "rex64 ljmp *(%rbx)", .bx = p);
    far.sel = KCS, far.off = NON_CANON;
    FAULT("JMP to a non-canonical offset", GP, 0, "rex64 ljmp *(%rbx)", .bx = p);
    tss.rsp[0] = NON_CANON + 0x1000;
    gate64(GATE, KCS, (ulong)c.start, 0xc, 0);
    u64 keep = (ulong)trap_stack + sizeof(trap_stack);
    set_gate(SS, KCS, trap_gate(SS), 14, 0, 1);
    set_gate(TS, KCS, trap_gate(TS), 14, 0, 1);
    FAULT("call gate with a non-canonical RSP0", SS, 0, "rex64 lcall *(%rbx)", USER,
          .bx = (ulong)user_stack + user_base);
    restore_gate(SS), restore_gate(TS);
    tss.rsp[0] = keep;
}

static void far_tables(void)
{
    struct { u16 limit; u64 base; } __attribute__((packed)) d = {0xff, NON_CANON};

    FAULT("LGDT non-canonical", GP, 0, "lgdt (%rbx)", .bx = (ulong)&d);
    FAULT("LIDT non-canonical", GP, 0, "lidt (%rbx)", .bx = (ulong)&d);
    set_gdt(S_LDT, 0, 0xff, 0x82);
    gdt[S_LDT / 8 + 1] = NON_CANON >> 32;
    FAULT("LLDT non-canonical base", GP, S_LDT, "lldt %ax", .ax = S_LDT);
    gdt[S_LDT / 8 + 1] = 1ull << 40;
    FAULT("LLDT, type bits in the upper half", GP, S_LDT, "lldt %ax", .ax = S_LDT);
    set_gdt(S_TSS, 0, 0xff, 0x89);
    gdt[S_TSS / 8 + 1] = NON_CANON >> 32;
    FAULT("LTR non-canonical base", GP, S_TSS, "ltr %ax", .ax = S_TSS);
    set_gdt(S_TSS, 0, 0xff, 0x81);
    gdt[S_TSS / 8 + 1] = 0;
    FAULT("LTR of a 16-bit TSS", GP, S_TSS, "ltr %ax", .ax = S_TSS);
    FAULT("MOV SS, null at CPL 3", GP, 0, "mov %ax, %ss", USER, .ax = 3);
    PASS("MOV SS, null at CPL 0", "mov %ax, %ss", .ax = 0);
    FAULT("MOV SS, null with RPL 3 at CPL 0", GP, 0, "mov %ax, %ss", .ax = 3);
    PASS("limits are ignored in 64-bit mode", "mov %cs:(%rbx), %al; mov %al, %cs:(%rbx)", .bx = (ulong)buf);
    FAULT("LAR of a 16-bit TSS fails", UD, NOERR, "lar %ax, %ecx; jz 1f; 78: ud2; 1: ud2", .ax = S_TSS);
    FAULT("CR8 reserved bits", GP, 0, "mov %rax, %cr8", .ax = 16);
    FAULT("CR8 at CPL 3", GP, 0, "mov %cr8, %rax", USER);
    FAULT("DR6 upper bits", GP, 0, "mov %rax, %dr6", .ax = 1ul << 32);
    FAULT("DR7 upper bits", GP, 0, "mov %rax, %dr7", .ax = 1ul << 32);
    FAULT("DR4 with DE", UD, NOERR, "mov %cr4, %rax; bts $3, %rax; mov %rax, %cr4; 78: mov %dr4, %rax");
    PASS("DR4 without DE", "mov %cr4, %rax; btr $3, %rax; mov %rax, %cr4; mov %dr4, %rax");
}

void guest_main(void)
{
    frames();
    invalid();
    returns();
    call_gates();
    far_tables();
}
