/* SPDX-License-Identifier: MIT
 * Our own ACPI tables (ACPI 6.3, chapter 5) for the i440FX board: RSDP, RSDT, XSDT, FADT,
 * FACS, MADT, HPET when there is one, DSDT with S5, PCI routing and the legacy devices. */
#include "firmware/bios/system.h"
#include "firmware/post/acpi.h"

enum {
    AREA = 0x4000,
    HEADER = 36,
    MAX_TABLES = 4,
    HPET_BASE = 0xfed00000,
    IOAPIC_BASE = 0xfec00000,
    LAPIC_BASE = 0xfee00000,
    SCI = 9
};
enum { SMI_CMD = 0xb2, ACPI_ENABLE = 0xf1, ACPI_DISABLE = 0xf0 };

static u8 *next;
static u32 tables[MAX_TABLES], table_count;

static void put16(u8 *p, u16 v)
{
    memcpy(p, &v, 2);
}

static void put32(u8 *p, u32 v)
{
    memcpy(p, &v, 4);
}

static u8 *take(u32 size)
{
    u8 *p = next;
    memset(p, 0, size);
    next += (size + 15) & ~15u;
    return p;
}

static void finish(u8 *t, const char *sig, u8 revision, u32 size)
{
    memcpy(t, sig, 4);
    put32(t + 4, size);
    t[8] = revision;
    memcpy(t + 10, "MYNAH MYNAHPC ", 14);
    put32(t + 24, 1);
    memcpy(t + 28, "MYNA", 4);
    put32(t + 32, 1);
    t[9] = 0;
    t[9] = (u8)-sum8(t, size);
}

static void isa_device(struct aml *a, const char *name, const char *id, u16 port, u8 len,
                       u16 port2, u8 len2, u8 irq)
{
    aml_device(a, name);
    aml_id(a, id);
    aml_name(a, "_CRS");
    aml_resources(a);
    if (len)
        aml_io(a, port, len);
    if (len2)
        aml_io(a, port2, len2);
    if (irq)
        aml_irq(a, irq);
    aml_end(a);
    aml_end(a);
}

static void isa_devices(struct aml *a)
{
    static const u8 com_irq[4] = {4, 3, 4, 3};
    char name[] = "COM1";
    aml_device(a, "ISA");
    aml_name(a, "_ADR");
    aml_int(a, 1 << 16);
    isa_device(a, "PIC", "PNP0000", 0x20, 2, 0xa0, 2, 2);
    isa_device(a, "DMAC", "PNP0200", 0x00, 0x10, 0xc0, 0x20, 0);
    isa_device(a, "TIMR", "PNP0100", 0x40, 4, 0, 0, 0);
    isa_device(a, "RTC", "PNP0B00", 0x70, 2, 0, 0, 8);
    isa_device(a, "KBD", "PNP0303", 0x60, 1, 0x64, 1, 1);
    isa_device(a, "MOU", "PNP0F13", 0, 0, 0, 0, 12);
    for (u32 i = 0; i < 4; i++)
        if (BDA->com[i]) {
            name[3] = (char)('1' + i);
            isa_device(a, name, "PNP0501", BDA->com[i], 8, 0, 0, com_irq[i]);
        }
    if (BDA->lpt[0])
        isa_device(a, "LPT1", "PNP0400", BDA->lpt[0], 8, 0, 0, 7);
    isa_device(a, "RSRC", "PNP0C02", SHARED(pm_base), 0x40, 0x4d0, 2, 0);
    aml_end(a);
}

static void pci_routing(struct aml *a)
{
    aml_name(a, "_PRT");
    aml_package(a, 31 * 4);
    for (u32 slot = 1; slot < 32; slot++)
        for (u32 pin = 0; pin < 4; pin++) {
            aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_int(a, 0);
            aml_int(a, pci_irq_of((u8)slot, (u8)(pin + 1)));
            aml_end(a);
        }
    aml_end(a);
}

static void pci_root(struct aml *a)
{
    aml_device(a, "PCI0");
    aml_id(a, "PNP0A03");
    aml_name(a, "_ADR");
    aml_int(a, 0);
    aml_name(a, "_UID");
    aml_int(a, 0);
    aml_name(a, "_CRS");
    aml_resources(a);
    aml_bus_range(a);
    aml_io(a, 0xcf8, 8);
    aml_io_range(a, 0, 0xcf7);
    aml_io_range(a, 0xd00, 0xffff);
    aml_memory_range(a, 0xa0000, 0xbffff);
    aml_memory_range(a, pci_hole_start(), IOAPIC_BASE - 1);
    aml_end(a);
    pci_routing(a);
    isa_devices(a);
    aml_end(a);
}

static u32 hpet_id(void)
{
    u32 id = *(volatile u32 *)hide(HPET_BASE);
    return id == ~0u || !(id >> 16) ? 0 : id;
}

static u32 build_dsdt(void)
{
    u8 *t = take(HEADER);
    struct aml a = {.at = t + HEADER};
    aml_scope(&a, "\\");
    aml_name(&a, "_S5");
    aml_package(&a, 4);
    for (u32 i = 0; i < 4; i++)
        aml_int(&a, 0);
    aml_end(&a);
    aml_end(&a);
    aml_scope(&a, "\\_SB");
    pci_root(&a);
    if (hpet_id()) {
        aml_device(&a, "HPET");
        aml_id(&a, "PNP0103");
        aml_name(&a, "_CRS");
        aml_resources(&a);
        aml_memory_fixed(&a, HPET_BASE, 0x400);
        aml_end(&a);
        aml_end(&a);
    }
    aml_end(&a);
    finish(t, "DSDT", 2, (u32)(a.at - t));
    next = (u8 *)(((u32)a.at + 15) & ~15u);
    return (u32)t;
}

