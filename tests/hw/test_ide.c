/* SPDX-License-Identifier: MIT
 * ATA disks against ATA/ATAPI-6 and the bus master programming interface. */
#include <errno.h>

#include "tests/hw/ata.h"

#define SECTORS 4096u
#define BYTES   (SECTORS * 512)

struct rig {
    struct ata a;
    struct block_mem disk;
};

static void start(struct rig *r, bool immediate)
{
    struct block *ide[PC_IDE_DRIVES] = {&r->disk.blk};

    block_mem_init(&r->disk, BYTES);
    fill_random(r->disk.data, BYTES);
    r->disk.immediate = immediate;
    ata_start(&r->a, ide);
}

static void stop(struct rig *r)
{
    machine_stop(&r->a.m);
    block_mem_finish(&r->disk);
}

static uint16_t word(const uint8_t *id, unsigned n)
{
    return id[2 * n] | id[2 * n + 1] << 8;
}

static bool attach(struct rig *r, struct ide_unit *u, const struct dev_class *cls,
                   struct block *blk, int channel, int unit)
{
    struct err e;

    dev_init(&u->dev, cls, NULL, &r->a.m.pc->env);
    g_assert_true(dev_set_prop(&u->dev, "serial", "wxyz", &e));
    g_assert_true(dev_set_prop(&u->dev, "model", "MODEL1", &e));
    u->blk = blk;
    return pc_add_ide(r->a.m.pc, channel, unit, u, &e);
}

/* Drives as devices: places that are asked for or free, names, what makes a CD-ROM. */
static void test_units(void)
{
    struct ide_unit u[7] = {0};
    struct block_mem disk[6];
    struct rig r;
    struct ata *a = &r.a;
    struct ide *ide;
    uint8_t id[512];
    unsigned i;

    start(&r, true); /* one is there already */
    ide = &a->m.pc->ide;
    for (i = 0; i < 6; i++)
        block_mem_init(&disk[i], BYTES);
    disk[0].immediate = true;
    disk[4].blk.present = false;
    g_assert_true(attach(&r, &u[0], &ide_hd_class, &disk[0].blk, -1, -1));
    g_assert_true(ide->ch[0].drive[1].blk == &disk[0].blk && !ide->ch[0].drive[1].atapi);
    g_assert_false(attach(&r, &u[1], &ide_hd_class, &disk[1].blk, 0, -1)); /* full */
    g_assert_true(attach(&r, &u[2], &ide_cd_class, &disk[2].blk, -1, 1));
    g_assert_true(ide->ch[1].drive[1].atapi && disk[2].blk.removable);
    g_assert_false(attach(&r, &u[3], &ide_hd_class, &disk[3].blk, 1, 1));   /* in use */
    g_assert_false(attach(&r, &u[4], &ide_hd_class, &disk[4].blk, -1, -1)); /* no medium */
    g_assert_null(ide->ch[1].drive[0].blk);
    g_assert_false(attach(&r, &u[5], &ide_cd_class, NULL, -1, -1));
    g_assert_true(attach(&r, &u[6], &ide_cd_class, &disk[4].blk, 1, -1));
    pc_reset(a->m.pc);
    command28(a, 0xec, 1, 0, 0);
    pio_in(a, id, 512);
    g_assert_cmpmem(id + 20, 6, "xwzy  ", 6);
    g_assert_cmpmem(id + 54, 8, "OMED1L  ", 8);
    stop(&r);
    for (i = 0; i < 6; i++)
        block_mem_finish(&disk[i]);
}

static void test_identify(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t id[512], sum = 0;
    unsigned i;

    start(&r, true);
    r.disk.blk.serial = "abc";
    g_assert_cmphex(alt(a), ==, DRDY | DSC);
    command28(a, 0xec, 0, 0, 0);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC | DRQ);
    pio_in(a, id, 512);
    g_assert_cmphex(alt(a), ==, DRDY | DSC);
    g_assert_false(irq_level(&a->m, 14)); /* no interrupt after the last block */
    g_assert_cmpmem(id + 20, 4, "ba c", 4);
    g_assert_cmpmem(id + 54, 6, "YMAN H", 6);
    g_assert_cmpuint(word(id, 60) | word(id, 61) << 16, ==, SECTORS);
    g_assert_cmpuint(word(id, 100), ==, SECTORS);
    g_assert_cmphex(word(id, 83) & 0xc000, ==, 0x4000);
    g_assert_cmphex(word(id, 83) & 0x3400, ==, 0x3400);
    g_assert_cmphex(word(id, 49) & 0x0300, ==, 0x0300);
    for (i = 0; i < 512; i++)
        sum += id[i];
    g_assert_cmpuint(id[510], ==, 0xa5);
    g_assert_cmpuint(sum, ==, 0);
    command28(a, 0xa1, 0, 0, 0); /* of packet devices */
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC | ERR);
    g_assert_cmphex(get(a, ERROR), ==, ABRT);
    stop(&r);
}

