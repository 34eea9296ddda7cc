/* SPDX-License-Identifier: MIT
 * Instructions that load, store and examine segment selectors and the
 * descriptor-table registers. */
#include "cpu/cpu.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"

/* MOV Ew,Sw / MOV Sw,Ew */
void sys_mov_sreg(struct cpu *cpu, const struct insn *in)
{
    unsigned seg;

    if (in->op[0].kind == OPND_SREG) {
        seg = in->op[0].reg;
        if (seg == SEG_CS || seg >= SEG_COUNT)
            cpu_raise(cpu, EXC_UD);
        seg_load(cpu, seg, (uint16_t)op_read(cpu, in, 1, 2));
        if (seg == SEG_SS)
            cpu->shadow = 2;
        return;
    }
    seg = in->op[1].reg;
    if (seg >= SEG_COUNT)
        cpu_raise(cpu, EXC_UD);
    /* A register takes the whole operand size, memory always 16 bits. */
    op_write(cpu, in, 0, cpu->seg[seg].sel, in->op[0].kind == OPND_MEM ? 2 : in->opsize);
}

void sys_push_sreg(struct cpu *cpu, const struct insn *in)
{
    struct stack st;
    unsigned size = in->opsize;

    stack_init(&st, cpu);
    if (size == 4) { /* moves SP by 4 but writes 2 bytes, as current processors do */
        st.sp = (st.sp & ~st.mask) | ((st.sp - 2) & st.mask);
        size = 2;
    }
    stack_push(&st, cpu->seg[in->op[0].reg].sel, size);
    stack_commit(&st);
}

void sys_pop_sreg(struct cpu *cpu, const struct insn *in)
{
    struct stack st;
    unsigned seg = in->op[0].reg;
    uint16_t sel;

    stack_init(&st, cpu);
    sel = (uint16_t)stack_pop(&st, in->opsize == 4 ? 2 : in->opsize);
    if (in->opsize == 4)
        st.sp = (st.sp & ~st.mask) | ((st.sp + 2) & st.mask);
    seg_load(cpu, seg, sel);
    stack_commit(&st); /* by the old SS's size */
    if (seg == SEG_SS)
        cpu->shadow = 2;
}

static void load_far_pointer(struct cpu *cpu, const struct insn *in, unsigned seg)
{
    gva va = op_linear(cpu, in, in->opsize + 2, false);
    uint64_t off = cpu_ld(cpu, va, in->opsize);
    uint16_t sel = (uint16_t)cpu_ld(cpu, va + in->opsize, 2);

    seg_load(cpu, seg, sel);
    op_write(cpu, in, 0, off, in->opsize);
}

void sys_lds(struct cpu *cpu, const struct insn *in)
{
    load_far_pointer(cpu, in, SEG_DS);
}
void sys_les(struct cpu *cpu, const struct insn *in)
{
    load_far_pointer(cpu, in, SEG_ES);
}
void sys_lss(struct cpu *cpu, const struct insn *in)
{
    load_far_pointer(cpu, in, SEG_SS); /* no interrupt shadow */
}
void sys_lfs(struct cpu *cpu, const struct insn *in)
{
    load_far_pointer(cpu, in, SEG_FS);
}
void sys_lgs(struct cpu *cpu, const struct insn *in)
{
    load_far_pointer(cpu, in, SEG_GS);
}

void sys_arpl(struct cpu *cpu, const struct insn *in)
{
    uint16_t src = (uint16_t)op_read(cpu, in, 1, 2);
    gva va = 0;
    uint16_t dst;
    bool mem = in->op[0].kind == OPND_MEM;

    if (mem) {
        va = op_linear(cpu, in, 2, true);
        cpu_probe_write(cpu, va, 2);
    }
    dst = (uint16_t)(mem ? cpu_ld(cpu, va, 2) : op_read(cpu, in, 0, 2));
    set_zf(cpu, (dst & 3) < (src & 3));
    if ((dst & 3) >= (src & 3))
        return;
    dst = (dst & ~3) | (src & 3);
    if (mem)
        cpu_st(cpu, va, dst, 2);
    else
        op_write(cpu, in, 0, dst, 2);
}

/* Descriptor of a selector that LAR, LSL, VERR or VERW may look at, of the types in the
 * bit set `system` or any code or data segment. */
static bool probe_desc(struct cpu *cpu, uint16_t sel, uint32_t system, struct desc *d)
{
    uint32_t attr;

    if (SEL_IS_NULL(sel) || !desc_fetch(cpu, sel, d))
        return false;
    attr = desc_attr(d);
    if (!(attr & SA_S) && !(system >> (attr & SA_TYPE) & 1))
        return false;
    return attr_is_conforming(attr) ||
           (attr_dpl(attr) >= cpu->cpl && attr_dpl(attr) >= (sel & 3u));
}

#define LAR_LONG (1 << DT_LDT | 1 << DT_TSS32 | 1 << DT_TSS32_BUSY | 1 << DT_CALL32)
#define LAR_LEGACY                                                                             \
    (LAR_LONG | 1 << DT_TSS16 | 1 << DT_TSS16_BUSY | 1 << DT_CALL16 | 1 << DT_TASK)
#define LSL_LONG (1 << DT_LDT | 1 << DT_TSS32 | 1 << DT_TSS32_BUSY)
#define LSL_LEGACY (LSL_LONG | 1 << DT_TSS16 | 1 << DT_TSS16_BUSY)

