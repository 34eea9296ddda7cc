/* SPDX-License-Identifier: MIT
 * Instruction decoder (Intel SDM vol. 2, ch. 2): prefixes, opcode, the row
 * that matches, ModRM addressing, operands. Order of work: the row is chosen
 * from prefixes, opcode and ModRM byte alone; only then displacement and
 * immediates are read, so every length follows from the row. */
#include "cpu/insn_table.h"

#include <string.h>

#define NOSEG 0xff

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

struct decoder {
    struct insn *in;
    const uint8_t *bytes;
    unsigned n;   /* bytes at hand, at most 15 */
    unsigned pos; /* bytes consumed */
    bool starved; /* a read went past n */
    uint8_t rep;  /* 0, 0xf2 or 0xf3: the last of them */
    uint8_t seg;  /* override in force or NOSEG */
    bool p66, p67;
    bool bad; /* prefixes that VEX does not go with */
};

static uint8_t fetch8(struct decoder *d)
{
    if (UNLIKELY(d->pos >= d->n)) {
        d->starved = true;
        return 0;
    }
    return d->bytes[d->pos++];
}

/* Little-endian value of size bytes, zero-extended. */
static uint64_t fetch(struct decoder *d, unsigned size)
{
    uint64_t v = 0;

    if (UNLIKELY(d->pos + size > d->n)) {
        d->pos = d->n;
        d->starved = true;
        return 0;
    }
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)d->bytes[d->pos + i] << (8 * i);
    d->pos += size;
    return v;
}

static int64_t sign_extend(uint64_t v, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    return (int64_t)(v << shift) >> shift;
}

/* ---- prefixes and opcode ---- */

/* Takes one legacy prefix byte; false when b is none. Overrides of ES, CS, SS
 * and DS have no effect in 64-bit mode and do not undo one of FS or GS. */
static bool take_prefix(struct decoder *d, uint8_t b)
{
    bool legacy = d->in->mode != INSN_64;

    switch (b) {
    case 0x26: d->seg = legacy ? SEG_ES : d->seg; return true;
    case 0x2e: d->seg = legacy ? SEG_CS : d->seg; return true;
    case 0x36: d->seg = legacy ? SEG_SS : d->seg; return true;
    case 0x3e: d->seg = legacy ? SEG_DS : d->seg; return true;
    case 0x64: d->seg = SEG_FS; return true;
    case 0x65: d->seg = SEG_GS; return true;
    case 0x66: d->p66 = true; return true;
    case 0x67: d->p67 = true; return true;
    case 0xf0: d->in->lock = true; return true;
    case 0xf2:
    case 0xf3: d->rep = b; return true;
    default: return false;
    }
}

/* A VEX prefix whose first byte is b (SDM vol. 2, 2.3). Its fields end up where those of
 * REX and the mandatory prefixes do; outside 64-bit mode registers 8 to 15 do not exist. */
static void read_vex(struct decoder *d, uint8_t b, bool rex)
{
    static const uint8_t rep[4] = {0, 0, 0xf3, 0xf2};
    struct insn *in = d->in;
    uint8_t p = fetch8(d), bits = ~p >> 5 & 7;

    d->bad = rex || d->p66 || d->rep;
    in->map = 1;
    if (b == 0xc4) {
        in->map = p & 31;
        p = fetch8(d);
        in->vex_w = p >> 7;
    } else {
        bits &= REX_R;
    }
    if (in->map < 1 || in->map > 3)
        d->bad = true;
    in->vex = true;
    in->vex_l = p >> 2 & 1;
    in->vvvv = ~p >> 3 & 15;
    d->rep = rep[p & 3];
    d->p66 = (p & 3) == 1;
    if (in->mode == INSN_64)
        in->rex = (uint8_t)(0x40 | in->vex_w << 3 | bits);
    in->opcode = fetch8(d);
}

/* LES and LDS have a memory operand, VEX looks as if it had none. */
static bool is_vex(const struct decoder *d, uint8_t b)
{
    if (b != 0xc4 && b != 0xc5)
        return false;
    return d->in->mode == INSN_64 || (d->pos < d->n && d->bytes[d->pos] >= 0xc0);
}

/* Reads prefixes and the opcode. A REX byte counts only when the opcode
 * follows it directly (SDM vol. 2, 2.2.1). */
