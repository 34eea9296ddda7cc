/* SPDX-License-Identifier: MIT */
#include "translator/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- blocks ---- */

static unsigned referenced_insns(const struct ir_block *ir)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ir->n; i++)
        n += ir->op[i].ext != NULL;
    return n;
}

struct block *block_create(const struct ir_block *ir, gpa pa)
{
    unsigned refs = referenced_insns(ir), k = 0;
    struct block *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    b->ops = malloc(ir->n * sizeof(struct ir));
    b->insns = refs ? malloc(refs * sizeof(struct insn)) : NULL;
    if (!b->ops || (refs && !b->insns)) {
        block_destroy(b);
        return NULL;
    }
    b->nops = ir->n;
    memcpy(b->ops, ir->op, ir->n * sizeof(struct ir));
    for (unsigned i = 0; i < ir->n; i++) {
        if (!ir->op[i].ext)
            continue;
        b->insns[k] = *ir->op[i].ext;
        b->ops[i].ext = &b->insns[k++];
    }
    b->pa = pa;
    b->rip = ir->rip;
    b->cs_base = ir->cs_base;
    b->mode = ir->mode;
    b->bytes = (uint16_t)ir->bytes;
    b->ninsn = (uint16_t)ir->ninsn;
    return b;
}

void block_destroy(struct block *b)
{
    if (!b)
        return;
    free(b->ops);
    free(b->insns);
    free(b);
}

static size_t block_bytes(const struct block *b)
{
    return sizeof(*b) + b->nops * sizeof(struct ir) + 64;
}

void cache_compiled(struct cache *c, struct block *b)
{
    c->bytes -= b->nops * sizeof(struct ir);
    free(b->ops);
    b->ops = NULL;
    b->nops = 0;
}

/* ---- life ---- */

bool cache_init(struct cache *c, struct mmu *mmu, struct jit *jit, gpa top, struct err *e)
{
    memset(c, 0, sizeof(*c));
    if (top < 1ull << 32)
        top = 1ull << 32;
    c->n_pages = top >> GUEST_PAGE_SHIFT;
    c->pages = mmap(NULL, c->n_pages * sizeof(*c->pages), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c->pages == MAP_FAILED) {
        c->pages = NULL;
        return err_set(e, "cannot reserve the table of code pages");
    }
    c->mmu = mmu;
    c->jit = jit;
    return true;
}

void cache_finish(struct cache *c)
{
    if (!c->pages)
        return;
    cache_reap(c);
    for (unsigned h = 0; h < ARRAY_SIZE(c->hash); h++) {
        struct block *b, *next;

        for (b = c->hash[h]; b; b = next) { /* everything goes: no unlinking */
            next = b->hash_next;
            block_destroy(b);
        }
    }
    munmap(c->pages, c->n_pages * sizeof(*c->pages));
    for (unsigned i = 0; i < MMU_IDS; i++) {
        free(c->by_pc[i]);
        free(c->code[i]);
    }
    c->pages = NULL;
}

/* ---- hash by physical address ---- */

static unsigned hash_of(gpa pa, uint64_t rip, uint16_t mode)
{
    uint64_t h = pa * 0x9e3779b97f4a7c15ull ^ rip * 0xc2b2ae3d27d4eb4full ^ mode;

    return (unsigned)((h ^ h >> 29) >> 8) & ((1u << CACHE_HASH_BITS) - 1);
}

struct block *cache_find(const struct cache *c, gpa pa, uint64_t rip, uint64_t cs_base,
                         uint16_t mode)
{
    struct block *b = c->hash[hash_of(pa, rip, mode)];

    while (b && (b->pa != pa || b->rip != rip || b->cs_base != cs_base || b->mode != mode))
        b = b->hash_next;
    return b;
}

/* ---- pages ---- */

static uint64_t granule_mask(unsigned first, unsigned last)
{
    return (~0ull << (first >> 6)) & (~0ull >> (63 - (last >> 6)));
}

static struct block **page_link(struct block *b, uint64_t page)
{
    return b->pa >> GUEST_PAGE_SHIFT == page ? &b->page_next : &b->page_next2;
}

static void page_add(struct cache *c, struct block *b, uint64_t page, unsigned first,
                     unsigned last)
{
    struct code_page *p = &c->pages[page];

    if (!p->blocks)
        mmu_protect_code(c->mmu, page << GUEST_PAGE_SHIFT);
    *page_link(b, page) = p->blocks;
    p->blocks = b;
    p->hits = 0;
    p->granules |= granule_mask(first, last);
}

