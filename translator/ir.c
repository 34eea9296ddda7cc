/* SPDX-License-Identifier: MIT
 * The IR as data: names, properties, text, and the verifier. */
#include "translator/ir.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    const char *name;
    unsigned props;
} ops[IR_OP_COUNT] = {
#define X(name, props) {#name, props},
    IR_OPS(X)
#undef X
};

const char *ir_op_name(enum ir_op op)
{
    return ops[op].name;
}

unsigned ir_op_props(enum ir_op op)
{
    return ops[op].props;
}

static int format_ref(char *buf, size_t n, const struct ir *o, uint8_t ref)
{
    static const char *const gpr[] = {"ax", "cx", "dx", "bx", "sp",  "bp",  "si",  "di",
                                      "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};

    if (ref < 16)
        return snprintf(buf, n, " %s", gpr[ref]);
    if (ref < IR_T0 + IR_TEMPS)
        return snprintf(buf, n, " t%d", ref - IR_T0);
    if (ref < IR_AH + 4)
        return snprintf(buf, n, " %ch", "acdb"[ref - IR_AH]);
    if (ref == IR_IMM)
        return snprintf(buf, n, " #%" PRIx64, (uint64_t)o->imm);
    if (ref == IR_MEM)
        return snprintf(buf, n, " [mem]");
    return 0;
}

static int format_mem(char *buf, size_t n, const struct ir *o)
{
    static const char *const seg[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    int len = snprintf(buf, n, "  {%s%s", o->mem.seg < SEG_COUNT ? seg[o->mem.seg] : "flat",
                       o->mem.check ? "!" : "");

    len += format_ref(buf + len, n - (size_t)len, o, o->mem.base);
    if (o->mem.index != IR_NONE) {
        len += format_ref(buf + len, n - (size_t)len, o, o->mem.index);
        len += snprintf(buf + len, n - (size_t)len, "<<%d", o->mem.scale);
    }
    len += snprintf(buf + len, n - (size_t)len, " %+" PRId64 " a%d}", o->mem.disp, o->mem.asize);
    return len;
}

int ir_format(char *buf, size_t n, const struct ir *o)
{
    int len;

    if (o->op == IR_INSN)
        return snprintf(buf, n, "---- %" PRIx64 " +%d", (uint64_t)o->imm, o->aw);
    len = snprintf(buf, n, "%s.%d", ops[o->op].name, o->w);
    if (o->aw)
        len += snprintf(buf + len, n - (size_t)len, "/%d", o->aw);
    len += format_ref(buf + len, n - (size_t)len, o, o->d);
    len += format_ref(buf + len, n - (size_t)len, o, o->a);
    len += format_ref(buf + len, n - (size_t)len, o, o->b);
    if (o->op == IR_JCC || o->op == IR_BCC || o->op == IR_SETCC || o->op == IR_CMOVCC)
        len += snprintf(buf + len, n - (size_t)len, " cc%d", o->cc);
    if ((ops[o->op].props & P_END) || o->op == IR_BCC || o->op == IR_POLL)
        len += snprintf(buf + len, n - (size_t)len, " ->%" PRIx64, (uint64_t)o->imm);
    if (o->op == IR_CALL || o->op == IR_VEC || o->op == IR_X87)
        len += snprintf(buf + len, n - (size_t)len, " %s", insn_name((enum insn_id)o->ext->id));
    if (ir_has_mem(o) || o->op == IR_LEA)
        len += format_mem(buf + len, n - (size_t)len, o);
    if (o->fr | o->fw | o->ff)
        len += snprintf(buf + len, n - (size_t)len, "  r%x w%x f%x", o->fr, o->fw, o->ff);
    return len;
}

static bool is_reg(uint8_t ref)
{
    return ref < IR_AH + 4;
}

static const char *verify_op(const struct ir *o)
{
    unsigned p = ops[o->op].props;
    bool d = p & (P_DW | P_DR);

    if (d && !is_reg(o->d) && o->d != IR_MEM && !(o->d == IR_IMM && !(p & P_DW)))
        return "d is no operand";
    if (!d && o->d != IR_NONE)
        return "d is not used by this op";
    if ((p & P_AR) && !is_reg(o->a) && o->a != IR_IMM && o->a != IR_MEM)
        return "a is no operand";
    if (!(p & P_AR) && o->a != IR_NONE)
        return "a is not used by this op";
    if ((p & P_BR) && !is_reg(o->b) && o->b != IR_IMM)
        return "b is no operand";
    if (o->d == IR_MEM && o->a == IR_MEM)
        return "two memory operands";
    if (d && o->w != 1 && o->w != 2 && o->w != 4 && o->w != 8)
        return "bad width";
    if (((o->d >= IR_AH && is_reg(o->d)) || (o->a >= IR_AH && is_reg(o->a) && !o->aw)) && o->w != 1)
        return "high byte register with a width other than 1";
    if ((o->fr | o->fw | o->ff | o->fu) & ~FL_ARITH)
        return "flags outside the arithmetic ones";
    if ((o->op == IR_CALL || o->op == IR_VEC || o->op == IR_X87) && !o->ext)
        return "no instruction";
    if (o->op == IR_CALL && !o->fn)
        return "CALL without a function";
    return NULL;
}

const char *ir_verify(const struct ir_block *b)
{
    if (!b->n || !(ops[b->op[b->n - 1].op].props & P_END))
        return "block has no end";
    for (unsigned i = 0; i < b->n; i++) {
        const struct ir *o = &b->op[i];
        const char *bad = o->op < IR_OP_COUNT ? verify_op(o) : "no such op";

        if (bad)
            return bad;
        if (i + 1 < b->n && (ops[o->op].props & P_END))
            return "op after the end";
    }
    return NULL;
}
