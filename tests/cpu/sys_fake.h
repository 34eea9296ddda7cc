/* SPDX-License-Identifier: MIT
 * A CPU over flat identity-mapped memory, for tests of the architectural core. */
#ifndef TESTS_CPU_SYS_FAKE_H
#define TESTS_CPU_SYS_FAKE_H

#include <glib.h>

#include "cpu/cpu.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"

#define MEM_SIZE 0x200000u
extern uint8_t mem[MEM_SIZE];
extern gva fault_page;          /* accesses to this page raise #PF; ~0: none */
extern gva user_page;           /* the one page that user view may touch; ~0: all may */
extern unsigned flushes, invlpgs;

/* Where things lie. */
enum { GDT = 0x1000, IDT = 0x2000, LDT = 0x2800, TSS_A = 0x3000, TSS_B = 0x4000,
       TSS_64 = 0x5000, STACK0 = 0x9000, STACK3 = 0xb000, IST1 = 0xd000, CODE = 0x10000 };
/* Selectors. */
enum { S_CODE0 = 0x08, S_DATA0 = 0x10, S_CODE3 = 0x1b, S_DATA3 = 0x23, S_TSS = 0x28,
       S_CODE64 = 0x30, S_CODE64U = 0x3b, S_CONF = 0x40, S_LDT = 0x48, S_TSS64 = 0x50,
       S_TSSB = 0x60, S_GATE = 0x68, S_CODE16 = 0x78, S_NP = 0x80, S_TASKGATE = 0x88,
       S_RODATA = 0x90, S_XONLY = 0x98, S_TSS16 = 0xa0, S_NPCODE = 0xa8, S_END = 0xb0 };

uint64_t ld(gva a, unsigned n);
void st(gva a, uint64_t v, unsigned n);
void put_desc(unsigned sel, uint32_t base, uint32_t limit, unsigned access, unsigned flags);
void put_gate(unsigned v, unsigned sel, uint64_t off, unsigned access, unsigned ist);

/* Fresh CPU (destroy it with cpu_destroy) in 32-bit protected mode, 64-bit mode, or reset. */
struct cpu *cpu_new(const char *model);
struct cpu *cpu_new32(unsigned cpl);
struct cpu *cpu_new64(unsigned cpl);
void enter_vm86(struct cpu *cpu, unsigned iopl);
void set_flags(struct cpu *cpu, uint64_t set, uint64_t clear);

/* Runs fn as a 2-byte instruction at rip: true when it completed (rip advanced), false when
 * it raised (see cpu->exc). */
bool runs(struct cpu *cpu, sys_fn *fn, const struct insn *in);
/* Delivers vector v raised at rip; loops over nested faults as the run loop does. Returns the
 * number of deliveries tried. */
unsigned deliver(struct cpu *cpu, unsigned v, bool has_error, uint32_t error);
#define FAULTS(cpu, fn, in, v, err)                                                            \
    do {                                                                                       \
        g_assert_false(runs(cpu, fn, in));                                                     \
        g_assert_cmpint((cpu)->exc.vector, ==, v);                                             \
        g_assert_cmphex((cpu)->exc.error, ==, err);                                            \
        (cpu)->exc.pending = false;                                                            \
    } while (0)

/* Instructions: register, immediate and memory operands. */
struct insn i_none(const struct cpu *cpu, unsigned opsize);
struct insn i_mem(const struct cpu *cpu, unsigned opsize, unsigned seg, uint64_t disp);
struct insn i_far(const struct cpu *cpu, unsigned opsize, uint16_t sel, uint64_t off);
struct insn i_sreg(const struct cpu *cpu, unsigned seg, unsigned gpr); /* MOV Sw,Ew */
void op_gpr(struct insn *in, unsigned n, unsigned reg, unsigned size);

#endif
