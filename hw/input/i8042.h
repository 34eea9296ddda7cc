/* SPDX-License-Identifier: MIT
 * PC keyboard controller with a keyboard that answers but has no keys. */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

enum { KBC_REGION_DATA, KBC_REGION_COMMAND }; /* ports 0x60 and 0x64 */
#define KBC_QUEUE 16

struct kbc {
    struct dev dev;
    struct irq irq_kbd, irq_aux; /* wires: IRQ 1, IRQ 12 */
    void *opaque;                /* wire, for the callbacks below; each may be NULL */
    void (*set_a20)(void *opaque, bool on);
    bool (*get_a20)(void *opaque);
    void (*reset_cpu)(void *opaque);

    uint8_t ram[32]; /* ram[0]: command byte */
    uint8_t command; /* waits for its parameter at 0x60, 0: none */
    uint8_t outport;
    bool last_was_command; /* status bit 3 */
    uint8_t queue[KBC_QUEUE], queue_status[KBC_QUEUE];
    uint8_t head, len;
    uint8_t last;        /* data register */
    uint8_t kbd_command; /* keyboard waits for a parameter */
    bool level_kbd, level_aux;
};

extern const struct dev_class kbc_class;

#endif
