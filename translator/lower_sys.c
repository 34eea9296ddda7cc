/* SPDX-License-Identifier: MIT
 * Lowering of what is implemented in C (system, x87) and of vector
 * instructions, which keep their identity. */
#include "translator/lower.h"
#include "translator/vec_exec.h"

/* System instructions after which the block may go on: they change neither
 * control flow, mode, paging nor the meaning of code. */
static bool continues(const struct insn *in)
{
    switch (in->id) {
    case I_MOV_SREG:
        return in->op[0].kind != OPND_SREG ||
               (in->mode == INSN_64 && in->op[0].reg != SEG_SS && in->op[0].reg != SEG_CS);
    case I_MOV_CR:
    case I_MOV_DR:
        return in->op[0].kind == OPND_GPR;
    case I_PUSHF: case I_PUSH_SREG: case I_PUSHA: case I_POPA:
    case I_RDTSC: case I_RDTSCP: case I_RDPID: case I_CPUID: case I_RDMSR: case I_RDRAND:
    case I_RDSEED: case I_RDFSBASE: case I_RDGSBASE: case I_WRFSBASE: case I_WRGSBASE:
    case I_XGETBV: case I_FXSAVE: case I_XSAVE: case I_XSAVEOPT: case I_XSAVEC: case I_STMXCSR:
    case I_LDMXCSR: case I_VSTMXCSR: case I_VLDMXCSR: case I_LFENCE:
    case I_MFENCE: case I_SFENCE: case I_CLFLUSH: case I_CLFLUSHOPT: case I_SGDT: case I_SIDT:
    case I_SLDT: case I_STR: case I_SMSW: case I_LAR: case I_LSL: case I_VERR: case I_VERW:
    case I_ARPL: case I_CLAC: case I_STAC: case I_DAA: case I_DAS: case I_AAA: case I_AAS:
    case I_AAM: case I_AAD: case I_CMPXCHG8B: case I_CMPXCHG16B: case I_CRC32: case I_BOUND:
    case I_ENTER:
        return true;
    default:
        return false;
    }
}

/* The x87/SSE availability exception that the control registers ask for (SDM
 * vol. 3, 2.5: #UD before #NM). Only lowered where one is certain. */
static void fpu_unavailable(struct cpu *cpu, const struct insn *in)
{
    bool x87 = insn_class((enum insn_id)in->id) == IC_X87;
    bool mmx = in->id == I_EMMS || in->op[0].kind == OPND_MMX || in->op[1].kind == OPND_MMX;

    if (x87 && in->id != I_EMMS)
        cpu_raise(cpu, EXC_NM);
    if ((cpu->cr0 & CR0_EM) || (!mmx && !(cpu->cr4 & CR4_OSFXSR)))
        cpu_raise(cpu, EXC_UD);
    cpu_raise(cpu, EXC_NM);
}

/* Likewise of VEX vector instructions: CR0.EM and CR4.OSFXSR do not matter. */
static void avx_unavailable(struct cpu *cpu, const struct insn *in)
{
    bool on = cpu->cr4 & CR4_OSXSAVE && (cpu->xcr0 & 6) == 6;

    cpu_raise(cpu, on ? EXC_NM : EXC_UD);
}

static bool uses_mmx(const struct insn *in)
{
    for (unsigned i = 0; i < in->nops; i++)
        if (in->op[i].kind == OPND_MMX)
            return true;
    return false;
}

static bool uses_xmm(const struct insn *in)
{
    for (unsigned i = 0; i < in->nops; i++)
        if (in->op[i].kind == OPND_XMM)
            return true;
    return false;
}

void lower_sys(struct lower *l)
{
    const struct insn *in = l->in;

    switch (in->id) {
    case I_UD0: case I_UD1: case I_UD2:
        lower_raise(l, EXC_UD);
        return;
    case I_FXSAVE: case I_FXRSTOR:
        if ((l->mode & CM_X87))
            break;
        lower_call(l, fpu_unavailable, true);
        return;
    case I_LDMXCSR: case I_STMXCSR:
        if (l->mode & CM_SSE)
            break;
        lower_call(l, fpu_unavailable, true);
        return;
    case I_VLDMXCSR: case I_VSTMXCSR:
        if (l->mode & CM_AVX)
            break;
        lower_call(l, avx_unavailable, true);
        return;
    default:
        break;
    }
    lower_call(l, sys_table[in->id], !continues(in));
}

/* x87 instructions that are not run natively: rare and slow ones, and images of the state. */
static bool x87_in_c(const struct insn *in)
{
    switch (in->id) {
    case I_FBLD: case I_FBSTP: case I_FLDENV: case I_FNSTENV: case I_FNSAVE: case I_FRSTOR:
    case I_FNINIT:
        return true;
    default:
        return false;
    }
}

/* May the instruction, run in C, change CM_X87EXC? */
static bool x87_ends(const struct lower *l)
{
    switch (l->in->id) {
    case I_FLDENV: case I_FRSTOR:
        return true;
    case I_FLDCW: case I_FNINIT: case I_FNSTENV: case I_FNSAVE:
        return l->mode & CM_X87EXC;
    default:
        return false;
    }
}

