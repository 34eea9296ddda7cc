/* SPDX-License-Identifier: MIT
 * The machine is set up once; a case then costs its registers, its code bytes (written as
 * a device would, so that the code cache drops what it overwrites) and its patches. */
#include "tests/oracle/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpuid.h"
#include "cpu/x87.h"
#include "softmmu/ram.h"
#include "tests/oracle/mem.h"
#include "translator/run.h"

enum {
    RAM_SIZE = 1 << 20,
    PML4 = 0x1000,
    PDPT = 0x2000,
    PD = 0x3000,
    PT = 0x4000,
    GDT = 0x5000,
    REGION = 0x10000,
    SEL_CODE = 0x33,
    SEL_DATA = 0x2b, /* as Linux has them: images may hold them */
    GDT_LIMIT = 0x7f,
    STOP_BUDGET = 1000000,
};
enum { PTE_P = 1, PTE_RW = 2, PTE_US = 4, PTE_A = 0x20, PTE_D = 0x40 };
#define PTE_NX (1ull << 63)

struct engine {
    struct engine_opts o;
    struct ram ram;
    struct space *space;
    struct cpu *cpu;
    struct orc_mem mem;
    struct exc exc; /* what stopped the last run */
};

static void put64(struct engine *g, unsigned pa, uint64_t v)
{
    memcpy(g->ram.host + pa, &v, 8);
}

static void make_tables(struct engine *g)
{
    uint64_t dir = PTE_P | PTE_RW | PTE_US | PTE_A;

    put64(g, PML4, PDPT | dir);
    put64(g, PDPT + 8 * (ORC_BASE >> 30), PD | dir);
    put64(g, PD + 8 * (ORC_BASE >> 21 & 511), PT | dir);
    for (unsigned n = 0; n < ORC_PAGES; n++) {
        uint64_t pa = REGION + n * GUEST_PAGE_SIZE, pte = pa | PTE_P | PTE_US | PTE_A;
        enum orc_page_kind kind = orc_page_kind(n);

        if (kind == ORC_PAGE_CODE || kind == ORC_PAGE_RW)
            pte |= PTE_RW | PTE_D;
        if (kind != ORC_PAGE_CODE)
            pte |= PTE_NX;
        if (kind != ORC_PAGE_NONE)
            put64(g, PT + 8 * n, pte);
        memcpy(g->ram.host + pa, orc_mem_pattern(n), GUEST_PAGE_SIZE);
        if (orc_mem_rw_index(n) >= 0)
            g->mem.rw[orc_mem_rw_index(n)] = g->ram.host + pa;
    }
    put64(g, GDT + (SEL_CODE & ~7), 0x00affb000000ffff);
    put64(g, GDT + (SEL_DATA & ~7), 0x00cff3000000ffff);
}

static void enter_user_mode(struct engine *g)
{
    struct cpu *cpu = g->cpu;
    struct seg data = {.limit = 0xffffffff,
                       .sel = SEL_DATA,
                       .attr = SA_P | SA_DPL | SA_S | SA_RW | SA_ACC | SA_DB | SA_G};
    struct seg code = data;

    code.sel = SEL_CODE;
    code.attr = SA_P | SA_DPL | SA_S | SA_CODE | SA_RW | SA_ACC | SA_L | SA_G;
    cpu->gdt = (struct dtable){GDT, GDT_LIMIT};
    cpu->ldt = (struct seg){0};
    cpu->seg[SEG_CS] = code;
    cpu->seg[SEG_SS] = data;
    data.sel = 0;
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        if (i != SEG_CS && i != SEG_SS)
            cpu->seg[i] = data;
    }
    cpu->cr0 = CR0_PE | CR0_PG | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM;
    cpu->cr3 = PML4;
    cpu->cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_UMIP;
    if (cpu_has(cpu, IF_AVX)) {
        cpu->cr4 |= CR4_OSXSAVE;
        cpu->xcr0 = 7;
    }
    cpu->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    cpu->cpl = 3;
    cpu_update_paging(cpu);
    cpu_update_mode(cpu);
}

static bool on_exception(void *opaque, const struct exc *x)
{
    struct engine *g = opaque;

    g->exc = *x;
    return true;
}

static void on_dma(void *opaque, gpa pa, uint64_t size)
{
    struct engine *g = opaque;

    run_dma_write(g->cpu, pa, size);
}

static uint64_t no_io_read(void *opaque, gpa pa, unsigned size)
{
    return ~0ull;
}

static void no_io_write(void *opaque, gpa pa, uint64_t value, unsigned size)
{
}

struct engine *engine_create(const struct engine_opts *o, struct err *e)
{
    struct run_opts ro = {.jit = o->kind == ENGINE_JIT,
                          .counting = o->counting,
                          .code_bytes = 16 << 20,
                          .host_level = o->host_level};
    struct engine *g = calloc(1, sizeof(*g));
    struct cpu_model model;

    if (!g) {
        err_set(e, "out of memory");
        return NULL;
    }
    g->o = *o;
    orc_mem_setup();
    if (!ram_init(&g->ram, RAM_SIZE, e) || !(g->space = space_create("oracle", 0)) ||
        !space_add_ram(g->space, "ram", 0, RAM_SIZE, g->ram.host, false, e) ||
        !cpu_model_parse(&model, "max,+avx,+avx2,+fma,+f16c,+vaes,+vpclmulqdq", e) ||
        !(g->cpu = cpu_create(g->space, RAM_SIZE, &model, o->tlb, e)) ||
        !run_attach(g->cpu, &ro, e)) {
        engine_destroy(g);
        return NULL;
    }
    g->cpu->mmu.io_read = no_io_read;
    g->cpu->mmu.io_write = no_io_write;
    run_set_exception_hook(g->cpu, on_exception, g);
    make_tables(g);
    enter_user_mode(g);
    space_on_dma_write(g->space, on_dma, g);
    return g;
}

