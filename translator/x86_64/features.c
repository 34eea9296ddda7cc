/* SPDX-License-Identifier: MIT
 * Features of the host CPU that the emitters choose by (Intel SDM vol. 2, CPUID). */
#include "translator/x86_64/x64.h"

#include <cpuid.h>

#define HYGON_EBX 0x6f677948 /* "Hygo" */

static uint32_t bit(unsigned reg, unsigned n, uint32_t hf)
{
    return reg >> n & 1 ? hf : 0;
}

/* Does the host's kernel save XMM and YMM registers? */
static bool ymm_saved(void)
{
    uint32_t a, d;

    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & 6) == 6;
}

static uint32_t avx_features(unsigned c1, unsigned b7, unsigned c7)
{
    if (!(c1 >> 27 & 1) || !ymm_saved() || !(c1 >> 28 & 1))
        return 0;
    return HF_AVX | bit(c1, 12, HF_FMA) | bit(c1, 29, HF_F16C) | bit(b7, 5, HF_AVX2) |
           bit(c7, 9, HF_VAES) | bit(c7, 10, HF_VPCLMUL);
}

/* AMD before Zen 3 (family 19h) and Hygon carry it out in microcode, tens of cycles. */
bool x64_pext_is_fast(uint32_t vendor_ebx, uint32_t leaf1_eax)
{
    unsigned family = leaf1_eax >> 8 & 15;

    if (family == 15)
        family += leaf1_eax >> 20 & 0xff;
    if (vendor_ebx == HYGON_EBX)
        return false;
    return vendor_ebx != signature_AMD_ebx || family >= 0x19;
}

uint32_t x64_host_features(void)
{
    unsigned a, b, c, d, c1 = 0, a1 = 0;
    uint32_t hf = 0;

    if (__get_cpuid(1, &a, &b, &c, &d)) {
        c1 = c;
        a1 = a;
        hf |= bit(c, 0, HF_SSE3) | bit(c, 9, HF_SSSE3) | bit(c, 19, HF_SSE41) |
              bit(c, 20, HF_SSE42) | bit(c, 23, HF_POPCNT) | bit(c, 25, HF_AES) |
              bit(c, 1, HF_PCLMUL);
    }
    b = c = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        hf |= bit(b, 3, HF_BMI1) | bit(b, 8, HF_BMI2) | bit(b, 29, HF_SHA) | bit(b, 19, HF_ADX);
    hf |= avx_features(c1, b, c);
    if ((hf & HF_BMI2) && __get_cpuid(0, &a, &b, &c, &d) && x64_pext_is_fast(b, a1))
        hf |= HF_FAST_PEXT;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        hf |= bit(c, 5, HF_LZCNT);
    return hf;
}

/* System V ABI for x86-64, 3.1.1 (micro-architecture levels). */
uint32_t jit_host_above(unsigned level)
{
    const uint32_t v2 = HF_SSE3 | HF_SSSE3 | HF_SSE41 | HF_SSE42 | HF_POPCNT;
    const uint32_t v3 =
        v2 | HF_BMI1 | HF_BMI2 | HF_LZCNT | HF_AVX | HF_AVX2 | HF_FMA | HF_F16C | HF_FAST_PEXT;

    return level == 2 ? ~v2 : level == 3 ? ~v3 : 0;
}
