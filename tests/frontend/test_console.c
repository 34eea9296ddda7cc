/* SPDX-License-Identifier: MIT
 * The console on pipes, closed descriptors and a pseudo-terminal. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pty.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "frontend/console.h"

/* A receiver with limited room, like a UART's FIFO. */
struct sink {
    uint8_t buf[4096];
    size_t n, room;
    unsigned quits;
};

static size_t sink_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct sink *s = opaque;
    size_t take = n < s->room ? n : s->room;
    memcpy(s->buf + s->n, buf, take);
    s->n += take;
    s->room -= take;
    return take;
}

static void sink_quit(void *opaque)
{
    ((struct sink *)opaque)->quits++;
}

static const struct console_ops ops = {sink_receive, sink_quit};
static const struct chardev_opts mux = {.kind = CHARDEV_STDIO, .mux = true};
static const struct chardev_opts plain = {.kind = CHARDEV_STDIO};

/* Standard input and output replaced by pipes for the time of a test. */
struct stdio {
    int saved_in, saved_out, in, out; /* in: we write what the console reads */
};

static struct stdio stdio_swap(void)
{
    struct stdio s = {dup(0), dup(1), -1, -1};
    int a[2], b[2];
    fflush(stdout);
    g_assert_true(pipe(a) == 0 && pipe(b) == 0);
    dup2(a[0], 0);
    dup2(b[1], 1);
    close(a[0]);
    close(b[1]);
    s.in = a[1];
    s.out = b[0];
    fcntl(s.out, F_SETFL, O_NONBLOCK);
    return s;
}

static void stdio_back(struct stdio *s)
{
    dup2(s->saved_in, 0);
    dup2(s->saved_out, 1);
    close(s->saved_in);
    close(s->saved_out);
    if (s->in >= 0)
        close(s->in);
    close(s->out);
}

static void feed(struct console *c, struct stdio *s, const char *text)
{
    g_assert_cmpint(write(s->in, text, strlen(text)), ==, (gssize)strlen(text));
    while (console_poll_fd(c) >= 0) {
        struct pollfd p = {.fd = console_poll_fd(c), .events = POLLIN};
        if (poll(&p, 1, 0) <= 0)
            break;
        console_on_readable(c);
    }
}

static void test_keys(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 4096};
    struct err e;
    char out[2048];
    struct console *c = console_open(&mux, 1, &ops, &k, &e);
    feed(c, &s, "ab\001acd\001\001e\001h\001");
    feed(c, &s, "c\001xz");
    ssize_t n = read(s.out, out, sizeof(out) - 1);
    console_close(c);
    stdio_back(&s);
    k.buf[k.n] = 0;
    g_assert_cmpstr((char *)k.buf, ==, "ab\001cd\001ez");
    g_assert_cmpint(k.quits, ==, 1);
    g_assert_cmpint(n, >, 0);
    out[n] = 0;
    g_assert_nonnull(strstr(out, "Ctrl-A X"));
    g_assert_nonnull(strstr(out, "no monitor"));
}

static void test_other_escape(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 4096};
    struct err e;
    struct console *c = console_open(&mux, 0x14, &ops, &k, &e);
    feed(c, &s, "\001x\024x");
    console_close(c);
    g_assert_cmpint(k.n, ==, 2);
    g_assert_cmpint(k.quits, ==, 1);
    c = console_open(&plain, 1, &ops, &k, &e); /* no multiplexer: all is the guest's */
    feed(c, &s, "\001x");
    console_close(c);
    stdio_back(&s);
    g_assert_cmpint(k.n, ==, 4);
    g_assert_cmpint(k.quits, ==, 1);
}

static void test_full_receiver(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 3};
    struct err e;
    char text[2001];
    for (int i = 0; i < 2000; i++)
        text[i] = (char)('a' + i % 26);
    text[2000] = 0;
    struct console *c = console_open(&mux, 1, &ops, &k, &e);
    feed(c, &s, text);
    g_assert_cmpint(k.n, ==, 3);
    g_assert_cmpint(console_poll_fd(c), ==, -1);
    while (k.n < 2000) {
        k.room = 7;
        console_kick(c);
        feed(c, &s, "");
    }
    console_close(c);
    stdio_back(&s);
    g_assert_true(!memcmp(k.buf, text, 2000));
}

