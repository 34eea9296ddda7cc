/* SPDX-License-Identifier: MIT
 * The guest's x87 FPU (SDM vol. 1 ch. 8), on struct x87 of cpu.h. Registers are
 * physical; ST(i) is fpr[(TOP + i) & 7]. sw's ES and B are kept equal to
 * "a set exception flag is unmasked in cw" by everything that writes either.
 * fcs and fds stay 0 (CPUID.7.0:EBX[13]: deprecated). */
#ifndef CPU_X87_H
#define CPU_X87_H

#include "cpu/cpu.h"

/* Status word. clang-format off */
enum {
    XS_IE = 1,
    XS_DE = 2,
    XS_ZE = 4,
    XS_OE = 8,
    XS_UE = 16,
    XS_PE = 32,
    XS_EXC = 0x3f,
    XS_SF = 0x40,
    XS_ES = 0x80,
    XS_C0 = 0x100,
    XS_C1 = 0x200,
    XS_C2 = 0x400,
    XS_C3 = 0x4000,
    XS_CC = 0x4700,
    XS_TOP = 0x3800,
    XS_TOP_SHIFT = 11,
    XS_B = 0x8000,
};
/* clang-format on */

static inline unsigned x87_top(const struct x87 *f)
{
    return f->sw >> XS_TOP_SHIFT & 7;
}

static inline void x87_set_top(struct x87 *f, unsigned top)
{
    f->sw = (uint16_t)((f->sw & ~XS_TOP) | (top & 7) << XS_TOP_SHIFT);
}

static inline unsigned x87_phys(const struct x87 *f, unsigned i)
{
    return (x87_top(f) + i) & 7;
}

/* Generated code may keep registers, tags, cw and sw in the host's x87 (cpu->x87_live; never
 * while CM_X87EXC is set), and they stay there while C runs that does not care. Whatever reads
 * or writes cpu->x87 calls x87_sync() first. Host code with floating point of its own in the
 * x87 (long double) must not run before run_cpu returned. */
void x87_spill(struct cpu *cpu); /* x87_host.c */
static inline void x87_sync(struct cpu *cpu)
{
    if (UNLIKELY(cpu->x87_live))
        x87_spill(cpu);
}

/* The reverse. Every exception must be masked. */
void x87_load(struct cpu *cpu);

/* Makes CM_X87EXC right after cw changed. */
void x87_update_mode(struct cpu *cpu);

/* Executes any instruction of class X87 (EMMS included) but checks neither
 * CR0.EM nor CR0.TS; FWAIT checks MP and TS itself and must reach this with TS set. */
void x87_exec(struct cpu *cpu, const struct insn *in);

/* #MF when an unmasked exception is pending: for every waiting x87 instruction
 * and every MMX instruction. With CR0.NE clear the FERR#/IRQ 13 protocol is missing: goes on.
 */
void x87_check_pending(struct cpu *cpu);

/* What executing any MMX instruction but EMMS does: TOP 0, every tag valid. A write to
 * an MMX register also sets fpr[i].se to FFFFh. */
void x87_enter_mmx(struct cpu *cpu);

/* State after FNINIT. */
void x87_init(struct x87 *f);
/* Sets ES and B from the flags and masks. */
void x87_update_es(struct x87 *f);
/* Full 16-bit tag word from the abridged one and the contents, and back. */
uint16_t x87_get_tags(const struct x87 *f);
void x87_set_tags(struct x87 *f, uint16_t tags);

/* x87_env.c: the control instructions; the id tells which. */
void x87_exec_control(struct cpu *cpu, const struct insn *in);

#endif
