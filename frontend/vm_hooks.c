/* SPDX-License-Identifier: MIT
 * What the CPU asks of the board and the board of the CPU. The CPU's side comes without the
 * device lock, the board's side with it. */
#include "frontend/vm_int.h"
#include "translator/run.h"

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
        vm_wake_vcpu(vm, KICK_INTR);
}

static void on_nmi(void *opaque, unsigned cpu)
{
    struct vm *vm = opaque;

    (void)cpu;
    __atomic_store_n(&vm->cpu->nmi_line, 1, __ATOMIC_RELEASE);
    vm_wake_vcpu(vm, KICK_NMI);
}

static void on_reset(void *opaque)
{
    vm_reset(opaque, VM_BY_GUEST_RESET);
}

static void on_power_off(void *opaque)
{
    struct vm *vm = opaque;

    if (vm->o->no_shutdown) {
        vm_tell(vm, VM_EV_SHUTDOWN, VM_BY_GUEST_OFF);
        vm_pause(vm, VM_SHUTDOWN);
    } else {
        vm_quit(vm, 0, VM_BY_GUEST_OFF);
    }
}

static void on_debug_exit(void *opaque, int status)
{
    vm_quit(opaque, status & 0xff, VM_BY_GUEST_OFF);
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

/* ---- plugging in ---- */

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

void vm_hook_board(struct vm *vm, struct pc_config *cfg)
{
    cfg->opaque = vm;
    cfg->tsc_now = lapic_tsc;
    cfg->intr = on_intr;
    cfg->nmi = on_nmi;
    cfg->a20 = on_a20;
    cfg->reset = on_reset;
    cfg->power_off = on_power_off;
    cfg->exit = on_debug_exit;
    cfg->find_chardev = vm_find_chardev;
}

void vm_hook_cpu(struct vm *vm)
{
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
    run_set_event_hook(vm->cpu, vm_run_events, vm);
    space_on_change(vm->pc->mem, on_phys_change, vm);
    space_on_dma_write(vm->pc->mem, on_dma_write, vm);
}
