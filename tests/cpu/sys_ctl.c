/* SPDX-License-Identifier: MIT
 * Segment loads, control registers, MSRs, CPUID models, flags and ports. */
#include "tests/cpu/sys_fake.h"

#include <string.h>

#include "cpu/cpuid.h"

static bool load(struct cpu *cpu, unsigned seg, unsigned sel)
{
    struct insn in = i_sreg(cpu, seg, R_AX);

    cpu->gpr[R_AX] = sel;
    return runs(cpu, sys_mov_sreg, &in);
}
#define LOAD_FAULTS(cpu, seg, sel, v, err)                                                     \
    do {                                                                                       \
        g_assert_false(load(cpu, seg, sel));                                                   \
        g_assert_cmpint((cpu)->exc.vector, ==, v);                                             \
        g_assert_cmphex((cpu)->exc.error, ==, err);                                            \
    } while (0)

static void test_seg_load(void)
{
    struct cpu *cpu = cpu_new32(3);

    g_assert_true(load(cpu, SEG_DS, S_DATA3));
    g_assert_cmphex(mem[GDT + (S_DATA3 & ~7) + 5], ==, 0xf3); /* accessed */
    LOAD_FAULTS(cpu, SEG_DS, S_DATA0, EXC_GP, S_DATA0);
    LOAD_FAULTS(cpu, SEG_ES, S_TSS, EXC_GP, S_TSS);
    LOAD_FAULTS(cpu, SEG_ES, S_END, EXC_GP, S_END);
    LOAD_FAULTS(cpu, SEG_ES, 0xfffc, EXC_GP, 0xfffc); /* past the LDT */
    LOAD_FAULTS(cpu, SEG_SS, 0, EXC_GP, 0);
    LOAD_FAULTS(cpu, SEG_SS, S_DATA3 & ~3, EXC_GP, S_DATA3 & ~3); /* RPL != CPL */
    g_assert_true(load(cpu, SEG_FS, S_CONF));
    g_assert_true(load(cpu, SEG_DS, 3));
    g_assert_cmphex(cpu->seg[SEG_DS].sel, ==, 3);
    g_assert_false(cpu->mode & CM_FLAT);
    if (!sigsetjmp(cpu->jmp, 0)) {
        seg_linear(cpu, SEG_DS, 0, 1, false);
        g_assert_not_reached();
    }
    g_assert_cmpint(cpu->exc.vector, ==, EXC_GP);
    cpu_destroy(cpu);

    cpu = cpu_new32(0);
    LOAD_FAULTS(cpu, SEG_DS, S_NP, EXC_NP, S_NP);
    LOAD_FAULTS(cpu, SEG_SS, S_NP, EXC_SS, S_NP);
    LOAD_FAULTS(cpu, SEG_SS, S_RODATA, EXC_GP, S_RODATA);
    LOAD_FAULTS(cpu, SEG_DS, S_XONLY, EXC_GP, S_XONLY);
    g_assert_cmpint(cpu->shadow, ==, 0);
    g_assert_true(load(cpu, SEG_SS, S_DATA0));
    g_assert_cmpint(cpu->shadow, ==, 2);
    put_desc(4, 0x1234, 0xf, 0x92, 0);
    g_assert_true(load(cpu, SEG_ES, 4)); /* LDT entry 0 is not null */
    g_assert_cmphex(cpu->seg[SEG_ES].base, ==, 0x1234);
    cpu_destroy(cpu);

    cpu = cpu_new64(0);
    g_assert_true(load(cpu, SEG_SS, 0));
    LOAD_FAULTS(cpu, SEG_SS, 3, EXC_GP, 0);
    cpu->seg[SEG_FS].base = 0x1234567890;
    g_assert_true(load(cpu, SEG_FS, 0));
    g_assert_cmphex(cpu->seg[SEG_FS].base, ==, 0);
    cpu_destroy(cpu);
}

