/* SPDX-License-Identifier: MIT
 * Ways into and out of a block: entry check, direct jumps (chainable inside
 * the page, through the jump cache beyond it), indirect jumps, calls of C, exceptions. */
#include "cpu/fast.h"
#include "translator/x86_64/x64.h"

#define ENV_RIP rm_mem(X_RSP, ENV(rip))

static gva linear(const struct x64 *c, uint64_t rip)
{
    return code_linear(rip, c->b->cs_base, c->b->mode);
}

static uint64_t key(const struct x64 *c, uint64_t rip)
{
    return jc_key(rip, c->b->cs_base, c->b->mode);
}

static void set_env(struct x64 *c, struct x64_rm m, uint64_t v)
{
    if ((int64_t)v == (int32_t)v) {
        e_mov_rm_imm(&c->e, 8, m, (int32_t)v);
        return;
    }
    e_mov_imm(&c->e, X_RAX, v);
    e_mov_rm_r(&c->e, 8, m, X_RAX);
}

void x64_call_c(struct x64 *c, uint64_t fn)
{
    e_mov_imm(&c->e, X_RAX, fn);
    e_call(&c->e, c->j->t_sync);
    c->upper_used = false;
    x64_site_here(c, x64_undo(c), c->late, c->rip);
}

void x64_raise_if(struct x64 *c, unsigned cc, unsigned vector)
{
    struct x64_slow *s = x64_slow_new(c, SL_RAISE);

    s->vector = (uint8_t)vector;
    s->from[s->nfrom++] = e_jcc_fwd(&c->e, cc);
}

void x64_op_probe(struct x64 *c)
{
    c->force_canon = true; /* nothing is accessed that could trap */
    x64_mem_begin(c, c->o->w, SL_PROBE);
    x64_mem_end(c);
    c->force_canon = false;
}

void x64_count(struct x64 *c, int32_t n, bool add)
{
    e_alu_imm(&c->e, add ? 0 : 5, 8, rm_mem(X_RSP, ENV(icount)), n);
    e_alu_imm(&c->e, add ? 5 : 0, 8, rm_mem(X_RSP, ENV(budget)), n);
}

void x64_set_rips(struct x64 *c, uint64_t rip, uint64_t next)
{
    set_env(c, ENV_RIP, rip);
    set_env(c, rm_mem(X_RSP, ENV(next_rip)), next);
}

/* Tries the function that leaves vector registers alone. An instruction that ends the block
 * comes back only when that did not do it, any other with NZ when it did. */
static bool call_fast(struct x64 *c, bool ends)
{
    const struct ir *o = c->o;
    sys_fast_fn *fn = o->fn == sys_table[o->ext->id] ? fast_table[o->ext->id] : NULL;

    if (!fn)
        return false;
    e_mov_imm(&c->e, X_RAX, (uint64_t)(uintptr_t)fn);
    e_call(&c->e, ends ? c->j->t_fastexit : c->j->t_fast);
    return true;
}

/* C implementation of an instruction; what it counts on is exact in struct cpu. */
void x64_op_call(struct x64 *c)
{
    const struct ir *o = c->o;
    uint16_t undo = x64_undo(c) - 1; /* the instruction itself counts as begun */
    bool ends = c->b->ops[c->i + 1].op == IR_EXIT;
    uint8_t *done = NULL;

    x64_flags_sync(c);
    x64_set_rips(c, c->rip, c->next_rip);
    if (c->j->counting)
        x64_count(c, undo, false);
    e_mov_imm(&c->e, X_ADDR, (uint64_t)(uintptr_t)o->ext);
    if (call_fast(c, ends) && !ends)
        done = e_jcc_fwd(&c->e, CC_NZ);
    e_mov_imm(&c->e, X_RAX, (uint64_t)(uintptr_t)o->fn);
    if (ends) {
        e_call(&c->e, c->j->t_callexit);
        x64_site_here(c, 1, 0, c->rip);
        c->left = true;
        return;
    }
    e_call(&c->e, c->j->t_sync);
    x64_site_here(c, 1, 0, c->rip);
    if (done)
        e_patch_here(&c->e, done);
    if (c->j->counting)
        x64_count(c, undo, true);
    c->x87_live = false; /* it may have looked at the state */
    x64_flags_begin(c);
}

void x64_op_raise(struct x64 *c)
{
    x64_flags_sync(c);
    e_mov_imm(&c->e, X_ADDR, (uint64_t)c->o->imm);
    e_call(&c->e, c->j->t_raise);
    x64_site_here(c, x64_undo(c), c->late, c->rip);
}

