/* SPDX-License-Identifier: MIT
 * Cached address spaces: one for each CR3 and set of the control bits that
 * change what a page table means. Switching to a cached one changes table bases
 * and nothing else; the least recently used gives way. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/priv.h"

static bool ctl_long(const struct mmu_ctl *c)
{
    return (c->cr4 & CR4_PAE) && (c->efer & EFER_LMA);
}

/* CR3's address bits, with the mode bits above bit 51. */
static uint64_t key_of(const struct mmu_ctl *c)
{
    uint64_t k = c->a20_mask >> 20 & 1 ? 0 : 1ull << 52;

    if (!(c->cr0 & CR0_PG))
        return k;
    k |= 1ull << 53;
    k |= c->cr0 & CR0_WP ? 1ull << 54 : 0;
    k |= c->cr4 & CR4_PSE ? 1ull << 55 : 0;
    k |= c->cr4 & CR4_PAE ? 1ull << 56 : 0;
    k |= ctl_long(c) ? 1ull << 57 : 0;
    k |= c->cr4 & CR4_SMEP ? 1ull << 58 : 0;
    k |= c->cr4 & CR4_SMAP ? 1ull << 59 : 0;
    k |= c->efer & EFER_NXE ? 1ull << 60 : 0;
    if (ctl_long(c))
        return k | (c->cr3 & 0xffffffffff000ull);
    return k | (c->cr3 & (c->cr4 & CR4_PAE ? 0xffffffe0 : 0xfffff000));
}

static unsigned hint_of(uint64_t key)
{
    return (unsigned)(key * 0x9e3779b97f4a7c15ull >> 58);
}

/* Views that cannot differ share a table. */
static void assign_slots(struct mmu_as *as)
{
    as->slot[MMU_USER] = as->wm.levels ? MMU_USER : MMU_SUPER;
    as->slot[MMU_SUPER] = MMU_SUPER;
    as->slot[MMU_SUPER_AC] = as->wm.levels && as->wm.smap ? MMU_SUPER_AC : MMU_SUPER;
}

void as_init(struct mmu *m)
{
    for (unsigned i = 0; i < MMU_IDS; i++)
        m->priv->as[i].id = (uint8_t)i;
    for (unsigned u = 0; u < UPPERS; u++)
        m->priv->upper_fd[u] = -1;
}

/* Its tables keep what their upper halves show: whoever takes them next most often wants that.
 */
void as_evict(struct mmu *m, struct mmu_as *as)
{
    as->shares = false;
    if (as == m->as)
        m->hi_id = as->id;
    shadow_drop_all(m, as);
    for (unsigned s = 0; s < MMU_VIEWS; s++) {
        if (as->tab[s])
            table_put(m, as->tab[s]);
        as->tab[s] = NULL;
    }
    as->used = false;
}

static struct mmu_as *lru(struct mmu *m)
{
    struct mmu_as *best = NULL;

    for (unsigned i = 0; i < MMU_MAX_AS; i++) {
        struct mmu_as *as = &m->priv->as[i];
        if (as->used && as != m->as && (!best || as->stamp < best->stamp))
            best = as;
    }
    return best;
}

bool as_evict_lru(struct mmu *m)
{
    struct mmu_as *as = lru(m);

    if (as)
        as_evict(m, as);
    return as;
}

/* What the upper half of an address space's table shows; users find nothing in the shared one.
 */
static unsigned upper_of(const struct mmu *m, const struct mmu_as *as, unsigned slot)
{
    if (!as->shares || !m->priv->share_data || slot == MMU_USER)
        return UPPER_OWN;
    return slot == MMU_SUPER ? UPPER_SUPER : UPPER_SUPER_AC;
}

