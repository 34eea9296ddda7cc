/* SPDX-License-Identifier: MIT
 * The oracle's own tests: the native side agrees with itself, the comparer notices a
 * planted difference of every kind, the generator reaches every row, a case that
 * kills the child costs that case only. */
#include <glib.h>
#include <string.h>

#include "tests/oracle/compare.h"
#include "tests/oracle/gen.h"
#include "tests/oracle/native.h"

static struct native *native;
static struct gen *gen[2]; /* singles, sequences */
static const struct compare_opts exact = {.x87_pointers = true};

static void run(unsigned slot, unsigned n)
{
    struct err e;

    if (!native_begin(native, slot, n, &e) || !native_end(native, slot, &e))
        g_error("%s", e.msg);
}

static void test_repeat(void)
{
    struct orc_case *a = native_cases(native, 0), *b = native_cases(native, 1);

    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < NATIVE_BATCH; i++) {
            gen_case(gen[i & 1], &a[i], 7, round * NATIVE_BATCH + i);
            memset(&b[i], 0x5a, sizeof(b[i]));
            gen_case(gen[i & 1], &b[i], 7, round * NATIVE_BATCH + i);
        }
        run(0, NATIVE_BATCH);
        run(1, NATIVE_BATCH);
        for (unsigned i = 0; i < NATIVE_BATCH; i++) {
            const struct orc_state *x = &native_states(native, 0)[i];
            const struct orc_state *y = &native_states(native, 1)[i];

            g_assert_cmpint(x->status, ==, ORC_DONE);
            if (compare_states(&a[i], x, y, &exact)) {
                print_case(stderr, &a[i]);
                print_diff(stderr, &a[i], x, y, &exact);
                g_assert_not_reached();
            }
        }
    }
}

/* A single case of `name` that ends at an exit (fault false) or in a fault. */
static void find_case(const char *name, bool fault, struct orc_case *c, struct orc_state *s)
{
    for (uint64_t i = 0; i < 2000000; i++) {
        if (strcmp(insn_name(gen_row_id(gen[0], i)), name))
            continue;
        gen_case(gen[0], native_cases(native, 0), 3, i);
        run(0, 1);
        *s = native_states(native, 0)[0];
        *c = native_cases(native, 0)[0];
        if ((s->vector != ORC_NO_FAULT) == fault && s->nlines)
            return;
    }
    g_error("no case of %s", name);
}

#define PLANT(change, kind)                                                                    \
    do {                                                                                       \
        bad = good;                                                                            \
        change;                                                                                \
        g_assert_cmpuint(compare_states(&c, &good, &bad, &exact), ==, kind);                   \
    } while (0)

static void test_planted(void)
{
    static const uint16_t flags[] = {FL_CF, FL_PF, FL_AF, FL_ZF, FL_SF, FL_OF, FL_DF};
    static struct orc_case c;
    static struct orc_state good, bad;

    find_case("add", false, &c, &good);
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
        PLANT(bad.rflags ^= flags[i], DIFF_FLAGS);
    for (unsigned i = 0; i < 16 * 64; i++)
        PLANT(bad.gpr[i / 64] ^= 1ull << (i % 64), DIFF_GPR);
    for (unsigned i = 0; i < 16; i++)
        PLANT(bad.fx[24 + i / 8] ^= 1 << (i & 7), DIFF_MXCSR);
    for (unsigned i = 0; i < 256; i++)
        PLANT(bad.fx[160 + i] ^= 0x10, DIFF_XMM);
    for (unsigned i = 0; i < 80; i++)
        PLANT(bad.fx[32 + 16 * (i / 10) + i % 10] ^= 1, DIFF_X87);
    for (unsigned i = 0; i < 5; i++)
        PLANT(bad.fx[i] ^= 1, DIFF_X87);
    for (unsigned i = 0; i < ORC_LINE; i++)
        PLANT(bad.line[0].bytes[i] ^= 0x80, DIFF_MEM);
    PLANT(bad.nlines--, DIFF_MEM);
    PLANT((bad.line[bad.nlines] = bad.line[0], bad.line[bad.nlines++].index ^= 1), DIFF_MEM);
    PLANT(bad.fx[8] ^= 1, DIFF_X87PTR);
    PLANT(bad.rip++, DIFF_RIP);
    PLANT(bad.status = ORC_TIMEOUT, DIFF_STATUS);
    PLANT(bad.vector = 14, DIFF_FAULT);
}

