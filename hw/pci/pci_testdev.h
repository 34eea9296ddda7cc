/* SPDX-License-Identifier: MIT
 * pci-testdev: counts writes, for tests that time them. */
#ifndef HW_PCI_PCI_TESTDEV_H
#define HW_PCI_PCI_TESTDEV_H

#include "hw/pci/pci.h"

struct pci_testdev {
    struct pci_fn pci;
    uint8_t test; /* selected; 0xff: none */
    bool mem;     /* selected through the memory BAR */
    uint32_t count;
};

extern const struct dev_class pci_testdev_class;

#endif
