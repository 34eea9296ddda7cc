/* SPDX-License-Identifier: MIT
 * Virtual I/O Device (VIRTIO) 1.1, 4.1: PCI transport. BAR0 holds the legacy ports (4.1.4.8),
 * BAR1 MSI-X, BAR4 the modern structures, a page each. */
#include "hw/virtio/virtio_pci.h"

#include <string.h>

#include "softmmu/log.h"

#define VENDOR 0x1af4

#define BAR_LEGACY 0
#define BAR_MSIX   1
#define BAR_MODERN 4

enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_PCI_CFG };
#define CAP_ID    0x09
#define CAP_BYTES 16

enum { PAGE_COMMON, PAGE_ISR, PAGE_DEVICE, PAGE_NOTIFY };
#define NOTIFY_STEP 4 /* bytes between the doorbells of queues */

/* common configuration structure, 4.1.4.3 */
#define CC_DEVICE_SELECT 0x00
#define CC_DEVICE        0x04
#define CC_DRIVER_SELECT 0x08
#define CC_DRIVER        0x0c
#define CC_CONFIG_VECTOR 0x10
#define CC_NUM_QUEUES    0x12
#define CC_STATUS        0x14
#define CC_GENERATION    0x15
#define CC_QUEUE_SELECT  0x16
#define CC_QUEUE_SIZE    0x18
#define CC_QUEUE_VECTOR  0x1a
#define CC_QUEUE_ENABLE  0x1c
#define CC_QUEUE_NOTIFY  0x1e
#define CC_QUEUE_DESC    0x20
#define CC_QUEUE_END     0x38

/* legacy ports */
#define LP_DEVICE        0x00
#define LP_DRIVER        0x04
#define LP_QUEUE_ADDR    0x08
#define LP_QUEUE_SIZE    0x0c
#define LP_QUEUE_SELECT  0x0e
#define LP_QUEUE_NOTIFY  0x10
#define LP_STATUS        0x12
#define LP_ISR           0x13
#define LP_CONFIG_VECTOR 0x14 /* these two with MSI-X only */
#define LP_QUEUE_VECTOR  0x16

#define ISR_QUEUE  1
#define ISR_CONFIG 2

static struct virtio_pci *pci_of(struct virtio *v)
{
    return container_of(v, struct virtio_pci, v);
}

/* ---- what the core asks for ---- */

static uint8_t *bus_map(struct virtio *v, gpa addr, uint64_t *n, bool write)
{
    return pci_dma_map(&pci_of(v)->pci, addr, n, write);
}

static void bus_interrupt(struct virtio *v, uint16_t vector, bool config)
{
    struct virtio_pci *p = pci_of(v);

    if (pci_fn_msix_enabled(&p->pci)) {
        if (vector != VIRTIO_NO_VECTOR)
            pci_fn_msi_send(&p->pci, vector);
        return;
    }
    p->isr |= config ? ISR_CONFIG | ISR_QUEUE : ISR_QUEUE;
    pci_fn_set_intx(&p->pci, 1);
}

static const struct virtio_bus bus = {.map = bus_map, .interrupt = bus_interrupt};

/* ---- registers that both interfaces have ---- */

static struct virtq *current(struct virtio_pci *p)
{
    return p->queue_select < p->v.n_queues ? &p->v.queue[p->queue_select] : NULL;
}

static uint8_t read_isr(struct virtio_pci *p)
{
    uint8_t v = p->isr;

    p->isr = 0;
    pci_fn_set_intx(&p->pci, 0);
    return v;
}

/* A vector that does not exist reads back as none. */
static uint16_t valid_vector(const struct virtio_pci *p, uint16_t vector)
{
    return vector < p->pci.msix_vectors ? vector : VIRTIO_NO_VECTOR;
}

static void set_status(struct virtio_pci *p, uint8_t status)
{
    virtio_set_status(&p->v, status);
    if (status)
        return;
    p->feature_select = p->driver_select = p->queue_select = 0;
    read_isr(p);
}

/* ---- modern ---- */

