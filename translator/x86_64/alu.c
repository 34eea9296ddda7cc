/* SPDX-License-Identifier: MIT
 * Integer ALU, moves and shifts: one IR op is one host instruction whenever
 * the operands allow. */
#include "translator/x86_64/x64.h"

#include <assert.h>

/* Source operand: an immediate that fits the instruction, or a register or memory. */
struct src {
    bool imm;
    int32_t v;
    struct x64_rm m;
};

/* Resolves operand a; what has no encoding beside `no_mem` comes through rax. */
static struct src source(struct x64 *c, unsigned ref, unsigned w, bool no_mem)
{
    struct src s = {0};

    if (ref == IR_IMM && (w < 8 || c->o->imm == (int32_t)c->o->imm)) {
        s.imm = true;
        s.v = (int32_t)c->o->imm;
        return s;
    }
    if (ref == IR_IMM || x64_is_h(ref) || (no_mem && x64_rm(ref).mem)) {
        x64_ld(c, X_RAX, ref, w);
        s.m = rm_reg(X_RAX);
        return s;
    }
    s.m = x64_rm(ref);
    return s;
}

enum { ALU_TEST = 8, ALU_MOV = 9 };

static void put(struct x64 *c, unsigned n, unsigned w, struct x64_rm d, struct src s)
{
    struct emit *e = &c->e;

    if (s.imm) {
        if (n == ALU_MOV && !d.mem && w >= 4)
            x64_ld_imm(c, d.base, s.v, w);
        else if (n == ALU_MOV)
            e_mov_rm_imm(e, w, d, s.v);
        else if (n == ALU_TEST)
            e_test_imm(e, w, d, s.v);
        else
            e_alu_imm(e, n, w, d, s.v);
    } else if (s.m.mem) {
        assert(!d.mem);
        if (n == ALU_MOV)
            e_mov_r_rm(e, w, d.base, s.m);
        else if (n == ALU_TEST)
            e_test_rm_r(e, w, s.m, d.base);
        else
            e_alu_r_rm(e, n, w, d.base, s.m);
    } else if (n == ALU_MOV) {
        e_mov_rm_r(e, w, d, s.m.base);
    } else if (n == ALU_TEST) {
        e_test_rm_r(e, w, d, s.m.base);
    } else {
        e_alu_rm_r(e, n, w, d, s.m.base);
    }
}

/* d is AH..BH: work on a copy (no write) or rotate its register. */
static void alu_h(struct x64 *c, unsigned n)
{
    const struct ir *o = c->o;
    unsigned r = x64_pinned[o->d - IR_AH];
    struct src s;

    if (n == ALU_TEST || n == 7) {
        if (x64_is_h(o->a)) {
            x64_ld(c, X_ENT, o->a, 1);
            s = (struct src){.m = rm_reg(X_ENT)};
        } else {
            s = source(c, o->a, 1, false);
        }
        x64_ld(c, X_RAX, o->d, 1);
        put(c, n, 1, rm_reg(X_RAX), s);
        return;
    }
    if (x64_is_h(o->a) || o->a == (unsigned)(o->d - IR_AH) || o->a == IR_MEM) {
        x64_ld(c, X_RAX, o->a, 1); /* memory too: an access may trap, so before the rotation */
        s = (struct src){.m = rm_reg(X_RAX)};
    } else {
        s = source(c, o->a, 1, false);
    }
    x64_rot8(c, r, false);
    put(c, n, 1, rm_reg(r), s);
    x64_rot8(c, r, true);
}

static void alu_operands(struct x64 *c, unsigned n, bool writes)
{
    const struct ir *o = c->o;
    struct x64_rm d;

    if (x64_is_h(o->d)) {
        alu_h(c, n);
        return;
    }
    d = x64_rm(o->d);
    if (d.mem && o->d != IR_MEM && writes &&
        o->w == 4) { /* zero-extends a register in memory */
        if (n != ALU_MOV)
            e_mov_r_rm(&c->e, 4, X_RAX, d);
        put(c, n, 4, rm_reg(X_RAX), source(c, o->a, 4, false));
        if (o->a != IR_MEM)
            e_mov_rm_r(&c->e, 8, d, X_RAX);
        return;
    }
    put(c, n, o->w, d, source(c, o->a, o->w, d.mem));
}