static bool linear(struct cpu *cpu, unsigned seg, uint64_t off, unsigned n, bool write, gva *va)
{
    if (sigsetjmp(cpu->jmp, 0))
        return false;
    *va = seg_linear(cpu, seg, off, n, write);
    return true;
}

static void test_linear(void)
{
    struct cpu *cpu = cpu_new32(0);
    gva va;

    cpu->seg[SEG_ES] = (struct seg){.base = 0x1000, .limit = 0xff, .attr = 0x93};
    g_assert_true(linear(cpu, SEG_ES, 0xfc, 4, true, &va));
    g_assert_cmphex(va, ==, 0x10fc);
    g_assert_false(linear(cpu, SEG_ES, 0xfd, 4, true, &va));
    cpu->seg[SEG_ES].attr = 0x97; /* expand-down, 16-bit */
    g_assert_false(linear(cpu, SEG_ES, 0xff, 1, true, &va));
    g_assert_true(linear(cpu, SEG_ES, 0x100, 1, true, &va));
    g_assert_true(linear(cpu, SEG_ES, 0xfffe, 2, true, &va));
    g_assert_false(linear(cpu, SEG_ES, 0xffff, 2, true, &va));
    g_assert_false(linear(cpu, SEG_CS, 0, 1, true, &va));
    g_assert_true(linear(cpu, SEG_CS, 0, 1, false, &va));
    cpu_destroy(cpu);

    cpu = cpu_new64(0);
    cpu->seg[SEG_GS].base = 0xffff888000000000;
    g_assert_true(linear(cpu, SEG_GS, 8, 8, true, &va));
    g_assert_cmphex(va, ==, 0xffff888000000008);
    g_assert_false(linear(cpu, SEG_DS, 0x0000800000000000, 1, true, &va));
    g_assert_cmpint(cpu->exc.vector, ==, EXC_GP);
    g_assert_false(linear(cpu, SEG_SS, 0x00007ffffffffff9, 8, true, &va));
    g_assert_cmpint(cpu->exc.vector, ==, EXC_SS);
    cpu_destroy(cpu);
}

/* CM_CPL3 is what privilege checks at translation go by: rings 1 and 2 have it as well. */
static void test_mode_rings(void)
{
    for (unsigned cpl = 0; cpl < 4; cpl++) {
        struct cpu *cpu = cpu_new32(0);

        cpu->cpl = (uint8_t)cpl;
        cpu->cr0 |= CR0_AM;
        set_flags(cpu, FL_AC, 0);
        cpu_update_mode(cpu);
        g_assert_cmpint(!!(cpu->mode & CM_CPL3), ==, cpl != 0);
        g_assert_cmpint(!!(cpu->mode & CM_AC), ==, cpl == 3);
        cpu_destroy(cpu);
    }
}

static void test_lar_lsl(void)
{
    struct cpu *cpu = cpu_new32(3);
    struct insn in = i_none(cpu, 4);
    static const struct {
        unsigned sel;
        bool lar, lsl, verr, verw;
    } t[] = {
        {S_DATA3, true, true, true, true},   {S_DATA0, false, false, false, false},
        {S_CONF, true, true, true, false},   {0, false, false, false, false},
        {S_CODE3, true, true, true, false},  {S_END, false, false, false, false},
        {S_LDT, false, false, false, false},
    };

    op_gpr(&in, 1, R_CX, 2);
    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        op_gpr(&in, 0, R_AX, 4);
        cpu->gpr[R_AX] = cpu->gpr[R_CX] = t[i].sel;
        g_assert_true(runs(cpu, sys_lar, &in));
        g_assert_cmpint(!!(cpu_get_aflags(cpu) & FL_ZF), ==, t[i].lar);
        g_assert_true(runs(cpu, sys_lsl, &in));
        g_assert_cmpint(!!(cpu_get_aflags(cpu) & FL_ZF), ==, t[i].lsl);
        op_gpr(&in, 0, R_CX, 2);
        g_assert_true(runs(cpu, sys_verr, &in));
        g_assert_cmpint(!!(cpu_get_aflags(cpu) & FL_ZF), ==, t[i].verr);
        g_assert_true(runs(cpu, sys_verw, &in));
        g_assert_cmpint(!!(cpu_get_aflags(cpu) & FL_ZF), ==, t[i].verw);
    }
    op_gpr(&in, 0, R_AX, 4);
    cpu->gpr[R_CX] = S_DATA3;
    g_assert_true(runs(cpu, sys_lar, &in));
    g_assert_cmphex(cpu->gpr[R_AX], ==, 0xc0f200);
    g_assert_true(runs(cpu, sys_lsl, &in));
    g_assert_cmphex(cpu->gpr[R_AX], ==, 0xffffffff);
    cpu_destroy(cpu);
}

