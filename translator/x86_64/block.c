/* SPDX-License-Identifier: MIT
 * Compilation of one block, the table of places where a fault may surface, and
 * the interface of translator/jit.h. */
#include "translator/x86_64/x64.h"

#include <assert.h>
#include <string.h>

#include "softmmu/log.h"

/* Code that one op may need at most, slow path included. */
#define OP_BYTES 512

static bool grow(void **v, size_t n, size_t *cap, size_t size)
{
    size_t want = *cap ? *cap * 2 : 1024;
    void *p;

    if (n < *cap)
        return true;
    p = realloc(*v, want * size);
    if (!p)
        return false;
    *v = p;
    *cap = want;
    return true;
}

uint16_t x64_undo(const struct x64 *c)
{
    return (uint16_t)(c->b->ninsn - c->insn);
}

void x64_site_here(struct x64 *c, uint16_t undo, uint32_t late, uint64_t rip)
{
    struct x64_sites *s = &c->j->sites;

    if (!grow((void **)&s->v, s->n, &s->cap, sizeof(*s->v))) {
        c->unsupported = true;
        return;
    }
    s->v[s->n++] = (struct x64_site){(uint32_t)(c->e.p - c->j->rw), undo, late, rip};
}

void x64_trap_add(struct x64 *c, const uint8_t *from, const uint8_t *to, bool fpe)
{
    struct x64_traps *t = &c->j->traps;
    const uint8_t *rw = c->j->rw;

    if (!grow((void **)&t->v, t->n, &t->cap, sizeof(*t->v))) {
        c->unsupported = true;
        return;
    }
    t->v[t->n++] = (struct x64_trap){(uint32_t)(from - rw), (uint32_t)(to - rw),
                                     (uint32_t)(c->e.p - rw), fpe};
}

struct x64_slow *x64_slow_new(struct x64 *c, enum x64_slow_kind kind)
{
    struct x64_slow *s = &c->slow[c->nslow++];

    assert(c->nslow <= X64_MAX_SLOW);
    memset(s, 0, sizeof(*s));
    s->kind = (uint8_t)kind;
    s->undo = x64_undo(c);
    s->late = c->late;
    s->rip = c->rip;
    s->slots = c->access[c->i].slots;
    return s;
}

static void op_insn(struct x64 *c)
{
    if (c->next_rip != UINT64_MAX) /* not the first */
        c->insn++;
    c->rip = (uint64_t)c->o->imm;
    c->next_rip = c->rip + c->o->aw;
    if ((c->b->mode & CM_SIZE) != CM_64)
        c->next_rip = (uint32_t)c->next_rip;
}

typedef void op_fn(struct x64 *c);
static op_fn *const emitters[IR_OP_COUNT] = {
    [IR_INSN] = op_insn,         [IR_MOV] = x64_op_mov,       [IR_MOVZX] = x64_op_extend,
    [IR_MOVSX] = x64_op_extend,  [IR_LEA] = x64_op_lea,       [IR_ADD] = x64_op_alu,
    [IR_ADC] = x64_op_alu,       [IR_SUB] = x64_op_alu,       [IR_SBB] = x64_op_alu,
    [IR_AND] = x64_op_alu,       [IR_OR] = x64_op_alu,        [IR_XOR] = x64_op_alu,
    [IR_CMP] = x64_op_alu,       [IR_TEST] = x64_op_alu,      [IR_INC] = x64_op_unary,
    [IR_DEC] = x64_op_unary,     [IR_NEG] = x64_op_unary,     [IR_NOT] = x64_op_unary,
    [IR_SHL] = x64_op_shift,     [IR_SHR] = x64_op_shift,     [IR_SAR] = x64_op_shift,
    [IR_ROL] = x64_op_shift,     [IR_ROR] = x64_op_shift,     [IR_RCL] = x64_op_shift,
    [IR_RCR] = x64_op_shift,     [IR_SHLD] = x64_op_shiftd,   [IR_SHRD] = x64_op_shiftd,
    [IR_MUL] = x64_op_mul,       [IR_IMUL1] = x64_op_mul,     [IR_IMUL] = x64_op_imul,
    [IR_DIV] = x64_op_div,       [IR_IDIV] = x64_op_div,      [IR_BT] = x64_op_bt,
    [IR_BTS] = x64_op_bt,        [IR_BTR] = x64_op_bt,        [IR_BTC] = x64_op_bt,
    [IR_BSF] = x64_op_scan,      [IR_BSR] = x64_op_scan,      [IR_TZCNT] = x64_op_count,
    [IR_LZCNT] = x64_op_count,   [IR_POPCNT] = x64_op_count,  [IR_BSWAP] = x64_op_bswap,
    [IR_XCHG] = x64_op_xchg,     [IR_XADD] = x64_op_xchg,     [IR_CMPXCHG] = x64_op_cmpxchg,
    [IR_SETCC] = x64_op_setcc,   [IR_CMOVCC] = x64_op_cmovcc, [IR_CLC] = x64_op_flagop,
    [IR_STC] = x64_op_flagop,    [IR_CMC] = x64_op_flagop,    [IR_LAHF] = x64_op_flagop,
    [IR_SAHF] = x64_op_flagop,   [IR_LDENV] = x64_op_env,     [IR_STENV] = x64_op_env,
    [IR_CHKTGT] = x64_op_chktgt, [IR_PROBE] = x64_op_probe,   [IR_CALL] = x64_op_call,
    [IR_X87] = x64_op_x87,       [IR_RAISE] = x64_op_raise,   [IR_VEC] = x64_op_vec,
    [IR_JMP] = x64_op_jump,      [IR_JCC] = x64_op_jump,      [IR_JRZ] = x64_op_jump,
    [IR_JRNZ] = x64_op_jump,     [IR_ANDN] = x64_op_bmi,      [IR_BLSR] = x64_op_bmi,
    [IR_BLSMSK] = x64_op_bmi,    [IR_BLSI] = x64_op_bmi,      [IR_BZHI] = x64_op_bmi,
    [IR_BEXTR] = x64_op_bmi,     [IR_PEXT] = x64_op_bmi,      [IR_PDEP] = x64_op_bmi,
    [IR_SHLX] = x64_op_bmi,      [IR_SARX] = x64_op_bmi,      [IR_SHRX] = x64_op_bmi,
    [IR_RORX] = x64_op_bmi,      [IR_MULX] = x64_op_bmi,      [IR_ADCX] = x64_op_adx,
    [IR_ADOX] = x64_op_adx,      [IR_JMPR] = x64_op_jump,     [IR_EXIT] = x64_op_jump,
    [IR_BCC] = x64_op_side_exit, [IR_POLL] = x64_op_poll,
};

