/* SPDX-License-Identifier: MIT
 * SSE conversions between single, double and integer, and ROUNDPS and kin. */
#include "cpu/vec_fp.h"

#include <math.h>

enum rounding { BY_MXCSR = 4, TRUNCATE = 3 }; /* an RC field, or MXCSR's */

/* x rounded to an integral value by the host's mode; `inexact` if that changed it. */
static double integral(double x, bool *inexact)
{
    volatile double from = x, to = rint(from);

    *inexact = to != from;
    return to;
}

/* Lane v as a signed integer of `bits`; the integer indefinite and IE if it has none. No
 * denormal exception is raised. */
static int64_t to_int(struct vec_fp *fp, const struct vec_fmt *f, uint64_t v, unsigned bits,
                      enum rounding how)
{
    const double limit = bits == 32 ? 0x1p31 : 0x1p63;
    const int64_t indefinite = bits == 32 ? INT32_MIN : INT64_MIN;
    bool inexact;
    double x;

    v = vec_fp_operand(fp, f, v);
    vec_host_round(how == BY_MXCSR ? fp->mxcsr >> MXCSR_RC_POS : how);
    if (vec_fp_is_nan(f, v) || vec_fp_is_inf(f, v)) {
        fp->pre |= MXCSR_IE;
        return indefinite;
    }
    x = integral(vec_fp_value(f, v), &inexact);
    if (x < -limit || x >= limit) {
        fp->pre |= MXCSR_IE;
        return indefinite;
    }
    fp->post |= inexact ? MXCSR_PE : 0;
    return (int64_t)x;
}

static void to_int32s(struct vec_env *env, union vec *d, const union vec *s,
                      const struct vec_fmt *f, unsigned n, bool mmx, enum rounding how)
{
    struct vec_fp fp;
    union vec r = *d;

    vec_fp_begin(&fp, env);
    if (!mmx)
        r.u64[1] = 0;
    for (unsigned i = 0; i < n; i++)
        r.s32[i] = (int32_t)to_int(&fp, f, vec_fp_lane(f, s, i), 32, how);
    if (vec_fp_end(&fp, env))
        *d = r;
}

#define TO_INT32S(name, f, n, mmx, how)                                                        \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        to_int32s(env, d, s, &f, n, mmx, how);                                                 \
    }

/* clang-format off */
TO_INT32S(cvtps2dq, vec_f32, 4, false, BY_MXCSR)
TO_INT32S(cvttps2dq, vec_f32, 4, false, TRUNCATE)
TO_INT32S(cvtpd2dq, vec_f64, 2, false, BY_MXCSR)
TO_INT32S(cvttpd2dq, vec_f64, 2, false, TRUNCATE)
TO_INT32S(cvtps2pi, vec_f32, 2, true, BY_MXCSR)
TO_INT32S(cvttps2pi, vec_f32, 2, true, TRUNCATE)
TO_INT32S(cvtpd2pi, vec_f64, 2, true, BY_MXCSR)
TO_INT32S(cvttpd2pi, vec_f64, 2, true, TRUNCATE)
/* clang-format on */

static void to_gpr(struct vec_env *env, const union vec *s, const struct vec_fmt *f,
                   unsigned bits, enum rounding how)
{
    struct vec_fp fp;
    int64_t v;

    vec_fp_begin(&fp, env);
    v = to_int(&fp, f, vec_fp_lane(f, s, 0), bits, how);
    if (vec_fp_end(&fp, env))
        env->gpr = bits == 32 ? (uint32_t)v : (uint64_t)v;
}

#define TO_GPR(name, f, bits, how)                                                             \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        to_gpr(env, s, &f, bits, how);                                                         \
    }

/* clang-format off */
TO_GPR(cvtss2si, vec_f32, 32, BY_MXCSR)
TO_GPR(cvtss2si_q, vec_f32, 64, BY_MXCSR)
TO_GPR(cvttss2si, vec_f32, 32, TRUNCATE)
TO_GPR(cvttss2si_q, vec_f32, 64, TRUNCATE)
TO_GPR(cvtsd2si, vec_f64, 32, BY_MXCSR)
TO_GPR(cvtsd2si_q, vec_f64, 64, BY_MXCSR)
TO_GPR(cvttsd2si, vec_f64, 32, TRUNCATE)
TO_GPR(cvttsd2si_q, vec_f64, 64, TRUNCATE)
/* clang-format on */

/* Volatile keeps the conversions between the flag calls. */
static uint64_t from_int(struct vec_fp *fp, const struct vec_fmt *f, int64_t from)
{
    volatile int64_t v = from;
    union vec u = {0};

    vec_host_clear();
    if (f->bits == 32) {
        volatile float r = (float)v;
        u.f32[0] = r;
    } else {
        volatile double r = (double)v;
        u.f64[0] = r;
    }
    if (vec_host_inexact())
        fp->post |= MXCSR_PE;
    return u.u64[0];
}

