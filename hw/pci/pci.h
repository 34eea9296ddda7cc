/* SPDX-License-Identifier: MIT
 * PCI bus 0: configuration mechanism #1 and configuration space of functions. */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

#define PCI_DEVFN(slot, fn) ((slot) << 3 | (fn))

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM32, PCI_BAR_MEM64 };

#define PCI_ROM_BAR 6 /* the expansion ROM's place in pci_fn.bar */

/* What a base address register shows: a region of the device's class, or host memory. */
struct pci_bar {
    enum pci_bar_kind kind;
    bool prefetch;
    unsigned region; /* of the class; without ram */
    uint64_t size;   /* bytes, a power of two, at least 16 (I/O: 4; RAM: 4096) */
    uint8_t *ram;    /* shown as RAM (the ROM: read-only); the device's */
    bool placed;
    gpa base; /* while placed */
};

/* A function; a PCI device's instance struct begins with it (its dev comes first). */
struct pci_fn {
    struct dev dev;
    uint8_t config[256];
    uint8_t wmask[256]; /* bits that the guest may write */
    uint8_t w1c[256];   /* bits that a written one clears */
    struct pci_bar bar[7];
    struct irq intx; /* wire, set by pci_host_add */
    uint8_t intx_level;
    void *msi_opaque; /* wire, set by pci_host_add: sends a message to the interrupt bus */
    void (*msi)(void *opaque, gpa addr, uint32_t data);
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

/* For device files.
 *
 * In realize, after the header: describes BAR n (MEM64 takes n + 1 as well). `region` is the
 * class's region, placed as the guest writes the BAR and enables decoding; a place that is
 * taken is logged and left unplaced. size 0 is the region's own. */
void pci_fn_add_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind, unsigned region,
                    uint64_t size);
/* The same with host memory (a frame buffer), which stays the device's. */
void pci_fn_add_ram_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind, bool prefetch,
                        uint8_t *ram, uint64_t size);
/* Expansion ROM: `image` (any length) is copied; false: out of memory. */
bool pci_fn_set_rom(struct pci_fn *fn, const void *image, size_t n, struct err *e);
/* In reset: command, status, BARs, capabilities' enables to power-on values; unplaces BARs. */
void pci_fn_reset(struct pci_fn *fn);
/* In unrealize: unplaces BARs, frees the ROM. */
void pci_fn_finish(struct pci_fn *fn);
/* INTA..D as config[0x3d] says; honours the command register's interrupt disable and keeps the
 * status bit. A function that has MSI or MSI-X enabled sends no INTx. */
void pci_fn_set_intx(struct pci_fn *fn, int level);
/* DMA while bus mastering is enabled, otherwise reads give all ones and writes vanish. */
void pci_dma_read(struct pci_fn *fn, gpa addr, void *buf, size_t n);
void pci_dma_write(struct pci_fn *fn, gpa addr, const void *buf, size_t n);
static inline bool pci_fn_bus_master(const struct pci_fn *fn)
{
    return fn->config[4] & 4;
}
/* Capabilities: the offset, or 0 when the space is full. The body is zero and read-only. */
unsigned pci_fn_add_cap(struct pci_fn *fn, uint8_t id, unsigned bytes);
/* MSI with 1 << log2 vectors, 64-bit address. MSI-X: table at offset 0 and pending bits at half
 * of the given BAR, made by this call (`vectors` at most 2048). */
bool pci_fn_add_msi(struct pci_fn *fn, unsigned log2_vectors);
bool pci_fn_add_msix(struct pci_fn *fn, unsigned bar, unsigned vectors);
bool pci_fn_msi_enabled(const struct pci_fn *fn);
bool pci_fn_msix_enabled(const struct pci_fn *fn);
/* Sends message `vector` (masked ones become pending). */
void pci_fn_msi_send(struct pci_fn *fn, unsigned vector);

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
