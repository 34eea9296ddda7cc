/* SPDX-License-Identifier: MIT
 * VEX instructions that access memory an element at a time: gathers and masked moves. Only
 * elements with the sign bit of their mask set are accessed. */
#include <string.h>

#include "translator/vec_exec.h"

static uint64_t element(const union vec *v, unsigned i, unsigned size)
{
    return size == 4 ? v->u32[i] : v->u64[i];
}

static void set_element(union vec *v, unsigned i, unsigned size, uint64_t x)
{
    if (size == 4)
        v->u32[i] = (uint32_t)x;
    else
        v->u64[i] = x;
}

static bool selected(const union vec *mask, unsigned i, unsigned size)
{
    return element(mask, i, size) >> (size * 8 - 1) & 1;
}

/* ---- gathers ---- */

static bool index_is_quad(const struct insn *in)
{
    return in->opcode & 1;
}

static gva element_address(struct cpu *cpu, const struct insn *in, unsigned i, unsigned size)
{
    const struct insn_mem *m = &in->mem;
    const union vec *index = &cpu->v[m->index];
    int64_t x = index_is_quad(in) ? index->s64[i] : index->s32[i];
    uint64_t off = (uint64_t)x * m->scale + (uint64_t)m->disp;

    if (m->base != MEM_NOREG)
        off += cpu->gpr[m->base];
    if (m->asize == 4)
        off = (uint32_t)off;
    return seg_linear(cpu, m->seg, off, size, false);
}

/* Elements are loaded in order. The mask of each that has been is cleared, so that after a
 * fault the instruction goes on where it stopped (SDM vol. 2, VGATHERDPS). */
static void gather(struct cpu *cpu, const struct insn *in)
{
    union vec *d = &cpu->v[in->op[0].reg], *mask = &cpu->v[in->op[2].reg];
    unsigned size = in->op[1].size, widest = index_is_quad(in) ? 8 : size;
    unsigned n = (in->vex_l ? 32 : 16) / widest, used = n * size;

    for (unsigned i = 0; i < n; i++) {
        if (selected(mask, i, size))
            set_element(d, i, size, cpu_ld(cpu, element_address(cpu, in, i, size), size));
        set_element(mask, i, size, 0);
    }
    memset(&d->u8[used], 0, sizeof(*d) - used);
    memset(mask, 0, sizeof(*mask));
}

/* ---- VMASKMOVPx, VPMASKMOVx ---- */

static bool element_is_quad(const struct insn *in)
{
    return in->id == I_VMASKMOVPD || in->id == I_VPMASKMOVQ;
}

static void masked_move(struct cpu *cpu, const struct insn *in)
{
    bool store = in->op[0].kind == OPND_MEM;
    unsigned size = element_is_quad(in) ? 8 : 4, n = (in->vex_l ? 32 : 16) / size;
    const union vec *mask = &cpu->v[in->op[1].reg];
    uint64_t ea = cpu_ea(cpu, in), wrap = in->mem.asize == 4 ? 0xffffffffu : ~0ull;
    union vec v = {0};
    gva at[8];

    for (unsigned i = 0; i < n; i++) {
        if (!selected(mask, i, size))
            continue;
        at[i] = seg_linear(cpu, in->mem.seg, (ea + i * size) & wrap, size, store);
        if (store)
            cpu_probe_write(cpu, at[i], size);
        else
            set_element(&v, i, size, cpu_ld(cpu, at[i], size));
    }
    for (unsigned i = 0; store && i < n; i++) {
        if (selected(mask, i, size))
            cpu_st(cpu, at[i], element(&cpu->v[in->op[2].reg], i, size), size);
    }
    if (!store)
        cpu->v[in->op[0].reg] = v;
}

bool vex_is_call(const struct insn *in)
{
    switch (in->id) {
    case I_VMASKMOVPS: case I_VMASKMOVPD: case I_VPMASKMOVD: case I_VPMASKMOVQ: return true;
    default: return in->row && in->row->attr & IA_VSIB;
    }
}

void vex_call(struct cpu *cpu, const struct insn *in)
{
    if (vex_fills_upper(in))
        cpu->upper = UPPER_USED;
    if (in->row->attr & IA_VSIB)
        gather(cpu, in);
    else
        masked_move(cpu, in);
}
