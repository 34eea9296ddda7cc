/* SPDX-License-Identifier: MIT
 * Translated blocks and what the run loop, the back ends and the invalidation
 * share about them. */
#ifndef TRANSLATOR_BLOCK_H
#define TRANSLATOR_BLOCK_H

#include "translator/ir.h"

struct block {
    /* key */
    gpa pa;           /* of the first byte */
    uint64_t rip;     /* CS offset of the first instruction */
    uint64_t cs_base;
    uint16_t mode;    /* CM_ */
    uint16_t bytes;   /* guest bytes covered; stays inside the page unless pa2 */
    uint16_t ninsn;
    bool crosses;     /* single instruction that spans two pages: never chained or cached by address */
    bool dead;        /* invalidated; freed when nobody can be inside */
    gpa pa2;          /* physical address of the second page when crosses */

    struct block *hash_next; /* block cache bucket */
    struct block *page_next, *page_next2; /* blocks of the page(s) */

    /* ir_exec's form: private copy of the ops and insns */
    struct ir *ops;
    unsigned nops;
    struct insn *insns;

    /* back end's form; NULL until compiled */
    void *code;          /* host entry point */
    uint32_t code_size;
    uint8_t unchecked; /* offset in code of the entry for chained forward jumps */
    struct block_link *in; /* direct jumps of other blocks chained to this one */
    struct block_link *out; /* own direct exits, by next_out */
    uint32_t exec_count;   /* times run by ir_exec before compilation */
};

/* Linear address of an offset in CS (cs_base is 0 in 64-bit code). */
static inline gva code_linear(uint64_t rip, uint64_t cs_base, uint16_t mode)
{
    return mode & CM_CSBASE0 ? rip : (uint32_t)(cs_base + rip);
}
static inline gva block_linear(const struct block *b)
{
    return code_linear(b->rip, b->cs_base, b->mode);
}

#endif
