/* SPDX-License-Identifier: MIT
 * Columns of the instruction table, for its readers inside cpu/ and the tests
 * (Intel SDM vol. 2, ch. 2, app. A). A row is
 *
 *   INSN(opcode, match, id, op0, op1, op2, op3, read, written, undefined, feature, attr)
 *
 * opcode     map << 8 | byte: map 0 one-byte, 1 0F, 2 0F38, 3 0F3A; 5, 6, 7 the last three under VEX
 * match      MT_ constraints below, or-ed; 0 is none
 * op0..op3   operand letters (INSN_OPERANDS) in the SDM's order, _ for none
 * read, written, undefined
 *            F_ sets of RFLAGS bits. "written" is what the SDM defines. An instruction
 *            that may leave flags alone (shift by zero, REP with zero count) also reads
 *            what it may leave. Shifts by a variable or immediate count list OF as
 *            undefined though it is defined for a count of 1.
 * feature    IF_ name without the IF_
 * attr       IA_ bits, or-ed
 *
 * An encoding that no row matches is #UD. */
#ifndef CPU_INSN_TABLE_H
#define CPU_INSN_TABLE_H

#include "cpu/insn.h"

/* A decoded encoding sets one bit of each of these fields (a "key"). A row's
 * match holds the bits that it forbids, so that a row matches when
 * (key & match & MT_KEY) == 0, and two rows cannot both match when some field
 * is wholly forbidden by the two together. */
enum insn_match {
    MTK_NONE = 1 << 0, /* effective prefix: the last of F2/F3, else 66, else none */
    MTK_66 = 1 << 1,
    MTK_F3 = 1 << 2,
    MTK_F2 = 1 << 3,
    MTK_N64 = 1 << 4, /* not 64-bit mode; 64-bit mode with REX.W 0; with REX.W 1 */
    MTK_64W0 = 1 << 5,
    MTK_64W1 = 1 << 6,
    MTK_MEM = 1 << 7, /* mod != 3, mod == 3 */
    MTK_REG = 1 << 8,
    MTK_B0 = 1 << 9, /* REX.B */
    MTK_B1 = 1 << 10,
    MTK_R_SHIFT = 11,  /* ModRM.reg without REX.R: 8 bits */
    MTK_RM_SHIFT = 19, /* ModRM.rm without REX.B: 8 bits */
    MTK_L0 = 1 << 27, /* VEX.L; neither without VEX */
    MTK_L1 = 1 << 28,

    MT_RM = 1 << 29,   /* a ModRM byte follows */
    MT_FREG = 1 << 30, /* ModRM.mod is taken as 3 whatever it is */
    MTK_PFX = MTK_NONE | MTK_66 | MTK_F3 | MTK_F2,
    MTK_MODE = MTK_N64 | MTK_64W0 | MTK_64W1, /* under VEX also MTK_N64W1 */

    /* What the rows use. */
    MT_NP = MTK_66 | MTK_F3 | MTK_F2,
    MT_66 = MTK_NONE | MTK_F3 | MTK_F2,
    MT_F3 = MTK_NONE | MTK_66 | MTK_F2,
    MT_F2 = MTK_NONE | MTK_66 | MTK_F3,
    MT_NOF3 = MTK_F3,
    MT_NOREP = MTK_F3 | MTK_F2,
    MT_REP = MTK_NONE | MTK_66,
    MT_W0 = MTK_64W1,
    MT_W1 = MTK_N64 | MTK_64W0,
    MT_N64 = MTK_64W0 | MTK_64W1,
    MT_O64 = MTK_N64,
    MT_MEM = MTK_REG | MT_RM,
    MT_REG = MTK_MEM | MT_RM,
    MT_B0 = MTK_B1,
    MT_B1 = MTK_B0,
    MT_L0 = MTK_L1,
    MT_L1 = MTK_L0,
};
/* VEX outside 64-bit mode with W 1. MT_W0 and MT_W1 are about general registers, whose
 * size W does not change there; vector instructions want VEX.W as MT_VW0 or MT_VW1. */
