/* SPDX-License-Identifier: MIT
 * The vCPU thread: guest code, timer events, sleeping, parking, calls from other threads. */
#include "translator/run.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "frontend/vm_int.h"

static _Thread_local bool in_vcpu; /* this is the vCPU thread */

bool vm_in_vcpu(void)
{
    return in_vcpu;
}

void vm_wake_vcpu(struct vm *vm, uint32_t why)
{
    if (vm->cpu) /* a drive may answer while the board is being built */
        cpu_kick(vm->cpu, why);
    if (in_vcpu)
        return;
    pthread_mutex_lock(&vm->wake_lock);
    pthread_cond_signal(&vm->wake);
    pthread_mutex_unlock(&vm->wake_lock);
}

static void deferred_kick(void *opaque)
{
    vm_wake_vcpu(opaque, KICK_EVENT);
}

/* ---- time ---- */

/* Counting mode: one instruction is one nanosecond, and idle time is skipped.
 * Input from the terminal comes at the time of the last event. */
static uint64_t counted_now(void *opaque)
{
    struct vm *vm = opaque;

    return in_vcpu ? vm->cpu->icount + vm->warp : vm->counted;
}

/* The main thread sleeps towards a deadline: it is woken for an earlier one only, and once.
 * Under the lock, as its own look at the deadline, which comes before its next sleep. */
static void wake_for_deadline(struct vm *vm)
{
    uint64_t deadline = clock_deadline(&vm->clock);

    if (deadline >= vm->waiting_for)
        return;
    vm->waiting_for = deadline;
    loop_wake(vm->loop);
}

static void deadline_moved(void *opaque)
{
    struct vm *vm = opaque;

    if (vm->o->icount)
        cpu_kick(vm->cpu, KICK_EVENT);
    else
        wake_for_deadline(vm);
}

void vm_init_time(struct vm *vm)
{
    clock_init(&vm->clock, vm->o->icount ? counted_now : NULL, vm);
    vm->clock.kick = deadline_moved;
    vm->clock.kick_opaque = vm;
    defer_queue_init(&vm->deferred);
    vm->deferred.kick = deferred_kick;
    vm->deferred.opaque = vm;
}

static void set_budget(struct vm *vm)
{
    uint64_t when = clock_deadline(&vm->clock), now = clock_now(&vm->clock);

    vm->counted = now;
    vm->cpu->budget = when == CLOCK_NEVER ? INT64_MAX / 2
                      : when > now        ? (int64_t)(when - now)
                                          : 1;
}

/* ---- calls from other threads ---- */

static void run_calls(struct vm *vm)
{
    struct vm_call *c;

    while ((c = vm->calls)) {
        vm->calls = c->next;
        if (!vm->calls)
            vm->calls_tail = &vm->calls;
        c->fn(c->opaque);
        c->done = true;
        pthread_cond_broadcast(&vm->done);
    }
}

void vm_run_on_cpu(struct vm *vm, void (*fn)(void *opaque), void *opaque)
{
    struct vm_call c = {.fn = fn, .opaque = opaque};

    if (in_vcpu || !vm->started) {
        fn(opaque);
        return;
    }
    *vm->calls_tail = &c;
    vm->calls_tail = &c.next;
    vm_wake_vcpu(vm, KICK_EVENT);
    while (!c.done)
        pthread_cond_wait(&vm->done, &vm->lock);
}

/* What is due, and when the vCPU looks again. */
static void run_due(struct vm *vm)
{
    clock_run_events(&vm->clock);
    if (vm->o->icount)
        set_budget(vm);
    else
        wake_for_deadline(vm);
}

void vm_run_events(void *opaque)
{
    struct vm *vm = opaque;

    pthread_mutex_lock(&vm->lock);
    run_calls(vm);
    defer_run(&vm->deferred);
    run_due(vm);
    pthread_mutex_unlock(&vm->lock);
}

/* ---- sleeping ---- */

/* Sleeps without the device lock until the deadline (virtual time) or a kick. */
static void sleep_until(struct vm *vm, uint64_t deadline)
{
    uint64_t now = clock_now(&vm->clock), ns;
    struct timespec ts;
    int timed_out = 0;

    if (deadline != CLOCK_NEVER) {
        if (deadline <= now)
            return;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        ns = (uint64_t)ts.tv_nsec + (deadline - now);
        ts.tv_sec += (time_t)(ns / NS_PER_S);
        ts.tv_nsec = (long)(ns % NS_PER_S);
    }
    pthread_mutex_lock(&vm->wake_lock);
    while (!timed_out && !__atomic_load_n(&vm->cpu->kick, __ATOMIC_SEQ_CST))
        timed_out = deadline == CLOCK_NEVER
                        ? pthread_cond_wait(&vm->wake, &vm->wake_lock)
                        : pthread_cond_timedwait(&vm->wake, &vm->wake_lock, &ts);
    pthread_mutex_unlock(&vm->wake_lock);
}

