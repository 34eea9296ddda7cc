/* SPDX-License-Identifier: MIT
 * Character back ends on pipes, sockets, closed descriptors and pseudo-terminals. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "frontend/chardev/chr.h"

/* A front end with limited room, like a UART's FIFO. */
struct sink {
    uint8_t buf[4096];
    size_t n, room;
    unsigned quits, opened, closed, focused, ready;
};

static size_t sink_room(void *opaque)
{
    return ((struct sink *)opaque)->room;
}

static void sink_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct sink *s = opaque;

    g_assert_cmpuint(n, <=, s->room);
    memcpy(s->buf + s->n, buf, n);
    s->n += n;
    s->room -= n;
}

static void sink_ready(void *opaque)
{
    ((struct sink *)opaque)->ready++;
}

static void sink_event(void *opaque, enum chr_event ev)
{
    struct sink *s = opaque;

    s->opened += ev == CHR_OPENED;
    s->closed += ev == CHR_CLOSED;
    s->focused += ev == CHR_FOCUS;
}

static void sink_quit(void *opaque)
{
    ((struct sink *)opaque)->quits++;
}

static struct loop *loop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct chr_host host = {.escape = 1, .quit = sink_quit};
static const struct chardev_opts mux = {
    .kind = CHARDEV_STDIO, .id = "m", .mux = true, .fd = -1};
static const struct chardev_opts plain = {.kind = CHARDEV_STDIO, .id = "p", .fd = -1};

static struct chr *open_it(const struct chardev_opts *o, struct sink *k)
{
    struct err e = {""};
    struct chr *c;

    host.opaque = k;
    c = chr_open(o, loop, &host, &e);
    if (!c)
        g_error("%s", e.msg);
    return c;
}

static struct chr_port *front(struct chr *c, struct sink *k)
{
    struct chr_port *p = chr_attach(c);

    chardev_set_front(&p->chr, sink_room, sink_receive, NULL, k);
    chr_listen(p, sink_event, k);
    return p;
}

/* Everything that is ready now. */
static void turn(void)
{
    static const struct timespec no_time = {0, 0};

    pthread_mutex_lock(&lock);
    for (int i = 0; i < 50; i++)
        loop_run_once(loop, &lock, &no_time);
    pthread_mutex_unlock(&lock);
}

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

static void feed(struct stdio *s, const char *text)
{
    g_assert_cmpint(write(s->in, text, strlen(text)), ==, (gssize)strlen(text));
    turn();
}

static void test_keys(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 4096};
    char out[2048];
    struct chr *c = open_it(&mux, &k);
    front(c, &k);
    feed(&s, "ab\001acd\001\001e\001h\001");
    feed(&s, "c\001xz");
    ssize_t n = read(s.out, out, sizeof(out) - 1);
    chr_close(c);
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
    host.escape = 0x14;
    struct chr *c = open_it(&mux, &k);
    front(c, &k);
    feed(&s, "\001x\024x");
    chr_close(c);
    host.escape = 1;
    g_assert_cmpint(k.n, ==, 2);
    g_assert_cmpint(k.quits, ==, 1);
    c = open_it(&plain, &k); /* no multiplexer: all is the guest's */
    front(c, &k);
    feed(&s, "\001x");
    chr_close(c);
    stdio_back(&s);
    g_assert_cmpint(k.n, ==, 4);
    g_assert_cmpint(k.quits, ==, 1);
}

/* Two front ends on one terminal: Ctrl-A C moves the focus, both may speak. */
static void test_mux(void)
{
    struct stdio s = stdio_swap();
    struct sink a = {.room = 4096}, b = {.room = 4096};
    char out[100];
    struct chr *c = open_it(&mux, &a);
    struct chr_port *pa = front(c, &a), *pb = front(c, &b);
    g_assert_cmpuint(a.focused, ==, 1);
    g_assert_cmpuint(b.focused, ==, 0);
    a.room = 2; /* keys are seen behind input that the guest does not take */
    feed(&s, "one\001ctwo");
    feed(&s, "\001c\001cthree");
    g_assert_cmpuint(b.focused, ==, 2);
    g_assert_cmpmem(a.buf, a.n, "on", 2);
    g_assert_cmpmem(b.buf, b.n, "twothree", 8);
    a.room = 10;
    chardev_accept_input(&pa->chr);
    g_assert_cmpmem(a.buf, a.n, "one", 3);
    chardev_write(&pa->chr, (const uint8_t *)"A", 1);
    chardev_write(&pb->chr, (const uint8_t *)"B", 1);
    g_assert_cmpint(read(s.out, out, sizeof(out)), ==, 2);
    g_assert_true(!memcmp(out, "AB", 2));
    chr_close(c);
    stdio_back(&s);
}

