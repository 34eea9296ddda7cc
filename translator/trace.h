/* SPDX-License-Identifier: MIT
 * Text for people: guest and host disassembly (Capstone) and IR listings for -d. */
#ifndef TRANSLATOR_TRACE_H
#define TRANSLATOR_TRACE_H

#include "translator/ir.h"

void trace_in_asm(uint64_t pc, const uint8_t *code, size_t n, uint16_t mode);
void trace_ir(const struct ir_block *b);
/* Registers as they stand (-d cpu), and one page walk (-d mmu). */
void trace_cpu(const struct cpu *cpu);
void trace_walk(gva va, enum mmu_access acc, enum mmu_view view, gpa pa,
                const struct mmu_fault *fault);
/* Host code at its address (64-bit x86 or AArch64, whatever the host is). */
void trace_out_asm(uint64_t guest_pc, const uint8_t *code, size_t n);

#endif
