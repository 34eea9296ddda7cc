/* SPDX-License-Identifier: MIT
 * Guest memory as C code of the CPU sees it: linear accesses, instruction
 * operands, and stacks. */
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/sys.h"

static inline gva wrap(const struct cpu *cpu, gva va)
{
    return cpu_lma(cpu) ? va : (uint32_t)va;
}

void access_load(struct cpu *cpu, gva va, void *buf, unsigned n, enum mmu_view view)
{
    struct mmu_fault f;

    va = wrap(cpu, va);
    if (view == cpu->mmu.view) {
        const uint8_t *p = mmu_fast(&cpu->mmu, va, n, false);

        if (LIKELY(p)) {
            memcpy(buf, p, n);
            return;
        }
    }
    if (UNLIKELY(!cpu_canonical(va) || !cpu_canonical(va + n - 1)))
        raise_gp(cpu, 0);
    if (!mmu_load(&cpu->mmu, va, buf, n, view, &f))
        cpu_raise_pf(cpu, &f);
}

void access_store(struct cpu *cpu, gva va, const void *buf, unsigned n, enum mmu_view view)
{
    struct mmu_fault f;

    va = wrap(cpu, va);
    if (view == cpu->mmu.view) {
        uint8_t *p = mmu_fast(&cpu->mmu, va, n, true);

        if (LIKELY(p)) {
            memcpy(p, buf, n);
            return;
        }
    }
    if (UNLIKELY(!cpu_canonical(va) || !cpu_canonical(va + n - 1)))
        raise_gp(cpu, 0);
    if (!mmu_store(&cpu->mmu, va, buf, n, view, &f))
        cpu_raise_pf(cpu, &f);
}

void access_probe_sys(struct cpu *cpu, gva va, unsigned n)
{
    struct mmu_fault f;

    if (!mmu_probe_write(&cpu->mmu, wrap(cpu, va), n, MMU_SUPER, &f))
        cpu_raise_pf(cpu, &f);
}

/* Alignment and watchpoints of an explicit data access. */
static inline void explicit_checks(struct cpu *cpu, gva va, unsigned n, unsigned align,
                                   bool write)
{
    if (LIKELY(!(cpu->mode & (CM_AC | CM_STEP))))
        return;
    if (cpu->mode & CM_AC && va & (align - 1))
        cpu_raise_err(cpu, EXC_AC, 0);
    if (cpu->mode & CM_STEP)
        debug_note_data(cpu, wrap(cpu, va), n, write);
}

uint64_t cpu_ld(struct cpu *cpu, gva va, unsigned size)
{
    uint64_t v = 0;

    explicit_checks(cpu, va, size, size, false);
    access_load(cpu, va, &v, size, cpu->mmu.view);
    return v;
}

void cpu_st(struct cpu *cpu, gva va, uint64_t value, unsigned size)
{
    explicit_checks(cpu, va, size, size, true);
    access_store(cpu, va, &value, size, cpu->mmu.view);
}

uint64_t cpu_ld_sys(struct cpu *cpu, gva va, unsigned size)
{
    uint64_t v = 0;

    access_load(cpu, va, &v, size, MMU_SUPER);
    return v;
}

void cpu_st_sys(struct cpu *cpu, gva va, uint64_t value, unsigned size)
{
    access_store(cpu, va, &value, size, MMU_SUPER);
}

void cpu_ld_bytes(struct cpu *cpu, gva va, void *buf, unsigned n)
{
    uint8_t *p = buf;

    while (n) {
        unsigned k = n < 64 ? n : 64;

        explicit_checks(cpu, va, k, 1, false);
        access_load(cpu, va, p, k, cpu->mmu.view);
        va += k;
        p += k;
        n -= k;
    }
}

void cpu_st_bytes(struct cpu *cpu, gva va, const void *buf, unsigned n)
{
    const uint8_t *p = buf;

    if (n > 64)
        cpu_probe_write(cpu, va, n);
    while (n) {
        unsigned k = n < 64 ? n : 64;

        explicit_checks(cpu, va, k, 1, true);
        access_store(cpu, va, p, k, cpu->mmu.view);
        va += k;
        p += k;
        n -= k;
    }
}

