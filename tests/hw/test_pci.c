/* SPDX-License-Identifier: MIT
 * PCI: configuration mechanism, base addresses, ROM, interrupts, messages, DMA, with a toy
 * function in slot 5 of the pc board. */
#include <string.h>

#include "hw/pci/pci_testdev.h"
#include "tests/hw/pci_toy.h"

#define TOY PCI_DEVFN(5, 0)

#define BAR0 0x10 /* I/O, 16 ports */
#define BAR1 0x14 /* memory, 4 KiB of registers */
#define BAR2 0x18 /* 64-bit memory, 64 KiB of RAM, takes BAR3 too */
#define BAR4 0x20 /* MSI-X */
#define ROM  0x30

static void start(struct machine *m, struct toy *t)
{
    machine_start(m);
    add_toy(m, &m->pc->pci.bus, t, TOY);
}

static uint32_t rd(struct machine *m, unsigned reg)
{
    outl(m, 0xcf8, 0x80000000 | TOY << 8 | reg);
    return inl(m, 0xcfc);
}

static void wr(struct machine *m, unsigned reg, uint32_t v)
{
    outl(m, 0xcf8, 0x80000000 | TOY << 8 | reg);
    outl(m, 0xcfc, v);
}

static void command(struct machine *m, uint16_t v)
{
    outl(m, 0xcf8, 0x80000000 | TOY << 8 | 4);
    outw(m, 0xcfc, v);
}

/* 6.2.5.1: all ones are written, the bits that stick tell the size. */
static void test_sizing(void)
{
    static const uint32_t rows[][2] = {
        {BAR0, 0xfffffff1}, {BAR1, 0xfffff000}, {BAR2, 0xffff000c}, {0x1c, 0xffffffff},
        {BAR4, 0xfffff000}, {0x24, 0},          {ROM, 0xffffe001},
    };
    static const uint32_t type[] = {1, 0, 0xc, 0, 0, 0, 0};
    struct machine m;
    struct toy t;
    unsigned i;

    start(&m, &t);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmphex(rd(&m, rows[i][0]), ==, type[i]);
        wr(&m, rows[i][0], 0xffffffff);
        g_assert_cmphex(rd(&m, rows[i][0]), ==, rows[i][1]);
    }
    /* sizing while decoding is on leaves nothing at the top of the space */
    command(&m, 7);
    g_assert_false(t.pci.bar[0].placed || t.pci.bar[1].placed || t.pci.bar[6].placed);
    machine_stop(&m);
}

static void test_decoding(void)
{
    struct machine m;
    struct toy t;

    start(&m, &t);
    wr(&m, BAR0, 0xc000);
    wr(&m, BAR1, 0xe0000000);
    t.reg[1] = 0x12345678;
    g_assert_cmphex(inl(&m, 0xc004), ==, 0xffffffff);
    command(&m, 1); /* I/O space */
    g_assert_cmphex(inl(&m, 0xc004), ==, 0x12345678);
    g_assert_cmphex(readl(&m, 0xe0000004), ==, 0xffffffff);
    command(&m, 2); /* memory space */
    g_assert_cmphex(inl(&m, 0xc004), ==, 0xffffffff);
    g_assert_cmphex(readl(&m, 0xe0000004), ==, 0x12345678);
    wr(&m, BAR1, 0xe0100000); /* moves at once */
    g_assert_cmphex(readl(&m, 0xe0000004), ==, 0xffffffff);
    writel(&m, 0xe0100008, 5);
    g_assert_cmphex(t.reg[2], ==, 5);
    wr(&m, BAR1, 0); /* 0 is no place */
    g_assert_false(t.pci.bar[1].placed);
    command(&m, 0xffff);
    g_assert_cmphex(rd(&m, 4) & 0xffff, ==, 0x0547);
    machine_stop(&m);
}

static void test_ram_bar(void)
{
    struct machine m;
    struct toy t;
    bool writable;

    start(&m, &t);
    wr(&m, BAR2, 0x40000000);
    wr(&m, BAR2 + 4, 0x12); /* above 4 GiB */
    command(&m, 2);
    writel(&m, 0x1240000100, 0xabcd);
    g_assert_cmphex(t.ram[0x100], ==, 0xcd);
    g_assert_true(space_ram_page(m.pc->mem, 0x1240000000, &writable) == t.ram && writable);
    command(&m, 0);
    g_assert_null(space_ram_page(m.pc->mem, 0x1240000000, NULL));
    machine_stop(&m);
}

