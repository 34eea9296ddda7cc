/* SPDX-License-Identifier: MIT
 * Vector instructions in C: moves here, data operations through vec_ops.def. */
#include "translator/vec_exec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cpu/vec_ops.h"
#include "cpu/x87.h"

/* ---- which function implements an instruction ---- */

static bool is_to_mmx(const struct insn *in)
{
    return in->id == I_CVTPS2PI || in->id == I_CVTTPS2PI || in->id == I_CVTPD2PI ||
           in->id == I_CVTTPD2PI;
}

/* An MMX instruction whose name an SSE one shares. Conversions to MMX registers
 * exist once, though their memory forms name no XMM register. */
static bool is_mmx_form(const struct insn *in)
{
    bool mmx = false;

    if (is_to_mmx(in))
        return false;
    for (unsigned i = 0; i < in->nops; i++) {
        if (in->op[i].kind == OPND_XMM)
            return false;
        mmx |= in->op[i].kind == OPND_MMX;
    }
    return mmx;
}

static bool is_quad_convert(const struct insn *in)
{
    switch (in->id) {
    case I_CVTSI2SS: case I_CVTSI2SD:
        return in->op[1].size == 8;
    case I_CVTSS2SI: case I_CVTSD2SI: case I_CVTTSS2SI: case I_CVTTSD2SI:
        return in->op[0].size == 8;
    default:
        return false;
    }
}

static const struct vec_op *op_of(const struct insn *in)
{
    static const struct vec_op *cache[I_COUNT][8];
    bool mmx = is_mmx_form(in), quad = is_quad_convert(in);
    bool shift = in->nops == 2 && in->op[1].kind == OPND_IMM;
    const struct vec_op **slot = &cache[in->id][mmx + 2 * shift + 4 * quad];
    char name[40];

    if (*slot)
        return *slot;
    snprintf(name, sizeof(name), "%s%s%s%s", mmx ? "mmx_" : "", insn_name((enum insn_id)in->id),
             shift ? "_i" : "", quad ? "_q" : "");
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    *slot = vec_op_find(name);
    return *slot;
}

/* ---- operands ---- */

static void read_operand(struct cpu *cpu, const struct insn_operand *p, gva addr, union vec *v)
{
    memset(v, 0, sizeof(*v));
    switch (p->kind) {
    case OPND_XMM:
        *v = cpu->v[p->reg];
        break;
    case OPND_MMX:
        v->u64[0] = cpu->x87.fpr[p->reg].m;
        break;
    case OPND_GPR:
        v->u64[0] = cpu->gpr[p->reg];
        break;
    case OPND_MEM:
        cpu_ld_bytes(cpu, addr, v, p->size);
        break;
    default:
        break;
    }
}

static void write_mmx(struct cpu *cpu, unsigned reg, uint64_t value)
{
    cpu->x87.fpr[reg].m = value;
    cpu->x87.fpr[reg].se = 0xffff;
}

/* Writes n low bytes of v; a register's other bytes are zeroed up to 128 bits
 * when `zero`, else kept. */
static void write_operand(struct cpu *cpu, const struct insn_operand *p, gva addr,
                          const union vec *v, unsigned n, bool zero)
{
    switch (p->kind) {
    case OPND_XMM:
        if (zero)
            memset(&cpu->v[p->reg], 0, 16);
        memcpy(&cpu->v[p->reg], v, n);
        break;
    case OPND_MMX:
        write_mmx(cpu, p->reg, v->u64[0]);
        break;
    case OPND_GPR:
        cpu->gpr[p->reg] = n == 8 ? v->u64[0] : v->u32[0];
        break;
    case OPND_MEM:
        cpu_st_bytes(cpu, addr, v, n);
        break;
    default:
        break;
    }
}

static void touch_mmx(struct cpu *cpu, const struct insn *in)
{
    for (unsigned i = 0; i < in->nops; i++) {
        if (in->op[i].kind == OPND_MMX) {
            x87_enter_mmx(cpu);
            return;
        }
    }
}

/* ---- moves ---- */

