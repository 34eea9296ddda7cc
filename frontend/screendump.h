/* SPDX-License-Identifier: MIT
 * Pictures of the screen in files. */
#ifndef FRONTEND_SCREENDUMP_H
#define FRONTEND_SCREENDUMP_H

#include "softmmu/display.h"
#include "softmmu/err.h"

enum screendump_format { SCREENDUMP_PPM, SCREENDUMP_PNG };

/* By name, "ppm" or "png"; false: neither. */
bool screendump_format(const char *name, enum screendump_format *f);
/* Writes what d shows now; the device lock is held. The file appears whole or not at all, and
 * an older one of that name is replaced; one that cannot be replaced (/dev/stdout, a pipe) is
 * written to. */
bool screendump_write(const struct display *d, const char *path, enum screendump_format f,
                      struct err *e);

#endif