static void read_opcode(struct decoder *d)
{
    struct insn *in = d->in;
    uint8_t b, rex = 0;

    for (;;) {
        b = fetch8(d);
        if (in->mode == INSN_64 && (b & 0xf0) == 0x40)
            rex = b;
        else if (take_prefix(d, b))
            rex = 0;
        else
            break;
    }
    if (is_vex(d, b)) {
        read_vex(d, b, rex != 0);
        return;
    }
    in->rex = rex;
    if (b == 0x0f) {
        in->map = 1;
        b = fetch8(d);
        if (b == 0x38 || b == 0x3a) {
            in->map = b == 0x38 ? 2 : 3;
            b = fetch8(d);
        }
    }
    in->opcode = b;
}

/* ---- choice of the row ---- */

static uint32_t make_key(const struct decoder *d)
{
    const struct insn *in = d->in;
    uint32_t key;

    if (d->rep)
        key = d->rep == 0xf3 ? MTK_F3 : MTK_F2;
    else
        key = d->p66 ? MTK_66 : MTK_NONE;
    if (in->vex)
        key |= in->vex_l ? MTK_L1 : MTK_L0;
    if (in->mode != INSN_64)
        key |= in->vex_w ? MTK_N64W1 : MTK_N64;
    else
        key |= in->rex & REX_W ? MTK_64W1 : MTK_64W0;
    key |= in->rex & REX_B ? MTK_B1 : MTK_B0;
    if (in->has_modrm) {
        key |= in->modrm >= 0xc0 ? MTK_REG : MTK_MEM;
        key |= 1u << (MTK_R_SHIFT + (in->modrm >> 3 & 7));
        key |= 1u << (MTK_RM_SHIFT + (in->modrm & 7));
    }
    return key;
}

static const struct insn_row *find_row(struct decoder *d)
{
    struct insn *in = d->in;
    unsigned count;
    unsigned map = in->map + (in->vex ? 4u : 0u);
    const uint16_t *rows;
    uint32_t key;

    if (d->bad)
        return NULL;
    rows = insn_rows_of(map << 8 | in->opcode, &count);
    if (!count)
        return NULL;
    if (insn_table[rows[0]].match & MT_RM) {
        in->has_modrm = true;
        in->modrm = fetch8(d);
    }
    key = make_key(d);
    for (unsigned i = 0; i < count; i++) {
        const struct insn_row *row = &insn_table[rows[i]];
        if (!(row->match & key & MT_KEY))
            return row;
    }
    return NULL;
}

/* The mandatory prefix that a row asks for, 0 when it allows several. */
static uint8_t mandatory_prefix(const struct insn_row *row)
{
    switch (row->match & MTK_PFX) {
    case MT_66: return 0x66;
    case MT_F3: return 0xf3;
    case MT_F2: return 0xf2;
    default: return 0;
    }
}

/* Operand and address size (SDM vol. 2, 2.2.1.2 and table 3-4). */
static void set_sizes(struct decoder *d)
{
    struct insn *in = d->in;
    uint32_t attr = in->row->attr;
    bool p66 = d->p66 && in->pfx != 0x66;
    bool m64 = in->mode == INSN_64;

    if (m64)
        in->adsize = d->p67 ? 4 : 8;
    else
        in->adsize = (in->mode == INSN_16) == d->p67 ? 4 : 2;

    if (attr & IA_BYTE)
        in->opsize = 1;
    else if (attr & IA_NO_SIZE)
        in->opsize = m64 ? 8 : 4;
    else if (m64 && (in->rex & REX_W || attr & IA_FORCE64))
        in->opsize = attr & IA_IO ? 4 : 8;
    else if (m64)
        in->opsize = p66 ? 2 : attr & IA_DEF64 ? 8 : 4;
    else
        in->opsize = (in->mode == INSN_16) == p66 ? 4 : 2;
}

/* ---- memory operand ---- */

static void default_segment(struct decoder *d, uint8_t dflt)
{
    d->in->mem.seg = d->seg != NOSEG ? d->seg : dflt;
}

