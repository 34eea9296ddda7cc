/* SPDX-License-Identifier: MIT
 * qcow2: reference counts of clusters, finding free ones. */
#include <errno.h>

#include "frontend/block/bytes.h"
#include "frontend/block/qcow2.h"

enum { REF_CACHE_BYTES = 16 << 20 };
#define CLUSTER_END(q)                                                                         \
    (1ull << (55 - (q)->cluster_bits)) /* L2 entries can name those below                      \
                                        */

void qcow2_meta_add(struct qcow2 *q, uint64_t at)
{
    uint64_t cluster = at >> q->cluster_bits;

    g_hash_table_add(q->meta, g_memdup2(&cluster, sizeof(cluster)));
}

bool qcow2_ref_init(struct qcow2 *q, struct err *e)
{
    tcache_init(&q->ref, &q->img.file, (unsigned)q->cluster, REF_CACHE_BYTES, q->reft_size);
    q->frees = g_array_new(FALSE, FALSE, sizeof(struct qcow2_free));
    q->meta = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    for (uint32_t i = 0; i < q->l1_size; i++)
        if (q->l1[i] & L_OFFSET)
            qcow2_meta_add(q, q->l1[i] & L_OFFSET);
    for (uint32_t i = 0; i < q->reft_size; i++)
        if (q->reft[i])
            qcow2_meta_add(q, q->reft[i]);
    q->fresh = q->img.file.device
                   ? CLUSTER_END(q)
                   : (file_size(&q->img.file) + q->cluster - 1) >> q->cluster_bits;
    q->hint = 0;
    return true;
}

static bool in_table(const struct qcow2 *q, uint64_t cluster, uint64_t at, uint64_t entries)
{
    uint64_t first = at >> q->cluster_bits;

    return cluster >= first &&
           cluster < first + ((entries * 8 + q->cluster - 1) >> q->cluster_bits);
}

bool qcow2_is_meta(struct qcow2 *q, uint64_t cluster)
{
    return cluster == 0 || in_table(q, cluster, q->l1_at, q->l1_size) ||
           in_table(q, cluster, q->reft_at, q->reft_size) ||
           g_hash_table_contains(q->meta, &cluster);
}

/* ---- counts ---- */

static uint64_t count_get(const struct qcow2 *q, const uint8_t *block, uint64_t i)
{
    unsigned bits = 1u << q->ref_order;

    switch (q->ref_order) {
    case 3: return block[i];
    case 4: return get_be16(block + i * 2);
    case 5: return get_be32(block + i * 4);
    case 6: return get_be64(block + i * 8);
    default: return block[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1);
    }
}

static void count_put(const struct qcow2 *q, uint8_t *block, uint64_t i, uint64_t v)
{
    unsigned bits = 1u << q->ref_order, shift = (unsigned)(i * bits % 8);

    switch (q->ref_order) {
    case 3: block[i] = (uint8_t)v; break;
    case 4: put_be16(block + i * 2, (uint16_t)v); break;
    case 5: put_be32(block + i * 4, (uint32_t)v); break;
    case 6: put_be64(block + i * 8, v); break;
    default:
        block[i * bits / 8] =
            (uint8_t)((block[i * bits / 8] & ~(((1u << bits) - 1) << shift)) | v << shift);
    }
}

static uint64_t block_place(void *opaque, uint32_t index)
{
    struct qcow2 *q = opaque;

    return q->reft[index];
}

int qcow2_ref_write_back(struct qcow2 *q)
{
    if (q->broken)
        return EIO;
    if (q->ref.n_dirty)
        q->ref_unsynced = true;
    return tcache_write_back(&q->ref, block_place, q);
}

/* The block of counts, NULL: none. Counts may reach the file at any time: those that went up
 * do no harm, those that went down did so after the reference was gone from the file. */
static int block_get(struct qcow2 *q, uint64_t index, uint8_t **block)
{
    int error;

    *block = NULL;
    if (index >= q->reft_size || !q->reft[index])
        return 0;
    if (q->reft[index] & (q->cluster - 1))
        return qcow2_corrupt(q, "misaligned refcount block", q->reft[index]);
    *block = tcache_find(&q->ref, (uint32_t)index);
    if (*block)
        return 0;
    if (tcache_crowded(&q->ref)) {
        error = qcow2_ref_write_back(q);
        if (error)
            return error;
    }
    return tcache_load(&q->ref, (uint32_t)index, q->reft[index], block);
}

int qcow2_ref_get(struct qcow2 *q, uint64_t cluster, uint64_t *count)
{
    uint8_t *block;
    int error = block_get(q, cluster >> q->ref_block_bits, &block);

    *count = 0;
    if (!error && block)
        *count = count_get(q, block, cluster & ((1ull << q->ref_block_bits) - 1));
    return error;
}

