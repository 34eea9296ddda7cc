/* SPDX-License-Identifier: MIT
 * 8042, PS/2 keyboard and mouse against IBM's hardware interface technical reference. */
#include "tests/hw/machine.h"

#define KBD 0
#define AUX 0x20

/* Next byte of the output buffer, which must come from `source`. */
static int from(struct machine *m, unsigned source)
{
    uint8_t status = inb(m, 0x64);

    if (!(status & 1))
        return -1;
    g_assert_cmphex(status & AUX, ==, source);
    g_assert_true(irq_level(m, source == AUX ? 12 : 1));
    return inb(m, 0x60);
}

static void expect(struct machine *m, unsigned source, unsigned n, const uint8_t *bytes)
{
    unsigned i;

    for (i = 0; i < n; i++)
        g_assert_cmphex(from(m, source), ==, bytes[i]);
    g_assert_cmphex(inb(m, 0x64) & 1, ==, 0);
}
#define EXPECT(source, ...)                                                                    \
    do {                                                                                       \
        const uint8_t expected_[] = {__VA_ARGS__};                                             \
        expect(&m, source, sizeof(expected_), expected_);                                      \
    } while (0)

static void command_byte(struct machine *m, uint8_t v)
{
    outb(m, 0x64, 0x60);
    outb(m, 0x60, v);
}

static void to_mouse(struct machine *m, uint8_t v)
{
    outb(m, 0x64, 0xd4);
    outb(m, 0x60, v);
}

static void mouse_command(struct machine *m, uint8_t v)
{
    to_mouse(m, v);
    g_assert_cmphex(from(m, AUX), ==, 0xfa);
}

/* Translation off unless asked for: both interrupts on. */
static struct input_sink start(struct machine *m, bool translate)
{
    machine_start(m);
    command_byte(m, translate ? 0x47 : 0x07);
    return kbc_input(&m->pc->kbc);
}

static void tap(struct input_sink *in, const char *name)
{
    key_code key = input_key_by_name(name);

    g_assert_cmphex(key, !=, 0);
    in->key(in->opaque, key, true);
    in->key(in->opaque, key, false);
}

