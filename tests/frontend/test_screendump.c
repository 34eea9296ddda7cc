/* SPDX-License-Identifier: MIT
 * Pictures written and read back. */
#include "frontend/screendump.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
    unsigned width, height;
};

static uint32_t colour(unsigned x, unsigned y)
{
    return (x * 7919 + y * 104729) & 0xffffff;
}

static bool update(void *opaque, struct surface *s, bool full)
{
    const struct pattern *p = opaque;
    unsigned x, y;

    if (!surface_resize(s, p->width, p->height))
        return false;
    for (y = 0; y < p->height; y++)
        for (x = 0; x < p->width; x++)
            s->pixels[y * p->width + x] = colour(x, y);
    return true;
}

static struct display display_of(struct pattern *p)
{
    return (struct display){.opaque = p, .update = update, .name = "pattern"};
}

static void compare(const uint8_t *rgb, const struct pattern *p)
{
    unsigned x, y;

    for (y = 0; y < p->height; y++)
        for (x = 0; x < p->width; x++, rgb += 3)
            g_assert_cmphex(rgb[0] << 16 | rgb[1] << 8 | rgb[2], ==, colour(x, y));
}

static void read_png(const char *path, const struct pattern *p)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *rgb;

    g_assert_true(png_image_begin_read_from_file(&image, path));
    g_assert_cmpuint(image.width, ==, p->width);
    g_assert_cmpuint(image.height, ==, p->height);
    image.format = PNG_FORMAT_RGB;
    rgb = g_malloc(PNG_IMAGE_SIZE(image));
    g_assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    compare(rgb, p);
    g_free(rgb);
}

static void read_ppm(const char *path, const struct pattern *p)
{
    char *head = g_strdup_printf("P6\n%u %u\n255\n", p->width, p->height), *text;
    gsize n;

    g_assert_true(g_file_get_contents(path, &text, &n, NULL));
    g_assert_cmpuint(n, ==, strlen(head) + 3 * p->width * p->height);
    g_assert_cmpmem(text, strlen(head), head, strlen(head));
    compare((uint8_t *)text + strlen(head), p);
    g_free(text);
    g_free(head);
}

static unsigned entries(const char *dir)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name(d))
        n++;
    g_dir_close(d);
    return n;
}

static void test_round_trip(void)
{
    static const struct pattern sizes[] = {{1, 1}, {720, 400}, {333, 77}, {2560, 3}};
    char *dir = g_dir_make_tmp("mynah-XXXXXX", NULL), *path = g_build_filename(dir, "a", NULL);
    struct err e;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(sizes); i++) {
        struct pattern p = sizes[i];
        struct display d = display_of(&p);

        g_assert_true(screendump_write(&d, path, SCREENDUMP_PNG, &e));
        read_png(path, &p);
        g_assert_true(screendump_write(&d, path, SCREENDUMP_PPM, &e)); /* in place of it */
        read_ppm(path, &p);
        g_assert_cmpuint(entries(dir), ==, 1);
    }
    g_unlink(path);
    g_rmdir(dir);
    g_free(path);
    g_free(dir);
}

static void test_errors(void)
{
    char *dir = g_dir_make_tmp("mynah-XXXXXX", NULL),
         *inside = g_build_filename(dir, "d", NULL);
    struct pattern p = {300, 200}, none = {0, 0};
    struct display d = display_of(&p), broken = display_of(&none);
    enum screendump_format f;
    struct err e;

    g_assert_false(screendump_write(&d, "/nonexistent/x.png", SCREENDUMP_PNG, &e));
    g_assert_nonnull(strstr(e.msg, "/nonexistent/x.png"));
    g_assert_false(screendump_write(&d, "/dev/full", SCREENDUMP_PNG, &e));
    g_assert_false(screendump_write(&d, "/dev/full", SCREENDUMP_PPM, &e));
    g_assert_nonnull(strstr(e.msg, "No space"));
    g_assert_true(screendump_write(&d, "/dev/null", SCREENDUMP_PNG, &e));
    g_assert_true(g_file_test("/dev/null", G_FILE_TEST_EXISTS) &&
                  !g_file_test("/dev/null", G_FILE_TEST_IS_REGULAR));
    g_assert_cmpint(g_mkdir(inside, 0700), ==, 0);
    g_assert_false(screendump_write(&d, inside, SCREENDUMP_PNG, &e)); /* a directory */
    g_assert_cmpuint(entries(dir), ==, 1);
    g_assert_false(screendump_write(&broken, "/dev/null", SCREENDUMP_PNG, &e));
    g_assert_true(screendump_format("ppm", &f) && f == SCREENDUMP_PPM);
    g_assert_false(screendump_format("jpg", &f));
    g_rmdir(inside);
    g_rmdir(dir);
    g_free(inside);
    g_free(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/screendump/round-trip", test_round_trip);
    g_test_add_func("/screendump/errors", test_errors);
    return g_test_run();
}
