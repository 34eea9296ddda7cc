/* SPDX-License-Identifier: MIT
 * IR operands as host operands: pinned registers, env memory, the byte-1
 * registers (AH..BH), immediates. Nothing here touches host flags. */
#include "translator/x86_64/x64.h"

#include <assert.h>

bool x64_is_h(unsigned ref)
{
    return ref >= IR_AH && ref < IR_AH + 4;
}

struct x64_rm x64_rm(unsigned ref)
{
    if (ref < 16)
        return x64_pinned[ref] != X_NOREG ? rm_reg(x64_pinned[ref])
                                          : rm_mem(X_RSP, ENV(gpr) + (int32_t)ref * 8);
    if (ref < IR_T0 + IR_TEMPS)
        return rm_mem(X_RSP, ENV_SCR(SCR_TEMP + (int32_t)(ref - IR_T0)));
    assert(ref == IR_MEM);
    return RM_GUEST;
}

void x64_ld_imm(struct x64 *c, unsigned host, int64_t imm, unsigned w)
{
    e_mov_imm(&c->e, host, w == 8 ? (uint64_t)imm : (uint64_t)imm & ((1ull << w * 8) - 1));
}

void x64_ld(struct x64 *c, unsigned host, unsigned ref, unsigned w)
{
    struct emit *e = &c->e;

    if (ref == IR_IMM) {
        x64_ld_imm(c, host, c->o->imm, w);
        return;
    }
    if (!x64_is_h(ref)) {
        e_movzx(e, w, host, x64_rm(ref));
        return;
    }
    if (ref == IR_AH)
        e_mov_rr(e, 4, X_RAX, X_GRAX);
    e8(e, 0x0f); /* movzx eax, ah/ch/dh/bh: needs the form without REX */
    e8(e, 0xb6);
    e8(e, 0xc4 + (ref - IR_AH));
    if (host != X_RAX)
        e_mov_rr(e, 4, host, X_RAX);
}

void x64_rot8(struct x64 *c, unsigned host, bool back)
{
    struct emit *e = &c->e;

    if (c->j->hf & HF_BMI2) {
        e_rorx(e, host, host, back ? 56 : 8);
        return;
    }
    e_mov_rm_r(e, 8, rm_mem(X_RSP, ENV_SCR(SCR_ROT)), host);
    e_mov_rm_r(e, 8, rm_mem(X_RSP, ENV_SCR(SCR_ROT) + 8), host);
    e_mov_r_rm(e, 8, host, rm_mem(X_RSP, ENV_SCR(SCR_ROT) + (back ? 7 : 1)));
}

void x64_st(struct x64 *c, unsigned ref, unsigned host, unsigned w)
{
    struct emit *e = &c->e;
    struct x64_rm m;

    if (x64_is_h(ref)) {
        unsigned r = x64_pinned[ref - IR_AH];

        x64_rot8(c, r, false);
        e_mov_rr(e, 1, r, host);
        x64_rot8(c, r, true);
        return;
    }
    m = x64_rm(ref);
    if (m.mem && ref != IR_MEM && w == 4) { /* a register image: zero-extended */
        e_mov_rr(e, 4, host, host);
        w = 8;
    }
    e_mov_rm_r(e, w, m, host);
}
