/* SPDX-License-Identifier: MIT
 * RAM: what there is (CMOS, fw_cfg), what the firmware keeps, the map for INT 15h E820h. */
#include "firmware/bios/system.h"
#include "firmware/post/post.h"

static u32 high_next; /* allocations grow down from the end of low RAM */
static u32 fseg_next;
static u64 high_end = 0x100000000;

static u32 cmos16(u8 lo)
{
    return cmos_read(lo) | (u32)cmos_read(lo + 1) << 8;
}

/* Keeps the map sorted and without overlap of equal types being merged. */
void e820_add(u64 base, u64 size, u32 type)
{
    struct e820 *map = &SHARED(e820_map[0]);
    u16 n = SHARED(e820_count), i = n;
    if (!size || n == E820_MAX)
        return;
    for (; i && map[i - 1].base > base; i--)
        map[i] = map[i - 1];
    map[i] = (struct e820){base, size, type};
    SHARED(e820_count) = (u16)(n + 1);
}

static bool add_from_fwcfg(void)
{
    struct fw_file f;
    struct e820 e;
    bool ram = false;
    if (!fwcfg_find("etc/e820", &f))
        return false;
    struct e820 all[16];
    u32 n = f.size / sizeof e;
    if (n > ARRAY_SIZE(all))
        n = ARRAY_SIZE(all);
    fwcfg_read(f.select, all, n * sizeof e);
    for (u32 i = 0; i < n; i++) {
        e = all[i];
        if (e.type != E820_RAM) {
            e820_add(e.base, e.size, e.type);
        } else if (e.base >= 0x100000000) {
            e820_add(e.base, e.size, e.type);
            if (e.base + e.size > high_end)
                high_end = e.base + e.size;
            ram = true;
        } else if (e.base == 0) {
            SHARED(low_ram_end) = (u32)e.size;
        }
    }
    return ram;
}

static u32 low_size(void)
{
    u32 above16 = cmos16(CMOS_MEM16_LO) << 16;
    return above16 ? above16 + 0x1000000 : (cmos16(CMOS_EXT_LO) << 10) + 0x100000;
}

void memory_init(void)
{
    extern const u8 fseg_free[];
    u64 high = (u64)(cmos16(CMOS_HIGH_LO) | (u32)cmos_read(CMOS_HIGH_LO + 2) << 16) << 16;
    SHARED(low_ram_end) = low_size();
    if (!add_from_fwcfg() && high) {
        high_end += high;
        e820_add(0x100000000, high, E820_RAM);
    }
    high_next = SHARED(low_ram_end);
    fseg_next = BIOS_BASE + hide((u32)fseg_free);
}

u32 high_alloc(u32 size, u32 align)
{
    u32 at = (high_next - size) & ~(align - 1);
    if (size > high_next || at < 0x200000)
        return 0;
    high_next = at;
    return at;
}

u32 fseg_alloc(u32 size, u32 align)
{
    u32 at = (fseg_next + align - 1) & ~(align - 1);
    if (size > 0x10000 || at + size > BIOS_BASE + 0xe000)
        return 0;
    fseg_next = at + size;
    return at;
}

void memory_finish(void)
{
    u32 base = BDA->base_kb * 1024u, end = high_next & ~0xfffu, low = SHARED(low_ram_end);
    SHARED(free_ram_end) = end;
    e820_add(0, base, E820_RAM);
    e820_add(base, 0xa0000 - base, E820_RESERVED);
    e820_add(IMAGE_BASE, IMAGE_SIZE, E820_RESERVED);
    e820_add(0x100000, end - 0x100000, E820_RAM);
    e820_add(end, low - end, E820_RESERVED);
    e820_add(0xfffc0000, 0x40000, E820_RESERVED);
    for (u32 i = 0; i < SHARED(e820_count); i++) {
        struct e820 e = SHARED(e820_map[i]);
        debug_f("e820: %08x%08x + %08x%08x type %u\n", (u32)(e.base >> 32), (u32)e.base,
                (u32)(e.size >> 32), (u32)e.size, e.type);
    }
}

u32 pci_hole_start(void)
{
    u32 low = SHARED(low_ram_end);
    return low > 0xc0000000 ? low : 0xc0000000;
}

u64 high_ram_end(void)
{
    return high_end;
}
