/* SPDX-License-Identifier: MIT
 * C functions that generated code calls with the whole guest state in *cpu.
 * They run on the host stack of jit_enter and may leave by cpu_raise*(). */
#include "cpu/x87.h"
#include "translator/x86_64/x64.h"

#include "translator/ir_alu.h"

static _Noreturn void raise_noncanonical(struct cpu *cpu, uint64_t desc)
{
    cpu_raise_err(cpu, desc & DESC_SS ? EXC_SS : EXC_GP, 0);
}

static void check_canonical(struct cpu *cpu, uint64_t va, uint64_t desc)
{
    unsigned size = desc & 0xff;

    if ((cpu->mode & CM_SIZE) != CM_64)
        return;
    if (!cpu_canonical(va) || !cpu_canonical(va + size - 1))
        raise_noncanonical(cpu, desc);
}

static void *bounce(struct cpu *cpu)
{
    return (uint8_t *)cpu + ENV_BOUNCE;
}

void x64_helper_load(struct cpu *cpu, uint64_t va, uint64_t desc)
{
    struct mmu_fault f;

    check_canonical(cpu, va, desc);
    if (!mmu_load(&cpu->mmu, va, bounce(cpu), desc & 0xff, (enum mmu_view)cpu->mmu.view, &f))
        cpu_raise_pf(cpu, &f);
}

void x64_helper_store(struct cpu *cpu, uint64_t va, uint64_t desc)
{
    struct mmu_fault f;

    check_canonical(cpu, va, desc);
    if (!mmu_store(&cpu->mmu, va, bounce(cpu), desc & 0xff, (enum mmu_view)cpu->mmu.view, &f))
        cpu_raise_pf(cpu, &f);
}

void x64_helper_probe(struct cpu *cpu, uint64_t va, uint64_t desc)
{
    struct mmu_fault f;

    check_canonical(cpu, va, desc);
    if (!mmu_probe_write(&cpu->mmu, va, desc & 0xff, (enum mmu_view)cpu->mmu.view, &f))
        cpu_raise_pf(cpu, &f);
}

void x64_helper_rmw(struct cpu *cpu, uint64_t va, uint64_t desc)
{
    x64_helper_probe(cpu, va, desc);
    x64_helper_load(cpu, va, desc);
}

void x64_helper_raise(struct cpu *cpu, uint64_t vector, uint64_t unused)
{
    if (vector == EXC_GP)
        cpu_raise_err(cpu, EXC_GP, 0);
    cpu_raise(cpu, (enum exc_vector)vector);
}

uint64_t x64_helper_seg(struct cpu *cpu, uint64_t off, uint64_t desc)
{
    return seg_linear(cpu, desc >> 8 & 0xff, off, desc & 0xff, desc >> 16 & 1);
}

uint64_t x64_helper_popcnt(struct cpu *cpu, uint64_t v, uint64_t unused)
{
    return (uint64_t)__builtin_popcountll(v);
}

/* IDIV in the general case; desc = operand width. */
void x64_helper_div(struct cpu *cpu, uint64_t divisor, uint64_t desc)
{
    uint64_t *ax = &cpu->gpr[R_AX], *dx = &cpu->gpr[R_DX], q, r;
    unsigned w = desc & 0xff;

    if (!ir_div(true, w, w == 1 ? *ax >> 8 : *dx, *ax, divisor, &q, &r))
        cpu_raise(cpu, EXC_DE);
    if (w >= 4) {
        *ax = q;
        *dx = r;
    } else if (w == 2) {
        *ax = (*ax & ~0xffffull) | q;
        *dx = (*dx & ~0xffffull) | r;
    } else {
        *ax = (*ax & ~0xffffull) | q | r << 8;
    }
}

void x64_helper_x87_load(struct cpu *cpu, uint64_t unused, uint64_t unused2)
{
    x87_load(cpu);
}

/* An x87 instruction in the middle of code that has the state in the host's x87. */
void x64_helper_x87(struct cpu *cpu, uint64_t insn, uint64_t unused)
{
    x87_exec(cpu, (const struct insn *)(uintptr_t)insn);
    x87_load(cpu);
}

void x64_helper_mmx(struct cpu *cpu, uint64_t insn, uint64_t va)
{
    vec_exec(cpu, (const struct insn *)(uintptr_t)insn, va);
    x87_load(cpu);
}
