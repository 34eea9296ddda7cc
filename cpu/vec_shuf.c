/* SPDX-License-Identifier: MIT
 * Operations that rearrange lanes: pack, unpack, shuffle, blend, insert, extract, widen,
 * and sign masks. SDM volume 2. */
#include "cpu/vec_lanes.h"

/* Lanes of d, narrowed with saturation, fill the low half; those of s the high half. */
#define PACK(name, to, from, sat, WRAP)                                                        \
    static void name##_w(union vec *d, const union vec *s, unsigned bytes)                     \
    {                                                                                          \
        const unsigned half = bytes / sizeof(d->from[0]);                                      \
        union vec r = *d;                                                                      \
        for (unsigned i = 0; i < half; i++) {                                                  \
            r.to[i] = sat(d->from[i]);                                                         \
            r.to[half + i] = sat(s->from[i]);                                                  \
        }                                                                                      \
        *d = r;                                                                                \
    }                                                                                          \
    WRAP(name)

/* clang-format off */
PACK(packsswb, s8, s16, vec_sat_s8, VEC_BOTH)
PACK(packuswb, u8, s16, vec_sat_u8, VEC_BOTH)
PACK(packssdw, s16, s32, vec_sat_s16, VEC_BOTH)
PACK(packusdw, u16, s32, vec_sat_u16, VEC_XMM)
/* clang-format on */

/* Interleave the low (from = 0) or high halves of d and s. */
#define UNPACK(name, el, high, WRAP)                                                           \
    static void name##_w(union vec *d, const union vec *s, unsigned bytes)                     \
    {                                                                                          \
        const unsigned half = bytes / sizeof(d->el[0]) / 2;                                    \
        const unsigned from = (high) ? half : 0;                                               \
        union vec r = *d;                                                                      \
        for (unsigned i = 0; i < half; i++) {                                                  \
            r.el[2 * i] = d->el[from + i];                                                     \
            r.el[2 * i + 1] = s->el[from + i];                                                 \
        }                                                                                      \
        *d = r;                                                                                \
    }                                                                                          \
    WRAP(name)

/* clang-format off */
UNPACK(punpcklbw, u8, 0, VEC_BOTH)
UNPACK(punpcklwd, u16, 0, VEC_BOTH)
UNPACK(punpckldq, u32, 0, VEC_BOTH)
UNPACK(punpcklqdq, u64, 0, VEC_XMM)
UNPACK(punpckhbw, u8, 1, VEC_BOTH)
UNPACK(punpckhwd, u16, 1, VEC_BOTH)
UNPACK(punpckhdq, u32, 1, VEC_BOTH)
UNPACK(punpckhqdq, u64, 1, VEC_XMM)
/* clang-format on */

static void pshufb_w(union vec *d, const union vec *s, unsigned bytes)
{
    union vec r = *d;

    for (unsigned i = 0; i < bytes; i++)
        r.u8[i] = s->u8[i] & 0x80 ? 0 : d->u8[s->u8[i] & (bytes - 1)];
    *d = r;
}
VEC_BOTH(pshufb)

static void palignr_w(union vec *d, const union vec *s, unsigned imm, unsigned bytes)
{
    union vec r = *d;

    for (unsigned i = 0; i < bytes; i++) {
        unsigned at = i + imm;
        r.u8[i] = at < bytes ? s->u8[at] : at < 2 * bytes ? d->u8[at - bytes] : 0;
    }
    *d = r;
}
VEC_BOTH_IMM(palignr)

/* Four words of s from word `base`, chosen by imm. */
static void shuffle_words(union vec *d, const union vec *s, unsigned imm, unsigned base)
{
    const union vec v = *s;

    for (unsigned i = 0; i < 4; i++)
        d->u16[base + i] = v.u16[base + (imm >> 2 * i & 3)];
}

void vec_mmx_pshufw(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    shuffle_words(d, s, imm, 0);
}

void vec_pshuflw(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u64[1] = s->u64[1];
    shuffle_words(d, s, imm, 0);
}

void vec_pshufhw(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u64[0] = s->u64[0];
    shuffle_words(d, s, imm, 4);
}

void vec_pshufd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    const union vec v = *s;

    for (unsigned i = 0; i < 4; i++)
        d->u32[i] = v.u32[imm >> 2 * i & 3];
}

void vec_shufps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    const union vec a = *d, b = *s;

    for (unsigned i = 0; i < 4; i++)
        d->u32[i] = (i < 2 ? a : b).u32[imm >> 2 * i & 3];
}

