/* SPDX-License-Identifier: MIT
 * FXSAVE, XSAVE and their kin (SDM vol. 1 10.5 and ch. 13). The AVX component is the only
 * one beyond the legacy area, so that the compacted form has it at the same place. */
#include <string.h>

#include "cpu/sys.h"
#include "cpu/sys_fns.h"
#include "cpu/x87.h"

#define MXCSR_MASK 0xffffu
enum { XC_X87 = 1, XC_SSE = 2, XC_AVX = 4 };
enum { OFF_MXCSR = 24, OFF_ST = 32, OFF_XMM = 160, OFF_HEADER = 512, OFF_YMM = 576 };
#define AREA_MAX (OFF_YMM + 256)

/* --- memory --- */

static gva area_va(struct cpu *cpu, const struct insn *in, unsigned size, unsigned align,
                   bool write)
{
    gva va = seg_linear(cpu, in->mem.seg, cpu_ea(cpu, in), size, write);

    if (va & (align - 1))
        cpu_raise_err(cpu, EXC_GP, 0);
    return va;
}

static void load_range(struct cpu *cpu, gva va, uint8_t *area, unsigned from, unsigned to)
{
    unsigned i, n;

    for (i = from; i < to; i += n) {
        n = to - i < 64 ? to - i : 64;
        cpu_ld_bytes(cpu, va + i, area + i, n);
    }
}

static void probe_range(struct cpu *cpu, gva va, unsigned from, unsigned to)
{
    unsigned i, n;

    for (i = from; i < to; i += n) {
        n = to - i < 64 ? to - i : 64;
        cpu_probe_write(cpu, va + i, n);
    }
}

static void store_range(struct cpu *cpu, gva va, const uint8_t *area, unsigned from,
                        unsigned to)
{
    unsigned i, n;

    for (i = from; i < to; i += n) {
        n = to - i < 64 ? to - i : 64;
        cpu_st_bytes(cpu, va + i, area + i, n);
    }
}

/* --- components --- */

static unsigned xmm_count(const struct cpu *cpu)
{
    return (cpu->mode & CM_SIZE) == CM_64 ? 16 : 8;
}

static void put_x87(const struct x87 *f, uint8_t *a, bool wide)
{
    unsigned i;

    memcpy(a, &f->cw, 2);
    memcpy(a + 2, &f->sw, 2);
    a[4] = f->valid;
    a[5] = 0;
    memcpy(a + 6, &f->fop, 2);
    memcpy(a + 8, &f->fip, 8);
    memcpy(a + 16, &f->fdp, 8);
    if (!wide) {
        memset(a + 12, 0, 4);
        memcpy(a + 12, &f->fcs, 2);
        memset(a + 20, 0, 4);
        memcpy(a + 20, &f->fds, 2);
    }
    for (i = 0; i < 8; i++) {
        const struct x87_reg *r = &f->fpr[x87_phys(f, i)];

        memcpy(a + OFF_ST + 16 * i, &r->m, 8);
        memcpy(a + OFF_ST + 16 * i + 8, &r->se, 2);
        memset(a + OFF_ST + 16 * i + 10, 0, 6);
    }
}

static void get_x87(struct x87 *f, const uint8_t *a, bool wide)
{
    uint16_t cw;
    unsigned i;

    memcpy(&cw, a, 2);
    f->cw = (uint16_t)((cw & 0x1f3f) | 0x40);
    memcpy(&f->sw, a + 2, 2);
    f->valid = a[4];
    memcpy(&f->fop, a + 6, 2);
    f->fop &= 0x7ff;
    memcpy(&f->fip, a + 8, 8);
    memcpy(&f->fdp, a + 16, 8);
    if (!wide) {
        f->fip = (uint32_t)f->fip;
        f->fdp = (uint32_t)f->fdp;
    }
    x87_update_es(f);
    for (i = 0; i < 8; i++) {
        struct x87_reg *r = &f->fpr[x87_phys(f, i)];

        memcpy(&r->m, a + OFF_ST + 16 * i, 8);
        memcpy(&r->se, a + OFF_ST + 16 * i + 8, 2);
    }
}

