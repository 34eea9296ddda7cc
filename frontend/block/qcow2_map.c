/* SPDX-License-Identifier: MIT
 * qcow2: where the bytes of the disk are. L1 and L2 tables, compressed clusters. */
#include <errno.h>

#include "frontend/block/bytes.h"
#include "frontend/block/qcow2.h"
#include "frontend/block/unpack.h"

/* ---- tables ---- */

int qcow2_l2_get(struct qcow2 *q, uint32_t l1_index, bool nowait, uint8_t **table)
{
    uint64_t at;

    *table = NULL;
    if (l1_index >= q->l1_size)
        return 0;
    at = q->l1[l1_index] & L_OFFSET;
    if (!at)
        return 0;
    *table = tcache_find(&q->l2, l1_index);
    if (*table)
        return 0;
    if (nowait)
        return EAGAIN;
    if (at & (q->cluster - 1))
        return qcow2_corrupt(q, "misaligned L2 table", at);
    return tcache_load(&q->l2, l1_index, at, table);
}

static void l1_put(struct qcow2 *q, uint32_t i, uint64_t at)
{
    q->l1[i] = at | L1_COPIED;
    q->l1_dirty[i / 4096] |= 1ull << (i / 64 % 64);
    q->any_l1_dirty = true;
    qcow2_meta_add(q, at);
}

int qcow2_l2_own(struct qcow2 *q, uint32_t l1_index, uint8_t **table)
{
    uint64_t old = q->l1[l1_index], first, got;
    bool fresh;
    int error;

    if (tcache_crowded(&q->l2)) {
        error = qcow2_checkpoint(q);
        if (error)
            return error;
    }
    if (old & L_OFFSET && old & L1_COPIED) {
        pthread_mutex_lock(&q->maps);
        error = qcow2_l2_get(q, l1_index, false, table);
        if (!error) /* a dirty table stays in the cache */
            tcache_dirty(&q->l2, l1_index);
        pthread_mutex_unlock(&q->maps);
        return error;
    }
    error = qcow2_alloc(q, 1, &first, &got, &fresh);
    if (error)
        return error;
    pthread_mutex_lock(&q->maps);
    error = qcow2_l2_get(q, l1_index, false, table);
    if (!error) {
        if (!*table)
            *table = tcache_new(&q->l2, l1_index);
        l1_put(q, l1_index, first << q->cluster_bits);
        tcache_dirty(&q->l2, l1_index);
    }
    pthread_mutex_unlock(&q->maps);
    if (error)
        qcow2_unalloc(q, first, 1);
    else if (old & L_OFFSET)
        qcow2_free_later(q, (old & L_OFFSET) >> q->cluster_bits, 1, false);
    return error;
}

/* ---- what an entry says ---- */

static int sub_run(struct qcow2 *q, uint64_t bitmap, uint64_t host, uint64_t within,
                   struct run *run)
{
    unsigned sub = (unsigned)(within >> (q->cluster_bits - 5));
    bool there = bitmap >> sub & 1, zero = bitmap >> (32 + sub) & 1;
    uint64_t size = q->cluster / SUBCLUSTERS;

    if (there && (zero || !host))
        return qcow2_corrupt(q, "contradicting subcluster bits", host);
    if (!there) {
        run->kind = zero ? RUN_ZERO : RUN_BACKING;
        run->in_place = false;
    }
    run->bytes = size - (within & (size - 1));
    return 0;
}

/* The run that begins `within` bytes into the cluster of entry i. */
static int entry_run(struct qcow2 *q, const uint8_t *table, uint64_t i, uint64_t within,
                     struct run *run)
{
    uint64_t e = get_be64(table + i * qcow2_entry_bytes(q)), host = e & L_OFFSET;