static void test_pio_read(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t buf[512];
    unsigned i;

    start(&r, false);
    command28(a, 0x20, 0, 100, 70); /* more than a buffer of the device */
    for (i = 0; i < 70; i++) {
        if (i % 64 == 0) {
            g_assert_cmphex(alt(a), ==, BSY | DRDY);
            g_assert_false(irq_level(&a->m, 14));
            block_mem_answer(&r.disk);
        }
        g_assert_cmphex(expect_irq(a), ==, DRDY | DSC | DRQ);
        pio_in(a, buf, 512);
        g_assert_cmpmem(buf, 512, r.disk.data + (100 + i) * 512, 512);
    }
    g_assert_cmphex(alt(a), ==, DRDY | DSC);
    g_assert_false(irq_level(&a->m, 14));
    g_assert_cmpuint(get(a, LOW), ==, 169); /* the last one */

    reg(a, DEVICE, 0x40); /* 32-bit accesses */
    command28(a, 0x20, 0, 5, 1);
    block_mem_answer(&r.disk);
    for (i = 0; i < 512; i += 4)
        g_assert_cmphex(inl(&a->m, 0x1f0), ==, *(uint32_t *)(r.disk.data + 5 * 512 + i));
    g_assert_cmphex(alt(a), ==, DRDY | DSC);
    stop(&r);
}

static void test_pio_write(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t *buf = g_malloc(70 * 512);
    unsigned i;

    start(&r, false);
    fill_random(buf, 70 * 512);
    command48(a, 0x34, 0, 7, 70);
    for (i = 0; i < 70; i++) {
        g_assert_cmphex(i ? expect_irq(a) : alt(a), ==, DRDY | DSC | DRQ);
        pio_out(a, buf + 512 * i, 512);
        if (i == 63 || i == 69) {
            g_assert_cmphex(alt(a), ==, BSY | DRDY);
            block_mem_answer(&r.disk);
        }
    }
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpmem(buf, 70 * 512, r.disk.data + 7 * 512, 70 * 512);
    g_free(buf);
    stop(&r);
}

static void test_multiple(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t buf[8 * 512];

    start(&r, true);
    reg(a, COUNT, 3);
    reg(a, COMMAND, 0xc6);
    g_assert_cmphex(expect_irq(a) & ERR, ==, ERR);
    reg(a, COUNT, 8);
    reg(a, COMMAND, 0xc6);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    command28(a, 0xc4, 0, 0, 20); /* 8, 8, 4 */
    g_assert_cmphex(expect_irq(a) & DRQ, ==, DRQ);
    pio_in(a, buf, 4096);
    g_assert_cmphex(expect_irq(a) & DRQ, ==, DRQ);
    pio_in(a, buf, 4096);
    g_assert_cmpmem(buf, 4096, r.disk.data + 4096, 4096);
    g_assert_cmphex(expect_irq(a) & DRQ, ==, DRQ);
    pio_in(a, buf, 2048);
    g_assert_cmphex(alt(a), ==, DRDY | DSC);
    command28(a, 0xc5, 0, 50, 9);
    pio_out(a, buf, 4096);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC | DRQ);
    pio_out(a, buf, 512);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpmem(buf, 4096, r.disk.data + 50 * 512, 4096);
    reg(a, COUNT, 0); /* off */
    reg(a, COMMAND, 0xc6);
    expect_irq(a);
    command28(a, 0xc4, 0, 0, 1);
    g_assert_cmphex(get(a, STATUS) & ERR, ==, ERR);
    stop(&r);
}

