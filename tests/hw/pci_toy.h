/* SPDX-License-Identifier: MIT
 * A PCI function to try buses with: ports, registers, RAM, ROM, MSI, MSI-X. */
#ifndef TESTS_HW_PCI_TOY_H
#define TESTS_HW_PCI_TOY_H

#include <stdlib.h>
#include <string.h>

#include "tests/hw/machine.h"

struct toy {
    struct pci_fn pci;
    uint32_t reg[4];
    uint8_t *ram;
    unsigned written, reads;
};

static uint64_t toy_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct toy *)opaque)->reg[offset / 4 % 4];
}

static void toy_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ((struct toy *)opaque)->reg[offset / 4 % 4] = (uint32_t)value;
}

static void toy_config_written(struct pci_fn *fn, unsigned offset, unsigned size)
{
    ((struct toy *)fn)->written++;
}

static void toy_config_reading(struct pci_fn *fn, unsigned offset, unsigned size)
{
    if (offset <= 0xf0 && offset + size > 0xf0)
        fn->config[0xf0] = (uint8_t)++((struct toy *)fn)->reads;
}

static bool toy_realize(struct dev *d, struct err *e)
{
    struct toy *t = (struct toy *)d;
    uint8_t image[5000];

    memset(image, 0, sizeof(image));
    image[0] = 0x55;
    image[1] = 0xaa;
    image[4999] = 0x99;
    t->ram = calloc(1, 0x10000);
    pci_fn_header(&t->pci, 0x1234, 0x11e8, 3, 0xff0000, 0);
    t->pci.config[0x3d] = 1;
    pci_fn_add_bar(&t->pci, 0, PCI_BAR_IO, 0, 0);
    pci_fn_add_bar(&t->pci, 1, PCI_BAR_MEM32, 1, 0);
    pci_fn_add_ram_bar(&t->pci, 2, PCI_BAR_MEM64, true, t->ram, 0x10000);
    g_assert_true(pci_fn_add_msi(&t->pci, 2));
    g_assert_true(pci_fn_add_msix(&t->pci, 4, 3));
    t->pci.config_written = toy_config_written;
    t->pci.config_reading = toy_config_reading;
    return pci_fn_set_rom(&t->pci, image, sizeof(image), e);
}

static void toy_reset(struct dev *d)
{
    pci_fn_reset((struct pci_fn *)d);
}

static void toy_unrealize(struct dev *d)
{
    pci_fn_finish((struct pci_fn *)d);
    free(((struct toy *)d)->ram);
}

static const struct dev_region toy_regions[] = {
    {"toy-ports", REGION_PORT, 16, {toy_read, toy_write, 4, 4}},
    {"toy-regs", REGION_MEM, 4096, {toy_read, toy_write, 4, 4}},
    {0},
};

static const struct state_field toy_state[] = {PCI_FN_STATE(struct toy, pci), STATE_END};

static const struct dev_class toy_class = {
    .name = "toy",
    .bus = DEV_BUS_PCI,
    .size = sizeof(struct toy),
    .state = toy_state,
    .regions = toy_regions,
    .realize = toy_realize,
    .reset = toy_reset,
    .unrealize = toy_unrealize,
};

static inline void add_toy(struct machine *m, struct pci_bus *bus, struct toy *t, int devfn)
{
    struct err e;

    memset(t, 0, sizeof(*t));
    dev_init(&t->pci.dev, &toy_class, NULL, bus->env);
    if (!pc_add_pci(m->pc, bus, devfn, &t->pci, &e))
        g_error("%s", e.msg);
    dev_reset(&t->pci.dev);
}

#endif