static void test_full_receiver(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 3};
    char text[2001];
    for (int i = 0; i < 2000; i++)
        text[i] = (char)('a' + i % 26);
    text[2000] = 0;
    struct chr *c = open_it(&plain, &k);
    struct chr_port *p = front(c, &k);
    feed(&s, text);
    g_assert_cmpint(k.n, ==, 3);
    while (k.n < 2000) {
        k.room = 7;
        chardev_accept_input(&p->chr);
        turn();
    }
    chr_close(c);
    stdio_back(&s);
    g_assert_true(!memcmp(k.buf, text, 2000));
}

/* A reader that stalls: nobody waits, nothing is lost, a front end with flow control is told
 * when it may go on. */
static void test_stalled_reader(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 4096};
    struct chr *c = open_it(&plain, &k);
    struct chr_port *p = front(c, &k);
    uint8_t block[1024], back[4096];
    size_t sent = 0, got = 0;
    ssize_t n;

    chardev_set_output_ready(&p->chr, sink_ready);
    memset(block, 'x', sizeof(block));
    while (chardev_write(&p->chr, block, sizeof(block)) == sizeof(block) && sent < 1 << 24)
        sent += sizeof(block);
    g_assert_cmpuint(sent, <, 1 << 20);
    g_assert_cmpuint(k.ready, ==, 0);
    while (got < sent) {
        while ((n = read(s.out, back, sizeof(back))) > 0)
            got += (size_t)n;
        turn();
    }
    g_assert_cmpuint(got, ==, sent);
    g_assert_cmpuint(k.ready, ==, 1);
    g_assert_cmpuint(chardev_write(&p->chr, block, 1), ==, 1);
    chr_close(c);
    stdio_back(&s);
}

static void test_end_of_input(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 4096};
    struct chr *c = open_it(&mux, &k);
    struct chr_port *p = front(c, &k);
    char out[8];
    g_assert_cmpint(write(s.in, "last", 4), ==, 4);
    close(s.in);
    s.in = -1;
    turn();
    g_assert_cmpint(k.n, ==, 4);
    g_assert_cmpint(k.closed, ==, 0);
    chardev_write(&p->chr, (const uint8_t *)"on", 2); /* output goes on */
    g_assert_cmpint(read(s.out, out, sizeof(out)), ==, 2);
    chr_close(c);
    close(0); /* no standard input at all */
    c = open_it(&mux, &k);
    front(c, &k);
    turn();
    chr_close(c);
    stdio_back(&s);
}

static void test_closed_output(void)
{
    struct stdio s = stdio_swap();
    struct sink k = {.room = 4096};
    struct chr *c = open_it(&mux, &k);
    struct chr_port *p = front(c, &k);
    close(s.out);
    s.out = open("/dev/null", O_RDONLY);
    g_assert_cmpuint(chardev_write(&p->chr, (const uint8_t *)"x", 1), ==, 1); /* no signal */
    chr_close(c);
    stdio_back(&s);
}

static void test_file(void)
{
    char *name = NULL, *text;
    struct err e = {""};
    close(g_file_open_tmp("mynah-chr-XXXXXX", &name, NULL));
    struct chardev_opts o = {.kind = CHARDEV_FILE, .id = "f", .path = name};
    for (int i = 0; i < 2; i++) {
        struct chr *c = open_it(&o, NULL);
        chardev_write(&chr_attach(c)->chr, (const uint8_t *)"line\n", 5);
        chr_close(c);
        o.append = true;
    }
    g_assert_true(g_file_get_contents(name, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "line\nline\n");
    g_free(text);
    g_unlink(name);
    g_free(name);
    o = (struct chardev_opts){.kind = CHARDEV_FILE, .id = "f", .path = "/nonexistent/file"};
    g_assert_null(chr_open(&o, loop, &host, &e));
    g_assert_nonnull(strstr(e.msg, "/nonexistent/file"));
}

static void say(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, (gssize)strlen(text));
    turn();
}

