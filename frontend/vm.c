/* SPDX-License-Identifier: MIT
 * Builds the machine out of board, CPU, translator and back ends, and takes it apart. */
#include "frontend/vm.h"

#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "firmware/firmware.h"
#include "frontend/rom.h"
#include "frontend/vm_int.h"
#include "hw/fw/acpi_tables.h"
#include "hw/fw/boot.h"
#include "softmmu/log.h"
#include "translator/run.h"
#include "translator/trace.h"

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

/* The host gives RAM as the guest touches it; when it has none then, nothing can be said. */
static void warn_of_memory(uint64_t ram)
{
    unsigned long long free_kib;
    char *text = NULL;

    if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL))
        return;
    const char *at = strstr(text, "MemAvailable:");
    if (at && sscanf(at, "MemAvailable: %llu", &free_kib) == 1 && free_kib < ram >> 10)
        fprintf(stderr,
                "mynah: warning: %llu MiB of guest RAM, but the host has %llu MiB free\n",
                (unsigned long long)(ram >> 20), free_kib >> 10);
    g_free(text);
}

static bool create_board(struct vm *vm, struct err *e)
{
    struct boot_file rom = {0};
    bool ok;
    const struct opts *o = vm->o;
    struct pc_config cfg = {
        .ram_bytes = o->ram_size,
        .cpus = 1,
        .clock = &vm->clock,
        .debugcon = vm_char(vm, o->debugcon),
        .rtc_epoch = rtc_epoch(o),
        .rtc_slew = o->rtc_slew,
        .defaults = o->global,
        .n_defaults = o->globals,
        .hpet = !o->no_hpet,
        .tsc_hz = CPU_TSC_HZ,
    };

    vm_hook_board(vm, &cfg);
    vm_plug_drives(vm, &cfg);
    for (unsigned i = 0; i < OPTS_SERIALS && i < PC_SERIAL_COUNT; i++)
        cfg.serial[i] = vm_char(vm, o->serial[i]);
    if (o->debug_exit) {
        cfg.debugexit_iobase = o->debug_exit_port;
        cfg.debugexit_iosize = o->debug_exit_size;
    }
    if (o->bios && cfg.pflash[0])
        return err_set(e, "-bios and -drive if=pflash,unit=0 want the same place");
    if (o->bios && !rom_open(&rom, o, o->bios, e))
        return err_prefix(e, "-bios");
    if (o->bios || o->kernel) {
        cfg.rom = rom.data;
        cfg.rom_bytes = rom.size;
    } else {
        cfg.rom = firmware_bios;
        cfg.rom_bytes = FIRMWARE_BIOS_SIZE;
    }
    vm->pc = pc_create(&cfg, e);
    ok = vm->pc && devices_create(&vm->devices, vm->pc, o, e) && vm_check_drives(vm, e) &&
         vm_fw_init(vm, e);
    boot_file_close(&rom);
    if (!ok)
        return false;
    warn_of_memory(o->ram_size);
    if (vm->pc->vga)
        vm->display = vga_display(&vm->pc->vga->vga);
    vm->input = kbc_input(&vm->pc->kbc);
    return true;
}

/* Room for translated code: guests with more RAM run more code. */
static uint32_t code_bytes(const struct opts *o)
{
    uint64_t quarter = o->ram_size / 4;

    return o->tb_size ? o->tb_size << 20 : (uint32_t)CLAMP(quarter, 128u << 20, 512u << 20);
}

static bool create_cpu(struct vm *vm, struct err *e)
{
    const struct opts *o = vm->o;
    struct run_opts ro = {.jit = o->engine == ENGINE_JIT,
                          .counting = o->icount,
                          .code_bytes = code_bytes(o),
                          .host_level = o->host_level};
    gpa top = PC_RAM_HIGH + vm->pc->memory.ram_high; /* ROMs and frame buffers too */

    if (!cpu_model_parse(&vm->model, o->cpu ? o->cpu : "max", e))
        return false;
    vm->cpu = cpu_create(vm->pc->mem, top, &vm->model, o->mmu == MMU_TLB, e);
    if (!vm->cpu || !run_attach(vm->cpu, &ro, e))
        return false;
    vm_hook_cpu(vm);
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

/* Firmware that the user chose finds the kernel in fw_cfg. */
bool vm_direct_boot(const struct vm *vm)
{
    return vm->o->kernel && !vm->o->bios && !vm->pc->cfg.pflash[0];
}

/* What firmware would have done, and the kernel in RAM. */
static bool direct_boot(struct vm *vm, struct err *e)
{
    struct boot_ram ram = {vm->pc->memory.ram.host, vm->pc->memory.ram_low,
                           vm->pc->memory.ram_high};
    struct acpi_config acpi = acpi_config_pc(vm->pc->memory.ram_low);
    struct acpi_place place;
    struct boot_entry entry;
    struct boot_config bc = {.kernel = vm->o->kernel,
                             .initrd = vm->o->initrd,
                             .cmdline = vm->o->append,
                             .guest_decompress = vm->o->guest_unpack,
                             .text_screen = vm->pc->vga != NULL,
                             .ram = ram};

    acpi.hpet_addr = vm->o->no_hpet ? 0 : HPET_BASE;
    acpi.fw_cfg = FW_CFG_PORT;
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
    return true;
}

bool vm_reset_machine(struct vm *vm, struct err *e)
{
    vm_ask(&vm->reset_wanted, false);
    pc_reset(vm->pc);
    cpu_reset(vm->cpu);
    run_flush(vm->cpu);
    vm_fw_reset(vm);
    if (vm_direct_boot(vm) && !direct_boot(vm, e))
        return false;
    if (log_on(LOG_CPU_RESET))
        trace_cpu(vm->cpu);
    return true;
}

/* ---- life ---- */

static void init_locks(struct vm *vm)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&vm->lock, NULL);
    pthread_mutex_init(&vm->wake_lock, NULL);
    pthread_cond_init(&vm->done, NULL);
    pthread_cond_init(&vm->wake, &attr);
    pthread_condattr_destroy(&attr);
    vm->calls_tail = &vm->calls;
}

