/* SPDX-License-Identifier: MIT
 * isa-debug-exit, a test device without a data sheet: a write of v (up to four bytes) asks
 * for exit status (v << 1) | 1, so that 0 stays "the guest powered off". Reads give 0. */
#include "hw/pc/debugexit.h"

static uint64_t exit_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0;
}

static void exit_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct debugexit *x = opaque;

    if (x->exit)
        x->exit(x->opaque, (int)((uint32_t)value << 1 | 1));
}

static bool debugexit_realize(struct dev *d, struct err *e)
{
    struct debugexit *x = (struct debugexit *)d;

    if (!x->iosize || x->iosize > 8 || x->iobase + x->iosize > 0x10000)
        return err_set(e, "iobase=0x%x iosize=0x%x is no range of ports", x->iobase, x->iosize);
    return true;
}

static const struct prop debugexit_props[] = {
    PROP(PROP_U16, struct debugexit, iobase, "iobase", 0x501),
    PROP(PROP_U16, struct debugexit, iosize, "iosize", 2), PROP_END};

static const struct dev_region debugexit_regions[] = {
    {"isa-debug-exit", REGION_PORT, 2, {exit_read, exit_write, 1, 4}},
    {0},
};

const struct dev_class debugexit_class = {
    .name = "isa-debug-exit",
    .size = sizeof(struct debugexit),
    .props = debugexit_props,
    .regions = debugexit_regions,
    .realize = debugexit_realize,
};
