/* SPDX-License-Identifier: MIT
 * Segmentation: descriptors, segment register loads, effective and linear
 * addresses (SDM vol. 3 ch. 3 and 5). */
#include "cpu/cpu.h"
#include "cpu/sys.h"

/* --- descriptors --- */

static bool desc_locate(struct cpu *cpu, uint16_t sel, unsigned size, gva *addr)
{
    uint32_t off = sel & 0xfff8;

    if (sel & SEL_TI) {
        if (!(cpu->ldt.attr & SA_P) || (uint64_t)off + size - 1 > cpu->ldt.limit)
            return false;
        *addr = cpu->ldt.base + off;
    } else {
        if (off + size - 1 > cpu->gdt.limit)
            return false;
        *addr = cpu->gdt.base + off;
    }
    return true;
}

bool desc_fetch(struct cpu *cpu, uint16_t sel, struct desc *d)
{
    uint64_t raw;

    if (!desc_locate(cpu, sel, 8, &d->addr))
        return false;
    raw = cpu_ld_sys(cpu, d->addr, 8);
    d->lo = (uint32_t)raw;
    d->hi = raw >> 32;
    return true;
}

bool desc_fetch_high(struct cpu *cpu, uint16_t sel, const struct desc *d, uint32_t *base_hi,
                     uint32_t *type_hi)
{
    gva addr;
    uint64_t raw;

    if (!desc_locate(cpu, sel, 16, &addr))
        return false;
    raw = cpu_ld_sys(cpu, d->addr + 8, 8);
    *base_hi = (uint32_t)raw;
    *type_hi = raw >> 40 & 0x1f;
    return true;
}

void desc_set_accessed(struct cpu *cpu, struct desc *d)
{
    if (d->hi & SA_ACC << 8)
        return;
    d->hi |= SA_ACC << 8;
    cpu_st_sys(cpu, d->addr + 4, d->hi, 4);
}

void desc_set_busy(struct cpu *cpu, uint16_t sel, bool busy)
{
    gva addr = cpu->gdt.base + (sel & 0xfff8) + 5;
    uint64_t byte = cpu_ld_sys(cpu, addr, 1);

    cpu_st_sys(cpu, addr, busy ? byte | DT_BUSY : byte & ~(uint64_t)DT_BUSY, 1);
}

/* --- loads --- */

void seg_null(struct cpu *cpu, unsigned seg, uint16_t sel)
{
    /* Intel clears the base as well, FS and GS included. */
    cpu->seg[seg] = (struct seg){.sel = sel};
}

void seg_set_flat(struct cpu *cpu, unsigned seg, uint16_t sel, uint16_t attr)
{
    cpu->seg[seg] = (struct seg){.limit = 0xffffffff, .sel = sel, .attr = attr};
}

void seg_load_cs_unprotected(struct cpu *cpu, uint16_t sel)
{
    if (cpu_vm86(cpu))
        seg_load_vm86(cpu, SEG_CS, sel);
    else
        seg_load_real(cpu, SEG_CS, sel);
}

void seg_resolve_stack(struct cpu *cpu, uint16_t sel, unsigned cpl, enum exc_vector bad,
                       uint32_t ext, struct seg *out)
{
    struct desc d;

    if (SEL_IS_NULL(sel))
        cpu_raise_err(cpu, bad, ext);
    if (!desc_fetch(cpu, sel, &d) || (sel & 3u) != cpl || !attr_is_wdata(desc_attr(&d)) ||
        attr_dpl(desc_attr(&d)) != cpl)
        cpu_raise_err(cpu, bad, SEL_ERR(sel) | ext);
    if (!(desc_attr(&d) & SA_P))
        cpu_raise_err(cpu, EXC_SS, SEL_ERR(sel) | ext);
    desc_set_accessed(cpu, &d);
    desc_to_seg(&d, sel, out);
}

void seg_resolve(struct cpu *cpu, unsigned seg, uint16_t sel, unsigned cpl, enum exc_vector bad,
                 struct seg *out)
{
    struct desc d;
    uint32_t attr;

