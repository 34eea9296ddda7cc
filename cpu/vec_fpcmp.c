/* SPDX-License-Identifier: MIT
 * SSE floating-point comparison: MIN, MAX, CMP, COMIS, UCOMIS. */
#include "cpu/vec_fp.h"

enum order { LESS, EQUAL, GREATER, UNORDERED };

/* Compares operands after DAZ. Records IE for a NaN (any, or only a signalling one) and
 * otherwise DE for a denormal. */
static enum order compare(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b,
                          bool any_nan)
{
    double x, y;

    if (vec_fp_is_nan(f, a) || vec_fp_is_nan(f, b)) {
        if (any_nan || vec_fp_is_snan(f, a) || vec_fp_is_snan(f, b))
            fp->pre |= MXCSR_IE;
        return UNORDERED;
    }
    vec_fp_note_denormal(fp, f, a);
    vec_fp_note_denormal(fp, f, b);
    x = vec_fp_value(f, a);
    y = vec_fp_value(f, b);
    return x < y ? LESS : x > y ? GREATER : EQUAL;
}

/* The second operand wins when equal or when either is a NaN; it is not quieted. */
static uint64_t lane_min(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    a = vec_fp_operand(fp, f, a);
    b = vec_fp_operand(fp, f, b);
    return compare(fp, f, a, b, true) == LESS ? a : b;
}

static uint64_t lane_max(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    a = vec_fp_operand(fp, f, a);
    b = vec_fp_operand(fp, f, b);
    return compare(fp, f, a, b, true) == GREATER ? a : b;
}

/* Predicates 0 to 7: EQ LT LE UNORD NEQ NLT NLE ORD. The upper four negate the lower. */
static uint64_t lane_cmp(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    const unsigned base = fp->imm & 3;
    enum order o;
    bool yes;

    a = vec_fp_operand(fp, f, a);
    b = vec_fp_operand(fp, f, b);
    o = compare(fp, f, a, b, base == 1 || base == 2);
    switch (base) {
    case 0: yes = o == EQUAL; break;
    case 1: yes = o == LESS; break;
    case 2: yes = o == LESS || o == EQUAL; break;
    default: yes = o == UNORDERED; break;
    }
    return yes != (fp->imm >> 2 & 1) ? ~0ull : 0;
}

/* VEX predicates: 8 to 15 take unordered the other way round, the upper 16 signal the other
 * way round. */
static uint64_t lane_vcmp(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    const unsigned base = fp->imm & 3;
    const bool signals = base == 1 || base == 2;
    enum order o;
    bool yes;

    a = vec_fp_operand(fp, f, a);
    b = vec_fp_operand(fp, f, b);
    o = compare(fp, f, a, b, signals != (fp->imm >> 4 & 1));
    switch (base) {
    case 0: yes = o == EQUAL; break;
    case 1: yes = o == LESS; break;
    case 2: yes = o == LESS || o == EQUAL; break;
    default: yes = o == UNORDERED; break;
    }
    if (fp->imm >> 3 & 1)
        yes = base == 3 ? false : yes || o == UNORDERED;
    return yes != (fp->imm >> 2 & 1) ? ~0ull : 0;
}

/* clang-format off */
VEC_FP_FORMS(min, lane_min)
VEC_FP_FORMS(max, lane_max)
VEC_FP_FORMS(cmp, lane_cmp)
VEC_FP_FORMS(vcmp, lane_vcmp)
/* clang-format on */

static void comis(struct vec_env *env, const union vec *d, const union vec *s,
                  const struct vec_fmt *f, bool any_nan)
{
    struct vec_fp fp;
    enum order o;

    vec_fp_begin(&fp, env);
    o = compare(&fp, f, vec_fp_operand(&fp, f, vec_fp_lane(f, d, 0)),
                vec_fp_operand(&fp, f, vec_fp_lane(f, s, 0)), any_nan);
    if (!vec_fp_end(&fp, env))
        return;
    env->zf = o == EQUAL || o == UNORDERED;
    env->pf = o == UNORDERED;
    env->cf = o == LESS || o == UNORDERED;
    env->sf = env->of = env->af = 0;
}

void vec_comiss(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    comis(env, d, s, &vec_f32, true);
}

void vec_comisd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    comis(env, d, s, &vec_f64, true);
}

void vec_ucomiss(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    comis(env, d, s, &vec_f32, false);
}

void vec_ucomisd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    comis(env, d, s, &vec_f64, false);
}
