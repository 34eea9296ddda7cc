/* SPDX-License-Identifier: MIT
 * Life cycle, and what other parts of the machine tell the MMU about pages. */
#include <stdlib.h>

#include "mmu/priv.h"

bool mmu_init(struct mmu *m, struct space *mem, gpa ram_top, bool use_tlb, struct err *e)
{
    *m = (struct mmu){.mem = mem, .view = MMU_SUPER};
    m->ctl.a20_mask = ~0ull;
    m->ctl.phys_bits = 36;
    m->priv = calloc(1, sizeof(*m->priv));
    if (!m->priv)
        return err_set(e, "out of memory for the MMU");
    as_init(m);
    if (page_init(m, ram_top, e) && shadow_init(m, e) && table_init(m, use_tlb, e)) {
        as_share_init(m);
        as_select(m, &m->ctl);
        return true;
    }
    mmu_finish(m);
    return false;
}

void mmu_finish(struct mmu *m)
{
    if (!m->priv)
        return;
    table_finish(m);
    shadow_finish(m);
    page_finish(m);
    free(m->priv);
    m->priv = NULL;
}

void mmu_protect_code(struct mmu *m, gpa pa)
{
    struct page_meta *pg = page_meta(m, pa);

    if (!pg || (pg->flags & PAGE_CODE))
        return;
    pg->flags |= PAGE_CODE;
    page_drop_maps(m, pg);
}

void mmu_unprotect_code(struct mmu *m, gpa pa)
{
    struct page_meta *pg = page_meta(m, pa);

    if (pg)
        pg->flags &= (uint8_t)~PAGE_CODE;
}

void mmu_dma_write(struct mmu *m, gpa pa, uint64_t size)
{
    uint64_t top = m->priv->npages << GUEST_PAGE_SHIFT;
    gpa end = pa + size < pa || pa + size > top ? top : pa + size;

    while (pa < end) {
        gpa next = (pa | GUEST_PAGE_MASK) + 1;
        struct page_meta *pg = page_meta(m, pa);

        if (next > end)
            next = end;
        if (pg->flags & PAGE_PT)
            shadow_zap_page(m, pg);
        if ((pg->flags & PAGE_CODE) && m->code_write)
            m->code_write(m->opaque, pa, next - pa);
        pa = next;
    }
}

void mmu_phys_changed(struct mmu *m)
{
    mmu_flush_all(m);
    page_forget_hosts(m);
}
