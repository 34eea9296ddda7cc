/* SPDX-License-Identifier: MIT
 * Bochs VBE display interface ("dispi"), as the "VBE Display API" text of the Bochs VGA BIOS
 * describes it, ids B0C0 to B0C5, with QEMU's treatment of sizes that do not fit. */
#include "hw/display/vga_int.h"

#include <string.h>

#define MAX_XRES 16000
#define MAX_YRES 12000

static unsigned pixel_bits(const struct vga *v)
{
    return v->vbe[VBE_BPP] == 15 ? 16 : v->vbe[VBE_BPP];
}

static bool bpp_known(unsigned bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

static unsigned clamp(unsigned x, unsigned low, unsigned high)
{
    return x < low ? low : x > high ? high : x;
}

/* Width and pitch. A line is never longer than the memory. */
static void fix_width(struct vga *v)
{
    uint16_t *r = v->vbe;
    uint64_t most = v->vram.size * 8 / pixel_bits(v);

    r[VBE_XRES] = clamp(r[VBE_XRES] & ~7u, 8, MAX_XRES);
    r[VBE_VIRT_WIDTH] = clamp(r[VBE_VIRT_WIDTH] & ~7u, r[VBE_XRES], MAX_XRES);
    if (r[VBE_VIRT_WIDTH] > most)
        r[VBE_XRES] = r[VBE_VIRT_WIDTH] = most & ~7u;
    v->vbe_pitch = r[VBE_VIRT_WIDTH] * pixel_bits(v) / 8;
}

static uint64_t start_of(const struct vga *v)
{
    return (uint64_t)v->vbe[VBE_X_OFFSET] * pixel_bits(v) / 8 +
           (uint64_t)v->vbe[VBE_Y_OFFSET] * v->vbe_pitch;
}

/* Makes the registers describe a picture inside the memory. */
static void fix(struct vga *v)
{
    uint16_t *r = v->vbe;
    uint64_t lines, size = v->vram.size;

    if (!bpp_known(r[VBE_BPP]))
        r[VBE_BPP] = 8;
    fix_width(v);
    lines = size / v->vbe_pitch;
    r[VBE_YRES] = clamp(r[VBE_YRES], 1, lines < MAX_YRES ? (unsigned)lines : MAX_YRES);
    r[VBE_VIRT_HEIGHT] = lines > 0xffff ? 0xffff : (uint16_t)lines;
    r[VBE_X_OFFSET] = clamp(r[VBE_X_OFFSET], 0, MAX_XRES);
    r[VBE_Y_OFFSET] = clamp(r[VBE_Y_OFFSET], 0, MAX_YRES);
    if (start_of(v) + (uint64_t)r[VBE_YRES] * v->vbe_pitch > size)
        r[VBE_Y_OFFSET] = 0;
    if (start_of(v) + (uint64_t)r[VBE_YRES] * v->vbe_pitch > size)
        r[VBE_X_OFFSET] = 0;
    v->vbe_start = start_of(v);
}

static void set_cr7_bit(struct vga *v, unsigned bit, bool on)
{
    v->cr[7] = (v->cr[7] & ~(1u << bit)) | (unsigned)on << bit;
}

/* The VGA's own registers follow: software looks there, and so does the window. */
static void update_vga(struct vga *v)
{
    unsigned h = v->vbe[VBE_YRES] - 1;

    v->gr[6] = (v->gr[6] & ~0x0c) | 0x04 | GR6_GRAPHICS;
    v->cr[0x17] = (v->cr[0x17] & ~CR17_TWOLINES) | CR17_RS0_MA13 | CR17_RS1_MA14;
    v->cr[0x13] = v->vbe_pitch >> 3;
    v->cr[0x01] = (v->vbe[VBE_XRES] >> 3) - 1;
    v->cr[0x12] = h;
    set_cr7_bit(v, 1, h >> 8 & 1);
    set_cr7_bit(v, 6, h >> 9 & 1);
    v->cr[0x18] = 0xff; /* no split */
    set_cr7_bit(v, 4, true);
    v->cr[0x09] = 0x40;
    v->sr[1] &= ~SR1_HALFCLOCK;
    if (v->vbe[VBE_BPP] == 4) {
        v->sr[4] = (v->sr[4] & ~SR4_CHAIN4) | SR4_NO_ODDEVEN;
        v->gr[5] &= ~(GR5_256 | GR5_CGA | GR5_ODDEVEN);
    } else {
        v->sr[4] |= SR4_CHAIN4;
        v->sr[2] |= 15;
        v->gr[5] = GR5_256;
        v->gr[1] = v->gr[3] = 0;
        v->gr[8] = 0xff;
    }
}

static void blank(struct vga *v)
{
    size_t n = (size_t)v->vbe[VBE_YRES] * v->vbe_pitch;

    memset(v->vram.host, 0, n);
    space_host_written(v->dev->env->mem, v->vram.host, n);
}

static void set_enable(struct vga *v, uint16_t value)
{
    uint16_t *r = v->vbe;
    bool was = vbe_on(v);

    r[VBE_ENABLE] = value & (VBE_ENABLED | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NOCLEAR);
    if (vbe_on(v) && !was) {
        r[VBE_VIRT_WIDTH] = r[VBE_X_OFFSET] = r[VBE_Y_OFFSET] = r[VBE_BANK] = 0;
        fix(v);
        update_vga(v);
        if (!(value & VBE_NOCLEAR))
            blank(v);
    } else if (!vbe_on(v)) {
        r[VBE_BANK] = 0;
    }
}

uint16_t vga_vbe_read(const struct vga *v, unsigned index)
{
    if (index == VBE_MEM_64K)
        return v->vram.size >> 16;
    if (index >= VGA_VBE_REGS)
        return 0;
    if (v->vbe[VBE_ENABLE] & VBE_GETCAPS) {
        switch (index) {
        case VBE_XRES: return MAX_XRES;
        case VBE_YRES: return MAX_YRES;
        case VBE_BPP: return 32;
        default: break;
        }
    }
    return v->vbe[index];
}

void vga_vbe_write(struct vga *v, unsigned index, uint16_t value)
{
    switch (index) {
    case VBE_ID:
        if (value >= 0xb0c0 && value <= VBE_ID_LATEST)
            v->vbe[VBE_ID] = value;
        return;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_BPP:
    case VBE_VIRT_WIDTH:
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        v->vbe[index] = value;
        if (vbe_on(v)) {
            fix(v);
            update_vga(v);
        }
        break;
    case VBE_BANK:
        v->vbe[VBE_BANK] = value & (v->vram.size / (vbe_linear(v) ? 1 : 4) - 1) >> 16;
        break;
    case VBE_ENABLE: set_enable(v, value); break;
    default: return;
    }
    vga_window_update(v);
}
