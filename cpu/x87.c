/* SPDX-License-Identifier: MIT
 * x87 data instructions: the register stack, its faults, and what surrounds
 * the arithmetic, which x87_host.h does. SDM vol. 1 ch. 8, vol. 2.
 * Missing: FERR#/IRQ 13 reporting of exceptions (CR0.NE = 0). */
#include "cpu/x87.h"

#include <string.h>

#include "cpu/sys_fns.h"
#include "cpu/x87_host.h"
#include "softmmu/log.h"

static const struct x87_reg indefinite = {.m = 3ull << 62, .se = 0xffff};

/* --- state --- */

void x87_update_es(struct x87 *f)
{
    if (f->sw & ~f->cw & XS_EXC)
        f->sw |= XS_ES | XS_B;
    else
        f->sw &= (uint16_t) ~(XS_ES | XS_B);
}

void x87_update_mode(struct cpu *cpu)
{
    if ((cpu->mode & CM_X87) && (~cpu->x87.cw & XS_EXC))
        cpu->mode |= CM_X87EXC;
    else
        cpu->mode &= (uint16_t)~CM_X87EXC;
}

void x87_init(struct x87 *f)
{
    f->cw = 0x37f;
    f->sw = 0;
    f->valid = 0;
    f->fop = f->fcs = f->fds = 0;
    f->fip = f->fdp = 0;
}

void x87_enter_mmx(struct cpu *cpu)
{
    cpu->x87.sw &= (uint16_t)~XS_TOP;
    cpu->x87.valid = 0xff;
}

void x87_check_pending(struct cpu *cpu)
{
    if (LIKELY(!(cpu->x87.sw & XS_ES)))
        return;
    if (cpu->cr0 & CR0_NE)
        cpu_raise(cpu, EXC_MF);
    LOG_GUEST("x87: exception pending with CR0.NE clear, FERR# is not modelled\n");
}

static struct x87_reg *st(struct x87 *f, unsigned i)
{
    return &f->fpr[x87_phys(f, i)];
}

static bool empty(const struct x87 *f, unsigned i)
{
    return !(f->valid >> x87_phys(f, i) & 1);
}

/* Field by field: a 16-byte load after the host's 8 + 2 byte stores would stall. */
static void take(struct x87_reg *to, const struct x87_reg *r)
{
    to->m = r->m;
    to->se = r->se;
}

static void set_st(struct x87 *f, unsigned i, const struct x87_reg *r)
{
    take(st(f, i), r);
    f->valid |= (uint8_t)(1 << x87_phys(f, i));
}

static void push(struct x87 *f, const struct x87_reg *r)
{
    x87_set_top(f, x87_top(f) - 1);
    set_st(f, 0, r);
}

static void pop(struct x87 *f)
{
    f->valid &= (uint8_t) ~(1 << x87_phys(f, 0));
    x87_set_top(f, x87_top(f) + 1);
}

static void set_cc(struct x87 *f, unsigned mask, unsigned sw)
{
    f->sw = (uint16_t)((f->sw & ~mask) | (sw & mask));
}

/* Stack fault; true when masked: the caller then gives the masked response. */
static bool stack_fault(struct x87 *f, bool overflow)
{
    f->sw |= XS_IE | XS_SF;
    set_cc(f, XS_C1, overflow ? XS_C1 : 0);
    x87_update_es(f);
    return f->cw & XS_IE;
}

/* Runs an operation and takes over its flags and the condition codes in `cc`.
 * False when an unmasked IE, DE or ZE stopped it: operands, stack stay as they were. */
static bool run(struct x87 *f, enum x87_host_op op, struct x87_io *io, unsigned cc)
{
    bool done;

    io->cw = f->cw;
    io->sw = f->sw;
    x87_host_run(op, io);
    done = !(io->sw & ~f->cw & (XS_IE | XS_DE | XS_ZE));
    f->sw |= io->sw & XS_EXC;
    set_cc(f, done ? cc : cc & XS_C1, io->sw);
    x87_update_es(f);
    return done;
}

/* --- operands --- */

static gva mem_va(struct cpu *cpu, const struct insn *in, unsigned size, bool write)
{
    return seg_linear(cpu, in->mem.seg, cpu_ea(cpu, in), size, write);
}

