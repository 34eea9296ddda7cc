/* SPDX-License-Identifier: MIT
 * Between the core of a back end (chr.c) and the kinds (chr_*.c). */
#ifndef FRONTEND_CHARDEV_CHR_INT_H
#define FRONTEND_CHARDEV_CHR_INT_H

#include "frontend/chardev/chr.h"

#define CHR_PORTS 4

struct chr_kind {
    bool (*open)(struct chr *c,
                 struct err *e);    /* ends in chr_attach_fds when there is an end */
    void (*hung_up)(struct chr *c); /* input has ended; NULL: chr_detach_fds */
    void (*close)(struct chr *c);   /* optional; `in` and `out` are chr.c's to close */
};

struct chr {
    const struct chardev_opts *o;
    const struct chr_kind *kind;
    const struct chr_host *host;
    struct loop *loop;
    char *filename;

    int in, out;   /* -1: none; may be the same */
    bool keep_fds; /* they are not ours to close */
    /* descriptors in blocking mode, because others share them: poll is asked first, and out
     * gets small pieces */
    bool in_may_block, out_may_block;
    bool is_socket; /* out */
    bool connected; /* somebody listens; output is dropped meanwhile if not */
    struct loop_fd *watch_in, *watch_out;

    uint8_t *queue; /* output that out did not take yet */
    size_t queue_at, queue_len, queue_room;
    bool refused; /* a front end with flow control was turned away */

    struct chr_port port[CHR_PORTS];
    unsigned n_ports, focus;
    bool escaped; /* the escape character came, its command is next */

    int listener; /* socket: -1 when it is not a server */
    int spare;    /* stdio: standard output opened anew; pty: inotify */
    struct loop_fd *watch_spare;
};

extern const struct chr_kind chr_null, chr_stdio, chr_file, chr_pipe, chr_socket, chr_pty,
    chr_serial;

/* The kind has (new) descriptors: watches them, tells the ports. They are made non-blocking,
 * but for may_block. */
void chr_attach_fds(struct chr *c, int in, int out);
/* Forgets and closes them, drops queued output, tells the ports. */
void chr_detach_fds(struct chr *c);
void chr_set_filename(struct chr *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void chr_say(struct chr *c, const char *text); /* our own words to the other end */
/* chr_mux.c: takes our keys out of n bytes of input and delivers the rest to the focus. */
void chr_mux_input(struct chr *c, const uint8_t *buf, size_t n);
/* Queues input for a port and gives it what it takes. */
void chr_port_input(struct chr_port *p, const uint8_t *buf, size_t n);

#endif
