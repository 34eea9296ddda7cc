/* SPDX-License-Identifier: MIT
 * SSE4.2 string compares, SDM volume 2 section 4.1 "Imm8 control byte operation". */
#include "cpu/vec_ops.h"

#define STR_WORDS      0x01u
#define STR_SIGNED     0x02u
#define STR_MODE(imm)  ((imm) >> 2 & 3)
#define STR_NEGATE     0x10u
#define STR_VALID_ONLY 0x20u
#define STR_LAST       0x40u /* PCMPxSTRI: index of the highest bit */
#define STR_EXPAND     0x40u /* PCMPxSTRM: byte or word mask */

enum { MODE_ANY, MODE_RANGES, MODE_EACH, MODE_ORDERED };

/* The two strings, widened, with their valid lengths. */
struct strings {
    int32_t a[16], b[16];
    unsigned a_len, b_len, n;
};

static void widen(int32_t *out, const union vec *v, unsigned imm)
{
    for (unsigned i = 0; i < (imm & STR_WORDS ? 8u : 16u); i++) {
        if (imm & STR_WORDS)
            out[i] = imm & STR_SIGNED ? v->s16[i] : v->u16[i];
        else
            out[i] = imm & STR_SIGNED ? v->s8[i] : v->u8[i];
    }
}

static unsigned implicit_len(const int32_t *v, unsigned n)
{
    unsigned i = 0;

    while (i < n && v[i])
        i++;
    return i;
}

/* Length registers hold signed 32-bit values (64-bit with REX.W); the magnitude counts. */
static unsigned explicit_len(uint64_t reg, unsigned n)
{
    uint64_t size = (int64_t)reg < 0 ? -reg : reg;

    return size < n ? (unsigned)size : n;
}

static bool match_any(const struct strings *t, unsigned j)
{
    for (unsigned i = 0; i < t->a_len; i++) {
        if (t->a[i] == t->b[j])
            return j < t->b_len;
    }
    return false;
}

static bool match_range(const struct strings *t, unsigned j)
{
    for (unsigned i = 0; i + 1 < t->a_len; i += 2) {
        if (t->a[i] <= t->b[j] && t->b[j] <= t->a[i + 1])
            return j < t->b_len;
    }
    return false;
}

static bool match_each(const struct strings *t, unsigned j)
{
    if (j >= t->a_len || j >= t->b_len)
        return j >= t->a_len && j >= t->b_len;
    return t->a[j] == t->b[j];
}

/* Is `a` found at b[j], as far as the register reaches? */
static bool match_ordered(const struct strings *t, unsigned j)
{
    for (unsigned i = 0; i < t->a_len && i + j < t->n; i++) {
        if (i + j >= t->b_len || t->a[i] != t->b[i + j])
            return false;
    }
    return true;
}

/* The bit mask after polarity ("IntRes2"); sets all flags. */
static unsigned compare(struct vec_env *env, const struct strings *t, unsigned imm)
{
    unsigned mask = 0;
    const unsigned all = (1u << t->n) - 1;

    for (unsigned j = 0; j < t->n; j++) {
        bool hit = false;
        switch (STR_MODE(imm)) {
        case MODE_ANY: hit = match_any(t, j); break;
        case MODE_RANGES: hit = match_range(t, j); break;
        case MODE_EACH: hit = match_each(t, j); break;
        case MODE_ORDERED: hit = match_ordered(t, j); break;
        }
        mask |= (unsigned)hit << j;
    }
    if (imm & STR_NEGATE)
        mask ^= imm & STR_VALID_ONLY ? (1u << t->b_len) - 1 : all;
    env->cf = mask != 0;
    env->zf = t->b_len < t->n;
    env->sf = t->a_len < t->n;
    env->of = mask & 1;
    env->af = env->pf = 0;
    return mask;
}

static unsigned run(struct vec_env *env, const union vec *d, const union vec *s, unsigned imm,
                    bool explicit)
{
    struct strings t = {.n = imm & STR_WORDS ? 8 : 16};

    widen(t.a, d, imm);
    widen(t.b, s, imm);
    t.a_len = explicit ? explicit_len(env->gpr, t.n) : implicit_len(t.a, t.n);
    t.b_len = explicit ? explicit_len(env->gpr2, t.n) : implicit_len(t.b, t.n);
    return compare(env, &t, imm);
}

static void give_index(struct vec_env *env, unsigned mask, unsigned imm)
{
    if (!mask)
        env->gpr = imm & STR_WORDS ? 8 : 16;
    else if (imm & STR_LAST)
        env->gpr = 31u - (unsigned)__builtin_clz(mask);
    else
        env->gpr = (unsigned)__builtin_ctz(mask);
}

static void give_mask(struct vec_env *env, unsigned mask, unsigned imm)
{
    union vec r = {0};

    if (!(imm & STR_EXPAND)) {
        r.u64[0] = mask;
    } else if (imm & STR_WORDS) {
        for (unsigned i = 0; i < 8; i++)
            r.u16[i] = mask >> i & 1 ? 0xffff : 0;
    } else {
        for (unsigned i = 0; i < 16; i++)
            r.u8[i] = mask >> i & 1 ? 0xff : 0;
    }
    env->gpr = r.u64[0];
    env->gpr2 = r.u64[1];
}

void vec_pcmpistri(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    give_index(env, run(env, d, s, imm, false), imm);
}

void vec_pcmpistrm(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    give_mask(env, run(env, d, s, imm, false), imm);
}

void vec_pcmpestri(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    give_index(env, run(env, d, s, imm, true), imm);
}

void vec_pcmpestrm(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    give_mask(env, run(env, d, s, imm, true), imm);
}