static void init_x87(struct x87 *f)
{
    memset(f->fpr, 0, sizeof(f->fpr));
    x87_init(f);
}

static void put_mxcsr(const struct cpu *cpu, uint8_t *a)
{
    uint32_t mask = MXCSR_MASK;

    memcpy(a + OFF_MXCSR, &cpu->mxcsr, 4);
    memcpy(a + OFF_MXCSR + 4, &mask, 4);
}

static uint32_t checked_mxcsr(struct cpu *cpu, const uint8_t *a)
{
    uint32_t v;

    memcpy(&v, a + OFF_MXCSR, 4);
    if (v & ~MXCSR_MASK)
        cpu_raise_err(cpu, EXC_GP, 0);
    return v;
}

static void put_xmm(const struct cpu *cpu, uint8_t *a)
{
    unsigned i;

    for (i = 0; i < xmm_count(cpu); i++)
        memcpy(a + OFF_XMM + 16 * i, &cpu->v[i], 16);
}

/* a NULL: initial state. */
static void get_xmm(struct cpu *cpu, const uint8_t *a)
{
    unsigned i;

    for (i = 0; i < xmm_count(cpu); i++) {
        if (a)
            memcpy(&cpu->v[i], a + OFF_XMM + 16 * i, 16);
        else
            memset(&cpu->v[i], 0, 16);
    }
}

static void put_ymm(const struct cpu *cpu, uint8_t *a)
{
    unsigned i;

    for (i = 0; i < xmm_count(cpu); i++)
        memcpy(a + OFF_YMM + 16 * i, &cpu->v[i].u64[2], 16);
}

static void get_ymm(struct cpu *cpu, const uint8_t *a)
{
    unsigned i;

    for (i = 0; i < xmm_count(cpu); i++) {
        if (a)
            memcpy(&cpu->v[i].u64[2], a + OFF_YMM + 16 * i, 16);
        else
            memset(&cpu->v[i].u64[2], 0, 16);
    }
}

void cpu_update_upper(struct cpu *cpu)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(cpu->v); i++)
        any |= cpu->v[i].u64[2] | cpu->v[i].u64[3];
    cpu->upper = any ? UPPER_USED : UPPER_ZERO;
}

/* Components not in their initial state (XINUSE; MXCSR does not count). */
uint64_t xsave_in_use(const struct cpu *cpu)
{
    const struct x87 *f = &cpu->x87;
    uint64_t lo = 0, hi = 0, regs = 0;
    unsigned i;

    for (i = 0; i < xmm_count(cpu); i++) {
        lo |= cpu->v[i].u64[0] | cpu->v[i].u64[1];
        hi |= cpu->v[i].u64[2] | cpu->v[i].u64[3];
    }
    for (i = 0; i < 8; i++)
        regs |= f->fpr[i].m | f->fpr[i].se;
    regs |= f->sw | f->valid | f->fop | f->fip | f->fdp | (f->cw != 0x37f);
    return (regs ? XC_X87 : 0) | (lo ? XC_SSE : 0) | (hi ? XC_AVX : 0);
}

/* --- FXSAVE, FXRSTOR --- */

static void check_nm(struct cpu *cpu, uint64_t bits)
{
    if (cpu->cr0 & bits)
        cpu_raise(cpu, EXC_NM);
}

void sys_fxsave(struct cpu *cpu, const struct insn *in)
{
    unsigned end = OFF_XMM + 16 * xmm_count(cpu);
    uint8_t a[512];
    gva va;

    check_nm(cpu, CR0_EM | CR0_TS);
    va = area_va(cpu, in, 512, 16, true);
    x87_sync(cpu);
    put_x87(&cpu->x87, a, in->opsize == 8);
    put_mxcsr(cpu, a);
    put_xmm(cpu, a);
    probe_range(cpu, va, 0, 512);
    store_range(cpu, va, a, 0, end);
}

