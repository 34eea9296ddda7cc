/* SPDX-License-Identifier: MIT
 * The slow path by example: page crossing, I/O splitting, ROM, code pages,
 * hooks, recycling of address spaces, release of freed page tables. */
#include <glib.h>
#include <setjmp.h>
#include <string.h>
#include <sys/resource.h>

#include "mmu/priv.h"
#include "tests/mmu/util.h"

/* 4-level tables: PML4 at 0x1000, PDPT 0x2000, PD 0x3000, PT 0x4000 map the
 * first 2 MiB; linear page i is physical page 0x100 + i. */
#define PML4 0x1000u
#define PT   0x4000u
#define DATA 0x100000u
#define RWU  (PTE_P | PTE_W | PTE_U)

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
static const bool under_asan = true;
#else
static const bool under_asan = false;
#endif

static struct space *space;
static struct mmu mmu;
static struct mmu_ctl ctl;
static struct {
    unsigned code_writes, unmapped, flushed_as;
    gpa code_pa;
    gva unmapped_va;
    bool jump;
    jmp_buf env;
} hook;

static void put64(gpa pa, uint64_t v)
{
    memcpy(space->ram + pa, &v, 8);
}

static uint64_t get64(gpa pa)
{
    uint64_t v;
    memcpy(&v, space->ram + pa, 8);
    return v;
}

static void on_code_write(void *opaque, gpa pa, uint64_t size)
{
    hook.code_writes++;
    hook.code_pa = pa;
    if (hook.jump)
        longjmp(hook.env, 1);
}

static void on_unmapped(void *opaque, uint32_t as, gva va, uint64_t len)
{
    hook.unmapped++;
    hook.unmapped_va = va;
    if (!len)
        hook.flushed_as++;
}

static void make_tables(gpa base)
{
    put64(base, (base + 0x1000) | RWU);
    put64(base + 0x1000, (base + 0x2000) | RWU);
    put64(base + 0x2000, (base + 0x3000) | RWU);
    for (unsigned i = 0; i < 512; i++)
        put64(base + 0x3000 + i * 8, (DATA + i * 4096ull) | RWU);
}

static void setup(bool tlb)
{
    memset(space->ram, 0, RAM_SIZE);
    memset(&hook, 0, sizeof(hook));
    space->nlog = 0;
    make_tables(PML4);
    g_assert_true(mmu_init(&mmu, space, RAM_SIZE, tlb, NULL));
    mmu.code_write = on_code_write;
    mmu.unmapped = on_unmapped;
    ctl = (struct mmu_ctl){.cr0 = CR0_PG | CR0_WP | 1,
                           .cr3 = PML4,
                           .cr4 = CR4_PAE,
                           .efer = EFER_LMA | EFER_NXE,
                           .a20_mask = ~0ull,
                           .phys_bits = 40};
    mmu_set_ctl(&mmu, &ctl);
}

static void store64(gva va, uint64_t v)
{
    struct mmu_fault f;
    uint8_t *p = mmu_fast(&mmu, va, 8, true);

    if (p)
        memcpy(p, &v, 8);
    else
        g_assert_true(mmu_store(&mmu, va, &v, 8, MMU_SUPER, &f));
}

static void crossing(void)
{
    uint64_t v = 0x1122334455667788, r = 0;
    struct mmu_fault f;

    setup(false);
    g_assert_true(mmu_store(&mmu, 0x1ffd, &v, 8, MMU_SUPER, &f));
    g_assert_cmphex(space->ram[DATA + 0x1fff], ==, 0x66);
    g_assert_cmphex(space->ram[DATA + 0x2000], ==, 0x55);
    g_assert_true(mmu_load(&mmu, 0x1ffd, &r, 8, MMU_SUPER, &f));
    g_assert_cmphex(r, ==, v);
    put64(PT + 3 * 8, 0); /* the second page is missing: nothing is written, no A or D set */
    put64(PT + 2 * 8, (DATA + 0x2000) | RWU);
    mmu_flush_all(&mmu);
    g_assert_false(mmu_store(&mmu, 0x2ffe, &v, 4, MMU_USER, &f));
    g_assert_cmphex(f.addr, ==, 0x3000);
    g_assert_cmphex(f.code, ==, PF_W | PF_U);
    g_assert_cmphex(space->ram[DATA + 0x2ffe], ==, 0);
    g_assert_cmphex(get64(PT + 2 * 8) & (PTE_A | PTE_D), ==, 0);
    mmu_finish(&mmu);
}

