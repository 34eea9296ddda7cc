/* SPDX-License-Identifier: MIT
 * Pictures of the VGA against a second, slow way to make them: each dot alone, from the
 * parameters of its mode. Memory, colours, start addresses, panning and splits are random;
 * `--seed R02S...` repeats a failure. */
#include "tests/hw/vga_rig.h"

enum depth { TEXT, PLANAR, CGA4, CHUNKY };

/* What the test asked for, apart from the chip's registers. */
struct picture {
    enum depth depth;
    unsigned width, height; /* of the surface */
    unsigned cell, zoom;    /* dots of a character, dots of the surface for one */
    unsigned row_lines;     /* row scans of a row ... */
    unsigned repeat;        /* ... each drawn so often */
    unsigned shift;         /* 1: word addresses */
    bool cga_banks;         /* odd row scans 8K further on */
    uint32_t start, pitch;  /* counts */
    unsigned pan, preset, split;
    bool split_pan;
    /* text */
    unsigned font[2], cursor, cursor_first, cursor_last, underline;
    bool cursor_shown, blink, hidden, joined;
};

static uint32_t to_rgb(const struct vga *v, unsigned index)
{
    uint32_t rgb = 0;
    unsigned k;

    for (k = 0; k < 3; k++) {
        unsigned c = v->dac[3 * (index & v->dac_mask) + k];

        rgb = rgb * 256 + c * 4 + (c % 2) * 3;
    }
    return rgb;
}

static uint32_t to_ega(const struct vga *v, unsigned colour)
{
    unsigned a = v->ar[colour & 15];

    if (v->ar[0x10] & 0x80)
        return to_rgb(v, (a & 0x0f) | (v->ar[0x14] & 0x0f) << 4);
    return to_rgb(v, (a & 0x3f) | (v->ar[0x14] & 0x0c) << 4);
}

static unsigned byte_of(const struct vga *v, unsigned plane, uint32_t offset)
{
    return v->vram.host[4 * (offset & 0xffff) + plane];
}

static uint32_t text_dot(const struct vga *v, const struct picture *p, uint32_t count,
                         unsigned row, unsigned bit)
{
    unsigned ch = byte_of(v, 0, 2 * count), attr = byte_of(v, 1, 2 * count);
    unsigned bits = byte_of(v, 2, p->font[attr >> 3 & 1] + 32 * ch + row);
    bool in_cursor = p->cursor_shown && count == p->cursor && row >= p->cursor_first &&
                     row <= p->cursor_last;
    bool on =
        bit < 8 ? bits >> (7 - bit) & 1 : p->joined && ch >= 0xc0 && ch < 0xe0 && bits & 1;
    unsigned back = attr >> 4;

    if (p->blink) {
        back &= 7;
        if (attr >= 0x80 && p->hidden)
            on = false;
    }
    if ((attr & 7) == 1 && row == p->underline)
        on = bit < 8 || (p->joined && ch >= 0xc0 && ch < 0xe0);
    return to_ega(v, on || in_cursor ? attr & 15 : back);
}

static uint32_t graphics_dot(const struct vga *v, const struct picture *p, uint32_t offset,
                             unsigned bit)
{
    unsigned colour = 0, plane, pair = 2 * (3 - bit % 4);

    switch (p->depth) {
    case PLANAR:
        for (plane = 0; plane < 4; plane++)
            colour |= (byte_of(v, plane, offset) >> (7 - bit) & 1) << plane;
        return to_ega(v, colour & v->ar[0x12]);
    case CGA4:
        plane = bit / 4;
        colour = (byte_of(v, plane, offset) >> pair & 3) |
                 (byte_of(v, plane + 2, offset) >> pair & 3) << 2;
        return to_ega(v, colour & v->ar[0x12]);
    default: return to_rgb(v, byte_of(v, bit / 2, offset));
    }
}