/* A 4-byte result for a register in memory is written back after the access. */
static void late_writeback(struct x64 *c, bool writes)
{
    const struct ir *o = c->o;

    if (writes && o->a == IR_MEM && o->w == 4 && !x64_is_h(o->d) && x64_rm(o->d).mem)
        e_mov_rm_r(&c->e, 8, x64_rm(o->d), X_RAX);
}

static bool needs_mem_result(const struct ir *o)
{
    return o->a == IR_MEM && !x64_is_h(o->d) && x64_rm(o->d).mem && o->w != 4;
}

void x64_op_alu(struct x64 *c)
{
    static const uint8_t code[IR_OP_COUNT] = {
        [IR_ADD] = 0, [IR_OR] = 1,  [IR_ADC] = 2, [IR_SBB] = 3,         [IR_AND] = 4,
        [IR_SUB] = 5, [IR_XOR] = 6, [IR_CMP] = 7, [IR_TEST] = ALU_TEST,
    };
    const struct ir *o = c->o;
    unsigned n = code[o->op];
    bool writes = n < 7, mem = ir_has_mem(o);

    if (mem)
        x64_mem_begin(c, o->w, o->d == IR_MEM && writes ? SL_RMW : SL_LOAD);
    if (n == 2 || n == 3)
        x64_flags_need(c, FL_CF);
    if (needs_mem_result(o)) { /* both in memory: the guest's comes through rax */
        x64_ld(c, X_RAX, IR_MEM, o->w);
        put(c, n, o->w, x64_rm(o->d), (struct src){.m = rm_reg(X_RAX)});
    } else {
        if (o->attr & IRA_LOCK && o->d == IR_MEM && writes) {
            struct src s = source(c, o->a, o->w, true);

            e8(&c->e, 0xf0);
            put(c, n, o->w, RM_GUEST, s);
        } else {
            alu_operands(c, n, writes);
        }
    }
    if (mem)
        x64_mem_end(c);
    late_writeback(c, writes);
    x64_flags_wrote(c, FL_ARITH);
}

void x64_op_mov(struct x64 *c)
{
    const struct ir *o = c->o;

    if (x64_target_begin(c)) {
        if (o->a == IR_MEM)
            x64_mem_begin(c, o->w, SL_LOAD);
        x64_ld(c, X_RAX, o->a, o->w);
        if (o->a == IR_MEM)
            x64_mem_end(c);
    } else if (o->d == IR_MEM) {
        x64_mem_begin(c, o->w, SL_STORE);
        alu_operands(c, ALU_MOV, true);
        x64_mem_end(c);
    } else if (o->a == IR_MEM) {
        x64_mem_begin(c, o->w, SL_LOAD);
        if (x64_is_h(o->d) || x64_rm(o->d).mem) {
            x64_ld(c, X_RAX, IR_MEM, o->w);
            x64_mem_end(c);
            x64_st(c, o->d, X_RAX, o->w);
        } else {
            e_mov_r_rm(&c->e, o->w, x64_rm(o->d).base, RM_GUEST);
            x64_mem_end(c);
        }
    } else if (x64_is_h(o->d)) {
        x64_ld(c, X_RAX, o->a, 1);
        x64_st(c, o->d, X_RAX, 1);
    } else {
        alu_operands(c, ALU_MOV, true);
    }
}

/* Sign-extended value of the non-immediate operand to a host register. */
static void load_sx(struct x64 *c, unsigned host, unsigned ref, unsigned aw)
{
    if (x64_is_h(ref)) {
        x64_ld(c, host, ref, 1);
        e_movsx(&c->e, 8, 1, host, rm_reg(host));
    } else {
        e_movsx(&c->e, 8, aw, host, x64_rm(ref));
    }
}

