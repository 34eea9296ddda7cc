/* SPDX-License-Identifier: MIT
 * Spoiled images: each is refused with a message, or read and written without harm.
 *
 *   fuzz_image FORMAT     valid images by qemu-img, bytes of them overwritten (--seed repeats)
 * With -DFUZZ_LIBFUZZER the entry point of libFuzzer instead: any bytes, format found out. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "frontend/block/bytes.h"
#include "frontend/block/image.h"
#include "tests/fuzz.h"

enum { BUF = 1 << 20, FILE_MAX = 256 << 20 };

static uint8_t buf[BUF];

/* ---- what a guest does to an image ---- */

static uint64_t somewhere(uint64_t sectors, uint32_t r)
{
    switch (r % 4) {
    case 0: return r / 4 % 64 % sectors;
    case 1: return (sectors - 1) - r / 4 % 64 % sectors;
    default: return ((uint64_t)r << 20 ^ r) % sectors;
    }
}

static void use_image(struct image *img, uint32_t (*next)(void))
{
    uint64_t sectors = img->bytes / 512;

    for (unsigned i = 0; i < 24 && sectors; i++) {
        uint64_t at = somewhere(sectors, next()), n = 1 + next() % (1u << next() % 11), big;
        struct iovec iov[2] = {{buf, 512}, {buf + 512, BUF - 512}};
        struct vec v = {iov, 2};

        if (n > sectors - at)
            n = sectors - at;
        big = n * n < sectors - at ? n * n : n;
        switch (next() % 8) {
        case 0 ... 2: image_read(img, &v, 0, at * 512, n * 512); break;
        case 3: image_read_nowait(img, &v, 0, at * 512, n * 512); break;
        case 4:
        case 5: image_write(img, &v, 0, at * 512, n * 512); break;
        case 6: image_zero(img, at * 512, big * 512, true); break;
        case 7:
            switch (next() % 4) {
            case 0: image_flush(img); break;
            case 1: image_idle(img); break;
            default: image_discard(img, at * 512, n * 512); break;
            }
        }
    }
}

/* Names of backing files and extents lead nowhere but to fixed places. */
static void try_image(const char *path, const char *format, bool readonly, bool snapshot,
                      uint32_t (*next)(void))
{
    struct image_opts o = {.file = path,
                           .format = format,
                           .readonly = readonly,
                           .snapshot = snapshot,
                           .no_flush = true,
                           .no_lock = true,
                           .unmap = true};
    struct err e = {""};
    struct image *img = image_open(&o, &e);

    if (img) {
        use_image(img, next);
        image_close(img);
    } else if (!e.msg[0] || strchr(e.msg, '\n')) {
        g_error("no proper message: '%s'", e.msg);
    }
}

static void be_quiet(void)
{
    FILE *null = fopen("/dev/null", "w");
    struct rlimit l = {FILE_MAX, RLIM_INFINITY};

    setrlimit(RLIMIT_FSIZE, &l);
    signal(SIGXFSZ, SIG_IGN);
    if (!g_getenv("MYNAH_FUZZ_LOUD"))
        stderr = null; /* the sanitizers' reports go to the descriptor */
}

#ifdef FUZZ_LIBFUZZER

static const uint8_t *input;
static size_t input_left;

static uint32_t next_input(void)
{
    uint32_t v = 0;

    for (int i = 0; i < 4 && input_left; i++, input_left--)
        v = v << 8 | *input++;
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static int fd = -1;
    static char path[64];

    if (fd < 0) {
        fd = memfd_create("image", 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, n, 0) != (ssize_t)n)
        return 0;
    input = data + (n > 128 ? n - 128 : 0);
    input_left = n > 128 ? 128 : n;
    try_image(path, NULL, n & 1, n & 2, next_input);
    return 0;
}

#else

static uint32_t next_random(void)
{
    return (uint32_t)g_test_rand_int();
}

/* ---- valid images ---- */