static unsigned move_size(const struct insn *in)
{
    bool mem = in->op[0].kind == OPND_MEM || in->op[1].kind == OPND_MEM;

    switch (in->id) {
    case I_MOVD: case I_MOVQ:
        if (in->op[0].kind == OPND_GPR || in->op[0].kind == OPND_MEM)
            return in->op[0].size;
        if (in->op[1].kind == OPND_GPR || in->op[1].kind == OPND_MEM)
            return in->op[1].size;
        return 8;
    case I_MOVSS:
        return 4;
    case I_MOVSD: case I_MOVLPS: case I_MOVLPD: case I_MOVNTQ: case I_MOVDQ2Q: case I_MOVQ2DQ:
        return 8;
    case I_MOVAPS: case I_MOVAPD: case I_MOVUPS: case I_MOVUPD: case I_MOVDQA: case I_MOVDQU:
    case I_MOVNTPS: case I_MOVNTPD: case I_MOVNTDQ: case I_MOVNTDQA: case I_LDDQU:
        return 16;
    case I_MOVHPS: case I_MOVHPD:
        return mem ? 8 : 0;
    default:
        return 0;
    }
}

/* Does a move of this form clear the rest of its XMM destination? */
static bool move_zeroes(const struct insn *in)
{
    switch (in->id) {
    case I_MOVSS: case I_MOVSD:
        return in->op[1].kind == OPND_MEM;
    case I_MOVLPS: case I_MOVLPD:
        return false;
    default:
        return true;
    }
}

static bool exec_move(struct cpu *cpu, const struct insn *in, gva addr)
{
    unsigned n = move_size(in);
    union vec v;

    if (!n)
        return false;
    read_operand(cpu, &in->op[1], addr, &v);
    if (in->id == I_MOVHPS || in->id == I_MOVHPD) {
        if (in->op[0].kind == OPND_MEM) {
            v.u64[0] = v.u64[1];
            write_operand(cpu, &in->op[0], addr, &v, 8, false);
        } else {
            cpu->v[in->op[0].reg].u64[1] = v.u64[0];
        }
        return true;
    }
    if (n == 4 && in->op[0].kind == OPND_MMX)
        v.u64[0] = v.u32[0];
    if (in->op[0].kind == OPND_MEM) { /* the store may fault: MMX state changes after it */
        write_operand(cpu, &in->op[0], addr, &v, n, false);
        touch_mmx(cpu, in);
        return true;
    }
    touch_mmx(cpu, in);
    write_operand(cpu, &in->op[0], addr, &v, n, move_zeroes(in));
    return true;
}

/* ---- data operations ---- */

void vec_set_flags(struct cpu *cpu, const struct vec_env *e)
{
    cpu_set_aflags(cpu, (e->cf ? FL_CF : 0) | (e->pf ? FL_PF : 0) | (e->af ? FL_AF : 0) |
                            (e->zf ? FL_ZF : 0) | (e->sf ? FL_SF : 0) | (e->of ? FL_OF : 0));
}

static void env_inputs(struct cpu *cpu, const struct insn *in, const union vec *s, unsigned form,
                       struct vec_env *e)
{
    e->mxcsr = cpu->mxcsr;
    e->xmm0 = &cpu->v[0];
    switch (form) {
    case VEC_XG: case VEC_XGI: case VEC_MGI:
        e->gpr = s->u64[0];
        break;
    case VEC_STRI: case VEC_STRM:
        e->gpr = cpu->gpr[R_AX];
        e->gpr2 = cpu->gpr[R_DX];
        if (in->opsize != 8) {
            e->gpr = (uint64_t)(int64_t)(int32_t)e->gpr;
            e->gpr2 = (uint64_t)(int64_t)(int32_t)e->gpr2;
        }
        break;
    default:
        break;
    }
}

static void store_results(struct cpu *cpu, const struct insn *in, gva addr, unsigned form,
                          const struct vec_env *e, const union vec *d)
{
    union vec r = {.u64 = {e->gpr, e->gpr2}};

    switch (form) {
    case VEC_GX: case VEC_GXI: case VEC_GM: case VEC_GMI:
        write_operand(cpu, &in->op[0], addr, &r,
                      in->op[0].kind == OPND_MEM ? in->op[0].size : 8, false);
        break;
    case VEC_FLAGS:
        vec_set_flags(cpu, e);
        break;
    case VEC_STRI:
        vec_set_flags(cpu, e);
        cpu->gpr[R_CX] = e->gpr;
        break;
    case VEC_STRM:
        vec_set_flags(cpu, e);
        memcpy(&cpu->v[0], &r, 16);
        break;
    default:
        write_operand(cpu, &in->op[0], addr, d, 16, false);
    }
}

