/* SPDX-License-Identifier: MIT
 * The decoder on encodings whose meaning is easily got wrong: prefixes,
 * addressing forms, sizes. Expected values are from the SDM. */
#include "cpu/insn.h"

#include <glib.h>
#include <string.h>

/* Decodes the bytes written in hex, padded with zeros to 15. */
static enum insn_status dec(struct insn *in, enum insn_mode mode, const char *hex)
{
    uint8_t buf[32] = {0};
    unsigned n = 0;

    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        buf[n++] = (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
        hex++;
    }
    return insn_decode(in, buf, n > 15 ? n : 15, mode);
}

static void test_ids(void)
{
    static const struct {
        enum insn_mode mode;
        const char *hex;
        enum insn_id id;
        unsigned len, opsize;
    } t[] = {
        {INSN_64, "90", I_NOP, 1, 4},
        {INSN_64, "66 90", I_NOP, 2, 2},
        {INSN_64, "41 90", I_XCHG, 2, 4},
        {INSN_64, "f3 90", I_PAUSE, 2, 4},
        {INSN_64, "f3 41 90", I_XCHG, 3, 4},
        {INSN_64, "48 66 90", I_NOP, 3, 2},          /* REX not before the opcode: ignored */
        {INSN_64, "66 48 05 01000000", I_ADD, 7, 8}, /* REX.W beats 66 */
        {INSN_64, "66 05 0100", I_ADD, 4, 2},
        {INSN_64, "66 e8 01000000", I_CALL, 6, 8}, /* Intel: 66 ignored */
        {INSN_32, "66 e8 0100", I_CALL, 4, 2},
        {INSN_64, "66 50", I_PUSH, 2, 2},
        {INSN_64, "50", I_PUSH, 1, 8},
        {INSN_64, "c3", I_RET, 1, 8},
        {INSN_64, "cb", I_RETF, 1, 4},
        {INSN_64, "48 cf", I_IRET, 2, 8},
        {INSN_64, "f3 f2 0f 58 c1", I_ADDSD, 5, 4}, /* the last of F2/F3 */
        {INSN_64, "f2 f3 66 0f 58 c1", I_ADDSS, 6, 2},
        {INSN_64, "66 0f 58 c1", I_ADDPD, 4, 4},
        {INSN_64, "66 f2 0f 38 f1 c1", I_CRC32, 6, 2},
        {INSN_64, "66 f3 0f b8 c1", I_POPCNT, 5, 2},
        {INSN_64, "f3 0f bc c1", I_TZCNT, 4, 4},
        {INSN_64, "f2 0f bc c1", I_BSF, 4, 4},
        {INSN_64, "63 c1", I_MOVSXD, 2, 4},
        {INSN_32, "63 c1", I_ARPL, 2, 4},
        {INSN_32, "c4 00", I_LES, 2, 4},
        {INSN_64, "48 0f c7 08", I_CMPXCHG16B, 4, 8},
        {INSN_64, "0f c7 08", I_CMPXCHG8B, 3, 4},
        {INSN_64, "48 ed", I_IN, 2, 4},
        {INSN_64, "d0 f0", I_SHL, 2, 1},
        {INSN_64, "f3 0f 1e fa", I_NOP, 4, 4},
        {INSN_64, "48 0f ae 00", I_FXSAVE, 4, 8},
        {INSN_64, "0f 22 c0", I_MOV_CR, 3, 8},
        {INSN_64, "0f 22 00", I_MOV_CR, 3, 8}, /* mod ignored */
        {INSN_16, "66 0f 01 10", I_LGDT, 4, 4},
        {INSN_64, "0f 01 10", I_LGDT, 3, 8},
        {INSN_64, "48 b8 0807060504030201", I_MOV, 10, 8},
        {INSN_16, "9a 34120010", I_CALLF, 5, 2},
        {INSN_64, "f3 ab", I_STOS, 2, 4},
        {INSN_64, "e3 00", I_JRCXZ, 2, 8},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        struct insn in;
        g_test_message("%s", t[i].hex);
        g_assert_cmpint(dec(&in, t[i].mode, t[i].hex), ==, INSN_OK);
        g_assert_cmpstr(insn_name(in.id), ==, insn_name(t[i].id));
        g_assert_cmpint(in.len, ==, t[i].len);
        g_assert_cmpint(in.opsize, ==, t[i].opsize);
    }
}

