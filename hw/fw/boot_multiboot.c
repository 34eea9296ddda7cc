/* SPDX-License-Identifier: MIT
 * Multiboot 1 (Multiboot Specification 0.6.96): header search, a.out kludge or
 * ELF, information structure with memory, command line, modules and map.
 * Left out: video modes (bit 2 is a wish), APM, drives, symbol tables. */
#include "hw/fw/boot.h"

#include <stdlib.h>
#include <string.h>

enum {
    MB_HEADER_MAGIC = 0x1badb002,
    MB_ENTRY_MAGIC = 0x2badb002,
    MB_SEARCH = 8192,
    MB_ALIGN_MODS = 1 << 0,
    MB_WANT_MEM = 1 << 1,
    MB_WANT_VIDEO = 1 << 2,
    MB_KLUDGE = 1 << 16,
};
/* Information structure and what it points to, offsets from BOOT_INFO_ADDR. */
enum {
    MBI_FLAGS = 0,
    MBI_MEM_LOWER = 4,
    MBI_MEM_UPPER = 8,
    MBI_CMDLINE = 16,
    MBI_MODS_COUNT = 20,
    MBI_MODS_ADDR = 24,
    MBI_MMAP_LEN = 44,
    MBI_MMAP_ADDR = 48,
    MBI_LOADER = 64,
    MBI_SIZE = 0x80,
    MBI_NAME = 0x80,
    MBI_MMAP = 0x100,
    MBI_MODS = 0x400,
    MODS_MAX = 64,
    MBI_STRINGS = MBI_MODS + 16 * MODS_MAX, /* module strings up to BOOT_INFO_SIZE */
};

/* File offset of the header, or -1. */
static int64_t find_header(const struct boot_file *f)
{
    uint64_t end = f->size < MB_SEARCH ? f->size : MB_SEARCH;
    for (uint64_t i = 0; i + 12 <= end; i += 4) {
        const uint8_t *h = f->data + i;
        if (get32(h) == MB_HEADER_MAGIC && get32(h) + get32(h + 4) + get32(h + 8) == 0)
            return (int64_t)i;
    }
    return -1;
}

bool boot_is_multiboot(const struct boot_file *f)
{
    return find_header(f) >= 0;
}

/* The header gives the addresses itself (flag bit 16). */
static bool load_kludge(const struct boot_config *cfg, const struct boot_file *f, uint64_t at,
                        uint64_t *entry, gpa *end, struct err *e)
{
    if (f->size - at < 32)
        return err_set(e, "'%s': multiboot header is truncated", f->path);
    const uint8_t *h = f->data + at;
    uint64_t header = get32(h + 12), load = get32(h + 16), load_end = get32(h + 20);
    uint64_t bss_end = get32(h + 24);
    *entry = get32(h + 28);
    if (load > header || header - load > at)
        return err_set(e, "'%s': multiboot load address lies before the file", f->path);
    uint64_t off = at - (header - load);
    if (load_end && load_end < load)
        return err_set(e, "'%s': multiboot load range is malformed", f->path);
    uint64_t n = load_end ? load_end - load : f->size - off;
    if (n > f->size - off)
        return err_set(e, "'%s' is truncated: its multiboot header asks for %llu bytes",
                       f->path, (unsigned long long)(off + n));
    uint64_t mem = bss_end > load + n ? bss_end - load : n;
    gpa top = boot_low_top(cfg);
    if (load < BOOT_HIGH_START || load > top || mem > top - load)
        return err_set(e, "'%s' (0x%llx, %llu bytes) lies outside the guest's RAM", f->path,
                       (unsigned long long)load, (unsigned long long)mem);
    uint8_t *to = boot_ram_at(&cfg->ram, load, mem);
    memcpy(to, f->data + off, n);
    memset(to + n, 0, mem - n);
    *end = load + mem;
    return true;
}

static bool load_image(const struct boot_config *cfg, const struct boot_file *f,
                       uint64_t *entry, gpa *end, struct err *e)
{
    uint64_t at = (uint64_t)find_header(f);
    uint32_t flags = get32(f->data + at + 4);
    uint32_t known = MB_ALIGN_MODS | MB_WANT_MEM | MB_WANT_VIDEO;
    if (flags & 0xffff & ~known)
        return err_set(e, "'%s' requires unknown multiboot features (flags 0x%x)", f->path,
                       flags);
    if (flags & MB_KLUDGE)
        return load_kludge(cfg, f, at, entry, end, e);
    if (!boot_is_elf(f->data, f->size))
        return err_set(e, "'%s' has a multiboot header but is no ELF image", f->path);
    struct boot_elf elf;
    if (!boot_elf_load(cfg, f->data, f->size, &elf, e))
        return err_prefix(e, "'%s'", f->path);
    if (elf.entry > UINT32_MAX)
        return err_set(e, "'%s': entry point 0x%llx is beyond 4 GiB", f->path,
                       (unsigned long long)elf.entry);
    *entry = elf.entry;
    *end = elf.hi;
    return true;
}

