/* SPDX-License-Identifier: MIT
 * The wiring of the pc board. Intel 440FX PCIset with PIIX3/PIIX4 on an AT I/O map. */
#include "hw/pc/pc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "hw/pci/pci_bridge.h"
#include "softmmu/log.h"

#define PC_PCI_PORTS 0xc000u /* where pc_setup_as_firmware puts PCI I/O */
#define MIB          (1ull << 20)

/* --- interrupt wires ------------------------------------------------------------------ */

/* ISA interrupt n to both controllers; the PIT goes to pin 2 of the I/O APIC. */
static void drive_isa(struct pc *pc, int n)
{
    int level = (pc->isa_level | pc->pirq_level) >> n & 1;

    pic_set_irq(&pc->pic, n, level);
    ioapic_set_irq(&pc->ioapic, n ? n : PC_PIT_GSI, level);
}

static void isa_irq(void *opaque, int n, int level)
{
    struct pc *pc = opaque;
    uint16_t bit = 1u << n;

    pc->isa_level = level ? pc->isa_level | bit : pc->isa_level & ~bit;
    drive_isa(pc, n);
}

/* The PIT and the RTC, which the HPET may replace. */
static void timer_irq(void *opaque, int n, int level)
{
    struct pc *pc = opaque;
    uint16_t bit = 1u << n;

    pc->timer_level = level ? pc->timer_level | bit : pc->timer_level & ~bit;
    if (!pc->hpet_legacy)
        isa_irq(pc, n, level);
}

static void hpet_legacy(void *opaque, bool on)
{
    struct pc *pc = opaque;

    pc->hpet_legacy = on;
    isa_irq(pc, 0, !on && (pc->timer_level & 1));
    isa_irq(pc, 8, !on && (pc->timer_level >> 8 & 1));
}

/* A pin of the I/O APIC that no ISA interrupt has. */
static void ioapic_pin(void *opaque, int n, int level)
{
    struct pc *pc = opaque;

    ioapic_set_irq(&pc->ioapic, n, level);
}

static void pirq_isa_irq(void *opaque, int n, int level)
{
    struct pc *pc = opaque;
    uint16_t bit = 1u << n;

    pc->pirq_level = level ? pc->pirq_level | bit : pc->pirq_level & ~bit;
    drive_isa(pc, n);
}

/* INTR of the 8259 pair: LINT0 of the boot CPU and pin 0 of the I/O APIC. */
static void pic_intr(void *opaque, int n, int level)
{
    struct pc *pc = opaque;

    lapic_set_lint0(&pc->lapic[0], 0, level);
    ioapic_set_irq(&pc->ioapic, 0, level);
}

static struct irq isa(struct pc *pc, int n)
{
    return (struct irq){.fn = isa_irq, .opaque = pc, .n = n};
}

/* --- other wires ---------------------------------------------------------------------- */

static void a20_changed(void *opaque, bool on)
{
    struct pc *pc = opaque;

    if (pc->cfg.a20)
        pc->cfg.a20(pc->cfg.opaque, on);
}

static void kbc_set_a20(void *opaque, bool on)
{
    struct pc *pc = opaque;

    ports_set_a20(&pc->small, on);
}

static bool kbc_get_a20(void *opaque)
{
    struct pc *pc = opaque;

    return pc->small.a20;
}

static void request_reset(void *opaque)
{
    struct pc *pc = opaque;

    if (pc->cfg.reset)
        pc->cfg.reset(pc->cfg.opaque);
}

static void request_power_off(void *opaque)
{
    struct pc *pc = opaque;

    if (pc->cfg.power_off)
        pc->cfg.power_off(pc->cfg.opaque);
}

static void request_exit(void *opaque, int status)
{
    struct pc *pc = opaque;

    if (pc->cfg.exit)
        pc->cfg.exit(pc->cfg.opaque, status);
}

