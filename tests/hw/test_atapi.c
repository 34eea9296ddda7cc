/* SPDX-License-Identifier: MIT
 * ATAPI CD-ROM against ATA/ATAPI-6 and MMC-3. */
#include <errno.h>

#include "tests/hw/ata.h"

#define BLOCKS 700u
#define BYTES  (BLOCKS * 2048)

struct rig {
    struct ata a;
    struct block_mem cd;
};

static void start(struct rig *r)
{
    struct block *ide[PC_IDE_DRIVES] = {NULL, NULL, &r->cd.blk};

    block_mem_init(&r->cd, BYTES);
    fill_random(r->cd.data, BYTES);
    r->cd.immediate = true;
    r->cd.blk.removable = r->cd.blk.readonly = true;
    ata_start(&r->a, ide);
    ata_select(&r->a, 1);
}

static void stop(struct rig *r)
{
    machine_stop(&r->a.m);
    block_mem_finish(&r->cd);
}

/* PACKET with its 12 bytes; `limit` bytes to a DRQ block. */
static void packet(struct ata *a, const uint8_t *p, uint16_t limit, bool dma)
{
    reg(a, DEVICE, 0xa0);
    reg(a, FEATURE, dma);
    reg(a, MID, limit);
    reg(a, HIGH, limit >> 8);
    reg(a, COMMAND, 0xa0);
    g_assert_cmphex(alt(a) & (BSY | DRQ), ==, DRQ);
    g_assert_cmphex(get(a, COUNT) & 3, ==, 1);
    pio_out(a, p, 12);
}

#define P(...) ((const uint8_t[12]){__VA_ARGS__})

/* Takes all that the drive has; returns its bytes. */
static unsigned take(struct ata *a, uint8_t *buf)
{
    unsigned n, total = 0;

    while (expect_irq(a) & DRQ) {
        g_assert_cmphex(get(a, COUNT) & 3, ==, 2);
        n = get(a, MID) | get(a, HIGH) << 8;
        pio_in(a, buf + total, n);
        total += n;
    }
    g_assert_cmphex(get(a, COUNT) & 3, ==, 3);
    return total;
}

static unsigned ask(struct ata *a, const uint8_t *p, uint8_t *buf)
{
    packet(a, p, 0xfffe, false);
    return take(a, buf);
}

/* Sense key, ASC, ASCQ. */
static uint32_t sense(struct ata *a)
{
    uint8_t buf[18];

    g_assert_cmpuint(ask(a, P(0x03, 0, 0, 0, 18), buf), ==, 18);
    g_assert_cmphex(buf[0], ==, 0x70);
    return buf[2] << 16 | buf[12] << 8 | buf[13];
}

static void refused(struct ata *a, const uint8_t *p, uint32_t why)
{
    packet(a, p, 0xfffe, false);
    g_assert_cmphex(expect_irq(a) & (ERR | DRQ), ==, ERR);
    g_assert_cmphex(get(a, ERROR) >> 4, ==, why >> 16);
    g_assert_cmphex(sense(a), ==, why);
}

static void test_signature(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t id[512];

    start(&r);
    g_assert_cmphex(alt(a), ==, 0);
    g_assert_cmphex(get(a, MID) | get(a, HIGH) << 8, ==, 0xeb14);
    reg(a, COMMAND, 0xec);
    g_assert_cmphex(expect_irq(a) & (ERR | DRQ), ==, ERR);
    g_assert_cmphex(get(a, MID) | get(a, HIGH) << 8, ==, 0xeb14);
    reg(a, COMMAND, 0xa1);
    g_assert_cmphex(expect_irq(a) & DRQ, ==, DRQ);
    pio_in(a, id, 512);
    g_assert_cmphex(id[0] | id[1] << 8, ==, 0x85c0);
    reg(a, MID, 0);
    reg(a, COMMAND, 0x08); /* DEVICE RESET: no interrupt */
    g_assert_false(irq_level(&a->m, 15));
    g_assert_cmphex(get(a, MID) | get(a, HIGH) << 8, ==, 0xeb14);
    reg(a, COMMAND, 0x20); /* READ SECTORS */
    g_assert_cmphex(expect_irq(a) & ERR, ==, ERR);
    stop(&r);
}

