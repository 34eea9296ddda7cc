/* SPDX-License-Identifier: MIT
 * Cases: one instruction of each row in turn, or a random sequence with forward branches
 * and calls. */
#include "tests/oracle/gen.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/cpuid.h"
#include "tests/oracle/gen_int.h"

struct gen {
    struct gen_opts o;
    const struct insn_row **rows; /* usable; those of class k from first[k] on */
    unsigned nrows;
    unsigned first[5];
};

static bool usable(const struct gen_opts *o, const struct insn_row *row)
{
    unsigned reg_mask = row->match >> MTK_R_SHIFT & 0xff;

    if ((row->match & MTK_64W0) && (row->match & MTK_64W1))
        return false;
    if (!(o->features[row->feature / 64] >> (row->feature % 64) & 1))
        return false;
    /* MOV FS and MOV GS */
    if (row->opcode == 0x08e && (!(reg_mask & 0x10) || !(reg_mask & 0x20)))
        return false;
    return !gen_excluded(row->id);
}

struct gen *gen_create(const struct gen_opts *o)
{
    struct gen *g = calloc(1, sizeof(*g));
    size_t count;
    const struct insn_row *rows = insn_rows(&count);

    if (!g)
        return NULL;
    g->o = *o;
    g->rows = calloc(count, sizeof(*g->rows));
    for (unsigned k = 0; g->rows && k < 4; k++) {
        g->first[k] = g->nrows;
        for (size_t i = 0; i < count; i++) {
            if (insn_class(rows[i].id) == (enum insn_class)k && usable(o, &rows[i]))
                g->rows[g->nrows++] = &rows[i];
        }
    }
    g->first[4] = g->nrows;
    if (!g->nrows) {
        gen_destroy(g);
        return NULL;
    }
    return g;
}

void gen_destroy(struct gen *g)
{
    if (!g)
        return;
    free(g->rows);
    free(g);
}

unsigned gen_row_count(const struct gen *g)
{
    return g->nrows;
}

enum insn_id gen_row_id(const struct gen *g, uint64_t index)
{
    return g->rows[index % g->nrows]->id;
}

static enum value_style style_of(struct build *b, const struct insn_row *row)
{
    const char *name = insn_name(row->id);
    size_t n = strlen(name);

    if (insn_class(row->id) == IC_VEC && n > 3) {
        const char *end = name + n - 2;

        if (!strcmp(end, "ps") || !strcmp(end, "ss") || strstr(name, "ps2") ||
            strstr(name, "ss2"))
            return VS_F32;
        if (!strcmp(end, "pd") || !strcmp(end, "sd") || strstr(name, "pd2") ||
            strstr(name, "sd2"))
            return VS_F64;
    }
    return (enum value_style)rng_below(&b->r, VS_COUNT);
}

/* Where the code stands: anywhere, across its two pages, or (single instructions) cut
 * off by the end of the second (not when `whole`: vendors differ in UD0's length). */
static uint64_t choose_rip(struct build *b, bool whole)
{
    unsigned k = rng_below(&b->r, 100);

    if (k < 80)
        return ORC_CODE + rng_below(&b->r, 2) * 4096 + rng_below(&b->r, 4096 - ORC_CODE_MAX);
    if (k < 98 || b->seq || whole)
        return ORC_CODE + 4096 - 1 - rng_below(&b->r, b->seq ? 200 : 16);
    return ORC_HOLE1 - 1 - rng_below(&b->r, 8);
}

static void begin(struct build *b, struct orc_case *c, bool whole)
{
    memset(&c->seed, 0, offsetof(struct orc_case, code) - offsetof(struct orc_case, seed));
    c->nexits = 0;
    c->exit_undef = 0;
    c->ninsns = c->npatches = c->nignores = 0;
    c->blob_len = 0;
    b->c = c;
    c->rip = choose_rip(b, whole);
    c->rflags = 0x202 | (rng_next(&b->r) & FL_ARITH);
    if (rng_chance(&b->r, 150))
        c->rflags |= FL_DF;
}

/* UD2; the native side puts its own way out over it. */
static void add_exit(struct build *b, unsigned off)
{
    struct orc_case *c = b->c;

    memset(c->code + off, 0xcc, ORC_EXIT_LEN);
    c->code[off] = 0x0f;
    c->code[off + 1] = 0x0b;
    c->exit[c->nexits++] = (uint16_t)off;
}

