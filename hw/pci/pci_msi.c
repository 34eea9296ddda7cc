/* SPDX-License-Identifier: MIT
 * PCI Local Bus Specification 3.0, 6.7 (capabilities list) and 6.8 (MSI with 64-bit address
 * and per-vector masks, MSI-X). Left out: undefined orders of writes to one table entry. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hw/pci/pci_int.h"
#include "softmmu/log.h"

#define CAP_MSI  0x05
#define CAP_MSIX 0x11

/* MSI, offsets in the capability */
#define MSI_CONTROL 2
#define MSI_ENABLE  0x0001
#define MSI_ADDR    4
#define MSI_DATA    12
#define MSI_MASK    16
#define MSI_PENDING 20
#define MSI_BYTES   24

#define MSIX_CONTROL 2
#define MSIX_ENABLE  0x8000
#define MSIX_ALL     0x4000 /* function mask */
#define MSIX_BYTES   12
#define MSIX_ENTRY   16 /* bytes of a table entry */
#define MSIX_MASKED  12 /* offset of the vector control dword in an entry; bit 0 */

unsigned pci_fn_add_cap(struct pci_fn *fn, uint8_t id, unsigned bytes)
{
    unsigned at = fn->cap_end ? fn->cap_end : 0x40;

    if (at + bytes > sizeof(fn->config) - 4)
        return 0;
    fn->cap_end = (at + bytes + 3) & ~3u;
    memset(fn->config + at, 0, bytes);
    memset(fn->wmask + at, 0, bytes);
    fn->config[at] = id;
    fn->config[at + 1] = fn->config[PCI_CAP_POINTER];
    fn->config[PCI_CAP_POINTER] = at;
    fn->config[PCI_STATUS] |= PCI_STATUS_CAPS;
    return at;
}

/* --- MSI -------------------------------------------------------------------------------- */

bool pci_fn_add_msi(struct pci_fn *fn, unsigned log2_vectors)
{
    unsigned at = pci_fn_add_cap(fn, CAP_MSI, MSI_BYTES);
    uint32_t vectors;

    assert(log2_vectors <= 5 && !fn->msi_cap);
    if (!at)
        return false;
    vectors = log2_vectors == 5 ? ~0u : (1u << (1u << log2_vectors)) - 1;
    fn->msi_cap = at;
    pci_fn_set16(fn, at + MSI_CONTROL, 0x0180 | log2_vectors << 1); /* masks, 64 bits */
    fn->wmask[at + MSI_CONTROL] = 0x71;
    fn->wmask[at + MSI_ADDR] = 0xfc;
    memset(fn->wmask + at + MSI_ADDR + 1, 0xff, 7 + 2);
    memcpy(fn->wmask + at + MSI_MASK, &vectors, 4);
    return true;
}

bool pci_fn_msi_enabled(const struct pci_fn *fn)
{
    return fn->msi_cap && (fn->config[fn->msi_cap + MSI_CONTROL] & MSI_ENABLE);
}

/* A message is a write, which bridges above have to let pass. */
static void send(struct pci_fn *fn, gpa addr, uint32_t data)
{
    struct pci_host *h = pci_bus_host(fn->bus);
    const struct pci_bus *bus;
    uint64_t n = 4;

    if (!pci_fn_bus_master(fn) || !h || !h->msi)
        return;
    for (bus = fn->bus; bus->bridge; bus = bus->bridge->bus)
        if (!space_above(bus->env->mem, addr, &n))
            return;
    h->msi(h->opaque, addr, data);
}

/* A function that was given fewer vectors than it has shares them. */
static void msi_send(struct pci_fn *fn, unsigned vector)
{
    unsigned at = fn->msi_cap, log2 = fn->config[at + MSI_CONTROL] >> 4 & 7;
    uint32_t given = 1u << (log2 < 5 ? log2 : 5), pending;

    vector &= given - 1;
    if (pci_fn_get32(fn, at + MSI_MASK) >> vector & 1) {
        pending = pci_fn_get32(fn, at + MSI_PENDING);
        pci_fn_set32(fn, at + MSI_PENDING, pending | 1u << vector);
        return;
    }
    send(fn, pci_fn_get32(fn, at + MSI_ADDR) | (gpa)pci_fn_get32(fn, at + MSI_ADDR + 4) << 32,
         (pci_fn_get16(fn, at + MSI_DATA) & ~(given - 1)) | vector);
}

static void msi_send_unmasked(struct pci_fn *fn)
{
    unsigned at = fn->msi_cap, i;
    uint32_t ready = pci_fn_get32(fn, at + MSI_PENDING) & ~pci_fn_get32(fn, at + MSI_MASK);

    if (!pci_fn_msi_enabled(fn) || !ready)
        return;
    pci_fn_set32(fn, at + MSI_PENDING, pci_fn_get32(fn, at + MSI_PENDING) & ~ready);
    for (i = 0; i < 32; i++)
        if (ready >> i & 1)
            msi_send(fn, i);
}

/* --- MSI-X ------------------------------------------------------------------------------ */

static uint8_t *pending_bits(const struct pci_fn *fn)
{
    return fn->msix + MSIX_ENTRY * fn->msix_vectors;
}

