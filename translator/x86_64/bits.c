/* SPDX-License-Identifier: MIT
 * Bit tests and scans, byte swap, exchanges, conditional sets and moves, flag
 * instructions, env access. */
#include "translator/x86_64/x64.h"

static unsigned log2_bits(unsigned w)
{
    return w == 2 ? 4 : w == 4 ? 5 : 6;
}

/* BT, BTS, BTR, BTC with the bit number modulo the width. */
void x64_op_bt(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    unsigned n = (unsigned)(o->op - IR_BT) + 4;
    bool mem = o->d == IR_MEM, imm = o->a == IR_IMM;
    struct x64_rm d = x64_rm(o->d), a = imm ? rm_reg(0) : x64_rm(o->a);
    bool through = d.mem && !mem && (o->w == 4 || !imm); /* bit strings would leave the field */

    if (mem)
        x64_mem_begin(c, o->w, o->op == IR_BT ? SL_LOAD : SL_RMW);
    if (mem && !imm) { /* memory forms take a signed bit offset: reduce it */
        e_mov_r_rm(e, 8, X_RAX, a);
        e_alu_imm(e, 4, 4, rm_reg(X_RAX), (int32_t)o->w * 8 - 1);
        a = rm_mem(X_RSP, ENV_SCR(SCR_ROT));
        e_mov_rm_r(e, 8, a, X_RAX);
    }
    x64_flags_keep(c, FL_CF); /* may use rax */
    if (!imm && a.mem) {
        e_mov_r_rm(e, 8, X_RAX, a);
        a = rm_reg(X_RAX);
    }
    if (through) {
        e_mov_r_rm(e, 8, X_ADDR, d);
        d = rm_reg(X_ADDR);
    }
    if (mem && (o->attr & IRA_LOCK) && o->op != IR_BT)
        e8(e, 0xf0);
    if (imm) {
        e_ins(e, OPC(1, 0xba), o->w, n, d);
        e8(e, (unsigned)o->imm & (o->w * 8 - 1));
    } else {
        e_ins(e, OPC(1, 0x83 + n * 8), o->w, a.base, d);
    }
    if (mem)
        x64_mem_end(c);
    if (through && o->op != IR_BT)
        x64_st(c, o->d, X_ADDR, o->w);
    x64_flags_wrote(c, FL_CF);
}

/* Zero-extended source to X_ENT. */
static void scan_source(struct x64 *c)
{
    const struct ir *o = c->o;

    if (o->a == IR_MEM) {
        x64_mem_begin(c, o->w, SL_LOAD);
        e_movzx(&c->e, o->w, X_ENT, RM_GUEST);
        x64_mem_end(c);
    } else {
        x64_ld(c, X_ENT, o->a, o->w);
    }
}

/* BSF, BSR: d stays whole when the source is zero. */
void x64_op_scan(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    struct x64_rm d = x64_rm(o->d);
    unsigned host = d.mem ? X_RAX : d.base;

    scan_source(c);
    e_ins(e, OPC(1, o->op == IR_BSF ? 0xbc : 0xbd), 8, X_ENT, rm_reg(X_ENT));
    if (d.mem)
        e_mov_r_rm(e, 8, X_RAX, d);
    e_ins(e, OPC(1, 0x40 | CC_NZ), o->w == 2 ? 2 : 8, host, rm_reg(X_ENT));
    if (d.mem)
        e_mov_rm_r(e, 8, d, X_RAX);
    x64_flags_wrote(c, FL_ARITH);
}

/* TZCNT and LZCNT from BSF and BSR. Source in X_ENT, result in X_ADDR; CF: source zero. */
static void count_by_scan(struct x64 *c)
{
    struct emit *e = &c->e;
    unsigned bits = c->o->w * 8;
    bool lz = c->o->op == IR_LZCNT;

    e_mov_imm(e, X_RAX, lz ? bits * 2 - 1 : bits);
    e_ins(e, OPC(1, lz ? 0xbd : 0xbc), 8, X_ADDR, rm_reg(X_ENT));
    e_ins(e, OPC(1, 0x40 | CC_Z), 8, X_ADDR, rm_reg(X_RAX));
    if (lz)
        e_alu_imm(e, 6, 4, rm_reg(X_ADDR), (int32_t)bits - 1);
    e_test_rm_r(e, 4, rm_reg(X_ADDR), X_ADDR);
    e_ins(e, OPC(1, 0xba), 4, 4, rm_reg(X_ADDR)); /* bt: bit set only in `bits` itself */
    e8(e, log2_bits(c->o->w));
}

