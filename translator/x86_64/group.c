/* SPDX-License-Identifier: MIT
 * Shared page checks. Accesses of a block whose addresses differ by constants (same values of
 * base and index; pushes, pops and pointer increments are followed) form a group. Its first
 * access, the leader, checks that the whole range of the group lies in one page and looks the
 * page up once; the others only test that r15 still holds what it found:
 *
 *      leader    lea r14, [lowest address] ; mov eax, r14d ; and eax, 4095
 *                cmp eax, 4096 - range ; ja careful
 *                (look-up as in mem.c) ; test r15, r15 ; jz careful
 *                mov [slot], r15         only if a member finds r15 used by others meanwhile
 *      member    mov r15, [slot]         only then
 *                test r15, r15 ; jz careful
 *      both      op [base + disp + r15]
 *
 * The careful way stands out of line: each access with a look-up of its own, slow path and
 * all, and r15 and the slot 0 after it, so that the members to come go the careful way too.
 * C code may drop table entries, so whatever calls it from out of line clears the slots in
 * use, and an op that calls it in line ends all groups. */
#include "translator/x86_64/x64.h"

#include <assert.h>
#include <string.h>

#define OPEN_MAX  8
#define RANGE_MAX 512 /* bytes; wider ones straddle pages too often */
#define SLOTS     ARRAY_SIZE(((struct cpu *)0)->jit_delta)
#define NO_SLOT   0xff

/* A register's value: one that has a number, plus a constant. */
struct value {
    uint32_t id;
    int64_t off;
};

struct key {
    uint32_t base, index;
    uint8_t scale;
};

struct plan {
    struct x64 *c;
    struct value reg[16];
    uint32_t next_id;
    struct {
        struct key key;
        uint16_t group;
        unsigned sides; /* side exits before it */
    } open[OPEN_MAX];
    unsigned nopen;
    unsigned sides; /* side exits so far */
};

static bool kept_reg(unsigned ref)
{
    return ref == IR_NONE || (ref < 16 && x64_pinned[ref] != X_NOREG);
}

static bool is_vec_trap(const struct ir *o)
{
    return o->op == IR_VEC && x64_vec_may_trap(o->ext);
}

/* Does the op leave r15 alone but for its own access, and call no C in line? */
static bool leaves_entry(const struct x64 *c, const struct ir *o)
{
    switch (o->op) {
    case IR_INSN:
    case IR_MOV:
    case IR_MOVZX:
    case IR_MOVSX:
    case IR_ADD:
    case IR_ADC:
    case IR_SUB:
    case IR_SBB:
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_CMP:
    case IR_TEST:
    case IR_INC:
    case IR_DEC:
    case IR_NEG:
    case IR_NOT:
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROL:
    case IR_ROR:
    case IR_RCL:
    case IR_RCR:
    case IR_SETCC: return !x64_is_h(o->d) && !x64_is_h(o->a);
    case IR_BCC: return true;
    case IR_IMUL: return o->a != IR_MEM || o->b == IR_IMM || o->b == o->d;
    case IR_LEA: return kept_reg(o->mem.index) && o->mem.disp == (int32_t)o->mem.disp;
    case IR_VEC: return x64_vec_plain(c, o);
    default: return false;
    }
}

/* Does the op call no C in line? */
static bool keeps_tables(const struct x64 *c, const struct ir *o)
{
    if (ir_has_mem(o) && o->mem.check)
        return false;
    switch (o->op) {
    case IR_VEC: return x64_vec_plain(c, o);
    case IR_POPCNT: return c->j->hf & HF_POPCNT;
    case IR_LEA:
    case IR_IMUL:
    case IR_MUL:
    case IR_IMUL1:
    case IR_SHLD:
    case IR_SHRD:
    case IR_BT:
    case IR_BTS:
    case IR_BTR:
    case IR_BTC:
    case IR_BSF:
    case IR_BSR:
    case IR_TZCNT:
    case IR_LZCNT:
    case IR_BSWAP:
    case IR_XCHG:
    case IR_XADD:
    case IR_CMPXCHG:
    case IR_CMOVCC:
    case IR_CLC:
    case IR_STC:
    case IR_CMC:
    case IR_LAHF:
    case IR_SAHF:
    case IR_LDENV:
    case IR_PROBE: return true;
    case IR_STENV: /* other tables, another view */
        return o->imm < ENV(mmu) || o->imm >= ENV(mmu) + (int32_t)sizeof(struct mmu);
    case IR_CHKTGT:
    case IR_RAISE: return true; /* C does not return */
    default: return leaves_entry(c, o) || x64_is_h(o->d) || x64_is_h(o->a);
    }
}

