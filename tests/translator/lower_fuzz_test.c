/* SPDX-License-Identifier: MIT
 * Random bytes through decoder and lowering in every mode: whatever comes out
 * is well-formed IR that covers the bytes it says. Replay: --seed=R02S... of GLib. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "translator/ir.h"

static struct ir_block block;

static const uint16_t modes[] = {
    CM_64 | CM_PE | CM_FLAT | CM_CSBASE0 | CM_X87 | CM_SSE | CM_LMA,
    CM_64 | CM_PE | CM_FLAT | CM_CSBASE0 | CM_CPL3 | CM_LMA,
    CM_32 | CM_PE | CM_FLAT | CM_CSBASE0 | CM_SS32 | CM_X87 | CM_SSE,
    CM_32 | CM_PE | CM_SS32 | CM_X87,
    CM_16 | CM_CSBASE0,
    CM_16 | CM_VM | CM_CPL3,
};

static void random_code(uint8_t *code, size_t n)
{
    static const uint8_t likely[] = {0x0f, 0x66, 0xf2, 0xf3, 0x48, 0x4c, 0x41, 0xf0, 0x64, 0x67};

    for (size_t i = 0; i < n; i++) {
        code[i] = (uint8_t)g_test_rand_int_range(0, 256);
        if (g_test_rand_int_range(0, 4) == 0)
            code[i] = likely[g_test_rand_int_range(0, (int)sizeof(likely))];
    }
}

static void check_block(const uint8_t *code, size_t n, uint64_t rip)
{
    const char *bad = ir_verify(&block);
    unsigned insns = 0, bytes = 0;
    char text[256];

    if (bad) {
        for (unsigned i = 0; i < block.n; i++) {
            ir_format(text, sizeof(text), &block.op[i]);
            g_test_message("%s", text);
        }
        g_error("%s (code begins %02x %02x %02x %02x)", bad, code[0], code[1], code[2], code[3]);
    }
    g_assert_cmpuint(block.op[0].op, ==, IR_INSN);
    for (unsigned i = 0; i < block.n; i++) {
        if (block.op[i].op != IR_INSN)
            continue;
        g_assert_cmphex((uint64_t)block.op[i].imm, ==, rip + bytes);
        bytes += block.op[i].aw;
        insns++;
    }
    g_assert_cmpuint(insns, ==, block.ninsn);
    g_assert_cmpuint(bytes, ==, block.bytes);
    g_assert_cmpuint(bytes, <=, n);
}

static void test_random(void)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu));
    uint8_t code[64];

    memset(cpu->features, 0xff, sizeof(cpu->features));
    cpu->seg[SEG_CS].limit = 0xffffffff;
    for (unsigned i = 0; i < 200000; i++) {
        size_t n = (size_t)g_test_rand_int_range(1, sizeof(code));
        uint64_t rip = 0x1000;

        random_code(code, n);
        cpu->mode = modes[i % G_N_ELEMENTS(modes)];
        if (lower_block(&block, cpu, rip, code, n, 64) < 0)
            continue;
        opt_flags(&block, FL_ARITH);
        opt_dead(&block);
        check_block(code, n, rip);
    }
    free(cpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lower/random-bytes", test_random);
    return g_test_run();
}
