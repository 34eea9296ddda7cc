/* SPDX-License-Identifier: MIT
 * One instruction from a table row: encoding choices that the row allows, then operands.
 * A first encoding with plain operands goes through the decoder, which tells sizes and
 * operand kinds; registers and memory are then set up for it and it is encoded again. */
#include <stdlib.h>
#include <string.h>

#include "tests/oracle/gen_int.h"
#include "tests/oracle/mem.h"

struct spec {
    uint8_t pfx[5], npfx;
    uint8_t rex; /* 40h and bits, or 0 */
    bool mem;    /* ModRM.mod != 3 */
    uint8_t reg, rm;
    uint8_t need_b; /* 0 or 1: REX.B fixed by the row; 2: free */
    bool moffs;
    struct addressing a;
    uint8_t imm[10], nimm;
    uint8_t rel; /* size of a branch displacement */
    uint8_t vvvv, l;
    bool vex, vex3;
};

static const struct insn_opdesc *desc_of(const struct insn_row *row, unsigned i)
{
    return &insn_opdescs[row->op[i]];
}

/* ---- choices ---- */

static bool has_size(const struct insn_row *row)
{
    if (row->attr & (IA_BYTE | IA_NO_SIZE))
        return false;
    for (unsigned i = 0; i < 4; i++) {
        const struct insn_opdesc *d = desc_of(row, i);
        if (d->regsize == SZ_V || d->regsize == SZ_Z || d->memsize == SZ_V ||
            d->memsize == SZ_Z || d->memsize == SZ_ENV || d->memsize == SZ_SAVE)
            return true;
    }
    return row->op[0] == OP__ && !(row->match & MT_RM); /* CBW, CWD, PUSHF ... */
}

static void add_prefix(struct spec *s, uint8_t p)
{
    if (s->npfx < sizeof(s->pfx))
        s->pfx[s->npfx++] = p;
}

static void choose_segment(struct build *b, struct spec *s)
{
    static const uint8_t seg[] = {0x26, 0x2e, 0x36, 0x3e};

    if (rng_chance(&b->r, 15))
        add_prefix(s, seg[rng_below(&b->r, 4)]);
}

static void choose_vex(struct build *b, struct spec *s, const struct insn_row *row)
{
    s->l = row->match & MTK_L0 || (!(row->match & MTK_L1) && rng_chance(&b->r, 500));
    s->vex3 = rng_chance(&b->r, 500);
    for (unsigned i = 0; i < 4; i++) {
        unsigned src = desc_of(row, i)->src;

        if (src == OS_H || src == OS_B)
            s->vvvv = (uint8_t)rng_below(&b->r, 16);
    }
    choose_segment(b, s);
}

static void choose_prefixes(struct build *b, struct spec *s, const struct insn_row *row)
{
    uint32_t forbid = row->match & MTK_PFX;
    bool size = has_size(row) && !(gen_rules(row->id) & NO_66);
    bool may66 = !(forbid & MTK_66) && size;

    if (row->attr & IA_REP) {
        if (forbid == MT_REP || (forbid == 0 && rng_chance(&b->r, 500)))
            add_prefix(s, rng_chance(&b->r, 500) ? 0xf3 : 0xf2);
    } else if (forbid & MTK_NONE) {
        if (!(forbid & MTK_66))
            add_prefix(s, 0x66);
        else
            add_prefix(s, forbid & MTK_F3 ? 0xf2 : 0xf3);
        may66 = size && forbid & MTK_66;
    } else if (!forbid && !(gen_rules(row->id) & NO_REP) && rng_chance(&b->r, 5)) {
        add_prefix(s, rng_chance(&b->r, 500) ? 0xf3 : 0xf2);
    }
    if (may66 && rng_chance(&b->r, 300))
        add_prefix(s, 0x66);
    if (row->attr & IA_LOCK && s->mem && rng_chance(&b->r, 300))
        add_prefix(s, 0xf0);
    choose_segment(b, s);
}