static void ignne(void *opaque)
{
    struct pc *pc = opaque;

    if (pc->cfg.ignne)
        pc->cfg.ignne(pc->cfg.opaque);
}

static void memory_changed(void *opaque)
{
    struct pc *pc = opaque;

    pc_memory_set_pam(&pc->memory, pc->i440fx.pci.config + I440FX_PAM);
    pci_host_retry(&pc->pci);
}

static void set_pmbase(void *opaque, bool enabled, uint16_t base)
{
    struct pc *pc = opaque;
    struct dev *d = &pc->acpi_pm.dev;
    struct err e;
    bool moved;

    if (d->mapped[ACPI_PM_REGION_PM] && enabled && d->base[ACPI_PM_REGION_PM] == base)
        return;
    moved = d->mapped[ACPI_PM_REGION_PM];
    dev_unmap(d, ACPI_PM_REGION_PM);
    if (enabled && !dev_map(d, ACPI_PM_REGION_PM, base, 0, &e))
        LOG_GUEST("pc: PM registers not placed: %s", e.msg);
    if (moved)
        pci_host_retry(&pc->pci);
}

/* A write of 32 bits by a function: messages to the interrupt bus have a place of their own. */
static void pci_msi(void *opaque, gpa addr, uint32_t data)
{
    struct pc *pc = opaque;

    if (addr >> 20 == 0xfee)
        apic_bus_msi(&pc->apic_bus, addr, data);
    else if (space_ram_page(pc->mem, addr, NULL))
        space_write(pc->mem, addr & ~3ull, data, 4);
    else
        LOG_GUEST("pc: message to 0x%llx, which is no RAM", (unsigned long long)addr);
}

/* --- building ------------------------------------------------------------------------- */

static bool place_memory(struct pc *pc, struct err *e)
{
    return pc_memory_init(&pc->memory, pc->mem, pc->cfg.ram_bytes, e) &&
           (!pc->cfg.rom || pc->cfg.pflash[0] ||
            pc_memory_set_rom(&pc->memory, pc->cfg.rom, pc->cfg.rom_bytes, e));
}

static bool plug(struct pc *pc, struct dev *d, struct err *e);

/* Bank 0 ends at 4 GiB, the next one where it begins. */
static bool build_flash(struct pc *pc, struct err *e)
{
    gpa end = PC_RAM_HIGH;
    unsigned i;

    for (i = 0; i < PC_FLASH_BANKS; i++) {
        struct pflash *f = &pc->flash[i];

        if (!pc->cfg.pflash[i])
            continue;
        if (i && !pc->cfg.pflash[0])
            return err_set(e, "flash bank 1 needs bank 0");
        f->blk = pc->cfg.pflash[i];
        if (!plug(pc, &f->dev, e))
            return false;
        end -= f->bytes;
        if (!pflash_place(f, end, e))
            return false;
    }
    if (pc->cfg.pflash[0])
        pc_memory_show_bios(&pc->memory, pc->flash[0].data, pc->flash[0].bytes);
    return true;
}

/* Realizes a device whose wires are set and puts it on the reset list. */
static bool plug(struct pc *pc, struct dev *d, struct err *e)
{
    struct dev **devs = realloc(pc->devs, (pc->n_devs + 1) * sizeof(*devs));

    if (!devs)
        return err_set(e, "out of memory");
    pc->devs = devs;
    if (!dev_realize(d, e))
        return false;
    pc->devs[pc->n_devs++] = d;
    return true;
}

