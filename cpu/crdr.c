/* SPDX-License-Identifier: MIT
 * Control registers and what goes with them (SDM vol. 3 2.5, 4.1, 4.10.4). */
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/cpuid.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"

#define CR0_KNOWN                                                                              \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
     CR0_PG)

/* PAE paging reads four PDPTEs when CR3 is loaded (SDM vol. 3 4.4.1); the caller knows
 * that PAE is on. */
void cr_load_pdptrs(struct cpu *cpu, uint64_t cr3)
{
    uint64_t reserved = ~((1ull << cpu->model->phys_bits) - 1) | 0x1e6, e[4];

    if (cpu->efer & EFER_LMA)
        return;
    for (unsigned i = 0; i < 4; i++) {
        gpa pa = ((cr3 & 0xffffffe0) + i * 8) & cpu->a20_mask;

        e[i] = space_read(cpu->mmu.mem, pa, 8);
        if (e[i] & 1 && e[i] & reserved)
            raise_gp(cpu, 0);
    }
    memcpy(cpu->pdpte, e, sizeof(e));
}

/* Checks of setting PG; returns EFER as it becomes. */
static uint64_t paging_on(struct cpu *cpu)
{
    if (!(cpu->efer & EFER_LME)) {
        if (cpu->cr4 & CR4_PAE)
            cr_load_pdptrs(cpu, cpu->cr3);
        return cpu->efer;
    }
    if (!(cpu->cr4 & CR4_PAE) || cpu->seg[SEG_CS].attr & SA_L ||
        (cpu->tr.attr & SA_TYPE) == DT_TSS16_BUSY)
        raise_gp(cpu, 0);
    return cpu->efer | EFER_LMA;
}

static uint64_t paging_off(struct cpu *cpu)
{
    if (cpu_long(cpu) || cpu->cr4 & CR4_PCIDE)
        raise_gp(cpu, 0);
    return cpu->efer & ~(uint64_t)EFER_LMA;
}

void cr_write0(struct cpu *cpu, uint64_t v)
{
    uint64_t changed = cpu->cr0 ^ v, efer = cpu->efer;

    if (v >> 32)
        raise_gp(cpu, 0);
    v = (v & CR0_KNOWN) | CR0_ET;
    if ((v & CR0_PG && !(v & CR0_PE)) || (v & CR0_NW && !(v & CR0_CD)))
        raise_gp(cpu, 0);
    if (changed & CR0_PG)
        efer = v & CR0_PG ? paging_on(cpu) : paging_off(cpu);
    cpu->cr0 = v;
    cpu->efer = efer;
    if (changed & (CR0_PG | CR0_WP | CR0_PE | CR0_CD))
        cpu_update_paging(cpu);
    cpu_update_mode(cpu);
}

static void cr_write3(struct cpu *cpu, uint64_t v)
{
    if (cpu->cr4 & CR4_PCIDE)
        v &= ~CR3_NOFLUSH; /* the mmu keeps what it may either way */
    if (cpu_lma(cpu)) {
        if (v >> cpu->model->phys_bits)
            raise_gp(cpu, 0);
    } else if (cpu->cr0 & CR0_PG && cpu->cr4 & CR4_PAE) {
        cr_load_pdptrs(cpu, v);
    }
    cpu->cr3 = v;
    cpu_update_paging(cpu);
}

void cr_write4(struct cpu *cpu, uint64_t v)
{
    uint64_t changed = cpu->cr4 ^ v;
    uint64_t paging = CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP;

    if (v & ~cpu->model->cr4_mask)
        raise_gp(cpu, 0);
    if (cpu_lma(cpu) && !(v & CR4_PAE))
        raise_gp(cpu, 0);
    if (changed & v & CR4_PCIDE && (!cpu_lma(cpu) || cpu->cr3 & 0xfff))
        raise_gp(cpu, 0);
    if (cpu->cr0 & CR0_PG && v & CR4_PAE && changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP))
        cr_load_pdptrs(cpu, cpu->cr3);
    cpu->cr4 = v;
    if (changed & paging)
        cpu_update_paging(cpu);
    cpu_update_mode(cpu);
}

static void cr_write8(struct cpu *cpu, uint64_t v)
{
    if (v > 15)
        raise_gp(cpu, 0);
    if (cpu->hooks.set_tpr)
        cpu->hooks.set_tpr(cpu->hooks.opaque, (uint8_t)v);
}

static uint64_t cr_read(struct cpu *cpu, unsigned n)
{
    switch (n) {
    case 0:
        return cpu->cr0;
    case 2:
        return cpu->cr2;
    case 3:
        return cpu->cr3;
    case 4:
        return cpu->cr4;
    case 8:
        return cpu->hooks.get_tpr ? cpu->hooks.get_tpr(cpu->hooks.opaque) : 0;
    default:
        cpu_raise(cpu, EXC_UD);
    }
}

