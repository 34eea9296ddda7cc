/* SPDX-License-Identifier: MIT */
#include "softmmu/display.h"

#include <stdlib.h>

bool surface_resize(struct surface *s, unsigned width, unsigned height)
{
    uint32_t *pixels;

    if (!width || !height || width > 16384 || height > 16384)
        return false;
    if (s->pixels && s->width == width && s->height == height)
        return true;
    pixels = realloc(s->pixels, (size_t)width * height * sizeof(*pixels));
    if (!pixels)
        return false;
    *s = (struct surface){.pixels = pixels, .width = width, .height = height};
    return true;
}

void surface_finish(struct surface *s)
{
    free(s->pixels);
    *s = (struct surface){0};
}