static void load_mem(struct cpu *cpu, const struct insn *in, void *buf, unsigned size)
{
    uint64_t v;

    if (size == 10) {
        cpu_ld_bytes(cpu, mem_va(cpu, in, 10, false), buf, 10);
        return;
    }
    v = cpu_ld(cpu, mem_va(cpu, in, size, false), size);
    memcpy(buf, &v, 8);
}

static void store_mem(struct cpu *cpu, const struct insn *in, const void *buf, unsigned size)
{
    gva va = mem_va(cpu, in, size, true);
    uint64_t v = 0;

    if (size == 10) {
        cpu_st_bytes(cpu, va, buf, 10);
        return;
    }
    memcpy(&v, buf, size);
    cpu_st(cpu, va, v, size);
}

static unsigned reg_field(const struct insn *in)
{
    return in->modrm >> 3 & 7;
}

/* Bytes of the memory operand, from the opcode. */
static unsigned mem_size(const struct insn *in)
{
    unsigned reg = reg_field(in);

    switch (in->opcode) {
    case 0xd8:
    case 0xda: return 4;
    case 0xd9: return 4;
    case 0xdb: return reg >= 5 ? 10 : 4;
    case 0xdc:
    case 0xdd: return 8;
    case 0xde: return 2;
    default: return reg == 4 || reg == 6 ? 10 : reg == 5 || reg == 7 ? 8 : 2;
    }
}

/* --- arithmetic and comparison --- */

static void exec_arith_mem(struct cpu *cpu, const struct insn *in)
{
    struct x87 *f = &cpu->x87;
    struct x87_io io;

    load_mem(cpu, in, io.mem, mem_size(in));
    io.nin = 1;
    if (empty(f, 0)) {
        if (stack_fault(f, false))
            set_st(f, 0, &indefinite);
        return;
    }
    take(&io.in[0], st(f, 0));
    if (run(f, x87_host_mem(in->opcode, reg_field(in)), &io, XS_C1))
        set_st(f, 0, &io.out[0]);
}

/* D8: ST(0) op= ST(i). DC, DE: ST(i) op= ST(0), where /4 /5 and /6 /7 are exchanged. */
static void exec_arith_reg(struct cpu *cpu, const struct insn *in)
{
    struct x87 *f = &cpu->x87;
    unsigned i = in->modrm & 7, dst = in->opcode == 0xd8 ? 0 : i, src = dst ? 0 : i;
    unsigned reg = reg_field(in);
    struct x87_io io;
    bool done;

    io.nin = 2;
    if (in->opcode != 0xd8 && reg >= 4)
        reg ^= 1;
    if (empty(f, 0) || empty(f, i)) {
        done = stack_fault(f, false);
        io.out[0] = indefinite;
    } else {
        take(&io.in[0], st(f, dst));
        take(&io.in[1], st(f, src));
        done = run(f, (enum x87_host_op)(XH_D8_REG + reg), &io, XS_C1);
    }
    if (!done)
        return;
    set_st(f, dst, &io.out[0]);
    if (in->opcode == 0xde)
        pop(f);
}

static void exec_arith(struct cpu *cpu, const struct insn *in)
{
    if (in->has_mem)
        exec_arith_mem(cpu, in);
    else
        exec_arith_reg(cpu, in);
}

/* Compares ST(0) with ST(i) or memory; result in io->sw. False when stopped. */
static bool compare(struct cpu *cpu, const struct insn *in, unsigned i, bool unordered,
                    struct x87_io *io, unsigned cc)
{
    struct x87 *f = &cpu->x87;
    enum x87_host_op op = unordered ? XH_FUCOM : (enum x87_host_op)(XH_D8_REG + 2);

    if (in->has_mem) {
        load_mem(cpu, in, io->mem, mem_size(in));
        op = x87_host_mem(in->opcode, 2);
    }
    if (empty(f, 0) || (!in->has_mem && empty(f, i))) {
        io->sw = XS_C0 | XS_C2 | XS_C3;
        if (!stack_fault(f, false))
            return false;
        set_cc(f, cc & ~XS_C1, io->sw);
        return true;
    }
    take(&io->in[0], st(f, 0));
    if (!in->has_mem)
        take(&io->in[1], st(f, i));
    io->nin = in->has_mem ? 1 : 2;
    return run(f, op, io, cc);
}

static void exec_compare(struct cpu *cpu, const struct insn *in, bool unordered, unsigned pops)
{
    struct x87_io io;

    if (!compare(cpu, in, in->modrm & 7, unordered, &io, XS_CC))
        return;
    while (pops--)
        pop(&cpu->x87);
}

