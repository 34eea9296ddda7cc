/* SPDX-License-Identifier: MIT
 * INT 13h extensions (EDD 3.0): AH=41h-49h, 4Eh for disks and CD-ROMs. Left out: locking
 * beyond its return codes, 64-bit buffer addresses. */
#include "firmware/bios/disk.h"

/* Disk address packet. */
struct dap {
    u8 size, reserved;
    u16 count, off, seg;
    u64 lba;
} PACKED;

struct edd_params {
    u16 size, flags;
    u32 cyls, heads, spt;
    u64 sectors;
    u16 sector;
    u16 dpte_off, dpte_seg; /* from 30 bytes on */
    u16 key;                /* from 66 bytes on: the device path */
    u8 path_len, reserved1;
    u16 reserved2;
    char host[4], interface[8];
    u8 interface_path[8];
    u64 device_path;
    u8 reserved3, checksum;
} PACKED;
_Static_assert(sizeof(struct edd_params) == 66, "EDD 3.0 with the 8-byte device path");

/* Device parameter table extension. */
static struct dpte {
    u16 io, ctrl;
    u8 head, oem, irq, block, dma, pio;
    u16 options, reserved;
    u8 revision, checksum;
} PACKED dpte;

static u8 byte_sum(const void *p, u16 n)
{
    u8 sum = 0;
    for (u16 i = 0; i < n; i++)
        sum = (u8)(sum + ((const u8 *)p)[i]);
    return sum;
}

static void check_extensions(struct regs *r, const struct drive *d)
{
    if (r->bx != 0x55aa) {
        disk_status(r, S_PARAM);
        return;
    }
    r->bx = 0xaa55;
    r->cx = d->kind == DRIVE_ATAPI ? 7 : 5; /* access, (locking,) EDD */
    r->ah = 0x30;
    set_carry(r, false);
}

static void transfer_lba(struct regs *r, struct drive *d, enum disk_op op)
{
    struct dap p;
    far_read(&p, r->ds, r->si, sizeof p);
    struct transfer t = {
        .op = (u8)op, .count = p.count, .lba = p.lba, .addr = ((u32)p.seg << 4) + p.off};
    if (p.size < 16 || (p.seg == 0xffff && p.off == 0xffff && op != OP_VERIFY)) {
        disk_status(r, S_PARAM);
        return;
    }
    u8 s = d->kind == DRIVE_ATAPI && !d->sectors ? atapi_ready(d) : S_OK;
    if (!s)
        s = p.lba >= d->sectors || d->sectors - p.lba < p.count ? S_NOT_FOUND
                                                                : drive_transfer(d, &t);
    far_seg(r->ds);
    FAR16(r->si + 2) = t.done;
    disk_status(r, s);
}

static void seek(struct regs *r, const struct drive *d)
{
    struct dap p;
    far_read(&p, r->ds, r->si, sizeof p);
    disk_status(r, p.lba < d->sectors ? S_OK : S_SEEK);
}

static void fill_dpte(const struct drive *d)
{
    __builtin_memset(&dpte, 0, sizeof dpte);
    dpte.io = d->io;
    dpte.ctrl = d->ctrl;
    dpte.head = (u8)(0xe0 | d->unit << 4);
    dpte.irq = d->io == 0x170 ? 15 : 14;
    dpte.block = 1;
    dpte.options = 0x0010 | (d->flags & DF_DMA) | (d->kind == DRIVE_ATAPI ? 0x0060 : 0x0008);
    dpte.revision = 0x11;
    dpte.checksum = (u8)-byte_sum(&dpte, sizeof dpte - 1);
}

static void fill_path(struct edd_params *e, const struct drive *d)
{
    static const char ata[] = "ATA     ", atapi[] = "ATAPI   ", virtio[] = "VIRTIO  ";
    const char *name = d->kind == DRIVE_ATA ? ata : d->kind == DRIVE_ATAPI ? atapi : virtio;
    e->key = 0xbedd;
    e->path_len = 36;
    __builtin_memcpy(e->host, d->bdf == 0xffff ? "ISA " : "PCI ", 4);
    __builtin_memcpy(e->interface, name, 8);
    if (d->bdf == 0xffff) {
        e->interface_path[0] = (u8)d->io;
        e->interface_path[1] = (u8)(d->io >> 8);
    } else {
        e->interface_path[0] = (u8)(d->bdf >> 8);
        e->interface_path[1] = d->bdf >> 3 & 0x1f;
        e->interface_path[2] = d->bdf & 7;
        e->interface_path[3] = d->kind == DRIVE_VIRTIO ? 0xff : d->io == 0x170;
    }
    e->device_path = d->kind == DRIVE_VIRTIO ? 0 : d->unit;
    e->checksum = (u8)-byte_sum(&e->key, sizeof *e - 30 - 1);
}

/* 26, 30 or 66 bytes, as the caller has room. */
static void parameters(struct regs *r, struct drive *d)
{
    struct edd_params e = {0};
    far_seg(r->ds);
    u16 room = FAR16(r->si);
    if (room < 26) {
        disk_status(r, S_PARAM);
        return;
    }
    if (d->kind == DRIVE_ATAPI) {
        e.flags = 0x0074; /* removable, change line, lockable; no geometry */
        e.sectors = ~0ull;
    } else {
        e.flags = d->sectors > 0xfc0000 ? 0 : 2; /* geometry valid */
        e.sectors = d->sectors;
        e.cyls = d->pcyls;
        e.heads = d->pheads;
        e.spt = d->pspt;
    }
    e.sector = d->sector;
    e.size = room >= 66 ? 66 : room >= 30 ? 30 : 26;
    if (d->kind == DRIVE_VIRTIO) {
        e.dpte_off = e.dpte_seg = 0xffff;
    } else {
        fill_dpte(d);
        e.dpte_off = (u16)(u32)&dpte;
        e.dpte_seg = SEG_DATA;
    }
    fill_path(&e, d);
    far_write(r->ds, r->si, &e, e.size);
    disk_status(r, S_OK);
}

static void eject(struct regs *r, struct drive *d)
{
    if (d->kind != DRIVE_ATAPI) {
        disk_status(r, S_PARAM);
        return;
    }
    u8 s = atapi_eject(d, false);
    if (!s)
        d->sectors = 0;
    disk_status(r, s);
}

void int13_extended(struct regs *r, struct drive *d)
{
    switch (r->ah) {
    case 0x41: return check_extensions(r, d);
    case 0x42: return transfer_lba(r, d, OP_READ);
    case 0x43: return transfer_lba(r, d, OP_WRITE);
    case 0x44: return transfer_lba(r, d, OP_VERIFY);
    case 0x45:
        if (r->al == 2)
            r->al = 0;
        disk_status(r, d->kind == DRIVE_ATAPI ? S_OK : S_PARAM);
        return;
    case 0x46: return eject(r, d);
    case 0x47: return seek(r, d);
    case 0x48: return parameters(r, d);
    case 0x49: disk_status(r, d->kind == DRIVE_ATAPI ? S_CHANGED : S_OK); return;
    case 0x4e: disk_status(r, r->al == 1 || r->al == 4 || r->al == 6 ? S_OK : S_PARAM); return;
    default: disk_status(r, S_PARAM);
    }
}