static void wrap_32bit(void)
{
    uint32_t v = 0xaabbccdd;
    struct mmu_fault f;

    setup(false);
    ctl = (struct mmu_ctl){.a20_mask = ~0ull, .phys_bits = 40};
    mmu_set_ctl(&mmu, &ctl);
    g_assert_true(mmu_store(&mmu, 0xfffffffe, &v, 4, MMU_SUPER, &f));
    g_assert_cmphex(space->ram[0], ==, 0xbb);
    g_assert_cmphex(space->ram[1], ==, 0xaa);
    ctl.a20_mask = ~(1ull << 20);
    mmu_set_ctl(&mmu, &ctl);
    g_assert_true(mmu_store(&mmu, 0x100010, &v, 4, MMU_SUPER, &f));
    g_assert_cmphex(space->ram[0x10], ==, 0xdd);
    g_assert_cmphex(space->ram[0x100010], ==, 0);
    mmu_finish(&mmu);
}

static void check_io(unsigned i, gpa pa, unsigned size, bool write)
{
    g_assert_cmphex(space->log[i].pa, ==, pa);
    g_assert_cmpuint(space->log[i].size, ==, size);
    g_assert_cmpint(space->log[i].write, ==, write);
}

static void io_split(void)
{
    uint8_t buf[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct mmu_fault f;
    gpa io = 0xfec00000;

    setup(false);
    put64(PT + 8 * 8, io | RWU);
    put64(PT + 9 * 8, (io + 0x1000) | RWU);
    g_assert_true(mmu_store(&mmu, 0x8000, buf, 8, MMU_SUPER, &f));
    g_assert_cmpuint(space->nlog, ==, 1);
    check_io(0, io, 8, true);
    g_assert_cmphex(space->log[0].value, ==, 0x0807060504030201);
    space->nlog = 0;
    g_assert_true(mmu_load(&mmu, 0x8001, buf, 8, MMU_SUPER, &f));
    g_assert_cmpuint(space->nlog, ==, 4);
    check_io(0, io + 1, 1, false);
    check_io(1, io + 2, 2, false);
    check_io(2, io + 4, 4, false);
    check_io(3, io + 8, 1, false);
    g_assert_cmphex(buf[0], ==, 0xff);
    space->nlog = 0;
    g_assert_true(mmu_store(&mmu, 0x8ffc, buf, 32, MMU_SUPER, &f));
    g_assert_cmpuint(space->nlog, ==, 5);
    check_io(0, io + 0xffc, 4, true);
    check_io(1, io + 0x1000, 8, true);
    check_io(4, io + 0x1018, 4, true);
    g_assert_null(mmu_fast(&mmu, 0x8000, 4, false));
    mmu_finish(&mmu);
}

static void rom(void)
{
    uint32_t v = 5;
    uint8_t *host;
    struct mmu_fault f;

    setup(false);
    put64(PT + 8 * 8, ROM_BASE | RWU);
    space->nlog = 0;
    g_assert_true(mmu_store(&mmu, 0x8010, &v, 4, MMU_SUPER, &f));
    g_assert_cmphex(space->ram[ROM_BASE + 0x10], ==, 0);
    g_assert_cmpuint(space->nlog, ==, 1); /* the space decides who gets it */
    g_assert_true(space->log[0].write && space->log[0].pa == ROM_BASE + 0x10);
    g_assert_true(mmu_load(&mmu, 0x8010, &v, 4, MMU_SUPER, &f));
    g_assert_cmpuint(v, ==, 0);
    g_assert_nonnull(mmu_fast(&mmu, 0x8010, 4, false));
    g_assert_null(mmu_fast(&mmu, 0x8010, 4, true));
    g_assert_true(mmu_host(&mmu, 0x8010, MMU_WRITE, MMU_SUPER, &host, &f));
    g_assert_null(host);
    mmu_finish(&mmu);
}

static void code_page(void)
{
    struct mmu_fault f;
    uint32_t v = 7;

    setup(false);
    store64(0x5000, 1);
    g_assert_nonnull(mmu_fast(&mmu, 0x5000, 8, true));
    mmu_protect_code(&mmu, DATA + 0x5000);
    g_assert_null(mmu_fast(&mmu, 0x5000, 8, true));
    hook.jump = true; /* the hook leaves: nothing was written */
    if (!setjmp(hook.env)) {
        mmu_store(&mmu, 0x5004, &v, 4, MMU_SUPER, &f);
        g_assert_not_reached();
    }
    g_assert_cmphex(hook.code_pa, ==, DATA + 0x5004);
    g_assert_cmphex(get64(DATA + 0x5000), ==, 1);
    hook.jump = false;
    store64(0x5000, 2);
    store64(0x5000, 3);
    g_assert_cmpuint(hook.code_writes, ==, 3);
    g_assert_cmphex(get64(DATA + 0x5000), ==, 3);
    mmu_dma_write(&mmu, DATA + 0x4ff0, 0x20);
    g_assert_cmpuint(hook.code_writes, ==, 4);
    g_assert_cmphex(hook.code_pa, ==, DATA + 0x5000);
    mmu_unprotect_code(&mmu, DATA + 0x5000);
    store64(0x5000, 4);
    g_assert_nonnull(mmu_fast(&mmu, 0x5000, 8, true));
    mmu_finish(&mmu);
}

static void fetch_hook(void)
{
    const uint8_t *host;
    struct mmu_fault f;
    gpa pa;

    setup(false);
    put64(PT + 0x20 * 8, PT | RWU); /* linear 0x20000 shows the page table */
    g_assert_true(mmu_fetch_page(&mmu, 0x7123, MMU_SUPER, &pa, &host, &f));
    g_assert_cmphex(pa, ==, DATA + 0x7000);
    g_assert_true(host == space->ram + DATA + 0x7000);
    store64(0x20000 + 8 * 8, 0); /* a neighbour */
    g_assert_cmpuint(hook.unmapped, ==, 0);
    store64(0x20000 + 7 * 8, 0);
    g_assert_cmpuint(hook.unmapped, ==, 1);
    g_assert_cmphex(hook.unmapped_va, ==, 0x7000);
    g_assert_false(mmu_fetch_page(&mmu, 0x7123, MMU_SUPER, &pa, &host, &f));
    g_assert_cmphex(f.code, ==, PF_I);
    g_assert_true(mmu_fetch_page(&mmu, 0x6000, MMU_SUPER, &pa, &host, &f));
    mmu_invlpg(&mmu, 0x6fff);
    g_assert_cmpuint(hook.unmapped, ==, 2);
    mmu_finish(&mmu);
}

/* A page table that is written over and over becomes an ordinary page. */
static void flood(void)
{
    setup(false);
    put64(PT + 0x20 * 8, PT | RWU);
    put64(0x3008, 0x6000 | RWU); /* a second page table maps the first as well */
    put64(0x6000, PT | RWU);
    store64(0x5000, 1);
    for (unsigned i = 0; i < 100; i++)
        store64(0x200000 + (i & 3) * 8, (DATA + 0x9000) | RWU);
    g_assert_cmpuint(mmu.stats.pt_writes, <, 64);
    g_assert_nonnull(mmu_fast(&mmu, 0x200000, 8, true));
    store64(0, 0x77);
    g_assert_cmphex(get64(DATA + 0x9000), ==, 0x77);
    g_assert_null(mmu_fast(&mmu, 0x200000, 8, true));
    mmu_finish(&mmu);
}

/* Faults that write one entry and use it at once do not look like a flood. */
static void live_table(void)
{
    uint64_t v;
    struct mmu_fault f;

    setup(false);
    put64(PT + 0x20 * 8, PT | RWU);
    store64(0x15000, 1);
    for (unsigned i = 0; i < 400; i++) {
        store64(0x20000 + 7 * 8, (DATA + (i & 15) * 4096ull) | RWU);
        g_assert_true(mmu_load(&mmu, 0x7000, &v, 8, MMU_SUPER, &f));
        g_assert_nonnull(mmu_fast(&mmu, 0x15000, 8, true)); /* the rest of the table stays */
    }
    mmu_finish(&mmu);
}

static uint64_t io_entry;

static uint64_t table_io_read(void *opaque, gpa pa, unsigned size)
{
    return io_entry;
}

static void table_io_write(void *opaque, gpa pa, uint64_t v, unsigned size)
{
    io_entry = v;
}

/* A page table in I/O space: read and written there, and nothing is cached. */
static void table_in_io(void)
{
    const uint8_t *host;
    uint64_t v;
    gpa pa;
    struct mmu_fault f;

    setup(false);
    put64(0x3000, 0xfec00000 | RWU);
    g_assert_false(mmu_load(&mmu, 0x5000, &v, 8, MMU_SUPER, &f)); /* all ones */
    g_assert_cmphex(f.code, ==, PF_P | PF_RSVD);
    mmu.io_read = table_io_read;
    mmu.io_write = table_io_write;
    io_entry = (DATA + 0x3000) | RWU;
    g_assert_true(mmu_store(&mmu, 0x5000, &v, 8, MMU_SUPER, &f));
    g_assert_cmphex(io_entry, ==, (DATA + 0x3000) | RWU | PTE_A | PTE_D);
    g_assert_null(mmu_fast(&mmu, 0x5000, 8, false));
    g_assert_true(mmu_fetch_page(&mmu, 0x5000, MMU_SUPER, &pa, &host, &f));
    mmu_invlpg(&mmu, 0x9000); /* which page it was is not known */
    g_assert_cmpuint(hook.flushed_as, ==, 1);
    g_assert_true(mmu_fetch_page(&mmu, 0x5000, MMU_SUPER, &pa, &host, &f));
    mmu_flush_untracked(&mmu);
    g_assert_cmpuint(hook.flushed_as, ==, 2);
    mmu_finish(&mmu);
}

/* The guest's invalidation of everything costs nothing that tracking keeps right. */
static void flush_keeps_tracked(void)
{
    setup(false);
    store64(0x1000, 1);
    mmu_flush_untracked(&mmu);
    g_assert_nonnull(mmu_fast(&mmu, 0x1000, 8, true));
    mmu_flush_all(&mmu);
    g_assert_null(mmu_fast(&mmu, 0x1000, 8, false));
    mmu_finish(&mmu);
}

/* One page at many linear addresses: all of them must lose their write entries. */
static void many_maps(void)
{
    setup(false);
    for (unsigned i = 0; i < 512; i++)
        put64(PT + i * 8, (DATA + (i & 7) * 4096ull) | RWU);
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned i = 0; i < 512; i += 1 + k)
            store64(i * 4096ull, i);
        for (unsigned j = 0; j < 8; j++)
            mmu_protect_code(&mmu, DATA + j * 4096);
        for (unsigned i = 0; i < 512; i++)
            g_assert_null(mmu_fast(&mmu, i * 4096ull, 8, true));
        for (unsigned j = 0; j < 8; j++)
            mmu_unprotect_code(&mmu, DATA + j * 4096);
    }
    mmu_finish(&mmu);
}

