/* SPDX-License-Identifier: MIT
 * SHA extensions (SDM volume 2). Words stand in the registers highest first. */
#include "cpu/vec_ops.h"

static uint32_t rol(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static uint32_t ror(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (~x & z);
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (x & z) ^ (y & z);
}

void vec_sha1nexte(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    union vec r = *s;

    r.u32[3] += rol(d->u32[3], 30);
    for (unsigned i = 0; i < 4; i++)
        d->u32[i] = r.u32[i];
}

void vec_sha1msg1(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    uint32_t w4 = s->u32[3], w5 = s->u32[2];

    d->u32[3] ^= d->u32[1];
    d->u32[2] ^= d->u32[0];
    d->u32[1] ^= w4;
    d->u32[0] ^= w5;
}

void vec_sha1msg2(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    uint32_t w13 = s->u32[2], w14 = s->u32[1], w15 = s->u32[0], w16 = rol(d->u32[3] ^ w13, 1);

    d->u32[3] = w16;
    d->u32[2] = rol(d->u32[2] ^ w14, 1);
    d->u32[1] = rol(d->u32[1] ^ w15, 1);
    d->u32[0] = rol(d->u32[0] ^ w16, 1);
}

void vec_sha1rnds4(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t a = d->u32[3], b = d->u32[2], c = d->u32[1], dd = d->u32[0], e = 0;
    union vec w = *s;

    for (unsigned i = 0; i < 4; i++) {
        uint32_t f, t;

        switch (imm & 3) {
        case 0: f = choose(b, c, dd); break;
        case 2: f = majority(b, c, dd); break;
        default: f = b ^ c ^ dd;
        }
        t = f + rol(a, 5) + w.u32[3 - i] + e + k[imm & 3];
        e = dd;
        dd = c;
        c = rol(b, 30);
        b = a;
        a = t;
    }
    d->u32[3] = a;
    d->u32[2] = b;
    d->u32[1] = c;
    d->u32[0] = dd;
}

void vec_sha256rnds2(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    uint32_t wk[2] = {env->xmm0->u32[0], env->xmm0->u32[1]};
    uint32_t a = s->u32[3], b = s->u32[2], e = s->u32[1], f = s->u32[0];
    uint32_t c = d->u32[3], dd = d->u32[2], g = d->u32[1], h = d->u32[0];

    for (unsigned i = 0; i < 2; i++) {
        uint32_t t = choose(e, f, g) + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + wk[i] + h;
        uint32_t u = majority(a, b, c) + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22));

        h = g;
        g = f;
        f = e;
        e = t + dd;
        dd = c;
        c = b;
        b = a;
        a = t + u;
    }
    d->u32[3] = a;
    d->u32[2] = b;
    d->u32[1] = e;
    d->u32[0] = f;
}

void vec_sha256msg1(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    uint32_t w[5] = {d->u32[0], d->u32[1], d->u32[2], d->u32[3], s->u32[0]};

    for (unsigned i = 0; i < 4; i++)
        d->u32[i] = w[i] + (ror(w[i + 1], 7) ^ ror(w[i + 1], 18) ^ w[i + 1] >> 3);
}

void vec_sha256msg2(struct vec_env *env, union vec *d, const union vec *s, unsigned imm)
{
    uint32_t w[6] = {s->u32[2], s->u32[3]};

    for (unsigned i = 0; i < 4; i++) {
        w[i + 2] = d->u32[i] + (ror(w[i], 17) ^ ror(w[i], 19) ^ w[i] >> 10);
        d->u32[i] = w[i + 2];
    }
}