static void test_addresses(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t buf[512];

    start(&r, true);
    reg(a, DEVICE, 0xa0 | 3); /* cylinder 2, head 3, sector 5 of 16 x 63 */
    reg(a, COUNT, 1);
    reg(a, LOW, 5);
    reg(a, MID, 2);
    reg(a, HIGH, 0);
    reg(a, COMMAND, 0x20);
    pio_in(a, buf, 512);
    g_assert_cmpmem(buf, 512, r.disk.data + ((2 * 16 + 3) * 63 + 4) * 512, 512);
    reg(a, DEVICE, 0xa3); /* INITIALIZE DEVICE PARAMETERS: 4 heads, 10 sectors */
    reg(a, COUNT, 10);
    reg(a, COMMAND, 0x91);
    expect_irq(a);
    reg(a, DEVICE, 0xa0 | 3);
    reg(a, COUNT, 1);
    reg(a, LOW, 10);
    reg(a, COMMAND, 0x20);
    pio_in(a, buf, 512);
    g_assert_cmpmem(buf, 512, r.disk.data + ((2 * 4 + 3) * 10 + 9) * 512, 512);
    reg(a, DEVICE, 0xa0 | 4); /* there is no head 4 */
    reg(a, COMMAND, 0x20);
    g_assert_cmphex(get(a, STATUS) & (ERR | DRQ), ==, ERR);
    g_assert_cmphex(get(a, ERROR), ==, IDNF);
    reg(a, DEVICE, 0xa0 | 3);
    reg(a, LOW, 0); /* nor sector 0 */
    reg(a, COMMAND, 0x20);
    g_assert_cmphex(get(a, STATUS) & (ERR | DRQ), ==, ERR);
    g_assert_cmphex(get(a, ERROR), ==, IDNF);

    command28(a, 0x20, 0, SECTORS - 1, 2); /* the second is not on the disk */
    g_assert_cmphex(get(a, STATUS) & (ERR | DRQ), ==, ERR);
    g_assert_cmphex(get(a, ERROR), ==, IDNF);
    command28(a, 0x20, 0, SECTORS - 100, 101); /* nothing of it is transferred */
    g_assert_cmphex(get(a, STATUS) & (ERR | DRQ), ==, ERR);
    command48(a, 0x24, 0, 1ull << 40, 1);
    g_assert_cmphex(get(a, ERROR), ==, IDNF);
    command28(a, 0x40, 0, SECTORS - 16, 16);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);

    command28(a, 0xf8, 0, 0, 0);
    expect_irq(a);
    g_assert_cmpuint(get(a, LOW) | get(a, MID) << 8, ==, SECTORS - 1);
    command48(a, 0x24, 0, 0x0102, 0x0304); /* HOB reads the previous content */
    while (alt(a) & DRQ)
        pio_in(a, buf, 512);
    reg(a, COUNT, 0x11);
    reg(a, COUNT, 0x22);
    outb(&a->m, a->control, 0x80);
    g_assert_cmphex(get(a, COUNT), ==, 0x11);
    reg(a, FEATURE, 0); /* a write to the command block clears HOB */
    g_assert_cmphex(get(a, COUNT), ==, 0x22);
    stop(&r);
}

static void test_dma(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t *ram;

    start(&r, false);
    ram = a->m.pc->memory.ram.host;
    set_prd(a, 0, 0x20000, 0x2000, false);
    set_prd(a, 1, 0x40000, 0x1000, true);
    command28(a, 0xc8, 0, 64, 24);
    g_assert_false(irq_level(&a->m, 14));
    g_assert_cmpuint(r.disk.n_queue, ==, 0); /* waits for the start bit */
    bm_start(a, true);
    g_assert_cmphex(alt(a) & BSY, ==, BSY);
    g_assert_cmpuint(r.disk.n_queue, ==, 1);
    g_assert_true(r.disk.queue[0]->vec[0].base == ram + 0x20000); /* no copy */
    g_assert_cmpuint(r.disk.queue[0]->n_vec, ==, 2);
    block_mem_answer(&r.disk);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmphex(bm_stop(a) & 7, ==, 4); /* interrupt, no longer active */
    g_assert_cmpmem(ram + 0x20000, 0x2000, r.disk.data + 64 * 512, 0x2000);
    g_assert_cmpmem(ram + 0x40000, 0x1000, r.disk.data + 64 * 512 + 0x2000, 0x1000);

    set_prd(a, 0, 0x20000, 0, true); /* 0 is 64 KiB: longer than the transfer */
    bm_start(a, false);              /* this order works, too */
    command48(a, 0x35, 0, 200, 16);
    block_mem_answer(&r.disk);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmphex(bm_stop(a) & 7, ==, 5);
    g_assert_cmpmem(ram + 0x20000, 0x2000, r.disk.data + 200 * 512, 0x2000);
    stop(&r);
}

