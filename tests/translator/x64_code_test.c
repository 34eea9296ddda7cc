/* SPDX-License-Identifier: MIT
 * Random guest instructions, drawn from the instruction table, through decoder
 * and lowering: host code = ir_exec, vector registers, MXCSR and unmasked SIMD exceptions
 * included. Replay with --seed=R02S... of GLib. */
#include <string.h>

#include "tests/cpu/vec_input.h"
#include "tests/translator/x64_rig.h"

static struct rig_code code;
static enum insn_mode size = INSN_64; /* of the code */
static uint64_t start = RIG_CODE;     /* its RIP */
static uint16_t undef_end;
static uint16_t undef_at[IR_MAX_OPS + 1];

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
    return (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

/* Memory forms outside 64-bit mode, mod 1 or 2. */
static unsigned legacy_modrm(uint8_t *p, unsigned reg, bool a16)
{
    static const uint8_t rm16[] = {7, 4, 6, 5, 7, 0}, rm32[] = {3, 6, 5, 7, 3, 4};
    unsigned rm = a16 ? rm16[rnd(6)] : rm32[rnd(6)], n = 0;
    bool wide = chance(15);

    p[n++] = (uint8_t)((wide ? 0x80 : 0x40) | reg << 3 | rm);
    if (!a16 && rm == 4)
        p[n++] = chance(50) ? 0x24 : (uint8_t)(0x0b | rnd(4) << 6); /* [esp], [ebx+ecx*n] */
    p[n++] = chance(70) ? (uint8_t)(rnd(8) * 16) : (uint8_t)rnd(256);
    if (wide) {
        uint32_t v = chance(70) ? 0 : (uint32_t)rnd64();

        memcpy(p + n, &v, 3);
        n += a16 ? 1 : 3;
    }
    return n;
}

/* Memory forms use RBX, RSI, R11 as pointers, so that those are seldom written. */
static unsigned random_modrm(uint8_t *p, uint8_t *rex)
{
    static const uint8_t base[] = {3, 6, 3};
    unsigned reg = rnd(8), k = rnd(3);

    if (chance(50)) {
        p[0] = (uint8_t)(0xc0 | reg << 3 | rnd(8));
        return 1;
    }
    p[0] = (uint8_t)(0x40 | reg << 3 | base[k]);
    p[1] = chance(70) ? (uint8_t)(rnd(8) * 16) : (uint8_t)rnd(256);
    if (k == 2 && *rex)
        *rex |= 1;
    else
        *rex &= (uint8_t)~1;
    return 2;
}

static unsigned random_insn(uint8_t *p, const struct insn_row *row)
{
    static const uint8_t pfx[] = {0, 0, 0x66, 0xf3, 0xf2};
    static const uint8_t segs[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    uint8_t rex = size == INSN_64 && chance(60) ? (uint8_t)(0x40 | rnd(16)) : 0, m[8];
    bool other = size != INSN_64 && chance(20);
    unsigned n = 0, k = pfx[rnd(5)], mlen;

    if (size != INSN_64 && chance(75))
        mlen = legacy_modrm(m, rnd(8), (size == INSN_16) != other);
    else
        mlen = random_modrm(m, &rex);
    if (other)
        p[n++] = 0x67;
    if (size != INSN_64 && chance(35))
        p[n++] = segs[rnd(6)];
    if (k)
        p[n++] = (uint8_t)k;
    if (rex)
        p[n++] = rex;
    if (row->opcode >> 8)
        p[n++] = 0x0f;
    if (row->opcode >> 8 == 2)
        p[n++] = 0x38;
    else if (row->opcode >> 8 == 3)
        p[n++] = 0x3a;
    p[n++] = (uint8_t)row->opcode;
    memcpy(p + n, m, mlen);
    for (n += mlen; n < 15; n++)
        p[n] = (uint8_t)rnd(256);
    return n;
}

/* Jumps and calls inside the segment. */
static bool near_jump(const struct insn *in)
{
    switch (in->id) {
    case I_JCC: case I_JRCXZ: case I_LOOP: case I_LOOPE: case I_LOOPNE:
    case I_CALL: case I_JMP: case I_RET: return true;
    default: return false;
    }
}

static bool wanted(const struct insn *in, bool vec, bool last)
{
    static const uint16_t writes_pointer[] = {R_BX, R_SI, R_11, R_SP};
    enum insn_class cl = insn_class((enum insn_id)in->id);

    if (cl != (vec ? IC_VEC : IC_INT) || in->rep || in->repne)
        return false;
    if ((in->row->attr & IA_END) && (size == INSN_64 || !last || !near_jump(in)))
        return false;
    if (size == INSN_64 && in->has_mem && (in->mem.base == R_8 || in->mem.asize != 8))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(writes_pointer); i++)
        if (in->op[0].kind == OPND_GPR && in->op[0].reg == writes_pointer[i] && chance(95))
            return false;
    if (size == INSN_64 && in->id >= I_BT && in->id <= I_BTC && in->has_mem)
        return false; /* reaches far beyond the data pages */
    if ((in->id == I_SHLD || in->id == I_SHRD) && in->opsize == 2)
        return false; /* undefined beyond 16 */
    return in->id != I_BSF && in->id != I_BSR && in->id != I_CMPXCHG8B &&
           in->id != I_CMPXCHG16B;
}

static bool one_insn(uint8_t *p, unsigned *len, bool vec, bool last)
{
    size_t nrows;
    const struct insn_row *rows = insn_rows(&nrows);
    struct insn in;

    for (unsigned tries = 0; tries < 2000; tries++) {
        const struct insn_row *row = &rows[rnd((unsigned)nrows)];
        unsigned n = random_insn(p, row);

        if (insn_decode(&in, p, n, size) == INSN_OK && wanted(&in, vec, last)) {
            *len = in.len;
            return true;
        }
    }
    return false;
}

/* Flags undefined before each op; false when one of them is looked at. */
static bool track_flags(void)
{
    uint16_t u = 0;

    for (unsigned i = 0; i < code.b.n; i++) {
        const struct ir *o = &code.b.op[i];
        bool shift = o->op >= IR_SHL && o->op <= IR_SHRD;
        bool var = shift && (o->op >= IR_SHLD ? o->b : o->a) != IR_IMM;
        bool zero = shift && !var && !(o->imm & (o->w == 8 ? 63 : 31));

        undef_at[i] = u;
        if ((shift ? o->op == IR_RCL || o->op == IR_RCR ? FL_CF : 0 : o->fr) & u)
            return false;
        if (o->op == IR_CALL && u)
            return false;
        if (var)
            u |= o->fu;
        else if (!zero)
            u = (uint16_t)((u & ~o->fw) | o->fu);
        if (shift && !zero && (var || (o->imm & 63) != 1)) /* OF only for counts of 1 */
            u |= (o->fw | o->fu) & FL_OF;
    }
    undef_end = u;
    return true;
}

static bool generate(struct rig *r, bool vec)
{
    uint8_t bytes[256];
    unsigned n = 0, len, count = 1 + rnd(5);

    for (unsigned i = 0; i < count; i++) {
        if (!one_insn(bytes + n, &len, vec && chance(80), i == count - 1))
            return false;
        n += len;
    }
    if (lower_block(&code.b, r->cpu, start, bytes, n, count) < 0)
        return false;
    return track_flags();
}

static void random_state(struct rig_state *s)
{
    uint64_t st = rnd64();

    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = vec_draw_integer(&st);
        vec_draw(&st, &s->v[i], i ? &s->v[i - 1] : NULL);
    }
    s->gpr[R_BX] = RIG_DATA + 64 + (chance(70) ? rnd(500) * 16 : rnd(8000));
    s->gpr[R_SI] = RIG_DATA + 128 + rnd(500) * 16;
    s->gpr[R_11] = (chance(95) ? RIG_HIGH : 0xffff000000000000) + RIG_DATA + 64 + rnd(500) * 16;
    s->gpr[R_SP] = RIG_DATA + 4096 + rnd(256) * 8;
    s->rip = RIG_CODE;
    s->mxcsr = 0x1f80 | (rnd(0x10000) & 0xe040);
    if (chance(15))
        s->mxcsr &= ~(rnd(64) << 7);
    if (chance(10))
        s->mxcsr |= rnd(64);
    s->aflags = (uint16_t)((rnd(256) & 0xd5) << 8 | 0x200 | rnd(2));
}

