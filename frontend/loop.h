/* SPDX-License-Identifier: MIT
 * The main thread's wait for file descriptors. A table of its own and not GLib's loop, because
 * a wait ends at a deadline of the virtual clock, given in nanoseconds.
 *
 * All functions but loop_wake are called with the device lock held, which guards the table;
 * callbacks are made by the main thread with the lock held. */
#ifndef FRONTEND_LOOP_H
#define FRONTEND_LOOP_H

#include <pthread.h>
#include <time.h>

#include "softmmu/err.h"
#include "softmmu/types.h"

struct loop;
struct loop_fd; /* one watched descriptor */

/* revents as poll() gives them. The callback may add, change and remove any watch. */
typedef void loop_fn(void *opaque, short revents);

struct loop *loop_create(struct err *e);
void loop_destroy(struct loop *l); /* NULL allowed; every watch has been removed */

/* events: POLLIN, POLLOUT or 0 (not looked at now). fd stays the caller's. */
struct loop_fd *loop_watch(struct loop *l, int fd, short events, loop_fn *fn, void *opaque);
void loop_want(struct loop_fd *w, short events);
void loop_unwatch(struct loop_fd *w); /* NULL allowed */

/* Ends the wait of the main thread; any thread, lock or not, signal handlers too. */
void loop_wake(struct loop *l);
/* One wait, at most `timeout` long (NULL: no limit), with `lock` released meanwhile, and the
 * callbacks of what came. */
void loop_run_once(struct loop *l, pthread_mutex_t *lock, const struct timespec *timeout);

#endif
