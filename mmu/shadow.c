/* SPDX-License-Identifier: MIT
 * What was made from which page table. Each address space has a tree of nodes
 * shaped like the guest's own tables as far as they were walked; a page-table
 * page lists the nodes that use it. A guest write to entry i of the page drops,
 * for each use, the linear range that entry i maps there. Chunks double as a cache
 * of the upper levels: a miss in a known chunk reads one guest entry.
 *
 * A page that is written many times without feeding a fill (fork write-protecting
 * a table, or a freed table reused for data) is let go: what was made from it is
 * dropped and its writes are ordinary again. */
#include <sys/mman.h>

#include "mmu/priv.h"

#define FLOOD_TABLE 32u /* writes after which a page table is let go ... */
#define FLOOD_UPPER 96u /* ... and a directory or above */

bool shadow_init(struct mmu *m, struct err *e)
{
    void *p = mmap(NULL, NODE_MAX * sizeof(struct node), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return err_set(e, "out of memory for shadow page tables");
    m->priv->nodes = p;
    return true;
}

void shadow_finish(struct mmu *m)
{
    if (m->priv->nodes)
        munmap(m->priv->nodes, NODE_MAX * sizeof(struct node));
}

static struct node **hash_slot(struct mmu *m, unsigned as, unsigned level, gva va)
{
    uint64_t h = (va >> CHUNK_SHIFT) ^ (uint64_t)as << 40 ^ (uint64_t)level << 50;

    return &m->priv->hash[h * 0x9e3779b97f4a7c15ull >> (64 - NODE_HASH_BITS)];
}

static struct node *node_find(struct mmu *m, unsigned as, unsigned level, gva va)
{
    struct node *n = *hash_slot(m, as, level, va);

    while (n && (n->va != va || n->level != level || n->as != as))
        n = n->hash_next;
    return n;
}

struct node *shadow_chunk(struct mmu *m, struct mmu_as *as, gva va)
{
    return node_find(m, as->id, 1, va & ~(CHUNK_SIZE - 1));
}

static struct node *node_new(struct mmu *m, struct mmu_as *as, unsigned level, gva va)
{
    struct mmu_priv *p = m->priv;
    struct node *n = p->nodes_free, **slot = hash_slot(m, as->id, level, va);

    if (n)
        p->nodes_free = n->hash_next;
    else
        n = &p->nodes[p->nodes_top++]; /* room was made by make_room() */
    p->nodes_live++;
    *n = (struct node){.va = va, .level = (uint8_t)level, .as = as->id, .pfn = NO_PFN};
    n->hash_next = *slot;
    *slot = n;
    n->as_next = as->nodes;
    if (as->nodes)
        as->nodes->as_prev = n;
    as->nodes = n;
    return n;
}

/* The page now feeds n: it must not be written behind our back. */
static void node_track(struct mmu *m, struct node *n, gpa table, unsigned first, unsigned bytes)
{
    struct page_meta *pg = page_meta(m, table);

    n->pfn = (uint32_t)(table >> GUEST_PAGE_SHIFT);
    n->first = (uint16_t)first;
    n->bytes = (uint16_t)bytes;
    n->use_next = pg->uses;
    if (pg->uses)
        pg->uses->use_prev = n;
    pg->uses = n;
    pg->writes = 0;
    if (!(pg->flags & PAGE_PT)) {
        pg->flags |= PAGE_PT;
        page_drop_maps(m, pg);
    }
}

static void node_untrack(struct mmu *m, struct node *n)
{
    struct page_meta *pg = &m->priv->pages[n->pfn];

    if (n->use_prev)
        n->use_prev->use_next = n->use_next;
    else
        pg->uses = n->use_next;
    if (n->use_next)
        n->use_next->use_prev = n->use_prev;
    if (!pg->uses)
        pg->flags &= (uint8_t)~PAGE_PT;
}

static void node_unlink(struct mmu *m, struct node *n)
{
    struct mmu_as *as = &m->priv->as[n->as];
    struct node **link = hash_slot(m, n->as, n->level, n->va);

    if (n->level == 4)
        as_unshare(m, as);

    while (*link != n)
        link = &(*link)->hash_next;
    *link = n->hash_next;
    if (n->as_prev)
        n->as_prev->as_next = n->as_next;
    else
        as->nodes = n->as_next;
    if (n->as_next)
        n->as_next->as_prev = n->as_prev;
    if (n->pfn != NO_PFN)
        node_untrack(m, n);
}

/* Frees a node whose descendants are gone; quiet: the owner is told by the caller. */
static void node_free(struct mmu *m, struct node *n, bool quiet)
{
    bool tell = n->any_fetch && !quiet && m->unmapped;
    unsigned as = n->as;
    gva va = n->va;

    if (n->tabs)
        table_clear_node(m, n);
    node_unlink(m, n);
    n->hash_next = m->priv->nodes_free;
    m->priv->nodes_free = n;
    m->priv->nodes_live--;
    m->stats.drops++;
    if (tell)
        m->unmapped(m->opaque, as, va, CHUNK_SIZE);
}

void shadow_drop_all(struct mmu *m, struct mmu_as *as)
{
    while (as->nodes)
        node_free(m, as->nodes, true);
    if (as->any_fetch && m->unmapped)
        m->unmapped(m->opaque, as->id, 0, 0);
    as->any_fetch = false;
    as->wild = false;
}

static void drop_page(struct mmu *m, struct node *n, gva va)
{
    unsigned i = (unsigned)(va >> GUEST_PAGE_SHIFT) & 511;
    uint64_t bit = 1ull << (i & 63);

    if (n->tabs)
        table_clear_page(m, n, va);
    m->stats.drops++;
    if (n->any_fetch && (n->fetched[i >> 6] & bit)) {
        n->fetched[i >> 6] &= ~bit;
        if (m->unmapped)
            m->unmapped(m->opaque, n->as, va & ~GUEST_PAGE_MASK, GUEST_PAGE_SIZE);
    }
}

/* Drops every node of the address space that lies inside the range. */
static void drop_nodes_in(struct mmu *m, struct mmu_as *as, gva va, uint64_t len)
{
    struct node *next;

    for (struct node *n = as->nodes; n; n = next) {
        next = n->as_next;
        if (n->va - va < len && (n->level == 1 || 1ull << (as->wm.shift[n->level] + 9) <= len))
            node_free(m, n, false);
    }
}

/* One page, whole chunks, or what a directory entry covers; va is aligned to len. */
void shadow_drop_range(struct mmu *m, struct mmu_as *as, gva va, uint64_t len)
{
    struct node *n;

    if (len < CHUNK_SIZE) {
        n = shadow_chunk(m, as, va);
        if (n)
            drop_page(m, n, va);
    } else if (len <= 2 * CHUNK_SIZE) {
        for (gva end = va + len; va != end; va += CHUNK_SIZE) {
            n = shadow_chunk(m, as, va);
            if (n)
                node_free(m, n, false);
        }
    } else {
        drop_nodes_in(m, as, va, len);
    }
}

/* ---- recording a walk ---- */

static bool walk_cacheable(struct mmu *m, const struct walk *w)
{
    for (unsigned l = w->top; l >= w->leaf; l--) {
        if (!w->step[l].host || !page_meta(m, w->step[l].table))
            return false;
    }
    return true;
}

static void make_room(struct mmu *m)
{
    struct mmu_priv *p = m->priv;

    if (UNLIKELY(table_over_budget(m)))
        table_trim_free(m);
    while (UNLIKELY(p->nodes_live + NODES_PER_FILL > NODE_MAX || table_over_budget(m))) {
        if (as_evict_lru(m))
            continue;
        as_restart(m, m->as);
        break;
    }
}

static gva node_base(const struct mmu_as *as, unsigned level, gva va)
{
    unsigned bits = as->wm.shift[level] + (as->wm.esize == 4 ? 10 : 9);

    return bits >= 48 || level == as->wm.levels ? 0 : va & ~((1ull << bits) - 1);
}

/* Level 4 (or the topmost) node of the whole address space stands at va 0. */
static void upper_node(struct mmu *m, struct mmu_as *as, const struct walk *w, unsigned level,
                       gva va)
{
    gva base = node_base(as, level, va);
    gpa table = w->step[level].table;
    unsigned bytes = as->wm.levels == 3 && level == 3 ? 32 : GUEST_PAGE_SIZE;

    if (!node_find(m, as->id, level, base))
        node_track(m, node_new(m, as, level, base), table, (unsigned)(table & GUEST_PAGE_MASK),
                   bytes);
    else
        page_meta(m, table)->writes = 0;
}

static void chunk_track_table(struct mmu *m, struct mmu_as *as, struct node *n, gpa table)
{
    unsigned half = as->wm.esize == 4 && (n->va & CHUNK_SIZE) ? GUEST_PAGE_SIZE / 2 : 0;

    node_track(m, n, table, half, as->wm.esize == 4 ? GUEST_PAGE_SIZE / 2 : GUEST_PAGE_SIZE);
}

struct node *shadow_record(struct mmu *m, struct mmu_as *as, const struct walk *w, gva va)
{
    struct node *n;

    if (as->wm.levels && !walk_cacheable(m, w))
        return NULL;
    make_room(m);
    if (as->wm.levels) {
        /* roots are many for the shared upper half: they are compared (as.c) */
        unsigned top = as->id == MMU_SHARED_ID && w->top == 4 ? 3 : w->top;

        for (unsigned l = top; l >= 2 && l >= w->leaf; l--)
            upper_node(m, as, w, l, va);
    }
    n = node_new(m, as, 1, va & ~(CHUNK_SIZE - 1));
    if (!as->wm.levels)
        return n;
    n->leaf = (uint8_t)w->leaf;
    n->upper = w->upper;
    n->pt = w->step[w->leaf].table;
    n->pt_host = w->step[w->leaf].host;
    n->pt_writable = w->step[w->leaf].writable;
    if (w->leaf == 1)
        chunk_track_table(m, as, n, n->pt);
    return n;
}

bool shadow_track_root(struct mmu *m, struct mmu_as *as, gpa root)
{
    if (!page_meta(m, root))
        return false;
    make_room(m);
    if (!node_find(m, as->id, as->wm.levels, 0))
        node_track(m, node_new(m, as, as->wm.levels, 0), root, 0, GUEST_PAGE_SIZE);
    return true;
}

/* ---- guest writes to page tables ---- */

static uint64_t entry_at(const uint8_t *host, unsigned esize)
{
    if (esize == 8)
        return *(const uint64_t *)(const void *)host;
    return *(const uint32_t *)(const void *)host;
}

/* Entry bits that software owns: they change nothing that was derived. */
static uint64_t soft_bits(const struct walk_mode *wm)
{
    return 0xe00 | (wm->levels == 4 ? 0x7full << 52 : 0);
}

/* Drops what use n made from the entries in [off, off+len). Returns true when
 * nodes may have been freed. */
static bool use_written(struct mmu *m, struct node *n, const uint8_t *host, unsigned off,
                        unsigned len, const uint64_t *old)
{
    struct mmu_as *as = &m->priv->as[n->as];
    unsigned esize = as->wm.esize, level = n->level, shift = as->wm.shift[level];
    unsigned first = n->first, end = first + n->bytes;
    const uint8_t *old_bytes = (const uint8_t *)old;
    gva base = n->va;
    bool freed = false;

    for (unsigned o = off & ~(esize - 1); o < off + len; o += esize) {
        uint64_t was = entry_at(old_bytes + (o - (off & ~7u)), esize), now;
        gva va;

        if (level == 4 && o >= GUEST_PAGE_SIZE / 2)
            as_unshare(m, as);
        if (o < first || o >= end || !(was & PTE_P))
            continue;
        now = entry_at(host + o, esize);
        if (!((was ^ now) & ~soft_bits(&as->wm)))
            continue;
        va = base + ((gva)((o - first) / esize) << shift);
        shadow_drop_range(m, as, walk_canon(&as->wm, va), 1ull << shift);
        freed |= level > 1; /* n itself may be gone: only locals from here on */
    }
    return freed;
}

static bool page_flooded(struct page_meta *pg)
{
    unsigned limit = pg->uses->level == 1 ? FLOOD_TABLE : FLOOD_UPPER;

    return ++pg->writes >= limit;
}

void shadow_pt_written(struct mmu *m, struct page_meta *pg, const uint8_t *host, unsigned off,
                       unsigned len, const uint64_t *old)
{
    uint32_t seq;

    m->stats.pt_writes++;
    if (page_flooded(pg)) {
        shadow_zap_page(m, pg);
        return;
    }
    seq = ++m->priv->seq;
    for (struct node *n = pg->uses; n;) {
        if (n->mark == seq) {
            n = n->use_next;
            continue;
        }
        n->mark = seq;
        n = use_written(m, n, host, off, len, old) ? pg->uses : n->use_next;
    }
}

void shadow_zap_page(struct mmu *m, struct page_meta *pg)
{
    struct node *n;

    while ((n = pg->uses)) {
        struct mmu_as *as = &m->priv->as[n->as];

        if (n->level == 1)
            node_free(m, n, false);
        else if (n->level == as->wm.levels && as != m->as)
            as_evict(m, as);
        else if (n->level == as->wm.levels)
            shadow_drop_all(m, as);
        else
            drop_nodes_in(m, as, n->va, 1ull << (as->wm.shift[n->level] + 9));
    }
    pg->writes = 0;
}
