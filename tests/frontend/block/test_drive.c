/* SPDX-License-Identifier: MIT
 * Drives from the device's side: requests in flight, failures that pause the machine, media
 * that come and go, temporary overlays. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "frontend/block/drives.h"

enum { MIB = 1 << 20 };

struct bench {
    char *dir, *file;
    struct drive_opts o;
    struct defer_queue q;
    struct drives *ds;
    struct block *b;
    unsigned errors; /* calls of io_error */
    int error;
    unsigned changes, eject_requests;
};

struct test_req {
    struct block_req r;
    struct block_vec v[2];
    int error;
    bool done;
};

static void on_done(struct block_req *r, int error)
{
    struct test_req *t = r->opaque;

    t->error = error;
    t->done = true;
}

static void on_io_error(void *opaque, struct block *b, enum block_op op, int error)
{
    struct bench *t = opaque;

    t->errors++;
    t->error = error;
}

static void on_changed(void *opaque)
{
    ((struct bench *)opaque)->changes++;
}

static void on_eject_request(void *opaque)
{
    ((struct bench *)opaque)->eject_requests++;
}

static void make_file(const char *path, uint64_t bytes, uint8_t value)
{
    char *data = g_malloc(bytes);

    memset(data, value, bytes);
    g_assert_true(g_file_set_contents(path, data, (gssize)bytes, NULL));
    g_free(data);
}

static void setup(struct bench *t)
{
    *t = (struct bench){.o = {.id = "d", .werror = DRIVE_ENOSPC}};
    t->dir = g_dir_make_tmp("mynah-drive-XXXXXX", NULL);
    t->file = g_build_filename(t->dir, "disk", NULL);
    make_file(t->file, 4 * MIB, 0x11);
    t->o.image.file = t->file;
    t->o.image.format = "raw";
    defer_queue_init(&t->q);
}

static bool start(struct bench *t, struct err *e)
{
    struct drives_env env = {.defer = &t->q, .io_error = on_io_error, .opaque = t};

    *e = (struct err){""};
    t->ds = drives_create(&t->o, 1, &env, e);
    if (!t->ds)
        return false;
    t->b = drives_by_id(t->ds, "d");
    t->b->changed = on_changed;
    t->b->eject_request = on_eject_request;
    t->b->opaque = t;
    return true;
}

static void start_ok(struct bench *t)
{
    struct err e;

    if (!start(t, &e))
        g_error("%s", e.msg);
}

static void teardown(struct bench *t)
{
    char *cmd = g_strdup_printf("rm -rf %s", t->dir);

    drives_destroy(t->ds);
    g_assert_false(defer_run(&t->q)); /* a drive that is gone is not called */
    defer_queue_finish(&t->q);
    g_assert_cmpint(system(cmd), ==, 0);
    g_free(cmd);
    g_free(t->file);
    g_free(t->dir);
}

static void submit(struct bench *t, struct test_req *r, enum block_op op, uint64_t at,
                   void *buf, uint64_t bytes)
{
    uint64_t half = bytes / 1024 * 512;

    *r = (struct test_req){.v = {{buf, half}, {(char *)buf + half, bytes - half}}};
    r->r = (struct block_req){.op = op,
                              .offset = at,
                              .bytes = bytes,
                              .vec = r->v,
                              .n_vec = 2,
                              .done = on_done,
                              .opaque = r};
    block_submit(t->b, &r->r);
}

static void wait_for(struct bench *t, const struct test_req *r)
{
    gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;

    while (!r->done) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        if (!defer_run(&t->q))
            g_usleep(100);
    }
}

static int transfer(struct bench *t, enum block_op op, uint64_t at, void *buf, uint64_t bytes)
{
    struct test_req r;

    submit(t, &r, op, at, buf, bytes);
    wait_for(t, &r);
    return r.error;
}

static uint8_t byte_of_file(const char *path, long at)
{
    FILE *f = fopen(path, "rb");
    int c;

    g_assert_nonnull(f);
    fseek(f, at, SEEK_SET);
    c = fgetc(f);
    fclose(f);
    return (uint8_t)c;
}

/* ---- requests ---- */

