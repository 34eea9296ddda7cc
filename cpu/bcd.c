/* SPDX-License-Identifier: MIT
 * Decimal adjustment: DAA DAS AAA AAS AAM AAD (SDM vol. 2). Flags that the SDM
 * leaves undefined are as measured on an AMD Zen 5. */
#include "cpu/sys_fns.h"

static uint8_t al(const struct cpu *cpu)
{
    return (uint8_t)cpu->gpr[R_AX];
}

static void set_ax(struct cpu *cpu, unsigned ax)
{
    cpu->gpr[R_AX] = (cpu->gpr[R_AX] & ~0xffffull) | (ax & 0xffff);
}

static void set_al(struct cpu *cpu, unsigned v)
{
    cpu->gpr[R_AX] = (cpu->gpr[R_AX] & ~0xffull) | (v & 0xff);
}

static uint32_t szp(uint8_t v)
{
    return (v ? 0 : FL_ZF) | (v & 0x80 ? FL_SF : 0) | (__builtin_parity(v) ? 0 : FL_PF);
}

static void decimal(struct cpu *cpu, int sign)
{
    uint32_t fl = cpu_get_aflags(cpu), out = 0;
    uint8_t old = al(cpu), v = old;

    if ((old & 0xf) > 9 || fl & FL_AF) {
        v = (uint8_t)(v + sign * 6);
        out |= FL_AF;
        if (sign > 0 ? old > 0xff - 6 : old < 6)
            out |= FL_CF;
        out |= fl & FL_CF;
    }
    if (old > 0x99 || fl & FL_CF) {
        v = (uint8_t)(v + sign * 0x60);
        out |= FL_CF;
    } else if (sign > 0) {
        out &= ~(uint32_t)FL_CF;
    }
    if ((sign > 0 ? ~old & v : old & ~v) & 0x80)
        out |= FL_OF;
    set_al(cpu, v);
    cpu_set_aflags(cpu, out | szp(v));
}

void sys_daa(struct cpu *cpu, const struct insn *in)
{
    decimal(cpu, 1);
}

void sys_das(struct cpu *cpu, const struct insn *in)
{
    decimal(cpu, -1);
}

/* Undefined flags as of the 16-bit addition or subtraction of 106h (or 0). */
static void ascii(struct cpu *cpu, int sign)
{
    uint16_t old = (uint16_t)cpu->gpr[R_AX], ax = old;
    uint32_t fl = 0;

    if ((old & 0xf) > 9 || cpu_get_aflags(cpu) & FL_AF) {
        ax = (uint16_t)(ax + sign * 0x106);
        fl = FL_AF | FL_CF;
    }
    fl |= (ax ? 0 : FL_ZF) | (ax & 0x8000 ? FL_SF : 0) | (szp((uint8_t)ax) & FL_PF);
    if ((sign > 0 ? ~old & ax : old & ~ax) & 0x8000)
        fl |= FL_OF;
    set_ax(cpu, ax & 0xff0f);
    cpu_set_aflags(cpu, fl);
}

void sys_aaa(struct cpu *cpu, const struct insn *in)
{
    ascii(cpu, 1);
}

void sys_aas(struct cpu *cpu, const struct insn *in)
{
    ascii(cpu, -1);
}

void sys_aam(struct cpu *cpu, const struct insn *in)
{
    uint8_t base = (uint8_t)in->op[0].imm, v = al(cpu);

    if (base == 0)
        cpu_raise(cpu, EXC_DE);
    set_ax(cpu, (unsigned)(v / base) << 8 | v % base);
    cpu_set_aflags(cpu, szp(v % base));
}

void sys_aad(struct cpu *cpu, const struct insn *in)
{
    uint8_t old = al(cpu), tens = (uint8_t)((cpu->gpr[R_AX] >> 8) * (uint8_t)in->op[0].imm);
    uint8_t v = (uint8_t)(old + tens);

    set_ax(cpu, v);
    cpu_set_aflags(cpu, szp(v) | (v < old ? FL_CF : 0) | ((old ^ tens ^ v) & FL_AF) |
                            ((old ^ v) & (tens ^ v) & 0x80 ? FL_OF : 0));
}
