/* SPDX-License-Identifier: MIT
 * INT 10h AH=4Fh: VESA BIOS extensions 3.0 over the Bochs interface. Left out: text in VBE
 * modes, the protected-mode interface, DDC, refresh rates of one's own (CRTCInfoBlock). */
#include "firmware/vga/vbe.h"

#include "firmware/lib/pci.h"

enum { OK = 0x004f, FAILED = 0x014f, UNSUPPORTED = 0x0100, INVALID = 0x034f };
enum { SET_NO_CLEAR = 0x8000, SET_LFB = 0x4000, SAVED_MODE = 0xba /* word in segment 40 */ };

struct info {
    char sig[4];
    u16 version, oem_off, oem_seg;
    u32 caps;
    u16 modes_off, modes_seg, memory, oem_rev;
    u16 vendor_off, vendor_seg, product_off, product_seg, rev_off, rev_seg;
} PACKED;

struct mode_info {
    u16 attributes;
    u8 win_a, win_b;
    u16 granularity, win_size, seg_a, seg_b;
    u16 win_func_off, win_func_seg;
    u16 bytes_per_line, width, height;
    u8 char_w, char_h, planes, bpp, banks, model, bank_size, pages, reserved1;
    u8 red_size, red_pos, green_size, green_pos, blue_size, blue_pos, rsvd_size, rsvd_pos;
    u8 direct_info;
    u32 base, offscreen;
    u16 offscreen_kb;
    u16 lin_bytes_per_line;
    u8 bank_pages, lin_pages;
    u8 lin_colours[8];
    u32 max_clock;
} PACKED;
_Static_assert(sizeof(struct mode_info) == 66, "VBE 3.0, 4.4");

static const char ROM_DATA oem_string[] = "Mynah VGA BIOS";
static const char ROM_DATA rev_string[] = FIRMWARE_VERSION;

static u16 segment(void)
{
    u16 seg;
    __asm__("movw %%cs, %0" : "=r"(seg));
    return seg;
}

bool vbe_off(void)
{
    if (!dispi_present())
        return false;
    poke16(0x40, SAVED_MODE, 0);
    dispi_set(D_ENABLE, 0);
    return true;
}

static const struct vbe_mode ROM *current(void)
{
    u16 n = peek16(0x40, SAVED_MODE);
    if (!n || !(dispi_get(D_ENABLE) & DE_ON))
        return (const struct vbe_mode ROM *)0;
    return vbe_find(n);
}

bool vbe_screen(struct screen *s)
{
    if (!peek16(0x40, SAVED_MODE))
        return false;
    s->model = DIRECT;
    return true;
}

/* The list of modes goes behind the 256 or 512 bytes' fixed part, in the caller's buffer. */
static void controller_info(struct regs *r)
{
    bool vbe2 = peek16(r->es, r->di) == ('V' | 'B' << 8);
    u16 at = (u16)(r->di + sizeof(struct info)), seg = segment();
    struct info i = {.sig = {'V', 'E', 'S', 'A'},
                     .version = 0x0300,
                     .caps = 1,
                     .oem_off = (u16)(u32)oem_string,
                     .oem_seg = seg,
                     .memory = dispi_get(D_MEMORY),
                     .modes_off = at,
                     .modes_seg = r->es};
    if (vbe2) {
        i.vendor_off = i.product_off = (u16)(u32)oem_string;
        i.rev_off = (u16)(u32)rev_string;
        i.vendor_seg = i.product_seg = i.rev_seg = seg;
        i.oem_rev = 1;
    }
    fill8(r->es, r->di, 0, vbe2 ? 512 : 256);
    copy_out(r->es, r->di, &i, vbe2 ? sizeof i : 20);
    for (u32 k = 0; k < vbe_mode_count; k++)
        if (vbe_find(vbe_modes[k].number)) {
            poke16(r->es, at, vbe_modes[k].number);
            at = (u16)(at + 2);
        }
    poke16(r->es, at, 0xffff);
    r->ax = OK;
}

static u32 lfb_address(void)
{
    return rom_bdf == 0xffff ? 0xe0000000 : pci_read32(rom_bdf, PCI_BAR0) & ~0xfu;
}

