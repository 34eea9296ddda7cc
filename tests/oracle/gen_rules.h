/* SPDX-License-Identifier: MIT
 * What the generator must know of an instruction beside its table row. */
#ifndef TESTS_ORACLE_GEN_RULES_H
#define TESTS_ORACLE_GEN_RULES_H

#include "cpu/insn.h"

/* Registers that an instruction uses without naming them: N_ need a sensible value
 * beforehand, W_ are written. */
enum {
    N_SP = 1 << 0,
    N_BP = 1 << 1,
    N_SI = 1 << 2,
    N_DI = 1 << 3,
    N_BX = 1 << 4,
    W_AX = 1 << 8,
    W_CX = 1 << 9,
    W_DX = 1 << 10,
    W_SP = 1 << 11,
    W_BP = 1 << 12,
    W_SI = 1 << 13,
    W_DI = 1 << 14,
    KEEPS = 1 << 16,  /* flags read are only what may be left as it was */
    SINGLE = 1 << 17, /* not in sequences */
    BRANCH = 1 << 18,
    OPENS_FSW = 1 << 20,    /* those that need masked exceptions may not follow */
    NEEDS_MASKED = 1 << 21, /* in sequences: passes on what vendor.c masks */
    PATCHED = 1 << 22,      /* its memory operand must hold what the generator put there */
    NO_REP = 1 << 23,       /* F2 and F3 have an effect on some processors */
    NO_66 = 1 << 19,        /* operand-size prefix: undefined or differs between vendors */
};

uint32_t gen_rules(enum insn_id id);

#endif
