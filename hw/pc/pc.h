/* SPDX-License-Identifier: MIT
 * The `pc` board: i440FX, PIIX3, PIIX4 PM and the chips of an AT.
 *
 *   pc_create -> load RAM through pc->mem -> pc_reset -> (pc_setup_as_firmware for a direct
 *   boot) -> run: space_read/write on pc->mem and pc->ports, pc_ack_interrupt, clock_run_events
 *
 * Every function runs under the one device lock. Callbacks come from inside device
 * handlers, so they only note what to do and kick the vCPU. */
#ifndef HW_PC_PC_H
#define HW_PC_PC_H

#include "hw/block/fdc_82077.h"
#include "hw/block/ide_unit.h"
#include "hw/block/pflash_cfi01.h"
#include "hw/char/serial_16550.h"
#include "hw/display/vga.h"
#include "hw/input/i8042.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/intc/pic_8259.h"
#include "hw/pc/acpi_pm.h"
#include "hw/pc/debugexit.h"
#include "hw/pc/debugport.h"
#include "hw/pc/fw_cfg.h"
#include "hw/pc/memory.h"
#include "hw/pc/dma_8237.h"
#include "hw/pc/ports.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/pci.h"
#include "hw/timer/hpet.h"
#include "hw/timer/pit_i8254.h"
#include "hw/timer/rtc_mc146818.h"

/* Facts for the writers of ACPI tables, E820 and CPUID. */
#define PC_RAM_SPLIT    0xc0000000ull  /* RAM below 4 GiB ends here at the latest */
#define PC_RAM_HIGH     0x100000000ull /* the rest starts here */
#define PC_VGA_HOLE     0xa0000u       /* no RAM from here ... */
#define PC_VGA_HOLE_END 0xc0000u       /* ... to here */
#define PC_PCI_HOLE     0xc0000000ull  /* PCI memory window ... */
#define PC_PCI_HOLE_END 0xfec00000ull  /* ... up to the I/O APIC */
#define PC_IOAPIC_ID    0
#define PC_GSI_COUNT    IOAPIC_PINS
#define PC_PIT_GSI      2 /* ISA IRQ 0 is wired to pin 2: interrupt source override */
#define PC_SCI_IRQ      9 /* level, active high: override with trigger mode level */
#define PC_PMBASE       0x600
#define PC_RESET_PORT   0xcf9 /* ACPI reset register, value 6 */
#define PC_RESET_VALUE  6
#define PC_SERIAL_COUNT 4
#define PC_FLASH_BANKS  2
#define PC_RTC_CENTURY  0x32
#define PC_IDE_DRIVES   4
#define PC_IDE_DEVFN    PCI_DEVFN(1, 1)

/* ISA IRQs: 0 PIT, 1 keyboard, 3/4 serial, 6 floppy, 8 RTC, 9 SCI, 12 mouse, 13 FPU, 14/15 IDE;
 * PCI INTx through PIIX3 PIRQA..D to 10, 10, 11, 11; slot s pin p is PIRQ (s + p - 1) & 3, p
 * from INTA = 0. */

struct pc_config {
    uint64_t ram_bytes; /* multiple of 4096, at least 1 MiB */
    const void *rom;    /* system ROM, copied; NULL: none (a direct boot needs none) */
    struct block *pflash[PC_FLASH_BANKS]; /* flash instead, wins: 0 ends at 4 GiB, 1 below it */
    size_t rom_bytes;
    unsigned cpus; /* 0 means 1 */
    struct clock *clock;
    struct chardev *serial[PC_SERIAL_COUNT];     /* NULL: that port is absent */
    struct chardev *debugcon;                    /* ports 0xE9 and 0x402; NULL: absent */
    uint16_t debugexit_iobase, debugexit_iosize; /* iosize 0: absent */
    struct block *ide[PC_IDE_DRIVES]; /* primary master, slave, secondary master, slave; one
                                       * with removable media is a CD-ROM drive */
    struct block *floppy[FDC_DRIVES];
    bool hpet;
    bool rtc_slew;      /* lost periodic interrupts of the RTC follow later */
    uint64_t rtc_epoch; /* UTC seconds since 1970 at clock 0; 0: the host's time now */

    /* back ends for the properties of devices (struct dev_env) */
    const struct dev_default *defaults; /* as in dev_env */
    unsigned n_defaults;
    struct block *(*find_drive)(void *opaque, const char *id, struct err *e);
    struct chardev *(*find_chardev)(void *opaque, const char *id, struct err *e);