static void from_int32s(struct vec_env *env, union vec *d, const union vec *s,
                        const struct vec_fmt *f, unsigned n)
{
    struct vec_fp fp;
    union vec r = *d;

    vec_fp_begin(&fp, env);
    for (unsigned i = 0; i < n; i++)
        vec_fp_set_lane(f, &r, i, from_int(&fp, f, s->s32[i]));
    if (vec_fp_end(&fp, env))
        *d = r;
}

#define FROM_INT32S(name, f, n)                                                                \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        from_int32s(env, d, s, &f, n);                                                         \
    }

/* clang-format off */
FROM_INT32S(cvtdq2ps, vec_f32, 4)
FROM_INT32S(cvtdq2pd, vec_f64, 2)
FROM_INT32S(cvtpi2ps, vec_f32, 2)
FROM_INT32S(cvtpi2pd, vec_f64, 2)
/* clang-format on */

static void from_gpr(struct vec_env *env, union vec *d, const struct vec_fmt *f, int64_t v)
{
    struct vec_fp fp;
    uint64_t r;

    vec_fp_begin(&fp, env);
    r = from_int(&fp, f, v);
    if (vec_fp_end(&fp, env))
        vec_fp_set_lane(f, d, 0, r);
}

void vec_cvtsi2ss(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    from_gpr(env, d, &vec_f32, (int32_t)env->gpr);
}

void vec_cvtsi2ss_q(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    from_gpr(env, d, &vec_f32, (int64_t)env->gpr);
}

void vec_cvtsi2sd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    from_gpr(env, d, &vec_f64, (int32_t)env->gpr);
}

void vec_cvtsi2sd_q(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    from_gpr(env, d, &vec_f64, (int64_t)env->gpr);
}

/* A NaN keeps its sign and the top of its fraction. */
static uint64_t widen(struct vec_fp *fp, uint64_t v)
{
    uint64_t r;

    v = vec_fp_operand(fp, &vec_f32, v);
    if (vec_fp_nan2(fp, &vec_f32, v, v, &r))
        return r >> 31 << 63 | vec_fp_inf(&vec_f64) | (r & 0x7fffff) << 29;
    vec_fp_note_denormal(fp, &vec_f32, v);
    return vec_fp_bits(&vec_f64, vec_fp_value(&vec_f32, v));
}

static uint64_t narrow(struct vec_fp *fp, uint64_t v)
{
    uint64_t r;

    v = vec_fp_operand(fp, &vec_f64, v);
    if (vec_fp_nan2(fp, &vec_f64, v, v, &r))
        return r >> 63 << 31 | vec_fp_inf(&vec_f32) | (r >> 29 & 0x7fffff);
    vec_fp_note_denormal(fp, &vec_f64, v);
    return vec_fp_narrow(fp, &vec_f32, vec_fp_value(&vec_f64, v));
}

static void cvt_ps2pd(struct vec_env *env, union vec *d, const union vec *s, unsigned n)
{
    struct vec_fp fp;
    union vec r = *d;

    vec_fp_begin(&fp, env);
    for (unsigned i = 0; i < n; i++)
        r.u64[i] = widen(&fp, s->u32[i]);
    if (vec_fp_end(&fp, env))
        *d = r;
}

void vec_cvtps2pd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    cvt_ps2pd(env, d, s, 2);
}

void vec_cvtss2sd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    cvt_ps2pd(env, d, s, 1);
}

static void cvt_pd2ps(struct vec_env *env, union vec *d, const union vec *s, unsigned n)
{
    struct vec_fp fp;
    union vec r = *d;

    vec_fp_begin(&fp, env);
    if (n > 1)
        r.u64[1] = 0;
    for (unsigned i = 0; i < n; i++)
        r.u32[i] = (uint32_t)narrow(&fp, s->u64[i]);
    if (vec_fp_end(&fp, env))
        *d = r;
}

void vec_cvtpd2ps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    cvt_pd2ps(env, d, s, 2);
}

void vec_cvtsd2ss(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    cvt_pd2ps(env, d, s, 1);
}

/* imm[1:0] is the RC field unless imm[2] says MXCSR's; imm[3] suppresses PE. There is no
 * denormal exception. */
static uint64_t lane_round(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    bool inexact;
    uint64_t r;

    b = vec_fp_operand(fp, f, b);
    if (vec_fp_nan2(fp, f, b, b, &r))
        return r;
    if (vec_fp_is_inf(f, b))
        return b;
    vec_host_round(fp->imm & 4 ? fp->mxcsr >> MXCSR_RC_POS : fp->imm);
    r = vec_fp_bits(f, integral(vec_fp_value(f, b), &inexact));
    if (inexact && !(fp->imm & 8))
        fp->post |= MXCSR_PE;
    return r;
}

VEC_FP_FORMS(round, lane_round)