static uint32_t dot(const struct vga *v, const struct picture *p, unsigned x, unsigned y)
{
    unsigned pan = p->pan, preset = p->preset, line, row;
    uint32_t count = p->start, offset;

    if (y > p->split) {
        y -= p->split + 1;
        count = preset = 0;
        if (p->split_pan)
            pan = 0;
    }
    line = y / p->repeat + preset;
    row = line % p->row_lines;
    x = x / p->zoom + pan;
    count = (count + line / p->row_lines * p->pitch + x / p->cell) & 0xffff;
    if (p->depth == TEXT)
        return text_dot(v, p, count, row, x % p->cell);
    offset = count << p->shift;
    if (p->cga_banks)
        offset = (offset & ~0x2000u) | (row & 1) << 13;
    return graphics_dot(v, p, offset, x % p->cell);
}

static void compare(struct rig *r, const struct picture *p)
{
    unsigned x, y;

    r->display.update(r->display.opaque, &r->s, false);
    g_assert_cmpuint(r->s.width, ==, p->width);
    g_assert_cmpuint(r->s.height, ==, p->height);
    for (y = 0; y < p->height; y++)
        for (x = 0; x < p->width; x++)
            if (r->s.pixels[y * p->width + x] != dot(&r->card.vga, p, x, y))
                g_error("dot %u,%u is %06x, not %06x", x, y, r->s.pixels[y * p->width + x],
                        dot(&r->card.vga, p, x, y));
    g_assert_false(r->display.update(r->display.opaque, &r->s, false));
}

static unsigned pick(unsigned n)
{
    return (unsigned)g_test_rand_int_range(0, (gint32)n);
}

static void random_memory(struct rig *r)
{
    uint32_t *w = (uint32_t *)r->card.vga.vram.host;
    unsigned i;

    for (i = 0; i < 0x10000; i++)
        w[i] = (uint32_t)g_test_rand_int();
}

static void random_colours(struct rig *r)
{
    unsigned i;

    for (i = 0; i < 16; i++)
        attribute(r, i, pick(64));
    for (i = 0; i < 256; i++)
        dac(r, i, pick(64), pick(64), pick(64));
    attribute(r, 0x12, g_test_rand_bit() ? 15 : pick(16));
    attribute(r, 0x14, pick(16));
    out8(r, 0x3c6, g_test_rand_bit() ? 0xff : pick(256));
    video_on(r);
}

/* Start address, panning and split, in the registers and in the picture. */
static void random_scroll(struct rig *r, struct picture *p, uint8_t ar10)
{
    unsigned n = pick(p->depth == CHUNKY ? 4 : 8), cr7 = in_at(r, 0x3d4, 7) & ~0x10;
    unsigned cr9 = in_at(r, 0x3d4, 9) & ~0x40;
    unsigned colour54 = g_test_rand_bit() ? 0x80 : 0;

    p->start = pick(0x4000);
    p->split = g_test_rand_bit() ? 0x3ff : pick(p->height);
    p->split_pan = g_test_rand_bit();
    p->preset = pick(p->row_lines);
    p->pan = p->depth == CHUNKY ? 2 * n : p->cell == 9 ? n + 1 : n;
    attribute(r, 0x13, p->depth == CHUNKY ? 2 * n : n);
    if (!n && p->cell == 9) {
        p->pan = 0;
        attribute(r, 0x13, 8);
    }
    attribute(r, 0x10, ar10 | (p->split_pan ? 0x20 : 0) | colour54);
    video_on(r);
    out_at(r, 0x3d4, 0x11, 0);
    out_at(r, 0x3d4, 0x0c, p->start >> 8);
    out_at(r, 0x3d4, 0x0d, p->start);
    out_at(r, 0x3d4, 0x08, p->preset);
    out_at(r, 0x3d4, 0x18, p->split);
    out_at(r, 0x3d4, 0x07, cr7 | (p->split >> 8 & 1) << 4);
    out_at(r, 0x3d4, 0x09, cr9 | (p->split >> 9 & 1) << 6);
}

