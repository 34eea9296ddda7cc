/* SPDX-License-Identifier: MIT
 * Structures shared by the files of mmu/; see mmu/README.md for how they hang
 * together. Not for other rooms. */
#ifndef MMU_PRIV_H
#define MMU_PRIV_H

#include "mmu/mmu.h"
#include "mmu/walk.h"

#define CR0_WP   (1ull << 16)
#define CR0_PG   (1ull << 31)
#define CR4_PSE  (1ull << 4)
#define CR4_PAE  (1ull << 5)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)

#define NO_PFN      UINT32_MAX
#define CHUNK_SHIFT 21 /* linear space covered by one 4K page of a flat table */
#define CHUNK_SIZE  (1ull << CHUNK_SHIFT)
#define VPN_MASK    ((1ull << 36) - 1)

/* page_meta.flags: why writes to a page must reach the slow path */
enum { PAGE_CODE = 1, PAGE_PT = 2 };

/* What is known of one guest physical page. Zero-filled memory is valid. */
struct page_meta {
    uint64_t map;      /* first writable mapping (MAP_REF), 0 = none */
    struct node *uses; /* uses as a page table */
    uint32_t more;     /* further mappings: index into priv->maps, 0 = none */
    uint8_t flags;
    uint8_t nmaps;  /* length of the list, stale ones included */
    uint8_t writes; /* guest writes as a page table since it last fed a fill */
};

/* A writable mapping of a page: linear page number and address space. */
#define MAP_REF(as, vpn) ((uint64_t)(vpn) << 8 | (uint64_t)(as) << 1 | 1)
#define MAP_REF_AS(ref)  ((unsigned)((ref) >> 1 & 0x7f))
#define MAP_REF_VPN(ref) ((ref) >> 8)
struct map_node {
    uint64_t ref;
    uint32_t next;
};

/* A use of a page-table page by an address space at one linear address (level
 * 2..4), or 2 MiB of linear space that has entries (level 1, a "chunk"): those come
 * from a page table (pfn), a large page or no paging (NO_PFN). A node's
 * ancestors exist as long as it does. */
struct node {
    gva va; /* first linear address */
    struct node *hash_next;
    struct node *as_prev, *as_next;   /* nodes of this address space */
    struct node *use_prev, *use_next; /* uses of the same page-table page */
    uint32_t pfn;
    uint32_t mark;         /* pt_written() visit */
    uint16_t first, bytes; /* part of the page that this use reads */
    uint8_t as, level;
    uint8_t leaf;  /* chunk: level of the last entry of a walk; 0: no paging */
    uint8_t upper; /* chunk: PERM_ set of the levels above that entry */
    uint8_t tabs;  /* chunk: bit slot*2+write: this table page was written */
    bool pt_writable, any_fetch;
    gpa pt;              /* chunk: table that holds the last entry ... */
    uint8_t *pt_host;    /* ... and its host address */
    uint64_t lines;      /* chunk: bit i: entries 8i..8i+7 may be filled */
    uint64_t fetched[8]; /* chunk: bit i: page i was handed out for fetching */
};

/* Read and write table of one view, or its TLB. */
struct table {
    struct table *next;   /* free list */
    uint64_t *rd, *wr;    /* 2^36 entries each */
    uint64_t *seen[2];    /* bit per 4K table page: has been filled through this table */
    uint32_t resident;    /* number of bits set in seen ... */
    uint32_t resident_hi; /* ... and how many of them stand for the upper half */
    uint8_t upper;        /* what its upper half shows: UPPER_ */
    struct mmu_tlb_entry *tlb;
};

/* The upper half of a table: its own, or of one memory with others (as.c). */
enum { UPPER_OWN, UPPER_SUPER, UPPER_SUPER_AC, UPPERS };

struct mmu_as {
    uint64_t key;
    uint64_t stamp; /* last selected; LRU */
    bool used;
    bool any_fetch; /* something was handed out by mmu_fetch_page */
    bool wild;      /* ... through tables that cannot be tracked */
    bool shares;    /* the upper half of its root, which is tracked, equals priv->shared_root */
    uint8_t id;
    uint8_t slot[MMU_VIEWS]; /* view -> index into tab (views may share) */
    struct table *tab[MMU_VIEWS];
    struct node *nodes;
    struct walk_mode wm;
};

#define NODE_HASH_BITS 13
#define NODE_MAX       65536u
#define NODES_PER_FILL 4 /* a fill creates at most one node a level */

struct mmu_priv {
    /* page.c */
    uint64_t npages; /* pages that have metadata */
    struct page_meta *pages;
    uint64_t *hosts; /* per page: HOST_ word, 0 = not asked yet */
    struct map_node *maps;
    uint32_t maps_top, maps_max, maps_free;
    /* shadow.c */
    struct node *nodes;
    uint32_t nodes_top, nodes_live;
    struct node *nodes_free;
    uint32_t seq;
    struct node *hash[1u << NODE_HASH_BITS];
    /* table.c */
    bool use_tlb;
    uint64_t index_entries;
    unsigned ntables;
    struct table tables[MMU_IDS * MMU_VIEWS];
    struct table *tables_free;
    uint64_t resident; /* sum over tables */
    /* as.c */
    uint64_t tick;
    uint8_t hint[64];
    struct mmu_as as[MMU_IDS]; /* the last has what was found through shared_root */
    bool share_data;           /* it has tables for the supervisor's views, too */
    int upper_fd[UPPERS];      /* their memory, or -1 */
    unsigned upper_misses;     /* in the shared half, since its memory was looked at */
    uint64_t shared_root[256]; /* PML4 entries 256..511 */
    unsigned shared_builds;    /* times that it was taken anew */
};

