/* SPDX-License-Identifier: MIT
 * The remaining system instructions: flags, ports, time, bases, hints. */
#include <errno.h>
#include <sys/random.h>

#include "cpu/cpu.h"
#include "cpu/sys.h"
#include "cpu/sys_fns.h"

/* --- interrupt flag --- */

void sys_cli(struct cpu *cpu, const struct insn *in)
{
    bool vif = cpu_vm86(cpu) ? cpu->cr4 & CR4_VME
                             : cpu_pe(cpu) && cpu->cpl == 3 && cpu->cr4 & CR4_PVI;

    if (!(cpu->cr0 & CR0_PE) || cpu_iopl(cpu) >= cpu->cpl)
        cpu->eflags &= ~(uint32_t)FL_IF;
    else if (vif)
        cpu->eflags &= ~(uint32_t)FL_VIF;
    else
        raise_gp(cpu, 0);
}

void sys_sti(struct cpu *cpu, const struct insn *in)
{
    bool vif = cpu_vm86(cpu) ? cpu->cr4 & CR4_VME
                             : cpu_pe(cpu) && cpu->cpl == 3 && cpu->cr4 & CR4_PVI;

    if (!(cpu->cr0 & CR0_PE) || cpu_iopl(cpu) >= cpu->cpl) {
        if (!(cpu->eflags & FL_IF))
            cpu->shadow = 1;
        cpu->eflags |= FL_IF;
    } else if (vif && !(cpu->eflags & FL_VIP)) {
        cpu->eflags |= FL_VIF;
    } else {
        raise_gp(cpu, 0);
    }
}

/* --- PUSHF, POPF --- */

void sys_pushf(struct cpu *cpu, const struct insn *in)
{
    uint64_t fl = cpu_get_rflags(cpu) & ~(uint64_t)(FL_VM | FL_RF);
    struct stack st;

    if (cpu_vm86(cpu) && cpu_iopl(cpu) < 3) {
        if (!(cpu->cr4 & CR4_VME) || in->opsize != 2)
            raise_gp(cpu, 0);
        fl = (fl & ~(uint64_t)FL_IF) | FL_IOPL | (fl & FL_VIF ? FL_IF : 0);
    }
    stack_init(&st, cpu);
    stack_push(&st, fl, in->opsize);
    stack_commit(&st);
}

static void popf_vme(struct cpu *cpu, uint64_t fl)
{
    uint32_t mask = FL_ARITH | FL_DF | FL_NT | FL_VIF | FL_TF;

    if (fl & FL_TF || (fl & FL_IF && cpu->eflags & FL_VIP))
        raise_gp(cpu, 0);
    fl = (fl & ~(uint64_t)FL_VIF) | (fl & FL_IF ? FL_VIF : 0);
    cpu_set_rflags(cpu, (cpu_get_rflags(cpu) & ~(uint64_t)mask) | (fl & mask));
}

void sys_popf(struct cpu *cpu, const struct insn *in)
{
    uint32_t mask = FL_ARITH | FL_DF | FL_TF | FL_NT;
    bool vme = cpu_vm86(cpu) && cpu_iopl(cpu) < 3;
    struct stack st;
    uint64_t fl;

    if (vme && (!(cpu->cr4 & CR4_VME) || in->opsize != 2))
        raise_gp(cpu, 0);
    stack_init(&st, cpu);
    fl = stack_pop(&st, in->opsize);
    if (vme) {
        popf_vme(cpu, fl);
        stack_commit(&st);
        return;
    }
    if (in->opsize > 2) {
        mask |= FL_AC | FL_ID | FL_RF;
        fl &= ~(uint64_t)FL_RF;
    }
    if (cpu->cpl <= cpu_iopl(cpu))
        mask |= FL_IF;
    if (cpu->cpl == 0)
        mask |= FL_IOPL;
    cpu_set_rflags(cpu, (cpu_get_rflags(cpu) & ~(uint64_t)mask) | (fl & mask));
    stack_commit(&st);
}

/* --- ports --- */

void cpu_io_check(struct cpu *cpu, uint16_t port, unsigned size)
{
    uint32_t base, bits;

    if (cpu_vm86(cpu) || (cpu_pe(cpu) && cpu->cpl > cpu_iopl(cpu))) {
        if (!(cpu->tr.attr & 8) || cpu->tr.limit < 0x67)
            raise_gp(cpu, 0);
        base = (uint32_t)cpu_ld_sys(cpu, cpu->tr.base + 0x66, 2) + port / 8;
        if (base + 1 > cpu->tr.limit)
            raise_gp(cpu, 0);
        bits = (uint32_t)cpu_ld_sys(cpu, cpu->tr.base + base, 2) >> (port & 7);
        if (bits & ((1u << size) - 1))
            raise_gp(cpu, 0);
    }
    if (cpu->mode & CM_STEP)
        debug_note_io(cpu, port, size);
}

static uint16_t io_port(struct cpu *cpu, const struct insn *in, unsigned n)
{
    return in->op[n].kind == OPND_IMM ? (uint8_t)in->op[n].imm : (uint16_t)cpu->gpr[R_DX];
}

void sys_in(struct cpu *cpu, const struct insn *in)
{
    uint16_t port = io_port(cpu, in, 1);
    unsigned size = in->op[0].size;
    uint64_t v = ~0ull;

    cpu_io_check(cpu, port, size);
    if (cpu->hooks.port_in)
        v = cpu->hooks.port_in(cpu->hooks.opaque, port, size);
    op_write(cpu, in, 0, v & size_mask(size), size);
}

