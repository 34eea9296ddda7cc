/* SPDX-License-Identifier: MIT
 * The picture of the VGA: one line at a time into a row of dots, which is compared with the
 * surface; so what a caller gets never depends on who else looked, and palette changes, split
 * screen and panning need no care. Follows the CRTC's counters (IBM "CRT Controller", Intel PRM
 * "Display data fetch"): an address counter that each row advances by twice the offset
 * register, a row scan counter, and the mapping of both to memory. */
#include "hw/display/vga_int.h"

#include <string.h>

#define DOTS_MAX (2001 * 18 + 18) /* a 4-bit VBE line that the guest then calls text */

/* --- colours ------------------------------------------------------------------------------ */

static uint32_t dac_colour(const struct vga *v, unsigned i)
{
    const uint8_t *c = &v->dac[3 * (i & v->dac_mask)];
    uint32_t rgb = 0;
    unsigned k;

    for (k = 0; k < 3; k++) {
        unsigned low = c[k] & 1;

        rgb =
            rgb << 8 | (v->vbe[VBE_ENABLE] & VBE_8BIT_DAC ? c[k] : c[k] << 2 | low << 1 | low);
    }
    return rgb;
}

static void load_palette(const struct vga *v, struct vga_palette *p)
{
    unsigned i;

    p->plane_enable = v->ar[0x12] & 15;
    for (i = 0; i < 256; i++)
        p->all[i] = dac_colour(v, i);
    for (i = 0; i < 16; i++) {
        unsigned c = v->ar[i] & 0x3f;

        if (v->ar[0x10] & AR10_PALETTE54)
            c = (c & 15) | (v->ar[0x14] & 3) << 4;
        p->ega[i] = p->all[c | (v->ar[0x14] & 0x0c) << 4];
    }
}

/* --- memory to dots ----------------------------------------------------------------------- */

/* In doubleword mode the counter is taken as it is, which matches how chain-4 stores. */
uint32_t vga_address(const struct vga *v, uint32_t count)
{
    uint8_t mode = v->cr[0x17];

    if (vbe_on(v))
        return count & (v->vram.size / 4 - 1);
    if (!(v->cr[0x14] & CR14_DWORD) && !(mode & CR17_BYTE))
        count = count << 1 | (count >> (mode & CR17_MA15 ? 15 : 13) & 1);
    return count & (VGA_PLANE - 1);
}

/* The same in graphics, where bits of the row may stand in for two of the address. */
static uint32_t address_in_row(const struct vga *v, uint32_t count, unsigned row)
{
    uint32_t a = vga_address(v, count);

    if (vbe_on(v))
        return a;
    if (!(v->cr[0x17] & CR17_RS0_MA13))
        a = (a & ~0x2000u) | (row & 1) << 13;
    if (!(v->cr[0x17] & CR17_RS1_MA14))
        a = (a & ~0x4000u) | (row & 2) << 13;
    return a;
}

static uint32_t fetch(const struct vga *v, const struct vga_line *l, unsigned column)
{
    uint32_t at = address_in_row(v, l->count + column, l->row), x;

    memcpy(&x, v->vram.host + 4 * (size_t)at, 4);
    return x;
}

static void planar_line(const struct vga *v, const struct vga_palette *p,
                        const struct vga_line *l, uint32_t *out)
{
    uint32_t keep = planes_of(p->plane_enable);
    unsigned c, i;

    for (c = 0; c < l->chars; c++) {
        uint32_t x = fetch(v, l, c) & keep;

        for (i = 8; i--;) {
            uint32_t bits = x >> i & 0x01010101;

            *out++ = p->ega[(bits | bits >> 7 | bits >> 14 | bits >> 21) & 15];
        }
    }
}

/* Two bits a dot out of planes 0 and 1, with planes 2 and 3 as the upper bits. */
static void cga_line(const struct vga *v, const struct vga_palette *p, const struct vga_line *l,
                     uint32_t *out)
{
    unsigned c, i, half;

    for (c = 0; c < l->chars; c++) {
        uint32_t x = fetch(v, l, c);

        for (half = 0; half < 2; half++, x >>= 8)
            for (i = 8; i; i -= 2) {
                unsigned colour = (x >> (i - 2) & 3) | (x >> (i + 14) & 3) << 2;

                *out++ = p->ega[colour & p->plane_enable];
            }
    }
}

