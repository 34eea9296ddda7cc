/* SPDX-License-Identifier: MIT
 * The one virtual clock (nanoseconds since machine start, stops when the
 * machine does) and the event queue that is driven by it. */
#ifndef SOFTMMU_CLOCK_H
#define SOFTMMU_CLOCK_H

#include "softmmu/types.h"

#define NS_PER_S    1000000000ull
#define CLOCK_NEVER UINT64_MAX

struct event {
    uint64_t when;      /* ns; meaningful while queued */
    struct event *next; /* owned by the queue */
    void (*fn)(void *opaque, uint64_t late_ns);
    void *opaque;
    bool queued;
};

struct clock {
    uint64_t (*now_fn)(void *opaque); /* NULL: host monotonic time */
    void *now_opaque;
    uint64_t offset; /* added to now_fn (running) or the frozen value (stopped) */
    bool running;
    struct event *head;         /* sorted by `when` */
    void (*kick)(void *opaque); /* told when the earliest deadline moved closer */
    void *kick_opaque;
};

/* Created stopped at 0. now_fn replaces the time source (instruction counting,
 * tests); it returns ns and need not start at 0. */
void clock_init(struct clock *c, uint64_t (*now_fn)(void *opaque), void *opaque);
void clock_start(struct clock *c);
void clock_stop(struct clock *c);
uint64_t clock_now(const struct clock *c);

/* (Re)queues ev for absolute time `when` (CLOCK_NEVER only cancels); ev is owned by the
 * caller and must be zeroed or set up with fn/opaque before first use. `kick` is called
 * when this moves the earliest deadline closer. */
void event_schedule(struct clock *c, struct event *ev, uint64_t when);
void event_cancel(struct clock *c, struct event *ev);
uint64_t clock_deadline(const struct clock *c); /* earliest event or CLOCK_NEVER */
/* Runs all events that are due, in order; callers hold the device lock. A handler that
 * re-queues itself picks a time after clock_now(), or this would never end. */
void clock_run_events(struct clock *c);

/* value * mul / div without overflow (128-bit inside), rounding down */
static inline uint64_t muldiv64(uint64_t value, uint64_t mul, uint64_t div)
{
    return (uint64_t)((unsigned __int128)value * mul / div);
}

#endif
