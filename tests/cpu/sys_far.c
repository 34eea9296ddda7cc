/* SPDX-License-Identifier: MIT
 * Far calls, jumps, returns, IRET, fast system calls. */
#include "tests/cpu/sys_fake.h"

static void push32(struct cpu *cpu, uint32_t v)
{
    cpu->gpr[R_SP] -= 4;
    st(cpu->gpr[R_SP], v, 4);
}

static void test_call_ret(void)
{
    struct cpu *cpu = cpu_new32(0);
    uint64_t sp = cpu->gpr[R_SP];
    struct insn in = i_far(cpu, 4, S_CODE0, 0x2345);

    g_assert_true(runs(cpu, sys_callf, &in));
    g_assert_cmphex(cpu->rip, ==, 0x2345);
    g_assert_cmphex(ld(sp - 8, 8), ==, (uint64_t)S_CODE0 << 32 | (CODE + 2));
    in = i_none(cpu, 4);
    g_assert_true(runs(cpu, sys_retf, &in));
    g_assert_cmphex(cpu->rip, ==, CODE + 2);
    g_assert_cmphex(cpu->gpr[R_SP], ==, sp);

    in = i_far(cpu, 4, 0, 0);
    FAULTS(cpu, sys_jmpf, &in, EXC_GP, 0);
    in = i_far(cpu, 4, S_END, 0);
    FAULTS(cpu, sys_jmpf, &in, EXC_GP, S_END);
    in = i_far(cpu, 4, S_DATA0, 0);
    FAULTS(cpu, sys_jmpf, &in, EXC_GP, S_DATA0);
    in = i_far(cpu, 4, S_CODE3, 0);
    FAULTS(cpu, sys_jmpf, &in, EXC_GP, S_CODE3 & ~3);
    in = i_far(cpu, 4, S_NPCODE, 0);
    FAULTS(cpu, sys_jmpf, &in, EXC_NP, S_NPCODE);
    in = i_far(cpu, 4, S_CODE16, 0x10000);
    FAULTS(cpu, sys_jmpf, &in, EXC_GP, 0);
    in = i_far(cpu, 4, S_CODE16 | 3, 0x100);
    FAULTS(cpu, sys_jmpf, &in, EXC_GP, S_CODE16);
    in = i_far(cpu, 4, S_CODE16, 0x100);
    g_assert_true(runs(cpu, sys_jmpf, &in));
    g_assert_cmpint(cpu->mode & CM_SIZE, ==, CM_16);
    cpu_destroy(cpu);

    /* conforming code keeps CPL */
    cpu = cpu_new32(3);
    in = i_far(cpu, 4, S_CONF, 0x100);
    g_assert_true(runs(cpu, sys_jmpf, &in));
    g_assert_cmphex(cpu->seg[SEG_CS].sel, ==, S_CONF | 3);
    g_assert_cmpint(cpu->cpl, ==, 3);
    cpu_destroy(cpu);
}

