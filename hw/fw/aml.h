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
void aml_name_string(struct aml *a, const char *name, const char *text);

/* Methods: args 0..7, serialized; aml_end closes. Operators are followed by their operands,
 * as in the byte code: aml_op(AML_AND), two values, a target. */
enum {
    AML_NOWHERE = 0x00, /* target that drops the result */
    AML_LOCAL0 = 0x60,
    AML_ARG0 = 0x68,
    AML_STORE = 0x70,
    AML_AND = 0x7b,
    AML_OR = 0x7d,
    AML_DWORD_FIELD = 0x8a, /* buffer, byte index, name */
    AML_RETURN = 0xa4,
};
void aml_method(struct aml *a, const char *name, unsigned args);
void aml_op(struct aml *a, unsigned op);
void aml_ref(struct aml *a, const char *path); /* a name as operand */
void aml_if(struct aml *a);                    /* predicate and terms follow; aml_end closes */
/* Byte registers of a device's PCI configuration space: names of four letters each. */
void aml_pci_bytes(struct aml *a, const char *region, unsigned offset, const char *const *names,
                   unsigned n);

/* Resource descriptors (ACPI 6.3, 6.4), between aml_resources and its end. */
void aml_io(struct aml *a, uint16_t base, uint8_t length);
void aml_irq(struct aml *a, unsigned irq); /* edge, active high, exclusive */
void aml_interrupts(struct aml *a, const uint8_t *gsi, unsigned n); /* level, high, shared */
void aml_memory_fixed(struct aml *a, uint32_t base, uint32_t length);
void aml_bus_range(struct aml *a, uint16_t first, uint16_t last);
void aml_io_range(struct aml *a, uint16_t first, uint16_t last);
void aml_memory_range(struct aml *a, uint32_t first, uint32_t last, bool cacheable);

#endif
