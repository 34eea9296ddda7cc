/* SPDX-License-Identifier: MIT */
#include "tests/oracle/compare.h"

#include <string.h>

#include "cpu/insn.h"
#include "tests/oracle/mem.h"
#include "tests/oracle/vendor.h"

/* RFLAGS that are compared: arithmetic, DF, IOPL, NT, AC, ID. IF is the host's own, RF
 * and TF come and go with faults. */
#define FLAGS_MASK (0x0cd5ull | 0x3000 | 0x4000 | 0x40000 | 0x200000)
enum {
    FX_FCW = 0,
    FX_FSW = 2,
    FX_FTW = 4,
    FX_FOP = 6,
    FX_FIP = 8,
    FX_FDP = 16,
    FX_MXCSR = 24,
    FX_ST = 32,
    FX_XMM = 160
};
enum { VEC_PF = 14, PF_PRESENT = 1 };
/* Linux reports every user access from here on as a protection fault. */
#define TASK_SIZE 0x7ffffffff000ull

/* Flags defined where `want` ended. */
static uint64_t flags_mask(const struct orc_case *c, const struct orc_state *want)
{
    uint64_t off = want->rip - c->rip;
    uint16_t any = c->exit_undef;

    for (unsigned i = 0; i < c->nexits; i++) {
        if (want->vector == ORC_NO_FAULT && off == c->exit[i])
            return FLAGS_MASK & ~(uint64_t)c->exit_undef;
    }
    for (unsigned i = 0; i < c->ninsns; i++) {
        if (off == c->insn[i].off)
            return FLAGS_MASK & ~(uint64_t)c->insn[i].undef;
        any |= c->insn[i].undef;
    }
    return FLAGS_MASK & ~(uint64_t)any; /* it jumped out of the case */
}

static bool same_fault(const struct orc_state *a, const struct orc_state *b,
                       const struct vendor_mask *m)
{
    uint64_t cr2 = (a->cr2 ^ b->cr2) & ~m->cr2;
    uint32_t ignore = 0;

    if (m->order && a->vector != ORC_NO_FAULT && b->vector != ORC_NO_FAULT)
        return true;
    if (a->vector != b->vector)
        return false;
    if (a->vector == ORC_NO_FAULT)
        return true;
    if (a->vector == VEC_PF && a->cr2 >= TASK_SIZE)
        ignore = PF_PRESENT;
    return !((a->error ^ b->error) & ~ignore) && !cr2;
}

static bool ignored(const struct orc_case *c, uint64_t addr)
{
    for (unsigned i = 0; i < c->nignores; i++) {
        if (addr - c->ignore[i].addr < c->ignore[i].len)
            return true;
    }
    return false;
}

/* Bytes of line `index` at the end: as collected, or the pattern's. */
static const uint8_t *line_bytes(const struct orc_state *s, unsigned index)
{
    uint64_t off = orc_mem_line_addr(index) - ORC_BASE;

    for (unsigned i = 0; i < s->nlines; i++) {
        if (s->line[i].index == index)
            return s->line[i].bytes;
    }
    return orc_mem_pattern((unsigned)(off >> GUEST_PAGE_SHIFT)) + (off & GUEST_PAGE_MASK);
}

/* Counts the lines that differ, printing each when f is not NULL. */
static unsigned diff_line(const struct orc_case *c, unsigned index,
                          const struct orc_state *want, const struct orc_state *got, FILE *f)
{
    const uint8_t *a = line_bytes(want, index), *b = line_bytes(got, index);
    uint64_t addr = orc_mem_line_addr(index);
    unsigned bad = 0;

    for (unsigned k = 0; k < ORC_LINE; k++) {
        if (a[k] == b[k] || ignored(c, addr + k))
            continue;
        if (f && bad < 8)
            fprintf(f, "  [%08llx] want %02x got %02x\n", (unsigned long long)addr + k, a[k],
                    b[k]);
        bad++;
    }
    return bad;
}