static void test_tables(void)
{
    struct cpu *cpu = cpu_new64(0);
    struct insn in = i_mem(cpu, 8, SEG_DS, 0x6000);
    struct insn ltr = i_none(cpu, 4);

    st(0x6000, 0x123, 2);
    st(0x6002, 0xffff800000001000, 8);
    g_assert_true(runs(cpu, sys_lidt, &in));
    g_assert_cmphex(cpu->idt.base, ==, 0xffff800000001000);
    st(0x6002, 0x8000000000001000, 8);
    FAULTS(cpu, sys_lgdt, &in, EXC_GP, 0);
    g_assert_true(runs(cpu, sys_sidt, &in));
    g_assert_cmphex(ld(0x6002, 8), ==, 0xffff800000001000);
    cpu->cr4 |= CR4_UMIP;
    cpu->cpl = 3;
    FAULTS(cpu, sys_sgdt, &in, EXC_GP, 0);
    FAULTS(cpu, sys_smsw, &in, EXC_GP, 0);
    cpu->cpl = 0;
    op_gpr(&ltr, 0, R_AX, 2);
    cpu->gpr[R_AX] = 0;
    FAULTS(cpu, sys_ltr, &ltr, EXC_GP, 0);
    cpu->gpr[R_AX] = S_TSS64;
    FAULTS(cpu, sys_ltr, &ltr, EXC_GP, S_TSS64); /* busy */
    mem[GDT + S_TSS64 + 5] = 0x89;
    st(GDT + S_TSS64 + 8, 0xffff8000, 4);
    g_assert_true(runs(cpu, sys_ltr, &ltr));
    g_assert_cmphex(cpu->tr.base, ==, 0xffff800000000000 + TSS_64);
    g_assert_cmphex(mem[GDT + S_TSS64 + 5], ==, 0x8b);
    mem[GDT + S_TSS64 + 5] = 0x89;
    st(GDT + S_TSS64 + 8, 0x00008000, 4);
    FAULTS(cpu, sys_ltr, &ltr, EXC_GP, S_TSS64); /* base not canonical */
    cpu_destroy(cpu);
}

static bool mov_cr(struct cpu *cpu, unsigned n, uint64_t v)
{
    struct insn in = i_none(cpu, 4);

    in.op[0] = (struct insn_operand){.kind = OPND_CR, .reg = (uint8_t)n};
    op_gpr(&in, 1, R_AX, 8);
    cpu->gpr[R_AX] = v;
    return runs(cpu, sys_mov_cr, &in);
}

