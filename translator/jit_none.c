/* SPDX-License-Identifier: MIT
 * Hosts without a back end: everything runs under ir_exec. */
#include "translator/jit.h"

struct jit *jit_create(struct cpu *cpu, const struct jit_opts *o, struct err *e)
{
    (void)cpu;
    (void)o;
    err_set(e, "no back end for this host: run with engine=ir");
    return NULL;
}

void jit_destroy(struct jit *j)
{
    (void)j;
}

bool jit_mode_ok(uint16_t mode)
{
    (void)mode;
    return false;
}

enum jit_result jit_compile(struct jit *j, struct block *b)
{
    (void)j;
    (void)b;
    return JIT_UNSUPPORTED;
}

void jit_enter(struct jit *j, struct cpu *cpu, struct block *b, struct block_link **last)
{
    (void)j;
    (void)cpu;
    (void)b;
    *last = NULL;
}

void jit_restore(struct jit *j, struct cpu *cpu)
{
    (void)j;
    (void)cpu;
}

void jit_chain(struct jit *j, struct block_link *l, struct block *to)
{
    (void)j;
    (void)l;
    (void)to;
}

void jit_unchain(struct jit *j, struct block_link *l)
{
    (void)j;
    (void)l;
}

void jit_block_drop(struct jit *j, struct block *b)
{
    (void)j;
    (void)b;
}

void jit_flush(struct jit *j)
{
    (void)j;
}