static void choose_rex(struct build *b, struct spec *s, const struct insn_row *row)
{
    uint32_t forbid = row->match;
    uint8_t rex = 0;

    if (forbid & MTK_64W0 || (!(forbid & MTK_64W1) && rng_chance(&b->r, 400)))
        rex |= 8;
    if (rng_chance(&b->r, 500))
        rex |= 4;
    s->need_b = 2;
    if (forbid & MTK_B0)
        s->need_b = 1;
    if (forbid & MTK_B1)
        s->need_b = 0;
    if (s->need_b == 1 || (s->need_b == 2 && rng_chance(&b->r, 500)))
        rex |= 1;
    if (!rex && !rng_chance(&b->r, 150))
        s->rex = 0;
    else
        s->rex = rng_chance(&b->r, 300) && !(rex & 9) ? 0 : 0x40 | rex;
    if (s->need_b == 1)
        s->rex |= 0x41;
}

static unsigned pick_bit(struct build *b, uint32_t forbidden)
{
    unsigned k;

    do
        k = rng_below(&b->r, 8);
    while (forbidden >> k & 1);
    return k;
}

static void choose_modrm(struct build *b, struct spec *s, const struct insn_row *row,
                         bool want_reg)
{
    bool mem = !(row->match & MTK_MEM), reg = !(row->match & MTK_REG);

    s->reg = (uint8_t)pick_bit(b, row->match >> MTK_R_SHIFT & 0xff);
    s->rm = (uint8_t)pick_bit(b, row->match >> MTK_RM_SHIFT & 0xff);
    if (row->match & MT_FREG || (want_reg && reg))
        mem = false;
    s->mem = mem && (!reg || rng_chance(&b->r, 550));
    if (row->opcode == 0x10d)
        s->mem = true; /* the register form: NOP for Intel, #UD for AMD */
}

/* ---- encoding ---- */

static unsigned rel_size(const struct insn_opdesc *d)
{
    return d->arg ? d->arg : 4;
}

static unsigned imm_size(const struct insn_opdesc *d, unsigned opsize, unsigned adsize)
{
    switch (d->src) {
    case OS_IMM:
    case OS_SIMM: return d->arg;
    case OS_L: return 1;
    case OS_IMMZ: return opsize == 2 ? 2 : 4;
    case OS_IMMV: return opsize;
    case OS_MOFFS: return adsize;
    default: return 0;
    }
}

static unsigned put_vex(const struct spec *s, const struct insn_row *row, uint8_t *out)
{
    uint32_t forbid = row->match & MTK_PFX;
    unsigned rex = s->rex | s->a.rex, map = (row->opcode >> 8) - 4u;
    unsigned pp = forbid == MT_66 ? 1 : forbid == MT_F3 ? 2 : forbid == MT_F2 ? 3 : 0;
    unsigned last = (~s->vvvv & 15u) << 3 | (unsigned)s->l << 2 | pp;

    if (map == 1 && !(rex & 11) && !s->vex3) {
        out[0] = 0xc5;
        out[1] = (uint8_t)((rex & 4 ? 0 : 0x80) | last);
        return 2;
    }
    out[0] = 0xc4;
    out[1] = (uint8_t)((~rex & 7) << 5 | map);
    out[2] = (uint8_t)((rex & 8) << 4 | last);
    return 3;
}

static unsigned encode(const struct build *b, const struct spec *s, const struct insn_row *row,
                       uint8_t *out)
{
    unsigned n = 0, disp_at = 0;

    if (s->a.p67)
        out[n++] = 0x67;
    memcpy(out + n, s->pfx, s->npfx);
    n += s->npfx;
    if (s->vex) {
        n += put_vex(s, row, out + n);
    } else {
        if (s->rex || s->a.rex)
            out[n++] = (uint8_t)(0x40 | s->rex | s->a.rex);
        if (row->opcode >> 8)
            out[n++] = 0x0f;
        if (row->opcode >> 8 > 1)
            out[n++] = row->opcode >> 8 == 2 ? 0x38 : 0x3a;
    }
    out[n++] = (uint8_t)row->opcode;
    if (row->match & MT_RM) {
        if (s->mem) {
            memcpy(out + n, s->a.bytes, s->a.len);
            n += s->a.len;
            disp_at = n - 4;
        } else {
            out[n++] = (uint8_t)(0xc0 | s->reg << 3 | s->rm);
        }
    }
    memcpy(out + n, s->imm, s->nimm);
    n += s->nimm;
    memset(out + n, 0, s->rel);
    n += s->rel;
    if (s->mem && s->a.rip) {
        uint32_t disp;

        memcpy(&disp, out + disp_at, 4);
        disp -= (uint32_t)(b->c->rip + b->len + n);
        memcpy(out + disp_at, &disp, 4);
    }
    return n;
}