static void finish(struct build *b)
{
    uint64_t v;

    for (unsigned i = 0; i < 16; i++) {
        if (b->reg[i] == RS_FREE)
            gen_reg_value(b, i, &v);
    }
    b->c->exit_undef = b->undef;
}

/* ---- single instructions ---- */

enum { FAR_EXIT = 96 };

static void make_single(struct build *b, const struct insn_row *row)
{
    struct orc_case *c = b->c;
    bool fp = insn_class(row->id) == IC_VEC || insn_class(row->id) == IC_X87;

    b->style = style_of(b, row);
    c->exit[1] = FAR_EXIT;
    gen_fx(b, c->fx,
           fp || row->id == I_FXSAVE || row->id == I_STMXCSR || rng_chance(&b->r, 50));
    gen_upper(b, c->ymm);
    for (unsigned tries = 0; tries < 50 && !gen_insn(b, row, false); tries++)
        ;
    memset(c->code + b->len, 0xcc, FAR_EXIT + ORC_EXIT_LEN - b->len);
    if (b->rel_size) {
        uint32_t disp = FAR_EXIT - b->len;

        memcpy(c->code + b->len - b->rel_size, &disp, b->rel_size);
    }
    add_exit(b, b->len);
    add_exit(b, FAR_EXIT);
    c->code_len = FAR_EXIT + ORC_EXIT_LEN;
}

/* ---- sequences ---- */

static void add_join(struct build *b)
{
    for (unsigned i = 0; i < ARRAY_SIZE(b->join); i++) {
        struct join *j = &b->join[i];

        if (j->size)
            continue;
        j->at = (uint16_t)(b->len - b->rel_size);
        j->size = b->rel_size;
        j->after = (uint8_t)(1 + rng_below(&b->r, 3));
        j->undef = b->undef;
        memcpy(j->version, b->version, sizeof(j->version));
        return;
    }
}

static void resolve_join(struct build *b, struct join *j)
{
    uint32_t disp = (uint32_t)(b->len - j->at - j->size);

    if (j->size == 1 && disp > 127)
        return; /* stays a branch to the next instruction */
    memcpy(b->c->code + j->at, &disp, j->size);
    j->size = 0;
    b->undef |= j->undef;
    for (unsigned i = 0; i < 16; i++) {
        if (b->version[i] != j->version[i])
            gen_dirty(b, i);
    }
}

static void step_joins(struct build *b, bool all)
{
    for (unsigned i = 0; i < ARRAY_SIZE(b->join); i++) {
        struct join *j = &b->join[i];

        if (!j->size)
            continue;
        if (all || --j->after == 0)
            resolve_join(b, j);
        if (all || !j->after)
            j->size = 0;
    }
}

static const struct insn_row *pick_row(const struct gen *g, struct build *b)
{
    static const uint8_t weight[2][4] = {{60, 12, 25, 3}, {17, 1, 80, 2}}; /* INT X87 VEC SYS */
    const uint8_t *w = weight[b->vectors];
    unsigned k = rng_below(&b->r, 100), class = 0;

    while (class < 3 && k >= w[class])
        k -= w[class ++];
    if (g->first[class] == g->first[class + 1])
        return g->rows[rng_below(&b->r, g->nrows)];
    return g->rows[g->first[class] + rng_below(&b->r, g->first[class + 1] - g->first[class])];
}

/* A raw instruction that the rows need not name. */
static void emit_fixed(struct build *b, enum insn_id id, const uint8_t *bytes, unsigned n)
{
    struct orc_case *c = b->c;

    if (c->ninsns < ORC_MAX_INSNS)
        c->insn[c->ninsns++] = (struct orc_insn){b->len, (uint16_t)n, (uint16_t)id, b->undef};
    gen_emit(b, bytes, n);
}

/* PUSH imm32; POPF: any flags but TF (100h) and AC (40000h). */
static void emit_popf(struct build *b)
{
    uint32_t fl = (uint32_t)rng_next(&b->r) & 0x7fffffff & ~0x40100u;
    uint8_t push[5] = {0x68}, popf = 0x9d;

    memcpy(push + 1, &fl, 4);
    if (!gen_good_stack(b, R_SP))
        gen_set_reg(b, R_SP, ORC_RW_B + 8 * rng_below(&b->r, 400));
    emit_fixed(b, I_PUSH, push, sizeof(push));
    emit_fixed(b, I_POPF, &popf, 1);
    b->undef = 0;
}

static bool body_row(const struct insn_row *row)
{
    return !(gen_rules(row->id) &
             (BRANCH | SINGLE | N_SP | W_SP | N_DI | N_SI | N_BX | N_BP)) &&
           row->id != I_POPF && !(row->match & MTK_REG);
}

