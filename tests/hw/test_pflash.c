/* SPDX-License-Identifier: MIT
 * Flash chips: commands of the Intel set, what executes from them, what reaches the drive. */
#include <string.h>

#include "hw/block/pflash_cfi01.h"
#include "tests/hw/machine.h"

#define SIZE (64u << 10)
#define BASE 0xffff0000u

struct rig {
    struct clock clock;
    struct dev_env env;
    struct block_mem drive;
    struct pflash f;
};

static void start(struct rig *r, bool readonly)
{
    struct err e;

    memset(r, 0, sizeof(*r));
    clock_init(&r->clock, NULL, NULL);
    r->env.mem = space_create("mem", 1ull << 40);
    r->env.clock = &r->clock;
    block_mem_init(&r->drive, SIZE);
    memset(r->drive.data, 0x5a, SIZE);
    r->drive.immediate = true;
    r->drive.blk.readonly = readonly;
    dev_init(&r->f.dev, &pflash_class, NULL, &r->env);
    r->f.blk = &r->drive.blk;
    g_assert_true(dev_realize(&r->f.dev, &e));
    g_assert_true(pflash_place(&r->f, BASE, &e));
    dev_reset(&r->f.dev);
}

static void stop(struct rig *r)
{
    dev_finish(&r->f.dev);
    block_mem_finish(&r->drive);
    space_destroy(r->env.mem);
}

static void wr(struct rig *r, uint32_t at, uint8_t v)
{
    space_write(r->env.mem, BASE + at, v, 1);
}

static uint8_t rd(struct rig *r, uint32_t at)
{
    return (uint8_t)space_read(r->env.mem, BASE + at, 1);
}

static bool executable(struct rig *r)
{
    return space_ram_page(r->env.mem, BASE, NULL);
}

/* How firmware tells flash from RAM and ROM. */
static void test_detect(void)
{
    struct rig r;

    start(&r, false);
    g_assert_true(executable(&r));
    wr(&r, 0, 0x50);
    g_assert_cmphex(rd(&r, 0), ==, 0x5a);
    wr(&r, 0, 0x70);
    g_assert_cmphex(rd(&r, 0), ==, 0x00);
    g_assert_false(executable(&r));
    wr(&r, 0, 0xff);
    g_assert_cmphex(rd(&r, 0), ==, 0x5a);
    g_assert_true(executable(&r));
    stop(&r);
}

static void test_program_erase(void)
{
    struct rig r;

    start(&r, false);
    wr(&r, 0x1234, 0x10);
    wr(&r, 0x1234, 0x0f); /* bits only fall */
    g_assert_cmphex(rd(&r, 0), ==, 0x80);
    wr(&r, 0, 0xff);
    g_assert_cmphex(rd(&r, 0x1234), ==, 0x0a);
    g_assert_cmphex(r.drive.data[0x1234], ==, 0x0a);
    wr(&r, 0x1fff, 0x20);
    wr(&r, 0x1fff, 0xd0);
    wr(&r, 0, 0xff);
    g_assert_cmphex(rd(&r, 0x1000), ==, 0xff);
    g_assert_cmphex(rd(&r, 0x1fff), ==, 0xff);
    g_assert_cmphex(rd(&r, 0x2000), ==, 0x5a);
    g_assert_cmphex(r.drive.data[0x1000], ==, 0xff);
    g_assert_cmphex(r.drive.data[0x0fff], ==, 0x5a);

    wr(&r, 0, 0x20); /* not confirmed */
    wr(&r, 0, 0x00);
    g_assert_cmphex(rd(&r, 0), ==, 0xb0);
    wr(&r, 0, 0x50);
    wr(&r, 0, 0x70);
    g_assert_cmphex(rd(&r, 0), ==, 0x00);
    stop(&r);
}

