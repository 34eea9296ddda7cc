/* SPDX-License-Identifier: MIT
 * Motorola MC146818A data sheet (ADI856R1): time, alarm, periodic and update interrupts,
 * BCD/binary, 12/24 hours. CMOS byte 0x32 is the century, as ACPI's FADT will say.
 * Left out: daylight saving (DSE), square wave output, and the day of the week as a free
 * running counter (it follows the date). Flags are computed when somebody looks; events
 * exist only for enabled interrupts. */
#include "hw/timer/rtc_mc146818.h"

#include <time.h>

#include "softmmu/log.h"

#define REG_SEC     0x00
#define REG_MIN     0x02
#define REG_HOUR    0x04
#define REG_WDAY    0x06
#define REG_MDAY    0x07
#define REG_MONTH   0x08
#define REG_YEAR    0x09
#define REG_A       0x0a
#define REG_B       0x0b
#define REG_C       0x0c
#define REG_D       0x0d
#define REG_CENTURY 0x32

#define A_UIP    0x80
#define A_DV     0x70
#define A_RS     0x0f
#define B_SET    0x80
#define B_PIE    0x40
#define B_AIE    0x20
#define B_UIE    0x10
#define B_SQWE   0x08
#define B_BINARY 0x04
#define B_24H    0x02
#define C_IRQF   0x80
#define C_FLAGS  0x70 /* PF, AF, UF: same places as their enables in B */
#define C_PF     0x40
#define C_AF     0x20
#define C_UF     0x10
#define D_VRT    0x80

#define OWED_MAX 1000    /* a second at Linux's and Windows' fastest */
#define UIP_NS   244000u /* UIP rises that long before the update */
#define BASE_HZ  32768u
#define DAY_S    86400

static bool divider_held(const struct rtc *r)
{
    return (r->cmos[REG_A] & A_DV) >= 0x60;
}

static bool time_held(const struct rtc *r)
{
    return divider_held(r) || (r->cmos[REG_B] & B_SET);
}

static uint8_t encode(const struct rtc *r, int v)
{
    return r->cmos[REG_B] & B_BINARY ? v : v % 10 | v / 10 << 4;
}

static int decode(const struct rtc *r, uint8_t v)
{
    return r->cmos[REG_B] & B_BINARY ? v : (v & 15) + (v >> 4) * 10;
}

static uint8_t encode_hour(const struct rtc *r, int h)
{
    if (r->cmos[REG_B] & B_24H)
        return encode(r, h);
    return encode(r, h % 12 ? h % 12 : 12) | (h >= 12 ? 0x80 : 0);
}

static int decode_hour(const struct rtc *r, uint8_t v)
{
    if (r->cmos[REG_B] & B_24H)
        return decode(r, v);
    return decode(r, v & 0x7f) % 12 + (v & 0x80 ? 12 : 0);
}

/* whole seconds of the clock as the divider chain sees them */
static uint64_t seconds(const struct rtc *r, uint64_t ns)
{
    return (ns + r->phase) / NS_PER_S;
}

static void store_time(struct rtc *r, uint64_t now)
{
    time_t t = r->base + (int64_t)seconds(r, now);
    struct tm tm;
    int year;

    if (!gmtime_r(&t, &tm))
        return;
    /* a guest may have set month 0 of year 0 */
    year = ((tm.tm_year + 1900) % 10000 + 10000) % 10000;
    r->cmos[REG_SEC] = encode(r, tm.tm_sec);
    r->cmos[REG_MIN] = encode(r, tm.tm_min);
    r->cmos[REG_HOUR] = encode_hour(r, tm.tm_hour);
    r->cmos[REG_WDAY] = encode(r, tm.tm_wday + 1);
    r->cmos[REG_MDAY] = encode(r, tm.tm_mday);
    r->cmos[REG_MONTH] = encode(r, tm.tm_mon + 1);
    r->cmos[REG_YEAR] = encode(r, year % 100);
    r->cmos[REG_CENTURY] = encode(r, year / 100);
}