/* More address spaces than can be cached; a kept one needs no walk. */
static void recycle(bool tlb)
{
    uint64_t walks;
    uint32_t id;

    setup(tlb);
    for (unsigned i = 0; i < 40; i++) {
        struct mmu_ctl c = ctl;
        const uint8_t *host;
        struct mmu_fault f;
        gpa pa;
        c.cr3 = 0x10000 + i * 0x4000;
        make_tables(c.cr3);
        put64(c.cr3 + 0x3000 + 0x11 * 8, (DATA + 0x12000) | RWU);
        mmu_set_ctl(&mmu, &c);
        store64(0x11000 + i * 8, i);
        g_assert_cmphex(get64(DATA + 0x12000 + i * 8), ==, i);
        g_assert_true(mmu_fetch_page(&mmu, 0x1000, MMU_SUPER, &pa, &host, &f));
    }
    g_assert_cmpuint(hook.flushed_as, ==, 40 - MMU_MAX_AS);
    id = mmu.as_id;
    mmu_set_ctl(&mmu, &ctl);
    store64(0x11000, 9);
    g_assert_cmphex(get64(DATA + 0x11000), ==, 9);
    walks = mmu.stats.walks;
    ctl.cr3 = 0x10000 + 39 * 0x4000;
    mmu_set_ctl(&mmu, &ctl);
    store64(0x11000, 10);
    g_assert_cmphex(get64(DATA + 0x12000), ==, 10);
    g_assert_cmpuint(mmu.as_id, ==, id);
    g_assert_cmpuint(mmu.stats.walks, ==, walks);
    mmu_finish(&mmu);
}

