/* SPDX-License-Identifier: MIT
 * Vector instructions: the guest's own instruction on the pinned XMM registers,
 * with its general register or memory operand replaced, MMX instructions on the host's x87
 * state (x87.c). What cannot run so (implicit memory, conversions from and to MMX, features
 * the host lacks) runs in C.
 *
 * MXCSR is the guest's, so that an exception it unmasks traps on the host: the trap
 * handler then goes to the C implementation, which raises #XM for the guest. */
#include "translator/x86_64/x64.h"

/* Is the general register of this instruction in ModRM.reg (else ModRM.rm)? */
static bool gpr_in_reg(const struct insn *in)
{
    static const uint8_t reg[] = {0x50, 0xd7, 0xc5, 0x2c, 0x2d};

    if (in->map != 1)
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(reg); i++)
        if (in->opcode == reg[i])
            return true;
    return false;
}

static bool is_pcmpstr(const struct insn *in)
{
    return in->map == 3 && in->opcode >= 0x60 && in->opcode <= 0x63;
}

static const struct insn_operand *gpr_operand(const struct insn *in)
{
    for (unsigned i = 0; i < in->nops; i++)
        if (in->op[i].kind == OPND_GPR && !is_pcmpstr(in))
            return &in->op[i];
    return NULL;
}

static bool host_has(const struct jit *j, const struct insn *in)
{
    static const uint32_t need[IF_COUNT] = {
        [IF_SSE3] = HF_SSE3,   [IF_SSSE3] = HF_SSSE3, [IF_SSE41] = HF_SSE41,
        [IF_SSE42] = HF_SSE42, [IF_AES] = HF_AES,     [IF_PCLMUL] = HF_PCLMUL,
        [IF_SHA] = HF_SHA,     [IF_AVX] = HF_AVX,     [IF_AVX2] = HF_AVX2,
        [IF_FMA] = HF_FMA,     [IF_F16C] = HF_F16C,   [IF_VAES] = HF_VAES,
        [IF_VPCLMUL] = HF_VPCLMUL,
    };
    unsigned f = in->row ? in->row->feature : IF_SSE42;

    if (in->vex && !j->ymm)
        return false;
    if (f == IF_MMX || f == IF_SSE || f == IF_SSE2)
        return true;
    return need[f] && (j->hf & need[f]);
}

/* May it raise a SIMD floating-point exception? By opcode, generously. */
static bool may_trap(const struct insn *in)
{
    unsigned o = in->opcode;

    if (in->vex && in->map == 2)
        return o == 0x13 || o >= 0x96; /* half precision, FMA */
    if (in->map == 1)
        return (o >= 0x51 && o <= 0x5f && !(o >= 0x54 && o <= 0x57)) ||
               (o >= 0x2a && o <= 0x2f) || o == 0xc2 || o == 0xd0 || o == 0xe6 || o == 0x7c ||
               o == 0x7d;
    return in->map == 3 && ((o >= 0x08 && o <= 0x0b) || o == 0x1d || o == 0x40 || o == 0x41);
}

static bool uses_mmx(const struct insn *in)
{
    for (unsigned i = 0; i < in->nops; i++)
        if (in->op[i].kind == OPND_MMX)
            return true;
    return false;
}

static bool native(const struct x64 *c, const struct insn *in, bool mem)
{
    if (!in->has_modrm || in->map < 1 || in->map > 3 || !host_has(c->j, in))
        return false;
    if (uses_mmx(in) && ((c->b->mode & CM_X87EXC) || may_trap(in)))
        return false; /* may_trap: MMX state must not change before the exception */
    if (in->id == I_MASKMOVDQU || in->id == I_MASKMOVQ)
        return false;
    if (in->id == I_VCVTPS2PH && mem)
        return false; /* a store that may trap: its copy in the slow path has no handler */
    return mem == (in->modrm < 0xc0);
}

static void in_c(struct x64 *c)
{
    const struct ir *o = c->o;
    uint16_t writes = o->ext->row ? o->ext->row->fl_write & FL_ARITH : 0;

    x64_flags_clobber(c);
    if (o->mem.check && uses_mmx(o->ext)) { /* #MF comes before what the segment raises */
        e_mov_imm(&c->e, X_ADDR, (uint64_t)(uintptr_t)o->ext);
        x64_call_c(c, (uint64_t)(uintptr_t)vec_check_pending);
    }
    if (o->w) {
        x64_address(c, o, o->w, o->attr & IRA_STORE);
        if (o->attr & IRA_ALIGN) {
            e_test_imm(&c->e, 1, rm_reg(X_ADDR), o->w - 1);
            x64_raise_if(c, CC_NZ, EXC_GP);
        }
        e_mov_rr(&c->e, 8, X_ENT, X_ADDR);
    }
    e_mov_imm(&c->e, X_ADDR, (uint64_t)(uintptr_t)o->ext);
    x64_call_c(c, (uint64_t)(uintptr_t)vec_exec);
    c->x87_live = false; /* MMX: it has looked at the state */
    if (writes)
        x64_flags_begin(c);
}

