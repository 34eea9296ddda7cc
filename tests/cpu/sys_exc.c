/* SPDX-License-Identifier: MIT
 * Delivery of exceptions and interrupts in every mode; the double-fault table. */
#include "tests/cpu/sys_fake.h"

#include <string.h>

static void test_reset(void)
{
    struct cpu *cpu = cpu_new("max");

    g_assert_cmphex(cpu->cr0, ==, 0x60000010);
    g_assert_cmphex(cpu->seg[SEG_CS].base + cpu->rip, ==, 0xfffffff0);
    g_assert_cmphex(cpu->gpr[R_DX], ==, 0x30661);
    g_assert_cmphex(cpu_get_rflags(cpu), ==, 2);
    g_assert_cmphex(cpu->dr[6], ==, 0xffff0ff0);
    g_assert_cmphex(cpu->pat, ==, 0x0007040600070406);
    g_assert_cmpint(cpu->mode & (CM_SIZE | CM_PE), ==, CM_16);
    cpu_destroy(cpu);
}

static void test_real(void)
{
    struct cpu *cpu = cpu_new("max");

    cpu->idt = (struct dtable){0, 0x3ff};
    st(0x20 * 4, 0x12345678, 4);
    cpu->seg[SEG_CS] =
        (struct seg){.base = 0x7000, .limit = 0xffff, .sel = 0x700, .attr = ATTR_REAL};
    cpu->rip = 0x44;
    cpu->gpr[R_SP] = 0x1000;
    set_flags(cpu, FL_IF | FL_CF | FL_TF, 0);
    exc_interrupt(cpu, 0x20);
    g_assert_cmphex(cpu->rip, ==, 0x5678);
    g_assert_cmphex(cpu->seg[SEG_CS].base, ==, 0x12340);
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0xffa);
    g_assert_cmphex(ld(0xffa, 6), ==, 0x030307000044);
    g_assert_cmphex(cpu_get_rflags(cpu), ==, 3);
    /* a vector past the IDT's limit becomes #GP, #DF, shutdown */
    cpu->idt.limit = 3;
    cpu->exc.delivering = -1;
    deliver(cpu, EXC_UD, false, 0);
    g_assert_true(cpu->shutdown);
    cpu_destroy(cpu);
}

static void test_gate32_same(void)
{
    struct cpu *cpu = cpu_new32(0);
    uint64_t sp = cpu->gpr[R_SP];

    put_gate(13, S_CODE0, 0x12345, 0x8e, 0);
    put_gate(14, S_CODE0, 0x22222, 0x8f, 0);
    set_flags(cpu, FL_IF | FL_ZF, 0);
    g_assert_cmpint(deliver(cpu, EXC_GP, true, 0x1234), ==, 1);
    g_assert_cmphex(cpu->rip, ==, 0x12345);
    g_assert_cmphex(cpu->gpr[R_SP], ==, sp - 16);
    g_assert_cmphex(ld(sp - 16, 8), ==, (uint64_t)CODE << 32 | 0x1234);
    g_assert_cmphex(ld(sp - 8, 8), ==, (0x10242ull << 32) | S_CODE0); /* RF set */
    g_assert_false(cpu->eflags & FL_IF);
    /* a trap gate leaves IF */
    set_flags(cpu, FL_IF, 0);
    cpu->exc.cr2 = 0xabc000;
    deliver(cpu, EXC_PF, true, 2);
    g_assert_true(cpu->eflags & FL_IF);
    g_assert_cmphex(cpu->cr2, ==, 0xabc000);
    cpu_destroy(cpu);
}