static void cr_write(struct cpu *cpu, unsigned n, uint64_t v)
{
    switch (n) {
    case 0:
        cr_write0(cpu, v);
        break;
    case 2:
        cpu->cr2 = v;
        break;
    case 3:
        cr_write3(cpu, v);
        break;
    case 4:
        cr_write4(cpu, v);
        break;
    case 8:
        cr_write8(cpu, v);
        break;
    default:
        cpu_raise(cpu, EXC_UD);
    }
}

void sys_mov_cr(struct cpu *cpu, const struct insn *in)
{
    unsigned size = in->mode == INSN_64 ? 8 : 4;

    if (cpu_vm86(cpu) || cpu->cpl != 0)
        raise_gp(cpu, 0);
    if (in->op[0].kind == OPND_CR)
        cr_write(cpu, in->op[0].reg, cpu->gpr[in->op[1].reg] & size_mask(size));
    else
        gpr_set(cpu, in->op[0].reg, cr_read(cpu, in->op[1].reg), size);
}

void sys_smsw(struct cpu *cpu, const struct insn *in)
{
    if (cpu->cr4 & CR4_UMIP && cpu->cpl > 0)
        raise_gp(cpu, 0);
    op_write(cpu, in, 0, cpu->cr0, in->op[0].kind == OPND_MEM ? 2 : in->opsize);
}

void sys_lmsw(struct cpu *cpu, const struct insn *in)
{
    uint64_t v = op_read(cpu, in, 0, 2) & 0xf;

    /* PE can be set but not cleared. */
    cr_write0(cpu, (cpu->cr0 & ~(uint64_t)(CR0_MP | CR0_EM | CR0_TS)) | v);
}

void sys_clts(struct cpu *cpu, const struct insn *in)
{
    cpu->cr0 &= ~(uint64_t)CR0_TS;
    cpu_update_mode(cpu);
}

/* --- translations --- */

void sys_invlpg(struct cpu *cpu, const struct insn *in)
{
    uint64_t off = cpu_ea(cpu, in);
    gva va = off;

    /* No segment checks; a non-canonical address is a no-operation. */
    if (cpu_long(cpu)) {
        if (in->mem.seg >= SEG_FS)
            va += cpu->seg[in->mem.seg].base;
    } else {
        va = (uint32_t)(off + cpu->seg[in->mem.seg].base);
    }
    if (cpu_canonical(va))
        mmu_invlpg(&cpu->mmu, va);
}

void sys_invpcid(struct cpu *cpu, const struct insn *in)
{
    uint64_t type = op_read(cpu, in, 0, in->mode == INSN_64 ? 8 : 4);
    gva at = op_linear(cpu, in, 16, false);
    uint64_t pcid = cpu_ld(cpu, at, 8), va = cpu_ld(cpu, at + 8, 8);

    if (type > 3)
        raise_gp(cpu, 0);
    if (type < 2 && pcid >> 12) /* bits 63:12 of the descriptor are reserved */
        raise_gp(cpu, 0);
    if (type < 2 && pcid != 0 && !(cpu->cr4 & CR4_PCIDE))
        raise_gp(cpu, 0);
    if (type == 0 && !cpu_canonical(va))
        raise_gp(cpu, 0);
    if (type == 0 && (!(cpu->cr4 & CR4_PCIDE) || pcid == (cpu->cr3 & 0xfff)))
        mmu_invlpg(&cpu->mmu, va);
    else
        mmu_flush_untracked(&cpu->mmu);
}

/* --- extended control registers --- */

void sys_xgetbv(struct cpu *cpu, const struct insn *in)
{
    uint64_t v = cpu->xcr0;

    if (!(cpu->cr4 & CR4_OSXSAVE))
        cpu_raise(cpu, EXC_UD);
    if (cpu_model_flag(cpu->model, CF_XGETBV1) && (uint32_t)cpu->gpr[R_CX] == 1)
        v &= xsave_in_use(cpu);
    else if ((uint32_t)cpu->gpr[R_CX] != 0)
        raise_gp(cpu, 0);
    cpu->gpr[R_AX] = (uint32_t)v;
    cpu->gpr[R_DX] = v >> 32;
}

void sys_xsetbv(struct cpu *cpu, const struct insn *in)
{
    uint64_t v = (uint32_t)cpu->gpr[R_AX] | cpu->gpr[R_DX] << 32;

    if (!(cpu->cr4 & CR4_OSXSAVE))
        cpu_raise(cpu, EXC_UD);
    if (cpu->cpl != 0 || (uint32_t)cpu->gpr[R_CX] != 0 || !(v & 1) ||
        v & ~cpuid_xcr0_mask(cpu->model) || (v & 6) == 4) /* AVX without SSE */
        raise_gp(cpu, 0);
    cpu->xcr0 = v;
    cpu_update_mode(cpu);
}
