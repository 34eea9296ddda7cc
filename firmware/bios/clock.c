/* SPDX-License-Identifier: MIT
 * Time of day: INT 08h, 1Ah, 70h, and deadlines measured by the ACPI PM timer (3.58 MHz, 24
 * bits) or, without one, by the refresh toggle of port 61h (15 us). */
#include "firmware/bios/bios.h"

enum { TICKS_PER_DAY = 0x1800b0, PM_PER_MS = 3580 };

u32 stack_top = STACK_TOP, call16_sp;
u16 pm_timer_port;
u16 near_handler; /* of entry.S: what flat code calls */

static u32 timer_now(void)
{
    return pm_timer_port ? inl(pm_timer_port) & 0xffffff : inb(PORT_SYS_B) & 0x10;
}

void deadline_set(struct deadline *d, u32 us)
{
    if (pm_timer_port)
        d->left = us < 1000000 ? us * PM_PER_MS / 1000 : us / 1000 * PM_PER_MS;
    else
        d->left = us / 15;
    d->last = timer_now();
}

bool deadline_over(struct deadline *d)
{
    u32 now = timer_now();
    u32 gone = pm_timer_port ? (now - d->last) & 0xffffff : now != d->last;
    d->last = now;
    if (gone >= d->left) {
        d->left = 0;
        return true;
    }
    d->left -= gone;
    return false;
}

void delay_us(u32 us)
{
    struct deadline d;
    deadline_set(&d, us);
    while (!deadline_over(&d))
        ;
}

static void call_user(u8 vector)
{
    struct regs r = {0};
    int_call(vector, &r);
}

void int08(struct regs *r)
{
    u32 t = BDA->ticks + 1;
    if (t >= TICKS_PER_DAY) {
        t = 0;
        BDA->midnight = 1;
    }
    BDA->ticks = t;
    if (BDA->fd_motor_count && --BDA->fd_motor_count == 0) {
        BDA->fd_motor &= (u8)~0xf;
        outb(0x3f2, 0x0c);
    }
    call_user(0x1c);
    eoi1();
}

/* Waits of INT 15h AH=83h run on the periodic interrupt: 976 us each. */
static void wait_step(void)
{
    if (!(BDA->wait_active & 1))
        return;
    u32 left = BDA->wait_count;
    if (left > 976) {
        BDA->wait_count = left - 976;
        return;
    }
    u32 p = BDA->wait_flag_ptr;
    BDA->wait_active = 0;
    cmos_write(CMOS_STATUS_B, cmos_read(CMOS_STATUS_B) & (u8)~0x40);
    far_seg((u16)(p >> 16));
    FAR8((u16)p) |= 0x80;
}

void int70(struct regs *r)
{
    u8 b = cmos_read(CMOS_STATUS_B), c = cmos_read(CMOS_STATUS_C);
    if (b & c & 0x40)
        wait_step();
    if (b & c & 0x20)
        call_user(0x4a);
    eoi2();
}

/* A read that no update tears: none in progress before, and the seconds stand. */
static bool rtc_ready(void)
{
    struct deadline d;
    deadline_set(&d, 20000);
    while (cmos_read(CMOS_STATUS_A) & 0x80)
        if (deadline_over(&d))
            return false;
    return true;
}

static void read_time(struct regs *r)
{
    if (!rtc_ready())
        return set_carry(r, true);
    r->dh = cmos_read(CMOS_SECONDS);
    r->cl = cmos_read(CMOS_MINUTES);
    r->ch = cmos_read(CMOS_HOURS);
    r->dl = cmos_read(CMOS_STATUS_B) & 1;
    r->ah = 0;
    r->al = r->ch;
    set_carry(r, false);
}

static void write_begin(void)
{
    cmos_write(CMOS_STATUS_B, cmos_read(CMOS_STATUS_B) | 0x80);
}

static void write_end(u8 clear, u8 set)
{
    u8 b = cmos_read(CMOS_STATUS_B) & (u8) ~(0x80 | clear);
    cmos_write(CMOS_STATUS_B, b | set);
}

static void write_time(struct regs *r)
{
    write_begin();
    cmos_write(CMOS_SECONDS, r->dh);
    cmos_write(CMOS_MINUTES, r->cl);
    cmos_write(CMOS_HOURS, r->ch);
    write_end(1, r->dl & 1);
    set_status(r, 0);
}

static void read_date(struct regs *r)
{
    if (!rtc_ready())
        return set_carry(r, true);
    r->cl = cmos_read(CMOS_YEAR);
    r->dh = cmos_read(CMOS_MONTH);
    r->dl = cmos_read(CMOS_DAY);
    r->ch = cmos_read(CMOS_CENTURY);
    set_status(r, 0);
}

static void write_date(struct regs *r)
{
    write_begin();
    cmos_write(CMOS_YEAR, r->cl);
    cmos_write(CMOS_MONTH, r->dh);
    cmos_write(CMOS_DAY, r->dl);
    cmos_write(CMOS_CENTURY, r->ch);
    write_end(0, 0);
    set_status(r, 0);
}

static void set_alarm(struct regs *r)
{
    if (cmos_read(CMOS_STATUS_B) & 0x20)
        return set_carry(r, true);
    write_begin();
    cmos_write(1, r->dh);
    cmos_write(3, r->cl);
    cmos_write(5, r->ch);
    write_end(0, 0x20);
    outb(PORT_PIC2_MASK, inb(PORT_PIC2_MASK) & (u8)~1);
    set_status(r, 0);
}

static void get_ticks(struct regs *r)
{
    r->cx = (u16)(BDA->ticks >> 16);
    r->dx = (u16)BDA->ticks;
    r->al = BDA->midnight;
    BDA->midnight = 0;
    set_status(r, 0);
}

static void set_ticks(struct regs *r)
{
    BDA->ticks = (u32)r->cx << 16 | r->dx;
    BDA->midnight = 0;
    set_status(r, 0);
}

void int1a(struct regs *r)
{
    switch (r->ah) {
    case 0x00: return get_ticks(r);
    case 0x01: return set_ticks(r);
    case 0x02: return read_time(r);
    case 0x03: return write_time(r);
    case 0x04: return read_date(r);
    case 0x05: return write_date(r);
    case 0x06: return set_alarm(r);
    case 0x07: write_end(0x20, 0); return set_status(r, 0);
    case 0xb1: return int1a_pci(r);
    default: set_carry(r, true);
    }
}
