/* SPDX-License-Identifier: MIT
 * Registers of the IBM VGA: PS/2 Hardware Interface Technical Reference, "Video Subsystem";
 * timing of the retrace bits from the virtual clock.
 * Left out: the vertical interrupt (no PC wires it), switch sense, CRTC reads of the light pen,
 * count-by-2 and count-by-4 addressing, blinking in graphics modes, border, interlace.
 * Chain-4 stores as later cards do: address n is byte n/4 of plane n%4. */
#include "hw/display/vga_int.h"

#include <string.h>

#include "softmmu/log.h"

static const uint8_t sr_mask[8] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0xff};
static const uint8_t gr_mask[9] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};

/* --- timing --------------------------------------------------------------------------- */

static unsigned cr7_bits(const struct vga *v, unsigned low, unsigned bit8, unsigned bit9)
{
    return v->cr[low] | (v->cr[7] >> bit8 & 1) << 8 | (v->cr[7] >> bit9 & 1) << 9;
}

unsigned vga_lines(const struct vga *v)
{
    unsigned n = cr7_bits(v, 0x12, 1, 6) + 1;

    return v->cr[0x17] & CR17_TWOLINES ? 2 * n : n;
}

static void timing_default(const struct vga *v, struct vga_timing *t)
{
    t->width = 80;
    t->total_width = 100;
    t->height = vga_lines(v);
    t->sync = t->height + t->height / 32 + 1;
    t->sync_end = t->sync + 2;
    t->total_height = t->height + t->height / 10 + 4;
    t->line = NS_PER_S / 60 / t->total_height;
    t->frame = t->line * t->total_height;
}

void vga_timing(const struct vga *v, struct vga_timing *t)
{
    unsigned twice = v->cr[0x17] & CR17_TWOLINES ? 2 : 1;
    unsigned sync = cr7_bits(v, 0x10, 2, 7);
    uint64_t hz = v->misc >> 2 & 3 ? 28322000 : 25175000, dots = v->sr[1] & SR1_8DOT ? 8 : 9;

    *t = (struct vga_timing){.width = v->cr[1] + 1u,
                             .total_width = v->cr[0] + 5u,
                             .height = vga_lines(v),
                             .total_height = (cr7_bits(v, 0x06, 0, 5) + 2) * twice,
                             .sync = sync * twice};
    t->sync_end = (sync + (((v->cr[0x11] & 15) - sync) & 15)) * twice;
    if (v->sr[1] & SR1_HALFCLOCK)
        dots *= 2;
    t->line = t->total_width * dots * NS_PER_S / hz;
    t->frame = t->line * t->total_height;
    if (vbe_on(v) || t->width >= t->total_width || t->height >= t->total_height ||
        t->sync < t->height || t->sync_end <= t->sync || t->sync_end > t->total_height ||
        t->frame < NS_PER_S / 200 || t->frame > NS_PER_S / 20)
        timing_default(v, t);
}

/* Bit 3: vertical retrace; bit 0: nothing is displayed just now. */
static uint8_t input_status1(struct vga *v)
{
    uint64_t now = dev_now(v->dev);
    struct vga_timing t;
    unsigned line;

    v->ar_data = false;
    vga_timing(v, &t);
    line = now % t.frame / t.line;
    if (line >= t.sync && line < t.sync_end)
        return 0x09;
    return line >= t.height || now % t.line >= t.line * t.width / t.total_width;
}

/* --- attribute controller ------------------------------------------------------------- */

static void attribute_write(struct vga *v, uint8_t value)
{
    unsigned i = v->ar_index & 31;

    v->ar_data = !v->ar_data;
    if (v->ar_data) {
        v->ar_index = value & 0x3f;
        return;
    }
    if (i < 16 || i == 0x12)
        v->ar[i] = value & 0x3f;
    else if (i == 0x10)
        v->ar[i] = value & 0xef;
    else if (i == 0x11)
        v->ar[i] = value;
    else if (i < sizeof(v->ar))
        v->ar[i] = value & 0x0f;
}

static uint8_t attribute_read(const struct vga *v)
{
    unsigned i = v->ar_index & 31;

    return i < sizeof(v->ar) ? v->ar[i] : 0;
}

/* --- DAC ------------------------------------------------------------------------------ */

static void dac_data_write(struct vga *v, uint8_t value)
{
    uint8_t *entry = &v->dac[3 * v->dac_write];

    if (!(v->vbe[VBE_ENABLE] & VBE_8BIT_DAC))
        value &= 0x3f;
    if (v->dac_step < 2) {
        v->dac_new[v->dac_step++] = value;
        return;
    }
    memcpy(entry, v->dac_new, 2);
    entry[2] = value;
    v->dac_step = 0;
    v->dac_write++;
}

static uint8_t dac_data_read(struct vga *v)
{
    uint8_t value = v->dac[3 * v->dac_read + v->dac_step];

    if (++v->dac_step == 3) {
        v->dac_step = 0;
        v->dac_read++;
    }
    return value;
}

static void dac_index_write(struct vga *v, uint8_t value, bool reading)
{
    v->dac_reading = reading;
    v->dac_step = 0;
    if (reading)
        v->dac_read = value;
    else
        v->dac_write = value;
}

/* --- CRT controller --------------------------------------------------------------------- */

