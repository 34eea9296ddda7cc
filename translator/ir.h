/* SPDX-License-Identifier: MIT
 * The intermediate representation: a flat array of x86-flavoured micro-ops a
 * block. Guest flags and guest memory operands stay explicit and whole, so
 * that a same-ISA back end can turn one op into one host instruction.
 *
 * Semantics common to all ops
 *  - Two-address: `d` is destination and, where the op says so, first source.
 *  - w is the operand width in bytes. Writing a GPR or temp: w=8 whole, w=4
 *    zero-extends to 64 bits, w=1,2 keep the other bits (as x86 does).
 *  - At most one operand of an op is IR_MEM; it is described by .mem. An op that
 *    reads and writes IR_MEM in d (ADD [m], r) checks write permission first,
 *    so that its store cannot fault.
 *  - fw: flags the op defines that somebody consumes; ff: flags that are only
 *    wanted because a later op of the block may fault (exact state). An engine
 *    must leave (fw|ff) right, may trash flags in `fu`, and must keep all others.
 *    Before opt_flags has run fw is everything the instruction writes.
 *  - Ops of one guest instruction follow its IR_INSN. No GPR, flag or memory
 *    change stands before an op of the same instruction that may fault, so that
 *    the state at a fault is the state before the instruction.
 *  - Temps live within one guest instruction.
 */
#ifndef TRANSLATOR_IR_H
#define TRANSLATOR_IR_H

#include "cpu/cpu.h"

/* Operand references. */
enum {
    IR_R0 = 0,          /* guest GPR n = IR_R0 + n, n 0..15 */
    IR_T0 = 16,         /* temporaries T0..T7 */
    IR_T1 = 17,
    IR_T7 = 23,
    IR_TEMPS = 8,
    IR_AH = 24,         /* AH CH DH BH: byte 1 of GPR 0..3 (w = 1 only) */
    IR_IMM = 30,        /* the op's imm */
    IR_MEM = 31,        /* the op's mem */
    IR_NONE = 255,
};

/* X(name, properties): d: D reads-and-writes, d: W writes only, R reads only.
 * P_* properties are what passes and verifier need. */
enum {
    P_DW = 1,     /* writes d */
    P_DR = 2,     /* reads d */
    P_AR = 4,     /* reads a */
    P_BR = 8,     /* reads b */
    P_AW = 16,    /* writes a too (XCHG, XADD) */
    P_FAULT = 32, /* may raise beside memory faults */
    P_END = 64,   /* ends the block */
    P_FIXED = 128, /* has implicit GPR operands */
    P_FL = 256,   /* an x86 operation that changes arithmetic flags, wanted or not */
};

