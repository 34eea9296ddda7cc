/* SPDX-License-Identifier: MIT
 * PCI Local Bus Specification 2.1, 3.7.4.1 (configuration mechanism #1) and chapter 6;
 * 3.0 for INTx disable; port 0xCF9: 82371SB (PIIX3) data sheet, reset control register.
 * Left out: special cycles, error signalling. Bridges: pci_bridge.c. */
#include "hw/pci/pci.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hw/pci/pci_int.h"
#include "softmmu/log.h"

#define CONFADD_ENABLE 0x80000000u
#define CONFADD_MASK   0x80fffffcu

#define RC_HARD 0x02
#define RC_CPU  0x04

/* --- buses ------------------------------------------------------------------------------ */

void pci_bus_add(struct pci_bus *bus, unsigned devfn, struct pci_fn *fn)
{
    assert(devfn < ARRAY_SIZE(bus->fn) && !bus->fn[devfn] && !fn->bus);
    bus->fn[devfn] = fn;
    fn->bus = bus;
    fn->devfn = devfn;
}

void pci_bus_remove(struct pci_fn *fn)
{
    if (!fn->bus)
        return;
    pci_fn_set_intx(fn, 0);
    pci_bars_unplace(fn);
    fn->bus->fn[fn->devfn] = NULL;
    fn->bus = NULL;
}

struct pci_host *pci_bus_host(struct pci_bus *bus)
{
    while (bus && bus->bridge)
        bus = bus->bridge->bus;
    return bus ? container_of(bus, struct pci_host, bus) : NULL;
}

struct pci_bus *pci_bus_find(struct pci_bus *bus, const char *name)
{
    struct pci_bus *found = NULL;
    unsigned i;

    if (bus->name && !strcmp(bus->name, name))
        return bus;
    for (i = 0; i < ARRAY_SIZE(bus->fn) && !found; i++)
        if (bus->fn[i] && bus->fn[i]->secondary)
            found = pci_bus_find(bus->fn[i]->secondary, name);
    return found;
}

int pci_bus_free_slot(const struct pci_bus *bus)
{
    int slot, fn;

    for (slot = 0; slot < 32; slot++) {
        for (fn = 0; fn < 8 && !bus->fn[PCI_DEVFN(slot, fn)]; fn++)
            ;
        if (fn == 8)
            return PCI_DEVFN(slot, 0);
    }
    return -1;
}

/* --- interrupt pins --------------------------------------------------------------------- */

/* Bridges turn the pins of each slot behind them by its number (PCI-to-PCI Bridge Architecture
 * 1.2, 9.1). */
unsigned pci_fn_pirq(const struct pci_fn *fn, unsigned pin)
{
    for (; fn->bus && fn->bus->bridge; fn = fn->bus->bridge)
        pin += fn->devfn >> 3;
    return ((fn->devfn >> 3) + pin - 1) & 3;
}

/* A PIRQ is the wired OR of the pins on it. */
static void drive_pirq(const struct pci_fn *fn, unsigned pin, bool level)
{
    struct pci_host *h = pci_bus_host(fn->bus);
    unsigned n = pci_fn_pirq(fn, pin);

    if (!h)
        return;
    h->pirq_users[n] += level ? 1 : -1;
    irq_set(&h->pirq[n], h->pirq_users[n] > 0);
}

void pci_update_intx(struct pci_fn *fn)
{
    bool out = fn->intx_level && !pci_fn_msi_enabled(fn) && !pci_fn_msix_enabled(fn) &&
               !(pci_fn_get16(fn, PCI_COMMAND) & PCI_COMMAND_NOINTX);
    uint8_t *status = &fn->config[PCI_STATUS];

    *status = fn->intx_level ? *status | PCI_STATUS_INTX : *status & ~PCI_STATUS_INTX;
    if (!fn->config[PCI_PIN] || !fn->bus || out == fn->intx_out)
        return;
    fn->intx_out = out;
    drive_pirq(fn, fn->config[PCI_PIN] - 1, out);
}

void pci_fn_set_intx(struct pci_fn *fn, int level)
{
    fn->intx_level = level != 0;
    pci_update_intx(fn);
}

/* --- DMA -------------------------------------------------------------------------------- */

uint8_t *pci_dma_map(struct pci_fn *fn, gpa addr, uint64_t *n, bool write)
{
    return pci_fn_bus_master(fn) ? space_dma_map(fn->dev.env->mem, addr, n, write) : NULL;
}

/* Bytes up to the end of addr's page: nothing smaller is RAM. */
static uint64_t left_in_page(gpa addr, size_t n)
{
    uint64_t left = GUEST_PAGE_SIZE - (addr & GUEST_PAGE_MASK);

    return n < left ? n : left;
}

static void dma_lost(const struct pci_fn *fn, gpa addr)
{
    LOG_GUEST("%s: DMA at 0x%llx, %s", fn->dev.id, (unsigned long long)addr,
              pci_fn_bus_master(fn) ? "which is no RAM" : "but bus mastering is off");
}

void pci_dma_read(struct pci_fn *fn, gpa addr, void *buf, size_t n)
{
    uint8_t *p = buf;

    while (n) {
        uint64_t k = n;
        const uint8_t *host = pci_dma_map(fn, addr, &k, false);

        if (host) {
            memcpy(p, host, k);
        } else {
            dma_lost(fn, addr);
            k = left_in_page(addr, n);
            memset(p, 0xff, k);
        }
        p += k;
        addr += k;
        n -= k;
    }
}