unsigned as_slot(struct mmu *m, struct mmu_as *as, enum mmu_view view)
{
    unsigned s = as->slot[view];

    while (UNLIKELY(!as->tab[s])) {
        bool more;
        as->tab[s] = table_get(m, upper_of(m, as, s));
        more = as->tab[s] || as_evict_lru(m);
        assert(more); /* table_init made sure that one address space fits */
    }
    return s;
}

/* Puts the tables of the current view where generated code looks. */
static void publish(struct mmu *m)
{
    const struct table *t = m->as->tab[as_slot(m, m->as, (enum mmu_view)m->view)];

    m->rd = t->rd;
    m->wr = t->wr;
    m->tlb = t->tlb;
}

static void shared_trim(struct mmu *m)
{
    struct mmu_as *shared = &m->priv->as[MMU_SHARED_ID];

    shadow_drop_all(m, shared);
    table_upper_trim(m, shared->tab);
}

void as_restart(struct mmu *m, struct mmu_as *as)
{
    as_evict(m, as);
    as->used = true;
    publish(m);
    shared_trim(m);
}

static struct mmu_as *as_free(struct mmu *m)
{
    for (unsigned i = 0; i < MMU_MAX_AS; i++) {
        if (!m->priv->as[i].used)
            return &m->priv->as[i];
    }
    return NULL;
}

static struct mmu_as *as_find(struct mmu *m, uint64_t key)
{
    struct mmu_priv *p = m->priv;
    struct mmu_as *as = &p->as[p->hint[hint_of(key)]];

    if (LIKELY(as->used && as->key == key))
        return as;
    for (unsigned i = 0; i < MMU_MAX_AS; i++) {
        if (p->as[i].used && p->as[i].key == key) {
            p->hint[hint_of(key)] = (uint8_t)i;
            return &p->as[i];
        }
    }
    return NULL;
}

static struct mmu_as *as_new(struct mmu *m, uint64_t key, const struct mmu_ctl *ctl)
{
    struct mmu_as *as = as_free(m);

    if (!as) {
        as_evict_lru(m);
        as = as_free(m);
    }
    as->used = true;
    as->key = key;
    walk_mode_init(&as->wm, ctl);
    assign_slots(as);
    m->priv->hint[hint_of(key)] = as->id;
    m->stats.as_new++;
    return as;
}

/* ---- the upper half that address spaces have in common ----
 *
 * A kernel maps itself into every address space by the same upper 256 entries of the root. What
 * was found through those is recorded once, in the nodes of an address space of its own (levels
 * 3 to 1), and is good for each address space whose root has the same entries. Such a root is
 * tracked, so that a write to it is seen. Data entries for the supervisor stand in memory that
 * the tables of all these address spaces map as their upper halves: a new process has them at
 * once. Users have their own (they find nothing there, or a page or two). */

#define UPPER_HALF        0xffff800000000000ull
#define SHARED_BUILDS_MAX 64          /* more: the guest does not work like that */
#define UPPER_BYTES_MAX   (96u << 20) /* of table pages that were read, but never filled, too */

void as_share_init(struct mmu *m)
{
    struct mmu_priv *p = m->priv;
    struct mmu_as *shared = &p->as[MMU_SHARED_ID];

    if (p->use_tlb || !table_spare(m, 2) || !table_upper_open(m, UPPER_SUPER) ||
        !table_upper_open(m, UPPER_SUPER_AC))
        return;
    shared->tab[MMU_SUPER] = table_get(m, UPPER_SUPER);
    shared->tab[MMU_SUPER_AC] = table_get(m, UPPER_SUPER_AC);
    p->share_data = shared->tab[MMU_SUPER] && shared->tab[MMU_SUPER_AC];
    for (unsigned s = 0; s < MMU_VIEWS && !p->share_data; s++) {
        if (shared->tab[s])
            table_put(m, shared->tab[s]);
        shared->tab[s] = NULL;
    }
}

struct mmu_as *as_of(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view)
{
    bool common = acc == MMU_FETCH || (m->priv->share_data && view != MMU_USER);

