/* SPDX-License-Identifier: MIT
 * The window of the VGA at A0000-BFFFF: memory maps, planes, latches, write and read modes
 * (IBM "Graphics Controller", Intel PRM "Memory address decode").
 *
 * Where writes need none of this (mode 13h as the BIOS sets it, a linear VBE mode's bank) the
 * first 64K of the window are RAM and cost nothing; every other access comes to the handlers.
 */
#include "hw/display/vga_int.h"

#include <string.h>

#include "softmmu/log.h"

#define WINDOW 0xa0000u
#define HALF   0x10000u

/* Two bits that a BIOS always sets alike count nowhere, as on QEMU's card, since GRUB's
 * firmware image for that leaves them clear: RAM enable in the miscellaneous output register,
 * and odd/even off in the sequencer (the graphics controller's bit decides). */

/* The byte of the map that window address a means; false: not decoded. */
static bool decode(const struct vga *v, uint32_t a, uint32_t *at)
{
    static const struct {
        uint32_t base, size;
    } map[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    unsigned m = GR6_MAP(v->gr[6]);

    *at = a - map[m].base;
    return *at < map[m].size;
}

/* Which 4 bytes of memory, one a plane, address `at` selects. */
struct cell {
    uint32_t index;
    unsigned planes; /* that a write may reach, before the map mask */
    unsigned plane;  /* that a read gives */
};

static struct cell cell_of(const struct vga *v, uint32_t at)
{
    struct cell c = {.planes = 15, .plane = v->gr[4] & 3};
    uint32_t limit = vbe_on(v) ? v->vram.size / 4 - 1 : VGA_PLANE - 1;

    if (vbe_on(v))
        at += (uint32_t)v->vbe[VBE_BANK] << 16;
    if (v->sr[4] & SR4_CHAIN4) {
        c.plane = at & 3;
        c.planes = 1u << c.plane;
        at >>= 2;
    } else if (v->gr[5] & GR5_ODDEVEN) {
        c.plane = (c.plane & 2) | (at & 1);
        c.planes = at & 1 ? 0xa : 0x5;
        at &= ~1u;
    }
    c.index = at & limit;
    return c;
}

static uint32_t *planes_at(const struct vga *v, uint32_t index)
{
    return (uint32_t *)v->vram.host + index;
}

static uint32_t alu(const struct vga *v, uint32_t x)
{
    switch (v->gr[3] >> 3 & 3) {
    case 1: return x & v->latch;
    case 2: return x | v->latch;
    case 3: return x ^ v->latch;
    default: return x;
    }
}

static uint8_t rotated(const struct vga *v, uint8_t x)
{
    unsigned n = v->gr[3] & 7;

    return x >> n | x << (8 - n);
}

/* What write mode, set/reset, ALU and bit mask make of a byte: all four planes. */
static uint32_t graphics_data(const struct vga *v, uint8_t byte)
{
    uint32_t x, set, bits = v->gr[8] * 0x01010101u;

    switch (v->gr[5] & 3) {
    case 0:
        set = planes_of(v->gr[1]);
        x = rotated(v, byte) * 0x01010101u;
        x = (x & ~set) | (planes_of(v->gr[0]) & set);
        break;
    case 1: return v->latch;
    case 2: x = planes_of(byte); break;
    default:
        bits &= rotated(v, byte) * 0x01010101u;
        x = planes_of(v->gr[0]);
        break;
    }
    return (alu(v, x) & bits) | (v->latch & ~bits);
}

static void write_byte(struct vga *v, uint32_t a, uint8_t byte)
{
    uint32_t at, mask, *p;
    struct cell c;

    if (!decode(v, a, &at))
        return;
    c = cell_of(v, at);
    p = planes_at(v, c.index);
    mask = planes_of(c.planes & v->sr[2]);
    *p = (*p & ~mask) | (graphics_data(v, byte) & mask);
    space_host_written(v->dev->env->mem, p, sizeof(*p));
}

static uint8_t read_byte(struct vga *v, uint32_t a)
{
    uint32_t at, x;
    struct cell c;

    if (!decode(v, a, &at))
        return 0xff;
    c = cell_of(v, at);
    v->latch = *planes_at(v, c.index);
    if (!(v->gr[5] & GR5_READ1))
        return v->latch >> (8 * c.plane);
    x = (v->latch ^ planes_of(v->gr[2])) & planes_of(v->gr[7]);
    x |= x >> 16;
    return ~(x | x >> 8);
}

static uint64_t window_read(struct vga *v, uint32_t a, unsigned size)
{
    uint64_t value = 0;
    unsigned i;

    for (i = 0; i < size; i++)
        value |= (uint64_t)read_byte(v, a + i) << (8 * i);
    return value;
}

static void window_write(struct vga *v, uint32_t a, uint64_t value, unsigned size)
{
    unsigned i;

    for (i = 0; i < size; i++)
        write_byte(v, a + i, value >> (8 * i));
}

static uint64_t low_read(void *opaque, uint64_t offset, unsigned size)
{
    return window_read(opaque, offset, size);
}

static void low_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    window_write(opaque, offset, value, size);
}

static uint64_t high_read(void *opaque, uint64_t offset, unsigned size)
{
    return window_read(opaque, HALF + offset, size);
}

static void high_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    window_write(opaque, HALF + offset, value, size);
}

static const struct io_ops low_ops = {low_read, low_write, 1, 8};
static const struct io_ops high_ops = {high_read, high_write, 1, 8};

/* --- placing ------------------------------------------------------------------------------ */

/* Chain-4 with nothing between the CPU and memory. */
static bool low_is_plain(const struct vga *v)
{
    return (v->sr[4] & SR4_CHAIN4) && (v->sr[2] & 15) == 15 && GR6_MAP(v->gr[6]) < 2 &&
           !(v->gr[5] & (3 | GR5_READ1)) && !(v->gr[1] & 15) && !v->gr[3] && v->gr[8] == 0xff;
}

/* Of the 64K that the window shows as RAM. */
static uint32_t low_offset(const struct vga *v)
{
    return vbe_on(v) ? ((uint32_t)v->vbe[VBE_BANK] << 16) & (v->vram.size - 1) : 0;
}

static bool place_low(struct vga *v, bool ram, uint32_t bank, struct err *e)
{
    struct space *mem = v->dev->env->mem;

    if (ram)
        return space_add_ram(mem, "vga-bank", WINDOW, HALF, v->vram.host + bank, false, e);
    return space_add_io(mem, "vga-a0000", WINDOW, HALF, &low_ops, v, e);
}

void vga_window_update(struct vga *v)
{
    bool ram = low_is_plain(v);
    uint32_t bank = ram ? low_offset(v) : 0;
    struct err e;

    if (v->low_mapped && v->low_is_ram == ram && v->low_bank == bank)
        return;
    if (v->low_mapped)
        space_remove(v->dev->env->mem, WINDOW);
    v->low_is_ram = ram;
    v->low_bank = bank;
    v->low_mapped = place_low(v, ram, bank, &e);
    if (v->low_mapped && !v->high_mapped)
        v->high_mapped =
            space_add_io(v->dev->env->mem, "vga-b0000", WINDOW + HALF, HALF, &high_ops, v, &e);
    if (!v->low_mapped || !v->high_mapped)
        LOG_GUEST("%s: window not placed: %s", v->dev->id, e.msg);
}

void vga_window_remove(struct vga *v)
{
    if (v->low_mapped)
        space_remove(v->dev->env->mem, WINDOW);
    if (v->high_mapped)
        space_remove(v->dev->env->mem, WINDOW + HALF);
    v->low_mapped = v->high_mapped = false;
}