static void test_call_gate(void)
{
    struct cpu *cpu = cpu_new32(3);
    struct insn in = i_far(cpu, 4, S_GATE | 3, 0xdead);

    st(GDT + S_GATE, 0x4444ull | S_CODE0 << 16 | 0x0000ec02ull << 32, 8); /* DPL 3, 2 params */
    push32(cpu, 0x11111111);
    push32(cpu, 0x22222222);
    g_assert_true(runs(cpu, sys_callf, &in));
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmphex(cpu->rip, ==, 0x4444);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK0 - 24);
    g_assert_cmphex(ld(STACK0 - 24, 8), ==, (uint64_t)S_CODE3 << 32 | (CODE + 2));
    g_assert_cmphex(ld(STACK0 - 16, 8), ==, 0x1111111122222222);
    g_assert_cmphex(ld(STACK0 - 8, 8), ==, (uint64_t)S_DATA3 << 32 | (STACK3 - 8));
    /* RETF 8 to the outer level: parameters released on both stacks, data nulled */
    cpu->seg[SEG_DS].attr &= ~SA_DPL;
    in = i_none(cpu, 4);
    in.nops = 1;
    in.op[0] = (struct insn_operand){.kind = OPND_IMM, .imm = 8};
    g_assert_true(runs(cpu, sys_retf, &in));
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK3);
    g_assert_cmphex(cpu->seg[SEG_DS].attr, ==, 0);
    g_assert_cmphex(cpu->seg[SEG_ES].sel, ==, S_DATA3);
    /* not through a jump; DPL too small */
    in = i_far(cpu, 4, S_GATE | 3, 0);
    FAULTS(cpu, sys_jmpf, &in, EXC_GP, S_CODE0);
    mem[GDT + S_GATE + 5] = 0x8c;
    FAULTS(cpu, sys_callf, &in, EXC_GP, S_GATE);
    mem[GDT + S_GATE + 5] = 0x6c;
    FAULTS(cpu, sys_callf, &in, EXC_NP, S_GATE);
    cpu_destroy(cpu);

    cpu = cpu_new64(3);
    st(GDT + S_GATE, 0x4444ull | S_CODE64 << 16 | 0x0000ec00ull << 32, 8);
    st(GDT + S_GATE + 8, 0xffffffff, 8);
    in = i_mem(cpu, 4, SEG_DS, 0x6000);
    st(0x6000, 0, 4);
    st(0x6004, S_GATE | 3, 2);
    g_assert_true(runs(cpu, sys_callf, &in));
    g_assert_cmphex(cpu->rip, ==, 0xffffffff00004444);
    g_assert_cmphex(cpu->gpr[R_SP], ==, STACK0 - 32);
    g_assert_cmphex(ld(STACK0 - 24, 8), ==, S_CODE64U);
    cpu_destroy(cpu);
}

static void test_iret32(void)
{
    struct cpu *cpu = cpu_new32(0);
    struct insn in = i_none(cpu, 4);

    push32(cpu, S_DATA3);
    push32(cpu, 0xa000);
    push32(cpu, FL_IF | FL_CF | FL_IOPL | 2);
    push32(cpu, S_CODE3);
    push32(cpu, 0x777);
    cpu->nmi_blocked = true;
    g_assert_true(runs(cpu, sys_iret, &in));
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu->rip, ==, 0x777);
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0xa000);
    g_assert_cmphex(cpu_get_rflags(cpu), ==, FL_IF | FL_CF | FL_IOPL | 2);
    g_assert_false(cpu->nmi_blocked);
    g_assert_cmphex(cpu->seg[SEG_DS].attr, ==, 0); /* DPL 0 data is out of reach now */
    /* from level 3 with IOPL 0 neither IF nor IOPL change */
    set_flags(cpu, 0, FL_IF | FL_IOPL);
    push32(cpu, FL_IF | FL_IOPL | FL_ZF);
    push32(cpu, S_CODE3);
    push32(cpu, 0x888);
    g_assert_true(runs(cpu, sys_iret, &in));
    g_assert_cmphex(cpu_get_rflags(cpu), ==, FL_ZF | 2);
    /* inward is #GP */
    push32(cpu, 2);
    push32(cpu, S_CODE0);
    push32(cpu, 0);
    FAULTS(cpu, sys_iret, &in, EXC_GP, S_CODE0);
    st(cpu->gpr[R_SP] + 4, 0, 4);
    FAULTS(cpu, sys_iret, &in, EXC_GP, 0);
    cpu_destroy(cpu);
}

static void frame64(struct cpu *cpu, uint64_t rip, uint16_t cs, uint64_t fl, uint64_t rsp,
                    uint16_t ss)
{
    gva a = cpu->gpr[R_SP] -= 40;

    st(a, rip, 8);
    st(a + 8, cs, 8);
    st(a + 16, fl, 8);
    st(a + 24, rsp, 8);
    st(a + 32, ss, 8);
}

