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

static const char *const link_name[4] = {"LNKA", "LNKB", "LNKC", "LNKD"};
static const char *const route_name[4] = {"PRQ0", "PRQ1", "PRQ2", "PRQ3"}; /* in ISA_ */
static const uint8_t link_choice[] = {5, 10, 11};

/* PIIX3 PIRQRC[n]: interrupt in the low bits, bit 7 is off. */
static void put_link(struct aml *a, unsigned n)
{
    static const uint8_t none = 0;
    char route[] = "\\_SB_.PCI0.ISA_.PRQ0";

    route[sizeof(route) - 2] += n;
    aml_device(a, link_name[n]);
    aml_name_id(a, "_HID", "PNP0C0F");
    aml_name_int(a, "_UID", n);
    aml_name(a, "_PRS");
    aml_resources(a);
    aml_interrupts(a, link_choice, sizeof(link_choice));
    aml_resources_end(a);

    aml_method(a, "_STA", 0);
    aml_if(a);
    aml_op(a, AML_AND);
    aml_ref(a, route);
    aml_int(a, 0x80);
    aml_op(a, AML_NOWHERE);
    aml_op(a, AML_RETURN);
    aml_int(a, 9); /* there, but off */
    aml_end(a);
    aml_op(a, AML_RETURN);
    aml_int(a, 0xb);
    aml_end(a);

    aml_method(a, "_DIS", 0);
    aml_op(a, AML_OR);
    aml_ref(a, route);
    aml_int(a, 0x80);
    aml_ref(a, route);
    aml_end(a);

    aml_method(a, "_CRS", 0);
    aml_name(a, "RES_");
    aml_resources(a);
    aml_interrupts(a, &none, 1);
    aml_resources_end(a);
    aml_op(a, AML_DWORD_FIELD);
    aml_ref(a, "RES_");
    aml_int(a, 5);
    aml_ref(a, "IRQ_");
    aml_op(a, AML_AND);
    aml_ref(a, route);
    aml_int(a, 15);
    aml_ref(a, "IRQ_");
    aml_op(a, AML_RETURN);
    aml_ref(a, "RES_");
    aml_end(a);

    aml_method(a, "_SRS", 1);
    aml_op(a, AML_DWORD_FIELD);
    aml_op(a, AML_ARG0);
    aml_int(a, 5);
    aml_ref(a, "IRQ_");
    aml_op(a, AML_STORE);
    aml_ref(a, "IRQ_");
    aml_ref(a, route);
    aml_end(a);
    aml_end(a);
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
            if (c->pirq_links)
                aml_ref(a, link_name[(slot + pin - 1) & 3]);
            else
                aml_int(a, 0);
            aml_int(a, c->pirq_links ? 0 : c->pirq_gsi[(slot + pin - 1) & 3]);
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

static void put_memory_device(struct aml *a, const char *name, const char *id, uint32_t base,
                              uint32_t length)
{
    aml_device(a, name);
    aml_name_id(a, "_HID", id);
    aml_name_int(a, "_STA", 0xf);
    aml_name(a, "_CRS");
    aml_resources(a);
    aml_memory_fixed(a, base, length);
    aml_resources_end(a);
    aml_end(a);
}

/* As QEMU names it: the kernel's driver shows the items in sysfs. */
static void put_fw_cfg(struct aml *a, uint16_t port)
{
    aml_device(a, "FWCF");
    aml_name_string(a, "_HID", "QEMU0002");
    aml_name_int(a, "_STA", 0xb);
    aml_name(a, "_CRS");
    aml_resources(a);
    aml_io(a, port, 12);
    aml_resources_end(a);
    aml_end(a);
}

static void put_isa_bridge(struct aml *a, const struct acpi_config *c)
{
    aml_device(a, "ISA_");
    aml_name_int(a, "_ADR", 1 << 16);
    if (c->pirq_links)
        aml_pci_bytes(a, "PIRQ", 0x60, route_name, 4);
    put_isa_devices(a, c);
    aml_end(a);
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
        put_isa_bridge(a, c);
        aml_end(a);
        for (unsigned n = 0; c->pirq_links && n < 4; n++)
            put_link(a, n);
    } else {
        put_isa_devices(a, c);
    }
    if (c->hpet_addr)
        put_memory_device(a, "HPET", "PNP0103", c->hpet_addr, 0x400);
    if (c->fw_cfg)
        put_fw_cfg(a, c->fw_cfg);
    aml_end(a);
}
