/* SPDX-License-Identifier: MIT
 * The devices of -device. */
#ifndef FRONTEND_DEVICES_H
#define FRONTEND_DEVICES_H

#include "frontend/opts.h"

struct pc;
struct dev;

struct devices {
    struct dev **d; /* by index of opts.device */
    unsigned n;
};

/* Makes them all and puts them on the board. */
bool devices_create(struct devices *l, struct pc *pc, const struct opts *o, struct err *e);
/* Paths of those with a bootindex, in its order, one a line; the caller frees it. */
char *devices_bootorder(const struct devices *l, const struct opts *o);
void devices_free(struct devices *l); /* after pc_destroy, which has finished them */

#endif
