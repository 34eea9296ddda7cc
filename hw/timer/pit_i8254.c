/* SPDX-License-Identifier: MIT
 * Intel 8254 data sheet (231164-005): six modes, latch and read-back commands. Port 0x61:
 * 82371SB (PIIX3) data sheet, NMI status and control register.
 * Counts are computed from the clock when somebody looks; only channel 0 needs an event.
 * Edges of channel 0 that a late host let pass follow one by one, so that clocks which count
 * them keep time: the first few as soon as the processor has taken the one before (a guest that
 * waits for ticks by its TSC must not see that run on alone), then a quarter of the period
 * apart. Left out: in mode 3 a new count is taken at the end of the whole cycle, not of the
 * half; the low half of OUT 0 is not driven on IRQ 0 (only rising edges matter to it). */
#include "hw/timer/pit_i8254.h"

#include "softmmu/log.h"

#define RW_LATCH 0
#define RW_LSB   1
#define RW_MSB   2
#define RW_BOTH  3

#define OWED_MAX  1000 /* a second of the fastest clock in use, 55 s of the PC's own */
#define BURST     32   /* of them at once, lest the guest do nothing but count */
#define CLOCK_MIN 1000 /* counts; a faster timer keeps no clock */

#define PORT61_GATE2   0x01
#define PORT61_WRITE   0x0f
#define PORT61_REFRESH 0x10
#define PORT61_OUT2    0x20
#define REFRESH_TICKS  18 /* 15.09 us: half a cycle of the refresh toggle */

static uint64_t now_ticks(const struct pit *p)
{
    return muldiv64(dev_now(&p->dev), PIT_HZ, NS_PER_S);
}

/* The first nanosecond in which now_ticks() gives at least t. */
static uint64_t ticks_to_ns(uint64_t t)
{
    return muldiv64(t, NS_PER_S, PIT_HZ) + 1;
}

static bool gate_triggers(const struct pit_channel *c)
{
    return c->mode == 1 || c->mode == 5;
}

static bool periodic(const struct pit_channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

/* Clock pulses counted so far. */
static uint64_t elapsed(const struct pit_channel *c, uint64_t t)
{
    if (!c->armed)
        return 0;
    if (!c->gate && !gate_triggers(c))
        return c->held;
    return c->held + (t > c->start ? t - c->start : 0);
}

static void start(struct pit_channel *c, uint64_t t)
{
    if (c->next) {
        c->count = c->next;
        c->next = 0;
    }
    c->null_count = false;
    c->armed = true;
    c->held = 0;
    c->start = t + 1; /* the next pulse loads the counting element */
}

/* Brings a periodic channel into its current period, so that elapsed() < count. */
static void sync_period(struct pit_channel *c, uint64_t t)
{
    uint64_t d = elapsed(c, t);

    if (!periodic(c) || !c->armed || d < c->count)
        return;
    if (c->next) {
        d -= c->count;
        c->count = c->next;
        c->next = 0;
        c->null_count = false;
    }
    c->held = d % c->count;
    c->start = t;
}

static bool out(struct pit_channel *c, uint64_t t)
{
    uint64_t d;

    sync_period(c, t);
    d = elapsed(c, t);
    switch (c->mode) {
    case 0: return c->armed && d >= c->count;
    case 1: return !c->armed || d >= c->count;
    case 2: return !c->armed || !c->gate || c->count == 1 || d != c->count - 1;
    case 3: return !c->armed || !c->gate || d < (c->count + 1) / 2;
    default: return !c->armed || d != c->count;
    }
}

/* Tick of the next rising edge of OUT, UINT64_MAX when none is due. */
static uint64_t next_rise(struct pit_channel *c, uint64_t t)
{
    uint64_t d, at;

    sync_period(c, t);
    d = elapsed(c, t);
    if (!c->armed || (!c->gate && !gate_triggers(c)))
        return UINT64_MAX;
    at = c->start - c->held + c->count;
    switch (c->mode) {
    case 0:
    case 1: return d < c->count ? at : UINT64_MAX;
    case 2:
    case 3: return at;
    default: return d <= c->count ? at + 1 : UINT64_MAX;
    }
}

static unsigned to_bcd(unsigned v)
{
    return v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12;
}

static unsigned from_bcd(unsigned v)
{
    return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12 & 15) * 1000;
}

static uint16_t read_count(struct pit_channel *c, uint64_t t)
{
    uint64_t wrap = c->bcd ? 10000 : 0x10000, d, half, v;

    sync_period(c, t);
    d = elapsed(c, t);
    switch (c->mode) {
    case 2: v = c->count - d; break;
    case 3: /* counts down by two, twice a period */
        half = (c->count + 1) / 2;
        v = (c->count & ~1u) - 2 * (d < half ? d : d - half);
        break;
    default: v = c->count + wrap - d % wrap; break;
    }
    v %= wrap;
    return c->bcd ? to_bcd(v) : v;
}

