/* SPDX-License-Identifier: MIT
 * A VGA without a board: ports, the window, a clock moved by hand. */
#ifndef TESTS_HW_VGA_RIG_H
#define TESTS_HW_VGA_RIG_H

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "hw/display/vga.h"

struct rig {
    uint64_t ns;
    struct clock clock;
    struct dev_env env;
    struct vga_isa card;
    struct display display;
    struct surface s;
};

static inline uint64_t rig_now(void *opaque)
{
    return ((struct rig *)opaque)->ns;
}

static inline void rig_start(struct rig *r)
{
    struct err e;
    unsigned i;

    memset(r, 0, sizeof(*r));
    clock_init(&r->clock, rig_now, r);
    clock_start(&r->clock);
    r->env = (struct dev_env){space_create("mem", 1ull << 52), space_create("ports", 0x10000),
                              &r->clock};
    dev_init(&r->card.dev, &vga_isa_class, NULL, &r->env);
    if (!dev_realize(&r->card.dev, &e))
        g_error("%s", e.msg);
    for (i = 0; i < VGA_PORT_REGIONS; i++)
        if (!dev_map(&r->card.dev, i, vga_region_port[i], 0, &e))
            g_error("%s", e.msg);
    dev_reset(&r->card.dev);
    r->display = vga_display(&r->card.vga);
}

static inline void rig_stop(struct rig *r)
{
    dev_finish(&r->card.dev);
    surface_finish(&r->s);
    space_destroy(r->env.mem);
    space_destroy(r->env.ports);
}

static inline void out8(struct rig *r, uint16_t port, uint8_t v)
{
    space_write(r->env.ports, port, v, 1);
}

static inline void out16(struct rig *r, uint16_t port, uint16_t v)
{
    space_write(r->env.ports, port, v, 2);
}

static inline uint8_t in8(struct rig *r, uint16_t port)
{
    return space_read(r->env.ports, port, 1);
}

/* Index and data register. */
static inline void out_at(struct rig *r, uint16_t port, uint8_t index, uint8_t v)
{
    out16(r, port, index | v << 8);
}

static inline uint8_t in_at(struct rig *r, uint16_t port, uint8_t index)
{
    out8(r, port, index);
    return in8(r, port + 1);
}

static inline void attribute(struct rig *r, uint8_t index, uint8_t v)
{
    in8(r, 0x3da);
    out8(r, 0x3c0, index);
    out8(r, 0x3c0, v);
}

static inline void video_on(struct rig *r)
{
    in8(r, 0x3da);
    out8(r, 0x3c0, 0x20);
}

static inline void vbe(struct rig *r, uint16_t index, uint16_t v)
{
    out16(r, 0x1ce, index);
    out16(r, 0x1cf, v);
}

static inline uint16_t vbe_in(struct rig *r, uint16_t index)
{
    out16(r, 0x1ce, index);
    return space_read(r->env.ports, 0x1cf, 2);
}

static inline void poke(struct rig *r, uint32_t a, uint8_t v)
{
    space_write(r->env.mem, a, v, 1);
}

static inline uint8_t peek(struct rig *r, uint32_t a)
{
    return space_read(r->env.mem, a, 1);
}

static inline void dac(struct rig *r, uint8_t i, uint8_t red, uint8_t green, uint8_t blue)
{
    out8(r, 0x3c8, i);
    out8(r, 0x3c9, red);
    out8(r, 0x3c9, green);
    out8(r, 0x3c9, blue);
}

/* A mode in as many registers as it takes; CRTC 0-18, SR 1-4, GR 5-6, AR 10 and 13. */
struct mode {
    uint8_t misc, sr[5], cr[25], gr5, gr6, ar10;
};

static inline void set_mode(struct rig *r, const struct mode *m)
{
    unsigned i;

    out8(r, 0x3c2, m->misc);
    for (i = 0; i < 5; i++)
        out_at(r, 0x3c4, i, m->sr[i]);
    out_at(r, 0x3d4, 0x11, 0);
    for (i = 0; i < 25; i++)
        out_at(r, 0x3d4, i, m->cr[i]);
    for (i = 0; i < 4; i++)
        out_at(r, 0x3ce, i, 0);
    out_at(r, 0x3ce, 4, 0);
    out_at(r, 0x3ce, 5, m->gr5);
    out_at(r, 0x3ce, 6, m->gr6);
    out_at(r, 0x3ce, 7, 15);
    out_at(r, 0x3ce, 8, 0xff);
    for (i = 0; i < 16; i++)
        attribute(r, i, i);
    attribute(r, 0x10, m->ar10);
    attribute(r, 0x11, 0);
    attribute(r, 0x12, 15);
    attribute(r, 0x13, 0);
    attribute(r, 0x14, 0);
    for (i = 0; i < 256; i++)
        dac(r, i, i & 63, (i * 7) & 63, (i >> 2) & 63);
    video_on(r);
}

#define TIMING_200 0x9c, 0x8e, 0x8f
/* 640x400 frames of 200 lines drawn twice, 640x350 and 640x480 ones */
static const struct mode mode_text = {0x67,
                                      {3, 0, 3, 0, 2},
                                      {0x5f,       0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f,
                                       0,          0x4f, 0x0d, 0x0e, 0,    0,    0,    0,
                                       TIMING_200, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
                                      0x10,
                                      0x0e,
                                      0x04};
static const struct mode mode_4 = {0x63,
                                   {3, 9, 3, 0, 2},
                                   {0x2d,       0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f,
                                    0,          0xc1, 0,    0,    0,    0,    0,    0,
                                    TIMING_200, 0x14, 0,    0x96, 0xb9, 0xa2, 0xff},
                                   0x30,
                                   0x0f,
                                   0x01};
static const struct mode mode_6 = {0x63,
                                   {3, 1, 1, 0, 6},
                                   {0x5f,       0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f,
                                    0,          0xc1, 0,    0,    0,    0,    0,    0,
                                    TIMING_200, 0x28, 0,    0x96, 0xb9, 0xc2, 0xff},
                                   0x00,
                                   0x0d,
                                   0x01};
static const struct mode mode_d = {0x63,
                                   {3, 9, 15, 0, 6},
                                   {0x2d,       0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f,
                                    0,          0xc0, 0,    0,    0,    0,    0,    0,
                                    TIMING_200, 0x14, 0,    0x96, 0xb9, 0xe3, 0xff},
                                   0x00,
                                   0x05,
                                   0x01};
static const struct mode mode_12 = {0xe3,
                                    {3, 1, 15, 0, 6},
                                    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0,
                                     0x40, 0,    0,    0,    0,    0,    0,    0xea, 0x8c,
                                     0xdf, 0x28, 0,    0xe7, 0x04, 0xe3, 0xff},
                                    0x00,
                                    0x05,
                                    0x01};
static const struct mode mode_13 = {0x63,
                                    {3, 1, 15, 0, 14},
                                    {0x5f,       0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f,
                                     0,          0x41, 0,    0,    0,    0,    0,    0,
                                     TIMING_200, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
                                    0x40,
                                    0x05,
                                    0x41};
static const struct mode mode_x = {0x63,
                                   {3, 1, 15, 0, 6},
                                   {0x5f,       0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f,
                                    0,          0x41, 0,    0,    0,    0,    0,    0,
                                    TIMING_200, 0x28, 0,    0x96, 0xb9, 0xe3, 0xff},
                                   0x40,
                                   0x05,
                                   0x41};

#endif