static void recycle_flat(void)
{
    recycle(false);
}

static void recycle_tlb(void)
{
    recycle(true);
}

static void limit_memory(uint64_t bytes, struct rlimit *saved)
{
    struct rlimit l;

    getrlimit(RLIMIT_AS, saved);
    l = *saved;
    l.rlim_cur = bytes;
    g_assert_cmpint(setrlimit(RLIMIT_AS, &l), ==, 0);
}

/* Room for three tables: one address space at a time. */
static void few_tables(void)
{
    struct rlimit saved;

    limit_memory(3400ull << 30, &saved);
    setup(false);
    g_assert_null(mmu.tlb);
    make_tables(0x10000);
    for (unsigned i = 0; i < 20; i++) {
        ctl.cr3 = i & 1 ? 0x10000 : PML4;
        ctl.cr4 = CR4_PAE | CR4_SMAP;
        mmu_set_ctl(&mmu, &ctl);
        for (unsigned v = 0; v < MMU_VIEWS; v++)
            mmu_set_view(&mmu, (enum mmu_view)v);
        put64(DATA + 0x5000, i);
        g_assert_nonnull(mmu.rd);
    }
    g_assert_cmpuint(mmu.priv->ntables, ==, 3);
    mmu_finish(&mmu);
    setrlimit(RLIMIT_AS, &saved);
}