/* Outside 64-bit code targets are at most 32 bits wide. */
static void check_limit(struct x64 *c)
{
    struct x64_rm limit = rm_mem(X_RSP, ENV(seg) + SEG_CS * (int32_t)sizeof(struct seg) +
                                            (int32_t)offsetof(struct seg, limit));

    x64_flags_clobber(c);
    x64_ld(c, X_ADDR, c->o->a, 4);
    e_alu_r_rm(&c->e, 7, 4, X_ADDR, limit);
    x64_raise_if(c, CC_A, EXC_GP);
}

/* Flat code has a CS limit of 4 GiB, so that no target can be wrong. */
void x64_op_chktgt(struct x64 *c)
{
    struct emit *e = &c->e;

    if ((c->b->mode & CM_SIZE) != CM_64) {
        if (!(c->b->mode & CM_FLAT))
            check_limit(c);
        return;
    }
    if (c->target_rax)
        return;
    x64_flags_clobber(c);
    x64_ld(c, X_ADDR, c->o->a, c->o->w);
    e_mov_rr(e, 8, X_ENT, X_ADDR);
    e_shift_imm(e, 4, 8, rm_reg(X_ENT), 16);
    e_shift_imm(e, 7, 8, rm_reg(X_ENT), 16);
    e_alu_rm_r(e, 7, 8, rm_reg(X_ENT), X_ADDR);
    x64_raise_if(c, CC_NZ, EXC_GP);
}

static void leave(struct x64 *c, const void *link)
{
    e_mov_imm(&c->e, X_RAX, (uint64_t)(uintptr_t)link);
    e_jmp(&c->e, c->j->t_exit);
}

/* A jump is always right while it stays in the page. An instruction near the page's end may
 * go on into the next one: such a target is looked up, as its mapping may change. */
static bool stays_in_page(const struct x64 *c, uint64_t rip)
{
    gva to = linear(c, rip);

    return to >> GUEST_PAGE_SHIFT == block_linear(c->b) >> GUEST_PAGE_SHIFT && !c->b->crosses &&
           (to & GUEST_PAGE_MASK) <= GUEST_PAGE_SIZE - INSN_MAX_LEN;
}

/* An exit to `rip`; the code for it comes in x64_links_emit. The caller sets `from`. */
static struct x64_link *new_exit(struct x64 *c, uint64_t rip)
{
    struct x64_link *k = calloc(1, sizeof(*k));

    if (!k) {
        c->unsupported = true;
        return NULL;
    }
    k->next = c->j->links;
    c->j->links = k;
    k->l.from = c->b;
    k->l.target_rip = rip;
    k->l.same_page = stays_in_page(c, rip);
    k->l.next_out = c->b->out;
    c->b->out = &k->l;
    return k;
}

/* ... taken when cc holds (cc < 0: always). */
static struct x64_link *new_link(struct x64 *c, uint64_t rip, int cc)
{
    struct x64_link *k = new_exit(c, rip);

    if (!k)
        return NULL;
    k->from = cc < 0 ? e_jmp_fwd(&c->e) : e_jcc_fwd(&c->e, (unsigned)cc);
    k->l.forward = rip > c->b->rip;
    return k;
}

void x64_jump_to(struct x64 *c, uint64_t rip, int cc)
{
    new_link(c, rip, cc);
}

/* The block goes on behind a branch that is not taken; what the taken way has to
 * put right (flags, the count) stands in its exit. */
void x64_op_side_exit(struct x64 *c)
{
    unsigned cc = x64_flags_cond(c, c->o->cc);
    struct x64_link *k = new_link(c, (uint64_t)c->o->imm, (int)cc);

    if (!k)
        return;
    k->save = c->hv & ~c->ev;
    k->undo = c->j->counting ? x64_undo(c) - 1 : 0;
}

/* An interrupt or NMI that waits is taken by the run loop. */
void x64_op_poll(struct x64 *c)
{
    struct emit *e = &c->e;
    uint8_t *none;

    x64_flags_sync(c);
    c->hv = 0;
    e_mov_r_rm(e, 4, X_RAX, rm_mem(X_RSP, ENV(intr_line)));
    e_alu_r_rm(e, 1, 4, X_RAX, rm_mem(X_RSP, ENV(nmi_line)));
    none = e_jcc_fwd(e, CC_Z);
    if (c->j->counting)
        x64_count(c, x64_undo(c) - 1, false);
    e_mov_rm_imm(e, 1, rm_mem(X_RSP, ENV(shadow)), 1);
    set_env(c, ENV_RIP, (uint64_t)c->o->imm);
    leave(c, NULL);
    e_patch_here(e, none);
}

