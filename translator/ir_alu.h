/* SPDX-License-Identifier: MIT
 * Integer arithmetic of the IR with x86 flags (SDM vol. 1, 3.4.3.1; vol. 2), as
 * pure functions. Flags are FL_ sets; undefined ones keep their old value. */
#ifndef TRANSLATOR_IR_ALU_H
#define TRANSLATOR_IR_ALU_H

#include "translator/ir.h"

/* ADD ADC SUB SBB CMP AND OR XOR TEST INC DEC NEG NOT of w bytes; operands are
 * zero-extended. *fl is read for the carry and, if `flags`, replaced. */
uint64_t ir_alu(enum ir_op op, unsigned w, uint64_t a, uint64_t b, uint32_t *fl, bool flags);

/* Shifts and rotates by an already masked count; `fill` feeds SHLD and SHRD. */
uint64_t ir_shift(enum ir_op op, unsigned w, uint64_t a, uint64_t fill, unsigned count,
                  uint32_t *fl);

/* w x w -> 2w bits; lo and hi are w bytes each. CF=OF=high part significant. */
void ir_mul(bool is_signed, unsigned w, uint64_t a, uint64_t b, uint64_t *hi, uint64_t *lo,
            uint32_t *fl);

/* hi:lo / b; false for division by zero or a quotient that does not fit (#DE). */
bool ir_div(bool is_signed, unsigned w, uint64_t hi, uint64_t lo, uint64_t b, uint64_t *q,
            uint64_t *r);

/* ANDN to RORX on operands of w bytes (4 or 8). */
uint64_t ir_bmi(enum ir_op op, unsigned w, uint64_t a, uint64_t b, uint32_t *fl);

/* Does condition cc (low opcode nibble) hold? */
bool ir_condition(uint32_t fl, unsigned cc);

#endif
