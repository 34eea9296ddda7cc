/* SPDX-License-Identifier: MIT
 * PCI Local Bus Specification 2.1, 3.7.4.1 (configuration mechanism #1) and chapter 6;
 * port 0xCF9: 82371SB (PIIX3) data sheet, reset control register. Left out: bridges (all
 * functions are on bus 0), special cycles, BAR decoding (no function has one yet). */
#include "hw/pci/pci.h"

#include <assert.h>
#include <string.h>

#include "softmmu/log.h"

#define CONFADD_ENABLE 0x80000000u
#define CONFADD_MASK   0x80fffffcu

#define RC_HARD 0x02
#define RC_CPU  0x04

void pci_host_add(struct pci_host *h, unsigned devfn, struct pci_fn *fn)
{
    assert(devfn < ARRAY_SIZE(h->fn) && !h->fn[devfn]);
    h->fn[devfn] = fn;
}

uint32_t pci_config_read(struct pci_host *h, unsigned devfn, unsigned offset, unsigned size)
{
    const struct pci_fn *fn = h->fn[devfn & 0xff];
    uint32_t v = 0;

    if (!fn || offset + size > sizeof(fn->config))
        return 0xffffffff;
    memcpy(&v, fn->config + offset, size);
    return v;
}

void pci_config_write(struct pci_host *h, unsigned devfn, unsigned offset, uint32_t value,
                      unsigned size)
{
    struct pci_fn *fn = h->fn[devfn & 0xff];
    unsigned i;

    if (!fn || offset + size > sizeof(fn->config))
        return;
    for (i = 0; i < size; i++) {
        uint8_t v = value >> (8 * i), *c = &fn->config[offset + i];

        *c = (*c & ~fn->wmask[offset + i]) | (v & fn->wmask[offset + i]);
        *c &= ~(v & fn->w1c[offset + i]);
    }
    if (fn->config_written)
        fn->config_written(fn, offset, size);
}

void pci_fn_set16(struct pci_fn *fn, unsigned offset, uint16_t value)
{
    fn->config[offset] = value;
    fn->config[offset + 1] = value >> 8;
}

void pci_fn_set32(struct pci_fn *fn, unsigned offset, uint32_t value)
{
    pci_fn_set16(fn, offset, value);
    pci_fn_set16(fn, offset + 2, value >> 16);
}

void pci_fn_header(struct pci_fn *fn, uint16_t vendor, uint16_t device, uint8_t revision,
                   uint32_t class_code, uint8_t header_type)
{
    memset(fn->config, 0, sizeof(fn->config));
    pci_fn_set16(fn, 0x00, vendor);
    pci_fn_set16(fn, 0x02, device);
    pci_fn_set32(fn, 0x08, class_code << 8 | revision);
    fn->config[0x0e] = header_type;
}

/* Bus and register of CONFADD: false when no function of bus 0 is meant. */
static bool selected(const struct pci_host *h, uint64_t offset, unsigned *devfn, unsigned *reg)
{
    *devfn = h->address >> 8 & 0xff;
    *reg = (h->address & 0xfc) + (offset & 3);
    return (h->address & CONFADD_ENABLE) && !(h->address >> 16 & 0xff);
}

static uint64_t host_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pci_host *h = opaque;
    unsigned devfn, reg;

    if (offset >= 4)
        return selected(h, offset, &devfn, &reg) ? pci_config_read(h, devfn, reg, size) : ~0u;
    if (size == 4)
        return h->address;
    return offset == 1 && size == 1 ? h->reset_control : ~0u;
}

static void write_reset_control(struct pci_host *h, uint8_t v)
{
    bool trigger = (v & RC_CPU) && !(h->reset_control & RC_CPU);

    h->reset_control = v & (RC_HARD | RC_CPU);
    if (trigger && h->reset)
        h->reset(h->opaque);
}

static void host_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pci_host *h = opaque;
    unsigned devfn, reg;

    if (offset >= 4) {
        if (selected(h, offset, &devfn, &reg))
            pci_config_write(h, devfn, reg, value, size);
    } else if (size == 4) {
        h->address = value & CONFADD_MASK;
    } else if (offset == 1 && size == 1) {
        write_reset_control(h, value);
    }
}

static void host_reset(struct dev *d)
{
    struct pci_host *h = (struct pci_host *)d;

    h->address = 0;
    h->reset_control = 0;
}

static const struct state_field host_state[] = {
    STATE(struct pci_host, address), STATE(struct pci_host, reset_control), STATE_END};

static const struct dev_region host_regions[] = {
    {"pci-config", REGION_PORT, 8, {host_read, host_write, 1, 4}},
    {0},
};

const struct dev_class pci_host_class = {
    .name = "pci-host",
    .size = sizeof(struct pci_host),
    .state = host_state,
    .regions = host_regions,
    .reset = host_reset,
};
