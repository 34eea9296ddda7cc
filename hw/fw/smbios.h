/* SPDX-License-Identifier: MIT
 * SMBIOS 2.8 tables (DSP0134): what the machine calls itself. */
#ifndef HW_FW_SMBIOS_H
#define HW_FW_SMBIOS_H

#include "softmmu/err.h"
#include "softmmu/types.h"

/* Texts: NULL is the default, "" none. */
struct smbios_config {
    const char *bios_vendor, *bios_version, *bios_date;                         /* type 0 */
    const char *manufacturer, *product, *version, *serial, *sku, *family;       /* type 1 */
    const char *chassis_maker, *chassis_version, *chassis_serial, *chassis_tag; /* type 3 */
    const char *const *oem;                                                     /* type 11 */
    unsigned n_oem;
    uint8_t uuid[16]; /* as written, big-endian; all zero: not set */
    bool uefi;
    unsigned cpus;
    uint64_t ram_low, ram_high; /* bytes below 4 GiB and from there on */
};

#define SMBIOS_ANCHOR_SIZE 31

struct smbios_blob {
    uint8_t anchor[SMBIOS_ANCHOR_SIZE]; /* entry point; the table's address is 0 */
    uint8_t *tables;
    size_t size;
};

/* False when the tables get larger than 64 KiB. */
bool smbios_make(const struct smbios_config *c, struct smbios_blob *out, struct err *e);
void smbios_blob_finish(struct smbios_blob *b); /* zeroed struct allowed */

#endif