static void init_devs(struct pc *pc)
{
    static const char *const serial_id[] = {"serial0", "serial1", "serial2", "serial3"};
    unsigned i;

    dev_init(&pc->pic.dev, &pic_class, NULL, &pc->env);
    dev_init(&pc->pit.dev, &pit_class, NULL, &pc->env);
    dev_init(&pc->hpet.dev, &hpet_class, NULL, &pc->env);
    dev_init(&pc->rtc.dev, &rtc_class, NULL, &pc->env);
    dev_init(&pc->ioapic.dev, &ioapic_class, NULL, &pc->env);
    dev_init(&pc->kbc.dev, &kbc_class, NULL, &pc->env);
    dev_init(&pc->pci.dev, &pci_host_class, NULL, &pc->env);
    dev_init(&pc->i440fx.pci.dev, &i440fx_class, NULL, &pc->env);
    dev_init(&pc->piix3.pci.dev, &piix3_class, NULL, &pc->env);
    dev_init(&pc->piix4_pm.pci.dev, &piix4_pm_class, NULL, &pc->env);
    dev_init(&pc->acpi_pm.dev, &acpi_pm_class, NULL, &pc->env);
    dev_init(&pc->ide.pci.dev, &ide_class, NULL, &pc->env);
    dev_init(&pc->dma.dev, &dma_8237_class, NULL, &pc->env);
    dev_init(&pc->fdc.dev, &fdc_class, NULL, &pc->env);
    dev_init(&pc->debugport[0].dev, &debugport_class, "debugcon-e9", &pc->env);
    dev_init(&pc->debugport[1].dev, &debugport_class, "debugcon-402", &pc->env);
    dev_init(&pc->debugexit.dev, &debugexit_class, NULL, &pc->env);
    dev_init(&pc->small.dev, &ports_class, NULL, &pc->env);
    for (i = 0; i < PC_FLASH_BANKS; i++)
        dev_init(&pc->flash[i].dev, &pflash_class, i ? "flash1" : "flash0", &pc->env);
    dev_init(&pc->fw_cfg.dev, &fw_cfg_class, NULL, &pc->env);
    for (i = 0; i < PC_SERIAL_COUNT; i++)
        dev_init(&pc->serial[i].dev, &serial_class, serial_id[i], &pc->env);
}

static bool build_apics(struct pc *pc, struct err *e)
{
    const struct pc_config *cfg = &pc->cfg;
    unsigned i;

    pc->lapic = calloc(cfg->cpus, sizeof(*pc->lapic));
    if (!pc->lapic)
        return err_set(e, "out of memory");
    pc->apic_bus = (struct apic_bus){
        .n = cfg->cpus,
        .eoi = ioapic_eoi,
        .eoi_opaque = &pc->ioapic,
        .opaque = cfg->opaque,
        .intr = cfg->intr,
        .nmi = cfg->nmi,
        .smi = cfg->smi,
        .init = cfg->init,
        .sipi = cfg->sipi,
        .current_cpu = cfg->current_cpu,
        .tsc_now = cfg->tsc_now,
        .tsc_hz = cfg->tsc_hz,
    };
    for (i = 0; i < cfg->cpus; i++) {
        struct lapic *l = &pc->lapic[i];

        dev_init(&l->dev, &lapic_class, NULL, &pc->env);
        l->bus = &pc->apic_bus;
        l->cpu = i;
        l->bsp = l->owns_page = i == 0;
        pc->apic_bus.cpu[i] = l;
        if (!dev_realize(&l->dev, e))
            return false;
    }
    pc->ioapic.bus = &pc->apic_bus;
    return plug(pc, &pc->ioapic.dev, e) && dev_map(&pc->ioapic.dev, 0, IOAPIC_BASE, 0, e);
}

