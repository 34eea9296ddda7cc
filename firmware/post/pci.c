/* SPDX-License-Identifier: MIT
 * PCI: bus numbers, addresses, interrupt lines, and the chipset's own registers (82371AB,
 * 82441FX, Q35). Memory windows are one a bridge; the prefetchable ones stay shut. */
#include "firmware/bios/system.h"
#include "firmware/post/post.h"

enum { IO, MEM, KINDS, MAX_RES = 160, MAX_BUSES = 32 };
enum { IO_START = 0xc000, IO_END = 0x10000, MEM_END = 0xfec00000 };
enum { PM_BASE = 0x600, SMB_BASE = 0xb100 };
enum { WINDOW = 0xff }; /* res.reg: a bridge's window to the bus res.child */

struct res {
    u64 size;
    u32 align;
    u16 bdf;
    u8 reg, kind, bus, child;
    bool wide, done;
};

static struct res res[MAX_RES];
static u32 res_count;
static struct {
    u16 bridge;
    u8 parent;
    u32 base[KINDS], size[KINDS];
} buses[MAX_BUSES];
static enum board board;

enum board board_kind(void)
{
    return board;
}

bool pci_next(u32 *bdf)
{
    while (++*bdf < (SHARED(pci_last_bus) + 1u) << 8) {
        u16 f = (u16)*bdf;
        if ((f & 7) && !(pci_read8(f & 0xfff8, PCI_HEADER) & 0x80)) {
            *bdf |= 7;
            continue;
        }
        if (pci_read16(f, PCI_ID) != 0xffff)
            return true;
    }
    return false;
}

static struct res *res_new(u16 bdf, u8 reg, u8 kind, u64 size)
{
    if (res_count == MAX_RES)
        return NULL;
    struct res *r = &res[res_count++];
    *r = (struct res){.size = size,
                      .align = size >> 32 ? 0x80000000 : (u32)size,
                      .bdf = bdf,
                      .reg = reg,
                      .kind = kind,
                      .bus = (u8)(bdf >> 8)};
    return r;
}

/* Sizes the BAR at reg; true: it is 64 bits wide. */
static bool size_bar(u16 bdf, u8 reg)
{
    u32 old = pci_read32(bdf, reg);
    bool rom = reg == PCI_ROM || reg == PCI_ROM_BRIDGE;
    pci_write32(bdf, reg, rom ? 0xfffff800 : ~0u);
    u32 v = pci_read32(bdf, reg);
    pci_write32(bdf, reg, rom ? 0 : old);
    if (!v)
        return false;
    if (!rom && (v & 1)) {
        u32 mask = v & 0xfffc;
        if (mask)
            res_new(bdf, reg, IO, mask & -mask);
        return false;
    }
    u32 mask = v & ~(rom ? 0x7ffu : 0xfu);
    bool wide = !rom && (v & 6) == 4;
    u64 size = mask & -mask;
    if (wide && !mask) {
        pci_write32(bdf, reg + 4, ~0u);
        u32 hi = pci_read32(bdf, reg + 4);
        pci_write32(bdf, reg + 4, 0);
        size = (u64)(hi & -hi) << 32;
    }
    struct res *r = size ? res_new(bdf, reg, MEM, size) : NULL;
    if (r) {
        r->wide = wide;
        if (r->align < 0x1000)
            r->align = 0x1000;
    }
    return wide;
}

static void size_bars(u16 bdf, u32 count, u8 rom)
{
    u16 cmd = pci_read16(bdf, PCI_COMMAND);
    pci_write16(bdf, PCI_COMMAND, cmd & (u16)~3);
    for (u32 i = 0; i < count; i++)
        if (size_bar(bdf, (u8)(PCI_BAR0 + 4 * i)))
            i++;
    size_bar(bdf, rom);
}

/* Base above limit: nothing passes, and no DMA address counts as the other side's. */
static void close_windows(u16 bdf)
{
    pci_write16(bdf, 0x1c, 0x00f0);
    pci_write32(bdf, 0x20, 0x0000fff0);
    pci_write32(bdf, 0x24, 0x0000fff0);
    pci_write32(bdf, 0x28, 0);
    pci_write32(bdf, 0x2c, 0);
    pci_write32(bdf, 0x30, 0);
}

static void scan_bus(u8 bus);

