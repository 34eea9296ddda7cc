/* SPDX-License-Identifier: MIT
 * FMA: multiply and add with one rounding (SDM volume 1 section 14.5), and F16C. */
#include <math.h>
#include <string.h>

#include "cpu/vec_fp.h"

/* x * y + z in the format, rounded once. Volatile keeps it between the flag calls. */
static double host_fma(const struct vec_fmt *f, double x, double y, double z)
{
    if (f->bits == 32) {
        volatile float a = (float)x, b = (float)y, c = (float)z, r;

        r = fmaf(a, b, c);
        return r;
    }
    volatile double a = x, b = y, c = z, r;

    r = fma(a, b, c);
    return r;
}

/* The exponent that the result would have were it unlimited, and whether it is inexact then.
 * An addend or product too small to matter beside the other is kept as a sticky bit. */
static int unbounded(const struct vec_fmt *f, double x, double y, double z, bool *inexact)
{
    const int far = f->bits == 32 ? 60 : 300;
    int ex, ey, ez, er, base;
    double mx = frexp(x, &ex), my = frexp(y, &ey), mz = frexp(z, &ez), r;

    *inexact = false;
    if (x == 0 || y == 0)
        return ez;
    base = ex + ey;
    vec_host_clear();
    if (z == 0) {
        r = host_fma(f, mx, my, 0);
    } else if (ez - base > far) {
        r = host_fma(f, mx, ldexp(my, -far), mz);
        base = ez;
    } else {
        r = host_fma(f, mx, my, ldexp(mz, ez - base < -far ? -far : ez - base));
    }
    *inexact = vec_host_inexact();
    frexp(r, &er);
    return base + er;
}

static uint64_t compute(struct vec_fp *fp, const struct vec_fmt *f, double x, double y, double z)
{
    bool inexact, inexact_unbounded;
    uint64_t r, size;
    int exp;

    vec_host_clear();
    r = vec_fp_bits(f, host_fma(f, x, y, z));
    inexact = vec_host_inexact();
    size = vec_fp_abs(f, r);
    if ((size > 1ull << f->frac_bits && size < vec_fp_inf(f) - 1) || (!size && !inexact)) {
        fp->post |= inexact ? MXCSR_PE : 0;
        return r;
    }
    exp = unbounded(f, x, y, z, &inexact_unbounded);
    return vec_fp_edge(fp, f, r, inexact, exp, inexact_unbounded);
}

static uint64_t indefinite(struct vec_fp *fp, const struct vec_fmt *f)
{
    fp->pre |= MXCSR_IE;
    return vec_fp_indefinite(f);
}

/* NaN rule: the multiplicand's, else the multiplier's, else the addend's. */
static bool nan3(struct vec_fp *fp, const struct vec_fmt *f, const uint64_t v[3], uint64_t *r)
{
    bool any = false;

    for (unsigned i = 3; i-- > 0;) {
        if (!vec_fp_is_nan(f, v[i]))
            continue;
        any = true;
        *r = v[i] | vec_fp_quiet(f);
        if (vec_fp_is_snan(f, v[i]))
            fp->pre |= MXCSR_IE;
    }
    return any;
}

/* v: multiplicand, multiplier, addend. */
static uint64_t lane(struct vec_fp *fp, const struct vec_fmt *f, uint64_t v[3], bool neg_product,
                     bool neg_addend)
{
    uint64_t r = 0, sign = vec_fp_sign(f), product;
    bool inf;

    for (unsigned i = 0; i < 3; i++)
        v[i] = vec_fp_operand(fp, f, v[i]);
    inf = vec_fp_is_inf(f, v[0]) || vec_fp_is_inf(f, v[1]);
    if (nan3(fp, f, v, &r))
        return r;
    if (inf && (vec_fp_is_zero(f, v[0]) || vec_fp_is_zero(f, v[1])))
        return indefinite(fp, f);
    v[0] ^= neg_product ? sign : 0;
    v[2] ^= neg_addend ? sign : 0;
    product = (v[0] ^ v[1]) & sign;
    if (inf && vec_fp_is_inf(f, v[2]) && product != (v[2] & sign))
        return indefinite(fp, f);
    for (unsigned i = 0; i < 3; i++)
        vec_fp_note_denormal(fp, f, v[i]);
    if (inf)
        return product | vec_fp_inf(f);
    if (vec_fp_is_inf(f, v[2]))
        return v[2];
    return compute(fp, f, vec_fp_value(f, v[0]), vec_fp_value(f, v[1]), vec_fp_value(f, v[2]));
}

