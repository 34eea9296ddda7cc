/* SPDX-License-Identifier: MIT
 * The sys_fn of each SYS and X87 class instruction, for cpu/sys_table.c. */
#ifndef CPU_SYS_FNS_H
#define CPU_SYS_FNS_H

#include "cpu/cpu.h"

/* x87.c: every X87 class id. */
sys_fn x87_exec;

/* xsave.c */
sys_fn sys_fxsave, sys_fxrstor, sys_xsave, sys_xrstor, sys_xsaveopt, sys_xsavec, sys_ldmxcsr, sys_stmxcsr;

/* string.c: MOVS CMPS SCAS LODS STOS INS OUTS. Segment of the source in in->mem.seg;
 * element size from opsize and the opcode's bit 0. */
sys_fn string_exec;

/* miscint.c, bcd.c */
sys_fn sys_pusha, sys_popa, sys_enter, sys_cmpxchg8b, sys_cmpxchg16b, sys_crc32;
sys_fn sys_daa, sys_das, sys_aaa, sys_aas, sys_aam, sys_aad;


/* segments, far transfers, control, system */
sys_fn sys_arpl, sys_bound, sys_callf, sys_clac, sys_clflush, sys_cli, sys_clts, sys_cpuid,
    sys_hlt, sys_in, sys_int, sys_int1, sys_int3, sys_into, sys_invlpg, sys_invpcid, sys_iret,
    sys_jmpf, sys_lar, sys_lds, sys_les, sys_lfs, sys_lgdt, sys_lgs, sys_lidt, sys_lldt,
    sys_lmsw, sys_lsl, sys_lss, sys_ltr, sys_monitor, sys_mov_cr, sys_mov_dr, sys_mov_sreg,
    sys_mwait, sys_nop, sys_out, sys_pop_sreg, sys_popf, sys_push_sreg, sys_pushf,
    sys_rdfsbase, sys_rdgsbase, sys_rdmsr, sys_rdpid, sys_rdpmc, sys_rdrand, sys_rdseed,
    sys_rdtsc, sys_rdtscp, sys_retf, sys_sgdt, sys_sidt, sys_sldt, sys_smsw, sys_stac,
    sys_sti, sys_str, sys_swapgs, sys_syscall, sys_sysenter, sys_sysexit, sys_sysret, sys_ud,
    sys_verr, sys_verw, sys_wrfsbase, sys_wrgsbase, sys_wrmsr, sys_xgetbv, sys_xsetbv;

#endif