/* ---- more counts: new blocks, a larger table of blocks ---- */

/* Clusters [first, first + n) get the count 1 in fresh blocks from `index` on, which stand at
 * `first` themselves. */
static int write_new_blocks(struct qcow2 *q, uint64_t index, uint64_t blocks, uint64_t first,
                            uint64_t n)
{
    uint64_t per = 1ull << q->ref_block_bits;
    uint8_t *buf = g_malloc(q->cluster);
    int error = 0;

    for (uint64_t b = 0; b < blocks && !error; b++) {
        uint64_t base = (index + b) << q->ref_block_bits;

        memset(buf, 0, q->cluster);
        for (uint64_t c = base; c < base + per; c++)
            if (c >= first && c < first + n)
                count_put(q, buf, c - base, 1);
        error = file_write(&q->img.file, buf, q->cluster, (first + b) << q->cluster_bits);
    }
    g_free(buf);
    return error;
}

static int make_block(struct qcow2 *q, uint64_t index)
{
    uint64_t self = index << q->ref_block_bits, at = self << q->cluster_bits;
    uint8_t field[8];
    int error;

    if (self >= CLUSTER_END(q))
        return ENOSPC;
    if (qcow2_is_meta(q, self))
        return qcow2_corrupt(q, "no counts for a table", at);
    error = write_new_blocks(q, index, 1, self, 1);
    if (!error)
        error = qcow2_barrier(q);
    put_be64(field, at);
    if (!error)
        error = file_write(&q->img.file, field, sizeof(field), q->reft_at + index * 8);
    if (error)
        return error;
    q->reft[index] = at;
    pthread_mutex_lock(&q->maps);
    qcow2_meta_add(q, at);
    pthread_mutex_unlock(&q->maps);
    if (self >= q->fresh)
        q->fresh = self + 1;
    return 0;
}

static int write_new_table(struct qcow2 *q, const uint64_t *table, uint64_t entries,
                           uint64_t at)
{
    uint64_t *be = g_new(uint64_t, entries);
    uint8_t field[12];
    int error;

    for (uint64_t i = 0; i < entries; i++)
        be[i] = htobe64(table[i]);
    error = file_write(&q->img.file, be, entries * 8, at);
    g_free(be);
    if (!error)
        error = qcow2_barrier(q);
    put_be64(field, at);
    put_be32(field + 8, (uint32_t)(entries * 8 >> q->cluster_bits));
    if (!error)
        error = file_write(&q->img.file, field, sizeof(field), AT_REFT);
    return error ? error : qcow2_barrier(q);
}

/* A table of blocks that reaches to block `index` and beyond; it and the blocks that count it
 * stand at the first clusters that block `index` counts. */
static int grow_table(struct qcow2 *q, uint64_t index)
{
    uint64_t first = index << q->ref_block_bits, per = 1ull << q->ref_block_bits;
    uint64_t want = index + index / 2 + 2, blocks = 1, clusters = 0, old = q->reft_at, n, *t;
    uint64_t old_n = ((uint64_t)q->reft_size * 8) >> q->cluster_bits;
    int error;

    for (uint64_t last = 0; last != blocks;) {
        last = blocks;
        n = want > index + blocks ? want : index + blocks;
        clusters = (n * 8 + q->cluster - 1) >> q->cluster_bits;
        blocks = (blocks + clusters + per - 1) >> q->ref_block_bits;
    }
    n = clusters << q->cluster_bits >> 3;
    if (n * 8 > REFT_BYTES_MAX || first + blocks + clusters > CLUSTER_END(q))
        return ENOSPC;
    for (uint64_t c = first; c < first + blocks + clusters; c++)
        if (qcow2_is_meta(q, c))
            return qcow2_corrupt(q, "no counts for a table", c << q->cluster_bits);
    error = write_new_blocks(q, index, blocks, first, blocks + clusters);
    if (error)
        return error;
    t = g_new0(uint64_t, n);
    memcpy(t, q->reft, (uint64_t)q->reft_size * 8);
    for (uint64_t b = 0; b < blocks; b++)
        t[index + b] = (first + b) << q->cluster_bits;
    error = write_new_table(q, t, n, (first + blocks) << q->cluster_bits);
    if (error) {
        g_free(t);
        return error;
    }
    pthread_mutex_lock(&q->maps);
    g_free(q->reft);
    q->reft = t;
    q->reft_size = (uint32_t)n;
    q->reft_at = (first + blocks) << q->cluster_bits;
    for (uint64_t b = 0; b < blocks; b++)
        qcow2_meta_add(q, q->reft[index + b]);
    pthread_mutex_unlock(&q->maps);
    tcache_grow(&q->ref, q->reft_size);
    if (q->fresh < first + blocks + clusters)
        q->fresh = first + blocks + clusters;
    qcow2_free_later(q, old >> q->cluster_bits, old_n, false);
    return 0;
}

