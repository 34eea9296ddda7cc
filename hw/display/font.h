/* SPDX-License-Identifier: MIT
 * The VGA BIOS's font, code page 437, bit 7 leftmost; made from firmware/vga/glyphs.txt. */
#ifndef HW_DISPLAY_FONT_H
#define HW_DISPLAY_FONT_H

extern const unsigned char vga_font_8x16[256][16];

#endif
