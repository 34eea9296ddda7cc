/* SPDX-License-Identifier: MIT
 * Device core, RAM blocks and character channels. */
#include "softmmu/chardev.h"
#include "softmmu/dev.h"
#include "softmmu/ram.h"

#include <glib.h>
#include <string.h>

struct toy {
    struct dev dev;
    uint8_t small;
    uint32_t size;
    bool on;
    uint16_t reg[3];
    uint32_t battery;
    uint8_t *heap;
    uint32_t heap_bytes;
    struct event ev;
    bool gone;
    char *label;
    struct chardev *chr;
    struct block *drive;
};

static void toy_fire(void *opaque, uint64_t late_ns)
{
}

static bool toy_realize(struct dev *d, struct err *e)
{
    struct toy *t = (struct toy *)d;

    t->ev.fn = toy_fire;
    return t->size ? true : err_set(e, "size is 0");
}

static void toy_unrealize(struct dev *d)
{
    ((struct toy *)d)->gone = true;
}

static void toy_reset(struct dev *d)
{
    memset(((struct toy *)d)->reg, 0, sizeof(((struct toy *)d)->reg));
}

static uint64_t toy_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct toy *)opaque)->reg[offset];
}

static const struct prop toy_props[] = {PROP(PROP_U8, struct toy, small, "small", 7),
                                        PROP(PROP_U32, struct toy, size, "size", 64),
                                        PROP(PROP_BOOL, struct toy, on, "on", 1),
                                        PROP(PROP_STR, struct toy, label, "label", 0),
                                        PROP(PROP_CHARDEV, struct toy, chr, "chardev", 0),
                                        PROP(PROP_DRIVE, struct toy, drive, "drive", 0),
                                        PROP_END};
static const struct state_field toy_state[] = {
    STATE_ARRAY(struct toy, reg), STATE_KEPT(struct toy, battery),
    STATE_HEAP(struct toy, heap, heap_bytes), STATE_EV(struct toy, ev), STATE_END};
static const struct dev_region toy_regions[] = {{"toy", REGION_PORT, 3, {toy_read, NULL, 1, 1}},
                                                {0}};
static const struct dev_class toy_class = {.name = "toy",
                                           .size = sizeof(struct toy),
                                           .props = toy_props,
                                           .state = toy_state,
                                           .regions = toy_regions,
                                           .realize = toy_realize,
                                           .reset = toy_reset,
                                           .unrealize = toy_unrealize};

static void count_line(void *opaque, const char *line)
{
    if (!strcmp(line, "toy.reg[1] = 0x5"))
        ++*(unsigned *)opaque;
}

static void test_lifecycle(void)
{
    struct clock clock;
    struct dev_env env = {space_create("mem", 0), space_create("ports", 0x10000), &clock};
    struct toy t = {0}, fresh = {0};
    unsigned lines = 0;
    struct err e;

    clock_init(&clock, NULL, NULL);
    dev_init(&t.dev, &toy_class, NULL, &env);
    dev_init(&fresh.dev, &toy_class, NULL, &env);
    g_assert_true(t.small == 7 && t.size == 64 && t.on);
    g_assert_false(dev_set_prop(&t.dev, "small", "256", &e));
    g_assert_false(dev_set_prop(&t.dev, "small", "-1", &e));
    g_assert_false(dev_set_prop(&t.dev, "small", "", &e));
    g_assert_false(dev_set_prop(&t.dev, "on", "yes", &e));
    g_assert_false(dev_set_prop(&t.dev, "colour", "1", &e));
    g_assert_cmpstr(e.msg, ==, "toy: no property 'colour'");
    g_assert_true(dev_set_prop(&t.dev, "small", "0xff", &e) && t.small == 255);
    g_assert_true(dev_set_prop(&t.dev, "on", "off", &e) && !t.on);
    g_assert_true(dev_set_prop(&t.dev, "size", "0", &e));
    g_assert_false(dev_realize(&t.dev, &e));
    g_assert_cmpstr(e.msg, ==, "toy: size is 0");
    g_assert_true(dev_set_prop(&t.dev, "size", "1", &e));
    g_assert_true(dev_realize(&t.dev, &e));
    g_assert_true(dev_map(&t.dev, 0, 0x100, 0, &e));
    t.reg[1] = 5;
    g_assert_cmphex(space_read(env.ports, 0x101, 1), ==, 5);
    g_assert_cmphex(space_read(env.ports, 0x103, 1), ==, 0xff);

    t.battery = 9;
    g_assert_cmpstr(dev_reset_differs(&t.dev, &fresh.dev), ==, "reg");
    dev_print_state(&t.dev, count_line, &lines);
    g_assert_cmpuint(lines, ==, 1);
    dev_reset(&t.dev);
    g_assert_null(dev_reset_differs(&t.dev, &fresh.dev));
    t.heap = (uint8_t *)"ab";
    fresh.heap = (uint8_t *)"ac";
    t.heap_bytes = fresh.heap_bytes = 1;
    g_assert_null(dev_reset_differs(&t.dev, &fresh.dev));
    t.heap_bytes = fresh.heap_bytes = 2;
    g_assert_cmpstr(dev_reset_differs(&t.dev, &fresh.dev), ==, "heap");
    fresh.heap = t.heap;
    event_schedule(&clock, &t.ev, 5);
    g_assert_cmpstr(dev_reset_differs(&t.dev, &fresh.dev), ==, "ev");
    dev_finish(&t.dev);
    g_assert_true(t.gone && !t.ev.queued);
    g_assert_cmphex(space_read(env.ports, 0x101, 1), ==, 0xff);
    space_destroy(env.mem);
    space_destroy(env.ports);
}

