/* SPDX-License-Identifier: MIT
 * Drawing in the graphics modes: glyphs, scrolling by character rows, pixels. */
#include "firmware/vga/vga.h"

enum { BYTES_200 = 80, BANK = 0x2000, WIDTH_13 = 320 };

/* Glyph rows come from INT 43h; in CGA modes the upper half from INT 1Fh. */
static u8 glyph_row(const struct screen *s, u8 ch, u8 y)
{
    u32 vector = 0x43, index = ch;
    if ((s->model == CGA1 || s->model == CGA2) && ch >= 0x80) {
        vector = 0x1f;
        index -= 0x80;
    }
    return peek8(peek16(0, vector * 4 + 2), peek16(0, vector * 4) + index * s->height + y);
}

static u32 planar_offset(const struct screen *s, u32 y, u32 col)
{
    return s->page_size * s->page + y * s->cols + col;
}

static u32 cga_offset(u32 y)
{
    return (y >> 1) * BYTES_200 + (y & 1) * BANK;
}

static void planar_begin(u8 colour, bool xor)
{
    put_reg(SEQ, 2, 0x0f);
    put_reg(GC, 0, colour & 0x0f);
    put_reg(GC, 1, 0x0f);
    put_reg(GC, 3, xor? 0x18 : 0);
    put_reg(GC, 5, 0);
}

static void planar_end(void)
{
    put_reg(GC, 0, 0);
    put_reg(GC, 1, 0);
    put_reg(GC, 3, 0);
    put_reg(GC, 8, 0xff);
}

static void planar_bits(u32 off, u8 bits)
{
    put_reg(GC, 8, bits);
    peek8(VGA_SEG_GRAPHICS, off); /* fills the latches */
    poke8(VGA_SEG_GRAPHICS, off, 0xff);
}

static void draw_planar(const struct screen *s, u16 row, u16 col, u8 ch, u8 attr)
{
    bool xor = attr & 0x80;
    planar_begin(attr, xor);
    for (u8 y = 0; y < s->height; y++)
        planar_bits(planar_offset(s, row * s->height + y, col), glyph_row(s, ch, y));
    if (!xor) {
        planar_begin(0, false);
        for (u8 y = 0; y < s->height; y++)
            planar_bits(planar_offset(s, row * s->height + y, col), (u8)~glyph_row(s, ch, y));
    }
    planar_end();
}

/* Eight pixels of two bits each. */
static u16 widen(u8 bits, u8 colour)
{
    u16 v = 0;
    for (u8 i = 0; i < 8; i++)
        v = (u16)(v << 2 | (bits & (0x80 >> i) ? colour & 3 : 0));
    return v;
}

static void poke_or_xor(u32 off, u8 v, bool xor)
{
    poke8(VGA_SEG_COLOUR, off, xor? peek8(VGA_SEG_COLOUR, off) ^ v : v);
}

static void draw_cga(const struct screen *s, u16 row, u16 col, u8 ch, u8 attr)
{
    for (u8 y = 0; y < 8; y++) {
        u8 bits = glyph_row(s, ch, y);
        u32 off = cga_offset(row * 8u + y);
        if (s->model == CGA1) {
            poke_or_xor(off + col, attr & 1 ? bits : 0, attr & 0x80);
        } else {
            u16 v = widen(bits, attr);
            poke_or_xor(off + col * 2u, (u8)(v >> 8), attr & 0x80);
            poke_or_xor(off + col * 2u + 1, (u8)v, attr & 0x80);
        }
    }
}

static void draw_packed(const struct screen *s, u16 row, u16 col, u8 ch, u8 attr)
{
    for (u8 y = 0; y < s->height; y++) {
        u8 bits = glyph_row(s, ch, y);
        u32 off = (row * s->height + y) * WIDTH_13 + col * 8u;
        for (u8 x = 0; x < 8; x++)
            poke8(VGA_SEG_GRAPHICS, off + x, bits & (0x80 >> x) ? attr : 0);
    }
}

void glyph_draw(const struct screen *s, u16 row, u16 col, u8 ch, u8 attr)
{
    if (s->model == PLANAR)
        draw_planar(s, row, col, ch, attr);
    else if (s->model == PACKED8)
        draw_packed(s, row, col, ch, attr);
    else
        draw_cga(s, row, col, ch, attr);
}

static u8 row_bits(const struct screen *s, u32 y, u32 col)
{
    u8 bits = 0;
    if (s->model == PLANAR) {
        put_reg(GC, 5, 8); /* compares with colour 0 */
        put_reg(GC, 2, 0);
        bits = (u8)~peek8(VGA_SEG_GRAPHICS, planar_offset(s, y, col));
        put_reg(GC, 5, 0);
        return bits;
    }
    if (s->model == CGA1)
        return peek8(VGA_SEG_COLOUR, cga_offset(y) + col);
    for (u8 x = 0; x < 8; x++) {
        u8 on;
        if (s->model == PACKED8)
            on = peek8(VGA_SEG_GRAPHICS, y * WIDTH_13 + col * 8 + x);
        else
            on = peek8(VGA_SEG_COLOUR, cga_offset(y) + col * 2 + x / 4) >> (6 - x % 4 * 2) & 3;
        bits = (u8)(bits << 1 | (on != 0));
    }
    return bits;
}