/* 6.2.5.2: decoded when both its own enable bit and memory space are on. */
static void test_rom(void)
{
    struct machine m;
    struct toy t;

    start(&m, &t);
    wr(&m, ROM, 0xf0000000);
    command(&m, 2);
    g_assert_cmphex(readl(&m, 0xf0000000), ==, 0xffffffff);
    wr(&m, ROM, 0xf0000001);
    g_assert_cmphex(readl(&m, 0xf0000000), ==, 0x0000aa55);
    writel(&m, 0xf0000000, 0);
    g_assert_cmphex(readl(&m, 0xf0000000), ==, 0x0000aa55);
    g_assert_cmphex(readl(&m, 0xf0001384), ==, 0x99000000);
    g_assert_cmphex(readl(&m, 0xf0001388), ==, 0xffffffff);
    command(&m, 0);
    g_assert_cmphex(readl(&m, 0xf0000000), ==, 0xffffffff);
    machine_stop(&m);
}

/* A place that is taken is tried again when it gets free. */
static void test_conflict(void)
{
    struct machine m;
    struct toy t, other;

    start(&m, &t);
    add_toy(&m, &m.pc->pci.bus, &other, PCI_DEVFN(6, 0));
    wr(&m, BAR1, 0xe0000000);
    command(&m, 2);
    pci_config_write(&m.pc->pci, PCI_DEVFN(6, 0), BAR1, 0xe0000000, 4);
    pci_config_write(&m.pc->pci, PCI_DEVFN(6, 0), 4, 2, 2);
    g_assert_true(t.pci.bar[1].placed && !other.pci.bar[1].placed);
    wr(&m, BAR1, 0xe1000000);
    g_assert_true(t.pci.bar[1].placed && other.pci.bar[1].placed);

    /* onto RAM: stays out */
    wr(&m, BAR1, 0x00100000);
    g_assert_false(t.pci.bar[1].placed);
    wr(&m, BAR1, 0xe2000000);
    g_assert_true(t.pci.bar[1].placed);

    /* the PM registers make way */
    pc_setup_as_firmware(m.pc);
    wr(&m, BAR0, PC_PMBASE);
    command(&m, 1);
    g_assert_false(t.pci.bar[0].placed);
    pci_config_write(&m.pc->pci, PCI_DEVFN(1, 3), 0x80, 0, 1);
    g_assert_true(t.pci.bar[0].placed);
    machine_stop(&m);
}

static void test_reset(void)
{
    struct machine m;
    struct toy t;

    start(&m, &t);
    wr(&m, BAR1, 0xe0000000);
    wr(&m, ROM, 0xf0000001);
    wr(&m, 0x3c, 0x0b);
    command(&m, 7);
    pci_fn_set_intx(&t.pci, 1);
    g_assert_true(t.pci.bar[1].placed && t.pci.bar[6].placed);
    pc_reset(m.pc);
    g_assert_false(t.pci.bar[1].placed || t.pci.bar[6].placed);
    g_assert_cmphex(rd(&m, 4), ==, 0x00100000);
    g_assert_cmphex(rd(&m, BAR1), ==, 0);
    g_assert_cmphex(rd(&m, 0x3c), ==, 0x100);
    g_assert_cmpuint(m.pc->piix3.pirq_level, ==, 0);
    machine_stop(&m);
}

static void test_config_space(void)
{
    struct machine m;
    struct toy t;
    unsigned n;

    start(&m, &t);
    g_assert_cmphex(rd(&m, 0), ==, 0x11e81234);
    wr(&m, 0, 0);
    g_assert_cmphex(rd(&m, 0), ==, 0x11e81234);
    g_assert_cmphex(rd(&m, 8), ==, 0xff000003);
    n = t.written;
    wr(&m, 0x3c, 0xffffffff);
    g_assert_cmphex(rd(&m, 0x3c), ==, 0x1ff);
    g_assert_cmpuint(t.written, ==, n + 1);
    g_assert_cmphex(rd(&m, 0xf0), ==, 1);
    g_assert_cmphex(rd(&m, 0xf0), ==, 2);
    /* status: written ones clear, the rest stays */
    pci_fn_set16(&t.pci, 6, 0xf010);
    wr(&m, 4, 0x80000000);
    g_assert_cmphex(rd(&m, 4), ==, 0x70100000);
    machine_stop(&m);
}

