/* SPDX-License-Identifier: MIT
 * What all kinds of back end share: ports, the queue of output, delivery of input. */
#include "frontend/chardev/chr_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_SOFT (64u << 10) /* bytes queued when a front end with flow control has to wait */
#define OUT_HARD (64u << 20) /* ... when others lose output */
#define IN_MUX   (64u << 10) /* typed ahead; our keys work until then */
#define DRAIN_MS 2000

static const struct chr_kind *const kinds[] = {
    [CHARDEV_NULL] = &chr_null,     [CHARDEV_STDIO] = &chr_stdio,   [CHARDEV_FILE] = &chr_file,
    [CHARDEV_PIPE] = &chr_pipe,     [CHARDEV_SOCKET] = &chr_socket, [CHARDEV_PTY] = &chr_pty,
    [CHARDEV_SERIAL] = &chr_serial,
};

/* --- life -------------------------------------------------------------------------- */

struct chr *chr_open(const struct chardev_opts *o, struct loop *l, const struct chr_host *host,
                     struct err *e)
{
    struct chr *c = g_new0(struct chr, 1);

    *c = (struct chr){.o = o,
                      .kind = kinds[o->kind],
                      .host = host,
                      .loop = l,
                      .in = -1,
                      .out = -1,
                      .listener = -1,
                      .spare = -1};
    signal(SIGPIPE, SIG_IGN);
    if (!c->kind->open(c, e)) {
        chr_close(c);
        return NULL;
    }
    return c;
}

static void drain(struct chr *c);

void chr_close(struct chr *c)
{
    if (!c)
        return;
    c->n_ports = 0; /* whoever they belonged to is gone */
    drain(c);
    chr_detach_fds(c);
    if (c->kind->close)
        c->kind->close(c);
    for (unsigned i = 0; i < CHR_PORTS; i++)
        g_free(c->port[i].in);
    g_free(c->queue);
    g_free(c->filename);
    g_free(c);
}

