/* SPDX-License-Identifier: MIT
 * INT 10h AH=00h: programs the chip, the memory and the BIOS data area for a mode. */
#include "firmware/vga/vga.h"

enum { FLAG_NO_PALETTE = 0x08, FLAG_GREY = 0x02, CTRL_NO_CLEAR = 0x80 };

void fill16(u16 seg, u16 off, u16 v, u32 words)
{
    u32 di = off;
    __asm__ volatile("movw %w2, %%es\n\tcld\n\taddr32 rep stosw\n\tmovw %%ss, %w2\n\t"
                     "movw %w2, %%es"
                     : "+D"(di), "+c"(words), "+d"(seg)
                     : "a"(v)
                     : "memory");
}

void fill8(u16 seg, u16 off, u8 v, u32 bytes)
{
    u32 di = off;
    __asm__ volatile("movw %w2, %%es\n\tcld\n\taddr32 rep stosb\n\tmovw %%ss, %w2\n\t"
                     "movw %w2, %%es"
                     : "+D"(di), "+c"(bytes), "+d"(seg)
                     : "a"(v)
                     : "memory");
}

static void move_step(u16 seg, u32 to, u32 from, u32 bytes, bool down)
{
    if (down)
        __asm__ volatile("std" ::: "memory");
    __asm__ volatile(
        "movw %w3, %%ds\n\tmovw %w3, %%es\n\taddr32 rep movsb\n\tmovw %%ss, %w3\n\t"
        "movw %w3, %%ds\n\tmovw %w3, %%es\n\tcld"
        : "+D"(to), "+S"(from), "+c"(bytes), "+d"(seg)::"memory");
}

void move8(u16 seg, u16 to, u16 from, u32 bytes)
{
    if (!bytes)
        return;
    if (to <= from)
        move_step(seg, to, from, bytes, false);
    else
        move_step(seg, to + bytes - 1, from + bytes - 1, bytes, true);
}

void copy_out(u16 seg, u16 off, const void *from, u32 bytes)
{
    const u8 *p = from;
    for (u32 i = 0; i < bytes; i++)
        poke8(seg, off + i, p[i]);
}

static void load_registers(const struct regset ROM *g)
{
    u16 crtc = g->misc & 1 ? 0x3d4 : 0x3b4;
    put_reg(SEQ, 0, 1);
    outb(MISC, g->misc);
    for (u8 i = 0; i < 4; i++)
        put_reg(SEQ, (u8)(i + 1), i ? g->seq[i] : g->seq[0] | 0x20);
    put_reg(SEQ, 0, 3);
    put_reg(crtc, 0x11, 0);
    for (u8 i = 0; i < 25; i++)
        put_reg(crtc, i, g->crtc[i]);
    for (u8 i = 0; i < 9; i++)
        put_reg(GC, i, g->gc[i]);
    attr_reset();
    for (u8 i = 0; i < 20; i++) {
        outb(ATTR, i);
        outb(ATTR, g->attr[i]);
    }
    outb(ATTR, 0x14);
    outb(ATTR, 0);
    attr_reset();
    outb(ATTR, 0x20);
    outb(PEL_MASK, 0xff);
}

static void clear_memory(const struct mode ROM *m)
{
    if (m->model == TEXT)
        fill16(m->seg, 0, 0x0720, 0x4000);
    else if (m->seg == VGA_SEG_COLOUR)
        fill16(m->seg, 0, 0, 0x4000);
    else
        fill16(m->seg, 0, 0, 0x8000);
}

static void set_bda(u8 number, const struct mode ROM *m, bool clear)
{
    static const u8 ROM_DATA mode_ctrl[8] = {0x2c, 0x28, 0x2d, 0x29, 0x2a, 0x2e, 0x1e, 0x29};
    const struct regset ROM *g = mode_regset(m);
    BDA->mode = number;
    BDA->cols = g->cols;
    BDA->page_size = g->page_size;
    BDA->page_start = 0;
    BDA->page = 0;
    BDA->crtc = g->misc & 1 ? 0x3d4 : 0x3b4;
    BDA->rows = g->rows1;
    BDA->char_height = g->height;
    BDA->video_ctrl = clear ? 0x60 : 0x60 | CTRL_NO_CLEAR;
    BDA->video_switches = 0xf9;
    BDA->video_flags &= 0x7f;
    BDA->mode_ctrl = number < 8 ? mode_ctrl[number] : 0x29;
    BDA->palette = number == 6 ? 0x3f : 0x30;
    BDA->cursor_shape = m->model == TEXT ? 0x0607 : 0;
    for (u8 i = 0; i < 8; i++)
        BDA->cursor[i] = 0;
    BDA->equipment = (u16)((BDA->equipment & ~0x30) | (number == 7 ? 0x30 : 0x20));
}

void mode_set(u8 number, bool clear)
{
    const struct mode ROM *m = mode_find(number);
    if (!m)
        return;
    const struct regset ROM *g = mode_regset(m);
    bool keep = BDA->video_flags & FLAG_NO_PALETTE;
    vbe_off();
    load_registers(g);
    if (!keep) {
        palette_load(m->dac);
        if (BDA->video_flags & FLAG_GREY)
            grey_scale(0, 256);
    }
    if (clear)
        clear_memory(m);
    set_bda(number, m, clear);
    if (m->model == TEXT) {
        font_load_rom(g->height, 0);
        cursor_shape(0x0607);
    }
    font_set_vectors(g->height);
    put_reg(SEQ, 1, g->seq[0]);
}

/* Once, before the first mode: what no mode changes. */
void mode_init(void)
{
    BDA->video_flags = 0x11; /* VGA active, 400 lines */
    BDA->dcc_index = 0x08;
    outb(0x3c3, 1);
    outb(MISC, 0x67);
}

bool screen_get(struct screen *s)
{
    const struct mode ROM *m = mode_find(BDA->mode);
    s->page = BDA->page;
    s->cols = BDA->cols;
    s->rows = BDA->rows + 1;
    s->height = (u8)BDA->char_height;
    s->page_size = BDA->page_size;
    if (vbe_screen(s))
        return s->model == PACKED8;
    if (!m)
        return false;
    s->model = m->model;
    s->seg = m->seg;
    return true;
}
