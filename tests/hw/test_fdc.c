/* SPDX-License-Identifier: MIT
 * 82077AA floppy controller against its data sheet. */
#include <errno.h>
#include <string.h>

#include "tests/hw/machine.h"

#define MSR  0x3f4
#define FIFO 0x3f5

struct rig {
    struct machine m;
    struct block_mem disk[2];
};

static void start_sizes(struct rig *r, unsigned kib_a, unsigned kib_b)
{
    struct block *const ide[PC_IDE_DRIVES] = {NULL};
    struct block *floppy[FDC_DRIVES] = {NULL};
    unsigned i, kib[2] = {kib_a, kib_b};

    for (i = 0; i < 2; i++) {
        uint64_t k;

        block_mem_init(&r->disk[i], kib[i] ? kib[i] * 1024 : 512);
        r->disk[i].blk.removable = true;
        r->disk[i].immediate = true;
        for (k = 0; k < r->disk[i].blk.bytes; k += 512)
            memset(r->disk[i].data + k, (int)(k / 512 * 7 + i), 512);
        floppy[i] = kib[i] ? &r->disk[i].blk : NULL;
    }
    machine_start_disks(&r->m, ide, floppy);
}

static void start(struct rig *r)
{
    start_sizes(r, 1440, 0);
    outb(&r->m, 0x3f2, 0x1c);
    outb(&r->m, 0x3f7, 0);
}

static void stop(struct rig *r)
{
    machine_stop(&r->m);
    block_mem_finish(&r->disk[0]);
    block_mem_finish(&r->disk[1]);
}

static void put(struct machine *m, const uint8_t *bytes, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        g_assert_cmphex(inb(m, MSR) & 0xc0, ==, 0x80);
        outb(m, FIFO, bytes[i]);
    }
}

#define SEND(m, ...)                                                                           \
    put(m, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void results(struct machine *m, uint8_t *r, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        g_assert_cmphex(inb(m, MSR) & 0xd0, ==, 0xd0);
        r[i] = inb(m, FIFO);
    }
    g_assert_cmphex(inb(m, MSR), ==, 0x80);
    g_assert_false(irq_level(m, 6));
}

static void expect(struct machine *m, uint8_t st0, uint8_t st1, uint8_t c, uint8_t h, uint8_t s)
{
    uint8_t r[7];

    g_assert_true(irq_level(m, 6));
    results(m, r, 7);
    g_assert_cmphex(r[0], ==, st0);
    g_assert_cmphex(r[1], ==, st1);
    g_assert_cmphex(r[3] << 16 | r[4] << 8 | r[5], ==, c << 16 | h << 8 | s);
    g_assert_cmphex(r[6], ==, 2);
}

static void sense_interrupt(struct machine *m, uint8_t st0, uint8_t cyl)
{
    uint8_t r[2];

    SEND(m, 0x08);
    results(m, r, 2);
    g_assert_cmphex(r[0], ==, st0);
    g_assert_cmphex(r[1], ==, cyl);
}

static void leave_reset(struct machine *m)
{
    unsigned i;

    for (i = 0; i < 4; i++)
        sense_interrupt(m, 0xc0 | i, 0);
    SEND(m, 0x03, 0xdf, 0x02); /* SPECIFY: DMA */
}

/* Channel 2 at 0x20000; mode 0x44 writes to memory, 0x48 reads it. */
static void dma(struct machine *m, unsigned bytes, uint8_t mode)
{
    outb(m, 0x0a, 6);
    outb(m, 0x0c, 0);
    outb(m, 0x0b, mode | 2);
    outb(m, 4, 0);
    outb(m, 4, 0);
    outb(m, 5, (bytes - 1) & 255);
    outb(m, 5, (bytes - 1) >> 8);
    outb(m, 0x81, 2);
    outb(m, 0x0a, 2);
}

static void seek(struct machine *m, uint8_t head, uint8_t cyl)
{
    SEND(m, 0x0f, head << 2, cyl);
    g_assert_true(irq_level(m, 6));
    sense_interrupt(m, 0x20 | head << 2, cyl);
}