static void load_time(struct rtc *r, uint64_t now)
{
    struct tm tm = {
        .tm_sec = decode(r, r->cmos[REG_SEC]),
        .tm_min = decode(r, r->cmos[REG_MIN]),
        .tm_hour = decode_hour(r, r->cmos[REG_HOUR]),
        .tm_mday = decode(r, r->cmos[REG_MDAY]),
        .tm_mon = decode(r, r->cmos[REG_MONTH]) - 1,
        .tm_year = decode(r, r->cmos[REG_CENTURY]) * 100 + decode(r, r->cmos[REG_YEAR]) - 1900,
    };

    r->base = (int64_t)timegm(&tm) - (int64_t)seconds(r, now);
}

static bool alarm_matches(const struct rtc *r, int64_t t)
{
    int s = (int)((t % DAY_S + DAY_S) % DAY_S);
    const uint8_t *a = r->cmos;

    return (a[1] >= 0xc0 || a[1] == encode(r, s % 60)) &&
           (a[3] >= 0xc0 || a[3] == encode(r, s / 60 % 60)) &&
           (a[5] >= 0xc0 || a[5] == encode_hour(r, s / 3600));
}

/* Periodic interrupt: log2 of its period in 32768 Hz ticks, -1 when it is off. */
static int period_shift(const struct rtc *r)
{
    int rs = r->cmos[REG_A] & A_RS;

    if (!rs || divider_held(r))
        return -1;
    return rs <= 2 ? rs + 6 : rs - 1;
}

static uint64_t periods(const struct rtc *r, uint64_t ns)
{
    return muldiv64(ns, BASE_HZ, NS_PER_S) >> period_shift(r);
}

static uint64_t repay_gap(const struct rtc *r)
{
    int shift = period_shift(r);

    return (NS_PER_S << (shift < 0 ? 0 : shift)) / BASE_HZ / 4;
}

/* Accounts for the periods that end between r->synced and now. */
static void sync_periods(struct rtc *r, uint64_t now)
{
    uint64_t n = period_shift(r) < 0 ? 0 : periods(r, now) - periods(r, r->synced);

    if (!n)
        return;
    if (r->slew && (r->cmos[REG_B] & B_PIE)) {
        if (!(r->cmos[REG_C] & C_PF))
            n--; /* this one is told now */
        n += r->owed;
        r->owed = n < OWED_MAX ? n : OWED_MAX;
        r->repay = now + repay_gap(r);
    }
    r->cmos[REG_C] |= C_PF;
}

/* Accounts for everything between r->synced and now. */
static void rtc_sync(struct rtc *r)
{
    uint64_t now = dev_now(&r->dev), from = seconds(r, r->synced), to = seconds(r, now), s;

    sync_periods(r, now);
    r->synced = now;
    if (r->owed && now >= r->repay && !(r->cmos[REG_C] & C_PF)) {
        r->owed--;
        r->cmos[REG_C] |= C_PF;
    }
    if (time_held(r))
        return;
    if (from < to)
        r->cmos[REG_C] |= C_UF;
    if (to - from > DAY_S)
        from = to - DAY_S;
    for (s = from + 1; s <= to && !(r->cmos[REG_C] & C_AF); s++)
        if (alarm_matches(r, r->base + (int64_t)s))
            r->cmos[REG_C] |= C_AF;
    store_time(r, now);
}

static void rtc_update(struct rtc *r)
{
    uint64_t when = CLOCK_NEVER, second;
    uint8_t b = r->cmos[REG_B];

    if (r->cmos[REG_C] & b & C_FLAGS)
        r->cmos[REG_C] |= C_IRQF;
    else
        r->cmos[REG_C] &= ~C_IRQF;
    irq_set(&r->irq, r->cmos[REG_C] >> 7);

    if ((b & B_PIE) && period_shift(r) >= 0)
        when = muldiv64((periods(r, r->synced) + 1) << period_shift(r), NS_PER_S, BASE_HZ) + 1;
    if (r->owed && !(r->cmos[REG_C] & C_PF) && r->repay < when)
        when = r->repay;
    second = (seconds(r, r->synced) + 1) * NS_PER_S - r->phase;
    if ((b & (B_UIE | B_AIE)) && !time_held(r) && second < when)
        when = second;
    event_schedule(r->dev.env->clock, &r->ev, when);
}

static void rtc_event(void *opaque, uint64_t late_ns)
{
    struct rtc *r = opaque;

    rtc_sync(r);
    rtc_update(r);
}

