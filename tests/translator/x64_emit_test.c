/* SPDX-License-Identifier: MIT
 * The encoder against Capstone: every register and addressing form of the
 * encoding functions reads back as what was asked for. */
#include <capstone/capstone.h>
#include <glib.h>
#include <string.h>

#include "translator/x86_64/x64.h"

static const char *const r64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                  "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
static const char *const r32[] = {"eax", "ecx", "edx",  "ebx",  "esp",  "ebp",  "esi",  "edi",
                                  "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"};
static const char *const r16[] = {"ax",  "cx",  "dx",   "bx",   "sp",   "bp",   "si",   "di",
                                  "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w"};
static const char *const r8[] = {"al",  "cl",  "dl",   "bl",   "spl",  "bpl",  "sil",  "dil",
                                 "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"};
static csh cs;

static const char *reg(unsigned w, unsigned n)
{
    return (w == 8 ? r64 : w == 4 ? r32 : w == 2 ? r16 : r8)[n];
}

static const char *ptr(unsigned w)
{
    return w == 8 ? "qword" : w == 4 ? "dword" : w == 2 ? "word" : "byte";
}

/* The one instruction in the buffer as text. */
static void check(const struct emit *e, const uint8_t *buf, const char *want)
{
    cs_insn *in;
    char *got;
    size_t n = cs_disasm(cs, buf, (size_t)(e->p - buf), 0, 0, &in);

    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpuint(in->size, ==, e->p - buf);
    got = g_strdup_printf("%s %s", in->mnemonic, in->op_str);
    g_assert_cmpstr(got, ==, want);
    g_free(got);
    cs_free(in, n);
}

static char *mem_text(struct x64_rm m, unsigned w)
{
    GString *s = g_string_new(NULL);

    g_string_printf(s, "%s ptr [%s", ptr(w), r64[m.base]);
    if (m.index != X_NOREG && m.scale)
        g_string_append_printf(s, " + %s*%u", r64[m.index], 1u << m.scale);
    else if (m.index != X_NOREG)
        g_string_append_printf(s, " + %s", r64[m.index]);
    if (m.disp)
        g_string_append_printf(s, m.disp < 0 ? " - %s%x" : " + %s%x",
                               ABS(m.disp) > 9 ? "0x" : "", ABS(m.disp));
    g_string_append_c(s, ']');
    return g_string_free(s, FALSE);
}

static void check_forms(unsigned w, unsigned r, struct x64_rm m)
{
    uint8_t buf[32];
    char *mt = m.mem ? mem_text(m, w) : g_strdup(reg(w, m.base)), *want;
    struct emit e = {.p = buf, .end = buf + 32};

    e_alu_rm_r(&e, 0, w, m, r);
    want = g_strdup_printf("add %s, %s", mt, reg(w, r));
    check(&e, buf, want);
    g_free(want);
    e.p = buf;
    e_alu_r_rm(&e, 7, w, r, m);
    want = g_strdup_printf("cmp %s, %s", reg(w, r), mt);
    check(&e, buf, want);
    g_free(want);
    e.p = buf;
    e_mov_rm_r(&e, w, m, r);
    want = g_strdup_printf("mov %s, %s", mt, reg(w, r));
    check(&e, buf, want);
    g_free(want);
    e.p = buf;
    e_alu_imm(&e, 6, w, m, 0x15);
    want = g_strdup_printf("xor %s, 0x15", mt);
    check(&e, buf, want);
    g_free(want);
    g_free(mt);
}

static void test_forms(void)
{
    static const int32_t disps[] = {0, 8, -8, 127, -128, 128, 0x12345, -0x12345};
    static const uint8_t widths[] = {1, 2, 4, 8};

    for (unsigned wi = 0; wi < 4; wi++)
        for (unsigned r = 0; r < 16; r++)
            for (unsigned b = 0; b < 16; b++) {
                check_forms(widths[wi], r, rm_reg(b));
                for (unsigned d = 0; d < ARRAY_SIZE(disps); d++) {
                    check_forms(widths[wi], r, rm_mem(b, disps[d]));
                    if ((r + d) % 16 != X_RSP)
                        check_forms(widths[wi], r, rm_idx(b, (r + d) % 16, d & 3, disps[d]));
                }
            }
}

static void test_mov_imm(void)
{
    static const uint64_t v[] = {0,          1,
                                 0x7fffffff, 0x80000000,
                                 0xffffffff, 0xffffffff80000000,
                                 ~0ull,      0x123456789abcdef0};

    for (unsigned r = 0; r < 16; r++)
        for (unsigned i = 0; i < ARRAY_SIZE(v); i++) {
            uint8_t buf[16];
            struct emit e = {.p = buf, .end = buf + 16};
            cs_insn *in;

            e_mov_imm(&e, r, v[i]);
            g_assert_cmpuint(cs_disasm(cs, buf, (size_t)(e.p - buf), 0, 1, &in), ==, 1);
            g_assert_true(!strncmp(in->mnemonic, "mov", 3));
            g_assert_true(g_str_has_prefix(in->op_str, v[i] <= UINT32_MAX ? r32[r] : r64[r]));
            g_assert_cmphex((uint64_t)in->detail->x86.operands[1].imm &
                                (v[i] <= UINT32_MAX ? UINT32_MAX : ~0ull),
                            ==, v[i]);
            cs_free(in, 1);
        }
}

static void test_others(void)
{
    uint8_t buf[32];
    struct emit e = {.p = buf, .end = buf + 32};

    e_rorx(&e, X_R10, X_RBX, 56);
    check(&e, buf, "rorx r10, rbx, 0x38");
    e.p = buf;
    e_vex(&e, 2, 2, 8, 0xf5, X_R15, X_R14, rm_mem(X_R13, 8));
    check(&e, buf, "pext r15, r14, qword ptr [r13 + 8]");
    e.p = buf;
    e_movzx(&e, 1, X_RAX, rm_reg(X_RSI));
    check(&e, buf, "movzx eax, sil");
    e.p = buf;
    e_movsx(&e, 8, 4, X_R9, rm_reg(X_RDI));
    check(&e, buf, "movsxd r9, edi");
    e.p = buf;
    e_shift_imm(&e, 5, 8, rm_reg(X_R15), 28);
    check(&e, buf, "shr r15, 0x1c");
    e.p = buf;
    e_ins(&e, OPC_P(0xf2, 2, 0xf1), 8, X_RAX, rm_reg(X_RBP));
    check(&e, buf, "crc32 rax, rbp");
}

static void test_pext(void)
{
    const uint32_t intel = 0x756e6547, amd = 0x68747541, hygon = 0x6f677948;

    g_assert_true(x64_pext_is_fast(intel, 0x000306c3));  /* Haswell */
    g_assert_false(x64_pext_is_fast(amd, 0x00660f01));   /* Excavator: 15h */
    g_assert_false(x64_pext_is_fast(amd, 0x00830f10));   /* Rome: 17h */
    g_assert_true(x64_pext_is_fast(amd, 0x00a00f11));    /* Milan: 19h */
    g_assert_true(x64_pext_is_fast(amd, 0x00b00f21));    /* Turin: 1Ah */
    g_assert_false(x64_pext_is_fast(hygon, 0x00900f01)); /* 18h */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(cs_open(CS_ARCH_X86, CS_MODE_64, &cs), ==, CS_ERR_OK);
    cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON);
    g_test_add_func("/x64/emit/forms", test_forms);
    g_test_add_func("/x64/emit/mov-imm", test_mov_imm);
    g_test_add_func("/x64/emit/others", test_others);
    g_test_add_func("/x64/features/pext", test_pext);
    return g_test_run();
}
