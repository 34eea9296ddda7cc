/* SPDX-License-Identifier: MIT
 * One-byte output port for firmware and test messages (0xE9, 0x402). */
#ifndef HW_PC_DEBUGPORT_H
#define HW_PC_DEBUGPORT_H

#include "softmmu/chardev.h"
#include "softmmu/dev.h"

struct debugport {
    struct dev dev;
    struct chardev *chr; /* wire */
    uint8_t readback;    /* property: what a read gives */
};

extern const struct dev_class debugport_class;

#endif
