/* SPDX-License-Identifier: MIT
 * PCI-to-PCI Bridge Architecture Specification 1.2: chapter 3 (configuration), 4 (address
 * decoding), 9.1 (interrupts), 11.1 (secondary reset); slot numbering capability, 13. Left out:
 * the standard hot-plug controller, and with it the bridge's own interrupt and MSI; 32-bit I/O
 * windows; posting, discard timers, palette snooping, error forwarding; special cycles.
 * Bus mastering is on after reset, against 3.2.4.3: SeaBIOS never enables it on bridges and
 * reads disks behind them all the same. Whoever clears it shuts the way up. */
#include "hw/pci/pci_bridge.h"

#include <stdio.h>
#include <string.h>

#include "hw/pci/pci_int.h"

#define CAP_SLOT_ID 0x04

#define IO_BASE     0x1c
#define SEC_STATUS  0x1e
#define MEM_BASE    0x20
#define PREF_BASE   0x24
#define PREF_UPPER  0x28 /* base; the limit's is at 2c */
#define CTL_ISA     0x0004
#define CTL_VGA16   0x0010
#define CTL_RESET   0x0040
#define PREF_64     0x1
#define BRIDGE_REGS 0x40 /* past those that decide what passes */

static uint16_t control(const struct pci_fn *fn)
{
    return pci_fn_get16(fn, PCI_BRIDGE_CONTROL);
}

bool pci_bridge_claims_bus(const struct pci_fn *fn, unsigned nr)
{
    return fn->secondary && nr >= fn->config[PCI_SECONDARY] &&
           nr <= fn->config[PCI_SUBORDINATE] && !(control(fn) & CTL_RESET);
}

/* --- windows ---------------------------------------------------------------------------- */

struct pci_window pci_bridge_window(const struct pci_fn *fn, enum pci_window_kind kind)
{
    const uint8_t *c = fn->config;
    unsigned reg = kind == PCI_WINDOW_PREFETCH ? PREF_BASE : MEM_BASE;
    struct pci_window w;

    if (kind == PCI_WINDOW_IO)
        return (struct pci_window){(c[IO_BASE] & 0xf0) << 8,
                                   (c[IO_BASE + 1] & 0xf0) << 8 | 0xfff};
    w.base = (gpa)(pci_fn_get16(fn, reg) & 0xfff0) << 16;
    w.last = (gpa)(pci_fn_get16(fn, reg + 2) & 0xfff0) << 16 | 0xfffff;
    if (kind == PCI_WINDOW_PREFETCH) {
        w.base |= (gpa)pci_fn_get32(fn, PREF_UPPER) << 32;
        w.last |= (gpa)pci_fn_get32(fn, PREF_UPPER + 4) << 32;
    }
    return w;
}

/* Whether addr is inside; *last is cut to where that ends. */
static bool inside(struct pci_window w, gpa addr, gpa *last)
{
    gpa end;

    if (w.base > w.last || addr > w.last)
        return false;
    end = addr < w.base ? w.base - 1 : w.last;
    if (end < *last)
        *last = end;
    return addr >= w.base;
}

/* What belongs to the secondary side, decoded or not. */
static bool memory_behind(const struct pci_fn *fn, gpa addr, gpa *last)
{
    const struct pci_window vga = {0xa0000, 0xbffff};
    bool in = inside(pci_bridge_window(fn, PCI_WINDOW_MEM), addr, last);

    in |= inside(pci_bridge_window(fn, PCI_WINDOW_PREFETCH), addr, last);
    if (control(fn) & PCI_BRIDGE_VGA)
        in |= inside(vga, addr, last);
    return in;
}

static bool is_vga_port(gpa addr, uint16_t ctl)
{
    gpa a = ctl & CTL_VGA16 ? addr : addr & 0x3ff;

    return (ctl & PCI_BRIDGE_VGA) && ((a >= 0x3b0 && a <= 0x3bb) || (a >= 0x3c0 && a <= 0x3df));
}

