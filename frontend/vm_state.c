/* SPDX-License-Identifier: MIT
 * Run states: who may change them, and what is told about it. */
#include "frontend/vm_int.h"

static const struct {
    const char *name;
    bool needs_reset; /* before it can go on */
} states[] = {
    [VM_RUNNING] = {"running"},
    [VM_PAUSED] = {"paused"},
    [VM_PRELAUNCH] = {"prelaunch"},
    [VM_SHUTDOWN] = {"shutdown", true},
    [VM_IO_ERROR] = {"io-error"},
    [VM_GUEST_PANICKED] = {"guest-panicked", true},
    [VM_INTERNAL_ERROR] = {"internal-error", true},
    [VM_DEBUG] = {"debug"},
};

static const struct {
    const char *name;
    bool guest;
} causes[] = {
    [VM_BY_QUIT] = {"host-qmp-quit"},
    [VM_BY_COMMAND] = {"host-qmp-system-reset"},
    [VM_BY_SIGNAL] = {"host-signal"},
    [VM_BY_UI] = {"host-ui"},
    [VM_BY_GUEST_OFF] = {"guest-shutdown", true},
    [VM_BY_GUEST_RESET] = {"guest-reset", true},
    [VM_BY_PANIC] = {"guest-panic", true},
    [VM_BY_HOST_ERROR] = {"host-error"},
};

enum vm_state vm_state(const struct vm *vm)
{
    return vm->state;
}

const char *vm_state_name(enum vm_state s)
{
    return states[s].name;
}

const char *vm_cause_name(enum vm_cause c)
{
    return causes[c].name;
}

bool vm_cause_guest(enum vm_cause c)
{
    return causes[c].guest;
}

void vm_on_event(struct vm *vm, void (*fn)(void *opaque, const struct vm_event *ev),
                 void *opaque)
{
    vm->event_fn = fn;
    vm->event_opaque = opaque;
}

void vm_tell(struct vm *vm, enum vm_event_kind kind, enum vm_cause cause)
{
    struct vm_event ev = {kind, cause};

    if (vm->event_fn)
        vm->event_fn(vm->event_opaque, &ev);
}

void vm_tell_stopped(struct vm *vm)
{
    if (!vm->stop_untold || !vm->parked)
        return;
    vm->stop_untold = false;
    vm_tell(vm, VM_EV_STOP, VM_BY_QUIT);
}

/* Only the main thread waits, and only for a vCPU thread that is there. */
static bool may_wait(const struct vm *vm)
{
    return vm->started && !vm_in_vcpu();
}

void vm_pause(struct vm *vm, enum vm_state why)
{
    if (vm->state == VM_RUNNING) {
        vm->stop_untold = true;
        vm_ask(&vm->stop, true);
        vm_wake_vcpu(vm, KICK_EXIT);
    } else if (why == VM_PAUSED || states[vm->state].needs_reset) {
        return; /* it stands for a better reason */
    }
    vm->state = why;
    while (may_wait(vm) && !vm->parked && vm->stop && !vm->quit)
        pthread_cond_wait(&vm->done, &vm->lock);
    vm_tell_stopped(vm);
}

bool vm_resume(struct vm *vm, struct err *e)
{
    if (vm->state == VM_RUNNING)
        return true;
    if (states[vm->state].needs_reset)
        return err_set(e, "Resetting the Virtual Machine is required");
    vm_tell_stopped(vm);
    vm->state = VM_RUNNING;
    vm_ask(&vm->stop, false);
    vm_tell(vm, VM_EV_RESUME, VM_BY_QUIT);
    vm_wake_vcpu(vm, KICK_EXIT);
    return true;
}

void vm_reset(struct vm *vm, enum vm_cause cause)
{
    if (vm->o->no_reboot) {
        vm_quit(vm, 0, cause);
        return;
    }
    vm->reset_cause = cause;
    vm_ask(&vm->reset_wanted, true);
    vm_wake_vcpu(vm, KICK_EXIT);
    while (may_wait(vm) && vm->reset_wanted && !vm->quit)
        pthread_cond_wait(&vm->done, &vm->lock);
}

void vm_powerdown(struct vm *vm)
{
    vm_tell(vm, VM_EV_POWERDOWN, VM_BY_COMMAND);
    pc_power_button(vm->pc);
}

void vm_quit(struct vm *vm, int status, enum vm_cause cause)
{
    if (!vm->quit) {
        vm->status = status;
        vm_tell(vm, VM_EV_SHUTDOWN, cause);
    }
    vm_ask(&vm->quit, true);
    if (vm->cpu)
        vm_wake_vcpu(vm, KICK_EXIT);
    pthread_cond_broadcast(&vm->done);
    loop_wake(vm->loop);
}

bool vm_ending(const struct vm *vm)
{
    return vm->quit;
}
