/* SPDX-License-Identifier: MIT
 * Drives the image layer from scripts, which then ask qemu-img what it thinks of the result.
 *
 *   imgtool dump FILE FORMAT OUT          the disk's contents as a raw file
 *   imgtool random FILE FORMAT SEED N OUT N random operations; contents compared with a model,
 *                                         which is written to OUT
 *   imgtool kill FILE FORMAT SEED N       a child writes and flushes at random and is killed in
 *                                         or before its Nth write to the host; then every
 *                                         flushed byte must be there; SEED & 4: a snapshot is
 *                                         made before
 *   imgtool lock FILE FORMAT rw|ro        opens it, prints "open" and waits for end of input
 * FORMAT "-": find out. FORMAT+unmap: with discard=unmap. Exit 1 with one line on failure. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frontend/block/image.h"

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
    rng = rng * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(rng >> 33) % n;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "imgtool: %s: %s\n", what, why);
    exit(1);
}

static struct image *open_or_fail(const char *file, const char *format, bool readonly)
{
    static char name[64];
    char *plus;
    struct image_opts o = {.file = file, .readonly = readonly};
    struct err e = {""};
    struct image *img;

    g_strlcpy(name, format, sizeof(name));
    plus = strchr(name, '+');
    if (plus) {
        *plus = 0;
        o.unmap = true;
    }
    if (strcmp(name, "-"))
        o.format = name;
    img = image_open(&o, &e);
    if (!img)
        fail("open", e.msg);
    return img;
}

static void check_error(int error, const char *what)
{
    if (error)
        fail(what, strerror(error));
}

/* ---- dump ---- */

static int dump(const char *file, const char *format, const char *out)
{
    struct image *img = open_or_fail(file, format, true);
    FILE *f = fopen(out, "wb");
    static char buf[1 << 20];

    for (uint64_t at = 0; at < img->bytes; at += sizeof(buf)) {
        uint64_t n = img->bytes - at < sizeof(buf) ? img->bytes - at : sizeof(buf);

        check_error(image_read_buf(img, buf, at, n), "read");
        if (!f || fwrite(buf, 1, n, f) != n)
            fail(out, "cannot write");
    }
    if (!f || fclose(f))
        fail(out, "cannot write");
    image_close(img);
    return 0;
}

/* ---- random ---- */

enum { VECS = 8 };

struct op {
    unsigned kind; /* 0-4 write, 5-7 read, 8 zero, 9 discard, 10 flush, 11 idle */
    uint64_t at, bytes;
};

static struct op random_op(uint64_t disk)
{
    struct op o = {.kind = rnd(12)};
    uint64_t sectors = disk / 512, max = 1ull << rnd(12);

    o.at = rnd((uint32_t)sectors);
    o.bytes = 1 + rnd((uint32_t)max);
    if (rnd(2)) { /* often page-aligned, as file systems do it */
        o.at &= ~7ull;
        o.bytes = (o.bytes + 7) & ~7ull;
    }
    if (o.bytes > sectors - o.at)
        o.bytes = sectors - o.at;
    o.at *= 512;
    o.bytes *= 512;
    return o;
}

/* Cuts buf into a few vectors of whole sectors. */
static unsigned cut(uint8_t *buf, uint64_t bytes, struct iovec *iov)
{
    unsigned n = 0;

    while (bytes) {
        uint64_t len = n == VECS - 1 ? bytes : 512 * (1 + rnd((uint32_t)(bytes / 512)));

        iov[n++] = (struct iovec){buf, len};
        buf += len;
        bytes -= len;
    }
    return n;
}