static void test_iret64(void)
{
    struct cpu *cpu = cpu_new64(0);
    struct insn in = i_none(cpu, 8);

    /* same level pops SS:RSP as well; a null SS is fine below ring 3 */
    frame64(cpu, 0xffffffff80000000, S_CODE64, 2, 0x12345678, 0);
    g_assert_true(runs(cpu, sys_iret, &in));
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0x12345678);
    g_assert_cmphex(cpu->seg[SEG_SS].sel, ==, 0);
    cpu->gpr[R_SP] = STACK0;
    frame64(cpu, 0x400000, S_CODE64U, FL_IF, 0x7fff0000, 0);
    FAULTS(cpu, sys_iret, &in, EXC_GP, 0); /* null SS for ring 3 */
    cpu->gpr[R_SP] = STACK0;
    frame64(cpu, 0x0000800000000000, S_CODE64U, FL_IF, 0x7fff0000, S_DATA3);
    FAULTS(cpu, sys_iret, &in, EXC_GP, 0); /* non-canonical RIP */
    g_assert_cmpint(cpu->cpl, ==, 0);
    cpu->gpr[R_SP] = STACK0;
    frame64(cpu, 0x400000, S_CODE64U, FL_IF | FL_VM, 0x7fff0008, S_DATA3);
    g_assert_true(runs(cpu, sys_iret, &in));
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu_get_rflags(cpu), ==, FL_IF | 2); /* VM is ignored */
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0x7fff0008);
    /* NT is #GP */
    cpu->eflags |= FL_NT;
    FAULTS(cpu, sys_iret, &in, EXC_GP, 0);
    cpu_destroy(cpu);

    /* to 32-bit code */
    cpu = cpu_new64(0);
    frame64(cpu, 0x8000, S_CODE3, 2, 0x123456789, S_DATA3);
    g_assert_true(runs(cpu, sys_iret, &in));
    g_assert_cmpint(cpu->mode & (CM_SIZE | CM_LMA), ==, CM_32 | CM_LMA);
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0x23456789);
    cpu_destroy(cpu);

    /* CPL 3 with SMAP on reads its own user stack */
    cpu = cpu_new64(3);
    cpu->cr4 |= CR4_SMAP;
    cpu_update_mode(cpu);
    user_page = STACK3 - 0x1000;
    frame64(cpu, 0x400000, S_CODE64U, FL_AC, STACK3, S_DATA3);
    g_assert_true(runs(cpu, sys_iret, &in));
    g_assert_cmphex(cpu->rip, ==, 0x400000);
    cpu_destroy(cpu);
}

static void test_syscall(void)
{
    struct cpu *cpu = cpu_new64(3);
    struct insn in = i_none(cpu, 8);

    cpu->star = 0x001b0008ull << 32 | 0;
    cpu->lstar = 0xffffffff81000000;
    cpu->fmask = FL_IF | FL_TF | FL_AC;
    set_flags(cpu, FL_IF | FL_AC | FL_ZF, 0);
    g_assert_true(runs(cpu, sys_syscall, &in));
    g_assert_cmphex(cpu->rip, ==, cpu->lstar);
    g_assert_cmphex(cpu->gpr[R_CX], ==, CODE + 2);
    g_assert_cmphex(cpu->gpr[R_11], ==, FL_IF | FL_AC | FL_ZF | 2);
    g_assert_cmphex(cpu_get_rflags(cpu), ==, FL_ZF | 2);
    g_assert_cmphex(cpu->seg[SEG_CS].sel, ==, 8);
    g_assert_cmphex(cpu->seg[SEG_SS].sel, ==, 0x10);
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmpint(cpu->mode & CM_SIZE, ==, CM_64);
    cpu->gpr[R_CX] = 0x0000800000000000;
    FAULTS(cpu, sys_sysret, &in, EXC_GP, 0);
    g_assert_cmpint(cpu->cpl, ==, 0);
    cpu->gpr[R_CX] = 0x400000;
    g_assert_true(runs(cpu, sys_sysret, &in));
    g_assert_cmphex(cpu->seg[SEG_CS].sel, ==, 0x2b);
    g_assert_cmphex(cpu->seg[SEG_SS].sel, ==, 0x23);
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu_get_rflags(cpu), ==, FL_IF | FL_AC | FL_ZF | 2);
    cpu->efer &= ~(uint64_t)EFER_SCE;
    g_assert_false(runs(cpu, sys_syscall, &in));
    g_assert_cmpint(cpu->exc.vector, ==, EXC_UD);
    cpu_destroy(cpu);

    cpu = cpu_new32(3);
    in = i_none(cpu, 4);
    FAULTS(cpu, sys_sysenter, &in, EXC_GP, 0);
    cpu->sysenter_cs = S_CODE0;
    cpu->sysenter_eip = 0x9999;
    cpu->sysenter_esp = 0x8000;
    set_flags(cpu, FL_IF, 0);
    g_assert_true(runs(cpu, sys_sysenter, &in));
    g_assert_cmphex(cpu->rip, ==, 0x9999);
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_false(cpu->eflags & FL_IF);
    cpu->gpr[R_DX] = 0x1234;
    cpu->gpr[R_CX] = 0xb000;
    g_assert_true(runs(cpu, sys_sysexit, &in));
    g_assert_cmphex(cpu->seg[SEG_CS].sel, ==, S_CODE3);
    g_assert_cmphex(cpu->seg[SEG_SS].sel, ==, S_DATA3);
    g_assert_cmphex(cpu->rip, ==, 0x1234);
    cpu_destroy(cpu);
}