static bool open_profile(struct vm *vm, struct err *e)
{
    if (vm->o->symbols && !(vm->symbols = symbols_load(vm->o->symbols, e)))
        return false;
    if (!vm->o->perfmap)
        return true;
    vm->perfmap = perfmap_open(vm->symbols, e);
    if (!vm->perfmap)
        return false;
    run_set_code_hook(vm->cpu, perfmap_add, vm->perfmap);
    return true;
}

static void vm_finish(struct vm *vm)
{
    monitors_destroy(vm->monitors);
    vm->monitors = NULL; /* drives may report while they close */
    pc_destroy(vm->pc);  /* tells the CPU's mmu about each region that goes */
    devices_free(&vm->devices);
    drives_destroy(vm->drives);
    if (vm->cpu)
        run_detach(vm->cpu);
    cpu_destroy(vm->cpu);
    perfmap_close(vm->perfmap);
    symbols_free(vm->symbols);
    vm_close_chars(vm);
    defer_queue_finish(&vm->deferred);
    loop_destroy(vm->loop);
    pthread_mutex_destroy(&vm->lock);
    pthread_mutex_destroy(&vm->wake_lock);
    pthread_cond_destroy(&vm->wake);
    pthread_cond_destroy(&vm->done);
}

static bool vm_build(struct vm *vm, struct err *e)
{
    vm->loop = loop_create(e);
    if (!vm->loop)
        return false;
    if (!vm_open_chars(vm, e) || !vm_open_drives(vm, e) || !create_board(vm, e) ||
        !create_cpu(vm, e) || !open_profile(vm, e) || !vm_reset_machine(vm, e))
        return false;
    vm->monitors = monitors_create(vm, e);
    return vm->monitors != NULL;
}

int vm_run(const struct opts *o)
{
    struct vm *vm = calloc(1, sizeof(*vm));
    struct err e = {0};
    int status = 1;

    if (!vm) {
        fprintf(stderr, "mynah: out of memory\n");
        return 1;
    }
    vm->o = o;
    if (o->start_paused) {
        vm->state = VM_PRELAUNCH;
        vm->stop = true;
    }
    init_locks(vm);
    vm_init_time(vm);
    if (vm_build(vm, &e) && vm_start_vcpu(vm, &e)) {
        vm_catch_signals(vm);
        vm_main_loop(vm);
        pthread_join(vm->thread, NULL);
        status = vm->status;
        vm_release_signals();
    }
    vm_finish(vm); /* the terminal is itself again before the message */
    if (e.msg[0])
        fprintf(stderr, "mynah: %s\n", e.msg);
    free(vm);
    return status;
}

/* ---- parts ---- */

struct loop *vm_loop(struct vm *vm)
{
    return vm->loop;
}

struct pc *vm_pc(struct vm *vm)
{
    return vm->pc;
}

struct cpu *vm_cpu(struct vm *vm)
{
    return vm->cpu;
}

struct drives *vm_drives(struct vm *vm)
{
    return vm->drives;
}

struct clock *vm_clock(struct vm *vm)
{
    return &vm->clock;
}

const struct display *vm_display(struct vm *vm)
{
    return vm->display.update ? &vm->display : NULL;
}

const struct input_sink *vm_input(struct vm *vm)
{
    return &vm->input;
}

struct defer_queue *vm_deferred(struct vm *vm)
{
    return &vm->deferred;
}

const struct opts *vm_opts(const struct vm *vm)
{
    return vm->o;
}

int vm_thread_id(const struct vm *vm)
{
    return vm->tid;
}
