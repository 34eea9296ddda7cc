/* SPDX-License-Identifier: MIT
 * The portable executor. Flags are computed only where liveness wants them. */
#include "translator/ir_exec.h"

#include <string.h>

#include "cpu/x87.h"
#include "translator/ir_alu.h"
#include "translator/vec_exec.h"

struct xctx {
    struct cpu *cpu;
    uint64_t t[IR_TEMPS];
    gva addr;     /* linear address of the op's memory operand, once formed */
    uint8_t *host; /* its host bytes when plain RAM, for read-modify-write */
};

static inline uint64_t mask_of(unsigned w)
{
    return w == 8 ? ~0ull : (1ull << (w * 8)) - 1;
}

/* ---- operands ---- */

static inline uint64_t *reg_ptr(struct xctx *x, uint8_t ref)
{
    return ref < IR_T0 ? &x->cpu->gpr[ref] : &x->t[ref - IR_T0];
}

static inline uint64_t read_reg(struct xctx *x, uint8_t ref, unsigned w)
{
    if (UNLIKELY(ref >= IR_AH))
        return x->cpu->gpr[ref - IR_AH] >> 8 & 0xff;
    return *reg_ptr(x, ref) & mask_of(w);
}

static inline void write_reg(struct xctx *x, uint8_t ref, unsigned w, uint64_t v)
{
    uint64_t *r;

    if (UNLIKELY(ref >= IR_AH)) {
        r = &x->cpu->gpr[ref - IR_AH];
        *r = (*r & ~0xff00ull) | (v & 0xff) << 8;
        return;
    }
    r = reg_ptr(x, ref);
    switch (w) {
    case 8: *r = v; break;
    case 4: *r = (uint32_t)v; break;
    case 2: *r = (*r & ~0xffffull) | (uint16_t)v; break;
    default: *r = (*r & ~0xffull) | (uint8_t)v;
    }
}

static inline uint64_t effective(struct xctx *x, const struct ir_mem *m)
{
    uint64_t ea = (uint64_t)m->disp;

    if (m->base != IR_NONE)
        ea += *reg_ptr(x, m->base);
    if (m->index != IR_NONE)
        ea += *reg_ptr(x, m->index) << m->scale;
    if (m->asize == 4)
        return (uint32_t)ea;
    if (m->asize == 2)
        return (uint16_t)ea;
    return ea;
}

static void check_stack_canonical(struct xctx *x, const struct ir_mem *m, gva va, unsigned size)
{
    if ((x->cpu->mode & CM_SIZE) == CM_64 && ir_mem_is_stack(m) &&
        !(cpu_canonical(va) && cpu_canonical(va + size - 1)))
        cpu_raise_err(x->cpu, EXC_SS, 0);
}

static inline gva linear(struct xctx *x, const struct ir *o, unsigned size, bool write)
{
    uint64_t ea = effective(x, &o->mem);

    if (o->mem.check)
        return seg_linear(x->cpu, o->mem.seg, ea, size, write);
    if (o->mem.seg != IRSEG_NONE)
        ea += x->cpu->seg[o->mem.seg].base;
    else if (ir_mem_is_stack(&o->mem))
        check_stack_canonical(x, &o->mem, ea, size);
    return ea;
}

static uint64_t load_host(const uint8_t *p, unsigned w)
{
    uint64_t v = 0;

    switch (w) {
    case 1: return *p;
    case 2: memcpy(&v, p, 2); return v;
    case 4: memcpy(&v, p, 4); return v;
    default: memcpy(&v, p, 8); return v;
    }
}

/* Memory fast paths do not apply when every access is watched. */
static inline uint8_t *fast(struct xctx *x, unsigned w, bool write)
{
    if (UNLIKELY(x->cpu->mode & (CM_STEP | CM_AC)))
        return NULL;
    return mmu_fast(&x->cpu->mmu, x->addr, w, write);
}

