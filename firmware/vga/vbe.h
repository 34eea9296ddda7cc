/* SPDX-License-Identifier: MIT
 * VBE modes and the Bochs display interface ("dispi", ports 1CEh and 1CFh). */
#ifndef FIRMWARE_VGA_VBE_H
#define FIRMWARE_VGA_VBE_H

#include "firmware/vga/vga.h"

struct vbe_mode {
    u16 number, width, height;
    u8 bpp;
};

extern const struct vbe_mode ROM vbe_modes[];
extern const u16 ROM vbe_mode_count;

enum {
    D_ID,
    D_XRES,
    D_YRES,
    D_BPP,
    D_ENABLE,
    D_BANK,
    D_VIRT_WIDTH,
    D_VIRT_HEIGHT,
    D_X,
    D_Y,
    D_MEMORY
};
enum { DE_ON = 0x01, DE_8BIT = 0x20, DE_LFB = 0x40, DE_NO_CLEAR = 0x80 };

static inline u16 dispi_get(u16 index)
{
    outw(0x1ce, index);
    return inw(0x1cf);
}

static inline void dispi_set(u16 index, u16 v)
{
    outw(0x1ce, index);
    outw(0x1cf, v);
}

static inline bool dispi_present(void)
{
    return (dispi_get(D_ID) & 0xfff0) == 0xb0c0;
}

/* The mode by its number (bits 0-8), when memory suffices; NULL otherwise. */
const struct vbe_mode ROM *vbe_find(u16 number);
static inline u32 vbe_line_bytes(u32 width, u32 bpp)
{
    return width * ((bpp + 7) / 8);
}
#endif
