/* SPDX-License-Identifier: MIT
 * MMX and SSE data instructions as portable C functions, one per mnemonic and operand
 * form (vec_ops.def). They are the meaning of the vector IR ops: the portable executor
 * runs them, and so does a host that lacks the instruction. */
#ifndef CPU_VEC_OPS_H
#define CPU_VEC_OPS_H

#include "cpu/vec.h"

/* MXCSR bits, SDM volume 1 section 10.2.3. */
#define MXCSR_IE       0x0001u
#define MXCSR_DE       0x0002u
#define MXCSR_ZE       0x0004u
#define MXCSR_OE       0x0008u
#define MXCSR_UE       0x0010u
#define MXCSR_PE       0x0020u
#define MXCSR_FLAGS    0x003fu
#define MXCSR_DAZ      0x0040u
#define MXCSR_MASKS    0x1f80u
#define MXCSR_MASK_POS 7
#define MXCSR_RC_POS   13
#define MXCSR_RC       0x6000u
#define MXCSR_FTZ      0x8000u
#define MXCSR_RESET    0x1f80u

/* What an operation reads and writes beside its vector operands. */
struct vec_env {
    uint32_t mxcsr;        /* in and out, for ops of kind VEC_FP */
    uint8_t zf, pf, cf;    /* out, 0 or 1: VEC_FLAGS and VEC_STR kinds */
    uint8_t sf, of, af;    /* out likewise; all six are written by these kinds */
    bool fault;            /* out, only ever set: unmasked exception, raise #XM */
    uint64_t gpr;          /* integer operand or result; EAX length and ECX of VEC_STR */
    uint64_t gpr2;         /* EDX length of PCMPESTRx */
    const union vec *xmm0; /* the mask of BLENDVPS, BLENDVPD, PBLENDVB; state of SHA256RNDS2 */
    const union vec *src1; /* VEC_WHOLE: the operand in VEX.vvvv */
    unsigned bytes;        /* VEC_WHOLE: vector length, 16 or 32 */
};

/* `d` is destination and first source, `s` the second source, which may be the same
 * object. Bytes above the operand size (8 for MMX, 16 for XMM) keep their value. A memory
 * source narrower than the register has been zero-extended. `imm` is 0 where there is none.
 * On env->fault neither `d` nor env->gpr has been written. */
typedef void vec_fn(struct vec_env *env, union vec *d, const union vec *s, unsigned imm);

/* Operand form: destination then source. X xmm, M mm, G integer register (env->gpr), I imm8.
 * A form ending in I after one letter is the shift by immediate: `s` is not read. */
enum vec_kind {
    VEC_XX,
    VEC_XXI,
    VEC_XI,
    VEC_MM,
    VEC_MMI,
    VEC_MI,
    VEC_XM,
    VEC_MX,
    VEC_XG, /* xmm from env->gpr */
    VEC_XGI,
    VEC_MGI,
    VEC_GX,  /* env->gpr from s, zero-extended to 64 bits */
    VEC_GXI, /* as VEC_GX */
    VEC_GM,
    VEC_GMI,
    VEC_GG,    /* env->gpr from env->gpr and env->gpr2 */
    VEC_FLAGS, /* compares d with s, writes only flags */
    VEC_STRI,  /* PCMPxSTRI: flags, and the index in env->gpr */
    VEC_STRM,  /* PCMPxSTRM: flags, and the mask in env->gpr (low) and env->gpr2 (high) */
    VEC_FORM = 0x1f,
    VEC_FP = 0x20, /* flag: reads and writes env->mxcsr and may set env->fault */
    /* flag: takes env->bytes at once, with env->src1; others work on 16 bytes, one lane of YMM */
    VEC_WHOLE = 0x40,
};

struct vec_op {
    const char *name;
    vec_fn *fn;
    uint8_t kind; /* enum vec_kind, form and flags */
};

enum vec_id {
#define VEC(name, fn, kind) VEC_OP_##name,
#include "cpu/vec_ops.def"
#undef VEC
    VEC_OP_COUNT
};

/* Indexed by enum vec_id. */
extern const struct vec_op vec_ops[];

/* The op called `name` as spelled in vec_ops.def, or NULL. Linear-time: not for hot paths. */
const struct vec_op *vec_op_find(const char *name);

#define VEC(name, fn, kind) vec_fn fn;
#include "cpu/vec_ops.def"
#undef VEC

#endif
