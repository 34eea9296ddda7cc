/* SPDX-License-Identifier: MIT
 * Page tables of the 64-bit programs: entries of any level, made as needed. */
#ifndef TESTS_GUEST_LIB_PAGE_H
#define TESTS_GUEST_LIB_PAGE_H

#include "tests/guest/lib/guest.h"

enum { PT_P = 1, PT_W = 2, PT_U = 4, PT_A = 0x20, PT_D = 0x40, PT_PS = 0x80, PT_G = 0x100 };
#define PT_XD (1ull << 63)

/* Entry of va at level 1 (PTE) to 4 (PML4E); missing tables above it are made (P, W, U). */
static inline u64 *pte(ulong va, unsigned level)
{
    static u8 pool[32][4096] __attribute__((aligned(4096)));
    static unsigned used;
    u64 *table = (u64 *)(read_cr3() & 0xffffff000ul);

    for (unsigned l = 4;; l--) {
        u64 *e = &table[va >> (3 + 9 * l) & 511];

        if (l == level)
            return e;
        if (!(*e & PT_P))
            *e = (ulong)pool[used++] | PT_P | PT_W | PT_U;
        table = (u64 *)(*e & 0xffffff000ul);
    }
}
static inline u64 *pte2(ulong va)
{
    return pte(va, 2);
}

/* A 4K page, invalidated. */
static inline void map(ulong va, u64 pa, u64 flags)
{
    *pte(va, 1) = pa | flags;
    invlpg(va);
}
#endif
