/* SPDX-License-Identifier: MIT
 * VESA Enhanced EDID Standard, release A revision 2 (EDID 1.4), section 3: the base block.
 * Left out: extension blocks. */
#include "hw/display/edid.h"

#include <string.h>

#define DPI 100

static const struct {
    uint16_t xres, yres;
    uint8_t byte, bit; /* established timings: byte 35, 36, 37 */
} established[] = {
    {640, 480, 35, 5},
    {800, 600, 35, 0},
    {1024, 768, 36, 3},
    {1280, 1024, 36, 0},
};

static const struct {
    uint16_t xres, yres;
    uint8_t aspect; /* 0 16:10, 1 4:3, 2 5:4, 3 16:9 */
} standard[8] = {
    {1280, 720, 3},  {1280, 800, 0},  {1280, 1024, 2}, {1440, 900, 0},
    {1600, 1200, 1}, {1680, 1050, 0}, {1920, 1080, 3}, {2048, 1152, 3},
};

static bool fits(const struct edid_info *info, unsigned x, unsigned y)
{
    return (!info->xmax || x <= info->xmax) && (!info->ymax || y <= info->ymax);
}

static unsigned millimetres(unsigned dots)
{
    return dots * 254 / (10 * DPI);
}

/* Section 3.10.2, reduced blanking as CVT 1.1 has it, 60 Hz, digital separate sync. */
static void put_timing(uint8_t *d, unsigned x, unsigned y)
{
    unsigned hblank = 160, hfront = 48, hsync = 32, vfront = 3, vsync = 6, vblank = y / 26 + 12;
    uint64_t clock = (uint64_t)(x + hblank) * (y + vblank) * 60 / 10000; /* of 10 kHz */
    unsigned w = millimetres(x), h = millimetres(y);

    if (clock > 0xffff)
        clock = 0xffff;
    d[0] = clock;
    d[1] = clock >> 8;
    d[2] = x;
    d[3] = hblank;
    d[4] = (x >> 8) << 4 | hblank >> 8;
    d[5] = y;
    d[6] = vblank;
    d[7] = (y >> 8) << 4 | vblank >> 8;
    d[8] = hfront;
    d[9] = hsync;
    d[10] = vfront << 4 | vsync;
    d[11] = 0;
    d[12] = w;
    d[13] = h;
    d[14] = (w >> 8) << 4 | h >> 8;
    d[17] = 0x1e;
}

/* At most 12 characters. */
static void put_text(uint8_t *d, uint8_t tag, const char *text)
{
    size_t n = strlen(text);

    d[3] = tag;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, text, n);
    d[5 + n] = '\n';
}

/* Section 3.10.3.3: what the monitor synchronises to. */
static void put_limits(uint8_t *d)
{
    static const uint8_t limits[] = {0x32, 0x7d, 0x1e, 0xa0, 0xff, 0x01, 0x0a};

    d[3] = 0xfd;
    memcpy(d + 5, limits, sizeof(limits)); /* 50-125 Hz, 30-160 kHz, 2550 MHz, no formula */
    memset(d + 12, ' ', 6);
}

static void put_modes(const struct edid_info *info, uint8_t *b)
{
    unsigned i, at = 38;

    for (i = 0; i < ARRAY_SIZE(established); i++)
        if (fits(info, established[i].xres, established[i].yres))
            b[established[i].byte] |= 1u << established[i].bit;
    for (i = 0; i < ARRAY_SIZE(standard); i++) {
        if (!fits(info, standard[i].xres, standard[i].yres))
            continue;
        b[at++] = standard[i].xres / 8 - 31;
        b[at++] = standard[i].aspect << 6; /* 60 Hz */
    }
    memset(b + at, 1, 54 - at); /* unused */
}

void edid_make(const struct edid_info *info, uint8_t b[EDID_SIZE])
{
    static const uint8_t head[] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
                                   0x37, 0x2e, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, /* MYN */
                                   0x01, 0x21, 0x01, 0x04, 0xa5};
    static const uint8_t srgb[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
    unsigned x = info->xres ? info->xres : 1280, y = info->yres ? info->yres : 800;
    uint8_t sum = 0;

    x = x > 4095 ? 4095 : x;
    y = y > 4095 ? 4095 : y;
    memset(b, 0, EDID_SIZE);
    memcpy(b, head, sizeof(head));
    b[21] = millimetres(x) / 10;
    b[22] = millimetres(y) / 10;
    b[23] = 120; /* gamma 2.2 */
    b[24] = 0x06;
    memcpy(b + 25, srgb, sizeof(srgb));
    put_modes(info, b);
    put_timing(b + 54, x, y);
    put_limits(b + 72);
    put_text(b + 90, 0xfc, "Mynah");
    b[108 + 3] = 0x10; /* fourth descriptor: none */
    for (unsigned i = 0; i < EDID_SIZE - 1; i++)
        sum += b[i];
    b[EDID_SIZE - 1] = -sum;
}