static void test_slots(void)
{
    struct machine m;
    struct toy t[3], clash = {0};
    struct err e;
    unsigned i;

    machine_start(&m);
    for (i = 0; i < 3; i++)
        add_toy(&m, &m.pc->pci.bus, &t[i], -1);
    for (i = 0; i < 3; i++)
        g_assert_cmpuint(t[i].pci.devfn, ==, PCI_DEVFN(2 + i, 0));
    dev_init(&clash.pci.dev, &toy_class, "clash", &m.pc->env);
    g_assert_false(pc_add_pci(m.pc, &m.pc->pci.bus, PCI_DEVFN(3, 0), &clash.pci, &e));
    g_assert_nonnull(strstr(e.msg, "slot 3 function 0"));
    g_assert_true(m.pc->pci.bus.fn[PCI_DEVFN(3, 0)] == &t[1].pci);
    machine_stop(&m);
}

/* --- interrupts ------------------------------------------------------------------------- */

/* Slot 5, INTA: PIRQ (5 + 0 - 1) & 3 = A. */
static void test_intx(void)
{
    struct machine m;
    struct toy t, other;

    start(&m, &t);
    add_toy(&m, &m.pc->pci.bus, &other, PCI_DEVFN(9, 0)); /* shares the line */
    pc_setup_as_firmware(m.pc);                           /* PIRQA to IRQ 10 */
    pci_fn_set_intx(&t.pci, 1);
    g_assert_true(irq_level(&m, 10));
    g_assert_cmphex(rd(&m, 4) >> 16 & 8, ==, 8);
    pci_fn_set_intx(&other.pci, 1);
    pci_fn_set_intx(&t.pci, 0);
    g_assert_true(irq_level(&m, 10));
    pci_fn_set_intx(&other.pci, 0);
    g_assert_false(irq_level(&m, 10));

    pci_fn_set_intx(&t.pci, 1);
    command(&m, 0x400); /* interrupt disable: the status bit still tells */
    g_assert_false(irq_level(&m, 10));
    g_assert_cmphex(rd(&m, 4) >> 16 & 8, ==, 8);
    command(&m, 0);
    g_assert_true(irq_level(&m, 10));
    dev_finish(&t.pci.dev); /* unplugged with its line up */
    g_assert_false(irq_level(&m, 10));
    machine_stop(&m);
}

static void test_swizzle(void)
{
    struct machine m;
    struct toy t[8];
    unsigned i;

    machine_start(&m);
    for (i = 0; i < 8; i++) {
        add_toy(&m, &m.pc->pci.bus, &t[i], PCI_DEVFN(2 + i / 4, i % 4));
        t[i].pci.config[0x3d] = (uint8_t)(i % 4 + 1);
    }
    for (i = 0; i < 8; i++) {
        pci_fn_set_intx(&t[i].pci, 1);
        g_assert_cmphex(m.pc->piix3.pirq_level, ==, 1u << ((2 + i / 4 + i % 4 - 1) & 3));
        pci_fn_set_intx(&t[i].pci, 0);
        g_assert_cmphex(m.pc->piix3.pirq_level, ==, 0);
    }
    machine_stop(&m);
}

static unsigned find_cap(struct machine *m, uint8_t id)
{
    unsigned at = rd(m, 0x34) & 0xff;

    while (at && (rd(m, at) & 0xff) != id)
        at = rd(m, at) >> 8 & 0xff;
    return at;
}

/* The vector that CPU 0 gets, or -1. */
static int vector(struct machine *m)
{
    int v;

    if (!m->intr[0])
        return -1;
    v = pc_ack_interrupt(m->pc, 0);
    writel(m, 0xfee000b0, 0);
    return v;
}

static void lapic_on(struct machine *m)
{
    writel(m, 0xfee000f0, 0x1ff);
}

