/* SPDX-License-Identifier: MIT
 * The data memory of a case: pages hold a fixed pattern; a case puts its patches over
 * it; what differs afterwards is collected and put back. */
#ifndef TESTS_ORACLE_MEM_H
#define TESTS_ORACLE_MEM_H

#include "tests/oracle/case.h"

enum orc_page_kind { ORC_PAGE_NONE, ORC_PAGE_CODE, ORC_PAGE_RW, ORC_PAGE_RO };

/* Kind of guest page ORC_BASE + n * 4096. */
enum orc_page_kind orc_page_kind(unsigned n);

struct orc_mem {
    uint8_t *rw[ORC_NRW]; /* host addresses of pages A, B, C */
};

/* The pattern of page n (4096 bytes, static). Call orc_mem_setup once before. */
void orc_mem_setup(void);
const uint8_t *orc_mem_pattern(unsigned n);
/* Index into orc_mem.rw of guest page n, or -1. */
int orc_mem_rw_index(unsigned n);

/* Bytes of the case's memory before it runs: pattern with patches. */
void orc_mem_apply(const struct orc_mem *m, const struct orc_case *c);
/* Fills the lines of s and restores the pattern. */
void orc_mem_collect(const struct orc_mem *m, struct orc_state *s);
/* Guest address of a collected line. */
uint64_t orc_mem_line_addr(unsigned index);

#endif
