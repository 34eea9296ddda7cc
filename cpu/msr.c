/* SPDX-License-Identifier: MIT
 * Model-specific registers (SDM vol. 4): one table, one row a register or range. */
#include "cpu/cpu.h"
#include "cpu/cpuid.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"
#include "softmmu/log.h"

#define PAT_RESET 0x0007040600070406ull
#define MTRR_CAP 0x508u /* 8 variable ranges, fixed ranges, WC */
#define MISC_ENABLE_RESET (1ull << 0 | 1ull << 11 | 1ull << 12)
#define MISC_ENABLE_MONITOR (1ull << 18)
#define MISC_ENABLE_WRITABLE                                                                   \
    (1ull << 0 | 1ull << 3 | 1ull << 16 | 1ull << 18 | 1ull << 22 | 1ull << 23 | 1ull << 34)
#define APIC_MSR_DEADLINE 0x6e0
/* Microcode revision as the update facility reports it, in the high half. */
#define UCODE_REVISION (0x10dull << 32)
/* RDCL_NO, SKIP_VMENTRY_L1DFL, SSB_NO, MDS_NO, PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO,
 * FBSDP_NO, PSDP_NO, FB_CLEAR, BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO, ITS_NO: immune. */
#define ARCH_CAPABILITIES                                                                      \
    (1ull << 0 | 1ull << 3 | 1ull << 4 | 1ull << 5 | 1ull << 6 | 1ull << 8 | 1ull << 13 |      \
     1ull << 14 | 1ull << 15 | 1ull << 17 | 1ull << 20 | 1ull << 24 | 1ull << 26 |             \
     1ull << 27 | 1ull << 62)

struct msr_row;
typedef uint64_t msr_read_fn(struct cpu *cpu, uint32_t index, const struct msr_row *row);
typedef bool msr_write_fn(struct cpu *cpu, uint32_t index, uint64_t v,
                          const struct msr_row *row);

struct msr_row {
    uint32_t first, last;
    msr_read_fn *read;   /* NULL: unreadable */
    msr_write_fn *write; /* NULL: read-only; false: #GP */
    uint64_t arg;        /* field offset, constant value, or writable bits */
    enum cpuid_flag flag; /* feature that it exists with, or CF_NONE */
};

/* --- row kinds --- */

static uint64_t *field(struct cpu *cpu, const struct msr_row *row, uint32_t index)
{
    return (uint64_t *)((char *)cpu + (row->arg & 0xffffffff)) + (index - row->first);
}

static uint64_t rd_field(struct cpu *cpu, uint32_t index, const struct msr_row *row)
{
    return *field(cpu, row, index);
}
static bool wr_field(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    *field(cpu, row, index) = v;
    return true;
}
static bool wr_canonical(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    return cpu_canonical(v) && wr_field(cpu, index, v, row);
}
static bool wr_low32(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    return !(v >> 32) && wr_field(cpu, index, v, row);
}
static uint64_t rd_const(struct cpu *cpu, uint32_t index, const struct msr_row *row)
{
    return row->arg;
}
static bool wr_zero(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    return v == 0;
}
static bool wr_drop(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    return true;
}

/* --- time --- */

uint64_t cpu_tsc(const struct cpu *cpu)
{
    uint64_t t = cpu->hooks.tsc ? cpu->hooks.tsc(cpu->hooks.opaque) : 0;

    return t + cpu->tsc_offset;
}

/* The APIC compares the deadline with host ticks: it is moved along with the offset. */
static void set_tsc_offset(struct cpu *cpu, uint64_t offset)
{
    struct cpu_hooks *h = &cpu->hooks;
    uint64_t at;

    if (h->apic_rdmsr && h->apic_rdmsr(h->opaque, APIC_MSR_DEADLINE, &at) && at)
        h->apic_wrmsr(h->opaque, APIC_MSR_DEADLINE, at + cpu->tsc_offset - offset);
    cpu->tsc_offset = offset;
}

static uint64_t rd_tsc(struct cpu *cpu, uint32_t index, const struct msr_row *row)
{
    return cpu_tsc(cpu);
}
static bool wr_tsc(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    set_tsc_offset(cpu, cpu->tsc_offset + (v - cpu_tsc(cpu)));
    return true;
}
/* TSC_ADJUST counts every change of the TSC since reset: the offset itself. */
static bool wr_tsc_adjust(struct cpu *cpu, uint32_t index, uint64_t v,
                          const struct msr_row *row)
{
    set_tsc_offset(cpu, v);
    return true;
}

