/* SPDX-License-Identifier: MIT
 * A character channel joins a front end (UART, debug port) and a back end (terminal,
 * socket, file, test buffer). Either side may be absent. Device lock held throughout. */
#ifndef SOFTMMU_CHARDEV_H
#define SOFTMMU_CHARDEV_H

#include "softmmu/types.h"

struct chardev {
    /* back end: takes guest output; returns how many bytes it took */
    size_t (*write)(struct chardev *c, const uint8_t *buf, size_t n);
    /* back end, optional: the front end has room again, feed it what waits */
    void (*accept_input)(struct chardev *c);
    /* front end, set by chardev_set_front */
    size_t (*can_receive)(void *opaque); /* bytes that receive may be given now */
    void (*receive)(void *opaque, const uint8_t *buf, size_t n);
    void (*receive_break)(void *opaque); /* optional: a line break came in */
    /* optional, for a front end with flow control: after write took less than it was given,
     * the back end takes output again. Without it a back end keeps more and then drops. */
    void (*output_ready)(void *opaque);
    void *opaque;
};

/* Joins a front end; receive_break may be NULL. c may be NULL (no back end). */
void chardev_set_front(struct chardev *c, size_t (*can_receive)(void *opaque),
                       void (*receive)(void *opaque, const uint8_t *buf, size_t n),
                       void (*receive_break)(void *opaque), void *opaque);

/* Adds flow control to a front end that is set; c may be NULL. */
void chardev_set_output_ready(struct chardev *c, void (*output_ready)(void *opaque));

/* Front end -> back end. Returns the bytes taken; without a back end all are dropped. */
size_t chardev_write(struct chardev *c, const uint8_t *buf, size_t n);
/* Front end: room has appeared. */
void chardev_accept_input(struct chardev *c);
/* Back end: it takes output again. */
void chardev_output_ready(struct chardev *c);
/* Back end -> front end; returns the bytes taken, the back end keeps the rest and feeds
 * them when accept_input is called. Without a front end all are dropped. */
size_t chardev_feed(struct chardev *c, const uint8_t *buf, size_t n);
void chardev_break(struct chardev *c);

/* Discards output, never has input. */
void chardev_null_init(struct chardev *c);

/* Test back end: collects output, queues input. */
struct chardev_mem {
    struct chardev chr; /* give &m->chr to the device */
    uint8_t *out;       /* everything written so far */
    size_t out_len, out_room;
    uint8_t *in; /* not yet taken by the front end */
    size_t in_len;
    bool full; /* takes no output */
};

void chardev_mem_init(struct chardev_mem *m);
void chardev_mem_finish(struct chardev_mem *m);
/* Queues input for the front end and feeds what it takes at once. */
void chardev_mem_send(struct chardev_mem *m, const void *buf, size_t n);

#endif
