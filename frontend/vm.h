/* SPDX-License-Identifier: MIT
 * One virtual machine from power-on to its end: run states and the two threads.
 *
 * Below vm_run, every function is called with the device lock held: in a callback of the main
 * loop, of a device, or of vm_run_on_cpu. "Synchronous" ones let go of the lock while they
 * wait. */
#ifndef FRONTEND_VM_H
#define FRONTEND_VM_H

#include "frontend/opts.h"
#include "softmmu/display.h"
#include "softmmu/input.h"

struct vm;
struct drives;

/* Builds the machine that o describes and runs it. Returns the exit status of the
 * process: 0 guest power-off or quit, isa-debug-exit's (value << 1) | 1, or 1 after
 * one line on stderr (configuration error, triple fault with -no-reboot). */
int vm_run(const struct opts *o);

enum vm_state {
    VM_RUNNING,
    VM_PAUSED,    /* by the user */
    VM_PRELAUNCH, /* -S, or reset while paused */
    VM_SHUTDOWN,  /* the guest has powered off, -no-shutdown */
    VM_IO_ERROR,  /* a disk request failed and its policy is to wait for the user */
    VM_GUEST_PANICKED,
    VM_INTERNAL_ERROR,
    VM_DEBUG,
};

enum vm_state vm_state(const struct vm *vm);
const char *vm_state_name(enum vm_state s); /* as query-status spells it */

/* Stops the guest and the clock; `why` is the state shown then. No-op (but for the state) when
 * the machine stands already. Synchronous in the main thread; from a device it is a request
 * that is met before the next guest block. */
void vm_pause(struct vm *vm, enum vm_state why);
/* Goes on. False when the state does not allow it (power-off: reset first). */
bool vm_resume(struct vm *vm, struct err *e);

/* Who wants a reset or the end: the reason in the event of that name. */
enum vm_cause {
    VM_BY_QUIT,        /* host-qmp-quit */
    VM_BY_COMMAND,     /* host-qmp-system-reset */
    VM_BY_SIGNAL,      /* host-signal */
    VM_BY_UI,          /* host-ui */
    VM_BY_GUEST_OFF,   /* guest-shutdown */
    VM_BY_GUEST_RESET, /* guest-reset */
    VM_BY_PANIC,       /* guest-panic */
    VM_BY_HOST_ERROR,  /* host-error */
};

/* Power-on state, boot anew; a paused machine stays paused. Synchronous in the main thread. */
void vm_reset(struct vm *vm, enum vm_cause cause);
void vm_powerdown(struct vm *vm); /* presses the power button */
/* Ends the run with this exit status; the first one counts. */
void vm_quit(struct vm *vm, int status, enum vm_cause cause);
bool vm_ending(const struct vm *vm); /* vm_quit was called */

/* Calls fn on the vCPU's thread between guest blocks (or while it stands or idles) with the
 * device lock held, and returns after it. What reads or changes CPU registers, guest paging, or
 * devices that own work (drives) goes through here. fn does not wait for anything, and reaches
 * guest memory by mmu_peek and space_*, never by cpu_ld or mmu_load, which take the lock. */
void vm_run_on_cpu(struct vm *vm, void (*fn)(void *opaque), void *opaque);

/* What happened, for monitors; told on either thread. */
enum vm_event_kind { VM_EV_STOP, VM_EV_RESUME, VM_EV_RESET, VM_EV_SHUTDOWN, VM_EV_POWERDOWN };
struct vm_event {
    enum vm_event_kind kind;
    enum vm_cause cause; /* RESET, SHUTDOWN */
};
const char *vm_cause_name(enum vm_cause c); /* as in QMP's events */
bool vm_cause_guest(enum vm_cause c);       /* the guest's own doing */
/* One listener; NULL takes it away. */
void vm_on_event(struct vm *vm, void (*fn)(void *opaque, const struct vm_event *ev),
                 void *opaque);

/* Parts of the machine, valid while it lives. */
struct loop *vm_loop(struct vm *vm);
struct chr *vm_chr(struct vm *vm, unsigned i); /* back end i of the options */
struct pc *vm_pc(struct vm *vm);
struct drives *vm_drives(struct vm *vm);
struct cpu *vm_cpu(struct vm *vm); /* touch it in vm_run_on_cpu only */
struct clock *vm_clock(struct vm *vm);
struct defer_queue *vm_deferred(struct vm *vm); /* for the workers of devices */
const struct opts *vm_opts(const struct vm *vm);
/* The picture of the graphics card, NULL: there is none. */
const struct display *vm_display(struct vm *vm);
const struct input_sink *vm_input(struct vm *vm); /* keyboard and mouse */
int vm_thread_id(const struct vm *vm);            /* host thread id of the vCPU's thread */

#endif
