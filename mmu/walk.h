/* SPDX-License-Identifier: MIT
 * Guest page-table walks, SDM vol. 3 4.3 (32-bit), 4.4 (PAE), 4.5 (4-level),
 * 4.6 (access rights), 4.7 (#PF), 4.8 (accessed and dirty flags).
 * Private to mmu/. */
#ifndef MMU_WALK_H
#define MMU_WALK_H

#include "mmu/mmu.h"

enum {
    PTE_P = 1 << 0,
    PTE_W = 1 << 1,
    PTE_U = 1 << 2,
    PTE_A = 1 << 5,
    PTE_D = 1 << 6,
    PTE_PS = 1 << 7,
};

/* Access rights joined over the levels of a walk; W and U as in an entry. */
enum { PERM_X = 1, PERM_W = PTE_W, PERM_U = PTE_U, PERM_ALL = 7 };

/* What a set of control registers makes of page tables. Arrays are by level:
 * 1 = page table, 2 = directory, 3 = PDPT, 4 = PML4. */
struct walk_mode {
    uint8_t levels; /* 0 (no paging), 2, 3, 4 */
    uint8_t esize;  /* bytes of an entry */
    uint8_t shift[5];
    bool wp, smep, smap;
    bool report_i; /* #PF code has its I bit */
    bool latched;  /* level 3 of PAE paging comes from pdpte */
    uint16_t index_mask;
    uint64_t rsvd[5];       /* bits that must be 0 in a present entry */
    uint64_t rsvd_large[5]; /* ... that maps a large page */
    uint64_t ps[5];         /* PTE_PS where a large page may be mapped, else 0 */
    uint64_t addr_mask;     /* address of the next table or 4K page */
    gpa root;
    uint64_t a20;
    uint64_t pdpte[4];
};

/* One table of a walk. */
struct walk_step {
    gpa table;      /* its physical address (of its first entry) */
    uint8_t *host;  /* host address of the same, NULL when not in RAM or ROM */
    bool writable;  /* host memory may be written */
    uint64_t entry; /* as read, with the bits that walk_commit set */
};

struct walk {
    struct walk_step step[5]; /* by level, top..leaf valid */
    unsigned top, leaf;       /* levels */
    uint8_t upper;            /* PERM_ set joined over the levels above the leaf */
    uint8_t perm;             /* ... and the leaf */
    gpa pa;                   /* of the 4K page, A20 applied */
};

/* Last entry of a walk and what it came to. */
struct walk_leaf {
    uint64_t entry;
    gpa pa;
    uint8_t perm;
};

void walk_mode_init(struct walk_mode *wm, const struct mmu_ctl *ctl);

/* The linear address as the tables see it: 32 bits, or sign-extended from 48. */
static inline gva walk_canon(const struct walk_mode *wm, gva va)
{
    return wm->levels == 4 ? (gva)((int64_t)(va << 16) >> 16) : (uint32_t)va;
}

/* Walks from the root, or from step[w->top] with w->upper set. Reads only.
 * False with the P/RSVD bits of the #PF code in *code. */
void walk_start(struct mmu *m, const struct walk_mode *wm, struct walk *w);
bool walk_run(struct mmu *m, const struct walk_mode *wm, struct walk *w, gva va,
              uint32_t *code);
/* Sets A in every entry used, and D in the leaf for a write. */
void walk_commit(struct mmu *m, const struct walk_mode *wm, struct walk *w, gva va, bool write);

/* The mapping of another page of the same table or large page as the walk w; false
 * when it is not present, malformed, or its A bit is clear. */
bool walk_neighbour(const struct walk_mode *wm, const struct walk *w, gva va,
                    struct walk_leaf *l);

static inline uint32_t walk_code(const struct walk_mode *wm, enum mmu_access acc,
                                 enum mmu_view view, uint32_t bits)
{
    return bits | (acc == MMU_WRITE ? PF_W : 0) | (view == MMU_USER ? PF_U : 0) |
           (acc == MMU_FETCH && wm->report_i ? PF_I : 0);
}

/* SDM vol. 3 4.6.1: may this access be made with these joined rights? */
static inline bool walk_allowed(const struct walk_mode *wm, uint8_t perm, enum mmu_access acc,
                                enum mmu_view view)
{
    if (view == MMU_USER)
        return (perm & PERM_U) &&
               (acc == MMU_READ || (perm & (acc == MMU_WRITE ? PERM_W : PERM_X)));
    if (acc == MMU_FETCH)
        return (perm & PERM_X) && !((perm & PERM_U) && wm->smep);
    if ((perm & PERM_U) && wm->smap && view == MMU_SUPER)
        return false;
    return acc == MMU_READ || (perm & PERM_W) || !wm->wp;
}

#endif
