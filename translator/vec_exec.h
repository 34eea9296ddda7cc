/* SPDX-License-Identifier: MIT
 * Vector instructions executed in C: what the portable executor runs and what
 * back ends fall back to. */
#ifndef TRANSLATOR_VEC_EXEC_H
#define TRANSLATOR_VEC_EXEC_H

#include "cpu/cpu.h"

/* Executes the VEC class instruction with all state in *cpu. addr is the
 * linear address of its memory operand (segment and alignment checks that the
 * IR asks for already done), ignored without one. Raises #GP, #XM, memory faults. */
/* #MF when an x87 exception is pending and the instruction is an MMX one. */
void vec_check_pending(struct cpu *cpu, const struct insn *in);
void vec_exec(struct cpu *cpu, const struct insn *in, gva addr);

/* The same for instructions under VEX (called by vec_exec). */
void vex_exec(struct cpu *cpu, const struct insn *in, gva addr);

/* May it leave something other than zero in the upper half of a register? */
static inline bool vex_fills_upper(const struct insn *in)
{
    return in->vex && in->op[0].kind == OPND_XMM && in->op[0].size == 32;
}

/* Flags of e to the guest's. */
struct vec_env;
void vec_set_flags(struct cpu *cpu, const struct vec_env *e);

/* Instructions with operands that IR_VEC cannot express (MASKMOVQ's implicit
 * address, gathers): lowered as a call of vec_call. */
bool vec_is_call(const struct insn *in);
void vec_call(struct cpu *cpu, const struct insn *in);
/* Those of them under VEX that are new there: gathers, masked moves. */
bool vex_is_call(const struct insn *in);
void vex_call(struct cpu *cpu, const struct insn *in);

#endif