static bool encode_check(const struct build *b, const struct spec *s,
                         const struct insn_row *row, uint8_t *out, struct insn *in)
{
    unsigned n = encode(b, s, row, out);

    return n <= INSN_MAX_LEN && insn_decode(in, out, n, INSN_64) == INSN_OK && in->row == row &&
           in->len == n;
}

/* ---- registers that an instruction uses unnamed ---- */

bool gen_good_stack(const struct build *b, unsigned reg)
{
    return b->seq && b->reg[reg] == RS_KNOWN && b->value[reg] >= ORC_RW_A &&
           b->value[reg] < ORC_HOLE3;
}

static void setup_stack(struct build *b, const struct insn *in, uint32_t rules)
{
    bool reads = in->id == I_POP || in->id == I_POPF || in->id == I_RET;

    if (rules & N_BP && !gen_good_stack(b, R_BP))
        gen_set_reg(b, R_BP, gen_target(b, 8, false));
    if (rules & N_SP && !gen_good_stack(b, R_SP)) {
        uint64_t t = gen_target(b, 8, !reads);

        if (in->id == I_POPF || (in->id == I_RET && !rng_chance(&b->r, 50)))
            t = ORC_RW_A + 8 * rng_below(&b->r, 400);
        gen_set_reg(b, R_SP, reads ? t : t + 8);
    }
    if (b->seq)
        return;
    if (in->id == I_RET) {
        uint8_t *p = gen_patch_bytes(b, b->value[R_SP], 8);
        uint64_t to = b->c->rip + b->c->exit[1];

        if (rng_chance(&b->r, 50) || b->value[R_SP] >= ORC_HOLE2 - 8)
            to = ORC_HOLE2 + 16;
        if (p)
            memcpy(p, &to, 8);
    } else if (in->id == I_POPF) {
        uint8_t *p = gen_patch_bytes(b, b->value[R_SP], 8);
        uint64_t fl = rng_next(&b->r) & ~(0x100ull | 0x40000); /* no TF, no AC */

        if (p)
            memcpy(p, &fl, 8);
    } else if (reads || in->id == I_LEAVE) {
        gen_patch(b, b->value[in->id == I_LEAVE ? R_BP : R_SP], 8, VS_INT64);
    }
}

static void setup_string(struct build *b, const struct insn *in, uint32_t rules)
{
    bool rep = in->rep || in->repne, down = b->c->rflags & FL_DF;
    unsigned k = rng_below(&b->r, 10), n = in->opsize;
    unsigned count = k < 6 ? rng_below(&b->r, 9) : k < 9 ? rng_below(&b->r, 150) : 0;
    unsigned bytes = rep ? (count ? count * n : n) : n;

    if (rep)
        gen_set_reg(b, R_CX,
                    in->adsize == 4 ? count | (b->seq ? 0 : rng_next(&b->r) << 32) : count);
    for (unsigned i = 0; i < 2; i++) {
        bool dst = i == 1;
        uint64_t t;

        if (!(rules & (dst ? N_DI : N_SI)))
            continue;
        t = gen_target(b, bytes, dst);
        /* long runs: one small value again and again, so that comparisons go on */
        if (in->id == I_CMPS || in->id == I_SCAS) {
            uint8_t *p = gen_patch_bytes(b, t, bytes < 300 ? bytes : 300);
            if (p)
                memset(p, rng_chance(&b->r, 500) ? 0 : 0xff, bytes < 300 ? bytes : 300);
        } else if (bytes <= 64) {
            gen_patch(b, t, bytes, VS_INT8);
        }
        gen_set_reg(b, dst ? R_DI : R_SI, down ? t + bytes - n : t);
    }
    if (in->id == I_SCAS && b->reg[R_AX] == RS_FREE && rng_chance(&b->r, 700))
        gen_set_reg(b, R_AX, rng_chance(&b->r, 500) ? 0 : ~0ull);
}