static unsigned access_size(const struct ir *o)
{
    return o->op == IR_MOVZX || o->op == IR_MOVSX ? o->aw : o->op == IR_SETCC ? 1 : o->w;
}

static bool is_write(const struct ir *o)
{
    if (o->op == IR_VEC)
        return o->attr & IRA_STORE;
    return o->d == IR_MEM && o->op != IR_CMP && o->op != IR_TEST;
}

static bool eligible(const struct x64 *c, const struct ir *o)
{
    const struct ir_mem *m = &o->mem;

    return ir_has_mem(o) && leaves_entry(c, o) && m->seg == IRSEG_NONE && m->asize == 8 &&
           !m->check && m->base < 16 && kept_reg(m->index) && m->disp > -(1 << 30) &&
           m->disp < 1 << 30;
}

static struct value fresh(struct plan *p)
{
    return (struct value){p->next_id++, 0};
}

static void set_reg(struct plan *p, unsigned ref, struct value v)
{
    if (x64_is_h(ref))
        ref -= IR_AH;
    if (ref < 16)
        p->reg[ref] = v;
}

static struct value plus(struct value v, int64_t n)
{
    v.off = (int64_t)((uint64_t)v.off + (uint64_t)n);
    return v;
}

/* Value that the op gives its destination. */
static struct value result(struct plan *p, const struct ir *o)
{
    if (o->w != 8 || o->d >= 16)
        return fresh(p);
    switch (o->op) {
    case IR_MOV: return o->a < 16 ? p->reg[o->a] : fresh(p);
    case IR_ADD: return o->a == IR_IMM ? plus(p->reg[o->d], o->imm) : fresh(p);
    case IR_SUB: return o->a == IR_IMM ? plus(p->reg[o->d], -o->imm) : fresh(p);
    case IR_INC: return plus(p->reg[o->d], 1);
    case IR_DEC: return plus(p->reg[o->d], -1);
    case IR_LEA:
        if (o->mem.base < 16 && o->mem.index == IR_NONE && o->mem.asize == 8)
            return plus(p->reg[o->mem.base], o->mem.disp);
        return fresh(p);
    default: return fresh(p);
    }
}

/* Follows what the op does to registers. */
static void track(struct plan *p, const struct ir *o)
{
    unsigned props = ir_op_props((enum ir_op)o->op);

    if (props & P_DW)
        set_reg(p, o->d, result(p, o));
    if (props & P_AW)
        set_reg(p, o->a, fresh(p));
    if (!(props & P_FIXED))
        return;
    for (unsigned r = 0; r < 16; r++)
        if (o->op != IR_VEC || r == R_CX)
            p->reg[r] = fresh(p);
    if (o->op == IR_VEC)
        for (unsigned k = 0; k < o->ext->nops; k++)
            if (o->ext->op[k].kind == OPND_GPR)
                set_reg(p, o->ext->op[k].reg, fresh(p));
}

/* A write may join a group of reads if it comes to run whenever they do: the leader then looks
 * into the table for writes. */
static struct x64_group *find_open(struct plan *p, const struct key *k, bool write, int64_t lo,
                                   int64_t hi)
{
    for (unsigned n = p->nopen; n-- > 0;) {
        struct x64_group *g = &p->c->group[p->open[n].group];

        if (memcmp(&p->open[n].key, k, sizeof(*k)) ||
            (write && !g->write && p->open[n].sides != p->sides))
            continue;
        if ((g->hi > hi ? g->hi : hi) - (g->lo < lo ? g->lo : lo) <= RANGE_MAX)
            return g;
    }
    return NULL;
}

static struct x64_group *new_group(struct plan *p, const struct key *k, bool write)
{
    struct x64 *c = p->c;
    struct x64_group *g = &c->group[c->ngroup];

    if (p->nopen == OPEN_MAX)
        memmove(p->open, p->open + 1, --p->nopen * sizeof(p->open[0]));
    p->open[p->nopen].key = *k;
    p->open[p->nopen].sides = p->sides;
    p->open[p->nopen++].group = (uint16_t)c->ngroup++;
    *g = (struct x64_group){.write = write, .slot = NO_SLOT};
    return g;
}

