/* SPDX-License-Identifier: MIT
 * Numbers of a round of the board's fuzzer. */
#ifndef TESTS_HW_FUZZ_RANDOM_H
#define TESTS_HW_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

void random_seed(uint64_t seed);
uint32_t random_u32(void);

#define FUZZ_U32() random_u32()
#include "tests/fuzz.h"

static inline bool one_in(uint32_t n)
{
    return fuzz_below(n) == 0;
}

#define PICK(array) ((array)[fuzz_below(G_N_ELEMENTS(array))])

#endif