bool x64_vec_plain(const struct x64 *c, const struct ir *o)
{
    for (unsigned i = 0; i < o->ext->nops; i++)
        if (o->ext->op[i].kind == OPND_MMX) /* may load the x87 state first */
            return false;
    return native(c, o->ext, o->w != 0);
}

bool x64_vec_may_trap(const struct insn *in)
{
    return may_trap(in);
}

static bool has_imm(const struct insn *in)
{
    unsigned o = in->opcode;

    return in->map == 3 || (in->map == 1 && ((o >= 0x70 && o <= 0x73) || o == 0xc2 ||
                                             (o >= 0xc4 && o <= 0xc6)));
}

static unsigned vex_pp(const struct insn *in)
{
    unsigned pp = in->pfx == 0x66 ? 1 : in->pfx == 0xf3 ? 2 : in->pfx == 0xf2 ? 3 : 0;

    return in->vex_l ? pp | VEX_L : pp;
}

static void encode(struct x64 *c, const struct insn *in, unsigned reg, struct x64_rm m)
{
    struct emit *e = &c->e;
    uint32_t opc = OPC_P(in->pfx, in->map, in->opcode);

    if (in->vex)
        e_vex(e, vex_pp(in), in->map, in->vex_w ? 8 : 4, in->opcode, reg, in->vvvv, m);
    else
        e_ins(e, opc | (in->rex & 8 ? E_REXW : 0), 4, reg, m);
    if (has_imm(in))
        e8(e, in->imm8);
}

/* Flags: written whole (COMISx, PTEST, PCMPxSTRx) or untouched. */
static void vec_flags(struct x64 *c)
{
    if (c->o->ext->row && (c->o->ext->row->fl_write & FL_ARITH))
        x64_flags_wrote(c, FL_ARITH);
}

static struct x64_slow *trap_entry(struct x64 *c, const struct insn *in, uint8_t *start,
                                   bool mem)
{
    struct x64_slow *s = x64_slow_new(c, SL_CALL);

    s->insn = in;
    s->start = start;
    s->trap_end = c->e.p;
    s->vec_mem = mem;
    s->traps = true;
    return s;
}

static void set_upper(struct x64 *c, enum cpu_upper what)
{
    e_mov_rm_imm(&c->e, 1, rm_mem(X_RSP, ENV(upper)), what);
    c->upper_used = what == UPPER_USED;
}

/* Outside 64-bit mode eight registers only. */
static void zero_registers(struct x64 *c, const struct insn *in)
{
    struct emit *e = &c->e;

    if (in->mode != INSN_64) {
        in_c(c);
        return;
    }
    e8(e, 0xc5);
    e8(e, in->vex_l ? 0xfc : 0xf8);
    e8(e, 0x77);
    set_upper(c, UPPER_STALE);
}

void x64_op_vec(struct x64 *c)
{
    const struct ir *o = c->o;
    const struct insn *in = o->ext;
    struct emit *e = &c->e;
    const struct insn_operand *g = gpr_operand(in);
    bool mem = o->w != 0, trap = may_trap(in), greg = g && gpr_in_reg(in);
    unsigned reg = (in->modrm >> 3 & 7) | (in->rex & 4) << 1, guest_out = IR_NONE;
    struct x64_rm m = rm_reg((in->modrm & 7) | (in->rex & 1) << 3);
    struct x64_slow *t = NULL;
    uint8_t *at;

    if (in->vex && !in->has_modrm && c->j->ymm) { /* VZEROALL, VZEROUPPER */
        zero_registers(c, in);
        return;
    }
    if (!native(c, in, mem)) {
        in_c(c);
        return;
    }
    if (vex_fills_upper(in) && !c->upper_used)
        set_upper(c, UPPER_USED);
    if (uses_mmx(in))
        x64_x87_live(c);
    if (mem && uses_mmx(in))
        x64_x87_access(c, o->w, o->attr & IRA_STORE, in);
    else if (mem)
        x64_mem_begin(c, o->w, o->attr & IRA_STORE ? SL_STORE : SL_LOAD);
    else if (trap)
        x64_flags_clobber(c);
    if (g && greg) {
        reg = x64_rm(g->reg).mem ? X_RAX : x64_rm(g->reg).base;
        guest_out = reg == X_RAX ? g->reg : IR_NONE;
    } else if (g && !mem) {
        m = x64_rm(g->reg);
        if (m.mem) {
            if (g != &in->op[0])
                e_mov_r_rm(e, 8, X_RAX, m);
            else
                guest_out = g->reg;
            m = rm_reg(X_RAX);
        }
    }
    if (mem)
        m = RM_GUEST;
    if (is_pcmpstr(in) && in->opcode < 0x62)
        e_mov_rr(e, 8, X_RAX, X_GRAX);
    at = e->p;
    encode(c, in, reg, m);
    if (trap)
        t = trap_entry(c, in, at, mem);
    if (mem)
        x64_mem_end(c);
    if (guest_out != IR_NONE)
        e_mov_rm_r(e, 8, x64_rm(guest_out), X_RAX);
    if (t)
        t->end = e->p;
    vec_flags(c);
}
