/* SPDX-License-Identifier: MIT
 * ide-hd and ide-cd: the drives of an IDE channel as devices of their own. */
#ifndef HW_BLOCK_IDE_UNIT_H
#define HW_BLOCK_IDE_UNIT_H

#include "hw/block/ide.h"

struct ide_unit {
    struct dev dev;
    struct block *blk;
    char *serial, *model, *version; /* NULL: the drive's own */
    unsigned channel, unit;         /* where it is, once attached */
};

extern const struct dev_class ide_hd_class, ide_cd_class;

/* After the realize of ide and before its reset. channel, unit: -1 takes the first free place.
 * The unit outlives the controller. */
bool ide_unit_attach(struct ide_unit *u, struct ide *ide, int channel, int unit, struct err *e);

#endif