/* The jump cache that targets in the half of `rip` are in. */
static struct x64_rm env_jc(uint64_t rip)
{
    return rm_mem(X_RSP, (int64_t)rip < 0 ? ENV(jc_hi) : ENV(jc));
}

/* Jump cache look-up of a constant target. */
static void cached_jump(struct x64 *c, uint64_t rip)
{
    struct emit *e = &c->e;
    int32_t off = (int32_t)(jc_index(linear(c, rip)) * sizeof(struct jc_entry));
    uint8_t *miss;

    if (key(c, rip)) {
        e_mov_r_rm(e, 8, X_ADDR, env_jc(rip));
        e_mov_imm(e, X_RAX, key(c, rip));
        e_alu_r_rm(e, 7, 8, X_RAX, rm_mem(X_ADDR, off));
        miss = e_jcc_fwd(e, CC_NZ);
        e_ins(e, 0xff, 4, 4, rm_mem(X_ADDR, off + (int32_t)offsetof(struct jc_entry, code)));
        e_patch_here(e, miss);
    }
    set_env(c, ENV_RIP, rip);
    leave(c, NULL);
}

/* One exit: the fix-ups of a side exit, then the chainable jump or the jump cache. */
static void link_emit(struct x64 *c, struct x64_link *k)
{
    struct emit *e = &c->e;

    k->l.patch = k->from;
    if (k->save || k->undo) {
        e_patch_here(e, k->from);
        if (k->save)
            x64_flags_save(c);
        if (k->undo)
            x64_count(c, k->undo, false);
        k->l.patch = k->l.same_page ? e_jmp_fwd(e) : NULL;
    }
    if (k->l.patch)
        e_patch_here(e, k->l.patch);
    k->stub = e_here(e);
    if (!k->l.same_page) {
        cached_jump(c, k->l.target_rip);
        return;
    }
    set_env(c, ENV_RIP, k->l.target_rip);
    leave(c, k);
}

void x64_links_emit(struct x64 *c)
{
    for (struct block_link *l = c->b->out; l; l = l->next_out)
        link_emit(c, (struct x64_link *)l);
    if (c->kick_from) {
        e_patch_here(&c->e, c->kick_from);
        if (c->budget_from) {
            uint8_t *over = e_jmp_fwd(&c->e);

            e_patch_here(&c->e, c->budget_from);
            e_alu_imm(&c->e, 0, 8, rm_mem(X_RSP, ENV(budget)), c->b->ninsn);
            e_patch_here(&c->e, over);
        }
        set_env(c, ENV_RIP, c->b->rip);
        leave(c, NULL);
    }
}

/* return_top is the byte offset of the newest; its low byte wraps as the ring does. */
_Static_assert(CPU_RETURNS * sizeof(struct cpu_return) == 256, "byte arithmetic on return_top");
#define ENV_TOP rm_mem(X_RSP, ENV(return_top))
#define ENV_RETURN(field)                                                                      \
    rm_idx(X_RSP, X_ADDR, 0, ENV(returns) + (int32_t)offsetof(struct cpu_return, field))

/* A call notes where its return goes on, as key and host code. The code's address is
 * loaded by a LEA that is patched like a jump: first to an exit of this block, then,
 * chained, to the block at the return address. */
static void push_return(struct x64 *c)
{
    struct emit *e = &c->e;
    uint64_t rip = (uint64_t)c->o->mem.disp;
    struct x64_link *k;

    if (((c->b->mode & CM_SIZE) == CM_64 && !cpu_canonical(rip)) || !key(c, rip))
        return; /* the RET is to fault, or for the run loop */
    e_movzx(e, 1, X_ADDR, ENV_TOP);
    e_alu_imm(e, 0, 1, rm_reg(X_ADDR), sizeof(struct cpu_return));
    e_mov_rm_r(e, 1, ENV_TOP, X_ADDR);
    e_mov_imm(e, X_ENT, key(c, rip));
    e_mov_rm_r(e, 8, ENV_RETURN(key), X_ENT);
    k = new_exit(c, rip);
    if (!k)
        return;
    k->from = e_lea_fwd(e, X_ENT);
    e_mov_rm_r(e, 8, ENV_RETURN(code), X_ENT);
}

