/* SPDX-License-Identifier: MIT
 * Text for people: guest and host disassembly (Capstone) and IR listings for -d. */
#ifndef TRANSLATOR_TRACE_H
#define TRANSLATOR_TRACE_H

#include "translator/ir.h"

void trace_in_asm(uint64_t pc, const uint8_t *code, size_t n, uint16_t mode);
void trace_ir(const struct ir_block *b);
/* Host code at its address (64-bit x86 or AArch64, whatever the host is). */
void trace_out_asm(uint64_t guest_pc, const uint8_t *code, size_t n);

#endif
