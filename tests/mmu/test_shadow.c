/* SPDX-License-Identifier: MIT
 * Coherence of the shadow tables: random stores (many of which hit page tables),
 * CR3 and mode switches, invalidations, fetches, code protection, DMA. After each
 * step every entry of every cached address space must agree with a fresh
 * naive walk, and no write entry may lead to a code page, a page table in
 * use, ROM, or a page whose leaf is not dirty. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "mmu/priv.h"
#include "tests/mmu/util.h"

#define POOL    20u
#define ROOTS   6u /* pages POOL.. hold PAE roots only */
#define MAX_VA  256u
#define MAX_REC 4096u

struct fetch_rec {
    unsigned as;
    gva va;
    enum mmu_view view;
    gpa pa;
};

static struct {
    struct space *space;
    struct mmu mmu;
    enum paging kind;
    struct mmu_ctl ctl_of[MMU_MAX_AS]; /* by as_id, as last selected */
    gva vas[MAX_VA];
    unsigned nvas;
    bool code[RAM_SIZE / 4096];
    struct fetch_rec rec[MAX_REC];
    unsigned nrec;
    unsigned present, writable; /* entries seen by the last check */
    uint64_t entries_checked, shared_checks;
    bool expect_code_write;
    gpa code_pa;
} T;

/* ---- hooks ---- */

static void on_unmapped(void *opaque, uint32_t as, gva va, uint64_t len)
{
    for (unsigned i = 0; i < T.nrec;) {
        if (T.rec[i].as == as && (!len || T.rec[i].va - va < len))
            T.rec[i] = T.rec[--T.nrec];
        else
            i++;
    }
}

static void on_code_write(void *opaque, gpa pa, uint64_t size)
{
    g_assert_true(pa < RAM_SIZE && T.code[pa >> 12]);
    g_assert_cmpuint(size, >, 0);
    g_assert_cmpuint((pa & 4095) + size, <=, 4096);
    T.code_pa = pa;
    if (rng_chance(30)) {
        T.code[pa >> 12] = false;
        mmu_unprotect_code(&T.mmu, pa & ~4095ull);
    }
}

/* ---- the check ---- */

static uint64_t entry_of(const struct table *t, gva va, bool write)
{
    if (t->tlb) {
        const struct mmu_tlb_entry *e = &t->tlb[va >> 12 & ((1 << MMU_TLB_BITS) - 1)];
        return (write ? e->wr_tag : e->rd_tag) == va ? e->addend : 0;
    }
    return (write ? t->wr : t->rd)[va >> 12 & VPN_MASK];
}

/* A PDPTE that is an entry of another table as well may have got an A or D bit there,
 * which is reserved in a PDPTE. Silicon, having latched it, goes on. */
static bool pdpte_latched(const struct mmu_ctl *c, gva va, const struct naive *n)
{
    gpa at = (c->cr3 & 0xffffffe0) + (va >> 30 & 3) * 8;

    return !n->ok && (n->code & PF_RSVD) && T.kind == PG_PAE &&
           (T.space->ram[at] & (PTE_A | PTE_D));
}

/* A bits cannot be set in ROM. */
static bool walk_in_rom(const struct naive *n)
{
    for (unsigned i = 0; i < n->ntables; i++) {
        if (n->tables[i] >= ROM_BASE)
            return true;
    }
    return false;
}

static void check_entry(const struct mmu_ctl *c, enum mmu_view view, gva va, uint64_t e,
                        bool write, bool *tables, bool *written)
{
    struct naive n = naive_walk(T.space->ram, c, va, write ? MMU_WRITE : MMU_READ, view, false);
    gpa pa = e + va - (uint64_t)(uintptr_t)T.space->ram;

    T.entries_checked++;
    T.present++;
    if (pdpte_latched(c, va, &n))
        return;
    g_assert_true(n.ok);
    g_assert_cmphex(n.pa, ==, pa);
    g_assert_true(n.accessed || walk_in_rom(&n));
    for (unsigned i = 0; i < n.ntables; i++)
        tables[n.tables[i] >> 12] = true;
    if (!write)
        return;
    T.writable++;
    g_assert_true(n.dirty);
    g_assert_cmphex(pa, <, ROM_BASE);
    g_assert_false(T.code[pa >> 12]);
    written[pa >> 12] = true;
}

