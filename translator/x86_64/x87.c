/* SPDX-License-Identifier: MIT
 * x87 instructions: the guest's own instruction on the host's x87, which holds the guest's
 * stack, tags, control and status word while cpu->x87_live is set. It is loaded by the first
 * x87 instruction of a block that finds the flag clear, and stays through other blocks and
 * through C until C wants to see the state (x87_sync). TOP is the guest's too, so register
 * operands and FNSTSW need no translation.
 *
 * All this only while the guest masks every x87 exception: blocks are compiled for that
 * (CM_X87EXC), so nothing here ever raises one. FLDCW looks at the mask bits first and runs in
 * C, leaving the block, when it would unmask one.
 *
 * The host's instruction and data pointers are not the guest's and never reach it. FIP, FDP
 * and FOP in struct x87 are stored by the last of a block's instructions that sets them, so
 * they are right wherever the block is left but by a fault; there they may be older ones. (No
 * exception is pending then, and silicon that reports them only with one shows as little.) */
#include "cpu/x87.h"
#include "translator/x86_64/x64.h"

void x64_x87_live(struct x64 *c)
{
    struct x64_slow *s;

    if (c->x87_live)
        return;
    c->x87_live = true;
    x64_flags_clobber(c);
    e_alu_imm(&c->e, 7, 1, rm_mem(X_RSP, ENV(x87_live)), 0);
    s = x64_slow_new(c, SL_X87_LOAD);
    s->from[s->nfrom++] = e_jcc_fwd(&c->e, CC_Z);
    s->end = c->e.p;
}

void x64_x87_access(struct x64 *c, unsigned size, bool store, const struct insn *in)
{
    /* 16 for 10: a few accesses near the end of a page are slow without need */
    x64_mem_begin(c, size == 10 ? 16 : size, store ? SL_STORE : SL_LOAD);
    c->cur->kind = SL_X87;
    c->cur->insn = in;
}

static void call_x87(struct x64 *c, const struct x64_slow *s)
{
    struct emit *e = &c->e;
    bool vec = insn_class((enum insn_id)s->insn->id) == IC_VEC;
    uint64_t next = s->rip + s->insn->len;

    if ((c->b->mode & CM_SIZE) != CM_64)
        next = (uint32_t)next;
    x64_set_rips(c, s->rip, next);
    if (s->exits && c->j->counting)
        x64_count(c, s->undo - 1, false);
    if (vec)
        e_mov_rr(e, 8, X_ENT, X_ADDR);
    e_mov_imm(e, X_ADDR, (uint64_t)(uintptr_t)s->insn);
    if (s->exits) {
        e_mov_imm(e, X_RAX, (uint64_t)(uintptr_t)x87_exec);
        e_call(e, c->j->t_callexit);
        x64_site_here(c, 1, 0, s->rip);
        return;
    }
    e_mov_imm(e, X_RAX, (uint64_t)(uintptr_t)(vec ? x64_helper_mmx : x64_helper_x87));
    e_call(e, c->j->t_sync);
    x64_site_here(c, s->undo, s->late, s->rip);
    e_jmp(e, s->end);
}

void x64_x87_slow(struct x64 *c, const struct x64_slow *s)
{
    if (s->kind == SL_X87) {
        call_x87(c, s);
        return;
    }
    e_mov_imm(&c->e, X_RAX, (uint64_t)(uintptr_t)x64_helper_x87_load);
    e_call(&c->e, c->j->t_sync);
    x64_site_here(c, s->undo, s->late, s->rip);
    e_jmp(&c->e, s->end);
}

/* The word is loaded from a copy: another vCPU may change the guest's after the test. */
static void op_fldcw(struct x64 *c)
{
    struct x64_rm copy = rm_mem(X_RSP, ENV_SCR(SCR_RAX));
    struct emit *e = &c->e;
    struct x64_slow *s;

    x64_x87_access(c, 2, false, c->o->ext);
    s = c->cur;
    s->exits = true;
    e_movzx(e, 2, X_RAX, RM_GUEST);
    x64_mem_end(c);
    e_mov_rm_r(e, 2, copy, X_RAX);
    e_ins(e, 0xf7, 4, 2, rm_reg(X_RAX)); /* not */
    e_test_imm(e, 1, rm_reg(X_RAX), XS_EXC);
    s->from[s->nfrom++] = e_jcc_fwd(e, CC_NZ);
    e_ins(e, 0xd9, 4, 5, copy);
}

