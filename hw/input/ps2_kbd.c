/* SPDX-License-Identifier: MIT
 * IBM PS/2 hardware interface technical reference, "Keyboards (101- and 102-Key)": commands,
 * scan code sets 1, 2 and 3, 16-byte buffer with overrun code.
 * Left out: key types of set 3 (all keys are typematic, make and break; the commands are
 * acknowledged), repeats of its own. */
#include "hw/input/ps2.h"

#define ACK    0xfa
#define RESEND 0xfe
#define BUFFER 16 /* bytes of keys; then an overrun code */

#define KEY_E0     0x80
#define KEY_PAUSE  0xc6
#define KEY_PRINT  0xb7
#define KEY_SYSRQ  0x54
#define KEY_SHIFT  0x2a
#define KEY_SHIFT2 0x36
#define KEY_CTRL   0x1d
#define KEY_ALT    0x38

enum {
    MOD_SHIFT = 1,
    MOD_SHIFT2 = 2,
    MOD_CTRL = 4,
    MOD_CTRL2 = 8,
    MOD_ALT = 16,
    MOD_ALT2 = 32
};

/* clang-format off */
const uint8_t ps2_set2_to_set1[0x85] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54,
};

/* Keys whose code in set 3 is not that of set 2. */
static const struct {
    uint8_t key, code;
} set3[] = {
    {0x01, 0x08}, {0x3b, 0x07}, {0x3c, 0x0f}, {0x3d, 0x17}, {0x3e, 0x1f}, {0x3f, 0x27}, {0x40, 0x2f},
    {0x41, 0x37}, {0x42, 0x3f}, {0x43, 0x47}, {0x44, 0x4f}, {0x57, 0x56}, {0x58, 0x5e}, {0x1d, 0x11},
    {0x38, 0x19}, {0x3a, 0x14}, {0x9d, 0x58}, {0xb8, 0x39}, {0x2b, 0x5c}, {0x56, 0x13}, {0x45, 0x76},
    {0x46, 0x5f}, {0xb7, 0x57}, {0x54, 0x57}, {0xc6, 0x62}, {0xd2, 0x67}, {0xc7, 0x6e}, {0xc9, 0x6f},
    {0xd3, 0x64}, {0xcf, 0x65}, {0xd1, 0x6d}, {0xc8, 0x63}, {0xcb, 0x61}, {0xd0, 0x60}, {0xcd, 0x6a},
    {0xb5, 0x77}, {0x37, 0x7e}, {0x4a, 0x84}, {0x4e, 0x7c}, {0x9c, 0x79}, {0xdb, 0x8b}, {0xdc, 0x8c},
    {0xdd, 0x8d},
};
/* clang-format on */

/* --- scan codes ----------------------------------------------------------------------- */

static uint8_t set2_code(key_code key)
{
    unsigned i = ARRAY_SIZE(ps2_set2_to_set1);

    while (--i && ps2_set2_to_set1[i] != (key & 0x7f))
        ;
    return i;
}

static uint8_t set3_code(key_code key)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(set3); i++)
        if (set3[i].key == key)
            return set3[i].code;
    return set2_code(key);
}

/* The bytes of one make or break code, at most 8. */
struct codes {
    uint8_t byte[8];
    unsigned n;
};

static void add(struct codes *c, uint8_t v)
{
    if (c->n < sizeof(c->byte))
        c->byte[c->n++] = v;
}

static void add_key(struct codes *c, unsigned set, key_code key, bool down)
{
    if (key & KEY_E0)
        add(c, 0xe0);
    if (set == 1) {
        add(c, (key & 0x7f) | (down ? 0 : 0x80));
        return;
    }
    if (!down)
        add(c, 0xf0);
    add(c, set2_code(key));
}

/* Pause sends a make code only; with Ctrl it is Break. */
static void add_pause(struct codes *c, const struct ps2_kbd *k, bool down)
{
    unsigned set = k->scan_set;

    if (!down)
        return;
    if (k->modifiers & (MOD_CTRL | MOD_CTRL2)) {
        add_key(c, set, KEY_PAUSE, true);
        add_key(c, set, KEY_PAUSE, false);
        return;
    }
    add(c, 0xe1);
    add_key(c, set, KEY_CTRL, true);
    add_key(c, set, 0x45, true);
    add(c, 0xe1);
    add_key(c, set, KEY_CTRL, false);
    add_key(c, set, 0x45, false);
}

/* With Alt it is SysRq; without Ctrl or Shift a left Shift comes along. */
static void add_print(struct codes *c, const struct ps2_kbd *k, bool down)
{
    bool bare = !(k->modifiers & (MOD_CTRL | MOD_CTRL2 | MOD_SHIFT | MOD_SHIFT2));

    if (k->modifiers & (MOD_ALT | MOD_ALT2)) {
        add_key(c, k->scan_set, KEY_SYSRQ, down);
        return;
    }
    if (bare && down)
        add_key(c, k->scan_set, KEY_E0 | KEY_SHIFT, true);
    add_key(c, k->scan_set, KEY_PRINT, down);
    if (bare && !down)
        add_key(c, k->scan_set, KEY_E0 | KEY_SHIFT, false);
}