static uint32_t read_queue(struct virtio_pci *p, unsigned offset)
{
    const struct virtq *q = current(p);
    gpa area[3];

    if (!q)
        return 0;
    switch (offset) {
    case CC_QUEUE_SIZE: return q->size;
    case CC_QUEUE_VECTOR: return q->vector;
    case CC_QUEUE_ENABLE: return q->enabled;
    case CC_QUEUE_NOTIFY: return p->queue_select;
    default: break;
    }
    if (offset < CC_QUEUE_DESC || offset >= CC_QUEUE_END)
        return 0;
    area[0] = q->desc;
    area[1] = q->driver;
    area[2] = q->device;
    return area[(offset - CC_QUEUE_DESC) / 8] >> (offset & 4 ? 32 : 0);
}

static uint32_t read_common(struct virtio_pci *p, unsigned offset)
{
    const struct virtio *v = &p->v;

    switch (offset) {
    case CC_DEVICE_SELECT: return p->feature_select;
    case CC_DEVICE: return p->feature_select < 2 ? v->offered >> 32 * p->feature_select : 0;
    case CC_DRIVER_SELECT: return p->driver_select;
    case CC_DRIVER: return p->driver_select < 2 ? v->accepted >> 32 * p->driver_select : 0;
    case CC_CONFIG_VECTOR: return v->config_vector;
    case CC_NUM_QUEUES: return v->n_queues;
    case CC_STATUS: return v->status;
    case CC_GENERATION: return v->generation;
    case CC_QUEUE_SELECT: return p->queue_select;
    default: return read_queue(p, offset);
    }
}

uint64_t virtio_pci_modern_read(void *opaque, uint64_t offset, unsigned size)
{
    struct virtio_pci *p = opaque;
    unsigned in_page = offset & 0xfff;

    switch (offset >> 12) {
    case PAGE_COMMON: return read_common(p, in_page);
    case PAGE_ISR: return in_page ? 0 : read_isr(p);
    case PAGE_DEVICE: return virtio_config_get(&p->v, in_page, size);
    default: return 0;
    }
}

static void accept_features(struct virtio_pci *p, uint32_t value)
{
    uint64_t *a = &p->v.accepted;

    if (p->v.status & VIRTIO_STATUS_FEATURES_OK)
        return;
    if (p->driver_select == 0)
        *a = (*a & ~0xffffffffull) | value;
    else if (p->driver_select == 1)
        *a = (*a & 0xffffffffull) | (uint64_t)value << 32;
}

static void put_half(gpa *addr, bool high, uint32_t value)
{
    *addr =
        high ? (*addr & 0xffffffffull) | (gpa)value << 32 : (*addr & ~0xffffffffull) | value;
}

static void write_queue(struct virtio_pci *p, unsigned offset, uint32_t value)
{
    struct virtq *q = current(p);

    if (!q)
        return;
    if (offset == CC_QUEUE_VECTOR) {
        q->vector = valid_vector(p, value);
        return;
    }
    if (q->enabled) /* 4.1.4.3.2: not after it has been enabled */
        return;
    switch (offset) {
    case CC_QUEUE_SIZE:
        value &= 0xffff;
        if (value && value <= q->max && !(value & (value - 1)))
            q->size = value;
        break;
    case CC_QUEUE_ENABLE: q->enabled = (value & 0xffff) == 1; break;
    case CC_QUEUE_DESC:
    case CC_QUEUE_DESC + 4: put_half(&q->desc, offset & 4, value); break;
    case CC_QUEUE_DESC + 8:
    case CC_QUEUE_DESC + 12: put_half(&q->driver, offset & 4, value); break;
    case CC_QUEUE_DESC + 16:
    case CC_QUEUE_DESC + 20: put_half(&q->device, offset & 4, value); break;
    default: break;
    }
}

static void write_common(struct virtio_pci *p, unsigned offset, uint32_t value)
{
    switch (offset) {
    case CC_DEVICE_SELECT: p->feature_select = value; break;
    case CC_DRIVER_SELECT: p->driver_select = value; break;
    case CC_DRIVER: accept_features(p, value); break;
    case CC_CONFIG_VECTOR: p->v.config_vector = valid_vector(p, value); break;
    case CC_STATUS: set_status(p, value); break;
    case CC_QUEUE_SELECT: p->queue_select = value; break;
    default: write_queue(p, offset, value); break;
    }
}

void virtio_pci_modern_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct virtio_pci *p = opaque;
    unsigned in_page = offset & 0xfff;

    switch (offset >> 12) {
    case PAGE_COMMON: write_common(p, in_page, value); break;
    case PAGE_DEVICE: virtio_config_put(&p->v, in_page, value, size); break;
    case PAGE_NOTIFY: virtio_notify(&p->v, in_page / NOTIFY_STEP); break;
    default: break;
    }
}