static uint64_t load(struct xctx *x, const struct ir *o, unsigned w)
{
    uint8_t *p;

    x->addr = linear(x, o, w, false);
    p = fast(x, w, false);
    return LIKELY(p != NULL) ? load_host(p, w) : cpu_ld(x->cpu, x->addr, w);
}

static void store(struct xctx *x, unsigned w, uint64_t v)
{
    uint8_t *p = fast(x, w, true);

    if (LIKELY(p != NULL))
        memcpy(p, &v, w);
    else
        cpu_st(x->cpu, x->addr, v, w);
}

static uint64_t read_ref(struct xctx *x, const struct ir *o, uint8_t ref, unsigned w)
{
    if (ref < IR_IMM)
        return read_reg(x, ref, w);
    if (ref == IR_IMM)
        return (uint64_t)o->imm & mask_of(w);
    return load(x, o, w);
}

/* First operand of an op that writes it back: memory is checked for writing first. */
static uint64_t read_d(struct xctx *x, const struct ir *o)
{
    if (o->d != IR_MEM)
        return read_ref(x, o, o->d, o->w);
    if (!(ir_op_props((enum ir_op)o->op) & P_DW))
        return load(x, o, o->w);
    x->addr = linear(x, o, o->w, true);
    x->host = fast(x, o->w, true);
    if (LIKELY(x->host != NULL))
        return load_host(x->host, o->w);
    cpu_probe_write(x->cpu, x->addr, o->w);
    return cpu_ld(x->cpu, x->addr, o->w);
}

static void write_d(struct xctx *x, const struct ir *o, uint64_t v)
{
    if (o->d != IR_MEM) {
        write_reg(x, o->d, o->w, v);
        return;
    }
    store(x, o->w, v);
}

/* ---- flags ---- */

static inline void put_flags(struct cpu *cpu, uint32_t which, uint32_t fl)
{
    if (which)
        cpu_set_aflags(cpu, (cpu_get_aflags(cpu) & ~which) | (fl & which));
}

static inline bool condition(const struct cpu *cpu, unsigned cc)
{
    return ir_condition(cpu_get_aflags(cpu), cc);
}

/* ---- ops in groups ---- */

static void exec_alu(struct xctx *x, const struct ir *o)
{
    unsigned want = o->fw | o->ff;
    uint64_t b = o->a == IR_NONE ? 0 : read_ref(x, o, o->a, o->w);
    uint64_t a, r;
    uint32_t fl;

    a = read_d(x, o);
    fl = cpu_get_aflags(x->cpu);
    r = ir_alu((enum ir_op)o->op, o->w, a, b, &fl, want != 0);
    if (ir_op_props((enum ir_op)o->op) & P_DW)
        write_d(x, o, r);
    put_flags(x->cpu, want, fl);
}

static void exec_shift(struct xctx *x, const struct ir *o)
{
    bool is_double = o->op == IR_SHLD || o->op == IR_SHRD;
    uint8_t cref = is_double ? o->b : o->a;
    unsigned count = (unsigned)(cref == IR_IMM ? (uint64_t)o->imm : x->cpu->gpr[R_CX]);
    uint64_t fill = is_double ? read_reg(x, o->a, o->w) : 0;
    uint64_t a = read_d(x, o), r;
    uint32_t fl = cpu_get_aflags(x->cpu);

    count &= o->w == 8 ? 63 : 31;
    r = ir_shift((enum ir_op)o->op, o->w, a, fill, count, &fl);
    write_d(x, o, r);
    if (count)
        put_flags(x->cpu, o->fw | o->ff, fl);
}

static void exec_mul(struct xctx *x, const struct ir *o)
{
    struct cpu *cpu = x->cpu;
    uint64_t b = read_ref(x, o, o->a, o->w);
    uint64_t hi, lo;
    uint32_t fl = cpu_get_aflags(cpu);

    ir_mul(o->op == IR_IMUL1, o->w, cpu->gpr[R_AX], b, &hi, &lo, &fl);
    if (o->w == 1) {
        write_reg(x, R_AX, 2, (hi << 8 | lo) & 0xffff);
    } else {
        write_reg(x, R_AX, o->w, lo);
        write_reg(x, R_DX, o->w, hi);
    }
    put_flags(cpu, o->fw | o->ff, fl);
}

