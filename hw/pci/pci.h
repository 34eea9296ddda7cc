/* SPDX-License-Identifier: MIT
 * PCI bus 0: configuration mechanism #1 and configuration space of functions. */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

#define PCI_DEVFN(slot, fn) ((slot) << 3 | (fn))

/* A function; a PCI device's instance struct begins with it (its dev comes first). */
struct pci_fn {
    struct dev dev;
    uint8_t config[256];
    uint8_t wmask[256]; /* bits that the guest may write */
    uint8_t w1c[256];   /* bits that a written one clears */
    /* optional; called after a configuration write changed [offset, offset + size) */
    void (*config_written)(struct pci_fn *fn, unsigned offset, unsigned size);
};

struct pci_host {
    struct dev dev;
    void *opaque; /* wire for reset: 0xCF9 asked for one */
    void (*reset)(void *opaque);
    struct pci_fn *fn[256]; /* wire, by devfn */
    uint32_t address;       /* CONFADD */
    uint8_t reset_control;  /* 0xCF9 */
};

extern const struct dev_class pci_host_class; /* one region: ports 0xCF8-0xCFF */

/* Puts a function on the bus. */
void pci_host_add(struct pci_host *h, unsigned devfn, struct pci_fn *fn);
/* Access as the guest makes it: 1, 2 or 4 bytes inside one dword; absent: all ones. */
uint32_t pci_config_read(struct pci_host *h, unsigned devfn, unsigned offset, unsigned size);
void pci_config_write(struct pci_host *h, unsigned devfn, unsigned offset, uint32_t value,
                      unsigned size);

/* For device files: clears the space and sets the standard read-only header. */
void pci_fn_header(struct pci_fn *fn, uint16_t vendor, uint16_t device, uint8_t revision,
                   uint32_t class_code, uint8_t header_type);
void pci_fn_set16(struct pci_fn *fn, unsigned offset, uint16_t value);
void pci_fn_set32(struct pci_fn *fn, unsigned offset, uint32_t value);
static inline uint32_t pci_fn_get32(const struct pci_fn *fn, unsigned offset)
{
    return fn->config[offset] | fn->config[offset + 1] << 8 | fn->config[offset + 2] << 16 |
           (uint32_t)fn->config[offset + 3] << 24;
}

#endif
