/* SPDX-License-Identifier: MIT
 * INT 10h AH=01h-03h, 05h-0Ah, 0Eh, 13h: cursor, scrolling, characters. */
#include "firmware/vga/vga.h"

enum { CTRL_NO_EMULATION = 0x01 };

/* Shapes given for eight lines are stretched to the cell, unless told not to. */
void cursor_shape(u16 shape)
{
    u8 start = (u8)(shape >> 8), end = shape & 0x1f, h = (u8)BDA->char_height;
    u16 port = crtc_port();
    BDA->cursor_shape = shape;
    if (!(BDA->video_ctrl & CTRL_NO_EMULATION) && h > 8 && end < 8 && start < 0x20) {
        start = (u8)(end == start + 1 ? (end + 1) * h / 8 - 2 : (start + 1) * h / 8 - 1);
        end = (u8)((end + 1) * h / 8 - 1);
        if (end > start && end == h - 1 && h >= 14) {
            start--; /* above the last line */
            end--;
        }
    }
    put_reg(port, 0x0a, start & 0x3f);
    put_reg(port, 0x0b, end);
}

static void place_cursor(u8 page, u16 pos)
{
    u16 port = crtc_port();
    u16 at = (u16)(BDA->page_size / 2 * page + (pos >> 8) * BDA->cols + (pos & 0xff));
    put_reg(port, 0x0e, (u8)(at >> 8));
    put_reg(port, 0x0f, (u8)at);
}

void cursor_set(u8 page, u16 pos)
{
    BDA->cursor[page & 7] = pos;
    if (page == BDA->page)
        place_cursor(page, pos);
}

void page_select(u8 page)
{
    u16 port = crtc_port(), start = (u16)(BDA->page_size * page);
    const struct mode ROM *m = mode_find(BDA->mode);
    if (page > 7 || !m)
        return;
    BDA->page = page;
    BDA->page_start = start;
    if (m->model == TEXT)
        start /= 2;
    put_reg(port, 0x0c, (u8)(start >> 8));
    put_reg(port, 0x0d, (u8)start);
    place_cursor(page, BDA->cursor[page]);
}

void int10_cursor(struct regs *r)
{
    switch (r->ah) {
    case 0x01: return cursor_shape(r->cx);
    case 0x02: return cursor_set(r->bh, r->dx);
    case 0x03:
        r->dx = BDA->cursor[r->bh & 7];
        r->cx = BDA->cursor_shape;
        return;
    default: return page_select(r->al);
    }
}

void int10_scroll(struct regs *r)
{
    struct screen s;
    if (!screen_get(&s))
        return;
    struct rect w = {.top = r->ch,
                     .left = r->cl,
                     .bottom = r->dh,
                     .right = r->dl,
                     .lines = r->al,
                     .attr = r->bh,
                     .down = r->ah == 7};
    if (w.bottom >= s.rows)
        w.bottom = (u8)(s.rows - 1);
    if (w.right >= s.cols)
        w.right = (u8)(s.cols - 1);
    if (w.top > w.bottom || w.left > w.right)
        return;
    if (!w.lines || w.lines > w.bottom - w.top)
        w.lines = (u8)(w.bottom - w.top + 1);
    rect_scroll(&s, s.page, &w);
}

void int10_chars(struct regs *r)
{
    struct screen s;
    u8 page = r->bh & 7;
    if (!screen_get(&s))
        return;
    u16 pos = BDA->cursor[page];
    if (r->ah == 0x08)
        r->ax = cell_read(&s, page, pos);
    else
        cell_write(&s, page, pos, r->al, r->bl, r->ah == 0x09, r->cx);
}

static void new_line(const struct screen *s, u8 page)
{
    struct rect w = {.bottom = (u8)(s->rows - 1), .right = (u8)(s->cols - 1), .lines = 1};
    if (s->model == TEXT)
        w.attr = cell_read(s, page, (u16)((s->rows - 1) << 8)) >> 8;
    rect_scroll(s, page, &w);
}

/* Writes a character as a terminal would. */
static u16 put_char(const struct screen *s, u8 page, u16 pos, u8 ch, u8 attr, bool with_attr)
{
    u8 col = (u8)pos, row = (u8)(pos >> 8);
    switch (ch) {
    case 7: return pos;
    case 8: return col ? (u16)(pos - 1) : pos;
    case '\r': return (u16)(row << 8);
    case '\n': row++; break;
    default:
        cell_write(s, page, pos, ch, attr, with_attr || s->model != TEXT, 1);
        if (++col >= s->cols) {
            col = 0;
            row++;
        }
    }
    if (row >= s->rows) {
        row = (u8)(s->rows - 1);
        new_line(s, page);
    }
    return (u16)(row << 8 | col);
}

void int10_tty(struct regs *r)
{
    struct screen s;
    if (!screen_get(&s))
        return;
    cursor_set(s.page, put_char(&s, s.page, BDA->cursor[s.page], r->al, r->bl, false));
}

void int10_string(struct regs *r)
{
    struct screen s;
    u8 page = r->bh & 7;
    u16 old = BDA->cursor[page], pos = r->dx;
    u32 from = r->bp;
    if (!screen_get(&s) || r->al > 3)
        return;
    for (u16 i = 0; i < r->cx; i++) {
        u8 ch = peek8(r->es, from++), attr = r->bl;
        if (r->al & 2)
            attr = peek8(r->es, from++);
        pos = put_char(&s, page, pos, ch, attr, true);
    }
    cursor_set(page, r->al & 1 ? pos : old);
}