void cpu_probe_write(struct cpu *cpu, gva va, unsigned n)
{
    struct mmu_fault f;

    va = wrap(cpu, va);
    if (!cpu_canonical(va) || !cpu_canonical(va + n - 1))
        raise_gp(cpu, 0);
    while (n) {
        unsigned k = n < 64 ? n : 64;

        if (!mmu_fast(&cpu->mmu, va, k, true) &&
            !mmu_probe_write(&cpu->mmu, va, k, cpu->mmu.view, &f))
            cpu_raise_pf(cpu, &f);
        va = wrap(cpu, va + k);
        n -= k;
    }
}

/* --- instruction operands --- */

int op_find(const struct insn *in, enum insn_opkind kind)
{
    for (int i = 0; i < in->nops; i++)
        if (in->op[i].kind == kind)
            return i;
    return -1;
}

gva op_linear(struct cpu *cpu, const struct insn *in, unsigned size, bool write)
{
    return seg_linear(cpu, in->mem.seg, cpu_ea(cpu, in), size, write);
}

uint64_t op_read(struct cpu *cpu, const struct insn *in, unsigned n, unsigned size)
{
    const struct insn_operand *o = &in->op[n];

    switch (o->kind) {
    case OPND_GPR:
        if (o->high8)
            return cpu->gpr[o->reg] >> 8 & 0xff;
        return cpu->gpr[o->reg] & size_mask(size);
    case OPND_MEM:
        return cpu_ld(cpu, op_linear(cpu, in, size, false), size);
    default:
        return (uint64_t)o->imm & size_mask(size);
    }
}

void op_write(struct cpu *cpu, const struct insn *in, unsigned n, uint64_t v, unsigned size)
{
    const struct insn_operand *o = &in->op[n];

    if (o->kind == OPND_MEM)
        cpu_st(cpu, op_linear(cpu, in, size, true), v, size);
    else if (size > 1)
        gpr_set(cpu, o->reg, v, size);
    else
        cpu->gpr[o->reg] = (cpu->gpr[o->reg] & ~0xffull) | (v & 0xff);
}

unsigned op_segment(const struct insn *in, unsigned dflt)
{
    static const uint8_t pfx[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65}; /* ES CS SS DS FS GS */

    if (in->has_mem)
        return in->mem.seg;
    for (unsigned i = 0; i < in->len && in->bytes[i] != in->opcode; i++)
        for (unsigned s = 0; s < SEG_COUNT; s++)
            if (in->bytes[i] == pfx[s] && (in->mode != INSN_64 || s >= SEG_FS))
                dflt = s;
    return dflt;
}

/* --- stacks --- */

uint64_t stack_mask(const struct cpu *cpu, const struct seg *ss)
{
    if (cpu_long(cpu))
        return ~0ull;
    return ss->attr & SA_DB ? 0xffffffff : 0xffff;
}

void stack_init(struct stack *st, struct cpu *cpu)
{
    st->cpu = cpu;
    st->ss = cpu->seg[SEG_SS];
    st->sp = cpu->gpr[R_SP];
    st->mask = stack_mask(cpu, &st->ss);
    st->err = 0;
    st->view = cpu->mmu.view;
}

static gva stack_linear(const struct stack *st, unsigned size)
{
    uint64_t off = st->sp & st->mask;

    if (st->mask == ~0ull) {
        if (!cpu_canonical(off) || !cpu_canonical(off + size - 1))
            cpu_raise_err(st->cpu, EXC_SS, st->err);
        return off;
    }
    if (!(st->ss.attr & SA_P) || !seg_in_limit(&st->ss, off, size))
        cpu_raise_err(st->cpu, EXC_SS, st->err);
    return (uint32_t)(st->ss.base + off);
}

void stack_push(struct stack *st, uint64_t value, unsigned size)
{
    gva va;

    st->sp = (st->sp & ~st->mask) | ((st->sp - size) & st->mask);
    va = stack_linear(st, size);
    explicit_checks(st->cpu, va, size, st->view == MMU_USER ? size : 1, true);
    access_store(st->cpu, va, &value, size, st->view);
}

uint64_t stack_pop(struct stack *st, unsigned size)
{
    gva va = stack_linear(st, size);
    uint64_t v = 0;

    explicit_checks(st->cpu, va, size, size, false);
    access_load(st->cpu, va, &v, size, st->view);
    st->sp = (st->sp & ~st->mask) | ((st->sp + size) & st->mask);
    return v;
}

void stack_commit(const struct stack *st)
{
    gpr_set(st->cpu, R_SP, st->sp, st->mask == ~0ull ? 8 : st->mask == 0xffff ? 2 : 4);
}
