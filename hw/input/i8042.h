/* SPDX-License-Identifier: MIT
 * PC keyboard controller with its keyboard and mouse. */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "hw/input/ps2.h"
#include "softmmu/dev.h"
#include "softmmu/input.h"
#include "softmmu/irq.h"

enum { KBC_REGION_DATA, KBC_REGION_COMMAND }; /* ports 0x60 and 0x64 */

struct kbc {
    struct dev dev;
    struct irq irq_kbd, irq_aux; /* wires: IRQ 1, IRQ 12 */
    void *opaque;                /* wire, for the callbacks below; each may be NULL */
    void (*set_a20)(void *opaque, bool on);
    bool (*get_a20)(void *opaque);
    void (*reset_cpu)(void *opaque);

    struct ps2_kbd kbd;
    struct ps2_mouse mouse;
    uint8_t ram[32]; /* ram[0]: command byte */
    uint8_t command; /* waits for its parameter at 0x60, 0: none */
    uint8_t outport;
    bool last_was_command;       /* status bit 3 */
    struct ps2_queue own;        /* the controller's own answers ... */
    struct ps2_queue own_status; /* ... and the status bits of each */
    uint8_t data;                /* output buffer */
    bool full;                   /* it holds a byte ... */
    uint8_t source;              /* ... with these status bits */
    bool breaking;               /* translation has seen F0 */
    bool level_kbd, level_aux;
};

extern const struct dev_class kbc_class;

/* Where keys and movements go. */
struct input_sink kbc_input(struct kbc *k);

#endif
