/* SPDX-License-Identifier: MIT
 * Back ends that are opened by name: nothing, file, pipe, pseudo-terminal, serial port. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include "frontend/chardev/chr_int.h"

static bool null_open(struct chr *c, struct err *e)
{
    chr_set_filename(c, "null");
    return true;
}

static bool file_open(struct chr *c, struct err *e)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (c->o->append ? O_APPEND : O_TRUNC);
    int fd = open(c->o->path, flags, 0666);

    if (fd < 0)
        return err_set(e, "cannot create '%s': %s", c->o->path, strerror(errno));
    chr_set_filename(c, "file");
    chr_attach_fds(c, -1, fd);
    return true;
}

/* --- named pipes ------------------------------------------------------------------- */

static int open_fifo(const char *path, const char *suffix)
{
    char *name = g_strconcat(path, suffix, NULL);
    int fd = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* both ways: it never hangs up */

    g_free(name);
    return fd;
}

static bool pipe_open(struct chr *c, struct err *e)
{
    int in = open_fifo(c->o->path, ".in"), out = open_fifo(c->o->path, ".out");

    if (in < 0 || out < 0) {
        if (in >= 0)
            close(in);
        if (out >= 0)
            close(out);
        in = out = open_fifo(c->o->path, "");
    }
    if (in < 0)
        return err_set(e, "cannot open the pipe '%s': %s", c->o->path, strerror(errno));
    chr_set_filename(c, "pipe");
    chr_attach_fds(c, in, out);
    return true;
}

/* --- terminals --------------------------------------------------------------------- */

static void make_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t))
        return;
    cfmakeraw(&t);
    tcsetattr(fd, TCSANOW, &t);
}

static bool serial_open(struct chr *c, struct err *e)
{
    int fd = open(c->o->path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return err_set(e, "cannot open '%s': %s", c->o->path, strerror(errno));
    if (!isatty(fd)) {
        close(fd);
        return err_set(e, "'%s' is no terminal", c->o->path);
    }
    make_raw(fd);
    chr_set_filename(c, "serial:%s", c->o->path);
    chr_attach_fds(c, fd, fd);
    return true;
}

/* Nobody reads before somebody opens the terminal, and the master side cannot be polled for
 * that: the opening is watched by inotify. While it is closed, output is dropped. */
static void pty_opened(void *opaque, short revents)
{
    struct chr *c = opaque;
    char events[512];
    int master = c->listener;

    if (read(c->spare, events, sizeof(events)) < 0 || c->connected)
        return;
    c->keep_fds = true; /* it stays for the next one who comes */
    chr_attach_fds(c, master, master);
}

static void pty_hung_up(struct chr *c)
{
    struct pollfd p = {.fd = c->in, .events = POLLIN};

    if (poll(&p, 1, 0) > 0 && (p.revents & POLLHUP))
        chr_detach_fds(c);
}

/* Opens the pair; the master end is c->listener. False with errno set. */
static bool pty_pair(struct chr *c, char *name, size_t size)
{
    int slave;

    c->listener = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (c->listener < 0 || grantpt(c->listener) || unlockpt(c->listener) ||
        ptsname_r(c->listener, name, size))
        return false;
    slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return false;
    make_raw(slave); /* stays so while the master is open */
    close(slave);
    c->spare = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return c->spare >= 0 && inotify_add_watch(c->spare, name, IN_OPEN) >= 0;
}

static bool pty_open(struct chr *c, struct err *e)
{
    char name[128];

    if (!pty_pair(c, name, sizeof(name)))
        return err_set(e, "cannot create a pseudo-terminal: %s", strerror(errno));
    c->watch_spare = loop_watch(c->loop, c->spare, POLLIN, pty_opened, c);
    chr_set_filename(c, "pty:%s", name);
    printf("char device redirected to %s (label %s)\n", name, c->o->id);
    fflush(stdout);
    return true;
}

static void pty_close(struct chr *c)
{
    loop_unwatch(c->watch_spare);
    if (c->spare >= 0)
        close(c->spare);
    if (c->listener >= 0)
        close(c->listener);
}

const struct chr_kind chr_null = {null_open, NULL, NULL};
const struct chr_kind chr_file = {file_open, NULL, NULL};
const struct chr_kind chr_pipe = {pipe_open, NULL, NULL};
const struct chr_kind chr_serial = {serial_open, NULL, NULL};
const struct chr_kind chr_pty = {pty_open, pty_hung_up, pty_close};