static void graphics(const struct mode *m, struct picture p, unsigned rounds)
{
    static struct rig r;
    unsigned i;

    rig_start(&r);
    set_mode(&r, m);
    for (i = 0; i < rounds; i++) {
        random_memory(&r);
        random_colours(&r);
        random_scroll(&r, &p, m->ar10);
        compare(&r, &p);
    }
    rig_stop(&r);
}

static void test_mode_4(void)
{
    graphics(&mode_4,
             (struct picture){CGA4, 640, 400, .cell = 8, .zoom = 2, .row_lines = 2, .repeat = 2,
                              .shift = 1, .cga_banks = true, .pitch = 40},
             3);
}

static void test_mode_6(void)
{
    graphics(&mode_6,
             (struct picture){PLANAR, 640, 400, .cell = 8, .zoom = 1, .row_lines = 2,
                              .repeat = 2, .cga_banks = true, .pitch = 80},
             3);
}

static void test_mode_d(void)
{
    graphics(&mode_d,
             (struct picture){PLANAR, 640, 400, .cell = 8, .zoom = 2, .row_lines = 1,
                              .repeat = 2, .pitch = 40},
             3);
}

static void test_mode_12(void)
{
    graphics(&mode_12,
             (struct picture){PLANAR, 640, 480, .cell = 8, .zoom = 1, .row_lines = 1,
                              .repeat = 1, .pitch = 80},
             3);
}

static void test_mode_13(void)
{
    graphics(&mode_13,
             (struct picture){CHUNKY, 640, 400, .cell = 8, .zoom = 1, .row_lines = 2,
                              .repeat = 1, .pitch = 80},
             3);
}

/* 320x240 in four planes, virtual width 512: 13h with other timing, without chain-4. */
static void test_mode_x(void)
{
    struct mode m = mode_x;

    m.cr[6] = 0x0d;
    m.cr[7] = 0x3e;
    m.cr[0x10] = 0xea;
    m.cr[0x12] = 0xdf;
    m.cr[0x13] = 64;
    graphics(&m,
             (struct picture){CHUNKY, 640, 480, .cell = 8, .zoom = 1, .row_lines = 2,
                              .repeat = 1, .pitch = 128},
             3);
}

static void set_fonts(struct rig *r, struct picture *p)
{
    unsigned b = pick(8), a = pick(8);

    /* bits 0, 1 and 4 choose for attribute bit 3 clear, 2, 3 and 5 for set: 16K steps, then 8K
     */
    out_at(r, 0x3c4, 3, (b & 3) | (a & 3) << 2 | (b & 4) << 2 | (a & 4) << 3);
    p->font[0] = (b & 3) * 0x4000 + (b >> 2) * 0x2000;
    p->font[1] = (a & 3) * 0x4000 + (a >> 2) * 0x2000;
}

static void text(unsigned columns, unsigned cell, unsigned rounds)
{
    struct picture p = {TEXT,
                        columns == 40 ? 80 * cell : columns * cell,
                        400,
                        .cell = cell,
                        .zoom = columns == 40 ? 2 : 1,
                        .row_lines = 16,
                        .repeat = 1,
                        .pitch = columns};
    static struct rig r;
    struct mode m = mode_text;
    unsigned i;

    rig_start(&r);
    m.sr[1] = (cell == 8) | (columns == 40 ? 8 : 0);
    m.cr[1] = columns - 1;
    m.cr[0x13] = columns / 2;
    set_mode(&r, &m);
    for (i = 0; i < rounds; i++) {
        random_memory(&r);
        random_colours(&r);
        p.blink = g_test_rand_bit();
        p.joined = g_test_rand_bit();
        random_scroll(&r, &p, (p.blink ? 8 : 0) | (p.joined ? 4 : 0));
        set_fonts(&r, &p);
        p.cursor = p.start + pick(columns * 10);
        p.cursor_first = pick(16);
        p.cursor_last = pick(16);
        p.underline = pick(16);
        r.ns = (uint64_t)pick(64) * 100000000;
        p.cursor_shown = !(r.ns / (16 * NS_PER_S / 60) & 1);
        p.hidden = r.ns / (16 * NS_PER_S / 60) & 2;
        out_at(&r, 0x3d4, 0x0a, p.cursor_first);
        out_at(&r, 0x3d4, 0x0b, p.cursor_last);
        out_at(&r, 0x3d4, 0x0e, p.cursor >> 8);
        out_at(&r, 0x3d4, 0x0f, p.cursor);
        out_at(&r, 0x3d4, 0x14, p.underline);
        compare(&r, &p);
    }
    rig_stop(&r);
}

