/* SPDX-License-Identifier: MIT
 * What all direct-boot loaders share: files, the memory map, flat CPU state. */
#include "hw/fw/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void *boot_ram_at(const struct boot_ram *ram, gpa addr, uint64_t size)
{
    if (addr <= ram->low && size <= ram->low - addr)
        return ram->host + addr;
    if (addr < BOOT_ABOVE_4G)
        return NULL;
    addr -= BOOT_ABOVE_4G;
    if (addr <= ram->high && size <= ram->high - addr)
        return ram->host + ram->low + addr;
    return NULL;
}

/* --- files ---------------------------------------------------------------- */

static bool too_large(const struct boot_file *f, uint64_t max, struct err *e)
{
    return err_set(e, "'%s' is too large: more than %llu MiB do not fit", f->path,
                   (unsigned long long)(max >> 20));
}

static bool read_whole(struct boot_file *f, int fd, uint64_t max, struct err *e)
{
    size_t room = 1 << 20, n = 0;
    uint8_t *buf = malloc(room);
    while (buf) {
        ssize_t got = read(fd, buf + n, room - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(buf);
            return err_set(e, "cannot read '%s': %s", f->path, strerror(errno));
        }
        if (got == 0) {
            f->data = buf;
            f->size = n;
            return true;
        }
        n += (size_t)got;
        if (n > max) {
            free(buf);
            return too_large(f, max, e);
        }
        if (n == room) {
            room = 2 * room < max + 1 ? 2 * room : max + 1;
            uint8_t *more = realloc(buf, room);
            if (!more)
                free(buf);
            buf = more;
        }
    }
    return err_set(e, "out of memory reading '%s'", f->path);
}

/* Regular files are read too, not mapped: another process that truncates a
 * mapped file would kill us with SIGBUS. */
bool boot_file_open(struct boot_file *f, const char *path, uint64_t max, struct err *e)
{
    struct stat st;
    bool ok;
    *f = (struct boot_file){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, "cannot open '%s': %s", path, strerror(errno));
    if (fstat(fd, &st))
        ok = err_set(e, "cannot open '%s': %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        ok = err_set(e, "'%s' is a directory", path);
    else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        ok = err_set(e, "'%s' is a device, not a file", path);
    else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max)
        ok = too_large(f, max, e);
    else
        ok = read_whole(f, fd, max, e);
    close(fd);
    if (ok && f->size == 0) {
        boot_file_close(f);
        return err_set(e, "'%s' is empty", path);
    }
    return ok;
}

bool boot_initrd_open(const struct boot_config *cfg, struct boot_file *f, const char *path,
                      struct err *e)
{
    return boot_file_open(f, path, cfg->ram.low + cfg->ram.high, e);
}

void boot_file_close(struct boot_file *f)
{
    free((void *)(uintptr_t)f->data);
    f->data = NULL;
    f->size = 0;
}

/* --- memory map ------------------------------------------------------------- */

gpa boot_low_top(const struct boot_config *cfg)
{
    return cfg->acpi_size && cfg->acpi_base < cfg->ram.low ? cfg->acpi_base : cfg->ram.low;
}

unsigned boot_memory_map(const struct boot_config *cfg, struct e820_entry *map)
{
    unsigned n = 0;
    gpa top = boot_low_top(cfg);

    map[n++] = (struct e820_entry){0, BOOT_EBDA, E820_RAM};
    map[n++] = (struct e820_entry){BOOT_EBDA, 0xa0000 - BOOT_EBDA, E820_RESERVED};
    map[n++] = (struct e820_entry){0xe0000, 0x20000, E820_RESERVED};
    if (top > BOOT_HIGH_START)
        map[n++] = (struct e820_entry){BOOT_HIGH_START, top - BOOT_HIGH_START, E820_RAM};
    if (top < cfg->ram.low)
        map[n++] = (struct e820_entry){top, cfg->ram.low - top, E820_ACPI};
    map[n++] = (struct e820_entry){0xfffc0000, 0x40000, E820_RESERVED};
    if (cfg->ram.high)
        map[n++] = (struct e820_entry){BOOT_ABOVE_4G, cfg->ram.high, E820_RAM};
    return n;
}

bool boot_put_cmdline(const struct boot_config *cfg, const char *line, uint64_t max,
                      struct err *e)
{
    size_t n = strlen(line);
    if (max > BOOT_CMDLINE_MAX - 1)
        max = BOOT_CMDLINE_MAX - 1;
    if (n > max)
        return err_set(e, "'%s': the -append text has %zu characters, the kernel takes %llu",
                       cfg->kernel, n, (unsigned long long)max);
    char *to = boot_ram_at(&cfg->ram, BOOT_CMDLINE_ADDR, BOOT_CMDLINE_MAX);
    if (!to)
        return err_set(e, "not enough guest RAM to boot '%s'", cfg->kernel);
    memcpy(to, line, n + 1);
    return true;
}