void sys_lar(struct cpu *cpu, const struct insn *in)
{
    uint16_t sel = (uint16_t)op_read(cpu, in, 1, 2);
    struct desc d;
    bool ok = probe_desc(cpu, sel, cpu_lma(cpu) ? LAR_LONG : LAR_LEGACY, &d);

    set_zf(cpu, ok);
    if (ok)
        op_write(cpu, in, 0, d.hi & 0x00f0ff00, in->opsize);
}

void sys_lsl(struct cpu *cpu, const struct insn *in)
{
    uint16_t sel = (uint16_t)op_read(cpu, in, 1, 2);
    struct desc d;
    bool ok = probe_desc(cpu, sel, cpu_lma(cpu) ? LSL_LONG : LSL_LEGACY, &d);

    set_zf(cpu, ok);
    if (ok)
        op_write(cpu, in, 0, desc_limit(&d), in->opsize);
}

void sys_verr(struct cpu *cpu, const struct insn *in)
{
    struct desc d;
    bool ok = probe_desc(cpu, (uint16_t)op_read(cpu, in, 0, 2), 0, &d);

    set_zf(cpu, ok && (desc_attr(&d) & (SA_CODE | SA_RW)) != SA_CODE);
}

void sys_verw(struct cpu *cpu, const struct insn *in)
{
    struct desc d;
    bool ok = probe_desc(cpu, (uint16_t)op_read(cpu, in, 0, 2), 0, &d);

    set_zf(cpu, ok && attr_is_wdata(desc_attr(&d)));
}

/* --- table registers --- */

static void check_umip(struct cpu *cpu)
{
    if (cpu->cr4 & CR4_UMIP && cpu->cpl > 0)
        raise_gp(cpu, 0);
}

static void store_sel(struct cpu *cpu, const struct insn *in, uint16_t sel)
{
    check_umip(cpu);
    op_write(cpu, in, 0, sel, in->op[0].kind == OPND_MEM ? 2 : in->opsize);
}

void sys_sldt(struct cpu *cpu, const struct insn *in)
{
    store_sel(cpu, in, cpu->ldt.sel);
}

void sys_str(struct cpu *cpu, const struct insn *in)
{
    store_sel(cpu, in, cpu->tr.sel);
}

void sys_lldt(struct cpu *cpu, const struct insn *in)
{
    seg_load_ldt(cpu, (uint16_t)op_read(cpu, in, 0, 2), EXC_GP);
}

void sys_ltr(struct cpu *cpu, const struct insn *in)
{
    uint16_t sel = (uint16_t)op_read(cpu, in, 0, 2);
    uint32_t base_hi = 0, type_hi = 0;
    struct desc d;
    struct seg tr;

    if (SEL_IS_NULL(sel))
        raise_gp(cpu, 0);
    if (sel & SEL_TI || !desc_fetch(cpu, sel, &d) ||
        (desc_type(&d) != DT_TSS32 && (cpu_lma(cpu) || desc_type(&d) != DT_TSS16)))
        raise_gp(cpu, SEL_ERR(sel));
    if (!(desc_attr(&d) & SA_P))
        cpu_raise_err(cpu, EXC_NP, SEL_ERR(sel));
    if (cpu_lma(cpu) && (!desc_fetch_high(cpu, sel, &d, &base_hi, &type_hi) || type_hi))
        raise_gp(cpu, SEL_ERR(sel));
    desc_to_seg(&d, sel, &tr);
    tr.base |= (uint64_t)base_hi << 32;
    if (!cpu_canonical(tr.base))
        raise_gp(cpu, SEL_ERR(sel));
    tr.attr |= DT_BUSY;
    desc_set_busy(cpu, sel, true);
    cpu->tr = tr;
}

static void store_table(struct cpu *cpu, const struct insn *in, const struct dtable *t)
{
    unsigned size = in->mode == INSN_64 ? 8 : 4;
    uint8_t buf[10];
    gva va;

    check_umip(cpu);
    va = op_linear(cpu, in, 2 + size, true);
    for (unsigned i = 0; i < 2; i++)
        buf[i] = (uint8_t)(t->limit >> i * 8);
    for (unsigned i = 0; i < size; i++)
        buf[2 + i] = (uint8_t)(t->base >> i * 8);
    cpu_st_bytes(cpu, va, buf, 2 + size);
}

static void load_table(struct cpu *cpu, const struct insn *in, struct dtable *t)
{
    unsigned size = in->mode == INSN_64 ? 8 : 4;
    gva va = op_linear(cpu, in, 2 + size, false);
    uint64_t limit = cpu_ld(cpu, va, 2);
    uint64_t base = cpu_ld(cpu, va + 2, size);

    if (in->mode == INSN_64 && !cpu_canonical(base))
        raise_gp(cpu, 0);
    t->limit = (uint16_t)limit;
    t->base = in->mode != INSN_64 && in->opsize == 2 ? base & 0xffffff : base;
}

void sys_sgdt(struct cpu *cpu, const struct insn *in)
{
    store_table(cpu, in, &cpu->gdt);
}
void sys_sidt(struct cpu *cpu, const struct insn *in)
{
    store_table(cpu, in, &cpu->idt);
}
void sys_lgdt(struct cpu *cpu, const struct insn *in)
{
    load_table(cpu, in, &cpu->gdt);
}
void sys_lidt(struct cpu *cpu, const struct insn *in)
{
    load_table(cpu, in, &cpu->idt);
}
