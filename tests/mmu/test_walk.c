/* SPDX-License-Identifier: MIT
 * Page walker against the naive one: random tables in every paging mode. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "tests/mmu/util.h"

#define POOL  24u /* pages that entries point to */
#define ROOTS 2u  /* PAE roots stand apart: an A bit set there would be a reserved one */
#define PAGES (POOL + ROOTS)

static struct space *space;
static struct mmu mmu;
static uint8_t *copy; /* the RAM as the naive walker leaves it */

static void fill_tables(enum paging kind)
{
    unsigned es = entry_size(kind);

    for (unsigned i = 0; i < PAGES * 4096; i += es) {
        uint64_t e = random_entry(kind, POOL);
        memcpy(space->ram + i, &e, es);
    }
    memcpy(copy, space->ram, PAGES * 4096);
}

static void check_access(const struct mmu_ctl *c, gva va)
{
    enum mmu_access acc = (enum mmu_access)rng_below(3);
    enum mmu_view view = (enum mmu_view)rng_below(acc == MMU_FETCH ? 2 : 3);
    struct naive n = naive_walk(copy, c, va, acc, view, true);
    struct mmu_fault f = {0};
    uint8_t *host;
    const uint8_t *chost;
    gpa pa = 0, peek = 0;
    bool ok, peek_ok = mmu_peek(&mmu, va, acc, view, &peek, &f);

    g_assert_cmpint(peek_ok, ==, n.ok);
    if (acc == MMU_FETCH) {
        ok = mmu_fetch_page(&mmu, va, view, &pa, &chost, &f);
        pa |= va & 4095;
    } else {
        ok = mmu_host(&mmu, va, acc, view, &host, &f);
        pa = peek;
    }
    g_assert_cmpint(ok, ==, n.ok);
    if (ok) {
        g_assert_cmphex(pa, ==, n.pa);
        g_assert_cmphex(peek, ==, n.pa);
    } else {
        g_assert_cmphex(f.code, ==, n.code);
        g_assert_cmphex(f.addr, ==, va);
    }
    g_assert_true(memcmp(copy, space->ram, PAGES * 4096) == 0);
}

static void run(enum paging kind, unsigned rounds)
{
    for (unsigned r = 0; r < rounds; r++) {
        gpa root = kind == PG_PAE ? POOL + rng_below(ROOTS) : rng_below(POOL);
        struct mmu_ctl c = random_ctl(kind, root << 12);

        c.phys_bits = (uint8_t)(36 + rng_below(13));
        fill_tables(kind);
        mmu_flush_all(&mmu);
        mmu_set_ctl(&mmu, &c);
        for (unsigned i = 0; i < 60; i++)
            check_access(&c, random_va(kind) | rng_below(4096));
    }
}

static void walk_32(void)
{
    run(PG_32, 150);
}

static void walk_pae(void)
{
    run(PG_PAE, 150);
}

static void walk_long(void)
{
    run(PG_LONG, 150);
}

static void walk_none(void)
{
    run(PG_NONE, 20);
}

int main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    rng_start(argv[0]);
    space = fake_space_new();
    copy = g_malloc(RAM_SIZE);
    for (unsigned i = 0; i < RAM_SIZE; i++)
        space->ram[i] = (uint8_t)rng_next();
    memcpy(copy, space->ram, RAM_SIZE);
    g_assert_true(mmu_init(&mmu, space, RAM_SIZE, false, NULL));
    g_test_add_func("/mmu/walk/none", walk_none);
    g_test_add_func("/mmu/walk/32bit", walk_32);
    g_test_add_func("/mmu/walk/pae", walk_pae);
    g_test_add_func("/mmu/walk/long", walk_long);
    rc = g_test_run();
    mmu_finish(&mmu);
    return rc;
}
