/* SPDX-License-Identifier: MIT
 * Lowering of stack, branch and string instructions. */
#include "translator/lower.h"

/* ---- stack ---- */

static void lower_mem_stack(struct lower *l, struct ir *o, int64_t disp)
{
    lower_mem_at(l, o, SEG_SS, R_SP, disp, lower_stack_size(l));
}

/* Stores operand a (register, temp or imm) below the stack pointer, then moves it. */
static void lower_push_ref(struct lower *l, unsigned w, uint8_t a, int64_t imm)
{
    struct ir *o = lower_mov(l, w, IR_MEM, a);

    o->imm = imm;
    lower_mem_stack(l, o, -(int64_t)w);
    lower_add_reg(l, R_SP, -(int64_t)w, lower_stack_size(l));
}

void lower_PUSH(struct lower *l)
{
    const struct insn_operand *p = &l->in->op[0];
    unsigned w = l->in->opsize;

    if (p->kind == OPND_MEM) {
        struct ir *o = lower_mov(l, w, IR_T0, IR_NONE);

        lower_set_a(l, o, p);
        lower_push_ref(l, w, IR_T0, 0);
    } else if (p->kind == OPND_IMM) {
        lower_push_ref(l, w, IR_IMM, p->imm);
    } else {
        lower_push_ref(l, w, p->reg, 0);
    }
}

void lower_POP(struct lower *l)
{
    const struct insn_operand *p = &l->in->op[0];
    unsigned w = l->in->opsize;
    struct ir *o;

    if (p->kind == OPND_GPR && p->reg != R_SP) {
        o = lower_mov(l, w, p->reg, IR_MEM);
        lower_mem_stack(l, o, 0);
        lower_add_reg(l, R_SP, w, lower_stack_size(l));
        return;
    }
    o = lower_mov(l, w, IR_T0, IR_MEM);
    lower_mem_stack(l, o, 0);
    if (p->kind == OPND_MEM) { /* an SP base is taken after the increment */
        o = lower_mov(l, w, IR_MEM, IR_T0);
        lower_set_mem(l, o);
        if (o->mem.base == R_SP)
            o->mem.disp += w;
        lower_add_reg(l, R_SP, w, lower_stack_size(l));
        return;
    }
    lower_add_reg(l, R_SP, w, lower_stack_size(l));
    lower_mov(l, w, R_SP, IR_T0);
}

void lower_LEAVE(struct lower *l)
{
    unsigned w = l->in->opsize, ss = lower_stack_size(l);
    struct ir *o = lower_mov(l, w, IR_T0, IR_MEM);

    lower_mem_at(l, o, SEG_SS, R_BP, 0, ss);
    o = lower_emit(l, IR_LEA, ss);
    o->d = R_SP;
    o->mem.base = R_BP;
    o->mem.disp = w;
    o->mem.asize = (uint8_t)ss;
    lower_mov(l, w, R_BP, IR_T0);
}

/* ---- branches ---- */

static uint64_t truncate_rip(const struct lower *l, uint64_t rip)
{
    switch (l->in->opsize) {
    case 2: return (uint16_t)rip;
    case 4: return (uint32_t)rip;
    default: return rip;
    }
}

static uint64_t rel_target(struct lower *l)
{
    return truncate_rip(l, l->next + (uint64_t)l->in->op[0].imm);
}

/* Outside flat and 64-bit code a target is checked against CS.limit; in 64-bit
 * code a direct one can leave the canonical range only at its very edges. */
static void lower_check_direct(struct lower *l, uint64_t target)
{
    struct ir *o;

    if (lower_64(l) ? cpu_canonical(target) : lower_flat(l))
        return;
    o = lower_emit(l, IR_CHKTGT, 8);
    o->a = IR_IMM;
    o->imm = (int64_t)target;
}

static void lower_check_t0(struct lower *l)
{
    if (!lower_64(l) && lower_flat(l))
        return;
    lower_emit(l, IR_CHKTGT, 8)->a = IR_T0;
}

static void lower_jump(struct lower *l, uint64_t target, uint8_t attr)
{
    struct ir *o = lower_emit(l, IR_JMP, 0);

    o->imm = (int64_t)target;
    o->attr = attr;
    o->mem.disp = (int64_t)l->next;
    l->end = true;
}

