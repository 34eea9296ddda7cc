/* SPDX-License-Identifier: MIT
 * Lowering of integer data instructions: moves, arithmetic, shifts, bits. */
#include "translator/lower.h"

/* ---- two-operand arithmetic: one op each ---- */

static struct ir *lower_alu(struct lower *l, enum ir_op op)
{
    const struct insn *in = l->in;
    struct ir *o = lower_emit(l, op, in->op[0].size);

    lower_set_d(l, o, &in->op[0]);
    if (in->nops > 1)
        lower_set_a(l, o, &in->op[1]);
    lower_flags(l, o);
    return o;
}

#define ALU(id)                                                                                \
    void lower_##id(struct lower *l)                                                           \
    {                                                                                          \
        lower_alu(l, IR_##id);                                                                 \
    }
ALU(ADD) ALU(ADC) ALU(SUB) ALU(SBB) ALU(CMP) ALU(AND) ALU(OR) ALU(XOR) ALU(TEST) ALU(NOT)
ALU(NEG) ALU(INC) ALU(DEC) ALU(XADD) ALU(CMPXCHG)
#undef ALU

void lower_MOV(struct lower *l)
{
    lower_alu(l, IR_MOV);
}

void lower_MOVNTI(struct lower *l)
{
    lower_alu(l, IR_MOV);
}

static void lower_extend(struct lower *l, enum ir_op op)
{
    struct ir *o = lower_emit(l, op, l->in->op[0].size);

    lower_set_d(l, o, &l->in->op[0]);
    lower_set_a(l, o, &l->in->op[1]);
    o->aw = l->in->op[1].size;
    if (o->aw == o->w) /* MOVSXD with a 32-bit or smaller destination, MOVZX r16,r16 */
        o->op = IR_MOV;
}

void lower_MOVZX(struct lower *l)
{
    lower_extend(l, IR_MOVZX);
}

void lower_MOVSX(struct lower *l)
{
    lower_extend(l, IR_MOVSX);
}

void lower_MOVSXD(struct lower *l)
{
    lower_extend(l, IR_MOVSX);
}

void lower_LEA(struct lower *l)
{
    struct ir *o = lower_emit(l, IR_LEA, l->in->op[0].size);

    o->d = l->in->op[0].reg;
    lower_set_mem(l, o);
    o->mem.seg = IRSEG_NONE;
    o->mem.check = false;
}

/* An exchange with memory is always atomic, prefix or not; memory goes into d. */
void lower_XCHG(struct lower *l)
{
    const struct insn *in = l->in;
    bool swap = in->op[1].kind == OPND_MEM;
    struct ir *o = lower_emit(l, IR_XCHG, in->op[0].size);

    lower_set_d(l, o, &in->op[swap]);
    lower_set_a(l, o, &in->op[!swap]);
    if (o->d == IR_MEM)
        o->attr |= IRA_LOCK;
}

void lower_BSWAP(struct lower *l)
{
    struct ir *o = lower_emit(l, IR_BSWAP, l->in->op[0].size);

    o->d = l->in->op[0].reg;
}

/* Byte-swaps T0 in place; 16 bits by a rotate whose flags nobody may see. */
static void swap_t0(struct lower *l, unsigned w)
{
    struct ir *o = lower_emit(l, w == 2 ? IR_ROL : IR_BSWAP, w);

    o->d = IR_T0;
    if (w == 2) {
        o->a = IR_IMM;
        o->imm = 8;
    }
}

void lower_MOVBE(struct lower *l)
{
    const struct insn *in = l->in;
    unsigned w = in->op[0].size;
    struct ir *o = lower_mov(l, w, IR_T0, IR_NONE);

    lower_set_a(l, o, &in->op[1]);
    swap_t0(l, w);
    o = lower_mov(l, w, IR_NONE, IR_T0);
    lower_set_d(l, o, &in->op[0]);
}

void lower_XLAT(struct lower *l)
{
    struct ir *o = lower_emit(l, IR_MOVZX, 8);

    o->d = IR_T0;
    o->a = R_AX;
    o->aw = 1;
    o = lower_mov(l, 1, R_AX, IR_MEM);
    lower_mem_at(l, o, l->in->mem.seg, R_BX, 0, l->in->adsize);
    o->mem.index = IR_T0;
}

/* ---- multiply, divide, sign extension ---- */

static void lower_muldiv(struct lower *l, enum ir_op op)
{
    struct ir *o = lower_emit(l, op, l->in->op[0].size);

    lower_set_a(l, o, &l->in->op[0]);
    lower_flags(l, o);
}

void lower_MUL(struct lower *l)
{
    lower_muldiv(l, IR_MUL);
}

void lower_DIV(struct lower *l)
{
    lower_muldiv(l, IR_DIV);
}

void lower_IDIV(struct lower *l)
{
    lower_muldiv(l, IR_IDIV);
}

void lower_IMUL(struct lower *l)
{
    const struct insn *in = l->in;
    struct ir *o;

    if (in->nops == 1) {
        lower_muldiv(l, IR_IMUL1);
        return;
    }
    o = lower_emit(l, IR_IMUL, in->op[0].size);
    lower_set_d(l, o, &in->op[0]);
    lower_set_a(l, o, &in->op[1]);
    if (in->nops == 3) {
        o->b = IR_IMM;
        o->imm = in->op[2].imm;
    } else {
        o->b = o->d;
    }
    lower_flags(l, o);
}

void lower_CBW(struct lower *l)
{
    struct ir *o = lower_emit(l, IR_MOVSX, l->in->opsize);

    o->d = o->a = R_AX;
    o->aw = l->in->opsize / 2;
}

void lower_CWD(struct lower *l)
{
    unsigned w = l->in->opsize;
    struct ir *o = lower_emit(l, w == 8 ? IR_MOV : IR_MOVSX, 8);

    o->d = IR_T0;
    o->a = R_AX;
    o->aw = (uint8_t)w;
    o = lower_emit(l, IR_SAR, 8);
    o->d = IR_T0;
    o->a = IR_IMM;
    o->imm = 63;
    lower_mov(l, w, R_DX, IR_T0);
}

/* ---- shifts ---- */

/* A count that is 0 after masking touches nothing, but still writes a 32-bit register. */
static void lower_shift_none(struct lower *l, unsigned w)
{
    const struct insn_operand *p = &l->in->op[0];
    struct ir *o;

    if (p->kind == OPND_GPR && w == 4) {
        lower_mov(l, 4, p->reg, p->reg);
    } else if (p->kind == OPND_MEM) { /* the access still happens, writable */
        o = lower_emit(l, IR_OR, w);
        lower_set_d(l, o, p);
        o->a = IR_IMM;
    }
}

static void lower_shift(struct lower *l, enum ir_op op, uint16_t fr, uint16_t fw, uint16_t fu)
{
    const struct insn *in = l->in;
    unsigned w = in->op[0].size;
    bool is_double = op == IR_SHLD || op == IR_SHRD;
    const struct insn_operand *count = &in->op[is_double ? 2 : 1];
    struct ir *o;

    if (count->kind == OPND_IMM && !(count->imm & (w == 8 ? 63 : 31))) {
        lower_shift_none(l, w);
        return;
    }
    o = lower_emit(l, op, w);
    lower_set_d(l, o, &in->op[0]);
    if (is_double) {
        lower_set_a(l, o, &in->op[1]);
        o->b = count->kind == OPND_IMM ? IR_IMM : R_CX;
    } else {
        o->a = count->kind == OPND_IMM ? IR_IMM : R_CX;
    }
    o->imm = count->kind == OPND_IMM ? (count->imm & (w == 8 ? 63 : 31)) : 0;
    o->fw = fw;
    o->fu = fu;
    o->fr = fr;
    if (count->kind != OPND_IMM) /* a zero count passes the old flags on */
        o->fr |= fw | fu;
}

#define FL_SHIFT (FL_CF | FL_PF | FL_ZF | FL_SF | FL_OF)
#define SHIFT(id, fr, fw, fu)                                                                  \
    void lower_##id(struct lower *l)                                                           \
    {                                                                                          \
        lower_shift(l, IR_##id, fr, fw, fu);                                                   \
    }
SHIFT(SHL, 0, FL_SHIFT, FL_AF)
SHIFT(SHR, 0, FL_SHIFT, FL_AF)
SHIFT(SAR, 0, FL_SHIFT, FL_AF)
SHIFT(ROL, 0, FL_CF | FL_OF, 0)
SHIFT(ROR, 0, FL_CF | FL_OF, 0)
SHIFT(RCL, FL_CF, FL_CF | FL_OF, 0)
SHIFT(RCR, FL_CF, FL_CF | FL_OF, 0)
SHIFT(SHLD, 0, FL_SHIFT, FL_AF)
SHIFT(SHRD, 0, FL_SHIFT, FL_AF)
#undef SHIFT

/* ---- bits ---- */

/* A register bit offset reaches beyond a memory operand: T1 := its effective
 * address, T0 := signed offset in operands (SDM vol. 2, BT). */
static void lower_bit_string(struct lower *l, struct ir_mem *mem, unsigned w)
{
    const struct insn *in = l->in;
    struct ir *o = lower_emit(l, IR_LEA, 8);

    lower_set_mem(l, o);
    o->d = IR_T1;
    *mem = o->mem;
    o->mem.seg = IRSEG_NONE;
    o->mem.check = false;
    o = lower_emit(l, w == 8 ? IR_MOV : IR_MOVSX, 8);
    o->d = IR_T0;
    o->a = in->op[1].reg;
    o->aw = (uint8_t)w;
    o = lower_emit(l, IR_SAR, 8);
    o->d = IR_T0;
    o->a = IR_IMM;
    o->imm = __builtin_ctz(w) + 3;
    mem->base = IR_T1;
    mem->index = IR_T0;
    mem->scale = (uint8_t)__builtin_ctz(w);
    mem->disp = 0;
}

static void lower_bit(struct lower *l, enum ir_op op)
{
    const struct insn *in = l->in;
    unsigned w = in->op[0].size;
    struct ir_mem mem;
    struct ir *o;

    if (in->op[0].kind != OPND_MEM || in->op[1].kind != OPND_GPR) {
        o = lower_alu(l, op);
        o->imm &= w * 8 - 1;
        return;
    }
    lower_bit_string(l, &mem, w);
    o = lower_emit(l, op, w);
    o->d = IR_MEM;
    o->a = in->op[1].reg;
    o->mem = mem;
    o->attr = in->lock ? IRA_LOCK : 0;
    lower_flags(l, o);
}

#define BIT(id)                                                                                \
    void lower_##id(struct lower *l)                                                           \
    {                                                                                          \
        lower_bit(l, IR_##id);                                                                 \
    }
BIT(BT) BIT(BTS) BIT(BTR) BIT(BTC)
#undef BIT

void lower_BSF(struct lower *l)
{
    lower_alu(l, IR_BSF);
}

void lower_BSR(struct lower *l)
{
    lower_alu(l, IR_BSR);
}

void lower_POPCNT(struct lower *l)
{
    lower_alu(l, IR_POPCNT);
}

/* Without the feature the F3 prefix is ignored and the old scan runs. */
static void lower_count(struct lower *l, enum ir_op op, enum ir_op old)
{
    bool have = cpu_has(l->cpu, (enum insn_feature)l->in->row->feature);
    struct ir *o = lower_alu(l, have ? op : old);

    if (!have) {
        o->fw = FL_ZF;
        o->fu = FL_ARITH & ~FL_ZF;
    }
}

void lower_TZCNT(struct lower *l)
{
    lower_count(l, IR_TZCNT, IR_BSF);
}

void lower_LZCNT(struct lower *l)
{
    lower_count(l, IR_LZCNT, IR_BSR);
}

/* ---- BMI1, BMI2, ADX: one op each ---- */

static void lower_bmi(struct lower *l, enum ir_op op)
{
    const struct insn *in = l->in;
    struct ir *o = lower_emit(l, op, in->op[0].size);
    unsigned a = 1, b = 2; /* places of ModRM.rm and of the other source */

    if (op == IR_ANDN || op == IR_PEXT || op == IR_PDEP || op == IR_MULX) {
        a = 2;
        b = 1;
    }
    lower_set_d(l, o, &in->op[0]);
    lower_set_a(l, o, &in->op[a]);
    if (in->nops > 2)
        o->b = op == IR_RORX ? IR_IMM : in->op[b].reg;
    if (op == IR_RORX)
        o->imm = in->op[b].imm;
    lower_flags(l, o);
}

#define BMI(id)                                                                                \
    void lower_##id(struct lower *l)                                                           \
    {                                                                                          \
        lower_bmi(l, IR_##id);                                                                 \
    }
BMI(ANDN) BMI(BLSR) BMI(BLSMSK) BMI(BLSI) BMI(BZHI) BMI(BEXTR) BMI(PEXT) BMI(PDEP) BMI(SHLX)
BMI(SARX) BMI(SHRX) BMI(RORX) BMI(MULX) BMI(ADCX) BMI(ADOX)
#undef BMI

/* ---- conditions and single flags ---- */

static uint16_t cc_reads(unsigned cc)
{
    static const uint16_t reads[8] = {FL_OF, FL_CF, FL_ZF, FL_CF | FL_ZF,
                                      FL_SF, FL_PF, FL_SF | FL_OF, FL_ZF | FL_SF | FL_OF};
    return reads[cc >> 1 & 7];
}

void lower_SETCC(struct lower *l)
{
    struct ir *o = lower_emit(l, IR_SETCC, 1);

    lower_set_d(l, o, &l->in->op[0]);
    o->cc = l->in->opcode & 15;
    o->fr = cc_reads(o->cc);
}

void lower_CMOVCC(struct lower *l)
{
    const struct insn *in = l->in;
    unsigned w = in->op[0].size;
    uint8_t src = in->op[1].reg;
    struct ir *o;

    if (in->op[1].kind == OPND_MEM) {
        o = lower_mov(l, w, IR_T0, IR_NONE);
        lower_set_a(l, o, &in->op[1]);
        src = IR_T0;
    }
    o = lower_emit(l, IR_CMOVCC, w);
    o->d = in->op[0].reg;
    o->a = src;
    o->cc = in->opcode & 15;
    o->fr = cc_reads(o->cc);
}

#define FLAG_OP(id)                                                                            \
    void lower_##id(struct lower *l)                                                           \
    {                                                                                          \
        lower_flags(l, lower_emit(l, IR_##id, 1));                                             \
    }
FLAG_OP(LAHF) FLAG_OP(SAHF) FLAG_OP(CLC) FLAG_OP(STC) FLAG_OP(CMC)
#undef FLAG_OP

void lower_SALC(struct lower *l)
{
    struct ir *o = lower_emit(l, IR_SETCC, 1);

    o->d = IR_T0;
    o->cc = 2;
    o->fr = FL_CF;
    o = lower_emit(l, IR_NEG, 1);
    o->d = IR_T0;
    lower_mov(l, 1, R_AX, IR_T0);
}

static void lower_set_df(struct lower *l, int64_t df)
{
    struct ir *o;

    lower_imm(l, 8, IR_T0, df);
    o = lower_emit(l, IR_STENV, 8);
    o->a = IR_T0;
    o->imm = offsetof(struct cpu, df);
}

void lower_CLD(struct lower *l)
{
    lower_set_df(l, 1);
}

void lower_STD(struct lower *l)
{
    lower_set_df(l, -1);
}

void lower_NOP(struct lower *l)
{
    (void)l;
}

void lower_PAUSE(struct lower *l)
{
    (void)l;
}