static void test_reset(void)
{
    struct rig r;
    uint8_t v[2];

    start(&r);
    g_assert_true(irq_level(&r.m, 6));
    leave_reset(&r.m);
    SEND(&r.m, 0x08); /* nothing to tell: invalid */
    results(&r.m, v, 1);
    g_assert_cmphex(v[0], ==, 0x80);
    SEND(&r.m, 0x10);
    results(&r.m, v, 1);
    g_assert_cmphex(v[0], ==, 0x90);
    SEND(&r.m, 0x1f); /* no such command */
    results(&r.m, v, 1);
    g_assert_cmphex(v[0], ==, 0x80);
    outb(&r.m, 0x3f4, 0x80); /* DSR: self-clearing reset */
    g_assert_true(irq_level(&r.m, 6));
    leave_reset(&r.m);
    outb(&r.m, 0x3f2, 0);
    g_assert_cmphex(inb(&r.m, MSR), ==, 0);
    g_assert_false(irq_level(&r.m, 6));
    stop(&r);
}

static void test_read(void)
{
    struct rig r;
    uint8_t *ram;

    start(&r);
    leave_reset(&r.m);
    ram = r.m.pc->memory.ram.host + 0x20000;
    SEND(&r.m, 0x07, 0);
    sense_interrupt(&r.m, 0x20, 0);
    dma(&r.m, 512 * 3, 0x44);
    SEND(&r.m, 0xe6, 0, 0, 0, 2, 2, 18, 0x1b, 0xff);
    expect(&r.m, 0x00, 0, 0, 0, 5);
    g_assert_cmpmem(ram, 1536, r.disk[0].data + 512, 1536);
    seek(&r.m, 0, 10);
    dma(&r.m, 512 * 4, 0x44);
    SEND(&r.m, 0xe6, 0, 10, 0, 17, 2, 18, 0x1b, 0xff); /* multi-track: on to head 1 */
    expect(&r.m, 0x04, 0, 10, 1, 3);
    g_assert_cmpmem(ram, 2048, r.disk[0].data + (10 * 36 + 16) * 512, 2048);
    dma(&r.m, 512 * 4, 0x44);
    SEND(&r.m, 0x46, 0, 10, 0, 17, 2, 18, 0x1b, 0xff); /* without: end of cylinder */
    expect(&r.m, 0x40, 0x80, 11, 0, 1);
    SEND(&r.m, 0xe6, 0, 12, 0, 1, 2, 18, 0x1b, 0xff); /* not where the heads are */
    expect(&r.m, 0x40, 0x04, 12, 0, 1);
    SEND(&r.m, 0xe6, 0, 10, 0, 19, 2, 18, 0x1b, 0xff); /* no such sector */
    expect(&r.m, 0x40, 0x04, 10, 0, 19);
    SEND(&r.m, 0xe6, 1, 10, 0, 1, 2, 18, 0x1b, 0xff); /* no drive B */
    expect(&r.m, 0x41, 0x01, 10, 0, 1);
    outb(&r.m, 0x3f7, 2); /* 250 kbit/s are not for this disk */
    SEND(&r.m, 0x4a, 0);
    expect(&r.m, 0x40, 0x01, 10, 0, 1);
    SEND(&r.m, 0xe6, 0, 10, 0, 1, 2, 18, 0x1b, 0xff);
    expect(&r.m, 0x40, 0x01, 10, 0, 1);
    outb(&r.m, 0x3f7, 0);
    SEND(&r.m, 0x4a, 4);
    expect(&r.m, 0x04, 0, 10, 1, 1);
    r.disk[0].fail = EIO;
    SEND(&r.m, 0xe6, 0, 10, 0, 1, 2, 18, 0x1b, 0xff);
    expect(&r.m, 0x40, 0x20, 10, 0, 1);
    stop(&r);
}

static void test_write_and_format(void)
{
    struct rig r;
    uint8_t *ram;
    unsigned i;

    start(&r);
    leave_reset(&r.m);
    ram = r.m.pc->memory.ram.host + 0x20000;
    memset(ram, 0x5a, 1024);
    seek(&r.m, 0, 3);
    dma(&r.m, 1024, 0x48);
    SEND(&r.m, 0xc5, 0, 3, 0, 4, 2, 18, 0x1b, 0xff);
    expect(&r.m, 0x00, 0, 3, 0, 6);
    g_assert_cmpmem(ram, 1024, r.disk[0].data + (3 * 36 + 3) * 512, 1024);
    for (i = 0; i < 18; i++)
        memcpy(ram + 4 * i, ((uint8_t[]){3, 1, i + 1, 2}), 4);
    dma(&r.m, 72, 0x48);
    SEND(&r.m, 0x4d, 4, 2, 18, 0x54, 0xf6);
    expect(&r.m, 0x04, 0, 3, 1, 18);
    g_assert_cmphex(r.disk[0].data[(3 * 36 + 18) * 512], ==, 0xf6);
    g_assert_cmphex(r.disk[0].data[(4 * 36) * 512 - 1], ==, 0xf6);
    r.disk[0].blk.readonly = true;
    SEND(&r.m, 0xc5, 0, 3, 0, 4, 2, 18, 0x1b, 0xff);
    expect(&r.m, 0x40, 0x02, 3, 0, 4);
    SEND(&r.m, 0x04, 0);
    results(&r.m, ram, 1);
    g_assert_cmphex(ram[0], ==, 0x68); /* write protected, not on track 0 */
    stop(&r);
}