    return (int64_t)va < 0 && common ? &m->priv->as[m->hi_id] : m->as;
}

/* A guest that only looks at addresses that map nothing fills no table, but its reads of them
 * make the host provide memory. */
void as_upper_missed(struct mmu *m)
{
    if (++m->priv->upper_misses % 4096 == 0 && table_upper_bytes(m) > UPPER_BYTES_MAX)
        shared_trim(m);
}

/* Shows another upper half in all tables that there are. */
static void change_uppers(struct mmu *m, struct mmu_as *as)
{
    for (unsigned s = 0; s < MMU_VIEWS; s++) {
        bool ok = !as->tab[s] || table_set_upper(m, as->tab[s], upper_of(m, as, s));

        if (!ok)
            abort(); /* the host gives no mapping any more: nothing sensible is left to do */
    }
}

void as_unshare(struct mmu *m, struct mmu_as *as)
{
    if (!as->shares)
        return;
    as->shares = false;
    change_uppers(m, as);
    if (as == m->as)
        m->hi_id = as->id;
}

static bool same_root(const struct mmu_priv *p, const uint64_t *root)
{
    uint64_t differ = 0;

    for (unsigned i = 0; i < 256; i++)
        differ |= root[256 + i] ^ p->shared_root[i];
    return !differ;
}

/* What is found through another root sets no A bit in this one: they have to be set already. */
static bool all_accessed(const uint64_t *root)
{
    uint64_t missing = 0;

    for (unsigned i = 256; i < 512; i++)
        missing |= (root[i] & PTE_P) & ~(root[i] >> 5);
    return !missing;
}

/* Everything recorded is forgotten; `root` is what counts from now on. */
static void share_anew(struct mmu *m, const struct mmu_as *as, const uint64_t *root)
{
    struct mmu_priv *p = m->priv;
    struct mmu_as *shared = &p->as[MMU_SHARED_ID];

    for (unsigned i = 0; i < MMU_MAX_AS; i++)
        as_unshare(m, &p->as[i]);
    shadow_drop_all(m, shared);
    shared->used = true;
    shared->key = as->key;
    shared->wm = as->wm;
    assign_slots(shared);
    for (unsigned i = 0; i < 256; i++)
        p->shared_root[i] = root[256 + i];
    p->shared_builds++;
}

/* The root that as may share by, or NULL. */
static const uint64_t *root_to_share(struct mmu *m, struct mmu_as *as)
{
    uint64_t h = as->wm.levels == 4 ? page_host(m, as->wm.root) : 0;

    const uint64_t *root = (const void *)HOST_PTR(h);

    return root && all_accessed(root) && shadow_track_root(m, as, as->wm.root) ? root : NULL;
}

static void share_upper(struct mmu *m, struct mmu_as *as)
{
    struct mmu_priv *p = m->priv;
    struct mmu_as *shared = &p->as[MMU_SHARED_ID];
    const uint64_t *root;

    m->hi_id = as->id;
    if (shared->wild)
        shadow_drop_all(m, shared);
    if (!as->shares) {
        if (p->shared_builds > SHARED_BUILDS_MAX || !(root = root_to_share(m, as)))
            return;
        if (!shared->used || shared->key >> 52 != as->key >> 52 || !same_root(p, root))
            share_anew(m, as, root);
        shadow_drop_range(m, as, UPPER_HALF, -UPPER_HALF);
        as->shares = true;
        change_uppers(m, as);
    }
    m->hi_id = MMU_SHARED_ID;
}

void as_select(struct mmu *m, const struct mmu_ctl *ctl)
{
    uint64_t key = key_of(ctl);
    struct mmu_as *as = as_find(m, key);

    if (m->as && m->as->wild)
        shadow_drop_all(m, m->as);
    if (!as) {
        as = as_new(m, key, ctl);
    } else if (as->wm.latched && memcmp(as->wm.pdpte, ctl->pdpte, sizeof(ctl->pdpte))) {
        as_evict(m, as);
        as->used = true;
        memcpy(as->wm.pdpte, ctl->pdpte, sizeof(ctl->pdpte));
    }
    if (as != m->as)
        m->stats.as_switch++;
    as->stamp = ++m->priv->tick;
    m->as = as;
    m->as_id = as->id;
    share_upper(m, as);
    publish(m);
}

