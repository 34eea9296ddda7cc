/* SPDX-License-Identifier: MIT
 * The board and its small parts: RAM layout, PCI, ACPI, keyboard controller, ports. */
#include "tests/hw/machine.h"

#include <string.h>

static uint32_t config(struct machine *m, unsigned devfn, unsigned reg)
{
    outl(m, 0xcf8, 0x80000000 | devfn << 8 | reg);
    return inl(m, 0xcfc);
}

static void test_pci(void)
{
    struct machine m;

    machine_start(&m);
    g_assert_cmphex(config(&m, PCI_DEVFN(0, 0), 0), ==, 0x12378086);
    g_assert_cmphex(config(&m, PCI_DEVFN(0, 0), 8) >> 8, ==, 0x060000);
    g_assert_cmphex(config(&m, PCI_DEVFN(1, 0), 0), ==, 0x70008086);
    g_assert_cmphex(config(&m, PCI_DEVFN(1, 0), 12) >> 16, ==, 0x80);
    g_assert_cmphex(config(&m, PCI_DEVFN(1, 3), 0), ==, 0x71138086);
    g_assert_cmphex(config(&m, PCI_DEVFN(2, 0), 0), ==, 0xffffffff);
    config(&m, PCI_DEVFN(1, 0), 0);
    g_assert_cmphex(inw(&m, 0xcfe), ==, 0x7000);
    outl(&m, 0xcfc, 0); /* read-only */
    g_assert_cmphex(inl(&m, 0xcfc), ==, 0x70008086);
    outl(&m, 0xcf8, 0x00000800);
    g_assert_cmphex(inl(&m, 0xcfc), ==, 0xffffffff); /* not enabled */
    outl(&m, 0xcf8, 0x80010000);
    g_assert_cmphex(inl(&m, 0xcfc), ==, 0xffffffff); /* another bus */
    g_assert_cmphex(inl(&m, 0xcf8), ==, 0x80010000);

    outb(&m, 0xcf9, 0x02);
    g_assert_cmpuint(m.resets, ==, 0);
    outb(&m, 0xcf9, 0x06);
    g_assert_cmpuint(m.resets, ==, 1);
    g_assert_cmphex(inl(&m, 0xcf8), ==, 0x80010000); /* bytes leave CONFADD alone */
    machine_stop(&m);
}

static void test_pirq(void)
{
    struct machine m;

    machine_start(&m);
    piix3_set_pirq(&m.pc->piix3, 1, 1);
    outl(&m, 0xcf8, 0x80000860);
    outb(&m, 0xcfd, 11);
    g_assert_true(irq_level(&m, 11));
    outb(&m, 0xcfd, 10);
    g_assert_true(!irq_level(&m, 11) && irq_level(&m, 10));
    outb(&m, 0xcfc, 10); /* shared with PIRQA */
    piix3_set_pirq(&m.pc->piix3, 0, 1);
    piix3_set_pirq(&m.pc->piix3, 1, 0);
    g_assert_true(irq_level(&m, 10));
    outb(&m, 0xcfc, 0x80);
    g_assert_false(irq_level(&m, 10));
    machine_stop(&m);
}

static void test_acpi(void)
{
    struct machine m;

    machine_start(&m);
    pc_setup_as_firmware(m.pc);
    g_assert_cmphex(inw(&m, 0x604), ==, 1); /* SCI_EN */
    outw(&m, 0x602, 0x0120);
    pc_power_button(m.pc);
    g_assert_true(irq_level(&m, 9));
    g_assert_cmphex(inw(&m, 0x600), ==, 0x0100);
    outw(&m, 0x600, 0x0100);
    g_assert_false(irq_level(&m, 9));
    acpi_pm_set_gpe(&m.pc->acpi_pm, 9);
    outb(&m, 0x60f, 0x02);
    g_assert_true(irq_level(&m, 9));
    g_assert_cmphex(inb(&m, 0x60d), ==, 2);
    outb(&m, 0x60d, 0x02);
    g_assert_false(irq_level(&m, 9));
    outb(&m, 0xb2, 0xf0);
    g_assert_cmphex(inw(&m, 0x604), ==, 0);
    outb(&m, 0xb2, 0xf1);
    g_assert_cmphex(inw(&m, 0x604), ==, 1);
    outw(&m, 0x604, 0x2401); /* not S5 */
    g_assert_cmpuint(m.power_offs, ==, 0);
    outw(&m, 0x604, 0x0001);
    g_assert_cmpuint(m.power_offs, ==, 0);
    outw(&m, 0x604, 0x2001);
    g_assert_cmpuint(m.power_offs, ==, 1);

    outl(&m, 0xcf8, 0x80000b40); /* PMBASE moves */
    outl(&m, 0xcfc, 0xb001);
    g_assert_cmphex(inw(&m, 0x604), ==, 0xffff);
    g_assert_cmphex(inw(&m, 0xb004), ==, 1);
    outl(&m, 0xcfc, 0x0041); /* onto the PIT: stays out */
    g_assert_cmphex(inw(&m, 0xb004), ==, 0xffff);
    machine_stop(&m);
}