static bool build_isa(struct pc *pc, struct err *e)
{
    struct dev *pic = &pc->pic.dev, *kbc = &pc->kbc.dev, *small = &pc->small.dev;

    pc->pit.irq0 = (struct irq){.fn = timer_irq, .opaque = pc, .n = 0};
    pc->kbc.irq_kbd = isa(pc, 1);
    pc->rtc.irq = (struct irq){.fn = timer_irq, .opaque = pc, .n = 8};
    pc->kbc.irq_aux = isa(pc, 12);
    pc->small.irq13 = isa(pc, 13);
    pc->pic.intr = (struct irq){.fn = pic_intr, .opaque = pc};
    pc->rtc.epoch = pc->cfg.rtc_epoch;
    pc->rtc.slew |= pc->cfg.rtc_slew;
    pc->kbc.opaque = pc->small.opaque = pc;
    pc->kbc.set_a20 = kbc_set_a20;
    pc->kbc.get_a20 = kbc_get_a20;
    pc->kbc.reset_cpu = pc->small.reset_cpu = request_reset;
    pc->small.a20_changed = a20_changed;
    pc->small.ignne = ignne;

    return plug(pc, &pc->pit.dev, e) && plug(pc, &pc->rtc.dev, e) && plug(pc, kbc, e) &&
           plug(pc, small, e) && plug(pc, pic, e) &&
           dev_map(pic, PIC_REGION_MASTER, 0x20, 0, e) &&
           dev_map(pic, PIC_REGION_SLAVE, 0xa0, 0, e) &&
           dev_map(pic, PIC_REGION_ELCR, 0x4d0, 0, e) &&
           dev_map(&pc->pit.dev, PIT_REGION_COUNTERS, 0x40, 0, e) &&
           dev_map(&pc->pit.dev, PIT_REGION_PORT61, 0x61, 0, e) &&
           dev_map(kbc, KBC_REGION_DATA, 0x60, 0, e) &&
           dev_map(kbc, KBC_REGION_COMMAND, 0x64, 0, e) &&
           dev_map(&pc->rtc.dev, 0, 0x70, 0, e) && plug(pc, &pc->fw_cfg.dev, e) &&
           dev_map(&pc->fw_cfg.dev, FW_CFG_REGION_SELECT, 0x510, 0, e) &&
           dev_map(&pc->fw_cfg.dev, FW_CFG_REGION_DMA, 0x514, 0, e) &&
           dev_map(small, PORTS_REGION_80, 0x80, 0, e) &&
           dev_map(small, PORTS_REGION_92, 0x92, 0, e) &&
           dev_map(small, PORTS_REGION_ED, 0xed, 0, e) &&
           dev_map(small, PORTS_REGION_F0, 0xf0, 0, e);
}

static bool build_hpet(struct pc *pc, struct err *e)
{
    struct hpet *h = &pc->hpet;
    int n;

    if (!pc->cfg.hpet)
        return true;
    for (n = 0; n < HPET_PINS; n++)
        h->pin[n] = (struct irq){.fn = ioapic_pin, .opaque = pc, .n = n};
    h->pin[PC_PIT_GSI] = h->legacy_irq[0] = isa(pc, 0);
    h->legacy_irq[1] = isa(pc, 8);
    h->opaque = pc;
    h->legacy = hpet_legacy;
    return plug(pc, &h->dev, e) && dev_map(&h->dev, 0, HPET_BASE, 0, e);
}

static bool build_serial(struct pc *pc, struct err *e)
{
    static const struct {
        uint16_t port;
        uint8_t irq;
    } where[PC_SERIAL_COUNT] = {{0x3f8, 4}, {0x2f8, 3}, {0x3e8, 4}, {0x2e8, 3}};
    unsigned i;

    for (i = 0; i < PC_SERIAL_COUNT; i++) {
        struct serial *s = &pc->serial[i];

        if (!pc->cfg.serial[i])
            continue;
        s->chr = pc->cfg.serial[i];
        s->irq = isa(pc, where[i].irq);
        if (!plug(pc, &s->dev, e) || !dev_map(&s->dev, 0, where[i].port, 0, e))
            return false;
    }
    return true;
}