static void exec_imul(struct xctx *x, const struct ir *o)
{
    uint64_t a = read_ref(x, o, o->a, o->w), b = read_ref(x, o, o->b, o->w);
    uint64_t hi, lo;
    uint32_t fl = cpu_get_aflags(x->cpu);

    ir_mul(true, o->w, a, b, &hi, &lo, &fl);
    write_reg(x, o->d, o->w, lo);
    put_flags(x->cpu, o->fw | o->ff, fl);
}

static void exec_div(struct xctx *x, const struct ir *o)
{
    struct cpu *cpu = x->cpu;
    uint64_t b = read_ref(x, o, o->a, o->w);
    uint64_t lo = cpu->gpr[R_AX], hi = cpu->gpr[R_DX], q, r;

    if (o->w == 1) {
        hi = lo >> 8 & 0xff;
        lo &= 0xff;
    }
    if (!ir_div(o->op == IR_IDIV, o->w, hi, lo, b, &q, &r))
        cpu_raise(cpu, EXC_DE);
    if (o->w == 1) {
        write_reg(x, R_AX, 2, (r & 0xff) << 8 | (q & 0xff));
    } else {
        write_reg(x, R_AX, o->w, q);
        write_reg(x, R_DX, o->w, r);
    }
}

static void exec_bit(struct xctx *x, const struct ir *o)
{
    uint64_t n = read_ref(x, o, o->a, o->w) & (o->w * 8 - 1);
    uint64_t a = read_d(x, o), bit = 1ull << n;
    uint32_t cf = a >> n & 1;

    switch (o->op) {
    case IR_BTS: write_d(x, o, a | bit); break;
    case IR_BTR: write_d(x, o, a & ~bit); break;
    case IR_BTC: write_d(x, o, a ^ bit); break;
    default: break;
    }
    put_flags(x->cpu, (o->fw | o->ff) & FL_CF, cf);
}

static void exec_scan(struct xctx *x, const struct ir *o)
{
    uint64_t a = read_ref(x, o, o->a, o->w), r = 0;
    unsigned bits = o->w * 8;
    uint32_t fl = 0;

    switch (o->op) {
    case IR_BSF: r = a ? (uint64_t)__builtin_ctzll(a) : 0; break;
    case IR_BSR: r = a ? 63u - (unsigned)__builtin_clzll(a) : 0; break;
    case IR_TZCNT: r = a ? (uint64_t)__builtin_ctzll(a) : bits; break;
    case IR_LZCNT: r = a ? (unsigned)__builtin_clzll(a) - (64 - bits) : bits; break;
    default: r = (uint64_t)__builtin_popcountll(a);
    }
    if (o->op == IR_TZCNT || o->op == IR_LZCNT)
        fl = (a ? 0 : FL_CF) | (r ? 0 : FL_ZF);
    else
        fl = a ? 0 : FL_ZF;
    if (a || (o->op != IR_BSF && o->op != IR_BSR))
        write_reg(x, o->d, o->w, r);
    put_flags(x->cpu, o->fw | o->ff, fl);
}

static void exec_bmi(struct xctx *x, const struct ir *o)
{
    uint64_t b = o->b == IR_IMM ? (uint64_t)o->imm : read_reg(x, o->b, o->w);
    uint64_t a = read_ref(x, o, o->a, o->w);
    uint32_t fl = 0;

    write_reg(x, o->d, o->w, ir_bmi((enum ir_op)o->op, o->w, a, b, &fl));
    put_flags(x->cpu, o->fw | o->ff, fl);
}

