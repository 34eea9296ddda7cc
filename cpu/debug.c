/* SPDX-License-Identifier: MIT
 * Debug registers and traps (SDM vol. 3 ch. 17). */
#include "cpu/cpu.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"

enum { RW_EXEC, RW_WRITE, RW_IO, RW_DATA };

static inline bool bp_enabled(const struct cpu *cpu, unsigned i)
{
    return cpu->dr[7] >> i * 2 & 3;
}
static inline unsigned bp_kind(const struct cpu *cpu, unsigned i)
{
    return cpu->dr[7] >> (16 + i * 4) & 3;
}
static inline unsigned bp_len(const struct cpu *cpu, unsigned i)
{
    static const uint8_t len[] = {1, 2, 8, 4};

    return len[cpu->dr[7] >> (18 + i * 4) & 3];
}

/* DR0..3 hits of [at, at+n) among enabled breakpoints whose kind is in the bit set. */
static uint64_t bp_match(const struct cpu *cpu, uint64_t at, unsigned n, unsigned kinds)
{
    uint64_t hits = 0;

    for (unsigned i = 0; i < 4; i++) {
        uint64_t len = bp_len(cpu, i), first = cpu->dr[i] & ~(len - 1);

        if (bp_enabled(cpu, i) && kinds >> bp_kind(cpu, i) & 1 && at < first + len &&
            at + n > first)
            hits |= 1ull << i;
    }
    return hits;
}

void debug_note_data(struct cpu *cpu, gva va, unsigned n, bool write)
{
    unsigned kinds = write ? 1 << RW_WRITE | 1 << RW_DATA : 1 << RW_DATA;

    if (cpu->dr[7] & 0xff)
        cpu->exc.dr6 |= bp_match(cpu, va, n, kinds);
}

void debug_note_io(struct cpu *cpu, uint16_t port, unsigned n)
{
    if (cpu->dr[7] & 0xff && cpu->cr4 & CR4_DE)
        cpu->exc.dr6 |= bp_match(cpu, port, n, 1 << RW_IO);
}

bool cpu_insn_breakpoint(struct cpu *cpu)
{
    uint64_t at = cpu->rip, hits;

    if (!(cpu->dr[7] & 0xff) || cpu->eflags & FL_RF || cpu->shadow == 2)
        return false;
    if (!cpu_long(cpu))
        at = (uint32_t)(cpu->seg[SEG_CS].base + at);
    hits = bp_match(cpu, at, 1, 1 << RW_EXEC);
    cpu->exc.dr6 |= hits;
    return hits != 0;
}

/* An instruction that enters a handler and clears TF on the way is not followed by a
 * single-step trap. SYSENTER leaves TF, and does trap, at its target. */
static bool step_due(const struct cpu *cpu, enum insn_id id)
{
    switch (id) {
    case I_INT: case I_INT3: case I_INTO: case I_INT1: case I_SYSCALL:
        return cpu->eflags & FL_TF;
    default:
        return true;
    }
}

void cpu_step_done(struct cpu *cpu, bool tf, enum insn_id id)
{
    if (id != I_IRET) /* which has just loaded RF for the next instruction */
        cpu->eflags &= ~(uint32_t)FL_RF;
    if (cpu->shadow == 2 && (id == I_MOV_SREG || id == I_POP_SREG))
        return; /* held over to the next boundary: data hits stay noted */
    if (tf && step_due(cpu, id))
        cpu->exc.dr6 |= DR6_BS;
    if (cpu->exc.dr6) {
        cpu->jit_ra = 0;
        cpu_raise_db(cpu, 0);
    }
}

/* --- MOV DR --- */

static uint64_t dr_fix(unsigned n, uint64_t v)
{
    if (n == 6)
        return (v & 0xe00f) | DR6_INIT;
    return n == 7 ? (v & 0xffff23ff) | DR7_INIT : v;
}

void sys_mov_dr(struct cpu *cpu, const struct insn *in)
{
    bool write = in->op[0].kind == OPND_DR;
    unsigned n = in->op[write ? 0 : 1].reg, r = in->op[write ? 1 : 0].reg;
    unsigned size = in->mode == INSN_64 ? 8 : 4;

    if (n > 7 || ((n == 4 || n == 5) && cpu->cr4 & CR4_DE))
        cpu_raise(cpu, EXC_UD);
    if (cpu_vm86(cpu) || cpu->cpl != 0)
        raise_gp(cpu, 0);
    if (cpu->dr[7] & DR7_GD)
        cpu_raise_db(cpu, DR6_BD);
    if (n == 4 || n == 5)
        n += 2;
    if (!write) {
        gpr_set(cpu, r, cpu->dr[n], size);
        return;
    }
    if (n >= 6 && (cpu->gpr[r] & size_mask(size)) >> 32)
        raise_gp(cpu, 0);
    cpu->dr[n] = dr_fix(n, cpu->gpr[r] & size_mask(size));
    cpu_update_mode(cpu);
}