static void exec_comi(struct cpu *cpu, const struct insn *in, bool unordered, bool pops)
{
    struct x87_io io;

    if (!compare(cpu, in, in->modrm & 7, unordered, &io, 0))
        return;
    set_cc(&cpu->x87, XS_C1, 0);
    cpu_set_aflags(cpu, (io.sw & XS_C0 ? FL_CF : 0) | (io.sw & XS_C2 ? FL_PF : 0) |
                            (io.sw & XS_C3 ? FL_ZF : 0));
    if (pops)
        pop(&cpu->x87);
}

static void exec_ftst(struct x87 *f)
{
    struct x87_io io;

    io.nin = 1;
    if (!empty(f, 0)) {
        take(&io.in[0], st(f, 0));
        run(f, (enum x87_host_op)(XH_D9_E0 + 4), &io, XS_CC);
    } else if (stack_fault(f, false)) {
        set_cc(f, XS_C0 | XS_C2 | XS_C3, XS_CC);
    }
}

/* Class in C3 C2 C0: unsupported 0, NaN 1, normal 2, infinity 3, zero 4, empty 5, denormal 6.
 */
static void exec_fxam(struct x87 *f)
{
    const struct x87_reg *r = st(f, 0);
    unsigned exp = r->se & 0x7fff, cc = r->se & 0x8000 ? XS_C1 : 0;
    bool integer = r->m >> 63;

    if (empty(f, 0))
        cc |= XS_C3 | XS_C0;
    else if (exp && !integer)
        cc |= 0;
    else if (exp == 0x7fff)
        cc |= r->m << 1 ? XS_C0 : XS_C2 | XS_C0;
    else if (exp)
        cc |= XS_C2;
    else
        cc |= r->m ? XS_C3 | XS_C2 : XS_C3;
    set_cc(f, XS_CC, cc);
}

/* --- loads and stores --- */

/* Pushes what `op` leaves on an empty stack (a load or a constant). */
static void load_op(struct x87 *f, enum x87_host_op op, struct x87_io *io)
{
    if (!empty(f, 7)) {
        if (stack_fault(f, true))
            push(f, &indefinite);
        return;
    }
    /* An unmasked denormal stops some hosts' loads and not others'. */
    io->nin = 0;
    run(f, op, io, XS_C1);
    if (io->nout)
        push(f, &io->out[0]);
}

static void push_value(struct x87 *f, const struct x87_reg *r)
{
    struct x87_reg v = *r;

    if (!empty(f, 7)) {
        if (!stack_fault(f, true))
            return;
        v = indefinite;
    } else {
        set_cc(f, XS_C1, 0);
    }
    push(f, &v);
}

/* Integer to register, exactly. */
static void from_int(struct x87_reg *r, int64_t v)
{
    uint64_t m = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    unsigned shift = m ? (unsigned)__builtin_clzll(m) : 0;

    r->m = m << shift;
    r->se = (uint16_t)((v < 0 ? 0x8000 : 0) | (m ? 0x403e - shift : 0));
}

/* Normal numbers and zero of 4 or 8 bytes; false for those that may raise an exception. */
static bool from_float(struct x87_reg *r, const uint8_t *mem, unsigned size)
{
    unsigned frac_bits = size == 4 ? 23 : 52, exp_max = size == 4 ? 0xff : 0x7ff, exp;
    uint64_t v = 0, frac;

    memcpy(&v, mem, size);
    frac = v << (64 - frac_bits) >> 1;
    exp = (unsigned)(v >> frac_bits) & exp_max;
    r->se = (uint16_t)(v >> (size * 8 - 1) << 15);
    r->m = 0;
    if (exp == 0)
        return frac == 0;
    r->m = 1ull << 63 | frac;
    r->se |= (uint16_t)(exp - exp_max / 2 + 0x3fff);
    return exp != exp_max;
}

static void exec_fld(struct cpu *cpu, const struct insn *in)
{
    struct x87 *f = &cpu->x87;
    struct x87_io io;
    struct x87_reg r = {0};

    if (!in->has_mem) {
        if (!empty(f, in->modrm & 7)) {
            push_value(f, st(f, in->modrm & 7));
        } else if (stack_fault(f, false)) {
            push(f, &indefinite);
        }
        return;
    }
    load_mem(cpu, in, io.mem, mem_size(in));
    if (in->opcode == 0xdb) {
        memcpy(&r.m, io.mem, 8);
        memcpy(&r.se, io.mem + 8, 2);
    } else if (!from_float(&r, io.mem, in->opcode == 0xd9 ? 4 : 8)) {
        load_op(f, x87_host_mem(in->opcode, reg_field(in)), &io);
        return;
    }
    push_value(f, &r);
}

