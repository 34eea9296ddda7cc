/* SPDX-License-Identifier: MIT
 * IA-PC HPET specification 1.0a: a main counter of 100 MHz, three timers (all 64-bit and able
 * of periodic mode), legacy replacement routing. Left out: FSB delivery. In 32-bit mode a
 * comparator matches the low half of the counter. */
#include "hw/timer/hpet.h"

#define TICK_NS   10u /* 100 MHz */
#define PERIOD_FS 10000000ull

#define REG_CAPS    0x000
#define REG_CONFIG  0x010
#define REG_STATUS  0x020
#define REG_COUNTER 0x0f0
#define REG_TIMERS  0x100 /* 32 bytes each: configuration, comparator, FSB route */

#define CAPS                                                                                   \
    (PERIOD_FS << 32 | 0x8086ull << 16 | 1u << 15 | 1u << 13 | (HPET_TIMERS - 1) << 8 | 0x01)

#define CFG_ENABLE 1u
#define CFG_LEGACY 2u

#define TN_LEVEL    0x0002u
#define TN_ENABLE   0x0004u
#define TN_PERIODIC 0x0008u
#define TN_CAPS     0x0030u /* periodic, 64 bits */
#define TN_SET      0x0040u /* the next comparator write sets the accumulator as well */
#define TN_32BIT    0x0100u
#define TN_ROUTE(c) ((c) >> 9 & 31)
#define TN_WRITABLE 0x3f4eu

/* I/O APIC inputs that timers may use: those that nothing else of the board has. */
#define ROUTES 0x00f00004ull /* 2 and 20 to 23 */

static uint64_t ticks(const struct hpet *h)
{
    return dev_now(&h->dev) / TICK_NS;
}

static uint64_t counter(const struct hpet *h)
{
    return h->config & CFG_ENABLE ? ticks(h) + h->offset : h->offset;
}

static bool legacy(const struct hpet *h, unsigned n)
{
    return (h->config & CFG_LEGACY) && n < 2;
}

static uint64_t width(const struct hpet *h, unsigned n)
{
    return h->tn_config[n] & TN_32BIT ? 0xffffffffull : ~0ull;
}

/* --- interrupts ------------------------------------------------------------------------- */

static void drive(struct hpet *h, unsigned n, int level)
{
    if (legacy(h, n))
        irq_set(&h->legacy_irq[n], level);
    else if (TN_ROUTE(h->tn_config[n]) < HPET_PINS)
        irq_set(&h->pin[TN_ROUTE(h->tn_config[n])], level);
}

/* Level-triggered outputs follow the status bit; edges are given where they arise. */
static void hpet_update(struct hpet *h)
{
    unsigned n;

    for (n = 0; n < HPET_TIMERS; n++) {
        uint64_t c = h->tn_config[n];
        bool level = (c & TN_ENABLE) && (c & TN_LEVEL) && (h->status >> n & 1);

        if (level == h->line[n])
            continue;
        h->line[n] = level;
        drive(h, n, level);
    }
}

/* Before the route of a timer changes. */
static void lower(struct hpet *h, unsigned n)
{
    if (h->line[n])
        drive(h, n, 0);
    h->line[n] = 0;
}

static void fire(struct hpet *h, unsigned n)
{
    if (h->tn_config[n] & TN_LEVEL) {
        h->status |= 1u << n;
        hpet_update(h);
    } else if (h->tn_config[n] & TN_ENABLE) {
        drive(h, n, 1);
        drive(h, n, 0);
    }
}

/* --- time ------------------------------------------------------------------------------- */

/* Ticks until the comparator matches; a full turn when it does now. */
static uint64_t distance(const struct hpet *h, unsigned n)
{
    uint64_t d = (h->comparator[n] - counter(h)) & width(h, n);

    return d ? d : width(h, n);
}

static bool periodic(const struct hpet *h, unsigned n)
{
    return (h->tn_config[n] & TN_PERIODIC) && h->period[n];
}

