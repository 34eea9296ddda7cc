/* SPDX-License-Identifier: MIT
 * The usual cases of system instructions, as C that generated code calls with the
 * guest's vector state in host registers: this file is built without vector registers
 * and calls nothing that is not. A function does the whole instruction or returns false
 * with nothing changed; it never raises. What it leaves is done by the sys_fn. */
#include "cpu/fast.h"

#include "cpu/cpuid.h"
#include "cpu/sys.h"

/* --- SYSCALL, SYSRET --- */

void fast_enter_flat(struct cpu *cpu, uint16_t cs, uint16_t ss, unsigned cpl, bool code64)
{
    uint16_t dpl = (uint16_t)(cpl << SA_DPL_SHIFT);

    cpu->seg[SEG_CS] = (struct seg){
        .limit = 0xffffffff,
        .sel = (uint16_t)(cs | cpl),
        .attr = (uint16_t)(ATTR_CODE | dpl | (code64 ? SA_L : SA_DB)),
    };
    cpu->seg[SEG_SS] = (struct seg){
        .limit = 0xffffffff, .sel = (uint16_t)(ss | cpl), .attr = ATTR_DATA | dpl};
    cpu->cpl = (uint8_t)cpl;
}

void fast_do_syscall(struct cpu *cpu)
{
    uint16_t cs = (cpu->star >> 32) & 0xfffc;
    uint64_t fl = cpu_get_rflags(cpu) & ~(uint64_t)FL_RF;

    cpu->gpr[R_CX] = cpu->next_rip;
    cpu->gpr[R_11] = fl;
    cpu->next_rip = cpu->lstar;
    fast_enter_flat(cpu, cs, (uint16_t)(cs + 8), 0, true);
    cpu_set_rflags(cpu, fl & ~cpu->fmask);
    cpu_update_mode(cpu);
}

void fast_do_sysret(struct cpu *cpu, bool code64)
{
    uint16_t base = (uint16_t)(cpu->star >> 48);
    uint64_t target = cpu->gpr[R_CX];

    fast_enter_flat(cpu, (uint16_t)((base + (code64 ? 16 : 0)) & 0xfffc),
                    (uint16_t)((base + 8) & 0xfffc), 3, code64);
    cpu->next_rip = code64 ? target : (uint32_t)target;
    cpu_set_rflags(cpu, cpu->gpr[R_11] & 0x3c7fd7);
    cpu_update_mode(cpu);
}

/* Is the mmu view of this privilege level at hand, so that taking it calls nothing? */
static bool view_ready(const struct cpu *cpu, unsigned cpl, uint64_t rflags)
{
    bool ac = cpu->cr4 & CR4_SMAP && rflags & FL_AC;

    return mmu_view_ready(&cpu->mmu, cpl == 3 ? MMU_USER : ac ? MMU_SUPER_AC : MMU_SUPER);
}

static bool fast_syscall(struct cpu *cpu, const struct insn *in)
{
    if (!cpu_long(cpu) || !(cpu->efer & EFER_SCE) ||
        !view_ready(cpu, 0, cpu->eflags & ~cpu->fmask))
        return false;
    fast_do_syscall(cpu);
    return true;
}

static bool fast_sysret(struct cpu *cpu, const struct insn *in)
{
    bool code64 = in->opsize == 8;

    if (!cpu_long(cpu) || !(cpu->efer & EFER_SCE) || cpu->cpl != 0 ||
        (code64 && !cpu_canonical(cpu->gpr[R_CX])) || !view_ready(cpu, 3, 0))
        return false;
    fast_do_sysret(cpu, code64);
    return true;
}

/* --- EFLAGS --- */

static bool set_ac(struct cpu *cpu, uint32_t ac)
{
    if (cpu->cpl != 0 || !view_ready(cpu, 0, ac))
        return false;
    cpu->eflags = (cpu->eflags & ~(uint32_t)FL_AC) | ac;
    cpu_update_mode(cpu);
    return true;
}

static bool fast_clac(struct cpu *cpu, const struct insn *in)
{
    return set_ac(cpu, 0);
}
static bool fast_stac(struct cpu *cpu, const struct insn *in)
{
    return set_ac(cpu, FL_AC);
}