static uint16_t flag_mask(const struct rig_state *s)
{
    uint16_t u = undef_end;

    if (s->fault)
        for (unsigned n = 0; n < code.b.n; n++)
            if (code.b.op[n].op == IR_INSN && (uint64_t)code.b.op[n].imm == s->rip)
                u = undef_at[n];
    return (uint16_t)((FL_ARITH & ~FL_OF & ~u) << 8 | (u & FL_OF ? 0 : 1));
}

static bool same_vectors(const struct rig_state *a, const struct rig_state *b)
{
    for (unsigned i = 0; i < 16; i++)
        if (memcmp(&a->v[i], &b->v[i], sizeof(a->v[i])))
            return false;
    return a->mxcsr == b->mxcsr && !memcmp(&a->x87, &b->x87, sizeof(a->x87));
}

static void dump(const struct rig_state *in, const struct rig_state *a,
                 const struct rig_state *b)
{
    char text[256];

    for (unsigned i = 0; i < code.b.n; i++) {
        ir_format(text, sizeof(text), &code.b.op[i]);
        g_printerr("# %s u%x", text, code.b.op[i].fu);
        if (code.b.op[i].ext)
            for (unsigned k = 0; k < code.b.op[i].ext->len; k++)
                g_printerr(" %02x", code.b.op[i].ext->bytes[k]);
        g_printerr("\n");
    }
    for (unsigned i = 0; i < 16; i++) {
        if (a->gpr[i] != b->gpr[i])
            g_printerr("# r%-2u in %016lx  exec %016lx  jit %016lx\n", i, in->gpr[i], a->gpr[i],
                       b->gpr[i]);
        if (memcmp(&a->v[i], &b->v[i], 32))
            g_printerr("# xmm%u in %016lx:%016lx exec %016lx:%016lx jit %016lx:%016lx\n", i,
                       in->v[i].u64[1], in->v[i].u64[0], a->v[i].u64[1], a->v[i].u64[0],
                       b->v[i].u64[1], b->v[i].u64[0]);
    }
    g_printerr("# rip %lx %lx aflags %x: %x %x mxcsr %x: %x %x fault %d/%d %d/%d err %x %x\n",
               a->rip, b->rip, in->aflags, a->aflags, b->aflags, in->mxcsr, a->mxcsr, b->mxcsr,
               a->fault, a->vector, b->fault, b->vector, a->error, b->error);
}