/* HLT: sleep until an event or a kick; in counting mode time jumps instead. */
static void idle(struct vm *vm)
{
    uint64_t deadline, now;
    bool jumped = false;

    pthread_mutex_lock(&vm->lock);
    deadline = clock_deadline(&vm->clock);
    now = clock_now(&vm->clock);
    if (vm->o->icount && deadline != CLOCK_NEVER &&
        !__atomic_load_n(&vm->cpu->kick, __ATOMIC_ACQUIRE)) {
        vm->warp += deadline > now ? deadline - now : 0;
        jumped = true;
    }
    pthread_mutex_unlock(&vm->lock);
    if (!jumped)
        sleep_until(vm, deadline);
    pthread_mutex_lock(&vm->lock);
    run_due(vm);
    pthread_mutex_unlock(&vm->lock);
}

static void reset_now(struct vm *vm)
{
    struct err e;

    if (!vm_reset_machine(vm, &e)) {
        fprintf(stderr, "mynah: %s\n", e.msg);
        vm_quit(vm, 1, VM_BY_HOST_ERROR);
    } else {
        if (vm->state != VM_RUNNING)
            vm->state = VM_PRELAUNCH;
        vm_tell(vm, VM_EV_RESET, vm->reset_cause);
    }
    pthread_cond_broadcast(&vm->done);
}

/* The machine stands: only calls, answers of disk workers and resets are seen to. */
static void park(struct vm *vm)
{
    pthread_mutex_lock(&vm->lock);
    clock_stop(&vm->clock);
    drives_flush(vm->drives);
    vm->parked = true;
    vm_tell_stopped(vm);
    pthread_cond_broadcast(&vm->done);
    while (!vm->quit && vm->stop) {
        __atomic_store_n(&vm->cpu->kick, 0, __ATOMIC_SEQ_CST);
        run_calls(vm);
        defer_run(&vm->deferred);
        if (vm->reset_wanted)
            reset_now(vm);
        if (vm->quit || !vm->stop)
            break;
        pthread_mutex_unlock(&vm->lock);
        sleep_until(vm, CLOCK_NEVER);
        pthread_mutex_lock(&vm->lock);
    }
    vm->parked = false;
    cpu_kick(vm->cpu, KICK_EVENT); /* what came meanwhile is looked at now */
    clock_start(&vm->clock);
    drives_retry(vm->drives);
    pthread_mutex_unlock(&vm->lock);
}

/* ---- running ---- */

static void triple_fault(struct vm *vm)
{
    pthread_mutex_lock(&vm->lock);
    if (!vm->o->no_reboot) {
        vm_reset(vm, VM_BY_GUEST_RESET);
    } else {
        fprintf(stderr,
                "mynah: the guest triple-faulted at %04x:%llx; ended because of -no-reboot\n",
                vm->cpu->seg[SEG_CS].sel, (unsigned long long)vm->cpu->rip);
        vm_quit(vm, 1, VM_BY_GUEST_RESET);
    }
    pthread_mutex_unlock(&vm->lock);
}

static void *vcpu_main(void *opaque)
{
    struct vm *vm = opaque;

    in_vcpu = true;
    pthread_mutex_lock(&vm->lock);
    vm->tid = (int)syscall(SYS_gettid);
    vm->started = true;
    pthread_cond_broadcast(&vm->done);
    pthread_mutex_unlock(&vm->lock);
    if (vm->o->icount)
        vm_run_events(vm);
    while (!vm_asked(&vm->quit)) {
        if (vm_asked(&vm->stop))
            park(vm);
        if (vm_asked(&vm->reset_wanted)) {
            pthread_mutex_lock(&vm->lock);
            reset_now(vm);
            pthread_mutex_unlock(&vm->lock);
        }
        if (vm_asked(&vm->quit))
            break;
        switch (run_cpu(vm->cpu)) {
        case RUN_HALTED: idle(vm); break;
        case RUN_SHUTDOWN: triple_fault(vm); break;
        case RUN_BUDGET: vm_run_events(vm); break;
        default: break;
        }
    }
    pthread_mutex_lock(&vm->lock);
    vm->started = false; /* calls are made by their callers from now on */
    run_calls(vm);
    pthread_cond_broadcast(&vm->done);
    pthread_mutex_unlock(&vm->lock);
    loop_wake(vm->loop);
    return NULL;
}

bool vm_start_vcpu(struct vm *vm, struct err *e)
{
    clock_start(&vm->clock);
    if (pthread_create(&vm->thread, NULL, vcpu_main, vm))
        return err_set(e, "cannot start the vCPU thread");
    pthread_mutex_lock(&vm->lock);
    while (!vm->tid)
        pthread_cond_wait(&vm->done, &vm->lock);
    pthread_mutex_unlock(&vm->lock);
    return true;
}
