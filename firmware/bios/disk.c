/* SPDX-License-Identifier: MIT
 * INT 13h: finds the drive and serves the CHS calls; edd.c and eltorito.c do the rest. */
#include "firmware/bios/disk.h"

struct drive drives[MAX_DRIVES];
u16 drive_count;
u8 hd_map[MAX_DRIVES], hd_count, cd_map[MAX_DRIVES], cd_count, fd_map[MAX_FLOPPIES], fd_count;

struct drive *drive_new(enum drive_kind kind)
{
    struct drive *d = &drives[drive_count];
    u8 i = (u8)drive_count;
    if (drive_count == MAX_DRIVES)
        return NULL;
    drive_count++;
    d->kind = (u8)kind;
    if (kind == DRIVE_ATAPI)
        cd_map[cd_count++] = i;
    else if (kind == DRIVE_FLOPPY)
        fd_map[fd_count++] = i;
    else
        hd_map[hd_count++] = i;
    return d;
}

/* CHS as calls see it: the drive's own while cylinders fit 10 bits, else "LBA assist". */
void drive_geometry(struct drive *d)
{
    u32 n = d->sectors >> 32 ? ~0u : (u32)d->sectors;
    u32 cyls, heads;
    if (!d->pheads || !d->pspt) {
        d->pheads = 16;
        d->pspt = 63;
        cyls = n / (16 * 63);
        d->pcyls = cyls > 16383 ? 16383 : (u16)cyls;
    }
    if (d->pcyls <= 1024) {
        d->cyls = d->pcyls;
        d->heads = d->pheads;
        d->spt = d->pspt;
        return;
    }
    for (heads = 16; heads < 128 && n / 63 / heads > 1024; heads *= 2)
        ;
    if (n / 63 / heads > 1024)
        heads = 255;
    cyls = n / 63 / heads;
    d->cyls = cyls > 1024 ? 1024 : (u16)cyls;
    d->heads = (u16)heads;
    d->spt = 63;
}

static u8 driver(struct drive *d, const struct transfer *t)
{
    switch (d->kind) {
    case DRIVE_ATA: return ata_transfer(d, t);
    case DRIVE_ATAPI: return atapi_transfer(d, t);
    case DRIVE_FLOPPY: return floppy_transfer(d, t);
    case DRIVE_VIRTIO: return virtio_transfer(d, t);
    default: return S_PARAM;
    }
}

u8 drive_transfer(struct drive *d, struct transfer *t)
{
    struct transfer part = *t;
    u16 most = (u16)(0xfe00 / d->sector);
    t->done = 0;
    while (t->done < t->count) {
        part.count = t->count - t->done < most ? (u16)(t->count - t->done) : most;
        u8 s = driver(d, &part);
        if (s)
            return s;
        t->done = (u16)(t->done + part.count);
        part.lba += part.count;
        part.addr += (u32)part.count * d->sector;
    }
    return S_OK;
}

u8 disk_status(struct regs *r, u8 status)
{
    if (r->dl & 0x80)
        BDA->hd_status = status;
    else
        BDA->fd_status = status;
    set_status(r, status);
    return status;
}

bool chs_decode(const struct regs *r, const struct drive *d, u32 *lba)
{
    u16 cyl = (u16)(r->ch | (r->cl & 0xc0) << 2), sector = r->cl & 0x3f;
    if (!sector || sector > d->spt || r->dh >= d->heads || cyl >= d->cyls)
        return false;
    *lba = ((u32)cyl * d->heads + r->dh) * d->spt + sector - 1;
    return true;
}

static void transfer_chs(struct regs *r, struct drive *d, enum disk_op op)
{
    struct transfer t = {.op = (u8)op, .count = r->al, .addr = ((u32)r->es << 4) + r->bx};
    u32 lba;
    u8 s = S_PARAM;
    if (d->kind == DRIVE_FLOPPY && !floppy_geometry(d)) {
        r->al = 0;
        disk_status(r, S_TIMEOUT);
        return;
    }
    if (t.count && chs_decode(r, d, &lba)) {
        t.lba = lba;
        s = drive_transfer(d, &t);
    }
    r->al = (u8)t.done;
    disk_status(r, s);
}

static void hd_parameters(struct regs *r, const struct drive *d)
{
    u16 cyl = d->cyls ? d->cyls - 1 : 0;
    r->al = 0;
    r->ch = (u8)cyl;
    r->cl = (u8)((cyl >> 2 & 0xc0) | d->spt);
    r->dh = (u8)(d->heads - 1);
    r->dl = hd_count;
    BDA->hd_status = 0;
    set_status(r, 0);
}

