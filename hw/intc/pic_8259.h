/* SPDX-License-Identifier: MIT
 * A cascaded pair of 8259A with ELCR, as in every PC south bridge. */
#ifndef HW_INTC_PIC_8259_H
#define HW_INTC_PIC_8259_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

/* regions of the class, in order */
enum { PIC_REGION_MASTER, PIC_REGION_SLAVE, PIC_REGION_ELCR };

struct pic_chip {
    uint8_t irr, imr, isr;
    uint8_t lines; /* levels on the inputs */
    uint8_t elcr;  /* 1: level triggered */
    uint8_t base;  /* ICW2 */
    uint8_t icw1, icw3, icw4;
    uint8_t init_step; /* next ICW expected (2..4), 0 when operating */
    uint8_t top;       /* input with the highest priority */
    bool read_isr, poll, special_mask, rotate_on_aeoi;
};

struct pic {
    struct dev dev;
    struct irq intr; /* wire: INTR of the master */
    struct pic_chip chip[2];
    bool intr_level;
};

extern const struct dev_class pic_class;

/* ISA interrupt n = 0..15; n 2 is the cascade and is ignored. Fits struct irq. */
void pic_set_irq(void *opaque, int n, int level);
/* The INTA cycle: accepts the highest request and gives its vector; the spurious vector
 * (IR7 of the chip asked) when there is none any more. */
int pic_ack(struct pic *p);
void pic_set_elcr(struct pic *p, unsigned mask); /* as firmware would: 16 bits */

#endif