void x64_op_extend(struct x64 *c)
{
    const struct ir *o = c->o;
    bool sx = o->op == IR_MOVSX, mem = o->a == IR_MEM;
    bool to_reg = !x64_is_h(o->d) && !x64_rm(o->d).mem && o->w >= 4;
    unsigned host = to_reg ? x64_rm(o->d).base : X_RAX;

    if (mem)
        x64_mem_begin(c, o->aw, SL_LOAD);
    if (to_reg && sx && !x64_is_h(o->a))
        e_movsx(&c->e, o->w, o->aw, host, x64_rm(o->a));
    else if (to_reg && !sx)
        x64_ld(c, host, o->a, o->aw);
    else if (sx)
        load_sx(c, X_RAX, o->a, o->aw);
    else
        x64_ld(c, X_RAX, o->a, o->aw);
    if (mem)
        x64_mem_end(c);
    if (!to_reg || (sx && x64_is_h(o->a)))
        x64_st(c, o->d, X_RAX, o->w);
}

void x64_op_lea(struct x64 *c)
{
    const struct ir *o = c->o;
    struct x64_rm d = x64_rm(o->d);

    if (!d.mem && o->w >= 4 && o->mem.asize >= 4) {
        x64_lea(c, &o->mem, d.base);
        if (o->w == 4 && o->mem.asize == 8)
            e_mov_rr(&c->e, 4, d.base, d.base);
        return;
    }
    x64_lea(c, &o->mem, X_ADDR);
    x64_st(c, o->d, X_ADDR, o->w);
}

/* INC, DEC, NEG, NOT on r/m. */
static void unary_put(struct x64 *c, struct x64_rm m)
{
    const struct ir *o = c->o;
    unsigned hi = o->w > 1;

    if (m.mem && (o->attr & IRA_LOCK))
        e8(&c->e, 0xf0);
    switch (o->op) {
    case IR_INC: e_ins(&c->e, 0xfe + hi, o->w, 0, m); break;
    case IR_DEC: e_ins(&c->e, 0xfe + hi, o->w, 1, m); break;
    case IR_NOT: e_ins(&c->e, 0xf6 + hi, o->w, 2, m); break;
    default: e_ins(&c->e, 0xf6 + hi, o->w, 3, m); break;
    }
}

/* Runs `fn` on d wherever it lives: in place, rotated (AH..), or, for 4-byte
 * registers in memory, in rax with a zero-extending write-back. */
static void in_place(struct x64 *c, void (*fn)(struct x64 *c, struct x64_rm m))
{
    const struct ir *o = c->o;
    struct x64_rm d;

    if (x64_is_h(o->d)) {
        unsigned r = x64_pinned[o->d - IR_AH];

        x64_rot8(c, r, false);
        fn(c, rm_reg(r));
        x64_rot8(c, r, true);
        return;
    }
    d = x64_rm(o->d);
    if (d.mem && o->d != IR_MEM && o->w == 4) {
        e_mov_r_rm(&c->e, 4, X_RAX, d);
        fn(c, rm_reg(X_RAX));
        e_mov_rm_r(&c->e, 8, d, X_RAX);
        return;
    }
    fn(c, d);
}

void x64_op_unary(struct x64 *c)
{
    const struct ir *o = c->o;
    uint16_t written = o->op == IR_NOT ? 0 : o->op == IR_NEG ? FL_ARITH : FL_ARITH & ~FL_CF;

    if (o->d == IR_MEM)
        x64_mem_begin(c, o->w, SL_RMW);
    if (written && written != FL_ARITH)
        x64_flags_keep(c, written);
    in_place(c, unary_put);
    if (o->d == IR_MEM)
        x64_mem_end(c);
    if (written)
        x64_flags_wrote(c, written);
}

static unsigned shift_n(enum ir_op op)
{
    switch (op) {
    case IR_ROL: return 0;
    case IR_ROR: return 1;
    case IR_RCL: return 2;
    case IR_RCR: return 3;
    case IR_SHL: return 4;
    case IR_SHR: return 5;
    default: return 7;
    }
}

