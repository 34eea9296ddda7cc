/* SPDX-License-Identifier: MIT
 * Colours: the default palettes, INT 10h AH=0Bh and AH=10h. */
#include "firmware/vga/vga.h"

static void dac_put(u8 r, u8 g, u8 b)
{
    outb(PEL_DATA, r);
    outb(PEL_DATA, g);
    outb(PEL_DATA, b);
}

/* Index bits rgbRGB: capitals two thirds, small letters one third. */
static void put_ega(u8 i)
{
    u8 c[3];
    for (u8 k = 0; k < 3; k++)
        c[k] = (u8)((i & (4 >> k) ? 0x2a : 0) + (i & (0x20 >> k) ? 0x15 : 0));
    dac_put(c[0], c[1], c[2]);
}

/* Sixteen colours, bit 4 the intensity; dark yellow is brown. */
static void put_cga(u8 i)
{
    u8 c = i & 7, up = i & 0x10 ? 0x15 : 0;
    if (c == 6 && !up)
        return dac_put(0x2a, 0x15, 0);
    dac_put((c & 4 ? 0x2a : 0) + up, (c & 2 ? 0x2a : 0) + up, (c & 1 ? 0x2a : 0) + up);
}

static void put_mono(u8 i)
{
    static const u8 ROM_DATA grey[4] = {0, 0x2a, 0, 0x3f};
    u8 v = grey[i >> 3 & 3];
    dac_put(v, v, v);
}

/* The colour wheel of mode 13h: 24 hues from blue over red and green, at three intensities
 * and three saturations. */
static void put_hue(u8 n, const u8 ROM *ramp)
{
    u8 seg = n / 4, step = n % 4, c[3] = {ramp[0], ramp[0], ramp[0]};
    static const u8 ROM_DATA rising[6] = {0, 2, 1, 0, 2, 1}, full[6] = {2, 0, 0, 1, 1, 2};
    c[full[seg]] = ramp[4];
    c[rising[seg]] = seg & 1 ? ramp[4 - step] : ramp[step];
    dac_put(c[0], c[1], c[2]);
}

static void put_wheel(void)
{
    static const u8 ROM_DATA ramps[9][5] = {
        {0x00, 0x10, 0x1f, 0x2f, 0x3f}, {0x1f, 0x27, 0x2f, 0x37, 0x3f},
        {0x2d, 0x31, 0x36, 0x3a, 0x3f}, {0x00, 0x07, 0x0e, 0x15, 0x1c},
        {0x0e, 0x11, 0x15, 0x18, 0x1c}, {0x14, 0x16, 0x18, 0x1a, 0x1c},
        {0x00, 0x04, 0x08, 0x0c, 0x10}, {0x08, 0x0a, 0x0c, 0x0e, 0x10},
        {0x0b, 0x0c, 0x0d, 0x0f, 0x10}};
    static const u8 ROM_DATA greys[16] = {0,  5,  8,  11, 14, 17, 20, 24,
                                          28, 32, 36, 40, 45, 50, 56, 63};
    for (u8 i = 0; i < 16; i++)
        put_cga((u8)((i & 7) | (i & 8) << 1));
    for (u8 i = 0; i < 16; i++)
        dac_put(greys[i], greys[i], greys[i]);
    for (u8 k = 0; k < 9; k++)
        for (u8 i = 0; i < 24; i++)
            put_hue(i, ramps[k]);
    for (u8 i = 0; i < 8; i++)
        dac_put(0, 0, 0);
}

void palette_load(enum dac_set set)
{
    outb(PEL_WRITE, 0);
    if (set == DAC_256) {
        put_wheel();
        return;
    }
    for (u16 i = 0; i < 64; i++) {
        if (set == DAC_EGA)
            put_ega((u8)i);
        else if (set == DAC_CGA)
            put_cga((u8)i);
        else
            put_mono((u8)i);
    }
    for (u16 i = 64; i < 256; i++)
        dac_put(0, 0, 0);
}

void grey_scale(u16 first, u16 count)
{
    for (u16 i = 0; i < count; i++) {
        outb(PEL_READ, (u8)(first + i));
        u32 r = inb(PEL_DATA), g = inb(PEL_DATA), b = inb(PEL_DATA);
        u8 v = (u8)((r * 77 + g * 151 + b * 28 + 128) >> 8);
        outb(PEL_WRITE, (u8)(first + i));
        dac_put(v, v, v);
    }
}

