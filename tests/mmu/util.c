/* SPDX-License-Identifier: MIT */
#include "tests/mmu/util.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fake space ---- */

struct space *fake_space_new(void)
{
    struct space *s = g_new0(struct space, 1);

    s->ram = g_malloc(RAM_SIZE + 4096);
    s->ram += 4096 - ((uintptr_t)s->ram & 4095);
    return s;
}

void fake_space_free(struct space *s)
{
    g_free(s); /* the RAM stays: it was moved up to a page boundary */
}

uint8_t *space_ram_page(struct space *s, gpa addr, bool *writable)
{
    if (addr >= RAM_SIZE)
        return NULL;
    *writable = addr < ROM_BASE;
    return s->ram + (addr & ~GUEST_PAGE_MASK);
}

static uint64_t log_io(struct space *s, gpa pa, uint64_t v, unsigned size, bool write)
{
    if (s->nlog < IO_LOG)
        s->log[s->nlog++] = (struct io_access){pa, v, size, write};
    return UINT64_MAX;
}

uint64_t space_read(struct space *s, gpa addr, unsigned size)
{
    return log_io(s, addr, 0, size, false);
}

void space_write(struct space *s, gpa addr, uint64_t value, unsigned size)
{
    log_io(s, addr, value, size, true);
}

/* ---- random numbers (xorshift64*) ---- */

static uint64_t rng_state = 1;

uint64_t rng_next(void)
{
    rng_state ^= rng_state >> 12;
    rng_state ^= rng_state << 25;
    rng_state ^= rng_state >> 27;
    return rng_state * 0x2545f4914f6cdd1dull;
}

uint64_t rng_below(uint64_t n)
{
    return (rng_next() >> 11) % n;
}

bool rng_chance(unsigned percent)
{
    return rng_below(100) < percent;
}

void rng_seed(uint64_t seed)
{
    rng_state = seed ? seed : 1;
}

