/* SPDX-License-Identifier: MIT
 * RSDP, RSDT, XSDT, FADT (revision 5), FACS, MADT and the DSDT's envelope; ACPI 6.3,
 * chapter 5. Left out: HPET, SRAT, WAET, processor objects beyond the MADT. */
#include "hw/fw/acpi_tables.h"

#include <assert.h>
#include <string.h>

#include "hw/fw/acpi_dsdt.h"
#include "hw/fw/boot.h"

enum { HEADER = 36, FADT_SIZE = 268, FACS_SIZE = 64, TABLE_ALIGN = 64 };

/* FADT flags (table 5-34) and boot architecture flags (table 5-35). */
enum {
    FADT_WBINVD = 1 << 0,
    FADT_PROC_C1 = 1 << 2,
    FADT_SLP_BUTTON = 1 << 5,
    FADT_FIX_RTC = 1 << 6,
    FADT_RESET_REG = 1 << 10
};
enum { BA_LEGACY = 1 << 0, BA_8042 = 1 << 1, BA_NO_VGA = 1 << 2, BA_NO_RTC = 1 << 5 };
/* MPS INTI flags of interrupt overrides. */
enum { INTI_BUS = 0, INTI_HIGH_LEVEL = 0xd };

/* Tables growing upwards in guest RAM. */
struct builder {
    uint8_t *mem; /* host address of base */
    gpa base;
    size_t used, size;
};

static uint8_t *table_new(struct builder *b, size_t size, gpa *addr)
{
    size_t at = (b->used + TABLE_ALIGN - 1) & ~(size_t)(TABLE_ALIGN - 1);
    assert(at + size <= b->size);
    b->used = at + size;
    *addr = b->base + at;
    memset(b->mem + at, 0, size);
    return b->mem + at;
}

static uint8_t checksum(const uint8_t *p, size_t n)
{
    unsigned sum = 0;
    while (n--)
        sum += *p++;
    return (uint8_t)-sum;
}

static void table_header(uint8_t *t, const char *sig, uint8_t rev, size_t size)
{
    memcpy(t, sig, 4);
    put32(t + 4, (uint32_t)size);
    t[8] = rev;
    memcpy(t + 10, "MYNAH ", 6);
    memcpy(t + 16, "MYNAHPC ", 8);
    put32(t + 24, 1);
    memcpy(t + 28, "MYNA", 4);
    put32(t + 32, 1);
    t[9] = checksum(t, size);
}

/* Generic address structure in port space. */
static void put_gas(uint8_t *p, uint16_t port, uint8_t bytes)
{
    if (!port)
        return;
    p[0] = 1; /* system I/O */
    p[1] = (uint8_t)(bytes * 8);
    p[3] = (uint8_t)(bytes == 1 ? 1 : bytes == 2 ? 2 : 3); /* access size */
    put64(p + 4, port);
}

static gpa put_dsdt(struct builder *b, const struct acpi_config *c)
{
    struct aml a;
    gpa addr;
    aml_init(&a);
    acpi_put_dsdt(&a, c);
    uint8_t *t = table_new(b, HEADER + a.len, &addr);
    memcpy(t + HEADER, a.buf, a.len);
    table_header(t, "DSDT", 2, HEADER + a.len);
    aml_finish(&a);
    return addr;
}

static gpa put_facs(struct builder *b)
{
    gpa addr;
    uint8_t *t = table_new(b, FACS_SIZE, &addr);
    memcpy(t, "FACS", 4);
    put32(t + 4, FACS_SIZE);
    t[32] = 2;
    return addr;
}

static gpa put_fadt(struct builder *b, const struct acpi_config *c, gpa dsdt, gpa facs)
{
    gpa addr;
    uint8_t *t = table_new(b, FADT_SIZE, &addr);
    uint16_t arch = BA_LEGACY;
    arch |= c->has_i8042 ? BA_8042 : 0;
    arch |= c->has_vga ? 0 : BA_NO_VGA;
    arch |= c->has_rtc ? 0 : BA_NO_RTC;

    put32(t + 36, (uint32_t)facs);
    put32(t + 40, (uint32_t)dsdt);
    put16(t + 46, c->sci);
    put32(t + 48, c->smi_cmd);
    t[52] = c->acpi_enable;
    t[53] = c->acpi_disable;
    put32(t + 56, c->pm1_evt);
    put32(t + 64, c->pm1_cnt);
    put32(t + 76, c->pm_timer);
    put32(t + 80, c->gpe0);
    t[88] = c->pm1_evt ? 4 : 0;
    t[89] = c->pm1_cnt ? 2 : 0;
    t[91] = c->pm_timer ? 4 : 0;
    t[92] = c->gpe0 ? 4 : 0;
    put16(t + 96, 0xfff); /* C2, C3: not supported */
    put16(t + 98, 0xfff);
    t[106] = 0;                     /* RTC day alarm index */
    t[108] = c->has_rtc ? 0x32 : 0; /* century register */
    put16(t + 109, arch);
    put32(t + 112, FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC |
                       (c->reset_port ? FADT_RESET_REG : 0));
    put_gas(t + 116, c->reset_port, 1);
    t[128] = c->reset_value;
    put64(t + 140, dsdt);
    put_gas(t + 148, c->pm1_evt, 4);
    put_gas(t + 172, c->pm1_cnt, 2);
    put_gas(t + 208, c->pm_timer, 4);
    put_gas(t + 220, c->gpe0, 4);
    table_header(t, "FACP", 5, FADT_SIZE);
    return addr;
}

