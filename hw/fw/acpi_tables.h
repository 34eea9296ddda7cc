/* SPDX-License-Identifier: MIT
 * ACPI tables (ACPI 6.3) for the PC board: what a kernel needs to find its
 * interrupt controllers, timers, serial port, PCI bus, power-off and reset. */
#ifndef HW_FW_ACPI_TABLES_H
#define HW_FW_ACPI_TABLES_H

#include "softmmu/err.h"
#include "softmmu/types.h"

struct boot_ram;

#define ACPI_AREA_SIZE 0x10000ull /* bytes the tables get at the top of low RAM */
#define ACPI_RSDP_ADDR 0xf5a00ull /* in the BIOS area, 16-byte aligned */

/* The board as the tables describe it; acpi_config_pc() gives the defaults.
 * A port of 0 means: not there. */
struct acpi_config {
    unsigned cpus; /* 1..255; APIC ids 0..cpus-1 */
    uint32_t lapic_addr, ioapic_addr;
    uint8_t ioapic_id;
    uint16_t pm1_evt, pm1_cnt, pm_timer; /* PIIX4 layout: base+0, +4, +8 */
    uint16_t gpe0;                       /* 4 bytes: 2 status, 2 enable */
    uint16_t smi_cmd; /* 0: the machine is always in ACPI mode (SCI_EN reads 1) */
    uint8_t acpi_enable, acpi_disable; /* values for smi_cmd */
    uint8_t sci;                       /* ISA IRQ, level, active high at the I/O APIC */
    uint8_t s5_type;                   /* SLP_TYP that powers off */
    uint16_t reset_port;
    uint8_t reset_value;
    bool has_vga, has_i8042, has_rtc;
    uint16_t com1; /* base; IRQ 4 */
    bool has_pci;
    bool pirq_links;     /* PIRQs are routed by the PIIX3's registers (interrupts 5, 10, 11) */
    uint8_t pirq_gsi[4]; /* otherwise: interrupt of PIRQA..D: 5, 9, 10, 11 (ISA) or >= 16 */
    uint32_t pci_hole;   /* 32-bit PCI window: [pci_hole, pci_hole_end) */
    uint32_t pci_hole_end;
    uint32_t hpet_addr; /* 0: none */
    uint16_t fw_cfg;    /* port, 0: none */
};

/* One CPU, PIIX4 power management at 600h, reset at CF9h, RTC, i8042, COM1, PCI,
 * no VGA. low_ram is the number of bytes below the PCI hole. */
struct acpi_config acpi_config_pc(uint64_t low_ram);

/* Where the tables ended up; base and size are to be reserved. */
struct acpi_place {
    gpa rsdp, base;
    uint64_t size;
};

/* Builds the tables in the last ACPI_AREA_SIZE bytes of low RAM and the RSDP at
 * ACPI_RSDP_ADDR. False when RAM is too small. */
bool acpi_install(const struct acpi_config *c, const struct boot_ram *ram,
                  struct acpi_place *place, struct err *e);

/* The same for firmware that places tables itself: "etc/acpi/tables" with addresses relative to
 * its start, "etc/acpi/rsdp", and "etc/table-loader" with the commands that relocate them. */
struct acpi_blobs {
    uint8_t *tables, *loader;
    size_t tables_size, loader_size; /* multiples of 4096, padded with zeroes */
    uint8_t rsdp[36];
};
bool acpi_make_blobs(const struct acpi_config *c, struct acpi_blobs *out, struct err *e);
void acpi_blobs_finish(struct acpi_blobs *b); /* zeroed struct allowed */

#endif
