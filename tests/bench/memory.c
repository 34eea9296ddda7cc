/* SPDX-License-Identifier: MIT */
/* Block copies: the string instructions and the C library's memcpy(). */
#include "tests/bench/bench.h"

#include <string.h>

enum { BLOCK = 16384, SMALL = 192 };

static uint8_t from[BLOCK + 64], to[BLOCK + 64];

static uint64_t sum_block(const uint8_t *p)
{
    uint64_t sum = 0;
    for (int i = 0; i < BLOCK; i += 61) {
        sum = bench_mix(sum, p[i]);
    }
    return sum;
}

static void fill_source(void)
{
    for (int i = 0; i < BLOCK; i++) {
        from[i] = (uint8_t)(i * 13 + (i >> 8));
    }
}

static void rep_movsb(void *d, const void *s, uint64_t n)
{
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
}

static void rep_stosq(void *d, uint64_t value, uint64_t n)
{
    __asm__ volatile("rep stosq" : "+D"(d), "+c"(n) : "a"(value) : "memory");
}

static uint64_t run_movs(uint64_t rounds)
{
    fill_source();
    while (rounds--) {
        rep_movsb(to + (rounds & 31), from, BLOCK);
        from[rounds & 1023]++;
    }
    return sum_block(to);
}

static uint64_t run_stos(uint64_t rounds)
{
    uint64_t sum = 0;
    while (rounds--) {
        rep_stosq(to, rounds, BLOCK / 8);
        sum += to[rounds % BLOCK];
    }
    return sum;
}

static uint64_t run_memcpy(uint64_t rounds)
{
    void *(*volatile copy)(void *, const void *, size_t) = memcpy;
    fill_source();
    while (rounds--) {
        copy(to + (rounds & 31), from, BLOCK);
        from[rounds & 1023]++;
    }
    return sum_block(to);
}

static uint64_t run_small(uint64_t rounds)
{
    void *(*volatile copy)(void *, const void *, size_t) = memcpy;
    fill_source();
    while (rounds--) {
        copy(to + (rounds * 64) % 8192, from + (rounds * 3) % 8192, 1 + rounds % SMALL);
    }
    return sum_block(to);
}

const struct bench bench_mem[] = {
    {"rep-movsb", "memory", "byte", run_movs, 60000, BLOCK, NULL},
    {"rep-stosq", "memory", "byte", run_stos, 120000, BLOCK, NULL},
    {"memcpy", "memory", "byte", run_memcpy, 60000, BLOCK, NULL},
    {"memcpy-small", "memory", "call", run_small, 4000000, 1, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};
