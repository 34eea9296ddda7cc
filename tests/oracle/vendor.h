/* SPDX-License-Identifier: MIT
 * Where silicon differs between vendors or models, or from what the SDM says: known
 * differences that are not compared, each with its reason. */
#ifndef TESTS_ORACLE_VENDOR_H
#define TESTS_ORACLE_VENDOR_H

#include <stdio.h>

#include "tests/oracle/case.h"

struct vendor_mask {
    uint16_t fsw;    /* x87 status bits not compared */
    uint16_t rflags; /* flags not compared */
    uint64_t cr2;    /* bits of CR2 not compared */
    bool order;      /* any fault is as good as any other */
    bool memory;     /* memory is not compared */
    bool x87;        /* x87 state is not compared */
};

/* What not to compare when a case ended like `want` (the real CPU's end). id: the
 * instruction that faulted, or I_NONE. */
void vendor_mask(struct vendor_mask *m, const struct orc_case *c, const struct orc_state *want,
                 unsigned id);
/* The list for people. */
void vendor_print(FILE *f);

#endif
