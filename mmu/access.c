/* SPDX-License-Identifier: MIT
 * The slow path of a guest access: translate, fill the tables, and do what
 * cannot be one host access (page crossing, I/O, ROM, tracked pages). */
#include <string.h>

#include "mmu/priv.h"

struct target {
    gpa pa;
    uint8_t *host; /* NULL: not RAM or ROM */
    bool writable;
};

/* Is the page free of everything that wants to see its writes? */
static bool page_plain(struct mmu *m, gpa pa)
{
    const struct page_meta *pg = page_meta(m, pa);

    return pg && !pg->flags;
}

/* May a mapping be entered in the write table as well? */
static bool may_fill_wr(struct mmu *m, const struct walk_leaf *l, uint64_t h,
                        enum mmu_view view)
{
    return (l->entry & PTE_D) && (h & HOST_WRITABLE) && page_plain(m, l->pa) &&
           walk_allowed(&m->as->wm, l->perm, MMU_WRITE, view);
}

/* Enters a page that may be read, and may be written if the rest allows it. */
static void fill_page(struct mmu *m, struct node *n, unsigned slot, gva va,
                      const struct walk_leaf *l, uint64_t h, enum mmu_view view)
{
    table_fill(m, n, slot, va, HOST_PTR(h), false);
    if (!may_fill_wr(m, l, h, view))
        return;
    page_add_map(m, page_meta(m, l->pa), n->as, va >> GUEST_PAGE_SHIFT & VPN_MASK);
    table_fill(m, n, slot, va, HOST_PTR(h), true);
}

/* The pages that share a cache line of the table with va, as far as the guest has
 * used them before (A set): costs little now and saves their misses. */
static void fill_around(struct mmu *m, struct node *n, unsigned slot, gva va,
                        const struct walk *w, enum mmu_view view)
{
    const struct walk_mode *wm = &m->as->wm;
    gva line = va & ~(8 * (gva)GUEST_PAGE_SIZE - 1);

    for (gva at = line; at != line + 8 * GUEST_PAGE_SIZE; at += GUEST_PAGE_SIZE) {
        struct walk_leaf l;
        uint64_t h;

        if (at == va || table_has_rd(m, n, slot, at) || !walk_neighbour(wm, w, at, &l) ||
            !walk_allowed(wm, l.perm, MMU_READ, view))
            continue;
        h = page_host(m, l.pa);
        if (HOST_PTR(h))
            fill_page(m, n, slot, at, &l, h, view);
    }
}

/* Enters the access, and what it shows to be allowed as well, into the tables. */
static void fill(struct mmu *m, struct node *n, gva va, const struct walk *w, uint64_t h,
                 enum mmu_access acc, enum mmu_view view)
{
    unsigned slot;
    struct walk_leaf l = {w->step[w->leaf].entry, w->pa, w->perm};

    if (n->pfn != NO_PFN)
        m->priv->pages[n->pfn].writes = 0; /* a live page table */
    if (acc == MMU_FETCH) {
        unsigned i = (unsigned)(va >> GUEST_PAGE_SHIFT) & 511;
        n->fetched[i >> 6] |= 1ull << (i & 63);
        n->any_fetch = m->priv->as[n->as].any_fetch = true;
        return;
    }
    if (!HOST_PTR(h)) {
        if (n->as == MMU_SHARED_ID)
            as_upper_missed(m);
        return;
    }
    slot = as_slot(m, &m->priv->as[n->as], view);
    if (!m->priv->use_tlb && !table_has_rd(m, n, slot, va))
        fill_around(m, n, slot, va, w, view);
    fill_page(m, n, slot, va, &l, h, view);
}

static void walk_from_chunk(const struct node *n, struct walk *w)
{
    w->top = n->leaf;
    w->upper = n->upper;
    w->step[n->leaf].table = n->pt;
    w->step[n->leaf].host = n->pt_host;
    w->step[n->leaf].writable = n->pt_writable;
}

/* No paging: every page is present, writable and dirty. */
static void walk_flat(const struct walk_mode *wm, struct walk *w, gva va)
{
    w->leaf = w->top = 0;
    w->upper = w->perm = PERM_ALL & ~PERM_U;
    w->step[0].entry = PTE_P | PTE_A | PTE_D;
    w->pa = va & ~GUEST_PAGE_MASK & wm->a20;
}

