/* SPDX-License-Identifier: MIT
 * Dead-code pass: drops ops whose only effect is a register or temp that is
 * written again before anybody, a possible fault included, could see it. Runs after
 * opt_flags, which tells whether an op's flags matter. */
#include "translator/ir.h"

#define ALL_GPR  0xffffu
#define NO_TEMPS ALL_GPR /* what may be live between two guest instructions */

/* Bit of the register or temp that an operand names, 0 for others. */
static uint32_t ref_bit(uint8_t ref)
{
    if (ref < IR_T0 + IR_TEMPS)
        return 1u << ref;
    if (ref >= IR_AH && ref < IR_AH + 4)
        return 1u << (ref - IR_AH);
    return 0;
}

static uint32_t reads(const struct ir *o, unsigned props)
{
    uint32_t bits = 0;

    if (props & P_FIXED)
        bits |= ALL_GPR;
    if ((props & P_DR) || o->d >= IR_AH || o->w < 4)
        bits |= ref_bit(o->d);
    if (props & P_AR)
        bits |= ref_bit(o->a);
    if (props & P_BR)
        bits |= ref_bit(o->b);
    if (ir_has_mem(o) || o->op == IR_LEA)
        bits |= ref_bit(o->mem.base) | ref_bit(o->mem.index);
    return bits;
}

static bool pure(const struct ir *o, unsigned props)
{
    if (!(props & P_DW) || (props & (P_AW | P_FAULT | P_END | P_FIXED)))
        return false;
    return ref_bit(o->d) && !ir_has_mem(o) && !(o->fw | o->ff);
}

void opt_dead(struct ir_block *b)
{
    uint32_t live = ALL_GPR;
    unsigned keep = b->n;

    for (unsigned i = b->n; i-- > 0;) {
        const struct ir *o = &b->op[i];
        unsigned props = ir_op_props((enum ir_op)o->op);

        if (pure(o, props) && !(ref_bit(o->d) & live))
            continue;
        if ((props & P_DW) && o->d < IR_AH && o->w >= 4)
            live &= ~ref_bit(o->d);
        live |= reads(o, props);
        if (ir_may_fault(o) || o->op == IR_BCC || o->op == IR_POLL || (props & P_END))
            live |= ALL_GPR;
        if (o->op == IR_INSN)
            live &= NO_TEMPS;
        b->op[--keep] = *o;
    }
    for (unsigned i = keep; i < b->n; i++)
        b->op[i - keep] = b->op[i];
    b->n -= keep;
}