/* The key of the target in rax, to X_ENT. */
static void target_key(struct x64 *c)
{
    e_mov_imm(&c->e, X_ENT, key(c, 0));
    e_alu_rm_r(&c->e, 6, 8, rm_reg(X_ENT), X_RAX);
}

/* RET: to the newest noted return if it is the one; rax = target. */
static void pop_return(struct x64 *c)
{
    struct emit *e = &c->e;
    uint8_t *miss;

    target_key(c);
    e_movzx(e, 1, X_ADDR, ENV_TOP);
    e_alu_r_rm(e, 7, 8, X_ENT, ENV_RETURN(key));
    miss = e_jcc_fwd(e, CC_NZ);
    e_alu_imm(e, 5, 1, ENV_TOP, sizeof(struct cpu_return));
    e_ins(e, 0xff, 4, 4, ENV_RETURN(code)); /* jmp */
    e_patch_here(e, miss);
}

/* X_ADDR = byte offset of the target in rax in the jump cache; uses X_ENT. */
static void hash_target(struct x64 *c)
{
    struct emit *e = &c->e;
    unsigned pc = X_RAX;

    if (!(c->b->mode & CM_CSBASE0)) {
        pc = X_ADDR;
        e_lea(e, 4, pc, rm_mem(X_RAX, (int32_t)c->b->cs_base));
    }
    if (c->j->hf & HF_BMI2) { /* rorx */
        e_vex(e, 3, 3, 4, 0xf0, X_ENT, 0, rm_reg(pc));
        e8(e, JC_FOLD);
    } else {
        e_mov_rr(e, 4, X_ENT, pc);
        e_shift_imm(e, 5, 4, rm_reg(X_ENT), JC_FOLD);
    }
    e_movzx(e, 1, X_ADDR, rm_reg(pc));
    e_alu_rm_r(e, 6, 4, rm_reg(X_ADDR), X_ENT);
    e_movzx(e, 2, X_ADDR, rm_reg(X_ADDR));
    e_shift_imm(e, 4, 4, rm_reg(X_ADDR), 4);
}
_Static_assert(JC_SLOTS == 256 && JC_SLOTS * JC_GROUPS == 65536,
               "bytes and words of hash_target");

/* A target that no look-up has compared with an address of code: RET and JMP raise #GP at the
 * instruction, RSP as before it. */
static void check_unknown(struct x64 *c)
{
    struct emit *e = &c->e;
    uint8_t *good;

    if (!c->target_rax || (c->b->mode & CM_SIZE) != CM_64)
        return;
    e_mov_rr(e, 8, X_ENT, X_RAX);
    e_shift_imm(e, 4, 8, rm_reg(X_ENT), 16);
    e_shift_imm(e, 7, 8, rm_reg(X_ENT), 16);
    e_alu_rm_r(e, 7, 8, rm_reg(X_ENT), X_RAX);
    good = e_jcc_fwd(e, CC_Z);
    if (c->target_pop)
        e_lea(e, 8, x64_rm(R_SP).base, rm_mem(x64_rm(R_SP).base, -c->target_pop));
    e_mov_imm(e, X_ADDR, EXC_GP);
    e_call(e, c->j->t_raise);
    x64_site_here(c, x64_undo(c), 0, c->rip);
    e_patch_here(e, good);
}

/* Can the target of the final JMPR be one without a key? */
static bool may_lack_key(const struct x64 *c)
{
    const struct ir *o = c->o;

    if (c->b->mode & CM_CSBASE0)
        return false;
    while (o > c->b->ops && o->op != IR_INSN && !(o->op == IR_MOVZX && o->d == c->o->a))
        o--;
    return o->op != IR_MOVZX || o->aw > 2;
}

/* Indirect jump: the jump cache at jc_index(target). One into the other half is left to the run
 * loop: that is no look-up that misses often. */
