/* SPDX-License-Identifier: MIT
 * The main thread: descriptors, deadlines, signals. */
#include "frontend/vm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* ---- signals ---- */

/* Process-wide, as signals are. The first of a kind ends the machine in order, the second does
 * what it did before (the console's handler restores the terminal and dies). */
static struct vm *signalled_vm;
static volatile sig_atomic_t signal_came;
static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before[ARRAY_SIZE(ending)];

static void on_signal(int sig)
{
    signal_came = sig;
    for (unsigned i = 0; i < ARRAY_SIZE(ending); i++)
        if (ending[i] == sig)
            sigaction(sig, &before[i], NULL);
    loop_wake(signalled_vm->loop);
}

void vm_catch_signals(struct vm *vm)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    signalled_vm = vm;
    for (unsigned i = 0; i < ARRAY_SIZE(ending); i++) {
        sigaction(ending[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(ending[i], &sa, NULL);
    }
}

void vm_release_signals(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ending); i++)
        sigaction(ending[i], &before[i], NULL);
    signalled_vm = NULL;
}

/* ---- character devices ---- */

static size_t char_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct vm_char *vc = container_of(c, struct vm_char, chr);

    console_write(vc->con, buf, n);
    return n;
}

static void char_accept_input(struct chardev *c)
{
    struct vm_char *vc = container_of(c, struct vm_char, chr);

    console_kick(vc->con);
    loop_wake(vc->vm->loop); /* it may poll for input again */
}

static size_t char_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct vm_char *vc = opaque;

    return chardev_feed(&vc->chr, buf, n);
}

static void char_quit(void *opaque)
{
    struct vm_char *vc = opaque;

    vm_quit(vc->vm, 0, VM_BY_UI);
}

static void char_readable(void *opaque, short revents)
{
    struct vm_char *vc = opaque;

    console_on_readable(vc->con);
}

static bool open_char(struct vm *vm, unsigned i, const struct chardev_opts *co, struct err *e)
{
    static const struct console_ops ops = {.receive = char_receive, .quit = char_quit};
    struct vm_char *vc = &vm->chars[i];

    vc->vm = vm;
    if (co->kind == CHARDEV_NONE)
        return true;
    vc->chr.write = char_write;
    vc->chr.accept_input = char_accept_input;
    vc->con = console_open(co, vm->o->escape, &ops, vc, e);
    if (!vc->con)
        return false;
    if (console_poll_fd(vc->con) >= 0)
        vc->watch = loop_watch(vm->loop, console_poll_fd(vc->con), POLLIN, char_readable, vc);
    return true;
}

struct chardev *vm_char(struct vm *vm, unsigned i)
{
    return vm->chars[i].con ? &vm->chars[i].chr : NULL;
}

bool vm_open_chars(struct vm *vm, struct err *e)
{
    for (unsigned i = 0; i < OPTS_SERIALS; i++)
        if (!open_char(vm, i, &vm->o->serial[i], e))
            return false;
    return open_char(vm, CHAR_DEBUGCON, &vm->o->debugcon, e);
}

void vm_close_chars(struct vm *vm)
{
    for (unsigned i = 0; i < CHAR_COUNT; i++) {
        loop_unwatch(vm->chars[i].watch);
        console_close(vm->chars[i].con);
    }
}

/* ---- the loop ---- */

/* Time until the next deadline in *ts; NULL: none that this thread waits for. */
static struct timespec *until_deadline(struct vm *vm, struct timespec *ts)
{
    uint64_t deadline = clock_deadline(&vm->clock), now;

    __atomic_store_n(&vm->waiting_for, CLOCK_NEVER, __ATOMIC_RELAXED);
    if (vm->o->icount || vm->stop) /* the vCPU's own count is the clock; or it stands still */
        return NULL;
    now = clock_now(&vm->clock);
    if (deadline <= now) /* the vCPU's to handle: it wakes us after that */
        vm_wake_vcpu(vm, KICK_EVENT);
    if (deadline == CLOCK_NEVER || deadline <= now)
        return NULL;
    __atomic_store_n(&vm->waiting_for, deadline, __ATOMIC_RELAXED);
    ts->tv_sec = (time_t)((deadline - now) / NS_PER_S);
    ts->tv_nsec = (long)((deadline - now) % NS_PER_S);
    return ts;
}

static void want_input(struct vm *vm)
{
    for (unsigned i = 0; i < CHAR_COUNT; i++)
        if (vm->chars[i].watch)
            loop_want(vm->chars[i].watch, console_poll_fd(vm->chars[i].con) >= 0 ? POLLIN : 0);
}

void vm_main_loop(struct vm *vm)
{
    struct timespec ts;

    pthread_mutex_lock(&vm->lock);
    while (!vm->quit) {
        want_input(vm);
        loop_run_once(vm->loop, &vm->lock, until_deadline(vm, &ts));
        if (signal_came)
            vm_quit(vm, 0, VM_BY_SIGNAL);
    }
    pthread_mutex_unlock(&vm->lock);
}
