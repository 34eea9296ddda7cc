/* SPDX-License-Identifier: MIT
 * An interrupt line is a value: who to tell, and which of its inputs. */
#ifndef SOFTMMU_IRQ_H
#define SOFTMMU_IRQ_H

#include "softmmu/types.h"

struct irq {
    void (*fn)(void *opaque, int n, int level); /* NULL: not connected */
    void *opaque;
    int n;
};

static inline void irq_set(const struct irq *irq, int level)
{
    if (irq->fn)
        irq->fn(irq->opaque, irq->n, level);
}

#endif