static bool build_pci(struct pc *pc, struct err *e)
{
    unsigned i;

    pc->i440fx.opaque = pc;
    pc->i440fx.memory_changed = memory_changed;
    pc->pci.opaque = pc->piix3.opaque = pc->piix4_pm.opaque = pc->acpi_pm.opaque = pc;
    pc->pci.reset = request_reset;
    pc->pci.msi = pci_msi;
    pc->pci.bus.name = "pci.0";
    pc->pci.bus.env = &pc->env;
    for (i = 0; i < ARRAY_SIZE(pc->pci.pirq); i++)
        pc->pci.pirq[i] = (struct irq){piix3_set_pirq, &pc->piix3, (int)i};
    pc->piix3.isa_irq = pirq_isa_irq;
    pc->piix4_pm.set_pmbase = set_pmbase;
    pc->acpi_pm.sci = isa(pc, PC_SCI_IRQ);
    pc->acpi_pm.power_off = request_power_off;

    pci_bus_add(&pc->pci.bus, PCI_DEVFN(0, 0), &pc->i440fx.pci);
    pci_bus_add(&pc->pci.bus, PCI_DEVFN(1, 0), &pc->piix3.pci);
    pci_bus_add(&pc->pci.bus, PCI_DEVFN(1, 3), &pc->piix4_pm.pci);

    return plug(pc, &pc->pci.dev, e) && plug(pc, &pc->i440fx.pci.dev, e) &&
           plug(pc, &pc->piix3.pci.dev, e) && plug(pc, &pc->piix4_pm.pci.dev, e) &&
           plug(pc, &pc->acpi_pm.dev, e) && dev_map(&pc->pci.dev, 0, 0xcf8, 0, e) &&
           dev_map(&pc->acpi_pm.dev, ACPI_PM_REGION_APM, ACPI_SMI_CMD, 0, e);
}

static bool add_pci(struct pc *pc, struct pci_bus *bus, int devfn, struct pci_fn *fn,
                    struct err *e)
{
    if (devfn < 0)
        devfn = pci_bus_free_slot(bus);
    if (devfn < 0)
        return err_set(e, "%s: PCI: no slot/function available", fn->dev.id);
    if (bus->fn[devfn])
        return err_set(e, "%s: PCI: slot %d function %d is in use by %s", fn->dev.id,
                       devfn >> 3, devfn & 7, bus->fn[devfn]->dev.id);
    pci_bus_add(bus, devfn, fn);
    return plug(pc, &fn->dev, e);
}

/* The legacy ports of a VGA, which no BAR places. */
static bool claim_vga(struct pc *pc, struct pci_fn *fn, struct err *e)
{
    unsigned i;

    if (fn->dev.cls != &vga_pci_class)
        return true;
    if (pc->vga)
        return err_set(e, "%s: there is a VGA already", fn->dev.id);
    for (i = 0; i < VGA_PORT_REGIONS; i++)
        if (!dev_map(&fn->dev, i, vga_region_port[i], 0, e))
            return false;
    pc->vga = (struct vga_pci *)fn;
    return true;
}

bool pc_add_pci(struct pc *pc, struct pci_bus *bus, int devfn, struct pci_fn *fn, struct err *e)
{
    assert(fn->dev.env == bus->env);
    if (claim_vga(pc, fn, e) && add_pci(pc, bus, devfn, fn, e))
        return true;
    if (pc->vga && &pc->vga->pci == fn)
        pc->vga = NULL;
    pci_bus_remove(fn);
    dev_finish(&fn->dev);
    return false;
}

static bool build_ide(struct pc *pc, struct err *e)
{
    struct dev *ide = &pc->ide.pci.dev;
    unsigned i;

    pc->ide.ch[0].irq = isa(pc, 14);
    pc->ide.ch[1].irq = isa(pc, 15);
    for (i = 0; i < PC_IDE_DRIVES; i++)
        if (pc->cfg.ide[i])
            ide_attach(&pc->ide, i / 2, i % 2, pc->cfg.ide[i]);
    pci_bus_add(&pc->pci.bus, PC_IDE_DEVFN, &pc->ide.pci);
    return plug(pc, ide, e) && dev_map(ide, IDE_REGION_CMD0, 0x1f0, 0, e) &&
           dev_map(ide, IDE_REGION_CTL0, 0x3f6, 0, e) &&
           dev_map(ide, IDE_REGION_CMD1, 0x170, 0, e) &&
           dev_map(ide, IDE_REGION_CTL1, 0x376, 0, e);
}

