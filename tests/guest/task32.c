/* SPDX-License-Identifier: MIT
 * Hardware task switches (SDM vol. 3 ch. 7): JMP, CALL, IRET, INT, exceptions;
 * 32- and 16-bit TSS; busy bits, back link, NT, T bit, #TS. */
#include "tests/guest/lib/guest.h"

enum { T2 = FREE, T3 = FREE + 8, T16 = FREE + 16, GATE = FREE + 24, BAD = FREE + 32,
       ABSENT_CODE = FREE + 40, ABSENT_DATA = FREE + 48, GATE_NP = FREE + 56, V_TEST = 0x40 };

struct tss16 {
    u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss,
        ds, ldt;
};
static struct tss t2, t3;
static struct tss16 t16;
static u8 stack2[4096] __attribute__((aligned(16))), stack3[4096] __attribute__((aligned(16)));

static void make(struct tss *t, const char *eip, u8 *stack)
{
    *t = (struct tss){.ss0 = KDS, .esp0 = (u32)stack + 4096, .eip = (u32)eip, .eflags = 2,
                      .sp = (u32)stack + 4096, .cs = KCS, .ss = KDS, .ds = KDS, .es = KDS,
                      .ax = 0xa2, .bx = 0xb2, .cx = 0xc2, .dx = 0xd2, .si = 0x52, .di = 0xd1,
                      .bp = 0xb9, .iomap = 104};
}

/* Back to the library's task with fresh descriptors; fields of the old tasks stay readable. */
static void home(void)
{
    asm volatile("pushf; andl $~0x4000, (%%esp); popf; clts" ::: "memory");
    set_gdt(TSS_SEL, (u32)&tss, sizeof(tss) - 1, 0x89);
    asm volatile("ltr %w0" ::"r"(TSS_SEL));
}

static void fresh(const char *eip)
{
    home();
    make(&t2, eip, stack2);
    set_gdt(T2, (u32)&t2, 103, 0x89);
}
static unsigned type_of(unsigned sel)
{
    return (unsigned)(gdt[sel / 8] >> 40) & 15;
}

static void jump(void)
{
    struct code c = CODE("str %eax; pushf; pop %ecx; mov %cr0, %edx");

    fresh(c.start);
    write_cr0(read_cr0() & ~(ulong)CR0_TS);
    LAB("ljmp $0x80, $0x1234; 78: nop", .ax = 1, .bx = 2, .cx = 3, .dx = 4, .si = 5, .di = 6,
        .bp = 7, .flags = F_CF | F_AC);
    ok(trap.vec == DONE && trap.r.ax == T2, "JMP to a TSS: TR");
    ok(trap.r.bx == 0xb2 && trap.r.si == 0x52 && trap.r.di == 0xd1 && trap.r.bp == 0xb9,
       "registers come from the TSS");
    ok(!(trap.r.cx & F_NT), "JMP leaves NT clear");
    ok(trap.r.dx & CR0_TS, "CR0.TS set");
    ok(type_of(TSS_SEL) == 9 && type_of(T2) == 11, "JMP: old available, new busy");
    ok(tss.ax == 1 && tss.bx == 2 && tss.cx == 3 && tss.dx == 4 && tss.si == 5 && tss.di == 6 &&
       tss.bp == 7, "old registers saved");
    ok((tss.eflags & (F_CF | F_AC)) == (F_CF | F_AC) && tss.cs == KCS && tss.ss == KDS,
       "old EFLAGS and segments saved");
    struct code d = CODE("ljmp $0x80, $0; 78: nop");
    fresh(c.start);
    lab(d, (struct regs){0});
    ok_eq("saved EIP is after the JMP", tss.eip, (ulong)d.at);
    fresh(c.start);
    t2.eflags = 2 | F_NT;
    LAB("ljmp $0x80, $0");
    ok(trap.r.cx & F_NT, "JMP takes NT from the new image");
    home();
}

static void call(void)
{
    struct code c = CODE("pushf; pop %ecx; iret; mov $0x77, %ebx; iret");

    fresh(c.start);
    LAB("lcall $0x80, $0; mov $1, %ebx; pushf; pop %edx; str %esi", .ax = 9);
    ok(trap.vec == DONE && trap.r.bx == 1 && trap.r.ax == 9, "CALL to a TSS and IRET");
    ok(trap.r.si == TSS_SEL && !(trap.r.dx & F_NT), "TR and NT are the caller's again");
    ok(t2.cx & F_NT, "NT set in the called task");
    ok(!(t2.eflags & F_NT), "IRET saved NT clear");
    ok(t2.link == TSS_SEL, "back link");
    ok(type_of(TSS_SEL) == 11 && type_of(T2) == 9, "busy bits after IRET");
    LAB("lcall $0x80, $0");
    ok(trap.vec == DONE && t2.bx == 0x77, "the second CALL goes on after the IRET");
    struct code s = CODE("nop");
    fresh(s.start);
    LAB("lcall $0x80, $0");
    ok(type_of(TSS_SEL) == 11 && type_of(T2) == 11, "CALL: both busy");
    home();
    fresh(s.start);
    gdt[GATE / 8] = (u64)T2 << 16 | (u64)0xe5 << 40;
    LAB("lcall $0x98, $0", USER);
    ok(trap.vec == DONE && trap.r.bx == 0xb2, "CALL through a task gate from CPL 3");
    home();
    fresh(s.start);
    LAB("ljmp $0x98, $0");
    ok(trap.vec == DONE && trap.r.bx == 0xb2 && type_of(TSS_SEL) == 9, "JMP through a task gate");
    home();
}