static void test_cr(void)
{
    struct cpu *cpu = cpu_new("max");

    cpu->gdt = (struct dtable){GDT, S_END - 1};
    g_assert_false(mov_cr(cpu, 0, 0x80000000)); /* PG without PE */
    g_assert_false(mov_cr(cpu, 0, 0x20000000)); /* NW without CD */
    g_assert_true(mov_cr(cpu, 0, CR0_PE));
    g_assert_cmphex(cpu->cr0, ==, CR0_PE | CR0_ET);
    g_assert_false(mov_cr(cpu, 4, 1u << 31));
    g_assert_false(mov_cr(cpu, 4, CR4_PCIDE)); /* outside IA-32e mode */
    g_assert_true(msr_write(cpu, 0xc0000080, EFER_LME));
    g_assert_false(mov_cr(cpu, 0, CR0_PE | CR0_PG)); /* LME without PAE */
    g_assert_true(mov_cr(cpu, 4, CR4_PAE));
    g_assert_true(mov_cr(cpu, 0, CR0_PE | CR0_PG));
    g_assert_true(cpu->efer & EFER_LMA);
    g_assert_true(cpu->mode & CM_LMA);
    g_assert_false(mov_cr(cpu, 4, 0)); /* PAE off in IA-32e mode */
    g_assert_false(msr_write(cpu, 0xc0000080, 0)); /* LME under paging */
    g_assert_true(mov_cr(cpu, 0, CR0_PE)); /* from compatibility mode */
    g_assert_false(cpu->efer & EFER_LMA);
    /* PAE paging checks its four PDPTEs */
    g_assert_true(msr_write(cpu, 0xc0000080, 0));
    st(0x8000, 0x9003, 8); /* R/W is reserved in a PDPTE */
    cpu->cr3 = 0x8000;
    g_assert_false(mov_cr(cpu, 0, CR0_PE | CR0_PG));
    st(0x8000, 0x9001, 8);
    g_assert_true(mov_cr(cpu, 0, CR0_PE | CR0_PG));
    cpu_destroy(cpu);

    cpu = cpu_new64(0);
    g_assert_false(mov_cr(cpu, 0, 1ull << 32 | CR0_PE | CR0_PG));
    g_assert_false(mov_cr(cpu, 0, CR0_PE)); /* PG off in 64-bit code */
    g_assert_false(mov_cr(cpu, 3, 1ull << 63));
    g_assert_false(mov_cr(cpu, 3, 1ull << 40));
    cpu->cr3 = 1;
    g_assert_false(mov_cr(cpu, 4, CR4_PAE | CR4_PCIDE));
    cpu->cr3 = 0x1000;
    g_assert_true(mov_cr(cpu, 4, CR4_PAE | CR4_PCIDE));
    g_assert_true(mov_cr(cpu, 3, 1ull << 63 | 0x2005));
    g_assert_cmphex(cpu->cr3, ==, 0x2005);
    g_assert_false(mov_cr(cpu, 8, 16));
    g_assert_false(mov_cr(cpu, 5, 0));
    g_assert_cmpint(cpu->exc.vector, ==, EXC_UD);
    /* views follow CPL, SMAP and AC */
    g_assert_true(mov_cr(cpu, 4, CR4_PAE | CR4_SMAP));
    g_assert_cmpint(cpu->mmu.view, ==, MMU_SUPER);
    struct insn in = i_none(cpu, 8);
    g_assert_true(runs(cpu, sys_stac, &in));
    g_assert_cmpint(cpu->mmu.view, ==, MMU_SUPER_AC);
    cpu_destroy(cpu);
}

static void test_dr(void)
{
    struct cpu *cpu = cpu_new64(0);
    struct insn in = i_none(cpu, 8);

    in.op[0] = (struct insn_operand){.kind = OPND_DR, .reg = 7};
    op_gpr(&in, 1, R_AX, 8);
    cpu->gpr[R_AX] = 0xffffffff;
    g_assert_true(runs(cpu, sys_mov_dr, &in));
    g_assert_cmphex(cpu->dr[7], ==, 0xffff27ff);
    FAULTS(cpu, sys_mov_dr, &in, EXC_DB, 0); /* GD */
    g_assert_cmphex(cpu->exc.dr6, ==, DR6_BD);
    cpu->dr[7] = DR7_INIT;
    cpu->exc.dr6 = 0;
    cpu->gpr[R_AX] = 1ull << 32;
    FAULTS(cpu, sys_mov_dr, &in, EXC_GP, 0);
    in.op[0].reg = 6;
    cpu->gpr[R_AX] = 0;
    g_assert_true(runs(cpu, sys_mov_dr, &in));
    g_assert_cmphex(cpu->dr[6], ==, 0xffff0ff0);
    in.op[0].reg = 4; /* alias of DR6 without CR4.DE */
    cpu->gpr[R_AX] = 0xffffffff;
    g_assert_true(runs(cpu, sys_mov_dr, &in));
    g_assert_cmphex(cpu->dr[6], ==, 0xffffefff);
    cpu->cr4 |= CR4_DE;
    g_assert_false(runs(cpu, sys_mov_dr, &in));
    g_assert_cmpint(cpu->exc.vector, ==, EXC_UD);
    cpu_destroy(cpu);
}

