/* SPDX-License-Identifier: MIT
 * Fonts of the VGA BIOS, code page 437, bit 7 leftmost. The 8x14 set is rows 1 to 14 of the
 * 8x16 one. */
#ifndef HW_DISPLAY_FONT_H
#define HW_DISPLAY_FONT_H

extern const unsigned char vga_font_8x16[256][16];
extern const unsigned char vga_font_8x8[256][8];

#endif