static void test_answers_later(void)
{
    struct bench t;
    struct test_req r;
    char buf[4096];

    setup(&t);
    start_ok(&t);
    submit(&t, &r, BLOCK_READ, 4096, buf, sizeof(buf));
    g_assert_false(r.done); /* even when the host had the data at hand */
    wait_for(&t, &r);
    g_assert_cmpint(r.error, ==, 0);
    g_assert_cmpint(buf[0], ==, 0x11);
    g_assert_cmpint(buf[4095], ==, 0x11);
    teardown(&t);
}

static void test_write_flush(void)
{
    struct bench t;
    char buf[8192], back[8192];

    setup(&t);
    start_ok(&t);
    memset(buf, 0x22, sizeof(buf));
    g_assert_cmpint(transfer(&t, BLOCK_WRITE, 512, buf, sizeof(buf)), ==, 0);
    g_assert_cmpint(transfer(&t, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    g_assert_cmpint(byte_of_file(t.file, 511), ==, 0x11);
    g_assert_cmpint(byte_of_file(t.file, 512), ==, 0x22);
    g_assert_cmpint(byte_of_file(t.file, 512 + 8191), ==, 0x22);
    g_assert_cmpint(transfer(&t, BLOCK_READ, 512, back, sizeof(back)), ==, 0);
    g_assert_cmpmem(back, sizeof(back), buf, sizeof(buf));
    g_assert_cmpint(transfer(&t, BLOCK_ZERO, 1024, NULL, 512), ==, 0);
    g_assert_cmpint(byte_of_file(t.file, 1024), ==, 0);
    g_assert_cmpint(byte_of_file(t.file, 1536), ==, 0x22);
    teardown(&t);
}

static void test_zero_detection(void)
{
    struct bench t;
    char *zeroes = g_malloc0(MIB);
    GStatBuf st;

    setup(&t);
    t.o.image.zeroes = ZEROES_UNMAP;
    t.o.image.unmap = true;
    start_ok(&t);
    g_assert_cmpint(transfer(&t, BLOCK_WRITE, MIB, zeroes, MIB), ==, 0);
    g_assert_cmpint(g_stat(t.file, &st), ==, 0);
    g_assert_cmpint(st.st_blocks, <, 4 * MIB / 512);
    g_assert_cmpint(byte_of_file(t.file, MIB), ==, 0);
    g_assert_cmpint(transfer(&t, BLOCK_DISCARD, 0, NULL, MIB), ==, 0);
    g_assert_cmpint(byte_of_file(t.file, 0), ==, 0);
    teardown(&t);
    g_free(zeroes);
}

enum { LANES = 16, LANE = 64 << 10 };

/* Each lane has one request in flight and checks what it reads back. */
static void many_at_once(struct bench *t)
{
    static uint8_t data[LANES][LANE], back[LANES][LANE];
    struct test_req r[LANES];
    bool reading[LANES] = {false};

    for (unsigned i = 0; i < LANES; i++)
        r[i].done = true;
    for (unsigned n = 0; n < 1500; n++) {
        unsigned i = (unsigned)g_test_rand_int_range(0, LANES);
        uint64_t at = (uint64_t)i * LANE;

        wait_for(t, &r[i]);
        if (n >= LANES)
            g_assert_cmpint(reading[i] ? r[i].error : 0, ==, 0);
        if (reading[i])
            g_assert_cmpmem(back[i], LANE, data[i], LANE);
        reading[i] = !reading[i];
        if (reading[i]) {
            memset(data[i], (int)n, LANE);
            submit(t, &r[i], BLOCK_WRITE, at, data[i], LANE);
            wait_for(t, &r[i]);
            g_assert_cmpint(r[i].error, ==, 0);
            submit(t, &r[i], BLOCK_READ, at, back[i], LANE);
        } else {
            submit(t, &r[i], n % 7 ? BLOCK_FLUSH : BLOCK_DISCARD, at, NULL, n % 7 ? 0 : LANE);
            if (n % 7 == 0)
                memset(data[i], 0, LANE);
        }
    }
    for (unsigned i = 0; i < LANES; i++)
        wait_for(t, &r[i]);
}

static void test_many_raw(void)
{
    struct bench t;

    setup(&t);
    start_ok(&t);
    many_at_once(&t);
    teardown(&t);
}

static void test_many_overlay(void)
{
    struct bench t;

    setup(&t);
    t.o.image.snapshot = true;
    start_ok(&t);
    many_at_once(&t);
    g_assert_cmpint(byte_of_file(t.file, 0), ==, 0x11);
    teardown(&t);
}

/* A qcow2 image of 64 MiB in place of the raw one; false: no qemu-img here. */
static bool use_qcow2(struct bench *t)
{
    char *cmd = g_strdup_printf("qemu-img create -q -f qcow2 %s 64M", t->file);
    char *tool = g_find_program_in_path("qemu-img");
    bool there = tool != NULL;

    if (there)
        g_assert_cmpint(system(cmd), ==, 0);
    g_free(tool);
    g_free(cmd);
    t->o.image.format = "qcow2";
    t->o.image.unmap = true;
    return there;
}

static void check_qcow2(struct bench *t)
{
    char *cmd = g_strdup_printf("qemu-img check -q %s", t->file);

    drives_destroy(t->ds);
    t->ds = NULL;
    g_assert_cmpint(system(cmd), ==, 0);
    g_free(cmd);
}

static void test_many_qcow2(void)
{
    struct bench t;

    setup(&t);
    if (use_qcow2(&t)) {
        start_ok(&t);
        many_at_once(&t);
        check_qcow2(&t);
    }
    teardown(&t);
}

/* ---- failures ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit l = {bytes, RLIM_INFINITY};

    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &l), ==, 0);
}

static void grow_file(const char *path, uint64_t bytes)
{
    g_assert_cmpint(truncate(path, (off_t)bytes), ==, 0);
}

static void test_held_until_retry(void)
{
    struct bench t;
    struct test_req r[3];
    struct drive_info info;
    char buf[4096];

    setup(&t);
    grow_file(t.file, 64 * MIB);
    start_ok(&t);
    memset(buf, 0x33, sizeof(buf));
    limit_files(8 * MIB);
    submit(&t, &r[0], BLOCK_WRITE, 32 * MIB, buf, sizeof(buf));
    submit(&t, &r[1], BLOCK_WRITE, 33 * MIB, buf, sizeof(buf));
    submit(&t, &r[2], BLOCK_WRITE, 0, buf, sizeof(buf));
    wait_for(&t, &r[2]);
    for (gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND; t.errors < 2;) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        defer_run(&t.q);
    }
    g_assert_cmpint(t.error, ==, ENOSPC);
    g_assert_false(r[0].done || r[1].done);
    drives_info(t.ds, 0, &info);
    g_assert_cmpint(info.held, ==, 2);
    drives_flush(t.ds); /* stopping the machine does not lose them */
    g_assert_false(r[0].done || r[1].done);
    limit_files(RLIM_INFINITY);
    drives_retry(t.ds);
    wait_for(&t, &r[0]);
    wait_for(&t, &r[1]);
    g_assert_cmpint(r[0].error | r[1].error, ==, 0);
    g_assert_cmpint(byte_of_file(t.file, 32 * MIB), ==, 0x33);
    g_assert_cmpint(byte_of_file(t.file, 33 * MIB + 4095), ==, 0x33);
    teardown(&t);
}

/* The host's disk fills; later there is room again. */
static void test_held_qcow2(void)
{
    struct bench t;
    struct test_req r[64], flush;
    uint8_t buf[4096], back[4096];

    setup(&t);
    if (!use_qcow2(&t)) {
        teardown(&t);
        return;
    }
    start_ok(&t);
    memset(buf, 0x66, sizeof(buf));
    limit_files(MIB);
    for (unsigned i = 0; i < ARRAY_SIZE(r); i++)
        submit(&t, &r[i], BLOCK_WRITE, (uint64_t)i * MIB, buf, sizeof(buf));
    submit(&t, &flush, BLOCK_FLUSH, 0, NULL, 0);
    while (!t.errors)
        defer_run(&t.q);
    limit_files(RLIM_INFINITY);
    drives_flush(t.ds);
    drives_retry(t.ds);
    wait_for(&t, &flush);
    for (unsigned i = 0; i < ARRAY_SIZE(r); i++) {
        wait_for(&t, &r[i]);
        g_assert_cmpint(r[i].error, ==, 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(r); i++) {
        g_assert_cmpint(transfer(&t, BLOCK_READ, (uint64_t)i * MIB, back, sizeof(back)), ==, 0);
        g_assert_cmpmem(back, sizeof(back), buf, sizeof(buf));
    }
    check_qcow2(&t);
    teardown(&t);
}

static void test_policies(void)
{
    static const struct {
        enum drive_policy policy;
        int error;
    } rows[] = {{DRIVE_REPORT, ENOSPC}, {DRIVE_IGNORE, 0}};
    char buf[4096] = {0};

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench t;

        setup(&t);
        t.o.werror = rows[i].policy;
        grow_file(t.file, 64 * MIB);
        start_ok(&t);
        limit_files(8 * MIB);
        g_assert_cmpint(transfer(&t, BLOCK_WRITE, 32 * MIB, buf, sizeof(buf)), ==,
                        rows[i].error);
        limit_files(RLIM_INFINITY);
        g_assert_cmpint(t.errors, ==, 0);
        teardown(&t);
    }
}

/* A reset drains: what still fails is answered with its error. */
static void test_drain_ends_it(void)
{
    struct bench t;
    struct test_req r;
    char buf[4096] = {0};

    setup(&t);
    grow_file(t.file, 64 * MIB);
    start_ok(&t);
    limit_files(8 * MIB);
    submit(&t, &r, BLOCK_WRITE, 32 * MIB, buf, sizeof(buf));
    while (!t.errors)
        defer_run(&t.q);
    block_drain(t.b);
    limit_files(RLIM_INFINITY);
    g_assert_true(r.done);
    g_assert_cmpint(r.error, ==, ENOSPC);
    teardown(&t);
}

static void test_guess_is_kept(void)
{
    struct bench t;
    char buf[512] = "QFI\xfb\0\0\0\3";

    setup(&t);
    t.o.image.format = NULL;
    t.o.werror = DRIVE_REPORT;
    start_ok(&t);
    g_assert_cmpint(transfer(&t, BLOCK_WRITE, 0, buf, sizeof(buf)), ==, EPERM);
    g_assert_cmpint(transfer(&t, BLOCK_WRITE, 512, buf, sizeof(buf)), ==, 0);
    buf[0] = 'x';
    g_assert_cmpint(transfer(&t, BLOCK_WRITE, 0, buf, sizeof(buf)), ==, 0);
    teardown(&t);
}

/* ---- media ---- */

static void setup_cd(struct bench *t)
{
    setup(t);
    t->o.cdrom = true;
    t->o.image.readonly = true;
}

static void test_change_eject(void)
{
    struct bench t;
    struct err e = {""};
    char buf[512], *other;

    setup_cd(&t);
    start_ok(&t);
    other = g_build_filename(t.dir, "other", NULL);
    make_file(other, 2 * MIB, 0x44);
    g_assert_true(t.b->removable && t.b->present && t.b->readonly);
    g_assert_true(drives_change(t.ds, "d", other, "raw", &e));
    g_assert_cmpint(t.changes, ==, 1);
    g_assert_cmpint(t.b->bytes, ==, 2 * MIB);
    g_assert_cmpint(transfer(&t, BLOCK_READ, 0, buf, 512), ==, 0);
    g_assert_cmpint(buf[0], ==, 0x44);
    g_assert_false(drives_change(t.ds, "d", "/nonexistent/x", NULL, &e));
    g_assert_true(t.b->present); /* the old one stays */
    t.b->locked = true;
    g_assert_false(drives_eject(t.ds, "d", false, &e));
    g_assert_nonnull(strstr(e.msg, "locked"));
    g_assert_cmpint(t.eject_requests, ==, 1);
    g_assert_true(drives_eject(t.ds, "d", true, &e));
    g_assert_false(t.b->present);
    g_assert_true(t.b->tray_open);
    g_assert_cmpint(transfer(&t, BLOCK_READ, 0, buf, 512), ==, ENOMEDIUM);
    g_assert_true(drives_change(t.ds, "d", t.file, NULL, &e));
    g_assert_true(t.b->present && !t.b->tray_open);
    g_assert_false(drives_eject(t.ds, "frob", false, &e));
    g_free(other);
    teardown(&t);
}

static void test_fixed_stays(void)
{
    struct bench t;
    struct err e = {""};

    setup(&t);
    start_ok(&t);
    g_assert_false(drives_eject(t.ds, "d", true, &e));
    g_assert_nonnull(strstr(e.msg, "not removable"));
    teardown(&t);
}

static void test_taking(void)
{
    struct bench t;
    struct err e = {""};

    setup(&t);
    start_ok(&t);
    g_assert_null(drives_take(t.ds, "x", &e));
    g_assert_true(drives_take(t.ds, "d", &e) == t.b);
    g_assert_null(drives_take(t.ds, "d", &e));
    g_assert_nonnull(strstr(e.msg, "taken"));
    teardown(&t);
}

/* ---- snapshot=on ---- */

static void test_overlay_parts(void)
{
    struct bench t;
    char buf[512], back[8192];

    setup(&t);
    t.o.image.snapshot = true;
    start_ok(&t);
    memset(buf, 0x55, sizeof(buf));
    g_assert_cmpint(transfer(&t, BLOCK_WRITE, 4096 + 1024, buf, sizeof(buf)), ==, 0);
    g_assert_cmpint(transfer(&t, BLOCK_ZERO, 8192 - 512, NULL, 512), ==, 0);
    g_assert_cmpint(transfer(&t, BLOCK_READ, 4096, back, sizeof(back)), ==, 0);
    g_assert_cmpint(back[1023], ==, 0x11);
    g_assert_cmpint(back[1024], ==, 0x55);
    g_assert_cmpint(back[1535], ==, 0x55);
    g_assert_cmpint(back[1536], ==, 0x11);
    g_assert_cmpint(back[4096 - 512], ==, 0);
    g_assert_cmpint(back[4096], ==, 0x11);
    g_assert_cmpint(byte_of_file(t.file, 4096 + 1024), ==, 0x11);
    teardown(&t);
}

/* ---- descriptors that were handed over ---- */

static void test_fdset(void)
{
    struct fdsets sets = {.n = 2};
    struct bench t;
    struct err e;

    setup(&t);
    sets.v[0].set = 1;
    sets.v[0].fd = open(t.file, O_RDONLY);
    sets.v[1].set = 2;
    sets.v[1].fd = open(t.file, O_RDWR);
    t.o.image.fdsets = &sets;
    t.o.image.file = "/dev/fdset/1";
    g_assert_false(start(&t, &e)); /* for reading only */
    t.o.image.file = "/dev/fdset/3";
    g_assert_false(start(&t, &e));
    t.o.image.file = "/dev/fdset/2";
    start_ok(&t);
    teardown(&t);
    close(sets.v[0].fd);
    close(sets.v[1].fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGXFSZ, SIG_IGN);
    g_test_add_func("/drive/answers-later", test_answers_later);
    g_test_add_func("/drive/write-flush", test_write_flush);
    g_test_add_func("/drive/zero-detection", test_zero_detection);
    g_test_add_func("/drive/many-raw", test_many_raw);
    g_test_add_func("/drive/many-overlay", test_many_overlay);
    g_test_add_func("/drive/many-qcow2", test_many_qcow2);
    g_test_add_func("/drive/held-qcow2", test_held_qcow2);
    g_test_add_func("/drive/held-until-retry", test_held_until_retry);
    g_test_add_func("/drive/policies", test_policies);
    g_test_add_func("/drive/drain-ends-it", test_drain_ends_it);
    g_test_add_func("/drive/guess-is-kept", test_guess_is_kept);
    g_test_add_func("/drive/change-eject", test_change_eject);
    g_test_add_func("/drive/fixed-stays", test_fixed_stays);
    g_test_add_func("/drive/taking", test_taking);
    g_test_add_func("/drive/overlay-parts", test_overlay_parts);
    g_test_add_func("/drive/fdset", test_fdset);
    return g_test_run();
}
