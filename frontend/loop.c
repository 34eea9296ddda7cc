/* SPDX-License-Identifier: MIT */
#include "frontend/loop.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop_fd {
    struct loop *loop;
    int fd;
    short events;
    bool dead; /* removed; freed when no callbacks are being made */
    loop_fn *fn;
    void *opaque;
};

struct loop {
    int wake_fd;
    bool waiting;      /* the main thread may be inside poll: changes have to wake it */
    GPtrArray *fds;    /* struct loop_fd */
    GArray *polled;    /* struct pollfd: [0] is wake_fd, [i + 1] is fds[at[i]] */
    GPtrArray *called; /* the watches behind polled[1..] */
};

struct loop *loop_create(struct err *e)
{
    struct loop *l = g_new0(struct loop, 1);

    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->wake_fd < 0) {
        err_set(e, "cannot create an eventfd: %s", strerror(errno));
        g_free(l);
        return NULL;
    }
    l->fds = g_ptr_array_new_with_free_func(g_free);
    l->polled = g_array_new(FALSE, TRUE, sizeof(struct pollfd));
    l->called = g_ptr_array_new();
    return l;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    g_ptr_array_free(l->fds, TRUE);
    g_ptr_array_free(l->called, TRUE);
    g_array_free(l->polled, TRUE);
    close(l->wake_fd);
    g_free(l);
}

void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    int saved = errno;

    while (write(l->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    errno = saved;
}

struct loop_fd *loop_watch(struct loop *l, int fd, short events, loop_fn *fn, void *opaque)
{
    struct loop_fd *w = g_new0(struct loop_fd, 1);

    *w = (struct loop_fd){.loop = l, .fd = fd, .events = events, .fn = fn, .opaque = opaque};
    g_ptr_array_add(l->fds, w);
    if (l->waiting)
        loop_wake(l);
    return w;
}

void loop_want(struct loop_fd *w, short events)
{
    if (w->events == events)
        return;
    w->events = events;
    if (w->loop->waiting)
        loop_wake(w->loop);
}

void loop_unwatch(struct loop_fd *w)
{
    if (!w)
        return;
    w->dead = true;
    w->events = 0;
}

static void drop_dead(struct loop *l)
{
    for (guint i = l->fds->len; i-- > 0;)
        if (((struct loop_fd *)l->fds->pdata[i])->dead)
            g_ptr_array_remove_index_fast(l->fds, i);
}

static void fill(struct loop *l)
{
    struct pollfd p = {.fd = l->wake_fd, .events = POLLIN};

    drop_dead(l);
    g_array_set_size(l->polled, 0);
    g_ptr_array_set_size(l->called, 0);
    g_array_append_val(l->polled, p);
    for (guint i = 0; i < l->fds->len; i++) {
        struct loop_fd *w = l->fds->pdata[i];

        if (!w->events)
            continue; /* hang-ups are not looked at either */
        p = (struct pollfd){.fd = w->fd, .events = w->events};
        g_array_append_val(l->polled, p);
        g_ptr_array_add(l->called, w);
    }
}

void loop_run_once(struct loop *l, pthread_mutex_t *lock, const struct timespec *timeout)
{
    const struct pollfd *p;
    uint64_t count;
    int n;

    fill(l);
    l->waiting = true;
    pthread_mutex_unlock(lock);
    n = ppoll((struct pollfd *)(void *)l->polled->data, l->polled->len, timeout, NULL);
    pthread_mutex_lock(lock);
    l->waiting = false;
    p = (const struct pollfd *)(const void *)l->polled->data;
    if (n <= 0)
        return;
    if (p[0].revents && read(l->wake_fd, &count, sizeof(count)) < 0)
        return; /* woken by nobody: next time */
    for (guint i = 0; i < l->called->len; i++) {
        struct loop_fd *w = l->called->pdata[i];

        if (p[i + 1].revents && !w->dead && w->events)
            w->fn(w->opaque, p[i + 1].revents);
    }
}
