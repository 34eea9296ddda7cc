/* SPDX-License-Identifier: MIT
 * Every op of cpu/vec_ops.def against the host CPU, faulting cases included. A failure
 * prints the line that repeats it: VEC_SEED=<seed> VEC_COUNT=1 vec_test -p /vec/<op>.
 * VEC_COUNT sets the cases per op; -k carries on after a failure. */
#include "tests/cpu/vec_input.h"
#include "tests/cpu/vec_native.h"

#include <float.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EFLAGS 0x8d5u /* CF PF AF ZF SF OF */

static uint64_t seed;
static unsigned count = 10000;

/* One case, drawn from its own seed. */
struct vec_case {
    struct vec_regs in;
    unsigned imm;
    bool same; /* the source is the destination register */
};

static void draw_case(struct vec_case *c, uint64_t st, const struct vec_op *op)
{
    unsigned form = op->kind & VEC_FORM;
    uint64_t r;

    memset(c, 0, sizeof(*c));
    vec_draw(&st, &c->in.d, NULL);
    vec_draw(&st, &c->in.s, &c->in.d);
    vec_draw(&st, &c->in.mask, NULL);
    r = vec_random(&st);
    if (strstr(op->name, "psl") || strstr(op->name, "psr")) {
        if (r & 3)
            c->in.s.u64[0] = (r >> 8) % 72;
    }
    c->imm = (unsigned)(r >> 16 & 0xff);
    if ((form == VEC_XI || form == VEC_MI) && r & 4)
        c->imm %= 70;
    c->in.rax = vec_draw_integer(&st);
    c->in.rdx = vec_draw_integer(&st);
    c->in.rcx = vec_random(&st);
    c->in.mxcsr = MXCSR_MASKS;
    c->in.mxcsr |= (uint32_t)vec_random(&st) & (MXCSR_RC | MXCSR_DAZ | MXCSR_FTZ);
    r = vec_random(&st);
    if (r % 8 == 0)
        c->in.mxcsr |= (uint32_t)(r >> 8) & MXCSR_FLAGS;
    if (r >> 3 & 1)
        c->in.mxcsr &= ~((uint32_t)(r >> 16) & MXCSR_MASKS);
    if (r >> 4 & 1)
        c->in.mxcsr &= ~(MXCSR_DAZ | MXCSR_FTZ);
    c->in.d_mm = c->in.d.u64[0];
    c->in.s_mm = c->in.s.u64[0];
}

static uint64_t eflags_of(const struct vec_env *env)
{
    return (uint64_t)(env->cf | env->pf << 2 | env->af << 4 | env->zf << 6 | env->sf << 7 |
                      env->of << 11);
}

/* Returns the old value. */
static uint32_t load_mxcsr(uint32_t v)
{
    uint32_t old;

    __asm__ volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(old) : "m"(v) : "memory");
    return old;
}

/* Runs op portably on registers laid out as for the host. */
static bool run_portable(const struct vec_op *op, const struct vec_case *c, struct vec_regs *r)
{
    unsigned form = op->kind & VEC_FORM;
    struct vec_env env = {.mxcsr = r->mxcsr, .gpr = r->rax, .gpr2 = r->rdx, .xmm0 = &r->mask};
    bool mmx_d = form == VEC_MM || form == VEC_MMI || form == VEC_MI || form == VEC_MX ||
                 form == VEC_MGI;
    union vec before = r->d;

    /* A caller may have the guest's MXCSR loaded; it must not matter, nor change. */
    if (op->kind & VEC_FP)
        load_mxcsr(r->mxcsr);
    op->fn(&env, &r->d, &r->s, c->imm);
    if (op->kind & VEC_FP) {
        uint32_t kept = load_mxcsr(MXCSR_RESET);
        g_assert_cmphex(kept, ==, r->mxcsr);
    }
    r->mxcsr = env.mxcsr;
    if (mmx_d) {
        r->d_mm = r->d.u64[0];
        g_assert_true(!memcmp(&r->d.u64[1], &before.u64[1], 24));
        r->d = before;
    }
    g_assert_true(!memcmp(&r->d.u64[2], &before.u64[2], 16));
    switch (form) {
    case VEC_GX:
    case VEC_GXI:
    case VEC_GM:
    case VEC_GMI:
    case VEC_GG: r->rax = env.gpr; break;
    case VEC_STRI: r->rcx = env.gpr; break;
    case VEC_STRM:
        r->mask.u64[0] = env.gpr;
        r->mask.u64[1] = env.gpr2;
        break;
    default: break;
    }
    if ((form == VEC_FLAGS || form >= VEC_STRI) && !env.fault)
        r->flags = eflags_of(&env);
    return env.fault;
}

static void print_vec(const char *what, const union vec *a, const union vec *b)
{
    g_printerr("# %-6s host %016lx %016lx  ours %016lx %016lx\n", what, a->u64[1], a->u64[0],
               b->u64[1], b->u64[0]);
}