static struct chardev *find_chardev(void *opaque, const char *id, struct err *e)
{
    if (!strcmp(id, "c0"))
        return opaque;
    err_set(e, "chardev '%s' not found", id);
    return NULL;
}

static struct block *find_drive(void *opaque, const char *id, struct err *e)
{
    if (!strcmp(id, "d0"))
        return opaque;
    err_set(e, "drive '%s' not found", id);
    return NULL;
}

/* Strings are the core's copies; back ends are found by id. */
static void test_backends(void)
{
    struct dev_env env = {.opaque = &env};
    struct toy t = {0};
    char text[] = "one";
    struct err e;

    dev_init(&t.dev, &toy_class, NULL, &env);
    g_assert_null(t.label);
    g_assert_true(dev_set_prop(&t.dev, "label", "zero", &e));
    g_assert_true(dev_set_prop(&t.dev, "label", text, &e));
    text[0] = 'x';
    g_assert_cmpstr(t.label, ==, "one");
    g_assert_false(dev_set_prop(&t.dev, "drive", "d0", &e));
    env.find_chardev = find_chardev;
    env.find_drive = find_drive;
    g_assert_false(dev_set_prop(&t.dev, "drive", "d1", &e));
    g_assert_cmpstr(e.msg, ==, "toy: drive 'd1' not found");
    g_assert_true(dev_set_prop(&t.dev, "drive", "d0", &e));
    g_assert_true((void *)t.drive == &env);
    g_assert_false(dev_set_prop(&t.dev, "chardev", "c1", &e));
    g_assert_true(dev_set_prop(&t.dev, "chardev", "c0", &e));
    g_assert_true((void *)t.chr == &env);
    dev_finish(&t.dev);
    g_assert_null(t.label);
}

static void test_ram(void)
{
    struct ram r = {0};
    struct err e;

    ram_finish(&r);
    g_assert_false(ram_init(&r, 0, &e));
    g_assert_false(ram_init(&r, 4097, &e));
    g_assert_false(ram_init(&r, 1ull << 62, &e));
    g_assert_nonnull(strstr(e.msg, "cannot reserve"));
    g_assert_true(ram_init(&r, 1ull << 32, &e));
    r.host[r.size - 1] = 1;
    g_assert_cmpuint(r.host[0], ==, 0);
    ram_finish(&r);
    g_assert_null(r.host);
}

static char got[64];
static size_t room;

static size_t front_room(void *opaque)
{
    return room;
}

static void front_receive(void *opaque, const uint8_t *buf, size_t n)
{
    g_assert_cmpuint(n, <=, room);
    strncat(got, (const char *)buf, n);
    room -= n;
}

static void test_chardev(void)
{
    struct chardev_mem m;
    struct chardev null;

    chardev_mem_init(&m);
    chardev_null_init(&null);
    g_assert_cmpuint(chardev_write(&null, (const uint8_t *)"x", 1), ==, 1);
    g_assert_cmpuint(chardev_write(NULL, (const uint8_t *)"x", 1), ==, 1);
    chardev_accept_input(NULL);
    chardev_set_front(NULL, NULL, NULL, NULL, NULL);
    chardev_set_front(&m.chr, front_room, front_receive, NULL, NULL);
    room = 3;
    chardev_mem_send(&m, "hello", 5);
    g_assert_cmpstr(got, ==, "hel");
    room = 9;
    chardev_accept_input(&m.chr);
    g_assert_cmpstr(got, ==, "hello");
    chardev_break(&m.chr);
    chardev_write(&m.chr, (const uint8_t *)"abc", 3);
    chardev_write(&m.chr, (const uint8_t *)"de", 2);
    g_assert_cmpmem(m.out, m.out_len, "abcde", 5);
    chardev_mem_finish(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dev/lifecycle", test_lifecycle);
    g_test_add_func("/dev/backends", test_backends);
    g_test_add_func("/dev/ram", test_ram);
    g_test_add_func("/dev/chardev", test_chardev);
    return g_test_run();
}