#define MTK_N64W1 (1u << 31)
#define MT_KEY    (((1u << 29) - 1) | MTK_N64W1)
#define MT_VW0    (MTK_64W1 | MTK_N64W1)
#define MT_VW1    (MTK_64W0 | MTK_N64)

/* ModRM.reg = n; mod = 3 and rm = n */
#define MT_R(n)   ((0xff & ~(1 << (n))) << MTK_R_SHIFT | MT_RM)
#define MT_RMX(n) ((0xff & ~(1 << (n))) << MTK_RM_SHIFT | MTK_MEM | MT_RM)

/* Where an operand comes from. */
enum insn_opsrc {
    OS_NONE,
    OS_E,     /* ModRM.rm: general register or memory */
    OS_G,     /* ModRM.reg: general register */
    OS_R,     /* ModRM.rm: general register only */
    OS_M,     /* ModRM.rm: memory only */
    OS_Z,     /* low three opcode bits: general register */
    OS_GPR,   /* the general register .arg */
    OS_IMM,   /* immediate, zero-extended from .arg encoded bytes */
    OS_SIMM,  /* immediate, sign-extended from .arg encoded bytes */
    OS_IMMZ,  /* 2 or 4 immediate bytes by operand size, sign-extended */
    OS_IMMV,  /* 2, 4 or 8 immediate bytes by operand size */
    OS_CONST, /* the constant .arg */
    OS_REL,   /* branch displacement of .arg bytes; 0: 2 or 4 by operand size */
    OS_FAR,   /* far pointer */
    OS_MOFFS, /* memory at an absolute offset */
    OS_X,     /* string source, seg:rSI */
    OS_Y,     /* string destination, ES:rDI */
    OS_MBASE, /* memory at seg:[register .arg] */
    OS_SREG,  /* the segment register .arg */
    OS_S,     /* ModRM.reg: segment register */
    OS_C,     /* ModRM.reg: control register (CR0, 2, 3, 4, 8; others #UD) */
    OS_D,     /* ModRM.reg: debug register */
    OS_B,     /* VEX.vvvv: general register */
    OS_H,     /* VEX.vvvv: XMM */
    OS_L,     /* bits 7:4 of an immediate byte: XMM */
    OS_VSIB,  /* ModRM.rm: memory with a vector index */
    OS_V,     /* ModRM.reg: XMM */
    OS_W,     /* ModRM.rm: XMM or memory */
    OS_U,     /* ModRM.rm: XMM only */
    OS_XMM,   /* the XMM register .arg */
    OS_P,     /* ModRM.reg: MMX */
    OS_Q,     /* ModRM.rm: MMX or memory */
    OS_N,     /* ModRM.rm: MMX only */
    OS_ST,    /* the x87 stack register .arg */
    OS_STI,   /* ModRM.rm: x87 stack register */
};

/* Operand sizes: up to 127 plain bytes, or one of these. */
enum insn_opsize {
    SZ_V = 128, /* operand size */
    SZ_Z,       /* operand size, 4 when that is 8 */
    SZ_Y,       /* 8 with REX.W, else 4 */
    SZ_N,       /* 8 in 64-bit mode, else 4 */
    SZ_P,       /* far pointer: operand size + 2 */
    SZ_A,       /* twice the operand size */
    SZ_S,       /* descriptor-table register: 10 in 64-bit mode, else 6 */
    SZ_ENV,     /* x87 environment: 14 or 28 */
    SZ_SAVE,    /* x87 state: 94 or 108 */
    SZ_X,       /* vector: 32 with VEX.L, else 16; then its half, quarter, eighth */
    SZ_XH,
    SZ_XQ,
    SZ_XE,
    SZ_0,       /* none stated: 0 */
    SZ_WIDE,    /* memory image whose size does not fit insn_operand.size (512 and more): 0 */
};