static void test_attention(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t buf[64];

    start(&r);
    g_assert_cmpuint(ask(a, P(0x12, 0, 0, 0, 36), buf), ==, 36); /* INQUIRY at any time */
    g_assert_cmphex(buf[0], ==, 5);
    g_assert_cmpmem(buf + 8, 5, "MYNAH", 5);
    refused(a, P(0x00), 0x062900); /* power on */
    g_assert_cmpuint(ask(a, P(0x00), buf), ==, 0);
    g_assert_cmphex(sense(a), ==, 0);

    r.cd.blk.present = false;
    r.cd.blk.changed(r.cd.blk.opaque);
    refused(a, P(0x00), 0x062800);
    refused(a, P(0x00), 0x023a01);
    ask(a, P(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), buf);
    g_assert_cmphex(buf[2] & 0x87, ==, 4);
    g_assert_cmphex(buf[4] << 8 | buf[5], ==, 0x0300); /* removed, none there */
    r.cd.blk.present = true;
    r.cd.blk.changed(r.cd.blk.opaque);
    ask(a, P(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), buf);
    g_assert_cmphex(buf[4] << 8 | buf[5], ==, 0x0202);
    ask(a, P(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), buf);
    g_assert_cmphex(buf[4] << 8 | buf[5], ==, 0x0002); /* told once */
    refused(a, P(0x00), 0x062800);
    refused(a, P(0xff), 0x052000);
    refused(a, P(0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8), 0x052400);
    stop(&r);
}

static void settle(struct ata *a)
{
    packet(a, P(0x00), 0, false);
    expect_irq(a);
    sense(a);
}

static void test_read_pio(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t *buf = g_malloc(65536);

    start(&r);
    settle(a);
    g_assert_cmpuint(ask(a, P(0x28, 0, 0, 0, 0, 16, 0, 0, 20), buf), ==, 20 * 2048);
    g_assert_cmpmem(buf, 20 * 2048, r.cd.data + 16 * 2048, 20 * 2048);
    packet(a, P(0xa8, 0, 0, 0, 0, 3, 0, 0, 0, 2), 2048, false); /* a block at a time */
    g_assert_cmphex(expect_irq(a) & DRQ, ==, DRQ);
    g_assert_cmpuint(get(a, MID) | get(a, HIGH) << 8, ==, 2048);
    pio_in(a, buf, 2048);
    g_assert_cmpuint(take(a, buf), ==, 2048);
    g_assert_cmpmem(buf, 2048, r.cd.data + 4 * 2048, 2048);
    packet(a, P(0x28, 0, 0, 0, 0, 3, 0, 0, 1), 101, false); /* an odd limit */
    g_assert_cmpuint(take(a, buf), ==, 2048);
    g_assert_cmpmem(buf, 2048, r.cd.data + 3 * 2048, 2048);
    g_assert_cmpuint(ask(a, P(0x28), buf), ==, 0);
    refused(a, P(0x28, 0, 0, 0, BLOCKS >> 8, BLOCKS & 255, 0, 0, 1), 0x052100);
    refused(a, P(0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff), 0x052100);
    g_assert_cmpuint(ask(a, P(0xbe, 0, 0, 0, 0, 9, 0, 0, 1, 0x10), buf), ==, 2048);
    g_assert_cmpuint(ask(a, P(0xbe, 0, 0, 0, 0, 9, 0, 0, 10, 0xf8), buf), ==, 23520);
    g_assert_cmphex(buf[9 * 2352 + 14], ==, 0x18); /* frame 150 + 18, BCD: 00:02:18 */
    g_assert_cmphex(buf[9 * 2352 + 13], ==, 0x02);
    g_assert_cmpmem(buf + 9 * 2352 + 16, 2048, r.cd.data + 18 * 2048, 2048);
    r.cd.fail = EIO;
    refused(a, P(0x28, 0, 0, 0, 0, 3, 0, 0, 1), 0x031100);
    g_free(buf);
    stop(&r);
}