static void exec_bls(struct xctx *x, const struct ir *o)
{
    uint32_t fl = 0;
    uint64_t a = read_ref(x, o, o->a, o->w);

    write_reg(x, o->d, o->w, ir_bmi((enum ir_op)o->op, o->w, a, 0, &fl));
    put_flags(x->cpu, o->fw | o->ff, fl);
}

static void exec_mulx(struct xctx *x, const struct ir *o)
{
    uint64_t a = read_ref(x, o, o->a, o->w), hi, lo;
    uint32_t fl = 0;

    ir_mul(false, o->w, read_reg(x, R_DX, o->w), a, &hi, &lo, &fl);
    write_reg(x, o->b, o->w, lo);
    write_reg(x, o->d, o->w, hi);
}

/* ADCX and ADOX: the carry is CF or OF. */
static void exec_adx(struct xctx *x, const struct ir *o)
{
    uint64_t a = read_ref(x, o, o->a, o->w), d = read_reg(x, o->d, o->w);
    uint32_t flag = o->op == IR_ADCX ? FL_CF : FL_OF;
    uint32_t fl = cpu_get_aflags(x->cpu) & flag ? FL_CF : 0;

    write_reg(x, o->d, o->w, ir_alu(IR_ADC, o->w, d, a, &fl, true));
    put_flags(x->cpu, (o->fw | o->ff) & flag, fl & FL_CF ? flag : 0);
}

static void exec_bswap(struct xctx *x, const struct ir *o)
{
    uint64_t v = read_reg(x, o->d, o->w);

    if (o->w == 8)
        write_reg(x, o->d, 8, __builtin_bswap64(v));
    else if (o->w == 4)
        write_reg(x, o->d, 4, __builtin_bswap32((uint32_t)v));
    else
        write_reg(x, o->d, 2, 0);
}

static void exec_xchg(struct xctx *x, const struct ir *o)
{
    uint64_t a = read_reg(x, o->a, o->w), d = read_d(x, o);
    uint32_t fl = 0;

    if (o->op == IR_XCHG) {
        write_d(x, o, a);
        write_reg(x, o->a, o->w, d);
        return;
    }
    a = ir_alu(IR_ADD, o->w, d, a, &fl, true);
    if (o->d == IR_MEM) {
        write_d(x, o, a);
        write_reg(x, o->a, o->w, d);
    } else { /* XADD r,r: the sum wins */
        write_reg(x, o->a, o->w, d);
        write_reg(x, o->d, o->w, a);
    }
    put_flags(x->cpu, o->fw | o->ff, fl);
}

static void exec_cmpxchg(struct xctx *x, const struct ir *o)
{
    uint64_t a = read_reg(x, o->a, o->w), d = read_d(x, o);
    uint64_t acc = read_reg(x, R_AX, o->w);
    uint32_t fl = 0;

    ir_alu(IR_CMP, o->w, acc, d, &fl, true);
    if (acc == d) {
        write_d(x, o, a);
    } else {
        if (o->d == IR_MEM)
            write_d(x, o, d); /* hardware writes back in any case */
        write_reg(x, R_AX, o->w, d);
    }
    put_flags(x->cpu, o->fw | o->ff, fl);
}

static void exec_flag_op(struct xctx *x, const struct ir *o)
{
    struct cpu *cpu = x->cpu;
    uint32_t fl = cpu_get_aflags(cpu);

    switch (o->op) {
    case IR_CLC: cpu_set_aflags(cpu, fl & ~FL_CF); break;
    case IR_STC: cpu_set_aflags(cpu, fl | FL_CF); break;
    case IR_CMC: cpu_set_aflags(cpu, fl ^ FL_CF); break;
    case IR_LAHF: write_reg(x, IR_AH, 1, (fl & 0xd5) | 2); break;
    default:
        cpu_set_aflags(cpu, (fl & FL_OF) | (read_reg(x, IR_AH, 1) & 0xd5));
    }
}

