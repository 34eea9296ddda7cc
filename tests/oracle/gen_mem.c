/* SPDX-License-Identifier: MIT
 * Memory operands: where they lie, how registers reach them, what lies there before. */
#include <string.h>

#include "tests/oracle/gen_int.h"

void gen_emit(struct build *b, const uint8_t *bytes, unsigned n)
{
    if (b->len + n > ORC_CODE_MAX)
        n = ORC_CODE_MAX - b->len;
    memcpy(b->c->code + b->len, bytes, n);
    b->len = (uint16_t)(b->len + n);
}

static void set_initial(struct build *b, unsigned reg, uint64_t value)
{
    b->c->gpr[reg] = value;
    b->value[reg] = value;
    b->reg[reg] = RS_KNOWN;
}

bool gen_reg_value(struct build *b, unsigned reg, uint64_t *value)
{
    if (b->reg[reg] == RS_FREE)
        set_initial(b, reg, value_int(&b->r, 64 >> rng_below(&b->r, 3)));
    *value = b->value[reg];
    return b->reg[reg] == RS_KNOWN;
}

void gen_dirty(struct build *b, unsigned reg)
{
    if (b->reg[reg] == RS_FREE)
        b->c->gpr[reg] = value_int(&b->r, 64 >> rng_below(&b->r, 3));
    b->reg[reg] = RS_DIRTY;
    b->version[reg]++;
}

/* MOV r32, imm32: no flags, upper half cleared. */
static void emit_mov(struct build *b, unsigned reg, uint32_t value)
{
    struct orc_case *c = b->c;
    uint8_t code[6] = {0x41, (uint8_t)(0xb8 | (reg & 7))};
    unsigned skip = reg < 8;

    memcpy(code + 2, &value, 4);
    if (c->ninsns >= ORC_MAX_INSNS)
        return;
    c->insn[c->ninsns++] = (struct orc_insn){b->len, (uint16_t)(6 - skip), I_MOV, b->undef};
    gen_emit(b, code + skip, 6 - skip);
}

void gen_set_reg(struct build *b, unsigned reg, uint64_t value)
{
    if (b->reg[reg] == RS_FREE) {
        set_initial(b, reg, value);
        return;
    }
    if (b->reg[reg] == RS_KNOWN && b->value[reg] == value)
        return;
    emit_mov(b, reg, (uint32_t)value);
    b->reg[reg] = RS_KNOWN;
    b->value[reg] = (uint32_t)value;
    b->version[reg]++;
}

static const uint32_t writable[ORC_NRW] = {ORC_RW_A, ORC_RW_B, ORC_RW_C};

/* Inside a writable page, aligned to the size or not. */
static uint64_t plain_target(struct build *b, unsigned size)
{
    unsigned align = size > 64 ? 64 : size, pick = rng_below(&b->r, 10);
    uint64_t addr = writable[rng_below(&b->r, ORC_NRW)];
    unsigned off = rng_below(&b->r, GUEST_PAGE_SIZE - 16 - size);

    if (pick < 7) {
        while (align & (align - 1))
            align &= align - 1;
        if (size == 10 || size == 512 || size == 108)
            align = 16;
        off &= ~(align - 1);
    } else if (pick == 7) { /* crossing a cache line */
        off = (off & ~63u) + 64 - (1 + rng_below(&b->r, size > 1 ? size - 1 : 1)) % 64;
    }
    return addr + off;
}

uint64_t gen_target(struct build *b, unsigned size, bool write)
{
    unsigned n = size ? size : 1, k = rng_below(&b->r, 1000), inside;

    if (b->seq && k < 150)
        k = rng_below(&b->r, 6) ? 500 : k;
    if (k >= 150)
        return plain_target(b, n);
    inside = n > 1 ? 1 + rng_below(&b->r, n - 1) : 0; /* bytes before the page boundary */
    if (k < 60)
        return ORC_RW_B - inside; /* A to B */
    if (k < 75)
        return ORC_HOLE2 - inside; /* B into nothing */
    if (k < 85)
        return ORC_RW_A - inside; /* nothing into A */
    if (k < 95)
        return ORC_RW_C - inside; /* read-only to C */
    if (k < 105)
        return ORC_RO2 - inside; /* C to read-only */
    if (k < 115)
        return ORC_HOLE3 - inside;
    if (k < 130)
        return ORC_RO1 + (rng_below(&b->r, 3000) & (k & 1 ? ~63u : ~0u));
    if (k < 145)
        return ORC_HOLE2 + rng_below(&b->r, 4000);
    if (k < 148)
        return 0x800000000000ull + rng_below(&b->r, 4096);
    return 0xffff700000000000ull - rng_below(&b->r, 16);
}

