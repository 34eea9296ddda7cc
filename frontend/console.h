/* SPDX-License-Identifier: MIT
 * Host side of a character device: the terminal with its Ctrl-A keys, a file,
 * or nothing. A plain poll() interface without threads; callers serialise
 * (the device lock). */
#ifndef FRONTEND_CONSOLE_H
#define FRONTEND_CONSOLE_H

#include "frontend/opts.h"

struct console_ops {
    /* Takes up to n bytes of input, returns how many; after fewer than n the
     * console holds the rest until console_kick(). */
    size_t (*receive)(void *opaque, const uint8_t *buf, size_t n);
    void (*quit)(void *opaque); /* Ctrl-A X; NULL allowed */
};

struct console;

/* ops NULL: output only. *ops and opaque must outlive the console. Puts a terminal
 * into raw mode until console_close, exit or a fatal signal. Ignores SIGPIPE. */
struct console *console_open(const struct chardev_opts *o, uint8_t escape,
                             const struct console_ops *ops, void *opaque, struct err *e);
void console_close(struct console *c); /* NULL allowed */

/* File descriptor to poll for POLLIN, or -1 while no input is wanted (end of
 * input, receiver full). Ask again before every poll(). */
int console_poll_fd(const struct console *c);
/* The descriptor is readable (or hung up): reads and delivers once, never blocks. */
void console_on_readable(struct console *c);
/* The receiver has room again. */
void console_kick(struct console *c);

/* Writes everything; waits when the other end is slow, drops when it is gone. */
void console_write(struct console *c, const uint8_t *buf, size_t n);

#endif