/* Non-canonical stack addresses: ir_exec does not tell #SS from #GP. */
static unsigned vector(const struct rig_state *s)
{
    return size == INSN_64 && s->vector == EXC_SS ? EXC_GP : s->vector;
}

static bool same_result(const struct rig_state *a, const struct rig_state *b)
{
    uint16_t m = flag_mask(a);

    return !memcmp(a->gpr, b->gpr, sizeof(a->gpr)) && a->rip == b->rip && a->fault == b->fault &&
           vector(a) == vector(b) && a->error == b->error && a->cr2 == b->cr2 &&
           same_vectors(a, b) && (a->aflags & m) == (b->aflags & m);
}

static void run_once(struct rig *r, bool vec)
{
    static uint8_t before[0x4000], after[0x4000];
    struct rig_state in, a, b;

    if (!generate(r, vec))
        return;
    opt_flags(&code.b, FL_ARITH);
    for (unsigned i = 0; i < 0x2000; i += 8) {
        uint64_t st = rnd64(), v = vec_draw_integer(&st);

        memcpy(r->ram + RIG_DATA + i, &v, 8);
    }
    memcpy(before, r->ram + RIG_DATA, sizeof(before));
    random_state(&in);
    rig_load(r, &in);
    rig_run_exec(r, &code, &a);
    memcpy(after, r->ram + RIG_DATA, sizeof(after));
    memcpy(r->ram + RIG_DATA, before, sizeof(before));
    rig_load(r, &in);
    rig_run_jit(r, &code, &b);
    if (!same_result(&a, &b) || memcmp(after, r->ram + RIG_DATA, sizeof(after))) {
        dump(&in, &a, &b);
        g_error("host code differs from ir_exec");
    }
}

