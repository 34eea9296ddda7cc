/* SPDX-License-Identifier: MIT
 * Where the guest's arithmetic flags are while a block is compiled. Each flag
 * is current in the host's EFLAGS (hv), in cpu->aflags (ev), or both; a flag
 * that nobody wants of its last writer may be in neither.
 *
 * A guest access tests and so destroys EFLAGS. Before that, what a later reader
 * needs is saved (lahf, seto, one store). What only a fault could look at is not
 * saved when it can be computed from the registers of the instruction that set it:
 * the site then carries that recipe ("late" flags) and jit_restore runs it. */
#include "translator/x86_64/x64.h"

#include <assert.h>

#define ALL    FL_ARITH
#define AFLAGS rm_mem(X_RSP, ENV(aflags))

uint16_t x64_cc_flags(unsigned cc)
{
    static const uint16_t f[8] = {FL_OF, FL_CF, FL_ZF,         FL_CF | FL_ZF,
                                  FL_SF, FL_PF, FL_SF | FL_OF, FL_SF | FL_OF | FL_ZF};
    return f[cc >> 1 & 7];
}

/* Count of a shift by immediate, masked as the operation does; -1 when in CL. */
static int shift_count(const struct ir *o, unsigned ref)
{
    return ref == IR_IMM ? (int)(o->imm & (o->w == 8 ? 63 : 31)) : -1;
}

static uint16_t shift_kills(const struct ir *o)
{
    bool d = o->op == IR_SHLD || o->op == IR_SHRD;

    if (shift_count(o, d ? o->b : o->a) <= 0)
        return 0;
    return o->op >= IR_ROL && o->op <= IR_RCR ? FL_CF | FL_OF : ALL;
}

/* Flags the op certainly overwrites or leaves undefined. An op none of whose
 * flags are wanted may stand for an instruction that writes none: it overwrites nothing. */
static uint16_t kills(const struct ir *o)
{
    if (!(o->fw | o->ff) && o->op != IR_VEC && o->op != IR_X87)
        return 0;
    switch (o->op) {
    case IR_ADCX: return FL_CF;
    case IR_ADOX: return FL_OF;
    case IR_INC:
    case IR_DEC: return ALL & ~FL_CF;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROL:
    case IR_ROR:
    case IR_RCL:
    case IR_RCR:
    case IR_SHLD:
    case IR_SHRD: return shift_kills(o);
    case IR_BT:
    case IR_BTS:
    case IR_BTR:
    case IR_BTC:
    case IR_CLC:
    case IR_STC:
    case IR_CMC: return FL_CF;
    case IR_SAHF: return ALL & ~FL_OF;
    case IR_X87:
    case IR_VEC: return o->ext->row ? o->ext->row->fl_write & ALL : o->fw | o->ff;
    case IR_STENV: return (o->fw | o->ff) & ALL;
    default: return ir_op_props((enum ir_op)o->op) & P_FL ? ALL : 0;
    }
}

static uint16_t reads(const struct ir *o)
{
    uint16_t f = o->fr & ALL;

    switch (o->op) {
    case IR_ADC:
    case IR_SBB:
    case IR_RCL:
    case IR_RCR:
    case IR_CMC: return f | FL_CF;
    case IR_SETCC:
    case IR_CMOVCC:
    case IR_JCC: return f | x64_cc_flags(o->cc);
    case IR_LAHF: return f | (ALL & ~FL_OF);
    case IR_CALL: return ALL;
    default: return f;
    }
}

/* Backward liveness over the block; everything is live at its end. */
void x64_flags_analyse(struct x64 *c)
{
    uint16_t r = ALL, f = ALL;
    unsigned n = c->b->nops;

    c->live[n] = c->livef[n] = ALL;
    while (n-- > 0) {
        const struct ir *o = &c->b->ops[n];
        uint16_t k = kills(o), rd = reads(o);

        r = (uint16_t)((r & ~k) | rd);
        f = ir_may_fault(o) ? ALL : (uint16_t)((f & ~k) | rd);
        c->live[n] = r;
        c->livef[n] = f;
    }
}

void x64_flags_begin(struct x64 *c)
{
    c->hv = 0;
    c->ev = c->want = c->wantr = ALL;
    c->late = 0;
}