static void add_access(struct plan *p, const struct ir *o, unsigned i)
{
    const struct ir_mem *m = &o->mem;
    struct x64_access *a = &p->c->access[i];
    struct value b = p->reg[m->base], x = {UINT32_MAX, 0};
    struct x64_group *g;
    struct key k;
    int64_t rel, end;

    if (m->index != IR_NONE)
        x = p->reg[m->index];
    memset(&k, 0, sizeof(k));
    k.base = b.id;
    k.index = x.id;
    k.scale = m->index != IR_NONE ? m->scale : 0;
    rel = plus(b, (int64_t)((uint64_t)x.off << k.scale)).off;
    rel = (int64_t)((uint64_t)rel + (uint64_t)m->disp);
    if (rel > 1 << 30 || rel < -(1 << 30))
        return;
    end = rel + access_size(o);
    g = find_open(p, &k, is_write(o), rel, end);
    if (!g) {
        g = new_group(p, &k, is_write(o));
        g->lead = i;
        g->lo = rel;
        g->hi = end;
    }
    g->lo = rel < g->lo ? rel : g->lo;
    g->hi = end > g->hi ? end : g->hi;
    g->last = i;
    g->write |= is_write(o);
    a->group = (uint16_t)(g - p->c->group);
    a->rel = (int32_t)rel;
}

/* Where r15 is trusted, and which groups need a slot. */
static void plan_entry(struct x64 *c, uint32_t *needs)
{
    unsigned cur = NO_GROUP, prev = 0;

    for (unsigned i = 0; i < c->b->nops; i++) {
        const struct ir *o = &c->b->ops[i];
        struct x64_access *a = &c->access[i];

        if (a->group != NO_GROUP && c->group[a->group].lead == c->group[a->group].last)
            a->group = NO_GROUP;
        if (a->group != NO_GROUP && cur == a->group) {
            a->trust = true;
            c->access[prev].keep = true;
        } else if (a->group != NO_GROUP && c->group[a->group].lead != i) {
            needs[a->group / 32] |= 1u << (a->group & 31);
        }
        if (!leaves_entry(c, o) || is_vec_trap(o))
            cur = NO_GROUP;
        else if (ir_has_mem(o))
            cur = a->group;
        if (a->group != NO_GROUP)
            prev = i;
    }
}

/* Slots in the order of the leaders; a group that finds none is dissolved. */
static void plan_slots(struct x64 *c, const uint32_t *needs)
{
    unsigned used = 0;

    for (unsigned i = 0; i < c->b->nops; i++) {
        struct x64_access *a = &c->access[i];
        struct x64_group *g = a->group != NO_GROUP ? &c->group[a->group] : NULL;

        if (g && g->lead == i && (needs[a->group / 32] >> (a->group & 31) & 1)) {
            unsigned s = 0;

            while (s < SLOTS && (used >> s & 1))
                s++;
            g->dissolved = s == SLOTS;
            if (!g->dissolved) {
                g->slot = (uint8_t)s;
                used |= 1u << s;
            }
        }
        if (g && g->last == i && g->slot != NO_SLOT)
            used &= ~(1u << g->slot);
        if (g && g->dissolved)
            a->group = NO_GROUP;
        a->slots = (uint8_t)used;
    }
}

void x64_group_plan(struct x64 *c)
{
    struct plan p = {.c = c, .next_id = 16};
    uint32_t needs[IR_MAX_OPS / 32 + 1] = {0};

    for (unsigned i = 0; i < c->b->nops; i++)
        c->access[i] = (struct x64_access){.group = NO_GROUP};
    c->ngroup = 0;
    if (c->j->tlb || !c->j->trap_noncanon || c->j->no_share || (c->b->mode & CM_SIZE) != CM_64)
        return;
    for (unsigned r = 0; r < 16; r++)
        p.reg[r].id = r;
    for (unsigned i = 0; i < c->b->nops; i++) {
        const struct ir *o = &c->b->ops[i];

        if (eligible(c, o))
            add_access(&p, o, i);
        if (!keeps_tables(c, o))
            p.nopen = 0;
        track(&p, o);
        p.sides += o->op == IR_BCC;
    }
    if (!c->ngroup)
        return;
    plan_entry(c, needs);
    plan_slots(c, needs);
}

static struct x64_rm slot_rm(unsigned slot)
{
    return rm_mem(X_RSP, ENV(jit_delta) + (int32_t)slot * 8);
}

/* Own address to r14. */
static void own_address(struct x64 *c, const struct ir_mem *m, int64_t more)
{
    struct ir_mem t = *m;

    t.disp += more;
    x64_lea(c, &t, X_ADDR);
}

static void branch_careful(struct x64 *c, struct x64_slow *s, unsigned cc)
{
    s->from[s->nfrom++] = e_jcc_fwd(&c->e, cc);
}

static void lead(struct x64 *c, struct x64_slow *s, const struct x64_group *g, int64_t rel)
{
    struct emit *e = &c->e;

    own_address(c, &c->o->mem, g->lo - rel);
    if (g->hi - g->lo > 1) {
        e_mov_rr(e, 4, X_RAX, X_ADDR);
        e_alu_imm(e, 4, 4, rm_reg(X_RAX), GUEST_PAGE_SIZE - 1);
        e_alu_imm(e, 7, 4, rm_reg(X_RAX), GUEST_PAGE_SIZE - (int32_t)(g->hi - g->lo));
        branch_careful(c, s, CC_A);
    }
    x64_table_lookup(c, s, g->write);
    if (g->slot != NO_SLOT)
        e_mov_rm_r(e, 8, slot_rm(g->slot), X_ENT);
}