#define IR_OPS(X)                                                                              \
    /* guest instruction boundary: imm = its RIP (offset in CS), aw = its length */            \
    X(INSN, 0)                                                                                 \
    X(MOV, P_DW | P_AR)                                                                        \
    X(MOVZX, P_DW | P_AR) /* d (w) = zero-extended a (aw) */                                   \
    X(MOVSX, P_DW | P_AR) /* d (w) = sign-extended a (aw) */                                   \
    X(LEA, P_DW)          /* d (w) = effective address of mem (no segment), truncated to asize */ \
    X(ADD, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(ADC, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(SUB, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(SBB, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(AND, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(OR, P_DW | P_DR | P_AR | P_FL)                                                           \
    X(XOR, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(CMP, P_DR | P_AR | P_FL)                                                                 \
    X(TEST, P_DR | P_AR | P_FL)                                                                \
    X(INC, P_DW | P_DR | P_FL)                                                                 \
    X(DEC, P_DW | P_DR | P_FL)                                                                 \
    X(NEG, P_DW | P_DR | P_FL)                                                                 \
    X(NOT, P_DW | P_DR)                                                                        \
    /* d = d shifted by a (IR_IMM or R_CX's low byte), count masked as x86 does; a zero        \
     * count leaves flags (and for w=4 still zero-extends a register) */                       \
    X(SHL, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(SHR, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(SAR, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(ROL, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(ROR, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(RCL, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(RCR, P_DW | P_DR | P_AR | P_FL)                                                          \
    /* d shifted, bits from register a, count b (IR_IMM or R_CX) */                            \
    X(SHLD, P_DW | P_DR | P_AR | P_BR | P_FL)                                                  \
    X(SHRD, P_DW | P_DR | P_AR | P_BR | P_FL)                                                  \
    /* rDX:rAX (AX for w=1) = rAX * a */                                                       \
    X(MUL, P_AR | P_FIXED | P_FL)                                                              \
    X(IMUL1, P_AR | P_FIXED | P_FL)                                                            \
    X(IMUL, P_DW | P_AR | P_BR | P_FL) /* d = a * b, signed, truncated; b reg or IR_IMM, a reg or mem */ \
    /* rAX, rDX (AL, AH) = rDX:rAX (AX) divided by a; #DE */                                   \
    X(DIV, P_AR | P_FIXED | P_FAULT | P_FL)                                                    \
    X(IDIV, P_AR | P_FIXED | P_FAULT | P_FL)                                                   \
    /* bit a (reg or imm, taken modulo width) of d; a bit string in memory beyond the          \
     * operand has its address formed by the lowering */                                       \
    X(BT, P_DR | P_AR | P_FL)                                                                  \
    X(BTS, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(BTR, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(BTC, P_DW | P_DR | P_AR | P_FL)                                                          \
    /* bit scans: zero source leaves d unchanged, but zero-extends nothing; ZF set */          \
    X(BSF, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(BSR, P_DW | P_DR | P_AR | P_FL)                                                          \
    X(TZCNT, P_DW | P_AR | P_FL)                                                               \
    X(LZCNT, P_DW | P_AR | P_FL)                                                               \
    X(POPCNT, P_DW | P_AR | P_FL)                                                              \
    /* BMI1, BMI2 (SDM vol. 2): a register or memory, b the other source (a register; RORX:      \
     * IR_IMM), w 4 or 8. MULX: d:b = rDX * a, written b first */                              \
    X(ANDN, P_DW | P_AR | P_BR | P_FL)                                                         \
    X(BLSR, P_DW | P_AR | P_FL)                                                                \
    X(BLSMSK, P_DW | P_AR | P_FL)                                                              \
    X(BLSI, P_DW | P_AR | P_FL)                                                                \
    X(BZHI, P_DW | P_AR | P_BR | P_FL)                                                         \
    X(BEXTR, P_DW | P_AR | P_BR | P_FL)                                                        \
    X(PEXT, P_DW | P_AR | P_BR)                                                                \
    X(PDEP, P_DW | P_AR | P_BR)                                                                \
    X(SHLX, P_DW | P_AR | P_BR)                                                                \
    X(SARX, P_DW | P_AR | P_BR)                                                                \
    X(SHRX, P_DW | P_AR | P_BR)                                                                \
    X(RORX, P_DW | P_AR | P_BR)                                                                \
    X(MULX, P_DW | P_AR | P_BR | P_FIXED)                                                      \
    X(ADCX, P_DW | P_DR | P_AR | P_FL) /* ADC that reads and writes CF alone, or OF alone */          \
    X(ADOX, P_DW | P_DR | P_AR | P_FL)                                                         \
    X(BSWAP, P_DW | P_DR) /* w 2 (result: low 16 bits zero-filled as silicon), 4, 8 */         \
    X(XCHG, P_DW | P_DR | P_AR | P_AW)    /* d (reg or mem) <-> a (reg); atomic when mem */     \
    X(XADD, P_DW | P_DR | P_AR | P_AW | P_FL) /* t = d + a; a = d; d = t */                         \
    X(CMPXCHG, P_DW | P_DR | P_AR | P_FIXED | P_FL) /* compare rAX with d; equal: d = a, else rAX = d */ \
    X(SETCC, P_DW)        /* d (w=1) = cc ? 1 : 0 */                                            \
    X(CMOVCC, P_DW | P_DR | P_AR) /* if cc d = a; a is read in any case; w=4 zero-extends always */ \
    X(CLC, 0)                                                                                  \
    X(STC, 0)                                                                                  \
    X(CMC, 0)                                                                                  \
    X(LAHF, P_FIXED)      /* AH = SF ZF 0 AF 0 PF 1 CF */                                       \
    X(SAHF, P_FIXED)                                                                           \
    /* d = w bytes at offset imm of struct cpu (zero-extended to 8) / the reverse */           \
    X(LDENV, P_DW)                                                                             \
    X(STENV, P_AR)                                                                             \
    /* #GP(0) unless operand a (width w) may be jumped to: canonical in 64-bit code, inside     \
     * CS.limit elsewhere */                                                                   \
    X(CHKTGT, P_AR | P_FAULT)                                                                  \
    /* Checks write permission of w bytes at mem without writing (PUSH-like sequences) */      \
    X(PROBE, P_FAULT)                                                                          \
    /* C implementation fn of the decoded instruction ext with all state in *cpu: rip =        \
     * this, next_rip = next. Reads and may write everything. */                               \
    X(CALL, P_FAULT | P_FIXED)                                                                 \
    /* Raise exception vector imm (no error code; #GP gets 0) at this instruction */           \
    X(RAISE, P_FAULT | P_END)                                                                  \
    /* Vector (MMX/SSE) instruction ext as it stands; its memory operand, if any, is mem with  \
     * w bytes; attr IRA_STORE tells direction. GPR operands as decoded. */                    \
    X(VEC, P_FAULT | P_FIXED)                                                                  \
    /* x87 instruction ext as it stands, lowered only while every x87 exception is masked, so      \
     * that it raises nothing but memory faults; imm = next RIP. Memory operand as of VEC.         \
     * FNSTSW AX writes AX. FLDCW may unmask: the block is left behind it then. */                 \
    X(X87, 0)                                                                                  \
    /* Side exit: cc: leave the block to RIP imm, else go on. Wants all flags exact. */         \
    X(BCC, 0)                                                                                  \
    /* Leaves the block to the run loop at RIP imm, under an interrupt shadow, when an interrupt  \
     * or NMI waits, else goes on. Wants all flags exact. */                                   \
    X(POLL, 0)                                                                                 \
    /* Ends of a block; RIP values are offsets in CS. */                                       \
    X(JMP, P_END)         /* to imm */                                                         \
    X(JCC, P_END)         /* cc: to imm, else to mem.disp */                                   \
    X(JRZ, P_AR | P_END)  /* a (w) == 0: to imm, else to mem.disp; no flags touched */          \
    X(JRNZ, P_AR | P_END)                                                                      \
    X(JMPR, P_AR | P_END) /* to a (whole 64-bit operand; already truncated) */                 \
    X(EXIT, P_END)        /* to the run loop at next_rip (after CALL) */

enum ir_op {
#define X(name, props) IR_##name,
    IR_OPS(X)
#undef X
        IR_OP_COUNT
};

/* Condition codes: as in the opcode's low nibble (O NO B AE Z NZ BE A S NS P NP L GE LE G). */

enum ir_attr {
    IRA_LOCK = 1,    /* atomic read-modify-write */
    IRA_STORE = 2,   /* VEC: the memory operand is written */
    IRA_CALLHINT = 4, /* JMP/JMPR: a call; the return address is in mem.disp */
    IRA_RETHINT = 8, /* JMPR: a return */
    IRA_ALIGN = 16,  /* mem must be aligned to its size w: #GP(0) */
};

#define IRSEG_NONE 0xff /* segment base 0 and no checks: linear = effective address */
struct ir_mem {
    uint8_t seg;    /* IRSEG_NONE, or SEG_x whose base is added */
    uint8_t base;   /* IR operand (GPR or temp) or IR_NONE */
    uint8_t index;  /* likewise */
    uint8_t scale;  /* 0..3: log2 */
    uint8_t asize;  /* 2, 4, 8: effective address truncated to this */
    bool check;     /* full segment checks (seg_linear); in flat and 64-bit code unset */
    int64_t disp;   /* RIP-relative forms arrive here as absolute */
};

/* In 64-bit code a non-canonical address of these raises #SS, else #GP (segment
 * prefixes but FS and GS are ignored there). */
static inline bool ir_mem_is_stack(const struct ir_mem *m)
{
    return m->seg == IRSEG_NONE && (m->base == R_SP || m->base == R_BP);
}

struct ir {
    uint8_t op;     /* enum ir_op */
    uint8_t w, aw;  /* bytes */
    uint8_t cc;
    uint8_t d, a, b;
    uint8_t attr;   /* enum ir_attr */
    uint16_t fr;    /* flags read (FL_) */
    uint16_t fw;    /* flags written that are consumed */
    uint16_t ff;    /* flags written that only fault state needs */
    uint16_t fu;    /* flags left undefined: may be trashed */
    struct ir_mem mem;
    int64_t imm;
    const struct insn *ext; /* CALL, VEC, X87: owned by the ir_block */
    sys_fn *fn;             /* CALL */
};

#define IR_MAX_OPS 1024
#define IR_MAX_INSNS 128
struct ir_block {
    struct ir op[IR_MAX_OPS];
    unsigned n;
    struct insn insn[IR_MAX_INSNS]; /* storage for ext */
    unsigned ninsn;                 /* guest instructions in the block */
    uint64_t rip;                   /* RIP (offset in CS) of the first */
    uint64_t cs_base;
    uint16_t mode;                  /* CM_ */
    unsigned bytes;                 /* guest bytes covered */
};

const char *ir_op_name(enum ir_op op);
unsigned ir_op_props(enum ir_op op);
/* Prints one op as text (no newline); for -d op and tests. Returns as snprintf. */
int ir_format(char *buf, size_t n, const struct ir *op);
/* Checks operand kinds, widths and flag sets; NULL or what is wrong (static text). */
const char *ir_verify(const struct ir_block *b);

/* Does the op read or write guest memory? */
static inline bool ir_has_mem(const struct ir *o)
{
    return o->d == IR_MEM || o->a == IR_MEM || o->op == IR_PROBE ||
           ((o->op == IR_VEC || o->op == IR_X87) && o->w);
}

/* May the op raise an exception (so that exact flags are wanted before it)? */
static inline bool ir_may_fault(const struct ir *o)
{
    return ir_has_mem(o) || (ir_op_props((enum ir_op)o->op) & P_FAULT);
}

/* opt_flags.c: backward flag liveness; narrows fw, sets ff, marks dead writers. Flags
 * in live_out are wanted at the end of the block. */
void opt_flags(struct ir_block *b, uint16_t live_out);

/* opt_dead.c: drops ops that only write a register nobody can see; after opt_flags. */
void opt_dead(struct ir_block *b);

/* lower.c: decodes and lowers guest code from `rip` (CS offset) until an end, a page
 * end, or limits. `code` holds the bytes of the page from rip's linear address on, n of them;
 * for an instruction that crosses the page the caller passes both pages' bytes and
 * max_insns = 1. Result: 0 when at least one instruction was lowered; -1 when the first
 * instruction needs more than n bytes. Undefined instructions become RAISE ops. */
int lower_block(struct ir_block *b, struct cpu *cpu, uint64_t rip, const uint8_t *code, size_t n,
                unsigned max_insns);

#endif
