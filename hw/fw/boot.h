/* SPDX-License-Identifier: MIT
 * Direct boot: a kernel file (and initrd) go straight into guest RAM, and the
 * CPU starts in the state that the kernel's boot protocol promises. Every file
 * is untrusted: an unusable one is an error line, never a crash.
 *
 * Reading order: boot.c (files, RAM map, dispatch), boot_linux.c, boot_elf.c,
 * boot_multiboot.c; decompress.c unpacks a bzImage's payload. */
#ifndef HW_FW_BOOT_H
#define HW_FW_BOOT_H

#include "softmmu/err.h"
#include "softmmu/types.h"

#define GIB           (1ull << 30)
#define BOOT_ABOVE_4G (4 * GIB)

/* Guest RAM as loaders see it: one host block whose first `low` bytes are at
 * guest address 0 and the rest at 4 GiB. The memory stays the caller's. */
struct boot_ram {
    uint8_t *host;
    uint64_t low;  /* bytes below the PCI hole */
    uint64_t high; /* bytes from 4 GiB up */
};

/* Host address of guest-physical [addr, addr+size), NULL unless all of it is RAM. */
void *boot_ram_at(const struct boot_ram *ram, gpa addr, uint64_t size);

struct boot_config {
    const char *kernel;    /* path */
    const char *initrd;    /* path, or NULL; multiboot: "file args,file args" */
    const char *cmdline;   /* NULL: empty */
    bool guest_decompress; /* bzImage: let the guest unpack its payload */
    bool text_screen;      /* a VGA in mode 3, 80x25 */
    struct boot_ram ram;
    gpa rsdp;      /* ACPI root pointer, 0: none */
    gpa acpi_base; /* tables: reserved in the memory map, kept clear of by loaders */
    uint64_t acpi_size;
};

/* Hidden part as in struct seg of cpu/cpu.h: limit in bytes, attr = descriptor
 * bits 40..55 with the limit nibble clear. */
struct boot_seg {
    uint16_t sel;
    uint16_t attr;
    uint32_t limit;
    uint64_t base;
};

enum boot_mode {
    BOOT_PROT32, /* 32-bit flat protected mode, paging off */
    BOOT_LONG64, /* 64-bit mode, first 4 GiB identity-mapped */
};

/* The CPU state to enter; what is not named keeps its reset value. RFLAGS is 2
 * (IF clear); IDT limit 0. */
struct boot_entry {
    enum boot_mode mode;
    uint64_t rip, rsp, rax, rbx, rcx, rdx, rsi, rdi, rbp;
    uint64_t cr0, cr3, cr4, efer;
    gpa gdt_base;
    uint16_t gdt_limit;
    struct boot_seg cs, data; /* data: DS ES SS FS GS */
    const char *what;         /* kind of image, for the log; static string */
};

/* Loads kernel and initrd into RAM and tells how to enter. False with one
 * line in e that names the file; guest RAM is then undefined. */
bool boot_load(const struct boot_config *cfg, struct boot_entry *entry, struct err *e);

/* --- shared by the loaders ------------------------------------------------ */

/* A read-only view of a file. */
struct boot_file {
    const char *path;
    const uint8_t *data;
    uint64_t size; /* bytes, > 0 */
};
/* Reads a regular file or a pipe to its end; empty ones, those of more than max
 * bytes, and devices are errors. The caller closes f after success. */
bool boot_file_open(struct boot_file *f, const char *path, uint64_t max, struct err *e);
/* The same for an initrd, which is never larger than the guest's RAM. */
bool boot_initrd_open(const struct boot_config *cfg, struct boot_file *f, const char *path,
                      struct err *e);
#define BOOT_KERNEL_MAX GIB /* a kernel may hold debug information that is not loaded */
void boot_file_close(struct boot_file *f); /* zeroed struct allowed */

/* Memory map in E820 types. */
enum { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3 };
struct e820_entry {
    uint64_t addr, size;
    uint32_t type;
};
#define E820_MAX 8
/* Fills at most E820_MAX entries sorted by address; returns their number. */
unsigned boot_memory_map(const struct boot_config *cfg, struct e820_entry *map);

/* Fixed low-memory places of what the loaders hand to the kernel. */
enum {
    BOOT_GDT_ADDR = 0x7000,
    BOOT_PT_ADDR = 0x8000,    /* six pages: PML4, PDPT, four page directories */
    BOOT_INFO_ADDR = 0x10000, /* zero page, hvm_start_info or multiboot info */
    BOOT_INFO_SIZE = 0x10000,
    BOOT_CMDLINE_ADDR = 0x20000,
    BOOT_CMDLINE_MAX = 0x10000, /* bytes, NUL included */
    BOOT_STACK_TOP = 0x7000,
    BOOT_EBDA = 0x9fc00, /* end of conventional memory */
    BOOT_HIGH_START = 0x100000,
};
enum { BOOT_CS = 0x10, BOOT_DS = 0x18 };

/* First address after usable low RAM: the ACPI tables or the end of low RAM. */
gpa boot_low_top(const struct boot_config *cfg);

/* Flat segments, GDT, and for 64-bit mode identity page tables. */
void boot_setup_cpu(const struct boot_config *cfg, struct boot_entry *entry,
                    enum boot_mode mode);

/* Copies the command line (NUL-terminated) to BOOT_CMDLINE_ADDR; `max` is its
 * longest legal length without NUL. */
bool boot_put_cmdline(const struct boot_config *cfg, const char *line, uint64_t max,
                      struct err *e);

/* Loads file f to the highest page-aligned place in [floor, ceil). */
bool boot_put_high(const struct boot_config *cfg, const struct boot_file *f, gpa floor,
                   gpa ceil, gpa *addr, struct err *e);

/* An ELF image placed at its physical addresses. */
struct boot_elf {
    bool is64;
    uint16_t machine;
    uint64_t entry; /* e_entry as it stands */
    gpa lo, hi;     /* range the segments cover, hi exclusive */
    bool has_pvh;
    uint32_t pvh_entry; /* XEN_ELFNOTE_PHYS32_ENTRY */
};
/* Checks and loads every PT_LOAD of an ELF32 or ELF64 x86 image held in memory;
 * segments must lie in usable RAM from 1 MiB up and not overlap each other. */
bool boot_elf_load(const struct boot_config *cfg, const uint8_t *data, uint64_t size,
                   struct boot_elf *elf, struct err *e);
bool boot_is_elf(const uint8_t *data, uint64_t size);

/* One loader a kind of image: `is` looks at the magic only. */
bool boot_is_linux(const struct boot_file *f);
bool boot_linux(const struct boot_config *cfg, const struct boot_file *f,
                struct boot_entry *entry, struct err *e);
bool boot_is_multiboot(const struct boot_file *f);
bool boot_multiboot(const struct boot_config *cfg, const struct boot_file *f,
                    struct boot_entry *entry, struct err *e);
bool boot_pvh(const struct boot_config *cfg, const struct boot_file *f,
              struct boot_entry *entry, struct err *e);

/* Little-endian fields at any alignment. */
static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}
static inline uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}
static inline void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}
static inline void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}

#endif
