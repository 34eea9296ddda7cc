/* SPDX-License-Identifier: MIT
 * VGA with Bochs VBE extensions: the chip (struct vga) and its two cards, the PCI function
 * 1234:1111 and a bare ISA one.
 *
 * Reading order: vga.c (registers), vga_mem.c (window at A0000), vga_vbe.c, vga_draw.c
 * (picture), vga_card.c (cards), vga_setup.c (text mode for direct boots). */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "hw/pci/pci.h"
#include "softmmu/dev.h"
#include "softmmu/display.h"
#include "softmmu/ram.h"

#define VGA_VBE_REGS 11

struct vga {
    const struct dev *dev; /* the card: clock, spaces, name */
    uint32_t vgamem_mb;    /* property */
    struct ram vram;       /* byte 4 * n + p is byte n of plane p; chain-4 and VBE: linear */
    uint32_t vram_bytes;   /* vram.size */

    uint8_t misc, feature, enable;
    uint8_t sr_index, sr[8];
    uint8_t gr_index, gr[9];
    uint8_t cr_index, cr[25];
    uint8_t ar_index, ar[21];
    bool ar_data;   /* the next write to 3C0 is data */
    uint32_t latch; /* plane p in byte p */

    uint8_t dac_mask, dac_read, dac_write, dac_step, dac_new[2];
    bool dac_reading;
    uint8_t dac[768]; /* red, green, blue; 6 bits each unless VBE_8BIT_DAC is set */

    uint16_t vbe_index, vbe[VGA_VBE_REGS];
    uint8_t vbe_low; /* low byte of a 16-bit access that came as two */
    uint32_t vbe_start, vbe_pitch;

    /* what stands at A0000 and B0000 now */
    bool low_mapped, low_is_ram, high_mapped;
    uint32_t low_bank;
};

struct vga_pci {
    struct pci_fn pci;
    struct vga vga;
    uint8_t edid[256];
    bool edid_on;        /* property edid */
    uint32_t xres, yres; /* properties: preferred mode, 0 is 1280x800 */
    uint32_t xmax, ymax; /* properties: largest mode in the EDID, 0: no limit */
    const void *rom;     /* wire: option ROM, copied in realize; NULL: none */
    size_t rom_size;
};

struct vga_isa {
    struct dev dev;
    struct vga vga;
};

/* Regions of both classes, in this order; the ports stand where vga_region_port says. */
enum {
    VGA_REGION_3B4,
    VGA_REGION_3BA,
    VGA_REGION_3C0,
    VGA_REGION_3D4,
    VGA_REGION_3DA,
    VGA_REGION_VBE,
    VGA_REGION_MMIO, /* PCI only: BAR 2 */
};
#define VGA_PORT_REGIONS VGA_REGION_MMIO
extern const uint16_t vga_region_port[VGA_PORT_REGIONS];

extern const struct dev_class vga_pci_class; /* "VGA" */
extern const struct dev_class vga_isa_class; /* "isa-vga" */

/* The picture; points to the chip, which must outlive it. */
struct display vga_display(struct vga *v);

/* What a VGA BIOS leaves at power-on: mode 3, 80x25 text, with font and colours, screen empty.
 */
void vga_setup_text(struct vga *v);

#endif
