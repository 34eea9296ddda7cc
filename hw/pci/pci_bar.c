/* SPDX-License-Identifier: MIT
 * PCI Local Bus Specification 3.0, 6.2.5 (base addresses, expansion ROM). Left out: prefetch
 * and 20-bit BARs (bit field 01), which mean nothing here. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hw/pci/pci_int.h"
#include "softmmu/log.h"

#define BAR_IO       0x1
#define BAR_64       0x4
#define BAR_PREFETCH 0x8
#define ROM_ENABLE   0x1
#define ROM_MAX      (16u << 20)

static unsigned bar_reg(const struct pci_fn *fn, unsigned n)
{
    if (n == PCI_ROM_BAR)
        return fn->config[0x0e] & 1 ? 0x38 : 0x30;
    return 0x10 + 4 * n;
}

/* Where the guest wants BAR n, PCI_NOWHERE while it is not decoded. */
static gpa wanted(const struct pci_fn *fn, unsigned n)
{
    const struct pci_bar *b = &fn->bar[n];
    unsigned reg = bar_reg(fn, n), enable;
    gpa base = pci_fn_get32(fn, reg), end = 1ull << 32;

    if (b->kind == PCI_BAR_MEM64) {
        base |= (gpa)pci_fn_get32(fn, reg + 4) << 32;
        end = 0; /* 2^64 */
    } else if (b->kind == PCI_BAR_IO) {
        end = 1u << 16;
    }
    enable = b->kind == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEM;
    if (!(fn->config[PCI_COMMAND] & enable) || (n == PCI_ROM_BAR && !(base & ROM_ENABLE)))
        return PCI_NOWHERE;
    base &= ~(b->size - 1);
    if (!base || base + b->size == end || (end && base >= end))
        return PCI_NOWHERE;
    return base;
}

static struct space *bar_space(const struct pci_fn *fn, const struct pci_bar *b)
{
    return b->kind == PCI_BAR_IO ? fn->dev.env->ports : fn->dev.env->mem;
}

static void place(struct pci_fn *fn, struct pci_bar *b)
{
    struct space *s = bar_space(fn, b);
    bool rom = b == &fn->bar[PCI_ROM_BAR];
    struct err e;

    b->placed = b->ram ? space_add_ram(s, b->name, b->base, b->size, b->ram, rom, &e)
                       : space_add_io(s, b->name, b->base, b->size, b->ops, b->opaque, &e);
    if (!b->placed && !b->refused)
        LOG_GUEST("%s: BAR %d not placed: %s", fn->dev.id, (int)(b - fn->bar), e.msg);
    b->refused = !b->placed;
}

static void place_all(struct pci_fn *fn)
{
    unsigned n;

    for (n = 0; n < ARRAY_SIZE(fn->bar); n++)
        if (fn->bar[n].kind && !fn->bar[n].placed && fn->bar[n].base != PCI_NOWHERE)
            place(fn, &fn->bar[n]);
}

static bool unplace(struct pci_fn *fn, struct pci_bar *b)
{
    if (!b->placed)
        return false;
    space_remove(bar_space(fn, b), b->base);
    b->placed = false;
    return true;
}

static void retry(struct pci_bus *bus)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(bus->fn); i++) {
        struct pci_fn *fn = bus->fn[i];

        if (fn)
            place_all(fn);
        if (fn && fn->secondary) {
            retry(fn->secondary);
            space_gate_retry(fn->secondary->env->mem);
            space_gate_retry(fn->secondary->env->ports);
        }
    }
}

void pci_host_retry(struct pci_host *h)
{
    if (h)
        retry(&h->bus);
}

void pci_bars_update(struct pci_fn *fn)
{
    bool left = false;
    unsigned n;

    for (n = 0; n < ARRAY_SIZE(fn->bar); n++) {
        struct pci_bar *b = &fn->bar[n];
        gpa base = b->kind ? wanted(fn, n) : PCI_NOWHERE;

        if (!b->kind || b->base == base)
            continue;
        left |= unplace(fn, b);
        b->base = base;
        b->refused = false;
    }
    place_all(fn);
    if (left)
        pci_host_retry(pci_bus_host(fn->bus));
}

