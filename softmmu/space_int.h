/* SPDX-License-Identifier: MIT
 * Shared by space*.c. */
#ifndef SOFTMMU_SPACE_INT_H
#define SOFTMMU_SPACE_INT_H

#include "softmmu/space.h"

struct region {
    gpa base, last; /* inclusive: a region may end at 2^64 - 1 */
    gpa origin;     /* where offset 0 is: below base in a piece */
    const char *name;
    uint8_t *host; /* RAM, at base */
    bool readonly;
    uint8_t *shadow;          /* of a read-only region: writes go there */
    const struct io_ops *ops; /* I/O; of a read-only RAM region: who gets writes */
    void *opaque;
    const struct space *from; /* the space behind a gate that shows it here; NULL: its own */
};

struct table {
    struct region *r; /* sorted by base */
    unsigned n, room;
    unsigned hint; /* index of the last hit; any value is safe */
};

struct space {
    const char *name;
    gpa last;
    struct table ram, io;
    void (*change_fn)(void *opaque);
    void *change_opaque;
    unsigned holds;
    bool changed;
    void (*dma_fn)(void *opaque, gpa addr, uint64_t size);
    void *dma_opaque;
    struct space *up; /* what it is behind; NULL: it is the machine's */
    struct space_gate gate;
    bool hidden; /* some of it found its place in `up` taken */
};

const struct region *space_overlap(const struct space *s, gpa base, gpa last);
/* Raw changes of a table, told to whoever keeps translations. */
void space_insert(struct space *s, struct table *t, const struct region *r);
void space_delete(struct space *s, struct table *t, struct region *r);
void space_changed(struct space *s);

/* space_gate.c: a table of s is not what it was. */
void space_show(struct space *s, struct table *t);
void space_withdraw(struct space *s);

#endif