static void test_buffered(void)
{
    struct rig r;
    unsigned i;

    start(&r, false);
    wr(&r, 0x3000, 0x20);
    wr(&r, 0x3000, 0xd0);
    wr(&r, 0x3010, 0xe8);
    wr(&r, 0x3010, 3); /* four bytes */
    for (i = 0; i < 4; i++)
        wr(&r, 0x3010 + i, (uint8_t)(0x20 + i)); /* 0x20 is data here */
    wr(&r, 0x3010, 0xd0);
    wr(&r, 0, 0xff);
    g_assert_cmphex(rd(&r, 0x3010), ==, 0x20);
    g_assert_cmphex(rd(&r, 0x3013), ==, 0x23);
    g_assert_cmphex(rd(&r, 0x3014), ==, 0xff);
    g_assert_cmphex(r.drive.data[0x3013], ==, 0x23);
    stop(&r);
}

static void test_readonly(void)
{
    struct rig r;

    start(&r, true);
    wr(&r, 0, 0x10);
    wr(&r, 0, 0x00);
    g_assert_cmphex(rd(&r, 0), ==, 0x90);
    wr(&r, 0, 0x20);
    wr(&r, 0, 0xd0);
    g_assert_cmphex(rd(&r, 0), ==, 0xb0);
    wr(&r, 0, 0xff);
    g_assert_cmphex(rd(&r, 0), ==, 0x5a);
    stop(&r);
}

static void test_query(void)
{
    struct rig r;

    start(&r, false);
    wr(&r, 0x55, 0x98);
    g_assert_cmphex(rd(&r, 0x10), ==, 'Q');
    g_assert_cmphex(rd(&r, 0x13), ==, 1);
    g_assert_cmpuint(1u << rd(&r, 0x27), ==, SIZE);
    g_assert_cmpuint(rd(&r, 0x2d) + 1, ==, SIZE / 4096);
    g_assert_cmpuint((rd(&r, 0x2f) | rd(&r, 0x30) << 8) * 256, ==, 4096);
    wr(&r, 0, 0x90);
    g_assert_cmphex(rd(&r, 0), ==, 0x89);
    dev_reset(&r.f.dev);
    g_assert_true(executable(&r));
    stop(&r);
}

/* Writes while one is under way reach the drive after it, the last ones before the end. */
static void test_drive_order(void)
{
    struct rig r;

    start(&r, false);
    r.drive.immediate = false;
    wr(&r, 0x10, 0x10);
    wr(&r, 0x10, 0x01);
    wr(&r, 0x1010, 0x10);
    wr(&r, 0x1010, 0x02);
    wr(&r, 0x2010, 0x10);
    wr(&r, 0x2010, 0x42);
    g_assert_cmpuint(r.drive.n_queue, ==, 1);
    block_mem_answer(&r.drive);
    g_assert_cmphex(r.drive.data[0x10], ==, 0x00);
    dev_finish(&r.f.dev);
    g_assert_cmphex(r.drive.data[0x1010], ==, 0x02);
    g_assert_cmphex(r.drive.data[0x2010], ==, 0x42);
    block_mem_finish(&r.drive);
    space_destroy(r.env.mem);
}

static void test_sizes(void)
{
    struct rig r;
    struct pflash f = {0};
    struct err e;

    start(&r, false);
    dev_init(&f.dev, &pflash_class, NULL, &r.env);
    f.blk = &r.drive.blk;
    r.drive.blk.bytes = 4096 + 512;
    g_assert_false(dev_realize(&f.dev, &e));
    r.drive.blk.bytes = 0;
    g_assert_false(dev_realize(&f.dev, &e));
    r.drive.blk.bytes = SIZE;
    r.drive.fail = 5;
    g_assert_false(dev_realize(&f.dev, &e));
    r.drive.fail = 0;
    stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pflash/detect", test_detect);
    g_test_add_func("/pflash/program-erase", test_program_erase);
    g_test_add_func("/pflash/buffered", test_buffered);
    g_test_add_func("/pflash/readonly", test_readonly);
    g_test_add_func("/pflash/query", test_query);
    g_test_add_func("/pflash/drive-order", test_drive_order);
    g_test_add_func("/pflash/sizes", test_sizes);
    return g_test_run();
}
