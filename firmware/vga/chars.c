/* SPDX-License-Identifier: MIT
 * Character cells and rectangles of them: text memory here, drawn modes by graphics.c. */
#include "firmware/vga/vga.h"

static u32 cell_offset(const struct screen *s, u8 page, u16 pos)
{
    return s->page_size * page + ((pos >> 8) * s->cols + (pos & 0xff)) * 2u;
}

static void write_text(const struct screen *s, u32 off, u8 ch, u8 attr, bool with_attr,
                       u16 count)
{
    if (with_attr) {
        fill16(s->seg, (u16)off, (u16)(attr << 8 | ch), count);
        return;
    }
    for (; count; count--, off += 2)
        poke8(s->seg, off, ch);
}

void cell_write(const struct screen *s, u8 page, u16 pos, u8 ch, u8 attr, bool with_attr,
                u16 count)
{
    if (s->model == TEXT) {
        write_text(s, cell_offset(s, page, pos), ch, attr, with_attr, count);
        return;
    }
    struct screen at = *s;
    u16 col = pos & 0xff;
    at.page = page;
    for (; count && col < s->cols; count--, col++)
        glyph_draw(&at, pos >> 8, col, ch, attr);
}

u16 cell_read(const struct screen *s, u8 page, u16 pos)
{
    if (s->model == TEXT)
        return peek16(s->seg, cell_offset(s, page, pos));
    struct screen at = *s;
    at.page = page;
    return glyph_find(&at, pos >> 8, pos & 0xff);
}

static void scroll_text(const struct screen *s, u8 page, const struct rect *w)
{
    u32 width = w->right - w->left + 1u, n = w->bottom - w->top + 1u;
    for (u32 i = 0; i < n; i++) {
        u32 row = w->down ? w->bottom - i : w->top + i;
        u16 to = (u16)cell_offset(s, page, (u16)(row << 8 | w->left));
        if (i + w->lines < n) {
            u32 from = w->down ? row - w->lines : row + w->lines;
            move8(s->seg, to, (u16)cell_offset(s, page, (u16)(from << 8 | w->left)), width * 2);
        } else {
            fill16(s->seg, to, (u16)(w->attr << 8 | ' '), width);
        }
    }
}

void rect_scroll(const struct screen *s, u8 page, const struct rect *w)
{
    if (s->model == TEXT)
        scroll_text(s, page, w);
    else
        graphics_scroll(s, page, w);
}