void sys_out(struct cpu *cpu, const struct insn *in)
{
    uint16_t port = io_port(cpu, in, 0);
    unsigned size = in->op[1].size;

    cpu_io_check(cpu, port, size);
    if (cpu->hooks.port_out)
        cpu->hooks.port_out(cpu->hooks.opaque, port, (uint32_t)op_read(cpu, in, 1, size), size);
}

/* --- halting --- */

void sys_hlt(struct cpu *cpu, const struct insn *in)
{
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
    cpu->halted = true;
}

void sys_monitor(struct cpu *cpu, const struct insn *in)
{
    gva va;

    if (cpu->cpl != 0 || !(cpu->misc_enable >> 18 & 1))
        cpu_raise(cpu, EXC_UD);
    if ((uint32_t)cpu->gpr[R_CX] != 0)
        raise_gp(cpu, 0);
    va = seg_linear(cpu, op_segment(in, SEG_DS), cpu->gpr[R_AX] & size_mask(in->adsize), 1,
                    false);
    (void)cpu_ld(cpu, va, 1);
    cpu->monitor_addr = va;
}

/* CPUID leaf 5 offers no extensions. With interrupts on it waits as HLT does: nothing but
 * an interrupt can end the wait of a single CPU. */
void sys_mwait(struct cpu *cpu, const struct insn *in)
{
    if (cpu->cpl != 0 || !(cpu->misc_enable >> 18 & 1))
        cpu_raise(cpu, EXC_UD);
    if ((uint32_t)cpu->gpr[R_CX] != 0)
        raise_gp(cpu, 0);
    if (cpu->eflags & FL_IF)
        cpu->halted = true;
}

/* --- time and identity --- */

static void check_tsd(struct cpu *cpu)
{
    if (cpu->cr4 & CR4_TSD && cpu->cpl != 0)
        raise_gp(cpu, 0);
}

static void put_edx_eax(struct cpu *cpu, uint64_t v)
{
    cpu->gpr[R_AX] = (uint32_t)v;
    cpu->gpr[R_DX] = v >> 32;
}

void sys_rdtsc(struct cpu *cpu, const struct insn *in)
{
    check_tsd(cpu);
    put_edx_eax(cpu, cpu_tsc(cpu));
}

void sys_rdtscp(struct cpu *cpu, const struct insn *in)
{
    check_tsd(cpu);
    put_edx_eax(cpu, cpu_tsc(cpu));
    cpu->gpr[R_CX] = (uint32_t)cpu->tsc_aux;
}

void sys_rdpid(struct cpu *cpu, const struct insn *in)
{
    gpr_set(cpu, in->op[0].reg, (uint32_t)cpu->tsc_aux, 8);
}

/* No performance counters: every index is out of range. */
void sys_rdpmc(struct cpu *cpu, const struct insn *in)
{
    raise_gp(cpu, 0);
}

static void random_value(struct cpu *cpu, const struct insn *in)
{
    uint64_t v = 0;
    ssize_t n;

    do
        n = getrandom(&v, in->opsize, 0);
    while (n < 0 && errno == EINTR);
    if (n != in->opsize)
        v = 0;
    cpu_set_aflags(cpu, n == in->opsize ? FL_CF : 0);
    gpr_set(cpu, in->op[0].reg, v, in->opsize);
}

void sys_rdrand(struct cpu *cpu, const struct insn *in)
{
    random_value(cpu, in);
}
void sys_rdseed(struct cpu *cpu, const struct insn *in)
{
    random_value(cpu, in);
}

/* --- FS and GS bases --- */

void sys_swapgs(struct cpu *cpu, const struct insn *in)
{
    uint64_t base = cpu->seg[SEG_GS].base;

    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
    cpu->seg[SEG_GS].base = cpu->kernel_gs_base;
    cpu->kernel_gs_base = base;
}

static void base_access(struct cpu *cpu, const struct insn *in, unsigned seg, bool write)
{
    unsigned r = in->op[0].reg;
    uint64_t v;

    if (!(cpu->cr4 & CR4_FSGSBASE))
        cpu_raise(cpu, EXC_UD);
    if (!write) {
        gpr_set(cpu, r, cpu->seg[seg].base, in->opsize);
        return;
    }
    v = cpu->gpr[r] & size_mask(in->opsize);
    if (!cpu_canonical(v))
        raise_gp(cpu, 0);
    cpu->seg[seg].base = v;
}

void sys_rdfsbase(struct cpu *cpu, const struct insn *in)
{
    base_access(cpu, in, SEG_FS, false);
}
void sys_rdgsbase(struct cpu *cpu, const struct insn *in)
{
    base_access(cpu, in, SEG_GS, false);
}
void sys_wrfsbase(struct cpu *cpu, const struct insn *in)
{
    base_access(cpu, in, SEG_FS, true);
}
void sys_wrgsbase(struct cpu *cpu, const struct insn *in)
{
    base_access(cpu, in, SEG_GS, true);
}

/* --- EFLAGS.AC, caches, fences --- */

static void set_ac(struct cpu *cpu, uint32_t ac)
{
    if (cpu->cpl != 0)
        cpu_raise(cpu, EXC_UD);
    cpu->eflags = (cpu->eflags & ~(uint32_t)FL_AC) | ac;
    cpu_update_mode(cpu);
}

void sys_clac(struct cpu *cpu, const struct insn *in)
{
    set_ac(cpu, 0);
}
void sys_stac(struct cpu *cpu, const struct insn *in)
{
    set_ac(cpu, FL_AC);
}

/* Caches are coherent here and accesses in order: nothing to do. */
void sys_nop(struct cpu *cpu, const struct insn *in)
{
}

/* Faults as a one-byte load would. */
void sys_clflush(struct cpu *cpu, const struct insn *in)
{
    (void)cpu_ld(cpu, op_linear(cpu, in, 1, false), 1);
}
