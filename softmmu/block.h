/* SPDX-License-Identifier: MIT
 * A drive: what a disk, CD-ROM or floppy device asks of its back end. Requests are answered
 * later. All calls and answers are made on the machine's thread under the device lock; the
 * back end's own threads touch only the memory that a request names. */
#ifndef SOFTMMU_BLOCK_H
#define SOFTMMU_BLOCK_H

#include "softmmu/types.h"

#define BLOCK_SECTOR 512u

enum block_op {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH,   /* everything answered before is on stable storage (host fdatasync) */
    BLOCK_DISCARD, /* the contents of the range no longer matter */
    BLOCK_ZERO,    /* the range reads as zeroes from now on */
};

struct block_vec {
    void *base; /* host memory: guest RAM (space_dma_map) or a device's buffer */
    size_t len; /* bytes, a multiple of 512 */
};

/* Owned by the device; it and its vectors stay untouched from submit to done. */
struct block_req {
    enum block_op op;
    uint64_t offset, bytes; /* multiples of 512; bytes is the sum of vec for READ, WRITE */
    const struct block_vec *vec;
    unsigned n_vec;
    /* error: 0 or an errno value (EIO, ENOSPC, EROFS, EINVAL, ENOMEDIUM, ECANCELED) */
    void (*done)(struct block_req *r, int error);
    void *opaque;  /* the device's */
    void *backend; /* the back end's while submitted */
};

struct block;

struct block_ops {
    void (*submit)(struct block *b, struct block_req *r);
    /* Returns when no request is under way; `done` has been called for each. */
    void (*drain)(struct block *b);
    void (*tray)(struct block *b, bool open); /* optional: the guest moved the tray */
};

/* The back end makes it, -drive describes it, one device takes it. */
struct block {
    const char *id;     /* drive id, for messages */
    const char *serial; /* NULL: the device's own default */
    const struct block_ops *ops;
    uint64_t bytes; /* size of the medium, a multiple of 512 */
    bool present;   /* a medium is in; fixed disks always */
    bool readonly;
    bool removable; /* CD-ROM, floppy */
    bool locked;    /* set by the device: the guest prevents removal */
    bool tray_open; /* set by block_set_tray */
    /* set by the device: the medium or its size changed, or (eject_request) the user wants it
     */
    void (*changed)(void *opaque);
    void (*eject_request)(void *opaque); /* optional */
    void *opaque;
    uint64_t ops_done[5], bytes_done[5]; /* by block_op: statistics */
};

/* Range and medium are checked here: a bad request is answered at once with an error. */
void block_submit(struct block *b, struct block_req *r);
void block_drain(struct block *b); /* NULL allowed */
void block_set_tray(struct block *b, bool open);

/* Test back end: a disk in memory that answers when told to. */
struct block_mem {
    struct block blk;
    uint8_t *data;
    struct block_req *queue[64];
    unsigned n_queue;
    int fail; /* errno for the next answers; 0: none */
    unsigned flushes;
    bool immediate; /* answer inside submit */
};
void block_mem_init(struct block_mem *m, uint64_t bytes);
void block_mem_finish(struct block_mem *m);
void block_mem_answer(struct block_mem *m); /* answers what is queued, in order */

#endif
