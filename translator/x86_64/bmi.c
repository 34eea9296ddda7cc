/* SPDX-License-Identifier: MIT
 * BMI1, BMI2 and ADX: the host's own instructions, or a C function on a host without them. */
#include "translator/x86_64/x64.h"

#include "translator/ir_alu.h"

/* Encoding of an op: VEX.pp, map, opcode; ext: ModRM.reg, with the destination in vvvv. */
static const struct bmi {
    uint8_t op, pp, map, opcode, ext;
    uint32_t need;
} bmis[] = {
    {IR_ANDN, 0, 2, 0xf2, 0, HF_BMI1}, {IR_BLSR, 0, 2, 0xf3, 1, HF_BMI1},
    {IR_BLSMSK, 0, 2, 0xf3, 2, HF_BMI1}, {IR_BLSI, 0, 2, 0xf3, 3, HF_BMI1},
    {IR_BEXTR, 0, 2, 0xf7, 0, HF_BMI1}, {IR_BZHI, 0, 2, 0xf5, 0, HF_BMI2},
    {IR_PEXT, 2, 2, 0xf5, 0, HF_BMI2}, {IR_PDEP, 3, 2, 0xf5, 0, HF_BMI2},
    {IR_SHLX, 1, 2, 0xf7, 0, HF_BMI2}, {IR_SARX, 2, 2, 0xf7, 0, HF_BMI2},
    {IR_SHRX, 3, 2, 0xf7, 0, HF_BMI2}, {IR_RORX, 3, 3, 0xf0, 0, HF_BMI2},
    {IR_MULX, 3, 2, 0xf6, 0, HF_BMI2},
};

static const struct bmi *find(unsigned op)
{
    for (unsigned i = 0; i < ARRAY_SIZE(bmis); i++)
        if (bmis[i].op == op)
            return &bmis[i];
    return NULL;
}

/* ---- without host support ---- */

static uint64_t desc_of(const struct ir *o)
{
    uint64_t b = o->b == IR_IMM ? 0x80 | ((uint64_t)o->imm & 63) : o->b & 15u;

    return o->op | (uint64_t)o->w << 8 | (uint64_t)o->d << 16 | b << 24;
}

static void set_gpr(struct cpu *cpu, unsigned reg, unsigned w, uint64_t v)
{
    cpu->gpr[reg] = w == 8 ? v : (uint32_t)v;
}

/* The op with its source a, the rest as desc_of() packed it. */
static void run_in_c(struct cpu *cpu, uint64_t a, uint64_t desc)
{
    enum ir_op op = (enum ir_op)(desc & 0xff);
    unsigned w = desc >> 8 & 0xff, d = desc >> 16 & 0xff, b = desc >> 24 & 0xff;
    uint32_t flag = op == IR_ADCX ? FL_CF : FL_OF, old = cpu_get_aflags(cpu), fl = 0;
    uint64_t mask = w == 8 ? ~0ull : 0xffffffff, hi, lo;

    if (op == IR_MULX) {
        ir_mul(false, w, cpu->gpr[R_DX] & mask, a, &hi, &lo, &fl);
        set_gpr(cpu, b, w, lo);
        set_gpr(cpu, d, w, hi);
    } else if (op == IR_ADCX || op == IR_ADOX) {
        fl = old & flag ? FL_CF : 0;
        set_gpr(cpu, d, w, ir_alu(IR_ADC, w, cpu->gpr[d] & mask, a, &fl, true));
        cpu_set_aflags(cpu, (old & ~flag) | (fl & FL_CF ? flag : 0));
    } else {
        uint64_t v = b & 0x80 ? b & 63 : cpu->gpr[b] & mask;

        set_gpr(cpu, d, w, ir_bmi(op, w, a, v, &fl));
        if (op <= IR_BEXTR)
            cpu_set_aflags(cpu, fl);
    }
}

static void call_c(struct x64 *c)
{
    const struct ir *o = c->o;

    x64_flags_sync(c);
    if (o->a == IR_MEM) {
        x64_mem_begin(c, o->w, SL_LOAD);
        e_movzx(&c->e, o->w, X_RAX, RM_GUEST);
        x64_mem_end(c);
        e_mov_rr(&c->e, 8, X_ADDR, X_RAX);
    } else {
        x64_flags_clobber(c);
        x64_ld(c, X_ADDR, o->a, o->w);
    }
    e_mov_imm(&c->e, X_ENT, desc_of(o));
    x64_call_c(c, (uint64_t)(uintptr_t)run_in_c);
    if (o->op <= IR_BEXTR || o->op == IR_ADCX || o->op == IR_ADOX)
        x64_flags_begin(c);
}

/* ---- native ---- */

/* Host register of a GPR or temp, or `spare` when it is in memory. */
static unsigned in_reg(unsigned ref, unsigned spare)
{
    struct x64_rm m = x64_rm(ref);

    return m.mem ? spare : m.base;
}

void x64_op_bmi(struct x64 *c)
{
    const struct ir *o = c->o;
    const struct bmi *k = find(o->op);
    struct emit *e = &c->e;
    bool mem = o->a == IR_MEM, mulx = o->op == IR_MULX;
    unsigned d = in_reg(o->d, X_RAX), b = 0;

    if (!(c->j->hf & k->need)) {
        call_c(c);
        return;
    }
    if (mem)
        x64_mem_begin(c, o->w, SL_LOAD);
    if (mulx) {
        b = in_reg(o->b, X_ENT);
    } else if (o->b < IR_IMM) {
        b = in_reg(o->b, X_RAX);
        if (x64_rm(o->b).mem)
            e_mov_r_rm(e, 8, X_RAX, x64_rm(o->b));
    }
    if (k->ext)
        e_vex(e, k->pp, k->map, o->w, k->opcode, k->ext, d, x64_rm(o->a));
    else
        e_vex(e, k->pp, k->map, o->w, k->opcode, d, b, x64_rm(o->a));
    if (o->op == IR_RORX)
        e8(e, (unsigned)o->imm & 0xff);
    if (mem)
        x64_mem_end(c);
    if (mulx && x64_rm(o->b).mem && o->b != o->d)
        e_mov_rm_r(e, 8, x64_rm(o->b), X_ENT);
    if (x64_rm(o->d).mem)
        e_mov_rm_r(e, 8, x64_rm(o->d), X_RAX);
    if (o->op <= IR_BEXTR)
        x64_flags_wrote(c, FL_ARITH);
}

/* ADCX, ADOX: the other flags stay. */
void x64_op_adx(struct x64 *c)
{
    const struct ir *o = c->o;
    struct emit *e = &c->e;
    uint16_t flag = o->op == IR_ADCX ? FL_CF : FL_OF;
    bool mem = o->a == IR_MEM, through = x64_rm(o->d).mem;

    if (!(c->j->hf & HF_ADX)) {
        call_c(c);
        return;
    }
    if (mem)
        x64_mem_begin(c, o->w, SL_LOAD);
    x64_flags_keep(c, flag);
    x64_flags_need(c, flag);
    if (through)
        e_mov_r_rm(e, 8, X_RAX, x64_rm(o->d));
    e_ins(e, OPC_P(o->op == IR_ADCX ? 0x66 : 0xf3, 2, 0xf6), o->w, in_reg(o->d, X_RAX),
          x64_rm(o->a));
    if (mem)
        x64_mem_end(c);
    if (through)
        e_mov_rm_r(e, 8, x64_rm(o->d), X_RAX);
    x64_flags_wrote(c, flag);
}