static void compile_ops(struct x64 *c)
{
    struct block *b = c->b;
    static const struct ir end = {.op = IR_JMP};

    x64_flags_analyse(c);
    x64_group_plan(c);
    x64_block_head(c);
    x64_flags_begin(c);
    for (c->i = 0; c->i < b->nops && !c->unsupported; c->i++) {
        c->o = &b->ops[c->i];
        if (!emitters[c->o->op]) {
            c->unsupported = true;
            break;
        }
        if (x64_flags_quiet(c->o))
            x64_flags_clobber(c);
        emitters[c->o->op](c);
    }
    if (!(ir_op_props((enum ir_op)b->ops[b->nops - 1].op) &
          P_END)) { /* falls out of the block */
        c->o = &end;
        x64_flags_sync(c);
        x64_jump_to(c, c->next_rip, -1);
    }
    for (unsigned i = 0; i < c->nslow; i++)
        x64_slow_emit(c, &c->slow[i]);
    x64_links_emit(c);
}

/* The links of a block that is gone stay allocated until the flush: its code may be running. */
static void forget_links(struct block *b)
{
    static struct block gone;

    for (struct block_link *l = b->out; l; l = l->next_out)
        l->to = &gone; /* never chained again, even if it is taken now */
    b->out = NULL;
}

static void free_links(struct jit *j)
{
    struct x64_link *k;

    while ((k = j->links)) {
        j->links = k->next;
        free(k);
    }
}

/* Code may be running right now (a helper asked for the flush): it is given up when the next
 * block is compiled. */
void jit_flush(struct jit *j)
{
    jit_forget_returns(j->cpu);
    j->flushed = true;
}

static void flush_now(struct jit *j)
{
    j->flushed = false;
    free_links(j);
    j->pos = j->first;
    j->sites.n = j->traps.n = j->lates.n = 0;
}

enum jit_result jit_compile(struct jit *j, struct block *b)
{
    size_t worst = (size_t)(b->nops + 8) * OP_BYTES, nsites, ntraps;
    struct x64 c = {.j = j, .b = b, .next_rip = UINT64_MAX, .rip = b->rip};

    assert(b->nops && b->nops <= IR_MAX_OPS);
    if (j->flushed)
        flush_now(j);
    nsites = j->sites.n;
    ntraps = j->traps.n;
    if (j->pos + worst > j->rw + j->size)
        return JIT_FULL;
    c.e = (struct emit){.p = j->pos, .end = j->rw + j->size, .rx = j->rx - j->rw};
    c.slow = j->room->slow;
    c.live = j->room->live;
    c.livef = j->room->livef;
    c.group = j->room->group;
    c.access = j->room->access;
    b->out = NULL;
    compile_ops(&c);
    if (c.unsupported) {
        j->sites.n = nsites;
        j->traps.n = ntraps;
        forget_links(b);
        return JIT_UNSUPPORTED;
    }
    b->code = j->pos + c.e.rx;
    b->code_size = (uint32_t)(c.e.p - j->pos);
    if (log_on(LOG_OUT_ASM))
        x64_disas_log(b, b->code, b->code_size);
    j->pos = j->rw + ((c.e.p - j->rw + 15) & ~15);
    return JIT_OK;
}

