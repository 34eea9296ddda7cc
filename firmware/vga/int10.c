/* SPDX-License-Identifier: MIT
 * INT 10h: which function goes where. */
#include "firmware/vga/vga.h"

void int10(struct regs *r);

static void set_mode(struct regs *r)
{
    u8 n = r->al & 0x7f;
    if (r->al == 0xfe) /* from the ROM's start-up */
        return mode_init();
    mode_set(n, !(r->al & 0x80));
    r->al = n == 6 ? 0x3f : n > 7 ? 0x20 : 0x30;
}

static void get_mode(struct regs *r)
{
    r->al = (u8)((BDA->mode & 0x7f) | (BDA->video_ctrl & 0x80));
    r->ah = (u8)BDA->cols;
    r->bh = BDA->page;
}

void int10(struct regs *r)
{
    switch (r->ah) {
    case 0x00: return set_mode(r);
    case 0x01:
    case 0x02:
    case 0x03:
    case 0x05: return int10_cursor(r);
    case 0x06:
    case 0x07: return int10_scroll(r);
    case 0x08:
    case 0x09:
    case 0x0a: return int10_chars(r);
    case 0x0b: return int10_border(r);
    case 0x0c:
    case 0x0d: return int10_pixel(r);
    case 0x0e: return int10_tty(r);
    case 0x0f: return get_mode(r);
    case 0x10: return int10_palette(r);
    case 0x11: return int10_font(r);
    case 0x12: return int10_select(r);
    case 0x13: return int10_string(r);
    case 0x1a: return int10_dcc(r);
    case 0x1b: return int10_state_info(r);
    case 0x1c: return int10_save(r);
    case 0x4f: return int10_vbe(r);
    default: return;
    }
}