void sys_fxrstor(struct cpu *cpu, const struct insn *in)
{
    uint8_t a[512];
    uint32_t mxcsr;

    check_nm(cpu, CR0_EM | CR0_TS);
    load_range(cpu, area_va(cpu, in, 512, 16, false), a, 0, 512);
    mxcsr = checked_mxcsr(cpu, a);
    x87_sync(cpu);
    get_x87(&cpu->x87, a, in->opsize == 8);
    x87_update_mode(cpu);
    get_xmm(cpu, a);
    cpu->mxcsr = mxcsr;
}

/* --- XSAVE, XSAVEOPT, XRSTOR --- */

static uint64_t requested(struct cpu *cpu)
{
    if (!(cpu->cr4 & CR4_OSXSAVE))
        cpu_raise(cpu, EXC_UD);
    check_nm(cpu, CR0_TS);
    x87_sync(cpu);
    return ((uint32_t)cpu->gpr[R_AX] | cpu->gpr[R_DX] << 32) & cpu->xcr0;
}

static unsigned area_size(uint64_t rfbm)
{
    return rfbm & XC_AVX ? AREA_MAX : OFF_YMM;
}

/* rfbm: components asked for; what: those to write. Bytes of others are left alone. */
static void xsave(struct cpu *cpu, const struct insn *in, uint64_t rfbm, uint64_t what)
{
    unsigned n = xmm_count(cpu) * 16, size = area_size(rfbm);
    gva va = area_va(cpu, in, size, 64, true);
    uint64_t bv = cpu_ld(cpu, va + OFF_HEADER, 8);
    uint8_t a[AREA_MAX];

    bv = (bv & ~rfbm) | (xsave_in_use(cpu) & rfbm);
    probe_range(cpu, va, 0, size);
    if (what & XC_X87) {
        put_x87(&cpu->x87, a, in->opsize == 8);
        store_range(cpu, va, a, 0, OFF_MXCSR);
        store_range(cpu, va, a, OFF_ST, OFF_XMM);
    }
    if (rfbm & (XC_SSE | XC_AVX)) {
        put_mxcsr(cpu, a);
        store_range(cpu, va, a, OFF_MXCSR, OFF_ST);
    }
    if (what & XC_SSE) {
        put_xmm(cpu, a);
        store_range(cpu, va, a, OFF_XMM, OFF_XMM + n);
    }
    if (what & XC_AVX) {
        put_ymm(cpu, a);
        store_range(cpu, va, a, OFF_YMM, OFF_YMM + n);
    }
    cpu_st(cpu, va + OFF_HEADER, bv, 8);
}

void sys_xsave(struct cpu *cpu, const struct insn *in)
{
    uint64_t rfbm = requested(cpu);

    xsave(cpu, in, rfbm, rfbm);
}

void sys_xsaveopt(struct cpu *cpu, const struct insn *in)
{
    uint64_t rfbm = requested(cpu);

    xsave(cpu, in, rfbm, rfbm & xsave_in_use(cpu));
}

/* XSAVEC: components in their initial state are left out; the header is written whole. MXCSR
 * counts as SSE state here. */
void sys_xsavec(struct cpu *cpu, const struct insn *in)
{
    uint64_t rfbm = requested(cpu), use = xsave_in_use(cpu), header[2];
    unsigned n = xmm_count(cpu) * 16, size = area_size(rfbm);
    gva va = area_va(cpu, in, size, 64, true);
    uint8_t a[AREA_MAX];

    if (cpu->mxcsr != 0x1f80)
        use |= XC_SSE;
    use &= rfbm;
    header[0] = use;
    header[1] = 1ull << 63 | rfbm;
    probe_range(cpu, va, 0, size);
    if (use & XC_X87) {
        put_x87(&cpu->x87, a, in->opsize == 8);
        store_range(cpu, va, a, 0, OFF_MXCSR);
        store_range(cpu, va, a, OFF_ST, OFF_XMM);
    }
    if (use & XC_SSE) {
        put_mxcsr(cpu, a);
        put_xmm(cpu, a);
        store_range(cpu, va, a, OFF_MXCSR, OFF_ST);
        store_range(cpu, va, a, OFF_XMM, OFF_XMM + n);
    }
    if (use & XC_AVX) {
        put_ymm(cpu, a);
        store_range(cpu, va, a, OFF_YMM, OFF_YMM + n);
    }
    cpu_st_bytes(cpu, va + OFF_HEADER, header, sizeof(header));
}