static void test(const struct jit_opts *o, bool vec)
{
    struct rig *r = rig_create(o, false);
    unsigned n = g_test_slow() ? 100000 : 4000;

    for (unsigned i = 0; i < n; i++)
        run_once(r, vec);
    rig_destroy(r);
}

static void test_vec(void)
{
    test(&(struct jit_opts){.code_bytes = 1 << 20}, true);
}

static void test_vec_old_host(void)
{
    test(&(struct jit_opts){.code_bytes = 1 << 20, .host_off = ~0u}, true);
}

static void test_int(void)
{
    test(&(struct jit_opts){.code_bytes = 1 << 20}, false);
}

/* ---- real mode, virtual-8086 mode, and segments in protected mode ---- */

enum legacy { REAL, VM86, PROT16, PROT32, TLB = 4, OLD_HOST = 8 };
enum { FRAME = 0x600 }; /* pointers lie that far from the ends of the data pages */

/* A limit that cuts off, keeps or just meets what is at offset off. */
static uint32_t random_limit(uint32_t off)
{
    switch (rnd(10)) {
    case 0: return off + rnd(FRAME);
    case 1: return off + rnd(8) * 16 + rnd(5); /* about where an operand ends */
    case 2:
    case 3: return 0xffffffff;
    default: return off < 0xf000 ? 0xffff : off + 0xffff;
    }
}

static uint16_t random_attr(bool is_code)
{
    static const uint16_t types[] = {0, SA_RW | SA_DC, SA_DC, SA_CODE | SA_RW, SA_CODE};
    uint16_t a = SA_P | SA_S | SA_ACC | (chance(50) ? SA_DB : 0);

    if (is_code)
        return a | SA_CODE | (chance(70) ? SA_RW : 0);
    if (chance(2))
        return chance(50) ? 0 : (uint16_t)(a & ~SA_P);
    return a | (chance(60) ? SA_RW : types[rnd(ARRAY_SIZE(types))]);
}

/* Offset of a place in the data pages, in the segment; what is beyond 16 bits wraps. */
static uint32_t pointer(const struct cpu *cpu, unsigned seg)
{
    uint32_t to = (uint32_t)RIG_DATA + FRAME + rnd(0x2000 - 2 * FRAME);

    return (chance(60) ? to & ~15u : to) - (uint32_t)cpu->seg[seg].base;
}

static uint32_t random_base(enum legacy m)
{
    bool small = m != PROT32 || chance(50); /* reached by 16-bit offsets */
    uint32_t base = (uint32_t)RIG_DATA - rnd(small ? 0xd000 : 0x40000);

    return m == REAL || m == VM86 ? base & ~15u : base;
}

static void random_segment(struct cpu *cpu, unsigned i, enum legacy m, uint32_t base)
{
    struct seg *s = &cpu->seg[i];

    *s = (struct seg){.base = base, .limit = 0xffff};
    if (i == SEG_CS) {
        s->base = chance(30) ? 0 : m == PROT32 && chance(30) ? rnd64() & 0xffffffff : base;
        s->limit = chance(60) ? 0xffff : chance(50) ? 0xffffffff : (uint32_t)start + rnd(0x100);
        s->attr = random_attr(true);
    } else {
        s->attr = random_attr(false);
    }
    if (m == VM86 || (m == REAL && chance(70))) {
        s->limit = 0xffff;
        s->attr = SA_P | SA_S | SA_RW | SA_ACC | (m == VM86 ? SA_DPL : 0);
    } else if (i != SEG_CS) {
        uint32_t off = pointer(cpu, i);
        bool down = (s->attr & (SA_CODE | SA_DC)) == SA_DC;

        s->limit = down ? off - rnd(FRAME) : random_limit(off);
    }
    if (i == SEG_CS)
        s->attr = (uint16_t)((s->attr & ~SA_DB) | (size == INSN_32 ? SA_DB : 0));
}

