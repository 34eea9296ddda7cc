/* SPDX-License-Identifier: MIT
 * Keyboard: INT 09h turns scan codes (set 1, as the 8042 translates them) into the codes of
 * the type-ahead ring, INT 16h reads it. Left out: lights. */
#include "firmware/bios/sercon.h"

enum { F0_RSHIFT = 1, F0_LSHIFT = 2, F0_CTRL = 4, F0_ALT = 8, F0_SCROLL = 16, F0_NUM = 32,
       F0_CAPS = 64, F0_INSERT = 128 };
enum { F1_LCTRL = 1, F1_LALT = 2, F1_SYSRQ = 4, F1_PAUSE = 8, F1_SCROLL = 16, F1_NUM = 32,
       F1_CAPS = 64, F1_INSERT = 128 };
enum { M_E1 = 1, M_E0 = 2, M_RCTRL = 4, M_RALT = 8, M_101 = 16 };

struct key {
    u16 plain, shift, ctrl, alt; /* scan code << 8 | character; 0: nothing */
};

#define K(sc, p, s, c, a)                                             \
    {                                                                 \
        (sc) << 8 | (p), (sc) << 8 | (s), (c) ? (sc) << 8 | ((c) & 0xff) : 0, (a) \
    }
#define LETTER(sc, ch) K(sc, ch, (ch) - 32, (ch) - 96, (sc) << 8)
#define NONE           {0, 0, 0, 0}
#define FKEY(sc, n)                                                          \
    {                                                                        \
        (sc) << 8, (0x54 + (n)) << 8, (0x5e + (n)) << 8, (0x68 + (n)) << 8 \
    }
/* Keypad: plain is the cursor key, shift the digit. */
#define PAD(sc, ch, c)                            \
    {                                             \
        (sc) << 8, (sc) << 8 | (ch), (c) << 8, 1 \
    }

static const struct key keys[0x59] = {
    [0x01] = K(0x01, 0x1b, 0x1b, 0x1b, 0x0100),
    [0x02] = K(0x02, '1', '!', 0, 0x7800),
    [0x03] = {0x0332, 0x0340, 0x0300, 0x7900},
    [0x04] = K(0x04, '3', '#', 0, 0x7a00),
    [0x05] = K(0x05, '4', '$', 0, 0x7b00),
    [0x06] = K(0x06, '5', '%', 0, 0x7c00),
    [0x07] = K(0x07, '6', '^', 0x1e, 0x7d00),
    [0x08] = K(0x08, '7', '&', 0, 0x7e00),
    [0x09] = K(0x09, '8', '*', 0, 0x7f00),
    [0x0a] = K(0x0a, '9', '(', 0, 0x8000),
    [0x0b] = K(0x0b, '0', ')', 0, 0x8100),
    [0x0c] = K(0x0c, '-', '_', 0x1f, 0x8200),
    [0x0d] = K(0x0d, '=', '+', 0, 0x8300),
    [0x0e] = K(0x0e, 8, 8, 0x7f, 0x0e00),
    [0x0f] = {0x0f09, 0x0f00, 0x9400, 0xa500},
    [0x10] = LETTER(0x10, 'q'), LETTER(0x11, 'w'), LETTER(0x12, 'e'), LETTER(0x13, 'r'),
    LETTER(0x14, 't'), LETTER(0x15, 'y'), LETTER(0x16, 'u'), LETTER(0x17, 'i'),
    LETTER(0x18, 'o'), LETTER(0x19, 'p'),
    [0x1a] = K(0x1a, '[', '{', 0x1b, 0x1a00),
    [0x1b] = K(0x1b, ']', '}', 0x1d, 0x1b00),
    [0x1c] = K(0x1c, 13, 13, 10, 0x1c00),
    [0x1e] = LETTER(0x1e, 'a'), LETTER(0x1f, 's'), LETTER(0x20, 'd'), LETTER(0x21, 'f'),
    LETTER(0x22, 'g'), LETTER(0x23, 'h'), LETTER(0x24, 'j'), LETTER(0x25, 'k'),
    LETTER(0x26, 'l'),
    [0x27] = K(0x27, ';', ':', 0, 0x2700),
    [0x28] = K(0x28, '\'', '"', 0, 0x2800),
    [0x29] = K(0x29, '`', '~', 0, 0x2900),
    [0x2b] = K(0x2b, '\\', '|', 0x1c, 0x2b00),
    [0x2c] = LETTER(0x2c, 'z'), LETTER(0x2d, 'x'), LETTER(0x2e, 'c'), LETTER(0x2f, 'v'),
    LETTER(0x30, 'b'), LETTER(0x31, 'n'), LETTER(0x32, 'm'),
    [0x33] = K(0x33, ',', '<', 0, 0x3300),
    [0x34] = K(0x34, '.', '>', 0, 0x3400),
    [0x35] = K(0x35, '/', '?', 0, 0x3500),
    [0x37] = {0x372a, 0x372a, 0x9600, 0x3700},
    [0x39] = K(0x39, ' ', ' ', ' ', 0x3920),
    [0x3b] = FKEY(0x3b, 0), FKEY(0x3c, 1), FKEY(0x3d, 2), FKEY(0x3e, 3), FKEY(0x3f, 4),
    FKEY(0x40, 5), FKEY(0x41, 6), FKEY(0x42, 7), FKEY(0x43, 8), FKEY(0x44, 9),
    [0x47] = PAD(0x47, '7', 0x77), PAD(0x48, '8', 0x8d), PAD(0x49, '9', 0x84),
    [0x4a] = {0x4a2d, 0x4a2d, 0x8e00, 0x4a00},
    [0x4b] = PAD(0x4b, '4', 0x73), PAD(0x4c, '5', 0x8f), PAD(0x4d, '6', 0x74),
    [0x4e] = {0x4e2b, 0x4e2b, 0x9000, 0x4e00},
    [0x4f] = PAD(0x4f, '1', 0x75), PAD(0x50, '2', 0x91), PAD(0x51, '3', 0x76),
    PAD(0x52, '0', 0x92), PAD(0x53, '.', 0x93),
    [0x56] = K(0x56, '\\', '|', 0, 0),
    [0x57] = {0x8500, 0x8700, 0x8900, 0x8b00},
    [0x58] = {0x8600, 0x8800, 0x8a00, 0x8c00},
};