static void setup_implicit(struct build *b, const struct insn *in, uint32_t rules)
{
    if (rules & (N_SP | N_BP))
        setup_stack(b, in, rules);
    if (in->id == I_MASKMOVQ || in->id == I_MASKMOVDQU || in->id == I_VMASKMOVDQU) /* no faults: see vendor.c */
        gen_set_reg(b, R_DI, ORC_RW_A + rng_below(&b->r, 8192 - 16));
    else if (rules & (N_SI | N_DI))
        setup_string(b, in, rules);
    if (rules & N_BX)
        gen_set_reg(b, R_BX, gen_target(b, 64, false));
    if (in->id == I_DIV && b->reg[R_DX] == RS_FREE && rng_chance(&b->r, 700))
        gen_set_reg(b, R_DX, rng_below(&b->r, 3));
    if (in->id == I_DIV && in->opsize == 1 && b->reg[R_AX] == RS_FREE && rng_chance(&b->r, 600))
        gen_set_reg(b, R_AX, rng_below(&b->r, 400));
    if (in->id == I_IDIV && b->reg[R_DX] == RS_FREE && rng_chance(&b->r, 700)) {
        uint64_t ax;

        if (gen_reg_value(b, R_AX, &ax))
            gen_set_reg(b, R_DX, ax >> (8 * in->opsize - 1) & 1 ? ~0ull : 0);
    }
    if (in->id == I_JRCXZ && b->reg[R_CX] == RS_FREE && rng_chance(&b->r, 500))
        gen_set_reg(b, R_CX, rng_next(&b->r) << 32);
    if ((in->id == I_LOOP || in->id == I_LOOPE || in->id == I_LOOPNE) &&
        b->reg[R_CX] == RS_FREE && rng_chance(&b->r, 500))
        gen_set_reg(b, R_CX, rng_below(&b->r, 3));
}

/* ---- operands ---- */

static bool is_bt(unsigned id)
{
    return id == I_BT || id == I_BTS || id == I_BTR || id == I_BTC;
}

static bool is_shift(unsigned id)
{
    return id == I_ROL || id == I_ROR || id == I_RCL || id == I_RCR || id == I_SHL ||
           id == I_SHR || id == I_SAR || id == I_SHLD || id == I_SHRD;
}

static void setup_regs(struct build *b, const struct insn *in)
{
    bool bt_mem = is_bt(in->id) && in->op[0].kind == OPND_MEM && in->op[1].kind == OPND_GPR;

    for (unsigned i = 0; i < in->nops; i++) {
        const struct insn_operand *o = &in->op[i];

        if (o->kind != OPND_GPR)
            continue;
        if (bt_mem && i == 1) {
            int bit = (int)rng_below(&b->r, 4096) - 2048;

            if (b->reg[o->reg] != RS_FREE && in->opsize == 8 && bit < 0)
                bit = -bit;
            gen_set_reg(b, o->reg, (uint64_t)(int64_t)bit);
        } else if (is_shift(in->id) && i + 1u == in->nops && o->reg == R_CX && o->size == 1) {
            if ((in->id == I_SHLD || in->id == I_SHRD) && in->opsize == 2)
                gen_set_reg(b, R_CX, rng_below(&b->r, 17));
            else if (b->reg[R_CX] == RS_FREE)
                gen_set_reg(b, R_CX, rng_below(&b->r, rng_chance(&b->r, 500) ? 34 : 256));
        } else if (in->id == I_MOV_SREG && i == 1) {
            gen_set_reg(b, o->reg,
                        rng_chance(&b->r, 500) ? 0 : 0x80 + rng_below(&b->r, 0xff00));
        } else if (gen_rules(in->id) & BRANCH) {
            uint64_t to = b->c->rip + b->c->exit[1];

            gen_set_reg(b, o->reg, rng_chance(&b->r, 950) ? to : ORC_HOLE1 + 64);
        }
    }
}

static unsigned mem_size(const struct insn *in)
{
    for (unsigned i = 0; i < in->nops; i++) {
        if (in->op[i].kind == OPND_MEM && in->op[i].size)
            return in->op[i].size;
    }
    return in->id == I_FXSAVE || in->id == I_FXRSTOR ? 512 : 0;
}

static bool mem_written(const struct insn *in)
{
    return in->op[0].kind == OPND_MEM && in->row->attr & IA_WRITES_OP0;
}

static enum value_style mem_style(struct build *b, const struct insn *in, unsigned size)
{
    if (insn_class(in->id) == IC_X87) {
        const char *name = insn_name(in->id);

        if (name[1] != 'i' && size == 4)
            return VS_F32;
        if (name[1] != 'i' && size == 8)
            return VS_F64;
        return VS_INT64;
    }
    return rng_chance(&b->r, 700) ? b->style : (enum value_style)rng_below(&b->r, VS_COUNT);
}