static void test_text(void)
{
    text(80, 9, 4);
    text(80, 8, 3);
    text(40, 9, 2);
}

/* --- VBE --------------------------------------------------------------------------------- */

static uint32_t scale(unsigned v, unsigned bits)
{
    return bits == 5 ? v * 8 + v / 4 : v * 4 + v / 16;
}

static uint32_t vbe_dot(const struct vga *v, unsigned bpp, unsigned virt, unsigned x,
                        unsigned y)
{
    const uint8_t *base = v->vram.host;
    size_t n = (size_t)y * virt + x;
    unsigned c, plane, colour = 0;

    switch (bpp) {
    case 4:
        for (plane = 0; plane < 4; plane++)
            colour |= (base[4 * (n / 8) + plane] >> (7 - n % 8) & 1) << plane;
        return to_ega(v, colour & v->ar[0x12]);
    case 8: return to_rgb(v, base[n]);
    case 15:
        c = base[2 * n] + base[2 * n + 1] * 256;
        return scale(c / 1024 & 31, 5) << 16 | scale(c / 32 & 31, 5) << 8 | scale(c & 31, 5);
    case 16:
        c = base[2 * n] + base[2 * n + 1] * 256;
        return scale(c / 2048, 5) << 16 | scale(c / 32 & 63, 6) << 8 | scale(c & 31, 5);
    case 24: return base[3 * n + 2] << 16 | base[3 * n + 1] << 8 | base[3 * n];
    default: return base[4 * n + 2] << 16 | base[4 * n + 1] << 8 | base[4 * n];
    }
}

static void vbe_compare(struct rig *r, unsigned w, unsigned h, unsigned bpp)
{
    unsigned virt = w + 8 * pick(20), left = 8 * pick((virt - w) / 8 + 1), top = pick(30), x, y;

    vbe(r, 4, 0);
    vbe(r, 1, w);
    vbe(r, 2, h);
    vbe(r, 3, bpp);
    vbe(r, 4, 0x81);
    vbe(r, 6, virt);
    vbe(r, 8, left);
    vbe(r, 9, top);
    video_on(r);
    r->display.update(r->display.opaque, &r->s, false);
    g_assert_cmpuint(r->s.width, ==, w);
    g_assert_cmpuint(r->s.height, ==, h);
    for (y = 0; y < h; y++)
        for (x = 0; x < w; x++)
            if (r->s.pixels[y * w + x] != vbe_dot(&r->card.vga, bpp, virt, left + x, top + y))
                g_error("%u bits: dot %u,%u is %06x, not %06x", bpp, x, y,
                        r->s.pixels[y * w + x],
                        vbe_dot(&r->card.vga, bpp, virt, left + x, top + y));
}

static void test_vbe(void)
{
    static const unsigned bpp[] = {4, 8, 15, 16, 24, 32};
    static struct rig r;
    unsigned i;

    rig_start(&r);
    set_mode(&r, &mode_12);
    for (i = 0; i < r.card.vga.vram.size / 4; i++)
        ((uint32_t *)r.card.vga.vram.host)[i] = i * 2654435761u;
    for (i = 0; i < G_N_ELEMENTS(bpp); i++) {
        vbe_compare(&r, 1024, 768, bpp[i]);
        vbe_compare(&r, 328, 77, bpp[i]);
    }
    vbe(&r, 4, 0); /* 8 bits a colour */
    vbe(&r, 3, 8);
    vbe(&r, 4, 0xa1);
    dac(&r, 3, 0x81, 0x42, 0xc3);
    memset(r.card.vga.vram.host, 3, 0x10000);
    r.display.update(r.display.opaque, &r.s, true);
    g_assert_cmphex(r.s.pixels[0], ==, 0x8142c3);
    rig_stop(&r);
}

