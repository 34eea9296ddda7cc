/* SPDX-License-Identifier: MIT
 * Registers of the VGA, shared by vga*.c. Numbers and bits: IBM "PS/2 Hardware Interface
 * Technical Reference, Video Subsystem"; Intel "Open Source PRM: VGA registers". */
#ifndef HW_DISPLAY_VGA_INT_H
#define HW_DISPLAY_VGA_INT_H

#include "hw/display/vga.h"

#define MISC_COLOUR 0x01 /* ports 3Dx, else 3Bx */

#define SR1_8DOT       0x01
#define SR1_HALFCLOCK  0x08
#define SR1_OFF        0x20
#define SR4_NO_ODDEVEN 0x04
#define SR4_CHAIN4     0x08

#define GR5_READ1    0x08
#define GR5_ODDEVEN  0x10
#define GR5_CGA      0x20
#define GR5_256      0x40
#define GR6_GRAPHICS 0x01
#define GR6_MAP(g)   ((g) >> 2 & 3)

#define CR9_DOUBLE    0x80
#define CR11_PROTECT  0x80
#define CR14_DWORD    0x40
#define CR17_RS0_MA13 0x01 /* 0: bit 13 of the address is row scan bit 0 */
#define CR17_RS1_MA14 0x02
#define CR17_TWOLINES 0x04 /* vertical counts are of two lines */
#define CR17_MA15     0x20
#define CR17_BYTE     0x40

#define AR_VIDEO       0x20 /* index register: palette belongs to the screen */
#define AR10_9TH       0x04
#define AR10_BLINK     0x08
#define AR10_SPLIT_PAN 0x20
#define AR10_PALETTE54 0x80

enum {
    VBE_ID,
    VBE_XRES,
    VBE_YRES,
    VBE_BPP,
    VBE_ENABLE,
    VBE_BANK,
    VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT,
    VBE_X_OFFSET,
    VBE_Y_OFFSET,
    VBE_MEM_64K,
};
#define VBE_ENABLED   0x01
#define VBE_GETCAPS   0x02
#define VBE_8BIT_DAC  0x20
#define VBE_LFB       0x40
#define VBE_NOCLEAR   0x80
#define VBE_ID_LATEST 0xb0c5

#define VGA_PLANE 0x10000u /* bytes of a plane */

static inline bool vbe_on(const struct vga *v)
{
    return v->vbe[VBE_ENABLE] & VBE_ENABLED;
}

/* VBE with a linear frame buffer: 8 bits and more a pixel */
static inline bool vbe_linear(const struct vga *v)
{
    return vbe_on(v) && v->vbe[VBE_BPP] != 4;
}

/* Bit p of n becomes byte p. */
static inline uint32_t planes_of(unsigned n)
{
    return ((n & 1) | (n & 2) << 7 | (n & 4) << 14 | (n & 8u) << 21) * 0xffu;
}

bool vga_core_realize(struct vga *v, const struct dev *d, struct err *e);
void vga_core_reset(struct vga *v);
void vga_core_unrealize(struct vga *v);

/* `port` is 3B0 to 3DF. */
uint8_t vga_port_read(struct vga *v, unsigned port);
void vga_port_write(struct vga *v, unsigned port, uint8_t value);
/* By index register. */
uint16_t vga_vbe_read(const struct vga *v, unsigned index);
void vga_vbe_write(struct vga *v, unsigned index, uint16_t value);

/* Puts RAM or handlers at A0000 and B0000, as the registers say; idempotent. */
void vga_window_update(struct vga *v);
void vga_window_remove(struct vga *v);

/* Timing of the picture in ns of the virtual clock, from the CRTC or, when that makes no sense,
 * that of 640x480 at 60 Hz. */
struct vga_timing {
    uint64_t line, frame;
    unsigned width, total_width;   /* characters */
    unsigned height, total_height; /* lines */
    unsigned sync, sync_end;
};
void vga_timing(const struct vga *v, struct vga_timing *t);
unsigned vga_lines(const struct vga *v); /* of the visible picture */

/* The line drawers: each fills `out` with the dots of one line. */
struct vga_line {
    uint32_t count; /* address counter at its left end */
    unsigned row;   /* row scan */
    unsigned chars; /* to draw */
};
struct vga_palette {
    uint32_t ega[16], all[256];
    unsigned plane_enable;
};
uint32_t vga_address(const struct vga *v, uint32_t count);
void vga_text_line(const struct vga *v, const struct vga_palette *p, const struct vga_line *l,
                   uint32_t *out);

#endif