static void address16(struct decoder *d, unsigned mod, unsigned rm)
{
    static const uint8_t base[8] = {R_BX, R_BX, R_BP, R_BP, R_SI, R_DI, R_BP, R_BX};
    static const uint8_t index[4] = {R_SI, R_DI, R_SI, R_DI};
    struct insn_mem *m = &d->in->mem;

    if (mod == 0 && rm == 6) {
        m->disp = sign_extend(fetch(d, 2), 2);
    } else {
        m->base = base[rm];
        m->index = rm < 4 ? index[rm] : MEM_NOREG;
        if (mod)
            m->disp = sign_extend(fetch(d, mod), mod);
    }
    default_segment(d, m->base == R_BP ? SEG_SS : SEG_DS);
}

static void address32(struct decoder *d, unsigned mod, unsigned rm)
{
    struct insn_mem *m = &d->in->mem;
    uint8_t rex = d->in->rex;
    bool no_base;

    if (rm == 4) {
        uint8_t sib = fetch8(d);
        uint8_t index = (uint8_t)((sib >> 3 & 7) | (rex & REX_X ? 8 : 0));
        if (index != R_SP || d->in->row->attr & IA_VSIB) {
            m->index = index;
            m->scale = (uint8_t)(1 << (sib >> 6));
        }
        rm = sib & 7;
        no_base = mod == 0 && rm == 5;
    } else {
        no_base = mod == 0 && rm == 5;
        if (no_base && d->in->mode == INSN_64)
            m->base = MEM_RIP;
    }
    if (!no_base)
        m->base = (uint8_t)(rm | (rex & REX_B ? 8 : 0));
    if (mod == 1)
        m->disp = sign_extend(fetch8(d), 1);
    else if (mod == 2 || no_base)
        m->disp = sign_extend(fetch(d, 4), 4);
    default_segment(d, m->base == R_SP || m->base == R_BP ? SEG_SS : SEG_DS);
}

static void read_address(struct decoder *d)
{
    unsigned mod = d->in->modrm >> 6, rm = d->in->modrm & 7;

    if (d->in->adsize == 2)
        address16(d, mod, rm);
    else
        address32(d, mod, rm);
}

/* ---- operands ---- */

static unsigned operand_size(const struct insn *in, uint8_t sz)
{
    switch (sz) {
    case SZ_V: return in->opsize;
    case SZ_Z: return in->opsize == 8 ? 4 : in->opsize;
    case SZ_X: return in->vex_l ? 32 : 16;
    case SZ_XH: return in->vex_l ? 16 : 8;
    case SZ_XQ: return in->vex_l ? 8 : 4;
    case SZ_XE: return in->vex_l ? 4 : 2;
    case SZ_Y: return in->rex & REX_W ? 8 : 4;
    case SZ_N: return in->mode == INSN_64 ? 8 : 4;
    case SZ_P: return in->opsize + 2u;
    case SZ_A: return in->opsize * 2u;
    case SZ_S: return in->mode == INSN_64 ? 10 : 6;
    case SZ_ENV: return in->opsize == 2 ? 14 : 28;
    case SZ_SAVE: return in->opsize == 2 ? 94 : 108;
    case SZ_0:
    case SZ_WIDE: return 0;
    default: return sz;
    }
}

static void set_reg(struct insn_operand *o, enum insn_opkind kind, unsigned reg)
{
    o->kind = kind;
    o->reg = (uint8_t)reg;
}

/* Without REX the byte registers 4..7 are AH, CH, DH, BH. */
static void set_gpr(const struct insn *in, struct insn_operand *o, unsigned reg)
{
    if (o->size == 1 && !in->rex && reg >= 4) {
        o->high8 = true;
        reg -= 4;
    }
    set_reg(o, OPND_GPR, reg);
}

static void set_mem(struct insn *in, struct insn_operand *o, const struct insn_opdesc *desc)
{
    o->kind = OPND_MEM;
    o->size = (uint8_t)operand_size(in, desc->memsize);
    in->has_mem = true;
}

static void set_string(struct decoder *d, struct insn_operand *o,
                       const struct insn_opdesc *desc)
{
    struct insn_mem *m = &d->in->mem;

    set_mem(d->in, o, desc);
    if (desc->src == OS_Y) {
        m->base = R_DI;
        m->seg = SEG_ES;
        return;
    }
    m->base = desc->src == OS_X ? R_SI : desc->arg;
    default_segment(d, SEG_DS);
}