static void lower_jump_t0(struct lower *l, uint8_t attr)
{
    struct ir *o = lower_emit(l, IR_JMPR, 8);

    o->a = IR_T0;
    o->attr = attr;
    o->mem.disp = (int64_t)l->next;
    l->end = true;
}

/* T0 := operand p, zero-extended. */
static void lower_target_operand(struct lower *l, const struct insn_operand *p)
{
    unsigned w = l->in->opsize;
    struct ir *o = lower_emit(l, w == 8 ? IR_MOV : IR_MOVZX, 8);

    o->d = IR_T0;
    o->aw = (uint8_t)w;
    lower_set_a(l, o, p);
}

static void lower_branch(struct lower *l, enum ir_op op, uint8_t a, unsigned w, unsigned cc,
                         uint16_t fr)
{
    uint64_t target = rel_target(l);
    struct ir *o;

    lower_check_direct(l, target);
    o = lower_emit(l, op, w);
    o->a = a;
    o->cc = (uint8_t)cc;
    o->fr = fr;
    o->imm = (int64_t)target;
    o->mem.disp = (int64_t)truncate_rip(l, l->next);
    l->end = true;
}

/* A forward branch is a side exit and the block goes on behind it; a backward one
 * inside the page, most likely a loop and taken, ends the block. One to an earlier page leads
 * to code that the compiler moved away because it rarely runs. */
void lower_JCC(struct lower *l)
{
    static const uint16_t reads[8] = {FL_OF, FL_CF, FL_ZF,         FL_CF | FL_ZF,
                                      FL_SF, FL_PF, FL_SF | FL_OF, FL_ZF | FL_SF | FL_OF};
    unsigned cc = l->in->opcode & 15;
    uint64_t target = rel_target(l);
    struct ir *o;

    if ((target <= l->rip && target >> GUEST_PAGE_SHIFT == l->rip >> GUEST_PAGE_SHIFT) ||
        l->sides == LOWER_MAX_SIDES || l->next != truncate_rip(l, l->next)) {
        lower_branch(l, IR_JCC, IR_NONE, 0, cc, reads[cc >> 1]);
        return;
    }
    lower_check_direct(l, target);
    o = lower_emit(l, IR_BCC, 0);
    o->cc = (uint8_t)cc;
    o->fr = FL_ARITH;
    o->imm = (int64_t)target;
    l->sides++;
}

void lower_JMP(struct lower *l)
{
    uint64_t target;

    if (l->in->op[0].kind != OPND_REL) {
        lower_target_operand(l, &l->in->op[0]);
        lower_check_t0(l);
        lower_jump_t0(l, 0);
        return;
    }
    target = rel_target(l);
    lower_check_direct(l, target);
    lower_jump(l, target, 0);
}

void lower_CALL(struct lower *l)
{
    unsigned w = l->in->opsize;
    uint64_t target;

    if (l->in->op[0].kind != OPND_REL) {
        lower_target_operand(l, &l->in->op[0]);
        lower_check_t0(l);
        lower_push_ref(l, w, IR_IMM, (int64_t)l->next);
        lower_jump_t0(l, IRA_CALLHINT);
        return;
    }
    target = rel_target(l);
    lower_check_direct(l, target);
    lower_push_ref(l, w, IR_IMM, (int64_t)l->next);
    lower_jump(l, target, IRA_CALLHINT);
}

void lower_RET(struct lower *l)
{
    const struct insn *in = l->in;
    unsigned w = in->opsize;
    int64_t extra = in->nops && in->op[0].kind == OPND_IMM ? (in->op[0].imm & 0xffff) : 0;
    struct ir *o = lower_emit(l, w == 8 ? IR_MOV : IR_MOVZX, 8);

    o->d = IR_T0;
    o->aw = (uint8_t)w;
    o->a = IR_MEM;
    lower_mem_stack(l, o, 0);
    lower_check_t0(l);
    lower_add_reg(l, R_SP, (int64_t)w + extra, lower_stack_size(l));
    lower_jump_t0(l, IRA_RETHINT);
}

void lower_JRCXZ(struct lower *l)
{
    lower_branch(l, IR_JRZ, R_CX, l->in->adsize, 0, 0);
}