void x64_flags_save(struct x64 *c)
{
    struct emit *e = &c->e;

    e8(e, 0x9f); /* lahf */
    e_ins(e, OPC(1, 0x90 | CC_O), 1, 0, rm_reg(X_RAX));
    e_mov_rm_r(e, 2, AFLAGS, X_RAX);
    c->ev = c->hv;
}

/* Can the flags of op p be computed at every fault before they are overwritten? Its operands
 * must stay as they are until the last of those. */
static bool late_possible(const struct x64 *c, unsigned p)
{
    const struct ir *q = &c->b->ops[p];
    bool intact = true;

    for (unsigned k = p + 1; k < c->b->nops; k++) {
        const struct ir *o = &c->b->ops[k];
        unsigned props = ir_op_props((enum ir_op)o->op);
        uint16_t kl = kills(o);

        if (ir_may_fault(o) && !intact)
            return false;
        if (kl == ALL)
            return true;
        if (kl || o->op == IR_CALL || (o->op >= IR_SHL && o->op <= IR_SHRD))
            return false; /* a partial writer merges with what it finds, a helper may look */
        if (o->op == IR_VEC || (props & P_FIXED) || (o->op == IR_X87 && o->ext->id == I_FNSTSW))
            intact = false;
        if ((props & P_DW) && (o->d == q->d || o->d == q->a || x64_is_h(o->d)))
            intact = false;
        if ((props & P_AW) && (o->a == q->d || o->a == q->a || x64_is_h(o->a)))
            intact = false;
    }
    return true;
}

static bool late_kind(const struct ir *o)
{
    bool imm_ok = o->a < 16 || (o->a == IR_IMM && o->imm == (int32_t)o->imm);

    if (o->d >= 16)
        return false;
    switch (o->op) {
    case IR_CMP:
    case IR_ADD:
    case IR_SUB: return imm_ok && (o->a != o->d);
    case IR_TEST: return imm_ok;
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_NEG: return true;
    default: return false;
    }
}

static bool late_try(struct x64 *c, unsigned p)
{
    const struct ir *o = &c->b->ops[p];
    struct x64_lates *l = &c->j->lates;

    if (!late_kind(o) || !late_possible(c, p))
        return false;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 256;
        struct x64_late_flags *v = realloc(l->v, cap * sizeof(*v));

        if (!v)
            return false;
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = (struct x64_late_flags){o->op, o->w, o->d, o->a, (int32_t)o->imm};
    c->late = (uint32_t)l->n;
    return true;
}

void x64_flags_clobber(struct x64 *c)
{
    uint16_t only_host = c->hv & ~c->ev;

    if (only_host & c->wantr & c->live[c->i])
        x64_flags_save(c);
    else if ((only_host & c->want & c->livef[c->i]) && !late_try(c, c->writer))
        x64_flags_save(c);
    c->hv = 0;
}

void x64_flags_sync(struct x64 *c)
{
    if (c->hv & ~c->ev & c->want & c->livef[c->i])
        x64_flags_save(c);
}

void x64_flags_load(struct x64 *c)
{
    struct emit *e = &c->e;

    e_movzx(e, 2, X_RAX, AFLAGS);
    e_alu_imm(e, 0, 1, rm_reg(X_RAX), 0x7f); /* OF from bit 0 */
    e8(e, 0x9e);                             /* sahf: the rest from AH */
}

void x64_flags_need(struct x64 *c, uint16_t mask)
{
    struct emit *e = &c->e;

    if (!(mask & ~c->hv))
        return;
    if (mask == FL_CF && !c->hv) {
        e_ins(e, OPC(1, 0xba), 2, 4, AFLAGS); /* bt word [aflags], 8 */
        e8(e, 8);
        c->hv = FL_CF;
        return;
    }
    if (c->hv & ~c->ev & c->want & c->livef[c->i + 1])
        x64_flags_save(c); /* cannot be: partial writers restore first */
    x64_flags_load(c);
    c->hv = c->ev;
}

bool x64_flags_quiet(const struct ir *o)
{
    return !(o->fw | o->ff) && (ir_op_props((enum ir_op)o->op) & P_FL);
}

void x64_flags_keep(struct x64 *c, uint16_t written)
{
    uint16_t others = c->livef[c->i + 1] & c->want & ~written & ~c->hv;

    if (others && !x64_flags_quiet(c->o))
        x64_flags_need(c, others);
}

