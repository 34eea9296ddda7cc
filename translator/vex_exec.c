/* SPDX-License-Identifier: MIT
 * Vector instructions under VEX in C. A legacy operation runs once a 128-bit lane on a copy of
 * its first source; what crosses lanes has a function of its own (VEC_WHOLE). The destination's
 * bytes above the vector length become zero. */
#include <stdio.h>
#include <string.h>

#include "cpu/vec_ops.h"
#include "translator/vec_exec.h"

struct vex {
    const struct vec_op *op;
    unsigned n;     /* operands without immediate and mask register */
    unsigned width; /* 16 or 32: the widest operand */
    const struct insn_operand *dst, *src;
    union vec a, b, mask, result;
    struct vec_env e;
};

/* ---- which function implements an instruction ---- */

static bool is_imm_form(const struct insn *in)
{
    return (in->map == 1 && in->opcode >= 0x71 && in->opcode <= 0x73) ||
           (in->map == 3 && (in->opcode == 0x04 || in->opcode == 0x05));
}

static bool is_quad_convert(const struct insn *in)
{
    switch (in->id) {
    case I_VCVTSI2SS: case I_VCVTSI2SD:
        return in->op[2].size == 8;
    case I_VCVTSS2SI: case I_VCVTSD2SI: case I_VCVTTSS2SI: case I_VCVTTSD2SI:
        return in->op[0].size == 8;
    default:
        return false;
    }
}

/* The operation under the VEX mnemonic, else under the legacy one. */
static const struct vec_op *op_of(const struct insn *in)
{
    static const struct vec_op *cache[I_COUNT][4];
    bool imm = is_imm_form(in), quad = is_quad_convert(in);
    const struct vec_op **slot = &cache[in->id][imm + 2 * quad];
    char name[40];

    if (*slot)
        return *slot;
    snprintf(name, sizeof(name), "%s%s%s", insn_name((enum insn_id)in->id), imm ? "_i" : "",
             quad ? "_q" : "");
    *slot = vec_op_find(name);
    if (!*slot)
        *slot = vec_op_find(name + 1);
    return *slot;
}

/* ---- operands ---- */

static void read_operand(struct cpu *cpu, const struct insn_operand *p, gva addr, union vec *v)
{
    memset(v, 0, sizeof(*v));
    if (p->kind == OPND_XMM)
        *v = cpu->v[p->reg];
    else if (p->kind == OPND_GPR)
        v->u64[0] = cpu->gpr[p->reg];
    else if (p->kind == OPND_MEM)
        cpu_ld_bytes(cpu, addr, v, p->size);
}

/* n bytes of v; a vector register's others become zero. */
static void write_operand(struct cpu *cpu, const struct insn_operand *p, gva addr,
                          const union vec *v, unsigned n)
{
    if (p->kind == OPND_XMM) {
        memset(&cpu->v[p->reg], 0, sizeof(*v));
        memcpy(&cpu->v[p->reg], v, n);
    } else if (p->kind == OPND_GPR) {
        cpu->gpr[p->reg] = p->size == 8 ? v->u64[0] : v->u32[0];
    } else {
        cpu_st_bytes(cpu, addr, v, n);
    }
}

/* ---- moves ---- */

/* Forms that merge with the register in VEX.vvvv, or store a high half. */
static bool exec_merge(struct cpu *cpu, const struct insn *in, gva addr)
{
    bool high = in->id == I_VMOVHPS || in->id == I_VMOVHPD;
    unsigned n = in->id == I_VMOVSS ? 4 : 8;
    union vec v, s;

    if (in->nops < 3) {
        read_operand(cpu, &in->op[1], addr, &v);
        if (high)
            v.u64[0] = v.u64[1];
        write_operand(cpu, &in->op[0], addr, &v, n);
        return true;
    }
    read_operand(cpu, &in->op[2], addr, &s);
    v = cpu->v[in->op[1].reg];
    memcpy(&v.u8[high ? 8 : 0], &s, n);
    write_operand(cpu, &in->op[0], addr, &v, 16);
    return true;
}

