/* SPDX-License-Identifier: MIT
 * Memory map of the pc board: RAM around the holes, the system ROM, and what the 440FX makes
 * of C0000-FFFFF and of SMM's RAM at A0000. */
#ifndef HW_PC_MEMORY_H
#define HW_PC_MEMORY_H

#include "softmmu/ram.h"
#include "softmmu/space.h"

#define PC_PAM_SEGMENTS 13 /* C0000-EFFFF in 16 KiB, F0000-FFFFF */

struct pc_memory {
    struct space *space;
    struct ram ram;             /* host block: [0, split) then the part above 4 GiB */
    uint64_t ram_low, ram_high; /* bytes below the split and from 4 GiB on */
    uint8_t *rom;               /* system ROM below 4 GiB, whole pages; NULL: none */
    uint64_t rom_bytes;
    uint8_t pam[PC_PAM_SEGMENTS]; /* in effect: bit 0 reads, bit 1 writes go to RAM */
    bool placed[PC_PAM_SEGMENTS]; /* a region of ours is there */
    const uint8_t *bios;          /* the ROM's end, shown below 1 MiB */
    uint64_t bios_bytes;          /* at most 128 KiB */
    uint8_t *open_bus;            /* one segment of ones */
};

/* Places RAM; nothing is at C0000-FFFFF yet. */
bool pc_memory_init(struct pc_memory *m, struct space *s, uint64_t ram_bytes, struct err *e);
void pc_memory_finish(struct pc_memory *m); /* after the space is gone; zeroed struct allowed */
/* Puts a ROM (copied) below 4 GiB: 64 KiB to 16 MiB, a multiple of 4096. */
bool pc_memory_set_rom(struct pc_memory *m, const void *image, size_t n, struct err *e);
/* Shows the last 128 KiB of a ROM or flash, the caller's, at E0000. */
void pc_memory_show_bios(struct pc_memory *m, const uint8_t *rom, uint64_t n);
/* The 440FX's PAM registers 59H-5FH: each segment to RAM or PCI, for reads and writes. */
void pc_memory_set_pam(struct pc_memory *m, const uint8_t reg[7]);

#endif
