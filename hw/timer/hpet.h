/* SPDX-License-Identifier: MIT
 * HPET: one 64-bit counter, three timers. */
#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

#define HPET_BASE   0xfed00000u
#define HPET_TIMERS 3
#define HPET_PINS   24 /* I/O APIC inputs that an interrupt may go to */

struct hpet {
    struct dev dev;
    struct irq pin[HPET_PINS]; /* wires: I/O APIC inputs */
    /* wire: legacy replacement takes ISA interrupts 0 and 8 from the PIT and the RTC */
    void *opaque;
    void (*legacy)(void *opaque, bool on);
    struct irq legacy_irq[2]; /* wires: timer 0 as ISA 0, timer 1 as ISA 8 */

    uint64_t config, status;
    uint64_t offset; /* counter minus ticks of the clock while it runs; the counter otherwise */
    uint64_t tn_config[HPET_TIMERS], comparator[HPET_TIMERS], period[HPET_TIMERS];
    uint8_t line[HPET_TIMERS]; /* output now */
    struct event ev[HPET_TIMERS];
};

extern const struct dev_class hpet_class; /* one region of 1 KiB */

#endif