static void test_sets(void)
{
    struct machine m;
    struct input_sink in = start(&m, false);

    tap(&in, "a");
    EXPECT(KBD, 0x1c, 0xf0, 0x1c);
    tap(&in, "up");
    EXPECT(KBD, 0xe0, 0x75, 0xe0, 0xf0, 0x75);
    tap(&in, "f7");
    EXPECT(KBD, 0x83, 0xf0, 0x83);
    tap(&in, "pause");
    EXPECT(KBD, 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
    tap(&in, "print");
    EXPECT(KBD, 0xe0, 0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);

    outb(&m, 0x60, 0xf0);
    outb(&m, 0x60, 0x01);
    EXPECT(KBD, 0xfa, 0xfa);
    tap(&in, "a");
    EXPECT(KBD, 0x1e, 0x9e);
    tap(&in, "pause");
    EXPECT(KBD, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);

    outb(&m, 0x60, 0xf0);
    outb(&m, 0x60, 0x03);
    EXPECT(KBD, 0xfa, 0xfa);
    tap(&in, "f1");
    EXPECT(KBD, 0x07, 0xf0, 0x07);
    tap(&in, "up");
    EXPECT(KBD, 0x63, 0xf0, 0x63);
    tap(&in, "a");
    EXPECT(KBD, 0x1c, 0xf0, 0x1c);
    outb(&m, 0x60, 0xf0);
    outb(&m, 0x60, 0x00);
    EXPECT(KBD, 0xfa, 0xfa, 0x03);
    outb(&m, 0x60, 0xf0);
    outb(&m, 0x60, 0x04);
    EXPECT(KBD, 0xfa, 0xfe);
    machine_stop(&m);
}

/* Every named key comes out of the translation as the set 1 code that it is. */
static void test_translation(void)
{
    struct machine m;
    struct input_sink in = start(&m, true);
    unsigned key;

    for (key = 1; key < 256; key++) {
        if (!input_key_name(key) || key == 0xc6 || key == 0xb7)
            continue;
        in.key(in.opaque, key, true);
        if (key & 0x80)
            g_assert_cmphex(from(&m, KBD), ==, 0xe0);
        EXPECT(KBD, key & 0x7f);
        in.key(in.opaque, key, false);
        if (key & 0x80)
            g_assert_cmphex(from(&m, KBD), ==, 0xe0);
        EXPECT(KBD, key | 0x80);
    }
    tap(&in, "pause");
    EXPECT(KBD, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    in.key(in.opaque, input_key_by_name("ctrl"), true);
    tap(&in, "pause");
    EXPECT(KBD, 0x1d, 0xe0, 0x46, 0xe0, 0xc6);
    in.key(in.opaque, input_key_by_name("ctrl"), false);
    in.key(in.opaque, input_key_by_name("alt"), true);
    tap(&in, "print");
    EXPECT(KBD, 0x9d, 0x38, 0x54, 0xd4);
    machine_stop(&m);
}

static void test_commands(void)
{
    struct machine m;
    struct input_sink in = start(&m, false);

    outb(&m, 0x60, 0xee);
    EXPECT(KBD, 0xee);
    outb(&m, 0x60, 0xf2);
    EXPECT(KBD, 0xfa, 0xab, 0x83);
    outb(&m, 0x60, 0xfe);
    EXPECT(KBD, 0x83);
    outb(&m, 0x60, 0xe5); /* no such command */
    EXPECT(KBD, 0xfe);
    outb(&m, 0x60, 0xed);
    outb(&m, 0x60, 0x02);
    EXPECT(KBD, 0xfa, 0xfa);
    g_assert_cmphex(m.pc->kbc.kbd.leds, ==, 2);
    outb(&m, 0x60, 0xf5);
    EXPECT(KBD, 0xfa);
    tap(&in, "a");
    g_assert_cmpint(from(&m, KBD), ==, -1);
    outb(&m, 0x60, 0xf4);
    EXPECT(KBD, 0xfa);
    tap(&in, "a");
    EXPECT(KBD, 0x1c, 0xf0, 0x1c);
    outb(&m, 0x60, 0xff);
    EXPECT(KBD, 0xfa, 0xaa);
    g_assert_cmphex(m.pc->kbc.kbd.leds, ==, 0);
    machine_stop(&m);
}

/* One byte waits in the controller, 16 in the keyboard, then the overrun code. */
static void test_overrun(void)
{
    struct machine m;
    struct input_sink in = start(&m, false);
    key_code key = input_key_by_name("a");
    unsigned i;

    for (i = 0; i < 40; i++)
        in.key(in.opaque, key, true);
    for (i = 0; i < 17; i++)
        g_assert_cmphex(from(&m, KBD), ==, 0x1c);
    EXPECT(KBD, 0x00);
    in.key(in.opaque, key, true);
    EXPECT(KBD, 0x1c);
    machine_stop(&m);
}

static void test_controller(void)
{
    struct machine m;
    struct input_sink in = start(&m, false);

    outb(&m, 0x64, 0xad);
    tap(&in, "a"); /* held back while the clock is stopped */
    g_assert_cmphex(inb(&m, 0x64) & 1, ==, 0);
    outb(&m, 0x64, 0x20);
    EXPECT(KBD, 0x17);
    outb(&m, 0x64, 0xae);
    EXPECT(KBD, 0x1c, 0xf0, 0x1c);
    outb(&m, 0x64, 0xa7);
    outb(&m, 0x64, 0x20);
    EXPECT(KBD, 0x27);
    outb(&m, 0x64, 0xa8);
    outb(&m, 0x64, 0x20);
    EXPECT(KBD, 0x07);
    outb(&m, 0x64, 0xa9);
    EXPECT(KBD, 0x00);
    outb(&m, 0x64, 0xd3);
    outb(&m, 0x60, 0xa5);
    EXPECT(AUX, 0xa5);
    command_byte(&m, 0x04); /* no interrupts: the bytes come all the same */
    tap(&in, "b");
    g_assert_false(irq_level(&m, 1));
    g_assert_cmphex(inb(&m, 0x60), ==, 0x32);
    machine_stop(&m);
}

static void rates(struct machine *m, uint8_t a, uint8_t b, uint8_t c)
{
    const uint8_t rate[] = {a, b, c};
    unsigned i;

    for (i = 0; i < 3; i++) {
        mouse_command(m, 0xf3);
        mouse_command(m, rate[i]);
    }
}

static void test_mouse(void)
{
    struct machine m;
    struct input_sink in = start(&m, false);

    to_mouse(&m, 0xff);
    EXPECT(AUX, 0xfa, 0xaa, 0x00);
    in.move(in.opaque, 5, 5, 0, 0); /* not reporting yet */
    g_assert_cmpint(from(&m, AUX), ==, -1);
    to_mouse(&m, 0xe9);
    EXPECT(AUX, 0xfa, 0x00, 0x02, 100);
    mouse_command(&m, 0xf4);
    in.move(in.opaque, 5, 3, 0, 0);
    EXPECT(AUX, 0x28, 5, 0xfd);
    in.move(in.opaque, -1, 0, 0, INPUT_LEFT);
    EXPECT(AUX, 0x19, 0xff, 0);
    in.move(in.opaque, 0, 0, 0, INPUT_RIGHT | INPUT_MIDDLE);
    EXPECT(AUX, 0x0e, 0, 0);
    in.move(in.opaque, 0, 0, 0, 0);
    EXPECT(AUX, 0x08, 0, 0);
    in.move(in.opaque, 0, 0, 1, 0); /* no wheel yet */
    g_assert_cmpint(from(&m, AUX), ==, -1);
    in.move(in.opaque, 200, 0, 0, 0); /* more than a packet */
    EXPECT(AUX, 0x08, 127, 0, 0x08, 73, 0);
    mouse_command(&m, 0xe7);
    in.move(in.opaque, 4, -7, 0, 0);
    EXPECT(AUX, 0x08, 6, 14);
    mouse_command(&m, 0xe6);
    mouse_command(&m, 0xe8);
    mouse_command(&m, 0x03);
    to_mouse(&m, 0xe9);
    EXPECT(AUX, 0xfa, 0x20, 0x03, 100);
    to_mouse(&m, 0x77);
    EXPECT(AUX, 0xfe);
    to_mouse(&m, 0x77);
    EXPECT(AUX, 0xfc);
    machine_stop(&m);
}

static void test_wheel(void)
{
    struct machine m;
    struct input_sink in = start(&m, false);

    to_mouse(&m, 0xf2);
    EXPECT(AUX, 0xfa, 0x00);
    rates(&m, 200, 100, 80);
    to_mouse(&m, 0xf2);
    EXPECT(AUX, 0xfa, 0x03);
    mouse_command(&m, 0xf4);
    in.move(in.opaque, 0, 0, -1, 0);
    EXPECT(AUX, 0x08, 0, 0, 0xff);
    rates(&m, 200, 200, 80);
    to_mouse(&m, 0xf2);
    EXPECT(AUX, 0xfa, 0x04);
    in.move(in.opaque, 1, 0, 2, INPUT_SIDE);
    EXPECT(AUX, 0x08, 1, 0, 0x12);
    in.move(in.opaque, 0, 0, -1, INPUT_EXTRA);
    EXPECT(AUX, 0x08, 0, 0, 0x2f);
    mouse_command(&m, 0xf5); /* a packet on the way does not get in between */
    in.move(in.opaque, 9, 9, 9, 0);
    to_mouse(&m, 0xff);
    EXPECT(AUX, 0xfa, 0xaa, 0x00);
    to_mouse(&m, 0xf2);
    EXPECT(AUX, 0xfa, 0x00);
    rates(&m, 200, 100, 100); /* not the sequence */
    to_mouse(&m, 0xf2);
    EXPECT(AUX, 0xfa, 0x00);
    machine_stop(&m);
}

static void test_mouse_modes(void)
{
    struct machine m;
    struct input_sink in = start(&m, false);

    mouse_command(&m, 0xf0); /* remote */
    in.move(in.opaque, 3, 0, 0, 0);
    in.move(in.opaque, 4, -1, 0, INPUT_LEFT);
    g_assert_cmpint(from(&m, AUX), ==, -1);
    to_mouse(&m, 0xeb);
    EXPECT(AUX, 0xfa, 0x09, 7, 1);
    to_mouse(&m, 0xe9);
    EXPECT(AUX, 0xfa, 0x44, 0x02, 100);
    mouse_command(&m, 0xee); /* wrap */
    to_mouse(&m, 0xf4);
    EXPECT(AUX, 0xf4);
    to_mouse(&m, 0x12);
    EXPECT(AUX, 0x12);
    mouse_command(&m, 0xec);
    to_mouse(&m, 0xe9);
    EXPECT(AUX, 0xfa, 0x44, 0x02, 100);
    mouse_command(&m, 0xea);
    to_mouse(&m, 0xe9);
    EXPECT(AUX, 0xfa, 0x04, 0x02, 100);
    machine_stop(&m);
}

/* A button pressed and released before the guest looks is two packets. */
static void test_clicks(void)
{
    struct machine m;
    struct input_sink in = start(&m, false);
    unsigned i, presses = 0;
    int b, was = 0;

    mouse_command(&m, 0xf4);
    in.move(in.opaque, 0, 0, 0, INPUT_LEFT);
    in.move(in.opaque, 0, 0, 0, 0);
    EXPECT(AUX, 0x09, 0, 0, 0x08, 0, 0);
    for (i = 0; i < 5000; i++) /* nobody reads: bounded, and the end is right */
        in.move(in.opaque, 1000, -1000, 0, i & 1);
    in.move(in.opaque, 0, 0, 0, 0);
    while ((b = from(&m, AUX)) >= 0) {
        presses += (b & 1) && !was;
        was = b & 1;
        from(&m, AUX);
        from(&m, AUX);
        g_assert_cmpuint(++i, <, 6000);
    }
    g_assert_cmpint(was, ==, 0);
    g_assert_cmpuint(presses, >=, 1);
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ps2/scan-code-sets", test_sets);
    g_test_add_func("/ps2/translation", test_translation);
    g_test_add_func("/ps2/keyboard-commands", test_commands);
    g_test_add_func("/ps2/overrun", test_overrun);
    g_test_add_func("/ps2/controller", test_controller);
    g_test_add_func("/ps2/mouse", test_mouse);
    g_test_add_func("/ps2/wheel", test_wheel);
    g_test_add_func("/ps2/mouse-modes", test_mouse_modes);
    g_test_add_func("/ps2/clicks", test_clicks);
    return g_test_run();
}