static void set_gate(struct pit_channel *c, bool on, uint64_t t)
{
    if (c->gate == on)
        return;
    if (!on) {
        if (!gate_triggers(c))
            c->held = elapsed(c, t);
        c->gate = false;
        return;
    }
    c->gate = true;
    if (gate_triggers(c) || periodic(c)) {
        if (c->loaded)
            start(c, t);
    } else {
        c->start = t;
    }
}

static void set_count(struct pit_channel *c, uint16_t raw, uint64_t t)
{
    unsigned v = c->bcd ? from_bcd(raw) : raw;

    if (!v)
        v = c->bcd ? 10000 : 0x10000;
    sync_period(c, t);
    c->loaded = true;
    c->next = v;
    c->null_count = true;
    if (!gate_triggers(c) && !(periodic(c) && c->armed))
        start(c, t);
}

static void write_counter(struct pit_channel *c, uint8_t v, uint64_t t)
{
    switch (c->rw) {
    case RW_LSB: set_count(c, v, t); break;
    case RW_MSB: set_count(c, v << 8, t); break;
    default:
        if (!c->write_high) {
            c->low_byte = v;
            if (c->mode == 0)
                c->armed = false; /* the first byte stops the count, OUT goes low */
        } else {
            set_count(c, v << 8 | c->low_byte, t);
        }
        c->write_high = !c->write_high;
        break;
    }
}

static void latch_count(struct pit_channel *c, uint64_t t)
{
    if (c->latched)
        return;
    c->latch = read_count(c, t);
    c->latched = c->rw == RW_BOTH ? 2 : 1;
}

static void latch_status(struct pit_channel *c, uint64_t t)
{
    if (c->status_latched)
        return;
    c->status = out(c, t) << 7 | c->null_count << 6 | c->rw << 4 | c->mode << 1 | c->bcd;
    c->status_latched = true;
}

static void read_back(struct pit *p, uint8_t v, uint64_t t)
{
    unsigned i;

    for (i = 0; i < 3; i++) {
        if (!(v & 2u << i))
            continue;
        if (!(v & 0x20))
            latch_count(&p->ch[i], t);
        if (!(v & 0x10))
            latch_status(&p->ch[i], t);
    }
}

static void write_control(struct pit *p, uint8_t v, uint64_t t)
{
    struct pit_channel *c;
    unsigned rw = v >> 4 & 3;

    if (v >> 6 == 3) {
        read_back(p, v, t);
        return;
    }
    c = &p->ch[v >> 6];
    if (rw == RW_LATCH) {
        latch_count(c, t);
        return;
    }
    *c = (struct pit_channel){
        .mode = (v >> 1 & 7) > 5 ? (v >> 1 & 3) : (v >> 1 & 7),
        .rw = rw,
        .bcd = v & 1,
        .gate = c->gate,
        .count = c->count,
        .null_count = true,
    };
}

/* The edges since edge0; a clock's are made up for. */
static void owe(struct pit *p, uint64_t t)
{
    const struct pit_channel *c = &p->ch[0];
    bool clock = p->slew && periodic(c) && c->count >= CLOCK_MIN;
    uint64_t missed = clock ? (t - p->edge0) / c->count : 0;
    uint64_t n = clock ? p->owed + missed + 1 : 1;

    if (missed)
        p->burst = BURST;
    p->owed = n < OWED_MAX ? n : OWED_MAX;
}

static void pulse(struct pit *p, uint64_t t)
{
    irq_set(&p->irq0, 0); /* OUT may have been low and high again */
    irq_set(&p->irq0, 1);
    p->out0 = true;
    p->owed--;
    p->repay = t + p->ch[0].count / 4;
}

static void pit_update(struct pit *p)
{
    uint64_t t = now_ticks(p), when;
    bool level = out(&p->ch[0], t);

    if (p->edge0 <= t)
        owe(p, t);
    if (p->owed && p->repay <= t) {
        pulse(p, t);
    } else if (!p->owed && level != p->out0) {
        irq_set(&p->irq0, level);
        p->out0 = level;
    }
    p->edge0 = next_rise(&p->ch[0], t);
    when = p->owed && p->repay < p->edge0 ? p->repay : p->edge0;
    if (when == UINT64_MAX)
        event_cancel(p->dev.env->clock, &p->ev);
    else
        event_schedule(p->dev.env->clock, &p->ev, ticks_to_ns(when));
}