static void test_msi(void)
{
    struct machine m;
    struct toy t;
    unsigned at;

    start(&m, &t);
    lapic_on(&m);
    at = find_cap(&m, 5);
    g_assert_cmpuint(at, !=, 0);
    g_assert_cmphex(rd(&m, at) >> 16, ==, 0x0184); /* 4 vectors, 64 bits, masks */
    wr(&m, at + 4, 0xfee00000);
    wr(&m, at + 12, 0x4061);
    command(&m, 4);
    pci_fn_msi_send(&t.pci, 0);
    g_assert_cmpint(vector(&m), ==, -1); /* not enabled */

    pci_fn_set_intx(&t.pci, 1);
    g_assert_cmphex(m.pc->piix3.pirq_level, ==, 1);
    wr(&m, at, 1u << 16);
    g_assert_cmphex(m.pc->piix3.pirq_level, ==, 0); /* no pin beside messages */
    g_assert_true(pci_fn_msi_enabled(&t.pci));
    pci_fn_msi_send(&t.pci, 0);
    g_assert_cmpint(vector(&m), ==, 0x61);
    pci_fn_msi_send(&t.pci, 3); /* one vector given: shared */
    g_assert_cmpint(vector(&m), ==, 0x61);

    wr(&m, at, 0x21u << 16); /* four given: the low bits of the data are the vector's */
    pci_fn_msi_send(&t.pci, 3);
    g_assert_cmpint(vector(&m), ==, 0x63);
    wr(&m, at + 16, 8);
    pci_fn_msi_send(&t.pci, 3);
    g_assert_cmpint(vector(&m), ==, -1);
    g_assert_cmphex(rd(&m, at + 20), ==, 8);
    wr(&m, at + 16, 0);
    g_assert_cmpint(vector(&m), ==, 0x63);
    g_assert_cmphex(rd(&m, at + 20), ==, 0);

    command(&m, 0); /* a message is a write by a bus master */
    pci_fn_msi_send(&t.pci, 0);
    g_assert_cmpint(vector(&m), ==, -1);
    machine_stop(&m);
}

static void test_msix(void)
{
    struct machine m;
    struct toy t;
    unsigned at, i;
    const gpa table = 0xe0000000, pending = table + 0x800;

    start(&m, &t);
    lapic_on(&m);
    at = find_cap(&m, 0x11);
    g_assert_cmphex(rd(&m, at) >> 16, ==, 2); /* table size - 1 */
    g_assert_cmphex(rd(&m, at + 4), ==, 4);   /* offset 0 of BAR 4 */
    g_assert_cmphex(rd(&m, at + 8), ==, 0x804);
    wr(&m, BAR4, (uint32_t)table);
    command(&m, 6);
    for (i = 0; i < 3; i++) {
        g_assert_cmphex(readl(&m, table + 16 * i + 12), ==, 1); /* masked after reset */
        writel(&m, table + 16 * i, 0xfee00000);
        writel(&m, table + 16 * i + 8, 0x70 + i);
    }
    wr(&m, at, 0x80000000);
    pci_fn_msi_send(&t.pci, 2);
    g_assert_cmpint(vector(&m), ==, -1);
    g_assert_cmphex(readl(&m, pending), ==, 4);
    writel(&m, pending, 0); /* read-only */
    g_assert_cmphex(readl(&m, pending), ==, 4);
    writel(&m, table + 32 + 12, 0xfffffffe);
    g_assert_cmphex(readl(&m, table + 32 + 12), ==, 0); /* reserved bits */
    g_assert_cmpint(vector(&m), ==, 0x72);
    g_assert_cmphex(readl(&m, pending), ==, 0);

    wr(&m, at, 0xc0000000); /* function mask */
    pci_fn_msi_send(&t.pci, 2);
    pci_fn_msi_send(&t.pci, 0);
    pci_fn_msi_send(&t.pci, 3); /* there is none */
    g_assert_cmphex(readl(&m, pending), ==, 5);
    wr(&m, at, 0x80000000);
    g_assert_cmpint(vector(&m), ==, 0x72); /* 0 has its own mask */
    g_assert_cmphex(readl(&m, pending), ==, 1);
    space_write(m.pc->mem, table + 8, 0x75, 8);
    g_assert_cmpint(vector(&m), ==, 0x75);
    machine_stop(&m);
}

/* A message to RAM is a plain write; one to registers goes nowhere. */
static void test_msi_elsewhere(void)
{
    struct machine m;
    struct toy t;
    unsigned at;

    start(&m, &t);
    at = find_cap(&m, 5);
    wr(&m, at + 4, 0x5000);
    wr(&m, at + 12, 0x1234);
    wr(&m, at, 1u << 16);
    command(&m, 4);
    pci_fn_msi_send(&t.pci, 0);
    g_assert_cmphex(readl(&m, 0x5000), ==, 0x1234);
    wr(&m, at + 4, IOAPIC_BASE);
    pci_fn_msi_send(&t.pci, 0);
    g_assert_cmphex(readl(&m, IOAPIC_BASE), ==, 0);
    machine_stop(&m);
}

