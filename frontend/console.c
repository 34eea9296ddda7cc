/* SPDX-License-Identifier: MIT
 * Terminal, file and null back ends. At most one console is the terminal. */
#include "frontend/console.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct console {
    enum chardev_kind kind;
    int in, out; /* -1: none */
    bool own_out;
    bool mux;
    bool escaped; /* the escape character came, its command is next */
    uint8_t escape;
    const struct console_ops *ops;
    void *opaque;
    uint8_t held[256]; /* input that the receiver has no room for yet */
    unsigned held_at, held_n;
};

/* --- raw mode ---------------------------------------------------------------- */

/* Process-wide, as the terminal is; read by signal handlers. */
static struct termios tty_saved, tty_raw;
static volatile sig_atomic_t tty_active;

static const int fatal_signals[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGABRT,
                                    SIGSEGV, SIGBUS,  SIGILL, SIGFPE};

static void tty_restore(void)
{
    if (tty_active)
        tcsetattr(STDIN_FILENO, TCSANOW, &tty_saved);
    tty_active = 0;
}

static void on_fatal(int sig)
{
    int saved = errno;
    tty_restore();
    errno = saved;
    raise(sig); /* SA_RESETHAND: the default action now */
}

static void on_continue(int sig)
{
    int saved = errno;
    if (tty_active)
        tcsetattr(STDIN_FILENO, TCSANOW, &tty_raw);
    errno = saved;
}

static void catch_signal(int sig, void (*fn)(int), int flags)
{
    struct sigaction sa, old;
    sigaction(sig, NULL, &old);
    if (old.sa_handler != SIG_DFL)
        return; /* somebody else's, or ignored on purpose (nohup) */
    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = fn;
    sa.sa_flags = flags;
    sigaction(sig, &sa, NULL);
}

/* keep_signals: Ctrl-C and Ctrl-\ still act on us. */
static void tty_enter_raw(bool keep_signals)
{
    if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
        tcgetattr(STDIN_FILENO, &tty_saved))
        return; /* a background job must not touch the terminal */
    tty_raw = tty_saved;
    cfmakeraw(&tty_raw);
    tty_raw.c_oflag |= OPOST | ONLCR; /* our own messages end in \n */
    if (keep_signals)
        tty_raw.c_lflag |= ISIG;
    tty_raw.c_cc[VMIN] = 1;
    tty_raw.c_cc[VTIME] = 0;
    tty_active = 1;
    static bool registered;
    if (!registered) {
        registered = true;
        atexit(tty_restore);
        for (unsigned i = 0; i < ARRAY_SIZE(fatal_signals); i++)
            catch_signal(fatal_signals[i], on_fatal, (int)SA_RESETHAND | SA_NODEFER);
        catch_signal(SIGCONT, on_continue, SA_RESTART);
    }
    tcsetattr(STDIN_FILENO, TCSANOW, &tty_raw);
}

/* --- open, close ---------------------------------------------------------------- */

struct console *console_open(const struct chardev_opts *o, uint8_t escape,
                             const struct console_ops *ops, void *opaque, struct err *e)
{
    struct console *c = calloc(1, sizeof(*c));
    if (!c) {
        err_set(e, "out of memory");
        return NULL;
    }
    *c = (struct console){.kind = o->kind,
                          .in = -1,
                          .out = -1,
                          .mux = o->mux,
                          .escape = escape,
                          .ops = ops,
                          .opaque = opaque};
    signal(SIGPIPE, SIG_IGN);
    if (o->kind == CHARDEV_STDIO) {
        if (ops && fcntl(STDIN_FILENO, F_GETFD) >= 0)
            c->in = STDIN_FILENO;
        c->out = STDOUT_FILENO;
        tty_enter_raw(!o->mux && !o->nosignal);
    } else if (o->kind == CHARDEV_FILE) {
        c->out = open(o->path,
                      O_WRONLY | O_CREAT | O_CLOEXEC | (o->append ? O_APPEND : O_TRUNC), 0666);
        if (c->out < 0) {
            err_set(e, "cannot create '%s': %s", o->path, strerror(errno));
            free(c);
            return NULL;
        }
        c->own_out = true;
    }
    return c;
}

void console_close(struct console *c)
{
    if (!c)
        return;
    if (c->kind == CHARDEV_STDIO)
        tty_restore();
    if (c->own_out)
        close(c->out);
    free(c);
}

/* --- output --------------------------------------------------------------------- */

void console_write(struct console *c, const uint8_t *buf, size_t n)
{
    while (n && c->out >= 0) {
        ssize_t done = write(c->out, buf, n);
        if (done > 0) {
            buf += done;
            n -= (size_t)done;
        } else if (done < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = c->out, .events = POLLOUT};
            poll(&p, 1, -1);
        } else if (done >= 0 || errno != EINTR) {
            return; /* closed pipe, full disk: the guest cannot know */
        }
    }
}

static void say(struct console *c, const char *text)
{
    console_write(c, (const uint8_t *)text, strlen(text));
}

/* --- input ---------------------------------------------------------------------- */

static void say_help(struct console *c)
{
    char key[16], text[320];
    if (c->escape < 27)
        snprintf(key, sizeof(key), "Ctrl-%c", '@' + c->escape);
    else
        snprintf(key, sizeof(key), "Char-%u", c->escape);
    snprintf(text, sizeof(text),
             "\r\n%s H   this help\r\n%s X   end the emulator\r\n"
             "%s C   monitor (not there yet)\r\n%s A   send %s to the guest\r\n",
             key, key, key, key, key);
    say(c, text);
}

/* Handles the key after the escape character; true when it goes to the guest. */
static bool escape_command(struct console *c, uint8_t ch)
{
    if (ch == c->escape || ch == 'a' || ch == 'A')
        return true;
    switch (ch) {
    case 'x':
    case 'X':
        say(c, "\r\nmynah: terminated\r\n");
        if (c->ops->quit)
            c->ops->quit(c->opaque);
        return false;
    case 'c':
    case 'C': say(c, "\r\nmynah: there is no monitor yet\r\n"); return false;
    default: say_help(c); return false;
    }
}

/* Removes escape sequences in place; returns the bytes left for the guest. */
static size_t filter_keys(struct console *c, uint8_t *buf, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t ch = buf[i];
        if (c->escaped) {
            c->escaped = false;
            if (!escape_command(c, ch))
                continue;
            ch = c->escape;
        } else if (c->mux && c->escape && ch == c->escape) {
            c->escaped = true;
            continue;
        }
        buf[kept++] = ch;
    }
    return kept;
}

void console_kick(struct console *c)
{
    while (c->held_n) {
        size_t took = c->ops->receive(c->opaque, c->held + c->held_at, c->held_n);
        assert(took <= c->held_n);
        if (!took)
            return;
        c->held_at += (unsigned)took;
        c->held_n -= (unsigned)took;
    }
}

int console_poll_fd(const struct console *c)
{
    return c->held_n ? -1 : c->in;
}

void console_on_readable(struct console *c)
{
    if (c->in < 0 || c->held_n)
        return;
    struct pollfd p = {.fd = c->in, .events = POLLIN};
    if (poll(&p, 1, 0) <= 0)
        return; /* taken by someone else meanwhile: do not block */
    ssize_t n = read(c->in, c->held, sizeof(c->held));
    if (n <= 0) {
        if (n == 0 || (errno != EINTR && errno != EAGAIN))
            c->in = -1;
        return;
    }
    c->held_at = 0;
    c->held_n = (unsigned)filter_keys(c, c->held, (size_t)n);
    console_kick(c);
}
