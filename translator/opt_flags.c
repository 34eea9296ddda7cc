/* SPDX-License-Identifier: MIT
 * Backward flag liveness within a block. An op keeps in fw only what a later
 * op or the block's successors consume; ff collects what would be seen if a
 * later op faulted before the flag is written again. */
#include "translator/ir.h"

/* A shift by CL may leave every flag as it was, so it ends no flag's life. */
static bool conditional_write(const struct ir *o)
{
    switch (o->op) {
    case IR_SHL: case IR_SHR: case IR_SAR: case IR_ROL: case IR_ROR: case IR_RCL: case IR_RCR:
        return o->a != IR_IMM;
    case IR_SHLD: case IR_SHRD:
        return o->b != IR_IMM;
    default:
        return false;
    }
}

void opt_flags(struct ir_block *b, uint16_t live_out)
{
    uint16_t live = live_out, fault = live_out;

    for (unsigned i = b->n; i-- > 0;) {
        struct ir *o = &b->op[i];
        uint16_t defs = o->fw | o->fu;

        o->ff = o->fw & fault & (uint16_t)~live;
        o->fw &= live;
        if (conditional_write(o)) {
            if (!(defs & (live | fault)))
                o->fr &= o->op == IR_RCL || o->op == IR_RCR ? FL_CF : 0;
        } else {
            live &= (uint16_t)~defs;
            fault &= (uint16_t)~defs;
        }
        live |= o->fr;
        if (ir_may_fault(o))
            fault = FL_ARITH;
    }
}
