/* SPDX-License-Identifier: MIT
 * Guest memory accesses. The fast path leaves [X_ADDR + X_ENT] as the host
 * address of the operand:
 *
 *      lea   r14, [guest address]
 *      test  r14b, size-1 ; jnz  (out of line: does it cross the page?)
 *      pext  r15, r14, [mask of bits 47..12]     or two shifts
 *      mov   rax, [rsp + mmu.rd] ; mov r15, [rax + r15*8]
 *      test  r15, r15 ; jz slow
 *      op    [r14 + r15]
 *
 * With segment checks r14 is an offset first (asize says how it is truncated):
 *
 *      lea   r15, [r14 + size] ; cmp r15, [rsp + seg_end[seg][write]] ; ja seg_linear
 *      add   r14d, [rsp + seg[seg].base]
 *
 * The slow path goes through C into a bounce buffer in struct cpu and points X_ENT
 * so that the same operation works on that. For stores the bytes of the operation are
 * copied into the slow path, followed by the call that stores the buffer; so the
 * bytes between x64_mem_begin and x64_mem_end must be position independent, leave X_ADDR
 * alone, and write no guest state in memory. Write-backs go after x64_mem_end. The access
 * may trap (trap.c), so no guest register changes before it either. */
#include "translator/x86_64/x64.h"

#include <assert.h>
#include <string.h>

static bool disp_fits(int64_t d)
{
    return d == (int32_t)d;
}

/* Host register holding base or index `ref`, loaded to `tmp` when it lives in memory. */
static unsigned addr_reg(struct x64 *c, unsigned ref, unsigned tmp)
{
    struct x64_rm m;

    if (ref == IR_NONE)
        return X_NOREG;
    m = x64_rm(ref);
    if (!m.mem)
        return m.base;
    e_mov_r_rm(&c->e, 8, tmp, m);
    return tmp;
}

void x64_lea(struct x64 *c, const struct ir_mem *m, unsigned host)
{
    struct emit *e = &c->e;
    unsigned aw = m->asize == 8 ? 8 : 4;
    unsigned base = addr_reg(c, m->base, X_ADDR), index = addr_reg(c, m->index, X_ENT);
    int64_t disp = m->disp;

    if (aw == 4)
        disp = (int32_t)disp;
    if (base == X_NOREG && index == X_NOREG) {
        e_mov_imm(e, host, aw == 8 ? (uint64_t)disp : (uint32_t)disp);
    } else if (disp_fits(disp)) {
        if (disp || index != X_NOREG)
            e_lea(e, aw, host, rm_idx(base, index, m->scale, (int32_t)disp));
        else
            e_mov_rr(e, aw, host, base);
    } else { /* absolute parts beyond 32 bits */
        if (index != X_NOREG) {
            e_lea(e, 8, X_ENT, rm_idx(base, index, m->scale, 0));
            base = X_ENT;
        }
        e_mov_imm(e, X_RAX, (uint64_t)disp);
        e_lea(e, 8, host, rm_idx(base, X_RAX, 0, 0));
    }
    if (m->asize == 2)
        e_movzx(e, 2, host, rm_reg(host));
}

static void to_slow(struct x64 *c, struct x64_slow *s, unsigned cc)
{
    s->from[s->nfrom++] = e_jcc_fwd(&c->e, cc);
}

/* Is the offset in X_ADDR inside the segment? What needs a closer look goes to seg_linear. */
static struct x64_slow *segment_check(struct x64 *c, unsigned seg, unsigned size, bool write)
{
    struct x64_slow *s = x64_slow_new(c, SL_SEG);
    struct emit *e = &c->e;

    s->size = (uint8_t)size;
    s->seg = (uint8_t)seg;
    s->write = write;
    e_lea(e, 8, X_ENT, rm_mem(X_ADDR, (int32_t)size));
    e_alu_r_rm(e, 7, 8, X_ENT,
               rm_mem(X_RSP, ENV(seg_end) + (int32_t)(2 * seg + write) * 8));
    to_slow(c, s, CC_A);
    return s;
}

static void emit_seg(struct x64 *c, const struct x64_slow *s)
{
    struct emit *e = &c->e;

    e_mov_imm(e, X_ENT, s->size | (uint64_t)s->seg << 8 | (uint64_t)s->write << 16);
    e_mov_imm(e, X_RAX, (uint64_t)(uintptr_t)x64_helper_seg);
    e_call(e, c->j->t_sync);
    x64_site_here(c, s->undo, s->late, s->rip);
    e_mov_rr(e, 8, X_ADDR, X_RAX);
    e_jmp(e, s->end);
}

void x64_address(struct x64 *c, const struct ir *o, unsigned size, bool write)
{
    const struct ir_mem *m = &o->mem;
    struct x64_slow *s = NULL;

    x64_lea(c, m, X_ADDR);
    if (m->check)
        s = segment_check(c, m->seg, size, write);
    if (m->seg != IRSEG_NONE)
        e_alu_r_rm(&c->e, 0, (c->b->mode & CM_SIZE) == CM_64 ? 8 : 4, X_ADDR,
                   rm_mem(X_RSP, ENV(seg) + m->seg * (int32_t)sizeof(struct seg) +
                                     (int32_t)offsetof(struct seg, base)));
    if (s)
        s->end = c->e.p;
}