enum { NEG_PRODUCT = 1, NEG_ADDEND = 2, NEG_EVEN = 4, NEG_ODD = 8 };

/* order: which of destination (1), vvvv (2), source (3) are multiplicand, multiplier, addend. */
static void multiply_add(struct vec_env *env, union vec *d, const union vec *s,
                         const struct vec_fmt *f, unsigned n, unsigned order, unsigned neg)
{
    const union vec old = *d, *from[4] = {NULL, &old, env->src1, s};
    const uint8_t at[3] = {(uint8_t)(order / 100), (uint8_t)(order / 10 % 10),
                           (uint8_t)(order % 10)};
    union vec r = *d;
    struct vec_fp fp;

    vec_fp_begin(&fp, env);
    for (unsigned i = 0; i < n; i++) {
        bool sub = neg & NEG_ADDEND || neg & (i & 1 ? NEG_ODD : NEG_EVEN);
        uint64_t v[3];

        for (unsigned k = 0; k < 3; k++)
            v[k] = vec_fp_lane(f, from[at[k]], i);
        vec_fp_set_lane(f, &r, i, lane(&fp, f, v, neg & NEG_PRODUCT, sub));
    }
    if (vec_fp_end(&fp, env))
        *d = r;
}

#define FMA(name, fmt, n, order, neg)                                                          \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        multiply_add(env, d, s, &fmt, n, order, neg);                                          \
    }
