/* SPDX-License-Identifier: MIT
 * The run loop of one vCPU: finds or makes the block at the current state, runs
 * it with one of the engines, delivers exceptions and interrupts between blocks. */
#ifndef TRANSLATOR_RUN_H
#define TRANSLATOR_RUN_H

#include "cpu/cpu.h"
#include "translator/jit_stats.h"

struct run_opts {
    bool jit;        /* use the host back end where it applies; else ir_exec alone */
    bool counting;   /* exact guest instruction counts and stops (cpu->icount, budget) */
    uint32_t code_bytes; /* size of the code cache; 0 = 128 MiB */
    unsigned host_level; /* use the host CPU as one of x86-64-v2 or v3 (2, 3); 0: as it is */
};

enum run_exit {
    RUN_KICKED,   /* KICK_EXIT was set */
    RUN_HALTED,   /* HLT with nothing to wake it: wait for a kick */
    RUN_SHUTDOWN, /* triple fault */
    RUN_BUDGET,   /* the counting mode's budget is used up */
    RUN_STOPPED,  /* the exception hook asked for it; state is exact at the instruction */
};

/* Attaches a translator to the cpu (cpu->run) and sets the mmu hooks code_write
 * and unmapped. Returns false with *e when code memory cannot be had. */
bool run_attach(struct cpu *cpu, const struct run_opts *opts, struct err *e);
void run_detach(struct cpu *cpu);

/* Runs guest code until something the caller must see to. Whatever is in
 * cpu->kick beside KICK_EXIT is handled by callbacks set below. */
enum run_exit run_cpu(struct cpu *cpu);

/* Called with every exception (not external interrupts) before delivery; true
 * stops the run loop with RUN_STOPPED instead (tests, debuggers). */
void run_set_exception_hook(struct cpu *cpu, bool (*fn)(void *opaque, const struct exc *x),
                            void *opaque);
/* Called in the vCPU's thread when KICK_EVENT was set. */
void run_set_event_hook(struct cpu *cpu, void (*fn)(void *opaque), void *opaque);

/* A device changes guest RAM [pa, pa+size) (space_on_dma_write): translations of it are
 * dropped without restarting the running instruction. */
void run_dma_write(struct cpu *cpu, gpa pa, uint64_t size);

/* Drops all translations (tests, reset). */
void run_flush(struct cpu *cpu);

struct run_stats {
    uint64_t blocks, insns_translated, compiled, ir_execs, jit_enters, chains, invalidations,
        flushes, exceptions, interrupts, lookups;
    uint64_t exit_direct, exit_indirect, exit_kick, exit_fault; /* why host code was left */
    struct jit_stats jit;
};
/* The vCPU's thread, or while it is stopped. */
const struct run_stats *run_stats(const struct cpu *cpu);
/* The same for people, line by line, with what the mmu counts. */
void run_print_stats(const struct cpu *cpu, void (*out)(void *opaque, const char *line),
                     void *opaque);

/* Called for each block that gets host code (profilers): n bytes at code stand for the guest
 * code at linear address pc, until a flush. */
void run_set_code_hook(struct cpu *cpu,
                       void (*fn)(void *opaque, const void *code, size_t n, gva pc),
                       void *opaque);

#endif