static void expect(int fd, const char *text)
{
    char buf[100];
    ssize_t n = read(fd, buf, sizeof(buf) - 1);

    g_assert_cmpint(n, >, 0);
    buf[n] = 0;
    g_assert_cmpstr(buf, ==, text);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    turn();
    return fd;
}

static char *temp_name(const char *suffix)
{
    static unsigned n;

    return g_strdup_printf("%s/mynah-chr-%d-%u%s", g_get_tmp_dir(), getpid(), n++, suffix);
}

/* One client after the other; a client socket of ours ends with its server. */
static void test_unix_socket(void)
{
    char *path = temp_name("");
    struct chardev_opts so = {.kind = CHARDEV_SOCKET, .id = "s", .path = path, .server = true};
    struct chardev_opts co = {.kind = CHARDEV_SOCKET, .id = "c", .path = path};
    struct sink k = {.room = 4096}, k2 = {.room = 4096};
    struct chr *c = open_it(&so, &k), *c2;
    struct chr_port *p = front(c, &k);
    int fd;

    g_assert_true(g_str_has_prefix(chr_filename(c), "disconnected:unix:"));
    g_assert_cmpuint(k.opened, ==, 0);
    chardev_write(&p->chr, (const uint8_t *)"lost", 4);
    for (unsigned i = 1; i <= 2; i++) {
        fd = connect_unix(path);
        g_assert_cmpuint(k.opened, ==, i);
        g_assert_true(g_str_has_prefix(chr_filename(c), "unix:"));
        say(fd, "ping");
        chardev_write(&p->chr, (const uint8_t *)"pong", 4);
        expect(fd, "pong");
        close(fd);
        turn();
        g_assert_cmpuint(k.closed, ==, i);
    }
    g_assert_cmpmem(k.buf, k.n, "pingping", 8);
    c2 = open_it(&co, &k2);
    front(c2, &k2);
    turn();
    g_assert_cmpuint(k.opened, ==, 3);
    chr_close(c);
    turn();
    g_assert_cmpuint(k2.closed, ==, 1);
    chr_close(c2);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    struct err e;
    g_assert_null(chr_open(&co, loop, &host, &e));
    g_free(path);
}

static void test_tcp_socket(void)
{
    struct chardev_opts so = {
        .kind = CHARDEV_SOCKET, .id = "s", .host = "127.0.0.1", .port = "0", .server = true};
    struct chardev_opts co = {.kind = CHARDEV_SOCKET, .id = "c", .host = "127.0.0.1"};
    struct sink k = {.room = 4096}, k2 = {.room = 4096};
    struct chr *c = open_it(&so, &k), *c2;
    struct err e;
    unsigned port;

    front(c, &k);
    g_assert_cmpint(sscanf(chr_filename(c), "disconnected:tcp:127.0.0.1:%u", &port), ==, 1);
    char *text = g_strdup_printf("%u", port);
    co.port = text;
    c2 = open_it(&co, &k2);
    chardev_write(&front(c2, &k2)->chr, (const uint8_t *)"hi", 2);
    for (int i = 0; i < 100 && k.n < 2; i++) {
        turn();
        g_usleep(1000);
    }
    g_assert_cmpmem(k.buf, k.n, "hi", 2);
    chr_close(c2);
    chr_close(c);
    g_assert_null(chr_open(&co, loop, &host, &e));
    g_assert_nonnull(strstr(e.msg, "127.0.0.1"));
    g_free(text);
}

static void test_inherited_socket(void)
{
    int pair[2];
    struct sink k = {.room = 4096};
    struct err e;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    struct chardev_opts o = {.kind = CHARDEV_SOCKET, .id = "f", .fd = pair[0], .server = true};
    g_assert_null(chr_open(&o, loop, &host, &e));
    g_assert_nonnull(strstr(e.msg, "listen"));
    o.server = false;
    struct chr *c = open_it(&o, &k);
    front(c, &k);
    say(pair[1], "x");
    g_assert_cmpuint(k.n, ==, 1);
    chr_close(c);
    close(pair[1]);
    o.fd = 12345;
    g_assert_null(chr_open(&o, loop, &host, &e));
}

