/* SPDX-License-Identifier: MIT
 * Runs cases under Mynah: one vCPU in 64-bit user mode over guest page tables that lay out
 * the same region as the native child's. */
#ifndef TESTS_ORACLE_ENGINE_H
#define TESTS_ORACLE_ENGINE_H

#include "softmmu/err.h"
#include "tests/oracle/case.h"

enum engine_kind { ENGINE_IR, ENGINE_JIT };

struct engine_opts {
    enum engine_kind kind;
    bool counting;       /* exact instruction counts */
    bool tlb;            /* software TLB in place of the flat tables */
    unsigned host_level; /* run_opts.host_level */
};

struct engine;

struct engine *engine_create(const struct engine_opts *o, struct err *e);
void engine_destroy(struct engine *g);
/* Feature set of the guest, for the generator. */
void engine_features(const struct engine *g, uint64_t features[2]);

/* Loads the case's code; runs of it may be repeated until the next load. */
void engine_load(struct engine *g, const struct orc_case *c);
/* Runs the loaded case from its initial state. */
void engine_run(struct engine *g, const struct orc_case *c, struct orc_state *s);
/* How often translated host code was entered so far. */
uint64_t engine_jit_enters(const struct engine *g);

#endif