static uint64_t ticks = 1000;
static uint64_t fake_tsc(void *opaque)
{
    return ticks;
}

static void test_msr(void)
{
    struct cpu *cpu = cpu_new64(0);
    static const uint32_t canonical[] = {0x175, 0x176, 0xc0000082, 0xc0000083, 0xc0000100,
                                         0xc0000101, 0xc0000102};
    uint64_t v;

    for (unsigned i = 0; i < ARRAY_SIZE(canonical); i++) {
        g_assert_false(msr_write(cpu, canonical[i], 0x0000800000000000));
        g_assert_true(msr_write(cpu, canonical[i], 0xffff800000000000 + i));
        g_assert_true(msr_read(cpu, canonical[i], &v));
        g_assert_cmphex(v, ==, 0xffff800000000000 + i);
    }
    g_assert_cmphex(cpu->seg[SEG_GS].base, ==, 0xffff800000000005);
    g_assert_false(msr_read(cpu, 0x12345, &v));
    g_assert_false(msr_write(cpu, 0x12345, 0));
    g_assert_false(msr_write(cpu, 0xfe, 0)); /* MTRRcap is read-only */
    g_assert_false(msr_write(cpu, 0x277, 0x0007040600070402)); /* PAT type 2 */
    g_assert_true(msr_write(cpu, 0x277, 0x0007050600070106));
    g_assert_false(msr_write(cpu, 0x2ff, 0x1000));
    g_assert_true(msr_write(cpu, 0x2ff, 0xc06));
    g_assert_false(msr_write(cpu, 0x200, 7)); /* UC- is no MTRR type */
    g_assert_true(msr_write(cpu, 0x201, 0xff80000800));
    g_assert_false(msr_write(cpu, 0xc0000080, 1u << 9 | EFER_LME));
    g_assert_true(msr_write(cpu, 0xc0000080, EFER_LME | EFER_NXE | EFER_SCE));
    g_assert_true(cpu->efer & EFER_LMA);
    g_assert_true(msr_write(cpu, 0x26f, 0x0606060606060606));
    g_assert_cmphex(cpu->mtrr_fixed[10], ==, 0x0606060606060606);
    /* the TSC and its adjustment */
    cpu->hooks.tsc = fake_tsc;
    g_assert_true(msr_write(cpu, 0x10, 5000));
    ticks += 10;
    g_assert_true(msr_read(cpu, 0x10, &v));
    g_assert_cmpint(v, ==, 5010);
    g_assert_true(msr_read(cpu, 0x3b, &v));
    g_assert_cmpint(v, ==, 4000);
    g_assert_true(msr_write(cpu, 0x3b, 0));
    g_assert_cmpint(cpu_tsc(cpu), ==, ticks);
    cpu_destroy(cpu);
}