static void set_imm(struct decoder *d, struct insn_operand *o, const struct insn_opdesc *desc)
{
    struct insn *in = d->in;
    unsigned size = desc->arg;

    o->kind = OPND_IMM;
    switch (desc->src) {
    case OS_CONST: o->imm = desc->arg; return;
    case OS_IMMV: o->imm = sign_extend(fetch(d, in->opsize), in->opsize); return;
    case OS_IMMZ:
        size = in->opsize == 2 ? 2 : 4;
        o->imm = sign_extend(fetch(d, size), size);
        return;
    case OS_SIMM: o->imm = sign_extend(fetch(d, size), size); break;
    default: o->imm = (int64_t)fetch(d, size); break;
    }
    if (size == 1)
        in->imm8 = (uint8_t)o->imm;
}

static void set_branch(struct decoder *d, struct insn_operand *o,
                       const struct insn_opdesc *desc)
{
    struct insn *in = d->in;
    unsigned size = in->opsize == 2 ? 2 : 4;

    if (desc->src == OS_REL) {
        size = desc->arg ? desc->arg : size;
        o->kind = OPND_REL;
        o->imm = sign_extend(fetch(d, size), size);
    } else if (desc->src == OS_FAR) {
        o->kind = OPND_FAR;
        o->imm = (int64_t)fetch(d, size);
        o->sel = (uint16_t)fetch(d, 2);
    } else {
        set_mem(in, o, desc);
        in->mem.disp = (int64_t)fetch(d, in->adsize);
        default_segment(d, SEG_DS);
    }
}

/* Fills one operand; false when its register does not exist. */
static bool set_operand(struct decoder *d, struct insn_operand *o,
                        const struct insn_opdesc *desc)
{
    struct insn *in = d->in;
    unsigned reg = in->modrm >> 3 & 7, rm = in->modrm & 7;
    unsigned xreg = reg | (in->rex & REX_R ? 8 : 0), xrm = rm | (in->rex & REX_B ? 8 : 0);
    unsigned last = in->mode == INSN_64 ? 15 : 7, vvvv = in->vvvv & last;
    bool mem = in->modrm < 0xc0;

    o->size = (uint8_t)operand_size(in, desc->regsize);
    switch (desc->src) {
    case OS_E:
        if (mem)
            set_mem(in, o, desc);
        else
            set_gpr(in, o, xrm);
        break;
    case OS_VSIB:
    case OS_M: set_mem(in, o, desc); break;
    case OS_B: set_gpr(in, o, vvvv); break;
    case OS_H: set_reg(o, OPND_XMM, vvvv); break;
    case OS_L:
        in->imm8 = fetch8(d);
        set_reg(o, OPND_XMM, in->imm8 >> 4 & last);
        break;
    case OS_R: set_gpr(in, o, xrm); break;
    case OS_G: set_gpr(in, o, xreg); break;
    case OS_Z: set_gpr(in, o, (in->opcode & 7) | (in->rex & REX_B ? 8u : 0u)); break;
    case OS_GPR: set_reg(o, OPND_GPR, desc->arg); break;
    case OS_IMM:
    case OS_SIMM:
    case OS_IMMZ:
    case OS_IMMV:
    case OS_CONST: set_imm(d, o, desc); break;
    case OS_REL:
    case OS_FAR:
    case OS_MOFFS: set_branch(d, o, desc); break;
    case OS_X:
    case OS_Y:
    case OS_MBASE: set_string(d, o, desc); break;
    case OS_SREG: set_reg(o, OPND_SREG, desc->arg); break;
    case OS_S: set_reg(o, OPND_SREG, reg); break;
    case OS_C: set_reg(o, OPND_CR, xreg); return xreg <= 4 ? xreg != 1 : xreg == 8;
    case OS_D: set_reg(o, OPND_DR, xreg); return xreg < 8;
    case OS_W:
    case OS_Q:
        if (mem)
            set_mem(in, o, desc);
        else if (desc->src == OS_W)
            set_reg(o, OPND_XMM, xrm);
        else
            set_reg(o, OPND_MMX, rm);
        break;
    case OS_V: set_reg(o, OPND_XMM, xreg); break;
    case OS_U: set_reg(o, OPND_XMM, xrm); break;
    case OS_XMM: set_reg(o, OPND_XMM, desc->arg); break;
    case OS_P: set_reg(o, OPND_MMX, reg); break;
    case OS_N: set_reg(o, OPND_MMX, rm); break;
    case OS_ST: set_reg(o, OPND_ST, desc->arg); break;
    case OS_STI: set_reg(o, OPND_ST, rm); break;
    }
    return true;
}