/* ---- legacy ---- */

static unsigned legacy_config(const struct virtio_pci *p)
{
    return pci_fn_msix_enabled(&p->pci) ? 0x18 : 0x14;
}

static uint32_t read_legacy(struct virtio_pci *p, unsigned offset)
{
    const struct virtq *q = current(p);

    switch (offset) {
    case LP_DEVICE: return p->v.offered & 0xffffffff;
    case LP_DRIVER: return p->v.accepted & 0xffffffff;
    case LP_QUEUE_ADDR: return q ? q->desc >> 12 : 0;
    case LP_QUEUE_SIZE: return q ? q->max : 0;
    case LP_QUEUE_SELECT: return p->queue_select;
    case LP_STATUS: return p->v.status;
    case LP_ISR: return read_isr(p);
    case LP_CONFIG_VECTOR: return p->v.config_vector;
    case LP_QUEUE_VECTOR: return q ? q->vector : VIRTIO_NO_VECTOR;
    default: return 0;
    }
}

uint64_t virtio_pci_legacy_read(void *opaque, uint64_t offset, unsigned size)
{
    struct virtio_pci *p = opaque;
    unsigned config = legacy_config(p);

    if (offset >= config)
        return virtio_config_get(&p->v, offset - config, size);
    return read_legacy(p, offset);
}

/* 2.6.2: descriptors, driver area, and the device area from the next page on. */
static void place_legacy_queue(struct virtq *q, uint32_t page)
{
    q->size = q->max;
    q->desc = (gpa)page << 12;
    q->driver = q->desc + 16u * q->size;
    q->device = (q->driver + 6 + 2u * q->size + 4095) & ~(gpa)4095;
    q->last_avail = q->used = q->told = q->signalled = 0;
    q->signalled_valid = false;
    q->enabled = page != 0;
}

static void legacy_status(struct virtio_pci *p, uint8_t status)
{
    if (!status)
        set_status(p, 0);
    else /* there are no FEATURES_OK to check */
        p->v.status =
            (status & ~VIRTIO_STATUS_NEEDS_RESET) | (p->v.status & VIRTIO_STATUS_NEEDS_RESET);
}

static void write_legacy(struct virtio_pci *p, unsigned offset, uint32_t value)
{
    struct virtq *q = current(p);

    switch (offset) {
    case LP_DRIVER: p->v.accepted = value & p->v.offered & 0xffffffff; break;
    case LP_QUEUE_ADDR:
        if (q)
            place_legacy_queue(q, value);
        break;
    case LP_QUEUE_SELECT: p->queue_select = value; break;
    case LP_QUEUE_NOTIFY: virtio_notify(&p->v, value & 0xffff); break;
    case LP_STATUS: legacy_status(p, value); break;
    case LP_CONFIG_VECTOR: p->v.config_vector = valid_vector(p, value); break;
    case LP_QUEUE_VECTOR:
        if (q)
            q->vector = valid_vector(p, value);
        break;
    default: break;
    }
}

void virtio_pci_legacy_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct virtio_pci *p = opaque;
    unsigned config = legacy_config(p);

    if (offset >= config)
        virtio_config_put(&p->v, offset - config, value, size);
    else
        write_legacy(p, offset, value);
}

/* ---- configuration access capability, 4.1.4.7 ---- */

/* Where its window points: false when the driver named nothing that can be accessed. */
static bool window(const struct virtio_pci *p, uint32_t *offset, uint32_t *size)
{
    *offset = pci_fn_get32(&p->pci, p->cfg_cap + 8);
    *size = pci_fn_get32(&p->pci, p->cfg_cap + 12);
    return p->pci.config[p->cfg_cap + 4] == BAR_MODERN &&
           (*size == 1 || *size == 2 || *size == 4) && !(*offset & (*size - 1)) &&
           *offset <= 0x4000 - *size;
}

static bool touches_data(const struct virtio_pci *p, unsigned offset, unsigned size)
{
    unsigned data = p->cfg_cap + CAP_BYTES;

    return p->cfg_cap && offset < data + 4 && data < offset + size;
}

