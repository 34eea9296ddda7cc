/* SPDX-License-Identifier: MIT */
#include "softmmu/defer.h"

void defer_queue_init(struct defer_queue *q)
{
    pthread_mutex_init(&q->lock, NULL);
    q->head = NULL;
    q->tail = &q->head;
    q->kick = NULL;
    q->opaque = NULL;
}

void defer_queue_finish(struct defer_queue *q)
{
    pthread_mutex_destroy(&q->lock);
}

void defer_post(struct defer_queue *q, struct defer *d)
{
    bool first;

    pthread_mutex_lock(&q->lock);
    first = !q->head;
    if (!d->queued) {
        d->queued = true;
        d->next = NULL;
        *q->tail = d;
        q->tail = &d->next;
    }
    pthread_mutex_unlock(&q->lock);
    if (first && q->kick)
        q->kick(q->opaque);
}

void defer_cancel(struct defer_queue *q, struct defer *d)
{
    pthread_mutex_lock(&q->lock);
    for (struct defer **p = &q->head; d->queued && *p; p = &(*p)->next) {
        if (*p != d)
            continue;
        *p = d->next;
        if (!*p)
            q->tail = p;
        d->queued = false;
        break;
    }
    pthread_mutex_unlock(&q->lock);
}

static struct defer *take(struct defer_queue *q)
{
    struct defer *d;

    pthread_mutex_lock(&q->lock);
    d = q->head;
    if (d) {
        q->head = d->next;
        if (!q->head)
            q->tail = &q->head;
        d->queued = false;
    }
    pthread_mutex_unlock(&q->lock);
    return d;
}

bool defer_run(struct defer_queue *q)
{
    struct defer *d;
    bool any = false;

    while ((d = take(q))) {
        any = true;
        d->fn(d->opaque);
    }
    return any;
}
