/* SPDX-License-Identifier: MIT
 * Mode 3 without a VGA BIOS: register values as IBM's tables for 720x400 give them
 * (PS/2 Hardware Interface Technical Reference, "Video mode register values"). */
#include "hw/display/font.h"
#include "hw/display/vga_int.h"

#include <string.h>

static const uint8_t mode3_sr[5] = {0x03, 0x00, 0x03, 0x00, 0x02};
static const uint8_t mode3_cr[25] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                                     0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
                                     0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
static const uint8_t mode3_gr[9] = {0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff};
static const uint8_t mode3_ar[21] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14,
                                     0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d,
                                     0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00};

/* The 64 colours of the EGA: bits rgbRGB, capitals of weight 2/3. */
static void load_ega_colours(struct vga *v)
{
    unsigned i, k;

    for (i = 0; i < 64; i++)
        for (k = 0; k < 3; k++)
            v->dac[3 * i + k] = (i >> (2 - k) & 1 ? 42 : 0) + (i >> (5 - k) & 1 ? 21 : 0);
}

static void load_font(struct vga *v)
{
    unsigned c, row;

    for (c = 0; c < 256; c++)
        for (row = 0; row < 16; row++)
            v->vram.host[4 * (c * 32 + row) + 2] = vga_font_8x16[c][row];
}

void vga_setup_text(struct vga *v)
{
    unsigned i;

    v->vbe[VBE_ENABLE] = 0;
    v->misc = 0x67;
    memcpy(v->sr, mode3_sr, sizeof(mode3_sr));
    memcpy(v->cr, mode3_cr, sizeof(mode3_cr));
    memcpy(v->gr, mode3_gr, sizeof(mode3_gr));
    memcpy(v->ar, mode3_ar, sizeof(mode3_ar));
    v->ar_index = AR_VIDEO;
    load_ega_colours(v);
    memset(v->vram.host, 0, 4 * VGA_PLANE);
    load_font(v);
    for (i = 0; i < 0x4000; i += 2) { /* blanks, light grey on black */
        v->vram.host[4 * i] = ' ';
        v->vram.host[4 * i + 1] = 0x07;
    }
    vga_window_update(v);
}