static bool translate(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view,
                      struct target *t, struct mmu_fault *f)
{
    const struct walk_mode *wm = &m->as->wm;
    uint32_t code = PF_P;
    struct mmu_as *as;
    struct node *n;
    struct walk w;
    uint64_t h;

    va = walk_canon(wm, va);
    as = as_of(m, va, acc, view);
    m->stats.walks++;
    n = shadow_chunk(m, as, va);
    if (!wm->levels) {
        walk_flat(wm, &w, va);
        view = MMU_SUPER;
    } else {
        if (LIKELY(n))
            walk_from_chunk(n, &w);
        else
            walk_start(m, wm, &w);
        if (!walk_run(m, wm, &w, va, &code) || !walk_allowed(wm, w.perm, acc, view)) {
            f->addr = va;
            f->code = walk_code(wm, acc, view, code);
            if (as->id == MMU_SHARED_ID)
                as_upper_missed(m);
            if (UNLIKELY(m->trace))
                m->trace(va, acc, view, 0, f);
            return false;
        }
        walk_commit(m, wm, &w, va, acc == MMU_WRITE);
    }
    h = page_host(m, w.pa);
    t->pa = w.pa | (va & GUEST_PAGE_MASK);
    t->host = HOST_PTR(h) ? HOST_PTR(h) + (va & GUEST_PAGE_MASK) : NULL;
    t->writable = h & HOST_WRITABLE;
    if (UNLIKELY(m->trace))
        m->trace(va, acc, view, t->pa, NULL);
    if (UNLIKELY(!n))
        n = shadow_record(m, as, &w, va);
    if (LIKELY(n))
        fill(m, n, va & ~GUEST_PAGE_MASK, &w, h, acc, view);
    else if (acc == MMU_FETCH)
        as->any_fetch = as->wild = true;
    return true;
}

/* ---- moving the bytes ---- */

/* One host access for the sizes that a guest may expect to be atomic. */
static void copy(void *dst, const void *src, unsigned n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;

    for (; n >= 8; n -= 8, d += 8, s += 8)
        __builtin_memcpy(d, s, 8);
    if (n & 4) {
        __builtin_memcpy(d, s, 4);
        d += 4;
        s += 4;
    }
    if (n & 2) {
        __builtin_memcpy(d, s, 2);
        d += 2;
        s += 2;
    }
    if (n & 1)
        *d = *s;
}

/* Largest naturally aligned piece of an I/O access. */
static unsigned io_piece(gpa pa, unsigned n)
{
    unsigned size = 8;

    while (size > n || (pa & (size - 1)))
        size >>= 1;
    return size;
}

static void io_load(struct mmu *m, gpa pa, uint8_t *buf, unsigned n)
{
    while (n) {
        unsigned size = io_piece(pa, n);
        uint64_t v = page_io_read(m, pa, size);
        copy(buf, &v, size);
        pa += size;
        buf += size;
        n -= size;
    }
}

static void io_store(struct mmu *m, gpa pa, const uint8_t *buf, unsigned n)
{
    while (n) {
        unsigned size = io_piece(pa, n);
        uint64_t v = 0;
        copy(&v, buf, size);
        page_io_write(m, pa, v, size);
        pa += size;
        buf += size;
        n -= size;
    }
}

static void pt_store(struct mmu *m, struct page_meta *pg, gpa pa, uint8_t *host,
                     const uint8_t *buf, unsigned n)
{
    unsigned off = (unsigned)(pa & GUEST_PAGE_MASK), low = off & 7;
    uint8_t *page = host - off;
    uint64_t old[10];

    copy(old, host - low, (low + n + 7) & ~7u);
    copy(host, buf, n);
    shadow_pt_written(m, pg, page, off, n, old);
}

static void ram_store(struct mmu *m, gpa pa, uint8_t *host, const uint8_t *buf, unsigned n)
{
    struct page_meta *pg = page_meta(m, pa);

    if (UNLIKELY(!pg || (pg->flags & PAGE_CODE)) && m->code_write) {
        m->stats.code_writes++;
        m->code_write(m->opaque, pa, n); /* may not return */
    }
    if (UNLIKELY(pg && (pg->flags & PAGE_PT)))
        pt_store(m, pg, pa, host, buf, n);
    else
        copy(host, buf, n);
}

