/* SPDX-License-Identifier: MIT
 * A vCPU's life, its reset state, RFLAGS, and what follows from a mode change. */
#include "cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/cpuid.h"
#include "cpu/sys.h"
#include "cpu/x87.h"

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
