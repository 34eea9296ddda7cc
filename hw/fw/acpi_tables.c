/* SPDX-License-Identifier: MIT
 * RSDP, RSDT, XSDT, FADT (revision 5), FACS, MADT, HPET and the DSDT's envelope; ACPI 6.3,
 * chapter 5. Left out: SRAT, WAET, processor objects beyond the MADT. */
#include "hw/fw/acpi_tables.h"

#include <assert.h>
#include <stdlib.h>
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

enum { TABLES_MAX = 8, POINTERS_MAX = 32 };

/* Tables growing upwards in guest RAM; where addresses and checksums in them stand. */
struct builder {
    uint8_t *mem; /* host address of base */
    gpa base;
    size_t used, size;
    struct {
        uint32_t at, size;
    } pointer[POINTERS_MAX], table[TABLES_MAX];
    unsigned pointers, tables;
};

/* An address of `size` bytes at p, which is in a table. */
static void put_pointer(struct builder *b, uint8_t *p, gpa addr, unsigned size)
{
    assert(b->pointers < POINTERS_MAX);
    b->pointer[b->pointers].at = (uint32_t)(p - b->mem);
    b->pointer[b->pointers++].size = size;
    memcpy(p, &addr, size);
}

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

static void table_header(struct builder *b, uint8_t *t, const char *sig, uint8_t rev,
                         size_t size)
{
    assert(b->tables < TABLES_MAX);
    b->table[b->tables].at = (uint32_t)(t - b->mem);
    b->table[b->tables++].size = (uint32_t)size;
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
    table_header(b, t, "DSDT", 2, HEADER + a.len);
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

    put_pointer(b, t + 36, facs, 4);
    put_pointer(b, t + 40, dsdt, 4);
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
    put_pointer(b, t + 140, dsdt, 8);
    put_gas(t + 148, c->pm1_evt, 4);
    put_gas(t + 172, c->pm1_cnt, 2);
    put_gas(t + 208, c->pm_timer, 4);
    put_gas(t + 220, c->gpe0, 4);
    table_header(b, t, "FACP", 5, FADT_SIZE);
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
    for (unsigned i = 0; c->has_pci && !c->pirq_links && i < 4; i++)
        if (c->pirq_gsi[i] == irq)
            return true;
    return irq == c->sci ||
           (c->has_pci && c->pirq_links && (irq == 5 || irq == 10 || irq == 11));
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
    table_header(b, t, "APIC", 3, n);
    return addr;
}

/* IA-PC HPET specification 1.0a, 3.2.4 */
static gpa put_hpet(struct builder *b, const struct acpi_config *c)
{
    gpa addr;
    uint8_t *t = table_new(b, HEADER + 20, &addr);

    put32(t + HEADER, 0x8086a201); /* as the capabilities register says */
    t[HEADER + 5] = 64;
    put64(t + HEADER + 8, c->hpet_addr);
    put16(t + HEADER + 17, 0x80); /* shortest period, ticks */
    table_header(b, t, "HPET", 1, HEADER + 20);
    return addr;
}