static void test_gate32_inner(void)
{
    struct cpu *cpu = cpu_new32(3);

    put_gate(13, S_CODE0, 0x12345, 0x8e, 0);
    deliver(cpu, EXC_GP, true, 0);
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmphex(cpu->seg[SEG_CS].sel, ==, S_CODE0);
    g_assert_cmphex(cpu->seg[SEG_SS].sel, ==, S_DATA0);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK0 - 24);
    g_assert_cmphex(ld(STACK0 - 4, 4), ==, S_DATA3);
    g_assert_cmphex(ld(STACK0 - 8, 4), ==, STACK3);
    g_assert_cmphex(ld(STACK0 - 16, 4), ==, S_CODE3);
    g_assert_cmpint(cpu->mmu.view, ==, MMU_SUPER);
    cpu_destroy(cpu);

    /* 16-bit gate: 2-byte items, 16-bit offset */
    cpu = cpu_new32(3);
    put_gate(13, S_CODE0, 0x5555, 0x86, 0);
    deliver(cpu, EXC_GP, true, 0x77);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK0 - 12);
    g_assert_cmphex(ld(STACK0 - 12, 2), ==, 0x77);
    g_assert_cmphex(cpu->rip, ==, 0x5555);
    cpu_destroy(cpu);
}

/* Which error code each broken gate gives; the handlers of #GP etc. report it. */
static void check_broken(unsigned cpl, unsigned sel, unsigned access, bool soft,
                         unsigned want_v, uint32_t want_err)
{
    struct cpu *cpu = cpu_new32(cpl);
    struct insn in = i_none(cpu, 4);

    in.op[0].imm = 0x40;
    put_gate(0x40, sel, 0x1000, access, 0);
    if (soft) {
        FAULTS(cpu, sys_int, &in, want_v, want_err);
    } else {
        if (!sigsetjmp(cpu->jmp, 0)) {
            exc_interrupt(cpu, 0x40);
            g_assert_not_reached();
        }
        g_assert_cmpint(cpu->exc.vector, ==, want_v);
        g_assert_cmphex(cpu->exc.error, ==, want_err);
    }
    g_assert_cmphex(cpu->rip, ==, CODE);
    g_assert_cmpint(cpu->cpl, ==, cpl);
    cpu_destroy(cpu);
}

static void test_error_codes(void)
{
    check_broken(0, S_CODE0, 0x8a, false, EXC_GP, 0x203);    /* not a gate: IDT | EXT */
    check_broken(0, S_CODE0, 0x8a, true, EXC_GP, 0x202);     /* the same by INT n */
    check_broken(0, S_CODE0, 0x0e, false, EXC_NP, 0x203);
    check_broken(3, S_CODE0, 0x8e, true, EXC_GP, 0x202);     /* gate DPL 0 < CPL 3 */
    check_broken(0, 0, 0x8e, false, EXC_GP, 1);              /* null selector */
    check_broken(0, 0, 0x8e, true, EXC_GP, 0);
    check_broken(0, S_END, 0x8e, false, EXC_GP, S_END | 1);
    check_broken(0, S_DATA0, 0x8e, true, EXC_GP, S_DATA0);
    check_broken(0, S_CODE3 & ~3, 0x8e, false, EXC_GP, (S_CODE3 & ~3) | 1);
    check_broken(0, S_NPCODE, 0x8e, true, EXC_NP, S_NPCODE);
    check_broken(0, S_TSS, 0x85, false, EXC_GP, S_TSS | 1);  /* task gate, busy TSS */
}

static void test_bad_stack(void)
{
    struct cpu *cpu = cpu_new32(3);
    struct insn in = i_none(cpu, 4);

    in.op[0].imm = 0x40;
    put_gate(0x40, S_CODE0, 0x1000, 0xee, 0);
    st(TSS_A + 8, 0, 2);
    FAULTS(cpu, sys_int, &in, EXC_TS, 0);
    st(TSS_A + 8, S_DATA3, 2);
    FAULTS(cpu, sys_int, &in, EXC_TS, S_DATA3 & ~3u);
    st(TSS_A + 8, S_NP, 2);
    FAULTS(cpu, sys_int, &in, EXC_SS, S_NP);
    st(TSS_A + 8, S_RODATA, 2);
    FAULTS(cpu, sys_int, &in, EXC_TS, S_RODATA);
    st(TSS_A + 8, S_DATA0, 2);
    cpu->tr.limit = 9;
    FAULTS(cpu, sys_int, &in, EXC_TS, S_TSS);
    cpu->tr.limit = 0x67;
    fault_page = STACK0 - 0x1000;
    FAULTS(cpu, sys_int, &in, EXC_PF, PF_W);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK3);
    g_assert_cmpint(cpu->cpl, ==, 3);
    fault_page = ~0ull;
    g_assert_true(runs(cpu, sys_int, &in));
    g_assert_cmphex(ld(STACK0 - 20, 4), ==, CODE + 2);
    cpu_destroy(cpu);
}