static void test_planted_fault(void)
{
    static struct orc_case c;
    static struct orc_state good, bad;

    do
        find_case("xadd", true, &c, &good);
    while (good.vector != 14 || good.cr2 >= ORC_HOLE3);
    PLANT(bad.vector = 13, DIFF_FAULT);
    PLANT(bad.vector = ORC_NO_FAULT, DIFF_FAULT);
    PLANT(bad.error ^= 1, DIFF_FAULT);
    PLANT(bad.error ^= 2, DIFF_FAULT);
    PLANT(bad.cr2 ^= 1, DIFF_FAULT);
    PLANT(bad.rflags ^= FL_AF, DIFF_FLAGS);
}

static void test_undefined_flags(void)
{
    static struct orc_case c;
    static struct orc_state good, bad;

    find_case("bts", false, &c, &good);
    PLANT(bad.rflags ^= FL_OF | FL_SF | FL_AF | FL_PF, 0);
    PLANT(bad.rflags ^= FL_CF, DIFF_FLAGS);
    PLANT(bad.rflags ^= FL_ZF, DIFF_FLAGS);
}

static void test_rows(void)
{
    struct orc_case *c = native_cases(native, 0);
    unsigned ids = 0;
    static bool seen[I_COUNT];

    for (unsigned row = 0; row < gen_row_count(gen[0]); row++) {
        enum insn_id id = gen_row_id(gen[0], row);
        bool found = false;

        for (unsigned k = 0; k < 4 && !found; k++) {
            gen_case(gen[0], c, 1, row + (uint64_t)k * gen_row_count(gen[0]));
            found = c->ninsns && c->insn[c->ninsns - 1].id == id;
        }
        if (!found)
            g_error("no encoding found for row %u (%s)", row, insn_name(id));
        ids += !seen[id];
        seen[id] = true;
    }
    g_test_message("%u rows, %u mnemonics", gen_row_count(gen[0]), ids);
    for (unsigned id = 1; id < I_COUNT; id++)
        g_assert_false(seen[id] && gen_excluded(id));
}

/* Turns a case into: two bytes of code, then the exit. */
static void put_code(struct orc_case *c, uint8_t a, uint8_t b)
{
    gen_case(gen[0], c, 1, 0);
    c->rip = ORC_CODE;
    c->code[0] = a;
    c->code[1] = b;
    c->exit[0] = 2;
}

static void test_killed_child(void)
{
    struct orc_case *c = native_cases(native, 0);
    struct orc_state *s = native_states(native, 0);

    for (unsigned i = 0; i < 3; i++)
        put_code(&c[i], 0x90, 0x90);
    put_code(&c[1], 0x0f, 0x05); /* SYSCALL */
    c[1].gpr[R_AX] = 39;
    run(0, 3);
    g_assert_cmpint(s[0].status, ==, ORC_DONE);
    g_assert_cmpint(s[2].status, ==, ORC_DONE);
    g_assert_cmpuint(s[2].rip, ==, ORC_CODE + 2);
    if (s[1].status == ORC_DONE)
        g_test_skip("this host allows no strict seccomp");
    else
        g_assert_cmpint(s[1].status, ==, ORC_DIED);
}

static void test_hung_child(void)
{
    struct orc_case *c = native_cases(native, 0);
    struct orc_state *s = native_states(native, 0);

    put_code(&c[0], 0xeb, 0xfe); /* JMP to itself */
    put_code(&c[1], 0x90, 0x90);
    run(0, 2);
    g_assert_cmpint(s[0].status, ==, ORC_TIMEOUT);
    g_assert_cmpint(s[1].status, ==, ORC_DONE);
}

int main(int argc, char **argv)
{
    struct gen_opts o = {0};
    struct err e;
    int status;

    g_test_init(&argc, &argv, NULL);
    if (!(native = native_create(&e)))
        g_error("%s", e.msg);
    gen_default_features(o.features);
    gen[0] = gen_create(&o);
    o.sequences = true;
    gen[1] = gen_create(&o);
    g_test_add_func("/oracle/native-repeats", test_repeat);
    g_test_add_func("/oracle/planted", test_planted);
    g_test_add_func("/oracle/planted-fault", test_planted_fault);
    g_test_add_func("/oracle/undefined-flags", test_undefined_flags);
    g_test_add_func("/oracle/rows", test_rows);
    g_test_add_func("/oracle/killed-child", test_killed_child);
    if (g_test_slow())
        g_test_add_func("/oracle/hung-child", test_hung_child);
    status = g_test_run();
    native_destroy(native);
    gen_destroy(gen[0]);
    gen_destroy(gen[1]);
    return status;
}