/* OPERAND(letters, source, size of a register, size of memory, arg) */
#define INSN_OPERANDS(OPERAND)                                                                 \
    OPERAND(_, NONE, 0, 0, 0)                                                                  \
    /* general register or memory */                                                           \
    OPERAND(Eb, E, 1, 1, 0)                                                                    \
    OPERAND(Ew, E, 2, 2, 0)                                                                    \
    OPERAND(Ed, E, 4, 4, 0)                                                                    \
    OPERAND(Eq, E, 8, 8, 0)                                                                    \
    OPERAND(Ev, E, SZ_V, SZ_V, 0)                                                              \
    OPERAND(Ey, E, SZ_Y, SZ_Y, 0)                                                              \
    OPERAND(Ez, E, SZ_Z, SZ_Z, 0)                                                              \
    OPERAND(En, E, SZ_V, SZ_0, 0) /* hint: no access */                                        \
    OPERAND(RvMw, E, SZ_V, 2, 0)                                                               \
    OPERAND(RdMw, E, 4, 2, 0)                                                                  \
    OPERAND(RdMb, E, 4, 1, 0)                                                                  \
    /* general register */                                                                     \
    OPERAND(Gb, G, 1, 0, 0)                                                                    \
    OPERAND(Gw, G, 2, 0, 0)                                                                    \
    OPERAND(Gd, G, 4, 0, 0)                                                                    \
    OPERAND(Gv, G, SZ_V, 0, 0)                                                                 \
    OPERAND(Gy, G, SZ_Y, 0, 0)                                                                 \
    OPERAND(Gn, G, SZ_N, 0, 0)                                                                 \
    OPERAND(Rv, R, SZ_V, 0, 0)                                                                 \
    OPERAND(Ry, R, SZ_Y, 0, 0)                                                                 \
    OPERAND(Rn, R, SZ_N, 0, 0)                                                                 \
    OPERAND(Zb, Z, 1, 0, 0)                                                                    \
    OPERAND(Zv, Z, SZ_V, 0, 0)                                                                 \
    OPERAND(AL, GPR, 1, 0, R_AX)                                                               \
    OPERAND(AX, GPR, 2, 0, R_AX)                                                               \
    OPERAND(rAX, GPR, SZ_V, 0, R_AX)                                                           \
    OPERAND(CL, GPR, 1, 0, R_CX)                                                               \
    OPERAND(DX, GPR, 2, 0, R_DX)                                                               \
    /* memory */                                                                               \
    OPERAND(M, M, 0, SZ_0, 0)                                                                  \
    OPERAND(Mb, M, 0, 1, 0)                                                                    \
    OPERAND(Mw, M, 0, 2, 0)                                                                    \
    OPERAND(Md, M, 0, 4, 0)                                                                    \
    OPERAND(Mq, M, 0, 8, 0)                                                                    \
    OPERAND(Mt, M, 0, 10, 0)                                                                   \
    OPERAND(Mss, M, 0, 4, 0)                                                                   \
    OPERAND(Msd, M, 0, 8, 0)                                                                   \
    OPERAND(Mps, M, 0, 16, 0)                                                                  \
    OPERAND(Mpd, M, 0, 16, 0)                                                                  \
    OPERAND(Mdq, M, 0, 16, 0)                                                                  \
    OPERAND(Mv, M, 0, SZ_V, 0)                                                                 \
    OPERAND(My, M, 0, SZ_Y, 0)                                                                 \
    OPERAND(Mp, M, 0, SZ_P, 0)                                                                 \
    OPERAND(Ma, M, 0, SZ_A, 0)                                                                 \
    OPERAND(Ms, M, 0, SZ_S, 0)                                                                 \
    OPERAND(Menv, M, 0, SZ_ENV, 0)                                                             \
    OPERAND(Msav, M, 0, SZ_SAVE, 0)                                                            \
    OPERAND(Mfx, M, 0, SZ_WIDE, 0)                                                             \
    OPERAND(Mxs, M, 0, SZ_WIDE, 0)                                                             \
    OPERAND(Ob, MOFFS, 0, 1, 0)                                                                \
    OPERAND(Ov, MOFFS, 0, SZ_V, 0)                                                             \
    OPERAND(Xb, X, 0, 1, 0)                                                                    \
    OPERAND(Xv, X, 0, SZ_V, 0)                                                                 \
    OPERAND(Yb, Y, 0, 1, 0)                                                                    \
    OPERAND(Yv, Y, 0, SZ_V, 0)                                                                 \
    OPERAND(mBX, MBASE, 0, 1, R_BX) /* XLAT: AL is added by the instruction */                 \
    OPERAND(mAX, MBASE, 0, 1, R_AX)                                                            \
    OPERAND(mDIq, MBASE, 0, 8, R_DI)                                                           \
    OPERAND(mDIdq, MBASE, 0, 16, R_DI)                                                         \
    /* immediates; the size is that of the value as the instruction uses it */                 \
    OPERAND(Ib, IMM, 1, 0, 1)                                                                  \
    OPERAND(Iw, IMM, 2, 0, 2)                                                                  \
    OPERAND(Iz, IMMZ, SZ_V, 0, 0)                                                              \
    OPERAND(Iv, IMMV, SZ_V, 0, 0)                                                              \
    OPERAND(sIb, SIMM, SZ_V, 0, 1)                                                             \
    OPERAND(I1, CONST, 1, 0, 1)                                                                \
    OPERAND(Jb, REL, SZ_V, 0, 1)                                                               \
    OPERAND(Jz, REL, SZ_V, 0, 0)                                                               \
    OPERAND(Ap, FAR, SZ_P, 0, 0)                                                               \
    /* segment, control, debug registers */                                                    \
    OPERAND(ES, SREG, 2, 0, SEG_ES)                                                            \
    OPERAND(CS, SREG, 2, 0, SEG_CS)                                                            \
    OPERAND(SS, SREG, 2, 0, SEG_SS)                                                            \
    OPERAND(DS, SREG, 2, 0, SEG_DS)                                                            \
    OPERAND(FS, SREG, 2, 0, SEG_FS)                                                            \
    OPERAND(GS, SREG, 2, 0, SEG_GS)                                                            \
    OPERAND(Sw, S, 2, 0, 0)                                                                    \
    OPERAND(Cd, C, SZ_N, 0, 0)                                                                 \
    OPERAND(Dd, D, SZ_N, 0, 0)                                                                 \
    /* XMM */                                                                                  \
    OPERAND(Vdq, V, 16, 0, 0)                                                                  \
    OPERAND(Vps, V, 16, 0, 0)                                                                  \
    OPERAND(Vpd, V, 16, 0, 0)                                                                  \
    OPERAND(Vq, V, 8, 0, 0)                                                                    \
    OPERAND(Vsd, V, 8, 0, 0)                                                                   \
    OPERAND(Vss, V, 4, 0, 0)                                                                   \
    OPERAND(Wdq, W, 16, 16, 0)                                                                 \
    OPERAND(Wps, W, 16, 16, 0)                                                                 \
    OPERAND(Wpd, W, 16, 16, 0)                                                                 \
    OPERAND(Wq, W, 8, 8, 0)                                                                    \
    OPERAND(Wsd, W, 8, 8, 0)                                                                   \
    OPERAND(Wd, W, 4, 4, 0)                                                                    \
    OPERAND(Wss, W, 4, 4, 0)                                                                   \
    OPERAND(Ww, W, 2, 2, 0)                                                                    \
    OPERAND(UdqMd, W, 16, 4, 0)                                                                \
    OPERAND(Udq, U, 16, 0, 0)                                                                  \
    OPERAND(Ups, U, 16, 0, 0)                                                                  \
    OPERAND(Upd, U, 16, 0, 0)                                                                  \
    OPERAND(Uq, U, 8, 0, 0)                                                                    \
    OPERAND(Usd, U, 8, 0, 0)                                                                   \
    OPERAND(Uss, U, 4, 0, 0)                                                                   \
    OPERAND(XMM0, XMM, 16, 0, 0)                                                               \
    /* under VEX; x: as long as VEX.L says, h q e: half, quarter, eighth of that */            \
    OPERAND(By, B, SZ_Y, 0, 0)                                                                 \
    OPERAND(VMd, VSIB, 0, 4, 0)                                                                \
    OPERAND(VMq, VSIB, 0, 8, 0)                                                                \
    OPERAND(Vx, V, SZ_X, 0, 0)                                                                 \
    OPERAND(Vqq, V, 32, 0, 0)                                                                  \
    OPERAND(Hx, H, SZ_X, 0, 0)                                                                 \
    OPERAND(Hdq, H, 16, 0, 0)                                                                  \
    OPERAND(Hqq, H, 32, 0, 0)                                                                  \
    OPERAND(Hq, H, 8, 0, 0)                                                                    \
    OPERAND(Hss, H, 4, 0, 0)                                                                   \
    OPERAND(Hsd, H, 8, 0, 0)                                                                   \
    OPERAND(Lx, L, SZ_X, 0, 0)                                                                 \
    OPERAND(Wx, W, SZ_X, SZ_X, 0)                                                              \
    OPERAND(Wqq, W, 32, 32, 0)                                                                 \
    OPERAND(Wh, W, SZ_XH, SZ_XH, 0)                                                            \
    OPERAND(Wxq, W, SZ_XQ, SZ_XQ, 0)                                                           \
    OPERAND(Wxe, W, SZ_XE, SZ_XE, 0)                                                           \
    OPERAND(Wb, W, 1, 1, 0)                                                                    \
    OPERAND(Ux, U, SZ_X, 0, 0)                                                                 \
    OPERAND(Mx, M, 0, SZ_X, 0)                                                                 \
    /* MMX */                                                                                  \
    OPERAND(Pq, P, 8, 0, 0)                                                                    \
    OPERAND(Qq, Q, 8, 8, 0)                                                                    \
    OPERAND(Qd, Q, 4, 4, 0)                                                                    \
    OPERAND(Nq, N, 8, 0, 0)                                                                    \
    /* x87 stack */                                                                            \
    OPERAND(ST0, ST, 10, 0, 0)                                                                 \
    OPERAND(STi, STI, 10, 0, 0)

