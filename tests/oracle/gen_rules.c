/* SPDX-License-Identifier: MIT */
#include "tests/oracle/gen_rules.h"

#include "tests/oracle/gen.h"

static const uint32_t rules[I_COUNT] = {
    [I_PUSH] = N_SP | W_SP,
    [I_POP] = N_SP | W_SP,
    [I_PUSHF] = N_SP | W_SP,
    [I_POPF] = N_SP | W_SP,
    [I_PUSH_SREG] = N_SP | W_SP,
    [I_ENTER] = N_SP | N_BP | W_SP | W_BP,
    [I_LEAVE] = N_BP | W_SP | W_BP,
    [I_CALL] = N_SP | W_SP | BRANCH | NO_66 | PATCHED,
    [I_RET] = N_SP | W_SP | BRANCH | NO_66 | SINGLE,
    [I_JMP] = BRANCH | NO_66 | PATCHED,
    [I_JCC] = BRANCH | NO_66,
    [I_JRCXZ] = BRANCH | NO_66,
    [I_LOOP] = BRANCH | NO_66 | W_CX,
    [I_LOOPE] = BRANCH | NO_66 | W_CX | NO_REP, /* Zen takes the condition from F2, F3 */
    [I_LOOPNE] = BRANCH | NO_66 | W_CX | NO_REP,
    [I_NOP] = NO_REP,
    [I_LDMXCSR] = PATCHED, /* Zen has bit 17 */
    [I_MOVS] = N_SI | N_DI | W_SI | W_DI | W_CX | KEEPS,
    [I_CMPS] = N_SI | N_DI | W_SI | W_DI | W_CX | KEEPS,
    [I_STOS] = N_DI | W_DI | W_CX | KEEPS,
    [I_SCAS] = N_DI | W_DI | W_CX | KEEPS,
    [I_LODS] = N_SI | W_SI | W_CX | W_AX | KEEPS,
    [I_XLAT] = N_BX | W_AX,
    [I_MASKMOVQ] = N_DI,
    [I_MASKMOVDQU] = N_DI,
    [I_MUL] = W_AX | W_DX,
    [I_IMUL] = W_AX | W_DX,
    [I_DIV] = W_AX | W_DX,
    [I_IDIV] = W_AX | W_DX,
    [I_CBW] = W_AX,
    [I_CWD] = W_DX,
    [I_CMPXCHG] = W_AX,
    [I_CMPXCHG8B] = W_AX | W_DX,
    [I_CMPXCHG16B] = W_AX | W_DX,
    [I_LAHF] = W_AX,
    [I_PCMPESTRI] = W_CX,
    [I_PCMPISTRI] = W_CX,
    [I_VPCMPESTRI] = W_CX,
    [I_VPCMPISTRI] = W_CX,
    [I_VMASKMOVDQU] = N_DI,
    [I_VLDMXCSR] = PATCHED,
    [I_VPGATHERDD] = SINGLE,
    [I_VPGATHERDQ] = SINGLE,
    [I_VPGATHERQD] = SINGLE,
    [I_VPGATHERQQ] = SINGLE,
    [I_VGATHERDPS] = SINGLE,
    [I_VGATHERDPD] = SINGLE,
    [I_VGATHERQPS] = SINGLE,
    [I_VGATHERQPD] = SINGLE,
    [I_BSWAP] = NO_66,
    [I_ROL] = KEEPS,
    [I_ROR] = KEEPS,
    [I_RCL] = KEEPS,
    [I_RCR] = KEEPS,
    [I_SHL] = KEEPS,
    [I_SHR] = KEEPS,
    [I_SAR] = KEEPS,
    [I_SHLD] = KEEPS,
    [I_SHRD] = KEEPS,
    [I_MOV_SREG] = SINGLE | PATCHED,
    [I_FXSAVE] = SINGLE,
    [I_FXRSTOR] = SINGLE | PATCHED,
    [I_FNSTENV] = SINGLE,
    [I_FNSAVE] = SINGLE,
    [I_FLDENV] = SINGLE,
    [I_FRSTOR] = SINGLE,
    [I_FLDCW] = OPENS_FSW,
    [I_FNSTSW] = NEEDS_MASKED,
    [I_FNCLEX] = NEEDS_MASKED,
    [I_FCOMI] = OPENS_FSW | NEEDS_MASKED,
    [I_FCOMIP] = OPENS_FSW | NEEDS_MASKED,
    [I_FUCOMI] = OPENS_FSW | NEEDS_MASKED,
    [I_FUCOMIP] = OPENS_FSW | NEEDS_MASKED,
    [I_UD0] = SINGLE,
    [I_UD1] = SINGLE,
    [I_UD2] = SINGLE,
};

