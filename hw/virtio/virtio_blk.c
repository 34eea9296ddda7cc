/* SPDX-License-Identifier: MIT
 * Virtual I/O Device (VIRTIO) 1.1, 5.2: block device. Left out: SECURE_ERASE, SCSI commands
 * of legacy drivers, request priorities, more than one range to a discard.
 *
 * A notification takes all chains of its queue and submits them; data goes between guest RAM
 * and the drive. Only a chain whose parts are no whole sectors has a buffer of its own.
 *
 * SIZE_MAX is not offered: a segment may have any length, and SeaBIOS keeps size_max / 512 in
 * 16 bits, so that a large one becomes requests of no data. */
#include "hw/virtio/virtio_blk.h"

#include <stdlib.h>
#include <string.h>

#include "softmmu/log.h"

#define F_SEG_MAX      (1ull << 2)
#define F_GEOMETRY     (1ull << 4)
#define F_RO           (1ull << 5)
#define F_BLK_SIZE     (1ull << 6)
#define F_FLUSH        (1ull << 9)
#define F_TOPOLOGY     (1ull << 10)
#define F_CONFIG_WCE   (1ull << 11)
#define F_MQ           (1ull << 12)
#define F_DISCARD      (1ull << 13)
#define F_WRITE_ZEROES (1ull << 14)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK, S_IOERR, S_UNSUPP };

#define HEADER       16u
#define ID_BYTES     20u
#define RANGE_BYTES  16u
#define SEGS         (256 + 8) /* of a chain: a few more where RAM regions meet */
#define BOUNCE_MAX   (16u << 20)
#define RANGE_MAX    0x3fffffu  /* sectors of a discard */
#define CONFIG_BYTES 60
#define CONFIG_WCE   32

struct vblk_req {
    struct block_req r;
    struct virtio_blk *b;
    struct virtq *q;
    struct virtq_chain chain;
    struct virtq_seg seg[SEGS];
    struct block_vec vec[SEGS];
    uint8_t *bounce;  /* or NULL */
    uint32_t written; /* bytes of data for the driver */
    bool flush_next;  /* a write through */
    struct vblk_req *next;
};

struct vblk_header {
    uint32_t type, priority;
    uint64_t sector;
};

/* ---- ends of a request ---- */

static void release(struct vblk_req *q)
{
    free(q->bounce);
    q->bounce = NULL;
    q->next = q->b->free;
    q->b->free = q;
}

/* The status is the last byte that the driver can be written. */
static void finish(struct vblk_req *q, uint8_t status)
{
    struct virtio_blk *b = q->b;
    struct virtio *v = &b->p.v;
    struct virtq *vq = q->q;

    if (!b->resetting) {
        virtq_put(v, &q->chain, q->chain.in_bytes - 1, &status, 1);
        virtq_push(v, vq, q->chain.head, q->written + 1);
        if (b->busy_queue != vq - v->queue)
            virtq_flush(v, vq);
    }
    release(q);
}

static void report_written(struct vblk_req *q)
{
    const struct virtq_chain *c = &q->chain;
    unsigned i;

    if (q->bounce) {
        virtq_put(&q->b->p.v, c, 0, q->bounce, q->r.bytes);
        return;
    }
    for (i = c->n_out; i < c->n_out + c->n_in; i++)
        virtq_written(&q->b->p.v, &c->seg[i], c->seg[i].len);
}

/* Not from here: reads of what the host has in memory are answered at once, and a queue that
 * is fed by them would keep the machine for ever. */
static void look_again(struct virtio_blk *b)
{
    struct dev *d = b->p.v.dev;

    if (b->hungry && !b->resetting && !b->again.queued)
        event_schedule(d->env->clock, &b->again, dev_now(d) + 1);
}

static void done(struct block_req *r, int error)
{
    struct vblk_req *q = r->opaque;
    struct virtio_blk *b = q->b;

    if (!error && q->flush_next && !b->resetting) {
        q->flush_next = false;
        r->op = BLOCK_FLUSH;
        block_submit(b->blk, r);
        return;
    }
    if (!error && r->op == BLOCK_READ) {
        report_written(q);
        q->written = r->bytes;
    }
    finish(q, error ? S_IOERR : S_OK);
    look_again(b);
}

/* ---- requests ---- */

