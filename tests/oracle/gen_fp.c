/* SPDX-License-Identifier: MIT
 * Random floating-point and vector state. */
#include <string.h>

#include "cpu/cpuid.h"
#include "tests/oracle/gen_int.h"

uint32_t gen_mxcsr(struct build *b)
{
    uint64_t x = rng_next(&b->r);
    uint32_t v = 0x1f80 | (uint32_t)(x & 3) << 13;

    if ((x >> 8 & 7) == 0)
        v = (v & ~0x1f80u) | (x >> 16 & 0x1f80);
    if ((x >> 11 & 7) == 0)
        v |= 1 << 6; /* DAZ */
    if ((x >> 32 & 7) == 0)
        v |= 1 << 15; /* FTZ */
    if ((x >> 35 & 3) == 0)
        v |= x >> 40 & 0x3f;
    return v;
}

uint16_t gen_x87_cw(struct build *b)
{
    static const uint16_t pc[8] = {3, 3, 3, 3, 2, 2, 0, 0};
    uint64_t x = rng_next(&b->r);
    uint16_t cw = (uint16_t)(0x40 | pc[x & 7] << 8 | (x >> 8 & 3) << 10);

    return (uint16_t)(cw | ((x >> 16 & 7) ? 0x3f : (x >> 24 & 0x3f)));
}

static void gen_x87(struct build *b, uint8_t *fx)
{
    uint64_t x = rng_next(&b->r);
    uint16_t cw = gen_x87_cw(b);
    uint16_t sw = (uint16_t)((x & 7) << 11 | (x >> 8 & 0x4700));

    if ((x >> 32 & 3) == 0)
        sw |= x >> 40 & 0x7f;
    if ((x >> 34 & 31) != 0) /* mostly nothing pending */
        sw &= (uint16_t)(cw | ~0x3f);
    if (sw & ~cw & 0x3f)
        sw |= 0x8080;
    memcpy(fx, &cw, 2);
    memcpy(fx + 2, &sw, 2);
    switch (x >> 48 & 3) {
    case 0: fx[4] = 0xff; break;
    case 1: fx[4] = (uint8_t)(x >> 52); break;
    default: { /* a few values on the stack */
        unsigned top = x & 7, n = 1 + (unsigned)(x >> 52 & 3);

        fx[4] = 0;
        for (unsigned i = 0; i < n; i++)
            fx[4] |= (uint8_t)(1 << ((top + i) & 7));
    }
    }
    for (unsigned i = 0; i < 8; i++)
        value_f80(&b->r, fx + 32 + 16 * i);
}

void gen_fx(struct build *b, uint8_t *fx, bool interesting)
{
    uint32_t mxcsr = interesting ? gen_mxcsr(b) : 0x1f80, mask = 0xffff;
    uint16_t cw = 0x37f;

    memset(fx, 0, 512);
    memcpy(fx, &cw, 2);
    if (interesting)
        gen_x87(b, fx);
    memcpy(fx + 24, &mxcsr, 4);
    memcpy(fx + 28, &mask, 4);
    for (unsigned i = 0; i < 16; i++) {
        enum value_style style = b->style;

        if (rng_chance(&b->r, 300))
            style = (enum value_style)rng_below(&b->r, VS_COUNT);
        value_bytes(&b->r, fx + 160 + 16 * i, 16, style);
    }
}

void gen_upper(struct build *b, uint8_t *ymm)
{
    memset(ymm, 0, 256);
    if (!cpu_host_has(CW_1_ECX, 28) || rng_chance(&b->r, 400))
        return;
    for (unsigned i = 0; i < 16; i++) {
        enum value_style style = b->style;

        if (rng_chance(&b->r, 300))
            style = (enum value_style)rng_below(&b->r, VS_COUNT);
        if (!rng_chance(&b->r, 100))
            value_bytes(&b->r, ymm + 16 * i, 16, style);
    }
}
