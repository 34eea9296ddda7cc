/* SPDX-License-Identifier: MIT
 * Features of the host CPU that the emitters choose by (Intel SDM vol. 2, CPUID). */
#include "translator/x86_64/x64.h"

#include <cpuid.h>

static uint32_t bit(unsigned reg, unsigned n, uint32_t hf)
{
    return reg >> n & 1 ? hf : 0;
}

uint32_t x64_host_features(void)
{
    unsigned a, b, c, d;
    uint32_t hf = 0;

    if (__get_cpuid(1, &a, &b, &c, &d))
        hf |= bit(c, 0, HF_SSE3) | bit(c, 9, HF_SSSE3) | bit(c, 19, HF_SSE41) |
              bit(c, 20, HF_SSE42) | bit(c, 23, HF_POPCNT) | bit(c, 25, HF_AES) |
              bit(c, 1, HF_PCLMUL);
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        hf |= bit(b, 3, HF_BMI1) | bit(b, 8, HF_BMI2) | bit(b, 29, HF_SHA);
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        hf |= bit(c, 5, HF_LZCNT);
    return hf;
}