static void chunky_line(const struct vga *v, const struct vga_palette *p,
                        const struct vga_line *l, uint32_t *out)
{
    unsigned c, i;

    for (c = 0; c < l->chars; c++) {
        uint32_t x = fetch(v, l, c);

        for (i = 0; i < 4; i++, x >>= 8, out += 2)
            out[0] = out[1] = p->all[x & 0xff];
    }
}

typedef void line_fn(const struct vga *v, const struct vga_palette *p, const struct vga_line *l,
                     uint32_t *out);

static line_fn *line_drawer(const struct vga *v)
{
    if (!(v->gr[6] & GR6_GRAPHICS))
        return vga_text_line;
    if (v->gr[5] & GR5_256)
        return chunky_line;
    return v->gr[5] & GR5_CGA ? cga_line : planar_line;
}

/* --- the surface -------------------------------------------------------------------------- */

static bool put_row(struct surface *s, unsigned y, const uint32_t *dots)
{
    uint32_t *row = s->pixels + (size_t)y * s->width;
    size_t n = s->width * sizeof(*row);

    if (!memcmp(row, dots, n))
        return false;
    memcpy(row, dots, n);
    return true;
}

static bool blank(struct surface *s)
{
    size_t i, n = (size_t)s->width * s->height;
    bool changed = false;

    for (i = 0; i < n; i++) {
        changed |= s->pixels[i] != 0;
        s->pixels[i] = 0;
    }
    return changed;
}

/* In place, from the right. */
static void double_dots(uint32_t *dots, unsigned n)
{
    while (n--)
        dots[2 * n] = dots[2 * n + 1] = dots[n];
}

/* --- CRTC modes --------------------------------------------------------------------------- */

struct scan {
    const struct vga *v;
    struct vga_palette palette;
    line_fn *draw;
    unsigned char_dots, chars, pan;
    bool half_clock;
    uint32_t count, step; /* address counter at the left end, what a row adds */
    unsigned row, last_row;
    bool repeat, repeated; /* each row scan twice */
    unsigned split;        /* line after which the counter restarts */
};

static unsigned panning(const struct vga *v, unsigned char_dots)
{
    unsigned n = v->ar[0x13] & 15;

    if (char_dots == 9)
        return n >= 8 ? 0 : n + 1;
    return v->gr[5] & GR5_256 ? n & 6 : n & 7;
}

static void scan_start(struct scan *s, const struct vga *v)
{
    bool text = !(v->gr[6] & GR6_GRAPHICS), vbe = vbe_on(v);

    *s = (struct scan){
        .v = v,
        .draw = line_drawer(v),
        .char_dots = text && !(v->sr[1] & SR1_8DOT) ? 9 : 8,
        .chars = vbe ? v->vbe[VBE_XRES] / 8u : v->cr[1] + 1u,
        .half_clock = v->sr[1] & SR1_HALFCLOCK,
        .count = (v->cr[0x0c] << 8 | v->cr[0x0d]) + (v->cr[8] >> 5 & 3),
        .step = 2 * v->cr[0x13],
        .row = v->cr[8] & 31,
        .last_row = v->cr[9] & 31,
        .repeat = v->cr[9] & CR9_DOUBLE,
        .split = v->cr[0x18] | (v->cr[7] & 0x10) << 4 | (v->cr[9] & 0x40) << 3,
    };
    s->pan = panning(v, s->char_dots);
    if (v->cr[0x17] & CR17_TWOLINES)
        s->split = 2 * s->split + 1;
    if (vbe) {
        s->count = v->vbe_start / 4;
        s->step = v->vbe_pitch / 4;
        s->pan = s->row = s->last_row = 0;
        s->repeat = s->half_clock = false;
        s->split = ~0u;
    }
    load_palette(v, &s->palette);
}

static void scan_next(struct scan *s, unsigned line)
{
    if (line == s->split) {
        s->count = s->row = 0;
        s->repeated = false;
        if (s->v->ar[0x10] & AR10_SPLIT_PAN)
            s->pan = 0;
        return;
    }
    if (s->repeat && !s->repeated) {
        s->repeated = true;
        return;
    }
    s->repeated = false;
    if (s->row == s->last_row) {
        s->row = 0;
        s->count += s->step;
    } else {
        s->row = (s->row + 1) & 31;
    }
}

