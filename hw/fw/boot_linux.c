/* SPDX-License-Identifier: MIT
 * Linux bzImage by the x86 boot protocol (Documentation/arch/x86/boot.rst),
 * 32-bit and 64-bit entry points, zero page as in zero-page.rst.
 *
 * The quick way is taken when it can be: the payload is unpacked here and the
 * kernel proper entered as its own decompressor would enter it (RSI = zero
 * page, identity mapping, interrupts off). It runs where it was linked, which
 * is what "nokaslr" gives. Left out: real-mode entry, EFI handover, setup_data. */
#include "hw/fw/boot.h"

#include <stdlib.h>
#include <string.h>

#include "hw/fw/decompress.h"

/* Offsets in the zero page; the setup header sits at the same place in the file. */
enum {
    ZP_VIDEO_MODE = 0x006, /* screen_info: what INT 10h functions 0FH and 12H tell */
    ZP_VIDEO_COLS = 0x007,
    ZP_VIDEO_EGA_BX = 0x00a,
    ZP_VIDEO_LINES = 0x00e,
    ZP_VIDEO_IS_VGA = 0x00f,
    ZP_VIDEO_POINTS = 0x010,
    ZP_RSDP = 0x070,
    ZP_E820_COUNT = 0x1e8,
    HDR_SETUP_SECTS = 0x1f1,
    HDR_VID_MODE = 0x1fa,
    HDR_BOOT_FLAG = 0x1fe,
    HDR_JUMP = 0x200, /* second byte: header length after 0x202 */
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_CODE32 = 0x214,
    HDR_RAMDISK = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_CMDLINE = 0x228,
    HDR_INITRD_MAX = 0x22c,
    HDR_ALIGN = 0x230,
    HDR_XLOADFLAGS = 0x236,
    HDR_CMDLINE_SIZE = 0x238,
    HDR_PAYLOAD = 0x248,
    HDR_PAYLOAD_LEN = 0x24c,
    HDR_PREF_ADDR = 0x258,
    HDR_INIT_SIZE = 0x260,
    HDR_END = 0x268,
    ZP_E820 = 0x2d0,
    ZP_SIZE = 0x1000,
};
enum { LOADED_HIGH = 1, KASLR_FLAG = 2, CAN_USE_HEAP = 0x80 };
enum { XLF_KERNEL_64 = 1 };

struct linux_image {
    const uint8_t *hdr;  /* file start */
    const uint8_t *prot; /* protected-mode part */
    uint64_t prot_size;
    uint16_t version, xloadflags;
    uint64_t pref, init_size;
    uint64_t cmdline_max, initrd_max;
    gpa end; /* first address the running kernel leaves free */
};

bool boot_is_linux(const struct boot_file *f)
{
    return f->size >= HDR_MAGIC + 4 && get16(f->data + HDR_BOOT_FLAG) == 0xaa55 &&
           !memcmp(f->data + HDR_MAGIC, "HdrS", 4);
}

static bool parse_header(const struct boot_file *f, struct linux_image *k, struct err *e)
{
    if (f->size < HDR_END)
        return err_set(e, "'%s' is truncated inside its setup header", f->path);
    const uint8_t *h = f->data;
    *k = (struct linux_image){.hdr = h, .version = get16(h + HDR_VERSION)};
    if (k->version < 0x206)
        return err_set(e, "'%s': boot protocol %u.%02u is too old, 2.06 is needed", f->path,
                       k->version >> 8, k->version & 0xff);
    if (!(h[HDR_LOADFLAGS] & LOADED_HIGH))
        return err_set(e, "'%s' is a zImage, only bzImage can be booted", f->path);
    uint64_t setup = (h[HDR_SETUP_SECTS] ? h[HDR_SETUP_SECTS] + 1u : 5u) * 512;
    if (f->size <= setup)
        return err_set(e, "'%s' is truncated: it ends before the kernel proper", f->path);
    k->prot = h + setup;
    k->prot_size = f->size - setup;
    k->cmdline_max = get32(h + HDR_CMDLINE_SIZE);
    k->initrd_max = get32(h + HDR_INITRD_MAX);
    k->pref = get32(h + HDR_CODE32);
    k->init_size = k->prot_size;
    if (k->version >= 0x20a) {
        k->pref = get64(h + HDR_PREF_ADDR);
        k->init_size = get32(h + HDR_INIT_SIZE);
    }
    if (k->version >= 0x20c)
        k->xloadflags = get16(h + HDR_XLOADFLAGS);
    return true;
}