/* An event exists only while somebody would notice it. */
static void schedule(struct hpet *h, unsigned n)
{
    uint64_t now = ticks(h), d = distance(h, n);
    bool wanted = (h->config & CFG_ENABLE) && (h->tn_config[n] & TN_ENABLE);

    event_schedule(h->dev.env->clock, &h->ev[n],
                   wanted && d < UINT64_MAX / TICK_NS - now ? (now + d) * TICK_NS
                                                            : CLOCK_NEVER);
}

static void schedule_all(struct hpet *h)
{
    unsigned n;

    for (n = 0; n < HPET_TIMERS; n++)
        schedule(h, n);
}

/* Moves a periodic comparator past the counter; missed periods merge into one. */
static void advance(struct hpet *h, unsigned n)
{
    uint64_t late;

    if (!periodic(h, n))
        return;
    late = (counter(h) - h->comparator[n]) & width(h, n);
    h->comparator[n] =
        (h->comparator[n] + (late / h->period[n] + 1) * h->period[n]) & width(h, n);
}

static void expired(struct hpet *h, unsigned n)
{
    advance(h, n);
    fire(h, n);
    schedule(h, n);
}

static void expired0(void *opaque, uint64_t late_ns)
{
    expired(opaque, 0);
}

static void expired1(void *opaque, uint64_t late_ns)
{
    expired(opaque, 1);
}

static void expired2(void *opaque, uint64_t late_ns)
{
    expired(opaque, 2);
}

/* --- registers -------------------------------------------------------------------------- */

static uint64_t timer_read(const struct hpet *h, unsigned n, unsigned reg)
{
    switch (reg) {
    case 0x00: return h->tn_config[n] | TN_CAPS | ROUTES << 32;
    case 0x08: return h->comparator[n];
    default: return 0;
    }
}

static uint64_t register_read(const struct hpet *h, unsigned reg)
{
    if (reg >= REG_TIMERS)
        return (reg - REG_TIMERS) / 32 < HPET_TIMERS
                   ? timer_read(h, (reg - REG_TIMERS) / 32, reg & 0x18)
                   : 0;
    switch (reg) {
    case REG_CAPS: return CAPS;
    case REG_CONFIG: return h->config;
    case REG_STATUS: return h->status;
    case REG_COUNTER: return counter(h);
    default: return 0;
    }
}

static void write_config(struct hpet *h, uint64_t v)
{
    uint64_t now = counter(h), changed = (h->config ^ v) & (CFG_ENABLE | CFG_LEGACY);
    unsigned n;

    if (changed & CFG_LEGACY)
        for (n = 0; n < HPET_TIMERS; n++)
            lower(h, n);
    h->config = v & (CFG_ENABLE | CFG_LEGACY);
    if (changed & CFG_ENABLE)
        h->offset = h->config & CFG_ENABLE ? now - ticks(h) : now;
    if ((changed & CFG_LEGACY) && h->legacy)
        h->legacy(h->opaque, h->config & CFG_LEGACY);
    hpet_update(h);
    schedule_all(h);
}

static void write_tn_config(struct hpet *h, unsigned n, uint64_t v)
{
    lower(h, n);
    h->tn_config[n] = v & TN_WRITABLE;
    if (TN_ROUTE(v) && !(ROUTES >> TN_ROUTE(v) & 1))
        h->tn_config[n] &= ~(31u << 9); /* no such route */
    h->comparator[n] &= width(h, n);
    h->period[n] &= width(h, n);
    if (!(v & TN_LEVEL))
        h->status &= ~(1ull << n);
    hpet_update(h);
    schedule(h, n);
}