static void test_models(void)
{
    struct cpu_model m;
    struct err e;
    uint64_t f[2];

    g_assert_true(cpu_model_parse(&m, "max,-smap,+sse4.2,x2apic=off", &e));
    g_assert_false(cpu_model_has(&m, "smap"));
    g_assert_false(cpu_model_has(&m, "x2apic"));
    g_assert_true(cpu_model_has(&m, "smep"));
    g_assert_false(m.cr4_mask & CR4_SMAP);
    cpuid_features(&m, f);
    g_assert_true(f[IF_SSE42 / 64] >> IF_SSE42 % 64 & 1);
    g_assert_false(f[IF_SMAP / 64] >> IF_SMAP % 64 & 1);
    g_assert_true((f[IF_AVX / 64] >> IF_AVX % 64 & 1) == cpu_host_has(CW_1_ECX, 28));
    g_assert_true((f[IF_AVX2 / 64] >> IF_AVX2 % 64 & 1) == cpu_host_has(CW_7_EBX, 5));
    g_assert_true((f[IF_BMI2 / 64] >> IF_BMI2 % 64 & 1) == cpu_host_has(CW_7_EBX, 8));
    g_assert_true(cpu_model_parse(&m, "max,-avx2,-svm", &e));
    g_assert_false(cpu_model_has(&m, "avx2"));
    g_assert_true(cpu_model_parse(&m, "x86-64-v3", &e));
    g_assert_true(cpu_model_has(&m, "avx2") && cpu_model_has(&m, "abm"));
    g_assert_cmphex(cpuid_xcr0_mask(&m), ==, 7);
    g_assert_true(cpu_model_parse(&m, "x86-64-v3,-xsave", &e)); /* takes what needs it along */
    g_assert_false(cpu_model_has(&m, "avx") || cpu_model_has(&m, "avx2"));
    g_assert_true(cpu_model_parse(&m, "x86-64-v3,-avx", &e));
    g_assert_false(cpu_model_has(&m, "fma") || cpu_model_has(&m, "f16c"));
    g_assert_cmphex(cpuid_xcr0_mask(&m), ==, 3);
    g_assert_false(cpu_model_parse(&m, "max,+svm", &e));
    g_assert_cmpstr(e.msg, ==, "CPU flag 'svm' is not implemented");
    g_assert_false(cpu_model_parse(&m, "Pentium9", &e));
    g_assert_cmpstr(e.msg, ==, "unknown CPU model 'Pentium9' (see -cpu help)");
    g_assert_false(cpu_model_parse(&m, "max,+frobnicate", &e));
    g_assert_cmpstr(e.msg, ==, "unknown CPU flag 'frobnicate' (see -cpu help)");
    g_assert_false(cpu_model_parse(&m, "max,smap=maybe", &e));
    g_assert_false(cpu_model_parse(&m, "", &e));
    g_assert_false(cpu_model_parse(&m, "max,,", &e));
    g_assert_true(cpu_model_parse(&m, "qemu64", &e));
    g_assert_false(cpu_model_has(&m, "sse4.1"));
    g_assert_true(cpu_model_parse(&m, "x86-64-v2", &e));
    g_assert_true(cpu_model_has(&m, "popcnt"));
}

static void test_cpuid(void)
{
    struct cpu *cpu = cpu_new64(0);
    uint32_t o[4];
    char text[13] = "";

    cpuid_query(cpu, 0, 0, o);
    g_assert_cmphex(o[0], ==, 0x16);
    memcpy(text, &o[1], 4);
    memcpy(text + 4, &o[3], 4);
    memcpy(text + 8, &o[2], 4);
    g_assert_cmpstr(text, ==, "GenuineIntel");
    cpuid_query(cpu, 1, 0, o);
    g_assert_cmphex(o[0], ==, 0x30661);
    g_assert_false(o[2] >> 27 & 1);
    cpu->cr4 |= CR4_OSXSAVE;
    cpuid_query(cpu, 1, 0, o);
    g_assert_true(o[2] >> 27 & 1);
    cpuid_query(cpu, 0x15, 0, o);
    g_assert_cmpint(o[2] / o[0] * o[1], ==, CPU_TSC_HZ);
    cpuid_query(cpu, 0x80000008, 0, o);
    g_assert_cmphex(o[0], ==, 0x3028);
    cpuid_query(cpu, 0x80000001, 0, o);
    g_assert_true(o[3] >> 11 & 1);
    cpuid_query(cpu, 0x40000000, 0, o);
    memcpy(text, &o[1], 12);
    g_assert_cmpstr(text, ==, "MynahMynah  ");
    cpu_destroy(cpu);
}

