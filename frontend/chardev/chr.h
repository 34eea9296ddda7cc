/* SPDX-License-Identifier: MIT
 * Back ends of character devices: terminal, file, pipe, socket, pseudo-terminal, serial port of
 * the host, nothing. One back end has one front end, or with mux several that share it: the
 * input goes to the one in focus, the output of all goes out.
 *
 * Nothing here waits for the other end but opening a socket with wait=on and closing. All
 * functions are called with the device lock held. */
#ifndef FRONTEND_CHARDEV_CHR_H
#define FRONTEND_CHARDEV_CHR_H

#include "frontend/loop.h"
#include "frontend/opts.h"
#include "softmmu/chardev.h"

struct chr;

/* What the keys after the escape character need of the machine. */
struct chr_host {
    uint8_t escape;             /* 1: Ctrl-A; 0: none */
    void (*quit)(void *opaque); /* Ctrl-A X; NULL allowed */
    void *opaque;
};

/* *o and *host outlive the back end. A terminal is in raw mode until chr_close, exit or a fatal
 * signal. SIGPIPE is ignored from now on. NULL and *e when it cannot be opened. */
struct chr *chr_open(const struct chardev_opts *o, struct loop *l, const struct chr_host *host,
                     struct err *e);
/* Waits for queued output to leave, but not for an end that takes none for two seconds. */
void chr_close(struct chr *c); /* NULL allowed */

enum chr_event {
    CHR_OPENED, /* somebody is at the other end (told at once when that is so already) */
    CHR_CLOSED,
    CHR_FOCUS, /* mux: input comes here from now on */
};

/* One front end's place at a back end. Its owner calls chardev_set_front() on chr. */
struct chr_port {
    struct chardev chr;
    struct chr *back;
    void (*event)(void *opaque, enum chr_event ev); /* NULL: not interested */
    void *event_opaque;
    uint8_t *in; /* input that the front end has no room for yet */
    size_t in_len, in_room;
};

/* Owned by the back end. At most one without mux, else 4; the first one has the focus. */
struct chr_port *chr_attach(struct chr *c);
void chr_listen(struct chr_port *p, void (*event)(void *opaque, enum chr_event ev),
                void *opaque);

/* For query-chardev: id, and QEMU's way of naming the other end ("pty:/dev/pts/3"). */
const char *chr_id(const struct chr *c);
const char *chr_filename(const struct chr *c);
bool chr_in_use(const struct chr *c);
bool chr_is_mux(const struct chr *c);
bool chr_has_room(const struct chr *c); /* for one more port */

#endif
