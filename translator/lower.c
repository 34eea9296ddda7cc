/* SPDX-License-Identifier: MIT
 * The lowering driver: decodes guest code, checks what the instruction table
 * says about availability, and hands each instruction to its lower_X(). */
#include "translator/lower.h"

#include <string.h>

#define MAX_INSNS 64
#define OPS_PER_INSN 12 /* no lowering emits more */

static lower_fn *const by_id[I_COUNT] = {
#define X(id) [I_##id] = lower_##id,
    LOWER_INT_IDS(X)
#undef X
};

struct ir *lower_emit(struct lower *l, enum ir_op op, unsigned w)
{
    struct ir *o = &l->b->op[l->b->n++];

    memset(o, 0, sizeof(*o));
    o->op = (uint8_t)op;
    o->w = (uint8_t)w;
    o->d = o->a = o->b = IR_NONE;
    o->mem.seg = IRSEG_NONE;
    o->mem.base = o->mem.index = IR_NONE;
    return o;
}

static void set_seg(struct lower *l, struct ir_mem *m, unsigned seg)
{
    if (lower_64(l)) {
        m->seg = seg == SEG_FS || seg == SEG_GS ? (uint8_t)seg : IRSEG_NONE;
    } else if (lower_flat(l) && seg != SEG_FS && seg != SEG_GS && seg != SEG_CS) {
        m->seg = IRSEG_NONE;
    } else {
        m->seg = (uint8_t)seg;
        m->check = true;
    }
}

void lower_set_mem(struct lower *l, struct ir *o)
{
    const struct insn_mem *m = &l->in->mem;

    set_seg(l, &o->mem, m->seg);
    o->mem.disp = m->disp;
    o->mem.asize = m->asize;
    if (m->base == MEM_RIP)
        o->mem.disp += (int64_t)l->next;
    else
        o->mem.base = m->base == MEM_NOREG ? IR_NONE : m->base;
    o->mem.index = m->index == MEM_NOREG ? IR_NONE : m->index;
    o->mem.scale = (uint8_t)__builtin_ctz(m->scale ? m->scale : 1);
    /* an absolute address needs no run-time truncation */
    if (o->mem.base == IR_NONE && o->mem.index == IR_NONE && m->asize < 8)
        o->mem.disp &= m->asize == 4 ? 0xffffffffll : 0xffffll;
}

void lower_mem_at(struct lower *l, struct ir *o, unsigned seg, uint8_t base, int64_t disp,
                  unsigned asize)
{
    set_seg(l, &o->mem, seg);
    o->mem.base = base;
    o->mem.disp = disp;
    o->mem.asize = (uint8_t)asize;
}

static uint8_t set_operand(struct lower *l, struct ir *o, const struct insn_operand *p)
{
    switch (p->kind) {
    case OPND_GPR:
        return p->high8 ? (uint8_t)(IR_AH + p->reg) : p->reg;
    case OPND_IMM:
        o->imm = p->imm;
        return IR_IMM;
    case OPND_MEM:
        lower_set_mem(l, o);
        if (l->in->lock)
            o->attr |= IRA_LOCK;
        return IR_MEM;
    default:
        return IR_NONE;
    }
}

void lower_set_d(struct lower *l, struct ir *o, const struct insn_operand *p)
{
    o->d = set_operand(l, o, p);
}

void lower_set_a(struct lower *l, struct ir *o, const struct insn_operand *p)
{
    o->a = set_operand(l, o, p);
}

void lower_flags(struct lower *l, struct ir *o)
{
    o->fr = l->in->row->fl_read & FL_ARITH;
    o->fw = l->in->row->fl_write & FL_ARITH;
    o->fu = l->in->row->fl_undef & FL_ARITH;
}

struct ir *lower_mov(struct lower *l, unsigned w, uint8_t d, uint8_t a)
{
    struct ir *o = lower_emit(l, IR_MOV, w);

    o->d = d;
    o->a = a;
    return o;
}

struct ir *lower_imm(struct lower *l, unsigned w, uint8_t d, int64_t imm)
{
    struct ir *o = lower_mov(l, w, d, IR_IMM);

    o->imm = imm;
    return o;
}

void lower_add_reg(struct lower *l, uint8_t reg, int64_t imm, unsigned asize)
{
    struct ir *o = lower_emit(l, IR_LEA, asize);

    o->d = reg;
    o->mem.base = reg;
    o->mem.disp = imm;
    o->mem.asize = (uint8_t)asize;
}

