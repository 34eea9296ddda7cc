/* SPDX-License-Identifier: MIT
 * Plugs the machine together: board, CPU, translator, consoles, and two threads.
 *
 * The vCPU thread runs guest code and, between blocks, due timer events. The main
 * thread waits for terminal input and for deadlines, and only ever kicks the
 * vCPU. vm->lock is the device lock: whoever calls into hw/ holds it. */
#include "frontend/vm.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "cpu/cpuid.h"
#include "frontend/console.h"
#include "hw/fw/acpi_tables.h"
#include "hw/fw/boot.h"
#include "hw/pc/pc.h"
#include "softmmu/log.h"
#include "translator/run.h"
#include "translator/trace.h"

struct vm_char {
    struct chardev chr;
    struct console *con;
    struct vm *vm;
};

enum { CHAR_DEBUGCON = OPTS_SERIALS, CHAR_COUNT };

struct vm {
    const struct opts *o;
    struct clock clock;
    struct pc *pc;
    struct cpu *cpu;
    struct cpu_model model;
    struct vm_char chars[CHAR_COUNT];

    pthread_mutex_t lock; /* the device lock */
    pthread_cond_t wake;  /* a halted vCPU waits here */
    pthread_t thread;
    int wake_fd;          /* eventfd: the main thread's poll */
    uint64_t waiting_for; /* deadline the main thread sleeps towards */

    /* requests from device handlers, made under the lock; the vCPU thread looks
     * at them without it (asked, ask) */
    bool reset_wanted, quit, paused;
    int status;

    /* counting mode: ns that idle time has added to the clock, and the time last
     * published to other threads, under the lock */
    uint64_t warp, counted;
};

static _Thread_local bool in_vcpu; /* this is the vCPU thread */

/* ---- waking the two threads ---- */