static void check_as(unsigned id, bool *tables, bool *written)
{
    const struct mmu_as *as = &T.mmu.priv->as[id];

    for (unsigned v = 0; v < MMU_VIEWS; v++) {
        const struct table *t = as->tab[as->slot[v]];
        for (unsigned i = 0; t && i < T.nvas; i++) {
            for (unsigned w = 0; w < 2; w++) {
                uint64_t e = entry_of(t, T.vas[i], w);
                if (e)
                    check_entry(&T.ctl_of[id], (enum mmu_view)v, T.vas[i], e, w, tables,
                                written);
            }
        }
    }
}

static void check_fetched_by(const struct fetch_rec *r, unsigned id)
{
    const struct mmu_ctl *c = &T.ctl_of[id];
    struct naive n = naive_walk(T.space->ram, c, r->va, MMU_FETCH, r->view, false);

    if (pdpte_latched(c, r->va, &n))
        return;
    g_assert_true(n.ok);
    g_assert_cmphex(n.pa, ==, r->pa);
}

/* What is shared must hold for all that share it. */
static void check_fetched(const struct fetch_rec *r)
{
    if (r->as != MMU_SHARED_ID) {
        check_fetched_by(r, r->as);
        return;
    }
    for (unsigned id = 0; id < MMU_MAX_AS; id++) {
        if (!T.mmu.priv->as[id].used || !T.mmu.priv->as[id].shares)
            continue;
        check_fetched_by(r, id);
        T.shared_checks += id != T.mmu.as_id;
    }
}

static void check_all(void)
{
    static bool tables[RAM_SIZE / 4096], written[RAM_SIZE / 4096];

    memset(tables, 0, sizeof(tables));
    memset(written, 0, sizeof(written));
    T.present = T.writable = 0;
    for (unsigned i = 0; i < MMU_MAX_AS; i++) {
        if (T.mmu.priv->as[i].used)
            check_as(i, tables, written);
    }
    for (unsigned i = 0; i < RAM_SIZE / 4096; i++)
        g_assert_false(tables[i] && written[i]);
    for (unsigned i = 0; i < T.nrec; i++)
        check_fetched(&T.rec[i]);
}

/* ---- steps ---- */

/* Like random_entry, but most walks succeed. */
static uint64_t dense_entry(void)
{
    uint64_t e = random_entry(T.kind, POOL);

    if (rng_chance(75)) {
        e |= PTE_P | PTE_W | PTE_U;
        e &= T.kind == PG_PAE ? 0xfffe7full : 0xffffffull;
        if (rng_chance(90))
            e &= ~(uint64_t)PTE_PS;
    }
    return e;
}

static gva pick_va(void)
{
    return T.vas[rng_below(T.nvas)];
}

static enum mmu_view pick_view(void)
{
    enum mmu_view v = (enum mmu_view)rng_below(MMU_VIEWS);

    mmu_set_view(&T.mmu, v);
    return v;
}

static void store(gva va, const void *buf, unsigned size)
{
    enum mmu_view view = pick_view();
    struct naive n = naive_walk(T.space->ram, &T.mmu.ctl, va, MMU_WRITE, view, false);
    uint8_t *p = mmu_fast(&T.mmu, va, size, true);
    struct mmu_fault f;
    bool ok;

    T.code_pa = 0;
    if (p) {
        memcpy(p, buf, size);
        return;
    }
    ok = mmu_store(&T.mmu, va, buf, size, view, &f);
    if (pdpte_latched(&T.mmu.ctl, va, &n))
        return;
    g_assert_cmpint(ok, ==, n.ok);
    if (!ok)
        g_assert_cmphex(f.code, ==, n.code);
    else if (n.pa < ROM_BASE && T.code[n.pa >> 12])
        g_assert_cmphex(T.code_pa, ==, n.pa);
}

static void step_pt_write(void)
{
    unsigned es = entry_size(T.kind), n = 1 + (unsigned)rng_below(rng_chance(10) ? 64 / es : 1);
    static const unsigned idx[] = {0, 1, 2, 511};
    unsigned i = idx[rng_below(4)], off = i * es;
    uint8_t buf[64];

    for (unsigned k = 0; k < n; k++) {
        uint64_t e = rng_chance(15) ? 0 : dense_entry();
        memcpy(buf + k * es, &e, es);
    }
    if (T.kind == PG_32 && i == 511 && rng_chance(50))
        off = 1023 * es;
    if (off + n * es > 4096)
        n = (4096 - off) / es;
    if (rng_chance(15))
        store(pick_va() | (off + rng_below(es)), buf, 1); /* part of an entry */
    else
        store(pick_va() | off, buf, n * es);
}