static void exec_env(struct xctx *x, const struct ir *o)
{
    uint8_t *p = (uint8_t *)x->cpu + o->imm;
    uint64_t v;

    if (o->op == IR_LDENV) {
        write_reg(x, o->d, 8, load_host(p, o->w));
        return;
    }
    v = read_reg(x, o->a, o->w);
    memcpy(p, &v, o->w);
}

static void exec_check_target(struct xctx *x, const struct ir *o)
{
    struct cpu *cpu = x->cpu;
    uint64_t target = read_ref(x, o, o->a, 8);

    if ((cpu->mode & CM_SIZE) == CM_64 ? !cpu_canonical(target)
                                       : target > cpu->seg[SEG_CS].limit)
        cpu_raise_err(cpu, EXC_GP, 0);
}

static void exec_call(struct xctx *x, const struct ir *o)
{
    x->cpu->next_rip = (uint64_t)o->imm;
    o->fn(x->cpu, o->ext);
}

static void exec_vec(struct xctx *x, const struct ir *o)
{
    gva addr = 0;

    vec_check_pending(x->cpu, o->ext); /* #MF comes before what the address raises */
    if (o->w) {
        addr = linear(x, o, o->w, o->attr & IRA_STORE);
        if ((o->attr & IRA_ALIGN) && (addr & (o->w - 1u)))
            cpu_raise_err(x->cpu, EXC_GP, 0);
    }
    vec_exec(x->cpu, o->ext, addr);
}

static void exec_raise(struct xctx *x, const struct ir *o)
{
    if (o->imm == EXC_GP)
        cpu_raise_err(x->cpu, EXC_GP, 0);
    cpu_raise(x->cpu, (enum exc_vector)o->imm);
}

static uint64_t sign_extend(uint64_t v, unsigned w)
{
    unsigned shift = 64 - w * 8;

    return (uint64_t)((int64_t)(v << shift) >> shift);
}

static void exec_mov(struct xctx *x, const struct ir *o)
{
    uint64_t v = read_ref(x, o, o->a, o->w);

    if (o->d == IR_MEM) {
        x->addr = linear(x, o, o->w, true);
        store(x, o->w, v);
        return;
    }
    write_reg(x, o->d, o->w, v);
}

static void exec_setcc(struct xctx *x, const struct ir *o)
{
    uint64_t v = condition(x->cpu, o->cc);

    if (o->d == IR_MEM)
        x->addr = linear(x, o, 1, true);
    write_d(x, o, v);
}

static void exec_cmov(struct xctx *x, const struct ir *o)
{
    uint64_t v = read_reg(x, condition(x->cpu, o->cc) ? o->a : o->d, o->w);

    write_reg(x, o->d, o->w, v);
}

static void exec_probe(struct xctx *x, const struct ir *o)
{
    cpu_probe_write(x->cpu, linear(x, o, o->w, true), o->w);
}

/* true: the block is left behind it (FLDCW) */
static bool exec_x87(struct cpu *cpu, const struct ir *o)
{
    cpu->next_rip = (uint64_t)o->imm;
    x87_exec(cpu, o->ext);
    if (LIKELY(!(cpu->mode & CM_X87EXC)))
        return false;
    cpu->rip = cpu->next_rip;
    return true;
}

static bool exec_poll(struct cpu *cpu, const struct ir *o)
{
    if (!(__atomic_load_n(&cpu->intr_line, __ATOMIC_ACQUIRE) |
          __atomic_load_n(&cpu->nmi_line, __ATOMIC_ACQUIRE)))
        return false;
    cpu->shadow = 1;
    cpu->rip = (uint64_t)o->imm;
    return true;
}

/* ---- the loop ---- */

