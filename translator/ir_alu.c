/* SPDX-License-Identifier: MIT */
#include "translator/ir_alu.h"

static uint64_t mask_of(unsigned w)
{
    return w == 8 ? ~0ull : (1ull << (w * 8)) - 1;
}

static uint32_t flags_szp(unsigned w, uint64_t r)
{
    uint32_t fl = 0;

    r &= mask_of(w);
    if (!r)
        fl |= FL_ZF;
    if (r >> (w * 8 - 1))
        fl |= FL_SF;
    if (!__builtin_parity((unsigned)(r & 0xff)))
        fl |= FL_PF;
    return fl;
}

static uint32_t flags_add(unsigned w, uint64_t a, uint64_t b, uint64_t r)
{
    uint64_t out = (a & b) | ((a | b) & ~r); /* carries out of each bit */

    return flags_szp(w, r) | (out >> (w * 8 - 1) & 1 ? FL_CF : 0) |
           ((a ^ b ^ r) & 0x10 ? FL_AF : 0) |
           (((a ^ r) & (b ^ r)) >> (w * 8 - 1) & 1 ? FL_OF : 0);
}

static uint32_t flags_sub(unsigned w, uint64_t a, uint64_t b, uint64_t r)
{
    uint64_t out = (~a & b) | ((~a | b) & r); /* borrows */

    return flags_szp(w, r) | (out >> (w * 8 - 1) & 1 ? FL_CF : 0) |
           ((a ^ b ^ r) & 0x10 ? FL_AF : 0) |
           (((a ^ b) & (a ^ r)) >> (w * 8 - 1) & 1 ? FL_OF : 0);
}

uint64_t ir_alu(enum ir_op op, unsigned w, uint64_t a, uint64_t b, uint32_t *fl, bool flags)
{
    uint64_t c = *fl & FL_CF ? 1 : 0, r, m = mask_of(w);

    switch (op) {
    case IR_ADC:
        r = (a + b + c) & m;
        if (flags)
            *fl = flags_add(w, a, b, r);
        return r;
    case IR_ADD:
        r = (a + b) & m;
        if (flags)
            *fl = flags_add(w, a, b, r);
        return r;
    case IR_SBB:
        r = (a - b - c) & m;
        if (flags)
            *fl = flags_sub(w, a, b, r);
        return r;
    case IR_SUB:
    case IR_CMP:
        r = (a - b) & m;
        if (flags)
            *fl = flags_sub(w, a, b, r);
        return r;
    case IR_INC:
        r = (a + 1) & m;
        if (flags)
            *fl = (flags_add(w, a, 1, r) & ~FL_CF) | (*fl & FL_CF);
        return r;
    case IR_DEC:
        r = (a - 1) & m;
        if (flags)
            *fl = (flags_sub(w, a, 1, r) & ~FL_CF) | (*fl & FL_CF);
        return r;
    case IR_NEG:
        r = (0 - a) & m;
        if (flags)
            *fl = flags_sub(w, 0, a, r);
        return r;
    case IR_NOT:
        return ~a & m;
    case IR_AND:
    case IR_TEST: r = a & b; break;
    case IR_OR: r = a | b; break;
    default: r = a ^ b;
    }
    if (flags)
        *fl = flags_szp(w, r) | (*fl & FL_AF);
    return r;
}

/* ---- shifts ---- */

static void set_cf_of(uint32_t *fl, bool cf, bool of)
{
    *fl = (*fl & ~(FL_CF | FL_OF)) | (cf ? FL_CF : 0) | (of ? FL_OF : 0);
}