static void shift_put(struct x64 *c, struct x64_rm m)
{
    const struct ir *o = c->o;
    unsigned n = shift_n((enum ir_op)o->op);

    if (o->a == IR_IMM)
        e_shift_imm(&c->e, n, o->w, m, (unsigned)o->imm & (o->w == 8 ? 63 : 31));
    else
        e_ins(&c->e, 0xd2 + (o->w > 1), o->w, n, m);
}

/* Shift of CH by CL: the count must not move with the rotation of rCX. */
static void shift_ch(struct x64 *c)
{
    struct x64_rm save = rm_mem(X_RSP, ENV_SCR(SCR_RAX));

    x64_ld(c, X_RAX, c->o->d, 1);
    shift_put(c, rm_reg(X_RAX));
    e_mov_rm_r(&c->e, 1, save, X_RAX);
    e_movzx(&c->e, 1, X_RAX, save);
    x64_st(c, c->o->d, X_RAX, 1);
}

/* Flags that the shift may write (mask), and whether it surely does (a count in CL may be
 * zero). An immediate count of zero writes nothing. */
static uint16_t shift_mask(const struct ir *o, unsigned count_ref, bool *sure)
{
    *sure = count_ref == IR_IMM;
    if (*sure && !(o->imm & (o->w == 8 ? 63 : 31)))
        return 0;
    return o->op >= IR_ROL && o->op <= IR_RCR ? FL_CF | FL_OF : FL_ARITH;
}

static void shift_flags_before(struct x64 *c, unsigned count_ref)
{
    const struct ir *o = c->o;
    bool sure;
    uint16_t m = shift_mask(o, count_ref, &sure);

    if (!m)
        return;
    if (o->op == IR_RCL || o->op == IR_RCR)
        x64_flags_need(c, FL_CF);
    if (!sure && ((o->fw | o->ff) & m))
        m = 0; /* what it may leave alone must be there to be left alone */
    x64_flags_keep(c, m);
}

static void shift_flags_after(struct x64 *c, unsigned count_ref)
{
    const struct ir *o = c->o;
    bool sure;
    uint16_t m = shift_mask(o, count_ref, &sure);

    if (!m)
        return;
    if (!sure && ((o->fw | o->ff) & m))
        x64_flags_merged(c, m);
    else
        x64_flags_wrote(c, m);
}

void x64_op_shift(struct x64 *c)
{
    const struct ir *o = c->o;

    if (o->d == IR_MEM)
        x64_mem_begin(c, o->w, SL_RMW);
    shift_flags_before(c, o->a);
    if (o->d == IR_AH + 1 && o->a != IR_IMM)
        shift_ch(c);
    else
        in_place(c, shift_put);
    if (o->d == IR_MEM)
        x64_mem_end(c);
    shift_flags_after(c, o->a);
}

void x64_op_shiftd(struct x64 *c)
{
    const struct ir *o = c->o;
    unsigned left = o->op == IR_SHLD ? 0xa4 : 0xac;
    struct x64_rm d = x64_rm(o->d), a = x64_rm(o->a);
    bool through = d.mem && o->d != IR_MEM; /* registers in memory: whole value in r14 */

    if (o->d == IR_MEM)
        x64_mem_begin(c, o->w, SL_RMW);
    shift_flags_before(c, o->b);
    if (a.mem) {
        e_mov_r_rm(&c->e, 8, X_RAX, a);
        a = rm_reg(X_RAX);
    }
    if (through)
        x64_ld(c, X_ADDR, o->d, o->w);
    e_ins(&c->e, OPC(1, left + (o->b != IR_IMM)), o->w, a.base, through ? rm_reg(X_ADDR) : d);
    if (o->b == IR_IMM)
        e8(&c->e, (unsigned)o->imm & (o->w == 8 ? 63 : 31));
    if (o->d == IR_MEM)
        x64_mem_end(c);
    if (through)
        x64_st(c, o->d, X_ADDR, o->w);
    shift_flags_after(c, o->b);
}