/* ---- page.c: physical pages ---- */
#define HOST_KNOWN    1u
#define HOST_WRITABLE 2u
#define HOST_PTR(h)   ((uint8_t *)(uintptr_t)((h) & ~3ull))
bool page_init(struct mmu *m, gpa ram_top, struct err *e);
void page_finish(struct mmu *m);
uint64_t page_host_slow(struct mmu *m, gpa pa);
void page_forget_hosts(struct mmu *m);
uint64_t page_io_read(struct mmu *m, gpa pa, unsigned size);
void page_io_write(struct mmu *m, gpa pa, uint64_t value, unsigned size);
void page_note_write(struct mmu *m, gpa pa, unsigned size);
/* Remembers that (as, vpn) maps the page writable; never fails. */
void page_add_map(struct mmu *m, struct page_meta *pg, unsigned as, uint64_t vpn);
/* Takes the page out of all write tables. */
void page_drop_maps(struct mmu *m, struct page_meta *pg);

/* NULL: no metadata, so nothing about the page may be cached. */
static inline struct page_meta *page_meta(struct mmu *m, gpa pa)
{
    uint64_t pfn = pa >> GUEST_PAGE_SHIFT;
    return LIKELY(pfn < m->priv->npages) ? &m->priv->pages[pfn] : NULL;
}

/* Host page of pa and HOST_ bits; HOST_PTR is NULL for I/O. */
static inline uint64_t page_host(struct mmu *m, gpa pa)
{
    uint64_t pfn = pa >> GUEST_PAGE_SHIFT, h;

    if (LIKELY(pfn < m->priv->npages) && LIKELY((h = m->priv->hosts[pfn])))
        return h;
    return page_host_slow(m, pa);
}

/* ---- table.c: flat tables and TLBs ---- */
bool table_init(struct mmu *m, bool use_tlb, struct err *e);
bool table_spare(struct mmu *m,
                 unsigned n); /* are n to be had beside what one address space needs? */
void table_finish(struct mmu *m);
/* With that upper half; NULL when none is left. */
struct table *table_get(struct mmu *m, unsigned upper);
/* Changes the upper half, which has no entries of the table's own. */
bool table_set_upper(struct mmu *m, struct table *t, unsigned upper);
bool table_upper_open(struct mmu *m, unsigned upper); /* its memory; false: not to be had */
/* The shared upper halves, empty, give their memory back; t: the tables they were filled by. */
void table_upper_trim(struct mmu *m, struct table *const t[MMU_VIEWS]);
uint64_t table_upper_bytes(const struct mmu *m); /* of host memory in shared upper halves */
void table_put(struct mmu *m, struct table *t);
void table_fill(struct mmu *m, struct node *n, unsigned slot, gva va, uint8_t *host,
                bool write);
bool table_has_rd(struct mmu *m, const struct node *n, unsigned slot, gva va);
void table_clear_page(struct mmu *m, struct node *n, gva va);
void table_clear_node(struct mmu *m, struct node *n);
bool table_wr_is(struct mmu *m, unsigned as, uint64_t vpn, uint8_t *host);
void table_drop_wr(struct mmu *m, unsigned as, uint64_t vpn, uint8_t *host);
bool table_over_budget(const struct mmu *m);
void table_trim_free(struct mmu *m); /* gives the memory of unused tables back to the host */

/* ---- shadow.c: nodes, fills, drops ---- */
bool shadow_init(struct mmu *m, struct err *e);
void shadow_finish(struct mmu *m);
struct node *shadow_chunk(struct mmu *m, struct mmu_as *as, gva va); /* or NULL */
/* Chunk of a walk that succeeded, made if need be; NULL when it cannot be cached. */
struct node *shadow_record(struct mmu *m, struct mmu_as *as, const struct walk *w, gva va);
void shadow_drop_range(struct mmu *m, struct mmu_as *as, gva va, uint64_t len);
void shadow_drop_all(struct mmu *m, struct mmu_as *as); /* all nodes; tells the owner */
/* Guest wrote bytes [off, off+len) of a page table; old: their 8-byte words before. */
void shadow_pt_written(struct mmu *m, struct page_meta *pg, const uint8_t *host, unsigned off,
                       unsigned len, const uint64_t *old);
/* Tracks the root of the current address space; false when that cannot be. */
bool shadow_track_root(struct mmu *m, struct mmu_as *as, gpa root);
/* The page is no page table any more: drops everything made from it. */
void shadow_zap_page(struct mmu *m, struct page_meta *pg);

/* ---- as.c: address spaces ---- */
void as_init(struct mmu *m);
void as_share_init(struct mmu *m); /* after table_init */
/* Address space that holds what an access at va finds. */
struct mmu_as *as_of(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view);
/* An access to the shared upper half failed: touched tables may pile up. */
void as_upper_missed(struct mmu *m);
void as_evict(struct mmu *m, struct mmu_as *as);
bool as_evict_lru(struct mmu *m); /* not the current one; false when there is no other */
void as_restart(struct mmu *m,
                struct mmu_as *as); /* empties the current one, tables included */
/* The root's upper half may have changed, or is not tracked any more. */
void as_unshare(struct mmu *m, struct mmu_as *as);
/* Index of the table of a view of the current address space, made if need be. */
unsigned as_slot(struct mmu *m, struct mmu_as *as, enum mmu_view view);
void as_select(struct mmu *m, const struct mmu_ctl *ctl);

#endif
