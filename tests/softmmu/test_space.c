/* SPDX-License-Identifier: MIT
 * Address spaces: placing, overlap, splitting, widening, holes, hooks. */
#include "softmmu/space.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* A device that remembers its last accesses and answers with its offset. */
struct probe {
    unsigned n;
    struct {
        uint64_t offset, value;
        unsigned size;
    } at[16];
};

static void note(struct probe *p, uint64_t offset, uint64_t value, unsigned size)
{
    g_assert_cmpuint(p->n, <, G_N_ELEMENTS(p->at));
    p->at[p->n].offset = offset;
    p->at[p->n].value = value;
    p->at[p->n++].size = size;
}

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned size)
{
    note(opaque, offset, 0, size);
    return 0x8877665544332211ull + 0x0101010101010101ull * (offset & 0xf);
}

static void probe_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    note(opaque, offset, value, size);
}

static const struct io_ops any_ops = {probe_read, probe_write, 0, 0};
static const struct io_ops byte_ops = {probe_read, probe_write, 1, 1};
static const struct io_ops dword_ops = {probe_read, probe_write, 4, 4};
static const struct io_ops qword_ops = {probe_read, probe_write, 1, 8};

static void test_overlap(void)
{
    struct space *s = space_create("mem", 0x100000);
    uint8_t *host = aligned_alloc(4096, 8192);
    struct probe p = {0};
    struct err e;

    g_assert_true(space_add_ram(s, "ram", 0x1000, 0x2000, host, false, &e));
    g_assert_true(space_add_io(s, "dev", 0x3000, 0x10, &any_ops, &p, &e));
    g_assert_false(space_add_io(s, "low", 0xfff, 2, &any_ops, &p, &e));
    g_assert_nonnull(strstr(e.msg, "overlaps ram"));
    g_assert_false(space_add_io(s, "inside", 0x1800, 1, &any_ops, &p, &e));
    g_assert_false(space_add_ram(s, "over", 0x3000, 0x1000, host, false, &e));
    g_assert_false(space_add_io(s, "cover", 0, 0x100000, &any_ops, &p, &e));
    g_assert_false(space_add_io(s, "long", 0xffff0, 0x11, &any_ops, &p, &e));
    g_assert_false(space_add_io(s, "empty", 0x5000, 0, &any_ops, &p, &e));
    g_assert_false(space_add_ram(s, "odd", 0x5001, 0x1000, host, false, &e));
    g_assert_true(space_add_io(s, "end", 0xffff0, 0x10, &any_ops, &p, &e));
    g_assert_true(space_remove(s, 0x3000));
    g_assert_false(space_remove(s, 0x3000));
    g_assert_true(space_add_ram(s, "over", 0x3000, 0x1000, host, false, &e));
    space_destroy(s);
    free(host);
}

static void test_whole_range(void)
{
    struct space *s = space_create("all", 0);
    struct probe p = {0};

    g_assert_true(space_add_io(s, "top", UINT64_MAX - 7, 8, &any_ops, &p, NULL));
    space_read(s, UINT64_MAX - 3, 4);
    g_assert_cmpuint(p.at[0].offset, ==, 4);
    g_assert_cmpuint(space_read(s, UINT64_MAX, 8) >> 8, ==, 0xffffffffffffffull);
    space_destroy(s);
}

static void test_widths(void)
{
    struct space *s = space_create("io", 0x10000);
    struct probe p = {0};

    space_add_io(s, "byte", 0x10, 4, &byte_ops, &p, NULL);
    space_add_io(s, "dword", 0x20, 0x20, &dword_ops, &p, NULL);
    space_add_io(s, "qword", 0x40, 0x10, &qword_ops, &p, NULL);

    g_assert_cmphex(space_read(s, 0x10, 2), ==, 0x1211); /* split into two bytes */
    g_assert_cmpuint(p.n, ==, 2);
    g_assert_cmpuint(p.at[1].size, ==, 1);

    p.n = 0;
    g_assert_cmphex(space_read(s, 0x22, 1), ==, 0x33); /* widened to a dword */
    g_assert_cmpuint(p.n, ==, 1);
    g_assert_cmpuint(p.at[0].offset, ==, 0);
    g_assert_cmpuint(p.at[0].size, ==, 4);

    p.n = 0;
    space_write(s, 0x25, 0xabcd, 2); /* bytes in place, the others zero */
    g_assert_cmpuint(p.n, ==, 1);
    g_assert_cmpuint(p.at[0].offset, ==, 4);
    g_assert_cmphex(p.at[0].value, ==, 0xabcd00);

    p.n = 0;
    space_write(s, 0x26, 0x44332211, 4); /* across two registers */
    g_assert_cmpuint(p.n, ==, 2);
    g_assert_cmphex(p.at[0].value, ==, 0x22110000);
    g_assert_cmpuint(p.at[1].offset, ==, 8);
    g_assert_cmphex(p.at[1].value, ==, 0x4433);

    p.n = 0;
    space_write(s, 0x41, 0x8877665544332211ull, 8); /* natural pieces: 1 2 4 1 */
    g_assert_cmpuint(p.n, ==, 4);
    g_assert_cmphex(p.at[0].value, ==, 0x11);
    g_assert_cmphex(p.at[1].value, ==, 0x3322);
    g_assert_cmphex(p.at[2].value, ==, 0x77665544);
    g_assert_cmphex(p.at[3].value, ==, 0x88);
    g_assert_cmpuint(p.at[3].size, ==, 1);

    p.n = 0;
    space_read(s, 0x40, 8);
    g_assert_cmpuint(p.n, ==, 1);
    space_destroy(s);
}

