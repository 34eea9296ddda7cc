/* SPDX-License-Identifier: MIT
 * Shared by pci*.c. */
#ifndef HW_PCI_PCI_INT_H
#define HW_PCI_PCI_INT_H

#include "hw/pci/pci.h"

#define PCI_COMMAND        0x04
#define PCI_COMMAND_IO     0x0001
#define PCI_COMMAND_MEM    0x0002
#define PCI_COMMAND_MASTER 0x0004
#define PCI_COMMAND_NOINTX 0x0400
#define PCI_STATUS         0x06
#define PCI_STATUS_INTX    0x08
#define PCI_STATUS_CAPS    0x10
#define PCI_CAP_POINTER    0x34
#define PCI_PIN            0x3d
/* of bridges (header type 1) */
#define PCI_SECONDARY   0x19
#define PCI_SUBORDINATE 0x1a

static inline bool pci_overlap(unsigned offset, unsigned size, unsigned at, unsigned n)
{
    return offset < at + n && at < offset + size;
}

/* pci.c: drives the pin as level, command register and MSI enables say. */
void pci_update_intx(struct pci_fn *fn);

/* pci_bridge.c: whether it passes configuration cycles for that bus number on. */
bool pci_bridge_claims_bus(const struct pci_fn *fn, unsigned nr);

/* pci_bar.c */
void pci_bars_written(struct pci_fn *fn, unsigned offset, unsigned size);
void pci_bars_update(struct pci_fn *fn); /* places and unplaces as the space says */
void pci_bars_unplace(struct pci_fn *fn);

/* pci_msi.c */
void pci_msi_written(struct pci_fn *fn, unsigned offset, unsigned size);
void pci_msi_reset(struct pci_fn *fn);

#endif
