/* SPDX-License-Identifier: MIT
 * fw_cfg at ports 510h-51Bh: selector, data, DMA (QEMU docs/specs/fw_cfg). */
#include "firmware/post/post.h"

enum { SELECT = 0x510, DATA = 0x511, DMA = 0x514 };
enum { ITEM_SIGNATURE = 0, ITEM_ID = 1, ITEM_DIR = 0x19 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SELECT = 8, DMA_WRITE = 16 };

static bool present, has_dma;
static u32 entries;

struct dir_entry {
    u32 size;
    u16 select, reserved;
    char name[56];
};

struct dma {
    u32 control, length;
    u64 address;
};

static u32 swap32(u32 v)
{
    return v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24;
}

static u16 swap16(u16 v)
{
    return (u16)(v >> 8 | v << 8);
}

static void dma(u32 control, const void *mem, u32 n)
{
    volatile struct dma d = {swap32(control), swap32(n), (u64)swap32((u32)mem) << 32};
    outl(DMA, 0);
    __asm__ volatile("" ::: "memory");
    outl(DMA + 4, swap32((u32)&d));
    while (d.control & ~swap32(DMA_ERROR))
        __asm__ volatile("pause");
}

static void read_on(void *to, u32 n)
{
    if (has_dma) {
        dma(DMA_READ, to, n);
        return;
    }
    __asm__ volatile("rep insb" : "+D"(to), "+c"(n) : "d"(DATA) : "memory");
}

void fwcfg_read(u16 select, void *to, u32 n)
{
    outw(SELECT, select);
    read_on(to, n);
}

void fwcfg_write(u16 select, u32 offset, const void *from, u32 n)
{
    if (!has_dma)
        return;
    dma((u32)select << 16 | DMA_SELECT | 4 /* skip */, from, offset);
    dma(DMA_WRITE, from, n);
}

void fwcfg_init(void)
{
    char sig[4];
    u32 id = 0;
    fwcfg_read(ITEM_SIGNATURE, sig, 4);
    present = !memcmp(sig, "QEMU", 4);
    if (!present)
        return;
    fwcfg_read(ITEM_ID, &id, 4);
    has_dma = id & 2;
    fwcfg_read(ITEM_DIR, &entries, 4);
    entries = swap32(entries);
}

/* Entries come in order: walks on without starting over. */
bool fwcfg_entry(u32 index, char name[57], struct fw_file *f)
{
    struct dir_entry e;
    u32 skip;
    if (!present || index >= entries)
        return false;
    fwcfg_read(ITEM_DIR, &skip, 4);
    for (u32 i = 0; i <= index; i++)
        read_on(&e, sizeof e);
    memcpy(name, e.name, 56);
    name[56] = 0;
    f->size = swap32(e.size);
    f->select = swap16(e.select);
    return true;
}

bool fwcfg_find(const char *name, struct fw_file *f)
{
    struct dir_entry e;
    u32 count;
    *f = (struct fw_file){0};
    if (!present)
        return false;
    fwcfg_read(ITEM_DIR, &count, 4);
    for (u32 i = 0; i < entries; i++) {
        read_on(&e, sizeof e);
        e.name[55] = 0;
        if (!strcmp(e.name, name)) {
            f->size = swap32(e.size);
            f->select = swap16(e.select);
            return true;
        }
    }
    return false;
}

u64 fwcfg_number(const char *name, u64 otherwise)
{
    struct fw_file f;
    u64 v = 0;
    if (!fwcfg_find(name, &f) || f.size > 8 || !f.size)
        return otherwise;
    fwcfg_read(f.select, &v, f.size);
    return v;
}