/* 2.3.9.2.2: periodic timers take the period; with TN_SET the first match too. */
static void write_comparator(struct hpet *h, unsigned n, uint64_t v, uint64_t mask)
{
    uint64_t *c = &h->comparator[n], *p = &h->period[n];

    if (!(h->tn_config[n] & TN_PERIODIC) || (h->tn_config[n] & TN_SET))
        *c = ((*c & ~mask) | v) & width(h, n);
    if (h->tn_config[n] & TN_PERIODIC)
        *p = ((*p & ~mask) | v) & width(h, n);
    if (mask >> 32)
        h->tn_config[n] &= ~(uint64_t)TN_SET;
    else if (h->tn_config[n] & TN_32BIT)
        h->tn_config[n] &= ~(uint64_t)TN_SET;
    schedule(h, n);
}

static void write_counter(struct hpet *h, uint64_t v, uint64_t mask)
{
    uint64_t now = (counter(h) & ~mask) | v;

    h->offset = h->config & CFG_ENABLE ? now - ticks(h) : now;
    schedule_all(h);
}

/* v and mask are in place within the 64-bit register. */
static void register_write(struct hpet *h, unsigned reg, uint64_t v, uint64_t mask)
{
    unsigned n = (reg - REG_TIMERS) / 32;

    if (reg >= REG_TIMERS) {
        if (n < HPET_TIMERS && (reg & 0x18) == 0x00)
            write_tn_config(h, n, (h->tn_config[n] & ~mask) | v);
        else if (n < HPET_TIMERS && (reg & 0x18) == 0x08)
            write_comparator(h, n, v, mask);
        return;
    }
    switch (reg) {
    case REG_CONFIG: write_config(h, (h->config & ~mask) | v); break;
    case REG_STATUS:
        h->status &= ~v;
        hpet_update(h);
        break;
    case REG_COUNTER: write_counter(h, v, mask); break;
    default: break;
    }
}

static uint64_t hpet_read(void *opaque, uint64_t offset, unsigned size)
{
    return register_read(opaque, offset & ~7u) >> (8 * (offset & 7));
}

static void hpet_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    unsigned shift = 8 * (offset & 7);
    uint64_t mask = (size == 8 ? ~0ull : 0xffffffffull) << shift;

    register_write(opaque, offset & ~7u, value << shift & mask, mask);
}

static bool hpet_realize(struct dev *d, struct err *e)
{
    static void (*const fn[HPET_TIMERS])(void *, uint64_t) = {expired0, expired1, expired2};
    struct hpet *h = (struct hpet *)d;
    unsigned n;

    for (n = 0; n < HPET_TIMERS; n++) {
        h->ev[n].fn = fn[n];
        h->ev[n].opaque = h;
    }
    return true;
}

static void hpet_reset(struct dev *d)
{
    struct hpet *h = (struct hpet *)d;
    unsigned n;

    for (n = 0; n < HPET_TIMERS; n++) {
        lower(h, n);
        h->tn_config[n] = 0;
        h->comparator[n] = ~0ull;
        h->period[n] = 0;
    }
    h->status = 0;
    write_config(h, 0);
    h->offset = 0;
    schedule_all(h);
}

static const struct state_field hpet_state[] = {STATE(struct hpet, config),
                                                STATE(struct hpet, status),
                                                STATE(struct hpet, offset),
                                                STATE_ARRAY(struct hpet, tn_config),
                                                STATE_ARRAY(struct hpet, comparator),
                                                STATE_ARRAY(struct hpet, period),
                                                STATE_ARRAY(struct hpet, line),
                                                STATE_EV(struct hpet, ev[0]),
                                                STATE_EV(struct hpet, ev[1]),
                                                STATE_EV(struct hpet, ev[2]),
                                                STATE_END};

static const struct dev_region hpet_regions[] = {
    {"hpet", REGION_MEM, 0x400, {hpet_read, hpet_write, 4, 8}},
    {0},
};

const struct dev_class hpet_class = {
    .name = "hpet",
    .size = sizeof(struct hpet),
    .state = hpet_state,
    .regions = hpet_regions,
    .realize = hpet_realize,
    .reset = hpet_reset,
};