static uint64_t rotate(enum ir_op op, unsigned w, uint64_t a, unsigned count, uint32_t *fl)
{
    unsigned bits = w * 8, n = count % bits;
    uint64_t m = mask_of(w), r;

    if (op == IR_ROL) {
        r = n ? (a << n | a >> (bits - n)) & m : a;
        if (count)
            set_cf_of(fl, r & 1, (r >> (bits - 1) ^ r) & 1);
    } else {
        r = n ? (a >> n | a << (bits - n)) & m : a;
        if (count)
            set_cf_of(fl, r >> (bits - 1) & 1, (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
    }
    return r;
}

static uint64_t rotate_carry(enum ir_op op, unsigned w, uint64_t a, unsigned count, uint32_t *fl)
{
    unsigned bits = w * 8;
    bool cf = *fl & FL_CF, out;
    uint64_t m = mask_of(w);

    if (!count)
        return a;
    for (unsigned i = 0; i < count % (bits + 1); i++) {
        if (op == IR_RCL) {
            out = a >> (bits - 1) & 1;
            a = (a << 1 | cf) & m;
        } else {
            out = a & 1;
            a = a >> 1 | (uint64_t)cf << (bits - 1);
        }
        cf = out;
    }
    if (op == IR_RCL)
        set_cf_of(fl, cf, (a >> (bits - 1) & 1) ^ cf);
    else
        set_cf_of(fl, cf, (a >> (bits - 1) ^ a >> (bits - 2)) & 1);
    return a;
}

static uint64_t shift_plain(enum ir_op op, unsigned w, uint64_t a, unsigned count, bool *cf,
                            bool *of)
{
    unsigned bits = w * 8;
    uint64_t m = mask_of(w), r;
    int64_t s = (int64_t)(a << (64 - bits)) >> (64 - bits);

    if (op == IR_SHL) {
        r = (a << count) & m;
        *cf = count <= bits ? a >> (bits - count) & 1 : 0;
        *of = (r >> (bits - 1) & 1) ^ *cf;
    } else if (op == IR_SHR) {
        r = a >> count;
        *cf = a >> (count - 1) & 1;
        *of = count == 1 ? a >> (bits - 1) & 1 : 0;
    } else {
        r = (uint64_t)(s >> count) & m;
        *cf = s >> (count - 1) & 1;
        *of = false;
    }
    return r;
}

static uint64_t shift_double(enum ir_op op, unsigned w, uint64_t a, uint64_t fill, unsigned count,
                             bool *cf, bool *of)
{
    unsigned bits = w * 8;
    uint64_t m = mask_of(w), r;
    unsigned __int128 wide;

    if (count > bits) { /* 16-bit operands, count 17..31: undefined; go on through the fill */
        uint64_t old = a;

        count -= bits;
        a = fill;
        fill = old;
    }
    if (op == IR_SHLD) {
        wide = (unsigned __int128)a << bits | fill;
        r = (uint64_t)(wide << count >> bits) & m;
        *cf = a >> (bits - count) & 1;
        *of = (r >> (bits - 1) ^ a >> (bits - 1)) & 1;
    } else {
        wide = (unsigned __int128)fill << bits | a;
        r = (uint64_t)(wide >> count) & m;
        *cf = a >> (count - 1) & 1;
        *of = (r >> (bits - 1) ^ a >> (bits - 1)) & 1;
    }
    return r;
}

uint64_t ir_shift(enum ir_op op, unsigned w, uint64_t a, uint64_t fill, unsigned count,
                  uint32_t *fl)
{
    bool cf, of;
    uint64_t r;

    if (op == IR_ROL || op == IR_ROR)
        return rotate(op, w, a, count, fl);
    if (op == IR_RCL || op == IR_RCR)
        return rotate_carry(op, w, a, count, fl);
    if (!count)
        return a;
    if (op == IR_SHLD || op == IR_SHRD)
        r = shift_double(op, w, a, fill, count, &cf, &of);
    else
        r = shift_plain(op, w, a, count, &cf, &of);
    *fl = flags_szp(w, r) | (*fl & FL_AF) | (cf ? FL_CF : 0) | (of ? FL_OF : 0);
    return r;
}

/* ---- multiply and divide ---- */

static int64_t sext(uint64_t v, unsigned w)
{
    unsigned shift = 64 - w * 8;

    return (int64_t)(v << shift) >> shift;
}

void ir_mul(bool is_signed, unsigned w, uint64_t a, uint64_t b, uint64_t *hi, uint64_t *lo,
            uint32_t *fl)
{
    uint64_t m = mask_of(w);
    unsigned __int128 p;
    bool big;

    if (is_signed) {
        __int128 s = (__int128)sext(a, w) * sext(b, w);

        p = (unsigned __int128)s;
        big = s != sext((uint64_t)s, w);
    } else {
        p = (unsigned __int128)(a & m) * (b & m);
        big = p >> (w * 8) != 0;
    }
    *lo = (uint64_t)p & m;
    *hi = (uint64_t)(p >> (w * 8)) & m;
    *fl = (*fl & ~(FL_CF | FL_OF)) | (big ? FL_CF | FL_OF : 0);
}

bool ir_div(bool is_signed, unsigned w, uint64_t hi, uint64_t lo, uint64_t b, uint64_t *q,
            uint64_t *r)
{
    uint64_t m = mask_of(w);
    unsigned __int128 n = (unsigned __int128)(hi & m) << (w * 8) | (lo & m);

    b &= m;
    if (!b)
        return false;
    if (is_signed) {
        __int128 sn = w == 8 ? (__int128)n : (__int128)sext((uint64_t)n, w * 2), sq;

        if (b == m && w == 8 && n == (unsigned __int128)1 << 127)
            return false;
        sq = sn / sext(b, w);
        if (sq != sext((uint64_t)sq, w))
            return false;
        *q = (uint64_t)sq & m;
        *r = (uint64_t)(sn % sext(b, w)) & m;
        return true;
    }
    if (n / b > m)
        return false;
    *q = (uint64_t)(n / b);
    *r = (uint64_t)(n % b);
    return true;
}

bool ir_condition(uint32_t fl, unsigned cc)
{
    bool r;

    switch (cc >> 1) {
    case 0: r = fl & FL_OF; break;
    case 1: r = fl & FL_CF; break;
    case 2: r = fl & FL_ZF; break;
    case 3: r = fl & (FL_CF | FL_ZF); break;
    case 4: r = fl & FL_SF; break;
    case 5: r = fl & FL_PF; break;
    case 6: r = !(fl & FL_SF) != !(fl & FL_OF); break;
    default: r = (fl & FL_ZF) || !(fl & FL_SF) != !(fl & FL_OF);
    }
    return r != (cc & 1);
}