void vec_shufpd(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    const uint64_t hi = s->u64[imm >> 1 & 1];

    d->u64[0] = d->u64[imm & 1];
    d->u64[1] = hi;
}

void vec_movddup(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u64[1] = d->u64[0] = s->u64[0];
}

void vec_movsldup(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u32[1] = d->u32[0] = s->u32[0];
    d->u32[3] = d->u32[2] = s->u32[2];
}

void vec_movshdup(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u32[0] = d->u32[1] = s->u32[1];
    d->u32[2] = d->u32[3] = s->u32[3];
}

void vec_movhlps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u64[0] = s->u64[1];
}

void vec_movlhps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u64[1] = s->u64[0];
}

/* Blends: bit i of the immediate, or the sign of lane i of XMM0, takes lane i from s. */
#define BLEND(name, el, take)                                                                  \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        const union vec mask = env->xmm0 ? *env->xmm0 : *d;                                    \
        (void)mask;                                                                            \
        for (unsigned i = 0; i < 16 / sizeof(d->el[0]); i++) {                                 \
            if (take)                                                                          \
                d->el[i] = s->el[i];                                                           \
        }                                                                                      \
    }

/* clang-format off */
BLEND(blendps, u32, imm >> i & 1)
BLEND(blendpd, u64, imm >> i & 1)
BLEND(pblendw, u16, imm >> i & 1)
BLEND(blendvps, u32, mask.s32[i] < 0)
BLEND(blendvpd, u64, mask.s64[i] < 0)
BLEND(pblendvb, u8, mask.s8[i] < 0)
/* clang-format on */

#define INSERT(name, el)                                                                       \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        d->el[imm & (16 / sizeof(d->el[0]) - 1)] = (__typeof__(d->el[0]))env->gpr;             \
    }
#define EXTRACT(name, el)                                                                      \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        env->gpr = s->el[imm & (16 / sizeof(d->el[0]) - 1)];                                   \
    }

/* clang-format off */
INSERT(pinsrb, u8)
INSERT(pinsrw, u16)
INSERT(pinsrd, u32)
INSERT(pinsrq, u64)
EXTRACT(pextrb, u8)
EXTRACT(pextrw, u16)
EXTRACT(pextrd, u32)
EXTRACT(pextrq, u64)
/* clang-format on */

void vec_mmx_pinsrw(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u16[imm & 3] = (uint16_t)env->gpr;
}

void vec_mmx_pextrw(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    env->gpr = s->u16[imm & 3];
}

/* For a memory source the caller clears imm[7:6]: the dword is then lane 0. */
void vec_insertps(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    d->u32[imm >> 4 & 3] = s->u32[imm >> 6 & 3];
    for (unsigned i = 0; i < 4; i++) {
        if (imm >> i & 1)
            d->u32[i] = 0;
    }
}

/* Widen the low lanes of s. */
#define WIDEN(name, to, from)                                                                  \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        const union vec v = *s;                                                                \
        for (unsigned i = 0; i < 16 / sizeof(d->to[0]); i++)                                   \
            d->to[i] = v.from[i];                                                              \
    }

/* clang-format off */
WIDEN(pmovsxbw, s16, s8)
WIDEN(pmovsxbd, s32, s8)
WIDEN(pmovsxbq, s64, s8)
WIDEN(pmovsxwd, s32, s16)
WIDEN(pmovsxwq, s64, s16)
WIDEN(pmovsxdq, s64, s32)
WIDEN(pmovzxbw, u16, u8)
WIDEN(pmovzxbd, u32, u8)
WIDEN(pmovzxbq, u64, u8)
WIDEN(pmovzxwd, u32, u16)
WIDEN(pmovzxwq, u64, u16)
WIDEN(pmovzxdq, u64, u32)
/* clang-format on */

/* Bit i of the result is the sign of lane i. */
#define SIGNS(name, el, bytes)                                                                 \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        env->gpr = 0;                                                                          \
        for (unsigned i = 0; i < (bytes) / sizeof(d->el[0]); i++)                              \
            env->gpr |= (uint64_t)(s->el[i] < 0) << i;                                         \
    }

/* clang-format off */
SIGNS(pmovmskb, s8, 16)
SIGNS(mmx_pmovmskb, s8, 8)
SIGNS(movmskps, s32, 16)
SIGNS(movmskpd, s64, 16)
/* clang-format on */
