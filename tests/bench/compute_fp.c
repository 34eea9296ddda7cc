/* SPDX-License-Identifier: MIT */
/* Floating point: SSE2 scalar and packed, AVX2, x87. */
#include "tests/bench/bench.h"

#include <immintrin.h>
#include <string.h>

enum { MATRIX_N = 96, BODIES = 5, BODY_STEPS = 1000, VECTOR_N = 8192, X87_STEPS = 4096 };

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static uint64_t run_matmul(uint64_t rounds)
{
    static double a[MATRIX_N][MATRIX_N], b[MATRIX_N][MATRIX_N], c[MATRIX_N][MATRIX_N];
    double sum = 0;
    for (int i = 0; i < MATRIX_N; i++) {
        for (int j = 0; j < MATRIX_N; j++) {
            a[i][j] = i * 0.5 - j;
            b[i][j] = j * 0.25 + i;
        }
    }
    while (rounds--) {
        for (int i = 0; i < MATRIX_N; i++) {
            for (int j = 0; j < MATRIX_N; j++) {
                double dot = 0;
                for (int k = 0; k < MATRIX_N; k++) {
                    dot += a[i][k] * b[k][j];
                }
                c[i][j] = dot;
            }
        }
        sum += c[rounds % MATRIX_N][3];
    }
    return bits_of(sum);
}

struct body {
    double place[3], speed[3], mass;
};

static void step_bodies(struct body *b, double dt)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            double d[3], square = 0.01;
            for (int k = 0; k < 3; k++) {
                d[k] = b[i].place[k] - b[j].place[k];
                square += d[k] * d[k];
            }
            double pull = dt / (square * __builtin_sqrt(square));
            for (int k = 0; k < 3; k++) {
                b[i].speed[k] -= d[k] * b[j].mass * pull;
                b[j].speed[k] += d[k] * b[i].mass * pull;
            }
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++) {
            b[i].place[k] += dt * b[i].speed[k];
        }
    }
}

static uint64_t run_nbody(uint64_t rounds)
{
    struct body b[BODIES];
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++) {
            b[i].place[k] = (i * 7 + k * 3) % 11 - 5;
            b[i].speed[k] = ((i * 5 + k) % 7 - 3) * 0.1;
        }
        b[i].mass = i ? 0.1 * i : 40;
    }
    while (rounds--) {
        for (int i = 0; i < BODY_STEPS; i++) {
            step_bodies(b, 0.001);
        }
    }
    return bits_of(b[0].place[0] + b[1].speed[2] + b[4].place[1]);
}

/* The logistic map beside a rational function, in the 64-bit mantissa of long double. */
static uint64_t run_x87(uint64_t rounds)
{
    long double x = 0.3L, sum = 0;
    while (rounds--) {
        for (int i = 0; i < X87_STEPS; i++) {
            x = 3.9L * x * (1 - x);
            sum += (x * x + 1.5L) / (x + 2 + sum * 1e-9L);
            if (sum > 1000) {
                sum -= 999.5L;
            }
        }
    }
    return bits_of((double)(sum + x));
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

__attribute__((target("avx2"))) static uint64_t run_dot(uint64_t rounds)
{
    static float a[VECTOR_N] __attribute__((aligned(32)));
    static float b[VECTOR_N] __attribute__((aligned(32)));
    float parts[8];
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    for (int i = 0; i < VECTOR_N; i++) {
        a[i] = (float)(i % 17) * 0.5f;
        b[i] = (float)(i % 13) - 6;
    }
    while (rounds--) {
        for (int i = 0; i < VECTOR_N; i += 16) {
            __m256 p0 = _mm256_mul_ps(_mm256_load_ps(a + i), _mm256_load_ps(b + i));
            __m256 p1 = _mm256_mul_ps(_mm256_load_ps(a + i + 8), _mm256_load_ps(b + i + 8));
            s0 = _mm256_add_ps(s0, p0);
            s1 = _mm256_add_ps(s1, p1);
        }
        s0 = _mm256_mul_ps(s0, _mm256_set1_ps(0.5f));
    }
    _mm256_storeu_ps(parts, _mm256_add_ps(s0, s1));
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++) {
        sum = bench_mix(sum, bits_of(parts[i]));
    }
    return sum;
}

__attribute__((target("avx2"))) static uint64_t run_search(uint64_t rounds)
{
    static uint8_t text[VECTOR_N] __attribute__((aligned(32)));
    uint64_t seed = 11, sum = 0;
    for (int i = 0; i < VECTOR_N; i++) {
        text[i] = (uint8_t)bench_random(&seed);
    }
    while (rounds--) {
        __m256i wanted = _mm256_set1_epi8((char)rounds);
        for (int i = 0; i < VECTOR_N; i += 32) {
            __m256i v = _mm256_load_si256((const __m256i *)(text + i));
            uint32_t hits = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, wanted));
            if (hits) {
                sum += (uint64_t)i + (uint64_t)__builtin_ctz(hits);
            }
        }
    }
    return sum;
}

const struct bench bench_fp[] = {
    {"matmul", "float", "multiply-add", run_matmul, 40, MATRIX_N *MATRIX_N *MATRIX_N, NULL},
    {"nbody", "float", "step", run_nbody, 400, BODY_STEPS, NULL},
    {"avx2-dot", "float", "element", run_dot, 15000, VECTOR_N, has_avx2},
    {"avx2-search", "float", "byte", run_search, 50000, VECTOR_N, has_avx2},
    {"x87", "x87", "step", run_x87, 1000, X87_STEPS, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};