void lower_raise(struct lower *l, enum exc_vector v)
{
    lower_emit(l, IR_RAISE, 0)->imm = v;
    l->end = true;
}

void lower_call(struct lower *l, sys_fn *fn, bool ends)
{
    struct ir *o = lower_emit(l, IR_CALL, 0);

    o->fn = fn;
    o->ext = l->in;
    o->fr = FL_ARITH;
    o->imm = (int64_t)l->next;
    if (ends) {
        lower_emit(l, IR_EXIT, 0);
        l->end = true;
    }
}

unsigned lower_stack_size(const struct lower *l)
{
    if (lower_64(l))
        return 8;
    return l->mode & CM_SS32 ? 4 : 2;
}

/* #UD, #NM and privilege checks that the table decides before any operand is
 * looked at; true when an exception was lowered instead. */
static bool lower_unavailable(struct lower *l)
{
    const struct insn_row *row = l->in->row;

    if (!cpu_has(l->cpu, row->feature) && row->feature != IF_BASE && row->id != I_TZCNT &&
        row->id != I_LZCNT) {
        lower_raise(l, EXC_UD);
        return true;
    }
    if ((row->attr & IA_PROT) && !(l->mode & CM_PE)) {
        lower_raise(l, EXC_UD);
        return true;
    }
    if ((row->attr & IA_CPL0) && (l->mode & CM_CPL3)) {
        lower_raise(l, EXC_GP);
        return true;
    }
    return false;
}

static void lower_insn(struct lower *l)
{
    struct ir *o = lower_emit(l, IR_INSN, 0);

    o->imm = (int64_t)l->rip;
    o->aw = l->in->len;
    if (lower_unavailable(l))
        return;
    switch (insn_class((enum insn_id)l->in->id)) {
    case IC_VEC:
        lower_vec(l);
        break;
    case IC_X87:
        lower_x87(l);
        break;
    default:
        if (by_id[l->in->id])
            by_id[l->in->id](l);
        else
            lower_sys(l);
    }
}

/* Ends a block that ran into a limit: falls through to the next instruction. An STI is done in C
 * there, since its shadow covers the next block's first instruction. */
static void lower_fallthrough(struct lower *l)
{
    if (l->sti) {
        l->b->n = l->sti;
        lower_call(l, sys_table[I_STI], true);
        return;
    }
    lower_emit(l, IR_JMP, 0)->imm = (int64_t)l->next;
}

static void lower_bad(struct lower *l, enum insn_status st, unsigned len)
{
    struct ir *o = lower_emit(l, IR_INSN, 0);

    o->imm = (int64_t)l->rip;
    o->aw = (uint8_t)len;
    lower_raise(l, st == INSN_TOO_LONG ? EXC_GP : EXC_UD);
    l->b->ninsn++;
}

static uint64_t next_rip(const struct lower *l, unsigned len)
{
    uint64_t next = l->rip + len;

    return lower_64(l) ? next : (uint32_t)next;
}

int lower_block(struct ir_block *b, struct cpu *cpu, uint64_t rip, const uint8_t *code, size_t n,
                unsigned max_insns)
{
    struct lower l = {.b = b, .cpu = cpu, .rip = rip, .mode = cpu->mode};
    size_t pos = 0;

    b->n = b->ninsn = b->bytes = 0;
    b->rip = rip;
    b->cs_base = lower_64(&l) ? 0 : cpu->seg[SEG_CS].base;
    b->mode = cpu->mode;
    if (max_insns > MAX_INSNS)
        max_insns = MAX_INSNS;
    while (!l.end && b->ninsn < max_insns && b->n + 2 * OPS_PER_INSN < IR_MAX_OPS) {
        struct insn *in = &b->insn[b->ninsn];
        enum insn_status st =
            insn_decode(in, code + pos, n - pos, (enum insn_mode)(l.mode & CM_SIZE));

        if (st == INSN_MORE) {
            if (!b->ninsn)
                return -1;
            break;
        }
        l.in = in;
        l.sti = 0;
        if (st != INSN_OK) {
            unsigned len = in->len && in->len <= n - pos ? in->len : 1;

            lower_bad(&l, st, len);
            b->bytes += len;
            return 0;
        }
        l.next = next_rip(&l, in->len);
        lower_insn(&l);
        b->ninsn++;
        pos += in->len;
        b->bytes = (unsigned)pos;
        l.rip = l.next;
    }
    if (!l.end) {
        l.next = l.rip;
        lower_fallthrough(&l);
    }
    return 0;
}