static void test_gate64(void)
{
    struct cpu *cpu = cpu_new64(3);

    cpu->gpr[R_SP] = STACK3 - 3;
    put_gate(14, S_CODE64, 0xffffffff81000000, 0x8e, 0x100);
    cpu->exc.cr2 = 0x7ffff000;
    deliver(cpu, EXC_PF, true, 6);
    g_assert_cmphex(cpu->rip, ==, 0xffffffff81000000);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK0 - 48);
    g_assert_cmphex(ld(STACK0 - 48, 8), ==, 6);
    g_assert_cmphex(ld(STACK0 - 40, 8), ==, CODE);
    g_assert_cmphex(ld(STACK0 - 16, 8), ==, STACK3 - 3);
    g_assert_cmphex(ld(STACK0 - 8, 8), ==, S_DATA3);
    g_assert_cmphex(cpu->seg[SEG_SS].sel, ==, 0);
    g_assert_cmpint(cpu->cpl, ==, 0);
    /* same level: aligned down, SS kept; IST switches */
    cpu->gpr[R_SP] = STACK0 - 0x109;
    put_gate(3, S_CODE64, 0x1000, 0x8f, 0x100);
    deliver(cpu, EXC_UD, false, 0);
    g_assert_cmpint(cpu->exc.pending, ==, false);
    cpu_destroy(cpu);

    cpu = cpu_new64(0);
    cpu->gpr[R_SP] = STACK0 - 0x109;
    put_gate(6, S_CODE64, 0x1000, 0x8e, 0x100);
    deliver(cpu, EXC_UD, false, 0);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK0 - 0x110 - 40);
    g_assert_cmphex(cpu->seg[SEG_SS].sel, ==, S_DATA0);
    put_gate(2, S_CODE64, 0x2000, 0x8e, 0x101);
    exc_nmi(cpu);
    g_assert_cmphex(cpu->gpr[R_SP], ==, IST1 - 40);
    g_assert_true(cpu->nmi_blocked);
    cpu_destroy(cpu);
}

static void test_gate64_errors(void)
{
    struct cpu *cpu = cpu_new64(0);
    struct insn in = i_none(cpu, 4);

    in.op[0].imm = 0x40;
    put_gate(0x40, S_CODE0, 0x1000, 0x8e, 0x100); /* 32-bit code */
    FAULTS(cpu, sys_int, &in, EXC_GP, S_CODE0);
    put_gate(0x40, S_CODE64, 0x1000, 0x86, 0x100); /* 16-bit gate */
    FAULTS(cpu, sys_int, &in, EXC_GP, 0x402 - 0x200);
    put_gate(0x40, S_CODE64, 0x0000800000000000, 0x8e, 0x100);
    FAULTS(cpu, sys_int, &in, EXC_GP, 0);
    put_gate(0x40, S_CODE64, 0x1000, 0x8e, 0x100);
    cpu->gpr[R_SP] = 0x0000900000000000;
    FAULTS(cpu, sys_int, &in, EXC_SS, 0);
    cpu_destroy(cpu);
}