static u32 build_facs(void)
{
    u8 *t = (u8 *)(((u32)next + 63) & ~63u);
    next = t;
    take(64);
    memcpy(t, "FACS", 4);
    put32(t + 4, 64);
    return (u32)t;
}

static void put_port(u8 *gas, u16 port, u8 bytes)
{
    gas[0] = 1;
    gas[1] = (u8)(bytes * 8);
    put32(gas + 4, port);
}

static void build_fadt(u32 dsdt, u32 facs)
{
    u8 *t = take(244);
    u16 pm = SHARED(pm_base);
    put32(t + 36, facs);
    put32(t + 40, dsdt);
    put16(t + 46, SCI);
    if (!(inw(pm + 4) & 1)) { /* not in ACPI mode yet */
        put32(t + 48, SMI_CMD);
        t[52] = ACPI_ENABLE;
        t[53] = ACPI_DISABLE;
    }
    put32(t + 56, pm);
    put32(t + 64, pm + 4u);
    put32(t + 76, pm + 8u);
    t[88] = 4;
    t[89] = 2;
    t[91] = 4;
    put16(t + 96, 0xfff); /* no C2, C3 */
    put16(t + 98, 0xfff);
    t[108] = CMOS_CENTURY;
    put16(t + 109, 3); /* legacy devices, 8042 */
    /* WBINVD, C1, sleep button absent, RTC wakes, 32-bit timer no, reset register */
    put32(t + 112, 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 10);
    put_port(t + 116, 0xcf9, 1);
    t[128] = 6;
    put32(t + 132, facs);
    put32(t + 140, dsdt);
    put_port(t + 148, pm, 4);
    put_port(t + 172, pm + 4, 2);
    put_port(t + 208, pm + 8, 4);
    finish(t, "FACP", 3, 244);
    tables[table_count++] = (u32)t;
}

static u32 put_override(u8 *p, u8 irq, u8 gsi, u8 flags)
{
    p[0] = 2;
    p[1] = 10;
    p[3] = irq;
    p[4] = gsi;
    p[8] = flags;
    return 10;
}

static void build_madt(void)
{
    u32 cpus = cpu_count(), n = HEADER + 8;
    u8 *t = take(HEADER + 8 + cpus * 8 + 12 + 4 * 10 + 6);
    put32(t + HEADER, LAPIC_BASE);
    put32(t + HEADER + 4, 1);
    for (u32 i = 0; i < cpus; i++, n += 8) {
        t[n + 1] = 8;
        t[n + 2] = t[n + 3] = (u8)i;
        t[n + 4] = 1;
    }
    t[n] = 1;
    t[n + 1] = 12;
    put32(t + n + 4, IOAPIC_BASE);
    n += 12;
    n += put_override(t + n, 0, 2, 0);
    for (u8 irq = 9; irq < 12; irq++) /* SCI and PIRQs: level, active high */
        n += put_override(t + n, irq, irq, 0xd);
    t[n] = 4;
    t[n + 1] = 6;
    t[n + 2] = 0xff;
    t[n + 5] = 1;
    n += 6;
    finish(t, "APIC", 1, n);
    tables[table_count++] = (u32)t;
}

static void build_hpet(void)
{
    u32 id = hpet_id();
    if (!id)
        return;
    u8 *t = take(56);
    put32(t + 36, id);
    t[41] = 64; /* memory, 64 bits wide */
    put32(t + 44, HPET_BASE);
    finish(t, "HPET", 1, 56);
    tables[table_count++] = (u32)t;
}

static bool build_roots(void)
{
    u8 *r = take(HEADER + 4 * table_count), *x = take(HEADER + 8 * table_count);
    u8 *p = (u8 *)fseg_alloc(36, 16);
    if (!p)
        return false;
    for (u32 i = 0; i < table_count; i++) {
        put32(r + HEADER + 4 * i, tables[i]);
        put32(x + HEADER + 8 * i, tables[i]);
    }
    finish(r, "RSDT", 1, HEADER + 4 * table_count);
    finish(x, "XSDT", 1, HEADER + 8 * table_count);
    memset(p, 0, 36);
    memcpy(p, "RSD PTR ", 8);
    memcpy(p + 9, "MYNAH ", 6);
    p[15] = 2;
    put32(p + 16, (u32)r);
    put32(p + 20, 36);
    put32(p + 24, (u32)x);
    p[8] = (u8)-sum8(p, 20);
    p[32] = (u8)-sum8(p, 36);
    return true;
}

void acpi_build(void)
{
    u32 area = high_alloc(AREA, 0x1000);
    if (!area || !SHARED(pm_base))
        return;
    next = (u8 *)area;
    u32 dsdt = build_dsdt();
    build_fadt(dsdt, build_facs());
    build_madt();
    build_hpet();
    if (build_roots())
        debug_f("acpi: own tables at %x, %u bytes\n", area, (u32)next - area);
}