void ir_exec(struct cpu *cpu, const struct ir *o)
{
    struct xctx x = {.cpu = cpu};
    bool taken;

    for (;; o++) {
        switch ((enum ir_op)o->op) {
        case IR_INSN:
            cpu->rip = (uint64_t)o->imm;
            cpu->icount++;
            break;
        case IR_MOV: exec_mov(&x, o); break;
        case IR_MOVZX: write_reg(&x, o->d, o->w, read_ref(&x, o, o->a, o->aw)); break;
        case IR_MOVSX:
            write_reg(&x, o->d, o->w, sign_extend(read_ref(&x, o, o->a, o->aw), o->aw));
            break;
        case IR_LEA: write_reg(&x, o->d, o->w, effective(&x, &o->mem)); break;
        case IR_ADD: case IR_ADC: case IR_SUB: case IR_SBB: case IR_AND: case IR_OR: case IR_XOR:
        case IR_CMP: case IR_TEST: case IR_INC: case IR_DEC: case IR_NEG: case IR_NOT:
            exec_alu(&x, o);
            break;
        case IR_SHL: case IR_SHR: case IR_SAR: case IR_ROL: case IR_ROR: case IR_RCL:
        case IR_RCR: case IR_SHLD: case IR_SHRD:
            exec_shift(&x, o);
            break;
        case IR_MUL: case IR_IMUL1: exec_mul(&x, o); break;
        case IR_IMUL: exec_imul(&x, o); break;
        case IR_DIV: case IR_IDIV: exec_div(&x, o); break;
        case IR_BT: case IR_BTS: case IR_BTR: case IR_BTC: exec_bit(&x, o); break;
        case IR_BSF: case IR_BSR: case IR_TZCNT: case IR_LZCNT: case IR_POPCNT:
            exec_scan(&x, o);
            break;
        case IR_ANDN: case IR_BZHI: case IR_BEXTR: case IR_PEXT: case IR_PDEP: case IR_SHLX:
        case IR_SARX: case IR_SHRX: case IR_RORX:
            exec_bmi(&x, o);
            break;
        case IR_BLSR: case IR_BLSMSK: case IR_BLSI: exec_bls(&x, o); break;
        case IR_MULX: exec_mulx(&x, o); break;
        case IR_ADCX: case IR_ADOX: exec_adx(&x, o); break;
        case IR_BSWAP: exec_bswap(&x, o); break;
        case IR_XCHG: case IR_XADD: exec_xchg(&x, o); break;
        case IR_CMPXCHG: exec_cmpxchg(&x, o); break;
        case IR_SETCC: exec_setcc(&x, o); break;
        case IR_CMOVCC: exec_cmov(&x, o); break;
        case IR_CLC: case IR_STC: case IR_CMC: case IR_LAHF: case IR_SAHF:
            exec_flag_op(&x, o);
            break;
        case IR_LDENV: case IR_STENV: exec_env(&x, o); break;
        case IR_CHKTGT: exec_check_target(&x, o); break;
        case IR_PROBE: exec_probe(&x, o); break;
        case IR_CALL: exec_call(&x, o); break;
        case IR_RAISE: exec_raise(&x, o); break;
        case IR_VEC: exec_vec(&x, o); break;
        case IR_X87:
            if (exec_x87(cpu, o))
                return;
            break;
        case IR_BCC:
            if (condition(cpu, o->cc)) {
                cpu->rip = (uint64_t)o->imm;
                return;
            }
            break;
        case IR_POLL:
            if (exec_poll(cpu, o))
                return;
            break;
        case IR_JMP: cpu->rip = (uint64_t)o->imm; return;
        case IR_JCC:
            cpu->rip = (uint64_t)(condition(cpu, o->cc) ? o->imm : o->mem.disp);
            return;
        case IR_JRZ: case IR_JRNZ:
            taken = (read_reg(&x, o->a, o->w) == 0) == (o->op == IR_JRZ);
            cpu->rip = (uint64_t)(taken ? o->imm : o->mem.disp);
            return;
        case IR_JMPR: cpu->rip = read_reg(&x, o->a, 8); return;
        case IR_EXIT: cpu->rip = cpu->next_rip; return;
        case IR_OP_COUNT: return;
        }
    }
}