static void ignore_bytes(struct build *b, uint64_t addr, unsigned len)
{
    struct orc_case *c = b->c;

    if (c->nignores < ORC_MAX_IGNORES && addr < ORC_BASE + ORC_PAGES * GUEST_PAGE_SIZE)
        c->ignore[c->nignores++] = (struct orc_patch){(uint32_t)addr, (uint16_t)len, 0};
}

/* x87 instruction and data pointers, and the MXCSR mask: the vendors differ. */
static void ignore_pointers(struct build *b, const struct insn *in, uint64_t t)
{
    if (in->id == I_FXSAVE) {
        ignore_bytes(b, t + 6, 18);
        ignore_bytes(b, t + 28, 4);
    } else if (in->id == I_FNSTENV || in->id == I_FNSAVE) {
        ignore_bytes(b, in->opsize == 2 ? t + 6 : t + 12, in->opsize == 2 ? 8 : 16);
    }
}

static void fill_memory(struct build *b, const struct insn *in, uint64_t t, unsigned size)
{
    uint32_t off;
    uint8_t *p;

    if (!size)
        return;
    off = gen_patch(b, t, size, mem_style(b, in, size));
    b->op_off = off;
    if (off == NOBLOB)
        return;
    p = b->c->blob + off;
    if (in->id == I_FXRSTOR) {
        gen_fx(b, p, true);
    } else if ((in->id == I_LDMXCSR || in->id == I_VLDMXCSR)) {
        uint32_t v = gen_mxcsr(b) | (rng_chance(&b->r, 100) ? 1u << 16 : 0) |
                     (rng_chance(&b->r, 50) ? 1u << 31 : 0);
        memcpy(p, &v, 4);
    } else if (in->id == I_FLD && size == 10) {
        value_f80(&b->r, p);
    } else if (in->id == I_FBLD) {
        value_bcd(&b->r, p);
    } else if (in->id == I_FLDCW) {
        uint16_t v = gen_x87_cw(b);
        memcpy(p, &v, 2);
    } else if (gen_rules(in->id) & BRANCH) {
        uint64_t to = b->c->rip + b->c->exit[1];
        memcpy(p, &to, 8);
    } else if (in->id == I_MOV_SREG) {
        uint16_t v = rng_chance(&b->r, 500) ? 0 : (uint16_t)(0x80 + rng_below(&b->r, 0xff00));
        memcpy(p, &v, 2);
    } else if (in->id == I_CMPXCHG && rng_chance(&b->r, 500)) {
        uint64_t v;
        if (gen_reg_value(b, R_AX, &v))
            memcpy(p, &v, size);
    } else if ((in->id == I_CMPXCHG8B || in->id == I_CMPXCHG16B) && rng_chance(&b->r, 500)) {
        uint64_t lo, hi;
        if (gen_reg_value(b, R_AX, &lo) && gen_reg_value(b, R_DX, &hi)) {
            memcpy(p, &lo, size / 2);
            memcpy(p + size / 2, &hi, size / 2);
        }
    }
}

/* Sets lane i of a vector register's initial value, of 4 or 8 bytes. */
static void set_lane(struct build *b, unsigned reg, unsigned i, unsigned size, uint64_t v)
{
    unsigned at = i * size;
    uint8_t *p = at < 16 ? b->c->fx + 160 + 16 * reg + at : b->c->ymm + 16 * reg + at - 16;

    memcpy(p, &v, size);
}

/* A gather: indexes around a place in the writable pages, some far above it, where it may
 * be bad. */
static void setup_gather(struct build *b, struct spec *s, const struct insn *in)
{
    unsigned size = in->opcode & 1 ? 8 : 4, base = rng_below(&b->r, 16), scale, index;
    bool far = rng_chance(&b->r, 150);

    do
        index = rng_below(&b->r, 16);
    while (index == in->op[0].reg || index == in->op[2].reg);
    scale = rng_below(&b->r, 4);
    gen_set_reg(b, base, ORC_RW_A + 2048 + rng_below(&b->r, 64));
    for (unsigned i = 0; i < 8; i++) {
        int64_t x = (int64_t)rng_below(&b->r, 400) - 200;

        if (i < 32 / size)
            set_lane(b, index, i, size, (uint64_t)(far && rng_chance(&b->r, 200) ? llabs(x) * 64 : x));
    }
    s->a.len = 3;
    s->a.bytes[0] = (uint8_t)(0x40 | s->reg << 3 | 4);
    s->a.bytes[1] = (uint8_t)(scale << 6 | (index & 7) << 3 | (base & 7));
    s->a.bytes[2] = (uint8_t)rng_next(&b->r);
    s->a.rex = (uint8_t)((index & 8) >> 2 | base >> 3);
    s->rex &= ~1;
}

