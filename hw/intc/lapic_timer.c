/* SPDX-License-Identifier: MIT
 * Timer of the local APIC (SDM vol. 3, 11.5.4): one-shot, periodic, TSC deadline. The count
 * is computed from the clock; one event stands for the next expiry. */
#include "hw/intc/lapic_regs.h"

#define NS_PER_TICK   (NS_PER_S / LAPIC_TIMER_HZ)
#define MIN_PERIOD_NS 1000 /* shorter periods only starve the guest that asked for them */

static uint64_t divider(const struct lapic *l)
{
    unsigned code = (l->divide & 3) | (l->divide >> 1 & 4);

    return 1u << ((code + 1) & 7);
}

static uint64_t tick_ns(const struct lapic *l)
{
    return divider(l) * NS_PER_TICK;
}

uint32_t lapic_timer_current(const struct lapic *l)
{
    uint64_t ticks = (dev_now(&l->dev) - l->timer_start) / tick_ns(l);

    if (!l->initial_count || TIMER_MODE(l->lvt[LVT_TIMER]) == TIMER_DEADLINE)
        return 0;
    if (TIMER_MODE(l->lvt[LVT_TIMER]) == TIMER_PERIODIC)
        return l->initial_count - ticks % l->initial_count;
    return ticks < l->initial_count ? l->initial_count - ticks : 0;
}

static uint64_t tsc_now(const struct lapic *l)
{
    if (l->bus && l->bus->tsc_now)
        return l->bus->tsc_now(l->bus->opaque, l->cpu);
    return dev_now(&l->dev);
}

static uint64_t deadline_ns(const struct lapic *l, uint64_t now)
{
    uint64_t tsc = tsc_now(l), hz = l->bus && l->bus->tsc_hz ? l->bus->tsc_hz : NS_PER_S;
    unsigned __int128 delta;

    if (!l->tsc_deadline)
        return CLOCK_NEVER;
    if (l->tsc_deadline <= tsc)
        return now;
    delta = (unsigned __int128)(l->tsc_deadline - tsc) * NS_PER_S / hz + 1;
    return delta > INT64_MAX / 2 ? CLOCK_NEVER : now + (uint64_t)delta;
}

void lapic_timer_arm(struct lapic *l)
{
    uint64_t now = dev_now(&l->dev), when = CLOCK_NEVER;
    uint64_t period = l->initial_count * tick_ns(l), gone = now - l->timer_start;

    switch (TIMER_MODE(l->lvt[LVT_TIMER])) {
    case TIMER_DEADLINE: when = deadline_ns(l, now); break;
    case TIMER_ONE_SHOT:
        if (period && gone < period)
            when = l->timer_start + period;
        break;
    case TIMER_PERIODIC:
        if (period)
            when = now + (period - gone % period);
        if (period && period < MIN_PERIOD_NS)
            when = now + MIN_PERIOD_NS;
        break;
    default: break;
    }
    event_schedule(l->dev.env->clock, &l->timer, when);
}

void lapic_timer_event(void *opaque, uint64_t late_ns)
{
    struct lapic *l = opaque;
    uint32_t lvt = l->lvt[LVT_TIMER];

    if (TIMER_MODE(lvt) == TIMER_DEADLINE) {
        if (!l->tsc_deadline || tsc_now(l) < l->tsc_deadline) {
            lapic_timer_arm(l); /* the two clocks were rounded apart */
            return;
        }
        l->tsc_deadline = 0;
    }
    lapic_timer_arm(l);
    if (!(lvt & LVT_MASKED))
        lapic_accept(l, LVT_VECTOR(lvt), false);
}

void lapic_timer_set_initial(struct lapic *l, uint32_t value)
{
    if (TIMER_MODE(l->lvt[LVT_TIMER]) == TIMER_DEADLINE)
        return;
    l->initial_count = value;
    l->timer_start = dev_now(&l->dev);
    lapic_timer_arm(l);
}

/* The count goes on from where it is at the new rate. */
void lapic_timer_set_divide(struct lapic *l, uint32_t value)
{
    uint32_t current = lapic_timer_current(l);

    l->divide = value & 0xb;
    if (l->initial_count)
        l->timer_start = dev_now(&l->dev) - (l->initial_count - current) * tick_ns(l);
    lapic_timer_arm(l);
}

void lapic_timer_set_lvt(struct lapic *l, uint32_t value)
{
    bool was = TIMER_MODE(l->lvt[LVT_TIMER]) == TIMER_DEADLINE;

    if (was != (TIMER_MODE(value) == TIMER_DEADLINE)) { /* either way disarms */
        l->initial_count = 0;
        l->tsc_deadline = 0;
    }
    l->lvt[LVT_TIMER] = value;
    lapic_timer_arm(l);
}

void lapic_timer_set_deadline(struct lapic *l, uint64_t tsc)
{
    if (TIMER_MODE(l->lvt[LVT_TIMER]) != TIMER_DEADLINE)
        return;
    l->tsc_deadline = tsc;
    lapic_timer_arm(l);
}

void lapic_tsc_changed(struct lapic *l)
{
    if (l->tsc_deadline)
        lapic_timer_arm(l);
}