bool pc_add_ide(struct pc *pc, int channel, int unit, struct ide_unit *u, struct err *e)
{
    if (ide_unit_attach(u, &pc->ide, channel, unit, e) && plug(pc, &u->dev, e))
        return true;
    dev_finish(&u->dev);
    return false;
}

static bool build_floppy(struct pc *pc, struct err *e)
{
    struct dev *dma = &pc->dma.dev, *fdc = &pc->fdc.dev;
    unsigned i;

    pc->fdc.irq = isa(pc, 6);
    pc->fdc.dma = &pc->dma;
    for (i = 0; i < FDC_DRIVES; i++)
        if (pc->cfg.floppy[i])
            fdc_attach(&pc->fdc, i, pc->cfg.floppy[i]);
    return plug(pc, dma, e) && plug(pc, fdc, e) && dev_map(dma, DMA_REGION_LOW, 0x00, 0, e) &&
           dev_map(dma, DMA_REGION_HIGH, 0xc0, 0, e) &&
           dev_map(dma, DMA_REGION_PAGE, 0x81, 0, e) &&
           dev_map(fdc, FDC_REGION_MAIN, 0x3f0, 0, e) &&
           dev_map(fdc, FDC_REGION_DIR, 0x3f7, 0, e);
}

static bool build_debug(struct pc *pc, struct err *e)
{
    static const uint16_t port[] = {0xe9, 0x402};
    struct debugexit *x = &pc->debugexit;
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(port) && pc->cfg.debugcon; i++) {
        pc->debugport[i].chr = pc->cfg.debugcon;
        if (!plug(pc, &pc->debugport[i].dev, e) ||
            !dev_map(&pc->debugport[i].dev, 0, port[i], 0, e))
            return false;
    }
    if (!pc->cfg.debugexit_iosize)
        return true;
    x->iobase = pc->cfg.debugexit_iobase;
    x->iosize = pc->cfg.debugexit_iosize;
    x->opaque = pc;
    x->exit = request_exit;
    return plug(pc, &x->dev, e) && dev_map(&x->dev, 0, x->iobase, x->iosize, e);
}

static void set_cmos16(struct pc *pc, unsigned index, uint64_t v)
{
    v = v > 0xffff ? 0xffff : v;
    rtc_set_cmos(&pc->rtc, index, v);
    rtc_set_cmos(&pc->rtc, index + 1, v >> 8);
}

/* Types of the floppy drives, and the equipment byte: FPU, PS/2 mouse port, drives. */
static void fill_cmos_floppies(struct pc *pc)
{
    uint8_t a = fdc_drive_type(pc->cfg.floppy[0]), b = fdc_drive_type(pc->cfg.floppy[1]);
    uint8_t equipment = 0x06;

    rtc_set_cmos(&pc->rtc, 0x10, a << 4 | b);
    if (a || b)
        equipment |= a && b ? 0x41 : 0x01;
    rtc_set_cmos(&pc->rtc, 0x14, equipment);
}

/* RAM sizes where PC firmware looks for them. */
static void fill_cmos(struct pc *pc)
{
    uint64_t above_1m = (pc->memory.ram_low - MIB) >> 10;
    uint64_t above_16m =
        pc->memory.ram_low > 16 * MIB ? (pc->memory.ram_low - 16 * MIB) >> 16 : 0;

    fill_cmos_floppies(pc);
    set_cmos16(pc, 0x15, 640);
    set_cmos16(pc, 0x17, above_1m);
    set_cmos16(pc, 0x30, above_1m);
    set_cmos16(pc, 0x34, above_16m);
    set_cmos16(pc, 0x5b, pc->memory.ram_high >> 16 & 0xffff);
    rtc_set_cmos(&pc->rtc, 0x5d, pc->memory.ram_high >> 32);
}