/* What no driver does, and what hardware would do. */
static void test_dma_odd(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t *ram, save[1024];
    unsigned i;

    start(&r, true);
    ram = a->m.pc->memory.ram.host;
    memset(ram + 0x20000, 0xcc, 0x10000);
    for (i = 0; i < 8; i++) /* pieces that are no sectors; odd counts lose bit 0 */
        set_prd(a, i, 0x20000 + 0x1000 * i, 129, i == 7);
    command28(a, 0xc8, 0, 10, 2);
    bm_start(a, true);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmphex(bm_stop(a) & 7, ==, 4);
    for (i = 0; i < 8; i++)
        g_assert_cmpmem(ram + 0x20000 + 0x1000 * i, 128, r.disk.data + 5120 + 128 * i, 128);
    g_assert_cmphex(ram[0x20000 + 128], ==, 0xcc);

    set_prd(a, 0, 0x20000, 512, true); /* table too short: no end */
    command28(a, 0xc8, 0, 10, 2);
    bm_start(a, true);
    g_assert_false(irq_level(&a->m, 14));
    g_assert_cmphex(bm_stop(a) & 7, ==, 0);
    g_assert_cmphex(alt(a) & (BSY | ERR), ==, 0);
    outb(&a->m, a->control, 4);
    g_assert_cmphex(alt(a), ==, BSY);
    outb(&a->m, a->control, 0);
    g_assert_cmphex(alt(a), ==, DRDY | DSC);

    set_prd(a, 0, 0xfee00000, 512, false); /* the APIC page, nowhere, then RAM */
    set_prd(a, 1, 0xd0000000, 512, false);
    set_prd(a, 2, 0x20000, 512, true);
    command28(a, 0xc8, 0, 30, 3);
    bm_start(a, true);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpmem(ram + 0x20000, 512, r.disk.data + 32 * 512, 512);
    bm_stop(a);
    command28(a, 0xca, 0, 30, 3);
    bm_start(a, false);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmphex(r.disk.data[30 * 512], ==, 0xff);
    bm_stop(a);

    memcpy(save, r.disk.data + 40 * 512, 512);
    pci_config_write(&a->m.pc->pci, IDE_DEVFN, 4, 1, 2); /* bus master off */
    command28(a, 0xca, 0, 40, 1);
    bm_start(a, false);
    g_assert_false(irq_level(&a->m, 14));
    g_assert_cmpmem(save, 512, r.disk.data + 40 * 512, 512);
    stop(&r);
}

static void test_big_dma(void)
{
    struct rig r;
    struct ata *a = &r.a;
    unsigned i;

    start(&r, true);
    for (i = 0; i < 32; i++) /* all over the same 64 KiB, in a table of small pieces */
        set_prd(a, i, 0x100000, 0, i == 31);
    command48(a, 0x25, 0, 0, SECTORS);
    bm_start(a, true);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpmem(a->m.pc->memory.ram.host + 0x100000, 65536, r.disk.data + BYTES - 65536,
                    65536);
    g_assert_cmphex(bm_stop(a) & 7, ==, 4);
    for (i = 0; i < 2048; i++)
        set_prd(a, i, 0x100000 + 1024 * (i & 1023), 512, i == 2047);
    command48(a, 0x25, 0, 0, 2048);
    bm_start(a, true);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpmem(a->m.pc->memory.ram.host + 0x100400, 512, r.disk.data + 1025 * 512, 512);
    stop(&r);
}