bool boot_put_high(const struct boot_config *cfg, const struct boot_file *f, gpa floor,
                   gpa ceil, gpa *addr, struct err *e)
{
    gpa top = boot_low_top(cfg);
    if (ceil > top)
        ceil = top;
    floor = (floor + GUEST_PAGE_MASK) & ~GUEST_PAGE_MASK;
    if (floor > ceil || f->size > ceil - floor)
        return err_set(e, "'%s' (%llu KiB) does not fit: %llu KiB of guest RAM are left for it",
                       f->path, (unsigned long long)(f->size >> 10),
                       (unsigned long long)(ceil > floor ? (ceil - floor) >> 10 : 0));
    gpa at = (ceil - f->size) & ~GUEST_PAGE_MASK;
    if (at < floor)
        at = floor;
    memcpy(boot_ram_at(&cfg->ram, at, f->size), f->data, f->size);
    *addr = at;
    return true;
}

/* --- CPU state --------------------------------------------------------------- */

enum {
    ATTR_CODE32 = 0xc09b, /* G, D, present, code read accessed */
    ATTR_CODE64 = 0xa09b, /* G, L */
    ATTR_DATA = 0xc093,   /* G, B, present, data write accessed */
};

static uint64_t flat_descriptor(uint16_t attr)
{
    return 0x000f00000000ffffull | (uint64_t)attr << 40;
}

static void put_identity_tables(uint8_t *pml4)
{
    enum { P = 1, RW = 2, A = 0x20, D = 0x40, PS = 0x80 };
    memset(pml4, 0, 6 * GUEST_PAGE_SIZE);
    put64(pml4, (BOOT_PT_ADDR + 0x1000) | P | RW | A);
    for (unsigned i = 0; i < 4; i++)
        put64(pml4 + 0x1000 + 8 * i, (BOOT_PT_ADDR + 0x2000 + 0x1000 * i) | P | RW | A);
    for (unsigned i = 0; i < 4 * 512; i++)
        put64(pml4 + 0x2000 + 8 * i, ((uint64_t)i << 21) | P | RW | A | D | PS);
}

void boot_setup_cpu(const struct boot_config *cfg, struct boot_entry *entry,
                    enum boot_mode mode)
{
    uint16_t code = mode == BOOT_LONG64 ? ATTR_CODE64 : ATTR_CODE32;
    uint8_t *gdt = cfg->ram.host + BOOT_GDT_ADDR;

    memset(gdt, 0, 0x20);
    put64(gdt + BOOT_CS, flat_descriptor(code));
    put64(gdt + BOOT_DS, flat_descriptor(ATTR_DATA));
    entry->mode = mode;
    entry->gdt_base = BOOT_GDT_ADDR;
    entry->gdt_limit = 0x1f;
    entry->cs = (struct boot_seg){.sel = BOOT_CS, .attr = code, .limit = UINT32_MAX};
    entry->data = (struct boot_seg){.sel = BOOT_DS, .attr = ATTR_DATA, .limit = UINT32_MAX};
    entry->rsp = BOOT_STACK_TOP;
    entry->cr0 = 0x11; /* PE, ET */
    if (mode == BOOT_LONG64) {
        put_identity_tables(cfg->ram.host + BOOT_PT_ADDR);
        entry->cr0 |= 0x80000000u; /* PG */
        entry->cr3 = BOOT_PT_ADDR;
        entry->cr4 = 0x20;   /* PAE */
        entry->efer = 0x500; /* LMA, LME */
    }
}

/* What a kernel may look up at fixed places when no BIOS has run: where the extended BIOS data
 * area is, how much conventional memory there is, the text mode. */
static void put_bios_data(const struct boot_config *cfg)
{
    enum { EBDA_SEG = 0x40e, EQUIPMENT = 0x410, BASE_KIB = 0x413, VIDEO = 0x449 };
    uint8_t *ram = cfg->ram.host;

    put16(ram + EBDA_SEG, BOOT_EBDA >> 4);
    put16(ram + EQUIPMENT, 0x0002); /* FPU */
    put16(ram + BASE_KIB, BOOT_EBDA >> 10);
    ram[BOOT_EBDA] = 1; /* KiB */
    if (!cfg->text_screen)
        return;
    ram[EQUIPMENT] |= 0x20; /* 80x25, colour */
    ram[VIDEO] = 3;
    put16(ram + VIDEO + 1, 80);
    put16(ram + 0x463, 0x3d4); /* CRT controller */
    ram[0x484] = 24;           /* last row */
    put16(ram + 0x485, 16);    /* lines of a character */
}

/* --- dispatch ----------------------------------------------------------------- */

bool boot_load(const struct boot_config *cfg, struct boot_entry *entry, struct err *e)
{
    struct boot_file f;
    bool ok;

    *entry = (struct boot_entry){0};
    if (boot_low_top(cfg) < BOOT_HIGH_START + GUEST_PAGE_SIZE)
        return err_set(e, "not enough guest RAM to boot '%s': at least 2 MiB are needed",
                       cfg->kernel);
    if (!boot_file_open(&f, cfg->kernel, BOOT_KERNEL_MAX, e))
        return false;
    put_bios_data(cfg);
    if (boot_is_linux(&f))
        ok = boot_linux(cfg, &f, entry, e);
    else if (boot_is_multiboot(&f))
        ok = boot_multiboot(cfg, &f, entry, e);
    else if (boot_is_elf(f.data, f.size))
        ok = boot_pvh(cfg, &f, entry, e);
    else
        ok = err_set(e, "'%s' is no kernel: neither a Linux bzImage, nor multiboot, nor ELF",
                     f.path);
    boot_file_close(&f);
    return ok;
}