/* The kernel unpacked by its own code: the file's protected-mode part goes to
 * 1 MiB, and [pref, pref + init_size) is where it will unpack itself to. */
static bool load_packed(const struct boot_config *cfg, const struct boot_file *f,
                        struct linux_image *k, struct boot_entry *entry, struct err *e)
{
    gpa top = boot_low_top(cfg);
    gpa base = get32(k->hdr + HDR_CODE32);
    if (base < BOOT_HIGH_START)
        return err_set(e, "'%s' has to be entered in real mode: let firmware start it (-bios)",
                       f->path);
    if (base > top || k->prot_size > top - base)
        return err_set(e, "'%s' (%llu KiB) does not fit into the guest's RAM", f->path,
                       (unsigned long long)(f->size >> 10));
    if (k->pref > top || k->init_size > top - k->pref)
        return err_set(e, "'%s' needs %llu MiB of guest RAM to unpack itself", f->path,
                       (unsigned long long)((k->pref + k->init_size) >> 20));
    memcpy(boot_ram_at(&cfg->ram, base, k->prot_size), k->prot, k->prot_size);
    k->end = base + k->prot_size;
    if (k->pref + k->init_size > k->end)
        k->end = k->pref + k->init_size;
    /* A relocatable kernel that was loaded below where it runs rounds up to
     * its alignment first, which pref already has. */
    bool long64 = k->xloadflags & XLF_KERNEL_64;
    boot_setup_cpu(cfg, entry, long64 ? BOOT_LONG64 : BOOT_PROT32);
    entry->rip = base + (long64 ? 0x200 : 0);
    entry->what = long64 ? "Linux bzImage, 64-bit entry" : "Linux bzImage, 32-bit entry";
    return true;
}

/* UNPACK_UNKNOWN: nothing was loaded, the guest must unpack. */
static enum unpack_result load_unpacked(const struct boot_config *cfg,
                                        const struct boot_file *f, struct linux_image *k,
                                        struct boot_entry *entry, struct err *e)
{
    uint64_t off = get32(k->hdr + HDR_PAYLOAD), len = get32(k->hdr + HDR_PAYLOAD_LEN);
    if (k->version < 0x208 || !len)
        return UNPACK_UNKNOWN;
    if (off > k->prot_size || len > k->prot_size - off) {
        err_set(e, "'%s' is truncated: its payload ends at %llu, the file at %llu", f->path,
                (unsigned long long)(off + len), (unsigned long long)k->prot_size);
        return UNPACK_BAD;
    }
    uint8_t *vmlinux;
    uint64_t size;
    enum unpack_result r = unpack(k->prot + off, len, cfg->ram.low, &vmlinux, &size, e);
    if (r != UNPACK_OK) {
        err_prefix(e, "'%s'", f->path);
        return r;
    }
    struct boot_elf elf;
    if (!boot_is_elf(vmlinux, size)) {
        r = UNPACK_UNKNOWN;
    } else if (!boot_elf_load(cfg, vmlinux, size, &elf, e)) {
        err_prefix(e, "'%s'", f->path);
        r = UNPACK_BAD;
    } else {
        k->end = elf.hi;
        if (k->pref == elf.lo && k->pref + k->init_size > k->end)
            k->end = k->pref + k->init_size;
        boot_setup_cpu(cfg, entry, elf.is64 ? BOOT_LONG64 : BOOT_PROT32);
        entry->rip = elf.entry;
        entry->what = "Linux bzImage, unpacked by the host";
    }
    free(vmlinux);
    return r;
}

