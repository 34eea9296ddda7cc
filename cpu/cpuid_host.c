/* SPDX-License-Identifier: MIT
 * What the host's CPUID says: a guest is offered by default what runs natively. */
#include "cpu/cpuid.h"

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

static bool ymm_saved(void)
{
    uint32_t r[4];

    if (!query(1, r) || !(r[2] >> 27 & 1))
        return false;
    __asm__ volatile("xgetbv" : "=a"(r[0]), "=d"(r[3]) : "c"(0));
    return (r[0] & 6) == 6;
}

bool cpu_host_has(enum cpuid_word word, unsigned bit)
{
    uint32_t r[4], leaf = word == CW_1_ECX ? 1 : word == CW_X1_ECX ? 0x80000001 : 7;

    if (!query(leaf, r))
        return false;
    if (needs_ymm(word, bit) && !ymm_saved())
        return false;
    return r[word == CW_7_EBX ? 1 : 2] >> bit & 1;
}

#else

bool cpu_host_has(enum cpuid_word word, unsigned bit)
{
    return false;
}

#endif
