/* SPDX-License-Identifier: MIT
 * The queue is a sorted list: a PC has a dozen timers and touches the head. */
#include "softmmu/clock.h"

#include <time.h>

static uint64_t source_now(const struct clock *c)
{
    struct timespec ts;

    if (c->now_fn)
        return c->now_fn(c->now_opaque);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void clock_init(struct clock *c, uint64_t (*now_fn)(void *opaque), void *opaque)
{
    *c = (struct clock){.now_fn = now_fn, .now_opaque = opaque};
}

void clock_start(struct clock *c)
{
    if (c->running)
        return;
    c->offset -= source_now(c);
    c->running = true;
}

void clock_stop(struct clock *c)
{
    if (!c->running)
        return;
    c->offset += source_now(c);
    c->running = false;
}

uint64_t clock_now(const struct clock *c)
{
    return c->running ? source_now(c) + c->offset : c->offset;
}

void event_schedule(struct clock *c, struct event *ev, uint64_t when)
{
    uint64_t before = clock_deadline(c);
    struct event **p = &c->head;

    event_cancel(c, ev);
    if (when == CLOCK_NEVER)
        return;
    while (*p && (*p)->when <= when) /* equal deadlines run in the order of scheduling */
        p = &(*p)->next;
    ev->when = when;
    ev->next = *p;
    ev->queued = true;
    *p = ev;
    if (when < before && c->kick)
        c->kick(c->kick_opaque);
}

void event_cancel(struct clock *c, struct event *ev)
{
    struct event **p;

    if (!ev->queued)
        return;
    for (p = &c->head; *p != ev; p = &(*p)->next)
        ;
    *p = ev->next;
    ev->next = NULL;
    ev->queued = false;
}

uint64_t clock_deadline(const struct clock *c)
{
    return c->head ? c->head->when : CLOCK_NEVER;
}

void clock_run_events(struct clock *c)
{
    uint64_t now = clock_now(c);

    while (c->head && c->head->when <= now) {
        struct event *ev = c->head;

        c->head = ev->next;
        ev->next = NULL;
        ev->queued = false;
        ev->fn(ev->opaque, now - ev->when);
    }
}