/* Control instructions leave FIP, FDP and FOP alone. */
static bool sets_pointers(const struct insn *in)
{
    switch (in->id) {
    case I_FLDCW:
    case I_FNSTCW:
    case I_FNSTSW:
    case I_FNCLEX:
    case I_FWAIT:
    case I_EMMS: return false;
    case I_FNOP: return in->opcode == 0xd9;
    default: return true;
    }
}

/* Is the pointer that op c->i sets (FDP: `data`) set again before the block can be left or C
 * can look? */
static bool pointer_dead(const struct x64 *c, bool data)
{
    for (unsigned k = c->i + 1; k < c->b->nops; k++) {
        const struct ir *o = &c->b->ops[k];

        if (o->op == IR_X87 && sets_pointers(o->ext) && (o->w || !data))
            return true;
        if (o->op == IR_CALL || o->op == IR_BCC || o->op == IR_POLL ||
            (o->op == IR_X87 && o->ext->id == I_FLDCW) ||
            (ir_op_props((enum ir_op)o->op) & P_END))
            return false;
    }
    return false;
}

static void set_fip(struct x64 *c, const struct insn *in)
{
    struct x64_rm fip = rm_mem(X_RSP, ENV(x87.fip)), fop = rm_mem(X_RSP, ENV(x87.fop));
    struct emit *e = &c->e;

    if (!sets_pointers(in) || pointer_dead(c, false))
        return;
    if ((int64_t)c->rip == (int32_t)c->rip) {
        e_mov_rm_imm(e, 8, fip, (int32_t)c->rip);
    } else {
        e_mov_imm(e, X_RAX, c->rip);
        e_mov_rm_r(e, 8, fip, X_RAX);
    }
    e_mov_rm_imm(e, 2, fop, (in->opcode & 7) << 8 | in->modrm);
}

/* From X_ADDR, which is linear: FDP is an offset. */
static void set_fdp(struct x64 *c, const struct insn *in)
{
    struct x64_rm fdp = rm_mem(X_RSP, ENV(x87.fdp));
    unsigned seg = c->o->mem.seg;
    struct emit *e = &c->e;

    if (!sets_pointers(in) || pointer_dead(c, true))
        return;
    if (seg == IRSEG_NONE) {
        e_mov_rm_r(e, 8, fdp, X_ADDR);
        return;
    }
    e_mov_rr(e, 8, X_RAX, X_ADDR);
    e_alu_r_rm(e, 5, (c->b->mode & CM_SIZE) == CM_64 ? 8 : 4, X_RAX,
               rm_mem(X_RSP, ENV(seg) + (int32_t)(seg * sizeof(struct seg) +
                                                  offsetof(struct seg, base))));
    e_mov_rm_r(e, 8, fdp, X_RAX);
}

static void op_register(struct x64 *c, const struct insn *in)
{
    struct emit *e = &c->e;
    uint16_t writes = in->row->fl_write & FL_ARITH;

    if (in->row->fl_read)
        x64_flags_need(c, in->row->fl_read & FL_ARITH);
    if (in->id == I_EMMS) {
        e8(e, 0x0f);
        e8(e, 0x77);
        return;
    }
    e8(e, in->opcode);
    e8(e, in->modrm);
    if (in->id == I_FNSTSW)
        e_mov_rr(e, 2, X_GRAX, X_RAX);
    if (writes)
        x64_flags_wrote(c, writes);
}

void x64_op_x87(struct x64 *c)
{
    const struct ir *o = c->o;
    const struct insn *in = o->ext;

    if (in->id == I_FNOP || in->id == I_FWAIT) { /* nothing can be pending */
        set_fip(c, in);
        return;
    }
    if (in->id == I_FISTTP && !(c->j->hf & HF_SSE3)) {
        c->unsupported = true;
        return;
    }
    x64_x87_live(c);
    if (in->id == I_FLDCW) {
        op_fldcw(c);
    } else if (!o->w) {
        op_register(c, in);
    } else {
        x64_x87_access(c, o->w, o->attr & IRA_STORE, in);
        e_ins(&c->e, in->opcode, 4, in->modrm >> 3 & 7, RM_GUEST);
        set_fdp(c, in);
        x64_mem_end(c);
    }
    set_fip(c, in);
}
