/* SPDX-License-Identifier: MIT
 * Integer instructions too long to translate inline: PUSHA POPA ENTER
 * CMPXCHG8B CMPXCHG16B CRC32 (SDM vol. 2). */
#include <string.h>

#include "cpu/sys_fns.h"

/* --- stack --- */

static uint64_t stack_mask_of(const struct cpu *cpu)
{
    if ((cpu->mode & CM_SIZE) == CM_64)
        return ~0ull;
    return cpu->mode & CM_SS32 ? 0xffffffff : 0xffff;
}

static gva stack_va(struct cpu *cpu, uint64_t sp, unsigned size, bool write)
{
    return seg_linear(cpu, SEG_SS, sp & stack_mask_of(cpu), size, write);
}

/* SP and BP change within the stack's address size only. */
static void set_stack_reg(struct cpu *cpu, unsigned reg, uint64_t v)
{
    uint64_t mask = stack_mask_of(cpu);

    cpu->gpr[reg] = mask == 0xffff ? (cpu->gpr[reg] & ~mask) | (v & mask) : v & mask;
}

void sys_pusha(struct cpu *cpu, const struct insn *in)
{
    unsigned size = in->opsize == 2 ? 2 : 4, i;
    uint64_t sp = cpu->gpr[R_SP];
    gva va[8];

    for (i = 0; i < 8; i++) {
        va[i] = stack_va(cpu, sp - (i + 1) * size, size, true);
        cpu_probe_write(cpu, va[i], size);
    }
    for (i = 0; i < 8; i++)
        cpu_st(cpu, va[i], cpu->gpr[i], size);
    set_stack_reg(cpu, R_SP, sp - 8 * size);
}

void sys_popa(struct cpu *cpu, const struct insn *in)
{
    unsigned size = in->opsize == 2 ? 2 : 4, i;
    uint64_t sp = cpu->gpr[R_SP], v[8];

    for (i = 0; i < 8; i++)
        v[i] = cpu_ld(cpu, stack_va(cpu, sp + i * size, size, false), size);
    for (i = 0; i < 8; i++)
        if (7 - i != R_SP)
            memcpy(&cpu->gpr[7 - i], &v[i], size);
    set_stack_reg(cpu, R_SP, sp + 8 * size);
}

/* Pushes go to memory at once (below the old SP); registers change at the end. */
void sys_enter(struct cpu *cpu, const struct insn *in)
{
    unsigned size = in->opsize, level = (unsigned)in->op[1].imm & 31, i;
    uint64_t sp = cpu->gpr[R_SP] - size, bp = cpu->gpr[R_BP], frame = sp;

    cpu_st(cpu, stack_va(cpu, sp, size, true), bp, size);
    for (i = 1; i < level; i++) {
        uint64_t v;

        bp -= size;
        v = cpu_ld(cpu, stack_va(cpu, bp, size, false), size);
        sp -= size;
        cpu_st(cpu, stack_va(cpu, sp, size, true), v, size);
    }
    if (level) {
        sp -= size;
        cpu_st(cpu, stack_va(cpu, sp, size, true), frame, size);
    }
    sp -= (uint16_t)in->op[0].imm;
    cpu_probe_write(cpu, stack_va(cpu, sp, size, true), size);
    frame &= stack_mask_of(cpu);
    if (size == 2)
        memcpy(&cpu->gpr[R_BP], &frame, 2);
    else
        cpu->gpr[R_BP] = size == 4 ? (uint32_t)frame : frame;
    set_stack_reg(cpu, R_SP, sp);
}

/* --- CMPXCHG8B, CMPXCHG16B: the destination is written in either case --- */

static void set_zf(struct cpu *cpu, bool on)
{
    uint32_t fl = cpu_get_aflags(cpu) & ~(uint32_t)FL_ZF;

    cpu_set_aflags(cpu, on ? fl | FL_ZF : fl);
}

static gva double_va(struct cpu *cpu, const struct insn *in, unsigned size)
{
    gva va = seg_linear(cpu, in->mem.seg, cpu_ea(cpu, in), size, true);

    if (size == 16 && va & 15)
        cpu_raise_err(cpu, EXC_GP, 0);
    cpu_probe_write(cpu, va, size);
    return va;
}

void sys_cmpxchg8b(struct cpu *cpu, const struct insn *in)
{
    gva va = double_va(cpu, in, 8);
    uint64_t *r = cpu->gpr, old = cpu_ld(cpu, va, 8);
    bool equal = old == ((uint32_t)r[R_AX] | r[R_DX] << 32);

    cpu_st(cpu, va, equal ? (uint32_t)r[R_BX] | r[R_CX] << 32 : old, 8);
    set_zf(cpu, equal);
    if (equal)
        return;
    r[R_AX] = (uint32_t)old;
    r[R_DX] = old >> 32;
}

void sys_cmpxchg16b(struct cpu *cpu, const struct insn *in)
{
    gva va = double_va(cpu, in, 16);
    uint64_t *r = cpu->gpr, old[2], new[2] = {r[R_BX], r[R_CX]};
    bool equal;

    cpu_ld_bytes(cpu, va, old, 16);
    equal = old[0] == r[R_AX] && old[1] == r[R_DX];
    cpu_st_bytes(cpu, va, equal ? new : old, 16);
    set_zf(cpu, equal);
    if (equal)
        return;
    r[R_AX] = old[0];
    r[R_DX] = old[1];
}

/* --- CRC32: Castagnoli polynomial 11EDC6F41h, bit-reflected, not inverted --- */

static uint64_t source(struct cpu *cpu, const struct insn *in, unsigned size)
{
    const struct insn_operand *o = &in->op[1];

    if (o->kind == OPND_MEM)
        return cpu_ld(cpu, seg_linear(cpu, in->mem.seg, cpu_ea(cpu, in), size, false), size);
    return o->high8 ? cpu->gpr[o->reg] >> 8 : cpu->gpr[o->reg];
}

void sys_crc32(struct cpu *cpu, const struct insn *in)
{
    unsigned size = in->op[1].size, i, bit;
    uint64_t data = source(cpu, in, size);
    uint32_t crc = (uint32_t)cpu->gpr[in->op[0].reg];

    for (i = 0; i < size; i++) {
        crc ^= (uint8_t)(data >> 8 * i);
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    cpu->gpr[in->op[0].reg] = crc;
}