bool mmu_try_root(struct mmu *m, uint64_t cr3)
{
    struct mmu_priv *p = m->priv;
    struct mmu_ctl *ctl = &m->ctl;
    uint64_t old = ctl->cr3, key;
    struct mmu_as *as;

    if (!m->as || m->as->wm.levels != 4 || m->as->wild || p->as[MMU_SHARED_ID].wild)
        return false;
    ctl->cr3 = cr3;
    key = key_of(ctl);
    as = &p->as[p->hint[hint_of(key)]];
    if (!as->used || as->key != key || !as->shares || !as->tab[as->slot[m->view]]) {
        ctl->cr3 = old;
        return false;
    }
    m->stats.as_switch += as != m->as;
    as->stamp = ++p->tick;
    m->as = as;
    m->as_id = as->id;
    m->hi_id = MMU_SHARED_ID;
    publish(m);
    return true;
}

void mmu_set_ctl(struct mmu *m, const struct mmu_ctl *ctl)
{
    if (UNLIKELY(ctl->phys_bits != m->ctl.phys_bits)) {
        while (as_evict_lru(m))
            ;
        if (m->as)
            as_evict(m, m->as);
        m->as = NULL;
        shadow_drop_all(m, &m->priv->as[MMU_SHARED_ID]);
        m->priv->as[MMU_SHARED_ID].used = false; /* reserved bits are others now */
    }
    m->ctl = *ctl;
    as_select(m, ctl);
}

void mmu_set_view(struct mmu *m, enum mmu_view view)
{
    const struct mmu_as *as = m->as;
    const struct table *t;

    m->view = (uint8_t)view;
    if (UNLIKELY(!as)) /* no control state yet */
        return;
    t = as->tab[as->slot[view]];
    if (UNLIKELY(!t)) {
        publish(m);
        return;
    }
    m->rd = t->rd;
    m->wr = t->wr;
    m->tlb = t->tlb;
}

bool mmu_view_ready(const struct mmu *m, enum mmu_view view)
{
    return m->as && m->as->tab[m->as->slot[view]];
}

/* What was made from the entry that maps va, or the page alone. */
static void invalidate(struct mmu *m, struct mmu_as *as, gva va)
{
    struct node *n = shadow_chunk(m, as, va);
    uint64_t len = GUEST_PAGE_SIZE;

    if (!n)
        return;
    if (n->leaf > 1)
        len = 1ull << as->wm.shift[n->leaf];
    shadow_drop_range(m, as, va & ~(len - 1), len);
}

void mmu_invlpg(struct mmu *m, gva va)
{
    struct mmu_as *shared = &m->priv->as[MMU_SHARED_ID];

    if (m->as->wild)
        shadow_drop_all(m, m->as);
    if (shared->wild)
        shadow_drop_all(m, shared);
    va = walk_canon(&m->as->wm, va) & ~GUEST_PAGE_MASK;
    invalidate(m, m->as, va);
    if (shared->used)
        invalidate(m, shared, va);
}

void mmu_flush_untracked(struct mmu *m)
{
    for (unsigned i = 0; i < MMU_IDS; i++) {
        if (m->priv->as[i].wild)
            shadow_drop_all(m, &m->priv->as[i]);
    }
}

void mmu_flush_all(struct mmu *m)
{
    m->stats.flush_all++;
    for (unsigned i = 0; i < MMU_IDS; i++) {
        if (m->priv->as[i].used)
            shadow_drop_all(m, &m->priv->as[i]);
    }
}