static uint32_t entry32(const struct pci_fn *fn, unsigned vector, unsigned offset)
{
    uint32_t v;

    memcpy(&v, fn->msix + MSIX_ENTRY * vector + offset, 4);
    return v;
}

static bool msix_masked(const struct pci_fn *fn, unsigned vector)
{
    return (pci_fn_get16(fn, fn->msix_cap + MSIX_CONTROL) & MSIX_ALL) ||
           (entry32(fn, vector, MSIX_MASKED) & 1);
}

static void msix_send(struct pci_fn *fn, unsigned vector)
{
    if (vector >= fn->msix_vectors)
        return;
    if (msix_masked(fn, vector))
        pending_bits(fn)[vector / 8] |= 1u << vector % 8;
    else
        send(fn, entry32(fn, vector, 0) | (gpa)entry32(fn, vector, 4) << 32,
             entry32(fn, vector, 8));
}

static void msix_unmasked(struct pci_fn *fn, unsigned vector)
{
    uint8_t *p = &pending_bits(fn)[vector / 8], bit = 1u << vector % 8;

    if (!(*p & bit) || !pci_fn_msix_enabled(fn) || msix_masked(fn, vector))
        return;
    *p &= ~bit;
    msix_send(fn, vector);
}

/* The BAR is table, gap, pending bits, gap; gaps read as zero. */
static uint8_t *msix_at(struct pci_fn *fn, uint64_t offset, unsigned size)
{
    uint64_t table = MSIX_ENTRY * fn->msix_vectors, pba = fn->bar[fn->msix_bar].size / 2;

    if (offset < table)
        return fn->msix + offset;
    if (offset >= pba && offset - pba + size <= fn->msix_bytes - table)
        return fn->msix + table + (offset - pba);
    return NULL;
}

static uint64_t msix_read(void *opaque, uint64_t offset, unsigned size)
{
    const uint8_t *p = msix_at(opaque, offset, size);
    uint64_t v = 0;

    if (p)
        memcpy(&v, p, size);
    return v;
}

static void msix_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pci_fn *fn = opaque;
    unsigned vector = offset / MSIX_ENTRY;
    uint8_t *p = msix_at(fn, offset, size);

    if (!p || vector >= fn->msix_vectors)
        return;
    if (offset % MSIX_ENTRY + size > MSIX_MASKED) /* reserved bits of vector control */
        value &= size == 8 ? 0x1ffffffffull : 1;
    memcpy(p, &value, size);
    msix_unmasked(fn, vector);
}

static const struct io_ops msix_ops = {msix_read, msix_write, 4, 8};

bool pci_fn_add_msix(struct pci_fn *fn, unsigned n, unsigned vectors)
{
    unsigned at = pci_fn_add_cap(fn, CAP_MSIX, MSIX_BYTES);
    uint64_t size = GUEST_PAGE_SIZE;

    assert(vectors && vectors <= 2048 && !fn->msix_cap && n < PCI_ROM_BAR);
    if (!at)
        return false;
    while (size / 2 < MSIX_ENTRY * vectors)
        size *= 2;
    fn->msix_vectors = vectors;
    fn->msix_bytes = MSIX_ENTRY * vectors + (vectors + 63) / 64 * 8;
    fn->msix = calloc(1, fn->msix_bytes);
    if (!fn->msix)
        return false;
    fn->msix_cap = at;
    fn->msix_bar = n;
    pci_fn_set16(fn, at + MSIX_CONTROL, vectors - 1);
    fn->wmask[at + MSIX_CONTROL + 1] = (MSIX_ENABLE | MSIX_ALL) >> 8;
    pci_fn_set32(fn, at + 4, n);
    pci_fn_set32(fn, at + 8, size / 2 | n);
    pci_fn_add_io_bar(fn, n, PCI_BAR_MEM32, "msix", &msix_ops, fn, size);
    return true;
}

bool pci_fn_msix_enabled(const struct pci_fn *fn)
{
    return fn->msix_cap && (pci_fn_get16(fn, fn->msix_cap + MSIX_CONTROL) & MSIX_ENABLE);
}

/* --- both ------------------------------------------------------------------------------- */

void pci_fn_msi_send(struct pci_fn *fn, unsigned vector)
{
    if (pci_fn_msix_enabled(fn))
        msix_send(fn, vector);
    else if (pci_fn_msi_enabled(fn))
        msi_send(fn, vector);
}

void pci_msi_written(struct pci_fn *fn, unsigned offset, unsigned size)
{
    unsigned i;

    if (fn->msi_cap && pci_overlap(offset, size, fn->msi_cap, MSI_BYTES)) {
        pci_update_intx(fn);
        msi_send_unmasked(fn);
    }
    if (fn->msix_cap && pci_overlap(offset, size, fn->msix_cap, MSIX_BYTES)) {
        pci_update_intx(fn);
        for (i = 0; i < fn->msix_vectors; i++)
            msix_unmasked(fn, i);
    }
}

void pci_msi_reset(struct pci_fn *fn)
{
    unsigned i;

    if (!fn->msix)
        return;
    memset(fn->msix, 0, fn->msix_bytes);
    for (i = 0; i < fn->msix_vectors; i++)
        fn->msix[MSIX_ENTRY * i + MSIX_MASKED] = 1;
}
