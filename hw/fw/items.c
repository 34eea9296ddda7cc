/* SPDX-License-Identifier: MIT
 * Names and layouts as SeaBIOS and OVMF read them. Left out: NUMA, CPU and memory hotplug. */
#include "hw/fw/items.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/fw/boot.h"
#include "hw/pc/fw_cfg.h"

#define LINUX_ROM "genroms/linuxboot_dma.bin" /* where firmware looks for such ROMs */

static bool add_numbers(struct fw_cfg *f, const struct fw_items *it, struct err *e)
{
    uint64_t numa[2] = {0};

    return fw_cfg_add(f, FW_CFG_UUID, it->smbios.uuid, 16, e) &&
           fw_cfg_add_int(f, FW_CFG_RAM_SIZE, it->ram_low + it->ram_high, 8, e) &&
           fw_cfg_add_int(f, FW_CFG_NOGRAPHIC, it->nographic, 2, e) &&
           fw_cfg_add_int(f, FW_CFG_NB_CPUS, it->cpus, 2, e) &&
           fw_cfg_add_int(f, FW_CFG_MAX_CPUS, it->cpus, 2, e) &&
           fw_cfg_add(f, FW_CFG_NUMA, numa, sizeof(numa), e) &&
           fw_cfg_add_int(f, FW_CFG_BOOT_MENU, it->boot.menu, 2, e) &&
           fw_cfg_add_int(f, FW_CFG_IRQ0_OVERRIDE, 1, 4, e);
}

/* Entries of 20 bytes: address, length, type. Firmware adds what it reserves. */
static bool add_e820(struct fw_cfg *f, const struct fw_items *it, struct err *e)
{
    uint8_t map[40] = {0};

    put64(map + 8, it->ram_low);
    put32(map + 16, E820_RAM);
    put64(map + 20, BOOT_ABOVE_4G);
    put64(map + 28, it->ram_high);
    put32(map + 36, E820_RAM);
    return fw_cfg_add_file(f, "etc/e820", map, it->ram_high ? 40 : 20, e);
}

/* Count, then block id, address, shortest period, page protection. */
static bool add_hpet(struct fw_cfg *f, const struct fw_items *it, struct err *e)
{
    uint8_t hpet[1 + 8 * 15] = {0};

    if (it->hpet_addr) {
        hpet[0] = 1;
        put32(hpet + 1, 0x8086a201);
        put64(hpet + 5, it->hpet_addr);
        put16(hpet + 13, 0x80);
    }
    return fw_cfg_add(f, FW_CFG_HPET, hpet, sizeof(hpet), e);
}

/* The kernel of -kernel goes before every device. */
static bool add_bootorder(struct fw_cfg *f, const struct fw_boot *b, bool is_linux,
                          struct err *e)
{
    const char *part[] = {is_linux ? "/rom@" LINUX_ROM : "", b->indexed ? b->indexed : "",
                          b->strict ? "HALT" : ""};
    size_t n = 0;
    char *text = malloc(strlen(part[0]) + strlen(part[1]) + strlen(part[2]) + 3);
    bool ok;

    if (!text)
        return err_set(e, "out of memory");
    text[0] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(part); i++)
        if (*part[i])
            n += (size_t)sprintf(text + n, "%s%s", n ? "\n" : "", part[i]);
    ok = n == 0 || fw_cfg_add_file(f, "bootorder", text, n + 1, e);
    free(text);
    return ok;
}

static bool add_boot(struct fw_cfg *f, const struct fw_boot *b, bool is_linux, struct err *e)
{
    uint16_t splash = (uint16_t)(b->splash_ms > 0xffff ? 0xffff : b->splash_ms);

    return add_bootorder(f, b, is_linux, e) &&
           fw_cfg_add_file(f, "etc/boot-fail-wait", &b->reboot_ms, 4, e) &&
           (b->splash_ms < 0 || fw_cfg_add_file(f, "etc/boot-menu-wait", &splash, 2, e));
}

/* A bzImage apart: setup sectors and the rest. An EFI program goes as it is. */
static bool put_kernel(struct fw_cfg *f, const struct boot_file *k, bool is_linux,
                       struct err *e)
{
    uint64_t setup = is_linux ? ((k->data[0x1f1] ? k->data[0x1f1] : 4) + 1) * 512u : 0;

    if (setup > k->size)
        setup = 0;
    return fw_cfg_add_int(f, FW_CFG_SETUP_ADDR, 0x10000, 4, e) &&
           fw_cfg_add_int(f, FW_CFG_SETUP_SIZE, setup, 4, e) &&
           fw_cfg_add(f, FW_CFG_SETUP_DATA, k->data, setup, e) &&
           fw_cfg_add_int(f, FW_CFG_KERNEL_ADDR, BOOT_HIGH_START, 4, e) &&
           fw_cfg_add_int(f, FW_CFG_KERNEL_SIZE, k->size - setup, 4, e) &&
           fw_cfg_add(f, FW_CFG_KERNEL_DATA, k->data + setup, k->size - setup, e);
}

/* *is_linux: the kernel is one that linux_rom starts. */
static bool add_kernel(struct fw_cfg *f, const struct fw_items *it, bool *is_linux,
                       struct err *e)
{
    struct boot_file k = {0};
    bool ok;

