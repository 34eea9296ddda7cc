/* SPDX-License-Identifier: MIT
 * x86 paging for one vCPU: guest page-table walks (SDM vol. 3 ch. 4), shadow
 * tables that make a guest access one table load, and the slow path behind
 * them.
 *
 * Invariants
 *  - An entry of `rd`/`wr` is 0 or (host page - guest page): adding a guest
 *    address inside the page gives the host address of its byte. A valid entry
 *    is never 0. The index is bits 47..12 of the address.
 *  - A `wr` entry exists only when the guest's PTE is dirty and the page holds no
 *    translated code, feeds no shadow entry as a page table, and is not watched.
 *  - Entries are kept across CR3 loads; a guest write to a page table that fed
 *    an entry drops that entry, so what is cached is never staler than what the
 *    architecture allows a TLB to be.
 *  - Only the owning vCPU's thread calls in; others go through its run loop.
 */
#ifndef MMU_MMU_H
#define MMU_MMU_H

#include "softmmu/err.h"
#include "softmmu/space.h"
#include "softmmu/types.h"

enum mmu_access { MMU_READ, MMU_WRITE, MMU_FETCH };

/* Privilege view of an access. Implicit supervisor accesses (descriptor
 * tables, TSS) use MMU_SUPER whatever CPL and EFLAGS.AC are; explicit
 * supervisor data accesses use MMU_SUPER_AC when SMAP is overridden (CR4.SMAP=1 and AC=1). */
enum mmu_view { MMU_USER, MMU_SUPER, MMU_SUPER_AC, MMU_VIEWS };

/* #PF error code bits, SDM vol. 3 4.7. */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16, PF_PK = 32 };

struct mmu_fault {
    gva addr;      /* CR2 */
    uint32_t code; /* PF_ bits */
};

/* The guest control state that paging depends on; cpu/ hands it over. */
struct mmu_ctl {
    uint64_t cr0, cr3, cr4, efer;
    uint64_t a20_mask;  /* ~0, or ~(1<<20) with A20 off */
    uint8_t phys_bits;  /* MAXPHYADDR for reserved-bit checks (36..48) */
    bool latched;       /* PAE paging goes by pdpte[], as MOV CR3 loaded them; else by memory */
    uint64_t pdpte[4];
};

/* Entry of the software TLB that replaces the flat tables when the host has
 * too little address space (or by option): direct-mapped by page number. */
#define MMU_TLB_BITS 10
struct mmu_tlb_entry {
    uint64_t rd_tag, wr_tag; /* page address, or 1 (never matches) */
    uint64_t addend;         /* host page - guest page */
    uint64_t unused;
};

struct mmu_as; /* one cached address space, mmu/shadow.c */
struct mmu_priv;

struct mmu {
    /* Read by generated code (offsets pinned beside the emitters). */
    uint64_t *rd, *wr;         /* tables of the current address space and view; NULL in TLB mode */
    struct mmu_tlb_entry *tlb; /* current view's TLB in TLB mode, else NULL */

    struct mmu_ctl ctl;
    uint8_t view;        /* enum mmu_view of explicit data accesses now */
    uint32_t as_id;      /* 0..MMU_MAX_AS-1: the current cached address space */
    uint32_t hi_id;      /* the same for the upper half: MMU_SHARED_ID while that is mapped as in
                            other address spaces (as.c), else as_id */
    struct mmu_as *as;
    struct mmu_priv *priv;
    struct space *mem;

    /* Hooks of the owner, set before first use; all get `opaque`.
     * code_write: RAM bytes [pa, pa+size) that hold translated code are about to
     * be written (by guest or DMA); may not return (the instruction is restarted).
     * unmapped: linear pages [va, va+len) of address space as_id lost their
     * translation (len 0 = all of it): fetch translations included. Told only when some
     * page of the range was handed out by mmu_fetch_page. From inside a hook only
     * mmu_protect_code and mmu_unprotect_code may be called. */
    void *opaque;
    void (*code_write)(void *opaque, gpa pa, uint64_t size);
    void (*unmapped)(void *opaque, uint32_t as_id, gva va, uint64_t len);
    /* NULL, or told of every walk: fault is NULL when va translates to pa. */
    void (*trace)(gva va, enum mmu_access acc, enum mmu_view view, gpa pa,
                  const struct mmu_fault *fault);
    /* I/O accesses (not RAM) go through these so that the owner can take the device lock. */
    uint64_t (*io_read)(void *opaque, gpa pa, unsigned size);
    void (*io_write)(void *opaque, gpa pa, uint64_t value, unsigned size);

    struct mmu_stats {
        uint64_t walks, fills, io, code_writes, pt_writes, drops, as_new, as_switch, flush_all;
    } stats;
};

