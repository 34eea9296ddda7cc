/* SPDX-License-Identifier: MIT
 * Debug output port as Bochs (0xE9) and SeaBIOS/OVMF (0x402) use it: a write is a
 * character, a read gives 0xE9 so that a guest can tell that the port exists. */
#include "hw/pc/debugport.h"

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    struct debugport *p = opaque;

    return p->readback;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct debugport *p = opaque;
    uint8_t c = value;

    chardev_write(p->chr, &c, 1);
}

static const struct prop debugport_props[] = {
    PROP(PROP_U8, struct debugport, readback, "readback", 0xe9), PROP_END};

static const struct dev_region debugport_regions[] = {
    {"debugport", REGION_PORT, 1, {port_read, port_write, 1, 1}},
    {0},
};

const struct dev_class debugport_class = {
    .name = "isa-debugcon",
    .size = sizeof(struct debugport),
    .props = debugport_props,
    .regions = debugport_regions,
};