void pci_bars_unplace(struct pci_fn *fn)
{
    bool left = false;
    unsigned n;

    for (n = 0; n < ARRAY_SIZE(fn->bar); n++) {
        left |= unplace(fn, &fn->bar[n]);
        fn->bar[n].base = PCI_NOWHERE;
    }
    if (left)
        pci_host_retry(pci_bus_host(fn->bus));
}

void pci_bars_written(struct pci_fn *fn, unsigned offset, unsigned size)
{
    if (pci_overlap(offset, size, PCI_COMMAND, 2) || pci_overlap(offset, size, 0x10, 24) ||
        pci_overlap(offset, size, bar_reg(fn, PCI_ROM_BAR), 4))
        pci_bars_update(fn);
}

void pci_fn_loaded(struct pci_fn *fn)
{
    pci_bars_update(fn);
}

/* --- description ------------------------------------------------------------------------ */

static void set_wmask32(struct pci_fn *fn, unsigned reg, uint32_t mask)
{
    unsigned i;

    for (i = 0; i < 4; i++)
        fn->wmask[reg + i] = mask >> (8 * i);
}

static struct pci_bar *new_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind,
                               uint64_t size, uint32_t flags)
{
    unsigned reg = bar_reg(fn, n);
    struct pci_bar *b = &fn->bar[n];

    assert(n <= PCI_ROM_BAR && !b->kind && kind && size && !(size & (size - 1)));
    assert(size >= (kind == PCI_BAR_IO ? 4 : 16) &&
           (kind == PCI_BAR_MEM64 || size < 1ull << 32));
    *b = (struct pci_bar){.kind = kind, .size = size, .base = PCI_NOWHERE};
    if (kind == PCI_BAR_MEM64) {
        flags |= BAR_64;
        set_wmask32(fn, reg + 4, -size >> 32);
    }
    pci_fn_set32(fn, reg, kind == PCI_BAR_IO ? BAR_IO : flags);
    set_wmask32(fn, reg, -size);
    fn->wmask[PCI_COMMAND] |= kind == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEM;
    return b;
}

void pci_fn_add_io_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind, const char *name,
                       const struct io_ops *ops, void *opaque, uint64_t size)
{
    struct pci_bar *b = new_bar(fn, n, kind, size, 0);

    b->name = name;
    b->ops = ops;
    b->opaque = opaque;
}

void pci_fn_add_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind, unsigned region,
                    uint64_t size)
{
    const struct dev_region *r = &fn->dev.cls->regions[region];

    assert((r->kind == REGION_PORT) == (kind == PCI_BAR_IO));
    pci_fn_add_io_bar(fn, n, kind, r->name, &r->ops, &fn->dev, size ? size : r->size);
}

void pci_fn_add_ram_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind, bool prefetch,
                        uint8_t *ram, uint64_t size)
{
    struct pci_bar *b = new_bar(fn, n, kind, size, prefetch ? BAR_PREFETCH : 0);

    assert(kind != PCI_BAR_IO && !(size & GUEST_PAGE_MASK));
    b->name = fn->dev.cls->name;
    b->ram = ram;
}

static void drop_rom(struct pci_fn *fn)
{
    unsigned reg = bar_reg(fn, PCI_ROM_BAR);

    assert(!fn->bar[PCI_ROM_BAR].placed);
    free(fn->rom);
    fn->rom = NULL;
    fn->bar[PCI_ROM_BAR] = (struct pci_bar){0};
    memset(fn->config + reg, 0, 4);
    memset(fn->wmask + reg, 0, 4);
}

bool pci_fn_set_rom(struct pci_fn *fn, const void *image, size_t n, struct err *e)
{
    size_t size = GUEST_PAGE_SIZE;

    if (n > ROM_MAX)
        return err_set(e, "an expansion ROM has at most 16 MiB");
    drop_rom(fn);
    if (!n)
        return true;
    while (size < n)
        size *= 2;
    fn->rom = malloc(size);
    if (!fn->rom)
        return err_set(e, "out of memory");
    memset(fn->rom, 0xff, size);
    memcpy(fn->rom, image, n);
    new_bar(fn, PCI_ROM_BAR, PCI_BAR_MEM32, size, 0);
    fn->wmask[bar_reg(fn, PCI_ROM_BAR)] |= ROM_ENABLE;
    fn->bar[PCI_ROM_BAR].name = fn->dev.cls->name;
    fn->bar[PCI_ROM_BAR].ram = fn->rom;
    return true;
}
