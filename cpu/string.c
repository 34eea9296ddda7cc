/* SPDX-License-Identifier: MIT
 * String instructions (SDM vol. 2 MOVS CMPS SCAS LODS STOS INS OUTS, REP).
 *
 * Every iteration commits its registers, so a fault leaves the state of the
 * completed ones and the instruction restarts. Runs inside one page go through
 * host pointers; their result is that of the element-by-element order also
 * where source and destination overlap. RFLAGS of CMPS and SCAS is written at the end only: the
 * SDM has a fault in a repeated one restore it. */
#include <string.h>

#include "cpu/sys_fns.h"

/* How many elements of the slow path run between looks at cpu->kick. */
#define SLOW_BATCH 64

struct str {
    struct cpu *cpu;
    unsigned id, size, seg; /* seg: of the source */
    unsigned asize;
    uint64_t amask;
    bool rep, until_equal; /* until_equal: REPNE */
    bool fast;             /* runs allowed */
    bool compared, stop;
    uint64_t a, b; /* last comparison */
};

/* --- registers and addresses --- */

static void add_reg(struct str *s, unsigned reg, uint64_t delta)
{
    uint64_t *r = &s->cpu->gpr[reg], v = *r + delta;

    *r = s->asize == 8 ? v : s->asize == 4 ? (uint32_t)v : (*r & ~0xffffull) | (v & 0xffff);
}

/* Moves an index register over n elements. */
static void advance(struct str *s, unsigned reg, uint64_t n)
{
    add_reg(s, reg, (uint64_t)s->cpu->df * s->size * n);
}

/* Whether accesses through seg need no checks beyond the linear address's. */
static bool unchecked(const struct str *s, unsigned seg)
{
    unsigned mode = s->cpu->mode;

    return (mode & CM_SIZE) == CM_64 || (mode & CM_FLAT && seg != SEG_FS && seg != SEG_GS);
}

static gva elem_va(struct str *s, unsigned seg, unsigned reg, bool write)
{
    uint64_t off = s->cpu->gpr[reg] & s->amask;

    if (!unchecked(s, seg))
        return seg_linear(s->cpu, seg, off, s->size, write);
    if ((s->cpu->mode & CM_SIZE) != CM_64)
        return (uint32_t)off;
    return seg == SEG_FS || seg == SEG_GS ? s->cpu->seg[seg].base + off : off;
}

static uint64_t load(struct str *s, unsigned seg, unsigned reg)
{
    return cpu_ld(s->cpu, elem_va(s, seg, reg, false), s->size);
}

static uint64_t accumulator(const struct str *s)
{
    return s->cpu->gpr[R_AX] & (s->size == 8 ? ~0ull : (1ull << s->size * 8) - 1);
}

static void set_accumulator(struct str *s, uint64_t v)
{
    uint64_t *r = &s->cpu->gpr[R_AX];

    if (s->size == 8 || s->size == 4)
        *r = v;
    else
        memcpy(r, &v, s->size);
}

static uint32_t compare_flags(const struct str *s)
{
    unsigned bits = s->size * 8;
    uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1, sign = 1ull << (bits - 1);
    uint64_t r = (s->a - s->b) & mask;

    return (s->a < s->b ? FL_CF : 0) | (__builtin_parity((unsigned)r & 0xff) ? 0 : FL_PF) |
           ((s->a ^ s->b ^ r) & FL_AF) | (r ? 0 : FL_ZF) | (r & sign ? FL_SF : 0) |
           ((s->a ^ s->b) & (s->a ^ r) & sign ? FL_OF : 0);
}

static void compared(struct str *s, uint64_t a, uint64_t b)
{
    s->a = a;
    s->b = b;
    s->compared = true;
    s->stop = s->rep && (a == b) == s->until_equal;
}

/* --- one element --- */

/* The destination is probed before the port is read: reading may have effects. */
static void one_ins(struct str *s)
{
    const struct cpu_hooks *h = &s->cpu->hooks;
    uint16_t port = (uint16_t)s->cpu->gpr[R_DX];
    uint64_t v = ~0ull;
    gva va;

    cpu_io_check(s->cpu, port, s->size);
    va = elem_va(s, SEG_ES, R_DI, true);
    cpu_probe_write(s->cpu, va, s->size);
    if (h->port_in)
        v = h->port_in(h->opaque, port, s->size);
    cpu_st(s->cpu, va, v, s->size);
    advance(s, R_DI, 1);
}

static void one_outs(struct str *s)
{
    const struct cpu_hooks *h = &s->cpu->hooks;
    uint16_t port = (uint16_t)s->cpu->gpr[R_DX];
    uint32_t v;

    cpu_io_check(s->cpu, port, s->size);
    v = (uint32_t)load(s, s->seg, R_SI);
    if (h->port_out)
        h->port_out(h->opaque, port, v, s->size);
    advance(s, R_SI, 1);
}

