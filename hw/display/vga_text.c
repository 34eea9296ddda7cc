/* SPDX-License-Identifier: MIT
 * A line of a text mode: characters in plane 0, attributes in plane 1, two fonts in plane 2
 * (IBM "Alphanumeric modes", "Character map select"). The plane enable register masks nothing
 * here and no row bits go into addresses, as on QEMU's card: GRUB's own firmware image relies
 * on it. */
#include "hw/display/vga_int.h"

#include <string.h>

#define BLINK_NS                                                                               \
    (16 * NS_PER_S / 60) /* the cursor toggles; characters at half of that rate                \
                          */

struct fonts {
    const uint8_t *set[2]; /* by bit 3 of the attribute */
};

static struct fonts find_fonts(const struct vga *v)
{
    unsigned map = v->sr[3];
    unsigned b = (map & 3) << 1 | (map >> 4 & 1), a = (map >> 2 & 3) << 1 | (map >> 5 & 1);

    return (struct fonts){{v->vram.host + 4 * 8192 * b + 2, v->vram.host + 4 * 8192 * a + 2}};
}

static bool cursor_row(const struct vga *v, unsigned row)
{
    return !(v->cr[0x0a] & 0x20) && row >= (v->cr[0x0a] & 31u) && row <= (v->cr[0x0b] & 31u);
}

/* Address at which the cursor stands in this line, none: ~0. */
static uint32_t cursor_at(const struct vga *v, unsigned row, uint64_t now)
{
    uint32_t at = v->cr[0x0e] << 8 | v->cr[0x0f];

    if (!cursor_row(v, row) || (now / BLINK_NS & 1))
        return ~0u;
    return at + (v->cr[0x0b] >> 5 & 3);
}

static void put_char(uint32_t *out, unsigned bits, bool nine, bool join, uint32_t fore,
                     uint32_t back)
{
    unsigned i;

    for (i = 8; i--;)
        *out++ = bits >> i & 1 ? fore : back;
    if (nine)
        *out = join && (bits & 1) ? fore : back;
}

void vga_text_line(const struct vga *v, const struct vga_palette *p, const struct vga_line *l,
                   uint32_t *out)
{
    uint64_t now = dev_now(v->dev);
    struct fonts font = find_fonts(v);
    uint32_t cursor = cursor_at(v, l->row, now);
    bool nine = !(v->sr[1] & SR1_8DOT), blink = v->ar[0x10] & AR10_BLINK;
    bool hidden = now / BLINK_NS & 2;
    unsigned c;

    for (c = 0; c < l->chars; c++, out += nine ? 9 : 8) {
        uint32_t count = (l->count + c) & 0xffff;
        const uint8_t *cell = v->vram.host + 4 * (size_t)vga_address(v, count);
        unsigned ch = cell[0], attr = cell[1], fore = attr & 15, back = attr >> 4;
        unsigned bits = font.set[attr >> 3 & 1][4 * (ch * 32 + l->row)];

        if (blink) {
            back &= 7;
            if ((attr & 0x80) && hidden)
                bits = 0;
        }
        if ((attr & 7) == 1 && l->row == (v->cr[0x14] & 31u))
            bits = 0xff;
        if (count == cursor)
            bits = 0xff;
        put_char(out, bits, nine,
                 count == cursor || ((v->ar[0x10] & AR10_9TH) && (ch & 0xe0) == 0xc0),
                 p->ega[fore], p->ega[back]);
    }
}
