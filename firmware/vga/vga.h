/* SPDX-License-Identifier: MIT
 * The VGA BIOS. It has no variables: state is in the BIOS data area and in the chip. Constant
 * tables are ROM, read through GS; DS, ES and SS are the caller's stack. */
#ifndef FIRMWARE_VGA_VGA_H
#define FIRMWARE_VGA_VGA_H

#include "firmware/lib/bda.h"
#include "firmware/lib/io.h"
#include "firmware/lib/regs.h"

#define ROM __seg_gs
/* For definitions: the link fails when constants land elsewhere (DS is not this segment). */
#define ROM_DATA __seg_gs __attribute__((section(".rom.data")))

enum {
    SEQ = 0x3c4,
    GC = 0x3ce,
    ATTR = 0x3c0,
    ATTR_READ = 0x3c1,
    MISC = 0x3c2,
    MISC_READ = 0x3cc,
    PEL_MASK = 0x3c6,
    PEL_READ = 0x3c7,
    PEL_WRITE = 0x3c8,
    PEL_DATA = 0x3c9
};
enum { VGA_SEG_GRAPHICS = 0xa000, VGA_SEG_MONO = 0xb000, VGA_SEG_COLOUR = 0xb800 };

/* Memory outside the stack, by segment. */
static inline u8 peek8(u16 seg, u32 off)
{
    u32 v;
    __asm__ volatile("movw %w1, %%es\n\tmovb %%es:(%2), %b0\n\tmovw %%ss, %w1\n\tmovw %w1, %%es"
                     : "=&q"(v), "+r"(seg)
                     : "r"(off & 0xffff)
                     : "memory");
    return (u8)v;
}

static inline void poke8(u16 seg, u32 off, u8 v)
{
    __asm__ volatile("movw %w0, %%es\n\tmovb %b2, %%es:(%1)\n\tmovw %%ss, %w0\n\tmovw %w0, %%es"
                     : "+r"(seg)
                     : "r"(off & 0xffff), "q"(v)
                     : "memory");
}

static inline u16 peek16(u16 seg, u32 off)
{
    return (u16)(peek8(seg, off) | peek8(seg, off + 1) << 8);
}

static inline void poke16(u16 seg, u32 off, u16 v)
{
    __asm__ volatile("movw %w0, %%es\n\tmovw %w2, %%es:(%1)\n\tmovw %%ss, %w0\n\tmovw %w0, %%es"
                     : "+r"(seg)
                     : "r"(off & 0xffff), "r"(v)
                     : "memory");
}

void fill16(u16 seg, u16 off, u16 v, u32 words);
void fill8(u16 seg, u16 off, u8 v, u32 bytes);
/* Ascending, or descending where the ranges overlap that way. */
void move8(u16 seg, u16 to, u16 from, u32 bytes);
void copy_out(u16 seg, u16 off, const void *from, u32 bytes);

static inline void put_reg(u16 port, u8 index, u8 v)
{
    outw(port, (u16)(v << 8 | index));
}

static inline u8 get_reg(u16 port, u8 index)
{
    outb(port, index);
    return inb(port + 1);
}

static inline u16 crtc_port(void)
{
    return inb(MISC_READ) & 1 ? 0x3d4 : 0x3b4;
}

/* Attribute controller writes start by resetting its flip-flop. */
static inline void attr_reset(void)
{
    inb(crtc_port() + 6);
}

enum memory_model { TEXT, CGA2, CGA1, PLANAR, PACKED8, DIRECT };

/* The registers of a mode as the IBM parameter tables order them. */
struct regset {
    u8 cols, rows1, height;
    u16 page_size;
    u8 seq[4], misc, crtc[25], attr[20], gc[9];
} PACKED;
_Static_assert(sizeof(struct regset) == 64, "parameter table entry");

struct mode {
    u8 number, model, dac; /* enum dac_set */
    u16 seg;
    u8 regs; /* of mode_regs[] */
};
enum dac_set { DAC_MONO, DAC_CGA, DAC_EGA, DAC_256 };

extern const struct regset ROM mode_regs[];
extern const struct mode ROM *mode_find(u8 number);
const struct regset ROM *mode_regset(const struct mode ROM *m);

/* mode.c */
void mode_set(u8 number, bool clear);
void mode_init(void);

/* The screen as the drawing code needs it, from the current mode. */
struct screen {
    u8 model, height, page;
    u16 seg, cols, rows, page_size;
};
bool screen_get(struct screen *s); /* false: no text possible in this mode */

/* palette.c */
void palette_load(enum dac_set set);
void int10_border(struct regs *r);  /* 0Bh */
void int10_palette(struct regs *r); /* 10h */
void grey_scale(u16 first, u16 count);

/* font.c */
extern const u8 ROM font_8x8[], font_8x14[], font_8x16[];
void font_load_rom(u8 height, u8 block);
void font_set_vectors(u8 height);
void int10_font(struct regs *r); /* 11h */

/* text.c */
void cursor_set(u8 page, u16 pos);
void cursor_shape(u16 shape);
void page_select(u8 page);
void int10_cursor(struct regs *r); /* 01h-03h, 05h */
void int10_scroll(struct regs *r); /* 06h, 07h */
void int10_chars(struct regs *r);  /* 08h-0Ah */
void int10_tty(struct regs *r);    /* 0Eh */
void int10_string(struct regs *r); /* 13h */

/* chars.c: one cell, one rectangle; in any mode. */
void cell_write(const struct screen *s, u8 page, u16 pos, u8 ch, u8 attr, bool with_attr,
                u16 count);
u16 cell_read(const struct screen *s, u8 page, u16 pos);
struct rect {
    u8 top, left, bottom, right, lines, attr;
    bool down;
};
void rect_scroll(const struct screen *s, u8 page, const struct rect *w);

/* graphics.c */
void glyph_draw(const struct screen *s, u16 row, u16 col, u8 ch, u8 attr);
u8 glyph_find(const struct screen *s, u16 row, u16 col);
void graphics_scroll(const struct screen *s, u8 page, const struct rect *w);
void int10_pixel(struct regs *r); /* 0Ch, 0Dh */

/* info.c */
void int10_select(struct regs *r);     /* 12h */
void int10_dcc(struct regs *r);        /* 1Ah */
void int10_state_info(struct regs *r); /* 1Bh */
/* state.c */
void int10_save(struct regs *r); /* 1Ch */
u16 state_size(u16 what);
void state_save(u16 what, u16 seg, u16 off);
void state_restore(u16 what, u16 seg, u16 off);

/* vbe.c */
void int10_vbe(struct regs *r); /* 4Fh */
bool vbe_off(void);             /* back to plain VGA */
bool vbe_screen(struct screen *s);
extern u16 ROM rom_bdf;
#endif
