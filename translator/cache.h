/* SPDX-License-Identifier: MIT
 * The block cache: blocks by physical address and mode, the blocks of each
 * physical page, and the per-address-space look-up caches by linear address.
 *
 * A page that holds a block is write-protected in the mmu; a write reaches
 * cache_write(), which drops just the blocks whose bytes it touches. */
#ifndef TRANSLATOR_CACHE_H
#define TRANSLATOR_CACHE_H

#include "translator/block.h"
#include "translator/jit.h"

struct code_page {
    struct block *blocks; /* chained by page_next / page_next2 */
    uint64_t granules;    /* 64-byte pieces covered by some block (never cleared singly) */
    unsigned hits;        /* weighed writes into those pieces since a block was added: many
                           * mean that the page is data now */
};

#define CACHE_HASH_BITS 19
struct cache {
    struct block *hash[1 << CACHE_HASH_BITS];
    struct code_page *pages; /* by physical page number, n_pages of them */
    uint64_t n_pages;
    struct block *dead; /* dropped; freed by cache_reap outside of translated code */
    size_t bytes;       /* host memory held by blocks */
    struct jump_cache *by_pc[MMU_IDS]; /* jc_key -> struct block *, NULL until used */
    void *code[MMU_IDS];               /* jc_key -> host code, for generated code */
    struct mmu *mmu;
    struct jit *jit; /* told about dropped blocks; may be NULL */
    uint64_t invalidations;
};

bool cache_init(struct cache *c, struct mmu *mmu, struct jit *jit, gpa top, struct err *e);
void cache_finish(struct cache *c);

/* Physical pages the cache can track (others are translated anew each time). */
static inline bool cache_covers(const struct cache *c, gpa pa)
{
    return pa >> GUEST_PAGE_SHIFT < c->n_pages;
}

struct block *cache_find(const struct cache *c, gpa pa, uint64_t rip, uint64_t cs_base,
                         uint16_t mode);
/* Takes ownership of b (allocated by block_create) and protects its page(s). */
void cache_add(struct cache *c, struct block *b);

/* b has host code now: its IR is given back (its instructions stay, code names them). */
void cache_compiled(struct cache *c, struct block *b);

/* Bytes [pa, pa+size) change: drops overlapping blocks; true when there were any. */
bool cache_write(struct cache *c, gpa pa, uint64_t size);
void cache_flush(struct cache *c);
void cache_reap(struct cache *c);

/* The look-up caches by jc_key and linear address; as_id: mmu.hi_id for the upper half. A block
 * without a key is not found. */
void cache_unmapped(struct cache *c, uint32_t as_id, gva va, uint64_t len);
struct jump_cache *cache_code_jc(struct cache *c, uint32_t as_id);
struct block *cache_lookup_pc(struct cache *c, uint32_t as_id, gva pc, uint64_t key);
void cache_insert_pc(struct cache *c, uint32_t as_id, struct block *b);

/* A block with private copies of the ops and instructions of ir. */
struct block *block_create(const struct ir_block *ir, gpa pa);
void block_destroy(struct block *b);

#endif
