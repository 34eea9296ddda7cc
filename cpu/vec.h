/* SPDX-License-Identifier: MIT
 * A vector register's bits, seen in every element size. Little-endian lanes:
 * element 0 is the least significant. Wide enough for YMM. */
#ifndef CPU_VEC_H
#define CPU_VEC_H

#include "softmmu/types.h"

union vec {
    uint8_t u8[32];
    int8_t s8[32];
    uint16_t u16[16];
    int16_t s16[16];
    uint32_t u32[8];
    int32_t s32[8];
    uint64_t u64[4];
    int64_t s64[4];
    float f32[8];
    double f64[4];
} __attribute__((aligned(32)));

#endif
