/* SPDX-License-Identifier: MIT
 * Local APICs and the bus that joins them with I/O APICs and MSI writers. */
#ifndef HW_INTC_LAPIC_H
#define HW_INTC_LAPIC_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

#define APIC_MAX_CPUS  255
#define LAPIC_TIMER_HZ 1000000000ull /* before the divider; CPUID.15H and ACPI users */
#define LAPIC_BASE     0xfee00000ull

/* SDM vol. 3, table of delivery modes */
enum apic_mode {
    APIC_FIXED,
    APIC_LOWEST,
    APIC_SMI,
    APIC_MODE3,
    APIC_NMI,
    APIC_INIT,
    APIC_STARTUP,
    APIC_EXTINT
};

struct apic_msg {
    uint32_t dest; /* 8 bits from an I/O APIC, MSI or xAPIC; 32 bits from an x2APIC */
    bool logical;
    bool level;   /* level triggered (sets TMR) */
    uint8_t mode; /* enum apic_mode */
    uint8_t vector;
};

struct lapic;

/* Wires shared by all APICs of a machine; each callback may be NULL. */
struct apic_bus {
    struct lapic *cpu[APIC_MAX_CPUS];
    unsigned n;
    void (*eoi)(void *opaque, uint8_t vector); /* level EOI broadcast, to the I/O APIC */
    void *eoi_opaque;

    void *opaque; /* for all below */
    void (*intr)(void *opaque, unsigned cpu, int level);
    void (*nmi)(void *opaque, unsigned cpu);
    void (*smi)(void *opaque, unsigned cpu);
    void (*init)(void *opaque, unsigned cpu);
    void (*sipi)(void *opaque, unsigned cpu, uint8_t vector);
    unsigned (*current_cpu)(void *opaque); /* who accesses the LAPIC page; NULL: CPU 0 */
    uint64_t (*tsc_now)(void *opaque, unsigned cpu); /* NULL: nanoseconds */
    uint64_t tsc_hz;
};

enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

struct lapic {
    struct dev dev;
    struct apic_bus *bus; /* wire; NULL: alone */
    unsigned cpu;         /* wire: index on the bus and initial APIC id */
    bool bsp;             /* wire */
    bool owns_page;       /* wire: places the register page as IA32_APIC_BASE says */

    uint64_t base_msr; /* IA32_APIC_BASE */
    uint32_t id;       /* 0..255 (xAPIC id may be rewritten by the guest) */
    uint8_t tpr;
    uint32_t ldr, dfr, svr, esr, errors; /* errors: gathered since the last ESR write */
    uint64_t icr;
    uint32_t lvt[LVT_COUNT];
    uint32_t irr[8], isr[8], tmr[8];
    uint32_t initial_count, divide;
    uint64_t timer_start;  /* ns when initial_count was loaded */
    uint64_t tsc_deadline; /* 0: not armed */
    struct event timer;
    bool lint0; /* level of the 8259's INTR */
    bool lint1;
    bool extint; /* an ExtINT message waits for its INTA */
    bool intr_level;
};

extern const struct dev_class lapic_class;

/* Sends to every APIC that the destination selects. */
void apic_bus_deliver(struct apic_bus *bus, const struct apic_msg *msg);
/* An MSI: a write of data to 0xFEExxxxx (SDM vol. 3, 11.11). */
void apic_bus_msi(struct apic_bus *bus, gpa addr, uint32_t data);

void lapic_set_lint0(void *opaque, int n, int level); /* fits struct irq */
void lapic_set_lint1(void *opaque, int n, int level);
/* INTR accepted: gives the vector and moves it to service; -1 when the 8259 must give it
 * (ExtINT); the spurious vector when nothing waits any more. */
int lapic_ack(struct lapic *l);
/* Index of the highest pending vector that PPR lets through, -1 when none. */
int lapic_pending(const struct lapic *l);
void lapic_init_signal(struct lapic *l); /* INIT: reset but for id and base MSR */
/* As firmware leaves it: enabled, LINT0 ExtINT, LINT1 NMI (virtual wire). */
void lapic_set_virtual_wire(struct lapic *l);
/* The CPU's TSC was written: a TSC deadline is measured again. */
void lapic_tsc_changed(struct lapic *l);

uint8_t lapic_get_cr8(const struct lapic *l);
void lapic_set_cr8(struct lapic *l, uint8_t value);
/* IA32_APIC_BASE (1BH), IA32_TSC_DEADLINE (6E0H), x2APIC (800H-8FFH).
 * false: the access is a #GP(0) and nothing was changed. */
bool lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value);

#endif
