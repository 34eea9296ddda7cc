/* SPDX-License-Identifier: MIT
 * Inside qcow2*.c. Specification: qcow2.txt of QEMU's documentation ("Qcow2 Image File
 * Format").
 *
 * Locks, in this order: alloc (whoever changes metadata), img.users, maps (contents of l1 and
 * the l2 cache). Refcounts are touched under alloc only. The order of writes is described in
 * README.md; qcow2_checkpoint is the one place that makes it. */
#ifndef FRONTEND_BLOCK_QCOW2_H
#define FRONTEND_BLOCK_QCOW2_H

#include <glib.h>

#include "frontend/block/image.h"
#include "frontend/block/tcache.h"

#define L1_COPIED      (1ull << 63) /* refcount is exactly 1; also in L2 */
#define L2_COMPRESSED  (1ull << 62)
#define L2_ZERO        1ull
#define L_OFFSET       0x00fffffffffffe00ull
#define SUB_ALL        0xffffffffull /* extended L2: every subcluster is allocated */
#define L1_BYTES_MAX   (32u << 20)
#define REFT_BYTES_MAX (8u << 20)
enum { SUBCLUSTERS = 32, HEADER_V2 = 72, HEADER_V3 = 104 };

enum {
    AT_BACKING = 8,
    AT_CLUSTER_BITS = 20,
    AT_SIZE = 24,
    AT_CRYPT = 32,
    AT_L1_SIZE = 36,
    AT_L1 = 40,
    AT_REFT = 48,
    AT_REFT_CLUSTERS = 56,
    AT_SNAPSHOTS = 60,
    AT_SNAPSHOT_TABLE = 64,
    AT_INCOMPATIBLE = 72,
    AT_AUTOCLEAR = 88,
    AT_REFCOUNT_ORDER = 96,
    AT_HEADER_LENGTH = 100,
    AT_COMPRESSION = 104,
};
#define INCOMPAT_DIRTY       1ull
#define INCOMPAT_CORRUPT     2ull
#define INCOMPAT_DATA_FILE   4ull
#define INCOMPAT_COMPRESSION 8ull
#define INCOMPAT_EXTENDED    16ull

/* Clusters to let go of once nothing in the file refers to them. */
struct qcow2_free {
    uint64_t cluster, n;
    bool punch; /* gives the space back to the host */
};

struct qcow2 {
    struct image img;
    unsigned version, cluster_bits;
    uint64_t cluster; /* bytes */
    uint64_t incompatible;
    bool extended, zstd, has_bitmaps;
    char *backing_format;               /* or NULL */
    unsigned l2_bits;                   /* log2 of the entries of an L2 table */
    unsigned ref_order, ref_block_bits; /* log2: of the bits of a count, of counts a block */

    uint64_t l1_at, reft_at;
    uint32_t l1_size, reft_size; /* entries */
    uint64_t *l1, *reft;         /* host byte order */
    uint64_t *l1_dirty;          /* a bit for each 64 entries */
    bool any_l1_dirty;
    uint32_t snapshots;
    uint64_t snapshot_table;

    struct tcache l2, ref; /* both hold tables as the file does */
    pthread_mutex_t alloc, maps;
    uint64_t hint;     /* no free cluster lies below */
    uint64_t fresh;    /* clusters from here on have never been written: holes */
    GArray *frees;     /* struct qcow2_free */
    GHashTable *meta;  /* clusters that hold active tables: must not be written as data */
    bool ref_unsynced; /* counts were written since the last fdatasync */
    bool broken;       /* contradictions were found: no more metadata is written */

    pthread_mutex_t unpack_lock; /* the last cluster that was unpacked */
    uint64_t unpacked;           /* its L2 entry; 0: none */
    uint8_t *unpack_out;
};

static inline struct qcow2 *qcow2_of(struct image *img)
{
    return container_of(img, struct qcow2, img);
}

static inline unsigned qcow2_entry_bytes(const struct qcow2 *q)
{
    return q->extended ? 16 : 8;
}

/* qcow2.c: something in the file contradicts itself. Tells the user once, stops writing
 * metadata; returns EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t at);
/* fdatasync between writes that must not change places. */
int qcow2_barrier(struct qcow2 *q);
/* Brings what is only in memory to the file; see README.md. alloc held. */
int qcow2_checkpoint(struct qcow2 *q);

/* qcow2_ref.c: reference counts and allocation. alloc held. */
bool qcow2_ref_init(struct qcow2 *q, struct err *e);
int qcow2_ref_get(struct qcow2 *q, uint64_t cluster, uint64_t *count);
/* Makes the block that holds the count if need be. */
int qcow2_ref_put(struct qcow2 *q, uint64_t cluster, uint64_t count);
int qcow2_ref_write_back(struct qcow2 *q);
/* At most `want` clusters in a row, counted as used. *fresh: they have never been written. */
int qcow2_alloc(struct qcow2 *q, uint64_t want, uint64_t *first, uint64_t *got, bool *fresh);
void qcow2_unalloc(struct qcow2 *q, uint64_t first, uint64_t n); /* never referred to */
void qcow2_free_later(struct qcow2 *q, uint64_t cluster, uint64_t n, bool punch);
int qcow2_apply_frees(struct qcow2 *q);
/* Is this cluster the header or an active table? */
bool qcow2_is_meta(struct qcow2 *q, uint64_t cluster); /* alloc or maps held */
void qcow2_meta_add(struct qcow2 *q, uint64_t at);     /* alloc and maps held */

/* qcow2_map.c */
int qcow2_map(struct image *img, uint64_t at, uint64_t bytes, bool nowait, struct run *run);
int qcow2_unpack(struct image *img, const struct run *run, uint64_t at, const struct vec *v,
                 uint64_t skip);
/* The L2 table for reading; NULL: none. maps held. */
int qcow2_l2_get(struct qcow2 *q, uint32_t l1_index, bool nowait, uint8_t **table);
/* The L2 table for writing, our own: made or copied if need be; it stays until the next
 * checkpoint. alloc held. */
int qcow2_l2_own(struct qcow2 *q, uint32_t l1_index, uint8_t **table);
/* Bytes that a compressed cluster occupies. */
void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *at, uint64_t *bytes);

/* qcow2_write.c */
int qcow2_write(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                uint64_t bytes);
int qcow2_zero(struct image *img, uint64_t at, uint64_t bytes, bool unmap);
int qcow2_discard(struct image *img, uint64_t at, uint64_t bytes);

/* qcow2_repair.c: after an unclean end with lazy reference counts: raises those that are too
 * low. Before anything else uses the image. */
bool qcow2_repair(struct qcow2 *q, struct err *e);

#endif