static void exec_data(struct cpu *cpu, const struct insn *in, gva addr)
{
    const struct vec_op *op = op_of(in);
    struct vec_env e = {0};
    union vec d, s;
    unsigned form;

    if (!op)
        cpu_raise(cpu, EXC_UD);
    form = op->kind & VEC_FORM;
    memset(&d, 0, sizeof(d));
    if (in->op[0].kind != OPND_MEM && in->op[0].kind != OPND_GPR)
        read_operand(cpu, &in->op[0], addr, &d);
    read_operand(cpu, &in->op[1], addr, &s);
    env_inputs(cpu, in, &s, form, &e);
    op->fn(&e, &d, &s, in->id == I_INSERTPS && in->has_mem ? in->imm8 & 0x3f : in->imm8);
    if (op->kind & VEC_FP) {
        cpu->mxcsr = e.mxcsr;
        if (e.fault)
            cpu_raise(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
    }
    touch_mmx(cpu, in);
    store_results(cpu, in, addr, form, &e, &d);
}

static bool has_mmx(const struct insn *in)
{
    for (unsigned i = 0; i < in->nops; i++)
        if (in->op[i].kind == OPND_MMX)
            return true;
    return false;
}

void vec_check_pending(struct cpu *cpu, const struct insn *in)
{
    if (has_mmx(in)) {
        x87_sync(cpu);
        x87_check_pending(cpu);
    }
}

void vec_exec(struct cpu *cpu, const struct insn *in, gva addr)
{
    vec_check_pending(cpu, in);
    if (in->has_mem && in->mode == INSN_64 && !cpu_canonical(addr))
        cpu_raise_err(cpu, in->mem.seg == SEG_SS ? EXC_SS : EXC_GP, 0);
    if (in->has_mem && has_mmx(in) && (in->row->attr & IA_SSE_ALIGN) && (addr & 15))
        cpu_raise_err(cpu, EXC_GP, 0); /* after #MF, so not by IRA_ALIGN */
    if (in->vex)
        vex_exec(cpu, in, addr);
    else if (!exec_move(cpu, in, addr))
        exec_data(cpu, in, addr);
}

/* ---- MASKMOVQ, MASKMOVDQU ---- */

bool vec_is_call(const struct insn *in)
{
    return in->id == I_MASKMOVQ || in->id == I_MASKMOVDQU || in->id == I_VMASKMOVDQU ||
           vex_is_call(in);
}

void vec_call(struct cpu *cpu, const struct insn *in)
{
    bool mmx = in->id == I_MASKMOVQ;
    unsigned n = mmx ? 8 : 16;
    const unsigned src = 0, mask = 1;
    union vec s, m;
    uint64_t off = cpu->gpr[R_DI];
    gva addr;

    if (vex_is_call(in)) {
        vex_call(cpu, in);
        return;
    }
    if (mmx) {
        x87_sync(cpu);
        x87_check_pending(cpu);
    }
    read_operand(cpu, &in->op[src], 0, &s);
    read_operand(cpu, &in->op[mask], 0, &m);
    if (in->adsize < 8)
        off &= in->adsize == 4 ? 0xffffffffu : 0xffffu;
    for (unsigned i = 0; i < n; i++) {
        if (m.u8[i] & 0x80)
            cpu_probe_write(cpu, seg_linear(cpu, in->mem.seg, off + i, 1, true), 1);
    }
    for (unsigned i = 0; i < n; i++) {
        if (!(m.u8[i] & 0x80))
            continue;
        addr = seg_linear(cpu, in->mem.seg, off + i, 1, true);
        cpu_st(cpu, addr, s.u8[i], 1);
    }
    if (mmx)
        x87_enter_mmx(cpu);
}