static void config_reading(struct pci_fn *fn, unsigned offset, unsigned size)
{
    struct virtio_pci *p = (struct virtio_pci *)fn;
    uint32_t at, n;

    if (touches_data(p, offset, size) && window(p, &at, &n))
        pci_fn_set32(fn, p->cfg_cap + CAP_BYTES, virtio_pci_modern_read(p, at, n));
}

static void config_written(struct pci_fn *fn, unsigned offset, unsigned size)
{
    struct virtio_pci *p = (struct virtio_pci *)fn;
    uint32_t at, n, v;

    if (!touches_data(p, offset, size) || !window(p, &at, &n))
        return;
    v = pci_fn_get32(fn, p->cfg_cap + CAP_BYTES);
    virtio_pci_modern_write(p, at, n == 4 ? v : v & ((1u << 8 * n) - 1), n);
}

/* ---- making ---- */

static bool add_cap(struct virtio_pci *p, uint8_t type, unsigned page, uint32_t length,
                    unsigned bytes)
{
    unsigned at = pci_fn_add_cap(&p->pci, CAP_ID, bytes);

    if (!at)
        return false;
    p->pci.config[at + 2] = bytes;
    p->pci.config[at + 3] = type;
    p->pci.config[at + 4] = type == CAP_PCI_CFG ? 0 : BAR_MODERN;
    pci_fn_set32(&p->pci, at + 8, page << 12);
    pci_fn_set32(&p->pci, at + 12, length);
    if (type == CAP_NOTIFY)
        pci_fn_set32(&p->pci, at + CAP_BYTES, NOTIFY_STEP);
    if (type == CAP_PCI_CFG) {
        p->cfg_cap = at;
        p->pci.wmask[at + 4] = 0xff;
        memset(p->pci.wmask + at + 8, 0xff, 12);
    }
    return true;
}

static bool add_modern(struct virtio_pci *p)
{
    pci_fn_add_bar(&p->pci, BAR_MODERN, PCI_BAR_MEM64, VIRTIO_PCI_MODERN, 0);
    p->pci.config_reading = config_reading;
    p->pci.config_written = config_written;
    return add_cap(p, CAP_COMMON, PAGE_COMMON, 0x1000, CAP_BYTES) &&
           add_cap(p, CAP_ISR, PAGE_ISR, 0x1000, CAP_BYTES) &&
           add_cap(p, CAP_DEVICE, PAGE_DEVICE, 0x1000, CAP_BYTES) &&
           add_cap(p, CAP_NOTIFY, PAGE_NOTIFY, 0x1000, CAP_BYTES + 4) &&
           add_cap(p, CAP_PCI_CFG, 0, 0, CAP_BYTES + 4);
}

bool virtio_pci_realize(struct virtio_pci *p, const struct virtio_ops *ops, uint16_t type,
                        uint16_t legacy_id, uint32_t class_code, struct err *e)
{
    bool legacy = !p->disable_legacy && legacy_id;
    uint16_t id = legacy ? legacy_id : 0x1040 + type;
    bool ok = true;

    if (!legacy && p->disable_modern)
        return err_set(e, "disable-legacy=on and disable-modern=on leave no interface");
    virtio_init(&p->v, &p->pci.dev, ops, &bus);
    p->v.offered |= VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX | (legacy ? VIRTIO_F_ANY_LAYOUT : 0);
    pci_fn_header(&p->pci, VENDOR, id, legacy ? 0 : 1, class_code, 0);
    pci_fn_set16(&p->pci, 0x2c, VENDOR);
    pci_fn_set16(&p->pci, 0x2e, legacy ? type : 0x1100);
    p->pci.config[0x3d] = 1;
    if (legacy)
        pci_fn_add_bar(&p->pci, BAR_LEGACY, PCI_BAR_IO, VIRTIO_PCI_LEGACY, 0);
    if (!p->disable_modern) {
        p->v.offered |= VIRTIO_F_VERSION_1;
        ok = add_modern(p);
    }
    if (ok && pci_fn_add_msix(&p->pci, BAR_MSIX, p->v.n_queues + 1))
        return true;
    pci_fn_finish(&p->pci);
    return err_set(e, "out of memory");
}

void virtio_pci_reset(struct virtio_pci *p)
{
    virtio_reset(&p->v);
    p->feature_select = p->driver_select = p->queue_select = 0;
    p->isr = 0;
    pci_fn_reset(&p->pci);
}

void virtio_pci_finish(struct virtio_pci *p)
{
    pci_fn_finish(&p->pci);
}
