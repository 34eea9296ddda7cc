/* SPDX-License-Identifier: MIT
 * Compares end states of one case and prints cases. */
#ifndef TESTS_ORACLE_COMPARE_H
#define TESTS_ORACLE_COMPARE_H

#include <stdio.h>

#include "tests/oracle/case.h"

/* Kinds of difference, a bit set. */
enum {
    DIFF_STATUS = 1 << 0,
    DIFF_FAULT = 1 << 1, /* vector, error code, CR2 */
    DIFF_RIP = 1 << 2,
    DIFF_GPR = 1 << 3,
    DIFF_FLAGS = 1 << 4,
    DIFF_MEM = 1 << 5,
    DIFF_XMM = 1 << 6,
    DIFF_MXCSR = 1 << 7,
    DIFF_X87 = 1 << 8,    /* registers, control, status, tags */
    DIFF_X87PTR = 1 << 9, /* FOP, FIP, FDP: after an unmasked exception, or always by option */
};

struct compare_opts {
    bool x87_pointers;
};

/* want: the real CPU's. 0 when they agree in all that is defined. */
unsigned compare_states(const struct orc_case *c, const struct orc_state *want,
                        const struct orc_state *got, const struct compare_opts *o);
/* The instruction that a difference is put down to: the one at the fault, else the last. */
unsigned compare_culprit(const struct orc_case *c, const struct orc_state *want,
                         const struct orc_state *got);

/* "GPR FLAGS ..." into buf of at least 80 bytes; returns buf. */
const char *compare_kinds(unsigned diff, char *buf);

void print_case(FILE *f, const struct orc_case *c);
/* What differs, one line each, `want` first. */
void print_diff(FILE *f, const struct orc_case *c, const struct orc_state *want,
                const struct orc_state *got, const struct compare_opts *o);

void print_memory_diff(FILE *f, const struct orc_case *c, const struct orc_state *want,
                       const struct orc_state *got);

#endif
