/* SPDX-License-Identifier: MIT
 * Parallel NOR flash, Intel command set; holds firmware and its variables. */
#ifndef HW_BLOCK_PFLASH_CFI01_H
#define HW_BLOCK_PFLASH_CFI01_H

#include "softmmu/block.h"
#include "softmmu/dev.h"

#define PFLASH_SECTOR 4096u

struct pflash {
    struct dev dev;
    struct block *blk; /* property drive: contents; NULL: an erased chip of 1 MiB */
    uint8_t *data;     /* contents */
    uint32_t bytes;
    gpa base;            /* where it is; valid while placed */
    bool placed, as_rom; /* as_rom: reads go straight to `data` */

    uint8_t mode; /* what reads show, or the second cycle that is awaited */
    uint8_t status;
    uint32_t count; /* bytes of a buffered write that are to come */
    uint32_t buffered, buffer_at;
    uint8_t buffer[256];

    struct block_req req; /* one write to the drive at a time */
    struct block_vec vec;
    bool writing;
    uint32_t dirty_from, dirty_to; /* bytes that the drive has not got; empty: equal */
};

extern const struct dev_class pflash_class;

/* After realize: shows the chip at base; resets come to read-array mode there. */
bool pflash_place(struct pflash *f, gpa base, struct err *e);

#endif