typedef uint64_t __attribute__((aligned(1), may_alias)) guest_u64;

static bool fast_pushf(struct cpu *cpu, const struct insn *in)
{
    uint64_t sp = cpu->gpr[R_SP] - 8;
    void *p = mmu_fast(&cpu->mmu, sp, 8, true);

    if (!p || !cpu_long(cpu) || in->opsize != 8)
        return false;
    *(guest_u64 *)p = cpu_get_rflags(cpu) & ~(uint64_t)(FL_VM | FL_RF);
    cpu->gpr[R_SP] = sp;
    return true;
}

/* At CPL 0, where everything but VM, VIF and VIP may change; what changes the mode is left. */
static bool fast_popf(struct cpu *cpu, const struct insn *in)
{
    uint32_t mask = FL_ARITH | FL_DF | FL_NT | FL_ID | FL_RF | FL_IF | FL_IOPL;
    const void *p = mmu_fast(&cpu->mmu, cpu->gpr[R_SP], 8, false);
    uint64_t fl;

    if (!p || !cpu_long(cpu) || in->opsize != 8 || cpu->cpl != 0)
        return false;
    fl = *(const guest_u64 *)p & ~(uint64_t)FL_RF;
    if ((fl ^ cpu->eflags) & (FL_TF | FL_AC))
        return false;
    cpu_set_rflags(cpu, (cpu_get_rflags(cpu) & ~(uint64_t)mask) | (fl & mask));
    cpu->gpr[R_SP] += 8;
    return true;
}

/* --- IRETQ between 64-bit segments of CPL 0 and 3 --- */

#define ATTR_FIXED (SA_S | SA_CODE | SA_DC | SA_RW | SA_ACC | SA_P | SA_DPL | SA_L | SA_DB)

/* The descriptor of `sel` when it is one that needs no
 * further look: its type bits under `mask` equal `want`. */
static bool descriptor(struct cpu *cpu, uint16_t sel, uint32_t mask, uint32_t want,
                       struct seg *s)
{
    const uint32_t *d;
    struct desc raw = {0};

    if (sel & SEL_TI || SEL_IS_NULL(sel) || (sel | 7u) > cpu->gdt.limit)
        return false;
    d = (const void *)mmu_fast(&cpu->mmu, cpu->gdt.base + (sel & ~7u), 8, false);
    if (!d)
        return false;
    raw.lo = d[0];
    raw.hi = d[1];
    if ((desc_attr(&raw) & mask) != want)
        return false;
    desc_to_seg(&raw, sel, s);
    return true;
}

