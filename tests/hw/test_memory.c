/* SPDX-License-Identifier: MIT
 * Memory map of the board: system ROM, PAM segments, SMRAM's lock. */
#include <string.h>

#include "tests/hw/machine.h"

static uint8_t rom[256 << 10];

static void start(struct machine *m)
{
    unsigned i;

    for (i = 0; i < sizeof(rom) / 0x1000; i++)
        memset(rom + i * 0x1000, 0x40 + (int)i, 0x1000);
    machine_start_rom(m, rom, sizeof(rom));
}

static void pam(struct machine *m, unsigned n, uint8_t v)
{
    pci_config_write(&m->pc->pci, 0, 0x59 + n, v, 1);
}

static uint8_t rd(struct machine *m, gpa at)
{
    return (uint8_t)space_read(m->pc->mem, at, 1);
}

static void wr(struct machine *m, gpa at, uint8_t v)
{
    space_write(m->pc->mem, at, v, 1);
}

static uint8_t *ram(struct machine *m, gpa at)
{
    return m->pc->memory.ram.host + at;
}

static void test_rom(void)
{
    struct machine m;

    start(&m);
    g_assert_cmphex(rd(&m, 0xfffc0000), ==, 0x40);
    g_assert_cmphex(rd(&m, 0xfffffff0), ==, 0x7f);
    g_assert_cmphex(rd(&m, 0xe0000), ==, 0x60); /* the last 128 KiB */
    g_assert_cmphex(rd(&m, 0xffff0), ==, 0x7f);
    g_assert_cmphex(rd(&m, 0xc0000), ==, 0xff); /* nobody */
    wr(&m, 0xffff0, 1);
    wr(&m, 0xfffffff0, 1);
    g_assert_cmphex(rd(&m, 0xffff0), ==, 0x7f);
    machine_stop(&m);
}

/* 3.2.18: two bits a segment, read and write enable. */
static void test_pam(void)
{
    /* first byte of each segment, its register and the shift of its bits */
    static const struct {
        gpa at;
        uint8_t reg, shift;
    } seg[] = {{0xc0000, 1, 0}, {0xc4000, 1, 4}, {0xc8000, 2, 0}, {0xcc000, 2, 4},
               {0xd0000, 3, 0}, {0xd4000, 3, 4}, {0xd8000, 4, 0}, {0xdc000, 4, 4},
               {0xe0000, 5, 0}, {0xe4000, 5, 4}, {0xe8000, 6, 0}, {0xec000, 6, 4},
               {0xf0000, 0, 4}};
    struct machine m;
    unsigned i;

    start(&m);
    for (i = 0; i < G_N_ELEMENTS(seg); i++) {
        gpa at = seg[i].at;
        uint8_t other = rd(&m, at);

        *ram(&m, at) = 0x11;
        pam(&m, seg[i].reg, (uint8_t)(2 << seg[i].shift)); /* writes to RAM only */
        wr(&m, at, 0x22);
        g_assert_cmphex(rd(&m, at), ==, other);
        g_assert_cmphex(*ram(&m, at), ==, 0x22);
        pam(&m, seg[i].reg, (uint8_t)(1 << seg[i].shift)); /* reads only */
        wr(&m, at, 0x33);
        g_assert_cmphex(rd(&m, at), ==, 0x22);
        pam(&m, seg[i].reg, (uint8_t)(3 << seg[i].shift));
        wr(&m, at, 0x44);
        g_assert_cmphex(rd(&m, at), ==, 0x44);
        pam(&m, seg[i].reg, 0);
        wr(&m, at, 0x55);
        g_assert_cmphex(rd(&m, at), ==, other);
        g_assert_cmphex(*ram(&m, at), ==, 0x44);
    }
    machine_stop(&m);
}

static void count(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void test_pam_cost(void)
{
    struct machine m;
    unsigned changes = 0;

    start(&m);
    space_on_change(m.pc->mem, count, &changes);
    pci_config_write(&m.pc->pci, 0, 0x58, 0x33333300, 4); /* six segments */
    g_assert_cmpuint(changes, ==, 1);
    pci_config_write(&m.pc->pci, 0, 0x58, 0x33333300, 4);
    g_assert_cmpuint(changes, ==, 1);
    pc_reset(m.pc);
    g_assert_cmphex(rd(&m, 0xf0000), ==, 0x70);
    machine_stop(&m);
}

static void test_small_rom(void)
{
    struct machine m;

    memset(rom, 0x99, sizeof(rom));
    machine_start_rom(&m, rom, 0x10000);
    g_assert_cmphex(rd(&m, 0xf0000), ==, 0x99);
    g_assert_cmphex(rd(&m, 0xe0000), ==, 0xff);
    g_assert_cmphex(rd(&m, 0xffff0000), ==, 0x99);
    g_assert_cmphex(rd(&m, 0xfffe0000), ==, 0xff);
    machine_stop(&m);
}

/* 3.2.22: D_LCK clears D_OPEN and holds until reset. */
static void test_smram_lock(void)
{
    struct machine m;
    struct pci_host *h;

    start(&m);
    h = &m.pc->pci;
    pci_config_write(h, 0, 0x72, 0x48, 1);
    g_assert_cmphex(pci_config_read(h, 0, 0x72, 1), ==, 0x4a);
    pci_config_write(h, 0, 0x72, 0x58, 1);
    g_assert_cmphex(pci_config_read(h, 0, 0x72, 1), ==, 0x1a);
    pci_config_write(h, 0, 0x72, 0x40, 1);
    g_assert_cmphex(pci_config_read(h, 0, 0x72, 1), ==, 0x1a);
    pc_reset(m.pc);
    g_assert_cmphex(pci_config_read(h, 0, 0x72, 1), ==, 0x02);
    pci_config_write(h, 0, 0x72, 0x40, 1);
    g_assert_cmphex(pci_config_read(h, 0, 0x72, 1), ==, 0x42);
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/rom", test_rom);
    g_test_add_func("/memory/pam", test_pam);
    g_test_add_func("/memory/pam-cost", test_pam_cost);
    g_test_add_func("/memory/small-rom", test_small_rom);
    g_test_add_func("/memory/smram-lock", test_smram_lock);
    return g_test_run();
}