static void do_op(struct image *img, const struct op *o, uint8_t *model, uint8_t *buf)
{
    struct iovec iov[VECS];
    struct vec v = {iov, cut(buf, o->bytes, iov)};

    switch (o->kind) {
    case 0 ... 4:
        for (uint64_t i = 0; i < o->bytes; i += 8) {
            uint64_t x = rng + i;
            memcpy(buf + i, &x, 8);
        }
        rnd(2);
        check_error(image_write(img, &v, 0, o->at, o->bytes), "write");
        memcpy(model + o->at, buf, o->bytes);
        break;
    case 5 ... 7:
        memset(buf, 0xa5, o->bytes);
        check_error(image_read(img, &v, 0, o->at, o->bytes), "read");
        if (memcmp(buf, model + o->at, o->bytes))
            fail("read", "not what was written");
        break;
    case 8:
        check_error(image_zero(img, o->at, o->bytes, rnd(2)), "zero");
        memset(model + o->at, 0, o->bytes);
        break;
    case 9: /* what is read afterwards stays so */
        check_error(image_discard(img, o->at, o->bytes), "discard");
        check_error(image_read_buf(img, model + o->at, o->at, o->bytes), "read");
        break;
    case 10: check_error(image_flush(img), "flush"); break;
    default: image_idle(img);
    }
}

static int random_ops(const char *file, const char *format, uint64_t seed, unsigned n,
                      const char *out)
{
    struct image *img = open_or_fail(file, format, false);
    uint64_t bytes = img->bytes;
    uint8_t *model = g_malloc(bytes), *buf = g_malloc(bytes);

    rng = seed;
    check_error(image_read_buf(img, model, 0, bytes), "read");
    for (unsigned i = 0; i < n; i++) {
        struct op o = random_op(bytes);

        do_op(img, &o, model, buf);
    }
    check_error(image_read_buf(img, buf, 0, bytes), "read");
    if (memcmp(buf, model, bytes))
        fail("read", "not what was written (at the end)");
    image_close(img);
    if (!g_file_set_contents(out, (char *)model, (gssize)bytes, NULL))
        fail(out, "cannot write");
    g_free(model);
    g_free(buf);
    return 0;
}

/* ---- kill ---- */

static long writes_left; /* to the host; 0: no limit */

/* In place of the C library's. */
ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    if (writes_left && --writes_left == 0) {
        if (rnd(2)) { /* half of it gets there */
            size_t half = iov[0].iov_len / 1024 * 512;

            pwrite(fd, iov[0].iov_base, half, at);
        }
        kill(getpid(), SIGKILL);
    }
    return pwritev2(fd, iov, n, at, 0);
}

enum { KILL_SECTORS_MAX = 1 << 20 };

/* What the child had done; the parent reads it after the child's end. */
struct history {
    uint32_t now;                          /* generation of the latest write begun */
    uint32_t done[KILL_SECTORS_MAX];       /* latest finished write */
    uint32_t begun[KILL_SECTORS_MAX];      /* latest begun write */
    uint32_t zero_begun[KILL_SECTORS_MAX]; /* latest begun that makes zeroes */
    uint32_t durable[KILL_SECTORS_MAX];    /* finished before the last flush began */
    uint32_t flushes;
};

struct stamp {
    uint64_t sector;
    uint32_t gen, check;
};

static struct stamp make_stamp(uint64_t sector, uint32_t gen)
{
    return (struct stamp){sector, gen, (uint32_t)(sector * 2654435761u) ^ gen * 40503u};
}

static void flush_noted(struct image *img, struct history *h, uint64_t sectors, uint32_t *copy)
{
    memcpy(copy, h->done, sectors * 4);
    check_error(image_flush(img), "flush");
    for (uint64_t s = 0; s < sectors; s++)
        h->durable[s] = copy[s];
    h->flushes++;
}