static void set_colours(struct mode_info *i, u8 bpp)
{
    static const u8 ROM_DATA masks[4][8] = {{5, 10, 5, 5, 5, 0, 1, 15},
                                            {5, 11, 6, 5, 5, 0, 0, 0},
                                            {8, 16, 8, 8, 8, 0, 0, 0},
                                            {8, 16, 8, 8, 8, 0, 8, 24}};
    u8 *to = &i->red_size, row = bpp == 15 ? 0 : bpp == 16 ? 1 : bpp == 24 ? 2 : 3;
    i->model = bpp == 8 ? 4 : 6;
    if (bpp == 8)
        return;
    for (u8 k = 0; k < 8; k++)
        to[k] = i->lin_colours[k] = masks[row][k];
    i->direct_info = bpp == 32 ? 2 : 0;
}

static void far_window(struct mode_info *i)
{
    extern void vbe_window_far(void);
    i->win_func_off = (u16)(u32)vbe_window_far;
    i->win_func_seg = segment();
}

static void mode_information(struct regs *r)
{
    const struct vbe_mode ROM *m = vbe_find(r->cx);
    struct mode_info i = {0};
    if (!m || (r->cx & 0x3e00)) {
        r->ax = FAILED;
        return;
    }
    u32 line = vbe_line_bytes(m->width, m->bpp), size = line * m->height;
    u32 memory = (u32)dispi_get(D_MEMORY) << 16, pages = memory / size - 1;
    i.attributes = 0x9b; /* supported, colour, graphics, linear, no VGA state */
    i.win_a = 7;
    i.granularity = i.win_size = 64;
    i.seg_a = VGA_SEG_GRAPHICS;
    far_window(&i);
    i.bytes_per_line = i.lin_bytes_per_line = (u16)line;
    i.width = m->width;
    i.height = m->height;
    i.char_w = 8;
    i.char_h = 16;
    i.planes = i.banks = i.reserved1 = 1;
    i.bpp = m->bpp;
    i.pages = i.bank_pages = i.lin_pages = (u8)(pages > 255 ? 255 : pages);
    set_colours(&i, m->bpp);
    i.base = lfb_address();
    i.max_clock = 230000000;
    fill8(r->es, r->di, 0, 256);
    copy_out(r->es, r->di, &i, sizeof i);
    r->ax = OK;
}

/* VGA registers that the interface leaves to us: packed pixels, no chain, mode register. */
static void vga_for_vbe(void)
{
    put_reg(SEQ, 1, 0x01);
    put_reg(SEQ, 2, 0x0f);
    put_reg(SEQ, 4, 0x0e);
    put_reg(GC, 5, 0x40);
    put_reg(GC, 6, 0x05);
    put_reg(GC, 8, 0xff);
    attr_reset();
    outb(ATTR, 0x10);
    outb(ATTR, 0x41);
    outb(ATTR, 0x13);
    outb(ATTR, 0);
    outb(ATTR, 0x20);
}

static void set_mode(struct regs *r)
{
    u16 n = r->bx & 0x1ff;
    const struct vbe_mode ROM *m = vbe_find(n);
    bool clear = !(r->bx & SET_NO_CLEAR);
    if (n < 0x100 && mode_find((u8)n)) {
        mode_set((u8)n, clear);
        r->ax = OK;
        return;
    }
    if (!m) {
        r->ax = FAILED;
        return;
    }
    mode_set(0x13, false);
    vga_for_vbe();
    dispi_set(D_ENABLE, 0);
    dispi_set(D_XRES, m->width);
    dispi_set(D_YRES, m->height);
    dispi_set(D_BPP, m->bpp);
    dispi_set(D_BANK, 0);
    dispi_set(D_ENABLE, DE_ON | (r->bx & SET_LFB ? DE_LFB : 0) | (clear ? 0 : DE_NO_CLEAR));
    poke16(0x40, SAVED_MODE, (u16)(n | (r->bx & (SET_LFB | SET_NO_CLEAR))));
    BDA->cols = m->width / 8;
    BDA->rows = (u8)(m->height / 16 - 1);
    BDA->char_height = 16;
    r->ax = OK;
}

static void get_mode(struct regs *r)
{
    u16 n = peek16(0x40, SAVED_MODE);
    r->bx = n ? n : BDA->mode;
    r->ax = OK;
}

