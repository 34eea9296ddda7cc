/* SPDX-License-Identifier: MIT
 * ACPI tables from the emulator by fw_cfg's linker script "etc/table-loader" (QEMU,
 * hw/acpi/bios-linker-loader: the commands' format); without one, tables of our own. */
#include "firmware/post/acpi.h"

enum {
    C_ALLOCATE = 1,
    C_POINTER = 2,
    C_CHECKSUM = 3,
    C_WRITE_POINTER = 4,
    ZONE_FSEG = 2,
    MAX_FILES = 16
};

struct command {
    u32 type;
    union {
        struct {
            char file[56];
            u32 align;
            u8 zone;
        } PACKED allocate;
        struct {
            char dest[56], src[56];
            u32 offset;
            u8 size;
        } PACKED pointer;
        struct {
            char file[56];
            u32 offset, start, length;
        } PACKED checksum;
        struct {
            char dest[56], src[56];
            u32 dest_offset, src_offset;
            u8 size;
        } PACKED write_pointer;
        u8 pad[124];
    };
} PACKED;
_Static_assert(sizeof(struct command) == 128, "linker command");

static struct loaded {
    char name[56];
    u32 addr, size;
} files[MAX_FILES];
static u32 file_count;

static struct loaded *loaded(const char *name)
{
    for (u32 i = 0; i < file_count; i++)
        if (!memcmp(files[i].name, name, sizeof files[i].name))
            return &files[i];
    return NULL;
}

static bool allocate(const struct command *c)
{
    struct fw_file f;
    char name[57] = {0};
    u32 align = c->allocate.align < 16 ? 16 : c->allocate.align;
    memcpy(name, c->allocate.file, 56);
    if (file_count == MAX_FILES || !fwcfg_find(name, &f) || (align & (align - 1)))
        return false;
    struct loaded *l = &files[file_count];
    memcpy(l->name, c->allocate.file, 56);
    l->size = f.size;
    l->addr =
        c->allocate.zone == ZONE_FSEG ? fseg_alloc(f.size, align) : high_alloc(f.size, align);
    if (!l->addr)
        return false;
    fwcfg_read(f.select, (void *)l->addr, f.size);
    file_count++;
    return true;
}

static bool add_pointer(const struct command *c)
{
    struct loaded *d = loaded(c->pointer.dest), *s = loaded(c->pointer.src);
    u32 size = c->pointer.size, off = c->pointer.offset;
    u64 v = 0;
    if (!d || !s || size > 8 || (size & (size - 1)) || off > d->size || d->size - off < size)
        return false;
    memcpy(&v, (void *)(d->addr + off), size);
    v += s->addr;
    memcpy((void *)(d->addr + off), &v, size);
    return true;
}

static bool add_checksum(const struct command *c)
{
    struct loaded *l = loaded(c->checksum.file);
    u32 start = c->checksum.start, n = c->checksum.length, off = c->checksum.offset;
    if (!l || off >= l->size || start > l->size || l->size - start < n)
        return false;
    u8 *p = (u8 *)l->addr;
    p[off] = (u8)(p[off] - sum8(p + start, n));
    return true;
}

static bool write_pointer(const struct command *c)
{
    struct loaded *s = loaded(c->write_pointer.src);
    struct fw_file f;
    char name[57] = {0};
    memcpy(name, c->write_pointer.dest, 56);
    if (!s || !fwcfg_find(name, &f) || c->write_pointer.size > 8)
        return false;
    u64 v = s->addr + (u64)c->write_pointer.src_offset;
    fwcfg_write(f.select, c->write_pointer.dest_offset, &v, c->write_pointer.size);
    return true;
}

static bool execute(const struct command *c)
{
    switch (c->type) {
    case C_ALLOCATE: return allocate(c);
    case C_POINTER: return add_pointer(c);
    case C_CHECKSUM: return add_checksum(c);
    case C_WRITE_POINTER: return write_pointer(c);
    default: return true; /* unknown commands are to be skipped */
    }
}

static bool run_loader(void)
{
    struct fw_file f;
    if (!fwcfg_find("etc/table-loader", &f) || f.size % sizeof(struct command))
        return false;
    u32 script = high_alloc(f.size, 16);
    if (!script)
        return false;
    fwcfg_read(f.select, (void *)script, f.size);
    for (u32 i = 0; i < f.size / sizeof(struct command); i++) {
        if (execute((const struct command *)script + i))
            continue;
        debug_f("acpi: linker command %u failed\n", i);
        return false;
    }
    return file_count;
}

void acpi_init(void)
{
    if (!run_loader())
        acpi_build();
}