static void legacy_setup(struct rig *r, enum legacy m)
{
    static const uint64_t starts[] = {0x1000, 0x1000, 0x0ff0, 0xfff0, 0xffe8, 0};
    struct cpu *cpu = r->cpu;
    uint32_t base = random_base(m); /* of most segments, so that overrides find the data */

    size = m == PROT32 ? INSN_32 : INSN_16;
    start = starts[rnd(6)];
    if (m == PROT32 && chance(30))
        start = 0x12340 + rnd(64);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        random_segment(cpu, i, m, chance(80) ? base : random_base(m));
    cpu_update_mode(cpu);
    g_assert_true(jit_mode_ok(cpu->mode));
}

static void legacy_state(struct rig *r, struct rig_state *s)
{
    static const uint8_t regs[][2] = {{R_BX, SEG_DS}, {R_SI, SEG_DS}, {R_DI, SEG_ES},
                                      {R_BP, SEG_SS}, {R_SP, SEG_SS}};

    random_state(s);
    s->rip = start;
    s->df = chance(50) ? 1 : -1;
    for (unsigned i = 0; i < 8; i++)
        s->gpr[i] = (uint32_t)s->gpr[i];
    for (unsigned i = 8; i < 16; i++)
        s->gpr[i] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(regs); i++) {
        uint32_t v = pointer(r->cpu, regs[i][1]);

        if (size == INSN_16 && chance(30)) /* what 16-bit addresses leave out */
            v = (v & 0xffff) | (uint32_t)(rnd64() << 16);
        s->gpr[regs[i][0]] = v;
    }
    if (chance(15)) /* #MF waits for MMX instructions: every x87 exception is unmasked */
        s->x87.sw = 0x81;
    if (chance(3))
        s->gpr[R_SP] = chance(50) ? 0 : (uint32_t)rnd64();
}

static void legacy_once(struct rig *r, enum legacy m, bool vec)
{
    static uint8_t before[RIG_RAM], after[RIG_RAM];
    uint64_t writes = r->device_writes, n;
    struct rig_state in, a, b;

    legacy_setup(r, m);
    if (!generate(r, vec))
        return;
    opt_flags(&code.b, FL_ARITH);
    for (unsigned i = 0; i < 0x2000; i += 8) {
        uint64_t st = rnd64(), v = vec_draw_integer(&st);

        memcpy(r->ram + RIG_DATA + i, &v, 8);
    }
    memcpy(before, r->ram, RIG_RAM);
    legacy_state(r, &in);
    rig_load(r, &in);
    rig_run_exec(r, &code, &a);
    n = r->device_writes - writes;
    memcpy(after, r->ram, RIG_RAM);
    memcpy(r->ram, before, RIG_RAM);
    rig_load(r, &in);
    rig_run_jit(r, &code, &b);
    if (!same_result(&a, &b) || memcmp(after, r->ram, RIG_RAM) ||
        r->device_writes - writes != 2 * n) {
        dump(&in, &a, &b);
        g_error("host code differs from ir_exec");
    }
    memcpy(r->ram, before, RIG_RAM);
}

static void test_legacy(gconstpointer arg)
{
    enum legacy m = GPOINTER_TO_UINT(arg) & 3;
    struct jit_opts o = {.code_bytes = 1 << 20,
                         .host_off = GPOINTER_TO_UINT(arg) & OLD_HOST ? ~0u : 0};
    struct rig *r = rig_create(&o, GPOINTER_TO_UINT(arg) & TLB);
    unsigned n = g_test_slow() ? 100000 : 3000;

    rig_legacy(r, m != REAL, m == VM86);
    for (unsigned i = 0; i < n; i++)
        legacy_once(r, m, chance(10));
    rig_destroy(r);
    size = INSN_64;
    start = RIG_CODE;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x64/code/vec", test_vec);
    g_test_add_func("/x64/code/vec-old-host", test_vec_old_host);
    g_test_add_func("/x64/code/int", test_int);
#define LEGACY(name, arg) g_test_add_data_func("/x64/code/" name, GUINT_TO_POINTER(arg), test_legacy)
    LEGACY("real", REAL);
    LEGACY("vm86", VM86);
    LEGACY("prot16", PROT16);
    LEGACY("prot32", PROT32);
    LEGACY("real-tlb", REAL | TLB);
    LEGACY("prot32-tlb", PROT32 | TLB);
    LEGACY("prot16-old-host", PROT16 | OLD_HOST);
    return g_test_run();
}