static void one(struct str *s)
{
    uint64_t v;

    switch (s->id) {
    case I_MOVS:
        v = load(s, s->seg, R_SI);
        cpu_st(s->cpu, elem_va(s, SEG_ES, R_DI, true), v, s->size);
        advance(s, R_SI, 1);
        advance(s, R_DI, 1);
        break;
    case I_CMPS:
        v = load(s, SEG_ES, R_DI); /* hosts load it first */
        compared(s, load(s, s->seg, R_SI), v);
        advance(s, R_SI, 1);
        advance(s, R_DI, 1);
        break;
    case I_SCAS:
        compared(s, accumulator(s), load(s, SEG_ES, R_DI));
        advance(s, R_DI, 1);
        break;
    case I_LODS:
        set_accumulator(s, load(s, s->seg, R_SI));
        advance(s, R_SI, 1);
        break;
    case I_STOS:
        cpu_st(s->cpu, elem_va(s, SEG_ES, R_DI, true), accumulator(s), s->size);
        advance(s, R_DI, 1);
        break;
    case I_INS: one_ins(s); break;
    default: one_outs(s); break;
    }
}

/* --- runs inside a page --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Elements from the index register on, in the direction of DF, that lie in one page and within
 * the segment and do not wrap; 0 when not even one does. *va: the first one's address. */
static uint64_t span(struct str *s, unsigned seg, unsigned reg, bool write, gva *va)
{
    const struct seg *sg = &s->cpu->seg[seg];
    uint64_t off = s->cpu->gpr[reg] & s->amask, in_page, n;

    *va = elem_va(s, seg, reg, write);
    in_page = *va & GUEST_PAGE_MASK;
    if (!cpu_canonical(*va) || in_page + s->size > GUEST_PAGE_SIZE)
        return 0;
    if (s->cpu->df < 0)
        return least(in_page / s->size, off / s->size) + 1;
    n = (GUEST_PAGE_SIZE - in_page) / s->size;
    if (s->asize != 8)
        n = least(n, (s->amask - off + 1) / s->size);
    if (unchecked(s, seg))
        return n;
    if ((sg->attr & (SA_CODE | SA_DC)) == SA_DC) /* expand-down: seg_linear knows */
        return 0;
    return least(n, ((uint64_t)sg->limit - off + 1) / s->size);
}

/* Host address of the byte at va for the current view, NULL: not plain memory. Raises #PF. */
static uint8_t *host(struct cpu *cpu, gva va, bool write)
{
    uint8_t *p = mmu_fast(&cpu->mmu, va, 1, write);
    struct mmu_fault f;

    if (LIKELY(p))
        return p;
    if (!mmu_host(&cpu->mmu, va, write ? MMU_WRITE : MMU_READ, (enum mmu_view)cpu->mmu.view, &p,
                  &f))
        cpu_raise_pf(cpu, &f);
    return p;
}

