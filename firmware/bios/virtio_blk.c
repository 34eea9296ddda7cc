/* SPDX-License-Identifier: MIT
 * virtio-blk over PCI (virtio 1.2, 4.1 and 5.2), polled. Modern devices are driven through
 * the configuration access capability, which works from real mode, and a ring of four;
 * legacy ones through ports and a ring of the device's size in conventional memory. */
#include "firmware/bios/disk.h"
#include "firmware/lib/pci.h"

enum { RING = 4, MAX_VIRTIO = 8, WAIT_US = 20000000 };
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_DEVICE = 4, CAP_WINDOW = 5 };
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
enum { D_NEXT = 1, D_WRITE = 2 };
/* Common configuration, 4.1.4.3. */
enum {
    CC_DRIVER_SELECT = 8,
    CC_DRIVER_FEATURE = 12,
    CC_STATUS = 20,
    CC_QUEUE_SELECT = 22,
    CC_QUEUE_SIZE = 24,
    CC_QUEUE_ENABLE = 28,
    CC_NOTIFY_OFF = 30,
    CC_DESC = 32,
    CC_AVAIL = 40,
    CC_USED = 48
};
/* Legacy header, 4.1.4.8. */
enum {
    L_FEATURES = 4,
    L_PFN = 8,
    L_SIZE = 12,
    L_SELECT = 14,
    L_NOTIFY = 16,
    L_STATUS = 18,
    L_CONFIG = 20
};

struct desc {
    u32 addr, addr_hi, len;
    u16 flags, next;
};

struct small_ring {
    struct desc desc[RING];
    u16 avail[2 + RING];
    u16 pad[2];
    u16 used_flags, used_idx;
    u32 used[2 * RING];
};

struct place {
    u32 offset;
    u8 bar;
};

static struct dev {
    u16 bdf, io; /* io: legacy when not 0 */
    u8 window;   /* capability of the window */
    struct place notify;
    u16 seg, size, avail, used; /* the ring: segment, entries, offsets */
    u16 idx;
    struct small_ring ring __attribute__((aligned(16)));
} devs[MAX_VIRTIO];
static u8 dev_count;

static struct {
    u32 type, reserved;
    u64 sector;
    u8 status;
} request __attribute__((aligned(16)));

static void aim(const struct dev *v, const struct place *p, u32 off, u8 size)
{
    pci_write8(v->bdf, v->window + 4, p->bar);
    pci_write32(v->bdf, v->window + 8, p->offset + off);
    pci_write32(v->bdf, v->window + 12, size);
}

static void put(const struct dev *v, const struct place *p, u32 off, u8 size, u32 value)
{
    aim(v, p, off, size);
    if (size == 1)
        pci_write8(v->bdf, v->window + 16, (u8)value);
    else if (size == 2)
        pci_write16(v->bdf, v->window + 16, (u16)value);
    else
        pci_write32(v->bdf, v->window + 16, value);
}

static u32 get(const struct dev *v, const struct place *p, u32 off, u8 size)
{
    aim(v, p, off, size);
    return size == 1   ? pci_read8(v->bdf, v->window + 16)
           : size == 2 ? pci_read16(v->bdf, v->window + 16)
                       : pci_read32(v->bdf, v->window + 16);
}

static void put64(const struct dev *v, const struct place *p, u32 off, u32 value)
{
    put(v, p, off, 4, value);
    put(v, p, off + 4, 4, 0);
}

static u8 find_cap(u16 bdf, u8 type, struct place *p)
{
    u8 cap = pci_read8(bdf, PCI_CAPS) & 0xfc;
    for (u8 i = 0; cap && i < 48; i++, cap = pci_read8(bdf, cap + 1) & 0xfc) {
        if (pci_read8(bdf, cap) != 9 || pci_read8(bdf, cap + 3) != type)
            continue;
        p->bar = pci_read8(bdf, cap + 4);
        p->offset = pci_read32(bdf, cap + 8);
        return cap;
    }
    return 0;
}