/* What programs put between 256-bit code and legacy SSE, far more often than its row comes up. */
static void emit_vzeroupper(struct build *b)
{
    static const uint8_t bytes[3] = {0xc5, 0xf8, 0x77};

    if (cpu_host_has(CW_1_ECX, 28))
        emit_fixed(b, I_VZEROUPPER, bytes, sizeof(bytes));
}

/* CALL sub; JMP after; sub: register instructions; RET; after: */
static void emit_call(const struct gen *g, struct build *b)
{
    uint8_t call[5] = {0xe8, 5}, jmp[5] = {0xe9}, ret = 0xc3;
    uint64_t sp = ORC_RW_A + 256 + 8 * rng_below(&b->r, 800);
    unsigned jmp_at, n = rng_below(&b->r, 3);
    uint32_t disp, version;

    if (!gen_good_stack(b, R_SP))
        gen_set_reg(b, R_SP, sp);
    version = b->version[R_SP];
    emit_fixed(b, I_CALL, call, sizeof(call));
    jmp_at = b->len;
    emit_fixed(b, I_JMP, jmp, sizeof(jmp));
    for (unsigned i = 0; i < n; i++) {
        const struct insn_row *row = pick_row(g, b);

        if (body_row(row) && insn_class(row->id) != IC_SYS)
            gen_insn(b, row, true);
        if (b->version[R_SP] != version) { /* the body moved the stack */
            gen_set_reg(b, R_SP, sp);
            break;
        }
    }
    if (b->version[R_SP] == version)
        emit_fixed(b, I_RET, &ret, 1);
    disp = b->len - jmp_at - 5;
    memcpy(b->c->code + jmp_at + 1, &disp, 4);
    for (unsigned i = 0; i < b->c->ninsns; i++) {
        if (b->c->insn[i].off == jmp_at) /* runs after the body */
            b->c->insn[i].undef = b->undef;
    }
}

static void make_sequence(const struct gen *g, struct build *b)
{
    struct orc_case *c = b->c;
    unsigned n = 1 + rng_below(&b->r, 20);

    b->style = (enum value_style)rng_below(&b->r, VS_COUNT);
    b->vectors = g->first[IC_VEC] != g->first[IC_VEC + 1] && rng_chance(&b->r, 300);
    for (unsigned i = 0; i < n && c->ninsns < ORC_MAX_INSNS - 8 && b->len < ORC_CODE_MAX - 160;
         i++) {
        unsigned k = rng_below(&b->r, 100);
        const struct insn_row *row = pick_row(g, b);
        uint32_t rules = gen_rules(row->id);

        b->rel_size = 0;
        if (k == 0) {
            emit_call(g, b);
        } else if (b->vectors && k < 8) {
            emit_vzeroupper(b);
        } else if (row->id == I_POPF) {
            emit_popf(b);
        } else {
            if (rules & SINGLE || (row->attr & IA_CPL0 && k > 5) ||
                (rules & BRANCH && row->match & MT_RM))
                continue;
            if (insn_class(row->id) == IC_SYS && row->attr & IA_FAULTS && k > 40)
                continue;
            if (!gen_insn(b, row, false))
                continue;
            step_joins(b, false);
            if (b->rel_size)
                add_join(b);
        }
    }
    step_joins(b, true);
    gen_fx(b, c->fx, rng_chance(&b->r, 700));
    gen_upper(b, c->ymm);
    if (b->masked)
        c->fx[0] |= 0x3f;
    if (c->fx[2] & 0x80 &&
        (b->masked || rng_chance(&b->r, 700))) /* an x87 exception pending: rarely */
        memset(c->fx + 2, 0, 2);
    add_exit(b, b->len);
    c->code_len = (uint16_t)(b->len + ORC_EXIT_LEN);
}

void gen_case(const struct gen *g, struct orc_case *c, uint64_t seed, uint64_t index)
{
    const struct insn_row *row = g->rows[index % g->nrows];
    struct build b = {.seq = g->o.sequences};

    b.r.s = seed ^ (index + 1) * 0xd1342543de82ef95ull;
    rng_next(&b.r);
    begin(&b, c, row->attr & IA_EXT_UD);
    c->seed = seed;
    c->index = index;
    c->sequence = b.seq;
    if (b.seq)
        make_sequence(g, &b);
    else
        make_single(&b, row);
    finish(&b);
}
