/* SPDX-License-Identifier: MIT
 * Symbol files, and the map that perf reads. */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/perfmap.h"

static char *folder;

static struct symbols *load(const char *text, gssize n, struct err *e)
{
    g_autofree char *path = g_build_filename(folder, "symbols", NULL);

    g_assert_true(g_file_set_contents(path, text, n, NULL));
    return symbols_load(path, e);
}

static void test_text(void)
{
    struct err e;
    uint64_t off;
    struct symbols *s = load("ffffffff81000000 T _text\n"
                             "ffffffff81000100 t do_one\n"
                             "ffffffff81000180 d data\n"
                             "ffffffffc0001000 t mod_fn\t[mod]\n"
                             "0000000000000000 t hidden\n"
                             "garbage\n\n12 \n12 T\nffffffff81000090 W weak",
                             -1, &e);

    g_assert_nonnull(s);
    g_assert_cmpstr(symbols_find(s, 0xffffffff81000000, &off), ==, "_text");
    g_assert_cmpuint(off, ==, 0);
    g_assert_cmpstr(symbols_find(s, 0xffffffff81000094, &off), ==, "weak");
    g_assert_cmpuint(off, ==, 4);
    g_assert_cmpstr(symbols_find(s, 0xffffffff810001ff, &off), ==, "do_one");
    g_assert_cmpuint(off, ==, 0xff);
    g_assert_cmpstr(symbols_find(s, 0xffffffffc0001000, &off), ==, "mod_fn");
    g_assert_null(symbols_find(s, 0xffffffffc0101000, &off)); /* 1 MiB behind the last */
    g_assert_null(symbols_find(s, 0x1000, &off));
    g_assert_null(symbols_find(NULL, 0x1000, &off));
    symbols_free(s);
}

static void expect_refused(const char *path, const char *why)
{
    struct err e;

    g_assert_null(symbols_load(path, &e));
    g_assert_nonnull(strstr(e.msg, why));
    g_assert_nonnull(strstr(e.msg, path));
}

/* No end to read, no writer to wait for, more than memory should hold. */
static void test_unbounded(void)
{
    g_autofree char *fifo = g_build_filename(folder, "fifo", NULL);
    g_autofree char *big = g_build_filename(folder, "big", NULL);
    FILE *f = fopen(big, "w");

    expect_refused("/dev/zero", "not a regular file");
    expect_refused(folder, "not a regular file");
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    expect_refused(fifo, "not a regular file");
    g_unlink(fifo);
    g_assert_nonnull(f);
    g_assert_cmpint(ftruncate(fileno(f), (256 << 20) + 1), ==, 0);
    fclose(f);
    expect_refused(big, "more than 256 MiB");
    g_unlink(big);
}

/* This very program: an ELF file with a symbol table. */
static void test_elf(void)
{
    struct err e;
    uint64_t off;
    struct symbols *s = symbols_load("/proc/self/exe", &e);
    bool found = false;

    g_assert_nonnull(s);
    for (gva a = 0; a < (1 << 20) && !found; a++) {
        const char *name = symbols_find(s, a, &off);

        found = name && !off && !strcmp(name, "test_elf");
    }
    g_assert_true(found);
    symbols_free(s);
}

static void test_bad(void)
{
    g_autofree char *elf = NULL;
    struct err e;
    size_t n;

    g_assert_null(symbols_load("/nonexistent", &e));
    g_assert_nonnull(strstr(e.msg, "/nonexistent"));
    g_assert_null(load("0000000000000000 T hidden\n", -1, &e));
    g_assert_null(load("", 0, &e));
    g_assert_true(g_file_get_contents("/proc/self/exe", &elf, &n, NULL));
    for (unsigned i = 0; i < 300; i++) { /* damaged headers, truncated files */
        g_autofree char *copy = g_memdup2(elf, n);
        gssize size = i % 3 ? (gssize)n : (gssize)g_test_rand_int_range(1, (gint)n);

        for (unsigned k = 0; k < 4; k++)
            copy[g_test_rand_int_range(4, 64)] = (char)g_test_rand_int();
        symbols_free(load(copy, size, &e));
    }
}

static void test_perfmap(void)
{
    g_autofree char *path = g_strdup_printf("/tmp/perf-%d.map", (int)getpid()), *text = NULL;
    struct err e;
    struct symbols *s = load("1000 T fn\n", -1, &e);
    struct perfmap *m;

    g_assert_nonnull(s);
    g_assert_cmpint(symlink("/nonexistent/target", path), ==, 0); /* is not followed */
    m = perfmap_open(s, &e);
    g_assert_nonnull(m);
    perfmap_add(m, (void *)0x7f0000001000, 0x20, 0x1000);
    perfmap_add(m, (void *)0x7f0000001020, 0x30, 0x1010);
    perfmap_add(m, (void *)0x7f0000001050, 0x40, 0x10);
    perfmap_close(m);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==,
                    "7f0000001000 20 fn\n"
                    "7f0000001020 30 fn+0x10\n"
                    "7f0000001050 40 guest:10\n");
    g_unlink(path);
    symbols_free(s);
}

int main(int argc, char **argv)
{
    int status;
    g_autofree char *file = NULL;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("mynah-symbols-XXXXXX", NULL);
    g_test_add_func("/frontend/symbols/text", test_text);
    g_test_add_func("/frontend/symbols/elf", test_elf);
    g_test_add_func("/frontend/symbols/bad", test_bad);
    g_test_add_func("/frontend/symbols/unbounded", test_unbounded);
    g_test_add_func("/frontend/perfmap", test_perfmap);
    status = g_test_run();
    file = g_build_filename(folder, "symbols", NULL);
    g_unlink(file);
    g_rmdir(folder);
    g_free(folder);
    return status;
}
