/* SPDX-License-Identifier: MIT
 * VIRTIO over PCI: modern capabilities, and the legacy ports of a transitional device. */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "hw/pci/pci.h"
#include "hw/virtio/virtio.h"

/* An instance struct of a virtio PCI class begins with it. */
struct virtio_pci {
    struct pci_fn pci;
    struct virtio v;
    bool disable_legacy, disable_modern; /* properties */
    uint32_t feature_select, driver_select;
    uint16_t queue_select;
    uint8_t isr;
    unsigned cfg_cap; /* of the configuration access capability */
};

/* Indices in the class's region table, which begins with VIRTIO_PCI_REGIONS. */
enum { VIRTIO_PCI_LEGACY, VIRTIO_PCI_MODERN };
#define VIRTIO_PCI_REGIONS                                                                     \
    {"virtio-ports",                                                                           \
     REGION_PORT,                                                                              \
     128,                                                                                      \
     {virtio_pci_legacy_read, virtio_pci_legacy_write, 1, 4}},                                 \
    {                                                                                          \
        "virtio-mmio", REGION_MEM, 0x4000,                                                     \
        {                                                                                      \
            virtio_pci_modern_read, virtio_pci_modern_write, 1, 4                              \
        }                                                                                      \
    }
#define VIRTIO_PCI_PROPS(type_, m)                                                             \
    PROP(PROP_BOOL, type_, m.disable_legacy, "disable-legacy", false),                         \
        PROP(PROP_BOOL, type_, m.disable_modern, "disable-modern", false)
#define VIRTIO_PCI_STATE(type_, m)                                                             \
    PCI_FN_STATE(type_, m.pci), VIRTIO_STATE(type_, m.v), STATE(type_, m.feature_select),      \
        STATE(type_, m.driver_select), STATE(type_, m.queue_select), STATE(type_, m.isr)

uint64_t virtio_pci_legacy_read(void *opaque, uint64_t offset, unsigned size);
void virtio_pci_legacy_write(void *opaque, uint64_t offset, uint64_t value, unsigned size);
uint64_t virtio_pci_modern_read(void *opaque, uint64_t offset, unsigned size);
void virtio_pci_modern_write(void *opaque, uint64_t offset, uint64_t value, unsigned size);

/* In realize, after v.n_queues, v.queue[].max, v.offered (without the features of the
 * transport) and v.config_bytes are set. `type` is the virtio device ID, `legacy_id` the PCI
 * device ID of the transitional device, 0: there is none. */
bool virtio_pci_realize(struct virtio_pci *p, const struct virtio_ops *ops, uint16_t type,
                        uint16_t legacy_id, uint32_t class_code, struct err *e);
void virtio_pci_reset(struct virtio_pci *p);
void virtio_pci_finish(struct virtio_pci *p);

#endif
