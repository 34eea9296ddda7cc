/* SPDX-License-Identifier: MIT
 * How an operation on lanes becomes an instruction of a given width. Each operation is
 * written once as `static void name_w(d, s, bytes)`; the macros add one public function
 * per register size, so a wider register is one more line here. */
#ifndef CPU_VEC_LANES_H
#define CPU_VEC_LANES_H

#include "cpu/vec_ops.h"

/* Public functions around name_w(): XMM only, or MMX and XMM. */
#define VEC_XMM(name)                                                                          \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        name##_w(d, s, 16);                                                                    \
    }
#define VEC_BOTH(name)                                                                         \
    VEC_XMM(name)                                                                              \
    void vec_mmx_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)   \
    {                                                                                          \
        name##_w(d, s, 8);                                                                     \
    }

/* The same around name_w(d, s, imm, bytes). */
#define VEC_XMM_IMM(name)                                                                      \
    void vec_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)       \
    {                                                                                          \
        name##_w(d, s, imm, 16);                                                               \
    }
#define VEC_BOTH_IMM(name)                                                                     \
    VEC_XMM_IMM(name)                                                                          \
    void vec_mmx_##name(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)   \
    {                                                                                          \
        name##_w(d, s, imm, 8);                                                                \
    }

/* name_w() for an operation that maps lane i of d (a) and of s (b) to lane i of d. */
#define VEC_EACH(name, el, expr)                                                               \
    static void name##_w(union vec *d, const union vec *s, unsigned bytes)                     \
    {                                                                                          \
        for (unsigned i = 0; i < bytes / sizeof(d->el[0]); i++) {                              \
            const __typeof__(d->el[0]) a = d->el[i], b = s->el[i];                             \
            (void)a;                                                                           \
            d->el[i] = (expr);                                                                 \
        }                                                                                      \
    }

#define VEC_EACH_XMM(name, el, expr)                                                           \
    VEC_EACH(name, el, expr)                                                                   \
    VEC_XMM(name)
#define VEC_EACH_BOTH(name, el, expr)                                                          \
    VEC_EACH(name, el, expr)                                                                   \
    VEC_BOTH(name)

static inline int32_t vec_clamp(int64_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : (int32_t)v;
}
static inline int8_t vec_sat_s8(int v)
{
    return (int8_t)vec_clamp(v, INT8_MIN, INT8_MAX);
}
static inline uint8_t vec_sat_u8(int v)
{
    return (uint8_t)vec_clamp(v, 0, UINT8_MAX);
}
static inline int16_t vec_sat_s16(int v)
{
    return (int16_t)vec_clamp(v, INT16_MIN, INT16_MAX);
}
static inline uint16_t vec_sat_u16(int v)
{
    return (uint16_t)vec_clamp(v, 0, UINT16_MAX);
}

#endif