bool kbc_write(u16 port, u8 v)
{
    struct deadline d;
    deadline_set(&d, 20000);
    while (inb(PORT_KBD_STATUS) & 2)
        if (deadline_over(&d))
            return false;
    outb(port, v);
    return true;
}

bool kbc_read(u8 *v)
{
    struct deadline d;
    deadline_set(&d, 100000);
    while (!(inb(PORT_KBD_STATUS) & 1))
        if (deadline_over(&d))
            return false;
    *v = inb(PORT_KBD_DATA);
    return true;
}

static u16 ring_next(u16 p)
{
    p = (u16)(p + 2);
    return p >= BDA->kbd_end ? BDA->kbd_start : p;
}

void kbd_put(u16 key)
{
    u16 tail = BDA->kbd_tail, next = ring_next(tail);
    if (next == BDA->kbd_head)
        return;
    far_seg(0x40);
    FAR16(tail) = key;
    BDA->kbd_tail = next;
}

u16 kbd_key_of(u8 ch)
{
    if (ch == 0x7f || ch == 8)
        return 0x0e08;
    for (u8 i = 1; i < 0x3a; i++) {
        const struct key *k = &keys[i];
        if (k->plain && (u8)k->plain == ch)
            return k->plain;
        if (k->shift && (u8)k->shift == ch)
            return k->shift;
    }
    for (u8 i = 1; ch && i < 0x3a; i++)
        if ((u8)keys[i].ctrl == ch)
            return keys[i].ctrl;
    return ch;
}

static void set_bits(volatile u8 __seg_fs *p, u8 bits, bool on)
{
    *p = (u8)(on ? *p | bits : *p & ~bits);
}

static void toggle(u8 lock, u8 held, bool down)
{
    if (down && !(BDA->kbd_flags1 & held))
        BDA->kbd_flags0 ^= lock;
    set_bits(&BDA->kbd_flags1, held, down);
}

static void modifier_ctrl(bool e0, bool down)
{
    if (e0)
        set_bits(&BDA->kbd_mode, M_RCTRL, down);
    else
        set_bits(&BDA->kbd_flags1, F1_LCTRL, down);
    set_bits(&BDA->kbd_flags0, F0_CTRL,
             (BDA->kbd_mode & M_RCTRL) || (BDA->kbd_flags1 & F1_LCTRL));
}