/* FORMAT, then a command with %s for the file to make; base.raw is there. */
static const char *const recipes[][2] = {
    {"qcow2",
     "qemu-img create -q -f qcow2 -o cluster_size=512 %s 1M && qemu-io -c 'write 0 9k' "
     "-c 'write 300k 70k' -c 'write -z 20k 8k' %s >out"},
    {"qcow2", "qemu-img create -q -f qcow2 -o compat=0.10,cluster_size=4k %s 4M && qemu-io -c "
              "'write 0 9k' -c 'write 3M 70k' %s >out && qemu-img snapshot -c s %s"},
    {"qcow2", "qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=16k %s 4M && qemu-io "
              "-c 'write 1k 9k' -c 'write 3M 70k' %s >out"},
    {"qcow2", /* all that its first refcount table can count is nearly there */
     "qemu-img create -q -f qcow2 -o cluster_size=512,refcount_bits=64 %s 16M && qemu-io -c "
     "'write 0 1960k' %s >out"},
    {"qcow2", "qemu-img create -q -f qcow2 -b seed0 -F qcow2 %s && qemu-io -c 'write 4k 9k' "
              "-c 'write -z 310k 9k' %s >out"},
    {"qcow2", "qemu-img convert -q -c -O qcow2 -o cluster_size=4k base.raw %s"},
    {"qcow2", "qemu-img convert -q -c -O qcow2 -o compression_type=zstd base.raw %s"},
    {"qcow2",
     "qemu-img create -q -f qcow2 -o cluster_size=1k,refcount_bits=1 -b base.raw -F raw "
     "%s && qemu-io -c 'write 0 9k' %s >out"},
    {"qcow2",
     "qemu-img create -q -f qcow2 -o lazy_refcounts=on,cluster_size=4k %s 4M && qemu-io "
     "-c 'write 0 1M' -c abort %s >out 2>&1; true"},
    {"vmdk", "qemu-img convert -q -O vmdk base.raw %s"},
    {"vmdk", "qemu-img convert -q -O vmdk -o subformat=streamOptimized base.raw %s"},
    {"vmdk", "qemu-img convert -q -O vmdk -o subformat=monolithicFlat base.raw %s"},
    {"vmdk", "qemu-img convert -q -O vmdk -o subformat=twoGbMaxExtentSparse base.raw %s"},
    {"vdi", "qemu-img convert -q -O vdi base.raw %s"},
    {"vdi", "qemu-img convert -q -O vdi -o static=on base.raw %s"},
    {"vpc", "qemu-img convert -q -O vpc base.raw %s"},
    {"vpc", "qemu-img convert -q -O vpc -o subformat=fixed base.raw %s"},
    {"vhdx", "qemu-img convert -q -O vhdx base.raw %s"},
};

struct seed {
    char *data;
    gsize n;
};

static void make_base(void)
{
    g_autofree char *data = g_malloc0(1 << 20);

    for (unsigned i = 0; i < 1 << 20; i += 4096)
        if (i % 12288)
            memset(data + i, (int)(i >> 12), 3000);
    g_assert_true(g_file_set_contents("base.raw", data, 1 << 20, NULL));
}

static GArray *make_seeds(const char *format)
{
    GArray *seeds = g_array_new(FALSE, FALSE, sizeof(struct seed));

    make_base();
    for (unsigned i = 0; i < G_N_ELEMENTS(recipes); i++) {
        g_autofree char *name = g_strdup_printf("seed%u", i);
        char **parts = g_strsplit(recipes[i][1], "%s", -1);
        g_autofree char *cmd = g_strjoinv(name, parts);
        struct seed s;

        g_strfreev(parts);
        if (strcmp(recipes[i][0], format))
            continue;
        if (system(cmd) || !g_file_get_contents(name, &s.data, &s.n, NULL))
            g_error("cannot make an image: %s", cmd);
        g_array_append_val(seeds, s);
    }
    return seeds;
}

/* ---- spoiling ---- */