static void test_errors(void)
{
    struct rig r;
    struct ata *a = &r.a;

    start(&r, false);
    r.disk.fail = EIO;
    command28(a, 0x20, 0, 77, 1);
    block_mem_answer(&r.disk);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC | ERR);
    g_assert_cmphex(get(a, ERROR), ==, UNC);
    g_assert_cmpuint(get(a, LOW), ==, 77);
    set_prd(a, 0, 0x20000, 512, true);
    command28(a, 0xca, 0, 78, 1);
    bm_start(a, false);
    r.disk.fail = ENOSPC;
    block_mem_answer(&r.disk);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC | ERR);
    g_assert_cmphex(get(a, ERROR), ==, ABRT);
    bm_stop(a);
    r.disk.fail = 0;
    r.disk.blk.readonly = true;
    command28(a, 0x30, 0, 1, 1);
    g_assert_cmphex(expect_irq(a) & (ERR | DRQ), ==, ERR);
    reg(a, COMMAND, 0xff);
    g_assert_cmphex(expect_irq(a) & ERR, ==, ERR);
    g_assert_cmphex(get(a, ERROR), ==, ABRT);
    stop(&r);
}

static void test_flush_and_cache(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t buf[512] = {1};

    start(&r, false);
    reg(a, DEVICE, 0xe0);
    reg(a, COMMAND, 0xe7);
    g_assert_cmphex(alt(a) & BSY, ==, BSY);
    block_mem_answer(&r.disk);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    reg(a, COMMAND, 0xea);
    block_mem_answer(&r.disk);
    g_assert_cmpuint(r.disk.flushes, ==, 2);
    expect_irq(a);
    reg(a, FEATURE, 0x82); /* write cache off: flushes, and so does each write */
    reg(a, COMMAND, 0xef);
    block_mem_answer(&r.disk);
    expect_irq(a);
    command28(a, 0x30, 0, 9, 1);
    pio_out(a, buf, 512);
    block_mem_answer(&r.disk);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpuint(r.disk.flushes, ==, 4);
    reg(a, FEATURE, 0x02);
    reg(a, COMMAND, 0xef);
    expect_irq(a);
    set_prd(a, 0, 0x20000, 512, true);
    command48(a, 0x3d, 0, 9, 1); /* FUA */
    bm_start(a, false);
    block_mem_answer(&r.disk);
    expect_irq(a);
    g_assert_cmpuint(r.disk.flushes, ==, 5);
    stop(&r);
}

static void test_reset_in_flight(void)
{
    struct rig r;
    struct ata *a = &r.a;

    start(&r, false);
    command28(a, 0x20, 0, 0, 8);
    g_assert_cmpuint(r.disk.n_queue, ==, 1);
    reg(a, COUNT, 0x55); /* busy: nobody listens */
    reg(a, COMMAND, 0xec);
    g_assert_cmphex(alt(a), ==, BSY | DRDY);
    outb(&a->m, a->control, 4);
    g_assert_cmpuint(r.disk.n_queue, ==, 0);
    outb(&a->m, a->control, 0);
    g_assert_false(irq_level(&a->m, 14));
    g_assert_cmphex(alt(a), ==, DRDY | DSC);
    g_assert_cmpuint(get(a, ERROR), ==, 1);
    g_assert_cmpuint(get(a, COUNT), ==, 1);
    g_assert_cmpuint(get(a, LOW), ==, 1);
    g_assert_cmpuint(get(a, MID) | get(a, HIGH) << 8, ==, 0);
    set_prd(a, 0, 0x20000, 0, true);
    command28(a, 0xc8, 0, 0, 128);
    bm_start(a, true);
    pc_reset(a->m.pc);
    g_assert_cmpuint(r.disk.n_queue, ==, 0);
    g_assert_false(irq_level(&a->m, 14));
    g_assert_cmphex(alt(a), ==, DRDY | DSC);
    command28(a, 0x20, 0, 0, 8); /* the machine is torn down with a request under way */
    stop(&r);
}

static void test_drain(void)
{
    struct rig r;
    struct ata *a = &r.a;
    unsigned i;

    start(&r, false);
    for (i = 0; i < 32; i++)
        set_prd(a, i, 0x100000, 0, i == 31);
    command48(a, 0x25, 0, 0, SECTORS);
    bm_start(a, true);
    block_drain(&r.disk.blk); /* as before a snapshot: nothing is under way afterwards */
    g_assert_cmpuint(r.disk.n_queue, ==, 0);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    stop(&r);
}