/* --- local APIC --- */

static bool apic_read(struct cpu *cpu, uint32_t index, uint64_t *v)
{
    struct cpu_hooks *h = &cpu->hooks;

    if (!h->apic_rdmsr || !h->apic_rdmsr(h->opaque, index, v))
        return false;
    if (index == APIC_MSR_DEADLINE && *v)
        *v += cpu->tsc_offset;
    return true;
}

static bool apic_write(struct cpu *cpu, uint32_t index, uint64_t v)
{
    struct cpu_hooks *h = &cpu->hooks;

    if (index == APIC_MSR_DEADLINE && v) {
        v -= cpu->tsc_offset;
        if (!v || (int64_t)v < 0)
            v = 1; /* long past */
    }
    return h->apic_wrmsr && h->apic_wrmsr(h->opaque, index, v);
}

static bool is_apic(const struct cpu *cpu, uint32_t index)
{
    return (index >= 0x800 && index <= 0x8ff) || index == 0x1b ||
           (index == APIC_MSR_DEADLINE && cpu_model_flag(cpu->model, CF_DEADLINE));
}

/* --- paging, memory types --- */

static bool wr_efer(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    uint64_t known = EFER_LMA, changed;

    known |= cpu_has(cpu, IF_SYSCALL) ? EFER_SCE : 0;
    known |= cpu_has(cpu, IF_LM) ? EFER_LME : 0;
    known |= cpu_model_flag(cpu->model, CF_NX) ? EFER_NXE : 0;
    if (v & ~known)
        return false;
    v = (v & ~(uint64_t)EFER_LMA) | (cpu->efer & EFER_LMA);
    changed = v ^ cpu->efer;
    if (changed & EFER_LME && cpu->cr0 & CR0_PG)
        return false;
    cpu->efer = v;
    if (changed & (EFER_LME | EFER_NXE)) {
        cpu_update_paging(cpu);
        cpu_update_mode(cpu);
    }
    return true;
}

static bool memory_type_ok(unsigned t, bool pat)
{
    return t == 0 || t == 1 || (t >= 4 && t <= 6) || (pat && t == 7);
}

static bool memory_types_ok(uint64_t v, bool pat)
{
    for (unsigned i = 0; i < 64; i += 8)
        if (!memory_type_ok(v >> i & 0xff, pat))
            return false;
    return true;
}

static bool wr_pat(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    return memory_types_ok(v, true) && wr_field(cpu, index, v, row);
}
static bool wr_mtrr_fixed(struct cpu *cpu, uint32_t index, uint64_t v,
                          const struct msr_row *row)
{
    return memory_types_ok(v, false) && wr_field(cpu, index, v, row);
}
static bool wr_mtrr_def(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    return !(v & ~0xcffull) && memory_type_ok(v & 0xff, false) && wr_field(cpu, index, v, row);
}
static bool wr_mtrr_var(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    bool mask = index & 1;

    if (v >> cpu->model->phys_bits || v & (mask ? 0x7ff : 0xf00))
        return false;
    return (mask || memory_type_ok(v & 0xff, false)) && wr_field(cpu, index, v, row);
}

/* Fixed MTRRs: numbers 250h, 258h, 259h, 268h..26Fh in mtrr_fixed[0..10]. */
#define FIXED(n, i)                                                                            \
    {n, n, rd_field, wr_mtrr_fixed, offsetof(struct cpu, mtrr_fixed) + 8 * (i), CF_MTRR}

/* --- the rest --- */

static bool wr_base(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    if (!cpu_canonical(v))
        return false;
    cpu->seg[index == 0xc0000100 ? SEG_FS : SEG_GS].base = v;
    return true;
}
static uint64_t rd_base(struct cpu *cpu, uint32_t index, const struct msr_row *row)
{
    return cpu->seg[index == 0xc0000100 ? SEG_FS : SEG_GS].base;
}