/* x64_mem_begin of an access that belongs to a group. */
void x64_group_begin(struct x64 *c, unsigned size, enum x64_slow_kind kind)
{
    const struct x64_access *a = &c->access[c->i];
    const struct x64_group *g = &c->group[a->group];
    const struct ir_mem *m = &c->o->mem;
    bool align = c->o->attr & IRA_ALIGN, leader = g->lead == c->i;
    bool direct = m->index == IR_NONE && x64_pinned[m->base] != X_NOREG && !is_vec_trap(c->o);
    struct x64_slow *s;

    assert(size == access_size(c->o) && (kind != SL_LOAD) == is_write(c->o));
    if (align) {
        own_address(c, m, 0);
        e_test_imm(&c->e, 1, rm_reg(X_ADDR), (int32_t)size - 1);
        x64_raise_if(c, CC_NZ, EXC_GP);
    }
    s = x64_slow_new(c, kind);
    s->size = (uint8_t)size;
    s->ss = ir_mem_is_stack(m);
    s->access = a;
    s->op = c->o;
    if (leader) {
        lead(c, s, g, a->rel);
    } else {
        if (!a->trust)
            e_mov_r_rm(&c->e, 8, X_ENT, slot_rm(g->slot));
        e_test_rm_r(&c->e, 8, rm_reg(X_ENT), X_ENT);
        branch_careful(c, s, CC_Z);
    }
    if (direct)
        c->e.alias = rm_idx(x64_pinned[m->base], X_ENT, 0, (int32_t)m->disp);
    else if (leader ? a->rel != g->lo : !align)
        own_address(c, m, 0);
    s->traps = true;
    s->start = c->e.p;
    c->cur = s;
}

void x64_group_clear(struct x64 *c, unsigned slots)
{
    for (unsigned n = 0; n < SLOTS; n++)
        if (slots >> n & 1)
            e_mov_rm_imm(&c->e, 8, slot_rm(n), 0);
}

/* The careful way: r14 and r15 as for an access by itself; *slow: places to go on in C. */
static void careful_lookup(struct x64 *c, struct x64_slow *s, struct x64_slow *slow)
{
    struct emit *e = &c->e;
    bool write = s->kind != SL_LOAD;

    slow->nfrom = 0;
    own_address(c, &s->op->mem, 0);
    if (s->size > 1) {
        e_lea(e, 4, X_RAX, rm_mem(X_ADDR, s->size - 1));
        e_alu_r_rm(e, 6, 4, X_RAX, rm_reg(X_ADDR));
        e8(e, 0xa9); /* test eax, imm32 */
        e32(e, GUEST_PAGE_SIZE);
        branch_careful(c, slow, CC_NZ);
    }
    c->o = s->op;
    c->force_canon = true;
    x64_table_lookup(c, slow, write);
    c->force_canon = false;
}

static void again(struct x64 *c, const struct x64_slow *s)
{
    if (s->kind == SL_LOAD && !s->access->keep) {
        e_jmp(&c->e, s->start);
        return;
    }
    x64_copy_access(c, s);
    if (s->access->keep)
        e_mov_imm(&c->e, X_ENT, 0);
    e_jmp(&c->e, s->end);
}

/* Out-of-line part of an access in a group; s->from are patched to it. */
void x64_group_slow(struct x64 *c, struct x64_slow *s)
{
    const struct x64_group *g = &c->group[s->access->group];
    struct x64_slow slow = {0};
    unsigned slots = s->access->slots;

    careful_lookup(c, s, &slow);
    x64_group_clear(c, slots & (g->slot != NO_SLOT ? 1u << g->slot : 0));
    again(c, s);
    for (unsigned i = 0; i < slow.nfrom; i++)
        e_patch_here(&c->e, slow.from[i]);
    x64_group_clear(c, slots);
    if (s->kind == SL_LOAD) {
        x64_call_thunk(c, s, c->j->t_load);
        x64_point_at_bounce(c);
        again(c, s);
        return;
    }
    if (s->kind == SL_RMW)
        x64_call_thunk(c, s, c->j->t_rmw);
    x64_point_at_bounce(c);
    x64_copy_access(c, s);
    x64_call_thunk(c, s, s->kind == SL_RMW ? c->j->t_commit : c->j->t_store);
    if (s->access->keep)
        e_mov_imm(&c->e, X_ENT, 0);
    e_jmp(&c->e, s->end);
}
