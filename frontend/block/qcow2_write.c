/* SPDX-License-Identifier: MIT
 * qcow2: writes that need room, zero clusters, discards. All under the alloc lock. Data is in
 * the file before an L2 table in memory names it; the table reaches the file at a checkpoint.
 */
#include <errno.h>

#include "frontend/block/bytes.h"
#include "frontend/block/qcow2.h"

static uint64_t start_of(const struct qcow2 *q, uint64_t at)
{
    return at & ~(q->cluster - 1);
}

static uint32_t l1_index(const struct qcow2 *q, uint64_t at)
{
    return (uint32_t)(at >> q->cluster_bits >> q->l2_bits);
}

static uint64_t l2_index(const struct qcow2 *q, uint64_t at)
{
    return at >> q->cluster_bits & ((1ull << q->l2_bits) - 1);
}

static uint64_t get_entry(const struct qcow2 *q, const uint8_t *table, uint64_t i)
{
    return get_be64(table + i * qcow2_entry_bytes(q));
}

static uint64_t get_bitmap(const struct qcow2 *q, const uint8_t *table, uint64_t i)
{
    return q->extended ? get_be64(table + i * 16 + 8) : SUB_ALL;
}

static void put_entry(struct qcow2 *q, uint32_t l1, uint8_t *table, uint64_t i, uint64_t entry,
                      uint64_t bitmap)
{
    pthread_mutex_lock(&q->maps);
    put_be64(table + i * qcow2_entry_bytes(q), entry);
    if (q->extended)
        put_be64(table + i * 16 + 8, bitmap);
    tcache_dirty(&q->l2, l1);
    pthread_mutex_unlock(&q->maps);
}

/* The cluster of an entry that is about to be replaced. */
static void free_entry(struct qcow2 *q, uint64_t entry, bool punch)
{
    uint64_t at = entry & L_OFFSET, bytes = 1;

    if (entry & L2_COMPRESSED)
        qcow2_packed_place(q, entry, &at, &bytes);
    else if (!at)
        return;
    for (uint64_t c = at >> q->cluster_bits; c <= (at + bytes - 1) >> q->cluster_bits; c++)
        qcow2_free_later(q, c, 1, punch && !(entry & L2_COMPRESSED));
}

/* Do we own the host cluster that the entry names? */
static bool owned(uint64_t entry)
{
    return !(entry & L2_COMPRESSED) && entry & L1_COPIED && entry & L_OFFSET;
}

/* May data be written there as it stands? */
static bool writable(const struct qcow2 *q, const uint8_t *table, uint64_t i)
{
    uint64_t e = get_entry(q, table, i);

    return owned(e) && (q->extended || !(e & L2_ZERO)) && get_bitmap(q, table, i) == SUB_ALL;
}

/* ---- filling a cluster ---- */

static bool known_zero(struct qcow2 *q, uint64_t at, uint64_t bytes)
{
    while (bytes) {
        struct run run = {.file = &q->img.file};

        if (at >= q->img.bytes)
            return true;
        if (qcow2_map(&q->img, at, bytes, false, &run) || run.kind == RUN_DATA ||
            run.kind == RUN_PACKED ||
            (run.kind == RUN_BACKING && !image_backing_is_zero(&q->img, at, run.bytes)))
            return false;
        at += run.bytes;
        bytes -= run.bytes;
    }
    return true;
}

/* Puts what the disk holds at [at, at + bytes) to `host`; fresh: there are zeroes already. */
static int copy_old(struct qcow2 *q, uint64_t at, uint64_t bytes, uint64_t host, bool fresh)
{
    uint64_t there = at >= q->img.bytes ? 0 : q->img.bytes - at;
    uint8_t *buf;
    int error = 0;

    if (!bytes || (fresh && known_zero(q, at, bytes)))
        return 0;
    buf = g_malloc0(bytes);
    if (there > bytes)
        there = bytes;
    if (there)
        error = image_read_buf(&q->img, buf, at, there);
    if (!error)
        error = file_write(&q->img.file, buf, bytes, host);
    g_free(buf);
    return error;
}

