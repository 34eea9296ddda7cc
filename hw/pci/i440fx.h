/* SPDX-License-Identifier: MIT
 * 82441FX host bridge, PIIX3 ISA bridge, PIIX4 power-management function. */
#ifndef HW_PCI_I440FX_H
#define HW_PCI_I440FX_H

#include "hw/pci/pci.h"

#define I440FX_PAM 0x59 /* PAM0, of 7 */

struct i440fx {
    struct pci_fn pci;
    void *opaque; /* wire: PAM registers changed */
    void (*memory_changed)(void *opaque);
};

struct piix3 {
    struct pci_fn pci;
    void *opaque; /* wire: drive ISA interrupt n */
    void (*isa_irq)(void *opaque, int n, int level);
    uint8_t pirq_level;  /* bit n: PIRQA + n */
    uint16_t isa_driven; /* ISA interrupts now driven by PIRQs */
};

struct piix4_pm {
    struct pci_fn pci;
    void *opaque; /* wire: place the PM registers; enabled false takes them away */
    void (*set_pmbase)(void *opaque, bool enabled, uint16_t base);
};

extern const struct dev_class i440fx_class, piix3_class, piix4_pm_class;

/* PIRQA..D (n 0..3), active level 1; fits struct irq. */
void piix3_set_pirq(void *opaque, int n, int level);

#endif
