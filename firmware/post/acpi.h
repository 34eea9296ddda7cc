/* SPDX-License-Identifier: MIT
 * Our own ACPI tables: used when the emulator gives none. */
#ifndef FIRMWARE_POST_ACPI_H
#define FIRMWARE_POST_ACPI_H

#include "firmware/post/post.h"

void acpi_build(void);

/* aml.c: code for the DSDT, written to where at points; no bounds, the caller has room. */
struct aml {
    u8 *at;
    u8 *open[8];
    u32 depth;
};
void aml_scope(struct aml *a, const char *name);
void aml_device(struct aml *a, const char *name);
void aml_package(struct aml *a, u8 count);
void aml_resources(struct aml *a); /* a buffer of descriptors; aml_end ends it */
void aml_end(struct aml *a);
void aml_name(struct aml *a, const char *name); /* Name (name, what follows) */
void aml_int(struct aml *a, u32 v);
void aml_id(struct aml *a, const char *eisa); /* "PNP0A03" */
void aml_bytes(struct aml *a, const void *p, u32 n);
/* Descriptors. */
void aml_io(struct aml *a, u16 base, u8 len);
void aml_irq(struct aml *a, u8 irq);
void aml_bus_range(struct aml *a);
void aml_io_range(struct aml *a, u16 from, u16 to);
void aml_memory_range(struct aml *a, u32 from, u32 to);
void aml_memory_fixed(struct aml *a, u32 base, u32 len);
#endif