    if (!boot_file_open(&k, it->kernel, BOOT_KERNEL_MAX, e))
        return false;
    *is_linux = boot_is_linux(&k);
    if (!*is_linux && (boot_is_multiboot(&k) || boot_is_elf(k.data, k.size)))
        ok = err_set(e, "-kernel: firmware cannot start '%s', a multiboot or ELF kernel",
                     it->kernel);
    else
        ok = put_kernel(f, &k, *is_linux, e);
    boot_file_close(&k);
    return ok;
}

static bool add_initrd(struct fw_cfg *f, const struct fw_items *it, struct err *e)
{
    struct boot_file i = {0};
    bool ok;

    if (!boot_file_open(&i, it->initrd, it->ram_low + it->ram_high, e))
        return false;
    ok = fw_cfg_add_int(f, FW_CFG_INITRD_SIZE, i.size, 4, e) &&
         fw_cfg_add(f, FW_CFG_INITRD_DATA, i.data, i.size, e);
    boot_file_close(&i);
    return ok;
}

static bool add_loaded(struct fw_cfg *f, const struct fw_items *it, bool *is_linux,
                       struct err *e)
{
    const char *cmdline = it->cmdline ? it->cmdline : "";

    if (!it->kernel)
        return true;
    return add_kernel(f, it, is_linux, e) && (!it->initrd || add_initrd(f, it, e)) &&
           fw_cfg_add_int(f, FW_CFG_CMDLINE_ADDR, BOOT_CMDLINE_ADDR, 4, e) &&
           fw_cfg_add_int(f, FW_CFG_CMDLINE_SIZE, strlen(cmdline) + 1, 4, e) &&
           fw_cfg_add(f, FW_CFG_CMDLINE_DATA, cmdline, strlen(cmdline) + 1, e);
}

static bool add_smbios(struct fw_cfg *f, const struct fw_items *it, struct err *e)
{
    struct smbios_blob b;
    bool ok;

    if (!smbios_make(&it->smbios, &b, e))
        return false;
    ok = fw_cfg_add_file(f, "etc/smbios/smbios-anchor", b.anchor, sizeof(b.anchor), e) &&
         fw_cfg_add_file(f, "etc/smbios/smbios-tables", b.tables, b.size, e);
    smbios_blob_finish(&b);
    return ok;
}

bool fw_items_add(struct fw_cfg *f, const struct fw_items *it, struct err *e)
{
    /* bit 7: there is such a sleep state; S3 and S4 are not */
    static const uint8_t states[6] = {0x80, 0, 0, 1, 0, 0x80};
    bool is_linux = false;

    return add_loaded(f, it, &is_linux, e) &&
           (!is_linux || !it->linux_rom ||
            fw_cfg_add_file(f, LINUX_ROM, it->linux_rom, it->linux_rom_size, e)) &&
           add_numbers(f, it, e) && add_e820(f, it, e) && add_hpet(f, it, e) &&
           add_boot(f, &it->boot, is_linux, e) && add_smbios(f, it, e) &&
           fw_cfg_add_file(f, "etc/system-states", states, sizeof(states), e);
}

/* --- ACPI ------------------------------------------------------------------------------- */

static void acpi_selected(void *opaque)
{
    struct fw_acpi *a = opaque;
    struct acpi_config c;
    struct acpi_blobs b;

    a->describe(a->opaque, &c);
    if (!acpi_make_blobs(&c, &b, NULL))
        return;
    fw_cfg_replace(a->f, "etc/acpi/tables", b.tables, b.tables_size);
    fw_cfg_replace(a->f, "etc/acpi/rsdp", b.rsdp, sizeof(b.rsdp));
    fw_cfg_replace(a->f, "etc/table-loader", b.loader, b.loader_size);
    acpi_blobs_finish(&b);
}

bool fw_items_add_acpi(struct fw_acpi *a, struct err *e)
{
    static const char *const files[] = {"etc/acpi/tables", "etc/acpi/rsdp", "etc/table-loader"};
    struct acpi_config c;
    struct acpi_blobs b;
    unsigned i;
    bool ok;

    a->describe(a->opaque, &c);
    if (!acpi_make_blobs(&c, &b, e))
        return false;
    ok = fw_cfg_add_file(a->f, files[0], b.tables, b.tables_size, e) &&
         fw_cfg_add_file(a->f, files[1], b.rsdp, sizeof(b.rsdp), e) &&
         fw_cfg_add_file(a->f, files[2], b.loader, b.loader_size, e);
    acpi_blobs_finish(&b);
    for (i = 0; ok && i < ARRAY_SIZE(files); i++)
        fw_cfg_on_select(a->f, files[i], acpi_selected, a);
    return ok;
}

/* --- boot order in CMOS ----------------------------------------------------------------- */

bool fw_boot_cmos(const char *order, uint8_t *at_3d, uint8_t *at_38, struct err *e)
{
    static const char letters[] = "acdn"; /* codes 1 to 4 */
    uint8_t code[3] = {0};
    unsigned n = 0;

    for (; *order; order++) {
        const char *at = strchr(letters, *order == 'b' ? 'a' : *order);

        if (!at)
            return err_set(e, "invalid boot device '%c'", *order);
        if (n < 3)
            code[n++] = (uint8_t)(at - letters + 1);
    }
    *at_3d = (uint8_t)(code[1] << 4 | code[0]);
    *at_38 = (uint8_t)(code[2] << 4 | 1); /* no check of a floppy's signature */
    return true;
}