void rng_start(const char *test)
{
    const char *env = getenv("MMU_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : (uint64_t)g_get_real_time();

    printf("# replay: MMU_SEED=%llu %s\n", (unsigned long long)seed, test);
    fflush(stdout);
    rng_seed(seed);
}

/* ---- naive walker ---- */

static uint64_t peek_entry(const uint8_t *ram, gpa pa, unsigned size)
{
    uint64_t v = 0;

    if (pa >= RAM_SIZE)
        return size == 8 ? UINT64_MAX : UINT32_MAX;
    memcpy(&v, ram + pa, size);
    return v;
}

static bool reserved(const struct mmu_ctl *c, bool pae, bool lma, int level, uint64_t e,
                     bool big)
{
    uint64_t phys = ((1ull << 52) - 1) & ~((1ull << c->phys_bits) - 1);

    if (!pae) {
        int m = c->phys_bits > 40 ? 40 : c->phys_bits;
        for (int bit = 13 + m - 32; big && bit <= 21; bit++)
            if (e >> bit & 1)
                return true;
        return false;
    }
    if (!lma && level == 3)
        return e & (phys | 0xfff00000000001e6ull);
    if (e & phys || (!(c->efer & 0x800) && e >> 63))
        return true;
    if (!lma && (e >> 52 & 0x7ff))
        return true;
    if (level == 4)
        return e & 0x80;
    if (big)
        return e & (level == 3 ? 0x3fffe000 : 0x1fe000);
    return false;
}

struct naive naive_walk(uint8_t *ram, const struct mmu_ctl *c, gva va, enum mmu_access acc,
                        enum mmu_view view, bool commit)
{
    bool pae = c->cr4 & 0x20, lma = pae && (c->efer & 0x400), nx = false, w = true, u = true;
    bool smep = c->cr4 & (1 << 20), smap = c->cr4 & (1 << 21), big = false, ok;
    int level = lma ? 4 : pae ? 3 : 2;
    unsigned esize = pae ? 8 : 4, shift = 12, n = 0;
    uint64_t e = 0, code = 0;
    gpa table = c->cr3 & (lma ? 0xffffffffff000 : pae ? 0xffffffe0 : 0xfffff000), at[4];
    struct naive r = {.accessed = true};

    if (!(c->cr0 >> 31 & 1))
        return (struct naive){
            .ok = true, .pa = (uint32_t)va & c->a20_mask, .dirty = true, .accessed = true};
    code = (acc == MMU_WRITE ? 2 : 0) | (view == MMU_USER ? 4 : 0);
    if (acc == MMU_FETCH && (smep || (pae && (c->efer & 0x800))))
        code |= 16;
    for (;; level--) {
        shift = pae ? 12 + 9 * (level - 1) : 12 + 10 * (level - 1);
        table &= c->a20_mask;
        r.tables[n] = table & ~0xfffull;
        at[n] = table + (va >> shift & (pae ? (level == 3 && !lma ? 3 : 511) : 1023)) * esize;
        e = peek_entry(ram, at[n++], esize);
        big = (e & 0x80) && ((level == 2 && (pae || (c->cr4 & 0x10))) || (level == 3 && lma));
        if (!(e & 1) || reserved(c, pae, lma, level, e, big)) {
            r.code = (uint32_t)code | (e & 1 ? 9 : 0);
            return r;
        }
        if (lma || !pae || level != 3) {
            w &= e >> 1 & 1;
            u &= e >> 2 & 1;
            nx |= e >> 63;
            r.accessed &= e >> 5 & 1;
        }
        if (big || level == 1)
            break;
        table = pae ? e & 0xffffffffff000 : e & 0xfffff000;
    }
    if (view == MMU_USER)
        ok = u && (acc != MMU_WRITE || w) && (acc != MMU_FETCH || !nx);
    else if (acc == MMU_FETCH)
        ok = !nx && !(u && smep);
    else
        ok = !(u && smap && view == MMU_SUPER) && (acc == MMU_READ || w || !(c->cr0 >> 16 & 1));
    if (!ok) {
        r.code = (uint32_t)code | 1;
        return r;
    }
    r.ok = true;
    r.ntables = n;
    r.pa = pae ? e & 0xffffffffff000 : e & 0xfffff000;
    if (big && !pae)
        r.pa = (e & 0xffc00000) | (e >> 13 & 0xff) << 32;
    r.pa = ((r.pa >> shift << shift) | (va & ((1ull << shift) - 1))) & c->a20_mask;
    r.dirty = e & 0x40;
    for (unsigned i = 0; commit && i < n; i++) {
        if (at[i] < ROM_BASE && !(pae && !lma && i == 0))
            ram[at[i]] |= i + 1 == n && acc == MMU_WRITE ? 0x60 : 0x20;
    }
    return r;
}

/* ---- random paging structures ---- */

unsigned entry_size(enum paging kind)
{
    return kind == PG_32 ? 4 : 8;
}

struct mmu_ctl random_ctl(enum paging kind, gpa root)
{
    struct mmu_ctl c = {.cr0 = 1, .cr3 = root, .a20_mask = ~0ull, .phys_bits = 40};

    if (kind != PG_NONE)
        c.cr0 |= 1ull << 31;
    if (rng_chance(60))
        c.cr0 |= 1 << 16;
    if (kind != PG_32)
        c.cr4 |= 0x20;
    if (rng_chance(80))
        c.cr4 |= 0x10;
    if (rng_chance(40))
        c.cr4 |= 1 << 20;
    if (rng_chance(40))
        c.cr4 |= 1 << 21;
    if (rng_chance(70))
        c.efer |= 0x800;
    if (kind == PG_LONG)
        c.efer |= 0x500;
    if (kind == PG_PAE)
        c.cr3 |= rng_below(2) * 0x20;
    if (rng_chance(10))
        c.a20_mask = ~(1ull << 20);
    return c;
}

uint64_t random_entry(enum paging kind, unsigned pages)
{
    uint64_t page = rng_below(pages), e;

    if (rng_chance(4))
        page = ROM_BASE / 4096 + rng_below(16);
    if (rng_chance(3))
        page = RAM_SIZE / 4096 + rng_below(16);
    e = page << 12;
    e |= rng_chance(92) ? 1 : 0;
    e |= rng_chance(75) ? 2 : 0;
    e |= rng_chance(70) ? 4 : 0;
    e |= (rng_next() & 0x60) | (rng_next() & 0xf18);
    if (rng_chance(12)) {
        e |= 0x80;
        if (rng_chance(80))
            e &= ~0x3fffe000ull;
    }
    if (kind == PG_PAE && rng_chance(60))
        e &= ~0x1e6ull; /* fit for a PDPTE */
    if (kind != PG_32) {
        if (rng_chance(15))
            e |= 1ull << 63;
        if (rng_chance(2))
            e |= 1ull << (36 + rng_below(28));
    } else if (rng_chance(3)) {
        e |= 1ull << (13 + rng_below(9));
    }
    return e;
}

static unsigned small_index(void)
{
    static const unsigned idx[] = {0, 1, 2, 511};
    return idx[rng_below(4)];
}

gva random_va(enum paging kind)
{
    gva va = 0;

    switch (kind) {
    case PG_NONE:
    case PG_32: va = (gva)small_index() << 22 | (gva)small_index() << 12; break;
    case PG_PAE: va = rng_below(4) << 30; goto low;
    default:
        va = (gva)small_index() << 39 | (gva)small_index() << 30;
    low:
        va |= (gva)small_index() << 21 | (gva)small_index() << 12;
    }
    return (gva)((int64_t)(va << 16) >> 16);
}