static void test_nobody(void)
{
    struct rig r;
    struct ata *a = &r.a;
    struct block *none[PC_IDE_DRIVES] = {NULL};

    start(&r, true);
    reg(a, DEVICE, 0xf0); /* drive 0 answers for drive 1 */
    g_assert_cmphex(get(a, STATUS), ==, 0);
    g_assert_cmphex(alt(a), ==, 0);
    reg(a, COUNT, 0x55);
    g_assert_cmphex(get(a, COUNT), ==, 0x55);
    reg(a, COMMAND, 0xec);
    g_assert_cmphex(get(a, STATUS), ==, 0);
    reg(a, DEVICE, 0xa0);
    g_assert_cmphex(get(a, STATUS), ==, DRDY | DSC);
    ata_select(a, 1);
    g_assert_cmphex(get(a, STATUS), ==, 0x7f);
    reg(a, COUNT, 0x55);
    g_assert_cmphex(get(a, COUNT), ==, 0x7f);
    stop(&r);
    ata_start(a, none);
    g_assert_cmphex(alt(a), ==, 0x7f);
    outb(&a->m, a->control, 4);
    outb(&a->m, a->control, 0);
    reg(a, COMMAND, 0x90);
    g_assert_false(irq_level(&a->m, 14));
    machine_stop(&a->m);
}

static void test_two_drives(void)
{
    struct ata a;
    struct block_mem disk[4];
    struct block *ide[PC_IDE_DRIVES];
    uint8_t buf[512];
    unsigned i;

    for (i = 0; i < 4; i++) {
        block_mem_init(&disk[i], BYTES);
        memset(disk[i].data, 0x10 + i, 512);
        disk[i].immediate = true;
        ide[i] = &disk[i].blk;
    }
    ata_start(&a, ide);
    for (i = 0; i < 4; i++) {
        ata_select(&a, i / 2);
        command28(&a, 0x20, i % 2, 0, 1);
        g_assert_cmphex(expect_irq(&a), ==, DRDY | DSC | DRQ);
        pio_in(&a, buf, 512);
        g_assert_cmphex(buf[511], ==, 0x10 + i);
    }
    ata_select(&a, 0);
    command28(&a, 0x40, 1, 0, 1); /* an interrupt follows the selection */
    g_assert_true(irq_level(&a.m, 14));
    reg(&a, DEVICE, 0xe0);
    g_assert_false(irq_level(&a.m, 14));
    reg(&a, DEVICE, 0xf0);
    g_assert_true(irq_level(&a.m, 14));
    outb(&a.m, a.control, 2); /* nIEN */
    g_assert_false(irq_level(&a.m, 14));
    outb(&a.m, a.control, 0);
    expect_irq(&a);
    reg(&a, COMMAND, 0x90); /* EXECUTE DEVICE DIAGNOSTIC */
    g_assert_cmphex(get(&a, DEVICE) & 0x10, ==, 0);
    expect_irq(&a);
    g_assert_cmphex(get(&a, ERROR), ==, 1);
    machine_stop(&a.m);
    for (i = 0; i < 4; i++)
        block_mem_finish(&disk[i]);
}

static void test_power_smart_features(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint8_t buf[512];

    start(&r, true);
    reg(a, DEVICE, 0xe0);
    reg(a, COMMAND, 0xe5);
    g_assert_cmphex(get(a, COUNT), ==, 0xff);
    reg(a, COMMAND, 0xe0);
    reg(a, COMMAND, 0xe5);
    g_assert_cmphex(get(a, COUNT), ==, 0x00);
    reg(a, COMMAND, 0xe1);
    reg(a, COMMAND, 0xe5);
    g_assert_cmphex(get(a, COUNT), ==, 0xff);
    get(a, STATUS);

    reg(a, FEATURE, 0xda); /* SMART RETURN STATUS */
    reg(a, MID, 0x4f);
    reg(a, HIGH, 0xc2);
    reg(a, COMMAND, 0xb0);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmphex(get(a, MID) | get(a, HIGH) << 8, ==, 0xc24f);
    reg(a, HIGH, 0);
    reg(a, COMMAND, 0xb0);
    g_assert_cmphex(expect_irq(a) & ERR, ==, ERR);

    reg(a, FEATURE, 3); /* transfer modes */
    reg(a, COUNT, 0x45);
    reg(a, COMMAND, 0xef);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    reg(a, COMMAND, 0xec);
    pio_in(a, buf, 512);
    g_assert_cmphex(word(buf, 88), ==, 0x203f);
    reg(a, COUNT, 0x47);
    reg(a, COMMAND, 0xef);
    g_assert_cmphex(get(a, STATUS) & ERR, ==, ERR);
    stop(&r);
}