static bool same_memory(const struct orc_case *c, const struct orc_state *want,
                        const struct orc_state *got, FILE *f)
{
    unsigned bad = 0;

    if (LIKELY(want->nlines == got->nlines &&
               !memcmp(want->line, got->line, want->nlines * sizeof(want->line[0]))))
        return want->overflow == got->overflow;
    for (unsigned i = 0; i < want->nlines; i++)
        bad += diff_line(c, want->line[i].index, want, got, f);
    if (want->overflow || got->overflow)
        return !bad;
    for (unsigned i = 0; i < got->nlines; i++) {
        bool seen = false;

        for (unsigned k = 0; k < want->nlines && !seen; k++)
            seen = want->line[k].index == got->line[i].index;
        if (!seen)
            bad += diff_line(c, got->line[i].index, want, got, f);
    }
    return !bad;
}

void print_memory_diff(FILE *f, const struct orc_case *c, const struct orc_state *want,
                       const struct orc_state *got)
{
    same_memory(c, want, got, f);
}

static bool same_x87(const uint8_t *a, const uint8_t *b, uint16_t fsw_ignore)
{
    uint16_t x, y;

    memcpy(&x, a + FX_FSW, 2);
    memcpy(&y, b + FX_FSW, 2);
    if ((x ^ y) & ~fsw_ignore || memcmp(a + FX_FCW, b + FX_FCW, 2) || a[FX_FTW] != b[FX_FTW])
        return false;
    for (unsigned i = 0; i < 8; i++) {
        if (memcmp(a + FX_ST + 16 * i, b + FX_ST + 16 * i, 10))
            return false;
    }
    return true;
}

/* The case raised an unmasked x87 exception: only then are FOP, FIP and FDP defined for
 * every vendor (without one Zen keeps zeros). */
static bool raised_x87(const struct orc_case *c, const struct orc_state *want)
{
    return want->fx[FX_FSW] & 0x80 && !(c->fx[FX_FSW] & 0x80);
}

unsigned compare_states(const struct orc_case *c, const struct orc_state *want,
                        const struct orc_state *got, const struct compare_opts *o)
{
    struct vendor_mask m;
    unsigned d = 0;

    if (want->status != got->status)
        return DIFF_STATUS;
    if (want->status != ORC_DONE)
        return 0;
    vendor_mask(&m, c, want,
                want->vector == ORC_NO_FAULT ? (unsigned)I_NONE
                                             : compare_culprit(c, want, want));
    if (!same_fault(want, got, &m))
        d |= DIFF_FAULT;
    if (want->rip != got->rip)
        d |= DIFF_RIP;
    if (memcmp(want->gpr, got->gpr, sizeof(want->gpr)))
        d |= DIFF_GPR;
    if ((want->rflags ^ got->rflags) & flags_mask(c, want) & ~(uint64_t)m.rflags)
        d |= DIFF_FLAGS;
    if (memcmp(want->fx + FX_XMM, got->fx + FX_XMM, 256) ||
        memcmp(want->ymm, got->ymm, sizeof(want->ymm)))
        d |= DIFF_XMM;
    if (memcmp(want->fx + FX_MXCSR, got->fx + FX_MXCSR, 4))
        d |= DIFF_MXCSR;
    if (!m.x87 && !same_x87(want->fx, got->fx, m.fsw))
        d |= DIFF_X87;
    if ((o->x87_pointers || raised_x87(c, want)) &&
        memcmp(want->fx + FX_FOP, got->fx + FX_FOP, 18))
        d |= DIFF_X87PTR;
    if (!m.memory && !same_memory(c, want, got, NULL))
        d |= DIFF_MEM;
    return d;
}

unsigned compare_culprit(const struct orc_case *c, const struct orc_state *want,
                         const struct orc_state *got)
{
    const struct orc_state *s = got->vector != ORC_NO_FAULT ? got : want;

    for (unsigned i = 0; i < c->ninsns; i++) {
        if (s->rip - c->rip == c->insn[i].off && s->vector != ORC_NO_FAULT)
            return c->insn[i].id;
    }
    return c->ninsns ? c->insn[c->ninsns - 1].id : I_NONE;
}

const char *compare_kinds(unsigned diff, char *buf)
{
    static const char *const name[] = {"status", "fault", "rip",   "gpr", "flags",
                                       "mem",    "xmm",   "mxcsr", "x87", "x87ptr"};
    char *p = buf;

    *p = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(name); i++) {
        if (diff >> i & 1)
            p += sprintf(p, "%s%s", p == buf ? "" : ",", name[i]);
    }
    return buf;
}