static bool setup_modern(struct dev *v, u64 *sectors)
{
    struct place common, device, none;
    u8 notify_cap = find_cap(v->bdf, CAP_NOTIFY, &v->notify);
    v->window = find_cap(v->bdf, CAP_WINDOW, &none);
    if (!v->window || !notify_cap || !find_cap(v->bdf, CAP_COMMON, &common) ||
        !find_cap(v->bdf, CAP_DEVICE, &device))
        return false;
    put(v, &common, CC_STATUS, 1, 0);
    for (u16 i = 0; get(v, &common, CC_STATUS, 1) && i < 1000; i++)
        ;
    put(v, &common, CC_STATUS, 1, ACKNOWLEDGE | DRIVER);
    put(v, &common, CC_DRIVER_SELECT, 4, 0);
    put(v, &common, CC_DRIVER_FEATURE, 4, 0);
    put(v, &common, CC_DRIVER_SELECT, 4, 1);
    put(v, &common, CC_DRIVER_FEATURE, 4, 1); /* VERSION_1 */
    put(v, &common, CC_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    if (!(get(v, &common, CC_STATUS, 1) & FEATURES_OK))
        return false;
    put(v, &common, CC_QUEUE_SELECT, 2, 0);
    if (get(v, &common, CC_QUEUE_SIZE, 2) < RING)
        return false;
    u32 ring = DATA_BASE + (u32)&v->ring;
    put(v, &common, CC_QUEUE_SIZE, 2, RING);
    put64(v, &common, CC_DESC, ring);
    put64(v, &common, CC_AVAIL, ring + __builtin_offsetof(struct small_ring, avail));
    put64(v, &common, CC_USED, ring + __builtin_offsetof(struct small_ring, used_flags));
    v->notify.offset += get(v, &common, CC_NOTIFY_OFF, 2) * pci_read32(v->bdf, notify_cap + 16);
    put(v, &common, CC_QUEUE_ENABLE, 2, 1);
    put(v, &common, CC_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    *sectors = get(v, &device, 0, 4) | (u64)get(v, &device, 4, 4) << 32;
    v->seg = SEG_DATA;
    v->size = RING;
    v->avail = __builtin_offsetof(struct small_ring, avail);
    v->used = __builtin_offsetof(struct small_ring, used_flags);
    return true;
}

/* Takes conventional memory below what is in use; a segment, page aligned. */
static u16 take_low_memory(u32 bytes)
{
    u32 at = (BDA->base_kb * 1024u - bytes) & ~0xfffu;
    BDA->base_kb = (u16)(at / 1024);
    far_seg((u16)(at >> 4));
    for (u32 i = 0; i < bytes; i += 4)
        FAR32(i) = 0;
    return (u16)(at >> 4);
}

static bool setup_legacy(struct dev *v, u64 *sectors)
{
    u32 bar = pci_read32(v->bdf, PCI_BAR0);
    u16 io = (u16)(bar & 0xfffc);
    if (!(bar & 1) || !io)
        return false;
    outb(io + L_STATUS, 0);
    outb(io + L_STATUS, ACKNOWLEDGE | DRIVER);
    outl(io + L_FEATURES, 0);
    outw(io + L_SELECT, 0);
    v->size = inw(io + L_SIZE);
    if (v->size < RING || v->size > 1024)
        return false;
    v->avail = (u16)(v->size * 16);
    v->used = (u16)((v->avail + 6 + 2 * v->size + 4095) & ~4095);
    v->seg = take_low_memory(v->used + 6u + 8 * v->size);
    outl(io + L_PFN, (u32)v->seg >> 8);
    outb(io + L_STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    *sectors = inl(io + L_CONFIG) | (u64)inl(io + L_CONFIG + 4) << 32;
    v->io = io;
    return true;
}

static void put_desc(u16 base, u16 n, u32 addr, u32 len, u16 flags)
{
    u16 at = (u16)(base + n * 16);
    FAR32(at) = addr;
    FAR32(at + 4) = 0;
    FAR32(at + 8) = len;
    FAR16(at + 12) = flags;
    FAR16(at + 14) = n + 1;
}

static void ring_doorbell(const struct dev *v)
{
    if (v->io)
        outw(v->io + L_NOTIFY, 0);
    else
        put(v, &v->notify, 0, 2, 0);
}

u8 virtio_transfer(struct drive *d, const struct transfer *t)
{
    struct dev *v = &devs[d->unit];
    u16 base = v->io ? 0 : (u16)(u32)&v->ring;
    struct deadline dl;
    if (t->op == OP_VERIFY)
        return S_OK;
    request.type = t->op == OP_WRITE;
    request.sector = t->lba;
    request.status = 0xff;
    far_seg(v->seg);
    put_desc(base, 0, DATA_BASE + (u32)&request, 16, D_NEXT);
    put_desc(base, 1, t->addr, t->count * 512u, t->op == OP_READ ? D_NEXT | D_WRITE : D_NEXT);
    put_desc(base, 2, DATA_BASE + (u32)&request.status, 1, D_WRITE);
    FAR16(base + v->avail) = 1; /* no interrupt */
    FAR16(base + v->avail + 4 + 2 * (v->idx % v->size)) = 0;
    v->idx++;
    FAR16(base + v->avail + 2) = v->idx;
    ring_doorbell(v);
    deadline_set(&dl, WAIT_US);
    while (FAR16(base + v->used + 2) != v->idx)
        if (deadline_over(&dl))
            return S_TIMEOUT;
    return request.status == 0 ? S_OK : S_CONTROLLER;
}

static void probe(u16 bdf)
{
    struct dev *v = &devs[dev_count];
    u64 sectors;
    if (dev_count == MAX_VIRTIO)
        return;
    v->bdf = bdf;
    pci_write16(bdf, PCI_COMMAND, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
    if (!setup_modern(v, &sectors) && !setup_legacy(v, &sectors))
        return;
    struct drive *d = drive_new(DRIVE_VIRTIO);
    if (!d)
        return;
    static const char name[] = "virtio disk";
    __builtin_memcpy(d->name, name, sizeof name);
    d->unit = dev_count++;
    d->bdf = bdf;
    d->sector = 512;
    d->sectors = sectors;
    drive_geometry(d);
}

void virtio_probe(void)
{
    for (u32 bdf = 0; bdf < (pci_last_bus + 1u) << 8; bdf++) {
        u32 id = pci_read32((u16)bdf, PCI_ID);
        if (id == 0x10011af4 || id == 0x10421af4)
            probe((u16)bdf);
        else if (id == 0xffffffff)
            bdf |= bdf & 7 ? 0 : 7;
    }
}
