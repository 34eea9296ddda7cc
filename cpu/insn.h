/* SPDX-License-Identifier: MIT
 * Decoded x86 instructions and the one instruction table (Intel SDM vol. 2,
 * ch. 2 and app. A). The rows stand in cpu/insn_*.def; every reader of the
 * instruction set (decoder, lowering dispatch, dead-flag pass, checks, test
 * generator, coverage page) reads those rows and nothing else. */
#ifndef CPU_INSN_H
#define CPU_INSN_H

#include "softmmu/types.h"

#define INSN_MAX_LEN 15

/* Instruction ids: one a mnemonic, from cpu/insn_ids.def. The second column
 * is the class: INT, X87, VEC (operates on MMX/XMM data, executed as one
 * vector operation), SYS. */
enum insn_id {
    I_NONE,
#define INSN_ID(name, class) I_##name,
#include "cpu/insn_ids.def"
#undef INSN_ID
    I_COUNT
};

enum insn_class { IC_INT, IC_X87, IC_VEC, IC_SYS };

/* Arithmetic flags as a bit set, positions as in RFLAGS. */
enum {
    FL_CF = 0x001,
    FL_PF = 0x004,
    FL_AF = 0x010,
    FL_ZF = 0x040,
    FL_SF = 0x080,
    FL_DF = 0x400,
    FL_OF = 0x800,
    FL_ARITH = FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF,
};

enum insn_mode { INSN_16, INSN_32, INSN_64 }; /* default size of code; 64 = long mode */

/* General register numbers as encoded (REX applied). */
enum { R_AX, R_CX, R_DX, R_BX, R_SP, R_BP, R_SI, R_DI, R_8, R_9, R_10, R_11, R_12, R_13, R_14, R_15 };
/* Segment register numbers as encoded. */
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };

enum insn_opkind {
    OPND_NONE,
    OPND_GPR,  /* reg 0..15; size 1,2,4,8; high8 tells AH,CH,DH,BH (reg is then 0..3) */
    OPND_MEM,  /* the instruction's single memory operand, in insn.mem; size in bytes (0: no access size, as LEA) */
    OPND_IMM,  /* value in .imm, sign- or zero-extended as the SDM says, to 64 bits */
    OPND_REL,  /* branch displacement, sign-extended, in .imm (relative to the next instruction) */
    OPND_FAR,  /* ptr16:16 / ptr16:32: selector in .sel, offset in .imm */
    OPND_SREG, /* segment register, .reg = SEG_x */
    OPND_CR,
    OPND_DR,
    OPND_XMM,  /* .reg 0..15, size = bytes used (2 to 16; 32: YMM) */
    OPND_MMX,  /* .reg 0..7 */
    OPND_ST,   /* x87 stack register, .reg 0..7 */
};

struct insn_operand {
    uint8_t kind; /* enum insn_opkind */
    uint8_t size; /* bytes */
    uint8_t reg;
    bool high8;
    uint16_t sel;
    int64_t imm;
};

/* The memory operand, whole. Effective address = base + index*scale + disp,
 * truncated to asize; RIP-relative: base = MEM_RIP, disp relative to the next
 * instruction. String instructions and moffs forms are described here too. */
#define MEM_NOREG 0xff
#define MEM_RIP   0xfe
struct insn_mem {
    uint8_t seg;   /* SEG_x in force (override or default), never "none" */
    uint8_t base;  /* 0..15, MEM_RIP or MEM_NOREG */
    uint8_t index; /* 0..15 or MEM_NOREG; a vector register when the row has IA_VSIB */
    uint8_t scale; /* 1, 2, 4, 8 */
    uint8_t asize; /* address size in bytes: 2, 4, 8 */
    int64_t disp;
};

/* Attributes of a row. */
enum insn_attr {
    IA_LOCK = 1 << 0,      /* LOCK allowed with a memory destination */
    IA_END = 1 << 1,       /* ends the block (changes control flow or mode) */
    IA_CPL0 = 1 << 2,      /* #GP unless CPL 0 */
    IA_DEF64 = 1 << 3,     /* default operand size 64 in long mode */
    IA_FORCE64 = 1 << 4,   /* operand size always 64 in long mode (near branches) */
    IA_REP = 1 << 5,       /* F3/F2 are REP prefixes (string instructions) */
    IA_NO_SIZE = 1 << 6,   /* operand size does not come from 66/REX.W */
    IA_PROT = 1 << 7,      /* #UD in real and virtual-8086 mode */
    IA_SSE_ALIGN = 1 << 8, /* a 16- or 32-byte memory operand must be aligned, else #GP(0) */
    IA_IO = 1 << 9,        /* I/O permission check */
    IA_FAULTS = 1 << 10,   /* may raise other than memory faults (#DE, #NM ...) */
    IA_WRITES_OP0 = 1 << 11, /* operand 0 is written */
    IA_READS_OP0 = 1 << 12,  /* operand 0 is read */
    IA_WRITES_OP1 = 1 << 13, /* operand 1 is written as well (XCHG, XADD) */
    IA_EXT_UD = 1 << 14,     /* documented to be always #UD (UD0, UD1, UD2) */
    IA_BYTE = 1 << 15,       /* operand size 1 */
    IA_VSIB = 1 << 16,       /* the index of the memory operand is a vector register */
};