static bool data_stays(const struct cpu *cpu)
{
    static const uint8_t segs[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

    for (unsigned i = 0; i < ARRAY_SIZE(segs); i++) {
        uint32_t attr = cpu->seg[segs[i]].attr;

        if (attr & SA_P && !attr_is_conforming(attr) && attr_dpl(attr) < 3)
            return false;
    }
    return true;
}

static bool iret_stack(struct cpu *cpu, uint16_t sel, unsigned rpl, struct seg *ss)
{
    uint32_t want = SA_S | SA_RW | SA_ACC | SA_P | rpl << SA_DPL_SHIFT;

    if ((sel & 3u) != rpl)
        return false;
    if (SEL_IS_NULL(sel) && rpl == 0) {
        *ss = (struct seg){.sel = sel};
        return true;
    }
    return descriptor(cpu, sel, ATTR_FIXED & ~(SA_L | SA_DB | SA_DC), want, ss);
}

static bool fast_iret(struct cpu *cpu, const struct insn *in)
{
    const uint32_t mask = FL_ARITH | FL_DF | FL_TF | FL_NT | FL_RF | FL_AC | FL_ID | FL_IF |
                          FL_IOPL | FL_VIF | FL_VIP;
    const uint64_t *f = (const void *)mmu_fast(&cpu->mmu, cpu->gpr[R_SP], 40, false);
    struct seg cs, ss;
    unsigned rpl;

    if (!f || !cpu_long(cpu) || in->opsize != 8 || cpu->cpl != 0 || cpu->eflags & FL_NT)
        return false;
    rpl = f[1] & 3;
    if ((rpl != 0 && rpl != 3) || !cpu_canonical(f[0]) || f[2] & FL_TF ||
        cpu->mmu.view != MMU_SUPER || !view_ready(cpu, rpl, f[2]) || (rpl && !data_stays(cpu)))
        return false;
    if (!descriptor(cpu, (uint16_t)f[1], ATTR_FIXED & ~SA_RW,
                    SA_S | SA_CODE | SA_ACC | SA_P | SA_L | rpl << SA_DPL_SHIFT, &cs) ||
        !iret_stack(cpu, (uint16_t)f[4], rpl, &ss))
        return false;
    cpu->nmi_blocked = false;
    cpu->gpr[R_SP] = f[3];
    cpu->next_rip = f[0];
    cpu->seg[SEG_CS] = cs;
    cpu->seg[SEG_SS] = ss;
    cpu->cpl = (uint8_t)rpl;
    cpu_set_rflags(cpu, (cpu_get_rflags(cpu) & ~(uint64_t)mask) | (f[2] & mask));
    cpu_update_mode(cpu);
    return true;
}

/* --- segment registers in real and virtual-8086 mode --- */

/* ES, DS, FS or GS of 64 KiB: cannot make the mode a flat one. */
static bool load_selector(struct cpu *cpu, unsigned seg, uint16_t sel)
{
    if (cpu_pe(cpu) || seg == SEG_CS || seg == SEG_SS || seg >= SEG_COUNT ||
        cpu->seg[seg].limit != 0xffff)
        return false;
    if (cpu_vm86(cpu))
        seg_load_vm86(cpu, seg, sel);
    else
        seg_load_real(cpu, seg, sel);
    seg_update_end(cpu, seg);
    return true;
}

static bool fast_mov_sreg(struct cpu *cpu, const struct insn *in)
{
    unsigned seg = in->op[1].reg;

    if (in->op[0].kind == OPND_SREG)
        return in->op[1].kind == OPND_GPR &&
               load_selector(cpu, in->op[0].reg, (uint16_t)cpu->gpr[in->op[1].reg]);
    if (in->op[0].kind != OPND_GPR || seg >= SEG_COUNT)
        return false;
    gpr_set(cpu, in->op[0].reg, cpu->seg[seg].sel, in->opsize);
    return true;
}

typedef uint16_t __attribute__((aligned(1), may_alias)) guest_u16;

/* A word of a 16-bit stack, or NULL. */
static guest_u16 *stack_word(struct cpu *cpu, const struct insn *in, uint16_t sp, bool write)
{
    if (cpu_pe(cpu) || cpu->mode & CM_SS32 || in->opsize != 2 ||
        sp + 2u > cpu->seg_end[SEG_SS][write])
        return NULL;
    return (void *)mmu_fast(&cpu->mmu, (uint32_t)(cpu->seg[SEG_SS].base + sp), 2, write);
}

static bool fast_push_sreg(struct cpu *cpu, const struct insn *in)
{
    uint16_t sp = (uint16_t)(cpu->gpr[R_SP] - 2);
    guest_u16 *p = stack_word(cpu, in, sp, true);

    if (!p)
        return false;
    *p = cpu->seg[in->op[0].reg].sel;
    gpr_set(cpu, R_SP, sp, 2);
    return true;
}

static bool fast_pop_sreg(struct cpu *cpu, const struct insn *in)
{
    uint16_t sp = (uint16_t)cpu->gpr[R_SP];
    const guest_u16 *p = stack_word(cpu, in, sp, false);

    if (!p || !load_selector(cpu, in->op[0].reg, *p))
        return false;
    gpr_set(cpu, R_SP, sp + 2u, 2);
    return true;
}

/* --- registers of the system --- */

static bool load_cr3(struct cpu *cpu, uint64_t v)
{
    if (cpu->cr4 & CR4_PCIDE)
        v &= ~CR3_NOFLUSH;
    if (v >> cpu->model->phys_bits || !mmu_try_root(&cpu->mmu, v))
        return false;
    cpu->cr3 = v;
    return true;
}

static bool fast_mov_cr(struct cpu *cpu, const struct insn *in)
{
    const uint64_t *from;

    if (!cpu_long(cpu) || cpu->cpl != 0)
        return false;
    if (in->op[0].kind == OPND_CR)
        return in->op[0].reg == 3 && load_cr3(cpu, cpu->gpr[in->op[1].reg]);
    switch (in->op[1].reg) {
    case 0: from = &cpu->cr0; break;
    case 2: from = &cpu->cr2; break;
    case 3: from = &cpu->cr3; break;
    case 4: from = &cpu->cr4; break;
    default: return false;
    }
    cpu->gpr[in->op[0].reg] = *from;
    return true;
}

/* FS_BASE, GS_BASE and KERNEL_GS_BASE. */
static uint64_t *base_msr(struct cpu *cpu)
{
    switch ((uint32_t)cpu->gpr[R_CX]) {
    case 0xc0000100: return &cpu->seg[SEG_FS].base;
    case 0xc0000101: return &cpu->seg[SEG_GS].base;
    case 0xc0000102: return &cpu->kernel_gs_base;
    default: return NULL;
    }
}

static bool fast_rdmsr(struct cpu *cpu, const struct insn *in)
{
    const uint64_t *msr = base_msr(cpu);

    if (!msr || !cpu_long(cpu) || cpu->cpl != 0)
        return false;
    cpu->gpr[R_AX] = (uint32_t)*msr;
    cpu->gpr[R_DX] = *msr >> 32;
    return true;
}

static bool fast_wrmsr(struct cpu *cpu, const struct insn *in)
{
    uint64_t v = cpu->gpr[R_DX] << 32 | (uint32_t)cpu->gpr[R_AX], *msr = base_msr(cpu);

    if (!msr || !cpu_long(cpu) || cpu->cpl != 0 || !cpu_canonical(v))
        return false;
    *msr = v;
    return true;
}

static bool base_access(struct cpu *cpu, const struct insn *in, unsigned seg, bool write)
{
    uint64_t *r = &cpu->gpr[in->op[0].reg], *base = &cpu->seg[seg].base;

    if (!(cpu->cr4 & CR4_FSGSBASE) || in->opsize != 8 || (write && !cpu_canonical(*r)))
        return false;
    *(write ? base : r) = *(write ? r : base);
    return true;
}

static bool fast_rdfsbase(struct cpu *cpu, const struct insn *in)
{
    return base_access(cpu, in, SEG_FS, false);
}
static bool fast_rdgsbase(struct cpu *cpu, const struct insn *in)
{
    return base_access(cpu, in, SEG_GS, false);
}
static bool fast_wrfsbase(struct cpu *cpu, const struct insn *in)
{
    return base_access(cpu, in, SEG_FS, true);
}
static bool fast_wrgsbase(struct cpu *cpu, const struct insn *in)
{
    return base_access(cpu, in, SEG_GS, true);
}

/* Accesses are in order but for a store and a later load. */
static bool fast_fence(struct cpu *cpu, const struct insn *in)
{
    if (in->id == I_MFENCE)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

sys_fast_fn *const fast_table[I_COUNT] = {
    [I_SYSCALL] = fast_syscall,   [I_SYSRET] = fast_sysret,     [I_IRET] = fast_iret,
    [I_CLAC] = fast_clac,         [I_STAC] = fast_stac,         [I_PUSHF] = fast_pushf,
    [I_POPF] = fast_popf,         [I_MOV_CR] = fast_mov_cr,     [I_RDMSR] = fast_rdmsr,
    [I_WRMSR] = fast_wrmsr,       [I_RDFSBASE] = fast_rdfsbase, [I_RDGSBASE] = fast_rdgsbase,
    [I_WRFSBASE] = fast_wrfsbase, [I_WRGSBASE] = fast_wrgsbase, [I_LFENCE] = fast_fence,
    [I_MFENCE] = fast_fence,      [I_SFENCE] = fast_fence,      [I_MOV_SREG] = fast_mov_sreg,
    [I_PUSH_SREG] = fast_push_sreg, [I_POP_SREG] = fast_pop_sreg,
};