static void no_tables(void)
{
    struct rlimit saved;

    limit_memory(64ull << 30, &saved);
    setup(false);
    g_assert_nonnull(mmu.tlb);
    store64(0x5000, 1);
    store64(0x5000, 2);
    g_assert_cmphex(get64(DATA + 0x5000), ==, 2);
    mmu_finish(&mmu);
    setrlimit(RLIMIT_AS, &saved);
}

/* Linear space far and wide: table memory stays bounded, entries stay right. */
static void wide(void)
{
    setup(false);
    for (unsigned i = 0; i < 512; i++) {
        put64(PML4 + i * 8, 0x2000 | RWU);
        put64(0x2000 + i * 8, 0x3000 | RWU);
        put64(0x3000 + i * 8, PT | RWU);
    }
    for (unsigned i = 0; i < 20000; i++) {
        gva va = (gva)((int64_t)(((gva)i * 0x9e3779b97f4a7c15ull) & ~0xffeull) >> 16);
        va &= ~7ull;
        store64(va, i);
        g_assert_cmphex(get64(DATA + (va & 0x1fffff)), ==, i);
    }
    g_assert_cmpuint(mmu.priv->nodes_live, <=, NODE_MAX);
    g_assert_cmpuint(mmu.priv->resident, <=, 36000);
    mmu_finish(&mmu);
}

enum { ROOT_B = 0x10000, UPPER_PDPT = 0x20000 };
#define UPPER 0xffff800000005000ull

static void set_entry(gpa pa, uint64_t e)
{
    mmu_dma_write(&mmu, pa, 8);
    put64(pa, e);
}

/* Two roots with the same upper half; the first is current. */
static void setup_alike(void)
{
    setup(false);
    make_tables(ROOT_B);
    make_tables(UPPER_PDPT);
    set_entry(PML4 + 256 * 8, (UPPER_PDPT + 0x1000) | RWU | PTE_A);
    set_entry(ROOT_B + 256 * 8, (UPPER_PDPT + 0x1000) | RWU | PTE_A);
    mmu_set_ctl(&mmu, &ctl);
}

