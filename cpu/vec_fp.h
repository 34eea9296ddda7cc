/* SPDX-License-Identifier: MIT
 * What the SSE floating-point operations share: a vector instruction in progress, and one
 * lane's arithmetic with exact x86 flags. Private to cpu/vec_*.c.
 *
 * Lanes travel as raw bits in a uint64_t with a struct vec_fmt telling the format, so
 * single and double precision have one implementation. Values are computed in the host's
 * double: for single precision a second rounding from 53 to 24 bits is harmless for
 * + - * / and square root, in every rounding mode. Only the host's inexact flag is relied
 * on. Overflow and underflow are decided here, because hosts differ on whether tininess is
 * detected before or after rounding (x86: after). */
#ifndef CPU_VEC_FP_H
#define CPU_VEC_FP_H

#include "cpu/vec_host.h"

struct vec_fmt {
    unsigned bits, frac_bits;
    int min_exp, max_exp; /* of normal values written as m * 2^exp, m in [0.5, 1) */
};

extern const struct vec_fmt vec_f32, vec_f64;

/* A vector instruction in progress. */
struct vec_fp {
    uint32_t mxcsr;
    unsigned pre;  /* IE, DE, ZE of any lane */
    unsigned post; /* OE, UE, PE of any lane */
    unsigned imm;
    struct vec_host host;
};

/* A lane operation with a in d and b in s; gives the raw result. */
typedef uint64_t vec_lane_fn(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a,
                             uint64_t b);

/* Between these two the host rounds as MXCSR says and does not trap. The second merges the
 * exceptions into env->mxcsr and returns false, with env->fault set, if one is unmasked. */
void vec_fp_begin(struct vec_fp *fp, const struct vec_env *env);
bool vec_fp_end(struct vec_fp *fp, struct vec_env *env);

/* Merges exceptions in the middle of an instruction that computes in steps, each of which
 * faults by itself. False as for vec_fp_end(), which must still be called. */
bool vec_fp_step(struct vec_fp *fp, struct vec_env *env);

/* Lanes 0 to n-1 of d become fn(d, s); all or nothing. */
void vec_fp_map(struct vec_env *env, union vec *d, const union vec *s, const struct vec_fmt *f,
                vec_lane_fn *fn, unsigned n, unsigned imm);

/* Arithmetic on one lane, exceptions recorded in fp. */
vec_lane_fn vec_fp_add, vec_fp_sub, vec_fp_mul, vec_fp_div, vec_fp_sqrt;

/* NaN rule for two operands: if there is one, records IE for a signalling NaN, stores the
 * quieted result and returns true. */
bool vec_fp_nan2(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b,
                 uint64_t *result);

/* Rounds x to f, with post-computation exceptions. */
uint64_t vec_fp_narrow(struct vec_fp *fp, const struct vec_fmt *f, double x);

/* Post-computation exceptions of a result r at the ends of the range, which with unlimited
 * exponent would have exponent exp (as frexp); may flush it. */
uint64_t vec_fp_edge(struct vec_fp *fp, const struct vec_fmt *f, uint64_t r, bool inexact,
                     int exp, bool inexact_unbounded);

double vec_fp_value(const struct vec_fmt *f, uint64_t v);
uint64_t vec_fp_bits(const struct vec_fmt *f, double x);

static inline uint64_t vec_fp_sign(const struct vec_fmt *f)
{
    return 1ull << (f->bits - 1);
}

static inline uint64_t vec_fp_inf(const struct vec_fmt *f)
{
    return vec_fp_sign(f) - (1ull << f->frac_bits);
}

static inline uint64_t vec_fp_quiet(const struct vec_fmt *f)
{
    return 1ull << (f->frac_bits - 1);
}

/* The default NaN, "real indefinite". */
static inline uint64_t vec_fp_indefinite(const struct vec_fmt *f)
{
    return vec_fp_sign(f) | vec_fp_inf(f) | vec_fp_quiet(f);
}

static inline uint64_t vec_fp_abs(const struct vec_fmt *f, uint64_t v)
{
    return v & (vec_fp_sign(f) - 1);
}

static inline bool vec_fp_is_nan(const struct vec_fmt *f, uint64_t v)
{
    return vec_fp_abs(f, v) > vec_fp_inf(f);
}

static inline bool vec_fp_is_snan(const struct vec_fmt *f, uint64_t v)
{
    return vec_fp_is_nan(f, v) && !(v & vec_fp_quiet(f));
}

static inline bool vec_fp_is_inf(const struct vec_fmt *f, uint64_t v)
{
    return vec_fp_abs(f, v) == vec_fp_inf(f);
}

static inline bool vec_fp_is_zero(const struct vec_fmt *f, uint64_t v)
{
    return !vec_fp_abs(f, v);
}

static inline bool vec_fp_is_denormal(const struct vec_fmt *f, uint64_t v)
{
    return vec_fp_abs(f, v) - 1 < (1ull << f->frac_bits) - 1;
}

/* An operand as the operation sees it: under DAZ a denormal is a zero of its sign. */
static inline uint64_t vec_fp_operand(const struct vec_fp *fp, const struct vec_fmt *f,
                                      uint64_t v)
{
    return fp->mxcsr & MXCSR_DAZ && vec_fp_is_denormal(f, v) ? v & vec_fp_sign(f) : v;
}

static inline void vec_fp_note_denormal(struct vec_fp *fp, const struct vec_fmt *f, uint64_t v)
{
    if (vec_fp_is_denormal(f, v))
        fp->pre |= MXCSR_DE;
}

static inline uint64_t vec_fp_lane(const struct vec_fmt *f, const union vec *v, unsigned i)
{
    return f->bits == 32 ? v->u32[i] : v->u64[i];
}

static inline void vec_fp_set_lane(const struct vec_fmt *f, union vec *v, unsigned i,
                                   uint64_t x)
{
    if (f->bits == 32)
        v->u32[i] = (uint32_t)x;
    else
        v->u64[i] = x;
}

/* The packed and scalar forms of one lane operation in both precisions. */
#define VEC_FP_FORM(name, fmt, fn, n)                                                          \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        vec_fp_map(env, d, s, &fmt, fn, n, imm);                                               \
    }
#define VEC_FP_FORMS(name, fn)                                                                 \
    VEC_FP_FORM(name##ps, vec_f32, fn, 4)                                                      \
    VEC_FP_FORM(name##pd, vec_f64, fn, 2)                                                      \
    VEC_FP_FORM(name##ss, vec_f32, fn, 1)                                                      \
    VEC_FP_FORM(name##sd, vec_f64, fn, 1)

#endif
