/* SPDX-License-Identifier: MIT
 * INT 10h AH=11h: fonts in plane 2 and the vectors of the graphics fonts. */
#include "firmware/vga/vga.h"

static const u8 ROM *rom_font(u8 height)
{
    return height == 8 ? font_8x8 : height == 14 ? font_8x14 : font_8x16;
}

static void open_plane2(void)
{
    put_reg(SEQ, 0, 1);
    put_reg(SEQ, 2, 4);
    put_reg(SEQ, 4, 7);
    put_reg(SEQ, 0, 3);
    put_reg(GC, 4, 2);
    put_reg(GC, 5, 0);
    put_reg(GC, 6, 4);
}

static void close_plane2(void)
{
    put_reg(SEQ, 0, 1);
    put_reg(SEQ, 2, 3);
    put_reg(SEQ, 4, 3);
    put_reg(SEQ, 0, 3);
    put_reg(GC, 4, 0);
    put_reg(GC, 5, 0x10);
    put_reg(GC, 6, crtc_port() == 0x3d4 ? 0x0e : 0x0a);
}

static u16 block_offset(u8 block)
{
    return (u16)((block & 3) << 14 | (block & 4) << 11);
}

static void load(u16 seg, u16 off, u8 block, u16 first, u16 count, u8 height)
{
    u16 to = block_offset(block);
    if (height > 32)
        return;
    open_plane2();
    for (u32 c = 0; c < count; c++)
        for (u8 y = 0; y < height; y++)
            poke8(VGA_SEG_GRAPHICS, to + (((first + c) & 0xff) * 32 + y),
                  peek8(seg, off + c * height + y));
    close_plane2();
}

static u16 this_segment(void)
{
    u16 seg;
    __asm__("movw %%cs, %0" : "=r"(seg));
    return seg;
}

void font_load_rom(u8 height, u8 block)
{
    load(this_segment(), (u16)(u32)rom_font(height), block, 0, 256, height);
}

static void set_vector(u8 n, u16 seg, u16 off)
{
    poke16(0, n * 4u, off);
    poke16(0, n * 4u + 2, seg);
}

void font_set_vectors(u8 height)
{
    set_vector(0x1f, this_segment(), (u16)((u32)font_8x8 + 128 * 8));
    set_vector(0x43, this_segment(), (u16)(u32)rom_font(height));
}

static u16 scan_lines(void)
{
    u16 port = crtc_port();
    u8 over = get_reg(port, 7), max = get_reg(port, 9);
    u16 n = (u16)(get_reg(port, 0x12) | (over & 2) << 7 | (over & 0x40) << 3);
    return max & 0x80 ? (n + 1) / 2 : n + 1;
}

/* AL=1xh: rows, page size and cursor follow the new height. */
static void fit_rows(u8 height)
{
    u16 port = crtc_port(), lines = scan_lines(), rows = lines / height;
    put_reg(port, 9, (u8)((get_reg(port, 9) & 0xe0) | (height - 1)));
    BDA->char_height = height;
    BDA->rows = (u8)(rows - 1);
    BDA->page_size = (u16)((BDA->cols * rows * 2 + 0xff) & ~0xff);
    u16 shown = (u16)(rows * height - 1);
    put_reg(port, 0x12, (u8)shown);
    cursor_shape(BDA->cursor_shape);
}

static void load_user(struct regs *r)
{
    load(r->es, r->bp, r->bl, r->dx, r->cx, r->bh);
}

static void set_graphics(u8 height, u8 rows, u8 dl)
{
    static const u8 ROM_DATA table[4] = {0, 14, 25, 43};
    BDA->char_height = height;
    BDA->rows = (u8)((rows ? table[rows & 3] : dl) - 1);
}

static void get_info(struct regs *r)
{
    u16 off = 0, seg = this_segment();
    switch (r->bh) {
    case 0:
        off = peek16(0, 0x1f * 4);
        seg = peek16(0, 0x1f * 4 + 2);
        break;
    case 1:
        off = peek16(0, 0x43 * 4);
        seg = peek16(0, 0x43 * 4 + 2);
        break;
    case 2: off = (u16)(u32)font_8x14; break;
    case 3: off = (u16)(u32)font_8x8; break;
    case 4: off = (u16)((u32)font_8x8 + 1024); break;
    case 5: off = (u16)(u32)font_8x14; break;
    case 6:
    case 7: off = (u16)(u32)font_8x16; break;
    default: return;
    }
    r->es = seg;
    r->bp = off;
    r->cx = BDA->char_height;
    r->dl = BDA->rows;
}

static void select_block(u8 v)
{
    put_reg(SEQ, 0, 1);
    put_reg(SEQ, 3, v);
    put_reg(SEQ, 0, 3);
}

void int10_font(struct regs *r)
{
    static const u8 ROM_DATA heights[5] = {0, 14, 8, 0, 16};
    u8 low = r->al & 0xf;
    switch (r->al) {
    case 0x00:
    case 0x10: load_user(r); break;
    case 0x01:
    case 0x11:
    case 0x02:
    case 0x12:
    case 0x04:
    case 0x14: font_load_rom(heights[low], r->bl); break;
    case 0x03: return select_block(r->bl);
    case 0x20: return set_vector(0x1f, r->es, r->bp);
    case 0x21: set_vector(0x43, r->es, r->bp); return set_graphics((u8)r->cx, r->bl, r->dl);
    case 0x22:
    case 0x23:
    case 0x24: {
        u8 height = heights[low == 2 ? 1 : low == 3 ? 2 : 4];
        set_vector(0x43, this_segment(), (u16)(u32)rom_font(height));
        return set_graphics(height, r->bl, r->dl);
    }
    case 0x30: return get_info(r);
    default: return;
    }
    u8 height = low ? heights[low] : r->bh;
    if ((r->al & 0x10) && height && height <= 32)
        fit_rows(height);
}