static void switch_to(gpa root)
{
    ctl.cr3 = root;
    mmu_set_ctl(&mmu, &ctl);
}

/* What the supervisor finds in a common upper half is there in every such address space. */
static void common_upper(void)
{
    struct mmu_fault f;
    uint64_t v = 7;

    setup_alike();
    store64(UPPER, 1);
    switch_to(ROOT_B);
    g_assert_nonnull(mmu_fast(&mmu, UPPER, 8, true));
    g_assert_null(mmu_fast(&mmu, 0x5000, 8, false));
    mmu_set_view(&mmu, MMU_USER);
    g_assert_null(mmu_fast(&mmu, UPPER, 8, false));
    g_assert_true(mmu_store(&mmu, UPPER, &v, 8, MMU_USER, &f));
    g_assert_nonnull(mmu_fast(&mmu, UPPER, 8, true));
    mmu_set_view(&mmu, MMU_SUPER);
    mmu_protect_code(&mmu, DATA + 0x5000); /* write entries everywhere */
    g_assert_null(mmu_fast(&mmu, UPPER, 8, true));
    mmu_unprotect_code(&mmu, DATA + 0x5000);
    store64(UPPER, 2);
    set_entry(ROOT_B + 256 * 8, 0);
    switch_to(ROOT_B);
    g_assert_null(mmu_fast(&mmu, UPPER, 8, false));
    g_assert_false(mmu_load(&mmu, UPPER, &v, 8, MMU_SUPER, &f));
    switch_to(PML4);
    store64(UPPER, 3);
    g_assert_cmphex(get64(DATA + 0x5000), ==, 3);
    set_entry(PML4 + 256 * 8,
              (UPPER_PDPT + 0x1000) | RWU); /* no A bit: it has to be set here */
    switch_to(PML4);
    store64(UPPER, 4);
    g_assert_cmphex(get64(PML4 + 256 * 8) & PTE_A, ==, PTE_A);
    mmu_finish(&mmu);
}

/* Looking around where nothing is mapped takes a bounded amount of the host's memory. */
static void upper_probes(void)
{
    struct mmu_fault f;
    uint64_t v;

    setup_alike();
    store64(UPPER, 1);
    for (gva i = 1; i <= 40000; i++) {
        gva va = 0xffffc00000000000 + i * (2ull << 20);

        g_assert_null(mmu_fast(&mmu, va, 8, false));
        g_assert_false(mmu_load(&mmu, va, &v, 8, MMU_SUPER, &f));
    }
    g_assert_cmpuint(table_upper_bytes(&mmu), <, 128u << 20);
    g_assert_true(mmu_load(&mmu, UPPER, &v, 8, MMU_SUPER, &f));
    g_assert_cmpuint(v, ==, 1);
    mmu_finish(&mmu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    space = fake_space_new();
    g_test_add_func("/mmu/access/crossing", crossing);
    g_test_add_func("/mmu/access/wrap_32bit", wrap_32bit);
    g_test_add_func("/mmu/access/io_split", io_split);
    g_test_add_func("/mmu/access/rom", rom);
    g_test_add_func("/mmu/access/code_page", code_page);
    g_test_add_func("/mmu/access/fetch_hook", fetch_hook);
    g_test_add_func("/mmu/access/flood", flood);
    g_test_add_func("/mmu/access/live_table", live_table);
    g_test_add_func("/mmu/access/table_in_io", table_in_io);
    g_test_add_func("/mmu/access/flush_keeps_tracked", flush_keeps_tracked);
    if (!under_asan) { /* its shadow memory does not fit the limits */
        g_test_add_func("/mmu/access/few_tables", few_tables);
        g_test_add_func("/mmu/access/no_tables", no_tables);
    }
    g_test_add_func("/mmu/access/many_maps", many_maps);
    g_test_add_func("/mmu/access/recycle_flat", recycle_flat);
    g_test_add_func("/mmu/access/recycle_tlb", recycle_tlb);
    g_test_add_func("/mmu/access/wide", wide);
    g_test_add_func("/mmu/access/common_upper", common_upper);
    g_test_add_func("/mmu/access/upper_probes", upper_probes);
    return g_test_run();
}