#define FMA_PACKED(name, neg)                                                                  \
    FMA(name##132ps, vec_f32, env->bytes / 4, 132, neg)                                        \
    FMA(name##132pd, vec_f64, env->bytes / 8, 132, neg)                                        \
    FMA(name##213ps, vec_f32, env->bytes / 4, 213, neg)                                        \
    FMA(name##213pd, vec_f64, env->bytes / 8, 213, neg)                                        \
    FMA(name##231ps, vec_f32, env->bytes / 4, 231, neg)                                        \
    FMA(name##231pd, vec_f64, env->bytes / 8, 231, neg)
#define FMA_ALL(name, neg)                                                                     \
    FMA_PACKED(name, neg)                                                                      \
    FMA(name##132ss, vec_f32, 1, 132, neg)                                                     \
    FMA(name##132sd, vec_f64, 1, 132, neg)                                                     \
    FMA(name##213ss, vec_f32, 1, 213, neg)                                                     \
    FMA(name##213sd, vec_f64, 1, 213, neg)                                                     \
    FMA(name##231ss, vec_f32, 1, 231, neg)                                                     \
    FMA(name##231sd, vec_f64, 1, 231, neg)
/* clang-format off */
FMA_ALL(vfmadd, 0)
FMA_ALL(vfmsub, NEG_ADDEND)
FMA_ALL(vfnmadd, NEG_PRODUCT)
FMA_ALL(vfnmsub, NEG_PRODUCT | NEG_ADDEND)
FMA_PACKED(vfmaddsub, NEG_EVEN)
FMA_PACKED(vfmsubadd, NEG_ODD)
/* clang-format on */

/* ---- half precision ---- */

/* Exact; no denormal exception, DAZ does not count. */
static uint32_t half_to_single(struct vec_fp *fp, uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, frac = h & 0x3ff;

    if (exp == 31) {
        if (frac && !(frac & 0x200)) {
            fp->pre |= MXCSR_IE;
            frac |= 0x200;
        }
        return sign | 0x7f800000 | frac << 13;
    }
    if (exp == 0) {
        if (!frac)
            return sign;
        for (exp = 1; !(frac & 0x400); exp--)
            frac <<= 1;
        frac &= 0x3ff;
    }
    return sign | (exp + 112) << 23 | frac << 13;
}

/* m without its low n bits, rounded; sets *inexact when they were not 0. */
static uint32_t round_off(uint32_t m, unsigned n, unsigned rc, bool negative, bool *inexact)
{
    uint32_t low, half, q;

    if (n > 25) {
        n = 26; /* below half of the last place: just not 0 */
        m = m != 0;
    }
    low = m & ((1u << n) - 1);
    half = n ? 1u << (n - 1) : 0;
    q = m >> n;
    *inexact = low != 0;
    if (!low)
        return q;
    switch (rc) {
    case 0: return q + (low > half || (low == half && q & 1));
    case 1: return q + negative;
    case 2: return q + !negative;
    default: return q;
    }
}

/* FTZ does not count. */
static uint16_t single_to_half(struct vec_fp *fp, uint32_t v, unsigned rc)
{
    uint16_t sign = (uint16_t)(v >> 16 & 0x8000);
    uint32_t m, q, size;
    bool inexact, inexact_unbounded, tiny;
    int exp;

    v = (uint32_t)vec_fp_operand(fp, &vec_f32, v);
    size = v & 0x7fffffff;
    if (size > 0x7f800000) {
        fp->pre |= size & 0x400000 ? 0 : MXCSR_IE;
        return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x3ff));
    }
    if (size == 0x7f800000 || !size)
        return (uint16_t)(sign | (size ? 0x7c00 : 0));
    vec_fp_note_denormal(fp, &vec_f32, v);
    exp = (int)(size >> 23) - 127; /* of the leading bit, for normal values */
    for (m = exp == -127 ? size << 1 : (size & 0x7fffff) | 0x800000; !(m >> 23); m <<= 1)
        exp--;
    q = round_off(m, 13, rc, sign, &inexact_unbounded); /* with unlimited exponent */
    tiny = exp + (q >> 11 ? 1 : 0) < -14;
    q = round_off(m, exp < -14 ? (unsigned)(13 - 14 - exp) : 13, rc, sign, &inexact);
    if (exp < -14)
        exp = -14;
    size = (uint32_t)((exp + 14) << 10) + q; /* a carry goes into the exponent */
    if (size >= 0x7c00) {
        bool to_max = rc == 3 || (rc == 1 && !sign) || (rc == 2 && sign);

        fp->post |= MXCSR_OE;
        if (inexact || fp->mxcsr & MXCSR_OE << MXCSR_MASK_POS)
            fp->post |= MXCSR_PE;
        return (uint16_t)(sign | (to_max ? 0x7bff : 0x7c00));
    }
    if (tiny && !(fp->mxcsr & MXCSR_UE << MXCSR_MASK_POS)) {
        fp->post |= MXCSR_UE;
        inexact = inexact_unbounded;
    } else if (tiny && inexact) {
        fp->post |= MXCSR_UE;
    }
    fp->post |= inexact ? MXCSR_PE : 0;
    return (uint16_t)(sign | size);
}

void vec_vcvtph2ps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    struct vec_fp fp;
    union vec r = *d;

    vec_fp_begin(&fp, env);
    for (unsigned i = 0; i < env->bytes / 4; i++)
        r.u32[i] = half_to_single(&fp, s->u16[i]);
    if (vec_fp_end(&fp, env))
        *d = r;
}

void vec_vcvtps2ph(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    unsigned rc = imm & 4 ? env->mxcsr >> MXCSR_RC_POS & 3 : imm & 3;
    struct vec_fp fp;
    union vec r = {0};

    vec_fp_begin(&fp, env);
    for (unsigned i = 0; i < env->bytes / 4; i++)
        r.u16[i] = single_to_half(&fp, s->u32[i], rc);
    if (vec_fp_end(&fp, env))
        *d = r;
}
