/* SPDX-License-Identifier: MIT
 * 8237A pair and page registers against their data sheet. */
#include <string.h>

#include "tests/hw/machine.h"

static unsigned readies;

static void ready(void *opaque)
{
    readies++;
}

static void program(struct machine *m, unsigned ch, uint32_t addr, uint16_t count, uint8_t mode)
{
    static const uint16_t page[] = {0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a};
    unsigned base = ch < 4 ? 0 : 0xc0, step = ch < 4 ? 1 : 2, n = ch & 3;
    uint16_t low = ch < 4 ? addr : addr >> 1;

    outb(m, base + 10 * step, 4 | n);
    outb(m, base + 12 * step, 0);
    outb(m, base + 11 * step, mode | n);
    outb(m, base + 2 * n * step, low);
    outb(m, base + 2 * n * step, low >> 8);
    outb(m, base + (2 * n + 1) * step, count);
    outb(m, base + (2 * n + 1) * step, count >> 8);
    outb(m, page[ch], addr >> 16);
    outb(m, base + 10 * step, n);
}

static uint16_t read16(struct machine *m, uint16_t port)
{
    uint16_t v;

    outb(m, port < 0xc0 ? 0x0c : 0xd8, 0);
    v = inb(m, port);
    return v | inb(m, port) << 8;
}

static void test_registers(void)
{
    struct machine m;
    unsigned i;

    machine_start(&m);
    g_assert_cmphex(inb(&m, 0x0f) & 15, ==, 15); /* all masked */
    program(&m, 2, 0x123456, 0x01ff, 0x44);
    g_assert_cmphex(read16(&m, 4), ==, 0x3456);
    g_assert_cmphex(read16(&m, 5), ==, 0x01ff);
    g_assert_cmphex(inb(&m, 0x81), ==, 0x12);
    g_assert_cmphex(inb(&m, 0x0f) & 15, ==, 11);
    outb(&m, 0x0d, 0); /* master clear */
    g_assert_cmphex(inb(&m, 0x0f) & 15, ==, 15);
    outb(&m, 0x0e, 0);
    g_assert_cmphex(inb(&m, 0x0f) & 15, ==, 0);
    outb(&m, 0x0f, 5);
    g_assert_cmphex(inb(&m, 0x0f) & 15, ==, 5);
    for (i = 0x80; i < 0x90; i++)
        outb(&m, i, i);
    for (i = 0x80; i < 0x90; i++)
        g_assert_cmphex(inb(&m, i), ==, i);
    machine_stop(&m);
}

static void test_write_transfer(void)
{
    struct machine m;
    uint8_t buf[600];
    bool tc;

    machine_start(&m);
    memset(buf, 0x77, sizeof(buf));
    m.pc->dma.ch[3].ready = ready;
    program(&m, 3, 0x2fff0, 511, 0x44);
    g_assert_cmpuint(dma_move(&m.pc->dma, 3, buf, 100, &tc), ==, 100);
    g_assert_false(tc);
    g_assert_cmphex(readl(&m, 0x2fff0), ==, 0x77777777);
    g_assert_cmphex(readl(&m, 0x20000), ==, 0x77777777); /* 64 KiB wrap */
    g_assert_cmphex(readl(&m, 0x30000), ==, 0);
    g_assert_cmphex(read16(&m, 7), ==, 411);
    g_assert_cmpuint(dma_move(&m.pc->dma, 3, buf, 600, &tc), ==, 412);
    g_assert_true(tc);
    g_assert_cmphex(inb(&m, 8), ==, 0x08); /* read clears */
    g_assert_cmphex(inb(&m, 8), ==, 0);
    g_assert_cmphex(inb(&m, 0x0f) & 8, ==, 8); /* masked itself */
    g_assert_cmpuint(dma_move(&m.pc->dma, 3, buf, 1, &tc), ==, 0);
    readies = 0;
    outb(&m, 0x0a, 3);
    g_assert_cmpuint(readies, ==, 1);
    outb(&m, 0x08, 4); /* controller off */
    g_assert_cmpuint(dma_move(&m.pc->dma, 3, buf, 1, &tc), ==, 0);
    machine_stop(&m);
}

static void test_modes(void)
{
    struct machine m;
    uint8_t buf[8];
    bool tc;

    machine_start(&m);
    space_write_bytes(m.pc->mem, 0x20000, "abcdefgh", 8);
    program(&m, 1, 0x20003, 3, 0x68); /* read, downwards */
    g_assert_cmpuint(dma_move(&m.pc->dma, 1, buf, 8, &tc), ==, 4);
    g_assert_cmpmem(buf, 4, "dcba", 4);
    program(&m, 1, 0x20000, 2, 0x58); /* read, autoinitialize */
    g_assert_cmpuint(dma_move(&m.pc->dma, 1, buf, 8, &tc), ==, 3);
    g_assert_true(tc);
    g_assert_cmpuint(dma_move(&m.pc->dma, 1, buf, 8, &tc), ==, 3);
    g_assert_cmpmem(buf, 3, "abc", 3);
    program(&m, 1, 0x20000, 7, 0x40); /* verify: only counts */
    memset(buf, 1, 8);
    g_assert_cmpuint(dma_move(&m.pc->dma, 1, buf, 8, &tc), ==, 8);
    g_assert_true(tc && buf[0] == 1);
    program(&m, 5, 0x20000, 3, 0x48); /* words */
    g_assert_cmpuint(dma_move(&m.pc->dma, 5, buf, 8, &tc), ==, 8);
    g_assert_cmpmem(buf, 8, "abcdefgh", 8);
    g_assert_cmphex(inb(&m, 0xd0), ==, 0x02);
    program(&m, 1, 0xa0000, 7, 0x48); /* no RAM there */
    g_assert_cmpuint(dma_move(&m.pc->dma, 1, buf, 8, &tc), ==, 8);
    g_assert_cmphex(buf[7], ==, 0xff);
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dma/registers", test_registers);
    g_test_add_func("/dma/write", test_write_transfer);
    g_test_add_func("/dma/modes", test_modes);
    return g_test_run();
}
