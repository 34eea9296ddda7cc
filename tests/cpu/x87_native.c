/* SPDX-License-Identifier: MIT
 * Every x87 data instruction, on random and edge operands under every control
 * word, against the host CPU running the same bytes from the same FXSAVE image. */
#include <glib.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu/sys_fns.h"
#include "cpu/x87.h"
#include "tests/cpu/x87_fake.h"

struct fximage {
    uint16_t cw, sw;
    uint8_t tag, r0;
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    struct x87_reg st[8];
    uint8_t rest[352];
} __attribute__((aligned(16), packed));
_Static_assert(sizeof(struct fximage) == 512, "FXSAVE image");

#define MEM_SIZE 128

/* mem: register number in first's reg field; otherwise mod 3 and all ModRM of first..last.
 * env: bytes of an environment image in memory, else 0. */
struct form {
    uint8_t opcode, first, last;
    bool mem;
    uint16_t id;
    uint8_t env;
};
#define M(op, reg, id)                                                                         \
    {                                                                                          \
        op, (reg) << 3, (reg) << 3, true, I_##id, 0                                            \
    }
#define R(op, modrm, id)                                                                       \
    {                                                                                          \
        op, modrm, (modrm) + 7, false, I_##id, 0                                               \
    }
#define S(op, modrm, id)                                                                       \
    {                                                                                          \
        op, modrm, modrm, false, I_##id, 0                                                     \
    }
