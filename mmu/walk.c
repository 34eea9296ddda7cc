/* SPDX-License-Identifier: MIT
 * Guest page-table walker. The PAE PDPTEs are those that MOV CR3 latched; a user that
 * latches none has them read at each walk, their reserved bits giving #PF with RSVD.
 * Nothing is written before the whole walk and its access check succeeded. */
#include "mmu/walk.h"

#include <string.h>

#include "mmu/priv.h"

static uint64_t bits_range(unsigned hi, unsigned lo)
{
    return hi < lo ? 0 : ((2ull << hi) - 1) & ~((1ull << lo) - 1);
}

static void mode_32bit(struct walk_mode *wm, const struct mmu_ctl *ctl)
{
    unsigned m = ctl->phys_bits < 40 ? ctl->phys_bits : 40;

    wm->levels = 2;
    wm->esize = 4;
    wm->index_mask = 0x3ff;
    wm->shift[1] = 12;
    wm->shift[2] = 22;
    wm->addr_mask = 0xfffff000;
    wm->root = ctl->cr3 & 0xfffff000;
    if (ctl->cr4 & CR4_PSE) {
        wm->ps[2] = PTE_PS;
        wm->rsvd_large[2] = bits_range(21, m - 19); /* SDM table 4-4 */
    }
}

static void mode_wide(struct walk_mode *wm, const struct mmu_ctl *ctl, bool lma)
{
    bool nxe = ctl->efer & EFER_NXE;
    uint64_t high = bits_range(lma ? 51 : 62, ctl->phys_bits) | (nxe ? 0 : 1ull << 63);

    wm->levels = lma ? 4 : 3;
    wm->esize = 8;
    wm->index_mask = 0x1ff;
    wm->addr_mask = bits_range(51, 12);
    for (unsigned l = 1; l <= 4; l++) {
        wm->shift[l] = 12 + 9 * (l - 1);
        wm->rsvd[l] = high;
    }
    wm->ps[2] = PTE_PS;
    wm->rsvd_large[2] = high | bits_range(20, 13);
    if (lma) {
        wm->root = ctl->cr3 & bits_range(51, 12);
        wm->ps[3] = PTE_PS;
        wm->rsvd_large[3] = high | bits_range(29, 13);
        wm->rsvd[4] |= PTE_PS;
    } else {
        wm->root = ctl->cr3 & 0xffffffe0;
        wm->latched = ctl->latched;
        memcpy(wm->pdpte, ctl->pdpte, sizeof(wm->pdpte));
        wm->rsvd[3] = bits_range(63, ctl->phys_bits) | bits_range(8, 5) | bits_range(2, 1);
    }
}

void walk_mode_init(struct walk_mode *wm, const struct mmu_ctl *ctl)
{
    *wm = (struct walk_mode){.a20 = ctl->a20_mask};
    wm->wp = ctl->cr0 & CR0_WP;
    wm->smep = ctl->cr4 & CR4_SMEP;
    wm->smap = ctl->cr4 & CR4_SMAP;
    wm->report_i = wm->smep || ((ctl->cr4 & CR4_PAE) && (ctl->efer & EFER_NXE));
    if (!(ctl->cr0 & CR0_PG))
        return;
    if (ctl->cr4 & CR4_PAE)
        mode_wide(wm, ctl, ctl->efer & EFER_LMA);
    else
        mode_32bit(wm, ctl);
    wm->root &= wm->a20;
}

static void step_enter(struct mmu *m, struct walk_step *s, gpa table)
{
    uint64_t h = page_host(m, table);

    s->table = table;
    s->writable = h & HOST_WRITABLE;
    s->host = HOST_PTR(h) ? HOST_PTR(h) + (table & GUEST_PAGE_MASK) : NULL;
}

static uint64_t host_read(const struct walk_mode *wm, const uint8_t *at)
{
    if (wm->esize == 8)
        return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
    return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_RELAXED);
}

static uint64_t step_read(struct mmu *m, const struct walk_mode *wm, const struct walk_step *s,
                          uint64_t offset)
{
    if (UNLIKELY(!s->host))
        return page_io_read(m, s->table + offset, wm->esize);
    return host_read(wm, s->host + offset);
}

