/* SPDX-License-Identifier: MIT
 * INT 10h AH=1Ch and VBE 04h: saving and restoring registers (bit 0), BIOS data (bit 1) and
 * the DAC (bit 2). The layout is our own. */
#include "firmware/vga/vga.h"

enum {
    HARDWARE = 1,
    DATA = 2,
    DAC = 4,
    HW_BYTES = 2 + 5 + 25 + 21 + 9 + 4,
    DATA_BYTES = 0x60,
    DAC_BYTES = 3 * 256 + 2
};

u16 state_size(u16 what)
{
    return (u16)((what & HARDWARE ? HW_BYTES : 0) + (what & DATA ? DATA_BYTES : 0) +
                 (what & DAC ? DAC_BYTES : 0));
}

struct cursor {
    u16 seg, off;
    bool save;
};

static void item(struct cursor *c, u16 port, u8 index)
{
    if (c->save)
        poke8(c->seg, c->off, get_reg(port, index));
    else
        put_reg(port, index, peek8(c->seg, c->off));
    c->off++;
}

static void attr_items(struct cursor *c)
{
    for (u8 i = 0; i < 21; i++, c->off++) {
        attr_reset();
        outb(ATTR, i);
        if (c->save)
            poke8(c->seg, c->off, inb(ATTR_READ));
        else
            outb(ATTR, peek8(c->seg, c->off));
    }
    attr_reset();
    outb(ATTR, 0x20);
}

static void hardware(struct cursor *c)
{
    u8 misc = c->save ? inb(MISC_READ) : peek8(c->seg, c->off);
    u16 crtc = misc & 1 ? 0x3d4 : 0x3b4;
    if (c->save)
        poke8(c->seg, c->off, misc);
    else
        outb(MISC, misc);
    c->off = (u16)(c->off + 2);
    for (u8 i = 0; i < 5; i++)
        item(c, SEQ, i);
    if (!c->save)
        put_reg(crtc, 0x11, 0); /* unlocks 00-07 */
    for (u8 i = 0; i < 25; i++)
        item(c, crtc, i);
    for (u8 i = 0; i < 9; i++)
        item(c, GC, i);
    attr_items(c);
    c->off = (u16)(c->off + 4);
}

static void data(struct cursor *c)
{
    static const struct {
        u16 seg;
        u16 from, bytes;
    } ROM_DATA parts[] = {{0x40, 0x49, 0x1e}, {0x40, 0x84, 7},  {0x40, 0xa8, 4},
                          {0x40, 0xba, 2},    {0, 0x1f * 4, 4}, {0, 0x43 * 4, 4}};
    u16 end = (u16)(c->off + DATA_BYTES);
    for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
        for (u16 k = 0; k < parts[i].bytes; k++, c->off++) {
            if (c->save)
                poke8(c->seg, c->off, peek8(parts[i].seg, parts[i].from + k));
            else
                poke8(parts[i].seg, parts[i].from + k, peek8(c->seg, c->off));
        }
    c->off = end;
}

static void dac(struct cursor *c)
{
    if (c->save)
        poke8(c->seg, c->off, inb(PEL_MASK));
    else
        outb(PEL_MASK, peek8(c->seg, c->off));
    c->off = (u16)(c->off + 2);
    outb(c->save ? PEL_READ : PEL_WRITE, 0);
    for (u16 i = 0; i < 3 * 256; i++, c->off++) {
        if (c->save)
            poke8(c->seg, c->off, inb(PEL_DATA));
        else
            outb(PEL_DATA, peek8(c->seg, c->off));
    }
}

static void run(u16 what, struct cursor *c)
{
    if (what & HARDWARE)
        hardware(c);
    if (what & DATA)
        data(c);
    if (what & DAC)
        dac(c);
}

void state_save(u16 what, u16 seg, u16 off)
{
    struct cursor c = {seg, off, true};
    run(what, &c);
}

void state_restore(u16 what, u16 seg, u16 off)
{
    struct cursor c = {seg, off, false};
    run(what, &c);
}

void int10_save(struct regs *r)
{
    switch (r->al) {
    case 0: r->bx = (state_size(r->cx) + 63) / 64; break;
    case 1: state_save(r->cx, r->es, r->bx); break;
    case 2: state_restore(r->cx, r->es, r->bx); break;
    default: return;
    }
    r->al = 0x1c;
}
