/* SPDX-License-Identifier: MIT
 * RFLAGS, segments without descriptors, and the translation mode and mmu view that follow from
 * the state. Built without vector registers, for fast.c. */
#include "cpu/sys.h"
#include "cpu/x87.h"

#define FL_SYSTEM                                                                              \
    (FL_TF | FL_IF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC | FL_VIF | FL_VIP | FL_ID)

uint64_t cpu_get_rflags(const struct cpu *cpu)
{
    return cpu->eflags | cpu_get_aflags(cpu) | (cpu->df < 0 ? FL_DF : 0) | 2;
}

void cpu_set_rflags(struct cpu *cpu, uint64_t rflags)
{
    uint32_t old = cpu->eflags;

    cpu->eflags = (uint32_t)(rflags & FL_SYSTEM) | 2;
    cpu_set_aflags(cpu, (uint32_t)rflags & FL_ARITH);
    cpu->df = rflags & FL_DF ? -1 : 1;
    if ((old ^ cpu->eflags) & (FL_TF | FL_VM | FL_AC))
        cpu_update_mode(cpu);
}

/* Real mode changes selector and base only: limit and default size stay. */
void seg_load_real(struct cpu *cpu, unsigned seg, uint16_t sel)
{
    struct seg *s = &cpu->seg[seg];

    s->sel = sel;
    s->base = (uint32_t)sel << 4;
    s->attr = (s->attr & (SA_DB | SA_G)) | ATTR_REAL;
}

void seg_load_vm86(struct cpu *cpu, unsigned seg, uint16_t sel)
{
    cpu->seg[seg] = (struct seg){
        .base = (uint32_t)sel << 4, .limit = 0xffff, .sel = sel, .attr = ATTR_VM86};
}

/* Base 0 and every offset and kind of access allowed. */
static bool seg_is_flat(const struct seg *s, bool data)
{
    if (s->base != 0 || s->limit != 0xffffffff || !(s->attr & SA_P))
        return false;
    if (!data)
        return !(s->attr & SA_CODE) || s->attr & SA_RW;
    return (s->attr & (SA_CODE | SA_DC | SA_RW)) == SA_RW;
}

static uint16_t mode_segments(const struct cpu *cpu, uint16_t m)
{
    const struct seg *s = cpu->seg;

    if (m & CM_LMA && s[SEG_CS].attr & SA_L)
        return CM_64 | CM_FLAT | CM_CSBASE0;
    m = s[SEG_CS].attr & SA_DB ? CM_32 : CM_16;
    if (s[SEG_SS].attr & SA_DB)
        m |= CM_SS32;
    if (s[SEG_CS].base == 0)
        m |= CM_CSBASE0;
    if (seg_is_flat(&s[SEG_CS], false) && seg_is_flat(&s[SEG_DS], true) &&
        seg_is_flat(&s[SEG_ES], true) && seg_is_flat(&s[SEG_SS], true))
        m |= CM_FLAT;
    return m;
}

/* seg_in_limit and seg_allows as one number a kind of access. A 4 GiB segment wraps: its end is
 * beyond every offset and size. */
void seg_update_end(struct cpu *cpu, unsigned seg)
{
    const struct seg *s = &cpu->seg[seg];
    uint64_t end = s->limit == 0xffffffff ? 1ull << 33 : s->limit + 1ull;

    if (seg_expands_down(s))
        end = 0;
    cpu->seg_end[seg][0] = seg_allows(cpu, s, false) ? end : 0;
    cpu->seg_end[seg][1] = seg_allows(cpu, s, true) ? end : 0;
}

enum mmu_view access_view(const struct cpu *cpu, unsigned cpl)
{
    if (cpl == 3)
        return MMU_USER;
    return cpu->cr4 & CR4_SMAP && cpu->eflags & FL_AC ? MMU_SUPER_AC : MMU_SUPER;
}

void cpu_update_mode(struct cpu *cpu)
{
    uint16_t m = cpu->efer & EFER_LMA ? CM_LMA : 0;
    enum mmu_view view = access_view(cpu, cpu->cpl);

    m |= mode_segments(cpu, m);
    if (cpu->cr0 & CR0_PE)
        m |= cpu->eflags & FL_VM ? CM_VM : CM_PE;
    if (cpu->cpl != 0)
        m |= CM_CPL3;
    if (cpu->cpl == 3 && cpu->cr0 & CR0_AM && cpu->eflags & FL_AC)
        m |= CM_AC;
    if (!(cpu->cr0 & (CR0_EM | CR0_TS))) {
        m |= CM_X87;
        if (~cpu->x87.cw & XS_EXC)
            m |= CM_X87EXC;
        if (cpu->cr4 & CR4_OSFXSR)
            m |= CM_SSE;
    }
    if (cpu->cr4 & CR4_OSXSAVE && (cpu->xcr0 & 6) == 6 && !(cpu->cr0 & CR0_TS))
        m |= CM_AVX;
    if (cpu->eflags & FL_TF || cpu->dr[7] & 0xff)
        m |= CM_STEP;
    cpu->mode = m;
    if ((m & CM_SIZE) != CM_64)
        for (unsigned i = 0; i < SEG_COUNT; i++)
            seg_update_end(cpu, i);
    if (cpu->mmu.view != view)
        mmu_set_view(&cpu->mmu, view);
}
