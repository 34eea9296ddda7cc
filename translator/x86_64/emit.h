/* SPDX-License-Identifier: MIT
 * Byte emission for x86-64 hosts: one function an encoding form. Nothing here
 * knows about guests. The buffer is written through one mapping and run
 * through another; addresses given to the emitter are of the running one. */
#ifndef TRANSLATOR_X86_64_EMIT_H
#define TRANSLATOR_X86_64_EMIT_H

#include "softmmu/types.h"

enum x64_reg {
    X_RAX,
    X_RCX,
    X_RDX,
    X_RBX,
    X_RSP,
    X_RBP,
    X_RSI,
    X_RDI,
    X_R8,
    X_R9,
    X_R10,
    X_R11,
    X_R12,
    X_R13,
    X_R14,
    X_R15,
    X_NOREG = 0xff,
};

/* Condition codes as in the opcode's low nibble. */
enum x64_cc {
    CC_O,
    CC_NO,
    CC_B,
    CC_AE,
    CC_Z,
    CC_NZ,
    CC_BE,
    CC_A,
    CC_S,
    CC_NS,
    CC_P,
    CC_NP,
    CC_L,
    CC_GE,
    CC_LE,
    CC_G
};

/* A register-or-memory operand: base + (index << scale) + disp. */
struct x64_rm {
    bool mem;
    uint8_t base, index, scale;
    int32_t disp;
};

struct emit {
    uint8_t *p; /* write position (writable mapping) */
    uint8_t *end;
    ptrdiff_t rx; /* running address = writable address + rx */
    struct x64_rm alias; /* if .mem: stands for the operand [r14 + r15] */
};

static inline struct x64_rm rm_reg(unsigned r)
{
    return (struct x64_rm){.base = (uint8_t)r, .index = X_NOREG};
}
static inline struct x64_rm rm_mem(unsigned base, int32_t disp)
{
    return (struct x64_rm){.mem = true, .base = (uint8_t)base, .index = X_NOREG, .disp = disp};
}
static inline struct x64_rm rm_idx(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
    return (struct x64_rm){.mem = true,
                           .base = (uint8_t)base,
                           .index = (uint8_t)index,
                           .scale = (uint8_t)scale,
                           .disp = disp};
}

/* Opcode words: byte | map << 8 | mandatory prefix << 16 | E_ flags. Maps: 0
 * one-byte, 1 0F, 2 0F38, 3 0F3A. */
#define OPC(map, byte)        ((uint32_t)(byte) | (uint32_t)(map) << 8)
#define OPC_P(pfx, map, byte) (OPC(map, byte) | (uint32_t)(pfx) << 16)
enum {
    E_RM8 = 1 << 24,  /* a register in rm is a byte register whatever the width */
    E_REXW = 1 << 25, /* REX.W beside a width that does not imply it */
};

static inline void e8(struct emit *e, unsigned v)
{
    *e->p++ = (uint8_t)v;
}
void e32(struct emit *e, uint32_t v);
void e64(struct emit *e, uint64_t v);
/* Running address of the next byte. */
static inline uint8_t *e_here(const struct emit *e)
{
    return e->p + e->rx;
}

/* Legacy-encoded instruction with a ModRM: width w gives 66 (2), REX.W (8) and the byte
 * register rules (1). imm bytes, if any, follow by the caller. */
void e_ins(struct emit *e, uint32_t opc, unsigned w, unsigned reg, struct x64_rm m);
/* VEX instruction; pp 0..3, map 1..3; pp | VEX_L for 256 bits. */
#define VEX_L 4
void e_vex(struct emit *e, unsigned pp, unsigned map, unsigned w, unsigned opc, unsigned reg,
           unsigned vvvv, struct x64_rm m);

static inline void e_vzeroupper(struct emit *e)
{
    e8(e, 0xc5);
    e8(e, 0xf8);
    e8(e, 0x77);
}

/* Integer instructions; n: 0 ADD 1 OR 2 ADC 3 SBB 4 AND 5 SUB 6 XOR 7 CMP. */
void e_alu_rm_r(struct emit *e, unsigned n, unsigned w, struct x64_rm d, unsigned r);
void e_alu_r_rm(struct emit *e, unsigned n, unsigned w, unsigned r, struct x64_rm s);
void e_alu_imm(struct emit *e, unsigned n, unsigned w, struct x64_rm d, int32_t imm);
void e_test_rm_r(struct emit *e, unsigned w, struct x64_rm d, unsigned r);
void e_test_imm(struct emit *e, unsigned w, struct x64_rm d, int32_t imm);
void e_mov_rm_r(struct emit *e, unsigned w, struct x64_rm d, unsigned r);
void e_mov_r_rm(struct emit *e, unsigned w, unsigned r, struct x64_rm s);
void e_mov_rr(struct emit *e, unsigned w, unsigned d, unsigned s);
void e_mov_imm(struct emit *e, unsigned r, uint64_t imm); /* shortest form, flags kept */
void e_mov_rm_imm(struct emit *e, unsigned w, struct x64_rm d, int32_t imm);
void e_movzx(struct emit *e, unsigned sw, unsigned r, struct x64_rm s); /* to 64 bits */
void e_movsx(struct emit *e, unsigned w, unsigned sw, unsigned r, struct x64_rm s);
void e_lea(struct emit *e, unsigned w, unsigned r, struct x64_rm s);
void e_shift_imm(struct emit *e, unsigned n, unsigned w, struct x64_rm d, unsigned count);
void e_rorx(struct emit *e, unsigned d, unsigned s, unsigned count); /* BMI2, 64 bits */
void e_imm(struct emit *e, unsigned w, int64_t imm); /* immediate of an integer instruction */

/* Control flow. Forward jumps return the place of the rel32 for e_patch. */
uint8_t *e_jmp_fwd(struct emit *e);
uint8_t *e_lea_fwd(struct emit *e, unsigned r); /* lea r, [rip + rel32] */
uint8_t *e_jcc_fwd(struct emit *e, unsigned cc);
void e_patch(struct emit *e, uint8_t *rel32,
             const uint8_t *target); /* target: writable address */
void e_patch_here(struct emit *e, uint8_t *rel32);
void e_jmp(struct emit *e, const uint8_t *target); /* writable addresses */
void e_call(struct emit *e, const uint8_t *target);

#endif