static void popcnt_by_call(struct x64 *c)
{
    x64_flags_clobber(c);
    e_mov_rr(&c->e, 8, X_ADDR, X_ENT);
    x64_call_c(c, (uint64_t)(uintptr_t)x64_helper_popcnt);
    e_mov_rr(&c->e, 8, X_ADDR, X_RAX);
    e_test_rm_r(&c->e, 4, rm_reg(X_ADDR), X_ADDR); /* all flags but ZF are 0 */
    e_ins(&c->e, OPC(1, 0x90 | CC_Z), 1, 0, rm_reg(X_RAX));
    e_movzx(&c->e, 1, X_RAX, rm_reg(X_RAX));
    e_shift_imm(&c->e, 4, 4, rm_reg(X_RAX), 14); /* ZF's place in AH; AL = 0 */
    e_alu_imm(&c->e, 0, 1, rm_reg(X_RAX), 0);    /* OF */
    e8(&c->e, 0x9e);                             /* sahf */
}

/* TZCNT, LZCNT, POPCNT. */
void x64_op_count(struct x64 *c)
{
    const struct ir *o = c->o;
    static const uint8_t opc[] = {0xbc, 0xbd, 0xb8};
    unsigned k = (unsigned)(o->op - IR_TZCNT);
    static const uint32_t need[] = {HF_BMI1, HF_LZCNT, HF_POPCNT};

    scan_source(c);
    if (c->j->hf & need[k]) /* w 2: zero-extended source would count wrong: keep the width */
        e_ins(&c->e, OPC_P(0xf3, 1, opc[k]), o->w, X_ADDR, rm_reg(X_ENT));
    else if (k < 2)
        count_by_scan(c);
    else
        popcnt_by_call(c);
    x64_st(c, o->d, X_ADDR, o->w);
    x64_flags_wrote(c, FL_ARITH);
}

void x64_op_bswap(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    struct x64_rm d = x64_rm(o->d);
    unsigned host = d.mem ? X_RAX : d.base;

    if (o->w == 2) {
        e_mov_rm_imm(e, 2, d, 0);
        return;
    }
    if (d.mem)
        e_mov_r_rm(e, o->w, X_RAX, d);
    if (o->w == 8 || (host & 8))
        e8(e, 0x40 | (o->w == 8 ? 8 : 0) | host >> 3);
    e8(e, 0x0f);
    e8(e, 0xc8 | (host & 7));
    if (d.mem)
        e_mov_rm_r(e, 8, d, X_RAX);
}

/* Guest-memory XCHG and XADD: register a in place when pinned, else through rax. */
static void xchg_mem(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    bool through = x64_is_h(o->a) || x64_rm(o->a).mem;
    unsigned host = through ? X_RAX : x64_rm(o->a).base;

    x64_mem_begin(c, o->w, SL_RMW);
    if (through)
        x64_ld(c, X_RAX, o->a, o->w);
    if (o->op == IR_XCHG) {
        e_ins(e, 0x86 + (o->w > 1), o->w, host, RM_GUEST);
    } else {
        if (o->attr & IRA_LOCK)
            e8(e, 0xf0);
        e_ins(e, OPC(1, 0xc0 + (o->w > 1)), o->w, host, RM_GUEST);
    }
    x64_mem_end(c);
    if (through)
        x64_st(c, o->a, X_RAX, o->w);
}

/* XCHG and XADD. */
void x64_op_xchg(struct x64 *c)
{
    const struct ir *o = c->o;

    if (o->d == IR_MEM) {
        xchg_mem(c);
    } else {
        x64_ld(c, X_ADDR, o->d, o->w);
        x64_ld(c, X_ENT, o->a, o->w);
        if (o->op == IR_XADD)
            e_ins(&c->e, OPC(1, 0xc0 + (o->w > 1)), o->w, X_ENT, rm_reg(X_ADDR));
        else
            e_ins(&c->e, 0x87, 8, X_ENT, rm_reg(X_ADDR));
        x64_st(c, o->a, X_ENT, o->w);
        x64_st(c, o->d, X_ADDR, o->w);
    }
    if (o->op == IR_XADD)
        x64_flags_wrote(c, FL_ARITH);
}

static void cmpxchg_mem(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    bool through = x64_is_h(o->a) || x64_rm(o->a).mem;
    unsigned host = through ? X_RBX : x64_rm(o->a).base;
    struct x64_rm spill = rm_mem(X_RSP, ENV_SCR(SCR_ROT));

    c->force_canon = through; /* a trap would find RBX changed */
    x64_mem_begin(c, o->w, SL_RMW);
    if (through) {
        if (x64_is_h(o->a))
            x64_ld(c, X_RAX, o->a, 1);
        e_mov_rm_r(e, 8, spill, X_RBX);
        if (x64_is_h(o->a))
            e_mov_rr(e, 4, X_RBX, X_RAX);
        else
            x64_ld(c, X_RBX, o->a, o->w);
    }
    e_mov_rr(e, 8, X_RAX, X_GRAX);
    if (o->attr & IRA_LOCK)
        e8(e, 0xf0);
    e_ins(e, OPC(1, 0xb0 + (o->w > 1)), o->w, host, RM_GUEST);
    if (through)
        e_mov_r_rm(e, 8, X_RBX, spill);
    x64_mem_end(c);
    c->force_canon = false;
}

