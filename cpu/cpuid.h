/* SPDX-License-Identifier: MIT
 * CPU models and CPUID: what the guest is told that it runs on. A model lists
 * features by QEMU's names; nothing can be switched on that does not work. */
#ifndef CPU_CPUID_H
#define CPU_CPUID_H

#include "cpu/insn.h"
#include "softmmu/err.h"

struct cpu;

/* The guest TSC, its crystal, and the local APIC timer's input clock: constant
 * frequencies that CPUID 15h, 16h and 40000010h report. */
#define CPU_TSC_HZ 1000000000u
#define CPU_CRYSTAL_HZ 1000000000u

#define CPU_MODEL_DEFAULT "max"

/* CPUID registers that hold feature bits. */
enum cpuid_word {
    CW_1_EDX, CW_1_ECX, CW_6_EAX, CW_7_EBX, CW_7_ECX, CW_7_EDX, CW_D1_EAX, CW_X1_ECX, CW_X1_EDX,
    CW_X7_EDX, CW_COUNT
};

/* Feature bits that code asks for: word and bit in one number. */
#define CPUID_FLAG(word, bit) ((word) << 5 | (bit))
enum cpuid_flag {
    CF_NONE = -1,
    CF_TSC = CPUID_FLAG(CW_1_EDX, 4), CF_SEP = CPUID_FLAG(CW_1_EDX, 11),
    CF_MTRR = CPUID_FLAG(CW_1_EDX, 12), CF_MCA = CPUID_FLAG(CW_1_EDX, 14),
    CF_PAT = CPUID_FLAG(CW_1_EDX, 16), CF_SSE = CPUID_FLAG(CW_1_EDX, 25),
    CF_MONITOR = CPUID_FLAG(CW_1_ECX, 3), CF_DEADLINE = CPUID_FLAG(CW_1_ECX, 24),
    CF_XSAVE = CPUID_FLAG(CW_1_ECX, 26), CF_AVX = CPUID_FLAG(CW_1_ECX, 28),
    CF_XGETBV1 = CPUID_FLAG(CW_D1_EAX, 2), CF_ADJUST = CPUID_FLAG(CW_7_EBX, 1),
    CF_ARCH_CAP = CPUID_FLAG(CW_7_EDX, 29), CF_SYSCALL = CPUID_FLAG(CW_X1_EDX, 11),
    CF_NX = CPUID_FLAG(CW_X1_EDX, 20), CF_RDTSCP = CPUID_FLAG(CW_X1_EDX, 27),
    CF_LM = CPUID_FLAG(CW_X1_EDX, 29),
};

struct cpu_model {
    char name[32];
    char vendor[13];
    char brand[49];       /* leaves 80000002h..4h */
    uint8_t family, model, stepping;
    uint8_t phys_bits;    /* MAXPHYADDR */
    uint32_t words[CW_COUNT];
    uint64_t cr4_mask;    /* CR4 bits that exist; set by cpu_model_parse */
};

/* Parses "-cpu NAME[,+flag][,-flag][,flag=on|off]" (spelled as in QEMU); false with one
 * line in *e that names the unknown model or flag. */
bool cpu_model_parse(struct cpu_model *out, const char *spec, struct err *e);
/* Text of `-cpu help`: models and flags, to stdout. */
void cpu_model_help(void);
/* Whether a model has a feature by name; the name must be a known one. */
bool cpu_model_has(const struct cpu_model *m, const char *flag);

/* Whether the host's CPUID has the bit and its kernel keeps the state that goes with it; false
 * on hosts of another kind (cpuid_host.c). */
bool cpu_host_has(enum cpuid_word word, unsigned bit);

static inline bool cpu_model_flag(const struct cpu_model *m, enum cpuid_flag f)
{
    return m->words[f >> 5] >> (f & 31) & 1;
}

/* CPUID.1:EAX. */
uint32_t cpuid_signature(const struct cpu_model *m);
/* The set of enum insn_feature as struct cpu holds it. */
void cpuid_features(const struct cpu_model *m, uint64_t features[2]);
/* XCR0 bits that may be set. */
uint64_t cpuid_xcr0_mask(const struct cpu_model *m);
/* CPUID with EAX = leaf, ECX = sub: out = EAX EBX ECX EDX. */
void cpuid_query(const struct cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4]);

#endif