static uint32_t crc32c(const uint8_t *p, size_t n)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void vhdx_sum(uint8_t *p, size_t n)
{
    uint32_t crc;

    memset(p + 4, 0, 4);
    crc = htole32(crc32c(p, n));
    memcpy(p + 4, &crc, 4);
}

static void vpc_sum(uint8_t *p, size_t n, size_t at)
{
    uint32_t sum = 0;

    memset(p + at, 0, 4);
    for (size_t i = 0; i < n; i++)
        sum += p[i];
    put_be32(p + at, ~sum);
}

/* Checksums right again, else nothing behind them would ever be looked at. */
static void mend_sums(const char *format, uint8_t *p, size_t n)
{
    if (!strcmp(format, "vhdx") && n > 320 << 10) {
        vhdx_sum(p + (64 << 10), 4096);
        vhdx_sum(p + (128 << 10), 4096);
        if (g_test_rand_int_range(0, 4) == 0)
            vhdx_sum(p + (192 << 10), 65536);
    }
    if (!strcmp(format, "vpc") && n >= 2048) {
        vpc_sum(p, 512, 64);
        vpc_sum(p + n - 512, 512, 64);
        vpc_sum(p + 512, 1024, 36);
    }
}

static size_t areas(const char *format, size_t *at)
{
    if (!strcmp(format, "vhdx")) { /* headers, regions, metadata */
        static const size_t places[] = {64 << 10, 192 << 10, 2 << 20, 3 << 20,
                                        (2 << 20) + 65536};

        *at = places[fuzz_below(G_N_ELEMENTS(places))];
        return 256;
    }
    *at = 0;
    return fuzz_below(3) ? 512 : 8192;
}

static size_t spoil(const char *format, uint8_t *p, size_t n)
{
    for (unsigned k = 1 + fuzz_below(6); k; k--) {
        size_t at = 0, len = areas(format, &at);

        if (fuzz_below(4) == 0) {
            at = 0;
            len = n;
        }
        if (at < n)
            fuzz_spoil(p + at, len < n - at ? len : n - at);
    }
    mend_sums(format, p, n);
    return fuzz_below(16) ? n : fuzz_below((uint32_t)n); /* sometimes cut short */
}

static void test_spoiled(const void *format)
{
    g_autofree char *dir = g_dir_make_tmp("mynah-fuzz-XXXXXX", NULL);
    g_autofree char *cmd = g_strdup_printf("rm -rf %s", dir);
    g_autofree char *path = g_build_filename(dir, "image", NULL);
    GArray *seeds;
    gint64 end = 0;

    g_assert_cmpint(chdir(dir), ==, 0);
    seeds = make_seeds(format);
    be_quiet();
    for (unsigned long rounds = 0; fuzz_more(&end); rounds++) {
        struct seed *s = &g_array_index(seeds, struct seed, rounds % seeds->len);
        g_autofree uint8_t *p = g_memdup2(s->data, s->n);
        size_t n = rounds < seeds->len ? s->n : spoil(format, p, s->n);
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

        g_assert_cmpint(write(fd, p, n), ==, n);
        close(fd);
        try_image(path, fuzz_below(8) ? format : NULL,
                  strcmp(format, "qcow2") || fuzz_below(4) == 0, fuzz_below(8) == 0,
                  next_random);
    }
    for (unsigned i = 0; i < seeds->len; i++)
        g_free(g_array_index(seeds, struct seed, i).data);
    g_array_free(seeds, TRUE);
    g_assert_cmpint(system(cmd), ==, 0);
}

int main(int argc, char **argv)
{
    g_autofree char *img = g_find_program_in_path("qemu-img");
    g_autofree char *io = g_find_program_in_path("qemu-io");
    g_autofree char *name = NULL;

    g_test_init(&argc, &argv, NULL);
    if (argc != 2)
        g_error("fuzz_image FORMAT");
    name = g_strdup_printf("/fuzz/%s", argv[1]);
    if (!img || !io) {
        puts("1..0 # SKIP qemu-img is not installed");
        return 0;
    }
    g_test_add_data_func(name, argv[1], test_spoiled);
    return g_test_run();
}

#endif