void pit_accepted(struct pit *p)
{
    if (!p->owed || !p->burst)
        return;
    p->burst--;
    p->repay = 0;
    pit_update(p);
}

static void pit_event(void *opaque, uint64_t late_ns)
{
    pit_update(opaque);
}

static void pit_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pit *p = opaque;
    uint64_t t = now_ticks(p);

    if (p->edge0 <= t)
        pit_update(p); /* what happened before this write comes first */
    if (offset == 3)
        write_control(p, value, t);
    else
        write_counter(&p->ch[offset], value, t);
    if (offset == 0 || (offset == 3 && value < 0x40 && (value & 0x30))) {
        p->edge0 = UINT64_MAX; /* the edge that was scheduled will not come */
        p->owed = p->burst = 0;
        p->repay = 0;
        pit_update(p);
    }
}

static uint64_t pit_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pit *p = opaque;
    struct pit_channel *c;
    uint16_t v;
    bool high;

    if (offset == 3)
        return 0xff; /* no read operation there */
    c = &p->ch[offset];
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    v = c->latched ? c->latch : read_count(c, now_ticks(p));
    if (c->latched)
        c->latched--;
    high = c->rw == RW_MSB || (c->rw == RW_BOTH && c->read_high);
    if (c->rw == RW_BOTH)
        c->read_high = !c->read_high;
    return high ? v >> 8 : v & 0xff;
}

static uint64_t port61_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pit *p = opaque;
    uint64_t t = now_ticks(p);

    return p->port61 | (t / REFRESH_TICKS & 1 ? PORT61_REFRESH : 0) |
           (out(&p->ch[2], t) ? PORT61_OUT2 : 0);
}

static void port61_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pit *p = opaque;

    p->port61 = value & PORT61_WRITE;
    set_gate(&p->ch[2], value & PORT61_GATE2, now_ticks(p));
}

static void pit_reset(struct dev *d)
{
    struct pit *p = (struct pit *)d;
    unsigned i;

    for (i = 0; i < 3; i++) /* undefined on the chip; counts must never be 0 here */
        p->ch[i] = (struct pit_channel){
            .mode = 3, .rw = RW_BOTH, .gate = i != 2, .count = 0x10000, .null_count = true};
    p->port61 = 0;
    p->out0 = true;
    p->edge0 = UINT64_MAX;
    p->owed = p->burst = 0;
    p->repay = 0;
    irq_set(&p->irq0, 1);
    pit_update(p);
}

static bool pit_realize(struct dev *d, struct err *e)
{
    struct pit *p = (struct pit *)d;

    p->ev.fn = pit_event;
    p->ev.opaque = p;
    return true;
}

#define CHANNEL_STATE(n)                                                                       \
    STATE(struct pit, ch[n].start), STATE(struct pit, ch[n].held),                             \
        STATE(struct pit, ch[n].count), STATE(struct pit, ch[n].next),                         \
        STATE(struct pit, ch[n].latch), STATE(struct pit, ch[n].latched),                      \
        STATE(struct pit, ch[n].status), STATE(struct pit, ch[n].status_latched),              \
        STATE(struct pit, ch[n].mode), STATE(struct pit, ch[n].rw),                            \
        STATE(struct pit, ch[n].low_byte), STATE(struct pit, ch[n].bcd),                       \
        STATE(struct pit, ch[n].gate), STATE(struct pit, ch[n].write_high),                    \
        STATE(struct pit, ch[n].read_high), STATE(struct pit, ch[n].loaded),                   \
        STATE(struct pit, ch[n].armed), STATE(struct pit, ch[n].null_count)

static const struct prop pit_props[] = {PROP(PROP_BOOL, struct pit, slew, "slew", true),
                                        PROP_END};

static const struct state_field pit_state[] = {
    CHANNEL_STATE(0),
    CHANNEL_STATE(1),
    CHANNEL_STATE(2),
    STATE(struct pit, port61),
    STATE(struct pit, out0),
    STATE(struct pit, edge0),
    STATE(struct pit, owed),
    STATE(struct pit, repay),
    STATE(struct pit, burst),
    STATE_EV(struct pit, ev),
    STATE_END,
};

static const struct dev_region pit_regions[] = {
    {"pit", REGION_PORT, 4, {pit_read, pit_write, 1, 1}},
    {"port61", REGION_PORT, 1, {port61_read, port61_write, 1, 1}},
    {0},
};

const struct dev_class pit_class = {
    .name = "pit-i8254",
    .size = sizeof(struct pit),
    .props = pit_props,
    .state = pit_state,
    .regions = pit_regions,
    .realize = pit_realize,
    .reset = pit_reset,
};