/* Until it is killed, or for so many operations and with a flush at the end. */
static void write_on(const char *file, const char *format, struct history *h, unsigned n_writes,
                     unsigned operations)
{
    struct image *img = open_or_fail(file, format, false);
    uint64_t sectors = img->bytes / 512;
    uint8_t *buf = g_malloc(img->bytes);
    uint32_t *copy = g_malloc(sectors * 4);

    writes_left = n_writes;
    for (unsigned i = 0; !operations || i < operations; i++) {
        struct op o = random_op(img->bytes);
        uint64_t first = o.at / 512, n = o.bytes / 512;
        struct iovec iov = {buf, o.bytes};
        bool zero = o.kind == 8;

        if (o.kind == 10 || o.kind == 9)
            flush_noted(img, h, sectors, copy);
        if (o.kind == 11)
            image_idle(img);
        if (o.kind >= 9)
            continue;
        h->now++;
        for (uint64_t s = first; s < first + n; s++) {
            struct stamp t = make_stamp(s, h->now);

            h->begun[s] = h->now;
            if (zero)
                h->zero_begun[s] = h->now;
            for (unsigned k = 0; k < 512; k += sizeof(t))
                memcpy(buf + (s - first) * 512 + k, &t, sizeof(t));
        }
        check_error(zero ? image_zero(img, o.at, o.bytes, true)
                         : image_write(img, &(struct vec){&iov, 1}, 0, o.at, o.bytes),
                    "write");
        for (uint64_t s = first; s < first + n; s++)
            h->done[s] = h->now;
    }
    flush_noted(img, h, sectors, copy);
    image_close(img);
    g_free(buf);
    g_free(copy);
}

static bool sector_ok(const struct history *h, uint64_t s, const uint8_t *data)
{
    static const uint8_t none[512];
    struct stamp t, want;

    if (!memcmp(data, none, 512)) /* never written, or zeroed since what must be there */
        return !h->durable[s] || h->zero_begun[s] >= h->durable[s];
    memcpy(&t, data, sizeof(t));
    want = make_stamp(s, t.gen);
    for (unsigned k = 0; k < 512; k += sizeof(t))
        if (memcmp(data + k, &want, sizeof(want)))
            return false;
    return t.gen >= h->durable[s] && t.gen <= h->begun[s];
}

static int kill_test(const char *file, const char *format, uint64_t seed, unsigned n)
{
    struct history *h =
        mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct image *img;
    int status;
    pid_t pid;
    char *cmd = g_strdup_printf("qemu-img snapshot -c imgtool %s", file);

    rng = seed;
    if (seed & 4) { /* tables and data that are shared */
        write_on(file, format, h, 0, 30);
        if (system(cmd))
            fail("snapshot", cmd);
    }
    g_free(cmd);
    pid = fork();
    if (!pid)
        write_on(file, format, h, n, 0);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status))
        return 1; /* the child has said why */
    img = open_or_fail(file, format, true);
    for (uint64_t s = 0; s < img->bytes / 512; s++) {
        uint8_t data[512];
        char text[128];

        check_error(image_read_buf(img, data, s * 512, 512), "read");
        if (sector_ok(h, s, data))
            continue;
        snprintf(text, sizeof(text), "sector %llu: durable %u, begun %u, found %u",
                 (unsigned long long)s, h->durable[s], h->begun[s],
                 ((struct stamp *)data)->gen);
        fail("after the kill", text);
    }
    printf("%u writes, %u flushes\n", h->now, h->flushes);
    image_close(img);
    return 0;
}

static int hold(const char *file, const char *format, bool readonly)
{
    struct image *img = open_or_fail(file, format, readonly);

    puts("open");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    image_close(img);
    return 0;
}

int main(int argc, char **argv)
{
    const char *cmd = argc > 3 ? argv[1] : "";

    if (!strcmp(cmd, "dump") && argc == 5)
        return dump(argv[2], argv[3], argv[4]);
    if (!strcmp(cmd, "random") && argc == 7)
        return random_ops(argv[2], argv[3], strtoull(argv[4], NULL, 0), (unsigned)atoi(argv[5]),
                          argv[6]);
    if (!strcmp(cmd, "kill") && argc == 6)
        return kill_test(argv[2], argv[3], strtoull(argv[4], NULL, 0), (unsigned)atoi(argv[5]));
    if (!strcmp(cmd, "lock") && argc == 5)
        return hold(argv[2], argv[3], !strcmp(argv[4], "ro"));
    fail("usage", "see the head of imgtool.c");
    return 1;
}