static uint64_t rd_misc_enable(struct cpu *cpu, uint32_t index, const struct msr_row *row)
{
    return cpu->misc_enable;
}
static bool wr_misc_enable(struct cpu *cpu, uint32_t index, uint64_t v,
                           const struct msr_row *row)
{
    cpu->misc_enable =
        (cpu->misc_enable & ~MISC_ENABLE_WRITABLE) | (v & MISC_ENABLE_WRITABLE);
    return true;
}
static bool wr_feat_ctl(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    if (cpu->feat_ctl & 1 || v & ~1ull) /* locked; no VMX or SMX to enable */
        return false;
    cpu->feat_ctl = v;
    return true;
}
/* Branch trap and last-branch records are accepted and not acted upon. */
static bool wr_debugctl(struct cpu *cpu, uint32_t index, uint64_t v, const struct msr_row *row)
{
    return !(v & ~3ull) && wr_field(cpu, index, v, row);
}
static uint64_t rd_bios_sign(struct cpu *cpu, uint32_t index, const struct msr_row *row)
{
    return UCODE_REVISION;
}
static uint64_t rd_platform_info(struct cpu *cpu, uint32_t index, const struct msr_row *row)
{
    return (CPU_TSC_HZ / 100000000u) << 8; /* maximum non-turbo ratio, in 100 MHz */
}

#define F(name) offsetof(struct cpu, name)
static const struct msr_row msr_rows[] = {
    {0x0, 0x1, rd_const, wr_drop, 0, CF_NONE}, /* P5 machine check */
    {0x10, 0x10, rd_tsc, wr_tsc, 0, CF_TSC},
    {0x17, 0x17, rd_const, NULL, 0, CF_NONE}, /* PLATFORM_ID */
    {0x2a, 0x2a, rd_const, wr_drop, 0, CF_NONE}, /* EBL_CR_POWERON */
    {0x34, 0x34, rd_const, NULL, 0, CF_NONE}, /* SMI_COUNT */
    {0x3a, 0x3a, rd_field, wr_feat_ctl, F(feat_ctl), CF_NONE},
    {0x3b, 0x3b, rd_field, wr_tsc_adjust, F(tsc_offset), CF_ADJUST},
    {0x79, 0x79, NULL, wr_drop, 0, CF_NONE}, /* BIOS_UPDT_TRIG */
    {0x8b, 0x8b, rd_bios_sign, wr_drop, 0, CF_NONE},
    {0xcd, 0xcd, rd_const, NULL, 0, CF_NONE}, /* FSB_FREQ */
    {0xce, 0xce, rd_platform_info, NULL, 0, CF_NONE},
    {0xfe, 0xfe, rd_const, NULL, MTRR_CAP, CF_MTRR},
    {0x10a, 0x10a, rd_const, NULL, ARCH_CAPABILITIES, CF_ARCH_CAP},
    {0x119, 0x119, rd_const, wr_drop, 0, CF_NONE}, /* BBL_CR_CTL */
    {0x11e, 0x11e, rd_const, wr_drop, 0, CF_NONE}, /* BBL_CR_CTL3 */
    {0x140, 0x140, rd_const, wr_zero, 0, CF_NONE}, /* MISC_FEATURES_ENABLES */
    {0x174, 0x174, rd_field, wr_low32, F(sysenter_cs), CF_SEP},
    {0x175, 0x175, rd_field, wr_canonical, F(sysenter_esp), CF_SEP},
    {0x176, 0x176, rd_field, wr_canonical, F(sysenter_eip), CF_SEP},
    {0x179, 0x179, rd_const, NULL, 0, CF_MCA}, /* MCG_CAP: no banks */
    {0x17a, 0x17a, rd_const, wr_zero, 0, CF_MCA}, /* MCG_STATUS */
    {0x198, 0x198, rd_const, NULL, 0, CF_NONE}, /* PERF_STATUS */
    {0x199, 0x199, rd_const, wr_drop, 0, CF_NONE}, /* PERF_CTL */
    {0x19a, 0x19a, rd_const, wr_drop, 0, CF_NONE}, /* CLOCK_MODULATION */
    {0x19b, 0x19b, rd_const, wr_drop, 0, CF_NONE}, /* THERM_INTERRUPT */
    {0x19c, 0x19c, rd_const, wr_drop, 0, CF_NONE}, /* THERM_STATUS */
    {0x1a0, 0x1a0, rd_misc_enable, wr_misc_enable, 0, CF_NONE},
    {0x1d9, 0x1d9, rd_field, wr_debugctl, F(debugctl), CF_NONE},
    {0x1db, 0x1de, rd_const, NULL, 0, CF_NONE}, /* last branch and exception records */
    {0x200, 0x20f, rd_field, wr_mtrr_var, F(mtrr_var), CF_MTRR},
    FIXED(0x250, 0), FIXED(0x258, 1), FIXED(0x259, 2), FIXED(0x268, 3), FIXED(0x269, 4),
    FIXED(0x26a, 5), FIXED(0x26b, 6), FIXED(0x26c, 7), FIXED(0x26d, 8), FIXED(0x26e, 9),
    FIXED(0x26f, 10),
    {0x277, 0x277, rd_field, wr_pat, F(pat), CF_PAT},
    {0x2ff, 0x2ff, rd_field, wr_mtrr_def, F(mtrr_def), CF_MTRR},
    {0x570, 0x570, rd_const, wr_zero, 0, CF_NONE}, /* RTIT_CTL */
    {0x606, 0x606, rd_const, NULL, 0, CF_NONE}, /* RAPL_POWER_UNIT: no domains */
    {0xc0000080, 0xc0000080, rd_field, wr_efer, F(efer), CF_NONE},
    {0xc0000081, 0xc0000081, rd_field, wr_field, F(star), CF_SYSCALL},
    {0xc0000082, 0xc0000082, rd_field, wr_canonical, F(lstar), CF_LM},
    {0xc0000083, 0xc0000083, rd_field, wr_canonical, F(cstar), CF_LM},
    {0xc0000084, 0xc0000084, rd_field, wr_low32, F(fmask), CF_SYSCALL},
    {0xc0000100, 0xc0000101, rd_base, wr_base, 0, CF_LM},
    {0xc0000102, 0xc0000102, rd_field, wr_canonical, F(kernel_gs_base), CF_LM},
    {0xc0000103, 0xc0000103, rd_field, wr_low32, F(tsc_aux), CF_RDTSCP},
};

