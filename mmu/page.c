/* SPDX-License-Identifier: MIT
 * Metadata of guest physical pages: host address, write tracking flags and the
 * list of writable mappings (so that a page can be taken out of all write
 * tables at once).
 *
 * The mapping list may hold stale references: an entry that is dropped stays
 * listed, and address-space ids are reused. A reference is therefore only a hint
 * where to look; the table entry itself says whether it maps this page. */
#include <sys/mman.h>

#include "mmu/priv.h"

#define PRUNE_EVERY 16u /* list lengths at which stale references are removed */
#define MAPS_LIMIT  96u /* longer than this after pruning: start over */

static void *reserve(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

bool page_init(struct mmu *m, gpa ram_top, struct err *e)
{
    struct mmu_priv *p = m->priv;
    uint64_t top = ram_top > 1ull << 32 ? ram_top : 1ull << 32; /* ROM and BARs below 4 GiB */

    p->npages = (top + GUEST_PAGE_MASK) >> GUEST_PAGE_SHIFT;
    p->maps_max = 1u << 20;
    p->maps_top = 1; /* 0 ends a list */
    p->pages = reserve(p->npages * sizeof(*p->pages));
    p->hosts = reserve(p->npages * sizeof(*p->hosts));
    p->maps = reserve(p->maps_max * sizeof(*p->maps));
    if (!p->pages || !p->hosts || !p->maps)
        return err_set(e, "cannot reserve memory for page metadata");
    return true;
}

void page_finish(struct mmu *m)
{
    struct mmu_priv *p = m->priv;

    if (p->pages)
        munmap(p->pages, p->npages * sizeof(*p->pages));
    if (p->hosts)
        munmap(p->hosts, p->npages * sizeof(*p->hosts));
    if (p->maps)
        munmap(p->maps, p->maps_max * sizeof(*p->maps));
}

uint64_t page_host_slow(struct mmu *m, gpa pa)
{
    bool writable = false;
    uint8_t *host = space_ram_page(m->mem, pa & ~GUEST_PAGE_MASK, &writable);
    uint64_t h = (uint64_t)(uintptr_t)host | HOST_KNOWN;

    if (host && writable)
        h |= HOST_WRITABLE;
    if (pa >> GUEST_PAGE_SHIFT < m->priv->npages)
        m->priv->hosts[pa >> GUEST_PAGE_SHIFT] = h;
    return h;
}

void page_forget_hosts(struct mmu *m)
{
    madvise(m->priv->hosts, m->priv->npages * sizeof(*m->priv->hosts), MADV_DONTNEED);
}

uint64_t page_io_read(struct mmu *m, gpa pa, unsigned size)
{
    uint64_t v;

    m->stats.io++;
    v = m->io_read ? m->io_read(m->opaque, pa, size) : space_read(m->mem, pa, size);
    return size < 8 ? v & ((1ull << size * 8) - 1) : v;
}

void page_io_write(struct mmu *m, gpa pa, uint64_t value, unsigned size)
{
    m->stats.io++;
    if (m->io_write)
        m->io_write(m->opaque, pa, value, size);
    else
        space_write(m->mem, pa, value, size);
}

/* An A/D update touched the page; translated code over it is dropped. */
void page_note_write(struct mmu *m, gpa pa, unsigned size)
{
    struct page_meta *pg = page_meta(m, pa);

    if (UNLIKELY(!pg || (pg->flags & PAGE_CODE)) && m->code_write)
        m->code_write(m->opaque, pa, size);
}

static void map_free(struct mmu_priv *p, uint32_t i)
{
    p->maps[i].next = p->maps_free;
    p->maps_free = i;
}

static uint32_t map_alloc(struct mmu_priv *p)
{
    uint32_t i = p->maps_free;

    if (i) {
        p->maps_free = p->maps[i].next;
        return i;
    }
    return p->maps_top < p->maps_max ? p->maps_top++ : 0;
}

static uint8_t *host_of(struct mmu *m, const struct page_meta *pg)
{
    return HOST_PTR(m->priv->hosts[pg - m->priv->pages]);
}

static bool ref_is_live(struct mmu *m, uint64_t ref, uint8_t *host)
{
    return table_wr_is(m, MAP_REF_AS(ref), MAP_REF_VPN(ref), host);
}

/* Removes stale references and those equal to `dup`. */
static void maps_prune(struct mmu *m, struct page_meta *pg, uint64_t dup)
{
    struct mmu_priv *p = m->priv;
    uint8_t *host = host_of(m, pg);
    uint32_t *link = &pg->more;

    while (*link) {
        uint32_t i = *link;
        if (p->maps[i].ref == dup || !ref_is_live(m, p->maps[i].ref, host)) {
            *link = p->maps[i].next;
            map_free(p, i);
            pg->nmaps--;
        } else {
            link = &p->maps[i].next;
        }
    }
    if (pg->map != dup && ref_is_live(m, pg->map, host))
        return;
    pg->map = 0;
    pg->nmaps--;
    if (pg->more) {
        uint32_t i = pg->more;
        pg->map = p->maps[i].ref;
        pg->more = p->maps[i].next;
        map_free(p, i);
    }
}

void page_add_map(struct mmu *m, struct page_meta *pg, unsigned as, uint64_t vpn)
{
    struct mmu_priv *p = m->priv;
    uint64_t ref = MAP_REF(as, vpn);
    uint32_t i;

    if (pg->map == ref || (pg->more && p->maps[pg->more].ref == ref))
        return;
    if (pg->map && pg->nmaps % PRUNE_EVERY == 0) {
        maps_prune(m, pg, ref);
        if (pg->nmaps > MAPS_LIMIT)
            page_drop_maps(m, pg);
    }
    if (!pg->map) {
        pg->map = ref;
        pg->nmaps = 1;
        return;
    }
    i = map_alloc(p);
    if (!i) {
        page_drop_maps(m, pg);
        pg->map = ref;
        pg->nmaps = 1;
        return;
    }
    p->maps[i].ref = ref;
    p->maps[i].next = pg->more;
    pg->more = i;
    pg->nmaps++;
}

void page_drop_maps(struct mmu *m, struct page_meta *pg)
{
    struct mmu_priv *p = m->priv;
    uint8_t *host = host_of(m, pg);

    if (!pg->map)
        return;
    table_drop_wr(m, MAP_REF_AS(pg->map), MAP_REF_VPN(pg->map), host);
    for (uint32_t i = pg->more, next; i; i = next) {
        next = p->maps[i].next;
        table_drop_wr(m, MAP_REF_AS(p->maps[i].ref), MAP_REF_VPN(p->maps[i].ref), host);
        map_free(p, i);
    }
    pg->map = 0;
    pg->more = 0;
    pg->nmaps = 0;
}
