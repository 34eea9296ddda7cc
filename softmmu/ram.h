/* SPDX-License-Identifier: MIT
 * Guest RAM: one block of host memory. Where it appears in the guest is the board's
 * business (space_add_ram). */
#ifndef SOFTMMU_RAM_H
#define SOFTMMU_RAM_H

#include "softmmu/err.h"
#include "softmmu/types.h"

struct ram {
    uint8_t *host; /* page aligned, zeroed; NULL before ram_init */
    uint64_t size; /* bytes */
};

/* Reserves `size` bytes (a multiple of 4096, not 0) without committing host memory.
 * Fails, saying so, when the host cannot. */
bool ram_init(struct ram *r, uint64_t size, struct err *e);
void ram_finish(struct ram *r); /* a zeroed struct is allowed */

#endif
