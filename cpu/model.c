/* SPDX-License-Identifier: MIT
 * CPU models by name and the -cpu option. */
#include <stdio.h>
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/cpuid.h"

/* Models that list a flag. */
enum { M_BASE = 1, M_QEMU64 = 2, M_V2 = 4, M_MAX = 8, M_KVM64 = 16, M_V3 = 32,
       M_NATIVE = 64 /* in max if the host has it */ };
#define M_ALL (M_BASE | M_QEMU64 | M_V2 | M_V3 | M_MAX | M_KVM64)
#define M_QV2 (M_QEMU64 | M_V2 | M_V3 | M_MAX | M_KVM64)
#define M_2 (M_V2 | M_V3 | M_MAX)
#define M_3 (M_V3 | M_NATIVE)

struct cpu_flag {
    char name[20];
    uint8_t word, bit;
    uint8_t feature; /* enum insn_feature that goes with it, or 0 */
    uint8_t models;
};

static const struct cpu_flag cpu_flags[] = {
    {"fpu", CW_1_EDX, 0, IF_FPU, M_ALL},
    {"vme", CW_1_EDX, 1, 0, M_ALL},
    {"de", CW_1_EDX, 2, 0, M_ALL},
    {"pse", CW_1_EDX, 3, 0, M_ALL},
    {"tsc", CW_1_EDX, 4, IF_TSC, M_ALL},
    {"msr", CW_1_EDX, 5, IF_MSR, M_ALL},
    {"pae", CW_1_EDX, 6, 0, M_ALL},
    {"mce", CW_1_EDX, 7, 0, M_ALL},
    {"cx8", CW_1_EDX, 8, IF_CX8, M_ALL},
    {"apic", CW_1_EDX, 9, 0, M_ALL},
    {"sep", CW_1_EDX, 11, IF_SEP, M_ALL},
    {"mtrr", CW_1_EDX, 12, 0, M_ALL},
    {"pge", CW_1_EDX, 13, 0, M_ALL},
    {"mca", CW_1_EDX, 14, 0, M_ALL},
    {"cmov", CW_1_EDX, 15, IF_CMOV, M_ALL},
    {"pat", CW_1_EDX, 16, 0, M_ALL},
    {"pse36", CW_1_EDX, 17, 0, M_ALL},
    {"clflush", CW_1_EDX, 19, IF_CLFLUSH, M_ALL},
    {"mmx", CW_1_EDX, 23, IF_MMX, M_ALL},
    {"fxsr", CW_1_EDX, 24, IF_FXSR, M_ALL},
    {"sse", CW_1_EDX, 25, IF_SSE, M_ALL},
    {"sse2", CW_1_EDX, 26, IF_SSE2, M_ALL},
    {"pni", CW_1_ECX, 0, IF_SSE3, M_QV2},
    {"pclmulqdq", CW_1_ECX, 1, IF_PCLMUL, M_NATIVE},
    {"monitor", CW_1_ECX, 3, IF_MONITOR, M_MAX},
    {"ssse3", CW_1_ECX, 9, IF_SSSE3, M_2},
    {"fma", CW_1_ECX, 12, IF_FMA, M_3},
    {"cx16", CW_1_ECX, 13, IF_CX16, M_QV2},
    {"pcid", CW_1_ECX, 17, 0, M_MAX},
    {"sse4.1", CW_1_ECX, 19, IF_SSE41, M_2},
    {"sse4.2", CW_1_ECX, 20, IF_SSE42, M_2},
    {"x2apic", CW_1_ECX, 21, 0, M_QV2},
    {"movbe", CW_1_ECX, 22, IF_MOVBE, M_V3 | M_MAX},
    {"popcnt", CW_1_ECX, 23, IF_POPCNT, M_2},
    {"tsc-deadline", CW_1_ECX, 24, 0, M_QV2},
    {"aes", CW_1_ECX, 25, IF_AES, M_NATIVE},
    {"xsave", CW_1_ECX, 26, IF_XSAVE, M_V3 | M_MAX},
    {"avx", CW_1_ECX, 28, IF_AVX, M_3},
    {"f16c", CW_1_ECX, 29, IF_F16C, M_3},
    {"rdrand", CW_1_ECX, 30, IF_RDRAND, M_MAX},
    {"hypervisor", CW_1_ECX, 31, 0, M_QV2},
    {"arat", CW_6_EAX, 2, 0, M_QV2},
    {"fsgsbase", CW_7_EBX, 0, IF_FSGSBASE, M_MAX},
    {"tsc-adjust", CW_7_EBX, 1, 0, M_MAX},
    {"bmi1", CW_7_EBX, 3, IF_BMI1, M_3},
    {"avx2", CW_7_EBX, 5, IF_AVX2, M_3},
    {"smep", CW_7_EBX, 7, 0, M_MAX},
    {"bmi2", CW_7_EBX, 8, IF_BMI2, M_3},
    {"erms", CW_7_EBX, 9, 0, M_MAX},
    {"invpcid", CW_7_EBX, 10, IF_INVPCID, M_MAX},
    {"rdseed", CW_7_EBX, 18, IF_RDSEED, M_MAX},
    {"adx", CW_7_EBX, 19, IF_ADX, M_NATIVE},
    {"smap", CW_7_EBX, 20, IF_SMAP, M_MAX},
    {"clflushopt", CW_7_EBX, 23, IF_CLFLUSHOPT, M_MAX},
    {"sha-ni", CW_7_EBX, 29, IF_SHA, M_NATIVE},
    {"umip", CW_7_ECX, 2, IF_UMIP, M_MAX},
    {"vaes", CW_7_ECX, 9, IF_VAES, M_NATIVE},
    {"vpclmulqdq", CW_7_ECX, 10, IF_VPCLMUL, M_NATIVE},
    {"rdpid", CW_7_ECX, 22, IF_RDPID, M_MAX},
    {"fsrm", CW_7_EDX, 4, 0, M_MAX},
    {"arch-capabilities", CW_7_EDX, 29, 0, M_QV2},
    {"xsaveopt", CW_D1_EAX, 0, IF_XSAVEOPT, M_MAX},
    {"xsavec", CW_D1_EAX, 1, IF_XSAVEC, M_MAX},
    {"xgetbv1", CW_D1_EAX, 2, 0, M_MAX},
    {"lahf-lm", CW_X1_ECX, 0, IF_LAHF64, M_QV2},
    {"abm", CW_X1_ECX, 5, IF_ABM, M_3},
    {"3dnowprefetch", CW_X1_ECX, 8, IF_PREFETCHW, M_MAX},
    {"syscall", CW_X1_EDX, 11, IF_SYSCALL, M_ALL},
    {"nx", CW_X1_EDX, 20, 0, M_ALL},
    {"pdpe1gb", CW_X1_EDX, 26, 0, M_MAX},
    {"rdtscp", CW_X1_EDX, 27, IF_RDTSCP, M_MAX},
    {"lm", CW_X1_EDX, 29, IF_LM, M_ALL},
    {"invtsc", CW_X7_EDX, 8, 0, M_MAX},
};

