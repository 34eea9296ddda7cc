/* SPDX-License-Identifier: MIT
 * SSE floating point across lanes (horizontal add, dot product), alternating add and
 * subtract, and the reciprocal approximations. */
#include "cpu/vec_fp.h"

#include <math.h>

static void horizontal(struct vec_env *env, union vec *d, const union vec *s,
                       const struct vec_fmt *f, vec_lane_fn *fn)
{
    const unsigned half = 64 / f->bits;
    struct vec_fp fp;
    union vec r = *d;

    vec_fp_begin(&fp, env);
    for (unsigned i = 0; i < 2 * half; i++) {
        const union vec *v = i < half ? d : s;
        unsigned at = 2 * (i % half);
        vec_fp_set_lane(f, &r, i, fn(&fp, f, vec_fp_lane(f, v, at), vec_fp_lane(f, v, at + 1)));
    }
    if (vec_fp_end(&fp, env))
        *d = r;
}

void vec_haddps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    horizontal(env, d, s, &vec_f32, vec_fp_add);
}

void vec_haddpd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    horizontal(env, d, s, &vec_f64, vec_fp_add);
}

void vec_hsubps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    horizontal(env, d, s, &vec_f32, vec_fp_sub);
}

void vec_hsubpd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    horizontal(env, d, s, &vec_f64, vec_fp_sub);
}

static void addsub(struct vec_env *env, union vec *d, const union vec *s,
                   const struct vec_fmt *f)
{
    struct vec_fp fp;
    union vec r = *d;

    vec_fp_begin(&fp, env);
    for (unsigned i = 0; i < 128 / f->bits; i++) {
        vec_lane_fn *fn = i & 1 ? vec_fp_add : vec_fp_sub;
        vec_fp_set_lane(f, &r, i, fn(&fp, f, vec_fp_lane(f, d, i), vec_fp_lane(f, s, i)));
    }
    if (vec_fp_end(&fp, env))
        *d = r;
}

void vec_addsubps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    addsub(env, d, s, &vec_f32);
}

void vec_addsubpd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    addsub(env, d, s, &vec_f64);
}

/* Products chosen by imm[7:4], summed pairwise in each of `lanes` 128-bit lanes; imm[3:0]
 * chooses where the sum goes. An unmasked exception ends the instruction after the step it
 * arose in, in both lanes. */
static void dot(struct vec_env *env, union vec *d, const union vec *s, unsigned imm,
                const struct vec_fmt *f, unsigned lanes)
{
    const unsigned n = 128 / f->bits, all = n * lanes;
    uint64_t t[8] = {0};
    struct vec_fp fp;
    union vec r = *d;
    bool ok;

    vec_fp_begin(&fp, env);
    for (unsigned i = 0; i < all; i++) {
        if (imm >> (4 + i % n) & 1)
            t[i] = vec_fp_mul(&fp, f, vec_fp_lane(f, d, i), vec_fp_lane(f, s, i));
    }
    ok = vec_fp_step(&fp, env);
    for (unsigned step = 1; ok && step < n; step *= 2) {
        for (unsigned i = 0; i < all; i += 2 * step)
            t[i] = vec_fp_add(&fp, f, t[i], t[i + step]);
        ok = vec_fp_step(&fp, env);
    }
    for (unsigned i = 0; i < all; i++)
        vec_fp_set_lane(f, &r, i, imm >> i % n & 1 ? t[i / n * n] : 0);
    if (vec_fp_end(&fp, env) && ok)
        *d = r;
}

void vec_dpps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    dot(env, d, s, imm, &vec_f32, 1);
}

void vec_dppd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    dot(env, d, s, imm, &vec_f64, 1);
}

void vec_vdpps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    union vec r = *env->src1;

    dot(env, &r, s, imm, &vec_f32, env->bytes / 16);
    if (!env->fault)
        *d = r;
}

/* RCPPS and RSQRTPS raise nothing and ignore MXCSR. The manual bounds the relative error
 * by 1.5 * 2^-12 but leaves the bits to the model, so an x86 host's own answer is given. */
#if defined(__x86_64__) && !defined(VEC_HOST_FENV)
static uint32_t approximate_rcp(uint32_t v)
{
    union vec u = {.u32 = {v}};

    __asm__("rcpss %0, %0" : "+x"(u.f32[0]));
    return u.u32[0];
}

static uint32_t approximate_rsqrt(uint32_t v)
{
    union vec u = {.u32 = {v}};

    __asm__("rsqrtss %0, %0" : "+x"(u.f32[0]));
    return u.u32[0];
}
#else
/* Elsewhere: the exact value cut to 12 bits of fraction (error below 2^-12). Denormal
 * operands count as zero and denormal results become zero, as the manual has it. */
static uint32_t cut(double x)
{
    union vec u = {.f32 = {(float)x}};

    u.u32[0] &= ~0x7ffu;
    if (vec_fp_is_denormal(&vec_f32, u.u32[0]))
        u.u32[0] &= 0x80000000u;
    return u.u32[0];
}

static uint32_t approximate_rcp(uint32_t v)
{
    if (vec_fp_is_nan(&vec_f32, v))
        return v | 0x400000u;
    if (vec_fp_is_denormal(&vec_f32, v) || vec_fp_is_zero(&vec_f32, v))
        return (v & 0x80000000u) | 0x7f800000u;
    return cut(1 / vec_fp_value(&vec_f32, v));
}

static uint32_t approximate_rsqrt(uint32_t v)
{
    if (vec_fp_is_nan(&vec_f32, v))
        return v | 0x400000u;
    if (vec_fp_is_denormal(&vec_f32, v) || vec_fp_is_zero(&vec_f32, v))
        return (v & 0x80000000u) | 0x7f800000u;
    if (v >> 31)
        return 0xffc00000u;
    return cut(1 / sqrt(vec_fp_value(&vec_f32, v)));
}
#endif

#define APPROXIMATE(name, fn, n)                                                               \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        for (unsigned i = 0; i < (n); i++)                                                     \
            d->u32[i] = fn(s->u32[i]);                                                         \
    }

/* clang-format off */
APPROXIMATE(rcpps, approximate_rcp, 4)
APPROXIMATE(rcpss, approximate_rcp, 1)
APPROXIMATE(rsqrtps, approximate_rsqrt, 4)
APPROXIMATE(rsqrtss, approximate_rsqrt, 1)
/* clang-format on */