static void test_soft(void)
{
    struct cpu *cpu = cpu_new32(3);
    struct insn in = i_none(cpu, 4);
    struct insn bound = i_mem(cpu, 4, SEG_DS, 0x6000);

    put_gate(3, S_CODE0, 0x3333, 0xee, 0);
    g_assert_true(runs(cpu, sys_int3, &in));
    g_assert_cmphex(ld(STACK0 - 20, 4), ==, CODE + 2);
    g_assert_false(ld(STACK0 - 12, 4) & FL_RF);
    cpu_destroy(cpu);

    cpu = cpu_new32(3);
    FAULTS(cpu, sys_int3, &in, EXC_GP, 3 * 8 + 2); /* no gate */
    g_assert_true(runs(cpu, sys_into, &in));
    FAULTS(cpu, sys_int1, &in, EXC_GP, 1 * 8 + 3); /* EXT set */
    bound.op[1] = bound.op[0];
    op_gpr(&bound, 0, R_AX, 4);
    bound.nops = 2;
    st(0x6000, 0x00000005fffffff6, 8); /* -10 .. 5 */
    cpu->gpr[R_AX] = (uint32_t)-10;
    g_assert_true(runs(cpu, sys_bound, &bound));
    cpu->gpr[R_AX] = 6;
    g_assert_false(runs(cpu, sys_bound, &bound));
    g_assert_cmpint(cpu->exc.vector, ==, EXC_BR);
    cpu_destroy(cpu);
}

/* --- tasks --- */

static void build_task_b(unsigned cs, unsigned ss, uint32_t eflags)
{
    st(TSS_B + 0x20, 0xbbbb, 4);
    st(TSS_B + 0x24, eflags, 4);
    for (unsigned i = 0; i < 8; i++)
        st(TSS_B + 0x28 + i * 4, 0xb0b00000 + i, 4);
    st(TSS_B + 0x38, 0x7000, 4); /* ESP */
    for (unsigned i = 0; i < 6; i++)
        st(TSS_B + 0x48 + i * 4, i == SEG_CS ? cs : ss, 2);
}

static void test_task(void)
{
    struct cpu *cpu = cpu_new32(0);
    struct insn in = i_far(cpu, 4, S_TSSB, 0);

    build_task_b(S_CODE0, S_DATA0, 2);
    cpu->gpr[R_AX] = 0xaaaa;
    g_assert_true(runs(cpu, sys_callf, &in));
    g_assert_cmphex(cpu->rip, ==, 0xbbbb);
    g_assert_cmphex(cpu->tr.sel, ==, S_TSSB);
    g_assert_cmphex(cpu->gpr[R_BX], ==, 0xb0b00003);
    g_assert_true(cpu->eflags & FL_NT);
    g_assert_true(cpu->cr0 & CR0_TS);
    g_assert_cmphex(ld(TSS_B, 2), ==, S_TSS);
    g_assert_cmphex(ld(TSS_A + 0x20, 4), ==, CODE + 2);
    g_assert_cmphex(ld(TSS_A + 0x28, 4), ==, 0xaaaa);
    g_assert_cmphex(mem[GDT + S_TSS + 5], ==, 0x8b);
    g_assert_cmphex(mem[GDT + S_TSSB + 5], ==, 0x8b);
    /* a busy TSS cannot be entered again */
    in = i_far(cpu, 4, S_TSS, 0);
    FAULTS(cpu, sys_callf, &in, EXC_GP, S_TSS);
    /* IRET goes back */
    in = i_none(cpu, 4);
    g_assert_true(runs(cpu, sys_iret, &in));
    g_assert_cmphex(cpu->rip, ==, CODE + 2);
    g_assert_cmphex(cpu->gpr[R_AX], ==, 0xaaaa);
    g_assert_cmphex(mem[GDT + S_TSSB + 5], ==, 0x89);
    g_assert_false(ld(TSS_B + 0x24, 4) & FL_NT);
    g_assert_false(cpu->eflags & FL_NT);
    cpu_destroy(cpu);
}