static void submit(struct vblk_req *q, enum block_op op, uint64_t sector, uint64_t bytes)
{
    q->r.op = op;
    q->r.offset = sector * BLOCK_SECTOR;
    q->r.bytes = bytes;
    q->r.vec = q->vec;
    q->r.done = done;
    q->r.opaque = q;
    if (sector > UINT64_MAX / BLOCK_SECTOR)
        finish(q, S_IOERR);
    else
        block_submit(q->b->blk, &q->r);
}

/* The segments of the data, `skip` bytes into the first and `bytes` long; false when one of
 * them is not made of whole sectors. */
static bool fill_vec(struct vblk_req *q, const struct virtq_seg *s, uint64_t skip,
                     uint64_t bytes)
{
    unsigned n = 0;

    for (; bytes; s++) {
        uint64_t len = s->len;

        if (skip >= len) {
            skip -= len;
            continue;
        }
        len = len - skip < bytes ? len - skip : bytes;
        if (len % BLOCK_SECTOR)
            return false;
        q->vec[n++] = (struct block_vec){.base = s->host + skip, .len = len};
        skip = 0;
        bytes -= len;
    }
    q->r.n_vec = n;
    return true;
}

static bool use_bounce(struct vblk_req *q, uint64_t bytes)
{
    q->bounce = bytes <= BOUNCE_MAX ? malloc(bytes) : NULL;
    q->vec[0] = (struct block_vec){.base = q->bounce, .len = bytes};
    q->r.n_vec = 1;
    return q->bounce;
}

/* 5.2.6.2: a driver without FLUSH finds what it wrote on stable storage. */
static bool writes_through(const struct virtio_blk *b)
{
    return virtio_has(&b->p.v, F_CONFIG_WCE) ? !b->writeback : !virtio_has(&b->p.v, F_FLUSH);
}

static void read_write(struct vblk_req *q, bool write, uint64_t sector)
{
    const struct virtq_chain *c = &q->chain;
    uint64_t bytes = write ? c->out_bytes - HEADER : c->in_bytes - 1;
    const struct virtq_seg *first = write ? c->seg : c->seg + c->n_out;

    if (!bytes || bytes % BLOCK_SECTOR) {
        finish(q, S_IOERR);
        return;
    }
    if (!fill_vec(q, first, write ? HEADER : 0, bytes)) {
        if (!use_bounce(q, bytes)) {
            finish(q, S_IOERR);
            return;
        }
        if (write)
            virtq_get(c, HEADER, q->bounce, bytes);
    }
    q->flush_next = write && writes_through(q->b);
    submit(q, write ? BLOCK_WRITE : BLOCK_READ, sector, bytes);
}

static void get_id(struct vblk_req *q)
{
    const char *serial = q->b->serial ? q->b->serial : q->b->blk->serial;
    char id[ID_BYTES] = {0};
    size_t n = q->chain.in_bytes - 1 < ID_BYTES ? q->chain.in_bytes - 1 : ID_BYTES;

    if (serial)
        memcpy(id, serial, strnlen(serial, ID_BYTES));
    q->written = virtq_put(&q->b->p.v, &q->chain, 0, id, n);
    finish(q, S_OK);
}

struct vblk_range {
    uint64_t sector;
    uint32_t sectors, flags;
};

static void discard(struct vblk_req *q, bool zero)
{
    struct vblk_range range;

    if (virtq_get(&q->chain, HEADER, &range, RANGE_BYTES) != RANGE_BYTES ||
        q->chain.out_bytes != HEADER + RANGE_BYTES || range.sectors > RANGE_MAX) {
        finish(q, S_IOERR);
        return;
    }
    if (range.flags & ~(zero ? 1u : 0)) { /* unmap is a wish, the rest is reserved */
        finish(q, S_UNSUPP);
        return;
    }
    q->flush_next = zero && writes_through(q->b);
    submit(q, zero ? BLOCK_ZERO : BLOCK_DISCARD, range.sector,
           (uint64_t)range.sectors * BLOCK_SECTOR);
}

/* A chain with its header; false breaks the device. */
static void execute(struct vblk_req *q)
{
    struct vblk_header h;

    if (virtq_get(&q->chain, 0, &h, HEADER) != HEADER || !q->chain.in_bytes) {
        virtio_broken(&q->b->p.v, "block request without header or status");
        release(q);
        return;
    }
    switch (h.type) {
    case T_IN: read_write(q, false, h.sector); break;
    case T_OUT: read_write(q, true, h.sector); break;
    case T_FLUSH: submit(q, BLOCK_FLUSH, 0, 0); break;
    case T_GET_ID: get_id(q); break;
    case T_DISCARD: discard(q, false); break;
    case T_WRITE_ZEROES: discard(q, true); break;
    default: finish(q, S_UNSUPP); break;
    }
}

