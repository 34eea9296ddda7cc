/* SPDX-License-Identifier: MIT
 * SSE floating-point arithmetic: add, subtract, multiply, divide, square root, with NaN
 * rules, DAZ, FTZ and exceptions of SDM volume 1 sections 4.8, 4.9, 11.5. */
#include "cpu/vec_fp.h"

#include <math.h>
#include <string.h>

const struct vec_fmt vec_f32 = {32, 23, -125, 128};
const struct vec_fmt vec_f64 = {64, 52, -1021, 1024};

void vec_fp_begin(struct vec_fp *fp, const struct vec_env *env)
{
    memset(fp, 0, sizeof(*fp));
    fp->mxcsr = env->mxcsr;
    vec_host_save(&fp->host);
    vec_host_round(env->mxcsr >> MXCSR_RC_POS);
}

bool vec_fp_step(struct vec_fp *fp, struct vec_env *env)
{
    const unsigned unmasked = ~env->mxcsr >> MXCSR_MASK_POS & MXCSR_FLAGS;
    const bool fault = (fp->pre | fp->post) & unmasked;

    env->mxcsr |= fp->pre;
    if (!(fp->pre & unmasked))
        env->mxcsr |= fp->post;
    if (fault)
        env->fault = true;
    fp->pre = fp->post = 0;
    return !fault;
}

bool vec_fp_end(struct vec_fp *fp, struct vec_env *env)
{
    vec_host_restore(&fp->host);
    return vec_fp_step(fp, env);
}

void vec_fp_map(struct vec_env *env, union vec *d, const union vec *s, const struct vec_fmt *f,
                vec_lane_fn *fn, unsigned n, unsigned imm)
{
    struct vec_fp fp;
    union vec r = *d;

    vec_fp_begin(&fp, env);
    fp.imm = imm;
    for (unsigned i = 0; i < n; i++)
        vec_fp_set_lane(f, &r, i, fn(&fp, f, vec_fp_lane(f, d, i), vec_fp_lane(f, s, i)));
    if (vec_fp_end(&fp, env))
        *d = r;
}

double vec_fp_value(const struct vec_fmt *f, uint64_t v)
{
    union vec u = {.u64 = {v}};

    return f->bits == 32 ? (double)u.f32[0] : u.f64[0];
}

uint64_t vec_fp_bits(const struct vec_fmt *f, double x)
{
    union vec u = {0};

    if (f->bits == 32)
        u.f32[0] = (float)x;
    else
        u.f64[0] = x;
    return u.u64[0];
}

bool vec_fp_nan2(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b,
                 uint64_t *result)
{
    if (!vec_fp_is_nan(f, a) && !vec_fp_is_nan(f, b))
        return false;
    if (vec_fp_is_snan(f, a) || vec_fp_is_snan(f, b))
        fp->pre |= MXCSR_IE;
    *result = (vec_fp_is_nan(f, a) ? a : b) | vec_fp_quiet(f);
    return true;
}

static uint64_t invalid(struct vec_fp *fp, const struct vec_fmt *f)
{
    fp->pre |= MXCSR_IE;
    return vec_fp_indefinite(f);
}

/* One operation on host doubles. Volatile keeps it between the flag calls. */
enum op { OP_NONE, OP_ADD, OP_MUL, OP_DIV, OP_SQRT };

static double host_op(enum op op, double a, double b)
{
    volatile double x = a, y = b, r;

    switch (op) {
    case OP_ADD: r = x + y; break;
    case OP_MUL: r = x * y; break;
    case OP_DIV: r = x / y; break;
    case OP_SQRT: r = sqrt(x); break;
    default: r = x; break;
    }
    return r;
}

static double host_float(double x)
{
    volatile double from = x;
    volatile float to = (float)from;

    return to;
}

/* The operation with f's precision but unlimited exponent: returns the result's exponent
 * (as frexp) and whether it is inexact. Needed only near the ends of f's range. */
static int unbounded(const struct vec_fmt *f, enum op op, double x, double y, bool *inexact)
{
    int ex = 0, ey = 0, er = 0;
    double r;

    if (op == OP_ADD) {
        /* Tiny sums are exact, so only the top of the range needs room. What the smaller
         * operand loses here it would have lost in the sum: inexact either way. */
        bool big = fabs(x) > 1 || fabs(y) > 1;
        ex = big ? 2 : 0;
        vec_host_clear();
        r = host_op(op, host_op(OP_MUL, x, big ? 0.25 : 1), host_op(OP_MUL, y, big ? 0.25 : 1));
    } else {
        x = frexp(x, &ex);
        y = op == OP_NONE ? y : frexp(y, &ey);
        ex += op == OP_DIV ? -ey : ey;
        vec_host_clear();
        r = host_op(op, x, y);
    }
    r = frexp(r, &er);
    if (f->bits == 32) {
        int again;
        r = frexp(host_float(r), &again);
        er += again;
    }
    *inexact = vec_host_inexact();
    return ex + er;
}

uint64_t vec_fp_edge(struct vec_fp *fp, const struct vec_fmt *f, uint64_t r, bool inexact,
                     int exp, bool inexact_unbounded)
{
    if (exp > f->max_exp) {
        bool masked = fp->mxcsr & MXCSR_OE << MXCSR_MASK_POS;
        fp->post |= MXCSR_OE | (masked || inexact_unbounded ? MXCSR_PE : 0);
        return r;
    }
    if (exp < f->min_exp) {
        if (!(fp->mxcsr & MXCSR_UE << MXCSR_MASK_POS)) {
            fp->post |= MXCSR_UE | (inexact_unbounded ? MXCSR_PE : 0);
            return r;
        }
        if (fp->mxcsr & MXCSR_FTZ) {
            fp->post |= MXCSR_UE | MXCSR_PE;
            return r & vec_fp_sign(f);
        }
        fp->post |= inexact ? MXCSR_UE | MXCSR_PE : 0;
        return r;
    }
    fp->post |= inexact ? MXCSR_PE : 0;
    return r;
}

