/* SPDX-License-Identifier: MIT
 * x86-64 instruction encodings (Intel SDM vol. 2, ch. 2). */
#include "translator/x86_64/emit.h"

#include <assert.h>
#include <string.h>

void e32(struct emit *e, uint32_t v)
{
    memcpy(e->p, &v, 4);
    e->p += 4;
}

void e64(struct emit *e, uint64_t v)
{
    memcpy(e->p, &v, 8);
    e->p += 8;
}

static bool fits8(int64_t v)
{
    return v == (int8_t)v;
}

/* ModRM, SIB and displacement for register field `reg`. */
static void modrm(struct emit *e, unsigned reg, struct x64_rm m)
{
    unsigned r = (reg & 7) << 3, base = m.base & 7, mod;
    bool sib;

    if (!m.mem) {
        e8(e, 0xc0 | r | base);
        return;
    }
    if (m.base == X_NOREG) { /* [index*scale + disp32] or [disp32] */
        e8(e, r | 4);
        e8(e, m.scale << 6 | (m.index == X_NOREG ? 4 : m.index & 7u) << 3 | 5);
        e32(e, (uint32_t)m.disp);
        return;
    }
    mod = m.disp == 0 && base != 5 ? 0 : fits8(m.disp) ? 1 : 2;
    sib = m.index != X_NOREG || base == 4;
    e8(e, mod << 6 | r | (sib ? 4 : base));
    if (sib)
        e8(e, m.scale << 6 | (m.index == X_NOREG ? 4 : m.index & 7u) << 3 | base);
    if (mod == 1)
        e8(e, (uint8_t)m.disp);
    else if (mod == 2)
        e32(e, (uint32_t)m.disp);
}

static struct x64_rm resolve(const struct emit *e, struct x64_rm m)
{
    return e->alias.mem && m.mem && m.base == X_R14 && m.index == X_R15 ? e->alias : m;
}

static unsigned rex_bits(unsigned reg, struct x64_rm m)
{
    unsigned rex = (reg & 8) >> 1;

    if (m.base != X_NOREG)
        rex |= (m.base & 8) >> 3;
    if (m.index != X_NOREG)
        rex |= (m.index & 8) >> 2;
    return rex;
}

static bool needs_rex8(unsigned r)
{
    return r >= 4 && r < 8;
}

void e_ins(struct emit *e, uint32_t opc, unsigned w, unsigned reg, struct x64_rm m)
{
    unsigned map = opc >> 8 & 0xff, pfx = opc >> 16 & 0xff, rex;

    m = resolve(e, m);
    rex = rex_bits(reg, m);
    if (w == 8 || (opc & E_REXW))
        rex |= 8;
    if (w == 1 && needs_rex8(reg))
        rex |= 0x40;
    if ((w == 1 || (opc & E_RM8)) && !m.mem && needs_rex8(m.base))
        rex |= 0x40;
    if (w == 2)
        e8(e, 0x66);
    if (pfx)
        e8(e, pfx);
    if (rex)
        e8(e, 0x40 | rex);
    if (map)
        e8(e, 0x0f);
    if (map == 2)
        e8(e, 0x38);
    else if (map == 3)
        e8(e, 0x3a);
    e8(e, opc & 0xff);
    modrm(e, reg, m);
}

void e_vex(struct emit *e, unsigned pp, unsigned map, unsigned w, unsigned opc, unsigned reg,
           unsigned vvvv, struct x64_rm m)
{
    unsigned rex;

    m = resolve(e, m);
    rex = rex_bits(reg, m);
    e8(e, 0xc4);
    e8(e, (~rex & 7) << 5 | map);
    e8(e, (w == 8 ? 0x80 : 0) | (~vvvv & 15) << 3 | pp);
    e8(e, opc);
    modrm(e, reg, m);
}

void e_imm(struct emit *e, unsigned w, int64_t imm)
{
    if (w == 1) {
        e8(e, (uint8_t)imm);
    } else if (w == 2) {
        e8(e, (uint8_t)imm);
        e8(e, (uint8_t)(imm >> 8));
    } else {
        e32(e, (uint32_t)imm);
    }
}

void e_alu_rm_r(struct emit *e, unsigned n, unsigned w, struct x64_rm d, unsigned r)
{
    e_ins(e, n * 8 + (w > 1), w, r, d);
}

void e_alu_r_rm(struct emit *e, unsigned n, unsigned w, unsigned r, struct x64_rm s)
{
    e_ins(e, n * 8 + 2 + (w > 1), w, r, s);
}

void e_alu_imm(struct emit *e, unsigned n, unsigned w, struct x64_rm d, int32_t imm)
{
    if (w == 2)
        imm = (int16_t)imm;
    if (w == 1) {
        e_ins(e, 0x80, w, n, d);
        e8(e, (uint8_t)imm);
    } else if (fits8(imm)) {
        e_ins(e, 0x83, w, n, d);
        e8(e, (uint8_t)imm);
    } else {
        e_ins(e, 0x81, w, n, d);
        e_imm(e, w, imm);
    }
}