static void report(const struct vec_op *op, const struct vec_case *c, uint64_t s,
                   const struct vec_regs *host, const struct vec_regs *ours)
{
    g_printerr("# VEC_SEED=%#lx VEC_COUNT=1 vec_test -p /vec/%s  imm %#x mxcsr %#x\n", s,
               op->name, c->imm, c->in.mxcsr);
    print_vec("d, s", &c->in.d, &c->in.s);
    print_vec("d", &host->d, &ours->d);
    print_vec("xmm0", &host->mask, &ours->mask);
    g_printerr("# mm     host %016lx  ours %016lx\n", host->d_mm, ours->d_mm);
    g_printerr("# rax    host %016lx  ours %016lx  in rax %lx rdx %lx\n", host->rax, ours->rax,
               c->in.rax, c->in.rdx);
    g_printerr("# rcx    host %016lx  ours %016lx\n", host->rcx, ours->rcx);
    g_printerr("# mxcsr  host %04x  ours %04x  eflags host %lx  ours %lx\n", host->mxcsr,
               ours->mxcsr, host->flags, ours->flags);
}

static bool same_regs(const struct vec_regs *a, const struct vec_regs *b)
{
    return !memcmp(&a->d, &b->d, sizeof(a->d)) && !memcmp(&a->mask, &b->mask, 16) &&
           a->d_mm == b->d_mm && a->rax == b->rax && a->rcx == b->rcx && a->mxcsr == b->mxcsr &&
           a->flags == b->flags;
}

/* Without the host's RCPPS and RSQRTPS the bits may differ, within the manual's bound. */
static void forgive(const struct vec_op *op, const struct vec_regs *host, struct vec_regs *ours)
{
#ifdef VEC_HOST_FENV
    if (strncmp(op->name, "rcp", 3) && strncmp(op->name, "rsqrt", 5))
        return;
    for (unsigned i = 0; i < 4; i++) {
        float error = fabsf(host->d.f32[i] - ours->d.f32[i]);
        float bound = fabsf(host->d.f32[i]) * 2 * 1.5f * 0x1p-12f;
        if (error <= bound || error <= FLT_MIN) /* near there, zero is allowed */
            ours->d.f32[i] = host->d.f32[i];
    }
#endif
}

static void test_op(gconstpointer data)
{
    const struct vec_op *op = data;
    unsigned form = op->kind & VEC_FORM;
    bool flags = form == VEC_FLAGS || form == VEC_STRI || form == VEC_STRM;
    uint64_t st = seed;

    if (!vec_native_load(op)) {
        g_test_skip("the host lacks it");
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t case_seed = i ? vec_random(&st) : seed;
        struct vec_case c;
        struct vec_regs host, ours;
        bool host_fault, our_fault;

        draw_case(&c, case_seed, op);
        host = ours = c.in;
        host_fault = vec_native_run(&host, c.imm);
        our_fault = run_portable(op, &c, &ours);
        host.flags = flags && !host_fault ? host.flags & EFLAGS : 0;
        forgive(op, &host, &ours);
        if (host_fault != our_fault || !same_regs(&host, &ours)) {
            report(op, &c, case_seed, &host, &ours);
            g_test_message("fault host %d ours %d", host_fault, our_fault);
            g_test_fail();
            return;
        }
    }
}

/* MASKMOVx is checked by the bytes it stores. */
static void test_maskmov(void)
{
    uint64_t st = seed;

    for (unsigned i = 0; i < count; i++) {
        union vec d, s, host, ours;
        struct vec_env env = {0};
        vec_draw(&st, &d, NULL);
        vec_draw(&st, &s, NULL);
        vec_draw(&st, &host, NULL);
        ours = host;
        __asm__ volatile("movdqu (%0), %%xmm1\n\tmovdqu (%1), %%xmm2\n\t"
                         "maskmovdqu %%xmm2, %%xmm1"
                         :
                         : "r"(&d), "r"(&s), "D"(&host)
                         : "xmm1", "xmm2", "memory");
        vec_op_find("maskmovdqu")->fn(&env, &d, &s, 0);
        for (unsigned j = 0; j < 16; j++) {
            if (env.gpr >> j & 1)
                ours.u8[j] = d.u8[j];
        }
        g_assert_true(!memcmp(&host, &ours, sizeof(host)));
    }
}

static void test_find(void)
{
    for (unsigned i = 0; i < VEC_OP_COUNT; i++)
        g_assert_true(vec_op_find(vec_ops[i].name) == &vec_ops[i]);
    g_assert_null(vec_op_find("nop"));
}

int main(int argc, char **argv)
{
    const char *s = getenv("VEC_SEED"), *n = getenv("VEC_COUNT");

    g_test_init(&argc, &argv, NULL);
    vec_native_init();
    seed = s ? strtoull(s, NULL, 0) : ((uint64_t)g_random_int() << 32 | g_random_int());
    if (n)
        count = (unsigned)strtoul(n, NULL, 0);
    g_test_message("VEC_SEED=%#lx VEC_COUNT=%u", seed, count);
    g_test_add_func("/vec/find", test_find);
    g_test_add_func("/vec/maskmov", test_maskmov);
    for (unsigned i = 0; i < VEC_OP_COUNT; i++) {
        char *path;
        if (strstr(vec_ops[i].name, "maskmov"))
            continue;
        if (vec_ops[i].kind & VEC_WHOLE || vec_ops[i].name[0] == 'v')
            continue; /* VEX encodings only: tests/oracle */
        path = g_strdup_printf("/vec/%s", vec_ops[i].name);
        g_test_add_data_func(path, &vec_ops[i], test_op);
        g_free(path);
    }
    return g_test_run();
}