static void test_read_dma(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t *ram;

    start(&r);
    settle(a);
    ram = a->m.pc->memory.ram.host;
    r.cd.immediate = false;
    set_prd(a, 0, 0x20000, 0x3000, false);
    set_prd(a, 1, 0x40000, 0x5000, true);
    packet(a, P(0x28, 0, 0, 0, 0, 5, 0, 0, 16), 0, true);
    bm_start(a, true);
    g_assert_true(r.cd.queue[0]->vec[0].base == ram + 0x20000);
    block_mem_answer(&r.cd);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmphex(get(a, COUNT) & 3, ==, 3);
    g_assert_cmphex(bm_stop(a) & 7, ==, 4);
    g_assert_cmpmem(ram + 0x20000, 0x3000, r.cd.data + 5 * 2048, 0x3000);
    g_assert_cmpmem(ram + 0x40000, 0x5000, r.cd.data + 5 * 2048 + 0x3000, 0x5000);
    r.cd.immediate = true;
    set_prd(a, 0, 0x20000, 36, true); /* replies go the same way */
    packet(a, P(0x12, 0, 0, 0, 36), 0, true);
    bm_start(a, true);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpmem(ram + 0x20008, 5, "MYNAH", 5);
    bm_stop(a);
    set_prd(a, 0, 0x20000, 2352 * 9, true); /* raw sectors: more than a buffer */
    packet(a, P(0xbe, 0, 0, 0, 0, 0, 0, 0, 9, 0xf8), 0, true);
    bm_start(a, true);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpmem(ram + 0x20000 + 8 * 2352 + 16, 2048, r.cd.data + 8 * 2048, 2048);
    stop(&r);
}

static void test_information(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t buf[512];

    start(&r);
    settle(a);
    g_assert_cmpuint(ask(a, P(0x25), buf), ==, 8);
    g_assert_cmpuint(buf[2] << 8 | buf[3], ==, BLOCKS - 1);
    g_assert_cmpuint(buf[6] << 8 | buf[7], ==, 2048);
    g_assert_cmpuint(ask(a, P(0x43, 0, 0, 0, 0, 0, 0, 0, 100), buf), ==, 20);
    g_assert_cmpuint(buf[1], ==, 18);
    g_assert_cmpuint(buf[6], ==, 1);
    g_assert_cmpuint(buf[14], ==, 0xaa);
    g_assert_cmpuint(buf[18] << 8 | buf[19], ==, BLOCKS);
    ask(a, P(0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100), buf); /* lead-out, MSF: 850 frames */
    g_assert_cmphex(buf[9] << 16 | buf[10] << 8 | buf[11], ==, 0x000b19);
    g_assert_cmpuint(ask(a, P(0x43, 0, 1, 0, 0, 0, 0, 0, 100), buf), ==, 12);
    refused(a, P(0x43, 0, 0, 0, 0, 0, 2, 0, 100), 0x052400);
    g_assert_cmpuint(ask(a, P(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255), buf), ==, 30);
    g_assert_cmphex(buf[8], ==, 0x2a);
    g_assert_cmpuint(ask(a, P(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 8), buf), ==, 8);
    g_assert_cmpuint(buf[1], ==, 28);
    refused(a, P(0x5a, 0, 0xea, 0, 0, 0, 0, 0, 255), 0x053900);
    ask(a, P(0x46, 0, 0, 0, 0, 0, 0, 1, 0), buf);
    g_assert_cmphex(buf[7], ==, 8); /* a CD */
    g_assert_cmpuint(ask(a, P(0x46, 2, 0, 3, 0, 0, 0, 1, 0), buf), ==, 16);
    g_assert_cmpuint(buf[9], ==, 3);
    g_assert_cmpuint(ask(a, P(0x51, 0, 0, 0, 0, 0, 0, 0, 34), buf), ==, 34);
    g_assert_cmphex(buf[2], ==, 0x0e);
    g_assert_cmpuint(ask(a, P(0x52, 1, 0, 0, 0, 1, 0, 0, 36), buf), ==, 36);
    g_assert_cmpuint(buf[26] << 8 | buf[27], ==, BLOCKS);
    refused(a, P(0x52, 1, 0, 0, 0, 2, 0, 0, 36), 0x052400);
    g_assert_cmpuint(ask(a, P(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8), buf), ==, 8);
    stop(&r);
}

