/* SPDX-License-Identifier: MIT
 * The VGA: registers by their modes, VBE, the windows, and a picture of whatever that is. */
#include "tests/hw/fuzz/play.h"

static void at_index(struct rig *r, uint16_t port, uint8_t index, uint8_t v)
{
    rig_out(r, port, index | v << 8, 2);
}

/* CRTC, sequencer, graphics controller and attributes of mode 3, 12H, 13H, and an unchained
 * one; each byte may be another. */
static const uint8_t crtc[][25] = {
    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x00, 0x96, 0xb9, 0xe3, 0xff},
};
static const uint8_t seq[][5] = {
    {3, 0, 3, 0, 2}, {3, 1, 15, 0, 6}, {3, 1, 15, 0, 14}, {3, 1, 15, 0, 6}};
static const uint8_t gfx[][9] = {{0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff},
                                 {0, 0, 0, 0, 0, 0x00, 0x05, 0xf, 0xff},
                                 {0, 0, 0, 0, 0, 0x40, 0x05, 0xf, 0xff},
                                 {0, 0, 0, 0, 0, 0x20, 0x0f, 0xf, 0xff}};
static const uint8_t attr_mode[] = {0x0c, 0x01, 0x41, 0x01};

static uint8_t perhaps(uint8_t v, unsigned n)
{
    return one_in(n) ? (uint8_t)FUZZ_U32() : v;
}

static void set_mode(struct rig *r)
{
    unsigned k = fuzz_below(4), wrong = one_in(2) ? 1000 : 4 + fuzz_below(30);
    uint16_t cr = one_in(4) ? 0x3b4 : 0x3d4;

    rig_out(r, 0x3c2, perhaps(0x63, wrong), 1);
    for (unsigned i = 0; i < 5; i++)
        at_index(r, 0x3c4, (uint8_t)i, perhaps(seq[k][i], wrong));
    at_index(r, cr, 0x11, 0);
    for (unsigned i = 0; i < 25; i++)
        at_index(r, cr, (uint8_t)i, perhaps(crtc[k][i], wrong));
    for (unsigned i = 0; i < 9; i++)
        at_index(r, 0x3ce, (uint8_t)i, perhaps(gfx[k][i], wrong));
    rig_in(r, 0x3da, 1);
    for (unsigned i = 0; i < 21; i++) {
        rig_out(r, 0x3c0, i, 1);
        rig_out(r, 0x3c0,
                i == 16 ? perhaps(attr_mode[k], wrong) : perhaps((uint8_t)i & 15, wrong), 1);
    }
    rig_out(r, 0x3c0, 0x20, 1);
}

static void vbe(struct rig *r)
{
    static const uint16_t sizes[] = {0, 1, 8, 320, 640, 1024, 2560, 16000, 0xffff, 12000};
    static const uint16_t depths[] = {0, 4, 8, 15, 16, 24, 32, 33, 0xffff};
    bool mmio = one_in(4);
    gpa regs = rig_bar(&r->vga.pci, 2) + 0x500;

    for (unsigned n = 1 + fuzz_below(10); n; n--) {
        uint16_t index = one_in(12) ? (uint16_t)FUZZ_U32() : (uint16_t)fuzz_below(12);
        uint16_t v = index == 3   ? PICK(depths)
                     : index == 4 ? 1 | (FUZZ_U32() & 0xe2)
                                  : PICK(sizes);

        v = one_in(12) ? (uint16_t)FUZZ_U32() : v;
        if (mmio) {
            rig_store(r, regs + 2 * index, v, 2);
            continue;
        }
        rig_out(r, 0x1ce, index, 2);
        rig_out(r, one_in(2) ? 0x1cf : 0x1d0, v, one_in(8) ? 1 : 2);
        rig_in(r, 0x1d0, 2);
    }
}

static void window(struct rig *r)
{
    gpa at = 0xa0000 + fuzz_below(0x20000);

    at_index(r, 0x3ce, (uint8_t)fuzz_below(9), (uint8_t)FUZZ_U32()); /* logic, mode, mask */
    if (one_in(2))
        at_index(r, 0x3c4, 2, (uint8_t)FUZZ_U32());
    for (unsigned n = fuzz_below(40); n; n--) {
        unsigned width = 1u << fuzz_below(4);

        at = one_in(6) ? 0xa0000 + fuzz_below(0x20000) : at + width;
        if (one_in(3))
            rig_load(r, at, width);
        else
            rig_store(r, at, FUZZ_U32(), width);
    }
    if (one_in(3))
        rig_store(r, rig_bar(&r->vga.pci, 0) + fuzz_below(0x1000010), FUZZ_U32(), 8);
}

static void palette(struct rig *r)
{
    for (unsigned n = fuzz_below(20); n; n--) {
        rig_out(r, 0x3c6 + fuzz_below(4), FUZZ_U32(), 1);
        rig_in(r, 0x3c0 + fuzz_below(0x20), 1);
    }
}

static void registers(struct rig *r)
{
    gpa mmio = rig_bar(&r->vga.pci, 2) + fuzz_below(0x1010);
    unsigned width = 1u << fuzz_below(4);

    rig_out(r, 0x3b0 + fuzz_below(0x30), FUZZ_U32(), 1u << fuzz_below(3));
    if (one_in(2))
        rig_store(r, mmio, FUZZ_U32(), width);
    else
        rig_load(r, mmio, width);
}

static void draw(struct rig *r)
{
    r->display.update(r->display.opaque, &r->surface, one_in(2));
}

const struct play play_screen[] = {
    {"vga-mode", 5, set_mode},
    {"vbe", 5, vbe},
    {"window", 12, window},
    {"palette", 3, palette},
    {"vga-ports", 8, registers},
    {"draw", 4, draw},
    {0},
};