static void test_vm86(void)
{
    struct cpu *cpu = cpu_new32(0);
    struct insn in = i_none(cpu, 2);

    put_gate(0x40, S_CODE0, 0x1000, 0xee, 0);
    enter_vm86(cpu, 3);
    in.op[0].imm = 0x40;
    g_assert_true(runs(cpu, sys_int, &in));
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_false(cpu->eflags & FL_VM);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK0 - 36);
    g_assert_cmphex(ld(STACK0 - 4, 4), ==, 0x1050);  /* GS */
    g_assert_cmphex(ld(STACK0 - 8, 4), ==, 0x1040);
    g_assert_cmphex(ld(STACK0 - 12, 4), ==, 0x1030); /* DS */
    g_assert_cmphex(ld(STACK0 - 16, 4), ==, 0x1000); /* ES */
    g_assert_cmphex(ld(STACK0 - 20, 4), ==, 0x1020); /* SS */
    g_assert_cmphex(ld(STACK0 - 28, 4), ==, 0x23002);
    g_assert_cmphex(cpu->seg[SEG_DS].attr, ==, 0);
    /* and back */
    in = i_none(cpu, 4);
    g_assert_true(runs(cpu, sys_iret, &in));
    g_assert_true(cpu->eflags & FL_VM);
    g_assert_cmphex(cpu->seg[SEG_GS].base, ==, 0x10500);
    g_assert_cmphex(cpu->rip, ==, 0x102);
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0x800);
    /* IOPL < 3: #GP, unless VME redirects */
    cpu->eflags &= ~(uint32_t)FL_IOPL;
    in = i_none(cpu, 2);
    in.op[0].imm = 0x40;
    FAULTS(cpu, sys_int, &in, EXC_GP, 0);
    cpu->cr4 |= CR4_VME;
    cpu->eflags |= FL_VIF;
    st(0x100, 0x20000456, 4);
    g_assert_true(runs(cpu, sys_int, &in));
    g_assert_cmphex(cpu->seg[SEG_CS].base, ==, 0x20000);
    g_assert_cmphex(cpu->rip, ==, 0x456);
    g_assert_cmphex(ld(0x10200 + 0x7fe, 2), ==, 0x3202); /* IF shows VIF, IOPL 3 */
    g_assert_false(cpu->eflags & FL_VIF);
    /* bit set in the redirection bitmap: not redirected */
    mem[TSS_A + 0x88 - 32 + 8] = 1;
    FAULTS(cpu, sys_int, &in, EXC_GP, 0);
    cpu_destroy(cpu);
}

static void raise_during(struct cpu *cpu, int first, int second)
{
    cpu->shutdown = cpu->exc.pending = false;
    cpu->exc.delivering = first;
    if (!sigsetjmp(cpu->jmp, 0))
        cpu_raise_err(cpu, (enum exc_vector)second, 0x10);
}

/* Vector `first` is being delivered when `second` occurs (SDM vol. 3 table 6-5). */
static void test_double_fault(void)
{
    static const uint8_t contributory[] = {0, 10, 11, 12, 13};
    struct cpu *cpu = cpu_new32(0);

    for (int first = 0; first < 20; first++) {
        for (int second = 0; second < 20; second++) {
            bool c1 = memchr(contributory, first, 5), c2 = memchr(contributory, second, 5);
            bool df = (c1 && c2) || (first == 14 && (c2 || second == 14));
            bool triple = first == 8 && (c2 || second == 14);

            raise_during(cpu, first, second);
            g_assert_cmpint(cpu->shutdown, ==, triple);
            g_assert_cmpint(cpu->exc.pending, ==, !triple);
            if (!triple)
                g_assert_cmpint(cpu->exc.vector, ==, df ? 8 : second);
            if (df)
                g_assert_cmphex(cpu->exc.error, ==, 0);
        }
    }
    cpu_destroy(cpu);

    /* end to end: #GP without a gate, then #NP: #DF; its handler missing: shutdown */
    cpu = cpu_new32(0);
    put_gate(8, S_CODE0, 0x8888, 0x8e, 0);
    g_assert_cmpint(deliver(cpu, EXC_GP, true, 0), ==, 2);
    g_assert_cmphex(cpu->rip, ==, 0x8888);
    g_assert_cmphex(ld(cpu->gpr[R_SP], 4), ==, 0);
    put_gate(8, 0, 0, 0, 0);
    deliver(cpu, EXC_GP, true, 0);
    g_assert_true(cpu->shutdown);
    cpu_destroy(cpu);
}