/* VEX.vvvv must be 1111b where it names no operand. The registers of a gather differ from
 * each other, and its address has an index. */
static bool vex_operands_ok(const struct insn *in)
{
    bool used = false;

    for (unsigned i = 0; i < in->nops; i++) {
        unsigned src = insn_opdescs[in->row->op[i]].src;

        used |= src == OS_H || src == OS_B;
    }
    if (!used && in->vvvv)
        return false;
    if (!(in->row->attr & IA_VSIB))
        return true;
    return in->adsize > 2 && (in->modrm & 7) == 4 && in->op[0].reg != in->mem.index &&
           in->op[0].reg != in->op[2].reg && in->op[2].reg != in->mem.index;
}

/* Bits that VEX ignores outside 64-bit mode: the fourth of a register's number, and W where
 * it only chooses the size of a general register. Who encodes the instruction again for a
 * 64-bit host must not see them. */
static void drop_ignored_bits(struct insn *in)
{
    if (in->mode == INSN_64)
        return;
    in->vvvv &= 7;
    if (!(in->row->match & (MTK_N64 | MTK_N64W1)))
        in->vex_w = false;
    for (unsigned i = 0; i < in->nops; i++)
        if (insn_opdescs[in->row->op[i]].src == OS_L)
            in->imm8 &= 0x7f;
}

static bool read_operands(struct decoder *d)
{
    struct insn *in = d->in;
    bool ok = true;

    for (unsigned i = 0; i < 4 && in->row->op[i] != OP__; i++) {
        ok &= set_operand(d, &in->op[i], &insn_opdescs[in->row->op[i]]);
        in->nops = (uint8_t)(i + 1);
    }
    if (!in->vex)
        return ok;
    ok &= vex_operands_ok(in);
    drop_ignored_bits(in);
    return ok;
}

static enum insn_status finish(struct decoder *d, enum insn_status status)
{
    struct insn *in = d->in;

    in->len = (uint8_t)d->pos;
    memcpy(in->bytes, d->bytes, d->pos);
    if (d->starved)
        return d->n == INSN_MAX_LEN ? INSN_TOO_LONG : INSN_MORE;
    if (status == INSN_OK && in->lock &&
        !(in->row->attr & IA_LOCK && in->op[0].kind == OPND_MEM))
        return INSN_UD;
    return status;
}

enum insn_status insn_decode(struct insn *in, const uint8_t *bytes, size_t n,
                             enum insn_mode mode)
{
    struct decoder d = {.in = in, .bytes = bytes, .seg = NOSEG};
    uint32_t attr;
    bool ok;

    d.n = n < INSN_MAX_LEN ? (unsigned)n : INSN_MAX_LEN;
    memset(in, 0, sizeof(*in));
    in->mode = (uint8_t)mode;
    read_opcode(&d);
    in->opsize66 = d.p66;
    if (d.starved)
        return finish(&d, INSN_UD);
    in->row = find_row(&d);
    if (!in->row || d.starved)
        return finish(&d, INSN_UD);

    attr = in->row->attr;
    in->id = in->row->id;
    in->pfx = mandatory_prefix(in->row);
    in->rep = attr & IA_REP && d.rep == 0xf3;
    in->repne = attr & IA_REP && d.rep == 0xf2;
    set_sizes(&d);
    in->mem = (struct insn_mem){.seg = d.seg != NOSEG ? d.seg : SEG_DS,
                                .base = MEM_NOREG,
                                .index = MEM_NOREG,
                                .scale = 1,
                                .asize = in->adsize};
    if (in->has_modrm && in->modrm < 0xc0 && !(in->row->match & MT_FREG))
        read_address(&d);
    ok = read_operands(&d);
    return finish(&d, ok ? INSN_OK : INSN_UD);
}
