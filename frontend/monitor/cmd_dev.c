/* SPDX-License-Identifier: MIT
 * Commands that show the board: devices, address spaces. */
#include <inttypes.h>
#include <string.h>

#include "frontend/monitor/mon_int.h"
#include "hw/pc/pc.h"
#include "hw/pci/pci_bridge.h"
#include "softmmu/block.h"

/* --- info qtree ------------------------------------------------------------------------ */

static void say_prop(struct mon_call *c, int in, const struct dev *d, const struct prop *p)
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
            mon_say(c, "%*s%s = %s\n", in, "", p->name, v ? "true" : "false");
        else
            mon_say(c, "%*s%s = %" PRIu64 " (0x%" PRIx64 ")\n", in, "", p->name, v, v);
        return;
    }
    mon_say(c, "%*s%s = \"%s\"\n", in, "", p->name, text ? text : "");
}

static void say_dev(struct mon_call *c, int in, const struct dev *d);

static void say_bus(struct mon_call *c, int in, const struct pci_bus *bus)
{
    mon_say(c, "%*sbus: %s\n%*s  type PCI\n", in, "", bus->name, in, "");
    for (unsigned i = 0; i < G_N_ELEMENTS(bus->fn); i++)
        if (bus->fn[i])
            say_dev(c, in + 2, &bus->fn[i]->dev);
}

static void say_dev(struct mon_call *c, int in, const struct dev *d)
{
    const struct pci_fn *fn = d->cls->bus == DEV_BUS_PCI ? (const struct pci_fn *)d : NULL;

    mon_say(c, "%*sdev: %s, id \"%s\"\n", in, "", d->cls->name, dev_user_id(d));
    in += 2;
    for (const struct prop *p = d->cls->props; p && p->name; p++)
        say_prop(c, in, d, p);
    for (unsigned i = 0; d->cls->regions && d->cls->regions[i].name; i++) {
        const struct dev_region *r = &d->cls->regions[i];

        if (d->mapped[i])
            mon_say(c, "%*s%s %s at 0x%" PRIx64 "\n", in, "",
                    r->kind == REGION_PORT ? "ports" : "mmio", r->name, d->base[i]);
    }
    if (fn && fn->secondary)
        say_bus(c, in, fn->secondary);
}

static bool behind_bridge(const struct dev *d)
{
    const struct pci_fn *fn = d->cls->bus == DEV_BUS_PCI ? (const struct pci_fn *)d : NULL;

    return fn && fn->bus && fn->bus->bridge;
}

bool cmd_qtree(struct mon_call *c, struct err *e)
{
    const struct pc *pc = vm_pc(c->vm);

    mon_say(c, "bus: main-system-bus\n  type System\n");
    for (unsigned i = 0; i < pc->cfg.cpus; i++)
        say_dev(c, 2, &pc->lapic[i].dev);
    for (unsigned i = 0; i < pc->n_devs; i++)
        if (!behind_bridge(pc->devs[i]))
            say_dev(c, 2, pc->devs[i]);
    return true;
}

/* --- info mtree ------------------------------------------------------------------------ */

static void say_region(void *opaque, const char *name, gpa base, gpa last, bool ram)
{
    mon_say(opaque, "  %016" PRIx64 "-%016" PRIx64 " (prio 0, %s): %s\n", base, last,
            ram ? "ram" : "i/o", name);
}

/* Windows as bridges have them open, and what stands behind. */
static void say_window(struct mon_call *c, const struct pci_fn *fn, enum pci_window_kind kind)
{
    static const char *const name[] = {"pci_bridge_io @pci_bridge_io",
                                       "pci_bridge_mem @pci_bridge_pci",
                                       "pci_bridge_pref_mem @pci_bridge_pci"};
    struct pci_window w = pci_bridge_window(fn, kind);

    if ((fn->config[4] & (kind == PCI_WINDOW_IO ? 1 : 2)) && w.base <= w.last)
        mon_say(c,
                "  %016" PRIx64 "-%016" PRIx64 " (prio 1, i/o): alias %s %016" PRIx64
                "-%016" PRIx64 "\n",
                w.base, w.last, name[kind], w.base, w.last);
}

static void say_bridges(struct mon_call *c, const struct pci_bus *bus)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(bus->fn); i++) {
        const struct pci_fn *fn = bus->fn[i];

        if (!fn || !fn->secondary)
            continue;
        mon_say(c, "\nmemory-region: pci_bridge_pci (%s)\n", fn->secondary->name);
        say_window(c, fn, PCI_WINDOW_MEM);
        say_window(c, fn, PCI_WINDOW_PREFETCH);
        space_each(fn->secondary->env->mem, say_region, c);
        mon_say(c, "\nmemory-region: pci_bridge_io (%s)\n", fn->secondary->name);
        say_window(c, fn, PCI_WINDOW_IO);
        space_each(fn->secondary->env->ports, say_region, c);
        say_bridges(c, fn->secondary);
    }
}

bool cmd_mtree(struct mon_call *c, struct err *e)
{
    const struct pc *pc = vm_pc(c->vm);

    mon_say(c, "address-space: memory\n");
    space_each(pc->mem, say_region, c);
    mon_say(c, "\naddress-space: I/O\n");
    space_each(pc->ports, say_region, c);
    say_bridges(c, &pc->pci.bus);
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
