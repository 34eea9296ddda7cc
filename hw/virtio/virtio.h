/* SPDX-License-Identifier: MIT
 * Virtual I/O Device (VIRTIO) 1.1: a device apart from its transport, with split virtqueues.
 *
 *   transport: virtio_init, feature and status registers, queue addresses, virtio_notify
 *   device:    virtq_pop chains inside ops->notify, virtq_push them when done, virtq_flush
 *
 * Whatever the driver puts into memory is checked here; nonsense breaks the device, which
 * then asks for a reset (2.1.2) and does nothing until it comes. */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "softmmu/dev.h"

#define VIRTIO_MAX_QUEUES 16
#define VIRTIO_CONFIG     64 /* bytes of device configuration at most */
#define VIRTIO_NO_VECTOR  0xffff

#define VIRTIO_STATUS_DRIVER      0x02
#define VIRTIO_STATUS_DRIVER_OK   0x04
#define VIRTIO_STATUS_FEATURES_OK 0x08
#define VIRTIO_STATUS_NEEDS_RESET 0x40

#define VIRTIO_F_INDIRECT   (1ull << 28)
#define VIRTIO_F_EVENT_IDX  (1ull << 29)
#define VIRTIO_F_ANY_LAYOUT (1ull << 27)
#define VIRTIO_F_VERSION_1  (1ull << 32)

struct virtio;

struct virtq {
    uint16_t size, max; /* max: entries that the device offers */
    bool enabled;
    uint16_t vector;          /* MSI-X */
    gpa desc, driver, device; /* areas as in 2.6 */
    uint16_t last_avail;      /* next entry of the driver area to take */
    uint16_t used;            /* next of the device area to fill, not yet told */
    uint16_t told, signalled; /* told: published; signalled: at the last interrupt */
    bool signalled_valid;

    /* host addresses of the areas, good inside one call */
    const uint8_t *desc_p, *driver_p;
    uint8_t *device_p;
};

/* A contiguous part of a buffer in guest RAM. */
struct virtq_seg {
    uint8_t *host;
    gpa addr;
    uint32_t len; /* bytes, not 0 */
};

/* A descriptor chain: n_out segments to read, then n_in to write. */
struct virtq_chain {
    uint16_t head;
    unsigned n_out, n_in, max; /* max: room in seg, which is the caller's */
    uint64_t out_bytes, in_bytes;
    struct virtq_seg *seg;
};

struct virtio_ops {
    /* the driver says that queue `n` has chains */
    void (*notify)(struct virtio *v, unsigned n);
    /* ends every request; queues are cleared afterwards */
    void (*reset)(struct virtio *v);
    /* optional: brings v->config up to date; takes what the driver wrote to it */
    void (*config_read)(struct virtio *v);
    void (*config_written)(struct virtio *v, unsigned offset, unsigned size);
};

struct virtio_bus {
    uint8_t *(*map)(struct virtio *v, gpa addr, uint64_t *n, bool write); /* as space_dma_map */
    void (*interrupt)(struct virtio *v, uint16_t vector, bool config);
};

struct virtio {
    struct dev *dev;
    const struct virtio_ops *ops;
    const struct virtio_bus *bus;
    uint64_t offered, accepted; /* features */
    uint8_t status, generation;
    bool broken;
    uint16_t config_vector;
    unsigned n_queues;
    struct virtq queue[VIRTIO_MAX_QUEUES];
    uint8_t config[VIRTIO_CONFIG];
    unsigned config_bytes;
};

/* For transports. */
void virtio_init(struct virtio *v, struct dev *d, const struct virtio_ops *ops,
                 const struct virtio_bus *bus);
void virtio_reset(struct virtio *v);
void virtio_set_status(struct virtio *v, uint8_t status); /* 0 resets; checks features */
void virtio_notify(struct virtio *v, unsigned queue);
uint32_t virtio_config_get(struct virtio *v, unsigned offset, unsigned size);
void virtio_config_put(struct virtio *v, unsigned offset, uint32_t value, unsigned size);

/* For devices. */
static inline bool virtio_has(const struct virtio *v, uint64_t feature)
{
    return v->accepted & feature;
}
void virtio_broken(struct virtio *v, const char *why);
void virtio_config_changed(struct virtio *v);
/* The next chain of a queue; false when there is none, or the device is broken. */
bool virtq_pop(struct virtio *v, struct virtq *q, struct virtq_chain *c);
/* Asks to be notified of the next chain; true when one has come meanwhile: pop again. */
bool virtq_wait(struct virtio *v, struct virtq *q);
/* Gives a chain back, of which `written` bytes were written; segments written are reported
 * with virtq_written first. virtq_flush tells the driver of all that were given back. */
void virtq_push(struct virtio *v, struct virtq *q, uint16_t head, uint32_t written);
void virtq_flush(struct virtio *v, struct virtq *q);
void virtq_written(struct virtio *v, const struct virtq_seg *seg, uint32_t len);
/* Copies between the out (in) segments, from byte `skip` on, and buf; returns the bytes. */
size_t virtq_get(const struct virtq_chain *c, size_t skip, void *buf, size_t n);
size_t virtq_put(struct virtio *v, const struct virtq_chain *c, size_t skip, const void *buf,
                 size_t n);

#define VIRTQ_STATE(type_, m, i)                                                               \
    STATE(type_, m.queue[i].size), STATE(type_, m.queue[i].enabled),                           \
        STATE(type_, m.queue[i].vector), STATE(type_, m.queue[i].desc),                        \
        STATE(type_, m.queue[i].driver), STATE(type_, m.queue[i].device),                      \
        STATE(type_, m.queue[i].last_avail), STATE(type_, m.queue[i].used),                    \
        STATE(type_, m.queue[i].told), STATE(type_, m.queue[i].signalled),                     \
        STATE(type_, m.queue[i].signalled_valid)
#define VIRTQ_STATE4(type_, m, i)                                                              \
    VIRTQ_STATE(type_, m, i), VIRTQ_STATE(type_, m, i + 1), VIRTQ_STATE(type_, m, i + 2),      \
        VIRTQ_STATE(type_, m, i + 3)
/* What a class's state table says of a struct virtio member. */
#define VIRTIO_STATE(type_, m)                                                                 \
    STATE(type_, m.accepted), STATE(type_, m.status), STATE(type_, m.generation),              \
        STATE(type_, m.broken), STATE(type_, m.config_vector), VIRTQ_STATE4(type_, m, 0),      \
        VIRTQ_STATE4(type_, m, 4), VIRTQ_STATE4(type_, m, 8), VIRTQ_STATE4(type_, m, 12),      \
        STATE_ARRAY(type_, m.config)

#endif