static void crtc_write(struct vga *v, uint8_t value)
{
    unsigned i = v->cr_index;

    if (i >= sizeof(v->cr))
        return;
    if (i <= 7 && (v->cr[0x11] & CR11_PROTECT)) {
        if (i == 7) /* bit 8 of the line compare is never protected */
            v->cr[7] = (v->cr[7] & ~0x10) | (value & 0x10);
        return;
    }
    v->cr[i] = value;
}

/* --- ports ------------------------------------------------------------------------------ */

/* 3B0-3BF and 3D0-3DF: one of them answers. */
static bool crtc_port_on(const struct vga *v, unsigned port)
{
    return (port >= 0x3d0) == (v->misc & MISC_COLOUR);
}

static uint8_t crtc_port_read(struct vga *v, unsigned port)
{
    if (!crtc_port_on(v, port))
        return 0xff;
    switch (port & 15) {
    case 0x4: return v->cr_index;
    case 0x5: return v->cr_index < sizeof(v->cr) ? v->cr[v->cr_index] : 0;
    case 0xa: return input_status1(v);
    default: return 0xff;
    }
}

static void crtc_port_write(struct vga *v, unsigned port, uint8_t value)
{
    if (!crtc_port_on(v, port))
        return;
    switch (port & 15) {
    case 0x4: v->cr_index = value; break;
    case 0x5: crtc_write(v, value); break;
    case 0xa: v->feature = value & 0x10; break;
    default: break;
    }
}

uint8_t vga_port_read(struct vga *v, unsigned port)
{
    switch (port) {
    case 0x3c0: return v->ar_data ? 0 : v->ar_index;
    case 0x3c1: return attribute_read(v);
    case 0x3c2: return 0;
    case 0x3c3: return v->enable;
    case 0x3c4: return v->sr_index;
    case 0x3c5: return v->sr[v->sr_index];
    case 0x3c6: return v->dac_mask;
    case 0x3c7: return v->dac_reading ? 3 : 0;
    case 0x3c8: return v->dac_write;
    case 0x3c9: return dac_data_read(v);
    case 0x3ca: return v->feature;
    case 0x3cc: return v->misc;
    case 0x3ce: return v->gr_index;
    case 0x3cf: return v->gr_index < sizeof(v->gr) ? v->gr[v->gr_index] : 0;
    case 0x3cb:
    case 0x3cd: return 0xff;
    default: return crtc_port_read(v, port);
    }
}

static void sequencer_write(struct vga *v, uint8_t value)
{
    v->sr[v->sr_index] = value & sr_mask[v->sr_index];
    vga_window_update(v);
}

static void graphics_write(struct vga *v, uint8_t value)
{
    if (v->gr_index >= sizeof(v->gr))
        return;
    v->gr[v->gr_index] = value & gr_mask[v->gr_index];
    vga_window_update(v);
}

void vga_port_write(struct vga *v, unsigned port, uint8_t value)
{
    switch (port) {
    case 0x3c0: attribute_write(v, value); break;
    case 0x3c2:
        v->misc = value & 0xef;
        vga_window_update(v);
        break;
    case 0x3c3: v->enable = value & 1; break;
    case 0x3c4: v->sr_index = value & 7; break;
    case 0x3c5: sequencer_write(v, value); break;
    case 0x3c6: v->dac_mask = value; break;
    case 0x3c7: dac_index_write(v, value, true); break;
    case 0x3c8: dac_index_write(v, value, false); break;
    case 0x3c9: dac_data_write(v, value); break;
    case 0x3ce: v->gr_index = value & 15; break;
    case 0x3cf: graphics_write(v, value); break;
    case 0x3c1:
    case 0x3ca ... 0x3cd: break;
    default: crtc_port_write(v, port, value); break;
    }
}

/* --- life --------------------------------------------------------------------------------- */

bool vga_core_realize(struct vga *v, const struct dev *d, struct err *e)
{
    v->dev = d;
    if (!v->vgamem_mb || v->vgamem_mb > 512)
        return err_set(e, "vgamem_mb is %u, but must be from 1 to 512", v->vgamem_mb);
    while (v->vgamem_mb & (v->vgamem_mb - 1)) /* a BAR's size: the next power of two */
        v->vgamem_mb++;
    v->vram_bytes = v->vgamem_mb << 20;
    return ram_init(&v->vram, v->vram_bytes, e);
}

void vga_core_reset(struct vga *v)
{
    v->misc = v->feature = 0;
    v->enable = 1;
    v->sr_index = v->gr_index = v->cr_index = v->ar_index = 0;
    memset(v->sr, 0, sizeof(v->sr));
    memset(v->gr, 0, sizeof(v->gr));
    memset(v->cr, 0, sizeof(v->cr));
    memset(v->ar, 0, sizeof(v->ar));
    v->ar_data = v->dac_reading = false;
    v->latch = 0;
    v->dac_mask = 0xff;
    v->dac_read = v->dac_write = v->dac_step = 0;
    memset(v->dac_new, 0, sizeof(v->dac_new));
    memset(v->dac, 0, sizeof(v->dac));
    v->vbe_index = v->vbe_low = 0;
    memset(v->vbe, 0, sizeof(v->vbe));
    v->vbe[VBE_ID] = VBE_ID_LATEST;
    v->vbe_start = v->vbe_pitch = 0;
    vga_window_update(v);
}

void vga_core_unrealize(struct vga *v)
{
    vga_window_remove(v);
    ram_finish(&v->vram);
}
