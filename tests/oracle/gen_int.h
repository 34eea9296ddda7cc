/* SPDX-License-Identifier: MIT
 * Inside of the generator: the case under construction. */
#ifndef TESTS_ORACLE_GEN_INT_H
#define TESTS_ORACLE_GEN_INT_H

#include "cpu/insn_table.h"
#include "tests/oracle/gen.h"
#include "tests/oracle/gen_rules.h"
#include "tests/oracle/value.h"

/* What is known of a register when the next instruction runs. */
enum reg_state {
    RS_FREE,  /* untouched: its initial value can still be chosen */
    RS_KNOWN, /* holds value[] */
    RS_DIRTY, /* written with something unknown */
};

struct join {      /* a forward branch whose target is still to come */
    uint16_t at;   /* offset in code of the displacement */
    uint8_t size;  /* 1 or 4; 0: none */
    uint8_t after; /* instructions left before the target */
    uint16_t undef;
    uint32_t version[16];
};

struct build {
    struct orc_case *c;
    struct rng r;
    bool seq;
    bool vectors;           /* a sequence mainly of vector instructions */
    enum value_style style; /* that suits the instruction's data */
    uint8_t reg[16];        /* enum reg_state */
    uint64_t value[16];
    uint32_t version[16]; /* counts writes */
    uint16_t undef;       /* flags undefined now */
    uint16_t len;         /* code bytes so far */
    struct join join[4];
    uint32_t op_off;  /* blob offset of the patch under the last memory operand, or NOBLOB */
    bool fsw_open;    /* the x87 status may hold something that vendors do differently */
    bool masked;      /* no unmasked x87 exceptions, please */
    uint8_t rel_size; /* of the last instruction's branch displacement, its last bytes */
};
#define NOBLOB 0xffffffffu

/* gen_mem.c: places where memory operands lie, registers that reach them. */
uint64_t gen_target(struct build *b, unsigned size, bool write);
/* Initial bytes under an operand; returns their blob offset or NOBLOB. */
uint32_t gen_patch(struct build *b, uint64_t addr, unsigned size, enum value_style style);
uint8_t *gen_patch_bytes(struct build *b, uint64_t addr, unsigned size);
/* Gives a register the value: as its initial one, or by a MOV put before (32-bit values). */
void gen_set_reg(struct build *b, unsigned reg, uint64_t value);
/* Fit to be a stack pointer: it must not lead into the code, whose bytes differ between the sides. */
bool gen_good_stack(const struct build *b, unsigned reg);
/* A register's value, choosing an initial one when it has none; false when unknown. */
bool gen_reg_value(struct build *b, unsigned reg, uint64_t *value);
void gen_dirty(struct build *b, unsigned reg);
void gen_emit(struct build *b, const uint8_t *bytes, unsigned n);

/* ModRM, SIB and displacement of a memory operand at target. need_rex_b: 0 or 1 when the
 * row fixes REX.B, else 2; avoid: set of registers not to be used. */
struct addressing {
    uint8_t bytes[6]; /* ModRM, SIB, displacement */
    unsigned len;
    uint8_t rex;   /* X and B */
    bool p67, rip; /* rip: displacement is to be relative: subtract the end address */
};
void gen_addressing(struct build *b, struct addressing *a, uint64_t target, unsigned reg3,
                    uint8_t need_rex_b, uint16_t avoid);

/* gen_fp.c: floating-point state. fx is an FXSAVE64 image of 512 bytes. */
void gen_fx(struct build *b, uint8_t *fx, bool interesting);
/* Upper halves of YMM registers, 256 bytes; zeros without AVX. */
void gen_upper(struct build *b, uint8_t *ymm);
uint32_t gen_mxcsr(struct build *b);
uint16_t gen_x87_cw(struct build *b);

/* gen_enc.c: one instruction of the row appended to the code; false when the choice made
 * cannot be encoded or used here (try again). reg_form: no memory operand where possible. */
bool gen_insn(struct build *b, const struct insn_row *row, bool reg_form);

#endif
