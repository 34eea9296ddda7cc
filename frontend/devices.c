/* SPDX-License-Identifier: MIT */
#include "frontend/devices.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/firmware.h"
#include "frontend/rom.h"
#include "hw/display/vga.h"
#include "hw/pc/pc.h"

static bool set_props(struct dev *d, const struct device_opts *o, struct err *e)
{
    for (unsigned i = 0; i < o->props; i++)
        if (!dev_set_prop(d, o->prop[i].key, o->prop[i].value, e))
            return false;
    return true;
}

static bool set_rom(struct pci_fn *fn, const struct opts *o, const char *name, struct err *e)
{
    struct boot_file f = {0};
    bool ok;

    if (!*name)
        return pci_fn_set_rom(fn, NULL, 0, e);
    if (!rom_open(&f, o, name, e))
        return err_prefix(e, "romfile");
    ok = pci_fn_set_rom(fn, f.data, f.size, e);
    boot_file_close(&f);
    return ok;
}

/* The bus that a device is for; those of bridges are there once these are. */
static struct pci_bus *find_bus(struct pc *pc, const struct device_opts *dev, struct err *e)
{
    struct pci_bus *bus = &pc->pci.bus;

    if (dev->bus && strcmp(dev->bus, "pci"))
        bus = pci_bus_find(bus, dev->bus);
    if (!bus)
        err_set(e, "-device %s: Bus '%s' not found", dev->cls->name, dev->bus);
    return bus;
}

static bool add_pci(struct dev *d, struct pc *pc, struct pci_bus *bus, const struct opts *o,
                    const struct device_opts *dev, struct err *e)
{
    struct pci_fn *fn = (struct pci_fn *)d;

    if (!pc_add_pci(pc, bus, dev->devfn, fn, e) ||
        (dev->romfile && !set_rom(fn, o, dev->romfile, e)))
        return false;
    if (dev->multifunction)
        fn->config[0x0e] |= 0x80;
    return true;
}

static bool create(struct dev *d, struct pc *pc, const struct opts *o,
                   const struct device_opts *dev, struct err *e)
{
    struct pci_bus *bus = find_bus(pc, dev, e);

    if (!bus)
        return false;
    dev_init(d, dev->cls, dev->id, bus->env);
    d->named = dev->id != NULL;
    if (dev->cls == &vga_pci_class) {
        ((struct vga_pci *)d)->rom = firmware_vgabios;
        ((struct vga_pci *)d)->rom_size = FIRMWARE_VGABIOS_SIZE;
    }
    if (!set_props(d, dev, e)) {
        dev_finish(d);
        return err_prefix(e, "-device %s", dev->cls->name);
    }
    if (dev->cls->bus == DEV_BUS_IDE
            ? !pc_add_ide(pc, dev->channel, dev->unit, (struct ide_unit *)d, e)
            : !add_pci(d, pc, bus, o, dev, e))
        return err_prefix(e, "-device %s", dev->cls->name);
    return true;
}

bool devices_create(struct devices *l, struct pc *pc, const struct opts *o, struct err *e)
{
    l->d = calloc(o->devices ? o->devices : 1, sizeof(struct dev *));
    for (unsigned i = 0; l->d && i < o->devices; i++) {
        l->d[i] = calloc(1, o->device[i].cls->size);
        if (!l->d[i])
            return err_set(e, "out of memory");
        l->n++;
        if (!create(l->d[i], pc, o, &o->device[i], e))
            return false;
    }
    return l->d || err_set(e, "out of memory");
}

/* What firmware calls a function: by its class code, as Open Firmware names them. */
static const char *node_name(const struct pci_fn *fn)
{
    switch (fn->config[0x0b] << 8 | fn->config[0x0a]) {
    case 0x0101: return "ide";
    case 0x0200: return "ethernet";
    case 0x0604: return "pci-bridge";
    default: return "scsi"; /* virtio-blk and others that hold a disk */
    }
}

static void add_ide_path(GString *s, const struct ide_unit *u)
{
    g_string_append_printf(s, "/pci@i0cf8/ide@%x,%x/drive@%x/disk@%x", PC_IDE_DEVFN >> 3,
                           PC_IDE_DEVFN & 7, u->channel, u->unit);
}

static void add_pci_node(GString *s, const struct pci_fn *fn)
{
    unsigned n = fn->devfn & 7;

    if (fn->bus->bridge)
        add_pci_node(s, fn->bus->bridge);
    else
        g_string_append(s, "/pci@i0cf8");
    g_string_append_printf(s, "/%s@%x", node_name(fn), fn->devfn >> 3);
    if (n)
        g_string_append_printf(s, ",%x", n);
}

static void add_pci_path(GString *s, const struct pci_fn *fn)
{
    add_pci_node(s, fn);
    g_string_append(s, fn->config[0x0b] == 2 ? "/ethernet-phy@0" : "/disk@0,0");
}

char *devices_bootorder(const struct devices *l, const struct opts *o)
{
    GString *s = g_string_new(NULL);
    int64_t last = -1;

    for (;;) {
        unsigned best = l->n;

        for (unsigned i = 0; i < l->n; i++)
            if (o->device[i].bootindex > last &&
                (best == l->n || o->device[i].bootindex < o->device[best].bootindex))
                best = i;
        if (best == l->n)
            break;
        last = o->device[best].bootindex;
        if (s->len)
            g_string_append_c(s, '\n');
        if (l->d[best]->cls->bus == DEV_BUS_IDE)
            add_ide_path(s, (const struct ide_unit *)l->d[best]);
        else
            add_pci_path(s, (const struct pci_fn *)l->d[best]);
    }
    return g_string_free(s, FALSE);
}

void devices_free(struct devices *l)
{
    for (unsigned i = 0; i < l->n; i++)
        free(l->d[i]);
    free(l->d);
    *l = (struct devices){0};
}
