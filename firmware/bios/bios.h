/* SPDX-License-Identifier: MIT
 * What the real-mode services share: far memory, time, and variables that the 32-bit code
 * fills during POST (by SHARED(), post/post.h). */
#ifndef FIRMWARE_BIOS_BIOS_H
#define FIRMWARE_BIOS_BIOS_H

#include "firmware/lib/bda.h"
#include "firmware/lib/io.h"
#include "firmware/lib/regs.h"

/* Far memory: GS selects the segment for FAR8() and its like, until the next far_seg(). */
static inline void far_seg(u16 seg)
{
    __asm__ volatile("movw %0, %%gs" ::"r"(seg) : "memory");
}

#define FAR8(off)  (*(volatile u8 __seg_gs *)(u32)(off))
#define FAR16(off) (*(volatile u16 __seg_gs *)(u32)(off))
#define FAR32(off) (*(volatile u32 __seg_gs *)(u32)(off))

/* seg:off to SEG_DATA and back; both sides must lie within their segments. */
static inline void far_read(void *to, u16 seg, u16 off, u16 n)
{
    far_seg(seg);
    for (u16 i = 0; i < n; i++)
        ((u8 *)to)[i] = FAR8((u16)(off + i));
}

static inline void far_write(u16 seg, u16 off, const void *from, u16 n)
{
    far_seg(seg);
    for (u16 i = 0; i < n; i++)
        FAR8((u16)(off + i)) = ((const u8 *)from)[i];
}

/* entry.S */
void int_call(u32 vector, struct regs *r);
void mouse_call(u32 far_handler, const u16 packet[4]);
struct copy {
    u32 from, to, bytes;
};
void copy_high(const struct copy *c);
extern u32 stack_top, call16_sp;

/* clock.c: a deadline is polled; interrupts may be off. */
struct deadline {
    u32 left, last;
};
void deadline_set(struct deadline *d, u32 microseconds);
bool deadline_over(struct deadline *d);
void delay_us(u32 microseconds);
extern u16 pm_timer_port; /* 0: none */

/* kbd.c */
void kbd_put(u16 key);
u16 kbd_key_of(u8 ch); /* the key that types ch */
bool kbc_write(u16 port, u8 v);
bool kbc_read(u8 *v);

/* system.c: the memory map for INT 15h AX=E820h. */
struct e820 {
    u64 base, size;
    u32 type;
} PACKED;
enum { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4, E820_MAX = 40 };
extern struct e820 e820_map[E820_MAX];
extern u16 e820_count;

/* pci16.c */
extern u8 pci_last_bus;
void int1a_pci(struct regs *r);
#endif
