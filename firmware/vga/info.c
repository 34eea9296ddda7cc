/* SPDX-License-Identifier: MIT
 * INT 10h AH=12h, 1Ah, 1Bh: switches and what there is. */
#include "firmware/vga/vga.h"

enum { DONE_SELECT = 0x12, DONE_DCC = 0x1a, DONE_INFO = 0x1b };

/* Static functionality table: modes 00-13, 200/350/400 lines, fonts, features. */
static const u8 ROM_DATA functionality[16] = {0xff, 0xe0, 0x0f, 0,    0, 0, 0, 0x07,
                                              2,    8,    0xe7, 0x0c, 0, 0, 0, 0};

static void set_flag(volatile u8 __seg_fs *p, u8 bit, bool on)
{
    *p = (u8)(on ? *p | bit : *p & ~bit);
}

static void scan_lines(struct regs *r)
{
    u8 f = BDA->video_flags & (u8)~0x90, sw = BDA->video_switches & 0xf0;
    if (r->al > 2)
        return;
    BDA->video_flags = (u8)(f | (r->al == 0 ? 0x80 : r->al == 2 ? 0x10 : 0));
    BDA->video_switches = (u8)(sw | (r->al == 0 ? 8 : 9));
    r->al = DONE_SELECT;
}

static void video_enable(struct regs *r)
{
    outb(0x3c3, !(r->al & 1));
    r->al = DONE_SELECT;
}

static void refresh(struct regs *r)
{
    u8 v = get_reg(SEQ, 1) & (u8)~0x20;
    put_reg(SEQ, 1, (u8)(v | (r->al & 1 ? 0x20 : 0)));
    r->al = DONE_SELECT;
}

static void ega_info(struct regs *r)
{
    r->bh = crtc_port() == 0x3b4;
    r->bl = 3; /* 256 KiB */
    r->ch = 0;
    r->cl = BDA->video_switches & 0xf;
}

void int10_select(struct regs *r)
{
    switch (r->bl) {
    case 0x10: return ega_info(r);
    case 0x30: return scan_lines(r);
    case 0x31: set_flag(&BDA->video_flags, 0x08, r->al & 1); break;
    case 0x32: return video_enable(r);
    case 0x33: set_flag(&BDA->video_flags, 0x02, !(r->al & 1)); break;
    case 0x34: set_flag(&BDA->video_ctrl, 0x01, r->al & 1); break;
    case 0x36: return refresh(r);
    default: return;
    }
    r->al = DONE_SELECT;
}

void int10_dcc(struct regs *r)
{
    if (r->al == 0) {
        r->bx = BDA->dcc_index;
        r->al = DONE_DCC;
    } else if (r->al == 1) {
        BDA->dcc_index = r->bl;
        r->al = DONE_DCC;
    }
}

static u8 colours_of(u8 mode, bool high)
{
    const struct mode ROM *m = mode_find(mode);
    u16 n = !m || m->model == TEXT                             ? 16
            : m->model == PACKED8                              ? 256
            : m->model == CGA2                                 ? 4
            : m->model == CGA1 || mode == 0x0f || mode == 0x11 ? 2
                                                               : 16;
    return (u8)(high ? n >> 8 : n);
}

void int10_state_info(struct regs *r)
{
    u16 seg, at = r->di;
    if (r->bx)
        return;
    __asm__("movw %%cs, %0" : "=r"(seg));
    fill8(r->es, at, 0, 64);
    poke16(r->es, at, (u16)(u32)functionality);
    poke16(r->es, at + 2u, seg);
    for (u32 i = 0; i < 0x1e; i++) /* 49-66 as they stand */
        poke8(r->es, at + 4 + i, peek8(0x40, 0x49 + i));
    for (u32 i = 0; i < 3; i++)
        poke8(r->es, at + 0x22 + i, peek8(0x40, 0x84 + i));
    poke8(r->es, at + 0x25u, BDA->dcc_index);
    poke8(r->es, at + 0x27u, colours_of(BDA->mode, false));
    poke8(r->es, at + 0x28u, colours_of(BDA->mode, true));
    poke8(r->es, at + 0x29u, 8);
    poke8(r->es, at + 0x2au, BDA->char_height == 14 ? 1 : BDA->mode >= 0x11 ? 3 : 2);
    poke8(r->es, at + 0x2du, 0x21);
    poke8(r->es, at + 0x31u, 3);
    r->al = DONE_INFO;
}