/* The next port from which something else may hold in each KiB: ISA holes and VGA's ports. */
static gpa next_port(gpa addr)
{
    static const uint16_t edges[] = {0x100, 0x3b0, 0x3bc, 0x3c0, 0x3e0, 0x400};
    unsigned i;

    for (i = 0; edges[i] <= (addr & 0x3ff); i++)
        ;
    return (addr & ~0x3ffull) + edges[i];
}

static bool ports_behind(const struct pci_fn *fn, gpa addr, gpa *last)
{
    uint16_t ctl = control(fn);
    bool in = inside(pci_bridge_window(fn, PCI_WINDOW_IO), addr, last);

    if (ctl & (CTL_ISA | PCI_BRIDGE_VGA) && next_port(addr) - 1 < *last)
        *last = next_port(addr) - 1;
    if (ctl & CTL_ISA && addr & 0x300)
        in = false;
    return in || is_vga_port(addr, ctl);
}

/* --- gates ------------------------------------------------------------------------------ */

static bool enabled(const struct pci_fn *fn, uint16_t bit)
{
    return (pci_fn_get16(fn, PCI_COMMAND) & bit) && !(control(fn) & CTL_RESET);
}

static bool memory_down(void *opaque, gpa addr, gpa *last)
{
    const struct pci_fn *fn = opaque;

    return enabled(fn, PCI_COMMAND_MEM) && memory_behind(fn, addr, last);
}

static bool memory_up(void *opaque, gpa addr, gpa *last)
{
    const struct pci_fn *fn = opaque;

    return enabled(fn, PCI_COMMAND_MASTER) && !memory_behind(fn, addr, last);
}

static bool ports_down(void *opaque, gpa addr, gpa *last)
{
    const struct pci_fn *fn = opaque;

    return enabled(fn, PCI_COMMAND_IO) && ports_behind(fn, addr, last);
}

/* No device here starts I/O cycles. */
static bool ports_up(void *opaque, gpa addr, gpa *last)
{
    return false;
}

static void gates_changed(struct pci_bridge *b)
{
    space_gate_changed(b->env.mem);
    space_gate_changed(b->env.ports);
    pci_host_retry(pci_bus_host(b->pci.bus));
}

/* RST# of the secondary bus, which bridges there pass on. */
static void reset_behind(struct pci_bus *bus)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(bus->fn); i++) {
        if (!bus->fn[i])
            continue;
        dev_reset(&bus->fn[i]->dev);
        if (bus->fn[i]->secondary)
            reset_behind(bus->fn[i]->secondary);
    }
}

static void bridge_written(struct pci_fn *fn, unsigned offset, unsigned size)
{
    struct pci_bridge *b = container_of(fn, struct pci_bridge, pci);

    if (pci_overlap(offset, size, PCI_BRIDGE_CONTROL, 2) && control(fn) & CTL_RESET)
        reset_behind(&b->bus);
    if (pci_overlap(offset, size, PCI_COMMAND, 2) ||
        pci_overlap(offset, size, IO_BASE, BRIDGE_REGS - IO_BASE))
        gates_changed(b);
}

/* --- life ------------------------------------------------------------------------------- */

static void fill_config(struct pci_fn *fn)
{
    uint8_t *w = fn->wmask;

    pci_fn_header(fn, 0x1b36, 0x0001, 0, 0x060400, 1);
    pci_fn_set16(fn, PCI_COMMAND, PCI_COMMAND_MASTER); /* not 0: see the top */
    pci_fn_set16(fn, PCI_STATUS, 0x00a0);
    pci_fn_set16(fn, SEC_STATUS, 0x00a0);
    w[PCI_COMMAND] |= PCI_COMMAND_IO | PCI_COMMAND_MEM;
    memset(w + 0x18, 0xff, 4); /* bus numbers, secondary latency timer */
    w[IO_BASE] = w[IO_BASE + 1] = 0xf0;
    fn->w1c[SEC_STATUS + 1] = 0xf9;
    pci_fn_set16(fn, PREF_BASE, PREF_64);
    pci_fn_set16(fn, PREF_BASE + 2, PREF_64);
    w[MEM_BASE] = w[MEM_BASE + 2] = w[PREF_BASE] = w[PREF_BASE + 2] = 0xf0;
    w[MEM_BASE + 1] = w[MEM_BASE + 3] = w[PREF_BASE + 1] = w[PREF_BASE + 3] = 0xff;
    memset(w + PREF_UPPER, 0xff, 8);
    w[PCI_BRIDGE_CONTROL] = 0xff;
    w[PCI_BRIDGE_CONTROL + 1] = 0x0b; /* discard timers and their SERR# */
    fn->w1c[PCI_BRIDGE_CONTROL + 1] = 0x04;
}