/* Outside 64-bit mode eight registers only. */
static void zero_registers(struct cpu *cpu, const struct insn *in)
{
    for (unsigned i = 0; i < (in->mode == INSN_64 ? 16 : 8); i++) {
        if (in->id == I_VZEROALL)
            cpu->v[i].u64[0] = cpu->v[i].u64[1] = 0;
        cpu->v[i].u64[2] = cpu->v[i].u64[3] = 0;
    }
    cpu_update_upper(cpu);
}

static bool exec_move(struct cpu *cpu, const struct insn *in, gva addr)
{
    unsigned n = in->op[0].size < in->op[1].size ? in->op[0].size : in->op[1].size;
    union vec v;

    switch (in->id) {
    case I_VZEROALL: case I_VZEROUPPER: zero_registers(cpu, in); return true;
    case I_VMOVSS: case I_VMOVSD: case I_VMOVLPS: case I_VMOVLPD: case I_VMOVHPS:
    case I_VMOVHPD:
        return exec_merge(cpu, in, addr);
    case I_VMOVD: case I_VMOVQ: case I_VMOVAPS: case I_VMOVAPD: case I_VMOVUPS: case I_VMOVUPD:
    case I_VMOVDQA: case I_VMOVDQU: case I_VMOVNTPS: case I_VMOVNTPD: case I_VMOVNTDQ:
    case I_VMOVNTDQA: case I_VLDDQU:
        read_operand(cpu, &in->op[1], addr, &v);
        write_operand(cpu, &in->op[0], addr, &v, n);
        return true;
    default: return false;
    }
}

/* ---- data operations ---- */

/* The immediate as lane 1 sees it. */
static unsigned lane_imm(const struct insn *in, unsigned lane)
{
    unsigned imm = in->imm8;

    if (in->id == I_VINSERTPS && in->has_mem)
        return imm & 0x3f;
    if (!lane)
        return imm;
    switch (in->id) {
    case I_VBLENDPS: return imm >> 4;
    case I_VBLENDPD: case I_VSHUFPD: return imm >> 2;
    case I_VMPSADBW: return imm >> 3;
    default: return imm;
    }
}

/* Where lane 1 of the second source begins: a count is for both lanes, a narrow source of a
 * widening operation splits in two. */
static unsigned source_offset(const struct vex *x)
{
    if (x->src->size == x->width)
        return 16;
    return x->n == 3 ? 0 : x->src->size / 2;
}

/* Both lanes' exceptions are one instruction's: an unmasked one found before computation
 * hides those found after it. */
static void merge_mxcsr(struct vec_env *e, uint32_t before, uint32_t flags)
{
    uint32_t unmasked = ~before >> MXCSR_MASK_POS;

    if (flags & unmasked & (MXCSR_IE | MXCSR_DE | MXCSR_ZE))
        flags &= ~(MXCSR_OE | MXCSR_UE | MXCSR_PE);
    e->mxcsr = before | flags;
}

static void merge_lane(struct vex *x, const struct insn *in, unsigned lane,
                       const struct vec_env *e)
{
    unsigned bits = in->id == I_VMOVMSKPS ? 4 : in->id == I_VMOVMSKPD ? 2 : 16;

    if (!lane) {
        x->e.gpr = e->gpr;
        x->e.gpr2 = e->gpr2;
        x->e.zf = e->zf, x->e.cf = e->cf, x->e.sf = e->sf;
        x->e.of = e->of, x->e.af = e->af, x->e.pf = e->pf;
    } else { /* PTEST and masks of signs */
        x->e.gpr |= e->gpr << bits;
        x->e.zf &= e->zf;
        x->e.cf &= e->cf;
    }
    x->e.fault |= e->fault;
}

static void run_lanes(struct vex *x, const struct insn *in)
{
    bool narrow = x->dst->kind == OPND_XMM && x->dst->size == 16 && x->width == 32;
    uint32_t before = x->e.mxcsr, flags = 0;

    for (unsigned lane = 0; lane < x->width / 16; lane++) {
        struct vec_env e = x->e;
        union vec a = {0}, b = {0}, m = {0};

        memcpy(&a, &x->a.u8[16 * lane], 16);
        memcpy(&b, &x->b.u8[lane ? source_offset(x) : 0], 16);
        memcpy(&m, &x->mask.u8[16 * lane], 16);
        e.mxcsr = before & ~MXCSR_FLAGS;
        e.xmm0 = &m;
        x->op->fn(&e, &a, &b, lane_imm(in, lane));
        flags |= e.mxcsr & MXCSR_FLAGS;
        memcpy(&x->result.u8[(narrow ? 8 : 16) * lane], &a, narrow ? 8 : 16);
        merge_lane(x, in, lane, &e);
    }
    if (x->width == 16)
        x->e.mxcsr = before | flags;
    else
        merge_mxcsr(&x->e, before, flags);
}