static int block_own(struct qcow2 *q, uint64_t index, uint8_t **block)
{
    int error = block_get(q, index, block);

    if (error || *block)
        return error;
    error = index >= q->reft_size ? grow_table(q, index) : make_block(q, index);
    return error ? error : block_get(q, index, block);
}

int qcow2_ref_put(struct qcow2 *q, uint64_t cluster, uint64_t count)
{
    uint64_t index = cluster >> q->ref_block_bits;
    uint8_t *block;
    int error = block_own(q, index, &block);

    if (error)
        return error;
    count_put(q, block, cluster & ((1ull << q->ref_block_bits) - 1), count);
    tcache_dirty(&q->ref, (uint32_t)index);
    return 0;
}

/* ---- allocation ---- */

/* First cluster from `from` on with count 0. */
static int find_free(struct qcow2 *q, uint64_t from, uint64_t *found)
{
    uint64_t per = 1ull << q->ref_block_bits;

    for (uint64_t c = from; c < CLUSTER_END(q);) {
        uint64_t end = (c | (per - 1)) + 1;
        uint8_t *block;
        int error = block_own(q, c >> q->ref_block_bits, &block);

        if (error)
            return error;
        for (; c < end; c++) {
            if (count_get(q, block, c & (per - 1)))
                continue;
            if (qcow2_is_meta(q, c))
                return qcow2_corrupt(q, "a table that is counted as free",
                                     c << q->cluster_bits);
            *found = c;
            return 0;
        }
    }
    return ENOSPC;
}

int qcow2_alloc(struct qcow2 *q, uint64_t want, uint64_t *first, uint64_t *got, bool *fresh)
{
    uint64_t per = 1ull << q->ref_block_bits, c, index;
    uint8_t *block;
    int error;

    if (q->broken)
        return EIO;
    error = find_free(q, q->hint, first);
    if (!error)
        error = block_get(q, index = *first >> q->ref_block_bits, &block);
    if (error)
        return error;
    *fresh = *first >= q->fresh;
    for (c = *first; c < *first + want && c >> q->ref_block_bits == index; c++) {
        if (count_get(q, block, c & (per - 1)) || qcow2_is_meta(q, c) ||
            *fresh != (c >= q->fresh))
            break;
        count_put(q, block, c & (per - 1), 1);
    }
    tcache_dirty(&q->ref, (uint32_t)index);
    *got = c - *first;
    q->hint = c;
    if (q->fresh < c)
        q->fresh = c;
    return 0;
}

void qcow2_unalloc(struct qcow2 *q, uint64_t first, uint64_t n)
{
    for (uint64_t c = first; c < first + n; c++)
        if (qcow2_ref_put(q, c, 0))
            return; /* a leak */
    if (q->hint > first)
        q->hint = first;
}

void qcow2_free_later(struct qcow2 *q, uint64_t cluster, uint64_t n, bool punch)
{
    struct qcow2_free f = {cluster, n, punch};
    struct qcow2_free *last =
        q->frees->len ? &g_array_index(q->frees, struct qcow2_free, q->frees->len - 1) : NULL;

    if (last && last->cluster + last->n == cluster && last->punch == punch)
        last->n += n;
    else
        g_array_append_val(q->frees, f);
}

static int drop(struct qcow2 *q, uint64_t cluster, bool *gone)
{
    uint64_t count;
    int error = qcow2_ref_get(q, cluster, &count);

    *gone = false;
    if (error)
        return error;
    if (!count)
        return qcow2_corrupt(q, "a cluster in use that is counted as free",
                             cluster << q->cluster_bits);
    error = qcow2_ref_put(q, cluster, count - 1);
    *gone = !error && count == 1;
    if (*gone && cluster < q->hint)
        q->hint = cluster;
    return error;
}

int qcow2_apply_frees(struct qcow2 *q)
{
    while (q->frees->len) {
        struct qcow2_free *f = &g_array_index(q->frees, struct qcow2_free, q->frees->len - 1);
        uint64_t start = f->cluster, n = 0;
        bool gone = true;
        int error = 0;

        for (; f->n && gone && !error; f->cluster++, f->n--) {
            error = drop(q, f->cluster, &gone);
            n += gone;
        }
        if (f->punch && n)
            file_discard(&q->img.file, start << q->cluster_bits, n << q->cluster_bits);
        if (error)
            return error;
        if (!f->n)
            g_array_set_size(q->frees, q->frees->len - 1);
    }
    return 0;
}
