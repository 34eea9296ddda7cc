/* SPDX-License-Identifier: MIT */
#include "tests/hw/fuzz/disk.h"

#include <errno.h>

#include "tests/hw/fuzz/random.h"

#define TOUCHED (64u << 10) /* bytes at either end of a vector that are really moved */

static void check_vec(const struct fuzz_disk *d, const struct block_vec *v)
{
    const uint8_t *p = v->base;

    g_assert_true(v->len && v->len % BLOCK_SECTOR == 0);
    if (d->ram && p + v->len > d->ram && p < d->ram + d->ram_bytes)
        g_assert_true(p >= d->ram && v->len <= d->ram_bytes - (uint64_t)(p - d->ram));
}

static void check_request(const struct fuzz_disk *d, const struct block_req *r)
{
    uint64_t sum = 0;

    g_assert_true(d->blk.present);
    g_assert_nonnull(r->done);
    if (r->op == BLOCK_FLUSH)
        return;
    g_assert_true(!(r->offset % BLOCK_SECTOR) && !(r->bytes % BLOCK_SECTOR));
    g_assert_true(r->offset <= d->blk.bytes && r->bytes <= d->blk.bytes - r->offset);
    if (r->op != BLOCK_READ && r->op != BLOCK_WRITE)
        return;
    for (unsigned i = 0; i < r->n_vec; i++) {
        check_vec(d, &r->vec[i]);
        sum += r->vec[i].len;
    }
    g_assert_cmpuint(sum, ==, r->bytes);
}

static void move(struct fuzz_disk *d, const struct block_req *r, uint64_t at, uint8_t *p,
                 size_t n)
{
    while (n) {
        uint64_t from = at % FUZZ_DISK_DATA;
        size_t k = n < FUZZ_DISK_DATA - from ? n : FUZZ_DISK_DATA - from;

        if (r->op == BLOCK_READ)
            memcpy(p, d->data + from, k);
        else
            memcpy(d->data + from, p, k);
        at += k;
        p += k;
        n -= k;
    }
}

static void transfer(struct fuzz_disk *d, const struct block_req *r)
{
    uint64_t at = r->offset;

    if (r->op != BLOCK_READ && r->op != BLOCK_WRITE)
        return;
    for (unsigned i = 0; i < r->n_vec; i++) {
        uint8_t *p = r->vec[i].base;
        size_t len = r->vec[i].len, n = len < TOUCHED ? len : TOUCHED;

        move(d, r, at, p, n);
        move(d, r, at + len - n, p + len - n, n);
        at += len;
    }
}

static void answer(struct fuzz_disk *d, unsigned i)
{
    static const int errors[] = {EIO, ENOSPC, EROFS, ENOMEDIUM, ECANCELED, EINVAL};
    struct block_req *r = d->queue[i].r;
    int error = fuzz_below(16) < d->fail ? PICK(errors) : 0;

    g_assert_cmpint(memcmp(r, &d->queue[i].copy, sizeof(*r)), ==, 0);
    d->queue[i] = d->queue[--d->n];
    if (!error)
        transfer(d, r);
    r->done(r, error);
}

void fuzz_disk_answer(struct fuzz_disk *d)
{
    if (d->n)
        answer(d, fuzz_below(d->n));
}

static void submit(struct block *b, struct block_req *r)
{
    struct fuzz_disk *d = container_of(b, struct fuzz_disk, blk);

    check_request(d, r);
    g_assert_cmpuint(d->n, <, FUZZ_DISK_QUEUE);
    d->queue[d->n].r = r;
    d->queue[d->n++].copy = *r;
    if (fuzz_below(16) < d->at_once)
        answer(d, d->n - 1);
}

static void drain(struct block *b)
{
    struct fuzz_disk *d = container_of(b, struct fuzz_disk, blk);

    while (d->n)
        answer(d, fuzz_below(d->n));
}

void fuzz_disk_init(struct fuzz_disk *d, const char *id, uint64_t bytes)
{
    static const struct block_ops ops = {.submit = submit, .drain = drain};

    *d = (struct fuzz_disk){.blk = {.id = id, .ops = &ops, .bytes = bytes, .present = true}};
    d->data = g_malloc(FUZZ_DISK_DATA);
    for (unsigned i = 0; i < FUZZ_DISK_DATA; i += 512)
        memset(d->data + i, (int)(i >> 9 ^ i >> 17), 512);
    d->at_once = one_in(3) ? 16 : fuzz_below(16);
    d->fail = one_in(2) ? 0 : fuzz_below(8);
}

void fuzz_disk_finish(struct fuzz_disk *d)
{
    g_assert_cmpuint(d->n, ==, 0);
    g_free(d->data);
}

void fuzz_disk_change(struct fuzz_disk *d)
{
    static const uint64_t sizes[] = {1440 << 10, 2880 << 10, 360 << 10,  700 << 20,
                                     8ull << 30, 512,        160u << 10, 5000 * 512};
    struct block *b = &d->blk;

    if (!b->removable)
        return;
    if (b->eject_request && one_in(4)) {
        b->eject_request(b->opaque);
        return;
    }
    drain(b);
    b->present = !one_in(3);
    b->bytes = b->present ? PICK(sizes) : 0;
    b->readonly = one_in(2);
    b->tray_open = !b->present && one_in(2);
    if (b->changed)
        b->changed(b->opaque);
}
