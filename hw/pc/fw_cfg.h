/* SPDX-License-Identifier: MIT
 * fw_cfg: items that firmware reads, by number or by name. */
#ifndef HW_PC_FW_CFG_H
#define HW_PC_FW_CFG_H

#include "softmmu/dev.h"

/* Numbered items; 16-, 32- and 64-bit values are little-endian. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_IRQ0_OVERRIDE = 0x8002,
    FW_CFG_HPET = 0x8004,
};

#define FW_CFG_NAME_MAX 55 /* characters of a file name */

struct fw_cfg_item {
    uint16_t key;
    char name[FW_CFG_NAME_MAX + 1]; /* "": by number only */
    uint8_t *data;
    uint32_t size;
    /* optional: called when the guest selects it; may replace the data of any item */
    void (*selected)(void *opaque);
    void *opaque;
};

struct fw_cfg {
    struct dev dev;
    struct fw_cfg_item *item; /* by key; files in the order of their names */
    unsigned n;
    uint16_t key; /* selected */
    uint32_t at;  /* next byte of it */
    uint64_t dma; /* address register */
};

#define FW_CFG_PORT 0x510

enum { FW_CFG_REGION_SELECT, FW_CFG_REGION_DMA };
extern const struct dev_class fw_cfg_class; /* two regions: 0x510-0x511, 0x514-0x51B */

/* Before the machine runs; data is copied. An item that is there already is an error. */
bool fw_cfg_add(struct fw_cfg *f, uint16_t key, const void *data, size_t n, struct err *e);
bool fw_cfg_add_int(struct fw_cfg *f, uint16_t key, uint64_t v, unsigned bytes, struct err *e);
bool fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t n,
                     struct err *e);
void fw_cfg_on_select(struct fw_cfg *f, const char *name, void (*fn)(void *opaque),
                      void *opaque);
/* At any time: other data of the same size. */
void fw_cfg_replace(struct fw_cfg *f, const char *name, const void *data, size_t n);
bool fw_cfg_has_file(const struct fw_cfg *f, const char *name);

#endif
