/* SPDX-License-Identifier: MIT
 * Virtual I/O Device (VIRTIO) 1.1, 2: status, features, configuration, split virtqueues with
 * indirect descriptors and event suppression. Left out: packed virtqueues, in-order use,
 * shared memory regions. */
#include "hw/virtio/virtio.h"

#include <string.h>

#include "softmmu/log.h"

#define DESC_BYTES    16u
#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4

#define AVAIL_NO_INTERRUPT 1

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

void virtio_init(struct virtio *v, struct dev *d, const struct virtio_ops *ops,
                 const struct virtio_bus *bus)
{
    v->dev = d;
    v->ops = ops;
    v->bus = bus;
}

static void config_interrupt(struct virtio *v)
{
    if (v->status & VIRTIO_STATUS_DRIVER_OK)
        v->bus->interrupt(v, v->config_vector, true);
}

void virtio_broken(struct virtio *v, const char *why)
{
    if (v->broken)
        return;
    LOG_GUEST("%s: %s", v->dev->id, why);
    v->broken = true;
    v->status |= VIRTIO_STATUS_NEEDS_RESET;
    config_interrupt(v);
}

void virtio_config_changed(struct virtio *v)
{
    v->generation++;
    config_interrupt(v);
}

static void reset_queue(struct virtq *q)
{
    uint16_t max = q->max;

    *q = (struct virtq){.max = max, .size = max, .vector = VIRTIO_NO_VECTOR};
}

void virtio_reset(struct virtio *v)
{
    unsigned i;

    v->ops->reset(v);
    v->accepted = 0;
    v->status = 0;
    v->generation = 0;
    v->broken = false;
    v->config_vector = VIRTIO_NO_VECTOR;
    for (i = 0; i < VIRTIO_MAX_QUEUES; i++)
        reset_queue(&v->queue[i]);
}

void virtio_set_status(struct virtio *v, uint8_t status)
{
    if (!status) {
        virtio_reset(v);
        return;
    }
    if ((status & VIRTIO_STATUS_FEATURES_OK) && !(v->status & VIRTIO_STATUS_FEATURES_OK) &&
        (v->accepted & ~v->offered || !virtio_has(v, VIRTIO_F_VERSION_1)))
        status &= ~VIRTIO_STATUS_FEATURES_OK;
    v->status = status | (v->status & VIRTIO_STATUS_NEEDS_RESET);
}

void virtio_notify(struct virtio *v, unsigned n)
{
    if (n >= v->n_queues || !v->queue[n].enabled || v->broken ||
        !(v->status & VIRTIO_STATUS_DRIVER_OK))
        return;
    v->ops->notify(v, n);
}

/* ---- device configuration ---- */

uint32_t virtio_config_get(struct virtio *v, unsigned offset, unsigned size)
{
    uint32_t value = 0;

    if (v->ops->config_read)
        v->ops->config_read(v);
    if (offset + size <= v->config_bytes)
        memcpy(&value, v->config + offset, size);
    return value;
}

void virtio_config_put(struct virtio *v, unsigned offset, uint32_t value, unsigned size)
{
    if (offset + size > v->config_bytes || !v->ops->config_written)
        return;
    memcpy(v->config + offset, &value, size);
    v->ops->config_written(v, offset, size);
}

/* ---- memory ---- */

static uint8_t *map_all(struct virtio *v, gpa addr, uint64_t n, bool write)
{
    uint64_t got = n;
    uint8_t *p = v->bus->map(v, addr, &got, write);

    return got == n ? p : NULL;
}

/* The three areas, aligned as 2.6 asks; false breaks the device. */
static bool map_queue(struct virtio *v, struct virtq *q)
{
    if (q->desc % DESC_BYTES || q->driver % 2 || q->device % 4) { /* else atomics fault */
        virtio_broken(v, "virtqueue is not aligned");
        return false;
    }
    q->desc_p = map_all(v, q->desc, (uint64_t)DESC_BYTES * q->size, false);
    q->driver_p = map_all(v, q->driver, 6 + 2ull * q->size, false);
    q->device_p = map_all(v, q->device, 6 + 8ull * q->size, true);
    if (q->desc_p && q->driver_p && q->device_p)
        return true;
    virtio_broken(v, "virtqueue is not in RAM");
    return false;
}

static uint16_t load16(const uint8_t *p)
{
    return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE);
}

static void store16(struct virtio *v, gpa addr, uint8_t *p, uint16_t value)
{
    space_dma_written(v->dev->env->mem, addr, 2);
    __atomic_store_n((uint16_t *)p, value, __ATOMIC_RELEASE);
}

void virtq_written(struct virtio *v, const struct virtq_seg *seg, uint32_t len)
{
    space_dma_written(v->dev->env->mem, seg->addr, len);
}

/* ---- chains ---- */

static struct desc get_desc(const uint8_t *table, unsigned i)
{
    struct desc d;

    memcpy(&d, table + DESC_BYTES * i, sizeof(d));
    return d;
}

static bool add_segments(struct virtio *v, struct virtq_chain *c, const struct desc *d)
{
    bool in = d->flags & DESC_WRITE;
    gpa addr = d->addr;
    uint64_t left = d->len;

    if (!in && c->n_in) {
        virtio_broken(v, "readable descriptor after a writable one");
        return false;
    }
    while (left) {
        uint64_t n = left;
        uint8_t *host = v->bus->map(v, addr, &n, in);

        if (!host || c->n_out + c->n_in == c->max) {
            virtio_broken(v, host ? "descriptor chain is too long" : "buffer is not in RAM");
            return false;
        }
        c->seg[c->n_out + c->n_in] = (struct virtq_seg){host, addr, n};
        *(in ? &c->n_in : &c->n_out) += 1;
        *(in ? &c->in_bytes : &c->out_bytes) += n;
        addr += n;
        left -= n;
    }
    return true;
}