/* Other spellings that QEMU accepts. */
static const struct {
    char alias[16], name[16];
} cpu_flag_alias[] = {
    {"sse3", "pni"},       {"sse4-1", "sse4.1"},       {"sse4_1", "sse4.1"},
    {"sse4-2", "sse4.2"},  {"sse4_2", "sse4.2"},       {"xd", "nx"},
    {"lahf_lm", "lahf-lm"}, {"sha_ni", "sha-ni"}, {"lzcnt", "abm"},
    {"pclmuldq", "pclmulqdq"}, {"tsc_adjust", "tsc-adjust"},
};

/* Known elsewhere, not here: switching one off is no error. */
static const char *const cpu_flags_absent[] = {
    "la57", "pku", "svm", "vmx", "xsaves", "sse4a", "spec-ctrl", "ht", "gfni", "kvm", "ss",
    "3dnow", "3dnowext", "mmxext", "rtm", "hle", "avx512f",
};

static const struct {
    char name[16];
    uint8_t flags;
    const char *what;
} cpu_models[] = {
    {"max", M_MAX, "what Mynah implements and runs fast on this host"},
    {"host", M_MAX, "as max"},
    {"x86-64-v3", M_V3, "the x86-64-v3 level"},
    {"x86-64-v2", M_V2, "the x86-64-v2 level"},
    {"qemu64", M_QEMU64, "x86-64 baseline with SSE3 and CMPXCHG16B"},
    {"kvm64", M_KVM64, "as qemu64"},
    {"x86-64", M_BASE, "the x86-64 baseline"},
};

static const struct cpu_flag *flag_find(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(cpu_flag_alias); i++)
        if (strlen(cpu_flag_alias[i].alias) == n && !memcmp(cpu_flag_alias[i].alias, name, n)) {
            name = cpu_flag_alias[i].name;
            n = strlen(name);
            break;
        }
    for (size_t i = 0; i < ARRAY_SIZE(cpu_flags); i++)
        if (strlen(cpu_flags[i].name) == n && !memcmp(cpu_flags[i].name, name, n))
            return &cpu_flags[i];
    return NULL;
}

static bool flag_is_absent(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(cpu_flags_absent); i++)
        if (strlen(cpu_flags_absent[i]) == n && !memcmp(cpu_flags_absent[i], name, n))
            return true;
    return false;
}

bool cpu_model_has(const struct cpu_model *m, const char *flag)
{
    const struct cpu_flag *f = flag_find(flag, strlen(flag));

    return f && m->words[f->word] >> f->bit & 1;
}

void cpuid_features(const struct cpu_model *m, uint64_t features[2])
{
    features[0] = features[1] = 0;
    features[IF_BASE / 64] |= 1ull << IF_BASE % 64;
    features[IF_NOPL / 64] |= 1ull << IF_NOPL % 64;
    for (size_t i = 0; i < ARRAY_SIZE(cpu_flags); i++) {
        const struct cpu_flag *f = &cpu_flags[i];

        if (f->feature && m->words[f->word] >> f->bit & 1)
            features[f->feature / 64] |= 1ull << f->feature % 64;
    }
}