static void test_tray(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t buf[64];

    start(&r);
    settle(a);
    ask(a, P(0x1e, 0, 0, 0, 1), buf);
    g_assert_true(r.cd.blk.locked);
    refused(a, P(0x1b, 0, 0, 0, 2), 0x055302);
    g_assert_false(r.cd.blk.tray_open);
    ask(a, P(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), buf);
    r.cd.blk.eject_request(r.cd.blk.opaque);
    ask(a, P(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), buf);
    g_assert_cmphex(buf[4], ==, 1);
    ask(a, P(0x1e, 0, 0, 0, 0), buf);
    ask(a, P(0x1b, 0, 0, 0, 2), buf);
    g_assert_true(r.cd.blk.tray_open);
    refused(a, P(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 0x023a02);
    ask(a, P(0x1b, 0, 0, 0, 3), buf);
    g_assert_false(r.cd.blk.tray_open);
    g_assert_cmpuint(ask(a, P(0x28, 0, 0, 0, 0, 0, 0, 0, 1), g_alloca(2048)), ==, 2048);
    ask(a, P(0x1e, 0, 0, 0, 1), buf);
    pc_reset(a->m.pc);
    g_assert_false(r.cd.blk.locked);
    stop(&r);
}

/* Random packets, lengths and registers. */
static void test_garbage(void)
{
    struct rig r;
    struct ata *a = &r.a;
    static const uint8_t likely[] = {0x28, 0xa8, 0xbe, 0xb9, 0x43, 0x5a, 0x55, 0x46, 0x4a};
    unsigned i, k;

    start(&r);
    r.cd.immediate = false;
    for (i = 0; i < 20000; i++) {
        uint32_t v = (uint32_t)g_test_rand_int();

        switch (v & 7) {
        case 0: block_mem_answer(&r.cd); break;
        case 1:
            for (k = 0; k < 64; k++)
                inl(&a->m, a->port);
            break;
        case 2: outb(&a->m, BM + 8 + (v >> 8 & 7), v >> 16); break;
        case 3: outb(&a->m, a->control, v % 40 ? 0 : 4); break;
        case 4: reg(a, 1 + v % 7, v >> 8); break;
        default:
            reg(a, DEVICE, 0xa0);
            reg(a, FEATURE, v >> 9 & 1);
            reg(a, COMMAND, 0xa0);
            outw(&a->m, a->port, likely[v % G_N_ELEMENTS(likely)] | (v >> 24) << 8);
            for (k = 0; k < 5; k++)
                outw(&a->m, a->port,
                     (uint16_t)(g_test_rand_int() & (v & 0x100 ? 0xff03 : 0xffff)));
        }
    }
    stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/atapi/signature", test_signature);
    g_test_add_func("/atapi/attention", test_attention);
    g_test_add_func("/atapi/read-pio", test_read_pio);
    g_test_add_func("/atapi/read-dma", test_read_dma);
    g_test_add_func("/atapi/information", test_information);
    g_test_add_func("/atapi/tray", test_tray);
    g_test_add_func("/atapi/garbage", test_garbage);
    return g_test_run();
}