void e_test_rm_r(struct emit *e, unsigned w, struct x64_rm d, unsigned r)
{
    e_ins(e, 0x84 + (w > 1), w, r, d);
}

void e_test_imm(struct emit *e, unsigned w, struct x64_rm d, int32_t imm)
{
    e_ins(e, 0xf6 + (w > 1), w, 0, d);
    e_imm(e, w, imm);
}

void e_mov_rm_r(struct emit *e, unsigned w, struct x64_rm d, unsigned r)
{
    e_ins(e, 0x88 + (w > 1), w, r, d);
}

void e_mov_r_rm(struct emit *e, unsigned w, unsigned r, struct x64_rm s)
{
    e_ins(e, 0x8a + (w > 1), w, r, s);
}

void e_mov_rr(struct emit *e, unsigned w, unsigned d, unsigned s)
{
    e_mov_rm_r(e, w, rm_reg(d), s);
}

void e_mov_imm(struct emit *e, unsigned r, uint64_t imm)
{
    if (imm <= UINT32_MAX) {
        if (r & 8)
            e8(e, 0x41);
        e8(e, 0xb8 | (r & 7));
        e32(e, (uint32_t)imm);
    } else if ((int64_t)imm == (int32_t)imm) {
        e_ins(e, 0xc7, 8, 0, rm_reg(r));
        e32(e, (uint32_t)imm);
    } else {
        e8(e, 0x48 | (r & 8) >> 3);
        e8(e, 0xb8 | (r & 7));
        e64(e, imm);
    }
}

void e_mov_rm_imm(struct emit *e, unsigned w, struct x64_rm d, int32_t imm)
{
    e_ins(e, 0xc6 + (w > 1), w, 0, d);
    e_imm(e, w, imm);
}

void e_movzx(struct emit *e, unsigned sw, unsigned r, struct x64_rm s)
{
    if (sw == 1)
        e_ins(e, OPC(1, 0xb6) | E_RM8, 4, r, s);
    else if (sw == 2)
        e_ins(e, OPC(1, 0xb7), 4, r, s);
    else
        e_mov_r_rm(e, sw, r, s);
}

void e_movsx(struct emit *e, unsigned w, unsigned sw, unsigned r, struct x64_rm s)
{
    if (sw == 1)
        e_ins(e, OPC(1, 0xbe) | E_RM8, w, r, s);
    else if (sw == 2)
        e_ins(e, OPC(1, 0xbf), w, r, s);
    else if (sw == 4 && w == 8)
        e_ins(e, 0x63, w, r, s);
    else
        e_mov_r_rm(e, w, r, s);
}

void e_lea(struct emit *e, unsigned w, unsigned r, struct x64_rm s)
{
    e_ins(e, 0x8d, w, r, s);
}

void e_shift_imm(struct emit *e, unsigned n, unsigned w, struct x64_rm d, unsigned count)
{
    if (count == 1) {
        e_ins(e, 0xd0 + (w > 1), w, n, d);
        return;
    }
    e_ins(e, 0xc0 + (w > 1), w, n, d);
    e8(e, count);
}

void e_rorx(struct emit *e, unsigned d, unsigned s, unsigned count)
{
    e_vex(e, 3, 3, 8, 0xf0, d, 0, rm_reg(s));
    e8(e, count);
}

uint8_t *e_jmp_fwd(struct emit *e)
{
    e8(e, 0xe9);
    e32(e, 0);
    return e->p - 4;
}

uint8_t *e_lea_fwd(struct emit *e, unsigned r)
{
    e8(e, 0x48 | (r >> 3) << 2); /* REX.W, R */
    e8(e, 0x8d);
    e8(e, (uint8_t)((r & 7) << 3 | 5)); /* RIP-relative */
    e32(e, 0);
    return e->p - 4;
}

uint8_t *e_jcc_fwd(struct emit *e, unsigned cc)
{
    e8(e, 0x0f);
    e8(e, 0x80 | cc);
    e32(e, 0);
    return e->p - 4;
}

void e_patch(struct emit *e, uint8_t *rel32, const uint8_t *target)
{
    int32_t d = (int32_t)(target - (rel32 + 4));

    memcpy(rel32, &d, 4);
}

void e_patch_here(struct emit *e, uint8_t *rel32)
{
    e_patch(e, rel32, e->p);
}

void e_jmp(struct emit *e, const uint8_t *target)
{
    uint8_t *at = e_jmp_fwd(e);

    e_patch(e, at, target);
}

void e_call(struct emit *e, const uint8_t *target)
{
    e8(e, 0xe8);
    e32(e, 0);
    e_patch(e, e->p - 4, target);
}
