/* SPDX-License-Identifier: MIT
 * Calls that other threads (disk workers) hand to the machine's thread, which makes them in
 * order between guest blocks, while idle and while paused. */
#ifndef SOFTMMU_DEFER_H
#define SOFTMMU_DEFER_H

#include <pthread.h>

#include "softmmu/types.h"

struct defer {
    void (*fn)(void *opaque);
    void *opaque;
    struct defer *next; /* the queue's */
    bool queued;        /* the queue's */
};

struct defer_queue {
    pthread_mutex_t lock;
    struct defer *head, **tail;
    void (*kick)(void *opaque); /* any thread: the queue is no longer empty; set before use */
    void *opaque;
};

void defer_queue_init(struct defer_queue *q);
void defer_queue_finish(struct defer_queue *q); /* what is queued is forgotten */

/* From any thread. d is the caller's and lives until its call; posting it again before that
 * changes nothing. */
void defer_post(struct defer_queue *q, struct defer *d);
/* d is not called any more, unless posted again. */
void defer_cancel(struct defer_queue *q, struct defer *d);
/* The machine's thread, device lock held: makes the calls that are queued, and those that they
 * post. Returns whether there were any. */
bool defer_run(struct defer_queue *q);

#endif
