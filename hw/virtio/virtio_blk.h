/* SPDX-License-Identifier: MIT
 * virtio-blk over PCI. */
#ifndef HW_VIRTIO_VIRTIO_BLK_H
#define HW_VIRTIO_VIRTIO_BLK_H

#include "hw/virtio/virtio_pci.h"
#include "softmmu/block.h"

struct vblk_req;

struct virtio_blk {
    struct virtio_pci p;
    struct block *blk;               /* property "drive" */
    char *serial;                    /* property; NULL: the drive's */
    uint16_t num_queues, queue_size; /* properties, as the three below */
    bool config_wce, discard, write_zeroes;
    bool writeback; /* config's writeback field */
    bool resetting;
    uint16_t hungry;    /* queues with chains that wait for a request, */
    struct event again; /* and when they are looked at */
    int busy_queue;     /* whose notification is being served; -1: none */
    struct vblk_req *reqs, *free;
    unsigned n_reqs;
};

extern const struct dev_class virtio_blk_class;

#endif
