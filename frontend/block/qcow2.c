/* SPDX-License-Identifier: MIT
 * qcow2: header, life, and the order in which metadata reaches the file.
 * Left out: encryption, external data files; internal snapshots are respected, not made. */
#include "frontend/block/qcow2.h"

#include <errno.h>
#include <stdio.h>

#include "frontend/block/bytes.h"

enum { CACHE_BYTES = 32 << 20 };
#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_BITMAPS        0x23852875u

int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t at)
{
    uint8_t field[8];

    if (q->broken)
        return EIO;
    q->broken = true;
    fprintf(stderr, "mynah: '%s': the image is corrupt: %s at 0x%llx\n", q->img.path, what,
            (unsigned long long)at);
    if (!q->img.readonly && q->version >= 3) {
        put_be64(field, q->incompatible | INCOMPAT_CORRUPT);
        file_write(&q->img.file, field, sizeof(field), AT_INCOMPATIBLE);
    }
    return EIO;
}

int qcow2_barrier(struct qcow2 *q)
{
    int error = file_sync(&q->img.file);

    if (!error)
        q->ref_unsynced = false;
    return error;
}

/* ---- opening ---- */

static bool qcow2_probe(const uint8_t *head)
{
    return get_be32(head) == 0x514649fb && get_be32(head + 4) >= 2;
}

static bool check_features(struct qcow2 *q, const uint8_t *h, struct err *e)
{
    uint64_t known = INCOMPAT_DIRTY | INCOMPAT_CORRUPT | INCOMPAT_DATA_FILE |
                     INCOMPAT_COMPRESSION | INCOMPAT_EXTENDED;

    if (q->incompatible & INCOMPAT_DATA_FILE)
        return err_set(e, "external data files are not supported");
    if (q->incompatible & ~known)
        return err_set(e, "unsupported qcow2 features: 0x%llx",
                       (unsigned long long)(q->incompatible & ~known));
    if (q->incompatible & INCOMPAT_CORRUPT && !q->img.readonly)
        return err_set(e, "the image is marked corrupt: repair it with qemu-img check -r all, "
                          "or open it with readonly=on");
    q->extended = q->incompatible & INCOMPAT_EXTENDED;
    if (q->incompatible & INCOMPAT_COMPRESSION) {
        if (get_be32(h + AT_HEADER_LENGTH) <= AT_COMPRESSION || h[AT_COMPRESSION] != 1)
            return err_set(e, "unknown compression type %u", h[AT_COMPRESSION]);
        q->zstd = true;
    }
    return true;
}

static bool parse_v3(struct qcow2 *q, const uint8_t *h, struct err *e)
{
    uint32_t length = get_be32(h + AT_HEADER_LENGTH);

    q->incompatible = get_be64(h + AT_INCOMPATIBLE);
    q->ref_order = get_be32(h + AT_REFCOUNT_ORDER);
    if (length < HEADER_V3 || length % 8 || length > q->cluster)
        return err_set(e, "bad qcow2 header length %u", length);
    if (q->ref_order > 6)
        return err_set(e, "bad qcow2 refcount order %u", q->ref_order);
    return check_features(q, h, e);
}

static bool parse_header(struct qcow2 *q, const uint8_t *h, struct err *e)
{
    uint64_t size = get_be64(h + AT_SIZE), reft_clusters = get_be32(h + AT_REFT_CLUSTERS);

    if (get_be32(h) != 0x514649fb)
        return err_set(e, "not a qcow2 image");
    q->version = get_be32(h + 4);
    q->cluster_bits = get_be32(h + AT_CLUSTER_BITS);
    q->ref_order = 4;
    if (q->version != 2 && q->version != 3)
        return err_set(e, "unsupported qcow2 version %u", q->version);
    if (q->cluster_bits < 9 || q->cluster_bits > 21)
        return err_set(e, "bad qcow2 cluster size 2^%u", q->cluster_bits);
    q->cluster = 1ull << q->cluster_bits;
    if (get_be32(h + AT_CRYPT))
        return err_set(e, "encrypted images are not supported");
    if (q->version == 3 && !parse_v3(q, h, e))
        return false;
    if (q->extended && q->cluster_bits < 14)
        return err_set(e, "bad qcow2 cluster size for extended L2 entries");
    q->l2_bits = q->cluster_bits - (q->extended ? 4 : 3);
    q->ref_block_bits = q->cluster_bits + 3 - q->ref_order;
    q->l1_at = get_be64(h + AT_L1);
    q->l1_size = get_be32(h + AT_L1_SIZE);
    q->reft_at = get_be64(h + AT_REFT);
    q->reft_size = (uint32_t)(reft_clusters << q->cluster_bits >> 3);
    q->snapshots = get_be32(h + AT_SNAPSHOTS);
    q->snapshot_table = get_be64(h + AT_SNAPSHOT_TABLE);
    q->img.bytes = size & ~511ull;
    if (q->l1_size > L1_BYTES_MAX / 8 || (q->l1_at | q->reft_at) & (q->cluster - 1) ||
        reft_clusters > REFT_BYTES_MAX >> q->cluster_bits)
        return err_set(e, "bad qcow2 table size or offset");
    if (size > IMAGE_BYTES_MAX ||
        (size && ((size - 1) >> q->cluster_bits >> q->l2_bits) >= q->l1_size))
        return err_set(e, "the qcow2 L1 table is too small for the disk's size");
    if ((!q->l1_at && q->l1_size) || (!q->img.readonly && (!q->reft_at || !q->reft_size)))
        return err_set(e, "a qcow2 table is missing");
    return true;
}

