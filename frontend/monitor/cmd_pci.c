/* SPDX-License-Identifier: MIT
 * info pci. */
#include <inttypes.h>

#include "frontend/monitor/mon_int.h"
#include "hw/pc/pc.h"
#include "hw/pci/pci_bridge.h"

/* PCI Local Bus Specification 3.0, appendix D. */
static const struct {
    uint16_t class; /* base class and sub-class */
    const char *name;
} pci_classes[] = {
    {0x0000, "Unclassified device"},
    {0x0100, "SCSI controller"},
    {0x0101, "IDE controller"},
    {0x0102, "Floppy controller"},
    {0x0106, "SATA controller"},
    {0x0108, "NVMe controller"},
    {0x0200, "Ethernet controller"},
    {0x0280, "Network controller"},
    {0x0300, "VGA controller"},
    {0x0380, "Display controller"},
    {0x0401, "Audio controller"},
    {0x0403, "Audio controller"},
    {0x0500, "RAM controller"},
    {0x0600, "Host bridge"},
    {0x0601, "ISA bridge"},
    {0x0604, "PCI bridge"},
    {0x0680, "Bridge"},
    {0x0700, "Serial port"},
    {0x0780, "Communication controller"},
    {0x0c03, "USB controller"},
    {0x0c05, "SMBus"},
};

static unsigned config16(const struct pci_fn *fn, unsigned offset)
{
    return fn->config[offset] | fn->config[offset + 1] << 8;
}

static const char *class_name(unsigned class)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pci_classes); i++)
        if (pci_classes[i].class == class)
            return pci_classes[i].name;
    return NULL;
}

/* A BAR that is placed nowhere is at PCI_NOWHERE, its end wrapped around. */
static void say_bar(struct mon_call *c, const struct pci_fn *fn, unsigned n)
{
    const struct pci_bar *b = &fn->bar[n];
    uint64_t last = b->base + b->size - 1;
    bool prefetch = n < PCI_ROM_BAR && (fn->config[0x10 + 4 * n] & 8);

    if (b->kind == PCI_BAR_IO)
        mon_say(c, "      BAR%u: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", n, b->base,
                last);
    else if (b->kind)
        mon_say(c, "      BAR%u: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n", n,
                b->kind == PCI_BAR_MEM64 ? 64 : 32, prefetch ? " prefetchable" : "", b->base,
                last);
}

static void say_range(struct mon_call *c, const struct pci_fn *fn, enum pci_window_kind kind)
{
    static const char *const name[] = {"IO", "memory", "prefetchable memory"};
    struct pci_window w = pci_bridge_window(fn, kind);
    int digits = kind == PCI_WINDOW_IO ? 4 : 8;

    mon_say(c, "      %s range [0x%0*" PRIx64 ", 0x%0*" PRIx64 "]\n", name[kind], digits,
            w.base, digits, w.last);
}

static void say_bridge(struct mon_call *c, const struct pci_fn *fn)
{
    mon_say(c, "      BUS %u.\n      secondary bus %u.\n      subordinate bus %u.\n",
            fn->config[0x18], fn->config[0x19], fn->config[0x1a]);
    say_range(c, fn, PCI_WINDOW_IO);
    say_range(c, fn, PCI_WINDOW_MEM);
    say_range(c, fn, PCI_WINDOW_PREFETCH);
}

static void say_fn(struct mon_call *c, unsigned nr, const struct pci_fn *fn)
{
    unsigned class = config16(fn, 0x0a), pin = fn->config[0x3d];
    const char *name = class_name(class);
    char other[32];

    g_snprintf(other, sizeof(other), "Class %04d", class);
    mon_say(c, "  Bus %2u, device %3u, function %u:\n", nr, fn->devfn >> 3, fn->devfn & 7);
    mon_say(c, "    %s: PCI device %04x:%04x\n", name ? name : other, config16(fn, 0),
            config16(fn, 2));
    if (!fn->secondary && (config16(fn, 0x2c) || config16(fn, 0x2e)))
        mon_say(c, "      PCI subsystem %04x:%04x\n", config16(fn, 0x2c), config16(fn, 0x2e));
    if (pin)
        mon_say(c, "      IRQ %d, pin %c\n", fn->config[0x3c], 'A' + (pin - 1) % 4);
    if (fn->secondary)
        say_bridge(c, fn);
    for (unsigned i = 0; i < G_N_ELEMENTS(fn->bar); i++)
        say_bar(c, fn, i);
    mon_say(c, "      id \"%s\"\n", dev_user_id(&fn->dev));
}

/* Behind bridges that have a number for their bus. */
static void say_bus(struct mon_call *c, unsigned nr, const struct pci_bus *bus)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(bus->fn); i++) {
        const struct pci_fn *fn = bus->fn[i];

        if (!fn)
            continue;
        say_fn(c, nr, fn);
        if (fn->secondary && fn->config[0x19])
            say_bus(c, fn->config[0x19], fn->secondary);
    }
}

bool cmd_pci(struct mon_call *c, struct err *e)
{
    say_bus(c, 0, &vm_pc(c->vm)->pci.bus);
    return true;
}
