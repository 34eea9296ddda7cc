/* SPDX-License-Identifier: MIT
 * Hosts without a back end: everything runs under ir_exec. */
#include "translator/jit.h"

struct jit *jit_create(struct cpu *cpu, const struct jit_opts *o, struct err *e)
{
    err_set(e, "this host has no code generator");
    return NULL;
}

void jit_destroy(struct jit *j)
{
}

bool jit_mode_ok(uint16_t mode)
{
    return false;
}

enum jit_result jit_compile(struct jit *j, struct block *b)
{
    return JIT_UNSUPPORTED;
}

void jit_enter(struct jit *j, struct cpu *cpu, struct block *b, struct block_link **last)
{
    *last = NULL;
}

void jit_restore(struct jit *j, struct cpu *cpu)
{
}

void jit_chain(struct jit *j, struct block_link *l, struct block *to)
{
}

void jit_unchain(struct jit *j, struct block_link *l)
{
}

void jit_block_drop(struct jit *j, struct block *b)
{
}

void jit_flush(struct jit *j)
{
}

void jit_get_stats(const struct jit *j, struct jit_stats *s)
{
    *s = (struct jit_stats){0};
}

uint32_t jit_host_above(unsigned level)
{
    return 0;
}
