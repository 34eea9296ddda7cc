/* SPDX-License-Identifier: MIT */
#include "tests/oracle/mem.h"

#include <string.h>

#include "tests/oracle/value.h"

static uint8_t pattern[ORC_PAGES][GUEST_PAGE_SIZE] __attribute__((aligned(64)));

enum orc_page_kind orc_page_kind(unsigned n)
{
    static const uint8_t kind[ORC_PAGES] = {
        ORC_PAGE_CODE, ORC_PAGE_CODE, ORC_PAGE_NONE, ORC_PAGE_RW, ORC_PAGE_RW,
        ORC_PAGE_NONE, ORC_PAGE_RO,   ORC_PAGE_RW,   ORC_PAGE_RO, ORC_PAGE_NONE,
    };

    return n < ORC_PAGES ? kind[n] : ORC_PAGE_NONE;
}

void orc_mem_setup(void)
{
    struct rng r = {0x6d796e6168};
    uint32_t *mxcsrs = (uint32_t *)pattern[(ORC_MXCSRS - ORC_BASE) >> GUEST_PAGE_SHIFT];

    for (unsigned n = 0; n < ORC_PAGES; n++) {
        for (unsigned off = 0; off < GUEST_PAGE_SIZE; off += 16)
            value_bytes(&r, pattern[n] + off, 16, (enum value_style)(rng_next(&r) % VS_COUNT));
    }
    for (unsigned i = 0; i < 16; i++) /* rounding, DAZ, FTZ */
        mxcsrs[i] = 0x1f80 | (i & 3) << 13 | (i & 4) << 4 | (i & 8) << 12;
}

const uint8_t *orc_mem_pattern(unsigned n)
{
    return pattern[n];
}

int orc_mem_rw_index(unsigned n)
{
    static const int8_t index[ORC_PAGES] = {-1, -1, -1, 0, 1, -1, -1, 2, -1, -1};

    return n < ORC_PAGES ? index[n] : -1;
}

static unsigned rw_page(unsigned index)
{
    static const uint8_t page[ORC_NRW] = {3, 4, 7};

    return page[index];
}

void orc_mem_apply(const struct orc_mem *m, const struct orc_case *c)
{
    for (unsigned i = 0; i < c->npatches; i++) {
        const struct orc_patch *p = &c->patch[i];
        const uint8_t *src = c->blob + p->off;

        for (unsigned k = 0; k < p->len; k++) {
            uint32_t off = p->addr + k - ORC_BASE;
            int index = orc_mem_rw_index(off >> GUEST_PAGE_SHIFT);

            if (index >= 0)
                m->rw[index][off & GUEST_PAGE_MASK] = src[k];
        }
    }
}

typedef uint64_t vec16 __attribute__((vector_size(16)));

static bool line_differs(const uint8_t *a, const uint8_t *b)
{
    const vec16 *x = (const vec16 *)a, *y = (const vec16 *)b;
    vec16 d = (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]);

    return (d[0] | d[1]) != 0;
}

void orc_mem_collect(const struct orc_mem *m, struct orc_state *s)
{
    s->nlines = 0;
    s->overflow = false;
    for (unsigned p = 0; p < ORC_NRW; p++) {
        const uint8_t *want = pattern[rw_page(p)];

        for (unsigned off = 0; off < GUEST_PAGE_SIZE; off += ORC_LINE) {
            if (LIKELY(!line_differs(m->rw[p] + off, want + off)))
                continue;
            if (s->nlines < ORC_MAX_LINES) {
                struct orc_line *l = &s->line[s->nlines++];

                l->index = (uint16_t)((p * GUEST_PAGE_SIZE + off) / ORC_LINE);
                memcpy(l->bytes, m->rw[p] + off, ORC_LINE);
            } else {
                s->overflow = true;
            }
            memcpy(m->rw[p] + off, want + off, ORC_LINE);
        }
    }
}

uint64_t orc_mem_line_addr(unsigned index)
{
    unsigned off = index * ORC_LINE;

    return ORC_BASE + rw_page(off / GUEST_PAGE_SIZE) * GUEST_PAGE_SIZE + off % GUEST_PAGE_SIZE;
}