static void exec_fild(struct cpu *cpu, const struct insn *in)
{
    unsigned size = mem_size(in);
    struct x87_reg r = {0};
    int64_t v = 0;

    load_mem(cpu, in, &v, size);
    from_int(&r, size == 2 ? (int16_t)v : size == 4 ? (int32_t)v : v);
    push_value(&cpu->x87, &r);
}

static void exec_fbld(struct cpu *cpu, const struct insn *in)
{
    struct x87_io io;

    load_mem(cpu, in, io.mem, 10);
    load_op(&cpu->x87, x87_host_mem(in->opcode, reg_field(in)), &io);
}

/* no_fault: the alias D9 D8+i, which only pops an empty register. */
static void exec_fst_reg(struct x87 *f, unsigned i, bool pops, bool no_fault)
{
    if (no_fault && empty(f, 0)) {
        set_cc(f, XS_C1, 0);
    } else if (!empty(f, 0)) {
        struct x87_reg v = *st(f, 0);

        set_cc(f, XS_C1, 0);
        set_st(f, i, &v);
    } else if (stack_fault(f, false)) {
        set_st(f, i, &indefinite);
    } else {
        return;
    }
    if (pops)
        pop(f);
}

/* The opcode that stores and pops, in place of one that only stores. */
static enum x87_host_op popping_store(const struct insn *in)
{
    unsigned reg = reg_field(in);

    return x87_host_mem(in->opcode, reg == 2 ? 3 : reg);
}

/* Converts ST(0) into io->mem as the store wants it. False when an unmasked exception
 * stops the store. Of the state only sw changes. */
static bool convert(struct x87 *f, const struct insn *in, struct x87_io *io)
{
    bool fault = empty(f, 0);

    if (fault && !stack_fault(f, false))
        return false;
    take(&io->in[0], fault ? &indefinite : st(f, 0));
    if (in->opcode == 0xdb && reg_field(in) == 7) { /* 80 bits: as they are */
        memcpy(io->mem, &io->in[0].m, 8);
        memcpy(io->mem + 8, &io->in[0].se, 2);
        set_cc(f, XS_C1, 0);
        return true;
    }
    io->nin = 1;
    if (fault) {
        io->cw = f->cw;
        io->sw = f->sw;
        x87_host_run(popping_store(in), io);
        return true;
    }
    /* Overflow and underflow stop a store as well: then nothing was popped. */
    run(f, popping_store(in), io, XS_C1);
    return io->nout == 0;
}

/* Every store to memory. The status is committed only when the store did not fault. */
static void exec_fst_mem(struct cpu *cpu, const struct insn *in, bool pops)
{
    struct x87 *f = &cpu->x87;
    uint16_t old = f->sw, new;
    unsigned size = mem_size(in);
    struct x87_io io;
    bool done = convert(f, in, &io);

    new = f->sw;
    f->sw = old;
    if (done)
        store_mem(cpu, in, io.mem, size);
    else
        cpu_probe_write(cpu, mem_va(cpu, in, size, true), size);
    f->sw = new;
    if (done && pops)
        pop(f);
}

static void exec_fst(struct cpu *cpu, const struct insn *in, bool pops)
{
    if (in->has_mem)
        exec_fst_mem(cpu, in, pops);
    else
        exec_fst_reg(&cpu->x87, in->modrm & 7, pops, in->opcode == 0xd9);
}

/* --- register moves --- */

static void exec_fxch(struct x87 *f, unsigned i)
{
    struct x87_reg a = *st(f, 0), b = *st(f, i);

    if (empty(f, 0) || empty(f, i)) {
        if (!stack_fault(f, false))
            return;
        a = empty(f, 0) ? indefinite : a;
        b = empty(f, i) ? indefinite : b;
    } else {
        set_cc(f, XS_C1, 0);
    }
    set_st(f, 0, &b);
    set_st(f, i, &a);
}