void engine_destroy(struct engine *g)
{
    if (!g)
        return;
    if (g->cpu) {
        run_detach(g->cpu);
        cpu_destroy(g->cpu);
    }
    space_destroy(g->space);
    ram_finish(&g->ram);
    free(g);
}

void engine_features(const struct engine *g, uint64_t features[2])
{
    memcpy(features, g->cpu->features, 2 * sizeof(features[0]));
}

uint64_t engine_jit_enters(const struct engine *g)
{
    return run_stats(g->cpu)->jit_enters;
}

void engine_load(struct engine *g, const struct orc_case *c)
{
    uint64_t room = ORC_HOLE1 - c->rip;

    /* an exit is UD2 in c->code */
    space_write_bytes(g->space, REGION + (c->rip - ORC_BASE), c->code,
                      c->code_len < room ? c->code_len : room);
}

/* ---- state in and out ---- */

static uint64_t get(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    memcpy(&v, p, n);
    return v;
}

static void load_fx(struct cpu *cpu, const uint8_t *fx)
{
    struct x87 *x = &cpu->x87;
    unsigned top;

    x->cw = (uint16_t)get(fx, 2);
    x->sw = (uint16_t)get(fx + 2, 2);
    x->valid = fx[4];
    x->fop = x->fcs = x->fds = 0;
    x->fip = x->fdp = 0;
    top = x->sw >> 11 & 7;
    for (unsigned i = 0; i < 8; i++) {
        struct x87_reg *r = &x->fpr[(top + i) & 7];

        r->m = get(fx + 32 + 16 * i, 8);
        r->se = (uint16_t)get(fx + 40 + 16 * i, 2);
    }
    cpu->mxcsr = (uint32_t)get(fx + 24, 4);
    for (unsigned i = 0; i < 16; i++)
        memcpy(&cpu->v[i], fx + 160 + 16 * i, 16);
}

static void store_fx(const struct cpu *cpu, uint8_t *fx)
{
    const struct x87 *x = &cpu->x87;
    unsigned top = x->sw >> 11 & 7;

    memset(fx, 0, 160);
    memset(fx + 416, 0, 96);
    memcpy(fx, &x->cw, 2);
    memcpy(fx + 2, &x->sw, 2);
    fx[4] = x->valid;
    memcpy(fx + 6, &x->fop, 2);
    memcpy(fx + 8, &x->fip, 8);
    memcpy(fx + 16, &x->fdp, 8);
    memcpy(fx + 24, &cpu->mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_reg *r = &x->fpr[(top + i) & 7];

        memcpy(fx + 32 + 16 * i, &r->m, 8);
        memcpy(fx + 40 + 16 * i, &r->se, 2);
    }
    for (unsigned i = 0; i < 16; i++)
        memcpy(fx + 160 + 16 * i, &cpu->v[i], 16);
}

static bool at_exit(const struct orc_case *c, uint64_t rip)
{
    for (unsigned i = 0; i < c->nexits; i++) {
        if (rip == c->rip + c->exit[i] && rip + ORC_EXIT_LEN <= ORC_HOLE1)
            return true;
    }
    return false;
}

static void store_end(struct engine *g, const struct orc_case *c, struct orc_state *s)
{
    struct cpu *cpu = g->cpu;

    s->rip = cpu->rip;
    s->cr2 = 0;
    if (g->exc.vector == EXC_UD && at_exit(c, cpu->rip)) {
        s->vector = ORC_NO_FAULT;
        s->error = 0;
        return;
    }
    s->vector = g->exc.vector;
    s->error = g->exc.has_error ? g->exc.error : 0;
    if (s->vector == EXC_PF)
        s->cr2 = g->exc.cr2;
}

/* cpu->upper never says that an upper half is zero when it is not. */
static void check_upper(struct cpu *cpu)
{
    uint8_t was = cpu->upper;

    cpu_update_upper(cpu);
    assert(was != UPPER_STALE && was >= cpu->upper);
}

void engine_run(struct engine *g, const struct orc_case *c, struct orc_state *s)
{
    struct cpu *cpu = g->cpu;
    enum run_exit why;

    orc_mem_apply(&g->mem, c);
    memcpy(cpu->gpr, c->gpr, sizeof(cpu->gpr));
    cpu_set_rflags(cpu, c->rflags);
    cpu->rip = c->rip;
    cpu->shadow = 0;
    cpu->budget = STOP_BUDGET;
    load_fx(cpu, c->fx);
    for (unsigned i = 0; i < 16; i++)
        memcpy(&cpu->v[i].u64[2], c->ymm + 16 * i, 16);
    x87_update_mode(cpu);
    memset(&g->exc, 0, sizeof(g->exc));
    why = run_cpu(cpu);
    check_upper(cpu);
    s->status = why == RUN_STOPPED ? ORC_DONE : why == RUN_BUDGET ? ORC_TIMEOUT : ORC_DIED;
    memcpy(s->gpr, cpu->gpr, sizeof(s->gpr));
    s->rflags = cpu_get_rflags(cpu);
    store_end(g, c, s);
    store_fx(cpu, s->fx);
    for (unsigned i = 0; i < 16; i++)
        memcpy(s->ymm + 16 * i, &cpu->v[i].u64[2], 16);
    orc_mem_collect(&g->mem, s);
}