uint32_t gen_rules(enum insn_id id)
{
    return rules[id];
}

/* Privileged instructions are run: they must give #GP. These are not. */
static const char *const excluded[I_COUNT] = {
    [I_SYSCALL] = "enters the host's kernel",
    [I_SYSENTER] = "enters the host's kernel",
    [I_INT] = "enters the host's kernel",
    [I_INT3] = "software interrupts go through the IDT, which the guest has not",
    [I_INT1] = "software interrupts go through the IDT, which the guest has not",
    [I_POP_SREG] = "would change the host's FS or GS base",
    [I_LFS] = "would change the host's FS base",
    [I_LGS] = "would change the host's GS base",
    [I_LSS] = "depends on the host's descriptors",
    [I_WRFSBASE] = "would change the host's FS base",
    [I_WRGSBASE] = "would change the host's GS base",
    [I_RDFSBASE] = "the host's FS base differs from run to run",
    [I_RDGSBASE] = "the host's GS base",
    [I_CALLF] = "depends on the host's descriptors",
    [I_JMPF] = "depends on the host's descriptors",
    [I_RETF] = "depends on the host's descriptors",
    [I_IRET] = "depends on the host's descriptors",
    [I_LAR] = "depends on the host's descriptors",
    [I_LSL] = "depends on the host's descriptors",
    [I_VERR] = "depends on the host's descriptors",
    [I_VERW] = "depends on the host's descriptors",
    [I_SLDT] = "UMIP: the host's kernel emulates it",
    [I_STR] = "UMIP: the host's kernel emulates it",
    [I_SGDT] = "UMIP: the host's kernel emulates it",
    [I_SIDT] = "UMIP: the host's kernel emulates it",
    [I_SMSW] = "UMIP: the host's kernel emulates it",
    [I_RDTSC] = "time",
    [I_RDTSCP] = "time",
    [I_RDPMC] = "counts host events",
    [I_RDPID] = "host CPU number",
    [I_RDRAND] = "random",
    [I_RDSEED] = "random",
    [I_CPUID] = "host CPU model",
    [I_XGETBV] = "host's XCR0",
    [I_XSAVE] = "layout of the host's larger state",
    [I_XSAVEC] = "layout of the host's larger state",
    [I_XSAVEOPT] = "depends on earlier XRSTOR",
    [I_XRSTOR] = "layout of the host's larger state",
    [I_MONITOR] = "#UD in user mode by the host kernel's choice",
    [I_MWAIT] = "#UD in user mode by the host kernel's choice",
    [I_RSM] = "hypervisors differ",
    [I_IN] = "the host may have been given ports",
    [I_OUT] = "the host may have been given ports",
    [I_INS] = "the host may have been given ports",
    [I_OUTS] = "the host may have been given ports",
    [I_SYSRET] = "hypervisors differ",
    [I_SYSEXIT] = "AMD: #UD in long mode",
};

const char *gen_excluded(enum insn_id id)
{
    return excluded[id];
}

void gen_default_features(uint64_t features[2])
{
    static const uint8_t has[] = {
        IF_BASE,  IF_FPU,  IF_CMOV,    IF_CX8,        IF_MMX,    IF_FXSR,   IF_SSE,
        IF_SSE2,  IF_SSE3, IF_SSSE3,   IF_SSE41,      IF_SSE42,  IF_POPCNT, IF_CX16,
        IF_MOVBE, IF_LM,   IF_CLFLUSH, IF_CLFLUSHOPT, IF_LAHF64, IF_NOPL,   IF_PREFETCHW,
        IF_MSR,   IF_TSC,  IF_SMAP,    IF_INVPCID,    IF_ABM,    IF_BMI1,   IF_BMI2,
        IF_ADX,   IF_AVX,  IF_AVX2,    IF_FMA,        IF_F16C,   IF_AES,    IF_PCLMUL,
        IF_SHA,   IF_VAES, IF_VPCLMUL,
    };

    features[0] = features[1] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(has); i++)
        features[has[i] / 64] |= 1ull << (has[i] % 64);
}