static void page_remove(struct cache *c, struct block *b, uint64_t page)
{
    struct code_page *p = &c->pages[page];
    struct block **at = &p->blocks;

    while (*at != b)
        at = page_link(*at, page);
    *at = *page_link(b, page);
    if (!p->blocks) {
        p->granules = 0;
        p->hits = 0;
        mmu_unprotect_code(c->mmu, page << GUEST_PAGE_SHIFT);
    }
}

void cache_add(struct cache *c, struct block *b)
{
    unsigned h = hash_of(b->pa, b->rip, b->mode);
    unsigned off = b->pa & GUEST_PAGE_MASK;

    b->hash_next = c->hash[h];
    c->hash[h] = b;
    c->bytes += block_bytes(b);
    page_add(c, b, b->pa >> GUEST_PAGE_SHIFT, off,
             off + b->bytes > GUEST_PAGE_SIZE ? GUEST_PAGE_SIZE - 1 : off + b->bytes - 1u);
    if (b->crosses)
        page_add(c, b, b->pa2 >> GUEST_PAGE_SHIFT, 0, off + b->bytes - GUEST_PAGE_SIZE - 1u);
}

static void hash_remove(struct cache *c, struct block *b)
{
    struct block **at = &c->hash[hash_of(b->pa, b->rip, b->mode)];

    while (*at != b)
        at = &(*at)->hash_next;
    *at = b->hash_next;
}

/* Look-up cache entries by linear address may name the block in any address
 * space that maps its page at its linear address. */
static void forget_pc(struct cache *c, struct block *b)
{
    unsigned i = jc_index(block_linear(b));
    struct jump_cache *jc;

    for (unsigned as = 0; as < MMU_IDS; as++) {
        if (c->by_pc[as] && c->by_pc[as]->e[i].code == b)
            c->by_pc[as]->e[i].key = jc_no_key(i);
        jc = c->code[as];
        if (jc && b->code && jc->e[i].code == b->code)
            jc->e[i].key = jc_no_key(i);
    }
}

static void drop(struct cache *c, struct block *b)
{
    hash_remove(c, b);
    page_remove(c, b, b->pa >> GUEST_PAGE_SHIFT);
    if (b->crosses)
        page_remove(c, b, b->pa2 >> GUEST_PAGE_SHIFT);
    forget_pc(c, b);
    if (c->jit && b->code)
        jit_block_drop(c->jit, b);
    c->bytes -= block_bytes(b);
    b->dead = true;
    b->hash_next = c->dead;
    c->dead = b;
    c->invalidations++;
}

static bool overlaps(const struct block *b, gpa pa, uint64_t size)
{
    uint64_t off = b->pa & GUEST_PAGE_MASK, in_first = b->bytes;

    if (b->crosses) {
        in_first = GUEST_PAGE_SIZE - off;
        if (pa < b->pa2 + (b->bytes - in_first) && b->pa2 < pa + size)
            return true;
    }
    return pa < b->pa + in_first && b->pa < pa + size;
}

/* A page that is written over and over while nothing in it is translated is being refilled,
 * not patched: all its blocks go, so that the writes after this one are fast again. Writes
 * beside blocks tell less: they may be variables among code that runs. */
enum { HIT_CODE = 8, HIT_BESIDE = 1, PAGE_HITS_MAX = 64 };

static bool drop_overlapping(struct cache *c, uint64_t page, gpa pa, uint64_t size)
{
    struct block *b, *next;
    bool any = false;

    for (b = c->pages[page].blocks; b; b = next) {
        next = *page_link(b, page);
        if (overlaps(b, pa, size)) {
            drop(c, b);
            any = true;
        }
    }
    return any;
}

static bool page_write(struct cache *c, gpa pa, uint64_t size)
{
    uint64_t page = pa >> GUEST_PAGE_SHIFT;
    unsigned off = pa & GUEST_PAGE_MASK;
    struct code_page *p = &c->pages[page];
    bool any;

    if (!cache_covers(c, pa) || !p->blocks ||
        !(p->granules & granule_mask(off, (unsigned)(off + size - 1))))
        return false;
    any = drop_overlapping(c, page, pa, size);
    p->hits += any ? HIT_CODE : HIT_BESIDE;
    if (p->hits > PAGE_HITS_MAX)
        any |= drop_overlapping(c, page, page << GUEST_PAGE_SHIFT, GUEST_PAGE_SIZE);
    return any;
}