static void load_piece(struct mmu *m, const struct target *t, uint8_t *buf, unsigned n)
{
    if (LIKELY(t->host))
        copy(buf, t->host, n);
    else
        io_load(m, t->pa, buf, n);
}

static void store_piece(struct mmu *m, const struct target *t, const uint8_t *buf, unsigned n)
{
    if (LIKELY(t->host && t->writable))
        ram_store(m, t->pa, t->host, buf, n);
    else
        io_store(m, t->pa, buf, n); /* ROM too: the space knows who gets writes */
}

/* Bytes of the access that lie in the first page. */
static unsigned first_part(gva va, unsigned size)
{
    unsigned room = GUEST_PAGE_SIZE - (unsigned)(va & GUEST_PAGE_MASK);

    return size < room ? size : room;
}

static gva next_page(gva va)
{
    return (va | GUEST_PAGE_MASK) + 1;
}

/* Both pages of an access that crosses; A and D stay clear unless both may be accessed. */
static bool translate_two(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view,
                          struct target t[2], struct mmu_fault *f)
{
    gpa pa;

    return mmu_peek(m, va, acc, view, &pa, f) &&
           mmu_peek(m, next_page(va), acc, view, &pa, f) &&
           translate(m, va, acc, view, &t[0], f) &&
           translate(m, next_page(va), acc, view, &t[1], f);
}

bool mmu_load(struct mmu *m, gva va, void *buf, unsigned size, enum mmu_view view,
              struct mmu_fault *f)
{
    unsigned n = first_part(va, size);
    struct target t[2];

    if (LIKELY(n == size)) {
        if (!translate(m, va, MMU_READ, view, t, f))
            return false;
        load_piece(m, t, buf, size);
        return true;
    }
    if (!translate_two(m, va, MMU_READ, view, t, f))
        return false;
    load_piece(m, &t[0], buf, n);
    load_piece(m, &t[1], (uint8_t *)buf + n, size - n);
    return true;
}

bool mmu_store(struct mmu *m, gva va, const void *buf, unsigned size, enum mmu_view view,
               struct mmu_fault *f)
{
    unsigned n = first_part(va, size);
    struct target t[2];

    if (LIKELY(n == size)) {
        if (!translate(m, va, MMU_WRITE, view, t, f))
            return false;
        store_piece(m, t, buf, size);
        return true;
    }
    if (!translate_two(m, va, MMU_WRITE, view, t, f))
        return false;
    store_piece(m, &t[0], buf, n);
    store_piece(m, &t[1], (const uint8_t *)buf + n, size - n);
    return true;
}

bool mmu_probe_write(struct mmu *m, gva va, unsigned size, enum mmu_view view,
                     struct mmu_fault *f)
{
    struct target t[2];

    if (LIKELY(first_part(va, size) == size))
        return translate(m, va, MMU_WRITE, view, t, f);
    return translate_two(m, va, MMU_WRITE, view, t, f);
}

bool mmu_host(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view, uint8_t **host,
              struct mmu_fault *f)
{
    struct target t;

    if (!translate(m, va, acc, view, &t, f))
        return false;
    *host = t.host;
    if (acc == MMU_WRITE && (!t.writable || !page_plain(m, t.pa)))
        *host = NULL;
    return true;
}

bool mmu_fetch_page(struct mmu *m, gva va, enum mmu_view view, gpa *pa, const uint8_t **host,
                    struct mmu_fault *f)
{
    struct target t;
    uint64_t off = va & GUEST_PAGE_MASK;

    if (!translate(m, va, MMU_FETCH, view, &t, f))
        return false;
    *pa = t.pa - off;
    *host = t.host ? t.host - off : NULL;
    return true;
}

bool mmu_peek(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view, gpa *pa,
              struct mmu_fault *f)
{
    const struct walk_mode *wm = &m->as->wm;
    uint32_t code = PF_P;
    struct walk w;

    va = walk_canon(wm, va);
    if (!wm->levels) {
        walk_flat(wm, &w, va);
    } else {
        walk_start(m, wm, &w);
        if (!walk_run(m, wm, &w, va, &code) || !walk_allowed(wm, w.perm, acc, view)) {
            f->addr = va;
            f->code = walk_code(wm, acc, view, code);
            return false;
        }
    }
    *pa = w.pa | (va & GUEST_PAGE_MASK);
    return true;
}