static bool parse_extensions(struct qcow2 *q, const uint8_t *first, struct err *e)
{
    uint64_t at = q->version == 2 ? HEADER_V2 : get_be32(first + AT_HEADER_LENGTH);
    uint64_t backing = get_be64(first + AT_BACKING);
    uint64_t end = backing && backing < q->cluster ? backing : q->cluster;

    while (at + 8 <= end) {
        uint32_t kind = get_be32(first + at), len = get_be32(first + at + 4);

        at += 8;
        if (!kind)
            break;
        if (len > end - at)
            return err_set(e, "a qcow2 header extension is too long");
        if (kind == EXT_BACKING_FORMAT && len < 16) {
            g_free(q->backing_format);
            q->backing_format = g_strndup((const char *)first + at, len);
        }
        q->has_bitmaps |= kind == EXT_BITMAPS;
        at += (len + 7) & ~7u;
    }
    return true;
}

static bool open_backing(struct qcow2 *q, const uint8_t *first, struct err *e)
{
    uint64_t at = get_be64(first + AT_BACKING);
    uint32_t len = get_be32(first + AT_BACKING + 8);
    char name[1024];

    if (!at || !len || q->img.opts.no_backing)
        return true;
    if (len >= sizeof(name) || at > q->cluster || len > q->cluster - at)
        return err_set(e, "bad qcow2 backing file name");
    memcpy(name, first + at, len);
    name[len] = 0;
    return image_open_backing(&q->img, name, q->backing_format, e);
}

static uint64_t *load_table(struct qcow2 *q, uint64_t at, uint64_t entries, struct err *e)
{
    uint64_t *t = g_try_malloc0(entries * 8 + 512);
    int error;

    if (!t) {
        err_set(e, "no memory for a qcow2 table");
        return NULL;
    }
    error = file_read(&q->img.file, t, entries * 8, at);
    if (error) {
        err_set(e, "cannot read a qcow2 table: %s", strerror(error));
        g_free(t);
        return NULL;
    }
    for (uint64_t i = 0; i < entries; i++)
        t[i] = be64toh(t[i]);
    return t;
}

static bool prepare_writing(struct qcow2 *q, const uint8_t *first, struct err *e)
{
    uint8_t zero[8] = {0};
    int error = 0;

    if (!qcow2_ref_init(q, e))
        return false;
    if (q->incompatible & INCOMPAT_DIRTY && !qcow2_repair(q, e))
        return false;
    /* we keep none of the things that these bits vouch for */
    if (q->version == 3 && get_be64(first + AT_AUTOCLEAR))
        error = file_write(&q->img.file, zero, sizeof(zero), AT_AUTOCLEAR);
    return !error || err_set(e, "cannot write: %s", strerror(error));
}

static bool qcow2_open(struct image *img, struct err *e)
{
    struct qcow2 *q = qcow2_of(img);
    uint8_t head[IMAGE_PROBE_BYTES], *first;
    bool ok;
    int error;

    pthread_mutex_init(&q->alloc, NULL);
    pthread_mutex_init(&q->maps, NULL);
    pthread_mutex_init(&q->unpack_lock, NULL);
    error = file_read(&img->file, head, sizeof(head), 0);
    if (error)
        return err_set(e, "cannot read: %s", strerror(error));
    if (!parse_header(q, head, e))
        return false;
    first = g_malloc(q->cluster);
    error = file_read(&img->file, first, q->cluster, 0);
    ok = error ? err_set(e, "cannot read: %s", strerror(error))
               : parse_extensions(q, first, e) && open_backing(q, first, e);
    g_free(first);
    if (!ok)
        return false;
    q->l1 = load_table(q, q->l1_at, q->l1_size, e);
    if (!q->l1)
        return false;
    q->l1_dirty = g_new0(uint64_t, q->l1_size / 4096 + 1);
    tcache_init(&q->l2, &img->file, (unsigned)q->cluster, CACHE_BYTES, q->l1_size);
    q->unpack_out = g_malloc(q->cluster);
    if (img->readonly)
        return true;
    q->reft = load_table(q, q->reft_at, q->reft_size, e);
    return q->reft && prepare_writing(q, head, e);
}

