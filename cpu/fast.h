/* SPDX-License-Identifier: MIT
 * System instructions in C that leave the host's vector registers alone. */
#ifndef CPU_FAST_H
#define CPU_FAST_H

#include "cpu/cpu.h"

/* State as for a sys_fn, vector registers, MXCSR and x87 excepted: those may be in host
 * registers. True: done. False: nothing has changed, call the sys_fn. Never raises, and runs on
 * little stack. */
typedef bool sys_fast_fn(struct cpu *cpu, const struct insn *in);

/* By insn_id; NULL where there is none. */
extern sys_fast_fn *const fast_table[I_COUNT];

/* SYSCALL and SYSRET once nothing can fault. */
void fast_do_syscall(struct cpu *cpu);
void fast_do_sysret(struct cpu *cpu, bool code64);
/* CS and SS of SYSCALL and kin, and CPL; the caller updates the mode. */
void fast_enter_flat(struct cpu *cpu, uint16_t cs, uint16_t ss, unsigned cpl, bool code64);

#endif
