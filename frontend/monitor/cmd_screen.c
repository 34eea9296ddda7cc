/* SPDX-License-Identifier: MIT
 * screendump: the picture of the display device as PPM or PNG. */
#include <errno.h>
#include <png.h>
#include <string.h>

#include "frontend/monitor/mon_int.h"

static bool write_ppm(FILE *f, const struct surface *s)
{
    uint8_t *row = g_malloc((size_t)s->width * 3);

    fprintf(f, "P6\n%u %u\n255\n", s->width, s->height);
    for (unsigned y = 0; y < s->height; y++) {
        const uint32_t *p = s->pixels + (size_t)y * s->width;

        for (unsigned x = 0; x < s->width; x++) {
            row[3 * x] = (uint8_t)(p[x] >> 16);
            row[3 * x + 1] = (uint8_t)(p[x] >> 8);
            row[3 * x + 2] = (uint8_t)p[x];
        }
        fwrite(row, 3, s->width, f);
    }
    g_free(row);
    return !ferror(f);
}

static bool write_png(FILE *f, const struct surface *s)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = s->width,
                       .height = s->height,
                       .format = PNG_FORMAT_RGB};
    uint8_t *rgb = g_malloc((size_t)s->width * s->height * 3);
    size_t n = (size_t)s->width * s->height;
    bool ok;

    for (size_t i = 0; i < n; i++) {
        rgb[3 * i] = (uint8_t)(s->pixels[i] >> 16);
        rgb[3 * i + 1] = (uint8_t)(s->pixels[i] >> 8);
        rgb[3 * i + 2] = (uint8_t)s->pixels[i];
    }
    ok = png_image_write_to_stdio(&image, f, 0, rgb, 0, NULL);
    g_free(rgb);
    return ok && !ferror(f);
}

static bool write_file(const char *name, bool png, const struct surface *s, struct err *e)
{
    FILE *f = fopen(name, "wbe");
    bool ok;

    if (!f)
        return err_set(e, "failed to open file '%s': %s", name, strerror(errno));
    ok = png ? write_png(f, s) : write_ppm(f, s);
    ok = fclose(f) == 0 && ok;
    return ok || err_set(e, "failed to write '%s'", name);
}

bool cmd_screendump(struct mon_call *c, struct err *e)
{
    const struct display *d = &vm_ui(c->vm)->display;
    const char *format = mon_str(c, "format", "ppm");
    struct surface s = {0};
    bool ok, png = !strcmp(format, "png");

    if (!png && strcmp(format, "ppm"))
        return err_set(e, "Parameter 'format' does not accept value '%.40s'", format);
    if (mon_str(c, "device", NULL))
        return err_set(e, "Device '%.40s' not found: there is one screen",
                       mon_str(c, "device", ""));
    if (!d->update)
        return err_set(e, "There is no console to take a screendump from");
    d->update(d->opaque, &s, true);
    if (!s.pixels)
        return err_set(e, "the screen is blank");
    ok = write_file(mon_str(c, "filename", ""), png, &s, e);
    surface_finish(&s);
    return ok;
}
