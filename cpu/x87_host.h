/* SPDX-License-Identifier: MIT
 * x87 arithmetic on values: the part of the x87 that the host computes. An
 * operation is named by its raw opcode in a canonical form: register forms use
 * ST(0) and ST(1), memory forms mod 0 with io->mem as the operand. Stack
 * faults, tags and TOP are the caller's affair (cpu/x87.c): every operand
 * handed over is a full register. */
#ifndef CPU_X87_HOST_H
#define CPU_X87_HOST_H

#include "cpu/cpu.h"

struct x87_io {
    struct x87_reg in[2];  /* ST(0), ST(1); nin of them */
    struct x87_reg out[3]; /* what is on the stack afterwards, ST(0) first; nout of them */
    uint8_t mem[16];       /* memory operand, read or written */
    uint16_t cw;           /* guest control word: rounding, precision, masks */
    uint16_t sw; /* in: guest status word (no unmasked flag set); out: status after it */
    uint8_t nin, nout;
};

enum x87_host_op {
    /* 0..63: memory forms, (opcode & 7) << 3 | reg */
    XH_D9_E0 = 64,  /* ..95: D9 E0+i */
    XH_D8_REG = 96, /* ..103: D8 C1 + 8*reg: ST op ST(1) */
    XH_FUCOM = 104, /* FUCOM ST(1) */
};

/* Runs one operation under io->cw. In io->sw the exception flags are
 * io->sw's old ones at most, and those the operation raised; C0..C3 mean
 * something only where the operation defines them. An unmasked exception gives the
 * architected unmasked response (SDM vol. 1 8.5) and is never delivered to the host. */
void x87_host_run(enum x87_host_op op, struct x87_io *io);

static inline enum x87_host_op x87_host_mem(uint8_t opcode, unsigned reg)
{
    return (enum x87_host_op)((opcode & 7) << 3 | reg);
}

#endif