static void test_holes(void)
{
    struct space *s = space_create("io", 0x10000);
    struct probe p = {0};

    space_add_io(s, "byte", 0x11, 1, &byte_ops, &p, NULL);
    g_assert_cmphex(space_read(s, 0x100, 4), ==, 0xffffffff);
    g_assert_cmphex(space_read(s, 0x10, 4), ==, 0xffff11ff);
    space_write(s, 0x10, 0x44332211, 4);
    g_assert_cmpuint(p.n, ==, 2);
    g_assert_cmphex(p.at[1].value, ==, 0x22);
    g_assert_cmphex(space_read(s, 0xfffff, 1), ==, 0xff); /* past the end */
    space_destroy(s);
}

struct hooks {
    unsigned changes;
    gpa addr;
    uint64_t size;
};

static void on_change(void *opaque)
{
    ((struct hooks *)opaque)->changes++;
}

static void on_dma(void *opaque, gpa addr, uint64_t size)
{
    struct hooks *h = opaque;

    h->addr = addr;
    h->size = size;
}

static void test_ram(void)
{
    struct space *s = space_create("mem", 0);
    uint8_t *host = aligned_alloc(4096, 8192), buf[16];
    struct hooks h = {0};
    bool writable;

    memset(host, 0, 8192);
    space_on_change(s, on_change, &h);
    space_on_dma_write(s, on_dma, &h);
    space_add_ram(s, "ram", 0x10000, 4096, host, false, NULL);
    space_add_ram(s, "rom", 0x11000, 4096, host + 4096, true, NULL);
    g_assert_cmpuint(h.changes, ==, 2);

    g_assert_true(space_ram_page(s, 0x10fff, &writable) == host && writable);
    g_assert_true(space_ram_page(s, 0x11001, &writable) == host + 4096 && !writable);
    g_assert_null(space_ram_page(s, 0x12000, &writable));
    g_assert_null(space_ram_page(s, 0xffff, NULL));

    space_write(s, 0x10ffe, 0x44332211, 4); /* the half in ROM is dropped */
    g_assert_cmphex(h.addr, ==, 0x10ffe);
    g_assert_cmpuint(h.size, ==, 2);
    g_assert_cmphex(space_read(s, 0x10ffe, 4), ==, 0x2211);
    host[4096] = 0x99;
    space_read_bytes(s, 0x10ffe, buf, 4);
    g_assert_cmphex(buf[2], ==, 0x99);
    space_remove(s, 0x11000);
    g_assert_cmpuint(h.changes, ==, 3);
    g_assert_cmphex(space_read(s, 0x11000, 1), ==, 0xff);
    space_destroy(s);
    free(host);
}