static void exec_fcmov(struct cpu *cpu, const struct insn *in)
{
    static const uint16_t flags[4] = {FL_CF, FL_ZF, FL_CF | FL_ZF, FL_PF};
    struct x87 *f = &cpu->x87;
    unsigned i = in->modrm & 7;
    bool cond = cpu_get_aflags(cpu) & flags[reg_field(in) & 3];

    if (in->opcode == 0xdb)
        cond = !cond;
    if (empty(f, 0) || empty(f, i)) {
        if (stack_fault(f, false))
            set_st(f, 0, &indefinite);
        return;
    }
    if (cond) {
        struct x87_reg v = *st(f, i);

        set_st(f, 0, &v);
    }
}

/* FCHS and FABS: only the sign bit, for every kind of contents. */
static void exec_sign(struct x87 *f, bool clear)
{
    struct x87_reg v = *st(f, 0);

    if (empty(f, 0)) {
        if (stack_fault(f, false))
            set_st(f, 0, &indefinite);
        return;
    }
    v.se = clear ? v.se & 0x7fff : v.se ^ 0x8000;
    set_cc(f, XS_C1, 0);
    set_st(f, 0, &v);
}

static void exec_stack(struct x87 *f, const struct insn *in)
{
    if (in->id == I_FFREE || in->id == I_FFREEP)
        f->valid &= (uint8_t) ~(1 << x87_phys(f, in->modrm & 7));
    if (in->id == I_FFREEP)
        pop(f);
    if (in->id == I_FINCSTP || in->id == I_FDECSTP)
        x87_set_top(f, x87_top(f) + (in->id == I_FINCSTP ? 1u : 7u));
    set_cc(f, XS_C1, 0);
}

/* --- functions of the D9 E0..FF row --- */

static bool is_nan(const struct x87_reg *r)
{
    return (r->se & 0x7fff) == 0x7fff && r->m << 1;
}

/* A NaN as FPREM's result leaves the quotient bits C0 and C3 as they were.
 * ST(0) = op(ST(0)) or op(ST(0), ST(1)); with `pops`, the result goes to ST(1) and ST(0) is
 * popped. */
static void exec_func(struct x87 *f, const struct insn *in, unsigned nin, unsigned cc,
                      bool pops)
{
    struct x87_io io;
    bool done;

    io.nin = (uint8_t)nin;
    if (empty(f, 0) || (nin == 2 && empty(f, 1))) {
        done = stack_fault(f, false);
        set_cc(f, cc & XS_C2, 0);
        io.out[0] = indefinite;
    } else {
        take(&io.in[0], st(f, 0));
        take(&io.in[1], st(f, 1));
        done = run(f, (enum x87_host_op)(XH_D9_E0 + (in->modrm & 0x1f)), &io, cc & XS_C1);
        if (done)
            set_cc(f, is_nan(&io.out[0]) ? cc & XS_C2 : cc, io.sw);
    }
    if (!done)
        return;
    set_st(f, pops, &io.out[0]);
    if (pops)
        pop(f);
}

/* FXTRACT, FPTAN, FSINCOS: replace ST(0) and push a second result. */
static void exec_func_push(struct x87 *f, const struct insn *in, unsigned cc)
{
    struct x87_io io;
    bool under = empty(f, 0);

    if (under || !empty(f, 7)) {
        bool masked = stack_fault(f, !under);

        set_cc(f, cc & XS_C2, 0);
        if (!masked)
            return;
        io.out[0] = io.out[1] = indefinite;
        io.nout = 2;
    } else {
        io.nin = 1;
        take(&io.in[0], st(f, 0));
        if (!run(f, (enum x87_host_op)(XH_D9_E0 + (in->modrm & 0x1f)), &io, cc))
            return;
    }
    if (io.nout < 2)
        return; /* C2: out of range, nothing done */
    set_st(f, 0, &io.out[1]);
    push(f, &io.out[0]);
}

static void exec_const(struct x87 *f, const struct insn *in)
{
    struct x87_io io;

    load_op(f, (enum x87_host_op)(XH_D9_E0 + (in->modrm & 0x1f)), &io);
}

/* --- dispatch --- */

