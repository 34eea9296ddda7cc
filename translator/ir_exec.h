/* SPDX-License-Identifier: MIT
 * The portable executor: runs IR in plain C. Cold code, single steps, hosts
 * without a back end, and the oracle for those that have one. */
#ifndef TRANSLATOR_IR_EXEC_H
#define TRANSLATOR_IR_EXEC_H

#include "translator/ir.h"

/* Executes ops until the end op; cpu->rip is then the next instruction. At every
 * moment cpu->rip is the running instruction and the state in *cpu is exact, so
 * faults simply leave. Adds each instruction begun to cpu->icount. */
void ir_exec(struct cpu *cpu, const struct ir *ops);

#endif