static void jump_reg(struct x64 *c)
{
    struct emit *e = &c->e;
    uint8_t *miss, *no_key = NULL;

    if (c->o->attr & IRA_CALLHINT) /* the target waits in a temp that this leaves alone */
        push_return(c);
    if (!c->target_rax)
        x64_ld(c, X_RAX, c->o->a, 8);
    if (may_lack_key(c)) {
        e_mov_rr(e, 8, X_ENT, X_RAX);
        e_shift_imm(e, 5, 8, rm_reg(X_ENT), 16);
        no_key = e_jcc_fwd(e, CC_NZ);
    }
    if (c->o->attr & IRA_RETHINT)
        pop_return(c);
    hash_target(c);
    e_alu_r_rm(e, 0, 8, X_ADDR, env_jc(c->b->rip));
    target_key(c);
    e_alu_r_rm(e, 7, 8, X_ENT, rm_mem(X_ADDR, 0));
    miss = e_jcc_fwd(e, CC_NZ);
    e_ins(e, 0xff, 4, 4, rm_mem(X_ADDR, offsetof(struct jc_entry, code)));
    e_patch_here(e, miss);
    if (no_key)
        e_patch_here(e, no_key);
    check_unknown(c);
    e_mov_rm_r(e, 8, ENV_RIP, X_RAX);
    leave(c, NULL);
}

/* The target of RET and of an indirect JMP goes from its load to the jump in rax, and its check
 * for canonical form to the case that no look-up finds it. */
bool x64_target_begin(struct x64 *c)
{
    const struct ir *o = c->o, *n = o + 1, *end = c->b->ops + c->b->nops - 1;

    if ((c->b->mode & CM_SIZE) != CM_64 || o->d != IR_T0 || o->w != 8 || end->op != IR_JMPR ||
        end->a != IR_T0 || end->attr & IRA_CALLHINT)
        return false;
    c->target_pop = 0;
    if (n->op == IR_CHKTGT && n->a == IR_T0)
        n++;
    if (n->op == IR_LEA && n->d == R_SP && n->mem.base == R_SP && n->mem.index == IR_NONE &&
        n->w == 8 && n->mem.asize == 8) {
        c->target_pop = (int32_t)n->mem.disp;
        n++;
    }
    if (n != end)
        return false;
    x64_flags_sync(c); /* takes rax */
    c->target_rax = true;
    return true;
}
_Static_assert(sizeof(struct jc_entry) == 16 && JC_SLOTS == 1 << (12 - JC_FOLD),
               "index arithmetic of jump_reg");

void x64_op_jump(struct x64 *c)
{
    const struct ir *o = c->o;
    struct x64_rm a;

    if (c->left) /* the call before has done it */
        return;
    x64_flags_sync(c);
    switch (o->op) {
    case IR_JCC:
        x64_jump_to(c, (uint64_t)o->imm, (int)x64_flags_cond(c, o->cc));
        x64_jump_to(c, (uint64_t)o->mem.disp, -1);
        break;
    case IR_JRZ:
    case IR_JRNZ:
        a = x64_rm(o->a);
        if (a.mem)
            e_alu_imm(&c->e, 7, o->w, a, 0);
        else
            e_test_rm_r(&c->e, o->w, a, a.base);
        x64_jump_to(c, (uint64_t)o->imm, o->op == IR_JRZ ? CC_Z : CC_NZ);
        x64_jump_to(c, (uint64_t)o->mem.disp, -1);
        break;
    case IR_JMPR: jump_reg(c); break;
    case IR_EXIT:
        e_mov_r_rm(&c->e, 8, X_RAX, rm_mem(X_RSP, ENV(next_rip)));
        e_mov_rm_r(&c->e, 8, ENV_RIP, X_RAX);
        leave(c, NULL);
        break;
    default:
        if (o->attr & IRA_CALLHINT)
            push_return(c);
        x64_jump_to(c, (uint64_t)o->imm, -1);
        break;
    }
}

/* A block may be left before it starts: somebody wants the run loop, or the budget ends in it.
 * Chained jumps to higher addresses skip the look at `kick`: every loop has one to a lower
 * address, or an indirect one. */
void x64_block_head(struct x64 *c)
{
    struct emit *e = &c->e;
    const uint8_t *start = e->p;

    e_alu_imm(e, 7, 4, rm_mem(X_RSP, ENV(kick)), 0);
    c->kick_from = e_jcc_fwd(e, CC_NZ);
    if (c->j->counting) {
        e_alu_imm(e, 5, 8, rm_mem(X_RSP, ENV(budget)), c->b->ninsn);
        c->budget_from = e_jcc_fwd(e, CC_S);
        e_alu_imm(e, 0, 8, rm_mem(X_RSP, ENV(icount)), c->b->ninsn);
    }
    c->b->unchecked = c->j->counting ? 0 : (uint8_t)(e->p - start);
}