static void interrupts(void)
{
    struct code c = CODE("iret"), e = CODE("pop %eax; pushf; pop %ecx");

    fresh(c.start);
    set_gate(V_TEST, T2, 0, 5, 3, 0);
    PASS("INT n through a task gate and IRET", "int $0x40", USER);
    fresh(e.start);
    set_gate(GP, T2, 0, 5, 0, 0);
    struct code g = CODE("nop; 78: mov %ax, %ds");
    lab(g, (struct regs){.ax = KDS | 3});
    ok(trap.vec == DONE && trap.r.ax == KDS, "exception through a task gate pushes its error code");
    ok(trap.r.cx & F_NT && t2.link == TSS_SEL, "NT and link");
    ok_eq("the faulting EIP is in the old TSS", tss.eip, (ulong)g.at);
    ok(tss.eflags & F_RF, "RF is in the old TSS");
    restore_gate(GP);
    home();
    fresh(c.start);
    set_gdt(T2, (u32)&t2, 103, 0x8b);
    FAULT("INT n to a busy TSS", GP, T2, "int $0x40");
    set_gdt(T2, (u32)&t2, 103, 0x09);
    FAULT("INT n to an absent TSS", NP, T2, "int $0x40");
    set_gdt(T2, (u32)&t2, 102, 0x89);
    FAULT("INT n to a short TSS", TS, T2, "int $0x40");
    set_gate(V_TEST, T2 | 4, 0, 5, 3, 0);
    FAULT("task gate with an LDT selector", GP, T2 | 4, "int $0x40");
    set_gate(V_TEST, KDS, 0, 5, 3, 0);
    FAULT("task gate to data", GP, KDS, "int $0x40");
    restore_gate(V_TEST);
}

static void errors_before(void)
{
    struct code c = CODE("nop");

    fresh(c.start);
    FAULT("JMP to a busy TSS", GP, TSS_SEL, "ljmp $0x50, $0");
    FAULT("CALL to a busy TSS", GP, TSS_SEL, "lcall $0x50, $0");
    FAULT("JMP to a TSS, DPL 0 at CPL 3", GP, T2, "ljmp $0x80, $0", USER);
    set_gdt(T2, (u32)&t2, 103, 0x09);
    FAULT("JMP to an absent TSS", NP, T2, "ljmp $0x80, $0");
    set_gdt(T2, (u32)&t2, 102, 0x89);
    FAULT("JMP to a short TSS", TS, T2, "ljmp $0x80, $0");
    set_gdt(T16, (u32)&t16, 42, 0x81);
    FAULT("JMP to a short 16-bit TSS", TS, T16, "ljmp $0x90, $0");
    gdt[GATE_NP / 8] = (u64)T2 << 16 | (u64)0x65 << 40;
    FAULT("absent task gate", NP, GATE_NP, "ljmp $0xb8, $0");
    tss.link = T2;
    set_gdt(T2, (u32)&t2, 103, 0x89);
    FAULT("IRET with NT, link not busy", TS, T2, "iret", .flags = F_NT);
    tss.link = 0x400;
    FAULT("IRET with NT, link beyond the GDT", TS, 0x400, "iret", .flags = F_NT);
    tss.link = KDS;
    FAULT("IRET with NT, link to data", TS, KDS, "iret", .flags = F_NT);
    tss.link = 0x14;
    FAULT("IRET with NT, link in the LDT", TS, 0x14, "iret", .flags = F_NT);
    tss.link = 0;
}

/* Faults while the new task's segments are loaded come in the new task (SDM vol. 3 7.3):
 * they go to a third task, since the second may have no stack. */