static uint64_t read_register(struct rtc *r, unsigned reg)
{
    uint64_t v;

    rtc_sync(r);
    v = r->cmos[reg];
    switch (reg) {
    case REG_A:
        if (!time_held(r) &&
            (r->synced + r->phase + UIP_NS) / NS_PER_S != seconds(r, r->synced))
            v |= A_UIP;
        break;
    case REG_C:
        rtc_update(r);
        v = r->cmos[REG_C];
        r->cmos[REG_C] = 0;
        if (r->owed)
            r->repay = r->synced + repay_gap(r);
        rtc_update(r);
        break;
    case REG_D: v = D_VRT; break;
    default: break;
    }
    return v;
}

static bool is_time(unsigned reg)
{
    return (reg <= REG_YEAR && reg != 1 && reg != 3 && reg != 5) || reg == REG_CENTURY;
}

/* A or B changed: the calendar may have been released. */
static void write_control(struct rtc *r, unsigned reg, uint8_t v)
{
    bool was_divider_held = divider_held(r), was_held = time_held(r);

    r->owed = 0;
    if (reg == REG_A) {
        r->cmos[REG_A] = v & ~A_UIP;
    } else {
        r->cmos[REG_B] = v;
        if (v & B_SET)
            r->cmos[REG_B] &= ~B_UIE;
    }
    if (was_divider_held && !divider_held(r)) /* the first update follows in half a second */
        r->phase = (3 * NS_PER_S / 2 - r->synced % NS_PER_S) % NS_PER_S;
    if (was_held && !time_held(r))
        load_time(r, r->synced);
}

static void rtc_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct rtc *r = opaque;
    unsigned reg = r->index;

    if (!offset) {
        r->index = value & 0x7f; /* bit 7 masks NMI, of which there is none */
        return;
    }
    if (reg == REG_C || reg == REG_D)
        return;
    rtc_sync(r);
    if (reg == REG_A || reg == REG_B) {
        write_control(r, reg, value);
    } else {
        r->cmos[reg] = value;
        if (is_time(reg) && !time_held(r))
            load_time(r, r->synced);
    }
    rtc_update(r);
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned size)
{
    struct rtc *r = opaque;

    return offset ? read_register(r, r->index) : 0xff;
}

void rtc_set_cmos(struct rtc *r, unsigned index, uint8_t value)
{
    if (index > REG_D && index < sizeof(r->cmos))
        r->cmos[index] = value;
}

static bool rtc_realize(struct dev *d, struct err *e)
{
    struct rtc *r = (struct rtc *)d;

    r->ev.fn = rtc_event;
    r->ev.opaque = r;
    r->base = r->epoch ? (int64_t)r->epoch : (int64_t)time(NULL);
    r->base -= (int64_t)(dev_now(d) / NS_PER_S);
    r->synced = dev_now(d);
    r->cmos[REG_A] = 0x26; /* 32768 Hz, 1024 Hz periodic rate */
    r->cmos[REG_B] = B_24H;
    store_time(r, r->synced);
    return true;
}

/* RESET# clears the enables and flags; time and RAM live on the battery (data sheet,
 * "Signal Descriptions"). */
static void rtc_reset(struct dev *d)
{
    struct rtc *r = (struct rtc *)d;

    rtc_sync(r);
    r->index = 0;
    r->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    r->cmos[REG_C] = 0;
    r->owed = 0;
    r->repay = 0;
    rtc_update(r);
}

static const struct prop rtc_props[] = {PROP(PROP_U64, struct rtc, epoch, "epoch", 0),
                                        PROP(PROP_BOOL, struct rtc, slew, "slew", 0), PROP_END};

static const struct state_field rtc_state[] = {
    STATE(struct rtc, index),     STATE_KEPT(struct rtc, base), STATE_KEPT(struct rtc, phase),
    STATE_KEPT(struct rtc, cmos), STATE(struct rtc, synced),    STATE(struct rtc, owed),
    STATE(struct rtc, repay),     STATE_EV(struct rtc, ev),     STATE_END,
};

static const struct dev_region rtc_regions[] = {
    {"rtc", REGION_PORT, 2, {rtc_read, rtc_write, 1, 1}},
    {0},
};

const struct dev_class rtc_class = {
    .name = "rtc-mc146818",
    .size = sizeof(struct rtc),
    .props = rtc_props,
    .state = rtc_state,
    .regions = rtc_regions,
    .realize = rtc_realize,
    .reset = rtc_reset,
};
