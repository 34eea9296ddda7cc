/* SPDX-License-Identifier: MIT
 * INT 13h for CD-ROMs: the extended calls on E0h and up, AH=4Bh, and a floppy or disk emulated
 * from an image on the CD (El Torito 1.0, chapter 5). */
#include "firmware/bios/disk.h"

struct cd_emulation cd_emu;
static u8 sector[2048];

/* Specification packet, figure 7. */
struct spec_packet {
    u8 size, media, number, controller;
    u32 lba;
    u16 device, buffer_seg, load_segment, load_sectors;
    u8 cyl, sector, head;
} PACKED;

bool cdemu_claims(u8 number)
{
    return cd_emu.active && number == cd_emu.number;
}

void cdemu_terminate(struct regs *r)
{
    struct spec_packet p = {
        .size = sizeof p,
        .media = cd_emu.media,
        .number = cd_emu.number,
        .controller = drives[cd_map[cd_emu.cd]].io == 0x170,
        .lba = cd_emu.lba,
        .device = drives[cd_map[cd_emu.cd]].unit,
        .load_segment = cd_emu.load_segment,
        .load_sectors = cd_emu.load_sectors,
        .cyl = cd_emu.active ? (u8)(cd_emu.cyls - 1) : 0,
        .sector = cd_emu.active ? (u8)cd_emu.spt : 0,
        .head = cd_emu.active ? (u8)(cd_emu.heads - 1) : 0,
    };
    if (r->al > 1 || (r->dl != 0x7f && r->dl != cd_emu.number)) {
        disk_status(r, S_PARAM);
        return;
    }
    far_write(r->ds, r->si, &p, sizeof p);
    if (r->al == 0)
        cd_emu.active = 0;
    disk_status(r, S_OK);
}

/* Virtual sectors are quarters of the CD's. */
static u8 emu_read(u32 lba, u16 count, u32 addr, u16 *done)
{
    struct drive *d = &drives[cd_map[cd_emu.cd]];
    for (*done = 0; *done < count;) {
        u32 at = lba + *done, cd = cd_emu.lba + at / 4;
        u16 n = (u16)((count - *done) / 4);
        bool direct = !(at & 3) && n;
        struct transfer t = {.op = OP_READ,
                             .count = direct ? n : 1,
                             .lba = cd,
                             .addr = direct ? addr : DATA_BASE + (u32)sector};
        u8 s = drive_transfer(d, &t);
        if (s)
            return s;
        if (direct) {
            n = (u16)(n * 4);
        } else {
            far_write((u16)(addr >> 4), addr & 15, sector + (at & 3) * 512, 512);
            n = 1;
        }
        *done = (u16)(*done + n);
        addr += n * 512u;
    }
    return S_OK;
}

static void transfer(struct regs *r, bool read)
{
    struct drive geometry = {.cyls = cd_emu.cyls, .heads = cd_emu.heads, .spt = cd_emu.spt};
    u16 done = 0;
    u32 lba;
    u8 s = S_PARAM;
    if (r->al && chs_decode(r, &geometry, &lba))
        s = read ? emu_read(lba, r->al, ((u32)r->es << 4) + r->bx, &done) : S_OK;
    r->al = read ? (u8)done : r->al;
    disk_status(r, s);
}

static void parameters(struct regs *r)
{
    extern const u8 diskette_params[];
    u16 cyl = cd_emu.cyls - 1;
    r->ch = (u8)cyl;
    r->cl = (u8)((cyl >> 2 & 0xc0) | cd_emu.spt);
    r->dh = (u8)(cd_emu.heads - 1);
    if (cd_emu.number & 0x80) {
        r->dl = hd_count + 1;
    } else {
        r->bl = cd_emu.media == 1 ? 2 : cd_emu.media == 2 ? 4 : 5;
        r->dl = fd_count + 1;
        r->es = SEG_BIOS;
        r->di = (u16)(u32)diskette_params;
    }
    r->al = 0;
    disk_status(r, S_OK);
}

void int13_cdemu(struct regs *r)
{
    switch (r->ah) {
    case 0x00:
    case 0x09:
    case 0x0c:
    case 0x0d:
    case 0x10:
    case 0x11:
    case 0x14:
    case 0x16: disk_status(r, S_OK); return;
    case 0x02: return transfer(r, true);
    case 0x04: return transfer(r, false);
    case 0x03:
    case 0x05: disk_status(r, S_PROTECTED); return;
    case 0x08: return parameters(r);
    case 0x15:
        r->ah = cd_emu.number & 0x80 ? 3 : 1;
        if (cd_emu.number & 0x80) {
            u32 n = (u32)cd_emu.cyls * cd_emu.heads * cd_emu.spt;
            r->cx = (u16)(n >> 16);
            r->dx = (u16)n;
        }
        return set_carry(r, false);
    default: disk_status(r, S_PARAM);
    }
}

void int13_cdrom(struct regs *r, struct drive *d)
{
    switch (r->ah) {
    case 0x00:
    case 0x09:
    case 0x0c:
    case 0x0d:
    case 0x10:
    case 0x11:
    case 0x14: disk_status(r, S_OK); return;
    case 0x01: return hd_last_status(r);
    case 0x15: disk_status(r, S_ADDRESS); return;
    case 0x03:
    case 0x43: disk_status(r, S_PROTECTED); return;
    case 0x41 ... 0x42:
    case 0x44 ... 0x49:
    case 0x4e: return int13_extended(r, d);
    default: disk_status(r, S_PARAM);
    }
}

/* Run by the boot code in real mode: is CD r->dl (an index) readable? */
void cd_ready(struct regs *r)
{
    struct drive *d = &drives[cd_map[r->dl]];
    set_status(r, atapi_ready(d));
}