/* Writable address of a rel32 given by its place in the writable mapping, pointed at `target`
 * (running address). */
static void patch_link(struct jit *j, struct block_link *l, const uint8_t *target)
{
    int32_t d = (int32_t)(target - (l->patch + (j->rx - j->rw) + 4));

    memcpy(l->patch, &d, 4);
}

void jit_chain(struct jit *j, struct block_link *l, struct block *to)
{
    if (l->to)
        jit_unchain(j, l);
    patch_link(j, l, (uint8_t *)to->code + (l->forward ? to->unchecked : 0));
    l->to = to;
    l->next_in = to->in;
    to->in = l;
}

void jit_unchain(struct jit *j, struct block_link *l)
{
    struct block_link **p;

    if (!l->to)
        return;
    for (p = &l->to->in; *p && *p != l; p = &(*p)->next_in)
        ;
    if (*p)
        *p = l->next_in;
    l->to = NULL;
    l->next_in = NULL;
    patch_link(j, l, ((struct x64_link *)l)->stub);
}

void jit_block_drop(struct jit *j, struct block *b)
{
    jit_forget_returns(j->cpu);
    while (b->in)
        jit_unchain(j, b->in);
    for (struct block_link *l = b->out; l; l = l->next_out)
        jit_unchain(j, l);
    forget_links(b);
}

void jit_get_stats(const struct jit *j, struct jit_stats *s)
{
    *s = (struct jit_stats){
        .code_used = (uint64_t)(j->pos - j->rw),
        .code_size = j->size,
        .segv_traps = j->trapped[0],
        .fpe_traps = j->trapped[1],
    };
}

static const struct x64_site *find_site(const struct jit *j, uint32_t off)
{
    size_t lo = 0, hi = j->sites.n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (j->sites.v[mid].off < off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < j->sites.n && j->sites.v[lo].off == off ? &j->sites.v[lo] : NULL;
}

void jit_restore(struct jit *j, struct cpu *cpu)
{
    const struct x64_site *s;

    if (!cpu->jit_ra)
        return;
    s = find_site(j, (uint32_t)(cpu->jit_ra - (uint64_t)(uintptr_t)j->rx));
    assert(s);
    cpu->jit_ra = 0;
    cpu->rip = s->rip;
    if (j->counting) {
        cpu->icount -= s->undo;
        cpu->budget += s->undo;
    }
    if (s->late)
        cpu->aflags = x64_late_compute(cpu, &j->lates.v[s->late - 1]);
}

void jit_enter(struct jit *j, struct cpu *cpu, struct block *b, struct block_link **last)
{
    typedef struct block_link *enter_fn(struct cpu * cpu, void *code);
    enter_fn *enter = (enter_fn *)(uintptr_t)(j->t_enter + (j->rx - j->rw));

    x64_trap_thread();
    *last = enter(cpu, b->code);
}

bool jit_mode_ok(uint16_t mode)
{
    return !(mode & (CM_AC | CM_STEP));
}

struct jit *jit_create(struct cpu *cpu, const struct jit_opts *o, struct err *e)
{
    struct jit *j = calloc(1, sizeof(*j));

    if (!j || !(j->room = malloc(sizeof(*j->room)))) {
        free(j);
        err_set(e, "out of memory for the translator");
        return NULL;
    }
    j->cpu = cpu;
    j->counting = o->counting;
    j->tlb = cpu->mmu.tlb != NULL;
    j->hf = x64_host_features() & ~o->host_off;
    j->ymm = (j->hf & HF_AVX) && cpu_has(cpu, IF_AVX);
    j->no_share = o->no_share;
    j->trap_noncanon = !o->check_noncanon;
    if (!x64_code_create(j, o->code_bytes ? o->code_bytes : 128u << 20, e)) {
        free(j->room);
        free(j);
        return NULL;
    }
    x64_thunks_emit(j);
    x64_trap_register(j);
    return j;
}

void jit_destroy(struct jit *j)
{
    if (!j)
        return;
    x64_trap_unregister(j);
    free_links(j);
    x64_code_destroy(j);
    free(j->sites.v);
    free(j->traps.v);
    free(j->lates.v);
    free(j->room);
    free(j);
}
