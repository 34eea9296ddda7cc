/* SPDX-License-Identifier: MIT
 * Random IR: host code = ir_exec, in registers, memory, flags, faults and
 * their place. Replay with --seed=R02S... of GLib. */
#include <string.h>

#include "tests/translator/x64_rig.h"

static struct rig_code code;
static bool m32; /* 32-bit mode: no 8-byte operands, 4-byte addresses */

static unsigned rnd(unsigned n)
{
    return (unsigned)g_test_rand_int_range(0, (gint)n);
}

static bool chance(unsigned percent)
{
    return rnd(100) < percent;
}

static uint64_t rnd64(void)
{
    uint64_t v = (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();

    switch (rnd(6)) {
    case 0: return v & 0xff;
    case 1: return (uint64_t)(int64_t)(int8_t)v;
    case 2: return (uint64_t)(int64_t)(int32_t)v;
    case 3: return 1ull << (v & 63);
    case 4: return v & 1 ? 0 : ~0ull;
    default: return v;
    }
}

/* Pointers live in BX, SI, R11, R12; R8 is a small index. The rest is data. */
static const uint8_t pointers[] = {R_BX, R_SI, R_11, R_12};
static const uint8_t data_regs[] = {R_AX, R_CX, R_DX, R_SP, R_BP,  R_DI,     R_9,
                                    R_10, R_13, R_15, IR_T0, IR_T0 + 3};

static uint8_t data_reg(void)
{
    return data_regs[rnd(ARRAY_SIZE(data_regs))];
}

static uint8_t dst(unsigned w)
{
    if (w == 1 && chance(30)) { /* AH, CH, DH; BH belongs to a pointer */
        return (uint8_t)(IR_AH + rnd(3));
    }
    return data_reg();
}

static uint8_t src(unsigned w)
{
    if (w == 1 && chance(25))
        return (uint8_t)(IR_AH + rnd(4));
    return chance(80) ? data_reg() : (uint8_t)rnd(16);
}

/* Half of the operands differ from the one before by a constant. */
static void random_mem(struct ir *o)
{
    static struct ir_mem last;

    if (chance(50) && last.base < 16 && last.asize == (m32 ? 4 : 8)) {
        o->mem = last;
        o->mem.disp += (int64_t)rnd(64) - 32;
        return;
    }
    rig_mem(o, pointers[rnd(ARRAY_SIZE(pointers))], chance(70) ? IR_NONE : chance(50) ? R_8 : R_14, rnd(4),
            (int64_t)rnd(64) - 32);
    if (chance(15))
        o->mem.base = IR_NONE, o->mem.disp = RIG_DATA + 64 + rnd(4000);
    if (chance(10) && !m32)
        o->mem.seg = SEG_FS;
    if (chance(10) || m32)
        o->mem.asize = 4;
    if (chance(2)) /* far away */
        o->mem.disp += (int64_t)0x123456789ab;
    last = o->mem;
}

static unsigned width(void)
{
    static const uint8_t w[] = {1, 2, 4, 4, 8, 8};

    return w[rnd(m32 ? 4 : ARRAY_SIZE(w))];
}

static int64_t imm_for(unsigned w)
{
    int64_t v = (int64_t)rnd64();

    switch (w) {
    case 1: return (int8_t)v;
    case 2: return (int16_t)v;
    default: return (int32_t)v;
    }
}

/* d, a of a two-operand op; one may be memory. */
static void two_operands(struct ir *o)
{
    unsigned k = rnd(100);

    if (k < 25) {
        o->d = IR_MEM;
        random_mem(o);
        o->a = src(o->w);
    } else {
        o->d = dst(o->w);
        if (k < 50) {
            o->a = IR_MEM;
            random_mem(o);
        } else {
            o->a = src(o->w);
        }
    }
    if (o->a != IR_MEM && chance(25)) {
        o->a = IR_IMM;
        o->imm = imm_for(o->w);
    }
}

static void gen_alu(void)
{
    static const uint8_t ops[] = {IR_ADD, IR_ADC, IR_SUB,  IR_SBB, IR_AND, IR_OR,
                                  IR_XOR, IR_CMP, IR_TEST, IR_CMP, IR_ADD};
    struct ir *o = rig_op(&code, ops[rnd(ARRAY_SIZE(ops))], width(), IR_NONE, IR_NONE);

    two_operands(o);
    if (o->d == IR_MEM && o->op != IR_CMP && o->op != IR_TEST && chance(20))
        o->attr = IRA_LOCK;
}

static void gen_mov(void)
{
    struct ir *o = rig_op(&code, IR_MOV, width(), IR_NONE, IR_NONE);

    two_operands(o);
    if (o->w == 8 && o->a == IR_IMM && o->d != IR_MEM && chance(50))
        o->imm = (int64_t)rnd64();
}

static void gen_unary(void)
{
    static const uint8_t ops[] = {IR_INC, IR_DEC, IR_NEG, IR_NOT};
    struct ir *o = rig_op(&code, ops[rnd(4)], width(), IR_NONE, IR_NONE);

    o->d = chance(25) ? IR_MEM : dst(o->w);
    if (o->d == IR_MEM)
        random_mem(o);
}

static void gen_shift(void)
{
    struct ir *o = rig_op(&code, (enum ir_op)(IR_SHL + rnd(7)), width(), IR_NONE, R_CX);

    o->d = chance(20) ? IR_MEM : dst(o->w);
    if (o->d == IR_MEM)
        random_mem(o);
    if (chance(60)) {
        o->a = IR_IMM;
        o->imm = rnd(70);
    }
}

static void gen_shiftd(void)
{
    unsigned w = m32 || chance(50) ? 4 : 8;
    struct ir *o = rig_op(&code, chance(50) ? IR_SHLD : IR_SHRD, w, data_reg(), data_reg());

    if (chance(20)) {
        o->d = IR_MEM;
        random_mem(o);
    }
    o->b = chance(50) ? R_CX : IR_IMM;
    o->imm = rnd(70);
}

static void gen_extend(void)
{
    static const uint8_t pair[][2] = {{2, 1}, {4, 1}, {4, 2}, {8, 1}, {8, 2}, {8, 4}};
    unsigned k = rnd(m32 ? 3 : 6);
    struct ir *o = rig_op(&code, chance(50) ? IR_MOVZX : IR_MOVSX, pair[k][0], data_reg(), 0);

    o->aw = pair[k][1];
    o->a = chance(40) ? IR_MEM : src(o->aw);
    if (o->a == IR_MEM)
        random_mem(o);
}

static void gen_lea(void)
{
    static const uint8_t w[] = {2, 4, 8};
    struct ir *o = rig_op(&code, IR_LEA, w[rnd(m32 ? 2 : 3)], data_reg(), IR_NONE);

    rig_mem(o, chance(90) ? (uint8_t)rnd(16) : IR_NONE, chance(60) ? (uint8_t)rnd(16) : IR_NONE,
            rnd(4), chance(90) ? (int32_t)rnd64() : (int64_t)rnd64());
    o->mem.asize = w[rnd(m32 ? 2 : 3)];
    if (o->mem.index == R_SP)
        o->mem.index = IR_T0;
}

static void gen_muldiv(void)
{
    static const uint8_t ops[] = {IR_MUL, IR_IMUL1, IR_DIV, IR_IDIV, IR_IDIV};
    struct ir *o = rig_op(&code, ops[rnd(5)], width(), IR_NONE, IR_NONE);

    o->a = chance(30) ? IR_MEM : src(o->w);
    if (o->a == IR_MEM)
        random_mem(o);
    if (o->op >= IR_DIV && chance(60)) { /* a dividend that often fits */
        struct ir div = *o, *x = o;

        *x = (struct ir){.op = IR_MOV, .w = m32 ? 4 : 8, .d = R_DX, .a = IR_IMM, .b = IR_NONE};
        x->imm = div.op == IR_DIV ? 0 : -(int64_t)rnd(2);
        code.b.op[code.b.n++] = div;
    }
}

static void gen_imul(void)
{
    static const uint8_t w[] = {2, 4, 8};
    struct ir *o = rig_op(&code, IR_IMUL, w[rnd(m32 ? 2 : 3)], data_reg(), data_reg());

    if (chance(40)) {
        o->a = IR_MEM;
        random_mem(o);
    }
    if (chance(40)) {
        o->b = IR_IMM;
        o->imm = imm_for(o->w);
    } else {
        o->b = chance(60) ? o->d : data_reg();
    }
}

static void gen_bit(void)
{
    static const uint8_t w[] = {2, 4, 8};
    struct ir *o = rig_op(&code, (enum ir_op)(IR_BT + rnd(4)), w[rnd(m32 ? 2 : 3)], data_reg(),
                          data_reg());

    if (chance(30)) {
        o->d = IR_MEM;
        random_mem(o);
    }
    if (chance(50)) {
        o->a = IR_IMM;
        o->imm = rnd(64);
    }
}

static void gen_scan(void)
{
    static const uint8_t w[] = {2, 4, 8};
    struct ir *o = rig_op(&code, (enum ir_op)(IR_BSF + rnd(5)), w[rnd(m32 ? 2 : 3)], data_reg(),
                          data_reg());

    if (chance(30)) {
        o->a = IR_MEM;
        random_mem(o);
    }
}

static void gen_exchange(void)
{
    static const uint8_t ops[] = {IR_XCHG, IR_XADD, IR_CMPXCHG};
    struct ir *o = rig_op(&code, ops[rnd(3)], width(), IR_NONE, IR_NONE);

    o->a = dst(o->w);
    o->d = dst(o->w);
    if (chance(50)) {
        o->d = IR_MEM;
        random_mem(o);
        o->attr = o->op == IR_XCHG || chance(50) ? IRA_LOCK : 0;
    }
}

static void gen_misc(void)
{
    static const uint8_t ops[] = {IR_CLC, IR_STC, IR_CMC, IR_LAHF, IR_SAHF};
    struct ir *o;

    switch (rnd(4)) {
    case 0: rig_op(&code, ops[rnd(5)], 1, IR_NONE, IR_NONE); break;
    case 1:
        rig_op(&code, IR_BSWAP,
               chance(20)          ? 2
               : m32 || chance(50) ? 4
                                   : 8,
               data_reg(), IR_NONE);
        break;
    case 2:
        o = rig_op(&code, IR_PROBE, width(), IR_NONE, IR_NONE);
        random_mem(o);
        break;
    default:
        o = rig_op(&code, IR_LDENV, 8, IR_T0 + 3, IR_NONE);
        o->imm = offsetof(struct cpu, df);
    }
}

static uint16_t cc_flags(unsigned cc)
{
    static const uint16_t f[8] = {FL_OF, FL_CF, FL_ZF,         FL_CF | FL_ZF,
                                  FL_SF, FL_PF, FL_SF | FL_OF, FL_SF | FL_OF | FL_ZF};

    return f[cc >> 1];
}

static void gen_cond(void)
{
    struct ir *o = rig_op(&code, chance(50) ? IR_SETCC : IR_CMOVCC, 1, IR_NONE, IR_NONE);

    o->cc = (uint8_t)rnd(16);
    o->fr = cc_flags(o->cc);
    if (o->op == IR_SETCC) {
        o->d = chance(20) ? IR_MEM : dst(1);
        if (o->d == IR_MEM)
            random_mem(o);
        return;
    }
    o->w = chance(20) ? 2 : m32 || chance(50) ? 4 : 8;
    o->d = data_reg();
    o->a = data_reg();
}

typedef void gen_fn(void);
static gen_fn *const gens[] = {
    gen_alu,   gen_alu,   gen_alu,      gen_alu,    gen_mov,  gen_mov,    gen_mov,
    gen_unary, gen_shift, gen_shiftd,   gen_extend, gen_lea,  gen_muldiv, gen_imul,
    gen_bit,   gen_scan,  gen_exchange, gen_misc,   gen_cond, gen_cond,
};

/* Removes ops that look at flags an earlier one left undefined. */
static bool reads_undefined(const struct ir *o, uint16_t undef)
{
    bool shift = o->op >= IR_SHL && o->op <= IR_SHRD;

    if (o->op == IR_RCL || o->op == IR_RCR)
        return undef & FL_CF;
    return !shift && (o->fr & undef);
}

/* Flags undefined after o. */
static uint16_t undef_after(const struct ir *o, uint16_t undef)
{
    bool cond =
        o->op >= IR_SHL && o->op <= IR_SHRD && (o->op >= IR_SHLD ? o->b : o->a) != IR_IMM;

    if (o->op >= IR_SHL && o->op <= IR_SHRD) {
        bool zero = !cond && !(o->imm & (o->w == 8 ? 63 : 31));

        if (zero)
            return undef;
        if (!cond)
            return (uint16_t)((undef & ~o->fw) | o->fu);
        return undef | o->fu;
    }
    return (uint16_t)((undef & ~o->fw) | o->fu);
}

static uint16_t undef_at[IR_MAX_OPS + 1]; /* before op i */
static uint16_t live_out;                 /* flags wanted at the end */

static void generate(unsigned n)
{
    code.b.n = code.b.ninsn = 0;
    memset(undef_at, 0, sizeof(undef_at[0]) * 4);
    rig_insn(&code);
    rig_op(&code, IR_MOV, 8, IR_T0, R_13);
    rig_op(&code, IR_MOV, 8, IR_T0 + 3, R_DI);
    for (unsigned i = 0; i < n; i++) {
        unsigned start = code.b.n;
        uint16_t u = undef_at[start];

        rig_insn(&code);
        gens[rnd(ARRAY_SIZE(gens))]();
        for (unsigned k = start; k < code.b.n; k++) {
            if (reads_undefined(&code.b.op[k], u)) { /* take it back */
                code.b.n = start;
                code.b.ninsn--;
                break;
            }
            undef_at[k] = u;
            u = undef_after(&code.b.op[k], u);
        }
        if (code.b.n != start)
            undef_at[code.b.n] = u;
    }
    rig_insn(&code);
    undef_at[code.b.n] = undef_at[code.b.n - 1];
    rig_jump(&code, RIG_NEXT);
}

static void random_state(struct rig_state *s)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = rnd64();
    for (unsigned i = 0; i < ARRAY_SIZE(pointers); i++)
        s->gpr[pointers[i]] = (m32 || chance(85) ? 0 : RIG_HIGH) + RIG_DATA + 64 + rnd(8000);
    if (chance(10))
        s->gpr[pointers[rnd(4)]] = RIG_DATA + 64 + rnd(0x3f00);
    if (chance(5))
        s->gpr[pointers[rnd(4)]] = RIG_DEVICE + 64 + rnd(200) * 16;
    if (chance(3))
        s->gpr[pointers[rnd(4)]] ^= 1ull << (47 + rnd(17));
    s->gpr[R_8] = rnd(32);
    s->gpr[R_14] = rnd(32);
    for (unsigned i = 0; i < 16 && m32; i++)
        s->gpr[i] = (uint32_t)s->gpr[i];
    s->rip = RIG_CODE;
    s->mxcsr = 0x1f80;
    s->aflags = (uint16_t)((rnd(256) & 0xd5) << 8 | 0x200 | rnd(2));
}

