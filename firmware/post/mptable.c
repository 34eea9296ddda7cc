/* SPDX-License-Identifier: MIT
 * MultiProcessor Specification 1.4 table and the PCI interrupt routing table ($PIR), both in
 * segment F000. */
#include "firmware/post/post.h"

enum { SLOTS = 31, IOAPIC = 0xfec00000, LAPIC = 0xfee00000 };
enum { PIR_HEADER = 32, PIR_SLOT = 16, PIR_IRQS = 1 << 10 | 1 << 11 };

struct mp_head {
    char sig[4];
    u16 length;
    u8 revision, checksum;
    char oem[8], product[12];
    u32 oem_table;
    u16 oem_size, entries;
    u32 lapic;
    u16 ext_length;
    u8 ext_checksum, reserved;
} PACKED;

extern u8 pci_last_bus;
static u8 *at;
static u16 entries;

static void entry(const void *p, u32 n)
{
    memcpy(at, p, n);
    at += n;
    entries++;
}

static void put_cpus(u32 sig, u32 features, u32 version)
{
    u32 n = cpu_count();
    for (u32 i = 0; i < n; i++) {
        struct {
            u8 type, id, version, flags;
            u32 sig, features, reserved[2];
        } PACKED e = {0, (u8)i, (u8)version, i ? 1 : 3, sig, features, {0, 0}};
        entry(&e, sizeof e);
    }
}

static void put_bus(u8 id, const char *name)
{
    u8 e[8] = {1, id};
    memcpy(e + 2, name, 6);
    entry(e, sizeof e);
}

static void put_int(u8 type, u8 kind, u16 flags, u8 bus, u8 irq, u8 apic, u8 pin)
{
    u8 e[8] = {type, kind, (u8)flags, (u8)(flags >> 8), bus, irq, apic, pin};
    entry(e, sizeof e);
}

static void put_pci_ints(u8 ioapic)
{
    u32 bdf = ~0u;
    while (pci_next(&bdf)) {
        u8 pin = pci_read8((u16)bdf, PCI_INT_PIN), slot = bdf >> 3 & 31;
        if (pin && pin <= 4)
            put_int(3, 0, 0x000d, (u8)(bdf >> 8), (u8)(slot << 2 | (pin - 1)), ioapic,
                    pci_irq_of_fn((u16)bdf, pin));
    }
}

/* Interrupts of PCI functions: at most one each. */
static u32 pci_ints(void)
{
    u32 bdf = ~0u, n = 0;
    while (pci_next(&bdf))
        n += pci_read8((u16)bdf, PCI_INT_PIN) != 0;
    return n;
}

/* The ISA bus has the number after those of PCI. */
static void put_buses(void)
{
    u8 last = SHARED(pci_last_bus);
    for (u32 bus = 0; bus <= last; bus++)
        put_bus((u8)bus, "PCI   ");
    put_bus((u8)(last + 1), "ISA   ");
}

static void put_isa_ints(u8 ioapic)
{
    u8 isa = (u8)(SHARED(pci_last_bus) + 1);
    for (u8 irq = 0; irq < 16; irq++) {
        if (irq == 2 || irq == 10 || irq == 11)
            continue;
        put_int(3, 0, irq == 9 ? 0x000d : 0, isa, irq, ioapic, irq ? irq : 2);
    }
    put_int(4, 3, 0, isa, 0, 0, 0); /* ExtINT at LINT0 */
    put_int(4, 1, 0, isa, 0, 0xff, 1);
}

static void put_float(u32 table)
{
    u8 *f = (u8 *)fseg_alloc(16, 16);
    if (!f)
        return;
    memset(f, 0, 16);
    memcpy(f, "_MP_", 4);
    memcpy(f + 4, &table, 4);
    f[8] = 1;
    f[9] = 4;
    f[10] = (u8)-sum8(f, 16);
}

void mptable_init(void)
{
    u32 a = 1, b, c, d, version = *(volatile u32 *)hide(LAPIC + 0x30);
    u8 ioapic = 0, io[8] = {2, ioapic, 0x11, 1};
    u32 io_addr = IOAPIC, size = sizeof(struct mp_head) + 20 * cpu_count() +
                                 8 * (SHARED(pci_last_bus) + pci_ints() + 20);
    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    struct mp_head *h = (struct mp_head *)fseg_alloc(size, 16);
    if (!(d & 1 << 9) || !h)
        return;
    at = (u8 *)(h + 1);
    put_cpus(a & 0xfff, d, version);
    put_buses();
    memcpy(io + 4, &io_addr, 4);
    entry(io, sizeof io);
    put_pci_ints(ioapic);
    put_isa_ints(ioapic);
    *h = (struct mp_head){
        .revision = 4, .entries = entries, .lapic = LAPIC, .length = (u16)(at - (u8 *)h)};
    memcpy(h->sig, "PCMP", 4);
    memcpy(h->oem, "MYNAH   ", 8);
    memcpy(h->product, "PC          ", 12);
    h->checksum = (u8)-sum8(h, h->length);
    put_float((u32)h);
}

/* One entry a slot of bus 0: links 60h-63h name the PIRQ registers. */
void pir_init(void)
{
    extern u16 pir_entries_off, pir_entries_len;
    u32 size = PIR_HEADER + SLOTS * PIR_SLOT;
    u8 *t = (u8 *)fseg_alloc(size, 16);
    if (!t || board_kind() != BOARD_I440FX)
        return;
    memset(t, 0, size);
    memcpy(t, "$PIR", 4);
    t[5] = 1;
    t[6] = (u8)size;
    t[7] = (u8)(size >> 8);
    t[9] = 1 << 3; /* the router: 00:01.0 */
    memcpy(t + 12, "\x86\x80\x00\x70", 4);
    for (u8 slot = 1; slot <= SLOTS; slot++) {
        u8 *e = t + PIR_HEADER + (slot - 1) * PIR_SLOT;
        e[1] = (u8)(slot << 3);
        for (u8 pin = 0; pin < 4; pin++) {
            e[2 + 3 * pin] = (u8)(0x60 + ((slot - 1 + pin) & 3));
            e[3 + 3 * pin] = (u8)PIR_IRQS;
            e[4 + 3 * pin] = (u8)(PIR_IRQS >> 8);
        }
    }
    t[31] = (u8)-sum8(t, size);
    SHARED(pir_entries_off) = (u16)((u32)t - BIOS_BASE + PIR_HEADER);
    SHARED(pir_entries_len) = SLOTS * PIR_SLOT;
}