/* ---- the order of writes ---- */

static uint64_t l2_place(void *opaque, uint32_t index)
{
    struct qcow2 *q = opaque;

    return q->l1[index] & L_OFFSET;
}

static int write_l1(struct qcow2 *q)
{
    uint8_t sector[512];

    for (uint32_t i = 0; i < (q->l1_size + 63) / 64; i++) {
        uint32_t n = q->l1_size - i * 64 < 64 ? q->l1_size - i * 64 : 64;
        int error;

        if (!(q->l1_dirty[i / 64] >> (i % 64) & 1))
            continue;
        for (uint32_t k = 0; k < n; k++)
            put_be64(sector + k * 8, q->l1[i * 64 + k]);
        error = file_write(&q->img.file, sector, n * 8, q->l1_at + (uint64_t)i * 512);
        if (error)
            return error;
        q->l1_dirty[i / 64] &= ~(1ull << (i % 64));
    }
    q->any_l1_dirty = false;
    return 0;
}

static int write_l2(struct qcow2 *q)
{
    int error;

    pthread_mutex_lock(&q->maps);
    error = tcache_write_back(&q->l2, l2_place, q);
    pthread_mutex_unlock(&q->maps);
    return error;
}

int qcow2_checkpoint(struct qcow2 *q)
{
    int error;

    if (q->broken)
        return EIO;
    error = qcow2_ref_write_back(q);
    if (!error && q->ref_unsynced && (q->l2.n_dirty || q->any_l1_dirty))
        error = qcow2_barrier(q);
    if (!error && q->l2.n_dirty)
        error = write_l2(q);
    if (!error && q->any_l1_dirty) {
        error = qcow2_barrier(q);
        if (!error)
            error = write_l1(q);
    }
    if (!error && q->frees->len) {
        error = qcow2_barrier(q);
        if (!error) { /* whoever still writes to what is freed finishes first */
            pthread_rwlock_wrlock(&q->img.users);
            pthread_rwlock_unlock(&q->img.users);
            error = qcow2_apply_frees(q);
        }
    }
    return error;
}

static int qcow2_flush(struct image *img)
{
    struct qcow2 *q = qcow2_of(img);
    int error;

    pthread_mutex_lock(&q->alloc);
    error = qcow2_checkpoint(q);
    pthread_mutex_unlock(&q->alloc);
    return error ? error : file_sync(&img->file);
}

static void qcow2_idle(struct image *img)
{
    struct qcow2 *q = qcow2_of(img);

    pthread_mutex_lock(&q->alloc);
    if (!qcow2_checkpoint(q))
        qcow2_ref_write_back(q);
    pthread_mutex_unlock(&q->alloc);
}

static void qcow2_close(struct image *img)
{
    struct qcow2 *q = qcow2_of(img);

    if (!img->readonly && q->frees && !q->broken) {
        int error = qcow2_flush(img);

        if (!error)
            error = qcow2_ref_write_back(q);
        if (error)
            fprintf(stderr, "mynah: '%s': cannot write the last changes: %s\n", img->path,
                    strerror(error));
    }
    tcache_finish(&q->l2);
    tcache_finish(&q->ref);
    if (q->frees)
        g_array_free(q->frees, TRUE);
    if (q->meta)
        g_hash_table_destroy(q->meta);
    g_free(q->l1);
    g_free(q->l1_dirty);
    g_free(q->reft);
    g_free(q->unpack_out);
    g_free(q->backing_format);
    pthread_mutex_destroy(&q->alloc);
    pthread_mutex_destroy(&q->maps);
    pthread_mutex_destroy(&q->unpack_lock);
}

const struct format format_qcow2 = {
    .name = "qcow2",
    .size = sizeof(struct qcow2),
    .writable = true,
    .probe = qcow2_probe,
    .open = qcow2_open,
    .close = qcow2_close,
    .map = qcow2_map,
    .unpack = qcow2_unpack,
    .write = qcow2_write,
    .zero = qcow2_zero,
    .discard = qcow2_discard,
    .flush = qcow2_flush,
    .idle = qcow2_idle,
};