static void modifier_alt(bool e0, bool down)
{
    if (e0)
        set_bits(&BDA->kbd_mode, M_RALT, down);
    else
        set_bits(&BDA->kbd_flags1, F1_LALT, down);
    set_bits(&BDA->kbd_flags0, F0_ALT,
             (BDA->kbd_mode & M_RALT) || (BDA->kbd_flags1 & F1_LALT));
    if (!down && !(BDA->kbd_flags0 & F0_ALT) && BDA->kbd_alt) {
        kbd_put(BDA->kbd_alt);
        BDA->kbd_alt = 0;
    }
}

/* Shift keys and locks; false: another key. */
static bool modifier(u8 code, bool e0, bool down)
{
    switch (code) {
    case 0x1d: modifier_ctrl(e0, down); return true;
    case 0x38: modifier_alt(e0, down); return true;
    case 0x2a: /* E0 2A is a fake shift around a cursor key */
        if (!e0)
            set_bits(&BDA->kbd_flags0, F0_LSHIFT, down);
        return true;
    case 0x36:
        if (!e0)
            set_bits(&BDA->kbd_flags0, F0_RSHIFT, down);
        return true;
    case 0x3a: toggle(F0_CAPS, F1_CAPS, down); return true;
    case 0x46:
        if (BDA->kbd_flags0 & F0_CTRL)
            return false;
        toggle(F0_SCROLL, F1_SCROLL, down);
        return true;
    case 0x45:
        if (BDA->kbd_flags0 & F0_CTRL)
            return false;
        toggle(F0_NUM, F1_NUM, down);
        return true;
    default: return false;
    }
}

static void reboot(void)
{
    BDA->soft_reset = 0x1234;
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
    outb(PORT_KBD_STATUS, 0xfe);
    for (;;)
        irq_wait();
}

static void break_key(void)
{
    struct regs r = {0};
    BDA->ctrl_break |= 0x80;
    BDA->kbd_head = BDA->kbd_tail = BDA->kbd_start;
    kbd_put(0);
    int_call(0x1b, &r);
}

/* Cursor block and other keys after E0: 101-key codes, low byte E0. */
static u16 extended_key(u8 code, u8 flags)
{
    if (code == 0x1c)
        return flags & F0_ALT ? 0xa600 : flags & F0_CTRL ? 0xe00a : 0xe00d;
    if (code == 0x35)
        return flags & F0_ALT ? 0xa400 : flags & F0_CTRL ? 0x9500 : 0xe02f;
    if (code < 0x47 || code > 0x53)
        return 0;
    if (flags & F0_ALT)
        return (u16)((code + 0x50) << 8);
    if (flags & F0_CTRL)
        return keys[code].ctrl | 0xe0;
    return (u16)(code << 8 | 0xe0);
}

static u16 keypad(u8 code, u8 flags)
{
    const struct key *k = &keys[code];
    if ((flags & F0_ALT) && k->alt == 1) {
        if (code != 0x53)
            BDA->kbd_alt = (u8)(BDA->kbd_alt * 10 + (k->shift & 0xf));
        return 0;
    }
    if (flags & F0_ALT)
        return k->alt;
    if (flags & F0_CTRL)
        return k->ctrl;
    bool digits = !(flags & F0_NUM) == !!(flags & (F0_LSHIFT | F0_RSHIFT));
    if (!digits && code == 0x4c)
        return 0x4cf0;
    return digits ? k->shift : k->plain;
}

static u16 plain_key(u8 code, u8 flags)
{
    const struct key *k = &keys[code];
    if (flags & F0_ALT)
        return k->alt;
    if (flags & F0_CTRL)
        return k->ctrl;
    bool shift = flags & (F0_LSHIFT | F0_RSHIFT);
    u8 ch = (u8)k->plain;
    if ((flags & F0_CAPS) && ch >= 'a' && ch <= 'z')
        shift = !shift;
    return shift ? k->shift : k->plain;
}

static void key_down(u8 code, bool e0)
{
    u8 flags = BDA->kbd_flags0;
    u16 key;
    if (code >= ARRAY_SIZE(keys))
        return;
    if (code == 0x53 && (flags & (F0_CTRL | F0_ALT)) == (F0_CTRL | F0_ALT))
        return reboot();
    if (code == 0x46)
        return break_key();
    if (e0 && code == 0x37)
        return int_call(5, &(struct regs){0});
    BDA->kbd_flags1 &= (u8)~F1_PAUSE;
    if (e0)
        key = extended_key(code, flags);
    else if (code >= 0x47 && code <= 0x53)
        key = keypad(code, flags);
    else
        key = plain_key(code, flags);
    if (code == 0x52 && !(key & 0xf))
        BDA->kbd_flags0 ^= F0_INSERT;
    if (key)
        kbd_put(key);
}