/* x op y for finite operands whose exact result is defined. */
static uint64_t compute(struct vec_fp *fp, const struct vec_fmt *f, enum op op, double x,
                        double y)
{
    const uint64_t min_normal = 1ull << f->frac_bits;
    bool inexact, inexact_unbounded;
    uint64_t r, size;
    double v;
    int exp;

    vec_host_clear();
    v = host_op(op, x, y);
    if (f->bits == 32)
        v = host_float(v);
    inexact = vec_host_inexact();
    r = vec_fp_bits(f, v);
    size = vec_fp_abs(f, r);
    if ((size > min_normal && size < vec_fp_inf(f) - 1) || (!size && !inexact)) {
        fp->post |= inexact ? MXCSR_PE : 0;
        return r;
    }
    exp = unbounded(f, op, x, y, &inexact_unbounded);
    return vec_fp_edge(fp, f, r, inexact, exp, inexact_unbounded);
}

uint64_t vec_fp_narrow(struct vec_fp *fp, const struct vec_fmt *f, double x)
{
    return isinf(x) ? vec_fp_bits(f, x) : compute(fp, f, OP_NONE, x, 0);
}

static uint64_t add(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b,
                    uint64_t flip)
{
    uint64_t r;

    a = vec_fp_operand(fp, f, a);
    b = vec_fp_operand(fp, f, b);
    if (vec_fp_nan2(fp, f, a, b, &r))
        return r;
    b ^= flip;
    if (vec_fp_is_inf(f, a) && vec_fp_is_inf(f, b) && a != b)
        return invalid(fp, f);
    vec_fp_note_denormal(fp, f, a);
    vec_fp_note_denormal(fp, f, b);
    if (vec_fp_is_inf(f, a) || vec_fp_is_inf(f, b))
        return vec_fp_is_inf(f, a) ? a : b;
    return compute(fp, f, OP_ADD, vec_fp_value(f, a), vec_fp_value(f, b));
}

uint64_t vec_fp_add(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    return add(fp, f, a, b, 0);
}

uint64_t vec_fp_sub(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    return add(fp, f, a, b, vec_fp_sign(f));
}

uint64_t vec_fp_mul(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    uint64_t r;

    a = vec_fp_operand(fp, f, a);
    b = vec_fp_operand(fp, f, b);
    if (vec_fp_nan2(fp, f, a, b, &r))
        return r;
    if ((vec_fp_is_inf(f, a) && vec_fp_is_zero(f, b)) ||
        (vec_fp_is_zero(f, a) && vec_fp_is_inf(f, b)))
        return invalid(fp, f);
    vec_fp_note_denormal(fp, f, a);
    vec_fp_note_denormal(fp, f, b);
    r = (a ^ b) & vec_fp_sign(f);
    if (vec_fp_is_inf(f, a) || vec_fp_is_inf(f, b))
        return r | vec_fp_inf(f);
    return compute(fp, f, OP_MUL, vec_fp_value(f, a), vec_fp_value(f, b));
}

uint64_t vec_fp_div(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    uint64_t r;

    a = vec_fp_operand(fp, f, a);
    b = vec_fp_operand(fp, f, b);
    if (vec_fp_nan2(fp, f, a, b, &r))
        return r;
    r = (a ^ b) & vec_fp_sign(f);
    if (vec_fp_is_inf(f, a) ? vec_fp_is_inf(f, b)
                            : vec_fp_is_zero(f, a) && vec_fp_is_zero(f, b))
        return invalid(fp, f);
    if (vec_fp_is_zero(f, b)) {
        if (!vec_fp_is_inf(f, a))
            fp->pre |= MXCSR_ZE;
        return r | vec_fp_inf(f);
    }
    vec_fp_note_denormal(fp, f, a);
    vec_fp_note_denormal(fp, f, b);
    if (vec_fp_is_inf(f, a))
        return r | vec_fp_inf(f);
    if (vec_fp_is_inf(f, b))
        return r;
    return compute(fp, f, OP_DIV, vec_fp_value(f, a), vec_fp_value(f, b));
}

uint64_t vec_fp_sqrt(struct vec_fp *fp, const struct vec_fmt *f, uint64_t a, uint64_t b)
{
    uint64_t r;

    b = vec_fp_operand(fp, f, b);
    if (vec_fp_nan2(fp, f, b, b, &r))
        return r;
    if (vec_fp_is_zero(f, b) || b == vec_fp_inf(f))
        return b;
    if (b & vec_fp_sign(f))
        return invalid(fp, f);
    vec_fp_note_denormal(fp, f, b);
    return compute(fp, f, OP_SQRT, vec_fp_value(f, b), 0);
}

/* clang-format off */
VEC_FP_FORMS(add, vec_fp_add)
VEC_FP_FORMS(sub, vec_fp_sub)
VEC_FP_FORMS(mul, vec_fp_mul)
VEC_FP_FORMS(div, vec_fp_div)
VEC_FP_FORMS(sqrt, vec_fp_sqrt)
/* clang-format on */
