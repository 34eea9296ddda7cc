/* SPDX-License-Identifier: MIT
 * A small encoder of ACPI Machine Language (ACPI 6.3, chapter 20): terms are
 * appended to a growing buffer; packages are opened and closed like brackets. */
#ifndef HW_FW_AML_H
#define HW_FW_AML_H

#include "softmmu/types.h"

enum { AML_DEPTH = 12 };

struct aml {
    uint8_t *buf;
    size_t len, room;
    size_t open[AML_DEPTH]; /* offsets where the lengths of open packages go */
    unsigned depth;
};

void aml_init(struct aml *a);
void aml_finish(struct aml *a); /* frees the buffer */

/* Names: up to four segments, "\\_SB_.PCI0" style; every segment has 4 letters. */
void aml_scope(struct aml *a, const char *path);  /* aml_end closes */
void aml_device(struct aml *a, const char *name); /* aml_end closes */
void aml_package(struct aml *a, unsigned count);  /* aml_end closes */
void aml_resources(struct aml *a);                /* aml_resources_end closes */
void aml_resources_end(struct aml *a);
void aml_end(struct aml *a);

void aml_name(struct aml *a, const char *name); /* Name(name, <next term>) */
void aml_int(struct aml *a, uint64_t value);
void aml_eisa_id(struct aml *a, const char *id); /* "PNP0501" */
void aml_name_int(struct aml *a, const char *name, uint64_t value);
void aml_name_id(struct aml *a, const char *name, const char *id);

/* Resource descriptors (ACPI 6.3, 6.4), between aml_resources and its end. */
void aml_io(struct aml *a, uint16_t base, uint8_t length);
void aml_irq(struct aml *a, unsigned irq); /* edge, active high, exclusive */
void aml_bus_range(struct aml *a, uint16_t first, uint16_t last);
void aml_io_range(struct aml *a, uint16_t first, uint16_t last);
void aml_memory_range(struct aml *a, uint32_t first, uint32_t last, bool cacheable);

#endif
