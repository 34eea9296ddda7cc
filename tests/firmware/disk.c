/* SPDX-License-Identifier: MIT
 * INT 13h. Disk 80h (or 81h after a boot from disk) is the pattern disk: 64 MiB, each dword of
 * a sector holds its LBA. */
#include "tests/firmware/prog.h"

enum { SECTORS = 131072 };
static u8 hd;

struct dap {
    u16 size, count, off, seg;
    u32 lba, lba_hi;
};

static bool holds(u32 off, u32 sectors, u32 lba)
{
    for (u32 i = 0; i < sectors * 128; i++)
        if (((u32 *)(buffer + off))[i] != lba + i / 128)
            return false;
    return true;
}

static u8 lba_call(u8 function, u32 lba, u16 count, void *where)
{
    struct dap d = {16, count, (u16)(u32)where, 0, lba, 0};
    struct regs r = {.ah = function, .dl = hd, .si = (u16)(u32)&d};
    intr(0x13, &r);
    return carry(&r) ? r.ah : 0;
}

static void chs(void)
{
    struct regs r = {.ah = 0x08, .dl = hd};
    intr(0x13, &r);
    u32 heads = r.dh + 1u, spt = r.cl & 0x3f, cyls = (u32)(r.ch | (r.cl & 0xc0) << 2) + 1;
    check("08: carry", carry(&r), 0);
    check("08: geometry covers most of the disk",
          heads * spt * cyls <= SECTORS && heads * spt * cyls > SECTORS * 9 / 10, 1);
    r = (struct regs){.ax = 0x0203, .cx = 0x0102, .dh = 3, .dl = hd, .bx = (u16)(u32)buffer};
    intr(0x13, &r);
    check("02: three sectors", r.ax << 1 | carry(&r), 3 << 1);
    check("02: of cylinder 1, head 3, sector 2", holds(0, 3, (heads + 3) * spt + 1), 1);
    r = (struct regs){.ax = 0x0201, .cx = 0x0000, .dl = hd, .bx = (u16)(u32)buffer};
    intr(0x13, &r);
    check("02: sector 0 is an error", r.ah << 8 | carry(&r), 0x101);
    r = (struct regs){.ah = 0x15, .dl = hd};
    intr(0x13, &r);
    check("15: a disk", r.ah, 3);
    r = (struct regs){.ah = 0x41, .bx = 0x55aa, .dl = 0x8f};
    intr(0x13, &r);
    check("no such disk", carry(&r), 1);
}

static void edd(void)
{
    struct regs r = {.ah = 0x41, .bx = 0x55aa, .dl = hd};
    intr(0x13, &r);
    check("41: AA55, EDD 3.0", (u32)r.bx << 8 | r.ah, 0xaa5530);
    check("41: packet access", r.cx & 1, 1);
    check("42: last sector", lba_call(0x42, SECTORS - 1, 1, buffer), 0);
    check("42: its data", holds(0, 1, SECTORS - 1), 1);
    check("42: beyond the end", lba_call(0x42, SECTORS, 1, buffer) != 0, 1);
    check("42: 15 sectors, odd address", lba_call(0x42, 5000, 15, buffer + 1), 0);
    u32 bad = 0;
    for (u32 i = 0; i < 15 * 512; i++)
        bad += buffer[1 + i] != (u8)((5000 + i / 512) >> (i % 4 * 8));
    check("42: their data", bad, 0);
    check("44: verify", lba_call(0x44, 100, 10, NULL), 0);
    check("47: seek", lba_call(0x47, 100, 1, NULL), 0);
    *(u16 *)buffer = 30;
    r = (struct regs){.ah = 0x48, .dl = hd, .si = (u16)(u32)buffer};
    intr(0x13, &r);
    check("48: sectors", *(u32 *)(buffer + 16), SECTORS);
    check("48: sector size", *(u16 *)(buffer + 24), 512);
    *(u16 *)buffer = 20;
    r = (struct regs){.ah = 0x48, .dl = hd, .si = (u16)(u32)buffer};
    intr(0x13, &r);
    check("48: small buffer", r.ah, 1);
}

static void writes(void)
{
    for (u32 i = 0; i < 4 * 512; i++)
        buffer[i] = (u8)(i * 13 + 5);
    check("43: four sectors", lba_call(0x43, 777, 4, buffer), 0);
    check("42: read back", lba_call(0x42, 776, 6, buffer + 4096), 0);
    u32 bad = 0;
    for (u32 i = 0; i < 4 * 512; i++)
        bad += buffer[4096 + 512 + i] != (u8)(i * 13 + 5);
    check("43: what was written", bad, 0);
    check("43: the neighbours stand", holds(4096, 1, 776) && holds(4096 + 5 * 512, 1, 781), 1);
    for (u32 i = 0; i < 4 * 128; i++)
        ((u32 *)buffer)[i] = 777 + i / 128;
    check("43: put back", lba_call(0x43, 777, 4, buffer), 0);
}

