/* SPDX-License-Identifier: MIT
 * pci-testdev, as QEMU's docs/specs/pci-testdev describes it: a function whose writes cost
 * nothing but the way to the device. Left out: the optional RAM BAR (membar=). */
#include "hw/pci/pci_testdev.h"

#include <stdio.h>
#include <string.h>

#define MEM_BYTES 0x1000u /* the second half is where tests write */
#define IO_BYTES  0x100u
#define TESTS     3 /* a BAR: without notifier, one for any value, one for a certain value */
#define NONE      0xff
#define MATCH     0xfa

/* header: test, width, 2 bytes of nothing, offset, data, count, name */
#define HDR_TEST  0
#define HDR_COUNT 12
#define HDR_NAME  16

static const char *const names[TESTS] = {"no-eventfd", "wildcard-eventfd", "datamatch-eventfd"};

static unsigned target(const struct pci_testdev *t, bool mem)
{
    return (mem ? MEM_BYTES : IO_BYTES) / 2 + t->test;
}

static uint64_t test_read(const struct pci_testdev *t, uint64_t offset, unsigned size)
{
    const uint32_t fields[] = {t->test | 1u << 8, target(t, t->mem), MATCH, t->count};
    char hdr[64] = "";
    uint64_t v = 0;

    if (t->test == NONE || offset + size > sizeof(hdr))
        return 0;
    memcpy(hdr, fields, sizeof(fields));
    snprintf(hdr + HDR_NAME, sizeof(hdr) - HDR_NAME, "%s-%s", t->mem ? "mmio" : "portio",
             names[t->test % TESTS]);
    memcpy(&v, hdr + offset, size);
    return v;
}

static void test_write(struct pci_testdev *t, bool mem, uint64_t offset, uint64_t value,
                       unsigned size)
{
    if (offset == HDR_TEST) {
        t->test = value < TESTS ? value : NONE;
        t->mem = mem;
        t->count = 0;
        return;
    }
    if (t->test == NONE || t->mem != mem || offset != target(t, mem))
        return;
    if (t->test == 1 || (size == 1 && value == MATCH))
        t->count++;
}

static uint64_t read_either(void *opaque, uint64_t offset, unsigned size)
{
    return test_read(opaque, offset, size);
}

static void write_mem(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    test_write(opaque, true, offset, value, size);
}

static void write_io(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    test_write(opaque, false, offset, value, size);
}

static bool testdev_realize(struct dev *d, struct err *e)
{
    struct pci_fn *fn = (struct pci_fn *)d;

    pci_fn_header(fn, 0x1b36, 0x0005, 0, 0x00ff00, 0);
    pci_fn_add_bar(fn, 0, PCI_BAR_MEM32, 0, 0);
    pci_fn_add_bar(fn, 1, PCI_BAR_IO, 1, 0);
    return true;
}

static void testdev_reset(struct dev *d)
{
    struct pci_testdev *t = (struct pci_testdev *)d;

    pci_fn_reset(&t->pci);
    t->test = NONE;
    t->mem = false;
    t->count = 0;
}

static void testdev_unrealize(struct dev *d)
{
    pci_fn_finish((struct pci_fn *)d);
}

static const struct state_field testdev_state[] = {
    PCI_FN_STATE(struct pci_testdev, pci), STATE(struct pci_testdev, test),
    STATE(struct pci_testdev, mem), STATE(struct pci_testdev, count), STATE_END};

static const struct dev_region testdev_regions[] = {
    {"pci-testdev-mmio", REGION_MEM, MEM_BYTES, {read_either, write_mem, 1, 4}},
    {"pci-testdev-portio", REGION_PORT, IO_BYTES, {read_either, write_io, 1, 4}},
    {0},
};

const struct dev_class pci_testdev_class = {
    .name = "pci-testdev",
    .bus = DEV_BUS_PCI,
    .kind = "Misc",
    .desc = "PCI Test Device",
    .size = sizeof(struct pci_testdev),
    .state = testdev_state,
    .regions = testdev_regions,
    .realize = testdev_realize,
    .reset = testdev_reset,
    .unrealize = testdev_unrealize,
};