enum insn_opletter {
#define OPERAND(name, src, reg, mem, arg) OP_##name,
    INSN_OPERANDS(OPERAND)
#undef OPERAND
        OP_COUNT
};

struct insn_opdesc {
    uint8_t src; /* enum insn_opsrc */
    uint8_t regsize, memsize;
    uint8_t arg;
};
extern const struct insn_opdesc insn_opdescs[OP_COUNT];

/* Sets of flags, named by their letters. */
enum insn_flagset {
    F_C = FL_CF,
    F_P = FL_PF,
    F_A = FL_AF,
    F_Z = FL_ZF,
    F_S = FL_SF,
    F_O = FL_OF,
    F_D = FL_DF,
    F_AC = F_A | F_C,
    F_ZC = F_Z | F_C,
    F_OC = F_O | F_C,
    F_OA = F_O | F_A,
    F_OS = F_O | F_S,
    F_OSZ = F_O | F_S | F_Z,
    F_OSZC = F_OSZ | F_C,
    F_OZC = F_O | F_Z | F_C,
    F_AP = F_A | F_P,
    F_SAP = F_S | F_A | F_P,
    F_OAC = F_O | F_A | F_C,
    F_SZP = F_S | F_Z | F_P,
    F_SZAP = F_SZP | F_A,
    F_SZPC = F_SZP | F_C,
    F_SZAPC = F_SZP | F_A | F_C,
    F_OSAP = F_O | F_S | F_A | F_P,
    F_OSAPC = F_OSAP | F_C,
    F_OSZP = F_O | F_SZP,
    F_OSZPC = F_OSZP | F_C,
    F_OSZAP = F_OSZP | F_A,
    F_OSZAPC = FL_ARITH,
    F_OSZAPCD = FL_ARITH | FL_DF,
};

/* Short spellings of the access attributes. */
enum insn_attr_short {
    IA_R = IA_READS_OP0,
    IA_W = IA_WRITES_OP0,
    IA_RW = IA_READS_OP0 | IA_WRITES_OP0,
};

/* Rows of one opcode (map << 8 | byte), in table order; *count is 0 for none.
 * Rows keep their place for the life of the program. Thread-safe. */
const uint16_t *insn_rows_of(unsigned opcode, unsigned *count);

/* The table itself, without the call. */
extern const struct insn_row insn_table[];

#endif