static size_t put_override(uint8_t *p, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    p[0] = 2;
    p[1] = 10;
    p[3] = irq;
    put32(p + 4, gsi);
    put16(p + 8, flags);
    return 10;
}

static bool is_pci_irq(const struct acpi_config *c, unsigned irq)
{
    for (unsigned i = 0; c->has_pci && i < 4; i++)
        if (c->pirq_gsi[i] == irq)
            return true;
    return irq == c->sci;
}

/* The PIT sits at I/O APIC input 2; level interrupts of the ISA range are
 * active high, because the board feeds them to both controllers. */
static gpa put_madt(struct builder *b, const struct acpi_config *c)
{
    size_t size = HEADER + 8 + 8 * c->cpus + 12 + 10 + 10 * 16 + 6, n = HEADER + 8;
    gpa addr;
    uint8_t *t = table_new(b, size, &addr);

    put32(t + HEADER, c->lapic_addr);
    put32(t + HEADER + 4, 1); /* dual 8259 as well */
    for (unsigned i = 0; i < c->cpus; i++, n += 8) {
        t[n + 1] = 8;
        t[n + 2] = t[n + 3] = (uint8_t)i;
        put32(t + n + 4, 1);
    }
    t[n] = 1;
    t[n + 1] = 12;
    t[n + 2] = c->ioapic_id;
    put32(t + n + 4, c->ioapic_addr);
    n += 12;
    n += put_override(t + n, 0, 2, INTI_BUS);
    for (unsigned irq = 3; irq < 16; irq++)
        if (is_pci_irq(c, irq))
            n += put_override(t + n, (uint8_t)irq, irq, INTI_HIGH_LEVEL);
    t[n] = 4; /* NMI at LINT1 of all CPUs */
    t[n + 1] = 6;
    t[n + 2] = 0xff;
    t[n + 5] = 1;
    n += 6;
    table_header(t, "APIC", 3, n);
    return addr;
}

static void put_roots(struct builder *b, uint8_t *rsdp, const gpa *tables, unsigned count)
{
    gpa rsdt, xsdt;
    uint8_t *r = table_new(b, HEADER + 4 * count, &rsdt);
    uint8_t *x = table_new(b, HEADER + 8 * count, &xsdt);
    for (unsigned i = 0; i < count; i++) {
        put32(r + HEADER + 4 * i, (uint32_t)tables[i]);
        put64(x + HEADER + 8 * i, tables[i]);
    }
    table_header(r, "RSDT", 1, HEADER + 4 * count);
    table_header(x, "XSDT", 1, HEADER + 8 * count);

    memset(rsdp, 0, 36);
    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, "MYNAH ", 6);
    rsdp[15] = 2;
    put32(rsdp + 16, (uint32_t)rsdt);
    put32(rsdp + 20, 36);
    put64(rsdp + 24, xsdt);
    rsdp[8] = checksum(rsdp, 20);
    rsdp[32] = checksum(rsdp, 36);
}

struct acpi_config acpi_config_pc(uint64_t low_ram)
{
    return (struct acpi_config){
        .cpus = 1,
        .lapic_addr = 0xfee00000,
        .ioapic_addr = 0xfec00000,
        .ioapic_id = 0,
        .pm1_evt = 0x600,
        .pm1_cnt = 0x604,
        .pm_timer = 0x608,
        .gpe0 = 0x60c,
        .smi_cmd = 0xb2,
        .acpi_enable = 0xf1,
        .acpi_disable = 0xf0,
        .sci = 9,
        .s5_type = 0,
        .reset_port = 0xcf9,
        .reset_value = 6,
        .has_i8042 = true,
        .has_rtc = true,
        .com1 = 0x3f8,
        .has_pci = true,
        .pirq_gsi = {10, 10, 11, 11},
        .pci_hole = (uint32_t)(low_ram > 0xc0000000 ? low_ram : 0xc0000000),
        .pci_hole_end = 0xfec00000,
    };
}

bool acpi_install(const struct acpi_config *c, const struct boot_ram *ram,
                  struct acpi_place *place, struct err *e)
{
    assert(c->cpus >= 1 && c->cpus < 256);
    if (ram->low < BOOT_HIGH_START + ACPI_AREA_SIZE)
        return err_set(e,
                       "not enough guest RAM for the ACPI tables: at least 2 MiB are needed");
    *place = (struct acpi_place){.rsdp = ACPI_RSDP_ADDR, .size = ACPI_AREA_SIZE};
    place->base = (ram->low - ACPI_AREA_SIZE) & ~GUEST_PAGE_MASK;
    place->size = ram->low - place->base;

    struct builder b = {boot_ram_at(ram, place->base, place->size), place->base, 0,
                        place->size};
    gpa tables[2], dsdt = put_dsdt(&b, c), facs = put_facs(&b);
    tables[0] = put_fadt(&b, c, dsdt, facs);
    tables[1] = put_madt(&b, c);
    put_roots(&b, boot_ram_at(ram, ACPI_RSDP_ADDR, 36), tables, ARRAY_SIZE(tables));
    return true;
}
