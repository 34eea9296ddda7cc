/* SPDX-License-Identifier: MIT
 * The DSDT: soft-off, the PCI root bridge with its windows and interrupts, and
 * the legacy devices as PNP ids. */
#include "hw/fw/acpi_dsdt.h"

#include "hw/fw/acpi_tables.h"

static void put_soft_off(struct aml *a, const struct acpi_config *c)
{
    aml_scope(a, "\\");
    aml_name(a, "_S5_");
    aml_package(a, 4);
    aml_int(a, c->s5_type);
    aml_int(a, c->s5_type);
    aml_int(a, 0);
    aml_int(a, 0);
    aml_end(a);
    aml_end(a);
}

static void put_pci_windows(struct aml *a, const struct acpi_config *c)
{
    aml_name(a, "_CRS");
    aml_resources(a);
    aml_bus_range(a, 0, 0xff);
    aml_io(a, 0xcf8, 8);
    aml_io_range(a, 0, 0xcf7);
    aml_io_range(a, 0xd00, 0xffff);
    aml_memory_range(a, 0xa0000, 0xbffff, true);
    aml_memory_range(a, c->pci_hole, c->pci_hole_end - 1, false);
    aml_resources_end(a);
}

/* Slot s, pin p is wired to PIRQ (s + p - 1) mod 4, as on the i440FX board. */
static void put_pci_routing(struct aml *a, const struct acpi_config *c)
{
    aml_name(a, "_PRT");
    aml_package(a, 31 * 4);
    for (unsigned slot = 1; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_int(a, 0);
            aml_int(a, c->pirq_gsi[(slot + pin - 1) & 3]);
            aml_end(a);
        }
    }
    aml_end(a);
}

/* One ISA device: up to three port ranges and an interrupt (-1: none). */
struct isa_device {
    const char *name, *id;
    struct {
        uint16_t base;
        uint8_t len;
    } io[3];
    int irq;
};

static void put_isa_device(struct aml *a, const struct isa_device *d)
{
    aml_device(a, d->name);
    aml_name_id(a, "_HID", d->id);
    aml_name_int(a, "_STA", 0xf);
    aml_name(a, "_CRS");
    aml_resources(a);
    for (unsigned i = 0; i < 3 && d->io[i].len; i++)
        aml_io(a, d->io[i].base, d->io[i].len);
    if (d->irq >= 0)
        aml_irq(a, (unsigned)d->irq);
    aml_resources_end(a);
    aml_end(a);
}

static void put_isa_devices(struct aml *a, const struct acpi_config *c)
{
    static const struct isa_device pic = {
        "PIC_", "PNP0000", {{0x20, 2}, {0xa0, 2}, {0x4d0, 2}}, 2};
    static const struct isa_device pit = {"TIMR", "PNP0100", {{0x40, 4}}, 0};
    static const struct isa_device rtc = {"RTC_", "PNP0B00", {{0x70, 8}}, 8};
    static const struct isa_device kbd = {"KBD_", "PNP0303", {{0x60, 1}, {0x64, 1}}, 1};
    static const struct isa_device aux = {"MOU_", "PNP0F13", {{0}}, 12};
    const struct isa_device com1 = {"COM1", "PNP0501", {{c->com1, 8}}, 4};
    const struct isa_device res = {
        "RSRC", "PNP0C02", {{c->pm1_evt, 0x40}, {0x61, 1}, {0x92, 1}}, -1};

    put_isa_device(a, &pic);
    put_isa_device(a, &pit);
    if (c->has_rtc)
        put_isa_device(a, &rtc);
    if (c->has_i8042) {
        put_isa_device(a, &kbd);
        put_isa_device(a, &aux);
    }
    if (c->com1)
        put_isa_device(a, &com1);
    if (c->pm1_evt)
        put_isa_device(a, &res);
}

void acpi_put_dsdt(struct aml *a, const struct acpi_config *c)
{
    put_soft_off(a, c);
    aml_scope(a, "\\_SB_");
    if (c->has_pci) {
        aml_device(a, "PCI0");
        aml_name_id(a, "_HID", "PNP0A03");
        aml_name_int(a, "_ADR", 0);
        aml_name_int(a, "_UID", 0);
        put_pci_windows(a, c);
        put_pci_routing(a, c);
        aml_device(a, "ISA_");
        aml_name_int(a, "_ADR", 1 << 16);
        put_isa_devices(a, c);
        aml_end(a);
        aml_end(a);
    } else {
        put_isa_devices(a, c);
    }
    aml_end(a);
}