static uint64_t step_offset(const struct walk_mode *wm, gva va, unsigned level)
{
    return ((va >> wm->shift[level]) & wm->index_mask) * wm->esize;
}

static uint8_t entry_perm(const struct walk_mode *wm, uint64_t e, unsigned level)
{
    if (wm->levels == 3 && level == 3)
        return PERM_ALL; /* PAE PDPTEs carry no rights */
    return (e & (PTE_W | PTE_U)) | (e >> 63 ? 0 : PERM_X);
}

static gpa leaf_page(const struct walk_mode *wm, uint64_t e, gva va, unsigned level)
{
    uint64_t low = (1ull << wm->shift[level]) - 1;
    gpa base = e & wm->addr_mask & ~low;

    if (level == 2 && wm->levels == 2)
        base |= (e >> 13 & 0xff) << 32; /* PSE-36 */
    return (base | (va & low & ~GUEST_PAGE_MASK)) & wm->a20;
}

void walk_start(struct mmu *m, const struct walk_mode *wm, struct walk *w)
{
    w->top = wm->levels;
    w->upper = PERM_ALL;
    step_enter(m, &w->step[w->top], wm->root);
}

bool walk_run(struct mmu *m, const struct walk_mode *wm, struct walk *w, gva va, uint32_t *code)
{
    for (unsigned l = w->top;; l--) {
        struct walk_step *s = &w->step[l];
        uint64_t e = UNLIKELY(wm->latched) && l == 3
                         ? wm->pdpte[va >> 30 & 3]
                         : step_read(m, wm, s, step_offset(wm, va, l));
        bool large = e & wm->ps[l];

        s->entry = e;
        if (!(e & PTE_P)) {
            *code = 0;
            return false;
        }
        if (UNLIKELY(e & (large ? wm->rsvd_large[l] : wm->rsvd[l]))) {
            *code = PF_P | PF_RSVD;
            return false;
        }
        if (l == 1 || large) {
            w->leaf = l;
            w->perm = w->upper & entry_perm(wm, e, l);
            w->pa = leaf_page(wm, e, va, l);
            return true;
        }
        w->upper &= entry_perm(wm, e, l);
        step_enter(m, &w->step[l - 1], e & wm->addr_mask & wm->a20);
    }
}

bool walk_neighbour(const struct walk_mode *wm, const struct walk *w, gva va,
                    struct walk_leaf *l)
{
    const struct walk_step *s = &w->step[w->leaf];

    l->entry = s->entry;
    l->perm = w->perm;
    if (w->leaf == 0) {
        l->pa = va & wm->a20;
        return true;
    }
    if (w->leaf == 1) {
        l->entry = host_read(wm, s->host + step_offset(wm, va, 1));
        if ((l->entry & (PTE_P | PTE_A)) != (PTE_P | PTE_A) || (l->entry & wm->rsvd[1]))
            return false;
        l->perm = w->upper & entry_perm(wm, l->entry, 1);
    }
    l->pa = leaf_page(wm, l->entry, va, w->leaf);
    return true;
}

static void step_set(struct mmu *m, const struct walk_mode *wm, struct walk_step *s,
                     uint64_t offset, uint64_t bits)
{
    if (!s->host) {
        page_io_write(m, s->table + offset, s->entry | bits, wm->esize);
        return;
    }
    if (!s->writable)
        return;
    s->entry |= bits;
    if (wm->esize == 8)
        __atomic_fetch_or((uint64_t *)(void *)(s->host + offset), bits, __ATOMIC_RELAXED);
    else
        __atomic_fetch_or((uint32_t *)(void *)(s->host + offset), (uint32_t)bits,
                          __ATOMIC_RELAXED);
    /* After the update, so that an instruction restarted by the hook finds it done. */
    page_note_write(m, s->table + offset, wm->esize);
}

void walk_commit(struct mmu *m, const struct walk_mode *wm, struct walk *w, gva va, bool write)
{
    for (unsigned l = w->top; l >= w->leaf; l--) {
        struct walk_step *s = &w->step[l];
        uint64_t want = PTE_A | (write && l == w->leaf ? PTE_D : 0);

        if (wm->levels == 3 && l == 3)
            continue;
        if (UNLIKELY(want & ~s->entry))
            step_set(m, wm, s, step_offset(wm, va, l), want & ~s->entry);
    }
}
