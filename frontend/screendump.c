/* SPDX-License-Identifier: MIT
 * Netpbm's PPM (P6) and PNG by libpng. */
#include "frontend/screendump.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void to_rgb(const struct surface *s, unsigned y, uint8_t *rgb)
{
    const uint32_t *p = s->pixels + (size_t)y * s->width;

    for (unsigned x = 0; x < s->width; x++) {
        *rgb++ = (uint8_t)(p[x] >> 16);
        *rgb++ = (uint8_t)(p[x] >> 8);
        *rgb++ = (uint8_t)p[x];
    }
}

static bool write_ppm(const struct surface *s, uint8_t *row, FILE *f)
{
    fprintf(f, "P6\n%u %u\n255\n", s->width, s->height);
    for (unsigned y = 0; y < s->height; y++) {
        to_rgb(s, y, row);
        fwrite(row, 3, s->width, f);
    }
    return !ferror(f);
}

static void png_failed(png_structp png, png_const_charp message)
{
    longjmp(png_jmpbuf(png), 1);
}

static void png_warned(png_structp png, png_const_charp message)
{
}

/* Nothing here lives in a variable that changes after setjmp. */
static bool png_rows(png_structp png, png_infop info, const struct surface *s, uint8_t *row,
                     FILE *f)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_init_io(png, f);
    png_set_compression_level(png, 3);
    png_set_IHDR(png, info, s->width, s->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (volatile unsigned y = 0; y < s->height; y++) {
        to_rgb(s, y, row);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    return true;
}

static bool write_png(const struct surface *s, uint8_t *row, FILE *f)
{
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, png_failed, png_warned);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool ok = info && png_rows(png, info, s, row, f);

    png_destroy_write_struct(&png, &info);
    return ok;
}

static bool write_picture(const struct surface *s, FILE *f, enum screendump_format format)
{
    uint8_t *row = malloc(3 * (size_t)s->width);
    bool ok;

    errno = 0;
    ok = row && (format == SCREENDUMP_PNG ? write_png : write_ppm)(s, row, f) && !fflush(f);
    free(row);
    return ok;
}

static bool cannot(const char *path, struct err *e)
{
    return err_set(e, "cannot write '%s': %s", path, errno ? strerror(errno) : "it failed");
}

/* What is no regular file keeps its place: its bytes are for who reads it. */
static bool write_into(const struct surface *s, const char *path, enum screendump_format format,
                       struct err *e)
{
    FILE *f = fopen(path, "wbe");
    bool ok;

    if (!f)
        return cannot(path, e);
    ok = write_picture(s, f, format);
    return (!fclose(f) && ok) || cannot(path, e);
}

static bool write_beside(const struct surface *s, const char *path,
                         enum screendump_format format, struct err *e)
{
    char *temporary = g_strdup_printf("%s.XXXXXX", path);
    int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0666);
    FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
    bool ok = f && write_picture(s, f, format);

    if (f)
        ok = !fclose(f) && ok;
    ok = ok && !rename(temporary, path);
    if (!ok) {
        cannot(path, e);
        if (fd >= 0)
            unlink(temporary);
    }
    g_free(temporary);
    return ok;
}

bool screendump_format(const char *name, enum screendump_format *f)
{
    if (!strcmp(name, "png"))
        *f = SCREENDUMP_PNG;
    else if (!strcmp(name, "ppm"))
        *f = SCREENDUMP_PPM;
    else
        return false;
    return true;
}

bool screendump_write(const struct display *d, const char *path, enum screendump_format f,
                      struct err *e)
{
    struct surface s = {0};
    struct stat st;
    bool ok;

    d->update(d->opaque, &s, true);
    if (!s.pixels)
        return err_set(e, "%s: out of memory for its picture", d->name);
    ok = !stat(path, &st) && !S_ISREG(st.st_mode) ? write_into(&s, path, f, e)
                                                  : write_beside(&s, path, f, e);
    surface_finish(&s);
    return ok;
}
