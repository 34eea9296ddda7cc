/* SPDX-License-Identifier: MIT
 * The VBE modes: VESA's numbers to 11Ah, then those that Bochs' interface made common. */
#include "firmware/vga/vbe.h"

#define SIZE(w, h, n8, n15, n16, n24, n32) \
    {n8, w, h, 8}, {n15, w, h, 15}, {n16, w, h, 16}, {n24, w, h, 24}, {n32, w, h, 32}

const struct vbe_mode ROM_DATA vbe_modes[] = {
    {0x100, 640, 400, 8},
    {0x141, 640, 400, 32},
    SIZE(320, 200, 0x146, 0x10d, 0x10e, 0x10f, 0x140),
    SIZE(640, 480, 0x101, 0x110, 0x111, 0x112, 0x142),
    SIZE(800, 600, 0x103, 0x113, 0x114, 0x115, 0x143),
    SIZE(1024, 768, 0x105, 0x116, 0x117, 0x118, 0x144),
    SIZE(1280, 1024, 0x107, 0x119, 0x11a, 0x11b, 0x145),
    SIZE(1600, 1200, 0x11c, 0x11d, 0x11e, 0x11f, 0x147),
    SIZE(1152, 864, 0x148, 0x149, 0x14a, 0x14b, 0x14c),
    {0x175, 1280, 768, 16}, {0x176, 1280, 768, 24}, {0x177, 1280, 768, 32},
    {0x178, 1280, 800, 16}, {0x179, 1280, 800, 24}, {0x17a, 1280, 800, 32},
    {0x17b, 1280, 960, 16}, {0x17c, 1280, 960, 24}, {0x17d, 1280, 960, 32},
    {0x17e, 1440, 900, 16}, {0x17f, 1440, 900, 24}, {0x180, 1440, 900, 32},
    {0x181, 1400, 1050, 16}, {0x182, 1400, 1050, 24}, {0x183, 1400, 1050, 32},
    {0x184, 1680, 1050, 16}, {0x185, 1680, 1050, 24}, {0x186, 1680, 1050, 32},
    {0x187, 1920, 1200, 16}, {0x188, 1920, 1200, 24}, {0x189, 1920, 1200, 32},
    {0x18a, 2560, 1600, 16}, {0x18b, 2560, 1600, 24}, {0x18c, 2560, 1600, 32},
    {0x18d, 1280, 720, 16}, {0x18e, 1280, 720, 24}, {0x18f, 1280, 720, 32},
    {0x190, 1920, 1080, 16}, {0x191, 1920, 1080, 24}, {0x192, 1920, 1080, 32},
};
const u16 ROM_DATA vbe_mode_count = ARRAY_SIZE(vbe_modes);

const struct vbe_mode ROM *vbe_find(u16 number)
{
    u32 memory = (u32)dispi_get(D_MEMORY) << 16;
    for (u32 i = 0; i < vbe_mode_count; i++) {
        const struct vbe_mode ROM *m = &vbe_modes[i];
        if (m->number == (number & 0x1ff))
            return vbe_line_bytes(m->width, m->bpp) * m->height <= memory
                       ? m : (const struct vbe_mode ROM *)0;
    }
    return (const struct vbe_mode ROM *)0;
}