    run->bytes = q->cluster - within;
    run->in_place = false;
    run->cookie = e;
    if (e & L2_COMPRESSED) {
        run->kind = RUN_PACKED;
        return 0;
    }
    if (host & (q->cluster - 1))
        return qcow2_corrupt(q, "misaligned cluster", host);
    if (!q->extended && e & L2_ZERO) {
        if (q->version < 3)
            return qcow2_corrupt(q, "zero cluster in version 2", host);
        run->kind = RUN_ZERO;
        return 0;
    }
    run->kind = host ? RUN_DATA : RUN_BACKING;
    run->at = host + within;
    run->in_place = host && e & L1_COPIED && !q->img.readonly;
    if (run->in_place && qcow2_is_meta(q, host >> q->cluster_bits))
        return qcow2_corrupt(q, "a data cluster that is a table", host);
    if (q->extended)
        return sub_run(q, get_be64(table + i * 16 + 8), host, within, run);
    return 0;
}

static bool continues(const struct run *run, const struct run *next)
{
    if (run->kind != next->kind || run->kind == RUN_PACKED || run->in_place != next->in_place)
        return false;
    return run->kind != RUN_DATA || run->at + run->bytes == next->at;
}

static int map_locked(struct qcow2 *q, uint64_t at, uint64_t bytes, bool nowait,
                      struct run *run)
{
    uint64_t cover = q->cluster << q->l2_bits, p = at & (cover - 1);
    uint8_t *table;
    int error = qcow2_l2_get(q, (uint32_t)(at / cover), nowait, &table);

    if (error)
        return error;
    if (bytes > cover - p)
        bytes = cover - p;
    run->bytes = bytes;
    run->kind = RUN_BACKING;
    run->in_place = false;
    if (!table)
        return 0;
    error = entry_run(q, table, p >> q->cluster_bits, p & (q->cluster - 1), run);
    while (!error && run->bytes < bytes) {
        struct run next = {.file = run->file};
        uint64_t n = p + run->bytes;

        error = entry_run(q, table, n >> q->cluster_bits, n & (q->cluster - 1), &next);
        if (error || !continues(run, &next))
            break;
        run->bytes += next.bytes;
    }
    if (run->bytes > bytes)
        run->bytes = bytes;
    return error;
}

int qcow2_map(struct image *img, uint64_t at, uint64_t bytes, bool nowait, struct run *run)
{
    struct qcow2 *q = qcow2_of(img);
    int error;

    if (!nowait)
        pthread_mutex_lock(&q->maps);
    else if (pthread_mutex_trylock(&q->maps))
        return EAGAIN;
    error = map_locked(q, at, bytes, nowait, run);
    pthread_mutex_unlock(&q->maps);
    return error;
}

/* ---- compressed clusters ---- */

void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *at, uint64_t *bytes)
{
    unsigned bits = 62 - (q->cluster_bits - 8);
    uint64_t sectors = (entry & (L2_COMPRESSED - 1)) >> bits;

    *at = entry & ((1ull << bits) - 1);
    *bytes = (sectors + 1) * 512 - (*at & 511);
}

static int unpack_cluster(struct qcow2 *q, uint64_t entry)
{
    uint64_t at, bytes;
    uint8_t *in;
    int error;

    if (q->unpacked == entry)
        return 0;
    qcow2_packed_place(q, entry, &at, &bytes);
    in = g_malloc(bytes);
    error = file_read(&q->img.file, in, bytes, at);
    q->unpacked = 0;
    if (!error && !unpack_block(q->zstd ? UNPACK_ZSTD : UNPACK_DEFLATE, in, bytes,
                                q->unpack_out, q->cluster))
        error = EIO;
    if (!error)
        q->unpacked = entry;
    g_free(in);
    return error;
}

int qcow2_unpack(struct image *img, const struct run *run, uint64_t at, const struct vec *v,
                 uint64_t skip)
{
    struct qcow2 *q = qcow2_of(img);
    int error;

    pthread_mutex_lock(&q->unpack_lock);
    error = unpack_cluster(q, run->cookie);
    if (!error)
        vec_from(v, skip, q->unpack_out + (at & (q->cluster - 1)), run->bytes);
    pthread_mutex_unlock(&q->unpack_lock);
    return error;
}