static void scan_bridge(u16 bdf)
{
    u8 child = (u8)(SHARED(pci_last_bus) + 1);
    size_bars(bdf, 2, PCI_ROM_BRIDGE);
    if (child >= MAX_BUSES)
        return;
    SHARED(pci_last_bus) = child;
    buses[child].bridge = bdf;
    buses[child].parent = (u8)(bdf >> 8);
    pci_write32(bdf, PCI_BUSES, 0xff0000u | (u32)child << 8 | bdf >> 8);
    close_windows(bdf);
    scan_bus(child);
    pci_write8(bdf, PCI_BUSES + 2, SHARED(pci_last_bus));
}

static void scan_bus(u8 bus)
{
    for (u32 dev = 0; dev < 32; dev++) {
        for (u32 fn = 0; fn < 8; fn++) {
            u16 bdf = (u16)(bus << 8 | dev << 3 | fn);
            if (pci_read16(bdf, PCI_ID) == 0xffff) {
                if (!fn)
                    break;
                continue;
            }
            u8 header = pci_read8(bdf, PCI_HEADER);
            if ((header & 0x7f) == 1)
                scan_bridge(bdf);
            else if ((header & 0x7f) == 0)
                size_bars(bdf, 6, PCI_ROM);
            if (!fn && !(header & 0x80))
                break;
        }
    }
}

/* Children have higher numbers than their parents: sizes go up, addresses down. */
static void size_windows(void)
{
    for (u8 bus = SHARED(pci_last_bus); bus; bus--) {
        for (u8 kind = 0; kind < KINDS; kind++) {
            u32 grain = kind == IO ? 0x1000 : 0x100000, align = grain;
            u64 sum = 0;
            for (u32 i = 0; i < res_count; i++) {
                if (res[i].bus != bus || res[i].kind != kind)
                    continue;
                sum += res[i].size < res[i].align ? res[i].align : res[i].size;
                if (res[i].align > align)
                    align = res[i].align;
            }
            sum = (sum + grain - 1) & ~(u64)(grain - 1);
            struct res *r = sum ? res_new(buses[bus].bridge, WINDOW, kind, sum) : NULL;
            if (r) {
                r->align = align;
                r->child = bus;
            }
        }
    }
}

static void open_window(const struct res *r, u32 at)
{
    u32 end = at + (u32)r->size - 1;
    buses[r->child].base[r->kind] = at;
    buses[r->child].size[r->kind] = (u32)r->size;
    if (r->kind == IO) {
        pci_write8(r->bdf, 0x1c, at >> 8 & 0xf0);
        pci_write8(r->bdf, 0x1d, end >> 8 & 0xf0);
        pci_write32(r->bdf, 0x30, (end & 0xffff0000) | at >> 16);
    } else {
        pci_write32(r->bdf, 0x20, (end & 0xfff00000) | (at >> 16 & 0xfff0));
    }
}

static void place(struct res *r, u64 at)
{
    r->done = true;
    if (r->reg == WINDOW) {
        open_window(r, (u32)at);
        return;
    }
    pci_write32(r->bdf, r->reg, (u32)at);
    if (r->wide)
        pci_write32(r->bdf, r->reg + 4, (u32)(at >> 32));
    debug_f("pci: %02x:%02x.%u bar %02x at %x%08x\n", r->bdf >> 8, r->bdf >> 3 & 31, r->bdf & 7,
            r->reg, (u32)(at >> 32), (u32)at);
}

static struct res *largest(u8 bus, u8 kind)
{
    struct res *best = NULL;
    for (u32 i = 0; i < res_count; i++) {
        struct res *r = &res[i];
        if (r->bus == bus && r->kind == kind && !r->done && (!best || r->align > best->align))
            best = r;
    }
    return best;
}

/* What finds no room below 4 GiB goes above all RAM when it can, else stays unset. */
static void place_all(u8 bus, u8 kind, u32 start, u32 end)
{
    static u64 above;
    struct res *r;
    u64 at = start;
    while ((r = largest(bus, kind))) {
        u64 here = (at + r->align - 1) & ~(u64)(r->align - 1);
        if (here + r->size <= end) {
            place(r, here);
            at = here + r->size;
        } else if (r->wide && bus == 0) {
            if (!above)
                above = high_ram_end();
            above = (above + r->size - 1) & ~(r->size - 1);
            place(r, above);
            above += r->size;
        } else {
            r->done = true;
            debug_f("pci: no room for %04x reg %02x\n", r->bdf, r->reg);
        }
    }
}

static void assign(void)
{
    place_all(0, IO, IO_START, IO_END);
    place_all(0, MEM, pci_hole_start(), MEM_END);
    for (u32 bus = 1; bus <= SHARED(pci_last_bus); bus++)
        for (u8 kind = 0; kind < KINDS; kind++)
            place_all((u8)bus, kind, buses[bus].base[kind],
                      buses[bus].base[kind] + buses[bus].size[kind]);
}

