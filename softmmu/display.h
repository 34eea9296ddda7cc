/* SPDX-License-Identifier: MIT
 * The picture of a display device, for screenshots, windows and VNC. Device lock held. */
#ifndef SOFTMMU_DISPLAY_H
#define SOFTMMU_DISPLAY_H

#include "softmmu/types.h"

struct surface {
    uint32_t *pixels; /* 0x00RRGGBB, row after row without gaps; owned by the surface */
    unsigned width, height;
};

/* Gives the surface a size; contents undefined when it changes. False: out of memory, or a
 * size of 0 or above 16384 (the surface is as it was). A zeroed surface is allowed. */
bool surface_resize(struct surface *s, unsigned width, unsigned height);
void surface_finish(struct surface *s);

struct display {
    void *opaque;
    /* The device brings s up to date, resizing it to the mode; with `full` every pixel, else at
     * least those that changed since the last call. Returns whether anything changed. */
    bool (*update)(void *opaque, struct surface *s, bool full);
    const char *name; /* of the device, for messages */
};

#endif