/* May the linear address be non-canonical? */
static bool may_be_noncanonical(struct x64 *c)
{
    const struct ir_mem *m = &c->o->mem;

    if ((c->b->mode & CM_SIZE) != CM_64)
        return false;
    if (m->base == IR_NONE && m->index == IR_NONE && m->seg == IRSEG_NONE)
        return !cpu_canonical((uint64_t)m->disp);
    return m->asize == 8 || m->seg != IRSEG_NONE;
}

static void align_check(struct x64 *c, struct x64_slow *s, unsigned size)
{
    struct emit *e = &c->e;

    if (size == 1)
        return;
    e_test_imm(e, 1, rm_reg(X_ADDR), (int32_t)size - 1);
    if (c->o->attr & IRA_ALIGN) {
        x64_raise_if(c, CC_NZ, EXC_GP);
        return;
    }
    s->misaligned = e_jcc_fwd(e, CC_NZ);
    s->aligned_back = e->p;
}

static void tlb_lookup(struct x64 *c, struct x64_slow *s, bool write)
{
    struct emit *e = &c->e;
    int32_t tag = write ? (int32_t)offsetof(struct mmu_tlb_entry, wr_tag)
                        : (int32_t)offsetof(struct mmu_tlb_entry, rd_tag);

    e_mov_rr(e, 4, X_RAX, X_ADDR);
    e_shift_imm(e, 5, 4, rm_reg(X_RAX), GUEST_PAGE_SHIFT - 5);
    e_alu_imm(e, 4, 4, rm_reg(X_RAX), ((1 << MMU_TLB_BITS) - 1) << 5);
    e_alu_r_rm(e, 0, 8, X_RAX, rm_mem(X_RSP, ENV(mmu.tlb)));
    e_mov_rr(e, 8, X_ENT, X_ADDR);
    e_alu_imm(e, 4, 8, rm_reg(X_ENT), -4096);
    e_alu_r_rm(e, 7, 8, X_ENT, rm_mem(X_RAX, tag));
    to_slow(c, s, CC_NZ);
    e_mov_r_rm(e, 8, X_ENT, rm_mem(X_RAX, offsetof(struct mmu_tlb_entry, addend)));
}

void x64_table_lookup(struct x64 *c, struct x64_slow *s, bool write)
{
    struct emit *e = &c->e;
    bool check = may_be_noncanonical(c) && (!c->j->trap_noncanon || c->force_canon);

    if (check) {
        e_mov_rr(e, 8, X_ENT, X_ADDR);
        e_shift_imm(e, 4, 8, rm_reg(X_ENT), 16);
        e_shift_imm(e, 7, 8, rm_reg(X_ENT), 16);
        e_alu_r_rm(e, 7, 8, X_ENT, rm_reg(X_ADDR));
        to_slow(c, s, CC_NZ);
    }
    if ((c->b->mode & CM_SIZE) != CM_64) {
        e_mov_rr(e, 4, X_ENT, X_ADDR);
        e_shift_imm(e, 5, 4, rm_reg(X_ENT), GUEST_PAGE_SHIFT);
    } else if (c->j->hf & HF_FAST_PEXT) { /* pext r15, r14, [rip + mask] */
        e_vex(e, 2, 2, 8, 0xf5, X_ENT, X_ADDR, rm_mem(X_RBP, 0));
        e->p[-2] &= 0x3f; /* mod 0, rm 101: RIP-relative; the disp8 becomes disp32 */
        e->p--;
        e32(e, (uint32_t)(c->j->k_pagemask - (e->p + 4)));
    } else {
        if (!check)
            e_mov_rr(e, 8, X_ENT, X_ADDR);
        e_shift_imm(e, 4, 8, rm_reg(X_ENT), 16);
        e_shift_imm(e, 5, 8, rm_reg(X_ENT), 16 + GUEST_PAGE_SHIFT);
    }
    e_mov_r_rm(e, 8, X_RAX, rm_mem(X_RSP, write ? ENV(mmu.wr) : ENV(mmu.rd)));
    e_mov_r_rm(e, 8, X_ENT, rm_idx(X_RAX, X_ENT, 3, 0));
    e_test_rm_r(e, 8, rm_reg(X_ENT), X_ENT);
    to_slow(c, s, CC_Z);
}