static void test_db(void)
{
    struct cpu *cpu = cpu_new32(0);
    uint64_t sp = cpu->gpr[R_SP];

    put_gate(1, S_CODE0, 0x1111, 0x8e, 0);
    set_flags(cpu, FL_TF, 0);
    cpu->dr[7] |= DR7_GD;
    if (!sigsetjmp(cpu->jmp, 0))
        cpu_step_done(cpu, true, I_ADD);
    if (!sigsetjmp(cpu->jmp, 0))
        exc_deliver(cpu);
    g_assert_cmphex(cpu->dr[6], ==, DR6_INIT | DR6_BS);
    g_assert_false(cpu->dr[7] & DR7_GD);
    g_assert_cmphex(ld(sp - 4, 4), ==, 0x102); /* a trap: RF clear, TF as it was */
    g_assert_false(cpu->eflags & FL_TF);
    /* instruction and data breakpoints */
    cpu->dr[6] = DR6_INIT;
    cpu->dr[0] = 0x4000;
    cpu->dr[1] = 0x5004;
    cpu->dr[7] = DR7_INIT | 1 | 4 | 0xdull << 20; /* 0: execute; 1: write, 4 bytes */
    cpu_update_mode(cpu);
    cpu->rip = 0x4000;
    g_assert_true(cpu_insn_breakpoint(cpu));
    g_assert_cmphex(cpu->exc.dr6, ==, 1);
    cpu->eflags |= FL_RF;
    g_assert_false(cpu_insn_breakpoint(cpu));
    cpu->exc.dr6 = 0;
    (void)cpu_ld(cpu, 0x5004, 4);
    g_assert_cmphex(cpu->exc.dr6, ==, 0);
    cpu_st(cpu, 0x5002, 0, 4);
    g_assert_cmphex(cpu->exc.dr6, ==, 2);
    /* held over MOV SS */
    cpu->shadow = 2;
    if (!sigsetjmp(cpu->jmp, 0))
        cpu_step_done(cpu, true, I_MOV_SREG);
    else
        g_assert_not_reached();
    g_assert_cmphex(cpu->exc.dr6, ==, 2);
    g_assert_false(cpu->eflags & FL_RF);
    cpu_destroy(cpu);
}

static bool traps(struct cpu *cpu, bool tf, enum insn_id id)
{
    cpu->exc.pending = false;
    cpu->exc.dr6 = 0;
    if (!sigsetjmp(cpu->jmp, 0))
        cpu_step_done(cpu, tf, id);
    return cpu->exc.pending;
}

/* When a single-step trap follows an instruction (SDM vol. 3 17.3.1.4, 6.8.3). */
static void test_step(void)
{
    struct cpu *cpu = cpu_new64(0);

    g_assert_false(traps(cpu, false, I_POPF)); /* has just set TF: from the next one on */
    g_assert_true(traps(cpu, true, I_POPF));   /* has just cleared it: once more */
    g_assert_false(traps(cpu, true, I_INT));
    g_assert_false(traps(cpu, true, I_SYSCALL)); /* TF masked by FMASK */
    g_assert_true(traps(cpu, true, I_SYSENTER));
    set_flags(cpu, FL_TF, 0);
    g_assert_true(traps(cpu, true, I_SYSCALL)); /* TF not masked */
    g_assert_true(traps(cpu, true, I_INTO));    /* not taken */
    cpu->shadow = 2;
    g_assert_false(traps(cpu, true, I_MOV_SREG)); /* MOV SS */
    cpu->shadow = 0;
    g_assert_true(traps(cpu, true, I_MOV_SREG)); /* the one after it, or MOV DS */
    cpu->shadow = 1;
    g_assert_true(traps(cpu, true, I_STI));
    cpu_destroy(cpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sys/exc/reset", test_reset);
    g_test_add_func("/sys/exc/real", test_real);
    g_test_add_func("/sys/exc/gate32-same", test_gate32_same);
    g_test_add_func("/sys/exc/gate32-inner", test_gate32_inner);
    g_test_add_func("/sys/exc/error-codes", test_error_codes);
    g_test_add_func("/sys/exc/bad-stack", test_bad_stack);
    g_test_add_func("/sys/exc/gate64", test_gate64);
    g_test_add_func("/sys/exc/gate64-errors", test_gate64_errors);
    g_test_add_func("/sys/exc/vm86", test_vm86);
    g_test_add_func("/sys/exc/double-fault", test_double_fault);
    g_test_add_func("/sys/exc/debug", test_db);
    g_test_add_func("/sys/exc/step", test_step);
    return g_test_run();
}