struct pc *pc_create(const struct pc_config *cfg, struct err *e)
{
    struct pc *pc;

    if (cfg->cpus > APIC_MAX_CPUS) {
        err_set(e, "the pc board takes at most %u CPUs", APIC_MAX_CPUS);
        return NULL;
    }
    pc = calloc(1, sizeof(*pc));
    if (!pc) {
        err_set(e, "out of memory");
        return NULL;
    }
    pc->cfg = *cfg;
    if (!pc->cfg.cpus)
        pc->cfg.cpus = 1;
    pc->mem = space_create("memory", 1ull << 52);
    pc->ports = space_create("ports", 0x10000);
    pc->env = (struct dev_env){.mem = pc->mem,
                               .ports = pc->ports,
                               .clock = cfg->clock,
                               .opaque = cfg->opaque,
                               .defaults = cfg->defaults,
                               .n_defaults = cfg->n_defaults,
                               .find_drive = cfg->find_drive,
                               .find_chardev = cfg->find_chardev};
    init_devs(pc);
    if (place_memory(pc, e) && build_flash(pc, e) && build_serial(pc, e) && build_pci(pc, e) &&
        build_isa(pc, e) && build_ide(pc, e) && build_floppy(pc, e) && build_apics(pc, e) &&
        build_debug(pc, e) && build_hpet(pc, e)) {
        fill_cmos(pc);
        return pc;
    }
    pc_destroy(pc);
    return NULL;
}

void pc_destroy(struct pc *pc)
{
    unsigned i;

    if (!pc)
        return;
    for (i = 0; i < pc->n_devs; i++) /* requests name memory of other devices */
        dev_drain(pc->devs[i]);
    for (i = 0; i < PC_IDE_DRIVES; i++)
        block_drain(pc->cfg.ide[i]);
    for (i = pc->n_devs; i-- > 0;) /* what is behind a bridge before it */
        dev_finish(pc->devs[i]);
    for (i = 0; pc->lapic && i < pc->cfg.cpus; i++)
        dev_finish(&pc->lapic[i].dev);
    free(pc->lapic);
    free(pc->devs);
    space_destroy(pc->mem);
    space_destroy(pc->ports);
    pc_memory_finish(&pc->memory);
    free(pc);
}

void pc_reset(struct pc *pc)
{
    unsigned i;

    for (i = 0; i < pc->cfg.cpus; i++)
        dev_reset(&pc->lapic[i].dev);
    for (i = 0; i < pc->n_devs; i++)
        dev_reset(pc->devs[i]);
    /* the others have moved their lines meanwhile: the controllers start from there */
    dev_reset(&pc->pic.dev);
    dev_reset(&pc->ioapic.dev);
}

static void outb(struct pc *pc, uint16_t port, uint8_t value)
{
    space_write(pc->ports, port, value, 1);
}

/* Both 8259 in 8086 mode, vectors 08H and 70H, everything masked. */
static void setup_pic(struct pc *pc)
{
    outb(pc, 0x20, 0x11);
    outb(pc, 0xa0, 0x11);
    outb(pc, 0x21, 0x08);
    outb(pc, 0xa1, 0x70);
    outb(pc, 0x21, 0x04);
    outb(pc, 0xa1, 0x02);
    outb(pc, 0x21, 0x01);
    outb(pc, 0xa1, 0x01);
    outb(pc, 0x21, 0xff);
    outb(pc, 0xa1, 0xff);
}

/* IDETIM: channels with drives are decoded; drivers do not look for drives on others. */
static void setup_ide(struct pc *pc)
{
    unsigned i;

    for (i = 0; i < 2; i++)
        if (pc->ide.ch[i].drive[0].blk || pc->ide.ch[i].drive[1].blk)
            pci_config_write(&pc->pci, PC_IDE_DEVFN, 0x40 + 2 * i, 0x8000, 2);
    pci_config_write(&pc->pci, PC_IDE_DEVFN, 0x04, 0x05, 2);
}

