/* SPDX-License-Identifier: MIT
 * Keys and pointer movements on their way from a window, VNC or the monitor to the guest's
 * keyboard and mouse. Device lock held. */
#ifndef SOFTMMU_INPUT_H
#define SOFTMMU_INPUT_H

#include "softmmu/types.h"

/* A key is its code of PC scan code set 1, with bit 7 set for one that has an E0 prefix
 * (Pause: 0xc6, Print Screen: 0xb7). */
typedef uint8_t key_code;

/* By QEMU's QKeyCode name ("a", "ret", "ctrl", "f1", "kp_enter" ...); 0 when there is none. */
key_code input_key_by_name(const char *name);
/* NULL when the code has no name. */
const char *input_key_name(key_code key);

enum { INPUT_LEFT = 1, INPUT_RIGHT = 2, INPUT_MIDDLE = 4, INPUT_SIDE = 8, INPUT_EXTRA = 16 };

/* What a keyboard or a pointing device offers; either function may be NULL. */
struct input_sink {
    void *opaque;
    void (*key)(void *opaque, key_code key, bool down);
    /* dx right, dy down, dz wheel towards the user; buttons: INPUT_ set now held */
    void (*move)(void *opaque, int dx, int dy, int dz, unsigned buttons);
};

#endif