/* Root bus of the i440FX board: slot s, pin p (1-4) at PIRQ (s - 1 + p - 1) mod 4. */
u8 pci_irq_of(u8 slot, u8 pin)
{
    static const u8 irqs[4] = {10, 10, 11, 11};
    return irqs[(slot - 1 + pin - 1) & 3];
}

u16 pci_parent(u16 bdf)
{
    return buses[bdf >> 8].bridge;
}

u8 pci_irq_of_fn(u16 bdf, u8 pin)
{
    for (; bdf >> 8; bdf = pci_parent(bdf))
        pin = (u8)(((pin - 1 + (bdf >> 3 & 31)) & 3) + 1);
    return pci_irq_of(bdf >> 3 & 31, pin);
}

static void assign_irq(u16 bdf)
{
    u8 pin = pci_read8(bdf, PCI_INT_PIN);
    if (pin && pin <= 4)
        pci_write8(bdf, PCI_INT_LINE, pci_irq_of_fn(bdf, pin));
}

static void init_piix_isa(u16 bdf)
{
    static const u8 irqs[4] = {10, 10, 11, 11};
    for (u8 i = 0; i < 4; i++)
        pci_write8(bdf, (u8)(0x60 + i), irqs[i]);
    outb(0x4d0, 0x00);
    outb(0x4d1, 0x0c);
}

/* 82371AB function 3: the PM and SMBus blocks; SCI is IRQ 9. */
static void init_piix_pm(u16 bdf)
{
    pci_write32(bdf, 0x40, PM_BASE | 1);
    pci_write8(bdf, 0x80, 0x01);
    pci_write8(bdf, PCI_INT_LINE, 9);
    pci_write32(bdf, 0x90, SMB_BASE | 1);
    pci_write8(bdf, 0xd2, 0x09);
    SHARED(pm_base) = PM_BASE;
    SHARED(pm_timer_port) = PM_BASE + 8;
}

static void init_lpc(u16 bdf)
{
    static const u8 irqs[4] = {10, 10, 11, 11};
    for (u8 i = 0; i < 4; i++) {
        pci_write8(bdf, (u8)(0x60 + i), irqs[i]);
        pci_write8(bdf, (u8)(0x68 + i), irqs[i]);
    }
    outb(0x4d0, 0x00);
    outb(0x4d1, 0x0c);
    pci_write32(bdf, 0x40, PM_BASE | 1);
    pci_write8(bdf, 0x44, 0x80);
    SHARED(pm_base) = PM_BASE;
    SHARED(pm_timer_port) = PM_BASE + 8;
}

static void init_function(u16 bdf)
{
    u16 cmd = pci_read16(bdf, PCI_COMMAND) | PCI_CMD_IO | PCI_CMD_MEM;
    u16 class = pci_read16(bdf, PCI_CLASS);
    assign_irq(bdf);
    if (class == 0x0101) { /* both IDE channels decode */
        cmd |= PCI_CMD_MASTER;
        if (pci_read16(bdf, PCI_ID) == 0x8086)
            pci_write32(bdf, 0x40, 0x80008000);
    }
    if (class == 0x0604)
        cmd |= PCI_CMD_MASTER;
    pci_write16(bdf, PCI_COMMAND, cmd);
    switch (pci_read32(bdf, PCI_ID)) {
    case 0x70008086:
    case 0x71108086: return init_piix_isa(bdf);
    case 0x71138086: return init_piix_pm(bdf);
    case 0x29188086: return init_lpc(bdf);
    default: return;
    }
}

/* The first VGA answers at its old addresses: bridges above it pass these on. */
static void route_vga(void)
{
    u32 bdf = ~0u;
    while (pci_next(&bdf))
        if (pci_read16((u16)bdf, PCI_CLASS) == 0x0300)
            break;
    for (u16 f = (u16)bdf; f >> 8 && bdf < MAX_BUSES << 8;) {
        f = pci_parent(f);
        pci_write8(f, PCI_BRIDGE_CONTROL, 8);
    }
}

void pci_init(void)
{
    u32 host = pci_read32(0, PCI_ID), bdf = ~0u;
    board = host == 0x12378086 ? BOARD_I440FX : host == 0x29c08086 ? BOARD_Q35 : BOARD_UNKNOWN;
    if (host == 0xffffffff)
        return;
    scan_bus(0);
    size_windows();
    assign();
    while (pci_next(&bdf))
        init_function((u16)bdf);
    route_vga();
}
