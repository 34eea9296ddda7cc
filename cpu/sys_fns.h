/* SPDX-License-Identifier: MIT
 * The sys_fn of each SYS and X87 class instruction, for cpu/sys_table.c. */
#ifndef CPU_SYS_FNS_H
#define CPU_SYS_FNS_H

#include "cpu/cpu.h"

/* x87.c: every X87 class id. */
sys_fn x87_exec;

/* xsave.c */
sys_fn sys_fxsave, sys_fxrstor, sys_xsave, sys_xrstor, sys_xsaveopt, sys_ldmxcsr, sys_stmxcsr;

/* string.c: MOVS CMPS SCAS LODS STOS INS OUTS. Segment of the source in in->mem.seg;
 * element size from opsize and the opcode's bit 0. */
sys_fn string_exec;

/* miscint.c, bcd.c */
sys_fn sys_pusha, sys_popa, sys_enter, sys_cmpxchg8b, sys_cmpxchg16b, sys_crc32;
sys_fn sys_daa, sys_das, sys_aaa, sys_aas, sys_aam, sys_aad;

/* I/O permission of CPL, IOPL and the TSS bitmap (SDM vol. 1 19.5): #GP(0) when denied. */
void io_check_port(struct cpu *cpu, uint16_t port, unsigned size);

#endif
