/* SPDX-License-Identifier: MIT
 * PCI-to-PCI Bridge Architecture Specification 1.2: registers, configuration cycles, windows
 * both ways, interrupts, secondary reset, hostile programming. A bridge "near" in slot 3, a
 * bridge "far" in slot 4 behind it, toys in slot 5 of the three buses. */
#include "hw/pci/pci_bridge.h"

#include "hw/display/vga.h"
#include "tests/hw/pci_toy.h"

#define NEAR            PCI_DEVFN(3, 0)
#define FAR             PCI_DEVFN(4, 0)
#define TOY             PCI_DEVFN(5, 0)
#define BDF(bus, devfn) ((bus) << 8 | (devfn))

/* bus numbers that set_up gives */
#define NEAR_BUS 4
#define FAR_BUS  7

#define WINDOW 0xe0000000u

struct rig {
    struct machine m;
    struct pci_bridge near, far;
    struct toy toy[3];
};

static void add_bridge(struct rig *r, struct pci_bridge *b, struct pci_bus *bus, int devfn,
                       const char *id)
{
    struct err e;

    memset(b, 0, sizeof(*b));
    dev_init(&b->pci.dev, &pci_bridge_class, id, bus->env);
    if (!dev_set_prop(&b->pci.dev, "chassis_nr", "9", &e) ||
        !pc_add_pci(r->m.pc, bus, devfn, &b->pci, &e))
        g_error("%s", e.msg);
    dev_reset(&b->pci.dev);
}

static void start(struct rig *r)
{
    machine_start(&r->m);
    add_bridge(r, &r->near, &r->m.pc->pci.bus, NEAR, "near");
    add_bridge(r, &r->far, &r->near.bus, FAR, "far");
    add_toy(&r->m, &r->m.pc->pci.bus, &r->toy[0], TOY);
    add_toy(&r->m, &r->near.bus, &r->toy[1], TOY);
    add_toy(&r->m, &r->far.bus, &r->toy[2], TOY);
}

static uint32_t rd(struct rig *r, unsigned bdf, unsigned reg)
{
    outl(&r->m, 0xcf8, 0x80000000 | bdf << 8 | reg);
    return inl(&r->m, 0xcfc);
}

static void wr(struct rig *r, unsigned bdf, unsigned reg, uint32_t v)
{
    outl(&r->m, 0xcf8, 0x80000000 | bdf << 8 | reg);
    outl(&r->m, 0xcfc, v);
}

static void wr16(struct rig *r, unsigned bdf, unsigned reg, uint16_t v)
{
    outl(&r->m, 0xcf8, 0x80000000 | bdf << 8 | (reg & ~3u));
    outw(&r->m, 0xcfc + (reg & 2), v);
}

static void number(struct rig *r)
{
    wr(r, NEAR, 0x18, FAR_BUS << 16 | NEAR_BUS << 8);
    wr(r, BDF(NEAR_BUS, FAR), 0x18, FAR_BUS << 16 | FAR_BUS << 8 | NEAR_BUS);
}

/* Memory E0000000-E02FFFFF, prefetchable 5_0000_0000-5_000F_FFFF, ports C000-CFFF. */
static void open_windows(struct rig *r, unsigned bdf)
{
    wr16(r, bdf, 0x1c, 0xc0c0);
    wr(r, bdf, 0x20, (WINDOW + 0x200000) | WINDOW >> 16);
    wr(r, bdf, 0x24, 0);
    wr(r, bdf, 0x28, 5);
    wr(r, bdf, 0x2c, 5);
    wr16(r, bdf, 4, 7);
}

static void set_up(struct rig *r)
{
    start(r);
    number(r);
    open_windows(r, NEAR);
    open_windows(r, BDF(NEAR_BUS, FAR));
}

