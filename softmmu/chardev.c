/* SPDX-License-Identifier: MIT */
#include "softmmu/chardev.h"

#include <stdlib.h>
#include <string.h>

void chardev_set_front(struct chardev *c, size_t (*can_receive)(void *opaque),
                       void (*receive)(void *opaque, const uint8_t *buf, size_t n),
                       void (*receive_break)(void *opaque), void *opaque)
{
    if (!c)
        return;
    c->can_receive = can_receive;
    c->receive = receive;
    c->receive_break = receive_break;
    c->output_ready = NULL;
    c->opaque = opaque;
}

void chardev_set_output_ready(struct chardev *c, void (*output_ready)(void *opaque))
{
    if (c)
        c->output_ready = output_ready;
}

void chardev_output_ready(struct chardev *c)
{
    if (c->output_ready)
        c->output_ready(c->opaque);
}

size_t chardev_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    return c && c->write ? c->write(c, buf, n) : n;
}

void chardev_accept_input(struct chardev *c)
{
    if (c && c->accept_input)
        c->accept_input(c);
}

size_t chardev_feed(struct chardev *c, const uint8_t *buf, size_t n)
{
    size_t done = 0;

    if (!c->receive)
        return n;
    while (done < n) {
        size_t room = c->can_receive(c->opaque), k = n - done < room ? n - done : room;

        if (!k)
            break;
        c->receive(c->opaque, buf + done, k);
        done += k;
    }
    return done;
}

void chardev_break(struct chardev *c)
{
    if (c->receive_break)
        c->receive_break(c->opaque);
}

void chardev_null_init(struct chardev *c)
{
    *c = (struct chardev){0};
}

static void append(uint8_t **buf, size_t *len, size_t *room, const void *data, size_t n)
{
    if (*len + n > *room) {
        *room = 2 * (*len + n);
        *buf = realloc(*buf, *room);
        if (!*buf)
            abort();
    }
    if (n)
        memcpy(*buf + *len, data, n);
    *len += n;
}

static size_t mem_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct chardev_mem *m = container_of(c, struct chardev_mem, chr);

    if (m->full)
        return 0;
    append(&m->out, &m->out_len, &m->out_room, buf, n);
    return n;
}

static void mem_accept_input(struct chardev *c)
{
    struct chardev_mem *m = container_of(c, struct chardev_mem, chr);
    size_t done = chardev_feed(c, m->in, m->in_len);

    m->in_len -= done;
    if (m->in_len)
        memmove(m->in, m->in + done, m->in_len);
}

void chardev_mem_init(struct chardev_mem *m)
{
    *m = (struct chardev_mem){.chr = {.write = mem_write, .accept_input = mem_accept_input}};
}

void chardev_mem_finish(struct chardev_mem *m)
{
    free(m->out);
    free(m->in);
    *m = (struct chardev_mem){0};
}

void chardev_mem_send(struct chardev_mem *m, const void *buf, size_t n)
{
    size_t room = m->in_len;

    append(&m->in, &m->in_len, &room, buf, n);
    mem_accept_input(&m->chr);
}