/* 100 sectors across a boundary of 64 KiB of memory. */
static void long_read(void)
{
    struct dap d = {16, 100, 0x0000, 0x1f00, 3000, 0};
    struct regs r = {.ah = 0x42, .dl = hd, .si = (u16)(u32)&d};
    intr(0x13, &r);
    u32 bad = carry(&r);
    for (u32 i = 0; i < 100; i++)
        bad += FAR32((u16)(0x1f00 + i * 32), 508) != 3000 + i;
    check("42: 100 sectors over a 64 KiB boundary", bad, 0);
}

static void floppy(bool emulated)
{
    struct regs r = {.ah = 0x08, .dl = 0};
    intr(0x13, &r);
    check("floppy 08: type 1.44M", r.bl, 4);
    check("floppy 08: last track, sector", r.cx, 79 << 8 | 18);
    r = (struct regs){.ax = 0x0212, .cx = 0x0201, .dh = 1, .dl = 0, .es = 0x1f80, .bx = 0};
    intr(0x13, &r);
    check("floppy 02: a track over a 64 KiB boundary", r.ax << 1 | carry(&r), 18 << 1);
    u32 bad = 0;
    for (u32 i = 0; i < 18; i++)
        bad += FAR32((u16)(0x1f80 + i * 32), 4) != 90 + i;
    check("floppy 02: its data", bad, 0);
    r = (struct regs){.ax = 0x0201, .cx = 0x0113, .dl = 0, .bx = (u16)(u32)buffer};
    intr(0x13, &r);
    check("floppy 02: no sector 19", carry(&r), 1);
    r = (struct regs){.ah = 0x00, .dl = 0};
    intr(0x13, &r);
    check("floppy 00: reset", r.ah << 1 | carry(&r), 0);
    r = (struct regs){.ah = 0x15, .dl = 0};
    intr(0x13, &r);
    check("floppy 15: change line unless emulated", r.ah, emulated ? 1 : 2);
}

static bool emulation(void)
{
    struct regs r = {.ax = 0x4b01, .dl = 0, .si = (u16)(u32)buffer};
    intr(0x13, &r);
    return !carry(&r) && buffer[1] == 2;
}

void test_disk(u8 boot_drive)
{
    for (hd = 0x80; hd < 0x84; hd++)
        if (lba_call(0x42, 4242, 1, buffer) == 0 && holds(0, 1, 4242))
            break;
    check("the pattern disk is there", hd < 0x84, 1);
    chs();
    edd();
    writes();
    long_read();
    if (boot_drive == 0)
        floppy(emulation());
}

static void cd_call(u8 drive, u32 lba, u32 *bad)
{
    struct dap d = {16, 2, (u16)(u32)buffer, 0, lba, 0};
    struct regs r = {.ah = 0x42, .dl = drive, .si = (u16)(u32)&d};
    intr(0x13, &r);
    *bad = r.ah << 1 | carry(&r);
}

void test_cd(u8 drive)
{
    u32 bad;
    if (drive < 0xe0)
        return;
    struct regs r = {.ax = 0x4b01, .dl = drive, .si = (u16)(u32)buffer};
    intr(0x13, &r);
    check("4B01: carry", carry(&r), 0);
    check("4B01: no emulation, this drive", buffer[1] << 8 | buffer[2], drive);
    r = (struct regs){.ah = 0x41, .bx = 0x55aa, .dl = drive};
    intr(0x13, &r);
    check("CD 41", r.bx, 0xaa55);
    cd_call(drive, 16, &bad);
    check("CD 42: two sectors", bad, 0);
    check("CD 42: CD001", *(u32 *)(buffer + 1), 0x30304443);
    check("CD 42: the boot record", *(u32 *)(buffer + 2048 + 7), 0x54204c45);
    cd_call(drive, 0x7fffff, &bad);
    check("CD 42: beyond the end", bad & 1, 1);
    *(u16 *)buffer = 26;
    r = (struct regs){.ah = 0x48, .dl = drive, .si = (u16)(u32)buffer};
    intr(0x13, &r);
    check("CD 48: sector size", *(u16 *)(buffer + 24), 2048);
    r = (struct regs){.ah = 0x43, .dl = drive, .si = (u16)(u32)buffer};
    intr(0x13, &r);
    check("CD 43: read only", carry(&r), 1);
}