static void run_whole(struct vex *x, const struct insn *in, const struct cpu *cpu)
{
    bool flags = (x->op->kind & VEC_FORM) == VEC_FLAGS;

    x->e.bytes = x->width;
    x->e.src1 = &x->a;
    x->result = flags ? x->a : cpu->v[x->dst->reg];
    x->op->fn(&x->e, &x->result, &x->b, in->imm8);
}

static void read_sources(struct vex *x, struct cpu *cpu, const struct insn *in, gva addr)
{
    unsigned form = x->op->kind & VEC_FORM;

    read_operand(cpu, x->src, addr, &x->b);
    if (x->n == 3)
        x->a = cpu->v[in->op[1].reg];
    else if (form == VEC_FLAGS || form == VEC_STRI || form == VEC_STRM)
        x->a = cpu->v[x->dst->reg];
    else if (form == VEC_XI)
        x->a = x->b;
    if (form == VEC_XG || form == VEC_XGI)
        x->e.gpr = x->b.u64[0];
    if (form != VEC_STRI && form != VEC_STRM)
        return;
    x->e.gpr = cpu->gpr[R_AX];
    x->e.gpr2 = cpu->gpr[R_DX];
    if (in->opsize != 8) {
        x->e.gpr = (uint64_t)(int64_t)(int32_t)x->e.gpr;
        x->e.gpr2 = (uint64_t)(int64_t)(int32_t)x->e.gpr2;
    }
}

static void store_results(struct vex *x, struct cpu *cpu, gva addr)
{
    union vec r = {.u64 = {x->e.gpr, x->e.gpr2}};
    unsigned form = x->op->kind & VEC_FORM;

    if (form == VEC_FLAGS || form == VEC_STRI || form == VEC_STRM)
        vec_set_flags(cpu, &x->e);
    switch (form) {
    case VEC_FLAGS: break;
    case VEC_STRI: cpu->gpr[R_CX] = x->e.gpr; break;
    case VEC_STRM: cpu->v[0] = r; break;
    case VEC_GX: case VEC_GXI: write_operand(cpu, x->dst, addr, &r, x->dst->size); break;
    default:
        write_operand(cpu, x->dst, addr, &x->result,
                      x->dst->kind == OPND_MEM || x->dst->size == 32 ? x->dst->size : 16);
    }
}

void vex_exec(struct cpu *cpu, const struct insn *in, gva addr)
{
    struct vex x = {.dst = &in->op[0], .n = in->nops, .width = 16};

    if (vex_fills_upper(in))
        cpu->upper = UPPER_USED;
    if (exec_move(cpu, in, addr))
        return;
    x.op = op_of(in);
    if (!x.op)
        cpu_raise(cpu, EXC_UD);
    if (x.n == 4 || in->op[x.n - 1].kind == OPND_IMM)
        x.n--;
    if (in->nops == 4 && in->op[3].kind == OPND_XMM)
        x.mask = cpu->v[in->op[3].reg];
    x.src = &in->op[x.n - 1];
    for (unsigned i = 0; i < in->nops; i++)
        if (in->op[i].size == 32)
            x.width = 32;
    x.e.mxcsr = cpu->mxcsr;
    read_sources(&x, cpu, in, addr);
    if (x.dst->kind == OPND_MEM) /* its fault goes before #XM */
        cpu_probe_write(cpu, addr, x.dst->size);
    if (x.op->kind & VEC_WHOLE)
        run_whole(&x, in, cpu);
    else
        run_lanes(&x, in);
    if (x.op->kind & VEC_FP && x.e.fault) {
        cpu->mxcsr = x.e.mxcsr;
        cpu_raise(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
    }
    store_results(&x, cpu, addr);
    if (x.op->kind & VEC_FP)
        cpu->mxcsr = x.e.mxcsr;
}
