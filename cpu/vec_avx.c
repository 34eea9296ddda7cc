/* SPDX-License-Identifier: MIT
 * What AVX and AVX2 have beyond wider SSE: broadcasts, permutes, insertion and extraction of
 * lanes, variable shifts, VTESTPx. */
#include <string.h>

#include "cpu/vec_ops.h"

#define OP(name)                                                                               \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)

static void broadcast(struct vec_env *env, union vec *d, const union vec *s, unsigned size)
{
    for (unsigned i = 0; i < env->bytes; i += size)
        memcpy(d->u8 + i, s, size);
}

#define BROADCAST(bits)                                                                        \
    OP(broadcast##bits)                                                                        \
    {                                                                                          \
        broadcast(env, d, s, bits / 8);                                                        \
    }
/* clang-format off */
BROADCAST(8)
BROADCAST(16)
BROADCAST(32)
BROADCAST(64)
BROADCAST(128)
/* clang-format on */

/* Within each lane, by the low bits of a control vector s or of imm. */
OP(vpermilps)
{
    union vec r;

    for (unsigned i = 0; i < env->bytes / 4; i++)
        r.u32[i] = env->src1->u32[(i & ~3u) | (s->u32[i] & 3)];
    memcpy(d, &r, env->bytes);
}

OP(vpermilpd)
{
    union vec r;

    for (unsigned i = 0; i < env->bytes / 8; i++)
        r.u64[i] = env->src1->u64[(i & ~1u) | (s->u64[i] >> 1 & 1)];
    memcpy(d, &r, env->bytes);
}

OP(vpermilps_i)
{
    for (unsigned i = 0; i < env->bytes / 4; i++)
        d->u32[i] = s->u32[(i & ~3u) | (imm >> 2 * (i & 3) & 3)];
}

OP(vpermilpd_i)
{
    for (unsigned i = 0; i < env->bytes / 8; i++)
        d->u64[i] = s->u64[(i & ~1u) | (imm >> i & 1)];
}

/* Across lanes. */
OP(vpermd)
{
    union vec r;

    for (unsigned i = 0; i < 8; i++)
        r.u32[i] = s->u32[env->src1->u32[i] & 7];
    *d = r;
}

OP(vpermq)
{
    union vec r;

    for (unsigned i = 0; i < 4; i++)
        r.u64[i] = s->u64[imm >> 2 * i & 3];
    *d = r;
}

OP(vperm2f128)
{
    const union vec *from[2] = {env->src1, s};
    union vec r;

    for (unsigned i = 0; i < 2; i++) {
        unsigned k = imm >> 4 * i;

        if (k & 8)
            memset(&r.u64[2 * i], 0, 16);
        else
            memcpy(&r.u64[2 * i], &from[k >> 1 & 1]->u64[2 * (k & 1)], 16);
    }
    *d = r;
}

OP(vinsertf128)
{
    union vec r = *env->src1;

    memcpy(&r.u64[2 * (imm & 1)], s, 16);
    *d = r;
}

OP(vextractf128)
{
    memcpy(d, &s->u64[2 * (imm & 1)], 16);
}

OP(vpblendd)
{
    for (unsigned i = 0; i < env->bytes / 4; i++)
        d->u32[i] = imm >> i & 1 ? s->u32[i] : env->src1->u32[i];
}

/* Shifts with a count an element; counts beyond the element give 0 or the sign. */
#define SHIFT(name, el, bits, expr, beyond)                                                    \
    OP(name)                                                                                   \
    {                                                                                          \
        for (unsigned i = 0; i < env->bytes * 8 / bits; i++) {                                 \
            const __typeof__(d->el[0]) a = env->src1->el[i];                                   \
            const uint64_t n = (uint64_t)s->el[i] & (bits == 32 ? 0xffffffffu : ~0ull);        \
            d->el[i] = n < bits ? (__typeof__(a))(expr) : (__typeof__(a))(beyond);             \
        }                                                                                      \
    }
/* clang-format off */
SHIFT(vpsllvd, u32, 32, a << n, 0)
SHIFT(vpsllvq, u64, 64, a << n, 0)
SHIFT(vpsrlvd, u32, 32, a >> n, 0)
SHIFT(vpsrlvq, u64, 64, a >> n, 0)
SHIFT(vpsravd, s32, 32, a >> n, a >> 31)
/* clang-format on */

static void test_signs(struct vec_env *env, const union vec *d, const union vec *s,
                       uint64_t signs)
{
    uint64_t both = 0, only = 0;

    for (unsigned i = 0; i < env->bytes / 8; i++) {
        both |= d->u64[i] & s->u64[i] & signs;
        only |= ~d->u64[i] & s->u64[i] & signs;
    }
    env->zf = !both;
    env->cf = !only;
    env->of = env->af = env->pf = env->sf = 0;
}

OP(vtestps)
{
    test_signs(env, d, s, 0x8000000080000000);
}

OP(vtestpd)
{
    test_signs(env, d, s, 1ull << 63);
}