static void test_pipe(void)
{
    char *path = temp_name("");
    char *in = g_strconcat(path, ".in", NULL), *out = g_strconcat(path, ".out", NULL);
    struct chardev_opts o = {.kind = CHARDEV_PIPE, .id = "p", .path = path};
    struct sink k = {.room = 4096};
    struct err e;

    g_assert_null(chr_open(&o, loop, &host, &e));
    g_assert_true(!mkfifo(in, 0600) && !mkfifo(out, 0600));
    struct chr *c = open_it(&o, &k);
    struct chr_port *p = front(c, &k);
    int win = open(in, O_WRONLY), rout = open(out, O_RDONLY);
    say(win, "in");
    chardev_write(&p->chr, (const uint8_t *)"out", 3);
    expect(rout, "out");
    g_assert_cmpmem(k.buf, k.n, "in", 2);
    close(win); /* the next writer may come */
    turn();
    win = open(in, O_WRONLY);
    say(win, "2");
    g_assert_cmpuint(k.n, ==, 3);
    close(win);
    close(rout);
    chr_close(c);
    g_unlink(in);
    g_unlink(out);
    g_free(in);
    g_free(out);
    g_free(path);
}

static void test_pty(void)
{
    static const struct chardev_opts o = {.kind = CHARDEV_PTY, .id = "serial0"};
    struct stdio s = stdio_swap();
    struct sink k = {.room = 4096};
    struct chr *c = open_it(&o, &k);
    struct chr_port *p = front(c, &k);
    char line[100], name[100];
    ssize_t n = read(s.out, line, sizeof(line) - 1);

    stdio_back(&s);
    line[n > 0 ? n : 0] = 0;
    g_assert_cmpint(sscanf(line, "char device redirected to %99s (label serial0)", name), ==,
                    1);
    g_assert_cmpstr(chr_filename(c) + 4, ==, name);
    for (unsigned i = 1; i <= 2; i++) {
        chardev_write(&p->chr, (const uint8_t *)"nobody hears", 12);
        int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
        turn();
        g_assert_cmpuint(k.opened, ==, i);
        say(fd, "in\n");
        chardev_write(&p->chr, (const uint8_t *)"out\n", 4);
        expect(fd, "out\n");
        close(fd);
        turn();
        g_assert_cmpuint(k.closed, ==, i);
    }
    g_assert_cmpmem(k.buf, k.n, "in\nin\n", 6);
    chr_close(c);
}

static void test_host_serial(void)
{
    int master, slave;
    char name[100];
    struct sink k = {.room = 4096};
    struct err e;
    g_assert_cmpint(openpty(&master, &slave, name, NULL, NULL), ==, 0);
    struct chardev_opts o = {.kind = CHARDEV_SERIAL, .id = "t", .path = name};
    struct chr *c = open_it(&o, &k);
    chardev_write(&front(c, &k)->chr, (const uint8_t *)"a\nb", 3);
    expect(master, "a\nb"); /* raw */
    say(master, "\003");
    g_assert_cmpmem(k.buf, k.n, "\003", 1);
    chr_close(c);
    close(master);
    close(slave);
    o.path = "/dev/null";
    g_assert_null(chr_open(&o, loop, &host, &e));
    g_assert_nonnull(strstr(e.msg, "terminal"));
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

static struct chr *volatile raw_chr; /* never closed: that is the point */

static void open_raw(bool expect_isig)
{
    struct err e;
    struct termios t;
    raw_chr = chr_open(expect_isig ? &plain : &mux, loop, &host, &e);
    if (!raw_chr)
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
    struct err e;
    g_test_init(&argc, &argv, NULL);
    loop = loop_create(&e);
    g_test_add_func("/chr/keys", test_keys);
    g_test_add_func("/chr/other-escape", test_other_escape);
    g_test_add_func("/chr/mux", test_mux);
    g_test_add_func("/chr/full-receiver", test_full_receiver);
    g_test_add_func("/chr/stalled-reader", test_stalled_reader);
    g_test_add_func("/chr/end-of-input", test_end_of_input);
    g_test_add_func("/chr/closed-output", test_closed_output);
    g_test_add_func("/chr/file", test_file);
    g_test_add_func("/chr/unix-socket", test_unix_socket);
    g_test_add_func("/chr/tcp-socket", test_tcp_socket);
    g_test_add_func("/chr/inherited-socket", test_inherited_socket);
    g_test_add_func("/chr/pipe", test_pipe);
    g_test_add_func("/chr/pty", test_pty);
    g_test_add_func("/chr/host-serial", test_host_serial);
    g_test_add_func("/chr/terminal", test_terminal);
    int status = g_test_run();
    loop_destroy(loop);
    return status;
}
