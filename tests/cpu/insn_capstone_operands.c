/* SPDX-License-Identifier: MIT
 * Operands as Capstone sees them against ours: registers, addresses, values.
 * Compared only where both list the same number of operands; operand sizes show
 * in the register names. */
#include "tests/cpu/insn_capstone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *gpr_name(unsigned reg, unsigned size, bool high8)
{
    static const char *const names[5][16] = {
        {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b",
         "r12b", "r13b", "r14b", "r15b"},
        {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w",
         "r13w", "r14w", "r15w"},
        {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d",
         "r12d", "r13d", "r14d", "r15d"},
        {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11",
         "r12", "r13", "r14", "r15"},
        {"ah", "ch", "dh", "bh"},
    };
    return names[high8 ? 4 : __builtin_ctz(size)][reg];
}

static const char *const seg_names[] = {"es", "cs", "ss", "ds", "fs", "gs"};

static const char *reg_name(const struct insn_operand *o, char *buf, size_t size)
{
    static const char *const stems[] = {
        [OPND_CR] = "cr%u",  [OPND_DR] = "dr%u",   [OPND_XMM] = "xmm%u",
        [OPND_MMX] = "mm%u", [OPND_ST] = "st(%u)",
    };

    if (o->kind == OPND_GPR)
        return gpr_name(o->reg, o->size, o->high8);
    if (o->kind == OPND_SREG)
        return seg_names[o->reg];
    if (o->kind == OPND_XMM && o->size == 32)
        snprintf(buf, size, "ymm%u", o->reg);
    else
        snprintf(buf, size, stems[o->kind], o->reg);
    return buf;
}

static bool same_bits(int64_t a, int64_t b, unsigned bytes)
{
    return bytes >= 8 || !((uint64_t)(a ^ b) << (64 - 8 * bytes));
}

/* Index of a gather: Capstone's name of a vector register ends in its number. */
static bool same_vsib(const char *index, const struct insn_mem *m)
{
    return (index[0] == 'x' || index[0] == 'y') && strtoul(index + 3, NULL, 10) == m->index;
}

static bool same_mem(csh cs, const struct insn *in, const cs_x86_op *o)
{
    const struct insn_mem *m = &in->mem;
    const char *base = o->mem.base ? cs_reg_name(cs, o->mem.base) : "";
    const char *index = o->mem.index ? cs_reg_name(cs, o->mem.index) : "";
    const char *ours = "";
    /* 67 beside REX.W was kept from Capstone: insn_capstone_test.c */
    unsigned asize = in->mode == INSN_64 && in->rex & 8 && !in->vex ? 8 : m->asize;

    if (m->base == MEM_RIP)
        ours = asize == 8 ? "rip" : "eip";
    else if (m->base != MEM_NOREG)
        ours = gpr_name(m->base, asize, false);
    if (strcmp(base, ours))
        return false;
    if (in->row->attr & IA_VSIB)
        return same_vsib(index, m) && o->mem.scale == m->scale;
    ours = m->index == MEM_NOREG ? "" : gpr_name(m->index, asize, false);
    if (!strcmp(index, "riz") || !strcmp(index, "eiz"))
        index = "";
    if (strcmp(index, ours) || (*ours && o->mem.scale != m->scale))
        return false;
    if (o->mem.segment && strcmp(cs_reg_name(cs, o->mem.segment), seg_names[m->seg]))
        return false;
    return same_bits(o->mem.disp, m->disp, m->asize);
}

static bool same_operand(csh cs, const struct insn *in, const struct insn_operand *ours,
                         const cs_x86_op *o, unsigned len)
{
    char buf[16];

    switch (ours->kind) {
    case OPND_MEM: return o->type == X86_OP_MEM && same_mem(cs, in, o);
    case OPND_IMM: return o->type == X86_OP_IMM && same_bits(o->imm, ours->imm, ours->size);
    case OPND_REL: /* Capstone cuts targets to 16 bits where it should not, and vice versa */
        return o->type == X86_OP_IMM && same_bits(o->imm, ours->imm + len, 2);
    case OPND_FAR: return true;
    default:
        return o->type == X86_OP_REG &&
               !strcmp(cs_reg_name(cs, o->reg), reg_name(ours, buf, sizeof(buf)));
    }
}

/* Where Capstone's operands are named in another way. */
static bool other_naming(const struct insn *in)
{
    switch (in->id) {
    case I_XCHG:     /* order */
    case I_MOV_SREG: /* r/m16 shown as a 32-bit register */
    case I_LAR:      /* source shown as a 32-bit register */
    case I_LSL:
    case I_RDPID:  /* unknown to it */
    case I_MOVSXD: /* without REX.W shown as if with it */
    case I_IN:     /* REX.W beside 66 */
    case I_OUT: return true;
    default: return in->mode == INSN_16 && in->pfx;
    }
}

bool insn_operands_agree(csh cs, const struct insn *in, const cs_insn *ci)
{
    const cs_x86 *x = &ci->detail->x86;

    if (x->op_count != in->nops || other_naming(in))
        return true;
    for (unsigned i = 0; i < in->nops; i++) {
        if (!same_operand(cs, in, &in->op[i], &x->operands[i], ci->size))
            return false;
    }
    return true;
}