static void step_read(void)
{
    gva va = pick_va() | rng_below(4088);
    enum mmu_view view = pick_view();
    struct naive n = naive_walk(T.space->ram, &T.mmu.ctl, va, MMU_READ, view, false);
    uint8_t *p = mmu_fast(&T.mmu, va, 8, false);
    uint64_t v = 0;
    struct mmu_fault f;
    bool ok = true;

    if (p)
        memcpy(&v, p, 8);
    else
        ok = mmu_load(&T.mmu, va, &v, 8, view, &f);
    if (pdpte_latched(&T.mmu.ctl, va, &n))
        return;
    g_assert_cmpint(ok, ==, n.ok);
    if (!ok)
        g_assert_cmphex(f.code, ==, n.code);
    else if (n.pa + 8 <= RAM_SIZE)
        g_assert_true(memcmp(&v, T.space->ram + n.pa, 8) == 0);
}

static void step_fetch(void)
{
    gva va = pick_va();
    enum mmu_view view = (enum mmu_view)rng_below(2);
    struct naive n = naive_walk(T.space->ram, &T.mmu.ctl, va, MMU_FETCH, view, false);
    struct mmu_fault f;
    const uint8_t *host;
    gpa pa;
    bool ok = mmu_fetch_page(&T.mmu, va, view, &pa, &host, &f);

    if (pdpte_latched(&T.mmu.ctl, va, &n))
        return;
    g_assert_cmpint(ok, ==, n.ok);
    if (!ok) {
        g_assert_cmphex(f.code, ==, n.code);
        return;
    }
    g_assert_cmphex(pa, ==, n.pa);
    for (unsigned i = 0; i < n.ntables; i++) {
        if (n.tables[i] >= RAM_SIZE)
            return; /* such tables are not tracked */
    }
    if (T.nrec < MAX_REC)
        T.rec[T.nrec++] = (struct fetch_rec){
            (int64_t)va < 0 ? T.mmu.hi_id : T.mmu.as_id, va, view, pa};
    if (pa < ROM_BASE && rng_chance(40)) {
        T.code[pa >> 12] = true;
        mmu_protect_code(&T.mmu, pa);
    }
}

static void set_ctl(const struct mmu_ctl *c)
{
    mmu_set_ctl(&T.mmu, c);
    T.ctl_of[T.mmu.as_id] = *c;
}

static gpa pick_root(void)
{
    return (T.kind == PG_PAE ? POOL + rng_below(ROOTS) : rng_below(ROOTS)) << 12;
}

static void step_switch(void)
{
    struct mmu_ctl c;

    if (rng_chance(40)) { /* as processes do */
        c = T.mmu.ctl;
        c.cr3 = pick_root();
    } else if (rng_chance(70)) { /* to one known */
        unsigned id = (unsigned)rng_below(MMU_MAX_AS);
        if (!T.mmu.priv->as[id].used)
            return;
        c = T.ctl_of[id];
    } else {
        c = random_ctl(rng_chance(10) ? PG_NONE : T.kind, pick_root());
        c.a20_mask = ~0ull;
    }
    set_ctl(&c);
}

static void step_dma(void)
{
    gpa pa = rng_below(POOL * 4096);
    uint64_t e = dense_entry();
    unsigned size = 8;

    pa &= ~7ull;
    if (rng_chance(70))
        pa = (pa & ~4095ull) | rng_below(3) * 8;
    mmu_dma_write(&T.mmu, pa, size);
    memcpy(T.space->ram + pa, &e, size);
}

/* Makes the upper half of all roots the same, ready to be shared. */
static void step_alike(void)
{
    gpa from = pick_root();

    for (gpa at = from + 2048; T.kind == PG_LONG && at < from + 4096; at += 8) {
        uint64_t e;

        memcpy(&e, T.space->ram + at, 8);
        if (!(e & PTE_P) || e & PTE_A)
            continue;
        e |= PTE_A;
        mmu_dma_write(&T.mmu, at, 8);
        memcpy(T.space->ram + at, &e, 8);
    }

    for (gpa to = 0; T.kind == PG_LONG && to < ROOTS << 12; to += 4096) {
        if (to == from)
            continue;
        mmu_dma_write(&T.mmu, to + 2048, 2048);
        memcpy(T.space->ram + to + 2048, T.space->ram + from + 2048, 2048);
    }
}