static void save_restore(struct regs *r)
{
    r->ax = OK;
    switch (r->dl) {
    case 0: r->bx = (state_size(r->cx) + 24 + 63) / 64; return;
    case 1:
        for (u16 i = 0; i < 10; i++)
            poke16(r->es, r->bx + i * 2u, dispi_get(i));
        return state_save(r->cx, r->es, r->bx + 24);
    case 2:
        dispi_set(D_ENABLE, 0);
        for (u16 i = 1; i < 10; i++)
            if (i != D_ENABLE)
                dispi_set(i, peek16(r->es, r->bx + i * 2u));
        dispi_set(D_ENABLE, peek16(r->es, r->bx + D_ENABLE * 2u) | DE_NO_CLEAR);
        return state_restore(r->cx, r->es, r->bx + 24);
    default: r->ax = FAILED;
    }
}

static void window(struct regs *r)
{
    r->ax = FAILED;
    if (r->bl || !current())
        return;
    if (r->bh == 0) {
        dispi_set(D_BANK, r->dx);
        if (dispi_get(D_BANK) != r->dx)
            return;
    } else {
        r->dx = dispi_get(D_BANK);
    }
    r->ax = OK;
}

static void line_length(struct regs *r)
{
    const struct vbe_mode ROM *m = current();
    if (!m) {
        r->ax = FAILED;
        return;
    }
    u32 bytes = vbe_line_bytes(1, m->bpp), memory = (u32)dispi_get(D_MEMORY) << 16;
    if (r->bl == 0)
        dispi_set(D_VIRT_WIDTH, r->cx);
    else if (r->bl == 2)
        dispi_set(D_VIRT_WIDTH, (u16)((r->cx + bytes - 1) / bytes));
    u32 width = r->bl == 3 ? 0x1fff / bytes * 1u : dispi_get(D_VIRT_WIDTH);
    if (r->bl == 0 && width < r->cx) {
        r->ax = 0x024f;
        return;
    }
    r->bx = (u16)(width * bytes);
    r->cx = (u16)width;
    u32 lines = memory / (width * bytes);
    r->dx = lines > 0xffff ? 0xffff : (u16)lines;
    r->ax = OK;
}

static void display_start(struct regs *r)
{
    if (!current()) {
        r->ax = FAILED;
        return;
    }
    switch (r->bl & 0x7f) {
    case 0:
        dispi_set(D_X, r->cx);
        dispi_set(D_Y, r->dx);
        break;
    case 1:
        r->cx = dispi_get(D_X);
        r->dx = dispi_get(D_Y);
        r->bh = 0;
        break;
    default: r->ax = FAILED; return;
    }
    r->ax = OK;
}

static void dac_width(struct regs *r)
{
    const struct vbe_mode ROM *m = current();
    u16 enable = dispi_get(D_ENABLE);
    if (!m || m->bpp > 8) {
        r->ax = INVALID;
        return;
    }
    if (r->bl == 0) {
        enable = (u16)((enable & ~DE_8BIT) | (r->bh >= 8 ? DE_8BIT : 0));
        dispi_set(D_ENABLE, enable | DE_NO_CLEAR);
    }
    r->bh = enable & DE_8BIT ? 8 : 6;
    r->ax = OK;
}

/* Entries are blue, green, red, pad. */
static void palette(struct regs *r)
{
    u8 bl = r->bl & 0x7f;
    r->ax = OK;
    if (bl != 0 && bl != 1) {
        r->ax = FAILED;
        return;
    }
    outb(bl ? PEL_READ : PEL_WRITE, r->dl);
    for (u32 i = 0, at = r->di; i < r->cx; i++, at += 4) {
        for (u32 k = 0; k < 3; k++) {
            if (bl)
                poke8(r->es, at + 2 - k, inb(PEL_DATA));
            else
                outb(PEL_DATA, peek8(r->es, at + 2 - k));
        }
        if (bl)
            poke8(r->es, at + 3, 0);
    }
}

void int10_vbe(struct regs *r)
{
    if (!dispi_present())
        return;
    switch (r->al) {
    case 0x00: return controller_info(r);
    case 0x01: return mode_information(r);
    case 0x02: return set_mode(r);
    case 0x03: return get_mode(r);
    case 0x04: return save_restore(r);
    case 0x05: return window(r);
    case 0x06: return line_length(r);
    case 0x07: return display_start(r);
    case 0x08: return dac_width(r);
    case 0x09: return palette(r);
    default: r->ax = UNSUPPORTED;
    }
}
