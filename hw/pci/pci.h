/* SPDX-License-Identifier: MIT
 * PCI: configuration mechanism #1, buses, configuration space of functions. */
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
    uint64_t size; /* bytes, a power of two, at least 16 (I/O: 4; RAM: 4096) */
    const char *name;
    const struct io_ops *ops; /* without ram */
    void *opaque;
    uint8_t *ram; /* shown as RAM (the ROM: read-only); the device's */
    bool placed;
    bool refused; /* the place that is wanted was taken, and that has been logged */
    gpa base;     /* wanted by the guest; PCI_NOWHERE: none */
};
#define PCI_NOWHERE (~0ull)

struct pci_host;
struct pci_fn;

/* A bus. Its devices stand in env->mem and env->ports: the machine's spaces, or those behind
 * the bridge's gates (softmmu/space.h). */
struct pci_bus {
    const char *name; /* as bus= says it */
    char auto_name[16];
    struct pci_fn *bridge; /* whose secondary bus it is; NULL: the host's bus 0 */
    const struct dev_env *env;
    struct pci_fn *fn[256]; /* by devfn */

    uint64_t need[2], align[2]; /* pci_setup.c: what stands behind takes, memory and ports */
};

/* A function; a PCI device's instance struct begins with it (its dev comes first). */
struct pci_fn {
    struct dev dev;
    uint8_t config[256];
    uint8_t wmask[256]; /* bits that the guest may write */
    uint8_t w1c[256];   /* bits that a written one clears */
    struct pci_bar bar[7];
    struct pci_bus *bus;       /* wire, set by pci_bus_add; NULL: on none */
    struct pci_bus *secondary; /* of a bridge; numbers and windows are in its registers */
    uint8_t devfn;
    bool intx_level; /* what the device asks for */
    bool intx_out;   /* what goes out of the pin */
    /* optional; called before a configuration read, to bring the bytes up to date */
    void (*config_reading)(struct pci_fn *fn, unsigned offset, unsigned size);
    /* optional; called after a configuration write changed [offset, offset + size) */
    void (*config_written)(struct pci_fn *fn, unsigned offset, unsigned size);

    /* pci.c's and pci_msi.c's own */
    uint8_t power_on[256]; /* configuration space as realize left it */
    bool has_power_on;
    uint8_t cap_end, msi_cap, msix_cap;
    uint8_t msix_bar;
    uint16_t msix_vectors;
    uint8_t *msix; /* MSI-X table, then pending bits */
    uint32_t msix_bytes;
    uint8_t *rom;
};

/* What a class's state table says of the part above; `member` is the struct pci_fn. */
#define PCI_FN_STATE(type_, member)                                                            \
    STATE_ARRAY(type_, member.config), STATE(type_, member.intx_level),                        \
        STATE(type_, member.intx_out), STATE_HEAP(type_, member.msix, member.msix_bytes)

struct pci_host {
    struct dev dev;
    void *opaque;                /* wire, for the two callbacks */
    void (*reset)(void *opaque); /* 0xCF9 asked for one */
    /* a message to the interrupt bus */
    void (*msi)(void *opaque, gpa addr, uint32_t data);
    struct irq pirq[4];     /* wires; slot s, pin p (INTA = 0) is pirq[(s + p - 1) & 3] */
    struct pci_bus bus;     /* number 0 */
    unsigned unnamed;       /* bridges whose bus has a number for a name */
    uint16_t pirq_users[4]; /* functions that drive it */
    uint32_t address;       /* CONFADD */
    uint8_t reset_control;  /* 0xCF9 */
};

extern const struct dev_class pci_host_class; /* one region: ports 0xCF8-0xCFF */

/* Puts a function, which was initialized with bus->env, on a bus, or takes it off (lowering
 * its line, unplacing its BARs). */
void pci_bus_add(struct pci_bus *bus, unsigned devfn, struct pci_fn *fn);
void pci_bus_remove(struct pci_fn *fn);             /* no-op when it is on none */
struct pci_host *pci_bus_host(struct pci_bus *bus); /* NULL: the bridge is on no bus */
/* The bus of that name under `bus`, itself included; NULL: none. */
struct pci_bus *pci_bus_find(struct pci_bus *bus, const char *name);
/* The first free slot, as a devfn, or -1. */
int pci_bus_free_slot(const struct pci_bus *bus);
/* Access as the guest makes it: bus number << 8 | devfn; 1, 2 or 4 bytes inside one dword;
 * absent: all ones. Buses other than 0 are found by the bridges' secondary and subordinate
 * numbers, the lowest devfn first when several claim a number. */
uint32_t pci_config_read(struct pci_host *h, unsigned bdf, unsigned offset, unsigned size);
void pci_config_write(struct pci_host *h, unsigned bdf, unsigned offset, uint32_t value,
                      unsigned size);
void pci_fn_config_write(struct pci_fn *fn, unsigned offset, uint32_t value, unsigned size);
/* The host's input (0-3) that pin `pin` (INTA = 0) of a function arrives at. */
unsigned pci_fn_pirq(const struct pci_fn *fn, unsigned pin);
/* What firmware does, for boots that have none: numbers buses, gives BARs (ROMs excepted) and
 * windows places from `mem` to mem_end and io to io_end, largest first, and tells functions
 * their interrupt. What finds no room stays unset. After a reset. */