void x64_op_cmpxchg(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;

    if (o->d == IR_MEM) {
        cmpxchg_mem(c);
    } else {
        unsigned w = x64_is_h(o->d) ? 1 : 8;

        x64_ld(c, X_ADDR, o->d, w);
        x64_ld(c, X_ENT, o->a, o->w);
        e_mov_rr(e, 8, X_RAX, X_GRAX);
        e_ins(e, OPC(1, 0xb0 + (o->w > 1)), o->w, X_ENT, rm_reg(X_ADDR));
    }
    e_mov_rr(e, 8, X_GRAX, X_RAX);
    if (o->d != IR_MEM) /* after rAX, which d may be */
        x64_st(c, o->d, X_ADDR, x64_is_h(o->d) ? 1 : 8);
    x64_flags_wrote(c, FL_ARITH);
}

void x64_op_setcc(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    unsigned cc = x64_flags_cond(c, o->cc);

    if (o->d == IR_MEM) { /* decided before the access destroys the flags */
        struct x64_rm t = rm_mem(X_RSP, ENV_SCR(SCR_RAX));

        e_ins(e, OPC(1, 0x90 | cc), 1, 0, t);
        x64_mem_begin(c, 1, SL_STORE);
        e_movzx(e, 1, X_RAX, t);
        e_mov_rm_r(e, 1, RM_GUEST, X_RAX);
        x64_mem_end(c);
    } else if (x64_is_h(o->d)) {
        e_ins(e, OPC(1, 0x90 | cc), 1, 0, rm_reg(X_RAX));
        x64_st(c, o->d, X_RAX, 1);
    } else {
        e_ins(e, OPC(1, 0x90 | cc), 1, 0, x64_rm(o->d));
    }
}

void x64_op_cmovcc(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    struct x64_rm d = x64_rm(o->d), a;
    unsigned host = d.mem ? X_ADDR : d.base, cc;

    if (o->a == IR_MEM) {
        x64_mem_begin(c, o->w, SL_LOAD);
        e_movzx(e, o->w, X_ENT, RM_GUEST);
        x64_mem_end(c);
        a = rm_reg(X_ENT);
    } else if (x64_is_h(o->a) || o->a == IR_IMM) {
        x64_ld(c, X_ENT, o->a, o->w);
        a = rm_reg(X_ENT);
    } else {
        a = x64_rm(o->a);
    }
    cc = x64_flags_cond(c, o->cc);
    if (d.mem)
        e_mov_r_rm(e, 8, X_ADDR, d);
    e_ins(e, OPC(1, 0x40 | cc), o->w, host, a);
    if (d.mem)
        e_mov_rm_r(e, 8, d, X_ADDR);
}

/* CLC, STC, CMC, LAHF, SAHF. */
void x64_op_flagop(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;

    switch (o->op) {
    case IR_LAHF:
        x64_flags_need(c, FL_ARITH & ~FL_OF);
        e8(e, 0x9f);
        e8(e, 0x0f); /* movzx eax, ah */
        e8(e, 0xb6);
        e8(e, 0xc4);
        x64_st(c, IR_AH, X_RAX, 1);
        break;
    case IR_SAHF:
        x64_flags_keep(c, FL_ARITH & ~FL_OF);
        e_mov_rr(e, 4, X_RAX, X_GRAX);
        e8(e, 0x9e);
        x64_flags_wrote(c, FL_ARITH & ~FL_OF);
        break;
    default:
        if (o->op == IR_CMC)
            x64_flags_need(c, FL_CF);
        x64_flags_keep(c, FL_CF);
        e8(e, o->op == IR_CLC ? 0xf8 : o->op == IR_STC ? 0xf9 : 0xf5);
        x64_flags_wrote(c, FL_CF);
        break;
    }
}

/* LDENV, STENV. Offsets that cover the flags image see and set the guest's flags. */
void x64_op_env(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    struct x64_rm m = rm_mem(X_RSP, (int32_t)o->imm);
    bool flags = o->imm == ENV(aflags);

    if (o->op == IR_LDENV) {
        if (flags)
            x64_flags_sync(c);
        e_movzx(e, o->w, X_RAX, m);
        x64_st(c, o->d, X_RAX, 8);
        return;
    }
    x64_ld(c, X_RAX, o->a, o->w);
    e_mov_rm_r(e, o->w, m, X_RAX);
    if (flags)
        x64_flags_begin(c);
}