void x64_mem_begin(struct x64 *c, unsigned size, enum x64_slow_kind kind)
{
    struct x64_slow *s;
    bool write = kind != SL_LOAD;

    assert(size == 1 || size == 2 || size == 4 || size == 8 || size == 16 ||
           size == 32);
    x64_flags_clobber(c);
    if (c->access[c->i].group != NO_GROUP) {
        x64_group_begin(c, size, kind);
        return;
    }
    x64_address(c, c->o, size, write);
    s = x64_slow_new(c, kind);
    s->size = (uint8_t)size;
    s->ss = ir_mem_is_stack(&c->o->mem);
    align_check(c, s, size);
    if (c->j->tlb)
        tlb_lookup(c, s, write);
    else
        x64_table_lookup(c, s, write);
    s->traps = c->j->trap_noncanon && !c->j->tlb && may_be_noncanonical(c) && !c->force_canon;
    s->start = c->e.p;
    c->cur = s;
}

void x64_mem_end(struct x64 *c)
{
    c->cur->end = c->e.p;
    c->e.alias.mem = false;
    c->cur = NULL;
}

/* Crossing check of an unaligned access; falls into the slow path. */
static void emit_misaligned(struct x64 *c, struct x64_slow *s)
{
    struct emit *e = &c->e;

    e_patch_here(e, s->misaligned);
    e_lea(e, 4, X_RAX, rm_mem(X_ADDR, s->size - 1));
    e_alu_r_rm(e, 6, 4, X_RAX, rm_reg(X_ADDR));
    e8(e, 0xa9); /* test eax, imm32 */
    e32(e, GUEST_PAGE_SIZE);
    e_patch(e, e_jcc_fwd(e, CC_Z), s->aligned_back);
}

void x64_call_thunk(struct x64 *c, const struct x64_slow *s, const uint8_t *thunk)
{
    e_mov_imm(&c->e, X_ENT, s->size | (s->ss ? DESC_SS : 0));
    e_call(&c->e, thunk);
    x64_site_here(c, s->undo, s->late, s->rip);
}

void x64_point_at_bounce(struct x64 *c)
{
    e_lea(&c->e, 8, X_ENT, rm_mem(X_RSP, ENV_BOUNCE));
    e_alu_rm_r(&c->e, 5, 8, rm_reg(X_ENT), X_ADDR);
}

void x64_copy_access(struct x64 *c, const struct x64_slow *s)
{
    size_t n = (size_t)(s->end - s->start);

    memcpy(c->e.p, s->start, n);
    c->e.p += n;
}

static void emit_access(struct x64 *c, struct x64_slow *s)
{
    struct emit *e = &c->e;

    switch (s->kind) {
    case SL_LOAD:
        x64_call_thunk(c, s, c->j->t_load);
        x64_group_clear(c, s->slots);
        x64_point_at_bounce(c);
        e_jmp(e, s->start);
        break;
    case SL_STORE:
        x64_point_at_bounce(c);
        x64_copy_access(c, s);
        x64_call_thunk(c, s, c->j->t_store);
        x64_group_clear(c, s->slots);
        e_jmp(e, s->end);
        break;
    case SL_RMW:
        x64_call_thunk(c, s, c->j->t_rmw);
        x64_point_at_bounce(c);
        x64_copy_access(c, s);
        x64_call_thunk(c, s, c->j->t_commit);
        x64_group_clear(c, s->slots);
        e_jmp(e, s->end);
        break;
    default:
        x64_call_thunk(c, s, c->j->t_probe);
        x64_group_clear(c, s->slots);
        e_jmp(e, s->end);
        break;
    }
}

/* The C implementation of a vector instruction whose host twin trapped. */
static void emit_vec_call(struct x64 *c, const struct x64_slow *s)
{
    struct emit *e = &c->e;

    if (s->vec_mem)
        e_mov_rr(e, 8, X_ENT, X_ADDR);
    e_mov_imm(e, X_ADDR, (uint64_t)(uintptr_t)s->insn);
    e_mov_imm(e, X_RAX, (uint64_t)(uintptr_t)vec_exec);
    e_call(e, c->j->t_sync);
    x64_site_here(c, s->undo, s->late, s->rip);
    if (s->insn->row && (s->insn->row->fl_write & FL_ARITH))
        x64_flags_load(c);
    x64_group_clear(c, s->slots);
    e_jmp(e, s->end);
}

/* Emits the out-of-line part of one op. */
void x64_slow_emit(struct x64 *c, struct x64_slow *s)
{
    struct emit *e = &c->e;

    if (s->misaligned)
        emit_misaligned(c, s);
    for (unsigned i = 0; i < s->nfrom; i++)
        e_patch_here(e, s->from[i]);
    if (s->traps)
        x64_trap_add(c, s->start, s->kind == SL_CALL ? s->trap_end : s->end,
                     s->kind == SL_CALL);
    if (s->kind == SL_RAISE) {
        e_mov_imm(e, X_ADDR, s->vector);
        e_call(e, c->j->t_raise);
        x64_site_here(c, s->undo, s->late, s->rip);
    } else if (s->kind == SL_SEG) {
        emit_seg(c, s);
    } else if (s->kind == SL_CALL) {
        emit_vec_call(c, s);
    } else if (s->access) {
        x64_group_slow(c, s);
    } else if (s->kind == SL_X87 || s->kind == SL_X87_LOAD) {
        x64_x87_slow(c, s);
    } else {
        emit_access(c, s);
    }
}