struct pci_setup {
    uint64_t mem, mem_end, io, io_end;
    uint8_t irq[4]; /* of each input */
};
void pci_setup(struct pci_host *h, const struct pci_setup *c);
/* Something that is no BAR has left its place: BARs that were refused try again. */
void pci_host_retry(struct pci_host *h);

/* For device files.
 *
 *   realize: pci_fn_header, then BARs, ROM, capabilities, other registers: what the
 *            configuration space then holds is its power-on state
 *   reset: pci_fn_reset; unrealize (and a realize that fails): pci_fn_finish
 *
 * Clears the space and sets the standard header. The guest may write: bus master, parity,
 * SERR# and INTx disable of the command register, cache line size, interrupt line; BARs add
 * their enable bits. */
void pci_fn_header(struct pci_fn *fn, uint16_t vendor, uint16_t device, uint8_t revision,
                   uint32_t class_code, uint8_t header_type);
/* Describes BAR n (MEM64 takes n + 1 as well). `region` is the class's region, placed as the
 * guest writes the BAR and enables decoding; a place that is taken is logged, left, and tried
 * again when something moves. Not placed: at 0 and at the end of the space, where drivers put
 * a BAR to learn its size. size 0 is the region's own. */
void pci_fn_add_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind, unsigned region,
                    uint64_t size);
/* The same with handlers that are no region of the class. */
void pci_fn_add_io_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind, const char *name,
                       const struct io_ops *ops, void *opaque, uint64_t size);
/* The same with host memory (a frame buffer), which stays the device's. */
void pci_fn_add_ram_bar(struct pci_fn *fn, unsigned n, enum pci_bar_kind kind, bool prefetch,
                        uint8_t *ram, uint64_t size);
/* Expansion ROM: `image` (up to 16 MiB, 0 bytes: none) is copied in place of one given before;
 * before the first reset. false: too long, out of memory. */
bool pci_fn_set_rom(struct pci_fn *fn, const void *image, size_t n, struct err *e);
/* The whole configuration space to its power-on state; BARs are unplaced, MSI-X masked, the
 * line low. */
void pci_fn_reset(struct pci_fn *fn);
/* Takes the function off its bus, frees ROM and MSI-X table. */
void pci_fn_finish(struct pci_fn *fn);
/* In `loaded`: places BARs as the replaced configuration space says. */
void pci_fn_loaded(struct pci_fn *fn);
/* INTA..D as config[0x3d] says; honours the command register's interrupt disable and keeps the
 * status bit. A function that has MSI or MSI-X enabled sends no INTx. */
void pci_fn_set_intx(struct pci_fn *fn, int level);
/* DMA while bus mastering is enabled, here and in all bridges above, otherwise reads give all
 * ones and writes vanish. It reaches RAM only, so that no device calls another's handlers or
 * its own: elsewhere reads give all ones and writes vanish too, logged. */
void pci_dma_read(struct pci_fn *fn, gpa addr, void *buf, size_t n);
void pci_dma_write(struct pci_fn *fn, gpa addr, const void *buf, size_t n);
/* space_dma_map for a function: NULL also while bus mastering is off. */
uint8_t *pci_dma_map(struct pci_fn *fn, gpa addr, uint64_t *n, bool write);
static inline bool pci_fn_bus_master(const struct pci_fn *fn)
{
    return fn->config[4] & 4;
}
/* Capabilities: the offset, or 0 when the space is full. The body is zero and read-only. */
unsigned pci_fn_add_cap(struct pci_fn *fn, uint8_t id, unsigned bytes);
/* MSI with 1 << log2 vectors (at most 32), 64-bit address, per-vector masks. MSI-X (`vectors`
 * at most 2048): makes BAR n, a MEM32 with the table at offset 0 and the pending bits at half
 * its size. false: no room in the space, out of memory. */
bool pci_fn_add_msi(struct pci_fn *fn, unsigned log2_vectors);
bool pci_fn_add_msix(struct pci_fn *fn, unsigned n, unsigned vectors);
bool pci_fn_msi_enabled(const struct pci_fn *fn);
bool pci_fn_msix_enabled(const struct pci_fn *fn);
/* Sends message `vector` (masked ones become pending) of MSI-X or MSI, whichever is enabled.
 * A message is a DMA write: without bus mastering it vanishes. */
void pci_fn_msi_send(struct pci_fn *fn, unsigned vector);

void pci_fn_set16(struct pci_fn *fn, unsigned offset, uint16_t value);
void pci_fn_set32(struct pci_fn *fn, unsigned offset, uint32_t value);
static inline uint16_t pci_fn_get16(const struct pci_fn *fn, unsigned offset)
{
    return fn->config[offset] | fn->config[offset + 1] << 8;
}
static inline uint32_t pci_fn_get32(const struct pci_fn *fn, unsigned offset)
{
    return fn->config[offset] | fn->config[offset + 1] << 8 | fn->config[offset + 2] << 16 |
           (uint32_t)fn->config[offset + 3] << 24;
}

#endif