static void test_pio(void)
{
    struct rig r;
    unsigned i;

    start(&r);
    leave_reset(&r.m);
    SEND(&r.m, 0x03, 0xdf, 0x03); /* non-DMA */
    SEND(&r.m, 0x46, 0, 0, 0, 17, 2, 18, 0x1b, 0xff);
    for (i = 0; i < 1024; i++) {
        g_assert_true(irq_level(&r.m, 6));
        g_assert_cmphex(inb(&r.m, MSR), ==, 0xf0);
        g_assert_cmphex(inb(&r.m, FIFO), ==, r.disk[0].data[16 * 512 + i]);
    }
    expect(&r.m, 0x40, 0x80, 1, 0, 1);
    SEND(&r.m, 0x45, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
    for (i = 0; i < 512; i++) {
        g_assert_cmphex(inb(&r.m, MSR), ==, 0xb0);
        outb(&r.m, FIFO, 0xa5);
    }
    expect(&r.m, 0x40, 0x80, 1, 0, 1);
    g_assert_cmphex(r.disk[0].data[18 * 512 - 1], ==, 0xa5);
    stop(&r);
}

static void test_change_line(void)
{
    struct rig r;

    start(&r);
    leave_reset(&r.m);
    g_assert_cmphex(inb(&r.m, 0x3f7) & 0x80, ==, 0x80);
    seek(&r.m, 0, 1);
    g_assert_cmphex(inb(&r.m, 0x3f7) & 0x80, ==, 0);
    r.disk[0].blk.present = false;
    r.disk[0].blk.changed(r.disk[0].blk.opaque);
    seek(&r.m, 0, 0);
    g_assert_cmphex(inb(&r.m, 0x3f7) & 0x80, ==, 0x80);
    SEND(&r.m, 0x4a, 0);
    expect(&r.m, 0x40, 0x01, 0, 0, 1);
    r.disk[0].blk.present = true;
    r.disk[0].blk.changed(r.disk[0].blk.opaque);
    g_assert_cmphex(inb(&r.m, 0x3f7) & 0x80, ==, 0x80);
    seek(&r.m, 0, 1);
    g_assert_cmphex(inb(&r.m, 0x3f7) & 0x80, ==, 0);
    outb(&r.m, 0x3f2, 0x0c); /* motor off: not driven */
    g_assert_cmphex(inb(&r.m, 0x3f7) & 0x80, ==, 0);
    stop(&r);
}

static void test_registers(void)
{
    struct rig r;
    uint8_t v[10];

    start(&r);
    leave_reset(&r.m);
    SEND(&r.m, 0x13, 0, 0x57, 0x12);
    SEND(&r.m, 0x12, 0x84);
    SEND(&r.m, 0x94);
    results(&r.m, v, 1);
    g_assert_cmphex(v[0], ==, 0x10);
    SEND(&r.m, 0x0e);
    results(&r.m, v, 10);
    g_assert_cmphex(v[4], ==, 0xdf);
    g_assert_cmphex(v[7], ==, 0x84);
    g_assert_cmphex(v[8], ==, 0x57);
    g_assert_cmphex(v[9], ==, 0x12);
    outb(&r.m, 0x3f2, 0); /* LOCK: the settings stay; no polling, no interrupt */
    outb(&r.m, 0x3f2, 0x1c);
    g_assert_false(irq_level(&r.m, 6));
    SEND(&r.m, 0x0e);
    results(&r.m, v, 10);
    g_assert_cmphex(v[8], ==, 0x57);
    dma(&r.m, 512, 0x44); /* implied seek */
    SEND(&r.m, 0xe6, 0, 33, 0, 1, 2, 18, 0x1b, 0xff);
    expect(&r.m, 0x00, 0, 33, 0, 2);
    stop(&r);
}

static uint8_t cmos(struct machine *m, uint8_t i)
{
    outb(m, 0x70, i);
    return inb(m, 0x71);
}

static void test_types(void)
{
    struct rig r;
    static const struct {
        unsigned a, b;
        uint8_t types, equipment;
    } c[] = {{1440, 0, 0x40, 0x07},
             {2880, 720, 0x53, 0x47},
             {1200, 360, 0x21, 0x47},
             {0, 0, 0, 0x06}};
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(c); i++) {
        start_sizes(&r, c[i].a, c[i].b);
        g_assert_cmphex(cmos(&r.m, 0x10), ==, c[i].types);
        g_assert_cmphex(cmos(&r.m, 0x14), ==, c[i].equipment);
        stop(&r);
    }
    start_sizes(&r, 1440, 360); /* 40 tracks of 9 in drive B */
    outb(&r.m, 0x3f2, 0x2d);
    outb(&r.m, 0x3f7, 2);
    leave_reset(&r.m);
    SEND(&r.m, 0x0f, 1, 39);
    sense_interrupt(&r.m, 0x21, 39);
    dma(&r.m, 512, 0x44);
    SEND(&r.m, 0x46, 5, 39, 1, 9, 2, 9, 0x2a, 0xff);
    expect(&r.m, 0x05, 0, 40, 1, 1);
    g_assert_cmpmem(r.m.pc->memory.ram.host + 0x20000, 512, r.disk[1].data + 719 * 512, 512);
    stop(&r);
}

