/* SPDX-License-Identifier: MIT
 * Boots a CD-ROM by its El Torito catalog (El Torito 1.0, chapters 2 and 3): the default entry,
 * without emulation, as a floppy or as a disk. */
#include "firmware/post/boot.h"

extern void cd_ready(struct regs *r);

struct entry {
    u8 bootable, media;
    u16 segment;
    u8 system, reserved;
    u16 sectors;
    u32 lba;
} PACKED;

static const u8 *const page = (const u8 *)0x7c00; /* one CD sector */

static bool read_catalog(u8 number, struct entry *e)
{
    if (!disk_read(number, 17, 1, (u32)page) || memcmp(page + 1, "CD001\1EL TORITO", 15))
        return false;
    if (!disk_read(number, *(const u32 *)(page + 0x47), 1, (u32)page))
        return false;
    if (page[0] != 1 || page[0x1e] != 0x55 || page[0x1f] != 0xaa || page[0x20] != 0x88)
        return false;
    memcpy(e, page + 0x20, sizeof *e);
    return true;
}

static bool load(u8 number, const struct entry *e, u32 addr)
{
    u32 left = (e->sectors + 3u) / 4, lba = e->lba;
    if (!left)
        left = 1;
    if (addr + left * 2048 > BDA->base_kb * 1024u)
        return false;
    while (left) {
        u16 n = left > 16 ? 16 : (u16)left;
        if (!disk_read(number, lba, n, addr))
            return false;
        left -= n;
        lba += n;
        addr += n * 2048u;
    }
    return true;
}

/* A disk image's geometry stands in the end of its first partition. */
static bool emulation_geometry(struct cd_emulation *emu, u32 image)
{
    static const u8 spt[4] = {0, 15, 18, 36};
    const u8 *part = (const u8 *)image + 0x1be;
    if (emu->media < 4) {
        emu->cyls = 80;
        emu->heads = 2;
        emu->spt = spt[emu->media];
        return true;
    }
    emu->heads = (u16)(part[5] + 1);
    emu->spt = part[6] & 0x3f;
    emu->cyls = (u16)((part[7] | (part[6] & 0xc0) << 2) + 1);
    return emu->spt;
}

void boot_cd(u8 cd)
{
    struct regs r = {.dl = cd};
    struct cd_emulation *emu = &SHARED(cd_emu);
    u8 number = (u8)(CD_FIRST + cd);
    struct entry e;
    call_near16(cd_ready, &r);
    if ((r.flags & FLAG_C) || !read_catalog(number, &e))
        return;
    u32 segment = e.segment ? e.segment : 0x7c0, addr = segment << 4;
    if (!load(number, &e, addr))
        return;
    *emu = (struct cd_emulation){.media = e.media & 0xf,
                                 .number = number,
                                 .cd = cd,
                                 .lba = e.lba,
                                 .booted = true,
                                 .load_segment = (u16)segment,
                                 .load_sectors = e.sectors};
    if (emu->media > 4 || (emu->media && !emulation_geometry(emu, addr))) {
        emu->booted = false;
        return;
    }
    if (emu->media) {
        emu->number = emu->media == 4 ? 0x80 : 0;
        emu->active = true;
        if (emu->number == 0)
            BDA->equipment |= 1;
    }
    start_loader(addr == 0x7c00 ? 0x7c00 : segment << 16, emu->number);
}