/* The screen in mode 3, reached through the bridges above it. */
static void setup_vga(struct pc *pc)
{
    const struct pci_bus *bus = pc->vga->pci.bus;

    for (; bus->bridge; bus = bus->bridge->bus)
        pci_fn_config_write(bus->bridge, PCI_BRIDGE_CONTROL, PCI_BRIDGE_VGA, 2);
    vga_setup_text(&pc->vga->vga);
}

void pc_setup_as_firmware(struct pc *pc)
{
    const uint64_t ram = pc->memory.ram_low;
    const struct pci_setup setup = {ram > PC_PCI_HOLE ? ram : PC_PCI_HOLE,
                                    PC_PCI_HOLE_END,
                                    PC_PCI_PORTS,
                                    0x10000,
                                    {10, 10, 11, 11}};
    unsigned i, piix3 = PCI_DEVFN(1, 0), pm = PCI_DEVFN(1, 3);

    setup_pic(pc);
    pci_config_write(&pc->pci, 0, I440FX_PAM, 0x30, 1); /* RAM from C0000 on */
    for (i = 1; i < 7; i++)
        pci_config_write(&pc->pci, 0, I440FX_PAM + i, 0x33, 1);
    pic_set_elcr(&pc->pic, 1u << 10 | 1u << 11 | 1u << PC_SCI_IRQ);
    for (i = 0; i < 4; i++)
        pci_config_write(&pc->pci, piix3, 0x60 + i, setup.irq[i], 1);
    pci_setup(&pc->pci, &setup);
    pci_config_write(&pc->pci, pm, 0x3c, PC_SCI_IRQ, 1);
    pci_config_write(&pc->pci, pm, 0x40, PC_PMBASE | 1, 4);
    pci_config_write(&pc->pci, pm, 0x80, 1, 1);
    setup_ide(pc);
    acpi_pm_set_sci_enable(&pc->acpi_pm, true);
    outb(pc, 0x64, 0x60); /* keyboard controller: translate, interrupt 1, self test done */
    outb(pc, 0x60, 0x45);
    lapic_set_virtual_wire(&pc->lapic[0]);
    if (pc->vga)
        setup_vga(pc);
}

/* --- what the CPU side calls ---------------------------------------------------------- */

int pc_ack_interrupt(struct pc *pc, unsigned cpu)
{
    int vector = lapic_ack(&pc->lapic[cpu]);

    return vector >= 0 ? vector : pic_ack(&pc->pic);
}

bool pc_msr_read(struct pc *pc, unsigned cpu, uint32_t msr, uint64_t *value)
{
    return lapic_msr_read(&pc->lapic[cpu], msr, value);
}

bool pc_msr_write(struct pc *pc, unsigned cpu, uint32_t msr, uint64_t value)
{
    return lapic_msr_write(&pc->lapic[cpu], msr, value);
}

uint8_t pc_get_cr8(struct pc *pc, unsigned cpu)
{
    return lapic_get_cr8(&pc->lapic[cpu]);
}

void pc_set_cr8(struct pc *pc, unsigned cpu, uint8_t value)
{
    lapic_set_cr8(&pc->lapic[cpu], value);
}

void pc_tsc_changed(struct pc *pc, unsigned cpu)
{
    lapic_tsc_changed(&pc->lapic[cpu]);
}

void pc_set_ferr(struct pc *pc)
{
    ports_set_ferr(&pc->small);
}

void pc_power_button(struct pc *pc)
{
    acpi_pm_power_button(&pc->acpi_pm);
}

void pc_msi(struct pc *pc, gpa addr, uint32_t data)
{
    apic_bus_msi(&pc->apic_bus, addr, data);
}