static void step_other(void)
{
    gpa pa = rng_below(POOL + 4) << 12;
    struct mmu_fault f;

    switch (rng_below(40)) {
    case 0: mmu_flush_all(&T.mmu); break;
    case 1: mmu_phys_changed(&T.mmu); break;
    case 2: mmu_flush_untracked(&T.mmu); break;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
        mmu_unprotect_code(&T.mmu, pa);
        T.code[pa >> 12] = false;
        break;
    case 9:
    case 10:
        mmu_protect_code(&T.mmu, pa);
        T.code[pa >> 12] = true;
        break;
    case 11:
    case 12:
    case 13:
    case 14:
    case 15: mmu_probe_write(&T.mmu, pick_va(), 8, pick_view(), &f); break;
    case 16:
    case 17:
    case 18: step_dma(); break;
    case 19:
    case 20: step_alike(); break;
    default: mmu_invlpg(&T.mmu, pick_va());
    }
}

static void step(void)
{
    unsigned r = (unsigned)rng_below(100);

    if (r < 30)
        step_pt_write();
    else if (r < 50)
        step_read();
    else if (r < 65)
        step_fetch();
    else if (r < 75)
        step_switch();
    else if (r < 85)
        step_other();
    else
        store(pick_va() | 0x800 | rng_below(0x700), "data", 4);
}

static void episode(enum paging kind, bool tlb, unsigned steps)
{
    unsigned es = entry_size(kind);
    struct mmu_ctl c;

    T.kind = kind;
    T.nrec = 0;
    memset(T.code, 0, sizeof(T.code));
    for (unsigned i = 0; i < (POOL + ROOTS) * 4096; i += es) {
        uint64_t e = dense_entry();
        if (kind == PG_PAE && i >= POOL * 4096)
            e &= ~0x1e6ull;
        memcpy(T.space->ram + i, &e, es);
    }
    T.nvas = 64;
    for (unsigned i = 0; i < T.nvas; i++)
        T.vas[i] = random_va(kind);
    g_assert_true(mmu_init(&T.mmu, T.space, RAM_SIZE, tlb, NULL));
    T.mmu.unmapped = on_unmapped;
    T.mmu.code_write = on_code_write;
    T.ctl_of[T.mmu.as_id] = T.mmu.ctl;
    step_alike();
    c = random_ctl(kind, pick_root());
    set_ctl(&c);
    for (unsigned i = 0; i < steps; i++) {
        step();
        T.mmu.priv->shared_builds = 0; /* never enough */
        check_all();
    }
    g_test_message(
        "%u entries, %u writable, %u fetched; %llu walks, %llu pt writes, %llu drops",
        T.present, T.writable, T.nrec, (unsigned long long)T.mmu.stats.walks,
        (unsigned long long)T.mmu.stats.pt_writes, (unsigned long long)T.mmu.stats.drops);
    mmu_finish(&T.mmu);
}

static void run(enum paging kind)
{
    for (unsigned i = 0; i < 8; i++)
        episode(kind, i & 1, i < 2 ? 2500 : 500);
    g_assert_cmpuint(T.entries_checked, >, 1000); /* the test sees something */
    if (kind == PG_LONG)
        g_assert_cmpuint(T.shared_checks, >, 20);
}

static void shadow_none(void)
{
    run(PG_NONE);
}

static void shadow_32(void)
{
    run(PG_32);
}

static void shadow_pae(void)
{
    run(PG_PAE);
}

static void shadow_long(void)
{
    run(PG_LONG);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rng_start(argv[0]);
    T.space = fake_space_new();
    for (unsigned i = 0; i < RAM_SIZE; i++)
        T.space->ram[i] = (uint8_t)rng_next();
    g_test_add_func("/mmu/shadow/none", shadow_none);
    g_test_add_func("/mmu/shadow/32bit", shadow_32);
    g_test_add_func("/mmu/shadow/pae", shadow_pae);
    g_test_add_func("/mmu/shadow/long", shadow_long);
    return g_test_run();
}
