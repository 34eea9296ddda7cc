/* SPDX-License-Identifier: MIT
 * Shared by vm*.c: the machine's state and who calls whom.
 *
 * The vCPU thread runs guest code and, between blocks, due timer events, deferred calls and
 * vm_run_on_cpu. The main thread waits for descriptors and for deadlines, and only ever kicks
 * the vCPU. vm->lock is the device lock: whoever calls into hw/ holds it. wake_lock is a leaf:
 * it guards nothing but the vCPU's falling asleep, so any thread may wake it. */
#ifndef FRONTEND_VM_INT_H
#define FRONTEND_VM_INT_H

#include <pthread.h>

#include "cpu/cpu.h"
#include "cpu/cpuid.h"
#include "frontend/chardev/chr.h"
#include "frontend/devices.h"
#include "frontend/loop.h"
#include "frontend/monitor/monitor.h"
#include "frontend/perfmap.h"
#include "frontend/vm.h"
#include "hw/pc/pc.h"
#include "softmmu/defer.h"

/* One vm_run_on_cpu under way; lives on its caller's stack. */
struct vm_call {
    void (*fn)(void *opaque);
    void *opaque;
    bool done;
    struct vm_call *next;
};

struct vm {
    const struct opts *o;
    struct clock clock;
    struct pc *pc;
    struct devices devices; /* of -device */
    struct fw_acpi acpi;    /* ACPI items of fw_cfg */
    bool booted;            /* once */
    struct cpu *cpu;
    struct drives *drives;
    struct cpu_model model;
    struct loop *loop;
    struct symbols *symbols; /* NULL: none given */
    struct perfmap *perfmap; /* NULL: not wanted */
    struct defer_queue deferred;
    struct chr *chr[OPTS_CHARDEVS]; /* by index in o->chardev */
    struct chr_host chr_host;
    struct monitors *monitors;
    struct display display; /* without `update`: there is none */
    struct input_sink input;

    pthread_mutex_t lock; /* the device lock */
    pthread_cond_t done;  /* with it: the vCPU thread has done something waited for */
    pthread_mutex_t wake_lock;
    pthread_cond_t wake; /* with wake_lock: a sleeping vCPU waits here */
    pthread_t thread;
    bool started;         /* the vCPU thread exists and takes calls */
    int tid;              /* its host id */
    uint64_t waiting_for; /* deadline that the main thread sleeps or was woken for; lock */

    /* under the lock; `stop`, reset_wanted and quit are also looked at without it (asked) */
    enum vm_state state;
    bool stop;        /* state is not VM_RUNNING: the vCPU parks */
    bool parked;      /* it has */
    bool stop_untold; /* a STOP event is due when it has */
    bool reset_wanted, quit;
    enum vm_cause reset_cause;
    int status;
    struct vm_call *calls, **calls_tail;
    void (*event_fn)(void *opaque, const struct vm_event *ev);
    void *event_opaque;

    /* counting mode: ns that idle time has added to the clock, and the time last
     * published to other threads, under the lock */
    uint64_t warp, counted;
};

/* Flags that one thread sets under the lock and the other looks at without it. */
static inline bool vm_asked(const bool *request)
{
    return __atomic_load_n(request, __ATOMIC_RELAXED);
}

static inline void vm_ask(bool *request, bool value)
{
    __atomic_store_n(request, value, __ATOMIC_RELAXED);
}

/* vm_run.c: the vCPU thread, time */
bool vm_in_vcpu(void);                          /* the caller is the vCPU thread */
void vm_wake_vcpu(struct vm *vm, uint32_t why); /* any thread, lock or not */
bool vm_start_vcpu(struct vm *vm, struct err *e);
void vm_init_time(struct vm *vm);
void vm_run_events(void *opaque); /* vCPU thread: runs what is due */

/* vm_state.c */
void vm_tell(struct vm *vm, enum vm_event_kind kind, enum vm_cause cause);
void vm_tell_stopped(struct vm *vm); /* STOP, when it is due and the vCPU has parked */

/* vm_hooks.c: callbacks between cpu and board */
void vm_hook_board(struct vm *vm, struct pc_config *cfg);
void vm_hook_cpu(struct vm *vm);

/* vm_drives.c */
bool vm_open_drives(struct vm *vm, struct err *e);
void vm_plug_drives(struct vm *vm, struct pc_config *cfg);
bool vm_check_drives(struct vm *vm, struct err *e); /* each has found its device */

/* vm_loop.c: the main thread */
void vm_catch_signals(struct vm *vm);
void vm_release_signals(void);
void vm_main_loop(struct vm *vm);

/* vm_chars.c: character back ends */
bool vm_open_chars(struct vm *vm, struct err *e);
void vm_close_chars(struct vm *vm);
/* Takes a place at back end i; NULL: i is -1. */
struct chardev *vm_char(struct vm *vm, int i);
struct chardev *vm_find_chardev(void *vm, const char *id, struct err *e); /* chardev=ID */

/* vm_fw.c */
bool vm_fw_init(struct vm *vm, struct err *e); /* after all devices are there */
void vm_fw_reset(struct vm *vm);

bool vm_direct_boot(const struct vm *vm); /* vm.c: the kernel is started without firmware */
/* vm.c: power-on or reset: chips, CPU, and the kernel loaded anew; vCPU thread, lock held */
bool vm_reset_machine(struct vm *vm, struct err *e);

#endif
