/* SPDX-License-Identifier: MIT */
#include "tests/cpu/vec_input.h"

#include <string.h>

uint64_t vec_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t pick(uint64_t *state, const uint64_t *list, unsigned count)
{
    return list[vec_random(state) % count];
}

#define PICK(state, list) pick(state, list, ARRAY_SIZE(list))

static const uint64_t exps32[] = {0,   0,   1,   1,   2,   23,  24,  25,  63,  64,
                                  103, 126, 127, 127, 128, 149, 150, 151, 157, 158,
                                  159, 189, 190, 191, 253, 254, 254, 255};
static const uint64_t fracs32[] = {0,        0,        0,        1,        2,
                                   3,        0x7fffff, 0x7ffffe, 0x400000, 0x400001,
                                   0x3fffff, 0x200000, 0x600000, 0x555555};
static const uint64_t exps64[] = {0,    0,    1,    1,    2,    52,   53,   54,   511,
                                  512,  873,  874,  896,  897,  970,  1022, 1023, 1023,
                                  1024, 1053, 1054, 1055, 1075, 1076, 1085, 1086, 1087,
                                  1149, 1150, 1151, 2045, 2046, 2046, 2047};
static const uint64_t fracs64[] = {0,
                                   0,
                                   0,
                                   1,
                                   2,
                                   3,
                                   0xfffffffffffff,
                                   0xffffffffffffe,
                                   0x8000000000000,
                                   0x8000000000001,
                                   0x7ffffffffffff,
                                   0x4000000000000,
                                   0x0000020000000,
                                   0x000001fffffff,
                                   0xfffffe0000000,
                                   0xffffff0000000,
                                   0x0000010000000,
                                   0x00000ffffffff,
                                   0xfffff80000000,
                                   0x000000fffffff,
                                   0x0000000200000,
                                   0xfffffffe00000,
                                   0xfffffffc00000};

static uint32_t draw_f32(uint64_t *st)
{
    uint64_t r = vec_random(st);
    uint64_t e = r & 1 ? PICK(st, exps32) : r & 2 ? (r >> 8) % 256 : 120 + (r >> 8) % 48;
    uint64_t f = r & 4 ? PICK(st, fracs32) : vec_random(st) & 0x7fffff;

    if (!(r & 0x38)) /* short fractions make exact results and ties */
        f &= 0x7ff000;
    return (uint32_t)((r >> 63) << 31 | e << 23 | f);
}

static uint64_t draw_f64(uint64_t *st)
{
    uint64_t r = vec_random(st);
    uint64_t e = r & 1 ? PICK(st, exps64) : r & 2 ? (r >> 8) % 2048 : 860 + (r >> 8) % 330;
    uint64_t f = r & 4 ? PICK(st, fracs64) : vec_random(st) & 0xfffffffffffff;

    if (!(r & 0x38))
        f &= 0xfffffff000000;
    return (r >> 63) << 63 | e << 52 | f;
}

static uint64_t draw_edges(uint64_t *st, unsigned bits)
{
    const uint64_t top = 1ull << (bits - 1);
    const uint64_t list[] = {0,     1,     2,    top,      top - 1,        top + 1,
                             ~0ull, ~1ull, bits, bits - 1, vec_random(st), vec_random(st) & 7};

    return PICK(st, list);
}

void vec_draw(uint64_t *st, union vec *v, const union vec *other)
{
    unsigned how = (unsigned)(vec_random(st) % 10);

    for (unsigned i = 0; i < 4; i++)
        v->u64[i] = vec_random(st);
    if (how < 3) {
        for (unsigned i = 0; i < 4; i++)
            v->u32[i] = draw_f32(st);
    } else if (how < 6) {
        for (unsigned i = 0; i < 2; i++)
            v->u64[i] = draw_f64(st);
    } else if (how < 9) {
        static const unsigned sizes[] = {8, 16, 32, 64};
        unsigned bits = sizes[vec_random(st) % 4];
        for (unsigned i = 0; i < 128 / bits; i++) {
            uint64_t e = draw_edges(st, bits);
            memcpy(&v->u8[i * bits / 8], &e, bits / 8);
        }
    }
    if (other && vec_random(st) % 16 == 0)
        *v = *other;
    if (other && vec_random(st) % 8 == 0)
        v->u64[vec_random(st) & 1] = other->u64[vec_random(st) & 1];
    if (other && vec_random(st) % 8 == 0)
        v->u32[vec_random(st) & 3] = other->u32[vec_random(st) & 3] ^ 0x80000000u;
}

uint64_t vec_draw_integer(uint64_t *st)
{
    uint64_t r = vec_random(st);

    switch (r & 3) {
    case 0: return (uint64_t)((int64_t)(r >> 8 & 63) - 24);
    case 1: return (uint64_t)(int64_t)(int32_t)(r >> 8);
    case 2: return draw_edges(st, r & 4 ? 32 : 64);
    default: return vec_random(st) >> (r >> 8 & 63);
    }
}