/* The table that an indirect descriptor names; NULL breaks the device. */
static const uint8_t *indirect_table(struct virtio *v, const struct desc *d, unsigned *entries)
{
    const uint8_t *p = NULL;

    if (virtio_has(v, VIRTIO_F_INDIRECT) && !(d->flags & DESC_NEXT) && d->len &&
        !(d->len % DESC_BYTES) && d->len / DESC_BYTES <= 0x10000)
        p = map_all(v, d->addr, d->len, false);
    if (!p)
        virtio_broken(v, "bad indirect descriptor");
    *entries = d->len / DESC_BYTES;
    return p;
}

static bool walk(struct virtio *v, struct virtq *q, struct virtq_chain *c)
{
    const uint8_t *table = q->desc_p;
    unsigned entries = q->size, i = c->head, seen = 0;
    struct desc d = get_desc(table, i);

    if (d.flags & DESC_INDIRECT) {
        table = indirect_table(v, &d, &entries);
        if (!table)
            return false;
        i = 0;
    }
    for (;;) {
        d = get_desc(table, i);
        if ((d.flags & DESC_INDIRECT) || !d.len || seen++ >= entries) {
            virtio_broken(v, "bad descriptor chain");
            return false;
        }
        if (!add_segments(v, c, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        i = d.next;
        if (i >= entries) {
            virtio_broken(v, "descriptor index is out of range");
            return false;
        }
    }
}

bool virtq_pop(struct virtio *v, struct virtq *q, struct virtq_chain *c)
{
    uint16_t idx;

    if (v->broken || !map_queue(v, q))
        return false;
    idx = load16(q->driver_p + 2);
    if (idx == q->last_avail)
        return false;
    if ((uint16_t)(idx - q->last_avail) > q->size) {
        virtio_broken(v, "available index is out of range");
        return false;
    }
    c->head = load16(q->driver_p + 4 + 2 * (q->last_avail % q->size));
    c->n_out = c->n_in = 0;
    c->out_bytes = c->in_bytes = 0;
    if (c->head >= q->size) {
        virtio_broken(v, "descriptor index is out of range");
        return false;
    }
    q->last_avail++;
    return walk(v, q, c);
}

bool virtq_wait(struct virtio *v, struct virtq *q)
{
    if (v->broken || !map_queue(v, q))
        return false;
    if (virtio_has(v, VIRTIO_F_EVENT_IDX)) {
        unsigned at = 4 + 8 * q->size;

        store16(v, q->device + at, q->device_p + at, q->last_avail);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    return load16(q->driver_p + 2) != q->last_avail;
}

void virtq_push(struct virtio *v, struct virtq *q, uint16_t head, uint32_t written)
{
    uint32_t e[2] = {head, written};
    unsigned at = 4 + 8 * (q->used % (q->size ? q->size : 1));

    if (v->broken || !map_queue(v, q))
        return;
    space_dma_written(v->dev->env->mem, q->device + at, sizeof(e));
    memcpy(q->device_p + at, e, sizeof(e));
    q->used++;
}

/* Whether the driver wants an interrupt for the entries up to `used` (2.6.7). */
static bool wanted(const struct virtio *v, struct virtq *q)
{
    uint16_t event, old = q->signalled;
    bool valid = q->signalled_valid;

    if (!virtio_has(v, VIRTIO_F_EVENT_IDX))
        return !(load16(q->driver_p) & AVAIL_NO_INTERRUPT);
    event = load16(q->driver_p + 4 + 2 * q->size);
    q->signalled = q->used;
    q->signalled_valid = true;
    return !valid || (uint16_t)(q->used - event - 1) < (uint16_t)(q->used - old);
}

void virtq_flush(struct virtio *v, struct virtq *q)
{
    if (v->broken || q->told == q->used || !map_queue(v, q))
        return;
    q->told = q->used;
    store16(v, q->device + 2, q->device_p + 2, q->used);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (wanted(v, q))
        v->bus->interrupt(v, q->vector, false);
}

/* ---- copies ---- */

size_t virtq_get(const struct virtq_chain *c, size_t skip, void *buf, size_t n)
{
    size_t done = 0;
    unsigned i;

    for (i = 0; i < c->n_out && done < n; i++) {
        size_t len = c->seg[i].len, k;

        if (skip >= len) {
            skip -= len;
            continue;
        }
        k = len - skip < n - done ? len - skip : n - done;
        memcpy((uint8_t *)buf + done, c->seg[i].host + skip, k);
        done += k;
        skip = 0;
    }
    return done;
}

size_t virtq_put(struct virtio *v, const struct virtq_chain *c, size_t skip, const void *buf,
                 size_t n)
{
    size_t done = 0;
    unsigned i;

    for (i = c->n_out; i < c->n_out + c->n_in && done < n; i++) {
        size_t len = c->seg[i].len, k;

        if (skip >= len) {
            skip -= len;
            continue;
        }
        k = len - skip < n - done ? len - skip : n - done;
        space_dma_written(v->dev->env->mem, c->seg[i].addr + skip, k);
        memcpy(c->seg[i].host + skip, (const uint8_t *)buf + done, k);
        done += k;
        skip = 0;
    }
    return done;
}
