/* SPDX-License-Identifier: MIT
 * What a host back end provides. One per host in a sub-folder; hosts without
 * one link jit_none.c and run everything under ir_exec. */
#ifndef TRANSLATOR_JIT_H
#define TRANSLATOR_JIT_H

#include "softmmu/err.h"
#include "translator/block.h"
#include "translator/jit_stats.h"

struct jit;

/* Jump cache of one address space, or of the upper half that several share: generated code looks targets up here, the
 * run loop fills it. Group = page number, slot = folded page offset (a page of code has
 * some hundred blocks), so a page is dropped by clearing its group. A block that crosses
 * into the next page is found in the group of its first. */
#define JC_SLOTS 256
#define JC_FOLD 4 /* index = (pc >> 12) : (pc ^ pc >> JC_FOLD), so JC_SLOTS is 2^(12 - JC_FOLD) */
#define JC_GROUPS 256
struct jc_entry {
    uint64_t key;
    void *code; /* host entry point of the block */
};
struct jump_cache {
    struct jc_entry e[JC_GROUPS * JC_SLOTS];
    uint64_t used[JC_GROUPS / 64]; /* bit per group: may have entries */
};
static inline unsigned jc_index(gva pc) /* linear */
{
    return (unsigned)((pc >> 12 & (JC_GROUPS - 1)) * JC_SLOTS |
                      ((pc ^ pc >> JC_FOLD) & (JC_SLOTS - 1)));
}

/* Names a block in jump caches and returns[]: rip ^ mode << 48 while CS.base is 0. Else 16 bits of
 * rip, 32 of the base, 16 of the mode, whose CM_CSBASE0 tells the two apart; code beyond 64 KiB
 * then has no key (0) and is left to the run loop. */
static inline uint64_t jc_key(uint64_t rip, uint64_t cs_base, uint16_t mode)
{
    uint64_t m = (uint64_t)mode << 48;

    if (mode & CM_CSBASE0)
        return rip ^ m;
    return rip >> 16 ? 0 : rip | cs_base << 16 | m;
}

/* Key of entry i while it is empty: that of no address that is looked up there, canonical or not. */
static inline uint64_t jc_no_key(unsigned i)
{
    return i == 0;
}

/* A direct jump out of a block that may be chained to its target. */
struct block_link {
    struct block *from, *to;   /* to: NULL while unchained */
    struct block_link *next_in; /* in to->in */
    struct block_link *next_out; /* in from->out */
    uint64_t target_rip;
    uint8_t *patch;            /* back end's place to patch */
    bool same_page;            /* only these may be chained directly */
    bool forward;              /* a jump to a higher address */
};

struct jit_opts {
    bool counting;
    uint32_t code_bytes;
    bool check_noncanon; /* x86-64: test for canonical addresses rather than catch host faults */
    bool no_share;      /* every guest access checks its page by itself */
    uint32_t host_off;  /* back end's host-feature bits to do without: jit_host_above, tests */
};

/* Creates the code cache and the entry/exit thunks for this vCPU. NULL + err on failure. */
struct jit *jit_create(struct cpu *cpu, const struct jit_opts *o, struct err *e);
void jit_destroy(struct jit *j);

/* For jit_opts.host_off: what is beyond a level (2 or 3) of the host's architecture; 0: nothing. */
uint32_t jit_host_above(unsigned level);

/* May a block of this mode be compiled? (others run under ir_exec) */
bool jit_mode_ok(uint16_t mode);

enum jit_result { JIT_OK, JIT_FULL /* caller flushes all blocks, then retries */, JIT_UNSUPPORTED };
enum jit_result jit_compile(struct jit *j, struct block *b);

/* Runs translated code from b until it leaves: kick != 0, an unchained or
 * unknown target, EXIT, or budget used up. All state is in *cpu afterwards, rip
 * is the next instruction. *last is the unchained direct exit taken, or NULL. A
 * guest exception leaves by longjmp(cpu->jmp) instead; then jit_restore applies. */
void jit_enter(struct jit *j, struct cpu *cpu, struct block *b, struct block_link **last);

/* After a longjmp out of translated code: makes cpu->rip, icount exact from
 * cpu->jit_ra, and clears it. Does nothing when jit_ra is 0. */
void jit_restore(struct jit *j, struct cpu *cpu);

/* Chains l to b (both compiled, same page) / undoes it / all in and out links of b. */
void jit_chain(struct jit *j, struct block_link *l, struct block *to);
void jit_unchain(struct jit *j, struct block_link *l);
void jit_block_drop(struct jit *j, struct block *b); /* unchain everything to and from b */

/* Forgets predicted returns: the linear pages they were made for may have changed. A guest can
 * return to a (non-canonical) address with key 0, so there is code for that. */
static inline void jit_forget_returns(struct cpu *cpu)
{
    for (unsigned i = 0; i < CPU_RETURNS; i++)
        cpu->returns[i] = (struct cpu_return){0, cpu->jit_nowhere};
}

void jit_get_stats(const struct jit *j, struct jit_stats *s);

/* Forgets all code (no block may be compiled any more). */
void jit_flush(struct jit *j);

#endif