void pci_dma_write(struct pci_fn *fn, gpa addr, const void *buf, size_t n)
{
    const uint8_t *p = buf;

    while (n) {
        uint64_t k = n;
        uint8_t *host = pci_dma_map(fn, addr, &k, true);

        if (host) {
            memcpy(host, p, k);
            space_dma_written(fn->dev.env->mem, addr, k);
        } else {
            dma_lost(fn, addr);
            k = left_in_page(addr, n);
        }
        p += k;
        addr += k;
        n -= k;
    }
}

/* --- configuration space ---------------------------------------------------------------- */

/* Who answers a configuration cycle: type 1 cycles go down by bus number. */
static struct pci_fn *route(struct pci_host *h, unsigned bdf)
{
    struct pci_bus *bus = &h->bus, *next;
    unsigned nr = bdf >> 8, i;

    if (!nr)
        return bus->fn[bdf & 0xff];
    for (;; bus = next) {
        next = NULL;
        for (i = 0; i < ARRAY_SIZE(bus->fn) && !next; i++)
            if (bus->fn[i] && pci_bridge_claims_bus(bus->fn[i], nr))
                next = bus->fn[i]->secondary;
        if (!next)
            return NULL;
        if (next->bridge->config[PCI_SECONDARY] == nr)
            return next->fn[bdf & 0xff];
    }
}

uint32_t pci_config_read(struct pci_host *h, unsigned bdf, unsigned offset, unsigned size)
{
    struct pci_fn *fn = route(h, bdf);
    uint32_t v = 0;

    if (!fn || offset + size > sizeof(fn->config))
        return 0xffffffff;
    if (fn->config_reading)
        fn->config_reading(fn, offset, size);
    memcpy(&v, fn->config + offset, size);
    return v;
}

void pci_config_write(struct pci_host *h, unsigned bdf, unsigned offset, uint32_t value,
                      unsigned size)
{
    struct pci_fn *fn = route(h, bdf);

    if (fn && offset + size <= sizeof(fn->config))
        pci_fn_config_write(fn, offset, value, size);
}

void pci_fn_config_write(struct pci_fn *fn, unsigned offset, uint32_t value, unsigned size)
{
    unsigned i;

    for (i = 0; i < size; i++) {
        uint8_t v = value >> (8 * i), *c = &fn->config[offset + i];

        *c = (*c & ~fn->wmask[offset + i]) | (v & fn->wmask[offset + i]);
        *c &= ~(v & fn->w1c[offset + i]);
    }
    pci_bars_written(fn, offset, size);
    pci_msi_written(fn, offset, size);
    if (pci_overlap(offset, size, PCI_COMMAND, 2))
        pci_update_intx(fn);
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
    memset(fn->wmask, 0, sizeof(fn->wmask));
    memset(fn->w1c, 0, sizeof(fn->w1c));
    pci_fn_set16(fn, 0x00, vendor);
    pci_fn_set16(fn, 0x02, device);
    pci_fn_set32(fn, 0x08, class_code << 8 | revision);
    fn->config[0x0e] = header_type;
    fn->wmask[PCI_COMMAND] = 0x44;     /* bus master, parity */
    fn->wmask[PCI_COMMAND + 1] = 0x05; /* SERR#, INTx disable */
    fn->w1c[PCI_STATUS + 1] = 0xf9;
    fn->wmask[0x0c] = 0xff; /* cache line size */
    fn->wmask[0x3c] = 0xff; /* interrupt line */
}

void pci_fn_reset(struct pci_fn *fn)
{
    if (!fn->has_power_on)
        memcpy(fn->power_on, fn->config, sizeof(fn->config));
    fn->has_power_on = true;
    memcpy(fn->config, fn->power_on, sizeof(fn->config));
    pci_msi_reset(fn);
    pci_bars_update(fn);
    pci_fn_set_intx(fn, 0);
}

void pci_fn_finish(struct pci_fn *fn)
{
    pci_bus_remove(fn);
    free(fn->msix);
    free(fn->rom);
    fn->msix = fn->rom = NULL;
}

/* --- host bridge's ports ---------------------------------------------------------------- */

/* Function and register of CONFADD; false: no configuration access. */
static bool selected(const struct pci_host *h, uint64_t offset, unsigned *bdf, unsigned *reg)
{
    *bdf = h->address >> 8 & 0xffff;
    *reg = (h->address & 0xfc) + (offset & 3);
    return h->address & CONFADD_ENABLE;
}

static uint64_t host_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pci_host *h = opaque;
    unsigned bdf, reg;

    if (offset >= 4)
        return selected(h, offset, &bdf, &reg) ? pci_config_read(h, bdf, reg, size) : ~0u;
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
    unsigned bdf, reg;

    if (offset >= 4) {
        if (selected(h, offset, &bdf, &reg))
            pci_config_write(h, bdf, reg, value, size);
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
    STATE(struct pci_host, address), STATE(struct pci_host, reset_control),
    STATE_ARRAY(struct pci_host, pirq_users), STATE_END};

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