/* --- what changed ------------------------------------------------------------------------- */

static void test_changes(void)
{
    static struct rig r;
    uint32_t was;

    rig_start(&r);
    g_assert_true(r.display.update(r.display.opaque, &r.s, true)); /* a size at all */
    g_assert_cmphex(r.s.pixels[0], ==, 0);
    set_mode(&r, &mode_13);
    g_assert_true(r.display.update(r.display.opaque, &r.s, false));
    g_assert_false(r.display.update(r.display.opaque, &r.s, false));
    g_assert_nonnull(space_ram_page(r.env.mem, 0xa0000, NULL)); /* 13h writes to RAM */
    poke(&r, 0xa0000 + 320 * 10 + 5, 33);
    was = r.s.pixels[640 * 20 + 10];
    g_assert_true(r.display.update(r.display.opaque, &r.s, false));
    g_assert_cmphex(r.s.pixels[640 * 20 + 10], !=, was);
    g_assert_cmphex(r.s.pixels[640 * 21 + 11], ==, r.s.pixels[640 * 20 + 10]);
    g_assert_cmphex(r.s.pixels[640 * 22 + 10], ==, was);
    dac(&r, 33, 63, 0, 0);
    g_assert_true(r.display.update(r.display.opaque, &r.s, false));
    g_assert_cmphex(r.s.pixels[640 * 20 + 10], ==, 0xff0000);
    in8(&r, 0x3da);
    out8(&r, 0x3c0, 0); /* the palette is the CPU's: dark */
    g_assert_true(r.display.update(r.display.opaque, &r.s, false));
    g_assert_cmphex(r.s.pixels[640 * 20 + 10], ==, 0);
    rig_stop(&r);
}

/* The firmware's text mode: 80x25 blanks in light grey on black, font in place. */
static void test_setup(void)
{
    static struct rig r;
    unsigned x, y, lit = 0;

    rig_start(&r);
    vga_setup_text(&r.card.vga);
    r.ns = 300000000; /* no cursor now */
    r.display.update(r.display.opaque, &r.s, true);
    g_assert_cmpuint(r.s.width, ==, 720);
    g_assert_cmpuint(r.s.height, ==, 400);
    for (x = 0; x < 720 * 400; x++)
        g_assert_cmphex(r.s.pixels[x], ==, 0);
    poke(&r, 0xb8000 + 160 + 2, 'A');
    poke(&r, 0xb8000 + 160 + 3, 0x1e);
    r.display.update(r.display.opaque, &r.s, false);
    for (y = 16; y < 32; y++)
        for (x = 9; x < 18; x++) {
            g_assert_true(r.s.pixels[720 * y + x] == 0xffff57 ||
                          r.s.pixels[720 * y + x] == 0x0000a8);
            lit += r.s.pixels[720 * y + x] == 0xffff57;
        }
    g_assert_cmpuint(lit, >, 12);
    g_assert_cmpuint(lit, <, 60);
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vga-draw/text", test_text);
    g_test_add_func("/vga-draw/mode-4", test_mode_4);
    g_test_add_func("/vga-draw/mode-6", test_mode_6);
    g_test_add_func("/vga-draw/mode-d", test_mode_d);
    g_test_add_func("/vga-draw/mode-12", test_mode_12);
    g_test_add_func("/vga-draw/mode-13", test_mode_13);
    g_test_add_func("/vga-draw/mode-x", test_mode_x);
    g_test_add_func("/vga-draw/vbe", test_vbe);
    g_test_add_func("/vga-draw/changes", test_changes);
    g_test_add_func("/vga-draw/setup", test_setup);
    return g_test_run();
}