void x64_flags_wrote(struct x64 *c, uint16_t mask)
{
    uint16_t r = c->o->fw & mask, rf = (c->o->fw | c->o->ff) & mask;

    if (x64_flags_quiet(c->o)) {
        c->hv = 0;
        return;
    }
    c->wantr = (uint16_t)((c->wantr & ~mask) | r);
    c->want = (uint16_t)((c->want & ~mask) | rf);
    c->hv |= mask;
    c->ev &= (uint16_t)~mask;
    c->late = 0;
    c->writer = c->i;
}

void x64_flags_merged(struct x64 *c, uint16_t mask)
{
    c->wantr |= c->o->fw & mask;
    c->want |= (c->o->fw | c->o->ff) & mask;
    c->hv |= mask;
    c->ev &= (uint16_t)~mask;
    c->late = 0;
    c->writer = c->i;
}

/* Conditions that one TEST of the saved image decides, and the byte to test. */
static bool env_test(unsigned cc, unsigned *byte, int32_t *mask)
{
    switch (cc >> 1) {
    case CC_O >> 1: *byte = 0, *mask = 1; return true;
    case CC_B >> 1: *byte = 1, *mask = FL_CF; return true;
    case CC_Z >> 1: *byte = 1, *mask = FL_ZF; return true;
    case CC_BE >> 1: *byte = 1, *mask = FL_CF | FL_ZF; return true;
    case CC_S >> 1: *byte = 1, *mask = FL_SF; return true;
    case CC_P >> 1: *byte = 1, *mask = FL_PF; return true;
    default: return false;
    }
}

unsigned x64_flags_cond(struct x64 *c, unsigned cc)
{
    uint16_t f = x64_cc_flags(cc);
    unsigned byte;
    int32_t mask;

    if (!(f & ~c->hv))
        return cc;
    if (!c->hv && env_test(cc, &byte, &mask)) {
        e_test_imm(&c->e, 1, rm_mem(X_RSP, ENV(aflags) + (int32_t)byte), mask);
        return CC_NZ ^ (cc & 1);
    }
    x64_flags_need(c, f);
    return cc;
}

static uint64_t trunc_to(uint64_t v, unsigned w)
{
    return w == 8 ? v : v & ((1ull << w * 8) - 1);
}

/* Flags of r = x + y (sub: x - y) at width w. */
static uint32_t arith_flags(uint64_t x, uint64_t y, uint64_t r, unsigned w, bool sub)
{
    unsigned top = w * 8 - 1;
    uint64_t carry = sub ? (~x & y) | (~(x ^ y) & r) : (x & y) | ((x | y) & ~r);
    uint64_t over = sub ? (x ^ y) & (x ^ r) : ~(x ^ y) & (x ^ r);
    uint32_t f = 0;

    f |= carry >> top & 1 ? FL_CF : 0;
    f |= over >> top & 1 ? FL_OF : 0;
    f |= (x ^ y ^ r) & 0x10 ? FL_AF : 0;
    f |= trunc_to(r, w) == 0 ? FL_ZF : 0;
    f |= r >> top & 1 ? FL_SF : 0;
    f |= __builtin_parity(r & 0xff) ? 0 : FL_PF;
    return f;
}

uint16_t x64_late_compute(const struct cpu *cpu, const struct x64_late_flags *lf)
{
    uint64_t d = trunc_to(cpu->gpr[lf->d], lf->w), f;
    uint64_t a = trunc_to(lf->a < 16 ? cpu->gpr[lf->a] : (uint64_t)(int64_t)lf->imm, lf->w);

    switch (lf->op) {
    case IR_ADD: f = arith_flags(trunc_to(d - a, lf->w), a, d, lf->w, false); break;
    case IR_SUB: f = arith_flags(trunc_to(d + a, lf->w), a, d, lf->w, true); break;
    case IR_CMP: f = arith_flags(d, a, trunc_to(d - a, lf->w), lf->w, true); break;
    case IR_NEG: f = arith_flags(0, trunc_to(0 - d, lf->w), d, lf->w, true); break;
    case IR_TEST: f = arith_flags(d & a, 0, d & a, lf->w, false); break;
    default: f = arith_flags(d, 0, d, lf->w, false); break;
    }
    return (uint16_t)((f & 0xd5) << 8 | 0x200 | (f >> 11 & 1));
}