/* The device's id names its bus. */
static void name_bus(struct pci_bridge *b)
{
    struct pci_host *h = pci_bus_host(b->pci.bus);

    b->bus.name = b->pci.dev.id;
    if (h && b->bus.name == b->pci.dev.cls->name) {
        snprintf(b->bus.auto_name, sizeof(b->bus.auto_name), "pci.%u", ++h->unnamed);
        b->bus.name = b->bus.auto_name;
    }
}

static void open_bus(struct pci_bridge *b)
{
    const struct space_gate mem = {memory_down, memory_up, &b->pci},
                            ports = {ports_down, ports_up, &b->pci};

    b->env = *b->pci.dev.env;
    b->env.mem = space_create("pci_bridge_pci", 0);
    b->env.ports = space_create("pci_bridge_io", 0x10000);
    space_put_behind(b->env.mem, b->pci.dev.env->mem, &mem);
    space_put_behind(b->env.ports, b->pci.dev.env->ports, &ports);
    b->bus.env = &b->env;
    b->bus.bridge = &b->pci;
    b->pci.secondary = &b->bus;
    name_bus(b);
}

static bool bridge_realize(struct dev *d, struct err *e)
{
    struct pci_bridge *b = (struct pci_bridge *)d;
    unsigned cap;

    if (!b->chassis_nr)
        return err_set(e, "Bridge chassis not specified. Each bridge is required to be "
                          "assigned a unique chassis id > 0.");
    if (b->msi && strcmp(b->msi, "auto") && strcmp(b->msi, "on") && strcmp(b->msi, "off"))
        return err_set(e, "msi takes on, off or auto, not '%s'", b->msi);
    if (b->shpc)
        return err_set(e, "shpc=on is not supported: there is no hot-plug controller");
    fill_config(&b->pci);
    cap = pci_fn_add_cap(&b->pci, CAP_SLOT_ID, 4);
    b->pci.config[cap + 3] = b->chassis_nr; /* no expansion slots: they are not described */
    b->pci.config_written = bridge_written;
    open_bus(b);
    return true;
}

static void bridge_reset(struct dev *d)
{
    struct pci_bridge *b = (struct pci_bridge *)d;

    pci_fn_reset(&b->pci);
    gates_changed(b);
}

static void bridge_loaded(struct dev *d)
{
    struct pci_bridge *b = (struct pci_bridge *)d;

    pci_fn_loaded(&b->pci);
    gates_changed(b);
}

static void bridge_unrealize(struct dev *d)
{
    struct pci_bridge *b = (struct pci_bridge *)d;
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(b->bus.fn); i++)
        if (b->bus.fn[i])
            pci_bus_remove(b->bus.fn[i]);
    pci_fn_finish(&b->pci);
    b->pci.secondary = NULL;
    space_destroy(b->env.mem);
    space_destroy(b->env.ports);
}

static const struct prop bridge_props[] = {
    PROP(PROP_U8, struct pci_bridge, chassis_nr, "chassis_nr", 0),
    PROP(PROP_STR, struct pci_bridge, msi, "msi", 0),
    PROP(PROP_BOOL, struct pci_bridge, shpc, "shpc", false), PROP_END};

static const struct state_field bridge_state[] = {PCI_FN_STATE(struct pci_bridge, pci),
                                                  STATE_END};

const struct dev_class pci_bridge_class = {
    .name = "pci-bridge",
    .bus = DEV_BUS_PCI,
    .kind = "Controller/Bridge/Hub",
    .desc = "Standard PCI Bridge",
    .size = sizeof(struct pci_bridge),
    .props = bridge_props,
    .state = bridge_state,
    .realize = bridge_realize,
    .reset = bridge_reset,
    .unrealize = bridge_unrealize,
    .loaded = bridge_loaded,
};
