/* SPDX-License-Identifier: MIT
 * The real-mode test program: runs from a boot sector at 0:7C00, calls the BIOS, reports TAP on
 * the first serial line (by ports, not by the BIOS). */
#ifndef TESTS_FIRMWARE_PROG_H
#define TESTS_FIRMWARE_PROG_H

#include "firmware/lib/bda.h"
#include "firmware/lib/io.h"
#include "firmware/lib/pci.h"
#include "firmware/lib/regs.h"

void intr(u32 vector, struct regs *r);

/* One TAP line: got must equal want. */
void check(const char *name, u32 got, u32 want);
#define FAR8(seg, off)  (*(volatile u8 __seg_gs *)far_at(seg, off))
#define FAR16(seg, off) (*(volatile u16 __seg_gs *)far_at(seg, off))
#define FAR32(seg, off) (*(volatile u32 __seg_gs *)far_at(seg, off))
static inline u32 far_at(u16 seg, u32 off)
{
    __asm__ volatile("movw %0, %%gs" ::"r"(seg) : "memory");
    return off;
}
static inline u16 bda16(u16 off)
{
    return FAR16(0x40, off);
}
static inline bool carry(const struct regs *r)
{
    return r->flags & FLAG_C;
}
void out_text(const char *s);
void out_hex(u32 v);

extern u8 buffer[8192];

void test_video(void);
void test_vbe(void);
void test_disk(u8 boot_drive);
void test_cd(u8 boot_drive);
void test_system(void);
void test_keyboard(void);
void test_pci(void);
void test_tables(void);
#endif