void lower_LOOP(struct lower *l)
{
    unsigned w = l->in->adsize;
    uint64_t target = rel_target(l);

    lower_check_direct(l, target);
    lower_add_reg(l, R_CX, -1, w);
    lower_branch(l, IR_JRNZ, R_CX, w, 0, 0);
}

/* LOOPE and LOOPNE: T0 := CX, replaced by 0 when the flag says stop. */
static void lower_loop_zf(struct lower *l, unsigned stop_cc)
{
    unsigned w = l->in->adsize;
    uint64_t target = rel_target(l);
    struct ir *o;

    lower_check_direct(l, target);
    lower_add_reg(l, R_CX, -1, w);
    lower_imm(l, 8, IR_T1, 0);
    lower_mov(l, 8, IR_T0, R_CX);
    o = lower_emit(l, IR_CMOVCC, 8);
    o->d = IR_T0;
    o->a = IR_T1;
    o->cc = (uint8_t)stop_cc;
    o->fr = FL_ZF;
    lower_branch(l, IR_JRNZ, IR_T0, w, 0, 0);
}

void lower_LOOPE(struct lower *l)
{
    lower_loop_zf(l, 5);
}

void lower_LOOPNE(struct lower *l)
{
    lower_loop_zf(l, 4);
}

/* ---- strings ---- */

static void lower_mem_si(struct lower *l, struct ir *o)
{
    lower_mem_at(l, o, l->in->mem.seg, R_SI, 0, l->in->adsize);
}

static void lower_mem_di(struct lower *l, struct ir *o)
{
    lower_mem_at(l, o, SEG_ES, R_DI, 0, l->in->adsize);
}

/* reg += DF ? -w : w; T7 holds the direction */
static void lower_step(struct lower *l, uint8_t reg)
{
    struct ir *o = lower_emit(l, IR_LEA, l->in->adsize);

    o->d = reg;
    o->mem.base = reg;
    o->mem.index = IR_T7;
    o->mem.scale = (uint8_t)__builtin_ctz(l->in->opsize);
    o->mem.asize = l->in->adsize;
}

static void lower_load_df(struct lower *l)
{
    struct ir *o = lower_emit(l, IR_LDENV, 8);

    o->d = IR_T7;
    o->imm = offsetof(struct cpu, df);
}

/* Repeated forms run in C, page by page; they may leave to be entered again. */
static bool lower_repeated(struct lower *l)
{
    if (!l->in->rep && !l->in->repne)
        return false;
    lower_call(l, sys_table[l->in->id], true);
    return true;
}

void lower_MOVS(struct lower *l)
{
    unsigned w = l->in->opsize;

    if (lower_repeated(l))
        return;
    lower_mem_si(l, lower_mov(l, w, IR_T0, IR_MEM));
    lower_mem_di(l, lower_mov(l, w, IR_MEM, IR_T0));
    lower_load_df(l);
    lower_step(l, R_SI);
    lower_step(l, R_DI);
}

void lower_STOS(struct lower *l)
{
    if (lower_repeated(l))
        return;
    lower_mem_di(l, lower_mov(l, l->in->opsize, IR_MEM, R_AX));
    lower_load_df(l);
    lower_step(l, R_DI);
}

void lower_LODS(struct lower *l)
{
    if (lower_repeated(l))
        return;
    lower_mem_si(l, lower_mov(l, l->in->opsize, R_AX, IR_MEM));
    lower_load_df(l);
    lower_step(l, R_SI);
}

static struct ir *lower_string_cmp(struct lower *l, uint8_t d, uint8_t a)
{
    struct ir *o = lower_emit(l, IR_CMP, l->in->opsize);

    o->d = d;
    o->a = a;
    lower_flags(l, o);
    return o;
}

void lower_SCAS(struct lower *l)
{
    if (lower_repeated(l))
        return;
    lower_mem_di(l, lower_string_cmp(l, R_AX, IR_MEM));
    lower_load_df(l);
    lower_step(l, R_DI);
}

void lower_CMPS(struct lower *l)
{
    if (lower_repeated(l))
        return;
    /* hosts load ES:rDI first */
    lower_mem_di(l, lower_mov(l, l->in->opsize, IR_T0, IR_MEM));
    lower_mem_si(l, lower_string_cmp(l, IR_MEM, IR_T0));
    lower_load_df(l);
    lower_step(l, R_SI);
    lower_step(l, R_DI);
}