u8 glyph_find(const struct screen *s, u16 row, u16 col)
{
    u8 cell[32], y;
    if (s->height > sizeof cell)
        return 0;
    for (y = 0; y < s->height; y++)
        cell[y] = row_bits(s, row * s->height + y, col);
    for (u32 ch = 0; ch < 256; ch++) {
        for (y = 0; y < s->height && glyph_row(s, (u8)ch, y) == cell[y]; y++)
            ;
        if (y == s->height)
            return (u8)ch;
    }
    return 0;
}

/* Bytes of one scan line of the rectangle: start and length. */
static u32 line_offset(const struct screen *s, u32 y, u32 col, u32 *bytes_a_col)
{
    switch (s->model) {
    case PLANAR: *bytes_a_col = 1; return planar_offset(s, y, col);
    case PACKED8: *bytes_a_col = 8; return y * WIDTH_13 + col * 8;
    case CGA2: *bytes_a_col = 2; return cga_offset(y) + col * 2;
    default: *bytes_a_col = 1; return cga_offset(y) + col;
    }
}

static u8 fill_byte(const struct screen *s, u8 attr)
{
    if (s->model == CGA2)
        return (u8)((attr & 3) * 0x55);
    if (s->model == CGA1)
        return attr & 1 ? 0xff : 0;
    return attr;
}

void graphics_scroll(const struct screen *s, u8 page, const struct rect *w)
{
    struct screen at = *s;
    u32 top = w->top * s->height, n = (w->bottom - w->top + 1u) * s->height;
    u32 cols = w->right - w->left + 1u, k, by = w->lines * s->height;
    at.page = page;
    if (s->model == PLANAR) {
        put_reg(SEQ, 2, 0x0f);
        put_reg(GC, 5, 1); /* copies by the latches */
    }
    for (u32 i = 0; i + by < n; i++) {
        u32 y = w->down ? top + n - 1 - i : top + i, from = w->down ? y - by : y + by;
        u32 to_off = line_offset(&at, y, w->left, &k);
        move8(s->seg, (u16)to_off, (u16)line_offset(&at, from, w->left, &k), cols * k);
    }
    if (s->model == PLANAR) {
        planar_begin(w->attr, false);
        put_reg(GC, 8, 0xff);
    }
    for (u32 i = 0; i < by; i++) {
        u32 y = w->down ? top + i : top + n - by + i, off = line_offset(&at, y, w->left, &k);
        fill8(s->seg, (u16)off, fill_byte(s, w->attr), cols * k);
    }
    if (s->model == PLANAR)
        planar_end();
}

static void pixel_write(const struct screen *s, u32 x, u32 y, u8 colour)
{
    u8 bits = s->model == CGA2 ? 2 : 1, per = (u8)(8 / bits), mask = (u8)((1 << bits) - 1);
    u8 shift = (u8)((per - 1 - x % per) * bits);
    if (s->model == PLANAR) {
        planar_begin(colour, colour & 0x80);
        planar_bits(planar_offset(s, y, x / 8), (u8)(0x80 >> (x & 7)));
        planar_end();
    } else if (s->model == PACKED8) {
        poke8(VGA_SEG_GRAPHICS, y * WIDTH_13 + x, colour);
    } else {
        u32 off = cga_offset(y) + x / per;
        u8 old = peek8(VGA_SEG_COLOUR, off), v = (u8)((colour & mask) << shift);
        poke8(VGA_SEG_COLOUR, off,
              colour & 0x80 ? old ^ v : (u8)((old & ~(mask << shift)) | v));
    }
}

static u8 pixel_read(const struct screen *s, u32 x, u32 y)
{
    u8 v = 0;
    if (s->model == PLANAR) {
        for (u8 plane = 0; plane < 4; plane++) {
            put_reg(GC, 4, plane);
            u8 b = peek8(VGA_SEG_GRAPHICS, planar_offset(s, y, x / 8));
            v |= (u8)((b >> (7 - x % 8) & 1) << plane);
        }
        put_reg(GC, 4, 0);
        return v;
    }
    if (s->model == PACKED8)
        return peek8(VGA_SEG_GRAPHICS, y * WIDTH_13 + x);
    if (s->model == CGA2)
        return peek8(VGA_SEG_COLOUR, cga_offset(y) + x / 4) >> (6 - x % 4 * 2) & 3;
    return peek8(VGA_SEG_COLOUR, cga_offset(y) + x / 8) >> (7 - x % 8) & 1;
}

void int10_pixel(struct regs *r)
{
    struct screen s;
    if (!screen_get(&s) || s.model == TEXT)
        return;
    s.page = r->bh & 7;
    if (r->ah == 0x0c)
        pixel_write(&s, r->cx, r->dx, r->al);
    else
        r->al = pixel_read(&s, r->cx, r->dx);
}
