/* SPDX-License-Identifier: MIT
 * The terminal: standard input and output. At most one back end is of this kind. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "frontend/chardev/chr_int.h"

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

/* --- back end --------------------------------------------------------------------- */

/* Output must not block, and O_NONBLOCK would be set for everybody who shares the open file
 * (the shell): a pipe or a terminal is opened anew. */
static int open_stdout(struct chr *c)
{
    struct stat st;

    if (fstat(STDOUT_FILENO, &st))
        return -1;
    c->is_socket = S_ISSOCK(st.st_mode);
    if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
        return STDOUT_FILENO; /* files never block */
    c->spare = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    c->out_may_block = c->spare < 0;
    return c->spare < 0 ? STDOUT_FILENO : c->spare;
}

static bool stdio_open(struct chr *c, struct err *e)
{
    int in = fcntl(STDIN_FILENO, F_GETFD) < 0 ? -1 : STDIN_FILENO, out = open_stdout(c);

    c->keep_fds = true;
    c->in_may_block = true;
    chr_set_filename(c, "stdio");
    tty_enter_raw(!c->o->mux && !c->o->nosignal);
    chr_attach_fds(c, in, out);
    return true;
}

/* The end of the input is not the end of the output. */
static void stdio_hung_up(struct chr *c)
{
    loop_unwatch(c->watch_in);
    c->watch_in = NULL;
    c->in = -1;
}

static void stdio_close(struct chr *c)
{
    tty_restore();
    if (c->spare >= 0)
        close(c->spare);
}

const struct chr_kind chr_stdio = {stdio_open, stdio_hung_up, stdio_close};
