/* SPDX-License-Identifier: MIT
 * The fw_cfg items that firmware of a PC reads. */
#ifndef HW_FW_ITEMS_H
#define HW_FW_ITEMS_H

#include "hw/fw/acpi_tables.h"
#include "hw/fw/smbios.h"

struct fw_cfg;

struct fw_boot {
    const char *order, *once; /* letters a c d n; NULL: the default, none */
    bool menu, strict;
    int32_t splash_ms;   /* how long the menu's prompt stays; -1: firmware's choice */
    int32_t reboot_ms;   /* after no device could be booted; -1: never */
    const char *indexed; /* device paths by bootindex, one a line; NULL: none */
};

struct fw_items {
    unsigned cpus;
    uint64_t ram_low, ram_high;
    bool nographic;
    uint32_t hpet_addr; /* 0: none */
    struct fw_boot boot;
    struct smbios_config smbios;
    const char *kernel, *initrd, *cmdline; /* paths and text; NULL: none */
    const uint8_t *linux_rom;              /* option ROM that starts a Linux kernel of fw_cfg */
    size_t linux_rom_size;
};

bool fw_items_add(struct fw_cfg *f, const struct fw_items *it, struct err *e);

/* ACPI items, made anew whenever firmware asks for them: by then it has placed the PM
 * registers. Owned by the caller as long as f. */
struct fw_acpi {
    struct fw_cfg *f;
    void *opaque;
    void (*describe)(void *opaque, struct acpi_config *c);
};
bool fw_items_add_acpi(struct fw_acpi *a, struct err *e);

/* CMOS bytes 3DH and 38H for a boot order; false names a letter that is none. */
bool fw_boot_cmos(const char *order, uint8_t *at_3d, uint8_t *at_38, struct err *e);

#endif