/* Data and what surrounds it in its clusters, to the clusters from `host` on. */
static int fill(struct qcow2 *q, const struct vec *v, uint64_t skip, uint64_t at,
                uint64_t bytes, uint64_t host, bool fresh)
{
    uint64_t start = start_of(q, at), end = at + bytes;
    int error = copy_old(q, start, at - start, host, fresh);

    if (!error)
        error = file_write_vec(&q->img.file, v, skip, bytes, host + (at - start));
    if (!error)
        error = copy_old(q, end, -end & (q->cluster - 1), host + (end - start), fresh);
    return error;
}

/* ---- writing ---- */

/* How many of the n clusters from i on need a place? */
static uint64_t homeless(const struct qcow2 *q, const uint8_t *table, uint64_t i, uint64_t n)
{
    uint64_t k = 0;

    while (k < n && !owned(get_entry(q, table, i + k)))
        k++;
    return k;
}

static int write_new(struct qcow2 *q, uint8_t *table, const struct vec *v, uint64_t skip,
                     uint64_t at, uint64_t *bytes)
{
    uint64_t start = start_of(q, at), i = l2_index(q, at), first, got, n, host;
    bool fresh;
    int error;

    n = (at + *bytes - start + q->cluster - 1) >> q->cluster_bits;
    if (n > (1ull << q->l2_bits) - i)
        n = (1ull << q->l2_bits) - i;
    error = qcow2_alloc(q, homeless(q, table, i, n), &first, &got, &fresh);
    if (error)
        return error;
    host = first << q->cluster_bits;
    if (*bytes > start + (got << q->cluster_bits) - at)
        *bytes = start + (got << q->cluster_bits) - at;
    error = fill(q, v, skip, at, *bytes, host, fresh);
    if (error) {
        qcow2_unalloc(q, first, got);
        return error;
    }
    for (uint64_t k = 0; k < got; k++) {
        uint64_t old = get_entry(q, table, i + k);

        put_entry(q, l1_index(q, at), table, i + k, (host + (k << q->cluster_bits)) | L1_COPIED,
                  SUB_ALL);
        free_entry(q, old, false);
    }
    return 0;
}

/* The cluster is ours, but does not hold all of what the guest sees. */
static int write_reuse(struct qcow2 *q, uint8_t *table, const struct vec *v, uint64_t skip,
                       uint64_t at, uint64_t *bytes)
{
    uint64_t i = l2_index(q, at), host = get_entry(q, table, i) & L_OFFSET;
    uint64_t rest = q->cluster - (at & (q->cluster - 1));
    int error;

    if (host & (q->cluster - 1) || qcow2_is_meta(q, host >> q->cluster_bits))
        return qcow2_corrupt(q, "a data cluster that is a table", host);
    if (*bytes > rest)
        *bytes = rest;
    error = fill(q, v, skip, at, *bytes, host, false);
    if (!error)
        put_entry(q, l1_index(q, at), table, i, host | L1_COPIED, SUB_ALL);
    return error;
}

static int write_owned(struct qcow2 *q, const uint8_t *table, const struct vec *v,
                       uint64_t skip, uint64_t at, uint64_t *bytes)
{
    struct run run = {.file = &q->img.file};
    int error = qcow2_map(&q->img, at, *bytes, false, &run);

    if (error)
        return error;
    if (run.kind != RUN_DATA || !run.in_place)
        return qcow2_corrupt(q, "unusable L2 entry", at);
    *bytes = run.bytes;
    return file_write_vec(run.file, v, skip, run.bytes, run.at);
}

static int write_step(struct qcow2 *q, const struct vec *v, uint64_t skip, uint64_t at,
                      uint64_t *bytes)
{
    uint8_t *table;
    int error = qcow2_l2_own(q, l1_index(q, at), &table);

    if (error)
        return error;
    if (writable(q, table, l2_index(q, at)))
        return write_owned(q, table, v, skip, at, bytes);
    if (owned(get_entry(q, table, l2_index(q, at))))
        return write_reuse(q, table, v, skip, at, bytes);
    return write_new(q, table, v, skip, at, bytes);
}

static int write_locked(struct qcow2 *q, const struct vec *v, uint64_t skip, uint64_t at,
                        uint64_t bytes)
{
    int error = 0;

    while (bytes && !error) {
        uint64_t n = bytes;

        error = q->broken ? EIO : write_step(q, v, skip, at, &n);
        skip += n;
        at += n;
        bytes -= n;
    }
    return error;
}

