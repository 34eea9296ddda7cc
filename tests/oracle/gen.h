/* SPDX-License-Identifier: MIT
 * Makes cases from the instruction table: case `index` of `seed` is always the same. */
#ifndef TESTS_ORACLE_GEN_H
#define TESTS_ORACLE_GEN_H

#include "cpu/insn.h"
#include "tests/oracle/case.h"

struct gen_opts {
    bool sequences; /* 1-20 instructions a case, else one */
    uint64_t
        features[2]; /* of the guest, bit set by enum insn_feature; rows beyond are left out */
};

struct gen; /* the rows chosen by the options */

/* NULL when out of memory. */
struct gen *gen_create(const struct gen_opts *o);
void gen_destroy(struct gen *g);
unsigned gen_row_count(const struct gen *g);
/* The instruction that single case `index` tests. */
enum insn_id gen_row_id(const struct gen *g, uint64_t index);

void gen_case(const struct gen *g, struct orc_case *c, uint64_t seed, uint64_t index);

/* Why instructions of this id are never generated, or NULL. */
const char *gen_excluded(enum insn_id id);
/* The features that the guest is taken to have when no engine says: x86-64-v2 and what else
 * issue-independent user code may use. */
void gen_default_features(uint64_t features[2]);

#endif
