/* SPDX-License-Identifier: MIT
 * Multiplication and division: fixed guest rAX is moved through the host's
 * rAX, guest rDX is the host's. A quotient that does not fit must raise the guest's
 * #DE, never the host's, so it is excluded before the host divides. */
#include "translator/x86_64/x64.h"

static void rax_in(struct x64 *c)
{
    e_mov_rr(&c->e, 8, X_RAX, X_GRAX);
}

static void rax_out(struct x64 *c, unsigned w)
{
    e_mov_rr(&c->e, w == 1 ? 2 : w, X_GRAX, X_RAX);
}

void x64_op_mul(struct x64 *c)
{
    const struct ir *o = c->o;
    unsigned n = o->op == IR_MUL ? 4 : 5;
    struct x64_rm m;

    if (o->a == IR_MEM)
        x64_mem_begin(c, o->w, SL_LOAD);
    if (x64_is_h(o->a)) {
        x64_ld(c, X_ENT, o->a, 1);
        m = rm_reg(X_ENT);
    } else {
        m = x64_rm(o->a);
    }
    rax_in(c);
    e_ins(&c->e, 0xf6 + (o->w > 1), o->w, n, m);
    if (o->a == IR_MEM)
        x64_mem_end(c);
    rax_out(c, o->w);
    x64_flags_wrote(c, FL_ARITH);
}

/* d = a * b; a register or memory, b register or immediate; w >= 2. */
void x64_op_imul(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    struct x64_rm d = x64_rm(o->d);
    unsigned host = d.mem ? X_RAX : d.base;
    bool mem = o->a == IR_MEM;

    if (mem)
        x64_mem_begin(c, o->w, SL_LOAD);
    if (o->b == IR_IMM) {
        bool small = (int8_t)o->imm == (int32_t)o->imm;

        e_ins(e, small ? 0x6b : 0x69, o->w, host, x64_rm(o->a));
        e_imm(e, small ? 1 : o->w, o->imm);
    } else {
        bool swap = !mem && o->d == o->b; /* d = a * d */
        unsigned first = mem || swap ? o->b : o->a;
        struct x64_rm s = swap ? x64_rm(o->a) : mem ? RM_GUEST : x64_rm(o->b);

        if (mem && o->d != o->b)
            host = X_RAX; /* d may be part of nothing yet, but the slow path repeats this */
        if (host == X_RAX || first != o->d)
            e_mov_r_rm(e, o->w, host, x64_rm(first));
        e_ins(e, OPC(1, 0xaf), o->w, host, s);
    }
    if (mem)
        x64_mem_end(c);
    if (host == X_RAX)
        x64_st(c, o->d, X_RAX, o->w);
    x64_flags_wrote(c, FL_ARITH);
}

/* High half >= divisor: the quotient does not fit (divisor 0 included). Divisor in X_ADDR. */
static void div_unsigned(struct x64 *c)
{
    struct emit *e = &c->e;
    unsigned w = c->o->w;

    if (w == 1) {
        e_movzx(e, 2, X_ENT, rm_reg(X_GRAX));
        e_shift_imm(e, 5, 4, rm_reg(X_ENT), 8);
        e_alu_rm_r(e, 7, 1, rm_reg(X_ENT), X_ADDR);
    } else {
        e_alu_rm_r(e, 7, w, rm_reg(X_RDX), X_ADDR);
    }
    x64_raise_if(c, CC_AE, EXC_DE);
    rax_in(c);
    e_ins(e, 0xf6 + (w > 1), w, 6, rm_reg(X_ADDR));
    rax_out(c, w);
}

/* Dividend that is its low half sign-extended and divisor not 0 or -1: host. Else C.
 * Divisor sign-extended in X_ADDR. */
static void div_signed(struct x64 *c)
{
    struct emit *e = &c->e;
    unsigned w = c->o->w;
    uint8_t *c1, *c2, *done;

    e_lea(e, 8, X_ENT, rm_mem(X_ADDR, 1));
    e_alu_imm(e, 7, 8, rm_reg(X_ENT), 1);
    c1 = e_jcc_fwd(e, CC_BE);
    e_movsx(e, 8, w, X_RAX, rm_reg(X_GRAX));
    e_mov_rr(e, 8, X_ENT, X_RAX);
    if (w == 1) {
        e_alu_rm_r(e, 7, 2, rm_reg(X_GRAX), X_RAX);
    } else {
        e_shift_imm(e, 7, 8, rm_reg(X_ENT), 63);
        e_alu_rm_r(e, 7, w, rm_reg(X_RDX), X_ENT);
    }
    c2 = e_jcc_fwd(e, CC_NZ);
    e_ins(e, 0xf6 + (w > 1), w, 7, rm_reg(X_ADDR));
    rax_out(c, w);
    done = e_jmp_fwd(e);
    e_patch_here(e, c1);
    e_patch_here(e, c2);
    e_mov_imm(e, X_ENT, w);
    x64_call_c(c, (uint64_t)(uintptr_t)x64_helper_div);
    e_patch_here(e, done);
}

void x64_op_div(struct x64 *c)
{
    const struct ir *o = c->o;
    bool sx = o->op == IR_IDIV;

    if (o->a == IR_MEM) {
        x64_mem_begin(c, o->w, SL_LOAD);
        e_movzx(&c->e, o->w, X_ENT, RM_GUEST);
        x64_mem_end(c);
        if (sx)
            e_movsx(&c->e, 8, o->w, X_ADDR, rm_reg(X_ENT));
        else
            e_mov_rr(&c->e, 8, X_ADDR, X_ENT);
    } else {
        x64_flags_clobber(c);
        x64_ld(c, X_ADDR, o->a, o->w);
        if (sx && o->w < 8)
            e_movsx(&c->e, 8, o->w, X_ADDR, rm_reg(X_ADDR));
    }
    if (sx)
        div_signed(c);
    else
        div_unsigned(c);
    x64_flags_wrote(c, FL_ARITH);
}
