/* SPDX-License-Identifier: MIT
 * isa-debug-exit: a write of v ends the run with exit status (v << 1) | 1. */
#ifndef HW_PC_DEBUGEXIT_H
#define HW_PC_DEBUGEXIT_H

#include "softmmu/dev.h"

struct debugexit {
    struct dev dev;
    uint16_t iobase, iosize; /* properties */
    void *opaque;            /* wire */
    void (*exit)(void *opaque, int status);
};

extern const struct dev_class debugexit_class;

#endif