/* What the drive can hold, not what is in it. */
static void fd_parameters(struct regs *r, const struct drive *d)
{
    static const struct {
        u8 cyls, spt;
    } limits[] = {{0, 0}, {39, 9}, {79, 15}, {79, 9}, {79, 18}, {79, 36}};
    extern const u8 diskette_params[];
    r->ax = 0;
    r->bx = d->type;
    r->ch = limits[d->type].cyls;
    r->cl = limits[d->type].spt;
    r->dh = 1;
    r->dl = fd_count;
    r->es = SEG_BIOS;
    r->di = (u16)(u32)diskette_params;
    disk_status(r, S_OK);
}

static void hd_size(struct regs *r, const struct drive *d)
{
    u32 n = (u32)d->cyls * d->heads * d->spt;
    r->cx = (u16)(n >> 16);
    r->dx = (u16)n;
    r->ah = 3;
    BDA->hd_status = 0;
    set_carry(r, false);
}

void hd_last_status(struct regs *r)
{
    r->ah = BDA->hd_status;
    set_carry(r, r->ah != 0);
}

static void int13_hd(struct regs *r, struct drive *d)
{
    u32 lba;
    switch (r->ah) {
    case 0x00:
    case 0x09:
    case 0x0d:
    case 0x10:
    case 0x11:
    case 0x14: disk_status(r, S_OK); return;
    case 0x01: return hd_last_status(r);
    case 0x02: return transfer_chs(r, d, OP_READ);
    case 0x03: return transfer_chs(r, d, OP_WRITE);
    case 0x04: return transfer_chs(r, d, OP_VERIFY);
    case 0x08: return hd_parameters(r, d);
    case 0x0c: disk_status(r, chs_decode(r, d, &lba) ? S_OK : S_SEEK); return;
    case 0x15: return hd_size(r, d);
    case 0x41 ... 0x49:
    case 0x4e: return int13_extended(r, d);
    default: disk_status(r, S_PARAM);
    }
}

static void fd_changed(struct regs *r, struct drive *d)
{
    bool changed = floppy_changed(d);
    disk_status(r, changed ? S_CHANGED : S_OK);
}

static void int13_floppy(struct regs *r, struct drive *d)
{
    switch (r->ah) {
    case 0x00: disk_status(r, floppy_reset()); return;
    case 0x01:
        r->ah = BDA->fd_status;
        set_carry(r, r->ah != 0);
        return;
    case 0x02: return transfer_chs(r, d, OP_READ);
    case 0x03: return transfer_chs(r, d, OP_WRITE);
    case 0x04: return transfer_chs(r, d, OP_VERIFY);
    case 0x08: return fd_parameters(r, d);
    case 0x15: r->ah = 2; return set_carry(r, false); /* has a change line */
    case 0x16: return fd_changed(r, d);
    case 0x17:
    case 0x18: disk_status(r, S_OK); return;
    default: disk_status(r, S_PARAM);
    }
}

static void no_drive(struct regs *r)
{
    bool floppy = !(r->dl & 0x80);
    if (floppy && r->ah == 0x08) {
        r->ax = r->bx = r->cx = r->dx = r->di = r->es = 0;
        r->dl = fd_count;
        set_carry(r, false);
    } else if (r->ah == 0x15) {
        r->ah = 0;
        set_carry(r, false);
    } else {
        disk_status(r, floppy && r->ah == 0x00 ? S_OK : S_PARAM);
    }
}

void int13(struct regs *r)
{
    u8 n = r->dl;
    if (r->ah == 0x4b && cd_emu.booted)
        return cdemu_terminate(r);
    if (cdemu_claims(n))
        return int13_cdemu(r);
    if (cd_emu.active && !(n & 0x80) && n)
        n--; /* the emulated floppy moves the real ones up */
    else if (cd_emu.active && cd_emu.number == 0x80 && n > 0x80 && n < CD_FIRST)
        n--;
    if (n >= CD_FIRST && n < CD_FIRST + cd_count)
        int13_cdrom(r, &drives[cd_map[n - CD_FIRST]]);
    else if (n >= 0x80 && n < 0x80 + hd_count)
        int13_hd(r, &drives[hd_map[n - 0x80]]);
    else if (n < fd_count)
        int13_floppy(r, &drives[fd_map[n]]);
    else
        no_drive(r);
}

/* IRQ 14: POST and the services poll, programs of their own may wait for the flag. */
void int76(struct regs *r)
{
    BDA->hd_done = 0xff;
    eoi2();
}

/* Called once by POST, in real mode. */
void disk_probe(struct regs *r)
{
    floppy_probe();
    ata_probe();
    virtio_probe();
}
