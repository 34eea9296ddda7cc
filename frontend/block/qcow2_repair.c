/* SPDX-License-Identifier: MIT
 * qcow2: an image whose writer postponed reference counts (lazy_refcounts) and ended uncleanly.
 * Counts every reference and raises the counts that are too low; what is too high is a leak
 * and stays. */
#include <errno.h>

#include "frontend/block/bytes.h"
#include "frontend/block/qcow2.h"

enum { COUNTS_MAX = 64 << 20, SNAPSHOT_HEADER = 40 };

struct tally {
    struct qcow2 *q;
    uint32_t *count;
    uint64_t n; /* clusters of the file */
};

static void mark(struct tally *t, uint64_t at, uint64_t bytes)
{
    unsigned bits = t->q->cluster_bits;

    if (!bytes || at + bytes < at)
        return;
    for (uint64_t c = at >> bits; c <= (at + bytes - 1) >> bits && c < t->n; c++)
        t->count[c]++;
}

static bool mark_l2(struct tally *t, uint64_t table_at)
{
    struct qcow2 *q = t->q;
    uint8_t *table = g_malloc(q->cluster);
    bool ok = !file_read(&q->img.file, table, q->cluster, table_at);

    for (uint64_t i = 0; ok && i < 1ull << q->l2_bits; i++) {
        uint64_t e = get_be64(table + i * qcow2_entry_bytes(q)), at = e & L_OFFSET, bytes = 1;

        if (e & L2_COMPRESSED)
            qcow2_packed_place(q, e, &at, &bytes);
        if (at)
            mark(t, at, bytes);
    }
    g_free(table);
    return ok;
}

static bool mark_l1(struct tally *t, uint64_t at, uint32_t entries)
{
    struct qcow2 *q = t->q;
    uint64_t bytes = (uint64_t)entries * 8, *l1;
    bool ok;

    if (entries > L1_BYTES_MAX / 8)
        return false;
    mark(t, at, bytes);
    l1 = g_malloc0(bytes + 8);
    ok = !file_read(&q->img.file, l1, bytes, at);
    for (uint32_t i = 0; ok && i < entries; i++) {
        uint64_t l2 = be64toh(l1[i]) & L_OFFSET;

        if (!l2)
            continue;
        mark(t, l2, q->cluster);
        ok = mark_l2(t, l2);
    }
    g_free(l1);
    return ok;
}

static bool mark_snapshots(struct tally *t)
{
    struct qcow2 *q = t->q;
    uint64_t at = q->snapshot_table;

    for (uint32_t i = 0; i < q->snapshots; i++) {
        uint8_t h[SNAPSHOT_HEADER];

        if (file_read(&q->img.file, h, sizeof(h), at) ||
            !mark_l1(t, get_be64(h), get_be32(h + 8)))
            return false;
        at += SNAPSHOT_HEADER + get_be32(h + 36) + get_be16(h + 12) + get_be16(h + 14);
        at = (at + 7) & ~7ull;
        if (at - q->snapshot_table > 64 << 20)
            return false;
    }
    if (q->snapshots)
        mark(t, q->snapshot_table, at - q->snapshot_table);
    return true;
}

static bool raise_counts(struct tally *t)
{
    uint64_t max = t->q->ref_order == 6 ? UINT64_MAX : (1ull << (1u << t->q->ref_order)) - 1;

    for (uint64_t c = 0; c < t->n; c++) {
        uint64_t have, block = c >> t->q->ref_block_bits;

        if (!t->count[c])
            continue;
        /* a new block of counts would stand where data may be */
        if (block >= t->q->reft_size || !t->q->reft[block])
            return false;
        if (t->count[c] > max || qcow2_ref_get(t->q, c, &have))
            return false;
        if (have < t->count[c] && qcow2_ref_put(t->q, c, t->count[c]))
            return false;
    }
    return true;
}

static bool clear_dirty(struct qcow2 *q)
{
    uint8_t field[8];

    q->incompatible &= ~INCOMPAT_DIRTY;
    put_be64(field, q->incompatible);
    return !qcow2_ref_write_back(q) && !qcow2_barrier(q) &&
           !file_write(&q->img.file, field, sizeof(field), AT_INCOMPATIBLE);
}

bool qcow2_repair(struct qcow2 *q, struct err *e)
{
    struct tally t = {.q = q};
    bool ok;

    t.n = (file_size(&q->img.file) + q->cluster - 1) >> q->cluster_bits;
    if (q->has_bitmaps || t.n > COUNTS_MAX)
        return err_set(e, "the image was not closed cleanly: run qemu-img check -r all on it");
    t.count = g_new0(uint32_t, t.n + 1);
    mark(&t, 0, q->cluster);
    mark(&t, q->reft_at, (uint64_t)q->reft_size * 8);
    for (uint32_t i = 0; i < q->reft_size; i++)
        if (q->reft[i])
            mark(&t, q->reft[i], q->cluster);
    ok = mark_l1(&t, q->l1_at, q->l1_size) && mark_snapshots(&t) && raise_counts(&t) &&
         clear_dirty(q);
    g_free(t.count);
    return ok || err_set(e, "the image was not closed cleanly and cannot be repaired here: "
                            "run qemu-img check -r all on it");
}
