/* SPDX-License-Identifier: MIT
 * Far CALL and JMP: code segments, call gates, task gates (SDM vol. 3 5.8, vol. 2). */
#include "cpu/cpu.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"

void far_commit(struct cpu *cpu, const struct seg *cs, unsigned cpl, uint64_t rip)
{
    cpu->seg[SEG_CS] = *cs;
    cpu->cpl = (uint8_t)cpl;
    cpu->next_rip = rip;
    cpu_update_mode(cpu);
}

static bool is_code64(const struct cpu *cpu, uint32_t attr)
{
    return cpu_lma(cpu) && attr & SA_L;
}

void far_check_rip(struct cpu *cpu, const struct seg *cs, uint64_t rip, uint32_t err)
{
    if (is_code64(cpu, cs->attr) ? !cpu_canonical(rip) : rip > cs->limit)
        raise_gp(cpu, err);
}

uint64_t far_tss64_rsp(struct cpu *cpu, unsigned slot, uint32_t ext)
{
    uint32_t off = 4 + slot * 8;

    if (off + 7 > cpu->tr.limit)
        cpu_raise_err(cpu, EXC_TS, SEL_ERR(cpu->tr.sel) | ext);
    return cpu_ld_sys(cpu, cpu->tr.base + off, 8);
}

void far_inner_stack(struct cpu *cpu, unsigned dpl, uint32_t ext, struct stack *st)
{
    bool tss32 = cpu->tr.attr & 8;
    unsigned size = tss32 ? 4 : 2;
    uint32_t off = tss32 ? 4 + dpl * 8 : 2 + dpl * 4;
    uint16_t sel;

    if (off + size * 2 - 1 > cpu->tr.limit)
        cpu_raise_err(cpu, EXC_TS, SEL_ERR(cpu->tr.sel) | ext);
    st->cpu = cpu;
    st->sp = cpu_ld_sys(cpu, cpu->tr.base + off, size);
    sel = (uint16_t)cpu_ld_sys(cpu, cpu->tr.base + off + size, 2);
    seg_resolve_stack(cpu, sel, dpl, EXC_TS, ext, &st->ss);
    st->mask = stack_mask(cpu, &st->ss);
    st->err = SEL_ERR(sel) | ext;
    st->view = access_view(cpu, dpl);
}

/* Pushes CS and the return address on the current stack. */
static void push_return(struct cpu *cpu, unsigned size)
{
    struct stack st;

    stack_init(&st, cpu);
    stack_push(&st, cpu->seg[SEG_CS].sel, size);
    stack_push(&st, cpu->next_rip, size);
    stack_commit(&st);
}

/* --- real and virtual-8086 mode --- */

static void far_real(struct cpu *cpu, uint16_t sel, uint64_t off, unsigned size, bool call)
{
    struct seg cs = cpu->seg[SEG_CS];

    if (off > cs.limit)
        raise_gp(cpu, 0);
    if (call)
        push_return(cpu, size);
    seg_load_cs_unprotected(cpu, sel);
    cpu->next_rip = off;
    cpu_update_mode(cpu);
}

/* --- code segments --- */

static void far_code(struct cpu *cpu, uint16_t sel, struct desc *d, uint64_t off, unsigned size,
                     bool call)
{
    uint32_t attr = desc_attr(d);
    unsigned rpl = sel & 3;
    struct seg cs;

    if (cpu_lma(cpu) && (attr & (SA_L | SA_DB)) == (SA_L | SA_DB))
        raise_gp(cpu, SEL_ERR(sel));
    if (attr_is_conforming(attr) ? attr_dpl(attr) > cpu->cpl
                                 : rpl > cpu->cpl || attr_dpl(attr) != cpu->cpl)
        raise_gp(cpu, SEL_ERR(sel));
    if (!(attr & SA_P))
        cpu_raise_err(cpu, EXC_NP, SEL_ERR(sel));
    desc_to_seg(d, (uint16_t)((sel & ~3) | cpu->cpl), &cs);
    far_check_rip(cpu, &cs, off, 0);
    desc_set_accessed(cpu, d);
    cs.attr |= SA_ACC;
    if (call)
        push_return(cpu, size);
    far_commit(cpu, &cs, cpu->cpl, off);
}

