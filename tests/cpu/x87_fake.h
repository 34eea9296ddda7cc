/* SPDX-License-Identifier: MIT
 * A guest without decoder, segmentation or MMU for the tests of cpu/x87, xsave,
 * string and misc: flat memory, ea = base register + disp, faults are counted. */
#ifndef TESTS_CPU_X87_FAKE_H
#define TESTS_CPU_X87_FAKE_H

#include "cpu/cpu.h"

#define FAKE_MEM (64u * 1024)

extern uint8_t fake_mem[FAKE_MEM];
extern int fake_vector;   /* last exception, -1 none */
extern gva fake_fault_va; /* page at this address (page aligned) faults; ~0 none */
extern bool fake_slow;    /* no host pointers: element-wise paths */
extern bool fake_port_denied;

/* Runs f; false when it raised (fake_vector tells what). */
bool fake_run(sys_fn *f, struct cpu *cpu, const struct insn *in);
void fake_init(struct cpu *cpu);

/* xorshift64*, never 0. */
uint64_t fake_random(void);

#endif
