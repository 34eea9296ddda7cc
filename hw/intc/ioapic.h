/* SPDX-License-Identifier: MIT
 * I/O APIC with 24 inputs. */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "hw/intc/lapic.h"
#include "softmmu/dev.h"

#define IOAPIC_BASE 0xfec00000ull
#define IOAPIC_PINS 24

struct ioapic {
    struct dev dev;
    struct apic_bus *bus; /* wire; NULL: messages are lost */
    uint32_t id;          /* 0..15 */
    uint8_t select;
    uint64_t redir[IOAPIC_PINS];
    uint32_t lines; /* levels on the pins */
    uint32_t irr;   /* requests not yet sent */
};

extern const struct dev_class ioapic_class;

void ioapic_set_irq(void *opaque, int pin, int level); /* fits struct irq */
void ioapic_eoi(void *opaque, uint8_t vector);         /* fits apic_bus.eoi */

#endif