static uint8_t kbc_read(struct machine *m)
{
    g_assert_cmphex(inb(m, 0x64) & 1, ==, 1);
    return inb(m, 0x60);
}

static void test_keyboard_controller(void)
{
    struct machine m;

    machine_start(&m);
    g_assert_cmphex(inb(&m, 0x64), ==, 0x10);
    outb(&m, 0x64, 0xaa);
    g_assert_cmphex(kbc_read(&m), ==, 0x55);
    outb(&m, 0x64, 0x60);
    outb(&m, 0x60, 0x47);
    outb(&m, 0x64, 0x20);
    g_assert_true(irq_level(&m, 1));
    g_assert_cmphex(kbc_read(&m), ==, 0x47);
    g_assert_false(irq_level(&m, 1));
    outb(&m, 0x64, 0xd3); /* loop through the auxiliary port */
    outb(&m, 0x60, 0x5a);
    g_assert_cmphex(inb(&m, 0x64) & 0x21, ==, 0x21);
    g_assert_true(irq_level(&m, 12) && !irq_level(&m, 1));
    g_assert_cmphex(kbc_read(&m), ==, 0x5a);
    outb(&m, 0x64, 0xd4);
    outb(&m, 0x60, 0xf2);
    g_assert_cmphex(inb(&m, 0x64) & 0x61, ==, 0x21);
    g_assert_cmphex(kbc_read(&m), ==, 0xfa);
    g_assert_true(irq_level(&m, 12));
    g_assert_cmphex(kbc_read(&m), ==, 0x00); /* a mouse */
    outb(&m, 0x60, 0xf2);
    g_assert_cmphex(kbc_read(&m), ==, 0xfa);
    g_assert_true(irq_level(&m, 1));
    g_assert_cmphex(kbc_read(&m), ==, 0xab);
    g_assert_cmphex(kbc_read(&m), ==, 0x41);
    outb(&m, 0x60, 0xed);
    outb(&m, 0x60, 0x07);
    g_assert_cmphex(kbc_read(&m), ==, 0xfa);
    g_assert_cmphex(kbc_read(&m), ==, 0xfa);
    outb(&m, 0x60, 0xff);
    g_assert_cmphex(kbc_read(&m), ==, 0xfa);
    g_assert_cmphex(kbc_read(&m), ==, 0xaa);
    outb(&m, 0x64, 0xfe);
    g_assert_cmpuint(m.resets, ==, 1);
    machine_stop(&m);
}

static void test_a20(void)
{
    struct machine m;

    machine_start(&m);
    g_assert_true(m.a20);
    g_assert_cmphex(inb(&m, 0x92), ==, 2);
    outb(&m, 0x64, 0xd1);
    outb(&m, 0x60, 0xdd);
    g_assert_false(m.a20);
    g_assert_cmphex(inb(&m, 0x92), ==, 0);
    outb(&m, 0x92, 2);
    g_assert_true(m.a20);
    outb(&m, 0x64, 0xd0);
    g_assert_cmphex(kbc_read(&m) & 2, ==, 2);
    outb(&m, 0x92, 0);
    g_assert_false(m.a20);
    outb(&m, 0x92, 1);
    g_assert_cmpuint(m.resets, ==, 1);
    outb(&m, 0x92, 1);
    g_assert_cmpuint(m.resets, ==, 1);
    pc_reset(m.pc);
    g_assert_true(m.a20);
    machine_stop(&m);
}