static void test_trim(void)
{
    struct rig r;
    struct ata *a = &r.a;
    uint64_t ranges[64] = {8 | 2ull << 48, 0, 100 | 1ull << 48};

    start(&r, true);
    space_write_bytes(a->m.pc->mem, 0x20000, ranges, 512);
    set_prd(a, 0, 0x20000, 512, true);
    reg(a, DEVICE, 0xe0);
    reg(a, FEATURE, 1);
    reg(a, COUNT, 0);
    reg(a, COUNT, 1);
    reg(a, COMMAND, 0x06);
    bm_start(a, false);
    g_assert_cmphex(expect_irq(a), ==, DRDY | DSC);
    g_assert_cmpuint(r.disk.blk.ops_done[BLOCK_DISCARD], ==, 2);
    g_assert_cmphex(r.disk.data[8 * 512] | r.disk.data[10 * 512 - 1], ==, 0);
    bm_stop(a);
    ranges[1] = SECTORS | 1ull << 48; /* not on the disk */
    space_write_bytes(a->m.pc->mem, 0x20000, ranges, 512);
    reg(a, COMMAND, 0x06);
    bm_start(a, false);
    g_assert_cmphex(expect_irq(a) & ERR, ==, ERR);
    g_assert_cmphex(get(a, ERROR), ==, IDNF);
    stop(&r);
}

/* Anything into any register while requests come and go. */
static void test_garbage(void)
{
    struct rig r;
    struct ata *a = &r.a;
    static const uint8_t likely[] = {0x20, 0x25, 0x30, 0x35, 0xc8,
                                     0xca, 0xc4, 0xec, 0x06, 0xe7};
    unsigned i;

    start(&r, false);
    for (i = 0; i < 60000; i++) {
        uint32_t v = (uint32_t)g_test_rand_int();

        switch (g_test_rand_int_range(0, 8)) {
        case 0: block_mem_answer(&r.disk); break;
        case 1: outl(&a->m, a->port, v); break;
        case 2: inl(&a->m, a->port); break;
        case 3: reg(a, COMMAND, likely[v % G_N_ELEMENTS(likely)]); break;
        case 4: outb(&a->m, BM + (v & 15), v >> 8); break;
        case 5: outb(&a->m, a->control, v % 50 ? 0 : v); break;
        case 6: reg(a, 1 + v % 6, v % 3 ? 0 : v >> 8); break;
        default: reg(a, 1 + v % 7, v >> 8); break;
        }
    }
    outb(&a->m, a->control, 4);
    outb(&a->m, a->control, 0);
    reg(a, DEVICE, 0xe0);
    g_assert_cmphex(alt(a), ==, DRDY | DSC);
    stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/identify", test_identify);
    g_test_add_func("/ide/units", test_units);
    g_test_add_func("/ide/pio-read", test_pio_read);
    g_test_add_func("/ide/pio-write", test_pio_write);
    g_test_add_func("/ide/multiple", test_multiple);
    g_test_add_func("/ide/addresses", test_addresses);
    g_test_add_func("/ide/dma", test_dma);
    g_test_add_func("/ide/dma-odd", test_dma_odd);
    g_test_add_func("/ide/dma-big", test_big_dma);
    g_test_add_func("/ide/errors", test_errors);
    g_test_add_func("/ide/flush", test_flush_and_cache);
    g_test_add_func("/ide/reset-in-flight", test_reset_in_flight);
    g_test_add_func("/ide/drain", test_drain);
    g_test_add_func("/ide/nobody", test_nobody);
    g_test_add_func("/ide/two-drives", test_two_drives);
    g_test_add_func("/ide/power-smart-features", test_power_smart_features);
    g_test_add_func("/ide/trim", test_trim);
    g_test_add_func("/ide/garbage", test_garbage);
    return g_test_run();
}