static bool draw_scans(const struct vga *v, struct surface *surface)
{
    uint32_t dots[DOTS_MAX];
    struct scan s;
    bool changed = false;
    unsigned y;

    scan_start(&s, v);
    for (y = 0; y < surface->height; y++) {
        struct vga_line l = {.count = s.count, .row = s.row, .chars = s.chars + 1};

        s.draw(v, &s.palette, &l, dots);
        if (s.half_clock)
            double_dots(dots, l.chars * s.char_dots);
        changed |= put_row(surface, y, dots + s.pan * (s.half_clock ? 2 : 1));
        scan_next(&s, y);
    }
    return changed;
}

static unsigned scan_width(const struct vga *v)
{
    unsigned dots = !(v->gr[6] & GR6_GRAPHICS) && !(v->sr[1] & SR1_8DOT) ? 9 : 8;

    if (vbe_on(v))
        return v->vbe[VBE_XRES];
    return (v->cr[1] + 1u) * dots * (v->sr[1] & SR1_HALFCLOCK ? 2 : 1);
}

/* --- VBE modes ---------------------------------------------------------------------------- */

static uint32_t widen(unsigned x, unsigned bits)
{
    return x << (8 - bits) | x >> (2 * bits - 8);
}

static void row_8(const struct vga_palette *p, const uint8_t *src, unsigned n, uint32_t *out)
{
    while (n--)
        *out++ = p->all[*src++];
}

static void row_15(const struct vga_palette *p, const uint8_t *src, unsigned n, uint32_t *out)
{
    for (; n--; src += 2) {
        unsigned x = src[0] | src[1] << 8;

        *out++ = widen(x >> 10 & 31, 5) << 16 | widen(x >> 5 & 31, 5) << 8 | widen(x & 31, 5);
    }
}

static void row_16(const struct vga_palette *p, const uint8_t *src, unsigned n, uint32_t *out)
{
    for (; n--; src += 2) {
        unsigned x = src[0] | src[1] << 8;

        *out++ = widen(x >> 11, 5) << 16 | widen(x >> 5 & 63, 6) << 8 | widen(x & 31, 5);
    }
}

static void row_24(const struct vga_palette *p, const uint8_t *src, unsigned n, uint32_t *out)
{
    for (; n--; src += 3)
        *out++ = src[0] | src[1] << 8 | src[2] << 16;
}

static void row_32(const struct vga_palette *p, const uint8_t *src, unsigned n, uint32_t *out)
{
    unsigned i;

    memcpy(out, src, 4 * (size_t)n);
    for (i = 0; i < n; i++)
        out[i] &= 0xffffff;
}

typedef void row_fn(const struct vga_palette *p, const uint8_t *src, unsigned n, uint32_t *out);

static row_fn *row_drawer(unsigned bpp)
{
    switch (bpp) {
    case 15: return row_15;
    case 16: return row_16;
    case 24: return row_24;
    case 32: return row_32;
    default: return row_8;
    }
}

static bool draw_linear(const struct vga *v, struct surface *surface)
{
    row_fn *draw = row_drawer(v->vbe[VBE_BPP]);
    struct vga_palette palette;
    uint32_t dots[16384];
    bool changed = false;
    unsigned y;

    load_palette(v, &palette);
    for (y = 0; y < surface->height; y++) {
        draw(&palette, v->vram.host + v->vbe_start + (size_t)y * v->vbe_pitch, surface->width,
             dots);
        changed |= put_row(surface, y, dots);
    }
    return changed;
}

/* --- struct display ------------------------------------------------------------------------
 */

static bool is_blank(const struct vga *v)
{
    return !(v->ar_index & AR_VIDEO) || (v->sr[1] & SR1_OFF);
}

static bool vga_draw(void *opaque, struct surface *s, bool full)
{
    struct vga *v = opaque;
    unsigned width = scan_width(v), height = vbe_on(v) ? v->vbe[VBE_YRES] : vga_lines(v);
    bool resized;

    if (is_blank(v) && !vbe_on(v) && !v->cr[1]) { /* no mode set yet */
        width = 640;
        height = 480;
    }
    resized = !s->pixels || s->width != width || s->height != height;
    if (!surface_resize(s, width, height))
        return false;
    if (resized)
        memset(s->pixels, 0, (size_t)width * height * sizeof(*s->pixels));
    if (is_blank(v))
        return blank(s) || resized;
    return (vbe_linear(v) ? draw_linear(v, s) : draw_scans(v, s)) || resized;
}

struct display vga_display(struct vga *v)
{
    return (struct display){.opaque = v, .update = vga_draw, .name = v->dev->id};
}
