/* SPDX-License-Identifier: MIT
 * Far returns: RETF and IRET in every mode (SDM vol. 2). */
#include "cpu/cpu.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"

void far_null_data(struct cpu *cpu, unsigned cpl)
{
    static const uint8_t segs[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

    for (unsigned i = 0; i < ARRAY_SIZE(segs); i++) {
        uint32_t attr = cpu->seg[segs[i]].attr;

        if (attr & SA_P && !attr_is_conforming(attr) && attr_dpl(attr) < cpl)
            seg_null(cpu, segs[i], 0);
    }
}

/* Code segment of a return; its RPL becomes CPL. */
static void return_code(struct cpu *cpu, uint16_t sel, struct seg *cs)
{
    unsigned rpl = sel & 3;
    struct desc d;
    uint32_t attr;

    if (SEL_IS_NULL(sel))
        raise_gp(cpu, 0);
    if (!desc_fetch(cpu, sel, &d))
        raise_gp(cpu, SEL_ERR(sel));
    attr = desc_attr(&d);
    if (!attr_is_code(attr) || rpl < cpu->cpl)
        raise_gp(cpu, SEL_ERR(sel));
    if (attr_is_conforming(attr) ? attr_dpl(attr) > rpl : attr_dpl(attr) != rpl)
        raise_gp(cpu, SEL_ERR(sel));
    if (cpu_lma(cpu) && (attr & (SA_L | SA_DB)) == (SA_L | SA_DB))
        raise_gp(cpu, SEL_ERR(sel));
    if (!(attr & SA_P))
        cpu_raise_err(cpu, EXC_NP, SEL_ERR(sel));
    desc_set_accessed(cpu, &d);
    desc_to_seg(&d, sel, cs);
}

/* Stack segment of a return to level rpl, target code segment cs. */
static void return_stack(struct cpu *cpu, uint16_t sel, unsigned rpl, const struct seg *cs,
                         struct seg *ss)
{
    if (SEL_IS_NULL(sel) && cpu_lma(cpu) && cs->attr & SA_L && rpl != 3 && (sel & 3u) == rpl)
        *ss = (struct seg){.sel = sel};
    else
        seg_resolve_stack(cpu, sel, rpl, EXC_GP, 0, ss);
}

/* Loads SS:SP of the level returned to, after CS: the new SS tells how much of SP. */
static void commit_outer(struct cpu *cpu, const struct seg *ss, uint64_t sp)
{
    cpu->seg[SEG_SS] = *ss;
    gpr_set(cpu, R_SP, sp, cpu_long(cpu) ? 8 : ss->attr & SA_DB ? 4 : 2);
}

/* --- RETF --- */

static void retf_real(struct cpu *cpu, const struct insn *in, uint64_t release)
{
    struct stack st;
    uint64_t off;
    uint16_t sel;

    stack_init(&st, cpu);
    off = stack_pop(&st, in->opsize);
    sel = (uint16_t)stack_pop(&st, in->opsize);
    if (off > cpu->seg[SEG_CS].limit)
        raise_gp(cpu, 0);
    st.sp = (st.sp & ~st.mask) | ((st.sp + release) & st.mask);
    stack_commit(&st);
    seg_load_cs_unprotected(cpu, sel);
    cpu->next_rip = off;
    cpu_update_mode(cpu);
}

void sys_retf(struct cpu *cpu, const struct insn *in)
{
    uint64_t release = in->nops ? (uint64_t)in->op[0].imm & 0xffff : 0;
    unsigned size = in->opsize, rpl;
    struct stack st;
    struct seg cs, ss;
    uint64_t off, sp;
    uint16_t sel;

    if (!cpu_pe(cpu)) {
        retf_real(cpu, in, release);
        return;
    }
    stack_init(&st, cpu);
    off = stack_pop(&st, size);
    sel = (uint16_t)stack_pop(&st, size);
    return_code(cpu, sel, &cs);
    rpl = sel & 3;
    st.sp = (st.sp & ~st.mask) | ((st.sp + release) & st.mask);
    if (rpl == cpu->cpl) {
        far_check_rip(cpu, &cs, off, 0);
        stack_commit(&st);
        far_commit(cpu, &cs, rpl, off);
        return;
    }
    sp = stack_pop(&st, size);
    return_stack(cpu, (uint16_t)stack_pop(&st, size), rpl, &cs, &ss);
    far_check_rip(cpu, &cs, off, 0);
    far_commit(cpu, &cs, rpl, off);
    /* The released parameters lie on the outer stack as well. */
    if (cpu_long(cpu) || ss.attr & SA_DB)
        sp += release;
    else
        sp = (sp & ~0xffffull) | ((sp + release) & 0xffff);
    commit_outer(cpu, &ss, sp);
    far_null_data(cpu, rpl);
    cpu_update_mode(cpu);
}

/* --- IRET --- */

/* Flags that an IRET of this operand size may load at CPL and IOPL. */
static uint32_t iret_mask(const struct cpu *cpu, unsigned size)
{
    uint32_t m = FL_ARITH | FL_DF | FL_TF | FL_NT;

    if (size > 2)
        m |= FL_RF | FL_AC | FL_ID;
    if (cpu->cpl <= cpu_iopl(cpu))
        m |= FL_IF;
    if (cpu->cpl == 0) {
        m |= FL_IOPL;
        if (size > 2)
            m |= FL_VIF | FL_VIP;
    }
    return m;
}

static void merge_flags(struct cpu *cpu, uint64_t fl, uint32_t mask)
{
    cpu_set_rflags(cpu, (cpu_get_rflags(cpu) & ~(uint64_t)mask) | (fl & mask));
}

static void iret_real(struct cpu *cpu, unsigned size)
{
    uint32_t mask = FL_ARITH | FL_DF | FL_TF | FL_NT | FL_IF | FL_IOPL;
    struct stack st;
    uint64_t off, fl;
    uint16_t sel;

    stack_init(&st, cpu);
    off = stack_pop(&st, size);
    sel = (uint16_t)stack_pop(&st, size);
    fl = stack_pop(&st, size);
    if (off > cpu->seg[SEG_CS].limit)
        raise_gp(cpu, 0);
    stack_commit(&st);
    seg_load_real(cpu, SEG_CS, sel);
    cpu->next_rip = off;
    merge_flags(cpu, fl, size > 2 ? mask | FL_RF | FL_AC | FL_ID : mask);
    cpu_update_mode(cpu);
}

static void iret_vm86(struct cpu *cpu, unsigned size)
{
    uint32_t mask = FL_ARITH | FL_DF | FL_TF | FL_NT;
    bool vme = cpu_iopl(cpu) < 3;
    struct stack st;
    uint64_t off, fl;
    uint16_t sel;

    if (vme && (!(cpu->cr4 & CR4_VME) || size != 2))
        raise_gp(cpu, 0);
    stack_init(&st, cpu);
    off = stack_pop(&st, size);
    sel = (uint16_t)stack_pop(&st, size);
    fl = stack_pop(&st, size);
    if (off > 0xffff)
        raise_gp(cpu, 0);
    if (vme) {
        if (fl & FL_TF || (fl & FL_IF && cpu->eflags & FL_VIP))
            raise_gp(cpu, 0);
        fl = (fl & ~(uint64_t)FL_VIF) | (fl & FL_IF ? FL_VIF : 0);
        mask |= FL_VIF;
    } else {
        mask |= FL_IF | (size > 2 ? FL_RF | FL_AC | FL_ID : 0);
    }
    stack_commit(&st);
    seg_load_vm86(cpu, SEG_CS, sel);
    cpu->next_rip = off;
    merge_flags(cpu, fl, mask);
    cpu_update_mode(cpu);
}

/* From level 0 into virtual-8086 mode; the stack holds ESP SS ES DS FS GS next. */
static void iret_to_vm86(struct cpu *cpu, struct stack *st, uint64_t off, uint16_t cs,
                         uint64_t fl)
{
    static const uint8_t order[] = {SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    uint16_t sel[ARRAY_SIZE(order)];
    uint64_t sp = stack_pop(st, 4);

    for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
        sel[i] = (uint16_t)stack_pop(st, 4);
    if (off > 0xffff)
        raise_gp(cpu, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
        seg_load_vm86(cpu, order[i], sel[i]);
    seg_load_vm86(cpu, SEG_CS, cs);
    cpu->gpr[R_SP] = (uint32_t)sp;
    cpu->cpl = 3;
    cpu->next_rip = off & 0xffff;
    cpu_set_rflags(cpu, fl & 0x3f7fd7);
    cpu_update_mode(cpu);
}

static void iret_protected(struct cpu *cpu, unsigned size)
{
    struct stack st;
    struct seg cs, ss;
    uint64_t off, fl, sp = 0;
    uint16_t sel;
    unsigned rpl;
    uint32_t mask = iret_mask(cpu, size);
    bool outer;

    stack_init(&st, cpu);
    off = stack_pop(&st, size);
    sel = (uint16_t)stack_pop(&st, size);
    fl = stack_pop(&st, size);
    if (fl & FL_VM && cpu->cpl == 0 && size == 4 && !cpu_lma(cpu)) {
        iret_to_vm86(cpu, &st, off, sel, fl);
        return;
    }
    return_code(cpu, sel, &cs);
    rpl = sel & 3;
    outer = rpl > cpu->cpl || cpu_long(cpu);
    if (outer) {
        sp = stack_pop(&st, size);
        return_stack(cpu, (uint16_t)stack_pop(&st, size), rpl, &cs, &ss);
    }
    far_check_rip(cpu, &cs, off, 0);
    if (!outer) {
        stack_commit(&st);
        far_commit(cpu, &cs, rpl, off);
    } else {
        bool drop = rpl > cpu->cpl;

        far_commit(cpu, &cs, rpl, off);
        commit_outer(cpu, &ss, sp);
        if (drop)
            far_null_data(cpu, rpl);
    }
    merge_flags(cpu, fl, mask);
    cpu_update_mode(cpu);
}

void sys_iret(struct cpu *cpu, const struct insn *in)
{
    cpu->nmi_blocked = false; /* even when the IRET faults (SDM vol. 3 6.7.1) */
    if (cpu_vm86(cpu)) {
        iret_vm86(cpu, in->opsize);
    } else if (!cpu_pe(cpu)) {
        iret_real(cpu, in->opsize);
    } else if (cpu->eflags & FL_NT) {
        if (cpu_lma(cpu))
            raise_gp(cpu, 0);
        task_return(cpu);
        task_trap(cpu);
    } else {
        iret_protected(cpu, in->opsize);
    }
}
