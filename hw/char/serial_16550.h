/* SPDX-License-Identifier: MIT
 * 16550A UART. */
#ifndef HW_CHAR_SERIAL_16550_H
#define HW_CHAR_SERIAL_16550_H

#include "softmmu/chardev.h"
#include "softmmu/dev.h"
#include "softmmu/irq.h"

#define SERIAL_FIFO 16

struct serial {
    struct dev dev;
    struct irq irq;      /* wire */
    struct chardev *chr; /* wire; NULL: unplugged */

    uint16_t divisor;
    uint8_t ier, lcr, mcr, lsr, msr, scr, fcr;
    uint8_t rx[SERIAL_FIFO];     /* ring */
    uint8_t rx_lsr[SERIAL_FIFO]; /* BI/FE/PE that came with each byte */
    uint8_t rx_head, rx_len;
    uint8_t rbr; /* last byte taken out */
    uint8_t tx[SERIAL_FIFO]; /* written, and not yet taken by the back end */
    uint8_t tx_len;
    bool thre_pending, timeout_pending;
    bool irq_level;
    struct event timeout;
};

extern const struct dev_class serial_class;

#endif