static void exec_transcendental(struct x87 *f, const struct insn *in)
{
    switch (in->id) {
    case I_FPREM:
    case I_FPREM1: exec_func(f, in, 2, XS_CC, false); break;
    case I_FSCALE: exec_func(f, in, 2, XS_C1, false); break;
    case I_FYL2X:
    case I_FYL2XP1:
    case I_FPATAN: exec_func(f, in, 2, XS_C1, true); break;
    case I_FSIN:
    case I_FCOS: exec_func(f, in, 1, XS_C1 | XS_C2, false); break;
    case I_FPTAN:
    case I_FSINCOS: exec_func_push(f, in, XS_C1 | XS_C2); break;
    case I_FXTRACT: exec_func_push(f, in, XS_C1); break;
    default: exec_func(f, in, 1, XS_C1, false); break; /* FSQRT FRNDINT F2XM1 */
    }
}

static void exec_data(struct cpu *cpu, const struct insn *in)
{
    struct x87 *f = &cpu->x87;

    switch (in->id) {
    case I_FADD:
    case I_FADDP:
    case I_FIADD:
    case I_FMUL:
    case I_FMULP:
    case I_FIMUL:
    case I_FSUB:
    case I_FSUBP:
    case I_FISUB:
    case I_FSUBR:
    case I_FSUBRP:
    case I_FISUBR:
    case I_FDIV:
    case I_FDIVP:
    case I_FIDIV:
    case I_FDIVR:
    case I_FDIVRP:
    case I_FIDIVR: exec_arith(cpu, in); break;
    case I_FCOM:
    case I_FICOM: exec_compare(cpu, in, false, 0); break;
    case I_FCOMP:
    case I_FICOMP: exec_compare(cpu, in, false, 1); break;
    case I_FCOMPP: exec_compare(cpu, in, false, 2); break;
    case I_FUCOM: exec_compare(cpu, in, true, 0); break;
    case I_FUCOMP: exec_compare(cpu, in, true, 1); break;
    case I_FUCOMPP: exec_compare(cpu, in, true, 2); break;
    case I_FCOMI: exec_comi(cpu, in, false, false); break;
    case I_FCOMIP: exec_comi(cpu, in, false, true); break;
    case I_FUCOMI: exec_comi(cpu, in, true, false); break;
    case I_FUCOMIP: exec_comi(cpu, in, true, true); break;
    case I_FTST: exec_ftst(f); break;
    case I_FXAM: exec_fxam(f); break;
    case I_FCMOVCC: exec_fcmov(cpu, in); break;
    case I_FLD: exec_fld(cpu, in); break;
    case I_FILD: exec_fild(cpu, in); break;
    case I_FBLD: exec_fbld(cpu, in); break;
    case I_FST:
    case I_FIST: exec_fst(cpu, in, false); break;
    case I_FSTP:
    case I_FISTP:
    case I_FISTTP:
    case I_FBSTP: exec_fst(cpu, in, true); break;
    case I_FXCH: exec_fxch(f, in->modrm & 7); break;
    case I_FLD1:
    case I_FLDL2T:
    case I_FLDL2E:
    case I_FLDPI:
    case I_FLDLG2:
    case I_FLDLN2:
    case I_FLDZ: exec_const(f, in); break;
    case I_FCHS: exec_sign(f, false); break;
    case I_FABS: exec_sign(f, true); break;
    case I_FFREE:
    case I_FFREEP:
    case I_FINCSTP:
    case I_FDECSTP: exec_stack(f, in); break;
    case I_FNOP: break;
    default: exec_transcendental(f, in); break;
    }
}

static bool is_control(unsigned id)
{
    switch (id) {
    case I_FLDENV:
    case I_FNSTENV:
    case I_FNSAVE:
    case I_FRSTOR:
    case I_FLDCW:
    case I_FNSTCW:
    case I_FNSTSW:
    case I_FNINIT:
    case I_FNCLEX:
    case I_FWAIT:
    case I_EMMS: return true;
    default: return false;
    }
}

void x87_exec(struct cpu *cpu, const struct insn *in)
{
    struct x87 *f = &cpu->x87;
    uint64_t ea;

    x87_sync(cpu);
    if (is_control(in->id)) {
        x87_exec_control(cpu, in);
        return;
    }
    if (in->id == I_FNOP && in->opcode == 0xdb) /* FENI, FDISI, FSETPM: do not even wait */
        return;
    x87_check_pending(cpu);
    ea = in->has_mem ? cpu_ea(cpu, in) : 0;
    exec_data(cpu, in);
    f->fip = cpu->rip;
    f->fop = (uint16_t)((in->opcode & 7) << 8 | in->modrm);
    if (in->has_mem)
        f->fdp = ea;
}
