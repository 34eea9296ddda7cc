/* SPDX-License-Identifier: MIT
 * Between the boot order and the start of CDs. */
#ifndef FIRMWARE_POST_BOOT_H
#define FIRMWARE_POST_BOOT_H

#include "firmware/bios/disk.h"
#include "firmware/post/post.h"

/* As CMOS 3Dh and 38h number them. */
enum { BOOT_FLOPPY = 1, BOOT_HD = 2, BOOT_CD = 3, BOOT_ROM = 4 };
enum { BOOT_SECTOR = 0x7c00 };

/* INT 13h AH=42h on a BIOS drive number; addr below 1 MiB. */
bool disk_read(u8 number, u64 lba, u16 count, u32 addr);
/* What has been loaded, with DL = number. */
NORETURN void start_loader(u32 seg_off, u8 number);
/* Returns when the CD (an index of cd_map) cannot be booted. */
void boot_cd(u8 cd);
#endif
