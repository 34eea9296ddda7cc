/* SPDX-License-Identifier: MIT */
#include "tests/oracle/value.h"

#include <string.h>

uint64_t value_int(struct rng *r, unsigned bits)
{
    uint64_t x = rng_next(r), v;
    unsigned k = (unsigned)(x >> 8) % bits;

    switch (x & 15) {
    case 0: v = 0; break;
    case 1: v = 1; break;
    case 2: v = ~0ull; break;
    case 3: v = 1ull << (bits - 1); break;
    case 4: v = (1ull << (bits - 1)) - 1; break;
    case 5: v = 1ull << k; break;
    case 6: v = (1ull << k) - 1; break;
    case 7: v = (1ull << k) + 1; break;
    case 8: v = -(1ull << k); break;
    case 9: v = x >> 16 & 0xff; break;
    case 10: v = rng_next(r) >> (x >> 8 & 63); break;
    default: v = rng_next(r); break;
    }
    return (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
}

uint32_t value_f32(struct rng *r)
{
    static const uint32_t edge[] = {
        0x00000000, 0x3f800000, 0x40000000, 0x3f000000, 0x00000001, 0x007fffff, 0x00800000,
        0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001, 0x7fbfffff, 0x7fffffff, 0x4b000000,
        0x4b7fffff, 0x4effffff, 0x4f000000, 0x5effffff, 0x5f000000, 0x3effffff, 0x3fc00000,
        0x42fe0000, 0x3f7fffff, 0x3f800001, 0x00400000, 0x0c000000, 0x7e800000, 0x7fc12345,
    };
    uint64_t x = rng_next(r);
    uint32_t sign = (uint32_t)(x >> 63) << 31;

    switch (x & 7) {
    case 0:
    case 1:
    case 2: return sign | edge[(x >> 8) % ARRAY_SIZE(edge)];
    case 3: /* near 1: the operations stay in range */
    case 4: return sign | (0x3f800000 + ((x >> 8 & 31) - 16) * 0x800000) | (x >> 20 & 0x7fffff);
    case 5: return sign | (0x3f800000 + (x >> 8 & 31) * 0x800000) | (x >> 40 & 7) << 20;
    default: return (uint32_t)(x >> 16);
    }
}

uint64_t value_f64(struct rng *r)
{
    static const uint64_t edge[] = {
        0x0000000000000000, 0x3ff0000000000000, 0x4000000000000000, 0x3fe0000000000000,
        0x0000000000000001, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
        0x7ff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 0x7ff7ffffffffffff,
        0x7fffffffffffffff, 0x4330000000000000, 0x433fffffffffffff, 0x41dfffffffc00000,
        0x41e0000000000000, 0x43dfffffffffffff, 0x43e0000000000000, 0x3fdfffffffffffff,
        0x3ff8000000000000, 0x47efffffe0000000, 0x47effffff0000000, 0x3810000000000000,
        0x380fffffffffffff, 0x36a0000000000000, 0x369fffffffffffff, 0x3fefffffffffffff,
        0x3ff0000000000001, 0x7ff8000123456789, 0x41dfffffffe00000, 0xc1e0000000100000,
    };
    uint64_t x = rng_next(r), sign = x & 1ull << 63;

    switch (x & 7) {
    case 0:
    case 1:
    case 2: return sign | edge[(x >> 8) % ARRAY_SIZE(edge)];
    case 3:
    case 4:
        return sign | ((0x3ff0 + ((x >> 8 & 31) - 16) * 0x10) << 48) |
               (rng_next(r) & 0xfffffffffffff);
    case 5: return sign | (0x3ff0 + (x >> 8 & 63) * 0x10) << 48 | (x >> 40 & 7) << 49;
    default: return rng_next(r);
    }
}

void value_f80(struct rng *r, uint8_t *out)
{
    uint64_t x = rng_next(r), m = rng_next(r) | 1ull << 63;
    uint16_t sign = (uint16_t)(x >> 63) << 15, e;

    switch (x & 15) {
    case 0: m = 0, e = 0; break;
    case 1: m = 1ull << 63, e = 0x3fff; break;
    case 2: m = 1ull << 63, e = 0x7fff; break;                           /* infinity */
    case 3: m = 3ull << 62 | (x >> 20 & 1), e = 0x7fff; break;           /* QNaN */
    case 4: m = 1ull << 63 | (x >> 8 & 255) << 1 | 1, e = 0x7fff; break; /* SNaN */
    case 5: m &= ~(1ull << 63), e = 0; break;                            /* denormal */
    case 6: e = (x >> 8 & 1) ? 1 : 0x7ffe; break;
    case 7: m |= -(x >> 8 & 1), e = (uint16_t)(0x3fff + (x >> 12 & 127)); break;
    case 8:
        m = 1ull << 63 | (x & 7ull << 20) << 40, e = (uint16_t)(0x3fff + (x >> 12 & 63));
        break;
    case 9:
        m = (x >> 8 & 1) ? m & ~(1ull << 63) : m; /* unnormal, pseudo-denormal */
        e = (x >> 8 & 1) ? (uint16_t)(x >> 16 & 0x7fff) : 0;
        break;
    case 10: e = (uint16_t)(x >> 16 & 0x7fff); break;
    default: e = (uint16_t)(0x3fff - 20 + (x >> 12) % 41); break;
    }
    e |= sign;
    memcpy(out, &m, 8);
    memcpy(out + 8, &e, 2);
}

void value_bcd(struct rng *r, uint8_t *out)
{
    bool valid = !rng_chance(r, 50);

    for (unsigned i = 0; i < 9; i++) {
        uint64_t x = rng_next(r);

        out[i] = valid ? (uint8_t)((x % 10) << 4 | (x >> 32) % 10) : (uint8_t)x;
    }
    out[9] = (uint8_t)(rng_next(r) & (valid ? 0x80 : 0xff));
}

void value_bytes(struct rng *r, uint8_t *out, unsigned n, enum value_style style)
{
    static const uint8_t width[VS_COUNT] = {8, 4, 2, 1, 4, 8, 8};
    unsigned w = width[style];

    for (unsigned i = 0; i < n; i += w) {
        uint64_t v;

        if (style == VS_F32)
            v = value_f32(r);
        else if (style == VS_F64)
            v = value_f64(r);
        else if (style == VS_RANDOM)
            v = rng_next(r);
        else
            v = value_int(r, w * 8);
        memcpy(out + i, &v, n - i < w ? n - i : w);
    }
}