int qcow2_write(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                uint64_t bytes)
{
    struct qcow2 *q = qcow2_of(img);
    int error;

    pthread_mutex_lock(&q->alloc);
    error = write_locked(q, v, skip, at, bytes);
    pthread_mutex_unlock(&q->alloc);
    return error;
}

/* ---- zeroes and discards ---- */

static int write_zeroes(struct qcow2 *q, uint64_t at, uint64_t bytes)
{
    static char zeroes[65536];
    struct iovec iov = {zeroes, sizeof(zeroes)};
    int error = 0;

    while (bytes && !error) {
        uint64_t n = bytes < sizeof(zeroes) ? bytes : sizeof(zeroes);

        if (!known_zero(q, at, n))
            error = write_locked(q, &(struct vec){&iov, 1}, 0, at, n);
        at += n;
        bytes -= n;
    }
    return error;
}

/* Whole clusters of one L2 table: gone, and zeroes for the guest. */
static int drop_clusters(struct qcow2 *q, uint64_t at, uint64_t n, bool punch)
{
    uint64_t entry = q->img.backing && !q->extended ? L2_ZERO : 0;
    uint64_t bitmap = q->img.backing ? SUB_ALL << 32 : 0;
    uint8_t *table;
    int error = qcow2_l2_own(q, l1_index(q, at), &table);

    for (uint64_t i = l2_index(q, at); !error && n--; i++) {
        uint64_t old = get_entry(q, table, i);

        if (old == entry && (!q->extended || get_bitmap(q, table, i) == bitmap))
            continue;
        put_entry(q, l1_index(q, at), table, i, entry, bitmap);
        free_entry(q, old, punch);
    }
    return error;
}

/* No table and nothing below it: zeroes already. */
static bool nothing_there(const struct qcow2 *q, uint64_t at)
{
    return !(q->l1[l1_index(q, at)] & L_OFFSET) && !q->img.backing;
}

static int drop_range(struct qcow2 *q, uint64_t at, uint64_t bytes, bool punch)
{
    int error = 0;

    while (bytes && !error) {
        uint64_t n = bytes >> q->cluster_bits, room = (1ull << q->l2_bits) - l2_index(q, at);

        n = n < room ? n : room;
        error = q->broken ? EIO : nothing_there(q, at) ? 0 : drop_clusters(q, at, n, punch);
        at += n << q->cluster_bits;
        bytes -= n << q->cluster_bits;
    }
    return error;
}

/* The whole clusters of a range; the end of the disk counts as the end of a cluster. */
static void whole_clusters(const struct qcow2 *q, uint64_t at, uint64_t bytes, uint64_t *start,
                           uint64_t *end)
{
    uint64_t last = at + bytes == q->img.bytes ? at + bytes + q->cluster - 1 : at + bytes;

    *start = start_of(q, at + q->cluster - 1);
    *end = start_of(q, last);
    if (*end < *start)
        *end = *start;
}

int qcow2_zero(struct image *img, uint64_t at, uint64_t bytes, bool unmap)
{
    struct qcow2 *q = qcow2_of(img);
    uint64_t start, end, stop = at + bytes;
    int error;

    whole_clusters(q, at, bytes, &start, &end);
    pthread_mutex_lock(&q->alloc);
    if (start == end || (q->version < 3 && img->backing)) {
        error = write_zeroes(q, at, bytes);
    } else {
        error = write_zeroes(q, at, start - at);
        if (!error)
            error = drop_range(q, start, end - start, unmap && img->opts.unmap);
        if (!error && stop > end)
            error = write_zeroes(q, end, stop - end);
    }
    pthread_mutex_unlock(&q->alloc);
    return error;
}

int qcow2_discard(struct image *img, uint64_t at, uint64_t bytes)
{
    struct qcow2 *q = qcow2_of(img);
    uint64_t start, end;
    int error;

    whole_clusters(q, at, bytes, &start, &end);
    if (q->version < 3 && img->backing) /* what is below would show */
        return 0;
    pthread_mutex_lock(&q->alloc);
    error = drop_range(q, start, end - start, true);
    pthread_mutex_unlock(&q->alloc);
    return error;
}