static void errors_after(void)
{
    struct code c = CODE("nop"), h = CODE("pop %eax; str %ebx");
    static const struct {
        const char *name;
        unsigned off;
        u16 sel;
        unsigned vec;
        u16 err;
    } t[] = {
#define AT(f) offsetof(struct tss, f)
        {"CS null", AT(cs), 0, TS, 0},
        {"CS data", AT(cs), KDS, TS, KDS},
        {"CS absent", AT(cs), ABSENT_CODE, NP, ABSENT_CODE},
        {"CS beyond the GDT", AT(cs), 0x400, TS, 0x400},
        {"CS DPL is not RPL", AT(cs), KCS | 3, TS, KCS},
        {"SS null", AT(ss), 0, TS, 0},
        {"SS code", AT(ss), KCS, TS, KCS},
        {"SS absent", AT(ss), ABSENT_DATA, SS, ABSENT_DATA},
        {"SS DPL 3", AT(ss), UDS, TS, UDS & ~3},
        {"DS system", AT(ds), TSS_SEL, TS, TSS_SEL},
        {"DS absent", AT(ds), ABSENT_DATA, NP, ABSENT_DATA},
        {"GS beyond the GDT", AT(gs), 0x400, TS, 0x400},
        {"LDT data", AT(ldt), KDS, TS, KDS},
        {"LDT absent", AT(ldt), BAD, TS, BAD},
    };

    set_gdt(ABSENT_CODE, 0, 0xfffff, 0x1b | D_32 | D_G);
    set_gdt(ABSENT_DATA, 0, 0xfffff, 0x13 | D_32 | D_G);
    set_gdt(BAD, 0, 0xff, 0x02);
    for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
        fresh(c.start);
        *(u32 *)((char *)&t2 + t[i].off) = t[i].sel;
        make(&t3, h.start, stack3);
        set_gdt(T3, (u32)&t3, 103, 0x89);
        set_gate(t[i].vec, T3, 0, 5, 0, 0);
        LAB("ljmp $0x80, $0");
        ok(trap.vec == DONE && trap.r.ax == t[i].err && trap.r.bx == T3 && t3.link == T2 &&
           t2.eip == (u32)c.start, "%s -> vector %d", t[i].name, t[i].vec);
        if (!(trap.vec == DONE && trap.r.ax == t[i].err))
            say("# got vector %x, error %lx, link %x\n", trap.vec, trap.r.ax, t3.link);
        restore_gate(t[i].vec);
        home();
    }
}

/* SDM vol. 3 7.2.1: T flag. */
static void trap_flag(void)
{
    struct code c = CODE("nop");

    fresh(c.start);
    t2.t = 1;
    write_dr6(0);
    LAB("ljmp $0x80, $0");
    ok(trap.vec == DB && trap.r.ip == (ulong)c.start, "TSS.T: #DB before the first instruction");
    ok_eq("DR6.BT", read_dr6() & 0xe00f, 0x8000);
    write_dr6(0);
    home();
}

static void sixteen(void)
{
    struct code c = CODE("movzwl %sp, %esp; str %ecx; pushf; pop %edx"); /* high halves are undefined */

    home();
    memcpy((void *)LOW_BASE, c.start, (size_t)(c.end - c.start));
    set_gdt(BAD, LOW_BASE, 0xffff, D_CODE | D_32);
    t16 = (struct tss16){.ip = 0, .flags = 2, .ax = 0x1111, .bx = 0x2222, .sp = 0xf000, .cs = BAD,
                         .ss = KDS, .ds = KDS, .es = KDS, .bp = 0x3333, .si = 0x4444, .di = 0x5555};
    set_gdt(T16, (u32)&t16, 43, 0x81);
    LAB("ljmp $0x90, $0", .bx = 0xabcd0000);
    ok(trap.vec == DONE && (trap.r.ax & 0xffff) == 0x1111 && (trap.r.bx & 0xffff) == 0x2222 &&
       (trap.r.cx & 0xffff) == T16, "JMP to a 16-bit TSS");
    ok((trap.r.di & 0xffff) == 0x5555 && trap.r.fs == 0 && trap.r.gs == 0, "FS and GS become null");
    ok(type_of(T16) == 3 && type_of(TSS_SEL) == 9, "busy bits");
    home();
    /* from the 16-bit task to a 32-bit one by IRET */
    struct code r = CODE("movw $0x99, %bx; iret");
    memcpy((void *)LOW_BASE, r.start, (size_t)(r.end - r.start));
    set_gdt(T16, (u32)&t16, 43, 0x81);
    t16.ip = 0, t16.flags = 2;
    LAB("lcall $0x90, $0; str %ecx", .si = 0x12345678);
    ok(trap.vec == DONE && trap.r.cx == TSS_SEL && trap.r.si == 0x12345678, "IRET from a 16-bit TSS");
    ok(t16.bx == 0x99 && t16.link == TSS_SEL && !(t16.flags & F_NT), "16-bit state saved");
    home();
}

void guest_main(void)
{
    jump();
    call();
    interrupts();
    errors_before();
    errors_after();
    trap_flag();
    sixteen();
}