static void test_task_faults(void)
{
    struct cpu *cpu = cpu_new32(0);
    struct insn in = i_far(cpu, 4, S_TSSB, 0);

    put_desc(S_TSSB, TSS_B, 0x66, 0x89, 0);
    FAULTS(cpu, sys_jmpf, &in, EXC_TS, S_TSSB);
    g_assert_cmphex(cpu->tr.sel, ==, S_TSS);
    put_desc(S_TSSB, TSS_B, 0x67, 0x09, 0);
    FAULTS(cpu, sys_jmpf, &in, EXC_NP, S_TSSB);
    put_desc(S_TSSB, TSS_B, 0x67, 0x89, 0);
    /* past the commit point the fault is the new task's */
    build_task_b(S_CODE0, S_NP, 2);
    FAULTS(cpu, sys_jmpf, &in, EXC_SS, S_NP);
    g_assert_cmphex(cpu->tr.sel, ==, S_TSSB);
    g_assert_cmphex(cpu->rip, ==, 0xbbbb);
    g_assert_cmphex(mem[GDT + S_TSS + 5], ==, 0x89);
    cpu_destroy(cpu);

    cpu = cpu_new32(0);
    build_task_b(S_DATA0, S_DATA0, 2);
    FAULTS(cpu, sys_jmpf, &in, EXC_TS, S_DATA0);
    cpu_destroy(cpu);

    /* T bit */
    cpu = cpu_new32(0);
    build_task_b(S_CODE0, S_DATA0, 2);
    st(TSS_B + 0x64, 1, 2);
    g_assert_false(runs(cpu, sys_jmpf, &in));
    g_assert_cmpint(cpu->exc.vector, ==, EXC_DB);
    g_assert_cmphex(cpu->exc.dr6, ==, DR6_BT);
    g_assert_cmphex(cpu->rip, ==, 0xbbbb);
    cpu_destroy(cpu);
}

static void test_task_gate(void)
{
    struct cpu *cpu = cpu_new32(3);

    build_task_b(S_CODE0, S_DATA0, 2);
    put_gate(8, S_TSSB, 0, 0x85, 0);
    deliver(cpu, EXC_DF, true, 0);
    g_assert_cmphex(cpu->rip, ==, 0xbbbb);
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmphex(cpu->gpr[R_SP], ==, 0x7000 - 4);
    g_assert_cmphex(ld(0x6ffc, 4), ==, 0);
    g_assert_cmphex(ld(TSS_A + 0x20, 4), ==, CODE);
    cpu_destroy(cpu);

    /* 16-bit TSS, into and out of */
    cpu = cpu_new32(0);
    st(TSS_B + 0x0e, 0x1616, 2);
    st(TSS_B + 0x10, 2, 2);
    for (unsigned i = 0; i < 8; i++)
        st(TSS_B + 0x12 + i * 2, 0x1600 + i, 2);
    for (unsigned i = 0; i < 4; i++)
        st(TSS_B + 0x22 + i * 2, i == SEG_CS ? S_CODE0 : S_DATA0, 2);
    put_gate(0x40, S_TSS16, 0, 0x85, 0);
    exc_interrupt(cpu, 0x40);
    g_assert_cmphex(cpu->rip, ==, 0x1616);
    g_assert_cmphex(cpu->gpr[R_DI] & 0xffff, ==, 0x1607);
    g_assert_cmphex(cpu->seg[SEG_FS].sel, ==, 0);
    cpu_destroy(cpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sys/far/call-ret", test_call_ret);
    g_test_add_func("/sys/far/call-gate", test_call_gate);
    g_test_add_func("/sys/far/iret32", test_iret32);
    g_test_add_func("/sys/far/iret64", test_iret64);
    g_test_add_func("/sys/far/syscall", test_syscall);
    g_test_add_func("/sys/far/soft", test_soft);
    g_test_add_func("/sys/task/call-iret", test_task);
    g_test_add_func("/sys/task/faults", test_task_faults);
    g_test_add_func("/sys/task/gate", test_task_gate);
    return g_test_run();
}
