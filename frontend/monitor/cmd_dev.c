/* SPDX-License-Identifier: MIT
 * Commands that show the board: devices, PCI functions, address spaces. */
#include <inttypes.h>
#include <string.h>

#include "frontend/monitor/mon_int.h"
#include "hw/pc/pc.h"
#include "softmmu/block.h"

/* --- info qtree ------------------------------------------------------------------------ */

static void say_prop(struct mon_call *c, const struct dev *d, const struct prop *p)
{
    static const uint8_t bytes[] = {
        [PROP_BOOL] = 1, [PROP_U8] = 1, [PROP_U16] = 2, [PROP_U32] = 4, [PROP_U64] = 8};
    const void *field = (const char *)d + p->offset;
    const char *text = NULL;
    uint64_t v = 0;

    switch (p->type) {
    case PROP_STR: text = *(char *const *)field; break;
    case PROP_DRIVE: {
        const struct block *b = *(struct block *const *)field;

        text = b ? b->id : NULL;
        break;
    }
    case PROP_CHARDEV: {
        const struct chardev *chr = *(struct chardev *const *)field;

        text = chr ? chr_id(container_of(chr, struct chr_port, chr)->back) : NULL;
        break;
    }
    default:
        memcpy(&v, field, bytes[p->type]);
        if (p->type == PROP_BOOL)
            mon_say(c, "    %s = %s\n", p->name, v ? "true" : "false");
        else
            mon_say(c, "    %s = %" PRIu64 " (0x%" PRIx64 ")\n", p->name, v, v);
        return;
    }
    mon_say(c, "    %s = \"%s\"\n", p->name, text ? text : "");
}

static void say_dev(struct mon_call *c, const struct dev *d)
{
    mon_say(c, "  dev: %s, id \"%s\"\n", d->cls->name, d->id);
    for (const struct prop *p = d->cls->props; p && p->name; p++)
        say_prop(c, d, p);
    for (unsigned i = 0; d->cls->regions && d->cls->regions[i].name; i++) {
        const struct dev_region *r = &d->cls->regions[i];

        if (d->mapped[i])
            mon_say(c, "    %s %s at 0x%" PRIx64 "\n",
                    r->kind == REGION_PORT ? "ports" : "mmio", r->name, d->base[i]);
    }
}

bool cmd_qtree(struct mon_call *c, struct err *e)
{
    const struct pc *pc = vm_pc(c->vm);

    mon_say(c, "bus: main-system-bus\n  type System\n");
    for (unsigned i = 0; i < pc->cfg.cpus; i++)
        say_dev(c, &pc->lapic[i].dev);
    for (unsigned i = 0; i < pc->n_devs; i++)
        say_dev(c, pc->devs[i]);
    return true;
}

/* --- info mtree ------------------------------------------------------------------------ */

static void say_region(void *opaque, const char *name, gpa base, gpa last, bool ram)
{
    mon_say(opaque, "  %016" PRIx64 "-%016" PRIx64 " (prio 0, %s): %s\n", base, last,
            ram ? "ram" : "i/o", name);
}

bool cmd_mtree(struct mon_call *c, struct err *e)
{
    const struct pc *pc = vm_pc(c->vm);

    mon_say(c, "address-space: memory\n");
    space_each(pc->mem, say_region, c);
    mon_say(c, "\naddress-space: I/O\n");
    space_each(pc->ports, say_region, c);
    return true;
}

static void say_rom(void *opaque, const char *name, gpa base, gpa last, bool ram)
{
    struct mon_call *c = opaque;
    bool writable = true;

    if (ram && space_ram_page(vm_pc(c->vm)->mem, base, &writable) && !writable)
        mon_say(c, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=rom name=\"%s\"\n", base,
                last - base + 1, name);
}

bool cmd_roms(struct mon_call *c, struct err *e)
{
    space_each(vm_pc(c->vm)->mem, say_rom, c);
    return true;
}

/* --- info pci -------------------------------------------------------------------------- */

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

static void say_bar(struct mon_call *c, unsigned n, const struct pci_bar *b)
{
    uint64_t last = b->base + b->size - 1;

    if (b->kind == PCI_BAR_NONE)
        return;
    if (b->base == PCI_NOWHERE)
        last = PCI_NOWHERE;
    if (b->kind == PCI_BAR_IO)
        mon_say(c, "      BAR%u: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "]\n", n, b->base, last);
    else
        mon_say(c, "      BAR%u: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "]\n", n,
                b->kind == PCI_BAR_MEM64 ? 64 : 32, b->ram ? " prefetchable" : "", b->base,
                last);
}

static void say_fn(struct mon_call *c, unsigned devfn, const struct pci_fn *fn)
{
    unsigned class = config16(fn, 0x0a), pin = fn->config[0x3d];
    const char *name = class_name(class);
    char other[32];

    g_snprintf(other, sizeof(other), "Class %04d", class);
    mon_say(c, "  Bus  0, device %3u, function %u:\n", devfn >> 3, devfn & 7);
    mon_say(c, "    %s: PCI device %04x:%04x\n", name ? name : other, config16(fn, 0),
            config16(fn, 2));
    if (config16(fn, 0x2c) || config16(fn, 0x2e))
        mon_say(c, "      PCI subsystem %04x:%04x\n", config16(fn, 0x2c), config16(fn, 0x2e));
    if (pin)
        mon_say(c, "      IRQ %d, pin %c\n", fn->config[0x3c], 'A' + (pin - 1) % 4);
    for (unsigned i = 0; i < G_N_ELEMENTS(fn->bar); i++)
        say_bar(c, i, &fn->bar[i]);
    mon_say(c, "      id \"%s\"\n", fn->dev.id == fn->dev.cls->name ? "" : fn->dev.id);
}

bool cmd_pci(struct mon_call *c, struct err *e)
{
    const struct pci_host *h = &vm_pc(c->vm)->pci;

    for (unsigned i = 0; i < G_N_ELEMENTS(h->fn); i++)
        if (h->fn[i])
            say_fn(c, i, h->fn[i]);
    return true;
}