static uint16_t flag_mask(const struct rig_state *s)
{
    uint16_t u, mask;
    unsigned n = code.b.n;

    if (s->fault)
        for (n = 0; n < code.b.n; n++)
            if (code.b.op[n].op == IR_INSN && (uint64_t)code.b.op[n].imm == s->rip)
                break;
    u = s->fault ? undef_at[n] : undef_at[code.b.n - 1] | (uint16_t)~live_out;
    mask = (uint16_t)((FL_ARITH & ~FL_OF & ~u) << 8);
    return u & FL_OF ? mask : mask | 1;
}

static void dump(const struct rig_state *in, const struct rig_state *a,
                 const struct rig_state *b)
{
    char text[256];

    for (unsigned i = 0; i < code.b.n; i++) {
        ir_format(text, sizeof(text), &code.b.op[i]);
        g_printerr("# %s u%x\n", text, code.b.op[i].fu);
    }
    for (unsigned i = 0; i < 16; i++)
        g_printerr("# r%-2u in %016lx  exec %016lx  jit %016lx%s\n", i, in->gpr[i], a->gpr[i],
                   b->gpr[i], a->gpr[i] != b->gpr[i] ? "  <--" : "");
    g_printerr("# rip %lx %lx aflags %x: %x %x icount %lu %lu fault %d/%d %d/%d err %x %x cr2 "
               "%lx %lx\n",
               a->rip, b->rip, in->aflags, a->aflags, b->aflags, a->icount, b->icount, a->fault,
               a->vector, b->fault, b->vector, a->error, b->error, a->cr2, b->cr2);
}

