/* SPDX-License-Identifier: MIT
 * pci-bridge: a PCI-to-PCI bridge with a bus behind it. */
#ifndef HW_PCI_PCI_BRIDGE_H
#define HW_PCI_PCI_BRIDGE_H

#include "hw/pci/pci.h"

#define PCI_BRIDGE_CONTROL 0x3e
#define PCI_BRIDGE_VGA     0x0008 /* VGA's ports and memory window are behind it */

enum pci_window_kind { PCI_WINDOW_IO, PCI_WINDOW_MEM, PCI_WINDOW_PREFETCH };

struct pci_bridge {
    struct pci_fn pci;
    struct pci_bus bus; /* the secondary */
    struct dev_env env; /* of devices on it */
    uint8_t chassis_nr; /* properties */
    bool shpc;
    char *msi;
};

extern const struct dev_class pci_bridge_class;

/* What base and limit registers of a bridge say, whether decoding is on or not; it is open
 * when base <= last. */
struct pci_window {
    gpa base, last;
};
struct pci_window pci_bridge_window(const struct pci_fn *bridge, enum pci_window_kind kind);

#endif