/* One module "file args": loaded at the page after *end. */
static bool put_module(const struct boot_config *cfg, uint8_t *info, unsigned i,
                       const char *text, size_t len, gpa *end, uint64_t *strings, struct err *e)
{
    struct boot_file f;
    char path[4096];
    size_t n = strcspn(text, " ");
    if (n > len)
        n = len;
    if (!n || n >= sizeof(path))
        return err_set(e, "-initrd: module %u has no usable file name", i + 1);
    memcpy(path, text, n);
    path[n] = 0;
    if (i >= MODS_MAX || len + 1 > BOOT_INFO_SIZE - *strings)
        return err_set(e, "-initrd: too many or too long multiboot modules at '%s'", path);
    if (!boot_initrd_open(cfg, &f, path, e))
        return false;
    gpa at = (*end + GUEST_PAGE_MASK) & ~GUEST_PAGE_MASK, top = boot_low_top(cfg);
    bool ok = at <= top && f.size <= top - at;
    if (ok) {
        uint8_t *m = info + MBI_MODS + 16 * i;
        memcpy(boot_ram_at(&cfg->ram, at, f.size), f.data, f.size);
        put32(m, (uint32_t)at);
        put32(m + 4, (uint32_t)(at + f.size));
        put32(m + 8, (uint32_t)(BOOT_INFO_ADDR + *strings));
        put32(m + 12, 0);
        memcpy(info + *strings, text, len);
        info[*strings + len] = 0;
        *strings += len + 1;
        *end = at + f.size;
    } else {
        err_set(e, "module '%s' (%llu KiB) does not fit into the guest's RAM", path,
                (unsigned long long)(f.size >> 10));
    }
    boot_file_close(&f);
    return ok;
}

static bool put_modules(const struct boot_config *cfg, uint8_t *info, gpa end, struct err *e)
{
    uint64_t strings = MBI_STRINGS;
    unsigned n = 0;
    for (const char *p = cfg->initrd; p && *p; n++) {
        size_t len = strcspn(p, ",");
        if (!put_module(cfg, info, n, p, len, &end, &strings, e))
            return false;
        p += len + (p[len] == ',');
    }
    put32(info + MBI_MODS_COUNT, n);
    put32(info + MBI_MODS_ADDR, BOOT_INFO_ADDR + MBI_MODS);
    return true;
}

static void put_info(const struct boot_config *cfg, uint8_t *info)
{
    struct e820_entry map[E820_MAX];
    unsigned n = boot_memory_map(cfg, map);

    put32(info + MBI_FLAGS, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
    put32(info + MBI_MEM_LOWER, BOOT_EBDA >> 10);
    put32(info + MBI_MEM_UPPER, (uint32_t)((boot_low_top(cfg) - BOOT_HIGH_START) >> 10));
    put32(info + MBI_CMDLINE, BOOT_CMDLINE_ADDR);
    put32(info + MBI_LOADER, BOOT_INFO_ADDR + MBI_NAME);
    memcpy(info + MBI_NAME, "mynah", 6);
    put32(info + MBI_MMAP_ADDR, BOOT_INFO_ADDR + MBI_MMAP);
    put32(info + MBI_MMAP_LEN, n * 24);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *m = info + MBI_MMAP + 24 * i;
        put32(m, 20); /* size of what follows */
        put64(m + 4, map[i].addr);
        put64(m + 12, map[i].size);
        put32(m + 20, map[i].type);
    }
}

/* The command line starts with the image's name, as other loaders pass it. */
static bool put_line(const struct boot_config *cfg, struct err *e)
{
    const char *args = cfg->cmdline ? cfg->cmdline : "";
    size_t n = strlen(cfg->kernel) + strlen(args) + 2;
    char *line = malloc(n);
    if (!line)
        return err_set(e, "out of memory");
    memcpy(line, cfg->kernel, strlen(cfg->kernel) + 1);
    if (*args) {
        strcat(line, " ");
        strcat(line, args);
    }
    bool ok = boot_put_cmdline(cfg, line, UINT64_MAX, e);
    free(line);
    return ok;
}

bool boot_multiboot(const struct boot_config *cfg, const struct boot_file *f,
                    struct boot_entry *entry, struct err *e)
{
    uint64_t start = 0;
    gpa end = 0;
    if (!load_image(cfg, f, &start, &end, e) || !put_line(cfg, e))
        return false;
    uint8_t *info = boot_ram_at(&cfg->ram, BOOT_INFO_ADDR, BOOT_INFO_SIZE);
    memset(info, 0, BOOT_INFO_SIZE);
    if (!put_modules(cfg, info, end, e))
        return false;
    put_info(cfg, info);
    boot_setup_cpu(cfg, entry, BOOT_PROT32);
    entry->rip = start;
    entry->rax = MB_ENTRY_MAGIC;
    entry->rbx = BOOT_INFO_ADDR;
    entry->what = "multiboot image";
    return true;
}
