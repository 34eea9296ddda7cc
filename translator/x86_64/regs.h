/* SPDX-License-Identifier: MIT
 * Register choice of the x86-64 back end, and where generated code finds the
 * guest's state. In translated code the host RSP points at struct cpu.
 *
 *   guest RCX RDX RBX RBP RSI RDI R8 R9 R12 R13   their namesakes
 *   guest RAX, RSP                                r10, r11
 *   guest R10 R11 R14 R15                         cpu->gpr[] (memory operands)
 *   rax scratch, r14 guest linear address, r15 table entry
 *   guest XMM0-15 in xmm0-15 (low 128 bits), guest MXCSR in MXCSR
 *
 * Guest arithmetic flags: cpu->aflags between blocks and wherever a fault may
 * look at them, the host's EFLAGS in between (flags.c). */
#ifndef TRANSLATOR_X86_64_REGS_H
#define TRANSLATOR_X86_64_REGS_H

#include "translator/ir.h"
#include "translator/x86_64/emit.h"

#define X_ADDR X_R14
#define X_ENT  X_R15
#define X_GRAX X_R10 /* guest RAX */

/* Host register of guest GPR n, X_NOREG for those that stay in memory. */
static const uint8_t x64_pinned[16] = {
    X_R10, X_RCX, X_RDX,   X_RBX,   X_R11, X_RBP, X_RSI,   X_RDI,
    X_R8,  X_R9,  X_NOREG, X_NOREG, X_R12, X_R13, X_NOREG, X_NOREG,
};

#define ENV(field) ((int32_t)offsetof(struct cpu, field))

/* cpu->scratch: [4..11] IR temps, the rest spill space named here. */
enum {
    SCR_TEMP = 4,
    SCR_RAX = 12,   /* commit thunk: RAX; saved condition of a SETcc to memory */
    SCR_ROT = 13,   /* two words: byte rotation without BMI2 */
    SCR_FLAGS = 15, /* commit thunk: flags; CMPXCHG: spilled register */
};
#define ENV_BOUNCE ENV(bounce) /* of slow accesses */
#define ENV_SCR(n) (ENV(scratch) + 8 * (n))

_Static_assert(offsetof(struct cpu, gpr) == 0, "gpr[] is reached with 8-bit displacements");
_Static_assert(offsetof(struct cpu, v) % 32 == 0, "register images are accessed with VMOVAPS");
_Static_assert(sizeof(union vec) == 32, "stride of cpu->v");
_Static_assert(UPPER_ZERO == 0 && (UPPER_USED & 1) && !(UPPER_STALE & 1), "thunk.c: AND");
_Static_assert(offsetof(struct cpu, x87) < 4096, "the hot part of struct cpu stays small");
_Static_assert(sizeof(struct mmu_tlb_entry) == 32, "TLB index is scaled by 32");

#endif