static void setup_memory(struct build *b, struct spec *s, const struct insn *in)
{
    unsigned size = mem_size(in);
    uint64_t t = gen_target(b, size, mem_written(in));

    if ((is_bt(in->id) && in->op[1].kind == OPND_GPR) || in->id == I_LEA)
        t = ORC_RW_A + 512 + rng_below(&b->r, 7000);
    if (s->moffs && t >> 31 && s->a.p67)
        t = ORC_RW_B;
    if (gen_rules(in->id) & PATCHED && orc_page_kind((unsigned)(t - ORC_BASE) >> 12))
        t = ORC_RW_A + (rng_below(&b->r, 4000) & ~15u);
    if ((in->id == I_LDMXCSR || in->id == I_VLDMXCSR) && b->seq) /* where no store can put a reserved bit */
        t = ORC_MXCSRS + 4 * rng_below(&b->r, 16);
    if (size == 512 && (t & GUEST_PAGE_MASK) > 4096 - 512 && t >> 12 != ORC_RW_A >> 12)
        t &= ~GUEST_PAGE_MASK; /* which of two bad pages counts is up to the CPU */
    if (t > 1ull << 32 && (size == 16 || size == 32))
        t &= ~(size - 1ull); /* and so is the order of alignment and canonical check */
    if (in->row->feature == IF_SHA)
        t &= ~15ull; /* AMD does not check */
    fill_memory(b, in, t, size);
    ignore_pointers(b, in, t);
    if (s->moffs) {
        memcpy(s->imm, &t, 8);
        return;
    }
    gen_addressing(b, &s->a, t, s->reg, s->need_b, 0);
    s->rex &= s->need_b == 2 ? ~1 : ~0;
}

static void setup_imm(struct build *b, struct spec *s, const struct insn *in)
{
    unsigned at = 0;

    for (unsigned i = 0; i < in->nops; i++) {
        const struct insn_opdesc *d = desc_of(in->row, i);
        unsigned n = imm_size(d, in->opsize, in->adsize);
        uint64_t v = value_int(&b->r, n ? n * 8 : 8);

        if (d->src == OS_REL || !n)
            continue;
        if (d->src == OS_MOFFS) {
            at += n;
            continue;
        }
        if (is_shift(in->id)) {
            v = rng_below(&b->r, rng_chance(&b->r, 700) ? 34 : 256);
            if ((in->id == I_SHLD || in->id == I_SHRD) && in->opsize == 2)
                v = rng_below(&b->r, 17);
        } else if (insn_class(in->id) == IC_VEC) {
            v = rng_next(&b->r);
            if (in->id == I_CMPPS || in->id == I_CMPPD || in->id == I_CMPSS ||
                in->id == I_CMPSD)
                v &= 7; /* the other bits are reserved */
            if (in->id == I_VCMPPS || in->id == I_VCMPPD || in->id == I_VCMPSS ||
                in->id == I_VCMPSD)
                v &= 31;
        } else if (in->id == I_ENTER) {
            v = i == 0 ? rng_below(&b->r, 64) * 4 : rng_below(&b->r, 5);
        } else if (in->id == I_RET) {
            v = rng_below(&b->r, 64) * 4;
        }
        memcpy(s->imm + at, &v, n);
        at += n;
    }
}

/* ---- flags ---- */

/* Count of a shift: -1 when not known. */
static int shift_count(struct build *b, const struct insn *in)
{
    const struct insn_operand *o = &in->op[in->nops - 1];
    unsigned mask = in->opsize == 8 ? 63 : 31;

    if (o->kind == OPND_IMM)
        return (int)((uint64_t)o->imm & mask);
    return b->reg[R_CX] == RS_KNOWN ? (int)(b->value[R_CX] & mask) : -1;
}

