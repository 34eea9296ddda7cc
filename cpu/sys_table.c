/* SPDX-License-Identifier: MIT
 * Instruction id -> the C function that carries it out. */
#include "cpu/cpu.h"
#include "cpu/sys_fns.h"

/* Every x87 id, straight from the list of ids; the rows below fill in the rest. */
#define ROW_INT(name)
#define ROW_VEC(name)
#define ROW_SYS(name)
#define ROW_X87(name) [I_##name] = x87_exec,

sys_fn *const sys_table[I_COUNT] = {
#define INSN_ID(name, class) ROW_##class(name)
#include "cpu/insn_ids.def"
#undef INSN_ID
    /* class INT, but too complex to translate inline */
    [I_CMPXCHG8B] = sys_cmpxchg8b, [I_CMPXCHG16B] = sys_cmpxchg16b, [I_CRC32] = sys_crc32,
    [I_PUSHA] = sys_pusha, [I_POPA] = sys_popa, [I_ENTER] = sys_enter,
    [I_PUSHF] = sys_pushf, [I_POPF] = sys_popf,
    [I_MOVS] = string_exec, [I_CMPS] = string_exec, [I_SCAS] = string_exec,
    [I_LODS] = string_exec, [I_STOS] = string_exec, [I_INS] = string_exec,
    [I_OUTS] = string_exec,
    [I_DAA] = sys_daa, [I_DAS] = sys_das, [I_AAA] = sys_aaa, [I_AAS] = sys_aas,
    [I_AAM] = sys_aam, [I_AAD] = sys_aad,
    /* segments */
    [I_MOV_SREG] = sys_mov_sreg, [I_PUSH_SREG] = sys_push_sreg, [I_POP_SREG] = sys_pop_sreg,
    [I_LDS] = sys_lds, [I_LES] = sys_les, [I_LSS] = sys_lss, [I_LFS] = sys_lfs,
    [I_LGS] = sys_lgs, [I_ARPL] = sys_arpl, [I_LAR] = sys_lar, [I_LSL] = sys_lsl,
    [I_VERR] = sys_verr, [I_VERW] = sys_verw, [I_SLDT] = sys_sldt, [I_STR] = sys_str,
    [I_LLDT] = sys_lldt, [I_LTR] = sys_ltr, [I_SGDT] = sys_sgdt, [I_SIDT] = sys_sidt,
    [I_LGDT] = sys_lgdt, [I_LIDT] = sys_lidt,
    /* far transfers */
    [I_CALLF] = sys_callf, [I_JMPF] = sys_jmpf, [I_RETF] = sys_retf, [I_IRET] = sys_iret,
    [I_INT] = sys_int, [I_INT3] = sys_int3, [I_INTO] = sys_into, [I_INT1] = sys_int1,
    [I_BOUND] = sys_bound, [I_UD0] = sys_ud, [I_UD1] = sys_ud, [I_UD2] = sys_ud,
    [I_SYSCALL] = sys_syscall, [I_SYSRET] = sys_sysret, [I_SYSENTER] = sys_sysenter,
    [I_SYSEXIT] = sys_sysexit, [I_RSM] = sys_ud,
    /* control */
    [I_MOV_CR] = sys_mov_cr, [I_MOV_DR] = sys_mov_dr, [I_SMSW] = sys_smsw, [I_LMSW] = sys_lmsw,
    [I_CLTS] = sys_clts, [I_INVLPG] = sys_invlpg, [I_INVPCID] = sys_invpcid,
    [I_INVD] = sys_nop, [I_WBINVD] = sys_nop, [I_RDMSR] = sys_rdmsr, [I_WRMSR] = sys_wrmsr,
    [I_XGETBV] = sys_xgetbv, [I_XSETBV] = sys_xsetbv, [I_CPUID] = sys_cpuid,
    [I_CLI] = sys_cli, [I_STI] = sys_sti, [I_HLT] = sys_hlt, [I_IN] = sys_in, [I_OUT] = sys_out,
    [I_RDTSC] = sys_rdtsc, [I_RDTSCP] = sys_rdtscp, [I_RDPMC] = sys_rdpmc,
    [I_RDPID] = sys_rdpid, [I_MONITOR] = sys_monitor, [I_MWAIT] = sys_mwait,
    [I_SWAPGS] = sys_swapgs, [I_CLAC] = sys_clac, [I_STAC] = sys_stac,
    [I_RDRAND] = sys_rdrand, [I_RDSEED] = sys_rdseed, [I_RDFSBASE] = sys_rdfsbase,
    [I_RDGSBASE] = sys_rdgsbase, [I_WRFSBASE] = sys_wrfsbase, [I_WRGSBASE] = sys_wrgsbase,
    [I_LFENCE] = sys_nop, [I_MFENCE] = sys_nop, [I_SFENCE] = sys_nop,
    [I_CLFLUSH] = sys_clflush, [I_CLFLUSHOPT] = sys_clflush,
    /* state */
    [I_FXSAVE] = sys_fxsave, [I_FXRSTOR] = sys_fxrstor, [I_XSAVE] = sys_xsave,
    [I_XRSTOR] = sys_xrstor, [I_XSAVEOPT] = sys_xsaveopt, [I_XSAVEC] = sys_xsavec,
    [I_LDMXCSR] = sys_ldmxcsr, [I_STMXCSR] = sys_stmxcsr,
    [I_VLDMXCSR] = sys_ldmxcsr, [I_VSTMXCSR] = sys_stmxcsr,
};