static void test_ud(void)
{
    static const struct {
        enum insn_mode mode;
        const char *hex;
    } t[] = {
        {INSN_64, "06"},          {INSN_64, "27"},          {INSN_64, "c4 e2 7f f7 c0"},
        {INSN_64, "66 c5 f8 58 c0"}, {INSN_64, "f0 c5 f8 58 c0"}, {INSN_64, "48 c5 f8 58 c0"},
        {INSN_64, "c5 f0 10 c0"}, {INSN_64, "c4 e0 78 58 c0"}, {INSN_64, "c4 e2 69 90 04 11"},
        {INSN_64, "9a"},          {INSN_64, "82 c0 01"},
        {INSN_64, "f0 90"},       {INSN_64, "f0 01 c0"},    {INSN_64, "f0 39 00"},
        {INSN_64, "f0 8b 00"},    {INSN_64, "8e c8"},       {INSN_64, "8c f0"},
        {INSN_64, "0f 20 c8"},    {INSN_64, "0f 20 e8"},    {INSN_64, "44 0f 20 c8"},
        {INSN_64, "44 0f 21 c0"}, {INSN_64, "f3 0f fc c0"}, {INSN_64, "0f 04"},
        {INSN_64, "ff f8"},       {INSN_64, "8f c8"},       {INSN_32, "8d c0"},
        {INSN_64, "0f b8 c0"},    {INSN_64, "0f 01 c1"},    {INSN_32, "0f 05"},
        {INSN_32, "0f 01 f8"},    {INSN_64, "d9 d1"},       {INSN_64, "66 0f 12 c0"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        struct insn in;
        g_test_message("%s", t[i].hex);
        g_assert_cmpint(dec(&in, t[i].mode, t[i].hex), ==, INSN_UD);
    }
}

static void test_length_limit(void)
{
    struct insn in;

    g_assert_cmpint(dec(&in, INSN_64, "66666666666666666666666666 40 90"), ==, INSN_OK);
    g_assert_cmpint(in.len, ==, 15);
    g_assert_cmpint(dec(&in, INSN_64, "6666666666666666666666666666 40 90"), ==, INSN_TOO_LONG);
    g_assert_cmpint(dec(&in, INSN_64, "2e2e2e2e2e2e2e2e2e2e b8 00000000"), ==, INSN_OK);
    g_assert_cmpint(dec(&in, INSN_64, "2e2e2e2e2e2e2e2e2e2e2e b8 00000000"), ==, INSN_TOO_LONG);
    g_assert_cmpint(dec(&in, INSN_64, "2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e"), ==,
                    INSN_TOO_LONG);
    g_assert_cmpint(insn_decode(&in, (const uint8_t *)"", 0, INSN_64), ==, INSN_MORE);
}

static void test_memory(void)
{
    static const struct {
        enum insn_mode mode;
        const char *hex;
        uint8_t seg, base, index, scale, asize;
        int64_t disp;
    } t[] = {
        {INSN_64, "8b 05 f0ffffff", SEG_DS, MEM_RIP, MEM_NOREG, 1, 8, -16},
        {INSN_64, "67 8b 05 10000000", SEG_DS, MEM_RIP, MEM_NOREG, 1, 4, 16},
        {INSN_32, "8b 05 f0ffffff", SEG_DS, MEM_NOREG, MEM_NOREG, 1, 4, -16},
        {INSN_64, "8b 04 25 00000080", SEG_DS, MEM_NOREG, MEM_NOREG, 1, 8, INT32_MIN},
        {INSN_64, "8b 04 24", SEG_SS, R_SP, MEM_NOREG, 1, 8, 0},
        {INSN_64, "42 8b 04 64", SEG_SS, R_SP, R_12, 2, 8, 0},
        {INSN_64, "41 8b 45 08", SEG_DS, R_13, MEM_NOREG, 1, 8, 8},
        {INSN_64, "41 8b 04 24", SEG_DS, R_12, MEM_NOREG, 1, 8, 0},
        {INSN_64, "8b 44 cd 80", SEG_SS, R_BP, R_CX, 8, 8, -128},
        {INSN_64, "64 8b 45 00", SEG_FS, R_BP, MEM_NOREG, 1, 8, 0},
        {INSN_64, "36 8b 00", SEG_DS, R_AX, MEM_NOREG, 1, 8, 0},
        {INSN_64, "64 3e 8b 00", SEG_FS, R_AX, MEM_NOREG, 1, 8, 0},
        {INSN_32, "2e 65 8b 00", SEG_GS, R_AX, MEM_NOREG, 1, 4, 0},
        {INSN_16, "8b 42 fe", SEG_SS, R_BP, R_SI, 1, 2, -2},
        {INSN_16, "8b 06 fe ff", SEG_DS, MEM_NOREG, MEM_NOREG, 1, 2, -2},
        {INSN_16, "8b 46 00", SEG_SS, R_BP, MEM_NOREG, 1, 2, 0},
        {INSN_16, "8b 07", SEG_DS, R_BX, MEM_NOREG, 1, 2, 0},
        {INSN_16, "8b 01", SEG_DS, R_BX, R_DI, 1, 2, 0},
        {INSN_16, "67 8b 45 00", SEG_SS, R_BP, MEM_NOREG, 1, 4, 0},
        {INSN_32, "67 8b 87 0080", SEG_DS, R_BX, MEM_NOREG, 1, 2, -32768},
        {INSN_16, "26 a1 34 f2", SEG_ES, MEM_NOREG, MEM_NOREG, 1, 2, 0xf234},
        {INSN_64, "a1 8877665544332211", SEG_DS, MEM_NOREG, MEM_NOREG, 1, 8,
         0x1122334455667788},
        {INSN_64, "67 a1 88776655", SEG_DS, MEM_NOREG, MEM_NOREG, 1, 4, 0x55667788},
        {INSN_32, "64 a4", SEG_FS, R_SI, MEM_NOREG, 1, 4, 0},
        {INSN_32, "64 aa", SEG_ES, R_DI, MEM_NOREG, 1, 4, 0},
        {INSN_16, "67 2e d7", SEG_CS, R_BX, MEM_NOREG, 1, 4, 0},
        {INSN_64, "66 0f f7 c1", SEG_DS, R_DI, MEM_NOREG, 1, 8, 0},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        struct insn in;
        g_test_message("%s", t[i].hex);
        g_assert_cmpint(dec(&in, t[i].mode, t[i].hex), ==, INSN_OK);
        g_assert_true(in.has_mem);
        g_assert_cmpint(in.mem.seg, ==, t[i].seg);
        g_assert_cmpint(in.mem.base, ==, t[i].base);
        g_assert_cmpint(in.mem.index, ==, t[i].index);
        g_assert_cmpint(in.mem.scale, ==, t[i].scale);
        g_assert_cmpint(in.mem.asize, ==, t[i].asize);
        g_assert_cmpint(in.mem.disp, ==, t[i].disp);
    }
}

static void test_operands(void)
{
    struct insn in;

    g_assert_cmpint(dec(&in, INSN_64, "00 e1"), ==, INSN_OK); /* add cl, ah */
    g_assert_true(in.op[1].high8 && in.op[1].reg == R_AX && !in.op[0].high8);
    g_assert_cmpint(dec(&in, INSN_64, "40 00 e1"), ==, INSN_OK); /* add cl, spl */
    g_assert_true(!in.op[1].high8 && in.op[1].reg == R_SP && in.op[1].size == 1);
    g_assert_cmpint(dec(&in, INSN_64, "48 83 c0 ff"), ==, INSN_OK);
    g_assert_true(in.op[1].imm == -1 && in.op[1].size == 8 && in.imm8 == 0xff);
    g_assert_cmpint(dec(&in, INSN_64, "cd 80"), ==, INSN_OK);
    g_assert_cmpint(in.op[0].imm, ==, 0x80);
    g_assert_cmpint(dec(&in, INSN_64, "c2 feff"), ==, INSN_OK);
    g_assert_cmpint(in.op[0].imm, ==, 0xfffe);
    g_assert_cmpint(dec(&in, INSN_64, "48 c7 c0 feffffff"), ==, INSN_OK);
    g_assert_cmpint(in.op[1].imm, ==, -2);
    g_assert_cmpint(dec(&in, INSN_64, "c8 3412 81"), ==, INSN_OK);
    g_assert_true(in.op[0].imm == 0x1234 && in.op[1].imm == 0x81 && in.nops == 2);
    g_assert_cmpint(dec(&in, INSN_32, "ea 785634f2 2110"), ==, INSN_OK);
    g_assert_true(in.op[0].kind == OPND_FAR && in.op[0].sel == 0x1021);
    g_assert_cmpint(in.op[0].imm, ==, 0xf2345678);
    g_assert_cmpint(dec(&in, INSN_64, "eb fe"), ==, INSN_OK);
    g_assert_true(in.op[0].kind == OPND_REL && in.op[0].imm == -2);
    g_assert_cmpint(dec(&in, INSN_64, "66 0f c6 c1 e4"), ==, INSN_OK);
    g_assert_true(in.imm8 == 0xe4 && in.pfx == 0x66 && in.op[2].kind == OPND_IMM);
    g_assert_cmpint(dec(&in, INSN_64, "45 0f 10 c1"), ==, INSN_OK);
    g_assert_true(in.op[0].reg == 8 && in.op[1].reg == 9 && in.op[0].kind == OPND_XMM);
    g_assert_cmpint(dec(&in, INSN_64, "45 0f fc c1"), ==, INSN_OK); /* REX ignored for MMX */
    g_assert_true(in.op[0].reg == 0 && in.op[1].reg == 1 && in.op[0].kind == OPND_MMX);
    g_assert_cmpint(dec(&in, INSN_64, "44 0f 22 c0"), ==, INSN_OK);
    g_assert_true(in.op[0].kind == OPND_CR && in.op[0].reg == 8);
    g_assert_cmpint(dec(&in, INSN_64, "f0 0f c7 0e"), ==, INSN_OK);
    g_assert_true(in.lock && in.op[0].size == 8);
    g_assert_cmpint(dec(&in, INSN_64, "f3 a6"), ==, INSN_OK);
    g_assert_true(in.rep && !in.repne && in.row->fl_read == (FL_ARITH | FL_DF));
    g_assert_cmpint(dec(&in, INSN_64, "f3 c3"), ==, INSN_OK);
    g_assert_true(!in.rep);
    g_assert_cmpint(dec(&in, INSN_64, "dc e9"), ==, INSN_OK); /* fsub st(1), st */
    g_assert_true(in.id == I_FSUB && in.op[0].reg == 1 && in.op[1].reg == 0);
    g_assert_cmpint(dec(&in, INSN_16, "d9 30"), ==, INSN_OK);
    g_assert_true(in.id == I_FNSTENV && in.op[0].size == 14);
}

/* Bits of VEX that count in 64-bit mode only (SDM vol. 2, 2.3.5 to 2.3.7). */
static void test_vex_ignored(void)
{
    static const struct {
        const char *hex;
        enum insn_mode mode;
        enum insn_id id;
        unsigned vvvv, w, size; /* size of operand 0 */
    } t[] = {
        {"c4 c1 35 fe c2", INSN_64, I_VPADDD, 9, 0, 32},
        {"c4 c1 35 fe c2", INSN_32, I_VPADDD, 1, 0, 32},
        {"c4 c1 b5 fe c2", INSN_32, I_VPADDD, 1, 0, 32},
        {"c4 e1 f9 6e c9", INSN_64, I_VMOVQ, 0, 1, 16},
        {"c4 e1 f9 6e c9", INSN_32, I_VMOVD, 0, 0, 16},
        {"c4 e1 f9 7e c9", INSN_64, I_VMOVQ, 0, 1, 8},
        {"c4 e1 f9 7e c9", INSN_16, I_VMOVD, 0, 0, 4},
        {"c4 e3 f9 16 c8 03", INSN_32, I_VPEXTRD, 0, 0, 4},
        {"c4 e1 fb 2d c1", INSN_64, I_VCVTSD2SI, 0, 1, 8},
        {"c4 e1 fb 2d c1", INSN_32, I_VCVTSD2SI, 0, 0, 4},
        {"c4 c2 b0 f2 c2", INSN_32, I_ANDN, 1, 0, 4},
        {"c4 e3 fd 00 c0 4e", INSN_32, I_VPERMQ, 0, 1, 32},
        {"c4 e2 b1 a8 c1", INSN_32, I_VFMADD213PD, 1, 1, 16},
        {"c4 e2 31 a8 c1", INSN_32, I_VFMADD213PS, 1, 0, 16},
    };
    struct insn in;

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        g_test_message("%s", t[i].hex);
        g_assert_cmpint(dec(&in, t[i].mode, t[i].hex), ==, INSN_OK);
        g_assert_cmpstr(insn_name(in.id), ==, insn_name(t[i].id));
        g_assert_cmpint(in.vvvv, ==, t[i].vvvv);
        g_assert_cmpint(in.vex_w, ==, t[i].w);
        g_assert_cmpint(in.op[0].size, ==, t[i].size);
    }
    g_assert_cmpint(dec(&in, INSN_64, "c4 e3 75 4c c2 b5"), ==, INSN_OK);
    g_assert_true(in.op[3].reg == 11 && in.imm8 == 0xb5);
    g_assert_cmpint(dec(&in, INSN_32, "c4 e3 75 4c c2 b5"), ==, INSN_OK);
    g_assert_true(in.op[3].reg == 3 && in.imm8 == 0x35);
    /* where no operand is in VEX.vvvv, all four bits are wanted */
    g_assert_cmpint(dec(&in, INSN_32, "c4 e3 3b f0 c1 04"), ==, INSN_UD);
    g_assert_cmpint(dec(&in, INSN_32, "c4 e3 7d 00 c0 4e"), ==, INSN_UD);
    g_assert_cmpint(dec(&in, INSN_32, "c5 43 00"), ==, INSN_OK);
    g_assert_cmpint(in.id, ==, I_LDS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/decode/ids", test_ids);
    g_test_add_func("/insn/decode/ud", test_ud);
    g_test_add_func("/insn/decode/length-limit", test_length_limit);
    g_test_add_func("/insn/decode/memory", test_memory);
    g_test_add_func("/insn/decode/operands", test_operands);
    g_test_add_func("/insn/decode/vex-ignored", test_vex_ignored);
    return g_test_run();
}