static void wake_main(struct vm *vm)
{
    uint64_t one = 1;

    if (write(vm->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        perror("mynah: eventfd");
}

static void wake_vcpu(struct vm *vm, uint32_t why)
{
    cpu_kick(vm->cpu, why);
    pthread_cond_signal(&vm->wake);
}

static bool asked(const bool *request)
{
    return __atomic_load_n(request, __ATOMIC_RELAXED);
}

static void ask(bool *request, bool value)
{
    __atomic_store_n(request, value, __ATOMIC_RELAXED);
}

static void request_quit(struct vm *vm, int status)
{
    if (!vm->quit)
        vm->status = status;
    ask(&vm->quit, true);
    if (vm->cpu)
        wake_vcpu(vm, KICK_EXIT);
    wake_main(vm);
}

/* ---- time ---- */

/* Counting mode: one instruction is one nanosecond, and idle time is skipped.
 * Input from the terminal comes at the time of the last event. */
static uint64_t counted_now(void *opaque)
{
    struct vm *vm = opaque;

    return in_vcpu ? vm->cpu->icount + vm->warp : vm->counted;
}

static void deadline_moved(void *opaque)
{
    struct vm *vm = opaque;

    if (vm->o->icount)
        cpu_kick(vm->cpu, KICK_EVENT);
    else if (clock_deadline(&vm->clock) < __atomic_load_n(&vm->waiting_for, __ATOMIC_RELAXED))
        wake_main(vm);
}

static void set_budget(struct vm *vm)
{
    uint64_t when = clock_deadline(&vm->clock), now = clock_now(&vm->clock);

    vm->counted = now;
    vm->cpu->budget = when == CLOCK_NEVER ? INT64_MAX / 2
                      : when > now        ? (int64_t)(when - now)
                                          : 1;
}

/* In the vCPU thread: runs what is due. */
static void run_events(void *opaque)
{
    struct vm *vm = opaque;

    pthread_mutex_lock(&vm->lock);
    clock_run_events(&vm->clock);
    if (vm->o->icount)
        set_budget(vm);
    else
        wake_main(vm); /* it sleeps towards the next deadline */
    pthread_mutex_unlock(&vm->lock);
}

static uint64_t tsc_now(void *opaque)
{
    struct vm *vm = opaque;

    return clock_now(&vm->clock); /* CPU_TSC_HZ is 1 GHz */
}

static uint64_t lapic_tsc(void *opaque, unsigned cpu)
{
    struct vm *vm = opaque;

    (void)cpu;
    return cpu_tsc(vm->cpu);
}

/* ---- what the CPU asks of the machine ---- */

static struct vm *vm_of_cpu(void *opaque)
{
    return ((struct cpu *)opaque)->hooks.opaque;
}

static uint64_t io_read(void *opaque, gpa pa, unsigned size)
{
    struct vm *vm = vm_of_cpu(opaque);
    uint64_t v;

    pthread_mutex_lock(&vm->lock);
    v = space_read(vm->pc->mem, pa, size);
    pthread_mutex_unlock(&vm->lock);
    return v;
}

static void io_write(void *opaque, gpa pa, uint64_t value, unsigned size)
{
    struct vm *vm = vm_of_cpu(opaque);

    pthread_mutex_lock(&vm->lock);
    space_write(vm->pc->mem, pa, value, size);
    pthread_mutex_unlock(&vm->lock);
}

static uint64_t port_in(void *opaque, uint16_t port, unsigned size)
{
    struct vm *vm = opaque;
    uint64_t v;

    pthread_mutex_lock(&vm->lock);
    v = space_read(vm->pc->ports, port, size);
    pthread_mutex_unlock(&vm->lock);
    return v;
}

static void port_out(void *opaque, uint16_t port, uint32_t value, unsigned size)
{
    struct vm *vm = opaque;

    pthread_mutex_lock(&vm->lock);
    space_write(vm->pc->ports, port, value, size);
    pthread_mutex_unlock(&vm->lock);
}

static int ack_intr(void *opaque)
{
    struct vm *vm = opaque;
    int vector;

    pthread_mutex_lock(&vm->lock);
    vector = pc_ack_interrupt(vm->pc, 0);
    pthread_mutex_unlock(&vm->lock);
    return vector;
}

static bool apic_rdmsr(void *opaque, uint32_t msr, uint64_t *value)
{
    struct vm *vm = opaque;
    bool ok;

    pthread_mutex_lock(&vm->lock);
    ok = pc_msr_read(vm->pc, 0, msr, value);
    pthread_mutex_unlock(&vm->lock);
    return ok;
}

static bool apic_wrmsr(void *opaque, uint32_t msr, uint64_t value)
{
    struct vm *vm = opaque;
    bool ok;

    pthread_mutex_lock(&vm->lock);
    ok = pc_msr_write(vm->pc, 0, msr, value);
    pthread_mutex_unlock(&vm->lock);
    return ok;
}

static uint8_t get_tpr(void *opaque)
{
    struct vm *vm = opaque;
    uint8_t v;

    pthread_mutex_lock(&vm->lock);
    v = pc_get_cr8(vm->pc, 0);
    pthread_mutex_unlock(&vm->lock);
    return v;
}

static void set_tpr(void *opaque, uint8_t tpr)
{
    struct vm *vm = opaque;

    pthread_mutex_lock(&vm->lock);
    pc_set_cr8(vm->pc, 0, tpr);
    pthread_mutex_unlock(&vm->lock);
}

/* ---- what the board asks of the CPU ---- */

static void on_intr(void *opaque, unsigned cpu, int level)
{
    struct vm *vm = opaque;

    (void)cpu;
    __atomic_store_n(&vm->cpu->intr_line, (uint32_t)level, __ATOMIC_RELEASE);
    if (level)
        wake_vcpu(vm, KICK_INTR);
}

static void on_nmi(void *opaque, unsigned cpu)
{
    struct vm *vm = opaque;

    (void)cpu;
    __atomic_store_n(&vm->cpu->nmi_line, 1, __ATOMIC_RELEASE);
    wake_vcpu(vm, KICK_NMI);
}

static void on_reset(void *opaque)
{
    struct vm *vm = opaque;

    if (vm->o->no_reboot) {
        request_quit(vm, 0);
        return;
    }
    ask(&vm->reset_wanted, true);
    wake_vcpu(vm, KICK_EXIT);
}

static void on_power_off(void *opaque)
{
    struct vm *vm = opaque;

    if (!vm->o->no_shutdown) {
        request_quit(vm, 0);
        return;
    }
    ask(&vm->paused, true);
    wake_vcpu(vm, KICK_EXIT);
}

static void on_debug_exit(void *opaque, int status)
{
    request_quit(opaque, status & 0xff);
}

static void on_a20(void *opaque, bool on)
{
    struct vm *vm = opaque;

    vm->cpu->a20_mask = on ? ~0ull : ~(1ull << 20);
    cpu_update_paging(vm->cpu);
}

static void on_phys_change(void *opaque)
{
    struct vm *vm = opaque;

    if (vm->cpu)
        mmu_phys_changed(&vm->cpu->mmu);
}

static void on_dma_write(void *opaque, gpa addr, uint64_t size)
{
    struct vm *vm = opaque;

    if (vm->cpu && vm->cpu->run)
        run_dma_write(vm->cpu, addr, size);
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
    wake_main(vc->vm); /* it may poll for input again */
}

static size_t char_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct vm_char *vc = opaque;

    return chardev_feed(&vc->chr, buf, n);
}

static void char_quit(void *opaque)
{
    struct vm_char *vc = opaque;

    request_quit(vc->vm, 0);
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
    return vc->con != NULL;
}

static struct chardev *char_of(struct vm *vm, unsigned i)
{
    return vm->chars[i].con ? &vm->chars[i].chr : NULL;
}

/* ---- building ---- */

static uint64_t rtc_epoch(const struct opts *o)
{
    time_t now = time(NULL);
    struct tm tm;

    if (o->rtc == RTC_DATE)
        return (uint64_t)o->rtc_date;
    if (o->rtc == RTC_UTC)
        return (uint64_t)now;
    localtime_r(&now, &tm);
    return (uint64_t)(now + tm.tm_gmtoff);
}

static bool create_board(struct vm *vm, struct err *e)
{
    const struct opts *o = vm->o;
    struct pc_config cfg = {
        .ram_bytes = o->ram_size,
        .cpus = 1,
        .clock = &vm->clock,
        .debugcon = char_of(vm, CHAR_DEBUGCON),
        .rtc_epoch = rtc_epoch(o),
        .tsc_hz = CPU_TSC_HZ,
        .opaque = vm,
        .tsc_now = lapic_tsc,
        .intr = on_intr,
        .nmi = on_nmi,
        .a20 = on_a20,
        .reset = on_reset,
        .power_off = on_power_off,
        .exit = on_debug_exit,
    };

    for (unsigned i = 0; i < OPTS_SERIALS && i < PC_SERIAL_COUNT; i++)
        cfg.serial[i] = char_of(vm, i);
    if (o->debug_exit) {
        cfg.debugexit_iobase = o->debug_exit_port;
        cfg.debugexit_iosize = o->debug_exit_size;
    }
    vm->pc = pc_create(&cfg, e);
    return vm->pc != NULL;
}

static bool create_cpu(struct vm *vm, struct err *e)
{
    const struct opts *o = vm->o;
    struct run_opts ro = {.jit = o->engine == ENGINE_JIT, .counting = o->icount};
    gpa top = vm->pc->ram_high ? PC_RAM_HIGH + vm->pc->ram_high : vm->pc->ram_low;

    if (!cpu_model_parse(&vm->model, o->cpu ? o->cpu : "max", e))
        return false;
    vm->cpu = cpu_create(vm->pc->mem, top, &vm->model, o->mmu == MMU_TLB, e);
    if (!vm->cpu)
        return false;
    vm->cpu->hooks = (struct cpu_hooks){
        .opaque = vm,
        .port_in = port_in,
        .port_out = port_out,
        .ack_intr = ack_intr,
        .apic_rdmsr = apic_rdmsr,
        .apic_wrmsr = apic_wrmsr,
        .get_tpr = get_tpr,
        .set_tpr = set_tpr,
        .tsc = tsc_now,
    };
    vm->cpu->mmu.io_read = io_read;
    vm->cpu->mmu.io_write = io_write;
    if (!run_attach(vm->cpu, &ro, e))
        return false;
    run_set_event_hook(vm->cpu, run_events, vm);
    space_on_change(vm->pc->mem, on_phys_change, vm);
    space_on_dma_write(vm->pc->mem, on_dma_write, vm);
    return true;
}

/* ---- entering the guest ---- */

static struct seg to_seg(const struct boot_seg *s)
{
    return (struct seg){.base = s->base, .limit = s->limit, .sel = s->sel, .attr = s->attr};
}

static void enter_guest(struct cpu *cpu, const struct boot_entry *b)
{
    const uint64_t gpr[] = {b->rax, b->rcx, b->rdx, b->rbx, b->rsp, b->rbp, b->rsi, b->rdi};

    memcpy(cpu->gpr, gpr, sizeof(gpr));
    cpu->rip = b->rip;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = to_seg(i == SEG_CS ? &b->cs : &b->data);
    cpu->gdt = (struct dtable){.base = b->gdt_base, .limit = b->gdt_limit};
    cpu->idt = (struct dtable){0};
    cpu->cr0 = b->cr0;
    cpu->cr3 = b->cr3;
    cpu->cr4 = b->cr4;
    cpu->efer = b->efer;
    cpu->cpl = 0;
    cpu_set_rflags(cpu, 2);
    cpu_update_paging(cpu);
    cpu_update_mode(cpu);
}

/* What firmware would have left in the MTRRs: all write-back, the PCI hole uncached. */
static void setup_mtrrs(struct cpu *cpu)
{
    uint64_t phys_mask = (1ull << cpu->model->phys_bits) - 1;

    for (unsigned i = 0; i < ARRAY_SIZE(cpu->mtrr_fixed); i++)
        cpu->mtrr_fixed[i] = 0x0606060606060606ull;
    cpu->mtrr_var[0] = PC_PCI_HOLE;                          /* base, type 0: uncached */
    cpu->mtrr_var[1] = (phys_mask & ~0x3fffffffull) | 0x800; /* 1 GiB, valid */
    cpu->mtrr_def = 0xc06;
}

/* Power-on or reset: chips, CPU, and the kernel loaded anew. */
static bool reset_machine(struct vm *vm, struct err *e)
{
    struct boot_ram ram = {vm->pc->ram.host, vm->pc->ram_low, vm->pc->ram_high};
    struct acpi_config acpi = acpi_config_pc(vm->pc->ram_low);
    struct acpi_place place;
    struct boot_entry entry;
    struct boot_config bc = {.kernel = vm->o->kernel,
                             .initrd = vm->o->initrd,
                             .cmdline = vm->o->append,
                             .guest_decompress = vm->o->guest_unpack,
                             .ram = ram};

    if (!vm->o->kernel)
        return err_set(e, "nothing to boot: give a kernel with -kernel FILE "
                          "(disks and firmware are not supported yet)");
    ask(&vm->reset_wanted, false);
    pc_reset(vm->pc);
    cpu_reset(vm->cpu);
    run_flush(vm->cpu);
    if (!acpi_install(&acpi, &ram, &place, e))
        return false;
    bc.rsdp = place.rsdp;
    bc.acpi_base = place.base;
    bc.acpi_size = place.size;
    if (!boot_load(&bc, &entry, e))
        return false;
    pc_setup_as_firmware(vm->pc);
    setup_mtrrs(vm->cpu);
    enter_guest(vm->cpu, &entry);
    if (log_on(LOG_CPU_RESET))
        trace_cpu(vm->cpu);
    return true;
}

/* ---- the vCPU thread ---- */

static void wait_until(struct vm *vm, uint64_t deadline)
{
    uint64_t now = clock_now(&vm->clock), ns;
    struct timespec ts;

    if (deadline == CLOCK_NEVER) {
        pthread_cond_wait(&vm->wake, &vm->lock);
        return;
    }
    if (deadline <= now)
        return;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ns = (uint64_t)ts.tv_nsec + (deadline - now);
    ts.tv_sec += (time_t)(ns / NS_PER_S);
    ts.tv_nsec = (long)(ns % NS_PER_S);
    pthread_cond_timedwait(&vm->wake, &vm->lock, &ts);
}

/* HLT: sleep until an event or a kick; in counting mode time jumps instead. */
static void idle(struct vm *vm)
{
    uint64_t deadline, now;

    pthread_mutex_lock(&vm->lock);
    if (!vm->quit && !__atomic_load_n(&vm->cpu->kick, __ATOMIC_ACQUIRE)) {
        deadline = clock_deadline(&vm->clock);
        now = clock_now(&vm->clock);
        if (vm->o->icount && deadline != CLOCK_NEVER)
            vm->warp += deadline > now ? deadline - now : 0;
        else
            wait_until(vm, deadline);
    }
    clock_run_events(&vm->clock);
    if (vm->o->icount)
        set_budget(vm);
    pthread_mutex_unlock(&vm->lock);
}

static void pause_here(struct vm *vm)
{
    pthread_mutex_lock(&vm->lock);
    clock_stop(&vm->clock);
    while (!vm->quit && vm->paused)
        pthread_cond_wait(&vm->wake, &vm->lock);
    clock_start(&vm->clock);
    pthread_mutex_unlock(&vm->lock);
}

static void vcpu_reset(struct vm *vm)
{
    struct err e;

    pthread_mutex_lock(&vm->lock);
    if (!reset_machine(vm, &e)) {
        fprintf(stderr, "mynah: %s\n", e.msg);
        request_quit(vm, 1);
    }
    pthread_mutex_unlock(&vm->lock);
}

static void vcpu_shutdown(struct vm *vm)
{
    if (!vm->o->no_reboot) {
        vcpu_reset(vm);
        return;
    }
    fprintf(stderr,
            "mynah: the guest triple-faulted at %04x:%llx; ended because of -no-reboot\n",
            vm->cpu->seg[SEG_CS].sel, (unsigned long long)vm->cpu->rip);
    pthread_mutex_lock(&vm->lock);
    request_quit(vm, 1);
    pthread_mutex_unlock(&vm->lock);
}

static void *vcpu_main(void *opaque)
{
    struct vm *vm = opaque;

    in_vcpu = true;
    if (vm->o->icount)
        run_events(vm);
    while (!asked(&vm->quit)) {
        if (asked(&vm->paused))
            pause_here(vm);
        if (asked(&vm->reset_wanted))
            vcpu_reset(vm);
        switch (run_cpu(vm->cpu)) {
        case RUN_HALTED: idle(vm); break;
        case RUN_SHUTDOWN: vcpu_shutdown(vm); break;
        case RUN_BUDGET: run_events(vm); break;
        default: break;
        }
    }
    wake_main(vm);
    return NULL;
}

/* ---- the main thread ---- */

/* Time until the next deadline in *ts; NULL: none that this thread waits for. */
static struct timespec *until_deadline(struct vm *vm, struct timespec *ts)
{
    uint64_t deadline = clock_deadline(&vm->clock), now;

    vm->waiting_for = CLOCK_NEVER;
    if (vm->o->icount) /* the vCPU's own count is the clock */
        return NULL;
    now = clock_now(&vm->clock);
    if (deadline <= now) /* the vCPU's to handle: it wakes us after that */
        wake_vcpu(vm, KICK_EVENT);
    if (vm->paused || deadline == CLOCK_NEVER || deadline <= now)
        return NULL;
    vm->waiting_for = deadline;
    ts->tv_sec = (time_t)((deadline - now) / NS_PER_S);
    ts->tv_nsec = (long)((deadline - now) % NS_PER_S);
    return ts;
}

static void main_loop(struct vm *vm)
{
    struct pollfd fds[CHAR_COUNT + 1];
    struct timespec ts, *timeout;
    uint64_t drained;

    pthread_mutex_lock(&vm->lock);
    while (!vm->quit) {
        fds[CHAR_COUNT] = (struct pollfd){.fd = vm->wake_fd, .events = POLLIN};
        for (unsigned i = 0; i < CHAR_COUNT; i++)
            fds[i] =
                (struct pollfd){.fd = vm->chars[i].con ? console_poll_fd(vm->chars[i].con) : -1,
                                .events = POLLIN};
        timeout = until_deadline(vm, &ts);
        pthread_mutex_unlock(&vm->lock);
        ppoll(fds, CHAR_COUNT + 1, timeout, NULL);
        if (fds[CHAR_COUNT].revents && read(vm->wake_fd, &drained, sizeof(drained)) < 0 &&
            errno != EAGAIN)
            perror("mynah: eventfd");
        pthread_mutex_lock(&vm->lock);
        for (unsigned i = 0; i < CHAR_COUNT; i++)
            if (fds[i].fd >= 0 && fds[i].revents)
                console_on_readable(vm->chars[i].con);
    }
    pthread_mutex_unlock(&vm->lock);
}

static void vm_finish(struct vm *vm)
{
    for (unsigned i = 0; i < CHAR_COUNT; i++)
        console_close(vm->chars[i].con);
    pc_destroy(vm->pc); /* tells the CPU's mmu about each region that goes */
    if (vm->cpu)
        run_detach(vm->cpu);
    cpu_destroy(vm->cpu);
    if (vm->wake_fd >= 0)
        close(vm->wake_fd);
    pthread_mutex_destroy(&vm->lock);
    pthread_cond_destroy(&vm->wake);
}

static bool vm_build(struct vm *vm, struct err *e)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&vm->lock, NULL);
    pthread_cond_init(&vm->wake, &attr);
    pthread_condattr_destroy(&attr);
    vm->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (vm->wake_fd < 0)
        return err_set(e, "cannot create an eventfd: %s", strerror(errno));
    clock_init(&vm->clock, vm->o->icount ? counted_now : NULL, vm);
    vm->clock.kick = deadline_moved;
    vm->clock.kick_opaque = vm;
    for (unsigned i = 0; i < OPTS_SERIALS; i++)
        if (!open_char(vm, i, &vm->o->serial[i], e))
            return false;
    if (!open_char(vm, CHAR_DEBUGCON, &vm->o->debugcon, e))
        return false;
    return create_board(vm, e) && create_cpu(vm, e) && reset_machine(vm, e);
}

int vm_run(const struct opts *o)
{
    struct vm *vm = calloc(1, sizeof(*vm));
    struct err e = {0};
    int status;

    if (!vm) {
        fprintf(stderr, "mynah: out of memory\n");
        return 1;
    }
    vm->o = o;
    vm->paused = o->start_paused;
    if (!vm_build(vm, &e)) {
        vm_finish(vm); /* the terminal is itself again before the message */
        fprintf(stderr, "mynah: %s\n", e.msg);
        free(vm);
        return 1;
    }
    clock_start(&vm->clock);
    if (pthread_create(&vm->thread, NULL, vcpu_main, vm)) {
        fprintf(stderr, "mynah: cannot start the vCPU thread\n");
        vm_finish(vm);
        free(vm);
        return 1;
    }
    main_loop(vm);
    pthread_join(vm->thread, NULL);
    status = vm->status;
    vm_finish(vm);
    free(vm);
    return status;
}