#define MMU_MAX_AS 32
#define MMU_SHARED_ID MMU_MAX_AS /* stands for an as_id in the upper half */
#define MMU_IDS (MMU_MAX_AS + 1)

/* use_tlb forces the software TLB; it is also chosen when the flat tables
 * cannot be reserved. ram_top: first address past guest RAM (for page metadata). */
bool mmu_init(struct mmu *m, struct space *mem, gpa ram_top, bool use_tlb, struct err *e);
void mmu_finish(struct mmu *m);

/* New control state after a CR0/CR3/CR4/EFER/A20 write; what it flushes follows SDM
 * vol. 3 4.10.4.1 (a flush of what write-tracking keeps coherent may be skipped). */
void mmu_set_ctl(struct mmu *m, const struct mmu_ctl *ctl);
/* MOV CR3 in 4-level paging to an address space that is cached: true when that took no more than
 * changing pointers, else nothing is done. Calls nothing outside of mmu/. */
bool mmu_try_root(struct mmu *m, uint64_t cr3);
/* Selects the view for explicit data accesses (after a CPL or EFLAGS.AC change). Cheap. */
void mmu_set_view(struct mmu *m, enum mmu_view view);
/* Would mmu_set_view() only change pointers? */
bool mmu_view_ready(const struct mmu *m, enum mmu_view view);
void mmu_invlpg(struct mmu *m, gva va);
/* The guest's invalidation of everything (INVPCID): write-tracking has kept all entries coherent
 * but those made from tables that it cannot see; these go. */
void mmu_flush_untracked(struct mmu *m);
/* Everything, for changes that are none of the guest's tables. */
void mmu_flush_all(struct mmu *m);

/* Slow paths. All take linear addresses that the caller found canonical, set
 * A/D bits, fill the tables of `view`, and return false with *f set for a #PF.
 * Sizes are 1..64 bytes, page crossing allowed (both pages are checked before
 * a byte is written). In 32-bit modes addresses wrap at 4 GiB. */
bool mmu_load(struct mmu *m, gva va, void *buf, unsigned size, enum mmu_view view,
              struct mmu_fault *f);
bool mmu_store(struct mmu *m, gva va, const void *buf, unsigned size, enum mmu_view view,
               struct mmu_fault *f);
/* Checks that a later store of these bytes will not fault (read-modify-write instructions). */
bool mmu_probe_write(struct mmu *m, gva va, unsigned size, enum mmu_view view,
                     struct mmu_fault *f);
/* Host address for a plain access that stays inside one page: *host is NULL when
 * the access must go through mmu_load/mmu_store (I/O, code, page table, ROM). */
bool mmu_host(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view, uint8_t **host,
              struct mmu_fault *f);

/* Instruction fetch of the page holding va: its physical page and host bytes
 * (NULL when not RAM/ROM: read it bytewise with mmu_io_fetch). view is USER or SUPER. */
bool mmu_fetch_page(struct mmu *m, gva va, enum mmu_view view, gpa *pa, const uint8_t **host,
                    struct mmu_fault *f);

/* Translation without side effects (no A/D, no fill), for debuggers and tests:
 * false with *f when it would fault. */
bool mmu_peek(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view, gpa *pa,
              struct mmu_fault *f);

/* RAM page pa (page aligned) begins / ceases to hold translated code: while it
 * does, writes to it reach code_write. */
void mmu_protect_code(struct mmu *m, gpa pa);
void mmu_unprotect_code(struct mmu *m, gpa pa);
/* A DMA write to RAM happens (space_on_dma_write hook). */
void mmu_dma_write(struct mmu *m, gpa pa, uint64_t size);
/* The physical map changed: forget every host pointer. */
void mmu_phys_changed(struct mmu *m);

/* Fast look-ups for C code: host address, or NULL for the slow path. */
static inline uint8_t *mmu_fast(const struct mmu *m, gva va, unsigned size, bool write)
{
    uint64_t e;

    if (UNLIKELY((va & GUEST_PAGE_MASK) + size > GUEST_PAGE_SIZE))
        return NULL;
    if (LIKELY(!m->tlb)) {
        if (UNLIKELY((uint64_t)((int64_t)(va << 16) >> 16) != va))
            return NULL;
        e = (write ? m->wr : m->rd)[(va >> GUEST_PAGE_SHIFT) & ((1ull << 36) - 1)];
        return e ? (uint8_t *)(uintptr_t)(va + e) : NULL;
    }
    const struct mmu_tlb_entry *t = &m->tlb[(va >> GUEST_PAGE_SHIFT) & ((1u << MMU_TLB_BITS) - 1)];
    if ((write ? t->wr_tag : t->rd_tag) != (va & ~GUEST_PAGE_MASK))
        return NULL;
    return (uint8_t *)(uintptr_t)(va + t->addend);
}

#endif
