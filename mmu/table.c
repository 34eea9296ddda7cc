/* SPDX-License-Identifier: MIT
 * The flat tables and, in their place, the software TLB. A table is reserved
 * whole (2^36 entries for each of read and write) and only its touched pages cost
 * memory. They are cleared entry by entry and reused: a fresh page costs a host
 * page fault. `seen` counts them, so that a table that has wandered over
 * too much linear space is given back to the host when it is recycled.
 *
 * The upper half of a table can be a mapping of memory that other tables show as well. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mmu/priv.h"

#define ENTRIES        (1ull << 36)
#define TABLE_BYTES    (ENTRIES * sizeof(uint64_t))
#define HALF_BYTES     (TABLE_BYTES / 2)
#define SEEN_BYTES     (TABLE_BYTES / GUEST_PAGE_SIZE / 8)
#define TRIM_PAGES     2048u  /* a recycled table keeps at most this many touched pages */
#define RESIDENT_LIMIT 32768u /* touched pages of all tables: 128 MiB */
#define TLB_ENTRIES    (1u << MMU_TLB_BITS)
#define TLB_NONE       1ull
#define MIN_TABLES     MMU_VIEWS /* one address space must always fit */

static void *reserve(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void tlb_clear(struct mmu_tlb_entry *tlb)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        tlb[i].rd_tag = tlb[i].wr_tag = TLB_NONE;
}

static bool table_reserve(struct mmu *m, struct table *t)
{
    if (m->priv->use_tlb) {
        t->tlb = reserve(TLB_ENTRIES * sizeof(*t->tlb));
        if (t->tlb)
            tlb_clear(t->tlb);
        return t->tlb;
    }
    t->rd = reserve(2 * TABLE_BYTES);
    if (!t->rd)
        return false;
    t->wr = t->rd + ENTRIES;
    t->seen[0] = reserve(2 * SEEN_BYTES);
    if (!t->seen[0]) {
        munmap(t->rd, 2 * TABLE_BYTES);
        t->rd = NULL;
        return false;
    }
    t->seen[1] = t->seen[0] + SEEN_BYTES / sizeof(uint64_t);
    return true;
}

static bool tables_grow(struct mmu *m)
{
    struct mmu_priv *p = m->priv;

    if (p->ntables == ARRAY_SIZE(p->tables) || !table_reserve(m, &p->tables[p->ntables]))
        return false;
    p->tables[p->ntables].next = p->tables_free;
    p->tables_free = &p->tables[p->ntables++];
    return true;
}

bool table_init(struct mmu *m, bool use_tlb, struct err *e)
{
    m->priv->use_tlb = use_tlb;
    while (m->priv->ntables < MIN_TABLES) {
        if (tables_grow(m))
            continue;
        if (m->priv->use_tlb)
            return err_set(e, "out of memory for the software TLB");
        table_finish(m); /* too little address space: make do with the TLB */
        m->priv->use_tlb = true;
    }
    return true;
}

bool table_spare(struct mmu *m, unsigned n)
{
    while (m->priv->ntables < MIN_TABLES + n) {
        if (!tables_grow(m))
            return false;
    }
    return true;
}

void table_finish(struct mmu *m)
{
    struct mmu_priv *p = m->priv;

    for (unsigned u = 0; u < UPPERS; u++) {
        if (p->upper_fd[u] > 0)
            close(p->upper_fd[u]);
        p->upper_fd[u] = -1;
    }

    for (unsigned i = 0; i < p->ntables; i++) {
        struct table *t = &p->tables[i];
        if (t->tlb)
            munmap(t->tlb, TLB_ENTRIES * sizeof(*t->tlb));
        if (t->rd) {
            munmap(t->rd, 2 * TABLE_BYTES);
            munmap(t->seen[0], 2 * SEEN_BYTES);
        }
        *t = (struct table){0};
    }
    p->ntables = 0;
    p->tables_free = NULL;
}

/* ---- upper halves ---- */

bool table_upper_open(struct mmu *m, unsigned upper)
{
    int fd = memfd_create("mynah-upper", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)(2 * HALF_BYTES))) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    m->priv->upper_fd[upper] = fd;
    return true;
}

/* Half 0 is of reads, 1 of writes. */
static bool map_upper(const struct mmu_priv *p, struct table *t, unsigned upper, unsigned half)
{
    void *at = (half ? t->wr : t->rd) + ENTRIES / 2;
    int flags = MAP_FIXED | MAP_NORESERVE;

    if (upper == UPPER_OWN)
        return mmap(at, HALF_BYTES, PROT_READ | PROT_WRITE, flags | MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0) == at;
    return mmap(at, HALF_BYTES, PROT_READ | PROT_WRITE, flags | MAP_SHARED, p->upper_fd[upper],
                (off_t)(half * HALF_BYTES)) == at;
}

