/* SPDX-License-Identifier: MIT
 * A pc board without a CPU: port and memory access, a clock that is stepped by hand, and
 * what the board asked of its CPUs. */
#ifndef TESTS_HW_MACHINE_H
#define TESTS_HW_MACHINE_H

#include <glib.h>

#include "hw/pc/pc.h"

#define TEST_EPOCH 1700000000ull /* Tue 2023-11-14 22:13:20 UTC */
#define TEST_CPUS  3

struct machine {
    struct pc *pc;
    struct clock clock;
    uint64_t ns, tick; /* tick: ns that pass with each look at the clock */
    struct chardev_mem serial, debug;
    int intr[TEST_CPUS];
    unsigned nmi[TEST_CPUS], init[TEST_CPUS], sipi[TEST_CPUS];
    uint8_t sipi_vector;
    unsigned resets, power_offs, ignnes, current_cpu;
    int exit_status;
    bool a20;
    uint64_t tsc_offset;
};

void machine_start(struct machine *m);
void machine_start_rom(struct machine *m, const void *rom, size_t n); /* with a system ROM */
/* The same with drives: PC_IDE_DRIVES and FDC_DRIVES of them, NULL where there is none. */
void machine_start_disks(struct machine *m, struct block *const *ide,
                         struct block *const *floppy);
/* The same with a configuration that began as machine_config's. */
struct pc_config machine_config(struct machine *m);
void machine_start_config(struct machine *m, const struct pc_config *cfg);
void machine_stop(struct machine *m);
void outb(struct machine *m, uint16_t port, uint8_t v);
void outw(struct machine *m, uint16_t port, uint16_t v);
void outl(struct machine *m, uint16_t port, uint32_t v);
uint8_t inb(struct machine *m, uint16_t port);
uint16_t inw(struct machine *m, uint16_t port);
uint32_t inl(struct machine *m, uint16_t port);
void writel(struct machine *m, gpa addr, uint32_t v);
uint32_t readl(struct machine *m, gpa addr);
/* Lets time pass, running each event at its deadline. */
void clock_step(struct machine *m, uint64_t ns);
/* Level on an ISA interrupt as the 8259 pair sees it. */
bool irq_level(struct machine *m, unsigned n);
/* Both 8259 at vectors 20H and 28H with this mask, LINT0 as ExtINT. */
void pic_start(struct machine *m, uint16_t mask);

#endif
