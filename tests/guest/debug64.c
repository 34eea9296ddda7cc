/* SPDX-License-Identifier: MIT
 * Debug registers and single step (SDM vol. 3 ch. 17). */
#include "tests/guest/lib/guest.h"

static u64 cell[8] __attribute__((aligned(64)));
static u64 from[8] __attribute__((aligned(64)));

enum { EXEC, WRITE, IO, RW };
static void arm(unsigned i, ulong at, unsigned kind, unsigned len)
{
    static const u8 code[] = {0, 0, 1, 0, 3, 0, 0, 0, 2};
    switch (i) {
    case 0: write_dr0(at); break;
    case 1: write_dr1(at); break;
    case 2: write_dr2(at); break;
    default: write_dr3(at);
    }
    write_dr7((read_dr7() & ~(0xful << (16 + i * 4))) | 3ul << i * 2 | (ulong)(kind | code[len] << 2) << (16 + i * 4));
}
static void disarm(void)
{
    write_dr7(0x400);
    write_dr6(0);
}
static void hit(const char *name, unsigned bits)
{
    ok_eq(name, read_dr6() & 0xe00f, bits);
    write_dr6(0);
}

static void instruction(void)
{
    struct code c = CODE("nop; 78: inc %eax; inc %eax");

    arm(0, (ulong)c.at, EXEC, 1);
    lab(c, (struct regs){0});
    expect("instruction breakpoint", DB, NOERR, c);
    ok(trap.r.ax == 0 && !(trap.r.flags & F_RF), "before the instruction, RF clear in the image");
    hit("DR6.B0", 1);
    lab(c, (struct regs){.ip = (ulong)c.at, .flags = F_RF});
    ok(trap.vec == DONE && trap.r.ax == 2, "RF lets the instruction go by");
    struct code l = CODE("mov $3, %ecx; 1: 78: inc %eax; loop 1b");
    arm(0, (ulong)l.at, EXEC, 1);
    lab(l, (struct regs){.ip = (ulong)l.at, .flags = F_RF, .cx = 3});
    ok(trap.vec == DB && trap.r.ax == 1 && trap.r.cx == 2, "RF holds for one instruction");
    write_dr6(0);
    struct code s = CODE("mov %ecx, %ss; 78: nop; nop");
    arm(0, (ulong)s.at, EXEC, 1);
    lab(s, (struct regs){.cx = KDS});
    ok(trap.vec == DONE, "MOV SS hides an instruction breakpoint");
    disarm();
    lab(c, (struct regs){0});
    ok(trap.vec == DONE, "disabled");
    arm(2, (ulong)c.at + 1, EXEC, 1);
    lab(c, (struct regs){0});
    ok(trap.vec == DONE, "only the first byte counts");
    arm(3, (ulong)c.at, EXEC, 1), arm(1, (ulong)c.at, EXEC, 1);
    lab(c, (struct regs){0});
    expect("two at once", DB, NOERR, c);
    hit("DR6.B1 and B3", 10);
    disarm();
}

static void data(void)
{
    ulong p = (ulong)cell;

    cell[1] = KDS;
    arm(0, p, WRITE, 4);
    FAULT("write breakpoint traps after the write", DB, NOERR, "movl $5, (%rbx); 78: nop", .bx = p);
    ok(cell[0] == 5 && !(trap.r.flags & F_RF), "the write is done");
    hit("DR6.B0", 1);
    PASS("a read does not trigger it", "mov (%rbx), %eax", .bx = p);
    PASS("the byte after does not", "movb $1, 4(%rbx)", .bx = p);
    FAULT("a byte within does", DB, NOERR, "movb $1, 3(%rbx); 78: nop", .bx = p);
    FAULT("a straddling write does", DB, NOERR, "movl $1, -3(%rbx); 78: nop", .bx = p);
    FAULT("RMW", DB, NOERR, "incl (%rbx); 78: nop", .bx = p);
    FAULT("MOVSQ destination", DB, NOERR, "movsq; 78: nop", .di = p, .si = (ulong)from);
    FAULT("REP MOVSB stops at the byte", DB, NOERR, "78: rep movsb", .di = p - 2, .si = (ulong)from, .cx = 4);
    ok_eq("its RCX", trap.r.cx, 1);
    disarm();
    arm(1, p + 8, RW, 8);
    FAULT("read/write breakpoint on a read", DB, NOERR, "mov 12(%rbx), %al; 78: nop", .bx = p);
    hit("DR6.B1", 2);
    FAULT("LODSB", DB, NOERR, "lodsb; 78: nop", .si = p + 15);
    FAULT("REP LODSB stops in the middle", DB, NOERR, "78: rep lodsb", .si = p + 4, .cx = 16);
    ok_eq("RCX", trap.r.cx, 11);
    write_dr6(0);
    FAULT("with TF both bits", DB, NOERR, "mov 8(%rbx), %al; 78: nop", .bx = p, .flags = F_TF);
    hit("DR6.BS and B1", 0x4002);
    PASS("an instruction fetch is no data access", "nop");
    FAULT("data hit of MOV SS waits for the next instruction", DB, NOERR, "mov 8(%rbx), %ss; nop; 78: nop",
          .bx = p);
    FAULT("at CPL 3", DB, NOERR, "mov (%rbx), %al; 78: nop", USER,
          .bx = (write_dr1(p + 8 + user_base), p + 8 + user_base));
    write_dr1(p + 8);
    FAULT("XMM load", DB, NOERR, "mov %cr4, %rax; or $0x200, %eax; mov %rax, %cr4; "
          "movups (%rbx), %xmm0; 78: nop", .bx = p);
    FAULT("FXSAVE's neighbour: FLD", DB, NOERR, "fninit; fldl 8(%rbx); 78: nop", .bx = p);
    disarm();
    write_cr4(read_cr4() | CR4_DE);
    arm(2, 0x80, IO, 1);
    FAULT("I/O breakpoint", DB, NOERR, "outb %al, $0x80; 78: nop");
    hit("DR6.B2", 4);
    disarm();
    write_cr4(read_cr4() & ~(ulong)CR4_DE);
}

