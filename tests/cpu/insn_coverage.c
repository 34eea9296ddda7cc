/* SPDX-License-Identifier: MIT
 * Prints the ISA coverage table (Markdown) from the rows of the instruction
 * table: mnemonic, class, CPUID features, forms. */
#include "cpu/insn_table.h"

#include <stdio.h>
#include <string.h>

static const char *const letters[OP_COUNT] = {
#define OPERAND(name, src, reg, mem, arg) #name,
    INSN_OPERANDS(OPERAND)
#undef OPERAND
};

static const char *const features[IF_COUNT] = {
    [IF_BASE] = "",
    [IF_FPU] = "FPU",
    [IF_CMOV] = "CMOV",
    [IF_CX8] = "CX8",
    [IF_MMX] = "MMX",
    [IF_FXSR] = "FXSR",
    [IF_SSE] = "SSE",
    [IF_SSE2] = "SSE2",
    [IF_SSE3] = "SSE3",
    [IF_SSSE3] = "SSSE3",
    [IF_SSE41] = "SSE4.1",
    [IF_SSE42] = "SSE4.2",
    [IF_POPCNT] = "POPCNT",
    [IF_CX16] = "CX16",
    [IF_MOVBE] = "MOVBE",
    [IF_LM] = "LM",
    [IF_SYSCALL] = "SYSCALL",
    [IF_SEP] = "SEP",
    [IF_RDTSCP] = "RDTSCP",
    [IF_FSGSBASE] = "FSGSBASE",
    [IF_XSAVE] = "XSAVE",
    [IF_XSAVEOPT] = "XSAVEOPT",
    [IF_XSAVEC] = "XSAVEC",
    [IF_RDRAND] = "RDRAND",
    [IF_RDSEED] = "RDSEED",
    [IF_CLFLUSH] = "CLFLUSH",
    [IF_CLFLUSHOPT] = "CLFLUSHOPT",
    [IF_MONITOR] = "MONITOR",
    [IF_LAHF64] = "LAHF64",
    [IF_SMAP] = "SMAP",
    [IF_INVPCID] = "INVPCID",
    [IF_NOPL] = "NOPL",
    [IF_TSC] = "TSC",
    [IF_MSR] = "MSR",
    [IF_PREFETCHW] = "PREFETCHW",
    [IF_RDPID] = "RDPID",
    [IF_UMIP] = "UMIP",
    [IF_ABM] = "ABM",
    [IF_BMI1] = "BMI1",
    [IF_BMI2] = "BMI2",
    [IF_AVX] = "AVX",
    [IF_AVX2] = "AVX2",
    [IF_FMA] = "FMA",
    [IF_F16C] = "F16C",
    [IF_AES] = "AES",
    [IF_PCLMUL] = "PCLMUL",
    [IF_SHA] = "SHA",
    [IF_ADX] = "ADX",
};

static void print_form(const struct insn_row *row)
{
    static const char *const maps[] = {"", "0F ", "0F38 ", "0F3A "};
    uint32_t pfx = row->match & MTK_PFX, reg = ~row->match >> MTK_R_SHIFT & 0xff;

    printf("`%s%s%02X",
           pfx == MT_66   ? "66 "
           : pfx == MT_F3 ? "F3 "
           : pfx == MT_F2 ? "F2 "
                          : "",
           maps[row->opcode >> 8], row->opcode & 0xff);
    if (row->match & MT_RM && !(reg & (reg - 1)))
        printf("/%d", __builtin_ctz(reg));
    for (unsigned i = 0; i < 4 && row->op[i] != OP__; i++)
        printf("%s%s", i ? "," : " ", letters[row->op[i]]);
    if (!(~row->match & (MTK_64W0 | MTK_64W1)))
        printf(" not 64");
    else if (row->match & MTK_N64)
        printf(" 64 only");
    printf("`");
}

static void print_id(enum insn_id id, const struct insn_row *rows, size_t n)
{
    static const char *const classes[] = {"int", "x87", "vec", "sys"};
    bool seen[IF_COUNT] = {true};
    const char *sep = "";

    printf("| %s | %s | ", insn_name(id), classes[insn_class(id)]);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].id == id && !seen[rows[i].feature]) {
            seen[rows[i].feature] = true;
            printf("%s%s", sep, features[rows[i].feature]);
            sep = " ";
        }
    }
    printf(" | ");
    sep = "";
    for (size_t i = 0; i < n; i++) {
        if (rows[i].id == id) {
            printf("%s", sep);
            print_form(&rows[i]);
            sep = " ";
        }
    }
    printf(" |\n");
}

int main(void)
{
    size_t n;
    const struct insn_row *rows = insn_rows(&n);

    printf("# Instructions that the decoder knows\n\n%d mnemonics, %zu rows. ", I_COUNT - 1, n);
    printf("Operand letters are those of the Intel SDM, vol. 2, app. A.\n\n");
    printf("| mnemonic | class | CPUID | forms |\n| --- | --- | --- | --- |\n");
    for (unsigned id = 1; id < I_COUNT; id++)
        print_id((enum insn_id)id, rows, n);
    return 0;
}
