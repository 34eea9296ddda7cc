/* SPDX-License-Identifier: MIT */
#include "tests/hw/machine.h"

#include <string.h>

static uint64_t now(void *opaque)
{
    struct machine *m = opaque;

    return m->ns += m->tick;
}

static uint64_t tsc_now(void *opaque, unsigned cpu)
{
    struct machine *m = opaque;

    return 2 * m->ns + m->tsc_offset; /* 2 GHz */
}

static unsigned current_cpu(void *opaque)
{
    return ((struct machine *)opaque)->current_cpu;
}

static void intr(void *opaque, unsigned cpu, int level)
{
    ((struct machine *)opaque)->intr[cpu] = level;
}

static void nmi(void *opaque, unsigned cpu)
{
    ((struct machine *)opaque)->nmi[cpu]++;
}

static void init(void *opaque, unsigned cpu)
{
    ((struct machine *)opaque)->init[cpu]++;
}

static void sipi(void *opaque, unsigned cpu, uint8_t vector)
{
    struct machine *m = opaque;

    m->sipi[cpu]++;
    m->sipi_vector = vector;
}

static void a20(void *opaque, bool on)
{
    ((struct machine *)opaque)->a20 = on;
}

static void ignne(void *opaque)
{
    ((struct machine *)opaque)->ignnes++;
}

static void reset(void *opaque)
{
    ((struct machine *)opaque)->resets++;
}

static void power_off(void *opaque)
{
    ((struct machine *)opaque)->power_offs++;
}

static void exit_status(void *opaque, int status)
{
    ((struct machine *)opaque)->exit_status = status;
}

struct pc_config machine_config(struct machine *m)
{
    return (struct pc_config){
        .ram_bytes = 16 << 20,
        .cpus = TEST_CPUS,
        .clock = &m->clock,
        .serial = {&m->serial.chr},
        .debugcon = &m->debug.chr,
        .debugexit_iobase = 0xf4,
        .debugexit_iosize = 4,
        .hpet = true,
        .rtc_epoch = TEST_EPOCH,
        .tsc_hz = 2000000000,
        .opaque = m,
        .tsc_now = tsc_now,
        .current_cpu = current_cpu,
        .intr = intr,
        .nmi = nmi,
        .init = init,
        .sipi = sipi,
        .a20 = a20,
        .ignne = ignne,
        .reset = reset,
        .power_off = power_off,
        .exit = exit_status,
    };
}

void machine_start_config(struct machine *m, const struct pc_config *cfg)
{
    struct err e;

    memset(m, 0, sizeof(*m));
    clock_init(&m->clock, now, m);
    clock_start(&m->clock);
    chardev_mem_init(&m->serial);
    chardev_mem_init(&m->debug);
    m->pc = pc_create(cfg, &e);
    if (!m->pc)
        g_error("%s", e.msg);
    pc_reset(m->pc);
}

static void start(struct machine *m, const void *rom, size_t n, struct block *const *ide,
                  struct block *const *floppy)
{
    struct pc_config cfg = machine_config(m);
    unsigned i;

    cfg.rom = rom;
    cfg.rom_bytes = n;
    for (i = 0; ide && i < PC_IDE_DRIVES; i++)
        cfg.ide[i] = ide[i];
    for (i = 0; floppy && i < FDC_DRIVES; i++)
        cfg.floppy[i] = floppy[i];
    machine_start_config(m, &cfg);
}

void machine_start(struct machine *m)
{
    start(m, NULL, 0, NULL, NULL);
}

void machine_start_rom(struct machine *m, const void *rom, size_t n)
{
    start(m, rom, n, NULL, NULL);
}

void machine_start_disks(struct machine *m, struct block *const *ide,
                         struct block *const *floppy)
{
    start(m, NULL, 0, ide, floppy);
}

void machine_stop(struct machine *m)
{
    pc_destroy(m->pc);
    g_assert_cmpuint(clock_deadline(&m->clock), ==, CLOCK_NEVER);
    chardev_mem_finish(&m->serial);
    chardev_mem_finish(&m->debug);
}

void outb(struct machine *m, uint16_t port, uint8_t v)
{
    space_write(m->pc->ports, port, v, 1);
}

void outw(struct machine *m, uint16_t port, uint16_t v)
{
    space_write(m->pc->ports, port, v, 2);
}

void outl(struct machine *m, uint16_t port, uint32_t v)
{
    space_write(m->pc->ports, port, v, 4);
}

uint8_t inb(struct machine *m, uint16_t port)
{
    return space_read(m->pc->ports, port, 1);
}

uint16_t inw(struct machine *m, uint16_t port)
{
    return space_read(m->pc->ports, port, 2);
}

uint32_t inl(struct machine *m, uint16_t port)
{
    return space_read(m->pc->ports, port, 4);
}

void writel(struct machine *m, gpa addr, uint32_t v)
{
    space_write(m->pc->mem, addr, v, 4);
}

uint32_t readl(struct machine *m, gpa addr)
{
    return space_read(m->pc->mem, addr, 4);
}

void clock_step(struct machine *m, uint64_t ns)
{
    uint64_t end = m->ns + ns;

    while (clock_deadline(&m->clock) <= end) {
        if (clock_deadline(&m->clock) > m->ns)
            m->ns = clock_deadline(&m->clock);
        clock_run_events(&m->clock);
    }
    m->ns = end;
}

bool irq_level(struct machine *m, unsigned n)
{
    return m->pc->pic.chip[n >> 3].lines >> (n & 7) & 1;
}

void pic_start(struct machine *m, uint16_t mask)
{
    outb(m, 0x20, 0x11);
    outb(m, 0x21, 0x20);
    outb(m, 0x21, 0x04);
    outb(m, 0x21, 0x01);
    outb(m, 0xa0, 0x11);
    outb(m, 0xa1, 0x28);
    outb(m, 0xa1, 0x02);
    outb(m, 0xa1, 0x01);
    outb(m, 0x21, mask);
    outb(m, 0xa1, mask >> 8);
    lapic_set_virtual_wire(&m->pc->lapic[0]);
}
