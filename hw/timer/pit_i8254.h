/* SPDX-License-Identifier: MIT
 * 8254 timer and the system control port B (0x61) that gates its channel 2. */
#ifndef HW_TIMER_PIT_I8254_H
#define HW_TIMER_PIT_I8254_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

#define PIT_HZ 1193182u

enum { PIT_REGION_COUNTERS, PIT_REGION_PORT61 };

struct pit_channel {
    uint64_t start;  /* PIT ticks since machine start when counting began */
    uint64_t held;   /* ticks counted before the gate stopped a level-gated mode */
    uint32_t count;  /* in the counting element, 1..65536 */
    uint32_t next;   /* written, not yet loaded (0: nothing) */
    uint16_t latch;  /* latched count */
    uint8_t latched; /* bytes of it still to be read */
    uint8_t status;  /* latched status */
    bool status_latched;
    uint8_t mode, rw; /* 0..5; 1 LSB, 2 MSB, 3 LSB then MSB */
    uint8_t low_byte; /* first byte of a two-byte write */
    bool bcd, gate;
    bool write_high, read_high; /* which byte comes next with rw 3 */
    bool loaded;                /* a count was written since the control word */
    bool armed;                 /* counting has been started (modes 1, 5: triggered) */
    bool null_count;
};

struct pit {
    struct dev dev;
    struct irq irq0; /* wire: OUT of channel 0 */
    bool slew;       /* property: edges that a late host let pass follow later */
    struct pit_channel ch[3];
    uint8_t port61; /* bits 0-3 as written */
    bool out0;      /* level driven on irq0 */
    uint64_t edge0; /* tick of the rising edge that is scheduled, UINT64_MAX if none */
    uint32_t owed;  /* edges of channel 0 that the host was too late for */
    uint64_t repay; /* tick of the next of those */
    struct event ev;
};

extern const struct dev_class pit_class;

#endif
