/* SPDX-License-Identifier: MIT
 * Private to the lowering files lower_*.c: context and small helpers. */
#ifndef TRANSLATOR_LOWER_H
#define TRANSLATOR_LOWER_H

#include "translator/ir.h"

struct lower {
    struct ir_block *b;
    struct cpu *cpu;
    const struct insn *in; /* copy owned by b */
    uint64_t rip, next;    /* offsets in CS of this and the next instruction */
    uint16_t mode;
    bool end;              /* the block is complete */
    unsigned sides;        /* side exits so far */
    unsigned sti;          /* op of an STI that was the last instruction, 0: none */
};

#define LOWER_MAX_SIDES 3

typedef void lower_fn(struct lower *l);

/* Appends an op of width w with no operands and no flags. */
struct ir *lower_emit(struct lower *l, enum ir_op op, unsigned w);
/* d (or a) from a decoded operand; memory operands fill o->mem. */
void lower_set_d(struct lower *l, struct ir *o, const struct insn_operand *p);
void lower_set_a(struct lower *l, struct ir *o, const struct insn_operand *p);
/* o->mem := the instruction's memory operand. */
void lower_set_mem(struct lower *l, struct ir *o);
/* o->mem := [seg:base+disp] with the given address size, base an IR operand. */
void lower_mem_at(struct lower *l, struct ir *o, unsigned seg, uint8_t base, int64_t disp,
                  unsigned asize);
/* Flags as the instruction's row has them. */
void lower_flags(struct lower *l, struct ir *o);
/* d := a, for operands that are plain references. */
struct ir *lower_mov(struct lower *l, unsigned w, uint8_t d, uint8_t a);
struct ir *lower_imm(struct lower *l, unsigned w, uint8_t d, int64_t imm);
/* reg (asize bytes) += imm without touching flags */
void lower_add_reg(struct lower *l, uint8_t reg, int64_t imm, unsigned asize);
void lower_raise(struct lower *l, enum exc_vector v);
/* IR_CALL of fn for this instruction; ends the block when `ends`. */
void lower_call(struct lower *l, sys_fn *fn, bool ends);
/* Address size of the stack: 8, 4, 2. */
unsigned lower_stack_size(const struct lower *l);

static inline bool lower_64(const struct lower *l)
{
    return (l->mode & CM_SIZE) == CM_64;
}

static inline bool lower_flat(const struct lower *l)
{
    return l->mode & CM_FLAT;
}

/* Dispatch by instruction id: lower_int.c and its companions. A class INT id
 * without a function here is implemented in C (sys_table). */
#define LOWER_INT_IDS(X)                                                                       \
    X(ADD) X(ADC) X(SUB) X(SBB) X(CMP) X(AND) X(OR) X(XOR) X(TEST) X(NOT) X(NEG) X(INC) X(DEC) \
    X(MUL) X(IMUL) X(DIV) X(IDIV) X(MOV) X(MOVZX) X(MOVSX) X(MOVSXD) X(MOVBE) X(MOVNTI) X(LEA) \
    X(XCHG) X(XADD) X(CMPXCHG) X(BSWAP) X(XLAT) X(ROL) X(ROR) X(RCL) X(RCR) X(SHL) X(SHR)      \
    X(SAR) X(SHLD) X(SHRD) X(BT) X(BTS) X(BTR) X(BTC) X(BSF) X(BSR) X(TZCNT) X(LZCNT)          \
    X(POPCNT) X(CBW) X(CWD) X(PUSH) X(POP) X(LEAVE) X(MOVS) X(CMPS) X(SCAS) X(LODS) X(STOS)    \
    X(SETCC) X(CMOVCC) X(JCC) X(JRCXZ) X(LOOP) X(LOOPE) X(LOOPNE) X(CALL) X(JMP) X(RET)        \
    X(ANDN) X(BLSR) X(BLSMSK) X(BLSI) X(BZHI) X(BEXTR) X(PEXT) X(PDEP) X(SHLX) X(SARX) X(SHRX) \
    X(RORX) X(MULX) X(ADCX) X(ADOX)                                                            \
    X(LAHF) X(SAHF) X(SALC) X(CLC) X(STC) X(CMC) X(CLD) X(STD) X(NOP) X(PAUSE)                 \
    X(SWAPGS) X(CLI) X(STI)
#define X(id) lower_fn lower_##id;
LOWER_INT_IDS(X)
#undef X
lower_fn lower_vec, lower_sys, lower_x87;

#endif