static void general_detect(void)
{
    FAULT("GD: MOV from DR", DB, NOERR, "mov %dr7, %rax; bts $13, %rax; mov %rax, %dr7; 78: mov %dr0, %rax");
    ok(!(read_dr7() >> 13 & 1), "GD is clear in the handler");
    hit("DR6.BD", 0x2000);
    disarm();
    ok_eq("DR6 fixed bits", (write_dr6(0), read_dr6()), 0xffff0ff0);
    ok_eq("DR7 fixed bit", read_dr7(), 0x400);
    FAULT("GD at CPL 3 is #GP", GP, 0, "mov %dr0, %rax", USER);
}

/* Which instruction boundaries trap. */
static void stepping(void)
{
    static const char *const names[] = {"NOP", "CALL", "RET", "JMP *", "PUSHF", "CPUID", "LOCK", "MOV CR", "WRMSR"};
    struct code c[] = {CODE("nop; 78: nop"), CODE("call 1f; nop; 1: 78: nop"),
                       CODE("ret; nop"), CODE("jmp *%rbx; nop"), CODE("pushf; 78: nop"),
                       CODE("cpuid; 78: nop"), CODE("lock incl (%rsp); 78: nop"),
                       CODE("mov %cr0, %rax; 78: nop"), CODE("rdmsr; 78: nop")};
    for (unsigned i = 0; i < 9; i++) {
        struct code to = CODE("nop");
        u64 *sp = (u64 *)(lab_stack + 4096);
        struct regs in = {.flags = F_TF, .bx = (ulong)to.start, .sp = (ulong)sp, .cx = MSR_EFER};
        *sp = (ulong)to.start;
        lab(c[i], in);
        ulong want = i == 2 || i == 3 ? (ulong)to.start : (ulong)c[i].at;
        ok(trap.vec == DB && trap.r.ip == want, "TF: %s", names[i]);
    }
    ok_eq("DR6.BS", read_dr6() & 0xe00f, 0x4000);
    write_dr6(0);
    FAULT("TF: POPF that clears it traps once more", DB, NOERR, "popf; 78: nop", .flags = F_TF,
          .sp = (*(u64 *)(lab_stack + 4096) = 2, (ulong)lab_stack + 4096));
    FAULT("TF: POPF that sets it does not trap yet", DB, NOERR, "popf; nop; 78: nop",
          .sp = (*(u64 *)(lab_stack + 4096) = F_TF | 2, (ulong)lab_stack + 4096));
    FAULT("TF: IRETQ that sets it", DB, NOERR, "mov %rsp, %rax; push $0x10; push %rax; push $0x102; push $8;"
          "lea 1f(%rip), %rbx; push %rbx; iretq; 1: nop; 78: nop");
    FAULT("TF: INT n enters without a trap", DONE, NOERR, "", .flags = F_TF);
    FAULT("TF: UD2", UD, NOERR, "ud2", .flags = F_TF);
    FAULT("TF: REP STOSQ, one iteration", DB, NOERR, "78: rep stosq", .flags = F_TF, .di = (ulong)cell, .cx = 2);
    ok_eq("RCX", trap.r.cx, 1);
    FAULT("TF: REP with RCX 0", DB, NOERR, "rep stosq; 78: nop", .flags = F_TF, .cx = 0);
    FAULT("TF at CPL 3", DB, NOERR, "nop; 78: nop", USER, .flags = F_TF);
    FAULT("TF: LOOP", DB, NOERR, "1: 78: loop 1b", .flags = F_TF, .cx = 9);
    FAULT("TF: POP SS in compatibility mode", DB, NOERR, ".code32; pop %ss; nop; 78: nop; nop",
          .cs = KCS32, .flags = F_TF, .sp = (*(u64 *)(lab_stack + 4096) = KDS, (ulong)lab_stack + 4096));
    write_dr6(0);
}

static unsigned steps;
static ulong last_ip;
static bool count(struct trap *t, struct frame *f)
{
    steps++;
    last_ip = t->r.ip;
    return true;
}

static void trace(void)
{
    hook[DB] = count;
    steps = 0;
    LAB("mov $10, %ecx; xor %eax, %eax; 1: add %ecx, %eax; loop 1b", .flags = F_TF);
    ok(trap.vec == DONE && trap.r.ax == 55 && steps == 22, "22 instructions, %u traps", steps);
    steps = 0;
    LAB("mov %ds, %eax; mov %eax, %ss; nop; nop", .flags = F_TF);
    ok(steps == 3, "MOV SS merges two boundaries: %u traps", steps);
    steps = 0;
    LAB("sti; cli; nop", .flags = F_TF);
    ok(steps == 3, "STI does not: %u traps", steps);
    steps = 0;
    LAB("mov $4, %ecx; rep stosb", .flags = F_TF, .di = (ulong)cell);
    ok(steps == 5, "REP of 4: %u traps", steps);
    hook[DB] = NULL;
    write_dr6(0);
}

void guest_main(void)
{
    instruction();
    data();
    general_detect();
    stepping();
    trace();
}
