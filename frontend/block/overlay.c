/* SPDX-License-Identifier: MIT
 * -snapshot: what the guest writes goes to an unnamed temporary file, at its own offset; a map
 * of 4 KiB blocks in memory says which ones are there. The rest comes from the image below. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "frontend/block/image.h"

enum { BLOCK = 4096, REGION_BLOCKS = 32768 };
#define REGION_BYTES ((uint64_t)BLOCK * REGION_BLOCKS)

struct overlay {
    struct image img;
    pthread_mutex_t alloc; /* a writer of new blocks, from looking to noting */
    pthread_mutex_t lock;  /* regions; a leaf */
    GHashTable *regions;   /* at / REGION_BYTES -> uint64_t[REGION_BLOCKS / 64] */
};

static struct overlay *overlay_of(struct image *img)
{
    return container_of(img, struct overlay, img);
}

static bool overlay_open(struct image *img, struct err *e)
{
    struct overlay *o = overlay_of(img);

    pthread_mutex_init(&o->alloc, NULL);
    pthread_mutex_init(&o->lock, NULL);
    o->regions = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return true;
}

static void overlay_close(struct image *img)
{
    struct overlay *o = overlay_of(img);

    g_hash_table_destroy(o->regions);
    pthread_mutex_destroy(&o->alloc);
    pthread_mutex_destroy(&o->lock);
}

static uint64_t *region(struct overlay *o, uint64_t at, bool make)
{
    gint64 key = (gint64)(at / REGION_BYTES);
    uint64_t *bits = g_hash_table_lookup(o->regions, &key);

    if (!bits && make) {
        bits = g_new0(uint64_t, REGION_BLOCKS / 64);
        g_hash_table_insert(o->regions, g_memdup2(&key, sizeof(key)), bits);
    }
    return bits;
}

static bool bit(const uint64_t *bits, uint64_t at)
{
    uint64_t n = at % REGION_BYTES / BLOCK;

    return bits && (bits[n / 64] >> (n % 64) & 1);
}

static int overlay_map(struct image *img, uint64_t at, uint64_t bytes, bool nowait,
                       struct run *run)
{
    struct overlay *o = overlay_of(img);
    uint64_t end = at + bytes, p = at - at % BLOCK;
    uint64_t region_end = at - at % REGION_BYTES + REGION_BYTES;
    const uint64_t *bits;
    bool here;

    pthread_mutex_lock(&o->lock);
    bits = region(o, at, false);
    here = bit(bits, at);
    if (end > region_end)
        end = region_end;
    while (p < end && bits && bit(bits, p) == here)
        p += BLOCK;
    pthread_mutex_unlock(&o->lock);
    run->kind = here ? RUN_DATA : RUN_BACKING;
    run->in_place = true;
    run->at = at;
    run->bytes = (bits && p < end ? p : end) - at;
    return 0;
}

static void note(struct overlay *o, uint64_t at, uint64_t bytes)
{
    pthread_mutex_lock(&o->lock);
    for (uint64_t p = at; p < at + bytes; p += BLOCK) {
        uint64_t n = p % REGION_BYTES / BLOCK;

        region(o, p, true)[n / 64] |= 1ull << (n % 64);
    }
    pthread_mutex_unlock(&o->lock);
}

static bool present(struct overlay *o, uint64_t at)
{
    bool here;

    pthread_mutex_lock(&o->lock);
    here = bit(region(o, at, false), at);
    pthread_mutex_unlock(&o->lock);
    return here;
}

/* One block of which the guest writes only a part. */
static int write_part(struct overlay *o, const struct vec *v, uint64_t skip, uint64_t at,
                      uint64_t bytes)
{
    char buf[BLOCK];
    uint64_t start = at - at % BLOCK;
    uint64_t len = o->img.bytes - start < BLOCK ? o->img.bytes - start : BLOCK;
    int error;

    if (present(o, start)) /* others may be writing beside us: not the whole block */
        return file_write_vec(&o->img.file, v, skip, bytes, at);
    error = image_read_buf(&o->img, buf, start, len);
    if (error)
        return error;
    memset(buf + len, 0, BLOCK - len);
    vec_to(v, skip, buf + (at - start), bytes);
    error = file_write(&o->img.file, buf, BLOCK, start);
    if (!error)
        note(o, start, BLOCK);
    return error;
}

static int overlay_write(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                         uint64_t bytes)
{
    struct overlay *o = overlay_of(img);
    int error = 0;

    pthread_mutex_lock(&o->alloc);
    while (bytes && !error) {
        uint64_t n = BLOCK - at % BLOCK;

        if (n < BLOCK || bytes < BLOCK) {
            n = n < bytes ? n : bytes;
            error = write_part(o, v, skip, at, n);
        } else {
            n = bytes - bytes % BLOCK;
            error = file_write_vec(&img->file, v, skip, n, at);
            if (!error)
                note(o, at, n);
        }
        skip += n;
        at += n;
        bytes -= n;
    }
    pthread_mutex_unlock(&o->alloc);
    return error;
}

static int zero_part(struct image *img, uint64_t at, uint64_t bytes)
{
    char zeroes[BLOCK] = {0};
    struct iovec iov = {zeroes, bytes};

    return bytes ? overlay_write(img, &(struct vec){&iov, 1}, 0, at, bytes) : 0;
}

static int overlay_zero(struct image *img, uint64_t at, uint64_t bytes, bool unmap)
{
    struct overlay *o = overlay_of(img);
    uint64_t head = -at % BLOCK, whole;
    int error;

    if (head > bytes)
        head = bytes;
    whole = (bytes - head) - (bytes - head) % BLOCK;
    error = zero_part(img, at, head);
    if (!error && whole) {
        pthread_mutex_lock(&o->alloc);
        error = file_zero(&img->file, at + head, whole, true);
        if (!error)
            note(o, at + head, whole);
        pthread_mutex_unlock(&o->alloc);
    }
    return error ? error : zero_part(img, at + head + whole, bytes - head - whole);
}

static int overlay_discard(struct image *img, uint64_t at, uint64_t bytes)
{
    return overlay_zero(img, at, bytes, true);
}

static int overlay_flush(struct image *img)
{
    return 0;
}

const struct format format_overlay = {
    .name = "qcow2", /* as QEMU calls its own */
    .size = sizeof(struct overlay),
    .writable = true,
    .open = overlay_open,
    .close = overlay_close,
    .map = overlay_map,
    .write = overlay_write,
    .zero = overlay_zero,
    .discard = overlay_discard,
    .flush = overlay_flush,
};
