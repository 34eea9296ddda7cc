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

/* ---- the loop ---- */

/* Time until the next deadline in *ts; NULL: none that this thread waits for. */
static struct timespec *until_deadline(struct vm *vm, struct timespec *ts)
{
    uint64_t deadline = clock_deadline(&vm->clock), now;

    vm->waiting_for = CLOCK_NEVER;
    if (vm->o->icount || vm->stop) /* the vCPU's own count is the clock; or it stands still */
        return NULL;
    now = clock_now(&vm->clock);
    if (deadline <= now) /* the vCPU's to handle: it wakes us after that */
        vm_wake_vcpu(vm, KICK_EVENT);
    if (deadline == CLOCK_NEVER || deadline <= now)
        return NULL;
    vm->waiting_for = deadline;
    ts->tv_sec = (time_t)((deadline - now) / NS_PER_S);
    ts->tv_nsec = (long)((deadline - now) % NS_PER_S);
    return ts;
}

void vm_main_loop(struct vm *vm)
{
    struct timespec ts;

    pthread_mutex_lock(&vm->lock);
    while (!vm->quit) {
        loop_run_once(vm->loop, &vm->lock, until_deadline(vm, &ts));
        if (signal_came)
            vm_quit(vm, 0, VM_BY_SIGNAL);
    }
    pthread_mutex_unlock(&vm->lock);
}
