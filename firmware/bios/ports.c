/* SPDX-License-Identifier: MIT
 * INT 14h (serial lines, 8250) and INT 17h (printers). */
#include "firmware/bios/bios.h"

enum { S_TIMEOUT = 0x80, LSR_READY = 0x01, LSR_EMPTY = 0x20 };

static void serial_status(struct regs *r, u16 base)
{
    r->ah = inb(base + 5) & 0x7f;
    r->al = inb(base + 6);
}

static void serial_setup(u16 base, u16 divisor, u8 lcr)
{
    outb(base + 3, lcr | 0x80);
    outb(base, (u8)divisor);
    outb(base + 1, (u8)(divisor >> 8));
    outb(base + 3, lcr);
    outb(base + 1, 0);
}

static void serial_init(struct regs *r, u16 base)
{
    static const u16 divisors[8] = {1047, 768, 384, 192, 96, 48, 24, 12};
    serial_setup(base, divisors[r->al >> 5], r->al & 0x1f);
    serial_status(r, base);
}

static void serial_init_ext(struct regs *r, u16 base)
{
    static const u16 divisors[9] = {1047, 768, 384, 192, 96, 48, 24, 12, 6};
    if (r->cl >= ARRAY_SIZE(divisors) || r->ch > 3 || r->bl > 1 || r->bh > 2)
        return;
    u8 parity = r->bh ? (u8)(r->bh == 1 ? 0x08 : 0x18) : 0;
    serial_setup(base, divisors[r->cl], (u8)(parity | r->bl << 2 | r->ch));
    outb(base + 4, r->al ? 0 : 3);
    serial_status(r, base);
}

static bool serial_wait(u16 base, u8 bit, u8 timeout)
{
    struct deadline d;
    deadline_set(&d, (timeout ? timeout : 1) * 500000u);
    while (!(inb(base + 5) & bit))
        if (deadline_over(&d))
            return false;
    return true;
}

static void serial_send(struct regs *r, u16 base, u8 timeout)
{
    outb(base + 4, inb(base + 4) | 3);
    bool ok = serial_wait(base, LSR_EMPTY, timeout);
    if (ok)
        outb(base, r->al);
    r->ah = (u8)((inb(base + 5) & 0x7f) | (ok ? 0 : S_TIMEOUT));
}

static void serial_receive(struct regs *r, u16 base, u8 timeout)
{
    outb(base + 4, inb(base + 4) | 3);
    if (!serial_wait(base, LSR_READY, timeout)) {
        r->ah = S_TIMEOUT;
        return;
    }
    r->ah = inb(base + 5) & 0x1e;
    r->al = inb(base);
}

static void modem_control(struct regs *r, u16 base)
{
    if (r->al == 0)
        r->bl = inb(base + 4);
    else
        outb(base + 4, r->bl);
    serial_status(r, base);
}

void int14(struct regs *r)
{
    u16 base = r->dx < 4 ? BDA->com[r->dx] : 0;
    u8 timeout = r->dx < 4 ? BDA->com_timeout[r->dx] : 0;
    if (!base) {
        r->ah = S_TIMEOUT;
        return;
    }
    switch (r->ah) {
    case 0: return serial_init(r, base);
    case 1: return serial_send(r, base, timeout);
    case 2: return serial_receive(r, base, timeout);
    case 3: return serial_status(r, base);
    case 4: return serial_init_ext(r, base);
    case 5: return modem_control(r, base);
    default: return;
    }
}

/* Busy and acknowledge read inverted, and a caller wants "not busy". */
static u8 printer_status(u16 base)
{
    return (inb(base + 1) ^ 0x48) & 0xf8;
}

static void print(struct regs *r, u16 base, u8 timeout)
{
    struct deadline d;
    u8 ctrl = inb(base + 2) & (u8)~1;
    outb(base, r->al);
    outb(base + 2, ctrl | 1);
    outb(base + 2, ctrl);
    deadline_set(&d, (timeout ? timeout : 1) * 500000u);
    while (!(inb(base + 1) & 0x80))
        if (deadline_over(&d)) {
            r->ah = printer_status(base) | 1;
            return;
        }
    r->ah = printer_status(base);
}

void int17(struct regs *r)
{
    u16 base = r->dx < 3 ? BDA->lpt[r->dx] : 0;
    if (!base || r->ah > 2)
        return;
    if (r->ah == 0)
        return print(r, base, BDA->lpt_timeout[r->dx]);
    if (r->ah == 1) {
        outb(base + 2, 0x08);
        outb(base + 2, 0x0c);
    }
    r->ah = printer_status(base);
}