static void put_screen_info(uint8_t *zp)
{
    zp[ZP_VIDEO_MODE] = 3;
    zp[ZP_VIDEO_COLS] = 80;
    put16(zp + ZP_VIDEO_EGA_BX, 3); /* colour, 256K */
    zp[ZP_VIDEO_LINES] = 25;
    zp[ZP_VIDEO_IS_VGA] = 1;
    put16(zp + ZP_VIDEO_POINTS, 16);
}

static void put_zero_page(const struct boot_config *cfg, const struct linux_image *k)
{
    uint8_t *zp = boot_ram_at(&cfg->ram, BOOT_INFO_ADDR, ZP_SIZE);
    unsigned end = HDR_MAGIC + k->hdr[HDR_JUMP + 1];
    struct e820_entry map[E820_MAX];

    memset(zp, 0, ZP_SIZE);
    if (end > HDR_END + 0x10)
        end = HDR_END + 0x10; /* newer fields keep to zero */
    memcpy(zp + HDR_SETUP_SECTS, k->hdr + HDR_SETUP_SECTS, end - HDR_SETUP_SECTS);
    zp[HDR_LOADER] = 0xff;
    zp[HDR_LOADFLAGS] &= (uint8_t) ~(KASLR_FLAG | CAN_USE_HEAP);
    put16(zp + HDR_VID_MODE, 0xffff); /* "normal" */
    put32(zp + HDR_CMDLINE, BOOT_CMDLINE_ADDR);
    put32(zp + HDR_RAMDISK, 0);
    put32(zp + HDR_RAMDISK_SIZE, 0);
    put64(zp + ZP_RSDP, cfg->rsdp);
    if (cfg->text_screen)
        put_screen_info(zp);
    unsigned n = boot_memory_map(cfg, map);
    zp[ZP_E820_COUNT] = (uint8_t)n;
    for (unsigned i = 0; i < n; i++) {
        put64(zp + ZP_E820 + 20 * i, map[i].addr);
        put64(zp + ZP_E820 + 20 * i + 8, map[i].size);
        put32(zp + ZP_E820 + 20 * i + 16, map[i].type);
    }
}

static bool put_initrd(const struct boot_config *cfg, const struct linux_image *k,
                       struct err *e)
{
    struct boot_file f;
    gpa addr;
    if (!boot_initrd_open(cfg, &f, cfg->initrd, e))
        return false;
    bool ok = boot_put_high(cfg, &f, k->end, k->initrd_max + 1, &addr, e);
    if (ok) {
        uint8_t *zp = boot_ram_at(&cfg->ram, BOOT_INFO_ADDR, ZP_SIZE);
        put32(zp + HDR_RAMDISK, (uint32_t)addr);
        put32(zp + HDR_RAMDISK_SIZE, (uint32_t)f.size);
    }
    boot_file_close(&f);
    return ok;
}

bool boot_linux(const struct boot_config *cfg, const struct boot_file *f,
                struct boot_entry *entry, struct err *e)
{
    struct linux_image k = {0};
    enum unpack_result r = UNPACK_UNKNOWN;

    if (!parse_header(f, &k, e))
        return false;
    if (!cfg->guest_decompress)
        r = load_unpacked(cfg, f, &k, entry, e);
    if (r == UNPACK_BAD || (r == UNPACK_UNKNOWN && !load_packed(cfg, f, &k, entry, e)))
        return false;
    put_zero_page(cfg, &k);
    if (!boot_put_cmdline(cfg, cfg->cmdline ? cfg->cmdline : "", k.cmdline_max, e))
        return false;
    if (cfg->initrd && !put_initrd(cfg, &k, e))
        return false;
    entry->rsi = BOOT_INFO_ADDR;
    return true;
}