static void test_end_of_input(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 4096};
    struct err e;
    struct console *c = console_open(&mux, 1, &ops, &k, &e);
    g_assert_cmpint(write(s.in, "last", 4), ==, 4);
    close(s.in);
    s.in = -1;
    console_on_readable(c);
    g_assert_cmpint(k.n, ==, 4);
    g_assert_cmpint(console_poll_fd(c), ==, 0);
    console_on_readable(c);
    g_assert_cmpint(console_poll_fd(c), ==, -1);
    console_close(c);
    close(0); /* no standard input at all */
    c = console_open(&mux, 1, &ops, &k, &e);
    g_assert_cmpint(console_poll_fd(c), ==, -1);
    console_on_readable(c);
    console_close(c);
    stdio_back(&s);
}

static void test_closed_output(void)
{
    struct stdio s = stdio_swap();
    struct err e;
    struct console *c = console_open(&mux, 1, NULL, NULL, &e);
    g_assert_cmpint(console_poll_fd(c), ==, -1); /* output only */
    close(s.out);
    s.out = open("/dev/null", O_RDONLY);
    console_write(c, (const uint8_t *)"x", 1); /* EPIPE, no signal */
    console_close(c);
    stdio_back(&s);
}

static void test_file(void)
{
    char *name = NULL, *text;
    struct err e = {""};
    close(g_file_open_tmp("mynah-con-XXXXXX", &name, NULL));
    struct chardev_opts o = {.kind = CHARDEV_FILE, .path = name};
    for (int i = 0; i < 2; i++) {
        struct console *c = console_open(&o, 1, NULL, NULL, &e);
        console_write(c, (const uint8_t *)"line\n", 5);
        console_close(c);
        o.append = true;
    }
    g_assert_true(g_file_get_contents(name, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "line\nline\n");
    g_free(text);
    g_unlink(name);
    g_free(name);
    o = (struct chardev_opts){.kind = CHARDEV_FILE, .path = "/nonexistent/file"};
    g_assert_null(console_open(&o, 1, NULL, NULL, &e));
    g_assert_nonnull(strstr(e.msg, "/nonexistent/file"));
}

/* Runs fn in a child whose terminal is a new pty; the pty's settings afterwards. */
static struct termios in_pty(void (*fn)(void), int *status, struct termios *before)
{
    int master, slave;
    struct termios after;
    g_assert_cmpint(openpty(&master, &slave, NULL, NULL, NULL), ==, 0);
    tcgetattr(slave, before);
    pid_t pid = fork();
    if (pid == 0) {
        login_tty(dup(slave));
        fn();
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, status, 0), ==, pid);
    tcgetattr(slave, &after);
    close(slave);
    close(master);
    return after;
}

static struct console *volatile raw_console; /* never closed: that is the point */

static void open_raw(bool expect_isig)
{
    struct err e;
    struct termios t;
    struct chardev_opts o = expect_isig ? plain : mux;
    raw_console = console_open(&o, 1, &ops, NULL, &e);
    if (!raw_console)
        _exit(2);
    tcgetattr(0, &t);
    if ((t.c_lflag & (ICANON | ECHO)) || !(t.c_lflag & ISIG) == expect_isig)
        _exit(3);
}

static void die_by_exit(void)
{
    open_raw(false);
    exit(0);
}

static void die_by_signal(void)
{
    open_raw(true);
    raise(SIGTERM);
}

static void die_by_crash(void)
{
    open_raw(false);
    raise(SIGABRT);
}

static void test_terminal(void)
{
    void (*const ways[])(void) = {die_by_exit, die_by_signal, die_by_crash};
    const int signals[] = {0, SIGTERM, SIGABRT};
    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        int status;
        struct termios before, after = in_pty(ways[i], &status, &before);
        if (signals[i])
            g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
        else
            g_assert_cmpint(status, ==, 0);
        g_assert_cmphex(after.c_lflag, ==, before.c_lflag);
        g_assert_cmphex(after.c_iflag, ==, before.c_iflag);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/console/keys", test_keys);
    g_test_add_func("/console/other-escape", test_other_escape);
    g_test_add_func("/console/full-receiver", test_full_receiver);
    g_test_add_func("/console/end-of-input", test_end_of_input);
    g_test_add_func("/console/closed-output", test_closed_output);
    g_test_add_func("/console/file", test_file);
    g_test_add_func("/console/terminal", test_terminal);
    return g_test_run();
}