static void forget_upper(struct mmu *m, struct table *t)
{
    for (unsigned half = 0; half < 2; half++)
        madvise(t->seen[half] + SEEN_BYTES / 2 / sizeof(uint64_t), SEEN_BYTES / 2,
                MADV_DONTNEED);
    m->priv->resident -= t->resident_hi;
    t->resident -= t->resident_hi;
    t->resident_hi = 0;
}

bool table_set_upper(struct mmu *m, struct table *t, unsigned upper)
{
    if (t->upper == upper)
        return true;
    forget_upper(m, t);
    t->upper = (uint8_t)upper;
    return map_upper(m->priv, t, upper, 0) && map_upper(m->priv, t, upper, 1);
}

void table_upper_trim(struct mmu *m, struct table *const t[MMU_VIEWS])
{
    for (unsigned s = 0; s < MMU_VIEWS; s++) {
        if (!t[s] || t[s]->upper == UPPER_OWN)
            continue;
        madvise(t[s]->rd + ENTRIES / 2, HALF_BYTES, MADV_REMOVE);
        madvise(t[s]->wr + ENTRIES / 2, HALF_BYTES, MADV_REMOVE);
        forget_upper(m, t[s]);
    }
}

uint64_t table_upper_bytes(const struct mmu *m)
{
    uint64_t bytes = 0;

    for (unsigned u = 0; u < UPPERS; u++) {
        struct stat st;

        if (m->priv->upper_fd[u] > 0 && !fstat(m->priv->upper_fd[u], &st))
            bytes += (uint64_t)st.st_blocks * 512;
    }
    return bytes;
}

/* ---- tables in use ---- */

struct table *table_get(struct mmu *m, unsigned upper)
{
    struct mmu_priv *p = m->priv;
    struct table *t, **at = &p->tables_free;

    while (*at && (*at)->upper != upper)
        at = &(*at)->next;
    if (!*at && !p->tables_free && !tables_grow(m))
        return NULL;
    if (!*at)
        at = &p->tables_free;
    t = *at;
    *at = t->next;
    if (table_set_upper(m, t, upper))
        return t;
    table_set_upper(m, t, UPPER_OWN);
    t->next = p->tables_free;
    p->tables_free = t;
    return NULL;
}

static void table_trim(struct mmu *m, struct table *t)
{
    madvise(t->rd, 2 * TABLE_BYTES, MADV_DONTNEED);
    madvise(t->seen[0], 2 * SEEN_BYTES, MADV_DONTNEED);
    m->priv->resident -= t->resident;
    t->resident = t->resident_hi = 0;
}

/* The table comes back without entries. */
void table_put(struct mmu *m, struct table *t)
{
    struct mmu_priv *p = m->priv;

    if (t->tlb)
        tlb_clear(t->tlb);
    else if (t->resident > TRIM_PAGES || table_over_budget(m))
        table_trim(m, t);
    t->next = p->tables_free;
    p->tables_free = t;
}

void table_trim_free(struct mmu *m)
{
    for (struct table *t = m->priv->tables_free; t; t = t->next) {
        if (t->resident)
            table_trim(m, t);
    }
}

bool table_over_budget(const struct mmu *m)
{
    return m->priv->resident > RESIDENT_LIMIT;
}

static uint64_t vpn_of(gva va)
{
    return va >> GUEST_PAGE_SHIFT & VPN_MASK;
}

static void tlb_fill(struct mmu_tlb_entry *t, gva va, uint64_t addend, bool write)
{
    if (t->addend != addend || (t->rd_tag != va && t->wr_tag != va)) {
        t->rd_tag = t->wr_tag = TLB_NONE;
        t->addend = addend;
    }
    if (write)
        t->wr_tag = va;
    else
        t->rd_tag = va;
}

/* va: page address. An entry that would be 0 (host = guest address) is left out. */
void table_fill(struct mmu *m, struct node *n, unsigned slot, gva va, uint8_t *host, bool write)
{
    struct table *t = m->priv->as[n->as].tab[slot];
    uint64_t vpn = vpn_of(va), page = vpn >> 9, tab = 1u << (slot * 2 + write);

    n->lines |= 1ull << (vpn >> 3 & 63);
    m->stats.fills++;
    if (t->tlb) {
        tlb_fill(&t->tlb[vpn & (TLB_ENTRIES - 1)], va, (uint64_t)(uintptr_t)host - va, write);
        n->tabs |= tab;
        return;
    }
    if (!(n->tabs & tab)) {
        n->tabs |= tab;
        if (!(t->seen[write][page >> 6] >> (page & 63) & 1)) {
            t->seen[write][page >> 6] |= 1ull << (page & 63);
            t->resident++;
            t->resident_hi += page >> 26; /* of 2^27 */
            m->priv->resident++;
        }
    }
    (write ? t->wr : t->rd)[vpn] = (uint64_t)(uintptr_t)host - va;
}

