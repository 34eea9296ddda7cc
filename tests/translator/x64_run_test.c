/* SPDX-License-Identifier: MIT
 * The run loop and its cache: small programs in flat 32-bit and real mode, and how often they
 * make the engine leave host code or translate again. */
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

/* Data at 0, code in a segment of its own. */
static void real_mode(struct cpu *cpu, uint16_t cs)
{
    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = (struct seg){.limit = 0xffff, .attr = SA_P | SA_S | SA_RW | SA_ACC};
    cpu->seg[SEG_CS].sel = cs;
    cpu->seg[SEG_CS].base = (uint32_t)cs << 4;
    cpu->cr0 = CR0_ET;
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

/* Runs `code` at offset `at` in CS with ECX = ROUNDS to its UD2. */
static struct run_stats run(struct rig *g, uint32_t at, const void *code, size_t n)
{
    memcpy(g->ram.host + g->cpu->seg[SEG_CS].base + at, code, n);
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

/* ---- real mode ---- */

static uint16_t word_at(struct rig *g, uint32_t at)
{
    uint16_t v;

    memcpy(&v, g->ram.host + at, 2);
    return v;
}

/* Loads, stores, calls and returns stay in host code. */
static void test_real_loop(struct rig *g, const void *unused)
{
    static const uint8_t code[] = {
        0xa1, 0x00, 0x60, /* 3000: mov ax, [6000h] */
        0x05, 0x03, 0x00, /* 3003: add ax, 3 */
        0xa3, 0x00, 0x60, /* 3006: mov [6000h], ax */
        0xe8, 0x07, 0x00, /* 3009: call 3013h */
        0x49,             /* 300c: dec cx */
        0x75, 0xf1,       /* 300d: jnz 3000h */
        0x0f, 0x0b,       /* 300f: ud2 */
        0x90, 0x90,       /* 3011 */
        0x53, 0x42, 0x5b, /* 3013: push bx; inc dx; pop bx */
        0xc3,             /* 3016: ret */
    };
    struct run_stats s;

    real_mode(g->cpu, 0x1000);
    g->cpu->gpr[R_AX] = g->cpu->gpr[R_DX] = 0xabcd0000;
    s = run(g, 0x3000, code, sizeof(code));
    g_assert_cmphex(g->cpu->gpr[R_DX], ==, 0xabcd0000 + ROUNDS);
    g_assert_cmphex(g->cpu->gpr[R_SP], ==, 0x8000);
    g_assert_cmpuint(word_at(g, 0x6000), ==, 3 * ROUNDS);
    g_assert_cmpuint(s.jit_enters, <, 40);
    g_assert_cmpuint(s.ir_execs, <, 20);
}

/* Every other time the near return stands behind a far jump: it goes to its offset in the new
 * code segment, not to where the call was. */
static void test_real_return(struct rig *g, const void *unused)
{
    static const uint8_t a[] = {
        0xe8, 0x3d, 0x00,             /* 1000:3000: call 3040h */
        0x46,                         /* 3003: inc si */
        0xeb, 0x0a,                   /* 3004: jmp 3010h */
        [0x10] = 0x49,                /* 3010: dec cx */
        0x75, 0xed,                   /* 3011: jnz 3000h */
        0x0f, 0x0b,                   /* 3013: ud2 */
        [0x40] = 0xf6, 0xc1, 0x01,    /* 3040: test cl, 1 */
        0x75, 0x05,                   /* 3043: jnz 304ah */
        0xea, 0x50, 0x30, 0x00, 0x20, /* 3045: jmp 2000:3050 */
        0xc3,                         /* 304a: ret */
    };
    static const uint8_t b[] = {
        0x42,                         /* 2000:3003: inc dx */
        0xea, 0x10, 0x30, 0x00, 0x10, /* 3004: jmp 1000:3010 */
    };
    struct run_stats s;

    real_mode(g->cpu, 0x1000);
    memcpy(g->ram.host + 0x23003, b, sizeof(b));
    g->ram.host[0x23050] = 0xc3;
    s = run(g, 0x3000, a, sizeof(a));
    g_assert_cmphex(g->cpu->rip, ==, 0x3013);
    g_assert_cmpuint(g->cpu->gpr[R_SI], ==, ROUNDS / 2);
    g_assert_cmpuint(g->cpu->gpr[R_DX], ==, ROUNDS / 2);
    g_assert_cmpuint(s.jit_enters, <, 60);
}

/* The instruction that the next round runs is patched each time. */
static void test_real_patched(struct rig *g, const void *unused)
{
    static const uint8_t code[] = {
        0x2e, 0xa2, 0x06, 0x30, /* 3000: mov [cs:3006h], al */
        0xeb, 0x00,             /* 3004: jmp 3006h */
        0x90,                   /* 3006: inc si (46h) or inc di */
        0x34, 0x01,             /* 3007: xor al, 1 */
        0x49,                   /* 3009: dec cx */
        0x75, 0xf4,             /* 300a: jnz 3000h */
        0x0f, 0x0b,
    };
    struct run_stats s;

    real_mode(g->cpu, 0x1000);
    g->cpu->gpr[R_AX] = 0x46;
    s = run(g, 0x3000, code, sizeof(code));
    g_assert_cmpuint(g->cpu->gpr[R_SI], ==, ROUNDS / 2);
    g_assert_cmpuint(g->cpu->gpr[R_DI], ==, ROUNDS / 2);
    g_assert_cmpuint(s.invalidations, >, ROUNDS / 2);
}

/* Pages are those of linear addresses, not of offsets. */
static void test_real_page_crossing(struct rig *g, const void *unused)
{
    static const uint8_t code[] = {
        0x40,                   /* 27fe: inc ax */
        0x81, 0xc2, 0x01, 0x00, /* 27ff: add dx, 1: from linear 12fffh on */
        0x49,                   /* 2803: dec cx */
        0x75, 0xf8,             /* 2804: jnz 27feh */
        0x0f, 0x0b,
    };
    struct run_stats s;

    real_mode(g->cpu, 0x1080);
    s = run(g, 0x27fe, code, sizeof(code));
    g_assert_cmpuint(g->cpu->gpr[R_AX], ==, ROUNDS);
    g_assert_cmpuint(g->cpu->gpr[R_DX], ==, ROUNDS);
    g_assert_cmpuint(s.jit_enters, <, 40);
}

/* Jumps go round at 64 KiB ... */
static void test_real_wrap(struct rig *g, const void *unused)
{
    static const uint8_t high[] = {
        0x40,       /* fff8: inc ax */
        0xeb, 0x10, /* fff9: jmp 000bh */
    };
    static const uint8_t low[] = {
        0x42,       /* 000b: inc dx */
        0x49,       /* 000c: dec cx */
        0x75, 0xe9, /* 000d: jnz fff8h */
        0x0f, 0x0b,
    };
    struct run_stats s;

    real_mode(g->cpu, 0x1001);
    memcpy(g->ram.host + 0x1001b, low, sizeof(low));
    s = run(g, 0xfff8, high, sizeof(high));
    g_assert_cmphex(g->cpu->rip, ==, 0x000f);
    g_assert_cmpuint(g->cpu->gpr[R_DX], ==, ROUNDS);
    g_assert_cmpuint(s.jit_enters, <, 40);
}

/* ... falling out of the segment is #GP, the second and third time too. */
static void test_real_end(struct rig *g, const void *unused)
{
    real_mode(g->cpu, 0x1001);
    memset(g->ram.host + 0x1001b, 0x40, 0x10000); /* inc ax */
    for (unsigned i = 0; i < 4; i++) {
        g->cpu->rip = 0xfff0;
        g->cpu->exc.vector = 0;
        g_assert_cmpint(run_cpu(g->cpu), ==, RUN_STOPPED);
        g_assert_cmpuint(g->cpu->exc.vector, ==, EXC_GP);
        g_assert_cmphex(g->cpu->rip, ==, 0x10000);
        g_assert_cmpuint(g->cpu->gpr[R_AX], ==, 16 * (i + 1));
    }
    g_assert_cmpuint(run_stats(g->cpu)->jit_enters, >=, 2);
}

/* A segment that is loaded with other limits is checked by those in code that is there already. */
static void test_limit_changes(struct rig *g, const void *unused)
{
    static const uint8_t code[] = {0x64, 0xa1, 0x00, 0x60, 0x0f, 0x0b}; /* mov ax, [fs:6000h] */
    struct seg *fs = &g->cpu->seg[SEG_FS];

    real_mode(g->cpu, 0x1000);
    memcpy(g->ram.host + 0x13000, code, sizeof(code));
    for (unsigned i = 0; i < 8; i++) {
        fs->limit = i & 1 ? 0x6000 : 0x6001;
        cpu_update_mode(g->cpu);
        g->cpu->rip = 0x3000;
        g_assert_cmpint(run_cpu(g->cpu), ==, RUN_STOPPED);
        g_assert_cmpuint(g->cpu->exc.vector, ==, i & 1 ? EXC_GP : EXC_UD);
        g_assert_cmphex(g->cpu->rip, ==, i & 1 ? 0x3000 : 0x3004);
    }
    g_assert_cmpuint(run_stats(g->cpu)->jit_enters, >=, 6);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(name, fn) g_test_add("/run/" name, struct rig, NULL, setup, fn, teardown)
    T("page-crossing-loop", test_page_crossing_loop);
    T("variable-among-code", test_variable_among_code);
    T("patched-instruction", test_patched_instruction);
    T("refilled-page", test_refilled_page);
    T("real-loop", test_real_loop);
    T("real-return", test_real_return);
    T("real-patched", test_real_patched);
    T("real-page-crossing", test_real_page_crossing);
    T("real-wrap", test_real_wrap);
    T("real-end", test_real_end);
    T("limit-changes", test_limit_changes);
    return g_test_run();
}