/* --- DMA -------------------------------------------------------------------------------- */

static void test_dma(void)
{
    struct machine m;
    struct toy t;
    uint64_t n = 1 << 20;
    uint8_t buf[8192];

    start(&m, &t);
    memset(buf, 0x5a, sizeof(buf));
    pci_dma_write(&t.pci, 0x9f000, buf, sizeof(buf));
    g_assert_cmphex(readl(&m, 0x9f000), ==, 0);
    pci_dma_read(&t.pci, 0x1000, buf, 4);
    g_assert_cmphex(buf[0], ==, 0xff);
    g_assert_null(pci_dma_map(&t.pci, 0x1000, &n, false));

    command(&m, 4);
    memset(buf, 0x5a, sizeof(buf));
    pci_dma_write(&t.pci, 0x9f000, buf, sizeof(buf)); /* the second page is no RAM */
    g_assert_cmphex(readl(&m, 0x9fffc), ==, 0x5a5a5a5a);
    pci_dma_read(&t.pci, 0x9f000, buf, sizeof(buf));
    g_assert_cmphex(buf[4095], ==, 0x5a);
    g_assert_cmphex(buf[4096], ==, 0xff);
    g_assert_nonnull(pci_dma_map(&t.pci, 0x1000, &n, true));
    pci_dma_read(&t.pci, ~0ull - 5, buf, 100);
    pci_dma_write(&t.pci, ~0ull - 5, buf, 100);

    /* never its own registers */
    wr(&m, BAR1, 0xe0000000);
    command(&m, 6);
    t.reg[0] = 7;
    pci_dma_write(&t.pci, 0xe0000000, buf, 16);
    g_assert_cmphex(t.reg[0], ==, 7);
    machine_stop(&m);
}

/* --- pci-testdev ------------------------------------------------------------------------ */

static void test_testdev(void)
{
    struct pci_testdev t = {0};
    struct machine m;
    struct err e;
    gpa bar = 0xe0000000;

    machine_start(&m);
    dev_init(&t.pci.dev, &pci_testdev_class, NULL, &m.pc->env);
    g_assert_true(pc_add_pci(m.pc, &m.pc->pci.bus, TOY, &t.pci, &e));
    dev_reset(&t.pci.dev);
    wr(&m, BAR0, (uint32_t)bar);
    wr(&m, BAR1, 0xc000);
    command(&m, 3);
    g_assert_cmphex(readl(&m, bar + 4), ==, 0);           /* none selected */
    space_write(m.pc->mem, bar, 2, 1);                    /* a certain value */
    g_assert_cmphex(readl(&m, bar + 16), ==, 0x6f696d6d); /* "mmio" */
    g_assert_cmphex(readl(&m, bar + 4), ==, 0x802);
    space_write(m.pc->mem, bar + 0x802, readl(&m, bar + 8), 1);
    space_write(m.pc->mem, bar + 0x802, 0, 1);
    g_assert_cmphex(readl(&m, bar + 12), ==, 1);
    outb(&m, 0xc000, 1); /* any value */
    outb(&m, 0xc000 + (uint16_t)inl(&m, 0xc004), 5);
    outw(&m, 0xc000 + (uint16_t)inl(&m, 0xc004), 5); /* two bytes, one of them there */
    g_assert_cmphex(inl(&m, 0xc00c), ==, 2);
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pci/config-space", test_config_space);
    g_test_add_func("/pci/sizing", test_sizing);
    g_test_add_func("/pci/decoding", test_decoding);
    g_test_add_func("/pci/ram-bar", test_ram_bar);
    g_test_add_func("/pci/rom", test_rom);
    g_test_add_func("/pci/conflict", test_conflict);
    g_test_add_func("/pci/reset", test_reset);
    g_test_add_func("/pci/slots", test_slots);
    g_test_add_func("/pci/intx", test_intx);
    g_test_add_func("/pci/swizzle", test_swizzle);
    g_test_add_func("/pci/msi", test_msi);
    g_test_add_func("/pci/msix", test_msix);
    g_test_add_func("/pci/msi-elsewhere", test_msi_elsewhere);
    g_test_add_func("/pci/dma", test_dma);
    g_test_add_func("/pci/testdev", test_testdev);
    return g_test_run();
}
