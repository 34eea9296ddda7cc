/* SPDX-License-Identifier: MIT
 * Integer operations that combine neighbouring lanes: multiply-add, horizontal add, sums
 * of differences, minimum position; and the tests and CRC that yield no vector. */
#include "cpu/vec_lanes.h"

#include <stdlib.h>

static void pmaddwd_w(union vec *d, const union vec *s, unsigned bytes)
{
    for (unsigned i = 0; i < bytes / 4; i++) {
        uint32_t lo = (uint32_t)(d->s16[2 * i] * s->s16[2 * i]);
        uint32_t hi = (uint32_t)(d->s16[2 * i + 1] * s->s16[2 * i + 1]);
        d->u32[i] = lo + hi;
    }
}
VEC_BOTH(pmaddwd)

static void pmaddubsw_w(union vec *d, const union vec *s, unsigned bytes)
{
    for (unsigned i = 0; i < bytes / 2; i++) {
        int lo = d->u8[2 * i] * s->s8[2 * i];
        int hi = d->u8[2 * i + 1] * s->s8[2 * i + 1];
        d->s16[i] = vec_sat_s16(lo + hi);
    }
}
VEC_BOTH(pmaddubsw)

static void psadbw_w(union vec *d, const union vec *s, unsigned bytes)
{
    for (unsigned i = 0; i < bytes / 8; i++) {
        unsigned sum = 0;
        for (unsigned j = 8 * i; j < 8 * i + 8; j++)
            sum += (unsigned)abs(d->u8[j] - s->u8[j]);
        d->u64[i] = sum;
    }
}
VEC_BOTH(psadbw)

/* Results of d's pairs fill the low half, those of s's pairs the high half. */
#define HORIZONTAL(name, el, expr)                                                             \
    static void name##_w(union vec *d, const union vec *s, unsigned bytes)                     \
    {                                                                                          \
        const unsigned half = bytes / sizeof(d->el[0]) / 2;                                    \
        union vec r = *d;                                                                      \
        for (unsigned i = 0; i < 2 * half; i++) {                                              \
            const union vec *v = i < half ? d : s;                                             \
            const __typeof__(d->el[0]) a = v->el[2 * (i % half)];                              \
            const __typeof__(d->el[0]) b = v->el[2 * (i % half) + 1];                          \
            r.el[i] = (expr);                                                                  \
        }                                                                                      \
        *d = r;                                                                                \
    }                                                                                          \
    VEC_BOTH(name)

/* clang-format off */
HORIZONTAL(phaddw, u16, a + b)
HORIZONTAL(phaddd, u32, a + b)
HORIZONTAL(phaddsw, s16, vec_sat_s16(a + b))
HORIZONTAL(phsubw, u16, a - b)
HORIZONTAL(phsubd, u32, a - b)
HORIZONTAL(phsubsw, s16, vec_sat_s16(a - b))
/* clang-format on */

void vec_phminposuw(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    unsigned at = 0;

    for (unsigned i = 1; i < 8; i++) {
        if (s->u16[i] < s->u16[at])
            at = i;
    }
    d->u64[0] = s->u16[at] | (uint64_t)at << 16;
    d->u64[1] = 0;
}

void vec_mpsadbw(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    const union vec a = *d, b = *s;
    const unsigned a0 = (imm >> 2 & 1) * 4, b0 = (imm & 3) * 4;

    for (unsigned i = 0; i < 8; i++) {
        unsigned sum = 0;
        for (unsigned j = 0; j < 4; j++)
            sum += (unsigned)abs(a.u8[a0 + i + j] - b.u8[b0 + j]);
        d->u16[i] = (uint16_t)sum;
    }
}

void vec_ptest(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    env->zf = !((d->u64[0] & s->u64[0]) | (d->u64[1] & s->u64[1]));
    env->cf = !((~d->u64[0] & s->u64[0]) | (~d->u64[1] & s->u64[1]));
    env->pf = env->sf = env->of = env->af = 0;
}

/* CRC-32C (polynomial 0x11edc6f41, bits reflected) of the low `bytes` of `data`. */
static uint64_t crc32c(uint32_t crc, uint64_t data, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        crc ^= (uint8_t)(data >> 8 * i);
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return crc;
}

void vec_crc32_b(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    env->gpr = crc32c((uint32_t)env->gpr, env->gpr2, 1);
}

void vec_crc32_w(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    env->gpr = crc32c((uint32_t)env->gpr, env->gpr2, 2);
}

void vec_crc32_l(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    env->gpr = crc32c((uint32_t)env->gpr, env->gpr2, 4);
}

void vec_crc32_q(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    env->gpr = crc32c((uint32_t)env->gpr, env->gpr2, 8);
}
