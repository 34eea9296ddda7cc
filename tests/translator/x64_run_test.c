/* SPDX-License-Identifier: MIT
 * The run loop and its cache: small programs in flat 32-bit mode, and how often they make the
 * engine leave host code or translate again. */
#include <glib.h>
#include <string.h>

#include "cpu/cpuid.h"
#include "softmmu/ram.h"
#include "softmmu/space.h"
#include "translator/run.h"

enum { RAM_SIZE = 1 << 20, ROUNDS = 1000 };

struct rig {
    struct ram ram;
    struct space *space;
    struct cpu *cpu;
};

static bool stop(void *opaque, const struct exc *x)
{
    return true;
}

static void flat_mode(struct cpu *cpu)
{
    struct seg s = {
        .limit = 0xffffffff, .sel = 0x10, .attr = SA_P | SA_S | SA_RW | SA_ACC | SA_DB | SA_G};

    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = s;
    cpu->seg[SEG_CS].attr |= SA_CODE;
    cpu->cr0 = CR0_PE | CR0_ET | CR0_NE;
    cpu_update_paging(cpu);
    cpu_update_mode(cpu);
}

static void setup(struct rig *g, const void *unused)
{
    struct run_opts ro = {.jit = true, .code_bytes = 16 << 20};
    struct cpu_model model;
    struct err e;

    g_assert_true(ram_init(&g->ram, RAM_SIZE, &e));
    g->space = space_create("test", 0);
    g_assert_true(space_add_ram(g->space, "ram", 0, RAM_SIZE, g->ram.host, false, &e));
    g_assert_true(cpu_model_parse(&model, "max", &e));
    g->cpu = cpu_create(g->space, RAM_SIZE, &model, false, &e);
    g_assert_nonnull(g->cpu);
    g_assert_true(run_attach(g->cpu, &ro, &e));
    run_set_exception_hook(g->cpu, stop, g);
    memset(g->cpu->gpr, 0, sizeof(g->cpu->gpr));
    flat_mode(g->cpu);
}

static void teardown(struct rig *g, const void *unused)
{
    run_detach(g->cpu);
    cpu_destroy(g->cpu);
    space_destroy(g->space);
    ram_finish(&g->ram);
}

/* Runs `code` at `at` with ECX = ROUNDS to its UD2. */
static struct run_stats run(struct rig *g, uint32_t at, const void *code, size_t n)
{
    memcpy(g->ram.host + at, code, n);
    g->cpu->rip = at;
    g->cpu->gpr[R_CX] = ROUNDS;
    g->cpu->gpr[R_SP] = 0x8000;
    g_assert_cmpint(run_cpu(g->cpu), ==, RUN_STOPPED);
    g_assert_cmpuint(g->cpu->gpr[R_CX], ==, 0);
    return *run_stats(g->cpu);
}

/* A loop stays in host code when one of its instructions goes over the end of a page. */
static void test_page_crossing_loop(struct rig *g, const void *unused)
{
    static const uint8_t code[] = {
        0x40,                         /* inc eax */
        0x81, 0xc2, 0x01, 0, 0, 0x00, /* add edx, 1: from the page's last byte on */
        0x49,                         /* dec ecx */
        0x75, 0xf6,                   /* jnz to the start */
        0x0f, 0x0b,                   /* ud2 */
    };
    struct run_stats s = run(g, 0x2ffe, code, sizeof(code));

    g_assert_cmpuint(g->cpu->gpr[R_AX], ==, ROUNDS);
    g_assert_cmpuint(g->cpu->gpr[R_DX], ==, ROUNDS);
    g_assert_cmpuint(s.exit_direct, <, 20);
    g_assert_cmpuint(s.jit_enters, <, 40);
}

/* A variable beside the code: what runs is hardly ever translated again. */
static void test_variable_among_code(struct rig *g, const void *unused)
{
    static const uint8_t code[] = {
        0xff, 0x05, 0x20, 0x30, 0, 0, /* inc dword [3020h] */
        0x49,                         /* dec ecx */
        0x75, 0xf7,                   /* jnz to the start */
        0x0f, 0x0b,
    };
    struct run_stats s;
    uint32_t v;

    memset(g->ram.host + 0x3020, 0, 4);
    s = run(g, 0x3000, code, sizeof(code));
    memcpy(&v, g->ram.host + 0x3020, 4);
    g_assert_cmpuint(v, ==, ROUNDS);
    g_assert_cmpuint(s.invalidations, <, ROUNDS / 20);
}

/* One instruction is patched each round: that is translated again, its neighbours are not. */
static void test_patched_instruction(struct rig *g, const void *unused)
{
    static const uint8_t code[] = {
        0xa2, 0x07, 0x30, 0, 0, /* 3000: mov [3007h], al */
        0xeb, 0x00,             /* 3005: jmp 3007h (byte 1 is patched below) */
        0x90,                   /* 3007: nop, made CLC (f8h) and NOP again */
        0xeb, 0x00,             /* 3008: jmp 300ah */
        0x34, 0x68,             /* 300a: xor al, 68h: 90h <-> f8h */
        0xeb, 0x00,             /* 300c: jmp 300eh */
        0x83, 0xc2, 0x03,       /* 300e: add edx, 3 */
        0xeb, 0x00,             /* 3011: jmp 3013h */
        0x49,                   /* 3013: dec ecx */
        0x75, 0xea,             /* 3014: jnz 3000h */
        0x0f, 0x0b,
    };
    struct run_stats s;

    g->cpu->gpr[R_AX] = 0x90;
    s = run(g, 0x3000, code, sizeof(code));
    g_assert_cmpuint(g->cpu->gpr[R_DX], ==, 3 * ROUNDS);
    g_assert_cmpuint(s.invalidations, <=, ROUNDS);
    g_assert_cmpuint(s.invalidations, >, ROUNDS / 2);
}

/* A page that is refilled with data gives its blocks back after a few writes. */
static void test_refilled_page(struct rig *g, const void *unused)
{
    static const uint8_t leaf[] = {0xc3}, code[] = {
                                              0xe8, 0xfb, 0x0f, 0, 0, /* 3000: call 4000h */
                                              0xe8, 0xfa, 0x0f, 0, 0, /* 3005: call 4004h */
                                              0xbf, 0x10, 0x40, 0, 0, /* 300a: mov edi, 4010h */
                                              0x89, 0x0f,             /* 300f: mov [edi], ecx */
                                              0x49,                   /* 3011: dec ecx */
                                              0x75, 0xfb,             /* 3012: jnz 300fh */
                                              0x0f, 0x0b,
                                          };
    struct run_stats s;

    memcpy(g->ram.host + 0x4000, leaf, 1);
    memcpy(g->ram.host + 0x4004, leaf, 1);
    s = run(g, 0x3000, code, sizeof(code));
    g_assert_cmpuint(s.invalidations, ==, 2);
    g_assert_cmpuint(g->cpu->mmu.stats.code_writes, <, 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(name, fn) g_test_add("/run/" name, struct rig, NULL, setup, fn, teardown)
    T("page-crossing-loop", test_page_crossing_loop);
    T("variable-among-code", test_variable_among_code);
    T("patched-instruction", test_patched_instruction);
    T("refilled-page", test_refilled_page);
    return g_test_run();
}