/* Non-canonical stack addresses: ir_exec does not tell #SS from #GP. */
static unsigned vector(const struct rig_state *s)
{
    return s->vector == EXC_SS ? EXC_GP : s->vector;
}

static bool same(const struct rig_state *a, const struct rig_state *b)
{
    uint16_t m = flag_mask(a);

    return !memcmp(a->gpr, b->gpr, sizeof(a->gpr)) && a->rip == b->rip &&
           a->fault == b->fault && vector(a) == vector(b) && a->error == b->error &&
           a->cr2 == b->cr2 && (a->aflags & m) == (b->aflags & m);
}

static void run_once(struct rig *r, bool counting)
{
    static uint8_t before[0x4000], after[0x4000];
    struct rig_state in, a, b;
    uint64_t dev, last;

    generate(1 + rnd(12));
    live_out = chance(50) ? FL_ARITH : (uint16_t)(rnd(0x1000) & FL_ARITH);
    opt_flags(&code.b, live_out);
    for (unsigned i = 0; i < 0x2000; i++)
        r->ram[RIG_DATA + i] = (uint8_t)rnd64();
    memcpy(before, r->ram + RIG_DATA, sizeof(before));
    random_state(&in);
    rig_load(r, &in);
    dev = r->device_writes;
    rig_run_exec(r, &code, &a);
    dev = r->device_writes - dev;
    last = r->device_last;
    memcpy(after, r->ram + RIG_DATA, sizeof(after));
    memcpy(r->ram + RIG_DATA, before, sizeof(before));
    rig_load(r, &in);
    r->device_writes = 0;
    rig_run_jit(r, &code, &b);
    if (!same(&a, &b) || memcmp(after, r->ram + RIG_DATA, sizeof(after)) ||
        dev != r->device_writes || (dev && last != r->device_last) ||
        (counting && a.icount != b.icount)) {
        dump(&in, &a, &b);
        g_error("host code differs from ir_exec");
    }
}