/* Flat tables only. Looks at the table only where it is known to be touched. */
bool table_has_rd(struct mmu *m, const struct node *n, unsigned slot, gva va)
{
    if (!(n->tabs >> (slot * 2) & 1))
        return false;
    return m->priv->as[n->as].tab[slot]->rd[vpn_of(va)];
}

static void tlb_drop(struct mmu_tlb_entry *tlb, gva va)
{
    struct mmu_tlb_entry *t = &tlb[vpn_of(va) & (TLB_ENTRIES - 1)];

    if (t->rd_tag == va)
        t->rd_tag = TLB_NONE;
    if (t->wr_tag == va)
        t->wr_tag = TLB_NONE;
}

void table_clear_page(struct mmu *m, struct node *n, gva va)
{
    struct mmu_as *as = &m->priv->as[n->as];
    uint64_t vpn = vpn_of(va);

    if (!(n->lines >> (vpn >> 3 & 63) & 1))
        return;
    for (unsigned s = 0; s < MMU_VIEWS; s++) {
        unsigned tabs = n->tabs >> (s * 2) & 3;
        if (!tabs)
            continue;
        if (as->tab[s]->tlb) {
            tlb_drop(as->tab[s]->tlb, va);
            continue;
        }
        if (tabs & 1)
            as->tab[s]->rd[vpn] = 0;
        if (tabs & 2)
            as->tab[s]->wr[vpn] = 0;
    }
}

static void lines_clear(uint64_t *tab, uint64_t lines)
{
    for (; lines; lines &= lines - 1) {
        uint64_t *e = tab + (unsigned)__builtin_ctzll(lines) * 8;
        for (unsigned i = 0; i < 8; i++)
            e[i] = 0;
    }
}

static void tlb_clear_lines(struct mmu_tlb_entry *tlb, gva base, uint64_t lines)
{
    for (; lines; lines &= lines - 1) {
        gva va = base + (gva)__builtin_ctzll(lines) * 8 * GUEST_PAGE_SIZE;
        for (unsigned i = 0; i < 8; i++)
            tlb_drop(tlb, va + i * GUEST_PAGE_SIZE);
    }
}

void table_clear_node(struct mmu *m, struct node *n)
{
    struct mmu_as *as = &m->priv->as[n->as];
    uint64_t vpn = vpn_of(n->va);

    for (unsigned s = 0; s < MMU_VIEWS; s++) {
        unsigned tabs = n->tabs >> (s * 2) & 3;
        if (!tabs)
            continue;
        if (as->tab[s]->tlb) {
            tlb_clear_lines(as->tab[s]->tlb, n->va, n->lines);
            continue;
        }
        if (tabs & 1)
            lines_clear(as->tab[s]->rd + vpn, n->lines);
        if (tabs & 2)
            lines_clear(as->tab[s]->wr + vpn, n->lines);
    }
    n->lines = 0;
    n->tabs = 0;
}

static gva va_of(uint64_t vpn)
{
    return (gva)((int64_t)(vpn << 28) >> 16);
}

static bool slot_wr_is(const struct table *t, uint64_t vpn, uint8_t *host)
{
    gva va = va_of(vpn);

    if (t->tlb) {
        const struct mmu_tlb_entry *e = &t->tlb[vpn & (TLB_ENTRIES - 1)];
        return e->wr_tag == va && va + e->addend == (uint64_t)(uintptr_t)host;
    }
    return t->wr[vpn] == (uint64_t)(uintptr_t)host - va;
}

/* Does any view of address space `as` map linear page vpn writable to host? */
bool table_wr_is(struct mmu *m, unsigned as, uint64_t vpn, uint8_t *host)
{
    for (unsigned s = 0; s < MMU_VIEWS; s++) {
        const struct table *t = m->priv->as[as].tab[s];
        if (t && slot_wr_is(t, vpn, host))
            return true;
    }
    return false;
}

void table_drop_wr(struct mmu *m, unsigned as, uint64_t vpn, uint8_t *host)
{
    for (unsigned s = 0; s < MMU_VIEWS; s++) {
        struct table *t = m->priv->as[as].tab[s];
        if (!t || !slot_wr_is(t, vpn, host))
            continue;
        if (t->tlb)
            t->tlb[vpn & (TLB_ENTRIES - 1)].wr_tag = TLB_NONE;
        else
            t->wr[vpn] = 0;
        m->stats.drops++;
    }
}
