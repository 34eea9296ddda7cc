/* SPDX-License-Identifier: MIT
 * The console on the first serial line, when the machine has no display: INT 10h output is
 * mirrored to a VT100 terminal before the video BIOS sees it, and INT 16h finds what is typed
 * there. Left out: windows that scroll in part, text written past the BIOS. */
#include "firmware/bios/sercon.h"

enum { COLS = 80, ROWS = 25, NOWHERE = 0xff, ESC = 27 };

u16 sercon_port;
static u8 row, col, attr = 7; /* of the terminal */

static void put(u8 v)
{
    struct deadline d;
    deadline_set(&d, 20000);
    while (!(inb(sercon_port + 5) & 0x20))
        if (deadline_over(&d))
            return;
    outb(sercon_port, v);
}

static void put_text(const char *s)
{
    while (*s)
        put((u8)*s++);
}

static void put_number(u8 n)
{
    if (n >= 10)
        put_number(n / 10);
    put((u8)('0' + n % 10));
}

static void go(u8 to_row, u8 to_col)
{
    if (row == to_row && col == to_col)
        return;
    put_text("\x1b[");
    put_number((u8)(to_row + 1));
    put(';');
    put_number((u8)(to_col + 1));
    put('H');
    row = to_row;
    col = to_col;
}

/* Bits of a PC attribute and of a terminal's colour are in opposite order. */
static u8 colour(u8 c)
{
    return (u8)((c & 1) << 2 | (c & 2) | (c & 4) >> 2);
}

static void paint(u8 a)
{
    if (a == attr)
        return;
    attr = a;
    put_text("\x1b[0");
    if (a & 8)
        put_text(";1");
    if ((a & 0x77) != 7) {
        put_text(";3");
        put_number(colour(a));
        put_text(";4");
        put_number(colour(a >> 4));
    }
    put('m');
}

/* Code page 437 in what every terminal has. */
static u8 plain(u8 ch)
{
    static const char low[] = " ........o.o...*><.!.._.^v><.-^v";
    if (ch < 0x20)
        return (u8)low[ch];
    if (ch < 0x7f)
        return ch;
    if (ch == 0xc4 || ch == 0xcd)
        return '-';
    if (ch == 0xb3 || ch == 0xba)
        return '|';
    if (ch > 0xb3 && ch < 0xdb)
        return '+';
    return ch >= 0xb0 && ch <= 0xdf ? '#' : '?';
}

static void put_cell(u8 ch)
{
    put(plain(ch));
    if (++col >= COLS)
        row = NOWHERE; /* terminals differ on what comes next */
}

static u16 bios_cursor(void)
{
    return BDA->cursor[BDA->page & 7];
}

static void teletype(u8 ch)
{
    u8 at = (u8)(bios_cursor() >> 8), x = (u8)bios_cursor();
    go(at, x);
    if (ch == '\r') {
        put('\r');
        col = 0;
    } else if (ch == '\n') {
        put('\n');
        row = (u8)(at + 1 < ROWS ? at + 1 : at);
    } else if (ch == 8) {
        put(8);
        col = x ? x - 1 : 0;
    } else if (ch == 7) {
        put(7);
    } else {
        put_cell(ch);
    }
}

static void clear(void)
{
    put_text("\x1b[2J");
    row = NOWHERE;
}

/* Runs on from line to line, as the video BIOS does; n blanks are how programs clear. */
static void repeat(u8 ch, u16 n)
{
    u8 y = (u8)(bios_cursor() >> 8), x = (u8)bios_cursor();
    if (ch == ' ' && !bios_cursor() && n >= COLS * ROWS)
        return clear();
    for (; n && y < ROWS; n--) {
        go(y, x);
        put_cell(ch);
        if (++x >= COLS) {
            x = 0;
            y++;
        }
    }
}

static void blank_rect(const struct regs *r)
{
    for (u8 y = r->ch; y <= r->dh && y < ROWS; y++) {
        go(y, r->cl);
        for (u8 x = r->cl; x <= r->dl && x < COLS; x++)
            put_cell(' ');
    }
}

static void scroll(const struct regs *r)
{
    bool whole = !r->cx && r->dh >= ROWS - 1 && r->dl >= COLS - 1;
    u8 old = attr;
    paint(r->bh);
    if (!r->al && whole)
        clear();
    else if (!r->al)
        blank_rect(r);
    else if (whole && r->ah == 6) {
        go(ROWS - 1, 0);
        for (u8 i = 0; i < r->al; i++)
            put('\n');
    }
    paint(old);
}

/* AL bit 1: each character has its attribute behind it. */
static void string(const struct regs *r)
{
    bool coloured = r->al & 2;
    u8 y = r->dh, x = r->dl;
    u16 off = r->bp;
    paint(r->bl);
    for (u16 i = 0; i < r->cx; i++) {
        far_seg(r->es);
        u8 ch = FAR8(off++);
        if (coloured)
            paint(FAR8(off++));
        if (ch == '\r') {
            x = 0;
        } else if (ch == '\n') {
            y++;
        } else {
            go(y, x++);
            put_cell(ch);
        }
    }
}

/* Before the video BIOS runs; it does the same on the screen and moves the cursor. */
void int10_mirror(struct regs *r)
{
    switch (r->ah) {
    case 0x00:
        paint(7);
        clear();
        return;
    case 0x06:
    case 0x07: return scroll(r);
    case 0x09: paint(r->bl); return repeat(r->al, r->cx);
    case 0x0a: return repeat(r->al, r->cx);
    case 0x0e: return teletype(r->al);
    case 0x13: return string(r);
    default: return;
    }
}