/* The one address whose key is 0, as that of what is empty. */
static void test_key_zero(void)
{
    struct rig *r = rig_create(&(struct jit_opts){.code_bytes = 1 << 20}, false);
    uint64_t to = (uint64_t)r->cpu->mode << 48;

    g_assert_cmphex(jc_key(to, 0, r->cpu->mode), ==, 0);
    for (unsigned ret = 0; ret < 2; ret++) {
        struct rig_state s = {.rip = RIG_CODE, .gpr[R_AX] = to};

        memset(&code, 0, sizeof(code));
        code.b.mode = r->cpu->mode;
        rig_insn(&code);
        rig_op(&code, IR_JMPR, 8, IR_NONE, R_AX)->attr = ret ? IRA_RETHINT : 0;
        rig_load(r, &s);
        rig_run_jit(r, &code, &s);
        g_assert_cmphex(s.rip, ==, to);
    }
    rig_destroy(r);
}

struct config {
    const char *name;
    struct jit_opts o;
    bool tlb, m32;
};

static void test_random(gconstpointer arg)
{
    const struct config *cf = arg;
    struct rig *r = rig_create(&cf->o, cf->tlb);
    unsigned n = g_test_slow() ? 200000 : 6000;

    m32 = cf->m32;
    if (m32)
        rig_mode32(r);
    for (unsigned i = 0; i < n; i++)
        run_once(r, cf->o.counting);
    rig_destroy(r);
}

int main(int argc, char **argv)
{
    static const struct config configs[] = {
        {"/x64/random/plain", {.code_bytes = 1 << 20}, false, false},
        {"/x64/random/checks", {.code_bytes = 1 << 20, .check_noncanon = true}, false, false},
        {"/x64/random/no-share", {.code_bytes = 1 << 20, .no_share = true}, false, false},
        {"/x64/random/old-host", {.code_bytes = 1 << 20, .host_off = ~0u}, false, false},
        {"/x64/random/tlb", {.code_bytes = 1 << 20}, true, false},
        {"/x64/random/counting", {.code_bytes = 1 << 20, .counting = true}, false, false},
        {"/x64/random/mode32", {.code_bytes = 1 << 20}, false, true},
        {"/x64/random/mode32-old-host", {.code_bytes = 1 << 20, .host_off = ~0u}, false, true},
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(configs); i++)
        g_test_add_data_func(configs[i].name, &configs[i], test_random);
    g_test_add_func("/x64/key-zero", test_key_zero);
    return g_test_run();
}
