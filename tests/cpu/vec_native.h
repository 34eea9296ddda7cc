/* SPDX-License-Identifier: MIT
 * Runs one vector instruction on the host CPU, as the expected value for cpu/vec_ops. */
#ifndef TESTS_CPU_VEC_NATIVE_H
#define TESTS_CPU_VEC_NATIVE_H

#include "cpu/vec_ops.h"

/* Registers around the instruction. Offsets are used by the assembly in vec_native.c. */
struct vec_regs {
    union vec d, s, mask; /* xmm1 or mm1, xmm2 or mm2, xmm0 */
    uint64_t rax, rdx, rcx;
    uint64_t flags;
    uint32_t mxcsr;
    uint64_t d_mm, s_mm;
};

/* One-time preparation: code memory and the SIGFPE handler. */
void vec_native_init(void);

/* False if the host lacks the instruction. Aborts if vec_enc.def lacks it. */
bool vec_native_load(const struct vec_op *op);

/* Executes the loaded op with `imm`; returns true if it raised #XM. */
bool vec_native_run(struct vec_regs *r, unsigned imm);

#endif
