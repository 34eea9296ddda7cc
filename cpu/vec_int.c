/* SPDX-License-Identifier: MIT
 * Packed integer operations that work lane by lane: add, subtract, logic, compare,
 * minimum, maximum, average, absolute value, multiply, shift. SDM volume 2. */
#include "cpu/vec_lanes.h"

/* clang-format off */
VEC_EACH_BOTH(paddb, u8, a + b)
VEC_EACH_BOTH(paddw, u16, a + b)
VEC_EACH_BOTH(paddd, u32, a + b)
VEC_EACH_BOTH(paddq, u64, a + b)
VEC_EACH_BOTH(psubb, u8, a - b)
VEC_EACH_BOTH(psubw, u16, a - b)
VEC_EACH_BOTH(psubd, u32, a - b)
VEC_EACH_BOTH(psubq, u64, a - b)

VEC_EACH_BOTH(paddsb, s8, vec_sat_s8(a + b))
VEC_EACH_BOTH(paddsw, s16, vec_sat_s16(a + b))
VEC_EACH_BOTH(paddusb, u8, vec_sat_u8(a + b))
VEC_EACH_BOTH(paddusw, u16, vec_sat_u16(a + b))
VEC_EACH_BOTH(psubsb, s8, vec_sat_s8(a - b))
VEC_EACH_BOTH(psubsw, s16, vec_sat_s16(a - b))
VEC_EACH_BOTH(psubusb, u8, vec_sat_u8(a - b))
VEC_EACH_BOTH(psubusw, u16, vec_sat_u16(a - b))

VEC_EACH_BOTH(pand, u64, a & b)
VEC_EACH_BOTH(pandn, u64, ~a & b)
VEC_EACH_BOTH(por, u64, a | b)
VEC_EACH_BOTH(pxor, u64, a ^ b)

VEC_EACH_BOTH(pcmpeqb, u8, a == b ? 0xff : 0)
VEC_EACH_BOTH(pcmpeqw, u16, a == b ? 0xffff : 0)
VEC_EACH_BOTH(pcmpeqd, u32, a == b ? ~0u : 0)
VEC_EACH_XMM(pcmpeqq, u64, a == b ? ~0ull : 0)
VEC_EACH_BOTH(pcmpgtb, s8, a > b ? -1 : 0)
VEC_EACH_BOTH(pcmpgtw, s16, a > b ? -1 : 0)
VEC_EACH_BOTH(pcmpgtd, s32, a > b ? -1 : 0)
VEC_EACH_XMM(pcmpgtq, s64, a > b ? -1 : 0)

VEC_EACH_BOTH(pminub, u8, a < b ? a : b)
VEC_EACH_BOTH(pmaxub, u8, a > b ? a : b)
VEC_EACH_BOTH(pminsw, s16, a < b ? a : b)
VEC_EACH_BOTH(pmaxsw, s16, a > b ? a : b)
VEC_EACH_XMM(pminsb, s8, a < b ? a : b)
VEC_EACH_XMM(pmaxsb, s8, a > b ? a : b)
VEC_EACH_XMM(pminuw, u16, a < b ? a : b)
VEC_EACH_XMM(pmaxuw, u16, a > b ? a : b)
VEC_EACH_XMM(pminud, u32, a < b ? a : b)
VEC_EACH_XMM(pmaxud, u32, a > b ? a : b)
VEC_EACH_XMM(pminsd, s32, a < b ? a : b)
VEC_EACH_XMM(pmaxsd, s32, a > b ? a : b)

VEC_EACH_BOTH(pavgb, u8, (a + b + 1) >> 1)
VEC_EACH_BOTH(pavgw, u16, (a + b + 1) >> 1)

/* The most negative value is its own absolute value and its own negation. */
VEC_EACH_BOTH(pabsb, u8, b & 0x80 ? -b : b)
VEC_EACH_BOTH(pabsw, u16, b & 0x8000 ? -b : b)
VEC_EACH_BOTH(pabsd, u32, b & 0x80000000u ? -b : b)
VEC_EACH_BOTH(psignb, s8, b < 0 ? -a : b ? a : 0)
VEC_EACH_BOTH(psignw, s16, b < 0 ? -a : b ? a : 0)
VEC_EACH_BOTH(psignd, s32, b < 0 ? (int32_t)-(uint32_t)a : b ? a : 0)

VEC_EACH_BOTH(pmullw, u16, (uint32_t)a * b)
VEC_EACH_BOTH(pmulhw, s16, (a * b) >> 16)
VEC_EACH_BOTH(pmulhuw, u16, ((uint32_t)a * b) >> 16)
VEC_EACH_BOTH(pmulhrsw, s16, (((a * b) >> 14) + 1) >> 1)
VEC_EACH_XMM(pmulld, u32, a * b)
VEC_EACH_BOTH(pmuludq, u64, (a & 0xffffffffu) * (b & 0xffffffffu))
VEC_EACH_XMM(pmuldq, s64, (int64_t)(int32_t)a * (int32_t)b)
/* clang-format on */

/* Shifts. The count is the whole low quadword of the source, or the immediate; a count of
 * the lane's width or more gives zero, or the sign for the arithmetic ones. */
#define SHIFT(name, el, expr)                                                                  \
    static void name##_n(union vec *d, uint64_t n, unsigned bytes)                             \
    {                                                                                          \
        const unsigned width = 8 * sizeof(d->el[0]);                                           \
        for (unsigned i = 0; i < bytes / sizeof(d->el[0]); i++) {                              \
            const __typeof__(d->el[0]) a = d->el[i];                                           \
            d->el[i] = (expr);                                                                 \
        }                                                                                      \
    }                                                                                          \
    static void name##_w(union vec *d, const union vec *s, unsigned bytes)                     \
    {                                                                                          \
        name##_n(d, s->u64[0], bytes);                                                         \
    }                                                                                          \
    static void name##_i_w(union vec *d, const union vec *s, unsigned imm, unsigned bytes)     \
    {                                                                                          \
        name##_n(d, imm, bytes);                                                               \
    }                                                                                          \
    VEC_BOTH(name)                                                                             \
    VEC_BOTH_IMM(name##_i)

/* clang-format off */
SHIFT(psllw, u16, n < width ? (uint32_t)a << n : 0)
SHIFT(pslld, u32, n < width ? a << n : 0)
SHIFT(psllq, u64, n < width ? a << n : 0)
SHIFT(psrlw, u16, n < width ? a >> n : 0)
SHIFT(psrld, u32, n < width ? a >> n : 0)
SHIFT(psrlq, u64, n < width ? a >> n : 0)
SHIFT(psraw, s16, a >> (n < width ? n : width - 1))
SHIFT(psrad, s32, a >> (n < width ? n : width - 1))
/* clang-format on */

void vec_pslldq_i(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    union vec r = *d;

    for (unsigned i = 0; i < 16; i++)
        r.u8[i] = i >= imm ? d->u8[i - imm] : 0;
    *d = r;
}

void vec_psrldq_i(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    union vec r = *d;

    for (unsigned i = 0; i < 16; i++)
        r.u8[i] = i + imm < 16 ? d->u8[i + imm] : 0;
    *d = r;
}
