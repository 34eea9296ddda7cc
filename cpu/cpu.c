/* SPDX-License-Identifier: MIT
 * A vCPU's life, its reset state, RFLAGS, and what follows from a mode change. */
#include "cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/cpuid.h"
#include "cpu/sys.h"
#include "cpu/x87.h"

#define FL_SYSTEM                                                                              \
    (FL_TF | FL_IF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC | FL_VIF | FL_VIP | FL_ID)

/* Generated code runs with the host's stack pointer at struct cpu: a signal's
 * frame or a call's return address lands in the bytes below. */
struct cpu_box {
    uint8_t below[64 << 10];
    struct cpu cpu __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct cpu *cpu_create(struct space *mem, gpa ram_top, const struct cpu_model *model,
                       bool mmu_tlb, struct err *e)
{
    struct cpu_box *box = aligned_alloc(64, sizeof(*box));
    struct cpu *cpu = box ? &box->cpu : NULL;
    struct cpu_model *own = malloc(sizeof(*own));

    if (!cpu || !own) {
        err_set(e, "out of memory for a CPU");
        goto fail;
    }
    memset(cpu, 0, sizeof(*cpu));
    if (model)
        *own = *model;
    else if (!cpu_model_parse(own, CPU_MODEL_DEFAULT, e))
        goto fail;
    cpu->ram_top = ram_top;
    if (!mmu_init(&cpu->mmu, mem, ram_top, mmu_tlb, e))
        goto fail;
    cpu->model = own;
    cpuid_features(own, cpu->features);
    cpu->a20_mask = ~0ull;
    cpu_reset(cpu);
    return cpu;
fail:
    free(own);
    free(box);
    return NULL;
}

void cpu_destroy(struct cpu *cpu)
{
    if (!cpu)
        return;
    mmu_finish(&cpu->mmu);
    free((void *)(uintptr_t)cpu->model);
    free(container_of(cpu, struct cpu_box, cpu));
}

static void reset_segments(struct cpu *cpu)
{
    for (int i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = (struct seg){.limit = 0xffff, .attr = ATTR_REAL};
    cpu->seg[SEG_CS].sel = 0xf000;
    cpu->seg[SEG_CS].base = 0xffff0000;
    cpu->ldt = (struct seg){.limit = 0xffff, .attr = SA_P | DT_LDT};
    cpu->tr = (struct seg){.limit = 0xffff, .attr = SA_P | DT_TSS32_BUSY};
    cpu->gdt = cpu->idt = (struct dtable){.limit = 0xffff};
}

static void reset_x87(struct x87 *x)
{
    memset(x, 0, sizeof(*x));
    x->cw = 0x40; /* the power-up value; FNINIT makes it 37Fh */
    x->valid = 0xff;
}

/* SDM vol. 3 table 9-1, column "Power up". */
void cpu_reset(struct cpu *cpu)
{
    memset(cpu->gpr, 0, sizeof(cpu->gpr));
    cpu->gpr[R_DX] = cpuid_signature(cpu->model);
    cpu->rip = cpu->next_rip = 0xfff0;
    cpu->cr0 = CR0_CD | CR0_NW | CR0_ET;
    cpu->cr2 = cpu->cr3 = cpu->cr4 = 0;
    cpu->xcr0 = 1;
    cpu->efer = 0;
    reset_segments(cpu);
    memset(cpu->dr, 0, sizeof(cpu->dr));
    cpu->dr[6] = DR6_INIT;
    cpu->dr[7] = DR7_INIT;
    memset(cpu->v, 0, sizeof(cpu->v));
    cpu->upper = UPPER_ZERO;
    cpu->mxcsr = 0x1f80;
    x87_sync(cpu);
    reset_x87(&cpu->x87);
    msr_reset(cpu);
    cpu->cpl = 0;
    cpu->nmi_blocked = cpu->halted = cpu->shutdown = false;
    cpu->shadow = 0;
    cpu->monitor_addr = 0;
    memset(&cpu->exc, 0, sizeof(cpu->exc));
    cpu->exc.delivering = -1;
    cpu->eflags = 2;
    cpu_set_aflags(cpu, 0);
    cpu->df = 1;
    cpu_update_mode(cpu);
    cpu_update_paging(cpu);
}

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
    if (cpu->mmu.view != view)
        mmu_set_view(&cpu->mmu, view);
}

void cpu_update_paging(struct cpu *cpu)
{
    struct mmu_ctl ctl = {
        .cr0 = cpu->cr0,
        .cr3 = cpu->cr3,
        .cr4 = cpu->cr4,
        .efer = cpu->efer,
        .a20_mask = cpu->a20_mask,
        .phys_bits = cpu->model->phys_bits,
        .latched = true,
    };

    memcpy(ctl.pdpte, cpu->pdpte, sizeof(ctl.pdpte));

    mmu_set_ctl(&cpu->mmu, &ctl);
}