/* A machine without video: what programs ask the video BIOS for, kept in the BDA. */
static void tty_move(u8 ch)
{
    u8 y = (u8)(BDA->cursor[0] >> 8), x = (u8)BDA->cursor[0];
    if (ch == '\r')
        x = 0;
    else if (ch == '\n')
        y++;
    else if (ch == 8)
        x = x ? x - 1 : 0;
    else if (ch != 7 && ++x >= COLS) {
        x = 0;
        y++;
    }
    BDA->cursor[0] = (u16)((y < ROWS ? y : ROWS - 1) << 8 | x);
}

void int10_none(struct regs *r)
{
    if (sercon_port)
        int10_mirror(r);
    switch (r->ah) {
    case 0x00: BDA->cursor[0] = 0; return;
    case 0x02: BDA->cursor[0] = r->dx; return;
    case 0x03:
        r->dx = BDA->cursor[0];
        r->cx = 0x0607;
        return;
    case 0x08: r->ax = 0x0720; return;
    case 0x0e: return tty_move(r->al);
    case 0x0f:
        r->ax = 0x5003;
        r->bh = 0;
        return;
    default: return;
    }
}

/* Run by POST in real mode: BX the port; a mirror in front of INT 10h unless it is ours. */
void sercon_start(struct regs *r)
{
    extern u16 door_10_next[2]; /* beside the code */
    extern void door_10_mirror(void), door_10(void);
    u16 next = (u16)(u32)door_10_next;
    sercon_port = r->bx;
    outb(sercon_port + 3, 0x83);
    outb(sercon_port, 1);
    outb(sercon_port + 1, 0);
    outb(sercon_port + 3, 0x03);
    outb(sercon_port + 2, 0x07);
    outb(sercon_port + 4, 0x03);
    row = (u8)(bios_cursor() >> 8);
    col = (u8)bios_cursor();
    far_seg(0);
    u16 off = FAR16(0x40), seg = FAR16(0x42);
    if (seg == SEG_BIOS && off == (u16)(u32)door_10)
        return;
    FAR16(0x40) = (u16)(u32)door_10_mirror;
    FAR16(0x42) = SEG_BIOS;
    far_seg(SEG_BIOS);
    FAR16(next) = off;
    FAR16(next + 2) = seg;
}

/* ---- input ---- */

static u8 seq[6], seq_len;
static u32 seq_tick;

struct final {
    char kind; /* '[' letter, 'O' letter or '~' with a number */
    u8 value;
    u16 key;
};

static const struct final finals[] = {
    {'[', 'A', 0x48e0}, {'[', 'B', 0x50e0}, {'[', 'C', 0x4de0}, {'[', 'D', 0x4be0},
    {'[', 'H', 0x47e0}, {'[', 'F', 0x4fe0}, {'O', 'A', 0x48e0}, {'O', 'B', 0x50e0},
    {'O', 'C', 0x4de0}, {'O', 'D', 0x4be0}, {'O', 'H', 0x47e0}, {'O', 'F', 0x4fe0},
    {'O', 'P', 0x3b00}, {'O', 'Q', 0x3c00}, {'O', 'R', 0x3d00}, {'O', 'S', 0x3e00},
    {'~', 1, 0x47e0},   {'~', 2, 0x52e0},   {'~', 3, 0x53e0},   {'~', 4, 0x4fe0},
    {'~', 5, 0x49e0},   {'~', 6, 0x51e0},   {'~', 11, 0x3b00},  {'~', 12, 0x3c00},
    {'~', 13, 0x3d00},  {'~', 14, 0x3e00},  {'~', 15, 0x3f00},  {'~', 17, 0x4000},
    {'~', 18, 0x4100},  {'~', 19, 0x4200},  {'~', 20, 0x4300},  {'~', 21, 0x4400},
    {'~', 23, 0x8500},  {'~', 24, 0x8600},
};

static void sequence_done(char kind, u8 value)
{
    seq_len = 0;
    for (u8 i = 0; i < ARRAY_SIZE(finals); i++)
        if (finals[i].kind == kind && finals[i].value == value)
            return kbd_put(finals[i].key);
}

static void flush(void)
{
    for (u8 i = 0; i < seq_len; i++)
        kbd_put(kbd_key_of(seq[i]));
    seq_len = 0;
}

static void type(u8 v)
{
    if (!seq_len && v != ESC)
        return kbd_put(kbd_key_of(v));
    seq[seq_len++] = v;
    seq_tick = BDA->ticks;
    if (seq_len == 1)
        return;
    if (seq_len == 2 && v != '[' && v != 'O')
        return flush();
    if (seq_len > 2 && v == '~')
        return sequence_done(
            '~', (u8)(seq_len == 5 ? (seq[2] - '0') * 10 + seq[3] - '0' : seq[2] - '0'));
    if (seq_len > 2 && (v < '0' || v > '9') && v != ';')
        return sequence_done((char)seq[1], v);
    if (seq_len == sizeof seq)
        flush();
}

void sercon_poll(void)
{
    if (!sercon_port)
        return;
    go((u8)(bios_cursor() >> 8), (u8)bios_cursor());
    for (u8 i = 0; i < 16 && (inb(sercon_port + 5) & 1); i++)
        type(inb(sercon_port));
    if (seq_len && BDA->ticks - seq_tick > 2)
        flush(); /* Esc on its own */
}