static void test_ports(void)
{
    struct machine m;

    machine_start(&m);
    outb(&m, 0x80, 0x12);
    outb(&m, 0x87, 0x34);
    g_assert_cmphex(inb(&m, 0x80), ==, 0x12);
    g_assert_cmphex(inb(&m, 0x87), ==, 0x34);
    outb(&m, 0xed, 0);
    g_assert_cmphex(inb(&m, 0xe9), ==, 0xe9);
    outb(&m, 0xe9, 'a');
    outb(&m, 0x402, 'b');
    g_assert_cmpmem(m.debug.out, m.debug.out_len, "ab", 2);
    outl(&m, 0xf4, 0x10);
    g_assert_cmpint(m.exit_status, ==, 0x21);
    outb(&m, 0xf4, 0);
    g_assert_cmpint(m.exit_status, ==, 1);
    pc_set_ferr(m.pc);
    g_assert_true(irq_level(&m, 13));
    outb(&m, 0xf0, 0);
    g_assert_false(irq_level(&m, 13));
    g_assert_cmpuint(m.ignnes, ==, 1);
    machine_stop(&m);
}

static void test_layout(void)
{
    static const struct {
        uint64_t size, low, high;
    } cases[] = {{1 << 20, 1 << 20, 0},
                 {PC_RAM_SPLIT, PC_RAM_SPLIT, 0},
                 {PC_RAM_SPLIT + 4096, PC_RAM_SPLIT, 4096},
                 {8ull << 30, PC_RAM_SPLIT, 5ull << 30}};
    struct clock clock;
    struct err e;
    unsigned i;

    clock_init(&clock, NULL, NULL);
    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct pc_config cfg = {.ram_bytes = cases[i].size, .clock = &clock};
        struct pc *pc = pc_create(&cfg, &e);

        g_assert_nonnull(pc);
        pc_reset(pc);
        pc_setup_as_firmware(pc);
        g_assert_cmpuint(pc->memory.ram_low, ==, cases[i].low);
        g_assert_cmpuint(pc->memory.ram_high, ==, cases[i].high);
        g_assert_true(space_ram_page(pc->mem, 0xc1234, NULL) == pc->memory.ram.host + 0xc1000);
        g_assert_null(space_ram_page(pc->mem, PC_VGA_HOLE, NULL));
        g_assert_null(space_ram_page(pc->mem, cases[i].low, NULL));
        if (cases[i].high)
            g_assert_true(space_ram_page(pc->mem, PC_RAM_HIGH, NULL) ==
                          pc->memory.ram.host + PC_RAM_SPLIT);
        g_assert_null(space_ram_page(pc->mem, PC_RAM_HIGH + cases[i].high, NULL));
        pc_destroy(pc);
    }
    pc_destroy(NULL);
}

static void test_bad_configs(void)
{
    struct clock clock;
    struct pc_config cfg = {.clock = &clock};
    struct err e;

    clock_init(&clock, NULL, NULL);
    g_assert_null(pc_create(&cfg, &e));
    cfg.ram_bytes = 1ull << 62;
    g_assert_null(pc_create(&cfg, &e));
    cfg.ram_bytes = 1 << 20;
    cfg.cpus = 1000;
    g_assert_null(pc_create(&cfg, &e));
    cfg.cpus = 1;
    cfg.debugexit_iobase = 0x40; /* where the PIT is */
    cfg.debugexit_iosize = 4;
    g_assert_null(pc_create(&cfg, &e));
    g_assert_nonnull(strstr(e.msg, "overlaps pit"));
    cfg.debugexit_iobase = 0xffff;
    g_assert_null(pc_create(&cfg, &e));
    g_assert_nonnull(strstr(e.msg, "isa-debug-exit"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/board/pci", test_pci);
    g_test_add_func("/board/pirq", test_pirq);
    g_test_add_func("/board/acpi", test_acpi);
    g_test_add_func("/board/i8042", test_keyboard_controller);
    g_test_add_func("/board/a20", test_a20);
    g_test_add_func("/board/ports", test_ports);
    g_test_add_func("/board/layout", test_layout);
    g_test_add_func("/board/bad-configs", test_bad_configs);
    return g_test_run();
}