static void track_flags(struct build *b, const struct insn *in)
{
    const struct insn_row *row = in->row;
    uint16_t wr = row->fl_write, un = row->fl_undef;

    if (is_shift(in->id)) {
        int n = shift_count(b, in);
        bool shift = in->id == I_SHL || in->id == I_SHR;

        if (n == 0)
            wr = un = 0;
        else if (n == 1)
            wr |= FL_OF, un &= (uint16_t)~FL_OF;
        else if (n < 0)
            wr = 0;
        if (shift && in->opsize <= 2 && (n < 0 || n >= 8 * in->opsize))
            wr &= (uint16_t)~FL_CF, un |= FL_CF;
    } else if (gen_rules(in->id) & KEEPS && (in->rep || in->repne)) {
        wr = 0;
    }
    b->undef = (uint16_t)((b->undef & ~wr) | un);
}

static uint16_t flags_needed(const struct insn_row *row)
{
    if (gen_rules(row->id) & KEEPS)
        return row->id == I_RCL || row->id == I_RCR ? FL_CF : 0;
    return row->fl_read;
}

static void track_regs(struct build *b, const struct insn *in, uint32_t rules)
{
    static const uint8_t reg[] = {R_AX, R_CX, R_DX, R_SP, R_BP, R_SI, R_DI};

    for (unsigned i = 0; i < ARRAY_SIZE(reg); i++) {
        if (rules & (W_AX << i))
            gen_dirty(b, reg[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        uint32_t attr = i ? IA_WRITES_OP1 : IA_WRITES_OP0;
        uint64_t v;

        if (in->op[i].kind != OPND_GPR)
            continue;
        gen_reg_value(b, in->op[i].reg, &v);
        if (in->row->attr & attr)
            gen_dirty(b, in->op[i].reg);
    }
}

/* ---- all together ---- */

bool gen_insn(struct build *b, const struct insn_row *row, bool reg_form)
{
    struct orc_case *c = b->c;
    uint32_t rules = gen_rules(row->id);
    struct spec s = {0};
    struct insn in;
    uint8_t code[32];
    unsigned n;

    if (flags_needed(row) & b->undef || (rules & NEEDS_MASKED && b->fsw_open))
        return false;
    if (row->match & MT_RM)
        choose_modrm(b, &s, row, reg_form);
    s.vex = row->opcode >= 0x500;
    if (s.vex)
        choose_vex(b, &s, row);
    else
        choose_prefixes(b, &s, row);
    choose_rex(b, &s, row);
    s.moffs = desc_of(row, 0)->src == OS_MOFFS || desc_of(row, 1)->src == OS_MOFFS;
    s.rel = desc_of(row, 0)->src == OS_REL ? (uint8_t)rel_size(desc_of(row, 0)) : 0;
    if (!s.mem && rng_chance(&b->r, 30) && !s.rel)
        s.a.p67 = true;
    for (unsigned i = 0; i < 4; i++)
        s.nimm += (uint8_t)imm_size(desc_of(row, i), 8, s.a.p67 ? 4 : 8);
    s.a.bytes[0] = (uint8_t)(s.reg << 3 | 4);
    s.a.bytes[1] = 0x25;
    s.a.len = 6;
    /* the decoder says how many immediate bytes there really are */
    n = encode(b, &s, row, code);
    if (insn_decode(&in, code, n, INSN_64) != INSN_OK || in.row != row)
        return false;
    s.nimm = (uint8_t)(s.nimm - (n - in.len));
    b->op_off = NOBLOB;
    setup_implicit(b, &in, rules);
    setup_regs(b, &in);
    setup_imm(b, &s, &in);
    if (row->attr & IA_VSIB)
        setup_gather(b, &s, &in);
    else if (s.mem || s.moffs)
        setup_memory(b, &s, &in);
    if (!encode_check(b, &s, row, code, &in))
        return false;
    if (c->ninsns >= ORC_MAX_INSNS || b->len + in.len > ORC_CODE_MAX - 64)
        return false;
    c->insn[c->ninsns++] = (struct orc_insn){b->len, in.len, in.id, b->undef};
    track_flags(b, &in);
    track_regs(b, &in, rules);
    b->fsw_open |= (rules & OPENS_FSW) != 0;
    b->masked |= b->seq && rules & NEEDS_MASKED;
    gen_emit(b, code, in.len);
    b->rel_size = s.rel;
    return true;
}
