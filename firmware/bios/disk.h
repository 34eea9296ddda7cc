/* SPDX-License-Identifier: MIT
 * Drives behind INT 13h. POST (in real mode: disk_probe) fills drives[]; the boot code orders
 * the maps from BIOS numbers to drives. */
#ifndef FIRMWARE_BIOS_DISK_H
#define FIRMWARE_BIOS_DISK_H

#include "firmware/bios/bios.h"

enum drive_kind { DRIVE_NONE, DRIVE_ATA, DRIVE_ATAPI, DRIVE_FLOPPY, DRIVE_VIRTIO };
enum { MAX_DRIVES = 16, MAX_FLOPPIES = 2, CD_FIRST = 0xe0 };
enum { DF_LBA48 = 1, DF_DMA = 2 };

/* INT 13h status codes. */
enum {
    S_OK = 0x00,
    S_PARAM = 0x01,
    S_ADDRESS = 0x02,
    S_PROTECTED = 0x03,
    S_NOT_FOUND = 0x04,
    S_CHANGED = 0x06,
    S_CRC = 0x10,
    S_CONTROLLER = 0x20,
    S_NO_MEDIA = 0x31,
    S_SEEK = 0x40,
    S_TIMEOUT = 0x80,
    S_NOT_READY = 0xaa,
    S_NOT_LOCKED = 0xb0
};

struct drive {
    u8 kind, unit;  /* unit: 1 slave; floppy and virtio: index */
    u8 flags, type; /* type: CMOS floppy type */
    u16 bdf, io, ctrl, bm;
    u16 sector;              /* bytes */
    u16 cyls, heads, spt;    /* as INT 13h CHS calls see it */
    u16 pcyls, pheads, pspt; /* as the drive sees it */
    u64 sectors;
    char name[42];
};

extern struct drive drives[MAX_DRIVES];
extern u16 drive_count;
extern u8 hd_map[MAX_DRIVES], hd_count, cd_map[MAX_DRIVES], cd_count;
extern u8 fd_map[MAX_FLOPPIES], fd_count;

enum disk_op { OP_READ, OP_WRITE, OP_VERIFY };

/* Transfers count sectors at linear address addr (below 1 MiB + 64 KiB - 16); *done counts the
 * whole ones. Each driver takes at most 64 KiB less a sector at a time. */
struct transfer {
    u8 op;
    u16 count, done;
    u32 addr;
    u64 lba;
};
u8 drive_transfer(struct drive *d, struct transfer *t);

u8 ata_transfer(struct drive *d, const struct transfer *t);
u8 atapi_transfer(struct drive *d, const struct transfer *t);
u8 atapi_ready(struct drive *d);
u8 atapi_eject(struct drive *d, bool load);
void ata_probe(void);
u8 floppy_transfer(struct drive *d, const struct transfer *t);
u8 floppy_reset(void);
bool floppy_changed(struct drive *d);
bool floppy_geometry(struct drive *d);
void floppy_probe(void);
u8 virtio_transfer(struct drive *d, const struct transfer *t);
void virtio_probe(void);

struct drive *drive_new(enum drive_kind kind);
void drive_geometry(struct drive *d);

/* El Torito emulation, set by the boot code; INT 13h AH=4Bh reports it. */
struct cd_emulation {
    u8 active;            /* the image stands in for a floppy or disk */
    u8 media, number, cd; /* cd: index into cd_map */
    u32 lba;              /* of the image, in CD sectors */
    u16 load_segment, load_sectors, cyls, heads, spt;
    u8 booted; /* a catalog entry has been started, also without emulation */
};
extern struct cd_emulation cd_emu;
bool cdemu_claims(u8 number);
void int13_cdemu(struct regs *r);
void cdemu_terminate(struct regs *r);
void int13_cdrom(struct regs *r, struct drive *d);
void int13_extended(struct regs *r, struct drive *d);
u8 disk_status(struct regs *r, u8 status);
void hd_last_status(struct regs *r); /* INT 13h AH=01h */
bool chs_decode(const struct regs *r, const struct drive *d, u32 *lba);
#endif