static inline uint64_t get(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

/* Element-wise copy in the direction of step: what overlapping operands need. */
static inline __attribute__((always_inline)) void
copy_loop(uint8_t *d, const uint8_t *p, uint64_t n, int64_t step, unsigned size)
{
    for (; n; n--, d += step, p += step) {
        uint64_t v = get(p, size);

        memcpy(d, &v, size);
    }
}

static void copy_elems(uint8_t *d, const uint8_t *p, uint64_t n, int64_t step, unsigned size)
{
    switch (size) {
    case 1: copy_loop(d, p, n, step, 1); break;
    case 2: copy_loop(d, p, n, step, 2); break;
    case 4: copy_loop(d, p, n, step, 4); break;
    default: copy_loop(d, p, n, step, 8); break;
    }
}

static void copy_run(uint8_t *d, const uint8_t *p, uint64_t n, int64_t dir, unsigned size)
{
    uint64_t bytes = n * size, gap = (uint64_t)(dir > 0 ? d - p : p - d);
    uint64_t back = dir > 0 ? 0 : bytes - size;

    if (gap - 1 >= bytes - 1) /* no element is read after being overwritten */
        memmove(d - back, p - back, bytes);
    else
        copy_elems(d, p, n, dir * (int64_t)size, size);
}

static inline __attribute__((always_inline)) void fill_loop(uint8_t *d, uint64_t v, uint64_t n,
                                                            unsigned size)
{
    for (; n; n--, d += size)
        memcpy(d, &v, size);
}

static void fill_run(uint8_t *d, uint64_t v, uint64_t n, int64_t dir, unsigned size)
{
    if (dir < 0)
        d -= (n - 1) * size;
    switch (size) {
    case 1: memset(d, (int)v, n); break;
    case 2: fill_loop(d, v, n, 2); break;
    case 4: fill_loop(d, v, n, 4); break;
    default: fill_loop(d, v, n, 8); break;
    }
}

/* Index of the first element whose equality with its partner is `equal`, or n - 1. bstep 0: p
 * is compared with one value. */
static inline __attribute__((always_inline)) uint64_t find_loop(const uint8_t *p,
                                                                const uint8_t *q, uint64_t n,
                                                                bool equal, int64_t pstep,
                                                                int64_t qstep, unsigned size)
{
    uint64_t i;

    for (i = 0; i + 1 < n; i++, p += pstep, q += qstep)
        if ((get(p, size) == get(q, size)) == equal)
            break;
    return i;
}

static uint64_t find_run(const uint8_t *p, const uint8_t *q, uint64_t n, bool equal,
                         int64_t pstep, int64_t qstep, unsigned size)
{
    switch (size) {
    case 1: return find_loop(p, q, n, equal, pstep, qstep, 1);
    case 2: return find_loop(p, q, n, equal, pstep, qstep, 2);
    case 4: return find_loop(p, q, n, equal, pstep, qstep, 4);
    default: return find_loop(p, q, n, equal, pstep, qstep, 8);
    }
}

static uint64_t run_movs(struct str *s, uint64_t count)
{
    gva from, to;
    uint64_t n = least(count, span(s, s->seg, R_SI, false, &from));
    uint8_t *p = n ? host(s->cpu, from, false) : NULL, *d;

    n = p ? least(n, span(s, SEG_ES, R_DI, true, &to)) : 0;
    d = n ? host(s->cpu, to, true) : NULL;
    if (!d)
        return 0;
    copy_run(d, p, n, s->cpu->df, s->size);
    advance(s, R_SI, n);
    advance(s, R_DI, n);
    return n;
}

static uint64_t run_stos(struct str *s, uint64_t count)
{
    gva to;
    uint64_t n = least(count, span(s, SEG_ES, R_DI, true, &to));
    uint8_t *d = n ? host(s->cpu, to, true) : NULL;

    if (!d)
        return 0;
    fill_run(d, accumulator(s), n, s->cpu->df, s->size);
    advance(s, R_DI, n);
    return n;
}

static uint64_t run_cmps(struct str *s, uint64_t count)
{
    int64_t step = s->cpu->df * (int64_t)s->size;
    gva va, vb;
    uint64_t i, n = least(count, span(s, SEG_ES, R_DI, false, &vb));
    const uint8_t *b = n ? host(s->cpu, vb, false) : NULL, *a;

    n = b ? least(n, span(s, s->seg, R_SI, false, &va)) : 0;
    a = n ? host(s->cpu, va, false) : NULL;
    if (!a)
        return 0;
    i = find_run(a, b, n, s->until_equal, step, step, s->size);
    compared(s, get(a + (int64_t)i * step, s->size), get(b + (int64_t)i * step, s->size));
    advance(s, R_SI, i + 1);
    advance(s, R_DI, i + 1);
    return i + 1;
}

static uint64_t run_scas(struct str *s, uint64_t count)
{
    int64_t step = s->cpu->df * (int64_t)s->size;
    gva vb;
    uint64_t i, v = accumulator(s), n = least(count, span(s, SEG_ES, R_DI, false, &vb));
    const uint8_t *b = n ? host(s->cpu, vb, false) : NULL;

    if (!b)
        return 0;
    i = find_run((const uint8_t *)&v, b, n, s->until_equal, 0, step, s->size);
    compared(s, v, get(b + (int64_t)i * step, s->size));
    advance(s, R_DI, i + 1);
    return i + 1;
}

/* Some iterations at once; 0 when only one() will do. */
static uint64_t run(struct str *s, uint64_t count)
{
    if (!s->fast)
        return 0;
    switch (s->id) {
    case I_MOVS: return run_movs(s, count);
    case I_STOS: return run_stos(s, count);
    case I_CMPS: return run_cmps(s, count);
    case I_SCAS: return run_scas(s, count);
    default: return 0;
    }
}

/* --- the instruction --- */

static void repeat(struct str *s)
{
    struct cpu *cpu = s->cpu;
    uint64_t count;
    unsigned slow = 0;

    while ((count = cpu->gpr[R_CX] & s->amask) != 0) {
        uint64_t n = run(s, count);

        if (n == 0) {
            one(s);
            n = 1;
            slow++;
        }
        add_reg(s, R_CX, -n);
        if (s->stop || count == n)
            break;
        /* Single-stepping and data breakpoints trap after the iteration. */
        if (cpu->eflags & FL_TF || cpu->exc.dr6 ||
            ((n > 1 || slow % SLOW_BATCH == 0) &&
             __atomic_load_n(&cpu->kick, __ATOMIC_RELAXED))) {
            cpu->next_rip = cpu->rip;
            break;
        }
    }
}

void string_exec(struct cpu *cpu, const struct insn *in)
{
    struct str s = {.cpu = cpu, .id = in->id, .seg = in->mem.seg, .asize = in->adsize};

    s.size = in->opcode & 1 ? in->opsize : 1;
    if ((in->id == I_INS || in->id == I_OUTS) && s.size == 8)
        s.size = 4;
    s.amask = s.asize == 8 ? ~0ull : s.asize == 4 ? 0xffffffff : 0xffff;
    s.rep = in->rep || in->repne;
    s.until_equal = in->repne;
    s.fast = !(cpu->mode & (CM_AC | CM_STEP)) && !(cpu->eflags & FL_TF);
    if (s.rep)
        repeat(&s);
    else
        one(&s);
    if (s.compared)
        cpu_set_aflags(cpu, compare_flags(&s));
}