static void make_codes(struct codes *c, const struct ps2_kbd *k, key_code key, bool down)
{
    c->n = 0;
    if (k->scan_set == 3) {
        if (!down)
            add(c, 0xf0);
        add(c, set3_code(key));
    } else if (key == KEY_PAUSE) {
        add_pause(c, k, down);
    } else if (key == KEY_PRINT) {
        add_print(c, k, down);
    } else {
        add_key(c, k->scan_set, key, down);
    }
}

static uint8_t modifier(key_code key)
{
    switch (key) {
    case KEY_SHIFT: return MOD_SHIFT;
    case KEY_SHIFT2: return MOD_SHIFT2;
    case KEY_CTRL: return MOD_CTRL;
    case KEY_CTRL | KEY_E0: return MOD_CTRL2;
    case KEY_ALT: return MOD_ALT;
    case KEY_ALT | KEY_E0: return MOD_ALT2;
    default: return 0;
    }
}

void ps2_kbd_key(struct ps2_kbd *k, key_code key, bool down)
{
    struct codes c;
    unsigned i;

    if (down)
        k->modifiers |= modifier(key);
    else
        k->modifiers &= ~modifier(key);
    if (k->disabled || k->overrun)
        return;
    make_codes(&c, k, key, down);
    if (k->keys.len + c.n > BUFFER) {
        ps2_queue_put(&k->keys, k->scan_set == 1 ? 0xff : 0);
        k->overrun = true;
        return;
    }
    for (i = 0; i < c.n; i++)
        ps2_queue_put(&k->keys, c.byte[i]);
}

bool ps2_kbd_read(struct ps2_kbd *k, uint8_t *v)
{
    struct ps2_queue *q = k->reply.len ? &k->reply : &k->keys;

    if (!q->len)
        return false;
    *v = k->last = ps2_queue_take(q);
    if (!k->keys.len)
        k->overrun = false;
    return true;
}

/* --- commands ------------------------------------------------------------------------- */

static void drop_keys(struct ps2_kbd *k)
{
    ps2_queue_clear(&k->keys);
    k->overrun = false;
}

static void set_defaults(struct ps2_kbd *k)
{
    drop_keys(k);
    k->scan_set = 2;
    k->rate = 0x2b;
}

void ps2_kbd_reset(struct ps2_kbd *k)
{
    *k = (struct ps2_kbd){0};
    set_defaults(k);
}

static void parameter(struct ps2_kbd *k, uint8_t v)
{
    uint8_t command = k->command;

    k->command = 0;
    ps2_queue_put(&k->reply, command == 0xf0 && v > 3 ? RESEND : ACK);
    switch (command) {
    case 0xed: k->leds = v & 7; break;
    case 0xf3: k->rate = v & 0x7f; break;
    case 0xf0:
        if (!v)
            ps2_queue_put(&k->reply, k->scan_set);
        else if (v <= 3)
            k->scan_set = v;
        drop_keys(k);
        break;
    default: k->command = command; break; /* FB to FD: codes of keys up to a command */
    }
}

static void identify(struct ps2_kbd *k)
{
    ps2_queue_put(&k->reply, ACK);
    ps2_queue_put(&k->reply, 0xab);
    ps2_queue_put(&k->reply, 0x83);
}

static void restart(struct ps2_kbd *k)
{
    ps2_kbd_reset(k);
    ps2_queue_put(&k->reply, ACK);
    ps2_queue_put(&k->reply, 0xaa); /* self test passed */
}

void ps2_kbd_write(struct ps2_kbd *k, uint8_t v)
{
    uint8_t answer = ACK;

    if (k->command && v < 0xed) {
        parameter(k, v);
        return;
    }
    k->command = 0;
    switch (v) {
    case 0xee: answer = 0xee; break; /* echo */
    case 0xed:                       /* LEDs, scan code set, typematic rate, key types */
    case 0xf0:
    case 0xf3:
    case 0xfb ... 0xfd: k->command = v; break;
    case 0xf2: identify(k); return;
    case 0xf4:
        drop_keys(k);
        k->disabled = false;
        break;
    case 0xf5:
        set_defaults(k);
        k->disabled = true;
        break;
    case 0xf6: set_defaults(k); break;
    case 0xf7 ... 0xfa: break;
    case 0xfe: answer = k->last; break;
    case 0xff: restart(k); return;
    default: answer = RESEND; break;
    }
    ps2_queue_put(&k->reply, answer);
}