/* Returns XSTATE_BV of a header fit for the standard form, or for the compacted one. */
static uint64_t checked_header(struct cpu *cpu, const uint8_t *header)
{
    bool may = cpu_has(cpu, IF_XSAVEC);
    uint64_t h[8];

    memcpy(h, header, sizeof(h));
    if (may && h[1] >> 63) {
        uint64_t formed = h[1] << 1 >> 1;

        if (formed & ~cpu->xcr0 || h[0] & ~formed || h[2] | h[3] | h[4] | h[5] | h[6] | h[7])
            cpu_raise_err(cpu, EXC_GP, 0);
        return h[0];
    }
    if (h[0] & ~cpu->xcr0 || h[1] || h[2])
        cpu_raise_err(cpu, EXC_GP, 0);
    return h[0];
}

void sys_xrstor(struct cpu *cpu, const struct insn *in)
{
    uint64_t rfbm = requested(cpu), bv;
    uint32_t mxcsr = cpu->mxcsr;
    gva va = area_va(cpu, in, OFF_YMM, 64, false);
    uint8_t a[AREA_MAX];

    load_range(cpu, va, a, 0, OFF_YMM);
    bv = checked_header(cpu, a + OFF_HEADER);
    if (rfbm & bv & XC_AVX)
        load_range(cpu, va, a, OFF_YMM, OFF_YMM + 16 * xmm_count(cpu));
    if (a[OFF_HEADER + 15] & 0x80) { /* compacted: MXCSR goes with SSE */
        if (rfbm & XC_SSE)
            mxcsr = bv & XC_SSE ? checked_mxcsr(cpu, a) : 0x1f80;
    } else if (rfbm & (XC_SSE | XC_AVX)) {
        mxcsr = checked_mxcsr(cpu, a);
    }
    if (rfbm & bv & XC_X87)
        get_x87(&cpu->x87, a, in->opsize == 8);
    else if (rfbm & XC_X87)
        init_x87(&cpu->x87);
    x87_update_mode(cpu);
    if (rfbm & XC_SSE)
        get_xmm(cpu, bv & XC_SSE ? a : NULL);
    if (rfbm & XC_AVX)
        get_ymm(cpu, bv & XC_AVX ? a : NULL);
    cpu_update_upper(cpu);
    cpu->mxcsr = mxcsr;
}

/* --- MXCSR --- */

static gva mxcsr_va(struct cpu *cpu, const struct insn *in, bool write)
{
    if (!in->vex && (cpu->cr0 & CR0_EM || !(cpu->cr4 & CR4_OSFXSR)))
        cpu_raise(cpu, EXC_UD);
    check_nm(cpu, CR0_TS);
    return seg_linear(cpu, in->mem.seg, cpu_ea(cpu, in), 4, write);
}

void sys_ldmxcsr(struct cpu *cpu, const struct insn *in)
{
    uint32_t v = (uint32_t)cpu_ld(cpu, mxcsr_va(cpu, in, false), 4);

    if (v & ~MXCSR_MASK)
        cpu_raise_err(cpu, EXC_GP, 0);
    cpu->mxcsr = v;
}

void sys_stmxcsr(struct cpu *cpu, const struct insn *in)
{
    cpu_st(cpu, mxcsr_va(cpu, in, true), cpu->mxcsr, 4);
}