void chr_set_filename(struct chr *c, const char *fmt, ...)
{
    va_list ap;

    g_free(c->filename);
    va_start(ap, fmt);
    c->filename = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

const char *chr_id(const struct chr *c)
{
    return c->o->id;
}

const char *chr_filename(const struct chr *c)
{
    return c->filename ? c->filename : "";
}

bool chr_in_use(const struct chr *c)
{
    return c->n_ports > 0;
}

bool chr_is_mux(const struct chr *c)
{
    return c->o->mux;
}

bool chr_has_room(const struct chr *c)
{
    return c->n_ports < (c->o->mux ? CHR_PORTS : 1);
}

/* --- output ------------------------------------------------------------------------ */

static ssize_t write_some(struct chr *c, const uint8_t *buf, size_t n)
{
    struct pollfd p = {.fd = c->out, .events = POLLOUT};

    if (c->is_socket)
        return send(c->out, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!c->out_may_block)
        return write(c->out, buf, n);
    if (poll(&p, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(c->out, buf, n < 256 ? n : 256);
}

static void hung_up(struct chr *c)
{
    if (c->kind->hung_up)
        c->kind->hung_up(c);
    else
        chr_detach_fds(c);
}

/* Writes until the other end takes no more. Returns what is gone, be it lost: a closed pipe or
 * a full disk is nothing that the guest could know. */
static size_t write_until_full(struct chr *c, const uint8_t *buf, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t k = write_some(c, buf + done, n - done);

        if (k > 0)
            done += (size_t)k;
        else if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return done;
        else if (k == 0 || errno != EINTR)
            return n;
    }
    return done;
}

static void want(struct chr *c)
{
    if (c->watch_out)
        loop_want(c->watch_out, c->queue_len ? POLLOUT : 0);
}

static void flush_queue(struct chr *c)
{
    size_t done = write_until_full(c, c->queue + c->queue_at, c->queue_len);

    c->queue_at += done;
    c->queue_len -= done;
    if (!c->queue_len)
        c->queue_at = 0;
    want(c);
}

static void on_writable(void *opaque, short revents)
{
    struct chr *c = opaque;

    flush_queue(c);
    if (!c->refused || c->queue_len > OUT_SOFT / 2)
        return;
    c->refused = false;
    for (unsigned i = 0; i < c->n_ports; i++)
        chardev_output_ready(&c->port[i].chr);
}

static void enqueue(struct chr *c, const uint8_t *buf, size_t n)
{
    if (c->queue_at + c->queue_len + n > c->queue_room) {
        if (c->queue_len)
            memmove(c->queue, c->queue + c->queue_at, c->queue_len);
        c->queue_at = 0;
        if (c->queue_len + n > c->queue_room) {
            c->queue_room = 2 * (c->queue_len + n);
            c->queue = g_realloc(c->queue, c->queue_room);
        }
    }
    memcpy(c->queue + c->queue_at + c->queue_len, buf, n);
    c->queue_len += n;
}

/* Takes all n bytes, or none when the queue is at its limit. */
static size_t output(struct chr *c, const uint8_t *buf, size_t n, size_t limit)
{
    size_t done = 0;

    if (c->out < 0 || !c->connected)
        return n;
    if (c->queue_len >= limit) {
        c->refused = true;
        return 0;
    }
    if (!c->queue_len)
        done = write_until_full(c, buf, n);
    if (done < n && c->out >= 0) {
        enqueue(c, buf + done, n - done);
        want(c);
    }
    return n;
}

static size_t port_write(struct chardev *d, const uint8_t *buf, size_t n)
{
    struct chr_port *p = container_of(d, struct chr_port, chr);

    return output(p->back, buf, n, d->output_ready ? OUT_SOFT : OUT_HARD);
}

void chr_say(struct chr *c, const char *text)
{
    output(c, (const uint8_t *)text, strlen(text), OUT_HARD);
}

static void drain(struct chr *c)
{
    struct pollfd p = {.fd = c->out, .events = POLLOUT};

    while (c->queue_len && c->out >= 0) {
        if (poll(&p, 1, DRAIN_MS) <= 0)
            return;
        flush_queue(c);
    }
}

/* --- input ------------------------------------------------------------------------- */

static void feed(struct chr_port *p)
{
    size_t done = chardev_feed(&p->chr, p->in, p->in_len);

    assert(done <= p->in_len);
    p->in_len -= done;
    if (done && p->in_len)
        memmove(p->in, p->in + done, p->in_len);
}

static bool wants_input(const struct chr *c)
{
    if (!c->n_ports)
        return false;
    return c->port[c->focus].in_len < (c->o->mux ? IN_MUX : 1);
}

static void want_input(struct chr *c)
{
    if (c->watch_in)
        loop_want(c->watch_in, wants_input(c) ? POLLIN : 0);
}

void chr_port_input(struct chr_port *p, const uint8_t *buf, size_t n)
{
    if (p->in_len + n > p->in_room) {
        p->in_room = 2 * (p->in_len + n);
        p->in = g_realloc(p->in, p->in_room);
    }
    if (n)
        memcpy(p->in + p->in_len, buf, n);
    p->in_len += n;
    feed(p);
}

static void port_accept_input(struct chardev *d)
{
    struct chr_port *p = container_of(d, struct chr_port, chr);

    feed(p);
    want_input(p->back);
}

static void on_readable(void *opaque, short revents)
{
    struct chr *c = opaque;
    struct pollfd p = {.fd = c->in, .events = POLLIN};
    uint8_t buf[4096];
    ssize_t n;

    if (c->in_may_block && poll(&p, 1, 0) <= 0)
        return; /* taken by someone else meanwhile: do not block */
    n = read(c->in, buf, sizeof(buf));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        hung_up(c);
        return;
    }
    if (c->o->mux)
        chr_mux_input(c, buf, (size_t)n);
    else
        chr_port_input(&c->port[c->focus], buf, (size_t)n);
    want_input(c);
}

/* --- the other end ------------------------------------------------------------------ */

static void tell(struct chr *c, enum chr_event ev)
{
    for (unsigned i = 0; i < c->n_ports; i++)
        if (c->port[i].event)
            c->port[i].event(c->port[i].event_opaque, ev);
}

static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void chr_attach_fds(struct chr *c, int in, int out)
{
    c->in = in;
    c->out = out;
    c->connected = true;
    if (in >= 0 && !c->in_may_block)
        set_nonblocking(in);
    if (out >= 0 && !c->out_may_block && !c->is_socket)
        set_nonblocking(out);
    if (in >= 0)
        c->watch_in = loop_watch(c->loop, in, wants_input(c) ? POLLIN : 0, on_readable, c);
    if (out >= 0)
        c->watch_out = loop_watch(c->loop, out, 0, on_writable, c);
    tell(c, CHR_OPENED);
}

void chr_detach_fds(struct chr *c)
{
    loop_unwatch(c->watch_in);
    loop_unwatch(c->watch_out);
    c->watch_in = c->watch_out = NULL;
    if (c->in >= 0 && !c->keep_fds)
        close(c->in);
    if (c->out >= 0 && c->out != c->in && !c->keep_fds)
        close(c->out);
    c->in = c->out = -1;
    c->queue_at = c->queue_len = 0;
    if (!c->connected)
        return;
    c->connected = false;
    tell(c, CHR_CLOSED);
    if (!c->refused)
        return;
    c->refused = false;
    for (unsigned i = 0; i < c->n_ports; i++)
        chardev_output_ready(&c->port[i].chr);
}

struct chr_port *chr_attach(struct chr *c)
{
    struct chr_port *p = &c->port[c->n_ports];

    assert(chr_has_room(c));
    c->n_ports++;
    p->back = c;
    p->chr.write = port_write;
    p->chr.accept_input = port_accept_input;
    want_input(c);
    return p;
}

void chr_listen(struct chr_port *p, void (*event)(void *opaque, enum chr_event ev),
                void *opaque)
{
    p->event = event;
    p->event_opaque = opaque;
    if (!event)
        return;
    if (p->back->connected)
        event(opaque, CHR_OPENED);
    if (p->back->o->mux && p == &p->back->port[p->back->focus])
        event(opaque, CHR_FOCUS);
}