bool cache_write(struct cache *c, gpa pa, uint64_t size)
{
    bool any = false;

    while (size) {
        uint64_t n = GUEST_PAGE_SIZE - (pa & GUEST_PAGE_MASK);

        if (n > size)
            n = size;
        any |= page_write(c, pa, n);
        pa += n;
        size -= n;
    }
    return any;
}

static void page_empty(struct cache *c, uint64_t page)
{
    struct code_page *p = &c->pages[page];

    if (!p->blocks)
        return;
    *p = (struct code_page){0};
    mmu_unprotect_code(c->mmu, page << GUEST_PAGE_SHIFT);
}

/* Everything at once, without unlinking block by block; the back end forgets its
 * code by itself (jit_flush). */
void cache_flush(struct cache *c)
{
    for (unsigned h = 0; h < ARRAY_SIZE(c->hash); h++) {
        struct block *b, *next;

        for (b = c->hash[h]; b; b = next) {
            next = b->hash_next;
            page_empty(c, b->pa >> GUEST_PAGE_SHIFT);
            if (b->crosses)
                page_empty(c, b->pa2 >> GUEST_PAGE_SHIFT);
            b->dead = true;
            b->hash_next = c->dead;
            c->dead = b;
        }
        c->hash[h] = NULL;
    }
    c->bytes = 0;
    for (unsigned as = 0; as < MMU_IDS; as++)
        cache_unmapped(c, as, 0, 0);
}

void cache_reap(struct cache *c)
{
    struct block *b;

    while ((b = c->dead)) {
        c->dead = b->hash_next;
        block_destroy(b);
    }
}

/* ---- look-up by linear address ---- */

static void clear_group(struct jump_cache *jc, gva va)
{
    unsigned group = (unsigned)(va >> GUEST_PAGE_SHIFT & (JC_GROUPS - 1));
    uint64_t bit = 1ull << (group & 63);

    if (!jc || !(jc->used[group / 64] & bit))
        return;
    jc->used[group / 64] &= ~bit;
    memset(&jc->e[group * JC_SLOTS], 0, JC_SLOTS * sizeof(jc->e[0]));
    if (group == 0)
        jc->e[0].key = jc_no_key(0);
}

static void clear_all(struct jump_cache *jc)
{
    for (gva group = 0; group < JC_GROUPS; group++)
        clear_group(jc, group << GUEST_PAGE_SHIFT);
}

void cache_unmapped(struct cache *c, uint32_t as_id, gva va, uint64_t len)
{
    if (as_id >= MMU_IDS)
        return;
    if (!len || len >> GUEST_PAGE_SHIFT >= JC_GROUPS) {
        clear_all(c->by_pc[as_id]);
        clear_all(c->code[as_id]);
        return;
    }
    clear_group(c->by_pc[as_id], va - GUEST_PAGE_SIZE); /* blocks that cross into va */
    clear_group(c->code[as_id], va - GUEST_PAGE_SIZE);
    for (uint64_t i = 0; i < len; i += GUEST_PAGE_SIZE) {
        clear_group(c->by_pc[as_id], va + i);
        clear_group(c->code[as_id], va + i);
    }
}

static struct jump_cache *new_jc(void)
{
    struct jump_cache *jc = calloc(1, sizeof(*jc)); /* pages that nobody touches cost nothing */

    if (!jc)
        abort(); /* 1 MiB of host memory: nothing sensible is left to do */
    jc->e[0].key = jc_no_key(0);
    return jc;
}

struct jump_cache *cache_code_jc(struct cache *c, uint32_t as_id)
{
    if (!c->code[as_id])
        c->code[as_id] = new_jc();
    if (!c->by_pc[as_id])
        c->by_pc[as_id] = new_jc();
    return c->code[as_id];
}

struct block *cache_lookup_pc(struct cache *c, uint32_t as_id, gva pc, uint64_t key)
{
    struct jc_entry *e = &c->by_pc[as_id]->e[jc_index(pc)];

    return key && e->key == key ? e->code : NULL;
}

static void enter_pc(struct jump_cache *jc, gva pc, uint64_t key, void *code)
{
    unsigned i = jc_index(pc), group = i / JC_SLOTS;

    jc->used[group / 64] |= 1ull << (group & 63);
    jc->e[i] = (struct jc_entry){key, code};
}

void cache_insert_pc(struct cache *c, uint32_t as_id, struct block *b)
{
    uint64_t key = jc_key(b->rip, b->cs_base, b->mode);
    gva pc = block_linear(b);

    if (!key)
        return;
    enter_pc(c->by_pc[as_id], pc, key, b);
    if (b->code)
        enter_pc(c->code[as_id], pc, key, b->code);
}
