/* SPDX-License-Identifier: MIT
 * A whole pc board for the fuzzer: every device, drives that answer when they like, a clock
 * that moves with each look at it, and numbers from a seed of the round's own. */
#ifndef TESTS_HW_FUZZ_RIG_H
#define TESTS_HW_FUZZ_RIG_H

#include "hw/fw/items.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_testdev.h"
#include "hw/virtio/virtio_blk.h"
#include "tests/hw/fuzz/disk.h"
#include "tests/hw/fuzz/random.h"
#include "tests/hw/machine.h"

#define RIG_VIRTIO 2
#define RIG_DISKS  (PC_IDE_DRIVES + FDC_DRIVES + PC_FLASH_BANKS + RIG_VIRTIO)
#define RIG_ARENA  0x10000u /* where most descriptors are put ... */
#define RIG_ROOM   0x40000u /* ... and the bytes there */
#define RIG_PLACES 96
#define RIG_GUARD  (4u << 20)

enum {
    RIG_DISK_IDE,
    RIG_DISK_FLOPPY = RIG_DISK_IDE + PC_IDE_DRIVES,
    RIG_DISK_FLASH = RIG_DISK_FLOPPY + FDC_DRIVES,
    RIG_DISK_VIRTIO = RIG_DISK_FLASH + PC_FLASH_BANKS,
};

/* What the driver of the fuzzer thinks that a queue looks like. */
struct rig_queue {
    gpa desc, driver, device;
    uint16_t size, avail;
};

struct rig {
    struct machine m; /* first: the callbacks of the board get it */
    uint64_t ram;     /* bytes */
    struct fuzz_disk disk[RIG_DISKS];
    struct virtio_blk vblk[RIG_VIRTIO];
    struct rig_queue queue[RIG_VIRTIO][4];
    struct vga_pci vga;
    struct pci_testdev testdev;
    struct pci_bridge bridge[2]; /* [1] is behind [0] */
    struct ide_unit unit[2];
    struct fw_acpi acpi;
    struct display display;
    struct surface surface;
    uint32_t next_io, next_mem; /* of rig_place_bars */
    uint8_t *guard;             /* no access, above RAM */
    gpa last;                   /* where something was put a moment ago */
    struct {
        gpa base, size;
        bool port;
    } place[RIG_PLACES];
    unsigned n_places;
    struct rig_snap *snap;
};

/* A board as `FUZZ_U32` wants it, reset; as its firmware leaves it or not. */
void rig_start(struct rig *r);
void rig_stop(struct rig *r);

/* ---- what a guest can do ---- */

void rig_out(struct rig *r, uint16_t port, uint32_t v, unsigned size);
uint32_t rig_in(struct rig *r, uint16_t port, unsigned size);
void rig_store(struct rig *r, gpa addr, uint64_t v, unsigned size);
uint64_t rig_load(struct rig *r, gpa addr, unsigned size);
void rig_put(struct rig *r, gpa addr, const void *p, size_t n);

/* An address: mostly RAM; now and then a hole, a device, the end of RAM, 4 GiB, 2^64, or what
 * was put somewhere last. */
gpa rig_addr(struct rig *r);
/* A place for descriptors, of an alignment that is a power of two. */
gpa rig_arena(struct rig *r, unsigned align);
/* BARs at sane places with decoding and bus mastering on. */
void rig_place_bars(struct rig *r);
/* What a device may move where to. */
gpa rig_bar(const struct pci_fn *fn, unsigned n);

/* ---- what happens meanwhile ---- */

void rig_wait(struct rig *r); /* time passes, events run */
void rig_reset(struct rig *r);
/* The state fields of every device, drained; put back later, or not. */
void rig_save(struct rig *r);
void rig_restore(struct rig *r);

#endif