static void attr_write(u8 index, u8 v)
{
    attr_reset();
    outb(ATTR, index);
    outb(ATTR, v);
    outb(ATTR, 0x20);
    attr_reset();
}

static u8 attr_read(u8 index)
{
    attr_reset();
    outb(ATTR, index);
    u8 v = inb(ATTR_READ);
    attr_reset();
    outb(ATTR, 0x20);
    attr_reset();
    return v;
}

/* BH=0: border and background; BH=1: one of the two CGA colour sets. */
void int10_border(struct regs *r)
{
    if (r->bh == 0) {
        u8 colour = (u8)((r->bl & 7) | (r->bl & 8) << 1);
        attr_write(0x11, colour);
        if (BDA->mode == 4 || BDA->mode == 5)
            attr_write(0, colour);
        BDA->palette = (u8)((BDA->palette & 0xe0) | (r->bl & 0x1f));
        for (u8 i = 1; i < 4; i++)
            attr_write(i, (u8)((attr_read(i) & ~0x10) | (r->bl & 0x10)));
    } else if (r->bh == 1) {
        for (u8 i = 1; i < 4; i++)
            attr_write(i, (u8)((attr_read(i) & 0xfe) | (r->bl & 1)));
        BDA->palette = (u8)((BDA->palette & 0xdf) | (r->bl & 1 ? 0x20 : 0));
    }
}

static void set_all(struct regs *r)
{
    for (u8 i = 0; i < 17; i++)
        attr_write(i == 16 ? 0x11 : i, peek8(r->es, r->dx + i));
}

static void get_all(struct regs *r)
{
    for (u8 i = 0; i < 17; i++)
        poke8(r->es, r->dx + i, attr_read(i == 16 ? 0x11 : i));
}

static void blink(struct regs *r)
{
    u8 v = (u8)((attr_read(0x10) & ~8) | (r->bl & 1 ? 8 : 0));
    attr_write(0x10, v);
    BDA->mode_ctrl = (u8)((BDA->mode_ctrl & ~0x20) | (r->bl & 1 ? 0x20 : 0));
}

static void dac_set_block(struct regs *r)
{
    outb(PEL_WRITE, r->bl);
    for (u32 i = 0; i < r->cx * 3u; i++)
        outb(PEL_DATA, peek8(r->es, r->dx + i));
}

static void dac_get_block(struct regs *r)
{
    outb(PEL_READ, r->bl);
    for (u32 i = 0; i < r->cx * 3u; i++)
        poke8(r->es, r->dx + i, inb(PEL_DATA));
}

static void dac_get(struct regs *r)
{
    outb(PEL_READ, r->bl);
    r->dh = inb(PEL_DATA);
    r->ch = inb(PEL_DATA);
    r->cl = inb(PEL_DATA);
}

/* The colour page: 4 of 64 registers or 16 of 16. */
static void set_page(struct regs *r)
{
    u8 mode = attr_read(0x10);
    if (r->bl == 0)
        attr_write(0x10, (u8)((mode & 0x7f) | (r->bh & 1) << 7));
    else
        attr_write(0x14, (u8)(mode & 0x80 ? r->bh & 0xf : (r->bh & 3) << 2));
}

static void get_page(struct regs *r)
{
    u8 mode = attr_read(0x10), page = attr_read(0x14);
    r->bl = mode >> 7;
    r->bh = mode & 0x80 ? page & 0xf : page >> 2 & 3;
}

void int10_palette(struct regs *r)
{
    switch (r->al) {
    case 0x00:
        if (r->bl < 0x15)
            attr_write(r->bl, r->bh);
        return;
    case 0x01: return attr_write(0x11, r->bh);
    case 0x02: return set_all(r);
    case 0x03: return blink(r);
    case 0x07: r->bh = attr_read(r->bl & 0x1f); return;
    case 0x08: r->bh = attr_read(0x11); return;
    case 0x09: return get_all(r);
    case 0x10: outb(PEL_WRITE, r->bl); return dac_put(r->dh, r->ch, r->cl);
    case 0x12: return dac_set_block(r);
    case 0x13: return set_page(r);
    case 0x15: return dac_get(r);
    case 0x17: return dac_get_block(r);
    case 0x18: return outb(PEL_MASK, r->bl);
    case 0x19: r->bl = inb(PEL_MASK); return;
    case 0x1a: return get_page(r);
    case 0x1b: return grey_scale(r->bl, r->cx);
    default: return;
    }
}