static void put_roots(struct builder *b, uint8_t *rsdp, const gpa *tables, unsigned count)
{
    gpa rsdt, xsdt;
    uint8_t *r = table_new(b, HEADER + 4 * count, &rsdt);
    uint8_t *x = table_new(b, HEADER + 8 * count, &xsdt);
    for (unsigned i = 0; i < count; i++) {
        put_pointer(b, r + HEADER + 4 * i, tables[i], 4);
        put_pointer(b, x + HEADER + 8 * i, tables[i], 8);
    }
    table_header(b, r, "RSDT", 1, HEADER + 4 * count);
    table_header(b, x, "XSDT", 1, HEADER + 8 * count);

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

static void put_all(struct builder *b, const struct acpi_config *c, uint8_t *rsdp)
{
    gpa tables[3], dsdt = put_dsdt(b, c), facs = put_facs(b);
    unsigned n = 0;

    tables[n++] = put_fadt(b, c, dsdt, facs);
    tables[n++] = put_madt(b, c);
    if (c->hpet_addr)
        tables[n++] = put_hpet(b, c);
    put_roots(b, rsdp, tables, n);
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

    struct builder b = {.mem = boot_ram_at(ram, place->base, place->size),
                        .base = place->base,
                        .size = place->size};
    put_all(&b, c, boot_ram_at(ram, ACPI_RSDP_ADDR, 36));
    return true;
}

/* --- for a loader in the guest ------------------------------------------------------- */

enum { COMMAND = 128, FILE_NAME = 56 };
enum { CMD_ALLOCATE = 1, CMD_POINTER = 2, CMD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };

static const char tables_file[] = "etc/acpi/tables", rsdp_file[] = "etc/acpi/rsdp";

static uint8_t *command(uint8_t **next, uint32_t what, const char *file)
{
    uint8_t *p = *next;

    *next += COMMAND;
    put32(p, what);
    memcpy(p + 4, file, strlen(file));
    return p + 4 + FILE_NAME;
}

static void allocate(uint8_t **next, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t *p = command(next, CMD_ALLOCATE, file);

    put32(p, align);
    p[4] = zone;
}

/* The field of `file` holds an offset into the tables: their address is added. */
static void relocate(uint8_t **next, const char *file, uint32_t at, unsigned size)
{
    uint8_t *p = command(next, CMD_POINTER, file);

    memcpy(p, tables_file, sizeof(tables_file));
    put32(p + FILE_NAME, at);
    p[FILE_NAME + 4] = (uint8_t)size;
}

static void sum_up(uint8_t **next, const char *file, uint32_t at, uint32_t start, uint32_t size)
{
    uint8_t *p = command(next, CMD_CHECKSUM, file);

    put32(p, at);
    put32(p + 4, start);
    put32(p + 8, size);
}

/* The checksum bytes are left 0 for the loader. */
static void put_commands(uint8_t *next, const struct builder *b, uint8_t *rsdp)
{
    unsigned i;

    allocate(&next, rsdp_file, 16, ZONE_FSEG);
    allocate(&next, tables_file, TABLE_ALIGN, ZONE_HIGH);
    for (i = 0; i < b->pointers; i++)
        relocate(&next, tables_file, b->pointer[i].at, b->pointer[i].size);
    for (i = 0; i < b->tables; i++) {
        b->mem[b->table[i].at + 9] = 0;
        sum_up(&next, tables_file, b->table[i].at + 9, b->table[i].at, b->table[i].size);
    }
    relocate(&next, rsdp_file, 16, 4);
    relocate(&next, rsdp_file, 24, 8);
    rsdp[8] = rsdp[32] = 0;
    sum_up(&next, rsdp_file, 8, 0, 20);
    sum_up(&next, rsdp_file, 32, 0, 36);
}

bool acpi_make_blobs(const struct acpi_config *c, struct acpi_blobs *out, struct err *e)
{
    struct builder b = {.size = ACPI_AREA_SIZE};
    size_t commands = COMMAND * (2 + POINTERS_MAX + TABLES_MAX + 4);

    *out = (struct acpi_blobs){.loader_size = (commands + 4095) & ~4095ull};
    out->tables = b.mem = calloc(1, ACPI_AREA_SIZE);
    out->loader = calloc(1, out->loader_size);
    if (!out->tables || !out->loader) {
        acpi_blobs_finish(out);
        return err_set(e, "out of memory");
    }
    put_all(&b, c, out->rsdp);
    out->tables_size = (b.used + 4095) & ~4095ull;
    put_commands(out->loader, &b, out->rsdp);
    return true;
}

void acpi_blobs_finish(struct acpi_blobs *b)
{
    free(b->tables);
    free(b->loader);
    *b = (struct acpi_blobs){0};
}
