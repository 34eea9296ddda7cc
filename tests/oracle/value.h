/* SPDX-License-Identifier: MIT
 * Random numbers and edge-weighted values. */
#ifndef TESTS_ORACLE_VALUE_H
#define TESTS_ORACLE_VALUE_H

#include "softmmu/types.h"

struct rng {
    uint64_t s;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->s += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
/* 0 .. n-1 */
static inline unsigned rng_below(struct rng *r, unsigned n)
{
    return (unsigned)((rng_next(r) >> 32) * n >> 32);
}
/* true in n of 1000 */
static inline bool rng_chance(struct rng *r, unsigned n)
{
    return rng_below(r, 1000) < n;
}

/* What a run of bytes is filled with. */
enum value_style { VS_INT64, VS_INT32, VS_INT16, VS_INT8, VS_F32, VS_F64, VS_RANDOM, VS_COUNT };

/* 0, 1, -1, minima, maxima, powers of two and their neighbours, small, random: `bits` wide,
 * sign-extended. */
uint64_t value_int(struct rng *r, unsigned bits);
uint32_t value_f32(struct rng *r);
uint64_t value_f64(struct rng *r);
/* 80-bit value into ten bytes; now and then one that the x87 calls unsupported. */
void value_f80(struct rng *r, uint8_t *out);
/* Packed decimal of FBLD, mostly valid. */
void value_bcd(struct rng *r, uint8_t *out);
void value_bytes(struct rng *r, uint8_t *out, unsigned n, enum value_style style);

#endif