static bool model_set(struct cpu_model *out, const char *name, size_t n, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(cpu_models); i++) {
        if (strlen(cpu_models[i].name) != n || memcmp(cpu_models[i].name, name, n))
            continue;
        *out = (struct cpu_model){.family = 6, .model = 0x36, .stepping = 1, .phys_bits = 40};
        strcpy(out->name, cpu_models[i].name);
        strcpy(out->vendor, "GenuineIntel");
        strcpy(out->brand, "Mynah Virtual CPU");
        for (size_t k = 0; k < ARRAY_SIZE(cpu_flags); k++)
            if (cpu_flags[k].models & cpu_models[i].flags ||
                (cpu_models[i].flags & M_MAX && cpu_flags[k].models & M_NATIVE &&
                 cpu_host_has((enum cpuid_word)cpu_flags[k].word, cpu_flags[k].bit)))
                out->words[cpu_flags[k].word] |= 1u << cpu_flags[k].bit;
        return true;
    }
    return err_set(e, "unknown CPU model '%.*s' (see -cpu help)", (int)n, name);
}

/* One item after the model: +flag, -flag, flag, flag=on|off. */
static bool model_flag(struct cpu_model *m, const char *item, size_t n, struct err *e)
{
    const struct cpu_flag *f;
    const char *eq = memchr(item, '=', n), *name = item;
    size_t len = eq ? (size_t)(eq - item) : n;
    bool on = true;

    if (len && (*item == '+' || *item == '-') && !eq) {
        on = *item == '+';
        name++;
        len--;
    } else if (eq) {
        size_t vlen = n - len - 1;

        on = vlen == 2 && !memcmp(eq + 1, "on", 2);
        if (!on && !(vlen == 3 && !memcmp(eq + 1, "off", 3)))
            return err_set(e, "CPU flag '%.*s' takes on or off, not '%.*s'", (int)len, name,
                           (int)vlen, eq + 1);
    }
    f = flag_find(name, len);
    if (f) {
        if (on)
            m->words[f->word] |= 1u << f->bit;
        else
            m->words[f->word] &= ~(1u << f->bit);
        return true;
    }
    if (!flag_is_absent(name, len))
        return err_set(e, "unknown CPU flag '%.*s' (see -cpu help)", (int)len, name);
    return !on || err_set(e, "CPU flag '%.*s' is not implemented", (int)len, name);
}

/* Flags that mean nothing without another go with it (Intel SDM vol. 1, 13.2, 14.1). */
static void model_settle(struct cpu_model *m)
{
    static const char needs[][2][12] = {
        {"xsaveopt", "xsave"}, {"xsavec", "xsave"}, {"xgetbv1", "xsave"}, {"avx", "xsave"},
        {"f16c", "avx"},       {"fma", "avx"},      {"avx2", "avx"},      {"vaes", "avx"},
        {"vpclmulqdq", "avx"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
        const struct cpu_flag *f = flag_find(needs[i][0], strlen(needs[i][0]));

        if (!cpu_model_has(m, needs[i][1]))
            m->words[f->word] &= ~(1u << f->bit);
    }
}

static uint64_t model_cr4(const struct cpu_model *m)
{
    static const struct {
        const char *flag;
        uint32_t bits;
    } map[] = {
        {"vme", CR4_VME | CR4_PVI},   {"de", CR4_DE},           {"pse", CR4_PSE},
        {"pae", CR4_PAE},             {"mce", CR4_MCE},         {"pge", CR4_PGE},
        {"fxsr", CR4_OSFXSR},         {"sse", CR4_OSXMMEXCPT},  {"umip", CR4_UMIP},
        {"fsgsbase", CR4_FSGSBASE},   {"pcid", CR4_PCIDE},      {"xsave", CR4_OSXSAVE},
        {"smep", CR4_SMEP},           {"smap", CR4_SMAP},
    };
    uint64_t v = CR4_TSD | CR4_PCE;

    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        if (cpu_model_has(m, map[i].flag))
            v |= map[i].bits;
    return v;
}

bool cpu_model_parse(struct cpu_model *out, const char *spec, struct err *e)
{
    size_t n = strcspn(spec, ",");

    if (!model_set(out, spec, n, e))
        return false;
    for (spec += n; *spec == ','; spec += n) {
        spec++;
        n = strcspn(spec, ",");
        if (!model_flag(out, spec, n, e))
            return false;
    }
    model_settle(out);
    out->cr4_mask = model_cr4(out);
    return true;
}

void cpu_model_help(void)
{
    unsigned col = 0;

    printf("CPU models:\n");
    for (size_t i = 0; i < ARRAY_SIZE(cpu_models); i++)
        printf("  %-12s %s\n", cpu_models[i].name, cpu_models[i].what);
    printf("\nCPU flags:\n ");
    for (size_t i = 0; i < ARRAY_SIZE(cpu_flags); i++) {
        unsigned n = (unsigned)strlen(cpu_flags[i].name) + 1;

        if (col + n > 76) {
            printf("\n ");
            col = 0;
        }
        printf(" %s", cpu_flags[i].name);
        col += n;
    }
    printf("\n");
}