static void test_reset_in_flight(void)
{
    struct rig r;

    start(&r);
    leave_reset(&r.m);
    r.disk[0].immediate = false;
    dma(&r.m, 512, 0x44);
    SEND(&r.m, 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    g_assert_cmphex(inb(&r.m, MSR), ==, 0x10);
    g_assert_cmpuint(r.disk[0].n_queue, ==, 1);
    outb(&r.m, 0x3f2, 0);
    g_assert_cmpuint(r.disk[0].n_queue, ==, 0);
    outb(&r.m, 0x3f2, 0x1c);
    leave_reset(&r.m);
    SEND(&r.m, 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff); /* DMA channel still masked or not */
    block_mem_answer(&r.disk[0]);
    stop(&r);
}

static void test_masked_channel(void)
{
    struct rig r;

    start(&r);
    leave_reset(&r.m);
    dma(&r.m, 512, 0x44);
    outb(&r.m, 0x0a, 6);
    SEND(&r.m, 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    g_assert_false(irq_level(&r.m, 6));
    outb(&r.m, 0x0a, 2); /* unmasked: it goes on */
    expect(&r.m, 0x00, 0, 0, 0, 2);
    stop(&r);
}

static void test_garbage(void)
{
    struct rig r;
    unsigned i;

    start(&r);
    r.disk[0].immediate = false;
    for (i = 0; i < 100000; i++) {
        uint32_t v = (uint32_t)g_test_rand_int();

        switch (v & 7) {
        case 0: block_mem_answer(&r.disk[0]); break;
        case 1: inb(&r.m, FIFO); break;
        case 2: outb(&r.m, 0x3f2, v & 0x700 ? 0x1c : v >> 16); break;
        case 3: outb(&r.m, v & 0x100 ? 0x0f : 0x0b, v >> 16); break;
        case 4: outb(&r.m, 0x3f3 + (v >> 8 & 1), v & 0x1e00 ? 0 : v >> 16); break;
        default: outb(&r.m, FIFO, v & 0x800 ? 0 : v >> 16); break;
        }
    }
    stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fdc/reset", test_reset);
    g_test_add_func("/fdc/read", test_read);
    g_test_add_func("/fdc/write-format", test_write_and_format);
    g_test_add_func("/fdc/pio", test_pio);
    g_test_add_func("/fdc/change-line", test_change_line);
    g_test_add_func("/fdc/registers", test_registers);
    g_test_add_func("/fdc/types", test_types);
    g_test_add_func("/fdc/reset-in-flight", test_reset_in_flight);
    g_test_add_func("/fdc/masked-channel", test_masked_channel);
    g_test_add_func("/fdc/garbage", test_garbage);
    return g_test_run();
}