static void key_event(u8 raw)
{
    u8 mode = BDA->kbd_mode;
    if (raw == 0xe0 || raw == 0xe1) {
        BDA->kbd_mode = (u8)(mode | (raw == 0xe0 ? M_E0 : M_E1));
        return;
    }
    if (raw == 0xfa || raw == 0xfe || raw == 0xff)
        return;
    bool e0 = mode & M_E0, down = !(raw & 0x80);
    u8 code = raw & 0x7f;
    if (mode & M_E1) { /* Pause: E1 1D 45 and its release */
        if (code == 0x45)
            BDA->kbd_mode = (u8)(mode & ~M_E1);
        return;
    }
    if (!modifier(code, e0, down) && down)
        key_down(code, e0);
    BDA->kbd_mode &= (u8)~M_E0;
}

void int09(struct regs *r)
{
    if (!(inb(PORT_KBD_STATUS) & 1))
        return eoi1();
    struct regs hook = {.ah = 0x4f, .al = inb(PORT_KBD_DATA), .flags = FLAG_C};
    int_call(0x15, &hook);
    if (hook.flags & FLAG_C)
        key_event(hook.al);
    eoi1();
}

/* Functions 00 and 01 know the 84-key keyboard only; 0: the key is not for them. */
static u16 old_key(u16 key)
{
    u8 ch = (u8)key, sc = (u8)(key >> 8);
    if (sc == 0xe0)
        return (u16)(ch == '/' ? 0x3500 | ch : 0x1c00 | ch);
    if (ch == 0xf0 && sc)
        return 0;
    if (sc > 0x84)
        return 0;
    return ch == 0xe0 && sc ? (u16)(sc << 8) : key;
}

static bool ring_peek(u16 *key, bool enhanced)
{
    sercon_poll();
    for (;;) {
        u16 head = BDA->kbd_head;
        if (head == BDA->kbd_tail)
            return false;
        far_seg(0x40);
        u16 raw = FAR16(head);
        *key = enhanced ? ((u8)raw == 0xf0 && raw >> 8 ? raw & 0xff00 : raw) : old_key(raw);
        if (*key || !raw)
            return true;
        BDA->kbd_head = ring_next(head);
    }
}

static void read_key(struct regs *r, bool enhanced)
{
    u16 key;
    while (!ring_peek(&key, enhanced))
        irq_wait();
    BDA->kbd_head = ring_next(BDA->kbd_head);
    r->ax = key;
}

static void check_key(struct regs *r, bool enhanced)
{
    u16 key;
    bool any = ring_peek(&key, enhanced);
    if (any)
        r->ax = key;
    else {
        irq_on(); /* programs poll in a loop with interrupts off */
        irq_off();
    }
    r->flags = (u16)(any ? r->flags & ~FLAG_Z : r->flags | FLAG_Z);
}

static void store_key(struct regs *r)
{
    u16 tail = BDA->kbd_tail;
    kbd_put(r->cx);
    r->al = tail == BDA->kbd_tail;
}

static void shift_states(struct regs *r)
{
    u8 f1 = BDA->kbd_flags1, mode = BDA->kbd_mode;
    r->al = BDA->kbd_flags0;
    r->ah = (u8)((f1 & 0x73) | (mode & 0x0c) | (f1 & 4 ? 0x80 : 0));
}

static void set_rate(struct regs *r)
{
    u8 v;
    if (r->al != 5 || r->bh > 3 || r->bl > 31)
        return;
    if (kbc_write(PORT_KBD_DATA, 0xf3) && kbc_read(&v) && v == 0xfa &&
        kbc_write(PORT_KBD_DATA, (u8)(r->bh << 5 | r->bl)))
        kbc_read(&v);
}

void int16(struct regs *r)
{
    switch (r->ah) {
    case 0x00: return read_key(r, false);
    case 0x01: return check_key(r, false);
    case 0x02: r->al = BDA->kbd_flags0; return;
    case 0x03: return set_rate(r);
    case 0x05: return store_key(r);
    case 0x09: r->al = 0x20; return; /* functions 10h-12h */
    case 0x0a: r->bx = 0xab83; return;
    case 0x10: return read_key(r, true);
    case 0x11: return check_key(r, true);
    case 0x12: return shift_states(r);
    default: return;
    }
}