static struct vblk_req *take(struct virtio_blk *b)
{
    struct vblk_req *q = b->free;

    if (q)
        b->free = q->next;
    return q;
}

/* Takes chains while there are any and requests to hold them; hungry() goes on otherwise. */
static void take_all(struct virtio_blk *b, struct virtq *vq)
{
    struct vblk_req *q;

    while ((q = take(b))) {
        q->q = vq;
        q->written = 0;
        q->flush_next = false;
        q->chain.seg = q->seg;
        q->chain.max = SEGS;
        if (!virtq_pop(&b->p.v, vq, &q->chain)) {
            release(q);
            return;
        }
        execute(q);
    }
}

static void serve(struct virtio_blk *b, unsigned n)
{
    struct virtio *v = &b->p.v;
    struct virtq *vq = &v->queue[n];

    if (b->busy_queue >= 0)
        return;
    b->busy_queue = n;
    do
        take_all(b, vq);
    while (b->free && virtq_wait(v, vq));
    b->busy_queue = -1;
    if (!b->free)
        b->hungry |= 1u << n;
    virtq_flush(v, vq);
}

static void hungry(void *opaque, uint64_t late_ns)
{
    struct virtio_blk *b = opaque;
    unsigned n, queues = b->hungry;

    b->hungry = 0;
    for (n = 0; queues >> n; n++)
        if (queues >> n & 1)
            virtio_notify(&b->p.v, n);
}

static void vblk_notify(struct virtio *v, unsigned n)
{
    serve(container_of(v, struct virtio_blk, p.v), n);
}

static void vblk_queue_reset(struct virtio *v)
{
    struct virtio_blk *b = container_of(v, struct virtio_blk, p.v);

    b->resetting = true;
    block_drain(b->blk);
    b->resetting = false;
    b->writeback = true;
    b->hungry = 0;
    event_cancel(v->dev->env->clock, &b->again);
}

/* ---- configuration ---- */

static void put(struct virtio *v, unsigned offset, uint64_t value, unsigned size)
{
    memcpy(v->config + offset, &value, size);
}

static void put_geometry(struct virtio *v, uint64_t sectors)
{
    uint64_t cyls = sectors / (16 * 63);

    put(v, 16, cyls > 16383 ? 16383 : cyls, 2);
    put(v, 18, 16, 1);
    put(v, 19, 63, 1);
}

static void vblk_config_read(struct virtio *v)
{
    struct virtio_blk *b = container_of(v, struct virtio_blk, p.v);
    uint64_t sectors = b->blk->bytes / BLOCK_SECTOR;

    memset(v->config, 0, sizeof(v->config));
    put(v, 0, sectors, 8);
    put(v, 12, b->queue_size - 2, 4);
    put_geometry(v, sectors);
    put(v, 20, BLOCK_SECTOR, 4);
    put(v, 24, 3, 1); /* 4 KiB physical blocks */
    put(v, 26, 8, 2);
    put(v, CONFIG_WCE, b->writeback, 1);
    put(v, 34, b->num_queues, 2);
    put(v, 36, RANGE_MAX, 4);
    put(v, 40, 1, 4);
    put(v, 44, 8, 4);
    put(v, 48, RANGE_MAX, 4);
    put(v, 52, 1, 4);
    put(v, 56, 1, 1);
}

static void vblk_config_written(struct virtio *v, unsigned offset, unsigned size)
{
    struct virtio_blk *b = container_of(v, struct virtio_blk, p.v);

    if (offset <= CONFIG_WCE && CONFIG_WCE < offset + size && virtio_has(v, F_CONFIG_WCE))
        b->writeback = v->config[CONFIG_WCE] & 1;
    vblk_config_read(v); /* nothing else can be written */
}

static const struct virtio_ops ops = {
    .notify = vblk_notify,
    .reset = vblk_queue_reset,
    .config_read = vblk_config_read,
    .config_written = vblk_config_written,
};

/* ---- class ---- */

static void drive_changed(void *opaque)
{
    virtio_config_changed(&((struct virtio_blk *)opaque)->p.v);
}