/* 3.2: what reset leaves, what can be written. */
static void test_registers(void)
{
    static const struct {
        uint8_t reg;
        uint32_t reset, ones; /* after a write of ones */
    } rows[] = {
        {0x00, 0x00011b36, 0x00011b36}, {0x04, 0x00b00004, 0x00b00547},
        {0x08, 0x06040000, 0x06040000}, {0x0c, 0x00010000, 0x000100ff},
        {0x10, 0x00000000, 0x00000000}, {0x14, 0x00000000, 0x00000000},
        {0x18, 0x00000000, 0xffffffff}, {0x1c, 0x00a00000, 0x00a0f0f0},
        {0x20, 0x00000000, 0xfff0fff0}, {0x24, 0x00010001, 0xfff1fff1},
        {0x28, 0x00000000, 0xffffffff}, {0x2c, 0x00000000, 0xffffffff},
        {0x30, 0x00000000, 0x00000000}, {0x34, 0x00000040, 0x00000040},
        {0x38, 0x00000000, 0x00000000}, {0x3c, 0x00000000, 0x0bff00ff},
        {0x40, 0x09000004, 0x09000004}, /* slot numbering: chassis 9 */
    };
    struct rig r;
    unsigned i;

    start(&r);
    for (i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmphex(rd(&r, NEAR, rows[i].reg), ==, rows[i].reset);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        wr(&r, NEAR, rows[i].reg, 0xffffffff);
        g_assert_cmphex(rd(&r, NEAR, rows[i].reg), ==, rows[i].ones);
    }
    pci_fn_set16(&r.near.pci, 0x1e, 0xf9a0); /* secondary status: written ones clear */
    wr(&r, NEAR, 0x1c, 0xc1000000);
    g_assert_cmphex(rd(&r, NEAR, 0x1c) >> 16, ==, 0x38a0);
    pc_reset(r.m.pc);
    for (i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmphex(rd(&r, NEAR, rows[i].reg), ==, rows[i].reset);
    machine_stop(&r.m);
}

/* 3.1: a cycle for the secondary number becomes type 0; one up to the subordinate number
 * goes on; whatever the guest programs. */
static void test_numbers(void)
{
    struct rig r;

    start(&r);
    g_assert_cmphex(rd(&r, BDF(1, FAR), 0), ==, 0xffffffff); /* after reset: nothing */
    wr(&r, NEAR, 0x18, 0x00010100);
    g_assert_cmphex(rd(&r, BDF(1, FAR), 0), ==, 0x00011b36);
    g_assert_cmphex(rd(&r, BDF(1, TOY), 0), ==, 0x11e81234);
    g_assert_cmphex(rd(&r, BDF(1, NEAR), 0), ==, 0xffffffff); /* an empty slot */
    wr(&r, BDF(1, FAR), 0x18, 0x00020201);
    g_assert_cmphex(rd(&r, BDF(2, TOY), 0), ==, 0xffffffff); /* near: subordinate is 1 */
    wr(&r, NEAR, 0x18, 0x00020100);
    g_assert_cmphex(rd(&r, BDF(2, TOY), 0), ==, 0x11e81234);

    number(&r); /* anew */
    g_assert_cmphex(rd(&r, BDF(1, TOY), 0), ==, 0xffffffff);
    g_assert_cmphex(rd(&r, BDF(NEAR_BUS, TOY), 0), ==, 0x11e81234);
    g_assert_cmphex(rd(&r, BDF(5, TOY), 0), ==, 0xffffffff);
    wr(&r, BDF(FAR_BUS, TOY), 0x3c, 0x55); /* reaches the right one */
    g_assert_cmphex(r.toy[2].pci.config[0x3c], ==, 0x55);
    g_assert_cmphex(r.toy[1].pci.config[0x3c], ==, 0);
    machine_stop(&r.m);
}

static void test_hostile_numbers(void)
{
    static const uint32_t rows[] = {
        0x00000000, 0x00ff0000, 0x00ff00ff, 0x00ffff00, 0x0000ffff, 0x00010201, 0x00ff0101,
    };
    struct pci_bridge twin;
    struct rig r;
    unsigned i, k, bus;

    start(&r);
    add_bridge(&r, &twin, &r.m.pc->pci.bus, PCI_DEVFN(6, 0), "twin");
    for (i = 0; i < G_N_ELEMENTS(rows); i++)
        for (k = 0; k < G_N_ELEMENTS(rows); k++) {
            wr(&r, NEAR, 0x18, rows[i]);
            wr(&r, PCI_DEVFN(6, 0), 0x18, rows[k]);
            pci_fn_config_write(&r.far.pci, 0x18, rows[k], 4); /* loops included */
            for (bus = 0; bus < 256; bus++)
                rd(&r, BDF(bus, TOY), 0);
            g_assert_cmphex(rd(&r, BDF(0, TOY), 0), ==, 0x11e81234);
            g_assert_cmphex(rd(&r, NEAR, 0), ==, 0x00011b36);
        }
    /* two bridges claim a number: the lower devfn has it */
    wr(&r, NEAR, 0x18, 0x00010100);
    wr(&r, PCI_DEVFN(6, 0), 0x18, 0x00010100);
    g_assert_cmphex(rd(&r, BDF(1, TOY), 0), ==, 0x11e81234);
    wr(&r, NEAR, 0x18, 0);
    g_assert_cmphex(rd(&r, BDF(1, TOY), 0), ==, 0xffffffff);
    machine_stop(&r.m);
}

/* --- downstream: chapter 4 -------------------------------------------------------------- */

static void test_memory_window(void)
{
    const unsigned far = BDF(NEAR_BUS, FAR), toy = BDF(FAR_BUS, TOY);
    struct rig r;

    set_up(&r);
    r.toy[2].reg[1] = 0x12345678;
    wr(&r, toy, 0x14, WINDOW + 0x1000);
    wr16(&r, toy, 4, 2);
    g_assert_cmphex(readl(&r.m, WINDOW + 0x1004), ==, 0x12345678);
    writel(&r.m, WINDOW + 0x1008, 9);
    g_assert_cmphex(r.toy[2].reg[2], ==, 9);

    wr16(&r, NEAR, 4, 5); /* memory space off */
    g_assert_cmphex(readl(&r.m, WINDOW + 0x1004), ==, 0xffffffff);
    wr16(&r, NEAR, 4, 7);
    g_assert_cmphex(readl(&r.m, WINDOW + 0x1004), ==, 0x12345678);
    wr(&r, far, 0x20, (WINDOW + 0x200000) | (WINDOW + 0x100000) >> 16); /* past it */
    g_assert_cmphex(readl(&r.m, WINDOW + 0x1004), ==, 0xffffffff);
    wr(&r, toy, 0x14, WINDOW + 0x2ff000); /* the last page of the window */
    g_assert_cmphex(readl(&r.m, WINDOW + 0x2ff004), ==, 0x12345678);
    wr(&r, NEAR, 0x20, (WINDOW + 0x100000) | WINDOW >> 16);
    g_assert_cmphex(readl(&r.m, WINDOW + 0x2ff004), ==, 0xffffffff);
    wr(&r, NEAR, 0x20, WINDOW | (WINDOW + 0x200000) >> 16); /* base above limit: shut */
    g_assert_cmphex(readl(&r.m, WINDOW + 0x2ff004), ==, 0xffffffff);
    wr(&r, NEAR, 0x20, (WINDOW + 0x200000) | (WINDOW + 0x200000) >> 16);
    g_assert_cmphex(readl(&r.m, WINDOW + 0x2ff004), ==, 0x12345678);
    machine_stop(&r.m);
}

/* The 64-bit window; RAM behind it is the machine's to map. */
static void test_prefetch_window(void)
{
    const unsigned toy = BDF(FAR_BUS, TOY);
    struct rig r;

    set_up(&r);
    wr(&r, toy, 0x18, 0xf8000);
    wr(&r, toy, 0x1c, 5);
    wr16(&r, toy, 4, 2);
    /* 5_000F_8000 is no multiple of 64 KiB: the BAR is at F_0000 */
    g_assert_true(space_ram_page(r.m.pc->mem, 0x5000f0000, NULL) == r.toy[2].ram);
    writel(&r.m, 0x5000f1234, 0xabcd);
    g_assert_cmphex(r.toy[2].ram[0x1234], ==, 0xcd);
    wr(&r, NEAR, 0x2c, 4); /* limit below the base */
    g_assert_null(space_ram_page(r.m.pc->mem, 0x5000f0000, NULL));
    wr(&r, NEAR, 0x2c, 6);
    g_assert_nonnull(space_ram_page(r.m.pc->mem, 0x5000f0000, NULL));
    wr16(&r, NEAR, 4, 0);
    g_assert_null(space_ram_page(r.m.pc->mem, 0x5000f0000, NULL));
    machine_stop(&r.m);
}

/* 4.2.1: 4 KiB granules; ISA enable leaves the first 256 ports of each KiB. */
static void test_io_window(void)
{
    const unsigned toy = BDF(NEAR_BUS, TOY);
    struct rig r;

    set_up(&r);
    r.toy[1].reg[1] = 0x12345678;
    wr(&r, toy, 0x10, 0xc100);
    wr16(&r, toy, 4, 1);
    g_assert_cmphex(inl(&r.m, 0xc104), ==, 0x12345678);
    wr16(&r, NEAR, 0x3e, 4);
    g_assert_cmphex(inl(&r.m, 0xc104), ==, 0xffffffff);
    wr(&r, toy, 0x10, 0xc400);
    g_assert_cmphex(inl(&r.m, 0xc404), ==, 0x12345678);
    wr16(&r, NEAR, 0x3e, 0);
    wr(&r, toy, 0x10, 0xd000);
    g_assert_cmphex(inl(&r.m, 0xd004), ==, 0xffffffff);
    wr16(&r, NEAR, 0x1c, 0xd0c0);
    g_assert_cmphex(inl(&r.m, 0xd004), ==, 0x12345678);
    wr16(&r, NEAR, 4, 6); /* I/O space off */
    g_assert_cmphex(inl(&r.m, 0xd004), ==, 0xffffffff);
    machine_stop(&r.m);
}

/* 3.2.5.17, VGA enable: a card behind has its window and ports whatever the windows say. */
static void test_vga(void)
{
    struct vga_pci card = {0};
    struct rig r;
    struct err e;

    start(&r);
    number(&r);
    dev_init(&card.pci.dev, &vga_pci_class, NULL, r.near.bus.env);
    g_assert_true(pc_add_pci(r.m.pc, &r.near.bus, -1, &card.pci, &e));
    g_assert_cmpuint(card.pci.devfn, ==, 0); /* all slots of such a bus are free */
    dev_reset(&card.pci.dev);
    wr16(&r, NEAR, 0x1c, 0x00f0); /* shut windows */
    wr(&r, NEAR, 0x20, 0xfff0);
    wr(&r, NEAR, 0x24, 0xfff0);
    wr16(&r, NEAR, 4, 7);
    outb(&r.m, 0x3c4, 2);
    g_assert_cmphex(inb(&r.m, 0x3c4), ==, 0xff);
    wr16(&r, NEAR, 0x3e, 8);
    outb(&r.m, 0x3c4, 2);
    g_assert_cmphex(inb(&r.m, 0x3c4), ==, 2);
    outb(&r.m, 0x3c2, 0x67); /* window and colour ports on */
    outb(&r.m, 0x3ce, 6);
    outb(&r.m, 0x3cf, 0x05);
    g_assert_cmphex(readl(&r.m, 0xa0000), !=, 0xffffffff);
    wr16(&r, NEAR, 4, 1);
    g_assert_cmphex(readl(&r.m, 0xa0000), ==, 0xffffffff);
    g_assert_cmphex(inb(&r.m, 0x3c4), ==, 2);

    /* VGA's ports again in each KiB, but with 16-bit decode */
    r.toy[1].reg[1] = 0x1234;
    wr(&r, BDF(NEAR_BUS, TOY), 0x10, 0x7c0);
    wr16(&r, BDF(NEAR_BUS, TOY), 4, 1);
    g_assert_cmphex(inl(&r.m, 0x7c4), ==, 0x1234);
    wr16(&r, NEAR, 0x3e, 0x18);
    g_assert_cmphex(inl(&r.m, 0x7c4), ==, 0xffffffff);
    g_assert_cmphex(inb(&r.m, 0x3c4), ==, 2);
    machine_stop(&r.m);
}

/* A window over RAM, chips and other functions shows only what finds room. */
static void test_overlap(void)
{
    const unsigned toy = BDF(NEAR_BUS, TOY);
    struct rig r;

    set_up(&r);
    writel(&r.m, 0x2000, 0x1111);
    wr(&r, NEAR, 0x20, 0xfff00000); /* everything */
    wr(&r, toy, 0x14, 0x2000);
    wr16(&r, toy, 4, 3);
    g_assert_cmphex(readl(&r.m, 0x2000), ==, 0x1111);
    wr(&r, toy, 0x14, HPET_BASE);
    g_assert_cmphex(readl(&r.m, HPET_BASE), !=, 0);

    wr(&r, TOY, 0x14, WINDOW); /* the toy of bus 0 comes second, ... */
    r.toy[0].reg[0] = 0xaaaa;
    r.toy[1].reg[0] = 0xbbbb;
    wr(&r, toy, 0x14, WINDOW);
    wr16(&r, TOY, 4, 2);
    g_assert_cmphex(readl(&r.m, WINDOW), ==, 0xbbbb);
    wr16(&r, NEAR, 4, 0); /* ... has its turn when the window shuts, ... */
    g_assert_cmphex(readl(&r.m, WINDOW), ==, 0xaaaa);
    wr16(&r, NEAR, 4, 7); /* ... keeps the place, ... */
    g_assert_cmphex(readl(&r.m, WINDOW), ==, 0xaaaa);
    wr16(&r, TOY, 4, 0); /* ... and gives it back */
    g_assert_cmphex(readl(&r.m, WINDOW), ==, 0xbbbb);
    machine_stop(&r.m);
}

/* --- upstream --------------------------------------------------------------------------- */

static void test_dma(void)
{
    const unsigned far = BDF(NEAR_BUS, FAR), toy = BDF(FAR_BUS, TOY);
    struct rig r;
    uint64_t n = 0x400000;
    uint32_t v = 0x55667788;

    set_up(&r);
    wr16(&r, toy, 4, 6);
    pci_dma_write(&r.toy[2].pci, 0x3000, &v, 4);
    g_assert_cmphex(readl(&r.m, 0x3000), ==, 0x55667788);
    wr16(&r, NEAR, 4, 3); /* no bus master above */
    v = 1;
    pci_dma_write(&r.toy[2].pci, 0x3000, &v, 4);
    g_assert_cmphex(readl(&r.m, 0x3000), ==, 0x55667788);
    pci_dma_read(&r.toy[2].pci, 0x3000, &v, 4);
    g_assert_cmphex(v, ==, 0xffffffff);
    wr16(&r, NEAR, 4, 7);
    wr16(&r, far, 4, 3);
    g_assert_null(pci_dma_map(&r.toy[2].pci, 0x3000, &n, false));
    wr16(&r, far, 4, 7);
    g_assert_nonnull(pci_dma_map(&r.toy[2].pci, 0x3000, &n, false));

    /* an address inside a window stays below; a run ends where the window begins */
    wr(&r, far, 0x20, 0x00200020);
    g_assert_null(pci_dma_map(&r.toy[2].pci, 0x200000, &n, false));
    g_assert_null(pci_dma_map(&r.toy[2].pci, 0x2fffff, &n, false));
    g_assert_nonnull(pci_dma_map(&r.toy[2].pci, 0x300000, &n, false));
    n = 0x400000;
    g_assert_nonnull(pci_dma_map(&r.toy[2].pci, 0x1ff000, &n, true));
    g_assert_cmphex(n, ==, 0x1000);
    g_assert_null(pci_dma_map(&r.toy[1].pci, 0x1000, &n, false)); /* no bus master itself */

    /* RAM of a neighbour */
    wr(&r, BDF(FAR_BUS, TOY), 0x18, 0x40000000);
    pci_dma_write(&r.toy[2].pci, 0x40000010, &n, 8);
    g_assert_cmphex(r.toy[2].ram[0x11], ==, 0x10);
    machine_stop(&r.m);
}

static int vector(struct machine *m)
{
    int v = m->intr[0] ? pc_ack_interrupt(m->pc, 0) : -1;

    if (v >= 0)
        writel(m, 0xfee000b0, 0);
    return v;
}

static void test_msi(void)
{
    const unsigned far = BDF(NEAR_BUS, FAR), toy = BDF(FAR_BUS, TOY);
    struct rig r;
    unsigned at;

    set_up(&r);
    writel(&r.m, 0xfee000f0, 0x1ff);
    for (at = rd(&r, toy, 0x34) & 0xff; (rd(&r, toy, at) & 0xff) != 5;)
        at = rd(&r, toy, at) >> 8 & 0xff;
    wr(&r, toy, at + 4, 0xfee00000);
    wr(&r, toy, at + 12, 0x61);
    wr(&r, toy, at, 1u << 16);
    wr16(&r, toy, 4, 4);
    pci_fn_msi_send(&r.toy[2].pci, 0);
    g_assert_cmpint(vector(&r.m), ==, 0x61);
    wr16(&r, NEAR, 4, 3);
    pci_fn_msi_send(&r.toy[2].pci, 0);
    g_assert_cmpint(vector(&r.m), ==, -1);
    wr16(&r, NEAR, 4, 7);
    wr(&r, far, 0x20, 0xfee0fee0); /* a window over it */
    pci_fn_msi_send(&r.toy[2].pci, 0);
    g_assert_cmpint(vector(&r.m), ==, -1);
    machine_stop(&r.m);
}

/* 9.1: pin + slot, at each bridge. */
static void test_swizzle(void)
{
    struct toy near[8], far[8];
    struct rig r;
    unsigned i, n;

    start(&r);
    for (i = 0; i < 8; i++) {
        unsigned slot = 8 + i / 4, pin = i % 4;

        add_toy(&r.m, &r.near.bus, &near[i], (int)PCI_DEVFN(slot, pin));
        add_toy(&r.m, &r.far.bus, &far[i], (int)PCI_DEVFN(slot, pin));
        near[i].pci.config[0x3d] = far[i].pci.config[0x3d] = (uint8_t)(pin + 1);
        n = (3 + pin + slot - 1) & 3; /* near is in slot 3 of bus 0 */
        pci_fn_set_intx(&near[i].pci, 1);
        g_assert_cmphex(r.m.pc->piix3.pirq_level, ==, 1u << n);
        pci_fn_set_intx(&far[i].pci, 1); /* far in slot 4: the same again */
        g_assert_cmphex(r.m.pc->piix3.pirq_level, ==, 1u << n);
        pci_fn_set_intx(&near[i].pci, 0);
        g_assert_cmphex(r.m.pc->piix3.pirq_level, ==, 1u << n);
        pci_fn_set_intx(&far[i].pci, 0);
        g_assert_cmphex(r.m.pc->piix3.pirq_level, ==, 0);
    }
    machine_stop(&r.m);
}

/* 11.1: RST# of the secondary bus reaches all that is behind, and holds it. */
static void test_secondary_reset(void)
{
    const unsigned far = BDF(NEAR_BUS, FAR), toy = BDF(FAR_BUS, TOY);
    struct rig r;

    set_up(&r);
    wr(&r, toy, 0x14, WINDOW);
    wr16(&r, toy, 4, 6);
    wr(&r, TOY, 0x3c, 5);
    pci_fn_set_intx(&r.toy[2].pci, 1);
    g_assert_cmphex(r.m.pc->piix3.pirq_level, !=, 0);
    wr16(&r, NEAR, 0x3e, 0x40);
    g_assert_cmphex(r.m.pc->piix3.pirq_level, ==, 0);
    g_assert_cmphex(readl(&r.m, WINDOW), ==, 0xffffffff);
    g_assert_cmphex(rd(&r, far, 0), ==, 0xffffffff);
    wr16(&r, NEAR, 0x3e, 0);
    g_assert_cmphex(rd(&r, far, 0x18), ==, 0);
    g_assert_cmphex(rd(&r, BDF(NEAR_BUS, TOY), 0), ==, 0x11e81234);
    g_assert_cmphex(rd(&r, NEAR, 0x18), ==, FAR_BUS << 16 | NEAR_BUS << 8);
    g_assert_cmphex(r.toy[2].pci.config[4], ==, 0);
    g_assert_cmphex(rd(&r, TOY, 0x3c) & 0xff, ==, 5); /* not behind it */
    machine_stop(&r.m);
}

static void test_buses(void)
{
    struct pci_bridge unnamed, deep;
    struct rig r;

    start(&r);
    add_bridge(&r, &unnamed, &r.far.bus, -1, NULL);
    add_bridge(&r, &deep, &unnamed.bus, -1, NULL);
    g_assert_true(pci_bus_find(&r.m.pc->pci.bus, "far") == &r.far.bus);
    g_assert_true(pci_bus_find(&r.m.pc->pci.bus, "pci.1") == &unnamed.bus);
    g_assert_true(pci_bus_find(&r.m.pc->pci.bus, "pci.2") == &deep.bus);
    g_assert_null(pci_bus_find(&r.m.pc->pci.bus, "pci.3"));
    g_assert_true(pci_bus_host(&deep.bus) == &r.m.pc->pci);
    g_assert_cmpuint(deep.pci.devfn, ==, 0);
    machine_stop(&r.m);
}

/* --- as firmware leaves it -------------------------------------------------------------- */

static bool within(const struct pci_bar *b, struct pci_window w)
{
    return b->base >= w.base && b->base + b->size - 1 <= w.last;
}

static void test_setup(void)
{
    struct pci_window mem, ports;
    struct rig r;
    unsigned i, k, n;

    start(&r);
    pc_setup_as_firmware(r.m.pc);
    g_assert_cmphex(rd(&r, NEAR, 0x18), ==, 0x00020100);
    g_assert_cmphex(rd(&r, BDF(1, FAR), 0x18), ==, 0x00020201);
    for (i = 0; i < 3; i++) {
        struct pci_fn *fn = &r.toy[i].pci;

        g_assert_cmphex(rd(&r, BDF(i, TOY), 4) & 3, ==, 3);
        for (n = 0; n < 6; n++)
            g_assert_true(!fn->bar[n].kind || fn->bar[n].placed);
        r.toy[i].reg[1] = 0x100 + i;
        g_assert_cmphex(readl(&r.m, fn->bar[1].base + 4), ==, 0x100 + i);
        g_assert_cmphex(inl(&r.m, (uint16_t)fn->bar[0].base + 4), ==, 0x100 + i);
        g_assert_true(space_ram_page(r.m.pc->mem, fn->bar[2].base, NULL) == r.toy[i].ram);
        for (k = 0; k < i; k++) { /* the bridges above */
            const struct pci_fn *b = k ? &r.far.pci : &r.near.pci;

            mem = pci_bridge_window(b, PCI_WINDOW_MEM);
            ports = pci_bridge_window(b, PCI_WINDOW_IO);
            g_assert_true(within(&fn->bar[0], ports));
            g_assert_true(within(&fn->bar[1], mem) && within(&fn->bar[2], mem));
            mem = pci_bridge_window(b, PCI_WINDOW_PREFETCH);
            g_assert_cmphex(mem.base, >, mem.last);
        }
        /* pins: slot 5; 5 + 3; 5 + 4 + 3 */
        g_assert_cmpuint(rd(&r, BDF(i, TOY), 0x3c) & 0xff, ==, i == 1 ? 11 : i ? 11 : 10);
    }
    g_assert_cmphex(rd(&r, NEAR, 4) & 7, ==, 7);
    machine_stop(&r.m);
}

/* More ports than there are: what finds no room is left alone, and all else works. */
static void test_setup_full(void)
{
    struct pci_bridge b[20];
    struct toy t[20];
    unsigned i, placed = 0;
    struct rig r;

    start(&r);
    for (i = 0; i < 20; i++) {
        add_bridge(&r, &b[i], &r.m.pc->pci.bus, -1, NULL);
        add_toy(&r.m, &b[i].bus, &t[i], 0);
    }
    pc_setup_as_firmware(r.m.pc);
    for (i = 0; i < 20; i++) {
        g_assert_true(t[i].pci.bar[1].placed);
        if (pci_fn_get32(&t[i].pci, 0x10) == 1)
            continue;
        placed++;
        t[i].reg[0] = i;
        g_assert_cmphex(inl(&r.m, (uint16_t)t[i].pci.bar[0].base), ==, i);
    }
    g_assert_cmpuint(placed, >, 0);
    g_assert_cmpuint(placed, <, 5);
    machine_stop(&r.m);
}

/* Random writes to all bridges and BARs; whatever they say, accesses end, and reset ends
 * where a fresh machine begins. */
static void test_fuzz(void)
{
    struct pci_fn *fn[5];
    struct rig r, fresh;
    unsigned i;

    start(&r);
    fn[0] = &r.near.pci;
    fn[1] = &r.far.pci;
    for (i = 0; i < 3; i++)
        fn[2 + i] = &r.toy[i].pci;
    for (i = 0; i < 20000; i++) {
        unsigned k = (unsigned)g_test_rand_int_range(0, 5);
        uint32_t v = (uint32_t)g_test_rand_int();
        gpa at = (uint32_t)g_test_rand_int();

        if (g_test_rand_bit()) /* alike, so that things meet */
            v = WINDOW | WINDOW >> 16 | (v & 0x00f000f7);
        if (!(i % 4))
            pci_fn_config_write(fn[k], (unsigned)g_test_rand_int_range(1, 0x10) * 4, v, 4);
        if (!(i % 16))
            pci_fn_config_write(fn[k], 4, 7, 2);
        if (g_test_rand_bit())
            at = WINDOW | (at & 0xf0fff8);
        writel(&r.m, at, v);
        outl(&r.m, at & 0xfffc, 0x80000000 | (v & 0xfffffc));
        pci_dma_write(&r.toy[i % 3].pci, at & 0xfffff8, &v, 4);
        pci_fn_set_intx(&r.toy[i % 3].pci, v & 1);
        rd(&r, v & 0x7ff, 0);
    }
    start(&fresh);
    pc_reset(r.m.pc);
    pc_reset(fresh.m.pc);
    for (i = 0; i < r.m.pc->n_devs; i++)
        if (r.m.pc->devs[i]->cls->bus == DEV_BUS_PCI)
            g_assert_cmpstr(dev_reset_differs(r.m.pc->devs[i], fresh.m.pc->devs[i]), ==, NULL);
    g_assert_cmphex(r.m.pc->piix3.pirq_level, ==, 0);
    machine_stop(&r.m);
    machine_stop(&fresh.m);
}

/* A snapshot is the configuration space: `loaded` opens what it says. */
static void test_loaded(void)
{
    struct rig r;

    set_up(&r);
    wr(&r, BDF(FAR_BUS, TOY), 0x14, WINDOW);
    wr16(&r, BDF(FAR_BUS, TOY), 4, 2);
    r.toy[2].reg[0] = 0x77;
    r.near.pci.config[4] = 0;
    r.near.pci.dev.cls->loaded(&r.near.pci.dev);
    g_assert_cmphex(readl(&r.m, WINDOW), ==, 0xffffffff);
    r.near.pci.config[4] = 7;
    r.near.pci.dev.cls->loaded(&r.near.pci.dev);
    g_assert_cmphex(readl(&r.m, WINDOW), ==, 0x77);
    machine_stop(&r.m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bridge/registers", test_registers);
    g_test_add_func("/bridge/numbers", test_numbers);
    g_test_add_func("/bridge/hostile-numbers", test_hostile_numbers);
    g_test_add_func("/bridge/memory-window", test_memory_window);
    g_test_add_func("/bridge/prefetch-window", test_prefetch_window);
    g_test_add_func("/bridge/io-window", test_io_window);
    g_test_add_func("/bridge/vga", test_vga);
    g_test_add_func("/bridge/overlap", test_overlap);
    g_test_add_func("/bridge/dma", test_dma);
    g_test_add_func("/bridge/msi", test_msi);
    g_test_add_func("/bridge/swizzle", test_swizzle);
    g_test_add_func("/bridge/secondary-reset", test_secondary_reset);
    g_test_add_func("/bridge/buses", test_buses);
    g_test_add_func("/bridge/setup", test_setup);
    g_test_add_func("/bridge/setup-full", test_setup_full);
    g_test_add_func("/bridge/fuzz", test_fuzz);
    g_test_add_func("/bridge/loaded", test_loaded);
    return g_test_run();
}
