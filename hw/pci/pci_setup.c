/* SPDX-License-Identifier: MIT
 * PCI as firmware leaves it: bus numbers in the order of a walk, one memory and one I/O window
 * a bridge, BARs by falling alignment. Prefetchable windows stay shut. */
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_int.h"
#include "softmmu/log.h"

enum { MEM, IO, KINDS };

#define MAX_ALIGN (1ull << 40)

static uint64_t grain(unsigned kind)
{
    return kind == IO ? 0x1000 : 0x100000;
}

static uint64_t round_up(uint64_t n, uint64_t align)
{
    return (n + align - 1) & ~(align - 1);
}

/* Depth first; the last number given. */
static unsigned number(struct pci_bus *bus, unsigned nr)
{
    unsigned i, last = nr;

    for (i = 0; i < ARRAY_SIZE(bus->fn); i++) {
        struct pci_fn *fn = bus->fn[i];

        if (!fn || !fn->secondary || last == 255)
            continue;
        pci_fn_config_write(fn, PCI_SECONDARY - 1, nr | (last + 1) << 8, 2);
        last = number(fn->secondary, last + 1);
        pci_fn_config_write(fn, PCI_SUBORDINATE, last, 1);
    }
    return last;
}

/* --- sizes and places ------------------------------------------------------------------- */

/* Of a BAR of that kind, else 0: its size, for memory whole pages. */
static uint64_t bar_align(const struct pci_bar *b, unsigned kind)
{
    if (!b->kind || (b->kind == PCI_BAR_IO) != (kind == IO))
        return 0;
    return kind == MEM && b->size < GUEST_PAGE_SIZE ? GUEST_PAGE_SIZE : b->size;
}

static void set_bar(struct pci_fn *fn, unsigned n, uint64_t at)
{
    unsigned reg = 0x10 + 4 * n;

    pci_fn_config_write(fn, reg, (uint32_t)at, 4);
    if (fn->bar[n].kind == PCI_BAR_MEM64)
        pci_fn_config_write(fn, reg + 4, at >> 32, 4);
}

static void set_window(struct pci_fn *fn, unsigned kind, uint64_t base, uint64_t last)
{
    if (kind == IO)
        pci_fn_config_write(fn, 0x1c, (base >> 8 & 0xf0) | (last & 0xf000), 2);
    else
        pci_fn_config_write(fn, 0x20, (base >> 16 & 0xfff0) | (last & 0xfff00000), 4);
}

static void shut_windows(struct pci_fn *fn)
{
    pci_fn_config_write(fn, 0x1c, 0x00f0, 2);
    pci_fn_config_write(fn, 0x20, 0x0000fff0, 4);
    pci_fn_config_write(fn, 0x24, 0x0000fff0, 4);
}

static uint64_t lay_out(struct pci_bus *bus, unsigned kind, uint64_t at, uint64_t end,
                        bool place);

/* Takes `size` at *at; false: there is no room (which is looked at only to place). */
static bool take(const struct pci_fn *fn, uint64_t *at, uint64_t size, uint64_t align,
                 uint64_t end, bool place)
{
    uint64_t here = round_up(*at, align);

    if (place && (here + size > end || here + size < size)) {
        LOG_GUEST("%s: no room for 0x%llx bytes", fn->dev.id, (unsigned long long)size);
        return false;
    }
    *at = here + size;
    return place;
}

/* What of a function has that alignment. */
static uint64_t lay_fn(struct pci_fn *fn, unsigned kind, uint64_t align, uint64_t at,
                       uint64_t end, bool place)
{
    struct pci_bus *behind = fn->secondary;
    unsigned n;

    for (n = 0; n < PCI_ROM_BAR; n++)
        if (bar_align(&fn->bar[n], kind) == align && take(fn, &at, align, align, end, place))
            set_bar(fn, n, at - align);
    if (!behind || !behind->need[kind] || behind->align[kind] != align ||
        !take(fn, &at, behind->need[kind], align, end, place))
        return at;
    set_window(fn, kind, at - behind->need[kind], at - 1);
    lay_out(behind, kind, at - behind->need[kind], at, true);
    return at;
}

static uint64_t lay_out(struct pci_bus *bus, unsigned kind, uint64_t at, uint64_t end,
                        bool place)
{
    uint64_t align;
    unsigned i;

    for (align = MAX_ALIGN; align; align >>= 1)
        for (i = 0; i < ARRAY_SIZE(bus->fn); i++)
            if (bus->fn[i])
                at = lay_fn(bus->fn[i], kind, align, at, end, place);
    return at;
}

static uint64_t largest_align(const struct pci_bus *bus, unsigned kind)
{
    uint64_t best = grain(kind), a;
    unsigned i, n;

    for (i = 0; i < ARRAY_SIZE(bus->fn); i++) {
        const struct pci_fn *fn = bus->fn[i];

        if (fn && fn->secondary && fn->secondary->align[kind] > best)
            best = fn->secondary->align[kind];
        for (n = 0; fn && n < PCI_ROM_BAR; n++) {
            a = bar_align(&fn->bar[n], kind);
            best = a > best ? a : best;
        }
    }
    return best;
}

static void measure(struct pci_bus *bus)
{
    unsigned i, kind;

    for (i = 0; i < ARRAY_SIZE(bus->fn); i++)
        if (bus->fn[i] && bus->fn[i]->secondary)
            measure(bus->fn[i]->secondary);
    for (kind = 0; kind < KINDS; kind++) {
        bus->need[kind] = round_up(lay_out(bus, kind, 0, 0, false), grain(kind));
        bus->align[kind] = largest_align(bus, kind);
    }
}

/* --- functions -------------------------------------------------------------------------- */

static void visit(struct pci_bus *bus, void (*fn)(struct pci_fn *fn, const struct pci_setup *c),
                  const struct pci_setup *c)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(bus->fn); i++) {
        if (!bus->fn[i])
            continue;
        fn(bus->fn[i], c);
        if (bus->fn[i]->secondary)
            visit(bus->fn[i]->secondary, fn, c);
    }
}

static void prepare(struct pci_fn *fn, const struct pci_setup *c)
{
    if (fn->secondary)
        shut_windows(fn);
}

static void enable(struct pci_fn *fn, const struct pci_setup *c)
{
    uint16_t cmd = pci_fn_get16(fn, PCI_COMMAND) | PCI_COMMAND_IO | PCI_COMMAND_MEM;
    uint8_t pin = fn->config[PCI_PIN];

    if (pin)
        pci_fn_config_write(fn, 0x3c, c->irq[pci_fn_pirq(fn, pin - 1)], 1);
    pci_fn_config_write(fn, PCI_COMMAND, fn->secondary ? cmd | PCI_COMMAND_MASTER : cmd, 2);
}

void pci_setup(struct pci_host *h, const struct pci_setup *c)
{
    number(&h->bus, 0);
    visit(&h->bus, prepare, c);
    measure(&h->bus);
    lay_out(&h->bus, MEM, c->mem, c->mem_end, true);
    lay_out(&h->bus, IO, c->io, c->io_end, true);
    visit(&h->bus, enable, c);
}