    uint64_t tsc_hz;
    void *opaque; /* for every callback; each may be NULL */
    uint64_t (*tsc_now)(void *opaque, unsigned cpu);
    unsigned (*current_cpu)(void *opaque); /* whose LAPIC page is accessed; NULL: CPU 0 */
    void (*intr)(void *opaque, unsigned cpu, int level);
    void (*nmi)(void *opaque, unsigned cpu);
    void (*smi)(void *opaque, unsigned cpu);
    void (*init)(void *opaque, unsigned cpu); /* the LAPIC has been through INIT already */
    void (*sipi)(void *opaque, unsigned cpu, uint8_t vector);
    void (*a20)(void *opaque, bool on);
    void (*ignne)(void *opaque);
    void (*reset)(void *opaque); /* request: answer with pc_reset outside of the handler */
    void (*power_off)(void *opaque);
    void (*exit)(void *opaque, int status);
};

struct pc {
    struct pc_config cfg;
    struct space *mem, *ports;
    struct pc_memory memory;
    struct pflash flash[PC_FLASH_BANKS];
    struct dev_env env;
    struct apic_bus apic_bus;

    struct pic pic;
    struct pit pit;
    struct hpet hpet;
    struct rtc rtc;
    struct lapic *lapic; /* cfg.cpus of them */
    struct ioapic ioapic;
    struct serial serial[PC_SERIAL_COUNT];
    struct kbc kbc;
    struct pci_host pci;
    struct i440fx i440fx;
    struct piix3 piix3;
    struct ide ide;
    struct piix4_pm piix4_pm;
    struct acpi_pm acpi_pm;
    struct dma_8237 dma;
    struct fdc fdc;
    struct debugport debugport[2];
    struct debugexit debugexit;
    struct ports small;
    struct fw_cfg fw_cfg; /* its items are the caller's to add */
    struct dev **devs;    /* all of the above but LAPICs, and those added, in reset order */
    unsigned n_devs;
    struct vga_pci *vga;            /* the card that has the legacy ports; NULL: none */
    uint16_t isa_level, pirq_level; /* two sources of each ISA interrupt */
    uint16_t timer_level;           /* what the PIT (0) and the RTC (8) ask for */
    bool hpet_legacy;               /* the HPET has their interrupts */
};

/* Builds the board, RAM included; NULL and *e on failure. cfg is copied, the clock and
 * chardevs stay the caller's and outlive the board. Not reset yet. */
struct pc *pc_create(const struct pc_config *cfg, struct err *e);
void pc_destroy(struct pc *pc); /* NULL allowed */
/* Realizes a PCI function (dev_init with bus->env done, properties set) and puts it on a bus
 * (pc->pci.bus, or one that pci_bus_find gave): at devfn, or for -1 in the first free slot. The
 * memory stays the caller's until pc_destroy, which finishes it; before the first pc_reset. On
 * failure it is finished. A VGA gets the legacy ports as well; there can be one. */
bool pc_add_pci(struct pc *pc, struct pci_bus *bus, int devfn, struct pci_fn *fn,
                struct err *e);
/* A drive for the PIIX3 (dev_init done, properties set): channel
 * and unit, or -1 for the first free one. Else as pc_add_pci. */
bool pc_add_ide(struct pc *pc, int channel, int unit, struct ide_unit *u, struct err *e);
/* Power-on state of every chip; RAM is kept. */
void pc_reset(struct pc *pc);
/* What the firmware that a direct boot skips would have set up: PM registers at PC_PMBASE
 * with ACPI mode on, PIRQ routing, ELCR, LINT0/LINT1 of the boot CPU as a virtual wire, the VGA
 * in text mode 3. */
void pc_setup_as_firmware(struct pc *pc);

/* The CPU accepts INTR: the vector, from the local APIC or through ExtINT from the 8259. */
int pc_ack_interrupt(struct pc *pc, unsigned cpu);
/* IA32_APIC_BASE, IA32_TSC_DEADLINE, x2APIC MSRs; false is #GP(0). */
static inline bool pc_owns_msr(uint32_t msr)
{
    return msr == 0x1b || msr == 0x6e0 || (msr >= 0x800 && msr <= 0x8ff);
}
bool pc_msr_read(struct pc *pc, unsigned cpu, uint32_t msr, uint64_t *value);
bool pc_msr_write(struct pc *pc, unsigned cpu, uint32_t msr, uint64_t value);
uint8_t pc_get_cr8(struct pc *pc, unsigned cpu);
void pc_set_cr8(struct pc *pc, unsigned cpu, uint8_t value); /* 0..15 */
void pc_tsc_changed(struct pc *pc, unsigned cpu); /* after a write to IA32_TSC(_ADJUST) */
void pc_set_ferr(struct pc *pc);                  /* x87 error with CR0.NE = 0: IRQ 13 */
void pc_power_button(struct pc *pc);
void pc_msi(struct pc *pc, gpa addr, uint32_t data);

#endif