uint8_t *gen_patch_bytes(struct build *b, uint64_t addr, unsigned size)
{
    struct orc_case *c = b->c;
    uint8_t *p;

    if (addr < ORC_BASE || addr + size > ORC_BASE + ORC_PAGES * GUEST_PAGE_SIZE ||
        c->npatches >= ORC_MAX_PATCHES || c->blob_len + size > ORC_BLOB)
        return NULL;
    c->patch[c->npatches++] = (struct orc_patch){(uint32_t)addr, (uint16_t)size, c->blob_len};
    p = c->blob + c->blob_len;
    c->blob_len = (uint16_t)(c->blob_len + size);
    return p;
}

uint32_t gen_patch(struct build *b, uint64_t addr, unsigned size, enum value_style style)
{
    uint8_t *p = gen_patch_bytes(b, addr, size);

    if (!p)
        return NOBLOB;
    value_bytes(&b->r, p, size, style);
    return (uint32_t)(p - b->c->blob);
}

/* ---- addressing ---- */

static bool fits32(int64_t v)
{
    return v == (int32_t)v;
}

static void put_disp(struct addressing *a, uint32_t disp, unsigned size)
{
    memcpy(a->bytes + a->len, &disp, size);
    a->len += size;
}

/* [disp32] or [rip+disp32]: always possible for targets below 2 GiB. */
static void absolute(struct build *b, struct addressing *a, uint64_t target, unsigned reg3)
{
    a->rip = rng_chance(&b->r, 500);
    a->bytes[0] = (uint8_t)(reg3 << 3 | (a->rip ? 5 : 4));
    a->len = 1;
    if (!a->rip)
        a->bytes[a->len++] = 0x25;
    put_disp(a, (uint32_t)target, 4);
}

/* A displacement so that base + x + disp = target; picks the base's value when free. */
static bool solve_disp(struct build *b, unsigned base, uint64_t target, uint64_t x, bool p67,
                       int64_t *disp)
{
    uint64_t v;

    if (b->reg[base] == RS_FREE) {
        unsigned k = rng_below(&b->r, 3);

        *disp = k == 0 ? 0 : (int64_t)value_int(&b->r, k == 1 ? 8 : 32);
        v = target - x - (uint64_t)*disp;
        if (p67)
            v = (uint32_t)v | rng_next(&b->r) << 32;
        set_initial(b, base, v);
        return true;
    }
    if (b->reg[base] != RS_KNOWN)
        return false;
    v = target - x - b->value[base];
    *disp = p67 ? (int32_t)v : (int64_t)v;
    return fits32(*disp);
}

static unsigned pick_reg(struct build *b, uint8_t need_rex_b, uint16_t avoid)
{
    unsigned reg;

    do {
        reg = rng_below(&b->r, 16);
        if (need_rex_b < 2)
            reg = (reg & 7) | (unsigned)need_rex_b << 3;
    } while (avoid >> reg & 1);
    return reg;
}

void gen_addressing(struct build *b, struct addressing *a, uint64_t target, unsigned reg3,
                    uint8_t need_rex_b, uint16_t avoid)
{
    unsigned base = pick_reg(b, need_rex_b, avoid), index = 4, scale = 0;
    uint64_t x = 0;
    int64_t disp;
    bool low = target < 1ull << 31;

    memset(a, 0, sizeof(*a));
    a->p67 = low && rng_chance(&b->r, 50);
    if (low && need_rex_b != 1 && rng_chance(&b->r, 120)) {
        absolute(b, a, target, reg3);
        return;
    }
    if (rng_chance(&b->r, 400)) {
        unsigned reg = pick_reg(b, 2, avoid);
        uint64_t v;

        if (reg != 4 && reg != base && gen_reg_value(b, reg, &v)) {
            index = reg;
            scale = rng_below(&b->r, 4);
            x = v << scale;
        }
    }
    if (!solve_disp(b, base, target, x, a->p67, &disp)) {
        if (low && need_rex_b != 1) {
            absolute(b, a, target, reg3);
            return;
        }
        gen_set_reg(b, base, target);
        index = 4;
        disp = 0;
    }
    a->rex = (uint8_t)((index >> 3) << 1 | base >> 3);
    a->bytes[0] = (uint8_t)(reg3 << 3);
    a->len = 1;
    if (index != 4 || (base & 7) == 4) {
        a->bytes[0] |= 4;
        a->bytes[a->len++] = (uint8_t)(scale << 6 | (index & 7) << 3 | (base & 7));
    } else {
        a->bytes[0] |= (uint8_t)(base & 7);
    }
    if (disp == 0 && (base & 7) != 5 && rng_chance(&b->r, 800))
        return;
    if (disp == (int8_t)disp && rng_chance(&b->r, 900)) {
        a->bytes[0] |= 0x40;
        put_disp(a, (uint32_t)disp, 1);
    } else {
        a->bytes[0] |= 0x80;
        put_disp(a, (uint32_t)disp, 4);
    }
}
