/* SPDX-License-Identifier: MIT
 * VESA E-EDID of a monitor that shows whatever it is sent. */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include "softmmu/types.h"

#define EDID_SIZE 128

struct edid_info {
    unsigned xres, yres; /* preferred mode in pixels at 60 Hz; 0: 1280x800 */
    unsigned xmax, ymax; /* modes above are not listed, 0: no limit */
};

/* Fills one block. Sizes above 4095 are cut to what a detailed timing can say. */
void edid_make(const struct edid_info *info, uint8_t block[EDID_SIZE]);

#endif
