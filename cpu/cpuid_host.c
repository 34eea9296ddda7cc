/* SPDX-License-Identifier: MIT
 * What the host's CPUID says: a guest is offered by default what runs natively. */
#include "cpu/cpuid.h"

#include <pthread.h>

#if defined(__x86_64__)

/* false: no such leaf. */
static bool query(uint32_t leaf, uint32_t r[4])
{
    uint32_t top = leaf & 0x80000000, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(top), "=b"(b), "+c"(c), "=d"(d));
    if (top < leaf)
        return false;
    r[0] = leaf;
    r[2] = 0;
    __asm__ volatile("cpuid" : "+a"(r[0]), "=b"(r[1]), "+c"(r[2]), "=d"(r[3]));
    return true;
}

/* Without AVX in the host's XCR0 nothing encoded with VEX runs but BMI. */
static bool needs_ymm(enum cpuid_word word, unsigned bit)
{
    if (word == CW_1_ECX)
        return bit == 12 || bit == 28 || bit == 29;
    return (word == CW_7_EBX && bit == 5) || (word == CW_7_ECX && (bit == 9 || bit == 10));
}

static bool ymm_saved(uint32_t c1)
{
    uint32_t a, d;

    if (!(c1 >> 27 & 1))
        return false;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & 6) == 6;
}

static uint32_t words[CW_COUNT]; /* those that cpu_host_has knows */

static void read_words(void)
{
    uint32_t r[4];

    if (query(1, r))
        words[CW_1_ECX] = r[2];
    if (query(7, r)) {
        words[CW_7_EBX] = r[1];
        words[CW_7_ECX] = r[2];
    }
    if (query(0x80000001, r))
        words[CW_X1_ECX] = r[2];
    for (unsigned bit = 0; bit < 32 && !ymm_saved(words[CW_1_ECX]); bit++)
        for (unsigned w = 0; w < CW_COUNT; w++)
            if (needs_ymm((enum cpuid_word)w, bit))
                words[w] &= ~(1u << bit);
}

/* CPUID is slow where the host is a virtual machine itself: some 50 us. */
bool cpu_host_has(enum cpuid_word word, unsigned bit)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, read_words);
    return words[word] >> bit & 1;
}

#else

bool cpu_host_has(enum cpuid_word word, unsigned bit)
{
    return false;
}

#endif
