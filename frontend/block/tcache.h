/* SPDX-License-Identifier: MIT
 * A cache of equal-sized tables of a file, found by their index in a table of tables. Tables
 * that have been changed stay until they are written back; the owner keeps them below half of
 * the slots, so that there is always one to give up. The owner locks. */
#ifndef FRONTEND_BLOCK_TCACHE_H
#define FRONTEND_BLOCK_TCACHE_H

#include "frontend/block/file.h"

struct tslot {
    uint8_t *data;
    uint32_t index;
    bool used, dirty, hot;
};

struct tcache {
    struct host_file *file;
    unsigned table_bytes, n_slots, hand, n_dirty;
    struct tslot *slot;
    uint32_t *where; /* index -> slot + 1; 0: not here */
    uint32_t n_index;
};

/* Room for about max_bytes. */
void tcache_init(struct tcache *c, struct host_file *f, unsigned table_bytes,
                 uint64_t max_bytes, uint32_t n_index);
void tcache_finish(struct tcache *c); /* zeroed struct allowed */
void tcache_grow(struct tcache *c, uint32_t n_index);

uint8_t *tcache_find(struct tcache *c, uint32_t index); /* NULL: not here */
/* Reads the table from `at`; index is not here yet. */
int tcache_load(struct tcache *c, uint32_t index, uint64_t at, uint8_t **table);
/* A zeroed table that is not in the file yet, dirty. */
uint8_t *tcache_new(struct tcache *c, uint32_t index);
void tcache_dirty(struct tcache *c, uint32_t index);
static inline bool tcache_crowded(const struct tcache *c)
{
    return c->n_dirty * 2 >= c->n_slots;
}
/* Writes what is dirty to where at(opaque, index) says. */
int tcache_write_back(struct tcache *c, uint64_t (*at)(void *opaque, uint32_t index),
                      void *opaque);

#endif