/* --- call gates --- */

struct call_gate {
    uint64_t off;
    uint16_t sel;
    uint8_t count; /* parameters to copy */
    uint8_t size;  /* of each pushed item */
};

static void call_gate_read(struct cpu *cpu, uint16_t sel, const struct desc *d,
                           struct call_gate *g)
{
    uint32_t base_hi, type_hi, attr = desc_attr(d);

    if (attr_dpl(attr) < cpu->cpl || attr_dpl(attr) < (sel & 3u))
        raise_gp(cpu, SEL_ERR(sel));
    if (!(attr & SA_P))
        cpu_raise_err(cpu, EXC_NP, SEL_ERR(sel));
    g->sel = d->lo >> 16;
    g->off = d->lo & 0xffff;
    g->count = d->hi & 0x1f;
    g->size = 2;
    if (desc_type(d) == DT_CALL32) {
        g->off |= d->hi & 0xffff0000;
        g->size = 4;
    }
    if (cpu_lma(cpu)) {
        if (!desc_fetch_high(cpu, sel, d, &base_hi, &type_hi) || type_hi)
            raise_gp(cpu, SEL_ERR(sel));
        g->off |= (uint64_t)base_hi << 32;
        g->size = 8;
        g->count = 0;
    }
}

/* Checks the gate's code segment for a call or jump; returns the new CPL. */
static unsigned call_gate_target(struct cpu *cpu, const struct call_gate *g, bool call,
                                 struct seg *cs)
{
    struct desc d;
    uint32_t attr;
    unsigned cpl = cpu->cpl;

    if (SEL_IS_NULL(g->sel))
        raise_gp(cpu, 0);
    if (!desc_fetch(cpu, g->sel, &d))
        raise_gp(cpu, SEL_ERR(g->sel));
    attr = desc_attr(&d);
    if (!attr_is_code(attr) || attr_dpl(attr) > cpl ||
        (!call && !attr_is_conforming(attr) && attr_dpl(attr) != cpl))
        raise_gp(cpu, SEL_ERR(g->sel));
    if (cpu_lma(cpu) && (attr & (SA_L | SA_DB)) != SA_L)
        raise_gp(cpu, SEL_ERR(g->sel));
    if (!(attr & SA_P))
        cpu_raise_err(cpu, EXC_NP, SEL_ERR(g->sel));
    if (call && !attr_is_conforming(attr))
        cpl = attr_dpl(attr);
    desc_to_seg(&d, (uint16_t)((g->sel & ~3) | cpl), cs);
    far_check_rip(cpu, cs, g->off, 0);
    desc_set_accessed(cpu, &d);
    cs->attr |= SA_ACC;
    return cpl;
}

static void call_inner32(struct cpu *cpu, const struct call_gate *g, unsigned cpl)
{
    struct stack old, st;
    uint64_t param[32];

    far_inner_stack(cpu, cpl, 0, &st);
    stack_init(&old, cpu);
    for (unsigned i = 0; i < g->count; i++)
        param[i] = stack_pop(&old, g->size);
    stack_push(&st, cpu->seg[SEG_SS].sel, g->size);
    stack_push(&st, cpu->gpr[R_SP], g->size);
    for (unsigned i = g->count; i-- > 0;)
        stack_push(&st, param[i], g->size);
    stack_push(&st, cpu->seg[SEG_CS].sel, g->size);
    stack_push(&st, cpu->next_rip, g->size);
    cpu->seg[SEG_SS] = st.ss;
    stack_commit(&st);
}

/* Pushes n quadwords (frame[0] lowest) below rsp at privilege cpl. */
static void push_frame64(struct cpu *cpu, uint64_t rsp, const uint64_t *frame, unsigned n,
                         unsigned cpl)
{
    gva top = rsp - n * 8;

    if (!cpu_canonical(top) || !cpu_canonical(rsp - 1))
        cpu_raise_err(cpu, EXC_SS, 0);
    access_store(cpu, top, frame, n * 8, access_view(cpu, cpl));
    cpu->gpr[R_SP] = top;
}

