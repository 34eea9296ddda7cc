/* SPDX-License-Identifier: MIT
 * Software interrupts and the fast system-call instructions. */
#include "cpu/cpu.h"
#include "cpu/fast.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"

/* --- INT n and kin --- */

static void soft_interrupt(struct cpu *cpu, uint8_t vector)
{
    struct exc_event ev = {
        .vector = vector, .soft = true, .ret = cpu->next_rip};

    exc_enter(cpu, &ev);
    task_trap(cpu);
}

/* The bitmap of 32 bytes below the I/O map: a clear bit keeps INT n inside the
 * virtual-8086 program (SDM vol. 3 20.3.3). */
static bool vme_redirects(struct cpu *cpu, uint8_t vector)
{
    uint32_t off;

    if (!(cpu->tr.attr & 8) || cpu->tr.limit < 0x67)
        raise_gp(cpu, 0);
    off = (uint32_t)cpu_ld_sys(cpu, cpu->tr.base + 0x66, 2) - 32 + vector / 8;
    if (off > cpu->tr.limit)
        raise_gp(cpu, 0);
    return !(cpu_ld_sys(cpu, cpu->tr.base + off, 1) >> (vector & 7) & 1);
}

static void vme_interrupt(struct cpu *cpu, uint8_t vector)
{
    uint32_t fl = (uint32_t)cpu_get_rflags(cpu);
    bool virtual_if = cpu_iopl(cpu) < 3;

    if (virtual_if) {
        fl |= FL_IOPL;
        fl = fl & FL_VIF ? fl | FL_IF : fl & ~(uint32_t)FL_IF;
    }
    exc_enter_ivt(cpu, 0, vector, cpu->next_rip, (uint16_t)fl);
    cpu->eflags &= ~(uint32_t)(FL_TF | FL_RF | (virtual_if ? FL_VIF : FL_IF));
    cpu_update_mode(cpu);
}

void sys_int(struct cpu *cpu, const struct insn *in)
{
    uint8_t vector = (uint8_t)in->op[0].imm;

    if (cpu_vm86(cpu)) {
        if (cpu->cr4 & CR4_VME && vme_redirects(cpu, vector)) {
            vme_interrupt(cpu, vector);
            return;
        }
        if (cpu_iopl(cpu) < 3)
            raise_gp(cpu, 0);
    }
    soft_interrupt(cpu, vector);
}

void sys_int3(struct cpu *cpu, const struct insn *in)
{
    soft_interrupt(cpu, EXC_BP);
}

void sys_into(struct cpu *cpu, const struct insn *in)
{
    if (cpu_get_aflags(cpu) & FL_OF)
        soft_interrupt(cpu, EXC_OF);
}

void sys_int1(struct cpu *cpu, const struct insn *in)
{
    struct exc_event ev = {.vector = EXC_DB, .ext = 1, .ret = cpu->next_rip};

    /* Not subject to the gate's DPL; DR6 is left alone, GD cleared as for any #DB. */
    exc_enter(cpu, &ev);
    cpu->dr[7] &= ~(uint64_t)DR7_GD;
    task_trap(cpu);
}

void sys_bound(struct cpu *cpu, const struct insn *in)
{
    unsigned size = in->opsize, shift = 64 - size * 8;
    gva va = op_linear(cpu, in, size * 2, false);
    int64_t index = (int64_t)(op_read(cpu, in, 0, size) << shift) >> shift;
    int64_t lower = (int64_t)(cpu_ld(cpu, va, size) << shift) >> shift;
    int64_t upper = (int64_t)(cpu_ld(cpu, va + size, size) << shift) >> shift;

    if (index < lower || index > upper)
        cpu_raise(cpu, EXC_BR);
}

void sys_ud(struct cpu *cpu, const struct insn *in)
{
    cpu_raise(cpu, EXC_UD);
}

/* --- SYSCALL, SYSRET (Intel: 64-bit mode only) --- */

void sys_syscall(struct cpu *cpu, const struct insn *in)
{
    if (!cpu_long(cpu) || !(cpu->efer & EFER_SCE))
        cpu_raise(cpu, EXC_UD);
    fast_do_syscall(cpu);
}

void sys_sysret(struct cpu *cpu, const struct insn *in)
{
    bool code64 = in->opsize == 8;

    if (!cpu_long(cpu) || !(cpu->efer & EFER_SCE))
        cpu_raise(cpu, EXC_UD);
    if (cpu->cpl != 0 || (code64 && !cpu_canonical(cpu->gpr[R_CX])))
        raise_gp(cpu, 0);
    fast_do_sysret(cpu, code64);
}

/* --- SYSENTER, SYSEXIT --- */

void sys_sysenter(struct cpu *cpu, const struct insn *in)
{
    uint16_t cs = cpu->sysenter_cs & 0xfffc;
    bool lma = cpu_lma(cpu);

    if (!(cpu->cr0 & CR0_PE) || cs == 0)
        raise_gp(cpu, 0);
    fast_enter_flat(cpu, cs, (uint16_t)(cs + 8), 0, lma);
    cpu->gpr[R_SP] = lma ? cpu->sysenter_esp : (uint32_t)cpu->sysenter_esp;
    cpu->next_rip = lma ? cpu->sysenter_eip : (uint32_t)cpu->sysenter_eip;
    cpu->eflags &= ~(uint32_t)(FL_VM | FL_IF | FL_RF);
    cpu_update_mode(cpu);
}

void sys_sysexit(struct cpu *cpu, const struct insn *in)
{
    uint16_t base = cpu->sysenter_cs & 0xfffc;
    uint64_t rip = cpu->gpr[R_DX], rsp = cpu->gpr[R_CX];
    bool code64 = in->opsize == 8;

    if (base == 0 || !cpu_pe(cpu) || cpu->cpl != 0)
        raise_gp(cpu, 0);
    if (code64 && (!cpu_canonical(rip) || !cpu_canonical(rsp)))
        raise_gp(cpu, 0);
    if (code64)
        base += 16;
    fast_enter_flat(cpu, (uint16_t)(base + 16), (uint16_t)(base + 24), 3, code64);
    cpu->gpr[R_SP] = code64 ? rsp : (uint32_t)rsp;
    cpu->next_rip = code64 ? rip : (uint32_t)rip;
    cpu_update_mode(cpu);
}
