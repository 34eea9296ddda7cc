/* SPDX-License-Identifier: MIT */
/* The benchmark's programs: one table per file, run by main.c. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One program. run() does `rounds` rounds of `ops` operations each and returns a checksum
 * that depends on its results and on nothing else; the time is printed per operation.
 */
struct bench {
    const char *name;
    const char *group; /* geometric means are taken per group */
    const char *op;    /* what one operation is */
    uint64_t (*run)(uint64_t rounds);
    uint64_t rounds;      /* the same in every run, so that checksums agree */
    uint64_t ops;         /* operations per round */
    bool (*usable)(void); /* NULL: always; false skips the program on this CPU */
};

/* Tables that end with a NULL name. */
extern const struct bench bench_int[];
extern const struct bench bench_fp[];
extern const struct bench bench_mem[];
extern const struct bench bench_system[];
extern const struct bench bench_cold[];

/* A 64-bit linear congruential generator; *state is any value. Returns 32 random bits. */
static inline uint32_t bench_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 32;
}

/* Adds a value to a checksum. */
static inline uint64_t bench_mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3u + (sum >> 29);
}

#endif