    if (seg == SEG_SS) {
        /* 64-bit code below ring 3 may run with a null SS (SDM vol. 3 5.4.1). */
        if (SEL_IS_NULL(sel) && cpu_long(cpu) && bad == EXC_GP && cpl != 3 && (sel & 3u) == cpl)
            *out = (struct seg){.sel = sel};
        else
            seg_resolve_stack(cpu, sel, cpl, bad, 0, out);
        return;
    }
    if (SEL_IS_NULL(sel)) {
        *out = (struct seg){.sel = sel};
        return;
    }
    if (!desc_fetch(cpu, sel, &d))
        cpu_raise_err(cpu, bad, SEL_ERR(sel));
    attr = desc_attr(&d);
    if (!(attr & SA_S) || (attr & (SA_CODE | SA_RW)) == SA_CODE)
        cpu_raise_err(cpu, bad, SEL_ERR(sel)); /* system or execute-only */
    if (!attr_is_conforming(attr) && (attr_dpl(attr) < cpl || attr_dpl(attr) < (sel & 3u)))
        cpu_raise_err(cpu, bad, SEL_ERR(sel));
    if (!(attr & SA_P))
        cpu_raise_err(cpu, EXC_NP, SEL_ERR(sel));
    desc_set_accessed(cpu, &d);
    desc_to_seg(&d, sel, out);
}

void seg_load(struct cpu *cpu, unsigned seg, uint16_t sel)
{
    struct seg s;

    if (cpu_vm86(cpu)) {
        seg_load_vm86(cpu, seg, sel);
    } else if (!cpu_pe(cpu)) {
        seg_load_real(cpu, seg, sel);
    } else {
        seg_resolve(cpu, seg, sel, cpu->cpl, EXC_GP, &s);
        cpu->seg[seg] = s;
    }
    cpu_update_mode(cpu);
}

void seg_load_ldt(struct cpu *cpu, uint16_t sel, enum exc_vector bad)
{
    struct desc d;
    struct seg s;
    uint32_t base_hi, type_hi;

    if (SEL_IS_NULL(sel)) {
        cpu->ldt = (struct seg){.sel = sel};
        return;
    }
    if (sel & SEL_TI || !desc_fetch(cpu, sel, &d) || desc_type(&d) != DT_LDT)
        cpu_raise_err(cpu, bad, SEL_ERR(sel));
    if (!(desc_attr(&d) & SA_P))
        cpu_raise_err(cpu, bad == EXC_TS ? EXC_TS : EXC_NP, SEL_ERR(sel));
    desc_to_seg(&d, sel, &s);
    if (cpu_lma(cpu)) {
        if (!desc_fetch_high(cpu, sel, &d, &base_hi, &type_hi) || type_hi)
            raise_gp(cpu, SEL_ERR(sel));
        s.base |= (uint64_t)base_hi << 32;
        if (!cpu_canonical(s.base))
            raise_gp(cpu, SEL_ERR(sel));
    }
    cpu->ldt = s;
}

/* --- addresses --- */

bool seg_in_limit(const struct seg *s, uint64_t off, unsigned size)
{
    uint64_t last = off + size - 1;

    if (seg_expands_down(s))
        return off > s->limit && last <= (s->attr & SA_DB ? 0xffffffff : 0xffff);
    /* A 4 GiB segment wraps, as the unchecked path of flat code does. */
    return last <= s->limit || s->limit == 0xffffffff;
}

_Noreturn static void raise_seg(struct cpu *cpu, unsigned seg)
{
    cpu_raise_err(cpu, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
}

gva seg_linear(struct cpu *cpu, unsigned seg, uint64_t off, unsigned size, bool write)
{
    const struct seg *s = &cpu->seg[seg];
    gva va;

    if (size == 0)
        size = 1;
    if (cpu_long(cpu)) {
        va = seg >= SEG_FS ? s->base + off : off;
        if (UNLIKELY(!cpu_canonical(va) || !cpu_canonical(va + size - 1)))
            raise_seg(cpu, seg);
        return va;
    }
    if (UNLIKELY(!seg_allows(cpu, s, write) || !seg_in_limit(s, off, size)))
        raise_seg(cpu, seg);
    return (uint32_t)(s->base + off);
}

uint64_t cpu_ea(const struct cpu *cpu, const struct insn *in)
{
    const struct insn_mem *m = &in->mem;
    uint64_t ea = (uint64_t)m->disp;

    if (m->base == MEM_RIP)
        ea += cpu->next_rip;
    else if (m->base != MEM_NOREG)
        ea += cpu->gpr[m->base];
    if (m->index != MEM_NOREG)
        ea += cpu->gpr[m->index] * m->scale;
    return ea & size_mask(m->asize);
}
