/* SPDX-License-Identifier: MIT
 * PCI configuration space by mechanism 1 (PCI 2.1, 3.7.4). A function is named by its
 * bdf: bus << 8 | device << 3 | function. */
#ifndef FIRMWARE_LIB_PCI_H
#define FIRMWARE_LIB_PCI_H

#include "firmware/lib/io.h"

enum {
    PCI_ID = 0x00,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_CLASS = 0x0a, /* class << 8 | subclass */
    PCI_HEADER = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_BUSES = 0x18,
    PCI_SUBSYSTEM = 0x2e,
    PCI_ROM = 0x30,
    PCI_CAPS = 0x34,
    PCI_ROM_BRIDGE = 0x38,
    PCI_INT_LINE = 0x3c,
    PCI_INT_PIN = 0x3d,
    PCI_BRIDGE_CONTROL = 0x3e
};
enum { PCI_CMD_IO = 1, PCI_CMD_MEM = 2, PCI_CMD_MASTER = 4 };

static inline void pci_select(u16 bdf, u8 reg)
{
    outl(0xcf8, 0x80000000u | (u32)bdf << 8 | (reg & 0xfc));
}

static inline u32 pci_read32(u16 bdf, u8 reg)
{
    pci_select(bdf, reg);
    return inl(0xcfc);
}

static inline u16 pci_read16(u16 bdf, u8 reg)
{
    pci_select(bdf, reg);
    return inw(0xcfc + (reg & 2));
}

static inline u8 pci_read8(u16 bdf, u8 reg)
{
    pci_select(bdf, reg);
    return inb(0xcfc + (reg & 3));
}

static inline void pci_write32(u16 bdf, u8 reg, u32 v)
{
    pci_select(bdf, reg);
    outl(0xcfc, v);
}

static inline void pci_write16(u16 bdf, u8 reg, u16 v)
{
    pci_select(bdf, reg);
    outw(0xcfc + (reg & 2), v);
}

static inline void pci_write8(u16 bdf, u8 reg, u8 v)
{
    pci_select(bdf, reg);
    outb(0xcfc + (reg & 3), v);
}
#endif