#define E(op, reg, id)                                                                         \
    {op, (reg) << 3, (reg) << 3, true, I_##id, 28},                                            \
    {                                                                                          \
        op, (reg) << 3, (reg) << 3, true, I_##id, 14                                           \
    }
/* clang-format off */
static const struct form forms[] = {
    M(0xd8, 0, FADD), M(0xd8, 1, FMUL), M(0xd8, 2, FCOM), M(0xd8, 3, FCOMP), M(0xd8, 4, FSUB),
    M(0xd8, 5, FSUBR), M(0xd8, 6, FDIV), M(0xd8, 7, FDIVR),
    M(0xd9, 0, FLD), M(0xd9, 2, FST), M(0xd9, 3, FSTP), M(0xd9, 5, FLDCW), M(0xd9, 7, FNSTCW),
    M(0xda, 0, FIADD), M(0xda, 1, FIMUL), M(0xda, 2, FICOM), M(0xda, 3, FICOMP),
    M(0xda, 4, FISUB), M(0xda, 5, FISUBR), M(0xda, 6, FIDIV), M(0xda, 7, FIDIVR),
    M(0xdb, 0, FILD), M(0xdb, 1, FISTTP), M(0xdb, 2, FIST), M(0xdb, 3, FISTP), M(0xdb, 5, FLD),
    M(0xdb, 7, FSTP),
    M(0xdc, 0, FADD), M(0xdc, 1, FMUL), M(0xdc, 2, FCOM), M(0xdc, 3, FCOMP), M(0xdc, 4, FSUB),
    M(0xdc, 5, FSUBR), M(0xdc, 6, FDIV), M(0xdc, 7, FDIVR),
    M(0xdd, 0, FLD), M(0xdd, 1, FISTTP), M(0xdd, 2, FST), M(0xdd, 3, FSTP), M(0xdd, 7, FNSTSW),
    M(0xde, 0, FIADD), M(0xde, 1, FIMUL), M(0xde, 2, FICOM), M(0xde, 3, FICOMP),
    M(0xde, 4, FISUB), M(0xde, 5, FISUBR), M(0xde, 6, FIDIV), M(0xde, 7, FIDIVR),
    M(0xdf, 0, FILD), M(0xdf, 1, FISTTP), M(0xdf, 2, FIST), M(0xdf, 3, FISTP), M(0xdf, 4, FBLD),
    M(0xdf, 5, FILD), M(0xdf, 6, FBSTP), M(0xdf, 7, FISTP),
    R(0xd8, 0xc0, FADD), R(0xd8, 0xc8, FMUL), R(0xd8, 0xd0, FCOM), R(0xd8, 0xd8, FCOMP),
    R(0xd8, 0xe0, FSUB), R(0xd8, 0xe8, FSUBR), R(0xd8, 0xf0, FDIV), R(0xd8, 0xf8, FDIVR),
    R(0xd9, 0xc0, FLD), R(0xd9, 0xc8, FXCH), S(0xd9, 0xd0, FNOP),
    S(0xd9, 0xe0, FCHS), S(0xd9, 0xe1, FABS), S(0xd9, 0xe4, FTST), S(0xd9, 0xe5, FXAM),
    S(0xd9, 0xe8, FLD1), S(0xd9, 0xe9, FLDL2T), S(0xd9, 0xea, FLDL2E), S(0xd9, 0xeb, FLDPI),
    S(0xd9, 0xec, FLDLG2), S(0xd9, 0xed, FLDLN2), S(0xd9, 0xee, FLDZ),
    S(0xd9, 0xf0, F2XM1), S(0xd9, 0xf1, FYL2X), S(0xd9, 0xf2, FPTAN), S(0xd9, 0xf3, FPATAN),
    S(0xd9, 0xf4, FXTRACT), S(0xd9, 0xf5, FPREM1), S(0xd9, 0xf6, FDECSTP),
    S(0xd9, 0xf7, FINCSTP), S(0xd9, 0xf8, FPREM), S(0xd9, 0xf9, FYL2XP1), S(0xd9, 0xfa, FSQRT),
    S(0xd9, 0xfb, FSINCOS), S(0xd9, 0xfc, FRNDINT), S(0xd9, 0xfd, FSCALE), S(0xd9, 0xfe, FSIN),
    S(0xd9, 0xff, FCOS),
    R(0xda, 0xc0, FCMOVCC), R(0xda, 0xc8, FCMOVCC), R(0xda, 0xd0, FCMOVCC),
    R(0xda, 0xd8, FCMOVCC), S(0xda, 0xe9, FUCOMPP),
    R(0xdb, 0xc0, FCMOVCC), R(0xdb, 0xc8, FCMOVCC), R(0xdb, 0xd0, FCMOVCC),
    R(0xdb, 0xd8, FCMOVCC), S(0xdb, 0xe2, FNCLEX), S(0xdb, 0xe3, FNINIT),
    R(0xdb, 0xe8, FUCOMI), R(0xdb, 0xf0, FCOMI),
    R(0xdc, 0xc0, FADD), R(0xdc, 0xc8, FMUL), R(0xdc, 0xe0, FSUBR), R(0xdc, 0xe8, FSUB),
    R(0xdc, 0xf0, FDIVR), R(0xdc, 0xf8, FDIV),
    R(0xdd, 0xc0, FFREE), R(0xdd, 0xd0, FST), R(0xdd, 0xd8, FSTP), R(0xdd, 0xe0, FUCOM),
    R(0xdd, 0xe8, FUCOMP),
    R(0xde, 0xc0, FADDP), R(0xde, 0xc8, FMULP), S(0xde, 0xd9, FCOMPP), R(0xde, 0xe0, FSUBRP),
    R(0xde, 0xe8, FSUBP), R(0xde, 0xf0, FDIVRP), R(0xde, 0xf8, FDIVP),
    R(0xdf, 0xc0, FFREEP), S(0xdf, 0xe0, FNSTSW), R(0xdf, 0xe8, FUCOMIP),
    R(0xdf, 0xf0, FCOMIP),
    /* Undocumented aliases. */
    R(0xd9, 0xd8, FSTP), S(0xdb, 0xe0, FNOP), S(0xdb, 0xe1, FNOP), S(0xdb, 0xe4, FNOP),
    R(0xdc, 0xd0, FCOM), R(0xdc, 0xd8, FCOMP), R(0xdd, 0xc8, FXCH), R(0xde, 0xd0, FCOMP),
    R(0xdf, 0xc8, FXCH), R(0xdf, 0xd0, FSTP), R(0xdf, 0xd8, FSTP),
    E(0xd9, 4, FLDENV), E(0xd9, 6, FNSTENV), E(0xdd, 4, FRSTOR), E(0xdd, 6, FNSAVE),
};
/* clang-format on */

static bool never_waits(const struct form *t)
{
    return t->id == I_FNSTENV || t->id == I_FNSAVE || t->id == I_FNSTCW || t->id == I_FNSTSW ||
           t->id == I_FNINIT || t->id == I_FNCLEX;
}

/* --- operands --- */

static struct x87_reg random_reg(void)
{
    static const uint16_t exps[] = {0,      0,      1,      2,      0x3bcd, 0x3c01,
                                    0x3f6a, 0x3f81, 0x3ffe, 0x3fff, 0x3fff, 0x4000,
                                    0x4001, 0x400d, 0x400e, 0x401d, 0x401e, 0x403d,
                                    0x403e, 0x4042, 0x407e, 0x43fe, 0x7ffe, 0x7fff};
    static const uint64_t sigs[] = {1ull << 63,
                                    ~0ull,
                                    0,
                                    0xc000000000000000,
                                    0xa000000000000000,
                                    0x8000000000000001,
                                    1,
                                    0x8000008000000000,
                                    0x8000000000000400,
                                    0x4000000000000000,
                                    0xfffffffffffffc00};
    struct x87_reg r = {0};
    uint64_t k = fake_random();

    if (k % 8 < 3) { /* small numbers: exact cases */
        r.m = (k >> 8 & 0xffff) << 48 | 1ull << 63;
        r.se = (uint16_t)(0x3ff8 + (k >> 32) % 24);
    } else {
        r.m = k & 8 ? sigs[(k >> 8) % ARRAY_SIZE(sigs)] : fake_random();
        r.se = k & 16 ? exps[(k >> 16) % ARRAY_SIZE(exps)] : (uint16_t)(k >> 24) & 0x7fff;
        if (r.se && k & 0xe000000000000000)
            r.m |= 1ull << 63;
    }
    r.se |= (uint16_t)(k >> 40 & 0x8000);
    return r;
}

static void random_state(const struct form *t, struct fximage *x)
{
    uint64_t k = fake_random();
    unsigned i;

    memset(x, 0, sizeof(*x));
    x->cw = (uint16_t)((k & 0xf00) | 0x37f);
    x->cw = (uint16_t)((x->cw & ~0xf00) | (k & 0xf00));
    if (k >> 60 & 1)
        x->cw = (uint16_t)(x->cw & ~(fake_random() & 0x3f));
    x->sw = (uint16_t)(fake_random() & 0x7f00);
    x->sw |= (uint16_t)(fake_random() & (never_waits(t) ? 0x3f : x->cw & 0x3f));
    if (x->sw & ~x->cw & 0x3f)
        x->sw |= XS_ES | XS_B;
    x->tag = k >> 61 & 3 ? (uint8_t)(fake_random() | fake_random() | fake_random()) : 0xff;
    if (k >> 56 & 1) /* room to push */
        x->tag &= (uint8_t) ~(1 << (((x->sw >> 11) - 1) & 7));
    x->mxcsr = 0x1f80;
    for (i = 0; i < 8; i++)
        x->st[i] = random_reg();
}

static void random_mem(const struct form *t, uint8_t *mem)
{
    struct x87_reg r = random_reg();
    long double v;
    double d;
    float s;
    unsigned i;

    for (i = 0; i < MEM_SIZE; i += 8)
        *(uint64_t *)(mem + i) = fake_random();
    if (t->id == I_FBLD) { /* decimal digits only: others are undefined */
        for (i = 0; i < 10; i++)
            mem[i] = (uint8_t)(fake_random() % 10 | fake_random() % 10 << 4);
        mem[9] = fake_random() & 1 ? 0x80 : 0;
    } else if (t->opcode == 0xdb && t->first == 5 << 3) {
        memcpy(mem, &r, 10);
    } else if (fake_random() & 1 && r.m >> 63) {
        memcpy(&v, &r, 10);
        d = (double)v;
        s = (float)v;
        if (t->opcode == 0xdc || t->opcode == 0xdd)
            memcpy(mem, &d, 8);
        else if (t->opcode == 0xd8 || t->opcode == 0xd9)
            memcpy(mem, &s, 4);
        else
            *(int64_t *)mem = (int64_t)(fake_random() % 7) - 3;
    }
}

/* --- the host's answer --- */

typedef uint64_t native_fn(void *mem, struct fximage *before, struct fximage *after,
                           uint64_t flags, uint64_t *flags_out);

/* fxrstor64 (%rsi); push %rcx; popf; <op>; pushf; fxsave64 (%rdx); fninit; pop (%r8); ret */
static void make_native(uint8_t *code, const struct form *t, uint8_t modrm)
{
    static const uint8_t head[] = {0x48, 0x0f, 0xae, 0x0e, 0x31, 0xc0, 0x51, 0x9d};
    static const uint8_t tail[] = {0x9c, 0x48, 0x0f, 0xae, 0x02, 0xdb,
                                   0xe3, 0x41, 0x8f, 0x00, 0xc3};

    memcpy(code, head, sizeof(head));
    code += sizeof(head);
    if (t->env == 14)
        *code++ = 0x66;
    *code++ = t->opcode;
    *code++ = modrm;
    memcpy(code, tail, sizeof(tail));
}

/* --- comparison --- */

static void to_cpu(struct cpu *cpu, const struct fximage *x)
{
    unsigned i;

    cpu->x87.cw = x->cw;
    cpu->x87.sw = x->sw;
    cpu->x87.valid = x->tag;
    for (i = 0; i < 8; i++) {
        struct x87_reg *r = &cpu->x87.fpr[x87_phys(&cpu->x87, i)];

        r->m = x->st[i].m;
        r->se = x->st[i].se;
    }
}

/* C0, C2, C3 after an unmasked invalid operation: the SDM keeps them, AMD sets them.
 * C1 after FCOMI and its like: the SDM clears it, AMD keeps it. */
static unsigned sw_care(const struct fximage *before, const struct fximage *x, unsigned id)
{
    if (id == I_FCOMI || id == I_FCOMIP || id == I_FUCOMI || id == I_FUCOMIP)
        return (unsigned)~XS_C1;
    return x->sw & ~before->sw & ~x->cw & 7 ? (unsigned)~(XS_C0 | XS_C2 | XS_C3) : ~0u;
}

static bool same(const struct x87 *f, const struct fximage *before, const struct fximage *x,
                 unsigned id)
{
    unsigned i;

    if (f->cw != x->cw || (f->sw ^ x->sw) & sw_care(before, x, id) || f->valid != x->tag)
        return false;
    for (i = 0; i < 8; i++) {
        const struct x87_reg *r = &f->fpr[x87_phys(f, i)];

        if (r->m != x->st[i].m || r->se != x->st[i].se)
            return false;
    }
    return true;
}

static void show(const char *what, const struct fximage *x)
{
    unsigned i;

    g_printerr("%s: cw %04x sw %04x tag %02x\n", what, x->cw, x->sw, x->tag);
    for (i = 0; i < 8; i++)
        g_printerr("  st%u %04x %016" G_GINT64_MODIFIER "x\n", i, x->st[i].se, x->st[i].m);
}

static void from_cpu(struct fximage *x, const struct x87 *f)
{
    unsigned i;

    x->cw = f->cw;
    x->sw = f->sw;
    x->tag = f->valid;
    for (i = 0; i < 8; i++)
        x->st[i] = f->fpr[x87_phys(f, i)];
}

/* RFLAGS after FCOMI with an unmasked exception: the SDM keeps them, AMD sets them. */
static bool same_flags(const struct cpu *cpu, const struct fximage *after, unsigned before,
                       uint64_t host)
{
    if (after->sw & ~after->cw & 7)
        return cpu_get_aflags(cpu) == before;
    return cpu_get_aflags(cpu) == (host & 0x8d5);
}

/* The pointers in a stored environment are those of the thunk on the host: not compared. */
static bool same_mem(const struct form *t, const uint8_t *a, const uint8_t *b)
{
    unsigned skip = t->id == I_FNSAVE || t->id == I_FNSTENV ? t->env / 7 * 3 : MEM_SIZE;

    return !memcmp(a, b, skip) &&
           (skip == MEM_SIZE || !memcmp(a + t->env, b + t->env, MEM_SIZE - t->env));
}

static uint8_t *code;
static unsigned failures;

static bool try_one(const struct form *t, uint8_t modrm, const struct fximage *before,
                    const uint8_t *mem_before)
{
    struct insn in = {.id = t->id,
                      .opcode = t->opcode,
                      .modrm = modrm,
                      .has_modrm = true,
                      .has_mem = t->mem,
                      .opsize = t->env == 14 ? 2 : 4,
                      .mem = {SEG_DS, MEM_NOREG, MEM_NOREG, 1, 8, 0x100}};
    static struct cpu cpu;
    struct fximage b = *before, after;
    uint8_t mem[MEM_SIZE];
    uint64_t fl = fake_random() & 0x8d5, fl_out, rax;

    memcpy(mem, mem_before, MEM_SIZE);
    rax = ((native_fn *)code)(mem, &b, &after, fl | 0x202, &fl_out);
    fake_init(&cpu);
    to_cpu(&cpu, before);
    memcpy(fake_mem + 0x100, mem_before, MEM_SIZE);
    cpu_set_aflags(&cpu, (uint32_t)fl);
    if (!fake_run(x87_exec, &cpu, &in))
        g_error("raised %d", fake_vector);
    if (same(&cpu.x87, before, &after, t->id) && same_mem(t, mem, fake_mem + 0x100) &&
        same_flags(&cpu, &after, (unsigned)fl, fl_out) && cpu.gpr[R_AX] == rax)
        return true;
    if (failures++ < 3) {
        struct fximage got;

        g_printerr("%02x %02x (id %u) flags %x host %x\n", t->opcode, modrm, t->id,
                   cpu_get_aflags(&cpu), (unsigned)(fl_out & 0x8d5));
        from_cpu(&got, &cpu.x87);
        show("before", before);
        show("host", &after);
        show("ours", &got);
        g_printerr("mem %016" G_GINT64_MODIFIER "x host %016" G_GINT64_MODIFIER
                   "x ours %016" G_GINT64_MODIFIER "x\n",
                   *(uint64_t *)mem_before, *(uint64_t *)mem, *(uint64_t *)(fake_mem + 0x100));
    }
    return false;
}

static void test_form(gconstpointer data)
{
    const struct form *t = data;
    unsigned modrm, i, n = t->last > t->first ? 1500 : 6000, bad = 0;
    struct fximage before;
    uint8_t mem[MEM_SIZE];

    failures = 0;
    for (modrm = t->first; modrm <= t->last; modrm++) {
        make_native(code, t, (uint8_t)(t->mem ? modrm | 7 : modrm));
        for (i = 0; i < n; i++) {
            random_state(t, &before);
            random_mem(t, mem);
            bad += !try_one(t, (uint8_t)modrm, &before, mem);
        }
    }
    if (bad) {
        g_test_message("%u of %u differ", bad, n * (t->last - t->first + 1u));
        g_test_fail();
    }
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0);
    g_assert(code != MAP_FAILED);
    for (i = 0; i < ARRAY_SIZE(forms); i++) {
        char *name =
            g_strdup_printf("/x87/%02x/%02x/%u", forms[i].opcode, forms[i].first, forms[i].env);

        g_test_add_data_func(name, &forms[i], test_form);
        g_free(name);
    }
    return g_test_run();
}