/* The memory operand of an instruction that keeps its identity. */
static void lower_operand_mem(struct lower *l, struct ir *o)
{
    const struct insn *in = l->in;

    lower_set_mem(l, o);
    for (unsigned i = 0; i < in->nops; i++) {
        if (in->op[i].kind != OPND_MEM)
            continue;
        o->w = in->op[i].size;
        if (i == 0 && (in->row->attr & IA_WRITES_OP0))
            o->attr |= IRA_STORE;
    }
}

void lower_x87(struct lower *l)
{
    struct ir *o;

    if (!(l->mode & CM_X87) && l->in->id != I_FWAIT) {
        lower_call(l, fpu_unavailable, true);
        return;
    }
    if (!(l->mode & CM_X87) || (l->mode & CM_X87EXC) || x87_in_c(l->in)) {
        lower_call(l, sys_table[l->in->id], x87_ends(l));
        return;
    }
    o = lower_emit(l, IR_X87, 0);
    o->ext = l->in;
    o->imm = (int64_t)l->next;
    lower_flags(l, o);
    if (l->in->id == I_FLDCW)
        o->fr = FL_ARITH; /* may leave the block */
    if (l->in->has_mem)
        lower_operand_mem(l, o);
    if (!o->mem.check)
        return;
    l->b->n--; /* segment limits: in C */
    lower_call(l, sys_table[l->in->id], l->in->id == I_FLDCW);
}

void lower_vec(struct lower *l)
{
    const struct insn *in = l->in;
    bool mmx = uses_mmx(in);
    bool sse = uses_xmm(in) || !mmx;
    struct ir *o;

    if (in->vex && !(l->mode & CM_AVX)) {
        lower_call(l, avx_unavailable, true);
        return;
    }
    sse &= !in->vex;
    if ((mmx && !(l->mode & CM_X87)) || (sse && !(l->mode & CM_SSE))) {
        lower_call(l, fpu_unavailable, true);
        return;
    }
    if (vec_is_call(in)) {
        lower_call(l, vec_call, false);
        return;
    }
    o = lower_emit(l, IR_VEC, 0);
    o->ext = in;
    lower_flags(l, o);
    if (!in->has_mem)
        return;
    lower_operand_mem(l, o);
    if ((in->row->attr & IA_SSE_ALIGN) && o->w >= 16 && !mmx)
        o->attr |= IRA_ALIGN;
}

/* ---- short system instructions of every kernel entry, where no check is left to make ---- */

static void lower_env(struct lower *l, enum ir_op op, unsigned w, uint8_t temp, size_t offset)
{
    struct ir *o = lower_emit(l, op, w);

    *(op == IR_LDENV ? &o->d : &o->a) = temp;
    o->imm = (int64_t)offset;
}

void lower_SWAPGS(struct lower *l)
{
    const size_t gs = offsetof(struct cpu, seg) + SEG_GS * sizeof(struct seg) +
                      offsetof(struct seg, base);

    if (l->mode & CM_CPL3) {
        lower_call(l, sys_table[I_SWAPGS], false);
        return;
    }
    lower_env(l, IR_LDENV, 8, IR_T0, gs);
    lower_env(l, IR_LDENV, 8, IR_T1, offsetof(struct cpu, kernel_gs_base));
    lower_env(l, IR_STENV, 8, IR_T1, gs);
    lower_env(l, IR_STENV, 8, IR_T0, offsetof(struct cpu, kernel_gs_base));
}

static void lower_t(struct lower *l, enum ir_op op, uint8_t temp, int64_t imm)
{
    struct ir *o = lower_emit(l, op, 4);

    o->d = temp;
    o->a = IR_IMM;
    o->imm = imm;
}

void lower_CLI(struct lower *l)
{
    if (l->mode & CM_CPL3) { /* IOPL, VME and PVI decide */
        lower_call(l, sys_table[I_CLI], false);
        return;
    }
    lower_env(l, IR_LDENV, 4, IR_T0, offsetof(struct cpu, eflags));
    lower_t(l, IR_AND, IR_T0, ~(int64_t)FL_IF);
    lower_env(l, IR_STENV, 4, IR_T0, offsetof(struct cpu, eflags));
}

/* In the middle of a block nothing but the POLL can see the shadow. */
void lower_STI(struct lower *l)
{
    struct ir *o;

    if (l->mode & CM_CPL3) {
        lower_call(l, sys_table[I_STI], true);
        return;
    }
    l->sti = l->b->n;
    lower_env(l, IR_LDENV, 4, IR_T0, offsetof(struct cpu, eflags));
    lower_t(l, IR_OR, IR_T0, FL_IF);
    lower_env(l, IR_STENV, 4, IR_T0, offsetof(struct cpu, eflags));
    o = lower_emit(l, IR_POLL, 0);
    o->imm = (int64_t)l->next;
    o->fr = FL_ARITH;
}