/* Many regions in random places: every lookup agrees with a linear search. */
static void test_random(void)
{
    enum { N = 60 };
    struct space *s = space_create("mem", 0x10000);
    struct probe p[N];
    gpa base[N], size[N];
    unsigned n = 0, i, tries;

    memset(p, 0, sizeof(p));
    for (tries = 0; tries < 400 && n < N; tries++) {
        base[n] = (gpa)g_test_rand_int_range(0, 0x10000);
        size[n] = (gpa)g_test_rand_int_range(1, 0x200);
        if (space_add_io(s, "r", base[n], size[n], &byte_ops, &p[n], NULL))
            n++;
    }
    for (tries = 0; tries < 20000; tries++) {
        gpa a = (gpa)g_test_rand_int_range(0, 0x10000);
        bool found = false;

        for (i = 0; i < n; i++)
            p[i].n = 0;
        space_read(s, a, 1);
        for (i = 0; i < n; i++) {
            bool in = a - base[i] < size[i];

            g_assert_cmpuint(p[i].n, ==, in);
            if (in)
                g_assert_cmpuint(p[i].at[0].offset, ==, a - base[i]);
            found |= in;
        }
        g_assert_true(found || space_read(s, a, 1) == 0xff);
    }
    space_destroy(s);
}

static void count(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void covers(void *opaque, gpa addr, uint64_t size)
{
    *(gpa *)opaque = addr + size;
}

struct seen {
    unsigned n;
    gpa addr[4];
};

static void see(void *opaque, gpa addr, uint64_t size)
{
    struct seen *h = opaque;

    g_assert_cmpuint(size, ==, 8);
    g_assert_cmpuint(h->n, <, 4);
    h->addr[h->n++] = addr;
}

/* Memory that stands at two addresses: a write by a device is one at both. */
static void test_aliases(void)
{
    struct space *s = space_create("mem", 1 << 20);
    static uint8_t page[8192] __attribute__((aligned(4096)));
    struct seen h = {0};

    g_assert_true(space_add_ram(s, "window", 0x1000, 4096, page + 4096, false, NULL));
    g_assert_true(space_add_ram(s, "whole", 0x3000, 8192, page, false, NULL));
    space_on_dma_write(s, see, &h);
    space_write(s, 0x1010, 1, 8);
    space_dma_written(s, 0x4010, 8);
    g_assert_cmpuint(h.n, ==, 4);
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmphex(h.addr[i], ==, i & 1 ? 0x4010 : 0x1010);
    h.n = 0;
    space_host_written(s, page + 8, 8); /* of the whole only */
    g_assert_cmpuint(h.n, ==, 1);
    g_assert_cmphex(h.addr[0], ==, 0x3008);
    space_host_written(s, &h, 8);
    g_assert_cmpuint(h.n, ==, 1);
    space_destroy(s);
}

/* One call for all changes between hold and release; RAM tells what it covers. */
static void test_changes(void)
{
    struct space *s = space_create("mem", 1 << 20);
    static uint8_t page[4096] __attribute__((aligned(4096)));
    unsigned calls = 0;
    gpa end = 0;

    space_on_change(s, count, &calls);
    space_on_dma_write(s, covers, &end);
    space_hold(s);
    space_hold(s);
    g_assert_true(space_add_ram(s, "a", 0x1000, 4096, page, false, NULL));
    g_assert_cmphex(end, ==, 0x2000);
    g_assert_true(space_add_ram(s, "b", 0x3000, 4096, page, false, NULL));
    space_release(s);
    g_assert_cmpuint(calls, ==, 0);
    space_release(s);
    g_assert_cmpuint(calls, ==, 1);
    g_assert_true(space_remove(s, 0x1000));
    g_assert_cmphex(end, ==, 0x2000);
    g_assert_cmpuint(calls, ==, 2);
    space_hold(s);
    space_release(s);
    g_assert_cmpuint(calls, ==, 2);
    space_destroy(s);
}

static void test_shadow(void)
{
    struct space *s = space_create("mem", 1 << 20);
    static uint8_t rom[4096] __attribute__((aligned(4096))), ram[4096];
    bool writable = true;

    rom[5] = 0x77;
    g_assert_true(space_add_shadow(s, "rom", 0x1000, 4096, rom, ram, NULL));
    space_write(s, 0x1005, 0x1234, 2);
    g_assert_cmphex(space_read(s, 0x1005, 2), ==, 0x77);
    g_assert_cmphex(ram[5] | ram[6] << 8, ==, 0x1234);
    g_assert_true(space_ram_page(s, 0x1000, &writable) == rom && !writable);
    space_destroy(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/overlap", test_overlap);
    g_test_add_func("/space/whole-range", test_whole_range);
    g_test_add_func("/space/widths", test_widths);
    g_test_add_func("/space/holes", test_holes);
    g_test_add_func("/space/ram", test_ram);
    g_test_add_func("/space/changes", test_changes);
    g_test_add_func("/space/aliases", test_aliases);
    g_test_add_func("/space/shadow", test_shadow);
    g_test_add_func("/space/random", test_random);
    return g_test_run();
}