static void test_flags(void)
{
    struct cpu *cpu = cpu_new32(3);
    struct insn in = i_none(cpu, 4), in16 = i_none(cpu, 2);

    FAULTS(cpu, sys_cli, &in, EXC_GP, 0);
    cpu->cr4 |= CR4_PVI;
    g_assert_true(runs(cpu, sys_sti, &in));
    g_assert_true(cpu->eflags & FL_VIF);
    set_flags(cpu, FL_VIP, FL_VIF);
    FAULTS(cpu, sys_sti, &in, EXC_GP, 0);
    set_flags(cpu, 0, FL_VIP);
    /* POPF at level 3: IF and IOPL stay, RF and VM too */
    cpu->gpr[R_SP] -= 4;
    st(cpu->gpr[R_SP], 0x3fffff, 4);
    g_assert_true(runs(cpu, sys_popf, &in));
    g_assert_cmphex(cpu_get_rflags(cpu), ==, 0x244dd7 | 2);
    g_assert_true(runs(cpu, sys_pushf, &in));
    g_assert_cmphex(ld(cpu->gpr[R_SP], 4), ==, 0x244dd7);
    cpu_destroy(cpu);

    cpu = cpu_new32(0);
    enter_vm86(cpu, 0);
    FAULTS(cpu, sys_pushf, &in16, EXC_GP, 0);
    cpu->cr4 |= CR4_VME;
    set_flags(cpu, FL_VIF, 0);
    g_assert_true(runs(cpu, sys_pushf, &in16));
    g_assert_cmphex(ld(0x10200 + 0x7fe, 2), ==, 0x3202);
    FAULTS(cpu, sys_pushf, &in, EXC_GP, 0);
    cpu_destroy(cpu);

    cpu = cpu_new32(0);
    g_assert_true(runs(cpu, sys_sti, &in));
    g_assert_cmpint(cpu->shadow, ==, 1);
    cpu->shadow = 0;
    g_assert_true(runs(cpu, sys_sti, &in)); /* IF was set already: no shadow */
    g_assert_cmpint(cpu->shadow, ==, 0);
    cpu_destroy(cpu);
}

static bool io_ok(struct cpu *cpu, uint16_t port, unsigned size)
{
    if (sigsetjmp(cpu->jmp, 0))
        return false;
    cpu_io_check(cpu, port, size);
    return true;
}

static void test_io(void)
{
    struct cpu *cpu = cpu_new32(3);

    memset(mem + TSS_A + 0x88, 0xff, 0x100);
    mem[TSS_A + 0x88 + 1] = 0xf0; /* ports 8..11 open */
    g_assert_true(io_ok(cpu, 8, 4));
    g_assert_false(io_ok(cpu, 9, 4));
    g_assert_true(io_ok(cpu, 11, 1));
    g_assert_false(io_ok(cpu, 0x60, 1));
    cpu->tr.limit = 0x88 + 1;
    g_assert_true(io_ok(cpu, 0, 1) == false);
    g_assert_false(io_ok(cpu, 8, 1)); /* the second byte lies past the limit */
    set_flags(cpu, FL_IOPL, 0);
    g_assert_true(io_ok(cpu, 0x60, 1));
    cpu_destroy(cpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sys/seg/load", test_seg_load);
    g_test_add_func("/sys/seg/linear", test_linear);
    g_test_add_func("/sys/mode/rings", test_mode_rings);
    g_test_add_func("/sys/seg/lar-lsl", test_lar_lsl);
    g_test_add_func("/sys/seg/tables", test_tables);
    g_test_add_func("/sys/ctl/cr", test_cr);
    g_test_add_func("/sys/ctl/dr", test_dr);
    g_test_add_func("/sys/ctl/msr", test_msr);
    g_test_add_func("/sys/ctl/models", test_models);
    g_test_add_func("/sys/ctl/cpuid", test_cpuid);
    g_test_add_func("/sys/ctl/flags", test_flags);
    g_test_add_func("/sys/ctl/io", test_io);
    return g_test_run();
}