/* CPUID features an instruction needs; order is fixed by cpu/cpuid.c. */
enum insn_feature {
    IF_BASE, IF_FPU, IF_CMOV, IF_CX8, IF_MMX, IF_FXSR, IF_SSE, IF_SSE2, IF_SSE3, IF_SSSE3,
    IF_SSE41, IF_SSE42, IF_POPCNT, IF_CX16, IF_MOVBE, IF_LM, IF_SYSCALL, IF_SEP, IF_RDTSCP,
    IF_FSGSBASE, IF_XSAVE, IF_XSAVEOPT, IF_XSAVEC, IF_RDRAND, IF_RDSEED, IF_CLFLUSH,
    IF_CLFLUSHOPT, IF_MONITOR, IF_LAHF64, IF_SMAP, IF_INVPCID, IF_NOPL, IF_TSC, IF_MSR,
    IF_PREFETCHW, IF_RDPID, IF_UMIP, IF_ABM, IF_BMI1, IF_BMI2, IF_AVX, IF_AVX2, IF_FMA, IF_F16C,
    IF_AES, IF_PCLMUL, IF_SHA, IF_ADX, IF_VAES, IF_VPCLMUL, IF_COUNT
};

/* One row of the table, as read from the .def files (see cpu/insn_table.c). */
struct insn_row {
    uint16_t opcode;  /* map << 8 | byte; map 0 one-byte, 1 0F, 2 0F38, 3 0F3A; 5..7 these under VEX */
    uint32_t match;   /* cpu/insn_table.h: prefix, /reg, mod, mode, REX.W, VEX constraints */
    uint16_t id;      /* enum insn_id */
    uint8_t op[4];    /* operand letters, cpu/insn_table.h */
    uint16_t fl_read, fl_write, fl_undef; /* FL_ sets; fl_undef is disjoint from fl_write */
    uint8_t feature;  /* enum insn_feature */
    uint32_t attr;    /* enum insn_attr */
};

struct insn {
    const struct insn_row *row;
    uint16_t id;        /* enum insn_id */
    uint8_t len;        /* bytes, 1..15 */
    uint8_t mode;       /* enum insn_mode it was decoded for */
    uint8_t opsize;     /* operand size in force: 1, 2, 4, 8 */
    uint8_t adsize;     /* address size in force: 2, 4, 8 */
    uint8_t map, opcode, modrm; /* raw; map 0..3; modrm valid when has_modrm */
    uint8_t rex;        /* raw REX byte or 0; under VEX what its fields amount to */
    uint8_t pfx;        /* mandatory prefix in force: 0, 0x66, 0xf3, 0xf2 */
    bool vex, vex_w;    /* VEX prefix; its W bit, clear outside 64-bit mode where W is ignored */
    uint8_t vex_l, vvvv; /* VEX.L; register number in VEX.vvvv (outside 64-bit mode below 8) */
    bool has_modrm, lock, rep, repne, opsize66;
    bool has_mem;
    uint8_t nops;
    uint8_t imm8;       /* the last imm8, if any (vector control bytes) */
    struct insn_operand op[4];
    struct insn_mem mem;
    uint8_t bytes[INSN_MAX_LEN]; /* the raw encoding, len bytes */
};

enum insn_status {
    INSN_OK,
    INSN_UD,        /* no such instruction (in this mode): #UD; .len covers what was read */
    INSN_MORE,      /* n bytes are a valid prefix of an instruction: fetch more */
    INSN_TOO_LONG,  /* 15 bytes and still not complete: #GP(0) */
};

/* Decodes one instruction from n bytes (fewer than 15 only when no more can be
 * fetched). LOCK on a row or form that does not allow it gives INSN_UD. CPUID
 * features are not looked at: the caller compares row->feature. Thread-safe. */
enum insn_status insn_decode(struct insn *in, const uint8_t *bytes, size_t n, enum insn_mode mode);

/* Lower-case mnemonic of an id as the SDM spells it, and its class. */
const char *insn_name(enum insn_id id);
enum insn_class insn_class(enum insn_id id);

/* The whole table, for readers that enumerate it (tests, coverage page). */
const struct insn_row *insn_rows(size_t *count);

#endif
