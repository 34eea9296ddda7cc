/* SPDX-License-Identifier: MIT
 * Drive requests, deferred calls, key names. */
#include "softmmu/block.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>

#include "softmmu/defer.h"
#include "softmmu/input.h"
#include "softmmu/space.h"

static int answered;

static void done(struct block_req *r, int error)
{
    *(int *)r->opaque = error;
    answered++;
}

static int run(struct block_mem *m, enum block_op op, uint64_t offset, void *buf, uint64_t n)
{
    int error = -1;
    struct block_vec vec = {buf, n};
    struct block_req r = {.op = op,
                          .offset = offset,
                          .bytes = n,
                          .vec = &vec,
                          .n_vec = 1,
                          .done = done,
                          .opaque = &error};

    block_submit(&m->blk, &r);
    block_drain(&m->blk);
    return error;
}

static void test_requests(void)
{
    struct block_mem m;
    uint8_t a[1024], b[1024] = {0};

    memset(a, 0x5a, sizeof(a));
    block_mem_init(&m, 4096);
    g_assert_cmpint(run(&m, BLOCK_WRITE, 3072, a, 1024), ==, 0);
    g_assert_cmpint(run(&m, BLOCK_READ, 3072, b, 1024), ==, 0);
    g_assert_cmpmem(a, 1024, b, 1024);
    g_assert_cmpint(run(&m, BLOCK_READ, 3584, b, 1024), ==, EINVAL);
    g_assert_cmpint(run(&m, BLOCK_READ, UINT64_MAX - 511, b, 1024), ==, EINVAL);
    g_assert_cmpint(run(&m, BLOCK_READ, 100, b, 512), ==, EINVAL);
    g_assert_cmpint(run(&m, BLOCK_ZERO, 3072, NULL, 512), ==, 0);
    g_assert_cmpuint(m.data[3072], ==, 0);
    g_assert_cmpuint(m.data[3584], ==, 0x5a);
    g_assert_cmpint(run(&m, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    g_assert_cmpuint(m.flushes, ==, 1);
    m.fail = ENOSPC;
    g_assert_cmpint(run(&m, BLOCK_WRITE, 0, a, 512), ==, ENOSPC);
    m.blk.readonly = true;
    g_assert_cmpint(run(&m, BLOCK_WRITE, 0, a, 512), ==, EROFS);
    m.blk.present = false;
    g_assert_cmpint(run(&m, BLOCK_FLUSH, 0, NULL, 0), ==, ENOMEDIUM);
    block_mem_finish(&m);
}

struct call {
    struct defer d;
    struct defer_queue *q;
    struct call *then;
    unsigned made;
};

static void made(void *opaque)
{
    struct call *c = opaque;

    c->made++;
    if (c->then)
        defer_post(c->q, &c->then->d);
}

static void count_kick(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void *post_from_thread(void *opaque)
{
    struct call *c = opaque;

    defer_post(c->q, &c->d);
    return NULL;
}

static void test_defer(void)
{
    struct defer_queue q;
    struct call a = {.q = &q}, b = {.q = &q, .then = &a};
    unsigned kicks = 0;
    pthread_t t;

    defer_queue_init(&q);
    q.kick = count_kick;
    q.opaque = &kicks;
    a.d = (struct defer){.fn = made, .opaque = &a};
    b.d = (struct defer){.fn = made, .opaque = &b};
    g_assert_false(defer_run(&q));
    g_assert_cmpint(pthread_create(&t, NULL, post_from_thread, &b), ==, 0);
    pthread_join(t, NULL);
    defer_post(&q, &b.d);
    g_assert_cmpuint(kicks, ==, 1);
    g_assert_true(defer_run(&q));
    g_assert_cmpuint(b.made, ==, 1);
    g_assert_cmpuint(a.made, ==, 1);
    g_assert_false(defer_run(&q));
    defer_queue_finish(&q);
}

static void test_keys(void)
{
    unsigned c, named = 0;

    g_assert_cmpuint(input_key_by_name("a"), ==, 0x1e);
    g_assert_cmpuint(input_key_by_name("ret"), ==, 0x1c);
    g_assert_cmpuint(input_key_by_name("f10"), ==, 0x44);
    g_assert_cmpuint(input_key_by_name("kp_0"), ==, 0x52);
    g_assert_cmpuint(input_key_by_name("delete"), ==, 0xd3);
    g_assert_cmpuint(input_key_by_name("nokey"), ==, 0);
    for (c = 1; c < 256; c++)
        if (input_key_name(c)) {
            g_assert_cmpuint(input_key_by_name(input_key_name(c)), ==, c);
            named++;
        }
    g_assert_cmpuint(named, >, 110);
}

static void note_dma(void *opaque, gpa addr, uint64_t n)
{
    *(uint64_t *)opaque = addr << 16 | n;
}

static void test_dma_map(void)
{
    static uint8_t ram[8192], rom[4096];
    struct space *s = space_create("memory", 0);
    struct err e;
    uint64_t n = 100000, note = 0;

    g_assert_true(space_add_ram(s, "ram", 0x10000, 8192, ram, false, &e));
    g_assert_true(space_add_ram(s, "rom", 0x12000, 4096, rom, true, &e));
    g_assert_true(space_dma_map(s, 0x10100, &n, true) == ram + 0x100);
    g_assert_cmpuint(n, ==, 8192 - 0x100);
    n = 5;
    g_assert_true(space_dma_map(s, 0x12000, &n, false) == rom);
    g_assert_cmpuint(n, ==, 5);
    g_assert_null(space_dma_map(s, 0x12000, &n, true));
    g_assert_null(space_dma_map(s, 0x13000, &n, false));
    space_on_dma_write(s, note_dma, &note);
    space_dma_written(s, 0x10200, 16);
    g_assert_cmpuint(note, ==, 0x102000010);
    space_destroy(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/softmmu/block", test_requests);
    g_test_add_func("/softmmu/defer", test_defer);
    g_test_add_func("/softmmu/keys", test_keys);
    g_test_add_func("/softmmu/dma-map", test_dma_map);
    return g_test_run();
}