static void call_gate64(struct cpu *cpu, unsigned cpl)
{
    uint64_t frame[4] = {cpu->next_rip, cpu->seg[SEG_CS].sel, cpu->gpr[R_SP],
                         cpu->seg[SEG_SS].sel};

    if (cpl < cpu->cpl) {
        push_frame64(cpu, far_tss64_rsp(cpu, cpl, 0), frame, 4, cpl);
        seg_null(cpu, SEG_SS, (uint16_t)cpl);
    } else if (cpu_long(cpu)) {
        push_frame64(cpu, cpu->gpr[R_SP], frame, 2, cpl);
    } else {
        push_return(cpu, 8);
    }
}

static void far_call_gate(struct cpu *cpu, uint16_t sel, const struct desc *d, bool call)
{
    struct call_gate g;
    struct seg cs;
    unsigned cpl;

    call_gate_read(cpu, sel, d, &g);
    cpl = call_gate_target(cpu, &g, call, &cs);
    if (call) {
        if (cpu_lma(cpu))
            call_gate64(cpu, cpl);
        else if (cpl < cpu->cpl)
            call_inner32(cpu, &g, cpl);
        else
            push_return(cpu, g.size);
    }
    far_commit(cpu, &cs, cpl, g.off);
}

/* --- tasks --- */

static void far_task(struct cpu *cpu, uint16_t sel, struct desc *d, bool call)
{
    uint32_t attr = desc_attr(d);

    if (attr_dpl(attr) < cpu->cpl || attr_dpl(attr) < (sel & 3u))
        raise_gp(cpu, SEL_ERR(sel));
    if (desc_type(d) == DT_TASK) {
        if (!(attr & SA_P))
            cpu_raise_err(cpu, EXC_NP, SEL_ERR(sel));
        sel = d->lo >> 16;
    }
    task_fetch_tss(cpu, sel, 0, d);
    task_switch(cpu, sel, d, call ? TASK_CALL : TASK_JMP, 0, cpu->next_rip, false);
    task_trap(cpu);
}

static void far_protected(struct cpu *cpu, uint16_t sel, uint64_t off, unsigned size, bool call)
{
    struct desc d;

    if (SEL_IS_NULL(sel))
        raise_gp(cpu, 0);
    if (!desc_fetch(cpu, sel, &d))
        raise_gp(cpu, SEL_ERR(sel));
    if (attr_is_code(desc_attr(&d))) {
        far_code(cpu, sel, &d, off, size, call);
        return;
    }
    switch (desc_type(&d)) {
    case DT_CALL32:
        far_call_gate(cpu, sel, &d, call);
        return;
    case DT_CALL16:
        if (cpu_lma(cpu))
            break;
        far_call_gate(cpu, sel, &d, call);
        return;
    case DT_TASK: case DT_TSS16: case DT_TSS32: case DT_TSS16_BUSY: case DT_TSS32_BUSY:
        if (cpu_lma(cpu))
            break;
        far_task(cpu, sel, &d, call);
        return;
    default:
        break;
    }
    raise_gp(cpu, SEL_ERR(sel));
}

static void far_transfer(struct cpu *cpu, const struct insn *in, bool call)
{
    unsigned size = in->opsize;
    uint16_t sel;
    uint64_t off;

    if (in->op[0].kind == OPND_FAR) {
        sel = in->op[0].sel;
        off = (uint64_t)in->op[0].imm & size_mask(size);
    } else {
        gva va = op_linear(cpu, in, size + 2, false);

        off = cpu_ld(cpu, va, size);
        sel = (uint16_t)cpu_ld(cpu, va + size, 2);
    }
    if (cpu_pe(cpu))
        far_protected(cpu, sel, off, size, call);
    else
        far_real(cpu, sel, off, size, call);
}

void sys_callf(struct cpu *cpu, const struct insn *in)
{
    far_transfer(cpu, in, true);
}

void sys_jmpf(struct cpu *cpu, const struct insn *in)
{
    far_transfer(cpu, in, false);
}
