/* SPDX-License-Identifier: MIT
 * Small ports of the PC: 0x80 POST codes, 0xED delay, 0x92 system control port A,
 * 0xF0/0xF1 coprocessor error. */
#ifndef HW_PC_PORTS_H
#define HW_PC_PORTS_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

enum { PORTS_REGION_80, PORTS_REGION_92, PORTS_REGION_ED, PORTS_REGION_F0 };

struct ports {
    struct dev dev;
    struct irq irq13; /* wire */
    void *opaque;     /* wire, for the callbacks below; each may be NULL */
    void (*a20_changed)(void *opaque, bool on);
    void (*reset_cpu)(void *opaque);
    void (*ignne)(void *opaque); /* the guest acknowledged FERR# through port 0xF0 */

    uint8_t post; /* port 0x80 */
    uint8_t port92;
    bool a20; /* the A20 gate: port 0x92 and the keyboard controller share one latch */
    bool ferr;
};

extern const struct dev_class ports_class;

void ports_set_a20(struct ports *p, bool on);
void ports_set_ferr(struct ports *p); /* FERR# asserted: IRQ 13 until port 0xF0 is written */

#endif