static const struct msr_row *find_row(const struct cpu *cpu, uint32_t index)
{
    for (size_t i = 0; i < ARRAY_SIZE(msr_rows); i++) {
        const struct msr_row *r = &msr_rows[i];

        if (index >= r->first && index <= r->last)
            return r->flag == CF_NONE || cpu_model_flag(cpu->model, r->flag) ? r : NULL;
    }
    return NULL;
}

void msr_reset(struct cpu *cpu)
{
    cpu->star = cpu->lstar = cpu->cstar = cpu->fmask = 0;
    cpu->kernel_gs_base = cpu->tsc_aux = cpu->tsc_offset = 0;
    cpu->sysenter_cs = cpu->sysenter_esp = cpu->sysenter_eip = 0;
    cpu->spec_ctrl = cpu->debugctl = cpu->feat_ctl = 0;
    cpu->pat = PAT_RESET;
    cpu->misc_enable = MISC_ENABLE_RESET;
    if (cpu_has(cpu, IF_MONITOR))
        cpu->misc_enable |= MISC_ENABLE_MONITOR;
    cpu->mtrr_def = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(cpu->mtrr_fixed); i++)
        cpu->mtrr_fixed[i] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(cpu->mtrr_var); i++)
        cpu->mtrr_var[i] = 0;
}

bool msr_read(struct cpu *cpu, uint32_t index, uint64_t *v)
{
    const struct msr_row *row;

    if (is_apic(cpu, index))
        return apic_read(cpu, index, v);
    row = find_row(cpu, index);
    if (!row || !row->read) {
        LOG_UNIMPL("rdmsr %x at %016llx", index, (unsigned long long)cpu->rip);
        return false;
    }
    *v = row->read(cpu, index, row);
    return true;
}

bool msr_write(struct cpu *cpu, uint32_t index, uint64_t v)
{
    const struct msr_row *row;

    if (is_apic(cpu, index))
        return apic_write(cpu, index, v);
    row = find_row(cpu, index);
    if (!row) {
        LOG_UNIMPL("wrmsr %x = %llx at %016llx", index, (unsigned long long)v,
                   (unsigned long long)cpu->rip);
        return false;
    }
    return row->write && row->write(cpu, index, v, row);
}

void sys_rdmsr(struct cpu *cpu, const struct insn *in)
{
    uint64_t v;

    if (cpu->cpl != 0 || !msr_read(cpu, (uint32_t)cpu->gpr[R_CX], &v))
        raise_gp(cpu, 0);
    cpu->gpr[R_AX] = (uint32_t)v;
    cpu->gpr[R_DX] = v >> 32;
}

void sys_wrmsr(struct cpu *cpu, const struct insn *in)
{
    uint64_t v = (uint32_t)cpu->gpr[R_AX] | cpu->gpr[R_DX] << 32;

    if (cpu->cpl != 0 || !msr_write(cpu, (uint32_t)cpu->gpr[R_CX], v))
        raise_gp(cpu, 0);
}