static bool make_requests(struct virtio_blk *b)
{
    unsigned i;

    b->n_reqs = b->queue_size * b->num_queues;
    b->n_reqs = b->n_reqs > 1024 ? 1024 : b->n_reqs;
    b->reqs = calloc(b->n_reqs, sizeof(*b->reqs));
    for (i = 0; b->reqs && i < b->n_reqs; i++) {
        b->reqs[i].b = b;
        release(&b->reqs[i]);
    }
    return b->reqs;
}

static uint64_t offered(const struct virtio_blk *b)
{
    uint64_t f = F_SEG_MAX | F_GEOMETRY | F_BLK_SIZE | F_FLUSH | F_TOPOLOGY;

    f |= b->config_wce ? F_CONFIG_WCE : 0;
    f |= b->num_queues > 1 ? F_MQ : 0;
    if (b->blk->readonly)
        return f | F_RO;
    return f | (b->discard ? F_DISCARD : 0) | (b->write_zeroes ? F_WRITE_ZEROES : 0);
}

static bool vblk_realize(struct dev *d, struct err *e)
{
    struct virtio_blk *b = (struct virtio_blk *)d;
    struct virtio *v = &b->p.v;
    unsigned i;

    if (!b->blk)
        return err_set(e, "drive property not set");
    if (!b->num_queues || b->num_queues > VIRTIO_MAX_QUEUES)
        return err_set(e, "num-queues is 1 to %d", VIRTIO_MAX_QUEUES);
    if (b->queue_size < 4 || b->queue_size > 256 || (b->queue_size & (b->queue_size - 1)))
        return err_set(e, "queue-size is a power of two from 4 to 256");
    v->n_queues = b->num_queues;
    for (i = 0; i < v->n_queues; i++)
        v->queue[i].max = b->queue_size;
    v->config_bytes = CONFIG_BYTES;
    v->offered = offered(b);
    b->busy_queue = -1;
    b->again = (struct event){.fn = hungry, .opaque = b};
    b->blk->changed = drive_changed;
    b->blk->opaque = b;
    if (!make_requests(b))
        return err_set(e, "out of memory");
    if (virtio_pci_realize(&b->p, &ops, 2, 0x1001, 0x010000, e))
        return true;
    free(b->reqs);
    return false;
}

static void vblk_reset(struct dev *d)
{
    struct virtio_blk *b = (struct virtio_blk *)d;

    virtio_pci_reset(&b->p);
    vblk_config_read(&b->p.v);
}

static void vblk_unrealize(struct dev *d)
{
    struct virtio_blk *b = (struct virtio_blk *)d;

    vblk_queue_reset(&b->p.v);
    b->blk->changed = NULL;
    virtio_pci_finish(&b->p);
    free(b->reqs);
}

static void vblk_loaded(struct dev *d)
{
    pci_fn_loaded((struct pci_fn *)d);
}

static const struct prop vblk_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_blk, p),
    PROP(PROP_DRIVE, struct virtio_blk, blk, "drive", 0),
    PROP(PROP_STR, struct virtio_blk, serial, "serial", 0),
    PROP(PROP_BOOL, struct virtio_blk, config_wce, "config-wce", true),
    PROP(PROP_BOOL, struct virtio_blk, discard, "discard", true),
    PROP(PROP_BOOL, struct virtio_blk, write_zeroes, "write-zeroes", true),
    PROP(PROP_U16, struct virtio_blk, num_queues, "num-queues", 1),
    PROP(PROP_U16, struct virtio_blk, queue_size, "queue-size", 256),
    PROP_END,
};

static const struct state_field vblk_state[] = {
    VIRTIO_PCI_STATE(struct virtio_blk, p), STATE(struct virtio_blk, writeback),
    STATE(struct virtio_blk, hungry), STATE_EV(struct virtio_blk, again), STATE_END};

static const struct dev_region vblk_regions[] = {VIRTIO_PCI_REGIONS, {0}};

const struct dev_class virtio_blk_class = {
    .name = "virtio-blk-pci",
    .alias = "virtio-blk",
    .bus = DEV_BUS_PCI,
    .kind = "Storage",
    .size = sizeof(struct virtio_blk),
    .props = vblk_props,
    .state = vblk_state,
    .regions = vblk_regions,
    .realize = vblk_realize,
    .reset = vblk_reset,
    .unrealize = vblk_unrealize,
    .loaded = vblk_loaded,
};
